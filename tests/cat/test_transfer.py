#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What goes in comes out: capacities, sizes, ways of I/O, who comes first."""
import os
import unittest

from bbqcat import (BBQ_CAT, FIRST, OK, PAIRS, SHM, Segment, TestCase, digest,
                    main, noise, wait_for)

KI, MI, GI = 1 << 10, 1 << 20, 1 << 30

# Sizes besides 0, 1 and those around the capacity. A queue of few bytes takes
# as many turns as there are pieces, so it gets less to do.
CAPACITIES = (
    ('1', 1, (500,)),
    ('2', 2, (500,)),
    ('3', 3, (1000,)),
    ('7', 7, (3000,)),
    ('120', 120, (20000,)),
    ('4095', 4095, (300001,)),
    ('4096', 4096, (300001,)),
    ('4097', 4097, (300001,)),
    ('64KiB', 64 * KI, (2 * MI + 1,)),
    ('8MiB', 8 * MI, ()),
)


class Whole(TestCase):
    def check(self, text, capacity, more):
        """Each size with each pair; each pair with each order somewhere."""
        sizes = sorted({0, 1, capacity - 1, capacity, capacity + 1, *more})
        data = noise(sizes[-1], capacity)
        for i, size in enumerate(sizes):
            for j, (send, recv) in enumerate(PAIRS):
                first = FIRST[(i + j) % len(FIRST)]
                with self.subTest(size=size, send=send, recv=recv,
                                  first=first):
                    self.transfer(data[:size],
                                  ('--capacity', text, '--io', send),
                                  ('--io', recv), first)

    def test_several_mib(self):
        """Larger than the queue and than the pieces, in all ways."""
        data = noise(9 * MI + 4321)
        for text in ('4097', '64KiB', '1MiB', '3000000'):
            for send, recv in PAIRS:
                with self.subTest(capacity=text, send=send, recv=recv):
                    self.transfer(data, ('--capacity', text, '--io', send),
                                  ('--io', recv))

    def test_default_capacity(self):
        self.transfer(noise(3 * MI + 1))

    def test_1_gib(self):
        room = os.statvfs(SHM)
        with open('/proc/meminfo', encoding='ascii') as file:
            free = [int(line.split()[1]) * KI for line in file
                    if line.startswith('MemAvailable')][0]
        if min(room.f_bavail * room.f_frsize, free) < 3 * GI:
            self.skipTest('needs 3 GiB of memory')
        data = noise(5 * MI)
        for kind in ('uring', 'sync'):
            with self.subTest(io=kind):
                self.transfer(data, ('--capacity', '1GiB', '--io', kind),
                              ('--io', kind))

    def test_capacity_is_as_asked(self):
        for text, want in (('1', 1), ('2KiB', 2048), ('1MiB', MI)):
            with self.subTest(capacity=text):
                name = self.name()
                sender = self.send(name, '--capacity', text,
                                   stdin=noise(want + 1))
                self.filled(name, want)
                header = Segment(name).words(0, 32, '<Q')
                self.assertEqual(header, (want,))
                receiver = self.recv(name)
                self.ends(receiver)
                self.ends(sender)
                self.assertEqual(len(receiver.out()), want + 1)


def add_test(text, capacity, more):
    def test(self):
        self.check(text, capacity, more)
    setattr(Whole, 'test_capacity_' + text, test)


for row in CAPACITIES:
    add_test(*row)


class Order(TestCase):
    def test_receiver_long_before(self):
        name = self.name()
        receiver = self.recv(name).ready()
        self.settled(receiver)
        self.assertFalse(Segment(name).exists())
        wait_for(lambda: int(receiver.field('voluntary_ctxt_switches')) > 20,
                 'it has looked often')
        data = noise(100000)
        sender = self.send(name, stdin=data)
        self.ends(sender)
        self.ends(receiver)
        self.same(receiver.out(), data)

    def test_input_over_before_a_receiver_comes(self):
        for size in (0, 1, 100000):
            for kind in ('uring', 'sync'):
                with self.subTest(size=size, io=kind):
                    name = self.name()
                    data = noise(size)
                    sender = self.send(name, '--io', kind, stdin=data)
                    self.attached(name, 'send')
                    self.filled(name, size)
                    self.settled(sender)
                    self.assertTrue(sender.alive(), 'it waits')
                    receiver = self.recv(name, '--io', kind)
                    self.ends(receiver)
                    self.ends(sender)
                    self.same(receiver.out(), data)

    def test_names(self):
        """With and without the slash it is the same name."""
        name = self.name()
        data = noise(1000)
        sender = self.send('/' + name, stdin=data)
        self.filled(name, 1000)
        receiver = self.recv(name)
        self.ends(receiver)
        self.ends(sender)
        self.same(receiver.out(), data)

    def test_name_of_full_length(self):
        name = self.name()
        name += 'x' * (254 - len(name))
        self.names.append(name)
        self.transfer(noise(1000), name=name)

    def test_segment_is_private(self):
        name = self.name()
        sender = self.send(name, stdin=b'x')
        self.filled(name, 1)
        mode = os.stat(os.path.join(SHM, name)).st_mode
        self.assertEqual(mode & 0o777, 0o600)
        self.ends(self.recv(name), OK)
        self.ends(sender)


class Help(TestCase):
    def test_help(self):
        cat = self.cat('--help')
        self.ends(cat)
        self.assertTrue(cat.out().startswith(b'usage: bbq-cat --send NAME'))
        for option in (b'--capacity', b'--timeout', b'--fresh', b'--lines',
                       b'--drop', b'--io', b'--progress', b'--json'):
            self.assertIn(option, cat.out())

    def test_version(self):
        cat = self.cat('--version')
        self.ends(cat)
        self.assertRegex(cat.out().decode(), r'^bbq-cat \d+\.\d+\.\d+\n$')


if __name__ == '__main__':
    main()
