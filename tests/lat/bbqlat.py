# SPDX-License-Identifier: MIT
"""What the tests of bbq-lat share: runs, and looks at their processes.

Whatever still runs after a test is killed. Nothing here asserts how long
something takes: TIMEOUT only ends what would hang for ever. Latencies are
compared with what the test itself has done (a process was stopped for no less
than so long), never with what a machine ought to do.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BBQ_LAT = os.environ.get('BBQ_LAT', 'bbq-lat')
TIMEOUT = float(os.environ.get('BBQ_TEST_TIMEOUT', '120'))

OK, ERROR, USAGE = 0, 1, 2
RIVALS = ('pipe', 'unix', 'slots')
PERCENTILES = {'p50': 500000, 'p90': 900000, 'p99': 990000, 'p99.9': 999000,
               'p99.99': 999900}


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


def stat(pid):
    """Name, state and parent of a process; None if there is none."""
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii') as file:
            head, rest = file.read().rsplit(')', 1)
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = rest.split()
    return head.split('(', 1)[1], fields[0], int(fields[1])


def gone(pid):
    found = stat(pid)
    return found is None or found[1] in 'ZX'


class Lat:
    """A running bbq-lat, its stdout and stderr in files of their own."""

    def __init__(self, directory, args, **more):
        self.args = [str(arg) for arg in args]
        self.out_file = tempfile.TemporaryFile(dir=directory)
        self.err_file = tempfile.TemporaryFile(dir=directory)
        more.setdefault('stdout', self.out_file)
        self.process = subprocess.Popen(
            [BBQ_LAT, *self.args], stdin=subprocess.DEVNULL,
            stderr=self.err_file, **more)
        self.pid = self.process.pid

    def wait(self):
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AssertionError('bbq-lat %s does not end; it said: %r' % (
                ' '.join(self.args), self.err())) from None

    def alive(self):
        return self.process.poll() is None

    @staticmethod
    def read_all(file):
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), size, 0).decode()

    def out(self):
        return self.read_all(self.out_file)

    def err(self):
        return self.read_all(self.err_file)

    def children(self):
        pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
        return [pid for pid in pids if (stat(pid) or ('', '', 0))[2] ==
                self.pid]

    def far(self, job):
        """The other process, once it is at this job: its name tells."""
        def look():
            if not self.alive():
                raise AssertionError('it has ended: %r' % self.err())
            for pid in self.children():
                if (stat(pid) or ('',))[0] == 'bbq-lat-' + job:
                    return pid
            return None
        return wait_for(look, 'the other process is at ' + job)


class TestCase(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='bbq-lat-')
        self.runs = []

    def tearDown(self):
        for run in self.runs:
            if run.alive():
                run.process.kill()
            run.process.wait()
            run.out_file.close()
            run.err_file.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name='plot.svg'):
        return os.path.join(self.directory, name)

    def lat(self, *args, **more):
        run = Lat(self.directory, args, **more)
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
        self.assertTrue(lines[0].startswith('bbq-lat: '), lines)
        self.assertIn(says, lines[0])
        self.assertEqual(run.out(), '')

    def text(self, *args, **more):
        run = self.lat(*args, **more)
        self.ends(run)
        return run.out()

    def report(self, *args, **more):
        """The JSON of a run, checked."""
        text = self.text('--json', *args, **more)
        self.assertEqual(text.count('\n'), 1)
        report = json.loads(text)
        for series in report['results'] + [report['floor']]:
            self.sane(series)
        self.assertEqual(report['noisy'], bool(report['noise']))
        return report

    def sane(self, series):
        """Percentiles are in order, and those of the histogram."""
        name, count = series['name'], series['count']
        self.assertGreater(count, 0, name)
        row = [series['min']] + [series[p] for p in PERCENTILES] + [
            series['max']]
        self.assertEqual(row, sorted(row), name)
        self.assertLessEqual(series['min'], series['mean'] + 0.05)
        self.assertLessEqual(series['mean'], series['max'] + 0.05)
        values = [value for value, _ in series['histogram']]
        self.assertEqual(values, sorted(set(values)))
        self.assertEqual(sum(n for _, n in series['histogram']), count, name)
        for percentile, per_million in PERCENTILES.items():
            rank = max(1, -(-count * per_million // 1000000))
            self.assertEqual(series[percentile], self.at(series, rank), name)

    @staticmethod
    def at(series, rank):
        for value, n in series['histogram']:
            rank -= n
            if rank <= 0:
                return min(value, series['max'])
        raise AssertionError('fewer than that')


def above(series, ns):
    """How many messages took longer."""
    return sum(n for value, n in series['histogram'] if value > ns)


def pause(pid, seconds):
    """Stop a process for no less than this."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: (stat(pid) or ('', 'Z'))[1] in 'TZ', 'it is stopped')
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def main():
    if not os.access(BBQ_LAT, os.X_OK):
        sys.exit('set BBQ_LAT to the bbq-lat to be tested')
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit('bbq-lat needs two processors, and so do its tests')
    unittest.main(verbosity=2 if os.environ.get('BBQ_VERBOSE') else 1)
