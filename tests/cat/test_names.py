#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""fd:N, many queues at once, and one name used again and again."""
import fcntl
import os
import threading

from bbqcat import (ERROR, OK, PEER_DIED, SHM, USAGE, Segment, TestCase, main,
                    noise, wait_for)

MI = 1 << 20


class Descriptors(TestCase):
    def memfd(self, flags=os.MFD_ALLOW_SEALING):
        return self.keep(os.memfd_create('queue', flags))[0]

    def pair(self, fd, data, send=(), recv=(), first='send'):
        def sender():
            return self.send('fd:%d' % fd, *send, stdin=data, pass_fds=(fd,))

        def receiver():
            return self.recv('fd:%d' % fd, *recv, pass_fds=(fd,))

        if first == 'send':
            cats = sender(), receiver()
        else:
            cats = (receiver(), sender())[::-1]
        return cats

    def test_whole(self):
        data = noise(2 * MI + 5)
        for first in ('send', 'recv'):
            for kind in ('auto', 'uring', 'sync'):
                with self.subTest(first=first, io=kind):
                    fd = self.memfd()
                    cats = self.pair(fd, data,
                                     ('--io', kind, '--capacity', '4097'),
                                     ('--io', kind), first)
                    for cat in cats:
                        self.ends(cat)
                    self.same(cats[1].out(), data)
                    os.close(fd)

    def test_receiver_long_before(self):
        fd = self.memfd()
        receiver = self.recv('fd:%d' % fd, pass_fds=(fd,)).ready()
        self.settled(receiver)
        sender = self.send('fd:%d' % fd, stdin=b'x' * 1000, pass_fds=(fd,))
        self.ends(sender)
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'x' * 1000)

    def test_lines(self):
        fd = self.memfd()
        cats = self.pair(fd, b'one\n\ntwo', ('--lines',))
        for cat in cats:
            self.ends(cat)
        self.assertEqual(cats[1].out(), b'one\n\ntwo')

    def test_memfd_is_sealed(self):
        fd = self.memfd()
        sender = self.send('fd:%d' % fd, '--capacity', '1', pass_fds=(fd,),
                           stdin=b'x')
        want = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
        wait_for(lambda: fcntl.fcntl(fd, fcntl.F_GET_SEALS) & want == want,
                 'it is sealed')
        self.assertRaises(PermissionError, os.ftruncate, fd, 0)
        self.ends(self.recv('fd:%d' % fd, pass_fds=(fd,)))
        self.ends(sender)

    def test_queue_goes_on(self):
        """What a sender left in a memfd is there for the next pair."""
        fd = self.memfd()
        self.ends(self.send('fd:%d' % fd, '--timeout', 0, stdin=b'one,',
                            pass_fds=(fd,)), ERROR,
                  'no receiver; 4 bytes wait')
        sender = self.send('fd:%d' % fd, stdin=b'two', pass_fds=(fd,))
        # A receiver that comes first finds a queue that was closed.
        wait_for(lambda: 'going on' in sender.err(), 'it has its role')
        receiver = self.recv('fd:%d' % fd, pass_fds=(fd,))
        self.ends(receiver)
        self.ends(sender, OK, 'going on after 4 undelivered bytes')
        self.assertEqual(receiver.out(), b'one,two')

    def test_unsealable(self):
        fd = self.memfd(0)
        self.ends(self.send('fd:%d' % fd, pass_fds=(fd,)), ERROR,
                  'does not allow sealing')
        self.assertEqual(os.fstat(fd).st_size, 0)

    def test_plain_file(self):
        """Not a memfd, so it cannot be made into a queue."""
        with open(self.path(), 'wb+') as file:
            fd = file.fileno()
            self.ends(self.send('fd:%d' % fd, pass_fds=(fd,)), ERROR,
                      'does not allow sealing')
            self.assertEqual(os.fstat(fd).st_size, 0)
            os.write(fd, b'something else')
            for cat in self.pair(fd, b'x'):
                self.ends(cat, ERROR, 'not a queue')
            self.assertEqual(os.pread(fd, 100, 0), b'something else')

    def test_pipe(self):
        fd = self.pipe()[0]
        for cat in self.pair(fd, b'x'):
            self.ends(cat, ERROR, 'not a queue')

    def test_closed(self):
        fd = self.memfd()
        for role in ('--send', '--recv'):
            self.ends(self.cat(role, 'fd:%d' % fd), ERROR,
                      'Bad file descriptor')

    def test_not_a_number(self):
        for text in ('fd:', 'fd:x', 'fd:-1', 'fd:1x', 'fd: 1',
                     'fd:99999999999999999999', 'fd:2147483648'):
            for role in ('--send', '--recv'):
                with self.subTest(text=text, role=role):
                    self.ends(self.cat(role, text), USAGE,
                              "not a descriptor's number")

    def test_receiver_waits_for_an_empty_one(self):
        fd = self.memfd()
        self.ends(self.recv('fd:%d' % fd, '--timeout', '0.05',
                            pass_fds=(fd,)), ERROR, '--timeout is over')


class Many(TestCase):
    def test_pairs_at_once(self):
        """Each gets its own, and nobody else's."""
        pairs = []
        for i in range(12):
            name, data = self.name(), noise(300000 + i, i)
            capacity = (3001, 4097, 65536, 1 << 20)[i % 4]
            kind = ('uring', 'sync', 'auto')[i % 3]
            cats = [self.send(name, '--capacity', capacity, '--io', kind,
                              stdin=data),
                    self.recv(name, '--io', kind)]
            pairs.append((cats, data))
        for cats, data in pairs:
            for cat in cats:
                self.ends(cat)
            self.same(cats[1].out(), data)

    def test_name_used_200_times(self):
        """One pair after the other, both starting at the same moment."""
        name = self.name()
        for i in range(200):
            # Empty ones too: then the end is all that there is to race for.
            data = noise(i % 4 * 3333, i)
            self.transfer(data, ('--capacity', 1 + i * 97 % 8000),
                          first='both', name=name)

    def test_name_used_without_a_pause(self):
        """Senders and receivers, each as soon as the one before is over."""
        name = self.name()
        count = 150
        failures = []

        def senders():
            for i in range(count):
                while True:
                    sender = self.send(name, stdin=b'%d\n' % i)
                    status = sender.wait()
                    if status == OK:
                        break
                    # The one before may not have quite left.
                    if 'taken by a live process' not in sender.err():
                        failures.append((i, status, sender.err()))
                        return

        thread = threading.Thread(target=senders, daemon=True)
        thread.start()
        got = b''
        while thread.is_alive() or Segment(name).exists():
            receiver = self.recv(name, '--timeout', '0.2')
            status = receiver.wait()
            got += receiver.out()
            if status == ERROR and 'no such queue' in receiver.err():
                continue
            self.assertEqual((status, receiver.err()), (OK, ''))
        thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(got, b''.join(b'%d\n' % i for i in range(count)))

    def test_many_senders_want_the_name(self):
        """One has it; the others say so, or come later. Nothing is lost."""
        name = self.name()
        senders = [self.send(name, stdin=b'%02d\n' % i) for i in range(8)]
        got = b''
        done = []
        while len(done) < len(senders):
            receiver = self.recv(name, '--timeout', '0.2')
            self.assertIn(receiver.wait(), (OK, ERROR))
            got += receiver.out()
            done = [cat for cat in senders if not cat.alive()]
        good = [i for i, cat in enumerate(senders) if cat.wait() == OK]
        for cat in senders:
            if cat.wait() != OK:
                self.ends(cat, ERROR, 'taken by a live process')
        self.assertGreater(len(good), 0)
        self.assertEqual(sorted(got.split()), [b'%02d' % i for i in good])

    def test_many_receivers_want_the_queue(self):
        """One has it; the others are refused, or wait for another one."""
        name = self.name()
        receivers = [self.recv(name, '--timeout', '1') for _ in range(6)]
        data = noise(200000)
        sender = self.send(name, '--capacity', '1000', stdin=data)
        self.ends(sender)
        good = 0
        for cat in receivers:
            if cat.wait() == OK:
                good += 1
                self.same(cat.out(), data)
            else:
                self.assertEqual(cat.wait(), ERROR)
                self.assertEqual(cat.out(), b'')
        self.assertEqual(good, 1)


class TakeOver(TestCase):
    def test_stale_name(self):
        """A sender goes on with what dead processes have left."""
        name = self.name()
        first = self.send(name, '--capacity', '5000', stdin=noise(700))
        self.filled(name, 700)
        first.kill()
        first.wait()
        second = self.send(name, '--capacity', '9', stdin=noise(6000, 2))
        self.filled(name, 5000)
        receiver = self.recv(name)
        self.ends(receiver)
        self.ends(second, OK, 'going on after 700 undelivered bytes')
        self.same(receiver.out(), noise(700) + noise(6000, 2))

    def test_fresh_replaces_a_stale_name(self):
        name = self.name()
        first = self.send(name, stdin=noise(700))
        self.filled(name, 700)
        first.kill()
        first.wait()
        second = self.send(name, '--fresh', '--capacity', '9',
                           stdin=noise(6000, 2))
        wait_for(lambda: Segment(name).words(0, 32, '<Q') == (9,),
                 'it is replaced')
        receiver = self.recv(name)
        self.ends(receiver)
        self.ends(second)
        self.same(receiver.out(), noise(6000, 2))

    def test_fresh_where_nothing_is(self):
        self.transfer(noise(1000), ('--fresh',))

    def test_fresh_replaces_what_is_no_queue(self):
        for content in (b'', b'foreign', noise(10000)):
            with self.subTest(content=content[:10]):
                name = self.name()
                with open(os.path.join(SHM, name), 'wb') as file:
                    file.write(content)
                sender = self.send(name, '--fresh', stdin=b'x' * 500)
                wait_for(lambda name=name: Segment(name).lives('send') == 1,
                         'it is replaced')
                receiver = self.recv(name)
                self.ends(receiver)
                self.ends(sender)
                self.assertEqual(receiver.out(), b'x' * 500)

    def test_fresh_does_not_replace_a_live_one(self):
        name = self.name()
        first = self.send(name, stdin=b'first')
        self.filled(name, 5)
        self.ends(self.send(name, '--fresh', stdin=b'second'), ERROR,
                  'taken by a live process')
        receiver = self.recv(name)
        self.ends(receiver)
        self.ends(first)
        self.assertEqual(receiver.out(), b'first')

    def test_other_mode(self):
        """A queue of lines is not gone on with as bytes, nor the reverse."""
        for one, other, text in (((), ('--lines',), 'queue of bytes'),
                                 (('--lines',), (), 'queue of frames')):
            name = self.name()
            self.ends(self.send(name, '--timeout', 0, *one, stdin=b'left\n'),
                      ERROR, 'bytes wait in the queue')
            self.ends(self.send(name, *other, stdin=b'new'), ERROR, text)
            receiver = self.recv(name)
            self.assertIn(receiver.wait(), (OK, PEER_DIED))
            self.assertEqual(receiver.out(), b'left\n')


if __name__ == '__main__':
    main()
