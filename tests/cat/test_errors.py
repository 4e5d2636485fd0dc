#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Whatever is wrong is said in one line, with the right exit status."""
import os
import struct

from bbqcat import (ERROR, KINDS, OK, PEER_DIED, SHM, USAGE, Segment,
                    TestCase, main, noise, root, wait_for)

USAGE_ERRORS = (
    # No direction, or more than one.
    ('', 'a direction is needed'),
    ('FILE', 'a direction is needed'),
    ('--lines', 'a direction is needed'),
    ('--send N --recv N', 'one queue and one direction'),
    ('--recv N --send N', 'one queue and one direction'),
    ('--send N --send N', 'one queue and one direction'),
    # Options that do not exist.
    ('--send N --frobnicate', "unknown option '--frobnicate'"),
    ('--send N -x', "unknown option '-x'"),
    ('--send N -xy', "unknown option '-x"),
    ('--send N --frobnicate=3', "unknown option '--frobnicate=3'"),
    ('--recv N -', "no FILE: '-'"),
    # Values that are missing, or not wanted.
    ('--send', '--send needs a value'),
    ('--recv', '--recv needs a value'),
    ('--send N --capacity', '--capacity needs a value'),
    ('--send N --timeout', '--timeout needs a value'),
    ('--send N --io', '--io needs a value'),
    ('--send N --lines=3', '--lines=3'),
    # Bad values.
    *(('--send N --capacity ' + size, "--capacity: bad size '%s'" % size)
      for size in ('0', '-1', '1XB', '5GiB', '4GiB', '4294967296', '1.5MiB',
                   '0KiB', 'MiB', '1K', '1kib', '1MiBx', '+1', '0x10', '1e3',
                   '18446744073709551617', '17179869185GiB')),
    *(('--send N --timeout ' + time, "--timeout: bad time '%s'" % time)
      for time in ('-1', 'x', '1s', 'nan', 'inf', '1..2', '1e30')),
    ('--send N --io fast', "--io: bad way 'fast'"),
    ('--send N --io AUTO', "--io: bad way 'AUTO'"),
    # What only a sender can do.
    ('--recv N FILE', "a receiver takes no FILE: 'FILE'"),
    ('--recv N --capacity 10', "--capacity is the sender's option"),
    ('--recv N --fresh', "--fresh is the sender's option"),
    ('--recv N --lines', "--lines is the sender's option"),
    ('--recv N --drop', "--drop is the sender's option"),
    ('--send N FILE1 FILE2', "too many files: 'FILE2'"),
    # Names that cannot be.
    ('--send /', 'not a name'),
    ('--send .', 'not a name'),
    ('--recv /..', 'not a name'),
    ('--recv ' + 'x' * 255, 'name is too long'),
    ('--send ' + 'x' * 10000, 'name is too long'),
    ('--send @', 'not a name'),
    ('--recv ./' + 200 * 'x', 'the name is too long'),
    ('--send ./socket --wait-peer', 'no --wait-peer'),
    ('--send q --uid 0', '--uid and --gid are for a socket'),
    ('--recv fd:0 --gid 0', '--uid and --gid are for a socket'),
    ('--recv @q --uid 4294967295', "--uid: bad user '4294967295'"),
    ('--recv @q --uid no-such-user', "--uid: bad user 'no-such-user'"),
    ('--recv @q --uid 0,', "--uid: bad user '0,'"),
    ('--recv @q --uid ,0', "--uid: bad user ',0'"),
    ('--recv @q --gid -1', "--gid: bad group '-1'"),
    ('--recv @q --gid 1x', "--gid: bad group '1x'"),
    ('--recv @q --uid ' + ','.join(33 * '0'), '--uid: bad user'),
    ('--recv @q --uid ' + 100 * '0', '--uid: bad user'),
)


class Usage(TestCase):
    def test_usage(self):
        for line, says in USAGE_ERRORS:
            with self.subTest(line=line[:60]):
                name = self.name()
                args = [name if word == 'N' else word
                        for word in line.split()]
                self.ends(self.cat(*args), USAGE, says)
                self.assertFalse(Segment(name).exists())

    def test_empty_values(self):
        name = self.name()
        for args, says in ((('--send', ''), "bad name ''"),
                           (('--recv', ''), "bad name ''"),
                           (('--send', name, '--capacity', ''), 'bad size'),
                           (('--send', name, '--timeout', ''), 'bad time'),
                           (('--send', name, '--io', ''), "bad way ''")):
            with self.subTest(args=args):
                self.ends(self.cat(*args), USAGE, says)

    def test_nothing_on_stdout(self):
        cat = self.cat('--send')
        self.assertEqual(cat.wait(), USAGE)
        self.assertEqual(cat.out(), b'')

    def test_help_that_cannot_be_written(self):
        with open('/dev/full', 'wb') as full:
            for option in ('--help', '--version'):
                self.ends(self.cat(option, stdout=full), ERROR, 'No space')


class Peers(TestCase):
    def test_no_such_name(self):
        for timeout in ('0', '0.1', '.1'):
            self.ends(self.recv(self.name(), '--timeout', timeout), ERROR,
                      'no such queue, and --timeout is over')

    def test_no_receiver(self):
        """What was accepted stays, and the next receiver gets it."""
        for kind in KINDS:
            for size in (1, 99):
                with self.subTest(io=kind, size=size):
                    name = self.name()
                    self.ends(self.send(name, '--timeout', '0.1', '--io',
                                        kind, '--capacity', '100',
                                        stdin=noise(size)),
                              ERROR, '%d bytes wait in the queue' % size)
                    receiver = self.recv(name)
                    self.ends(receiver)
                    self.assertEqual(receiver.out(), noise(size))

    def test_no_receiver_and_no_room(self):
        """Not all was accepted, so the next receiver cannot be content."""
        name = self.name()
        self.ends(self.send(name, '--timeout', '0.1', '--capacity', '50',
                            stdin=noise(51)),
                  ERROR, 'no receiver, and --timeout is over')
        receiver = self.recv(name)
        self.ends(receiver, PEER_DIED, 'the sender died')
        self.assertEqual(receiver.out(), noise(50))

    def test_timeout_is_for_coming_only(self):
        """Once the peer has come it may be as slow as it likes."""
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, '--timeout', '30', '--capacity', '10',
                           stdin=theirs)
        receiver = self.recv(name, '--timeout', '0.1')
        os.close(theirs)
        if receiver.process.poll() is None:
            self.attached(name, 'send')
        self.attached(name, 'recv')
        before = int(receiver.field('voluntary_ctxt_switches'))
        wait_for(lambda: int(receiver.field('voluntary_ctxt_switches')) >
                 before + 5 or not receiver.alive(), 'it has waited longer')
        os.write(ours, b'late')
        os.close(ours)
        self.ends(sender)
        self.ends(receiver)
        self.assertEqual(receiver.out(), b'late')

    def test_live_sender(self):
        name = self.name()
        first = self.send(name, stdin=b'first')
        self.filled(name, 5)
        self.ends(self.send(name, stdin=b'second'), ERROR,
                  'the name is taken by a live process')
        receiver = self.recv(name)
        self.ends(receiver)
        self.ends(first)
        self.assertEqual(receiver.out(), b'first')

    def test_live_receiver(self):
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, stdin=theirs)
        os.close(theirs)
        first = self.recv(name)
        self.attached(name, 'recv')
        self.ends(self.recv(name), ERROR,
                  'the name is taken by a live process')
        os.write(ours, b'data')
        os.close(ours)
        self.ends(first)
        self.ends(sender)
        self.assertEqual(first.out(), b'data')


class Segments(TestCase):
    def foreign(self, content):
        name = self.name()
        with open(os.path.join(SHM, name), 'wb') as file:
            file.write(content)
        return name

    def segment(self, *args, data=b'some data'):
        """The bytes of a sound segment with data in it."""
        name = self.name()
        self.ends(self.send(name, '--timeout', 0, *args, stdin=data), ERROR,
                  'no receiver')
        with open(os.path.join(SHM, name), 'rb') as file:
            content = bytearray(file.read())
        self.forget(name)
        return content

    def refused(self, content, says):
        """By both sides, and nothing of it is touched."""
        name = self.foreign(content)
        self.ends(self.send(name, stdin=b'x'), ERROR, says)
        self.ends(self.recv(name), ERROR, says)
        with open(os.path.join(SHM, name), 'rb') as file:
            self.assertEqual(file.read(), content)
        self.forget(name)

    def test_foreign_file(self):
        for content in (b'', b'x', b'libbbq\r\n', noise(119), noise(120),
                        noise(50000)):
            with self.subTest(content=content[:10]):
                self.refused(content, 'not a queue')

    def test_other_kinds_of_file(self):
        name = self.name()
        path = os.path.join(SHM, name)
        for make, remove in (
                (os.mkdir, os.rmdir), (os.mkfifo, os.unlink),
                (lambda path: os.symlink('/etc/passwd', path), os.unlink)):
            make(path)
            try:
                self.ends(self.send(name), ERROR, 'not a queue')
                self.ends(self.recv(name), ERROR, 'not a queue')
            finally:
                remove(path)

    def test_damaged_header(self):
        """Every byte of the header that means something is looked at."""
        sound = self.segment('--capacity', '100')
        hints, minor = range(24, 32), range(14, 16)
        for at in range(88):
            # The capacity's low bits do not show in the size, in pages.
            if at in hints or at in minor or at == 32:
                continue
            with self.subTest(at=at):
                broken = bytearray(sound)
                broken[at] ^= 0x40
                self.refused(bytes(broken), 'not a queue')

    def test_hints_and_minor_version_may_change(self):
        sound = self.segment('--capacity', '100')
        for at in (14, 24, 31):
            sound[at] ^= 1
            name = self.foreign(bytes(sound))
            receiver = self.recv(name)
            self.ends(receiver)
            self.assertEqual(receiver.out(), b'some data')

    def test_wrong_size(self):
        sound = bytes(self.segment('--capacity', '5000'))
        for broken in (sound[:-1], sound[:4096], sound + b'\0',
                       sound + bytes(4096)):
            self.refused(broken, 'not a queue')

    def test_impossible_cursors(self):
        sound = self.segment('--capacity', '100')
        size = struct.unpack_from('<I', sound, 48)[0]
        for at, value in ((size, 101), (size, 5 << 32), (size + 8, 101),
                          (2 * size, 101), (2 * size, 50),
                          (2 * size, 2 << 32)):
            with self.subTest(at=at, value=value):
                broken = bytearray(sound)
                struct.pack_into('<Q', broken, at, value)
                self.refused(bytes(broken), 'damaged')

    def test_fresh_replaces_a_damaged_one(self):
        sound = self.segment('--capacity', '100')
        struct.pack_into('<Q', sound, struct.unpack_from('<I', sound, 48)[0],
                         101)
        name = self.foreign(bytes(sound))
        sender = self.send(name, '--fresh', stdin=b'new')
        self.filled(name, 3)
        receiver = self.recv(name)
        self.ends(receiver)
        self.ends(sender)
        self.assertEqual(receiver.out(), b'new')

    def test_impossible_frame(self):
        content = self.segment('--lines', '--capacity', '100',
                               data=b'good\nbad\n')
        size = struct.unpack_from('<I', content, 48)[0]
        self.assertEqual(content[3 * size + 1:3 * size + 6], b'good\n')
        content[3 * size + 6] = 0xFF
        name = self.foreign(bytes(content))
        receiver = self.recv(name)
        self.ends(receiver, ERROR, 'damaged')
        self.forget(name)

    @root
    def test_no_permission(self):
        name = self.name()
        sender = self.send(name, stdin=b'x')
        self.filled(name, 1)
        self.ends(self.recv(name, launch=('--nobody',)), ERROR,
                  'Permission denied')
        self.ends(self.send(name, launch=('--nobody',)), ERROR,
                  'Permission denied')
        self.ends(self.recv(name))
        self.ends(sender)


class Files(TestCase):
    def test_missing_file(self):
        name = self.name()
        self.ends(self.send(name, '/nonexistent/file'), ERROR,
                  '/nonexistent/file: No such file or directory')
        self.assertFalse(Segment(name).exists())

    def test_directory(self):
        for kind in KINDS:
            name = self.name()
            self.ends(self.send(name, '--io', kind, '/tmp'), ERROR,
                      '/tmp: Is a directory')
            self.assertFalse(Segment(name).exists())

    def test_full_device(self):
        for args in ((), ('--lines',)):
            for kind in KINDS:
                name = self.name()
                sender = self.send(name, *args, stdin=b'line\n' * 1000)
                with open('/dev/full', 'wb') as full:
                    receiver = self.recv(name, '--io', kind, stdout=full)
                self.ends(receiver, ERROR,
                          'stdout: No space left on device')
                self.ends(sender, PEER_DIED, 'were not delivered')
                # Nothing is lost: another one gets all of it.
                second = self.recv(name)
                self.ends(second)
                self.assertEqual(second.out(), b'line\n' * 1000)

    @root
    def test_full_disk(self):
        """What had room is there, and the rest stays in the queue."""
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                data = noise(1 << 20)
                sender = self.send(name, '--capacity', '2MiB', stdin=data)
                self.filled(name, len(data))
                os.makedirs(self.path('small'), exist_ok=True)
                receiver = self.recv(
                    name, '--io', kind,
                    launch=('--tmpfs', self.path('small') + ':128k',
                            '--stdout', self.path('small/out')))
                self.ends(receiver, ERROR,
                          'stdout: No space left on device')
                self.ends(sender, PEER_DIED, 'were not delivered')
                left = Segment(name).fill()
                self.assertGreaterEqual(len(data) - left, 64 << 10)
                self.assertLessEqual(len(data) - left, 128 << 10)
                second = self.recv(name)
                self.ends(second)
                self.same(second.out(), data[-left:])

    def test_file_size_limit(self):
        for kind in KINDS:
            name = self.name()
            sender = self.send(name, '--capacity', '10000',
                               stdin=noise(9000))
            self.filled(name, 9000)
            receiver = self.recv(name, '--io', kind,
                                 launch=('--fsize', '5000'))
            self.ends(receiver, ERROR, 'stdout: File too large')
            self.assertEqual(sender.wait(), PEER_DIED)
            self.ends(self.recv(name))

    def test_queue_beyond_the_file_size_limit(self):
        self.ends(self.send(self.name(), launch=('--fsize', '5000')), ERROR,
                  'File too large')

    @root
    def test_full_shm(self):
        name = self.name()
        sender = self.send(name, '--capacity', '1MiB', stdin=b'x',
                           launch=('--tmpfs', SHM + ':64k'))
        self.ends(sender, ERROR, 'No space left on device')

    def test_stdin_closed(self):
        for args in ((), ('--lines',), ('--drop',)):
            for kind in KINDS:
                with self.subTest(args=args, io=kind):
                    name = self.name()
                    self.ends(self.send(name, '--io', kind, *args,
                                        shell='<&-'),
                              ERROR, 'stdin: Bad file descriptor')
                    self.assertFalse(Segment(name).exists())

    def test_stdout_closed(self):
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                sender = self.send(name, stdin=b'data')
                self.ends(self.recv(name, '--io', kind, shell='>&-'), ERROR,
                          'stdout: Bad file descriptor')
                # It never took the queue: the sender waits for another.
                second = self.recv(name)
                self.ends(second)
                self.ends(sender)
                self.assertEqual(second.out(), b'data')

    def test_stderr_closed(self):
        """Words that nobody can hear must not end up in the queue."""
        name = self.name()
        sender = self.send(name, '--timeout', 0, stdin=b'data', shell='2>&-')
        self.assertEqual(sender.wait(), ERROR)
        receiver = self.recv(name, '--json', shell='2>&-')
        self.assertEqual(receiver.wait(), OK)
        self.assertEqual(receiver.out(), b'data')

    def test_all_closed(self):
        name = self.name()
        data = noise(5000)
        with open(self.path(), 'wb') as file:
            file.write(data)
        sender = self.send(name, self.path(), shell='<&- >&- 2>&-')
        receiver = self.recv(name, shell='<&- 2>&-')
        self.assertEqual((sender.wait(), receiver.wait()), (OK, OK))
        self.same(receiver.out(), data)

    def test_stdout_is_read_only(self):
        for kind in KINDS:
            name = self.name()
            sender = self.send(name, stdin=b'data')
            with open('/dev/null', 'rb') as null:
                self.ends(self.recv(name, '--io', kind, stdout=null), ERROR,
                          'stdout: Bad file descriptor')
            self.assertEqual(sender.wait(), PEER_DIED)
            self.ends(self.recv(name))


if __name__ == '__main__':
    main()
