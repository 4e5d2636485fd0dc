#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""SIGINT and SIGTERM: in the midst of work, with lines in hand, at a terminal."""
import array
import fcntl
import os
import pty
import signal
import termios
import threading

from bbqcat import (ERROR, KINDS, OK, PEER_DIED, Segment, TestCase, main,
                    read_rest, wait_for)


def lines(count):
    return b''.join(b'%07d\n' % i for i in range(count))


def unread(fd):
    """Bytes that lie in a pipe."""
    size = array.array('i', [0])
    fcntl.ioctl(fd, termios.FIONREAD, size)
    return size[0]


class Signals(TestCase):
    def endless(self):
        return self.keep(os.open('/dev/zero', os.O_RDONLY))[0]

    def test_input_that_never_pauses(self):
        for kind in KINDS:
            for options in ((), ('--drop',)):
                with self.subTest(io=kind, options=options):
                    name = self.name()
                    receiver = self.recv(name, '--io', kind,
                                         stdout=self.keep(os.open(
                                             '/dev/null', os.O_WRONLY))[0])
                    sender = self.send(name, '--io', kind, *options,
                                       stdin=self.endless())
                    self.attached(name, 'recv')
                    sender.ready().kill(signal.SIGTERM)
                    self.assertEqual(sender.wait(), OK, sender.err())
                    self.ends(receiver)

    def test_lines_that_never_pause(self):
        """The input is a pipe that somebody keeps full."""
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, '--lines', '--drop', stdin=theirs)

        def feed():
            try:
                while True:
                    os.write(ours, b'y\n' * 1000)
            except BrokenPipeError:
                pass
        os.close(theirs)
        feeder = threading.Thread(target=feed)
        feeder.start()
        wait_for(lambda: Segment(name).fill(), 'some lines are in the queue')
        sender.ready().kill(signal.SIGINT)
        self.assertEqual(sender.wait(), ERROR)
        feeder.join()
        self.assertIn('bytes wait in the queue', sender.err())
        self.forget(name)

    def test_file_that_never_ends(self):
        with open(self.path('sparse'), 'wb') as file:
            file.truncate(1 << 42)
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                null = self.keep(os.open('/dev/null', os.O_WRONLY))[0]
                receiver = self.recv(name, '--io', kind, stdout=null)
                sender = self.send(name, '--io', kind, self.path('sparse'))
                self.attached(name, 'recv')
                sender.ready().kill(signal.SIGINT)
                self.ends(sender)
                self.ends(receiver)

    def test_drop_notices_a_death(self):
        """Also when the input never pauses and there is never room."""
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                receiver = self.recv(name)
                sender = self.send(name, '--drop', '--io', kind,
                                   stdin=self.endless())
                self.attached(name, 'recv')
                receiver.stopped().kill()
                self.assertEqual(sender.wait(), PEER_DIED)
                self.assertIn('the receiver died', sender.err())
                if Segment(name).exists():
                    self.forget(name)

    def stop_with_lines_in_hand(self, kind):
        """The receiver is stopped, the queue full, and SIGINT has come."""
        name = self.name()
        theirs, ours = self.pipe()
        receiver = self.recv(name, '--io', kind)
        sender = self.send(name, '--lines', '--capacity', 1000, '--io', kind,
                           stdin=theirs)
        self.attached(name, 'recv')
        receiver.stopped()
        os.write(ours, lines(5000))
        # 111 lines of 8 bytes, with headers of one.
        self.filled(name, 999)
        sender.ready()
        self.settled(sender)
        sender.kill(signal.SIGINT)
        return sender, receiver, name, lambda: 40000 - unread(theirs)

    def test_lines_in_hand_are_sent(self):
        """Each as a frame of its own; what is not taken stays in the pipe."""
        for kind in KINDS:
            with self.subTest(io=kind):
                sender, receiver, _, taken = self.stop_with_lines_in_hand(kind)
                receiver.kill(signal.SIGCONT)
                self.ends(sender)
                self.ends(receiver)
                self.same(receiver.out(), lines(5000)[:taken()])

    def test_second_signal(self):
        """Lines that nobody makes room for are lost, and that is said."""
        for kind in KINDS:
            with self.subTest(io=kind):
                sender, receiver, name, taken = \
                    self.stop_with_lines_in_hand(kind)
                # Or the two would be one.
                wait_for(lambda: not int(sender.field('ShdPnd') or '0', 16),
                         'the first has come')
                sender.kill(signal.SIGINT)
                self.assertEqual(sender.wait(), ERROR)
                lost = taken() - 111 * 8
                self.assertIn('%d bytes that were read are lost' % lost,
                              sender.err())
                self.assertIn('999 bytes wait in the queue', sender.err())
                receiver.kill(signal.SIGCONT)
                self.ends(receiver)
                self.same(receiver.out(), lines(111))

    def test_lines_without_a_receiver(self):
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, '--lines', '--capacity', 30, stdin=theirs)
        os.write(ours, lines(10) + b'tail')
        self.filled(name, 27)
        sender.ready()
        self.settled(sender)
        sender.kill(signal.SIGTERM)
        self.ends(sender, ERROR, '%d bytes that were read are lost, '
                  '27 bytes wait in the queue' % (84 - unread(theirs) - 24))
        receiver = self.recv(name)
        self.ends(receiver)
        self.same(receiver.out(), lines(3))

    def test_receiver_with_blocked_output(self):
        """A terminal or pipe that nobody reads: one signal is enough."""
        for where in ('terminal', 'pipe'):
            for kind in KINDS:
                with self.subTest(where=where, io=kind):
                    name = self.name()
                    out, sink = self.keep(*pty.openpty()) \
                        if where == 'terminal' else self.pipe()
                    sender = self.send(name, '--io', kind,
                                       stdin=self.endless())
                    receiver = self.recv(name, '--io', kind, stdout=sink)
                    read_rest(out, 100)
                    self.settled(receiver.ready())
                    receiver.kill(signal.SIGTERM)
                    self.ends(receiver)
                    self.assertEqual(sender.wait(), ERROR)
                    self.forget(name)

    def test_receiver_before_its_queue(self):
        """It has nothing to do, and has done it."""
        receiver = self.recv(self.name()).ready()
        self.settled(receiver)
        receiver.kill(signal.SIGTERM)
        self.ends(receiver)


class LongLines(TestCase):
    def test_dropped(self):
        """With --drop, a line that fits never is counted, and no more."""
        for kind in KINDS:
            for long in (200, 5000, 300000):
                with self.subTest(io=kind, long=long):
                    name = self.name()
                    text = b'ok\n' + b'y' * long + b'\nlast\n' + b'z' * long
                    receiver = self.recv(name, '--io', kind)
                    self.attached(name, 'recv', 0)
                    sender = self.send(name, '--lines', '--drop', '--io', kind,
                                       '--capacity', 100, stdin=text)
                    self.assertEqual(sender.wait(), OK, sender.err())
                    self.assertIn('dropped 2 lines (%d bytes)' %
                                  (2 * long + 1), sender.err())
                    self.ends(receiver)
                    self.assertEqual(receiver.out(), b'ok\nlast\n')


if __name__ == '__main__':
    main()
