# SPDX-License-Identifier: MIT
"""What the tests of bbq-cat share: processes, names, looks into a segment.

Every test takes its queue names from self.name() and its processes from
self.cat(). A name that is left in /dev/shm fails the test.
"""
import contextlib
import hashlib
import itertools
import os
import random
import select
import signal
import struct
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))

import program
from program import ERROR, OK, TIMEOUT, USAGE, wait_for

BBQ_CAT = os.environ.get('BBQ_CAT', 'bbq-cat')
SHM = '/dev/shm'

PEER_DIED = 3
KINDS = ('uring', 'sync')
PAIRS = tuple(itertools.product(('auto',) + KINDS, repeat=2))
FIRST = ('send', 'recv', 'both')

root = unittest.skipUnless(os.geteuid() == 0, 'needs root')


def noise(size, seed=1):
    """size random bytes; fewer from the same seed are a prefix of more."""
    return random.Random(seed).randbytes((size + 3) // 4 * 4)[:size]


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Segment:
    """A look at a named segment from outside, as docs/format.md has it."""

    def __init__(self, name):
        self.path = os.path.join(SHM, name)

    def exists(self):
        return os.path.exists(self.path)

    def words(self, page, offset, form):
        """What lies at this offset of this page; None without a segment."""
        try:
            with open(self.path, 'rb') as file:
                head = os.pread(file.fileno(), 52, 0)
                if not head.startswith(b'libbbq\r\n'):
                    return None
                size = struct.unpack('<I', head[48:])[0]
                return struct.unpack(form, os.pread(
                    file.fileno(), struct.calcsize(form),
                    page * size + offset))
        except FileNotFoundError:
            return None

    def fill(self):
        """Bytes committed and not released; None without a segment."""
        producer, consumer = self.words(1, 0, '<QQ'), self.words(2, 0, '<Q')
        if producer is None or consumer is None:
            return None
        write, last = producer
        half = (1 << 32) - 1
        if write >> 32 == consumer[0] >> 32:
            return write - consumer[0]
        return last - (consumer[0] & half) + (write & half)

    def lives(self, role):
        """How often the role has been claimed; 0 without a segment."""
        words = self.words(1 if role == 'send' else 2, 128 + 256, '<II')
        return words[1] if words else 0


class Cat(program.Program):
    """A running bbq-cat; launch.py and a shell may come before it."""

    name = 'bbq-cat'
    path = BBQ_CAT

    def __init__(self, directory, args, stdin=None, launch=(), shell=None,
                 **more):
        before = []
        if shell:
            before += ['sh', '-c', 'exec "$@" ' + shell, 'sh']
        if launch:
            before += [sys.executable, os.path.join(HERE, 'launch.py'),
                       *launch, '--']
        with contextlib.ExitStack() as stack:
            if isinstance(stdin, (bytes, bytearray)):
                file = stack.enter_context(
                    tempfile.TemporaryFile(dir=directory))
                file.write(stdin)
                file.seek(0)
                stdin = file
            super().__init__(directory, args, before, stdin, **more)

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def written(self):
        """Bytes of output so far."""
        return os.fstat(self.out_file.fileno()).st_size

    def field(self, name):
        with open('/proc/%d/status' % self.pid, encoding='ascii') as file:
            for line in file:
                if line.startswith(name + ':'):
                    return line.split(':')[1].split()[0]
        return ''

    def ready(self):
        """Has it installed its signal handlers?"""
        bit = 1 << (signal.SIGTERM - 1)
        wait_for(lambda: not self.alive() or
                 int(self.field('SigCgt') or '0', 16) & bit,
                 'bbq-cat catches signals')
        return self

    def stopped(self):
        self.kill(signal.SIGSTOP)
        wait_for(lambda: self.field('State') in ('T', 'Z'), 'it is stopped')
        return self

    def cpu(self):
        """Seconds of CPU time so far, all threads together."""
        with open('/proc/%d/stat' % self.pid, encoding='ascii') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class TestCase(program.TestCase):
    subject = Cat
    cat = program.TestCase.start
    numbers = itertools.count()

    def setUp(self):
        super().setUp()
        self.names = []
        self.descriptors = []

    def tearDown(self):
        super().tearDown()
        for fd in self.descriptors:
            try:
                os.close(fd)
            except OSError:
                pass
        left = [name for name in self.names if Segment(name).exists()]
        for name in left:
            os.unlink(os.path.join(SHM, name))
        self.assertEqual(left, [], 'left behind in /dev/shm')

    def name(self):
        name = 'bbq-test-%d-%d' % (os.getpid(), next(self.numbers))
        self.names.append(name)
        return name

    def forget(self, name):
        """What is left under the name belongs to the test."""
        os.unlink(os.path.join(SHM, name))

    def keep(self, *descriptors):
        """Close them after the test, if nobody has."""
        self.descriptors += descriptors
        return descriptors

    def pipe(self):
        return self.keep(*os.pipe())

    def send(self, name, *args, **more):
        return self.cat('--send', name, *args, **more)

    def recv(self, name, *args, **more):
        return self.cat('--recv', name, *args, **more)

    def same(self, got, want, what=''):
        self.assertEqual((len(got), digest(got)), (len(want), digest(want)),
                         what)

    def transfer(self, data, send=(), recv=(), first='both', name=None,
                 **more):
        """data through a queue, from file to file; all must be well."""
        name = name or self.name()
        if first == 'recv':
            receiver = self.recv(name, *recv, **more).ready()
            self.settled(receiver)
        sender = self.send(name, *send, stdin=data, **more)
        if first == 'send':
            wait_for(lambda: Segment(name).lives('send') or
                     not sender.alive(), 'the sender has its role')
        if first != 'recv':
            receiver = self.recv(name, *recv, **more)
        self.ends(sender)
        self.ends(receiver)
        self.same(receiver.out(), data)
        self.assertFalse(Segment(name).exists(), 'its name is left')
        for cat in (sender, receiver):
            cat.close()
            self.runs.remove(cat)

    def settled(self, cat):
        """It sleeps: it has nothing to do but to wait."""
        wait_for(lambda: not cat.alive() or cat.field('State') == 'S',
                 'it sleeps')
        return cat

    def filled(self, name, size):
        wait_for(lambda: Segment(name).fill() == size,
                 '%d bytes are in the queue' % size)

    def attached(self, name, role, lives=1):
        wait_for(lambda: Segment(name).lives(role) >= lives,
                 'there is a ' + role)


def read_some(fd, size=1 << 16):
    """What comes next from fd, b'' at its end."""
    if not select.select([fd], [], [], TIMEOUT)[0]:
        raise AssertionError('nothing comes')
    try:
        return os.read(fd, size)
    except OSError:  # a terminal whose other side has gone
        return b''


def read_rest(fd, want=None):
    """All that comes from fd, or want bytes of it."""
    data = bytearray()
    while want is None or len(data) < want:
        size = 1 << 16 if want is None else min(want - len(data), 1 << 16)
        piece = read_some(fd, size)
        if not piece:
            break
        data += piece
    return bytes(data)


def main():
    program.main(Cat)
