#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What stdin and stdout may be: files, pipes, sockets, terminals."""
import fcntl
import os
import select
import signal
import socket
import threading
import tty

from bbqcat import (KINDS, OK, TIMEOUT, TestCase, main, noise, read_rest,
                    read_some, wait_for)

MI = 1 << 20


def write_all(fd, data):
    """Into fd, blocking or not, and close it."""
    view = memoryview(data)
    while view:
        select.select([], [fd], [], TIMEOUT)
        try:
            view = view[os.write(fd, view[:1 << 16]):]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            break
    os.close(fd)


def position(fd):
    return os.lseek(fd, 0, os.SEEK_CUR)


class EachKind(TestCase):
    """Every test runs with io_uring and without."""

    def each(self, check):
        for kind in KINDS:
            with self.subTest(io=kind):
                check(('--io', kind))

    def feed(self, fd, data):
        thread = threading.Thread(target=write_all, args=(fd, data),
                                  daemon=True)
        thread.start()
        return thread

    def file(self, data=b'', flags=os.O_RDWR, name='file'):
        with open(self.path(name), 'wb') as file:
            file.write(data)
        return self.keep(os.open(self.path(name), flags))[0]

    def content(self, name='file'):
        with open(self.path(name), 'rb') as file:
            return file.read()

    def through(self, kind, capacity='64KiB', stdin=None, stdout=None,
                args=()):
        """Start a pair; the sender's and receiver's ends closed here."""
        name = self.name()
        sender = self.send(name, '--capacity', capacity, *kind, *args,
                           stdin=stdin)
        receiver = self.recv(name, *kind, stdout=stdout)
        return sender, receiver

    def both_end(self, pair):
        for cat in pair:
            self.ends(cat)


class Files(EachKind):
    def test_input_from_an_offset(self):
        def check(kind):
            data = noise(2 * MI + 17)
            fd = self.file(data)
            os.lseek(fd, 12345, os.SEEK_SET)
            pair = self.through(kind, stdin=fd)
            self.both_end(pair)
            self.same(pair[1].out(), data[12345:])
            self.assertEqual(position(fd), len(data))
        self.each(check)

    def test_input_beyond_its_end(self):
        def check(kind):
            fd = self.file(b'short')
            os.lseek(fd, 1000, os.SEEK_SET)
            pair = self.through(kind, stdin=fd)
            self.both_end(pair)
            self.assertEqual(pair[1].out(), b'')
        self.each(check)

    def test_output_from_an_offset(self):
        def check(kind):
            data = noise(MI + 3)
            before = noise(4000, 2)
            fd = self.file(before)
            os.lseek(fd, 3000, os.SEEK_SET)
            self.both_end(self.through(kind, stdin=data, stdout=fd))
            self.assertEqual(position(fd), 3000 + len(data))
            self.same(self.content(), before[:3000] + data)
        self.each(check)

    def test_two_receivers_share_a_file(self):
        """As in (bbq-cat --recv a; bbq-cat --recv b) > file."""
        def check(kind):
            fd = self.file()
            one, two = noise(MI + 1, 1), noise(70000, 2)
            self.both_end(self.through(kind, stdin=one, stdout=fd))
            self.both_end(self.through(kind, stdin=two, stdout=fd))
            self.same(self.content(), one + two)
        self.each(check)

    def test_append(self):
        def check(kind):
            one, two = noise(5000, 1), noise(MI + 9, 2)
            fd = self.file(one, os.O_WRONLY | os.O_APPEND)
            self.both_end(self.through(kind, stdin=two, stdout=fd))
            self.same(self.content(), one + two)
        self.each(check)

    def test_far_into_large_files(self):
        """Offsets that do not fit into 32 bits, in sparse files."""
        def check(kind):
            far = (5 << 30) + 3
            data = noise(MI + 5)
            source, target = self.file(name='in'), self.file(name='out')
            os.pwrite(source, data, far)
            os.lseek(source, far, os.SEEK_SET)
            os.lseek(target, far + 1, os.SEEK_SET)
            self.both_end(self.through(kind, stdin=source, stdout=target))
            self.assertEqual(os.fstat(target).st_size, far + 1 + len(data))
            self.same(os.pread(target, len(data) + 1, far), b'\0' + data)
        self.each(check)

    def test_file_argument(self):
        def check(kind):
            data = noise(MI + 1)
            os.close(self.file(data))
            pair = self.through(kind, args=(self.path(),))
            self.both_end(pair)
            self.same(pair[1].out(), data)
        self.each(check)

    def test_dash_is_stdin(self):
        def check(kind):
            data = noise(30000)
            pair = self.through(kind, stdin=data, args=('-',))
            self.both_end(pair)
            self.same(pair[1].out(), data)
        self.each(check)

    def test_proc_file(self):
        """A regular file that says it is empty and is not."""
        def check(kind):
            pair = self.through(kind, args=('/proc/self/cmdline',))
            self.both_end(pair)
            self.assertIn(b'bbq-cat\0--send\0', pair[1].out())
        self.each(check)

    def test_dev_null(self):
        def check(kind):
            null = self.keep(os.open('/dev/null', os.O_RDWR))[0]
            pair = self.through(kind, stdin=null)
            self.both_end(pair)
            self.assertEqual(pair[1].out(), b'')
            self.both_end(self.through(kind, stdin=noise(MI), stdout=null))
        self.each(check)


class Streams(EachKind):
    def relay(self, kind, source, sink, data, capacity='64KiB'):
        """data through pairs of descriptors (ours, bbq-cat's)."""
        pair = self.through(kind, capacity, source[1], sink[1])
        os.close(source[1])
        os.close(sink[1])
        self.feed(source[0], data)
        got = read_rest(sink[0])
        os.close(sink[0])
        self.both_end(pair)
        self.same(got, data)

    def sockets(self):
        return self.keep(*(s.detach() for s in socket.socketpair()))

    def test_pipes(self):
        def check(kind):
            for capacity in ('100', '4097', '1MiB'):
                self.relay(kind, self.pipe()[::-1], self.pipe(),
                           noise(600001), capacity)
        self.each(check)

    def test_sockets(self):
        def check(kind):
            self.relay(kind, self.sockets(), self.sockets(), noise(3 * MI))
        self.each(check)

    def test_nonblocking_pipes(self):
        def check(kind):
            for which in ('stdin', 'stdout', 'both'):
                source, sink = self.pipe()[::-1], self.pipe()
                if which != 'stdout':
                    os.set_blocking(source[1], False)
                if which != 'stdin':
                    os.set_blocking(sink[1], False)
                self.relay(kind, source, sink, noise(2 * MI))
        self.each(check)

    def test_nonblocking_sockets(self):
        def check(kind):
            source, sink = self.sockets(), self.sockets()
            os.set_blocking(source[1], False)
            os.set_blocking(sink[1], False)
            self.relay(kind, source, sink, noise(2 * MI))
        self.each(check)

    def test_nonblocking_waits_asleep(self):
        """A stream that is not ready must not be asked again and again."""
        def check(kind):
            source, sink = self.pipe()[::-1], self.pipe()
            os.set_blocking(source[1], False)
            os.set_blocking(sink[1], False)
            sender, receiver = self.through(kind, '4096', source[1], sink[1])
            os.close(source[1])
            os.close(sink[1])
            # Fill output, queue and input; then only sleeping is left to do.
            data = noise(1 << 16)
            os.set_blocking(source[0], False)
            sent = bytearray()

            def stuck():
                try:
                    n = os.write(source[0], data)
                    sent.extend(data[:n])
                    return False
                except BlockingIOError:
                    return self.pipe_fill(sink[0]) > 60000

            wait_for(stuck, 'all is full')
            for cat in (sender, receiver):
                start = cat.cpu()
                before = int(cat.field('voluntary_ctxt_switches'))
                wait_for(lambda cat=cat, before=before: int(
                    cat.field('voluntary_ctxt_switches')) > before + 10,
                    'some sleeps are over')
                self.assertLess(cat.cpu() - start, 0.2)
            os.close(source[0])
            self.same(read_rest(sink[0]), bytes(sent))
            self.both_end((sender, receiver))
        self.each(check)

    @staticmethod
    def pipe_fill(fd):
        import array
        import termios
        count = array.array('i', [0])
        fcntl.ioctl(fd, termios.FIONREAD, count)
        return count[0]

    def test_trickle(self):
        """Each byte arrives before the next one is sent."""
        def check(kind):
            for capacity in ('1', '5', '4096', '1MiB'):
                source, sink = self.pipe()[::-1], self.pipe()
                pair = self.through(kind, capacity, source[1], sink[1])
                os.close(source[1])
                os.close(sink[1])
                for i in range(20):
                    byte = bytes([i])
                    os.write(source[0], byte)
                    self.assertEqual(read_some(sink[0]), byte)
                os.close(source[0])
                self.assertEqual(read_some(sink[0]), b'')
                self.both_end(pair)
        self.each(check)

    def test_bursts(self):
        """As trickle, but round the end of an odd capacity at once."""
        def check(kind):
            source, sink = self.pipe()[::-1], self.pipe()
            pair = self.through(kind, '1001', source[1], sink[1])
            os.close(source[1])
            os.close(sink[1])
            for i in range(60):
                data = noise(1 + i * 37 % 1500, i)
                os.write(source[0], data)
                self.same(read_rest(sink[0], len(data)), data)
            os.close(source[0])
            self.both_end(pair)
        self.each(check)

    def test_output_that_is_read_slowly(self):
        def check(kind):
            data = noise(400000)
            name = self.name()
            ours, theirs = self.pipe()
            sender = self.send(name, '--capacity', '64KiB', *kind, stdin=data)
            receiver = self.recv(name, *kind, stdout=theirs)
            os.close(theirs)
            # The pipe is full, and so is the queue behind it.
            self.filled(name, 1 << 16)
            got = bytearray()
            while True:
                piece = read_some(ours, 1 + len(got) % 5000)
                if not piece:
                    break
                got += piece
            self.both_end((sender, receiver))
            self.same(bytes(got), data)
        self.each(check)

    def test_fifo_as_file(self):
        def check(kind):
            data = noise(300000)
            path = self.path('fifo' + kind[1])
            os.mkfifo(path)
            pair = self.through(kind, args=(path,))
            self.feed(os.open(path, os.O_WRONLY), data)
            self.both_end(pair)
            self.same(pair[1].out(), data)
        self.each(check)


class Terminals(EachKind):
    def terminal(self, raw=True):
        ours, theirs = self.keep(*os.openpty())
        if raw:
            tty.setraw(theirs)
        return ours, theirs

    def test_raw_input(self):
        def check(kind):
            ours, theirs = self.terminal()
            sink = self.pipe()
            sender, receiver = self.through(kind, '300', theirs, sink[1])
            os.close(sink[1])
            for i in range(50):
                data = noise(1 + i * 7, i)
                os.write(ours, data)
                self.same(read_rest(sink[0], len(data)), data)
            sender.ready().kill(signal.SIGTERM)
            self.both_end((sender, receiver))
            self.assertEqual(read_rest(sink[0]), b'')
        self.each(check)

    def test_cooked_input(self):
        """Lines, and the end of input by ^D."""
        def check(kind):
            ours, theirs = self.terminal(raw=False)
            pair = self.through(kind, '100', theirs)
            text = b'one\ntwo\n' * 20
            os.write(ours, text + b'\x04')
            self.both_end(pair)
            self.assertEqual(pair[1].out(), text)
        self.each(check)

    def test_output(self):
        def check(kind):
            ours, theirs = self.terminal()
            data = noise(100000)
            pair = self.through(kind, '4097', data, theirs)
            self.assertEqual(len(data), len(got := read_rest(ours, len(data))))
            self.both_end(pair)
            self.same(got, data)
            os.close(theirs)
            self.assertEqual(read_rest(ours), b'')
        self.each(check)


if __name__ == '__main__':
    main()
