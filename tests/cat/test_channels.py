#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Queues over a Unix socket, between processes that do not trust each other."""
import os
import random
import signal
import socket
import struct

from bbqcat import (ERROR, FIRST, KINDS, OK, PAIRS, PEER_DIED, USAGE, TestCase,
                    main, noise, read_rest, root, wait_for)

MI = 1 << 20
DIED = 'the sender died; what it committed is delivered'
REFUSED = 'refused a receiver: '


def sizes_of_mapping(pid):
    """Bytes of the sealed halves that a process has mapped, by rights."""
    sizes = {}
    with open('/proc/%d/maps' % pid, encoding='ascii') as file:
        for line in file:
            if 'memfd:bbq-sealed' in line:
                span, rights = line.split()[:2]
                begin, end = (int(word, 16) for word in span.split('-'))
                sizes[rights] = sizes.get(rights, 0) + end - begin
    return sizes


class Base(TestCase):
    def kill(self, cat):
        cat.kill()
        self.assertEqual(cat.wait(), -signal.SIGKILL)

    def both(self):
        return (self.path('socket'), self.abstract())

    def abstract(self):
        return '@bbq-test-%d-%d' % (os.getpid(), next(self.numbers))

    def listening(self, name, cat):
        """The sender has come so far that somebody may connect."""
        def look():
            with open('/proc/net/unix', encoding='ascii') as file:
                return any(line.split()[-1] == name and
                           line.split()[3] == '00010000' for line in file)
        wait_for(lambda: look() or not cat.alive(), 'it listens')
        return cat

    def met(self, cat):
        """Both halves are mapped: there is a queue."""
        wait_for(lambda: not cat.alive() or len(sizes_of_mapping(cat.pid)) == 2,
                 'there is a queue')
        return cat

    def carry(self, data, send=(), recv=(), first='both', name=None, **more):
        """data from file to file; all must be well, and no name left."""
        name = name or self.path('socket')
        if first == 'recv':
            receiver = self.settled(self.recv(name, *recv, **more).ready())
        sender = self.send(name, *send, stdin=data, **more)
        if first == 'send':
            self.listening(name, sender)
        if first != 'recv':
            receiver = self.recv(name, *recv, **more)
        self.ends(sender)
        self.ends(receiver)
        self.same(receiver.out(), data)
        self.assertFalse(os.path.lexists(name), 'its name is left')


class Bytes(Base):
    """What goes in comes out."""

    def test_every_way(self):
        """Each io on either side, whoever starts first."""
        for first in FIRST:
            for one, other in PAIRS:
                with self.subTest(first=first, send=one, recv=other):
                    self.carry(noise(3 * MI + 1), ('--io', one),
                               ('--io', other), first)

    def test_names(self):
        for first in FIRST:
            for name in self.both():
                self.carry(noise(70000), first=first, name=name)

    def test_sizes(self):
        for capacity, size in ((1, 200), (7, 2000), (4096, 300000),
                               (65537, 300000), ('3MiB', 300000)):
            for kind in KINDS:
                data = noise(size)
                with self.subTest(capacity=capacity, io=kind):
                    self.carry(data, ('--capacity', capacity, '--io', kind),
                               ('--io', kind))
        self.carry(b'')

    def test_lines(self):
        text = b''.join(b'%d\n' % i for i in range(50000)) + b'the last'
        for kind in KINDS:
            self.carry(text, ('--lines', '--io', kind), ('--io', kind))
            self.carry(text, ('--lines', '--capacity', 100, '--io', kind),
                       ('--io', kind))

    def test_pipes(self):
        """From a pipe to a pipe: streams are moved as they come."""
        for kind in KINDS:
            name = self.abstract()
            theirs, ours = self.pipe()
            out, sink = self.pipe()
            sender = self.send(name, '--io', kind, stdin=theirs)
            receiver = self.recv(name, '--io', kind, stdout=sink)
            os.close(theirs)
            os.close(sink)
            for text in (b'one', b'two', noise(100000)):
                os.write(ours, text[:60000])
                self.same(read_rest(out, len(text[:60000])), text[:60000])
            os.close(ours)
            self.ends(sender)
            self.ends(receiver)
            self.assertEqual(read_rest(out), b'')

    def test_drop(self):
        name = self.abstract()
        theirs, ours = self.pipe()
        sender = self.send(name, '--drop', '--capacity', 1000, stdin=theirs)
        receiver = self.met(self.recv(name)).stopped()
        os.write(ours, noise(50000))
        os.close(ours)
        os.close(theirs)
        self.met(sender)
        receiver.kill(signal.SIGCONT)
        self.ends(sender, OK, 'dropped')
        self.ends(receiver)
        self.assertLessEqual(len(receiver.out()), 50000)

    def test_socketpair(self):
        """Inherited by both; no name at all."""
        for kind in KINDS:
            one, other = socket.socketpair()
            data = noise(MI)
            with one, other:
                sender = self.send('fd:%d' % one.fileno(), '--io', kind,
                                   stdin=data, pass_fds=[one.fileno()])
                receiver = self.recv('fd:%d' % other.fileno(), '--io', kind,
                                     pass_fds=[other.fileno()])
            self.ends(sender)
            self.ends(receiver)
            self.same(receiver.out(), data)

    def test_rights(self):
        """Neither can write what the other writes."""
        name = self.abstract()
        theirs, ours = self.pipe()
        sender = self.send(name, '--capacity', 8192, stdin=theirs)
        receiver = self.met(self.recv(name))
        page = os.sysconf('SC_PAGE_SIZE')
        data = -(-8192 // page) * page
        self.met(sender)
        self.assertEqual(sizes_of_mapping(sender.pid),
                         {'rw-s': page + data, 'r--s': page})
        self.assertEqual(sizes_of_mapping(receiver.pid),
                         {'rw-s': page, 'r--s': page + data})
        os.close(theirs)
        os.close(ours)
        self.ends(sender)
        self.ends(receiver)


class Meeting(Base):
    """Nobody there, the wrong one there, one too many."""

    def test_timeout(self):
        for name in self.both():
            self.ends(self.send(name, '--timeout', '0.1', stdin=b'x'), ERROR,
                      'no receiver, and --timeout is over')
            self.ends(self.recv(name, '--timeout', '0.1'), ERROR,
                      'no sender, and --timeout is over')
            self.ends(self.send(name, '--timeout', '0', stdin=b'x'), ERROR,
                      'no receiver, and --timeout is over')
            self.assertFalse(os.path.lexists(name))

    def test_timeout_is_only_for_coming(self):
        name = self.abstract()
        theirs, ours = self.pipe()
        sender = self.send(name, '--timeout', '20', stdin=theirs)
        receiver = self.recv(name, '--timeout', '20')
        self.met(sender)
        os.write(ours, b'bytes')
        os.close(ours)
        os.close(theirs)
        self.ends(sender)
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'bytes')

    def test_signals_before_anybody_comes(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for name in self.both():
                sender = self.listening(name, self.send(name, stdin=b'x'))
                sender.ready().kill(number)
                self.ends(sender)
                self.assertFalse(os.path.lexists(name))
                receiver = self.settled(self.recv(name).ready())
                receiver.kill(number)
                self.ends(receiver)

    def test_bad_places(self):
        missing = self.path('none/socket')
        self.ends(self.send(missing), ERROR, 'No such file or directory')
        self.ends(self.recv(missing, '--timeout', 0), ERROR, 'no sender')
        with open(self.path('file'), 'wb') as file:
            file.write(b'mine')
        self.ends(self.send(self.path('file')), ERROR, 'the name is taken')
        with open(self.path('file'), 'rb') as file:
            self.assertEqual(file.read(), b'mine')

    def test_taken(self):
        for name in self.both():
            sender = self.listening(name, self.send(name, stdin=b'first'))
            second = self.send(name, stdin=b'second')
            self.assertEqual(second.wait(), ERROR)
            self.assertIn('the name is taken by a live process in the same '
                          'role', second.err())
            receiver = self.recv(name)
            self.ends(receiver)
            self.assertEqual(receiver.out(), b'first')
            self.assertEqual(sender.wait(), OK)

    def test_not_a_connected_socket(self):
        with socket.socket(socket.AF_UNIX) as lone, \
                socket.socket(socket.AF_INET) as inet:
            for fd in (lone.fileno(), inet.fileno()):
                for side in (self.send, self.recv):
                    self.ends(side('fd:%d' % fd, pass_fds=[fd]), ERROR,
                              'not a connected Unix stream socket')

    def test_second_receiver_waits(self):
        """The queue is of two; who comes third finds no name."""
        name = self.path('socket')
        theirs, ours = self.pipe()
        sender = self.send(name, stdin=theirs)
        first = self.met(self.recv(name))
        self.assertFalse(os.path.lexists(name))
        second = self.settled(self.recv(name).ready())
        os.write(ours, b'for the first')
        os.close(ours)
        os.close(theirs)
        self.ends(sender)
        self.ends(first)
        self.assertEqual(first.out(), b'for the first')
        self.ends(self.send(name, stdin=b'for the second'))
        self.ends(second)
        self.assertEqual(second.out(), b'for the second')


class Ends(Base):
    """Deaths, signals, and outputs that are closed."""

    def test_sender_dies(self):
        data = noise(24 * MI)
        chance = random.Random(8)
        for i in range(6):
            name = self.both()[i % 2]
            kind = KINDS[i // 2 % 2]
            out, sink = self.pipe()
            sender = self.send(name, '--capacity', (4097, MI)[i // 3],
                               '--io', kind, stdin=data)
            receiver = self.recv(name, '--io', kind, stdout=sink)
            os.close(sink)
            got = read_rest(out, chance.randrange(1, MI))
            self.kill(sender)
            got += read_rest(out)
            os.close(out)
            self.ends(receiver, PEER_DIED, DIED)
            self.assertLess(len(got), len(data))
            self.same(got, data[:len(got)])

    def test_receiver_dies(self):
        for kind in KINDS:
            name = self.path('socket')
            out, sink = self.pipe()
            sender = self.send(name, '--io', kind, stdin=noise(8 * MI))
            receiver = self.recv(name, '--io', kind, stdout=sink)
            os.close(sink)
            read_rest(out, 1000)
            self.kill(receiver)
            os.close(out)
            self.ends(sender, PEER_DIED, 'the receiver died')

    def test_peer_is_a_zombie(self):
        """Dead, and nobody has asked how."""
        name = self.abstract()
        theirs, ours = self.pipe()
        sender = self.send(name, stdin=theirs)
        receiver = self.met(self.recv(name))
        sender.kill()
        self.ends(receiver, PEER_DIED, DIED)
        self.assertEqual(sender.field('State'), 'Z')
        os.close(theirs)
        os.close(ours)

    def test_sender_dies_before_anybody_comes(self):
        """Its socket is left, and is no obstacle."""
        name = self.path('socket')
        self.kill(self.listening(name, self.send(name)))
        self.assertTrue(os.path.lexists(name))
        receiver = self.settled(self.recv(name).ready())
        self.ends(self.send(name, stdin=b'next'))
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'next')
        self.assertFalse(os.path.lexists(name))

    def test_stopped_peer_is_alive(self):
        name = self.abstract()
        theirs, ours = self.pipe()
        sender = self.send(name, stdin=theirs)
        receiver = self.met(self.recv(name))
        self.met(sender).stopped()
        os.write(ours, b'bytes')
        os.close(ours)
        os.close(theirs)
        self.settled(receiver)
        self.assertTrue(receiver.alive())
        sender.kill(signal.SIGCONT)
        self.ends(sender)
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'bytes')

    def test_signal_to_the_sender(self):
        """What it has read is delivered."""
        for kind in KINDS:
            name = self.abstract()
            theirs, ours = self.pipe()
            sender = self.send(name, '--io', kind, stdin=theirs)
            out, sink = self.pipe()
            receiver = self.recv(name, '--io', kind, stdout=sink)
            os.close(sink)
            os.write(ours, b'read before')
            self.assertEqual(read_rest(out, 11), b'read before')
            sender.kill(signal.SIGTERM)
            self.ends(sender)
            self.ends(receiver)
            self.assertEqual(read_rest(out), b'')

    def test_two_signals_to_the_sender(self):
        """The second one ends the waiting; the queue goes with its sender."""
        name = self.abstract()
        sender = self.send(name, stdin=noise(8 * MI))
        out, sink = self.pipe()
        receiver = self.recv(name, stdout=sink)
        os.close(sink)
        read_rest(out, 1000)
        receiver.stopped()
        sender.kill(signal.SIGTERM)
        sender.kill(signal.SIGINT)
        self.assertEqual(sender.wait(), ERROR)
        self.assertRegex(sender.err(),
                         'stopped; [0-9]+ bytes were not delivered')
        receiver.kill(signal.SIGCONT)
        read_rest(out)
        self.ends(receiver)

    def test_signal_to_the_receiver(self):
        for kind in KINDS:
            name = self.abstract()
            sender = self.send(name, '--io', kind, stdin=noise(8 * MI))
            out, sink = self.pipe()
            receiver = self.recv(name, '--io', kind, stdout=sink)
            os.close(sink)
            read_rest(out, 1000)
            receiver.kill(signal.SIGTERM)
            got = read_rest(out)
            os.close(out)
            self.ends(receiver)
            self.ends(sender, ERROR, 'the receiver closed')
            self.assertLess(len(got), 8 * MI)

    def test_output_is_closed(self):
        for kind in KINDS:
            name = self.abstract()
            sender = self.send(name, '--io', kind, stdin=noise(8 * MI))
            out, sink = self.pipe()
            receiver = self.recv(name, '--io', kind, stdout=sink)
            os.close(sink)
            read_rest(out, 1000)
            os.close(out)
            self.ends(receiver)
            self.ends(sender, ERROR, 'the receiver closed')


class Strangers(Base):
    """Who comes to the sender's socket and is no bbq-cat."""

    def connect(self, name):
        client = socket.socket(socket.AF_UNIX)
        client.connect('\0' + name[1:] if name[0] == '@' else name)
        return client

    def read_out(self, client):
        try:
            while client.recv(1000):
                pass
        except ConnectionResetError:  # it has not even read all
            pass

    def serve_after(self, name, *bad):
        """The sender refuses, says so once, and serves who comes next."""
        sender = self.listening(name, self.send(name, stdin=b'bytes'))
        for says in bad:
            with self.connect(name) as client:
                client.sendall(says)
                client.shutdown(socket.SHUT_WR)
                self.read_out(client)
        wait_for(sender.err, 'it says something')
        receiver = self.recv(name)
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'bytes')
        self.ends(sender, OK, REFUSED)

    def test_noise(self):
        want = struct.pack('<8sIHHIIQIIIIQQ', b'bbqchan\n', 0x01020304, 1, 0,
                           1, 2, 0, 0, 0, 0, 0, 0, 0)
        for name in self.both():
            self.serve_after(name, b'')
            self.serve_after(name, b'GET / HTTP/1.1\r\n\r\n' + 100 * b' ')
            self.serve_after(name, want)
            self.serve_after(name, want[:63])
            self.serve_after(name, want + want)
            self.serve_after(name, want[:20] + b'\1' + want[21:])
            self.serve_after(name, noise(10000), b'', want, noise(64))

    def test_silence(self):
        """Who says nothing is in the way of the others for a moment only."""
        name = self.abstract()
        sender = self.listening(name, self.send(name, stdin=b'bytes'))
        with self.connect(name):
            receiver = self.recv(name)
            self.ends(receiver)
            self.assertEqual(receiver.out(), b'bytes')
            self.ends(sender, OK, REFUSED)

    def test_no_bbq_cat_listens(self):
        name = self.abstract()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind('\0' + name[1:])
            server.listen()
            for says, message in ((b'x' * 64, 'the other side is no bbq-cat'),
                                  (b'x', 'the other side is no bbq-cat')):
                receiver = self.recv(name)
                client = server.accept()[0]
                client.sendall(says)
                client.close()
                self.ends(receiver, ERROR, message)
            # It goes without a word: as one that has served another.
            receiver = self.recv(name, '--timeout', 1)
            server.accept()[0].close()
            server.close()
            self.ends(receiver, ERROR, 'no sender, and --timeout is over')

    def test_two_senders_on_a_pair(self):
        one, other = socket.socketpair()
        with one, other:
            cats = [self.send('fd:%d' % end.fileno(), stdin=b'x',
                              pass_fds=[end.fileno()]) for end in (one, other)]
        for cat in cats:
            self.assertEqual(cat.wait(), ERROR)
            self.assertIn('same role', cat.err())


@root
class Users(Base):
    """root, and nobody (65534)."""

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o711)

    def nobody(self, side, name, *args, **more):
        """Into a file that was opened before it became nobody."""
        return side(name, *args, launch=['--nobody'], **more)

    def test_not_by_default(self):
        name = self.abstract()
        sender = self.listening(name, self.send(name, stdin=b'bytes'))
        self.ends(self.nobody(self.recv, name), ERROR, 'not allowed')
        receiver = self.recv(name)
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'bytes')
        self.ends(sender, OK, REFUSED)

    def test_allowed_by_both(self):
        lists = (('--uid', '65534', '--uid', '0'),
                 ('--uid', '1,nobody,2', '--uid', 'root'),
                 ('--gid', '65534', '--gid', '0'),
                 ('--gid', 'nogroup', '--gid', 'root'))
        for mine, ids, theirs, other in lists:
            for name in self.both():
                with self.subTest(ids=ids, name=name):
                    sender = self.send(name, mine, ids, stdin=noise(300000))
                    receiver = self.nobody(self.recv, name, theirs, other)
                    self.ends(sender)
                    self.ends(receiver)
                    self.same(receiver.out(), noise(300000))

    def test_receiver_does_not_trust_the_sender(self):
        name = self.abstract()
        sender = self.listening(name, self.nobody(self.send, name, '--uid',
                                                  'root', stdin=b'x'))
        self.ends(self.recv(name), ERROR, 'not allowed')
        self.ends(self.recv(name, '--gid', '1,2,3'), ERROR, 'not allowed')
        sender.kill(signal.SIGTERM)
        self.ends(sender, OK, REFUSED)

    def test_mode_of_the_path(self):
        """Without a list, the path is for the own user only."""
        name = self.path('socket')
        sender = self.listening(name, self.send(name, stdin=b'x'))
        self.ends(self.nobody(self.recv, name), ERROR, 'permission denied')
        sender.kill(signal.SIGTERM)
        self.ends(sender)


if __name__ == '__main__':
    main()
