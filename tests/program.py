# SPDX-License-Identifier: MIT
"""What the tests of programs share: one that runs, and how it is to end.

Whatever still runs after a test is killed. Nothing here asserts how long
something takes: TIMEOUT only ends what would hang for ever.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TIMEOUT = float(os.environ.get('BBQ_TEST_TIMEOUT', '120'))

OK, ERROR, USAGE = 0, 1, 2


def wait_for(condition, what):
    """condition()'s first true value."""
    end = time.monotonic() + TIMEOUT
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError('gave up waiting until ' + what)
        time.sleep(0.002)


class Program:
    """One that runs, its stdout and stderr in files of their own.

    A subclass has its name, which its messages begin with, and its path.
    """

    def __init__(self, directory, args, before=(), stdin=None, stdout=None,
                 stderr=None, **more):
        self.args = args
        self.out_file = tempfile.TemporaryFile(dir=directory)
        self.err_file = tempfile.TemporaryFile(dir=directory)
        self.process = subprocess.Popen(
            [*before, self.path, *args],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=self.out_file if stdout is None else stdout,
            stderr=self.err_file if stderr is None else stderr, **more)
        self.pid = self.process.pid

    def wait(self):
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AssertionError('%s %s does not end; it said: %r' % (
                self.name, ' '.join(self.args), self.err())) from None

    def alive(self):
        return self.process.poll() is None

    @staticmethod
    def read_all(file):
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), size, 0)

    def out(self):
        return self.read_all(self.out_file)

    def err(self):
        return self.read_all(self.err_file).decode(errors='backslashreplace')

    def close(self):
        self.out_file.close()
        self.err_file.close()


class TestCase(unittest.TestCase):
    """A subclass says its subject, a subclass of Program."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix=self.subject.name + '-')
        self.runs = []

    def tearDown(self):
        for run in self.runs:
            if run.alive():
                run.process.kill()
            run.process.wait()
            run.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name='file'):
        return os.path.join(self.directory, name)

    def start(self, *args, **more):
        run = self.subject(self.directory, [str(arg) for arg in args], **more)
        self.runs.append(run)
        return run

    def ends(self, run, status=OK, says=None):
        """It ends with this status, and says one such line, or nothing."""
        self.assertEqual(run.wait(), status, '%s said %r' % (
            ' '.join(run.args), run.err()))
        lines = run.err().splitlines()
        if says is None:
            self.assertEqual(lines, [], ' '.join(run.args))
            return
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(run.name + ': '), lines)
        self.assertIn(says, lines[0])


def main(program):
    if not os.access(program.path, os.X_OK):
        sys.exit('set %s to the %s to be tested' % (
            program.name.upper().replace('-', '_'), program.name))
    unittest.main(verbosity=2 if os.environ.get('BBQ_VERBOSE') else 1)
