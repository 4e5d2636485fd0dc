#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Where io_uring is forbidden or limited, and what being idle costs."""
import json
import os
import platform
import time
import unittest

from bbqcat import ERROR, OK, Segment, TestCase, main, noise, root

MI = 1 << 20

# What a container's filter may do to io_uring, and what bbq-cat says of it.
FILTERS = (
    ('EPERM:setup', 'Operation not permitted'),
    ('ENOSYS:setup', 'Function not implemented'),
    ('EPERM:setup,enter,register', 'Operation not permitted'),
    ('ENOSYS:setup,enter,register', 'Function not implemented'),
    ('EPERM:enter', 'Operation not permitted'),
    ('EACCES:enter', 'Permission denied'),
)


def deny(rule):
    return {'launch': ('--deny', rule)}


@unittest.skipUnless(platform.machine() in ('x86_64', 'aarch64'),
                     'no filter for this machine')
class Forbidden(TestCase):
    def pair(self, rule, name, data, how):
        sender = self.send(name, '--io', how, '--json', '--capacity', '4097',
                           stdin=data, **deny(rule))
        receiver = self.recv(name, '--io', how, '--json', **deny(rule))
        return sender, receiver

    def test_auto_and_sync_work(self):
        data = noise(MI + 7)
        for rule, _ in FILTERS:
            for how in ('auto', 'sync'):
                with self.subTest(rule=rule, io=how):
                    pair = self.pair(rule, self.name(), data, how)
                    for cat in pair:
                        self.assertEqual(cat.wait(), OK, cat.err())
                        self.assertEqual(json.loads(cat.err())['io'], 'sync')
                    self.same(pair[1].out(), data)

    def test_one_side_only(self):
        data = noise(MI + 7)
        for sender_limit, receiver_limit in ((deny('EPERM:setup'), {}),
                                             ({}, deny('EPERM:setup'))):
            name = self.name()
            sender = self.send(name, '--capacity', '64KiB', stdin=data,
                               **sender_limit)
            receiver = self.recv(name, **receiver_limit)
            self.ends(sender)
            self.ends(receiver)
            self.same(receiver.out(), data)

    def test_without_registered_buffers(self):
        data = noise(MI + 7)
        name = self.name()
        limit = deny('EPERM:register')
        sender = self.send(name, '--io', 'uring', stdin=data, **limit)
        receiver = self.recv(name, '--io', 'uring', **limit)
        self.ends(sender)
        self.ends(receiver)
        self.same(receiver.out(), data)

    def test_uring_is_an_error(self):
        for rule, says in FILTERS:
            with self.subTest(rule=rule):
                name = self.name()
                self.ends(self.send(name, '--io', 'uring', stdin=b'x',
                                    **deny(rule)), ERROR, 'io_uring: ' + says)
                self.assertFalse(Segment(name).exists(), 'sender leaves it')
                sender = self.send(name, stdin=b'data')
                self.filled(name, 4)
                self.ends(self.recv(name, '--io', 'uring', **deny(rule)),
                          ERROR, 'io_uring: ' + says)
                sender.wait()
                # Nothing is lost: another receiver gets it.
                if sender.wait() != OK:
                    second = self.recv(name)
                    self.ends(second)
                    self.assertEqual(second.out(), b'data')

    def test_a_stale_queue_survives_the_error(self):
        """Its bytes are not the failing sender's to throw away."""
        name = self.name()
        self.ends(self.send(name, '--timeout', 0, stdin=b'left'), ERROR,
                  'bytes wait in the queue')
        failing = self.send(name, '--io', 'uring', stdin=b'x',
                            **deny('EPERM:setup'))
        self.assertEqual(failing.wait(), ERROR)
        self.filled(name, 4)
        receiver = self.recv(name)
        receiver.wait()
        self.assertEqual(receiver.out(), b'left')


class Memory(TestCase):
    @root
    def test_memlock_of_an_unprivileged_user(self):
        """Buffers that may not be pinned are used all the same."""
        os.chmod(self.directory, 0o755)
        data = noise(3 * MI)
        # Without any, there may not even be a ring, and auto does without.
        for memlock, how in ((0, 'auto'), (4096, 'auto'), (65536, 'auto'),
                             (65536, 'uring')):
            with self.subTest(memlock=memlock, io=how):
                limit = ('--memlock', str(memlock), '--nobody')
                self.transfer(data, ('--io', how), ('--io', how),
                              launch=limit)


class Idle(TestCase):
    """CPU time, not time of day: busy neighbours do not show in it."""
    SECONDS = 6
    SHARE = 0.02

    def test_waiting_costs_next_to_nothing(self):
        idlers = {}
        for kind in ('uring', 'sync'):
            self.start_all(kind, idlers)
        for cat in idlers.values():
            self.settled(cat)
        begin = time.monotonic()
        before = {what: cat.cpu() for what, cat in idlers.items()}
        time.sleep(self.SECONDS)
        elapsed = time.monotonic() - begin
        for what, cat in idlers.items():
            with self.subTest(what):
                self.assertTrue(cat.alive(), cat.err())
                self.assertLess((cat.cpu() - before[what]) / elapsed,
                                self.SHARE)
        for name in self.names:
            if Segment(name).exists():
                theirs = [cat for cat in idlers.values() if name in cat.args]
                # Else one sees that the other is dead, and removes the name.
                for cat in theirs:
                    cat.stopped()
                for cat in theirs:
                    cat.process.kill()
                    cat.wait()
                self.forget(name)

    def start_all(self, kind, idlers):
        how = ('--io', kind)

        # No name there.
        idlers[kind, 'receiver, no name'] = self.recv(self.name(), *how)

        # A pair without input, and one that had some.
        for data in (b'', b'some'):
            name = self.name()
            theirs, ours = self.pipe()
            idlers[kind, 'sender on stdin', data] = self.send(
                name, *how, stdin=theirs)
            idlers[kind, 'receiver on data', data] = self.recv(name, *how)
            os.close(theirs)
            os.write(ours, data)
            self.attached(name, 'recv')

        # Lines whose end does not come.
        name = self.name()
        theirs, ours = self.pipe()
        idlers[kind, 'sender on a line'] = self.send(
            name, '--lines', *how, stdin=theirs)
        os.close(theirs)
        os.write(ours, b'half a line')

        # Output that nobody reads: then no room, and none for the sender.
        name = self.name()
        out, sink = self.pipe()
        idlers[kind, 'sender on room'] = self.send(
            name, '--capacity', '4096', *how, stdin=noise(MI))
        idlers[kind, 'receiver on stdout'] = self.recv(
            name, *how, stdout=sink)
        os.close(sink)
        self.attached(name, 'recv')
        self.filled(name, 4096)

        # Nobody comes: with the queue full, and with all of the input in it.
        for what, size in (('full', 5000), ('finished', 100)):
            name = self.name()
            idlers[kind, 'sender alone', what] = self.send(
                name, '--capacity', '4096', *how, stdin=noise(size))
            self.filled(name, min(size, 4096))

        # A receiver that has stopped in the middle.
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, '--capacity', '4096', *how, stdin=theirs)
        receiver = self.recv(name, *how)
        os.close(theirs)
        self.attached(name, 'recv')
        receiver.stopped()
        os.write(ours, noise(5000))
        self.filled(name, 4096)
        idlers[kind, 'sender, stopped receiver'] = sender


if __name__ == '__main__':
    main()
