#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 of either side, or both; and peers that only seem dead."""
import os
import random
import signal

from bbqcat import (KINDS, OK, PEER_DIED, Segment, TestCase, main, noise,
                    read_rest, wait_for)

MI = 1 << 20
DIED = 'the sender died; what it committed is delivered'


class Death(TestCase):
    def kill(self, cat):
        cat.kill()
        self.assertEqual(cat.wait(), -signal.SIGKILL)

    def source(self, data):
        """data as a file, with its position for us to look at."""
        with open(self.path('source'), 'wb') as file:
            file.write(data)
        return self.keep(os.open(self.path('source'), os.O_RDONLY))[0]

    def overlap(self, first, second, data):
        """Both are whole, and nothing is missing between them."""
        self.assertEqual(first, data[:len(first)])
        begin = len(first)
        if second:
            begin = data.index(second[:64])
            self.same(second, data[begin:begin + len(second)])
        self.assertLessEqual(begin, len(first), 'bytes are lost')
        return begin + len(second)

    def test_sender_without_receiver(self):
        """All that it committed is there for a receiver that comes later."""
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                theirs, ours = self.pipe()
                sender = self.send(name, '--io', kind, stdin=theirs)
                os.close(theirs)
                os.write(ours, noise(50000))
                self.filled(name, 50000)
                self.kill(sender)
                receiver = self.recv(name, '--io', kind)
                self.ends(receiver, PEER_DIED, DIED)
                self.same(receiver.out(), noise(50000))

    def test_receiver_of_a_stale_name(self):
        """A sender that died left nothing but a name: wait for the next."""
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, stdin=theirs)
        self.attached(name, 'send')
        self.kill(sender)
        receiver = self.recv(name)
        wait_for(lambda: not Segment(name).exists(), 'the name is removed')
        self.settled(receiver)
        self.ends(self.send(name, stdin=b'fresh'))
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'fresh')

    def test_sender_while_the_receiver_waits(self):
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                theirs, ours = self.pipe()
                out, sink = self.pipe()
                sender = self.send(name, '--io', kind, stdin=theirs)
                receiver = self.recv(name, '--io', kind, stdout=sink)
                os.close(theirs)
                os.close(sink)
                os.write(ours, b'before')
                self.assertEqual(read_rest(out, 6), b'before')
                self.settled(receiver)
                self.kill(sender)
                self.ends(receiver, PEER_DIED, DIED)
                self.assertEqual(read_rest(out), b'')

    def test_sender_mid_stream(self):
        """The receiver delivers a prefix, whole up to where it ends."""
        data = noise(40 * MI)
        chance = random.Random(5)
        for i in range(12):
            kind = KINDS[i % 2]
            capacity = (1001, 4097, 65536, MI)[i % 4]
            with self.subTest(i=i, io=kind, capacity=capacity):
                name = self.name()
                out, sink = self.pipe()
                sender = self.send(name, '--capacity', capacity, '--io', kind,
                                   stdin=data)
                receiver = self.recv(name, '--io', kind, stdout=sink)
                os.close(sink)
                got = read_rest(out, chance.randrange(1, 3 * MI))
                self.kill(sender)
                got += read_rest(out)
                os.close(out)
                self.ends(receiver, PEER_DIED, DIED)
                self.assertLess(len(got), len(data))
                self.same(got, data[:len(got)])

    def test_lines_mid_stream(self):
        """No half of a line arrives."""
        text = b''.join(b'%d\n' % i for i in range(2000000))
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                out, sink = self.pipe()
                sender = self.send(name, '--lines', '--io', kind, stdin=text)
                receiver = self.recv(name, '--io', kind, stdout=sink)
                os.close(sink)
                got = read_rest(out, 500001)
                self.kill(sender)
                got += read_rest(out)
                os.close(out)
                self.ends(receiver, PEER_DIED, DIED)
                self.same(got, text[:len(got)])
                self.assertTrue(got.endswith(b'\n'))

    def test_receiver_mid_stream(self):
        """The sender says so; the next receiver has all that is missing."""
        data = noise(12 * MI)
        chance = random.Random(6)
        for i in range(8):
            kind = KINDS[i % 2]
            with self.subTest(i=i, io=kind):
                name = self.name()
                source = self.source(data)
                out, sink = self.pipe()
                sender = self.send(name, '--capacity', (70001, 4097)[i // 4],
                                   '--io', kind, stdin=source)
                receiver = self.recv(name, '--io', kind, stdout=sink)
                os.close(sink)
                first = read_rest(out, chance.randrange(1, 2 * MI))
                self.kill(receiver)
                first += read_rest(out)
                os.close(out)
                self.ends(sender, PEER_DIED, 'the receiver died')
                second = self.recv(name, '--io', kind)
                self.ends(second, PEER_DIED, DIED)
                end = self.overlap(first, second.out(), data)
                # What was taken from stdin is committed, and no more.
                self.assertEqual(os.lseek(source, 0, os.SEEK_CUR), end)

    def test_receivers_die_one_after_the_other(self):
        """With a successor at hand the sender may not even notice."""
        data = noise(6 * MI)
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                sender = self.send(name, '--capacity', '50000', '--io', kind,
                                   stdin=data)
                got, lives = b'', 0
                while True:
                    out, sink = self.pipe()
                    receiver = self.recv(name, '--io', kind, '--timeout', 5,
                                         stdout=sink)
                    os.close(sink)
                    lives += 1
                    piece = read_rest(out, 700000)
                    if receiver.alive() and lives < 8:
                        receiver.kill()
                    piece += read_rest(out)
                    os.close(out)
                    end = self.overlap(got, piece, data)
                    got = data[:end]
                    if receiver.wait() != -signal.SIGKILL:
                        break
                self.assertIn(sender.wait(), (OK, PEER_DIED))
                if sender.wait() == OK:
                    self.assertEqual(receiver.wait(), OK)
                    self.same(got, data)
                else:
                    self.assertEqual(receiver.wait(), PEER_DIED)

    def test_new_sender_takes_over(self):
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                theirs, ours = self.pipe()
                first = self.send(name, '--io', kind, stdin=theirs)
                os.close(theirs)
                os.write(ours, noise(60000))
                self.filled(name, 60000)
                self.kill(first)
                second = self.send(name, '--io', kind, stdin=noise(70000, 2))
                self.filled(name, 130000)
                receiver = self.recv(name, '--io', kind)
                self.ends(receiver)
                self.ends(second, OK, 'going on after 60000 undelivered')
                self.same(receiver.out(), noise(60000) + noise(70000, 2))

    def test_both_die_and_come_back(self):
        data = noise(6 * MI)
        for first_back in ('send', 'recv'):
            with self.subTest(first_back=first_back):
                name = self.name()
                source = self.source(data)
                out, sink = self.pipe()
                sender = self.send(name, '--io', 'sync', '--capacity',
                                   '100000', stdin=source)
                receiver = self.recv(name, stdout=sink)
                os.close(sink)
                first = read_rest(out, MI + 11)
                receiver.stopped()
                self.filled(name, 100000)
                self.kill(receiver)
                self.kill(sender)
                first += read_rest(out)
                os.close(out)
                rest = os.lseek(source, 0, os.SEEK_CUR)
                if first_back == 'send':
                    sender = self.send(name, stdin=source)
                    self.attached(name, 'send', 2)
                    receiver = self.recv(name)
                    self.ends(receiver)
                    self.assertEqual(sender.wait(), OK, sender.err())
                    end = self.overlap(first, receiver.out(), data)
                    self.assertEqual(end, len(data))
                else:
                    receiver = self.recv(name)
                    self.ends(receiver, PEER_DIED, DIED)
                    end = self.overlap(first, receiver.out(), data)
                    self.assertEqual(end, rest)
                    self.transfer(data[rest:], name=name)

    def taken_over(self, kind, data):
        """Kill a receiver in mid-file; False if it was too fast for that."""
        name = self.name()
        source = self.source(data)
        sender = self.send(name, '--capacity', '2MiB', '--io', kind,
                           stdin=source)
        receiver = self.recv(name, '--io', kind)
        wait_for(lambda: receiver.written() > 3 * MI, 'some is written')
        receiver.kill()
        killed = receiver.wait() != OK
        first = receiver.out()
        if sender.wait() == OK:
            self.same(first, data)
            return False
        self.assertTrue(killed)
        read = os.lseek(source, 0, os.SEEK_CUR)
        if not Segment(name).exists():
            # All that was read had been delivered: nothing is left.
            self.same(first, data[:read])
            return False
        second = self.recv(name, '--io', kind)
        if read == len(data) and second.wait() == OK:
            # All was committed, and the queue closed.
            self.ends(second)
        else:
            self.ends(second, PEER_DIED, DIED)
        begin = data.index(second.out()[:64])
        self.assertLessEqual(begin, len(first))
        self.same(first[:begin] + second.out(),
                  data[:begin + len(second.out())])
        self.assertEqual(read, begin + len(second.out()))
        return True

    def test_receiver_with_a_regular_file(self):
        """Writes in flight out of order must not pass for written ones."""
        data = noise(30 * MI)
        for kind in KINDS:
            with self.subTest(io=kind):
                self.assertTrue(any(self.taken_over(kind, data)
                                    for _ in range(20)))

    def test_stopped_and_continued(self):
        data = noise(8 * MI)
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                out, sink = self.pipe()
                cats = [self.send(name, '--capacity', '10001', '--io', kind,
                                  stdin=data),
                        self.recv(name, '--io', kind, stdout=sink)]
                os.close(sink)
                got = b''
                for i in range(10):
                    got += read_rest(out, 300000)
                    cats[i % 2].stopped().kill(signal.SIGCONT)
                got += read_rest(out)
                os.close(out)
                for cat in cats:
                    self.ends(cat)
                self.same(got, data)

    def test_stopped_for_long_is_not_dead(self):
        """Its peer waits through many slices, and does not give up."""
        for which in ('send', 'recv'):
            with self.subTest(stopped=which):
                name = self.name()
                theirs, ours = self.pipe()
                cats = {'send': self.send(name, '--capacity', '1000',
                                          stdin=theirs),
                        'recv': self.recv(name)}
                os.close(theirs)
                self.attached(name, 'recv')
                cats[which].stopped()
                os.write(ours, noise(5000))
                if which == 'recv':
                    self.filled(name, 1000)
                other = cats['recv' if which == 'send' else 'send']
                before = int(other.field('voluntary_ctxt_switches'))
                wait_for(lambda: not other.alive() or int(other.field(
                    'voluntary_ctxt_switches')) > before + 8, 'it waits')
                cats[which].kill(signal.SIGCONT)
                os.close(ours)
                self.ends(cats['send'])
                self.ends(cats['recv'])
                self.same(cats['recv'].out(), noise(5000))


if __name__ == '__main__':
    main()
