#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""--wait-peer: who dies is replaced, and the other side just goes on."""
import fcntl
import os
import random
import signal

from bbqcat import (ERROR, KINDS, OK, PEER_DIED, Segment, TestCase, main,
                    noise, read_rest, wait_for)

MI = 1 << 20


class WaitPeer(TestCase):
    def kill(self, cat):
        cat.kill()
        self.assertEqual(cat.wait(), -signal.SIGKILL)

    def receive_some(self, name, kind, want):
        """A receiver that is killed after it has written want bytes."""
        out, sink = self.pipe()
        receiver = self.recv(name, '--io', kind, stdout=sink)
        os.close(sink)
        got = read_rest(out, want)
        if receiver.alive():
            receiver.kill()
        status = receiver.wait()
        got += read_rest(out)
        os.close(out)
        return got, status

    def append(self, got, more, data):
        """more goes on at or before the end of got: nothing is missing."""
        if not more:
            return got
        begin = data.index(more[:64])
        self.assertLessEqual(begin, len(got), 'bytes are lost')
        self.same(more, data[begin:begin + len(more)])
        return data[:max(len(got), begin + len(more))]

    def test_receivers_come_and_go(self):
        """The sender sees them all through; no committed byte is lost."""
        data = noise(16 * MI)
        chance = random.Random(7)
        for kind in KINDS:
            for capacity in (4097, 300000):
                with self.subTest(io=kind, capacity=capacity):
                    name = self.name()
                    sender = self.send(name, '--wait-peer', '--io', kind,
                                       '--capacity', capacity, stdin=data)
                    got = b''
                    for _ in range(5):
                        more, status = self.receive_some(
                            name, kind, chance.randrange(1, 2 * MI))
                        self.assertEqual(status, -signal.SIGKILL)
                        got = self.append(got, more, data)
                        self.assertTrue(sender.alive(), sender.err())
                    last = self.recv(name, '--io', kind)
                    self.ends(last)
                    self.ends(sender)
                    self.same(self.append(got, last.out(), data), data)

    def test_senders_come_and_go(self):
        """The receiver sees them all through, and ends with the last."""
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                receiver = self.recv(name, '--wait-peer', '--io', kind)
                want = b''
                for i in range(4):
                    theirs, ours = self.pipe()
                    sender = self.send(name, '--io', kind, stdin=theirs)
                    os.close(theirs)
                    os.write(ours, noise(30000, i))
                    want += noise(30000, i)
                    wait_for(lambda: len(receiver.out()) == len(want),
                             'it is written')
                    self.kill(sender)
                    os.close(ours)
                    self.settled(receiver)
                    self.assertTrue(Segment(name).exists())
                self.ends(self.send(name, '--io', kind, stdin=b'the end'))
                self.ends(receiver)
                self.same(receiver.out(), want + b'the end')

    def test_both_die_in_turn(self):
        data = noise(8 * MI)
        with open(self.path('source'), 'wb') as file:
            file.write(data)
        source = self.keep(os.open(self.path('source'), os.O_RDONLY))[0]
        name = self.name()
        got = b''
        sender = self.send(name, '--wait-peer', '--capacity', 50000,
                           '--io', 'sync', stdin=source)
        for i in range(6):
            more, _ = self.receive_some(name, 'sync', 300000)
            got = self.append(got, more, data)
            if i % 2:
                # What it has taken from stdin is committed, if it waits.
                self.filled(name, 50000)
                self.kill(sender)
                sender = self.send(name, '--wait-peer', '--io', 'sync',
                                   stdin=source)
                self.attached(name, 'send', 2 + i // 2)
        last = self.recv(name)
        self.ends(last)
        self.assertEqual(sender.wait(), OK, sender.err())
        self.same(self.append(got, last.out(), data), data)

    def test_lines(self):
        text = b''.join(b'%d\n' % i for i in range(100000))
        name = self.name()
        sender = self.send(name, '--wait-peer', '--lines', '--capacity',
                           10000, stdin=text)
        got = b''
        for _ in range(3):
            more, _ = self.receive_some(name, 'auto', 50001)
            # A pipe may cut the last line; the next receiver repeats it.
            more = more[:more.rindex(b'\n') + 1]
            got = self.append(got, more, text)
        last = self.recv(name)
        self.ends(last)
        self.ends(sender)
        self.same(self.append(got, last.out(), text), text)

    def test_signal_while_alone(self):
        """Nobody waits any longer; what is committed stays."""
        name = self.name()
        data = noise(MI)
        sender = self.send(name, '--wait-peer', '--capacity', 1000,
                           stdin=data)
        self.receive_some(name, 'sync', 2000)
        self.filled(name, 1000)
        self.settled(sender)
        sender.kill(signal.SIGTERM)
        self.ends(sender, PEER_DIED, 'the receiver died; 1000 bytes')
        last = self.recv(name)
        self.ends(last)
        self.assertIn(last.out(), data)

    def test_signal_to_a_lonely_receiver(self):
        """With nothing left and nobody there, no name is left either."""
        name = self.name()
        receiver = self.recv(name, '--wait-peer')
        theirs, ours = self.pipe()
        sender = self.send(name, stdin=theirs)
        os.close(theirs)
        os.write(ours, b'some')
        wait_for(lambda: receiver.out() == b'some', 'it is written')
        self.kill(sender)
        self.settled(receiver)
        receiver.kill(signal.SIGTERM)
        self.ends(receiver)
        self.assertFalse(Segment(name).exists())

    def test_timeout(self):
        """It bounds the wait for a successor, too; the status is the same."""
        name = self.name()
        sender = self.send(name, '--wait-peer', '--timeout', 0.3,
                           '--capacity', 1000, stdin=noise(MI))
        self.receive_some(name, 'sync', 2000)
        self.ends(sender, PEER_DIED, 'the receiver died; 1000 bytes')
        receiver = self.recv(name, '--wait-peer', '--timeout', 0.3)
        self.ends(receiver, PEER_DIED, 'the sender died')
        self.assertFalse(Segment(name).exists())

    def test_timeout_while_finishing(self):
        """All is read from stdin, and the receiver is dead."""
        name = self.name()
        sender = self.send(name, '--wait-peer', '--timeout', 0.3,
                           stdin=noise(50000))
        self.filled(name, 50000)
        # A pipe that nobody reads: it writes some, and then no more.
        sink = self.pipe()[1]
        fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, 4096)
        receiver = self.recv(name, stdout=sink)
        self.attached(name, 'recv')
        self.settled(receiver)
        self.kill(receiver)
        self.ends(sender, PEER_DIED, 'the receiver died')
        last = self.recv(name)
        self.ends(last)
        self.assertTrue(noise(50000).endswith(last.out()))

    def test_closing_is_for_good(self):
        """A receiver that is told to stop closes: that ends the sender."""
        name = self.name()
        sender = self.send(name, '--wait-peer', '--capacity', 1000,
                           stdin=noise(MI))
        out, sink = self.pipe()
        receiver = self.recv(name, stdout=sink)
        read_rest(out, 1500)
        receiver.kill(signal.SIGTERM)
        self.ends(receiver)
        self.assertEqual(sender.wait(), ERROR)
        self.assertIn('the receiver closed', sender.err())
        self.forget(name)


if __name__ == '__main__':
    main()
