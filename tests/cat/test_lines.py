#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""--lines, --drop, --progress and --json."""
import json
import os
import random
import re
import threading

from bbqcat import (ERROR, FIRST, KINDS, OK, PEER_DIED, Segment, TestCase,
                    main, noise, read_rest, read_some, wait_for)

NASTY = (
    b'', b'\n', b'\n\n\n', b'a', b'a\n', b'a\nb', b'\na', b'one\r\ntwo\r\n',
    b'\0\n\0\0\n\0', b'x' * 119 + b'\n', b'\n' * 5000, b'no\nfinal newline',
    b'\xff\xfe\n\x80\n', b'x' * 70000 + b'\n' + b'y' * 140000,
)


def lines_of(count, longest=200, seed=1):
    """Lines that can be told apart, of many lengths."""
    chance = random.Random(seed)
    return b''.join(
        b'%d %s\n' % (i, b'x' * chance.randrange(longest))
        for i in range(count))


def writer(test, fd, data, piece=None):
    """Write data into fd and close it; in odd pieces if asked."""
    def run():
        chance = random.Random(3)
        at = 0
        try:
            while at < len(data):
                size = chance.randrange(1, piece) if piece else 1 << 16
                at += os.write(fd, data[at:at + size])
        except BrokenPipeError:
            pass
        os.close(fd)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    test.addCleanup(thread.join)
    return thread


class Lines(TestCase):
    def test_nasty_text(self):
        for i, text in enumerate(NASTY):
            for kind in KINDS:
                with self.subTest(text=text[:20], io=kind):
                    self.transfer(text, ('--lines', '--io', kind,
                                         '--capacity', '1MiB'),
                                  ('--io', kind), FIRST[i % 3])

    def test_whole_by_file(self):
        text = lines_of(20000)
        for capacity in ('300', '4097', '64KiB'):
            for kind in KINDS:
                with self.subTest(capacity=capacity, io=kind):
                    self.transfer(text, ('--lines', '--io', kind,
                                         '--capacity', capacity),
                                  ('--io', kind))

    def test_whole_by_pipe(self):
        """Reads that come short, with lines that they cut."""
        text = lines_of(30000)
        for capacity in ('300', '4097', '64KiB'):
            for kind in KINDS:
                with self.subTest(capacity=capacity, io=kind):
                    self.pipe_through(text, capacity, kind)

    def test_long_lines_by_pipe(self):
        """Longer than one read, so that the text must grow."""
        text = lines_of(60, 200000)
        for kind in KINDS:
            with self.subTest(io=kind):
                self.pipe_through(text, '300000', kind, 9000)

    def pipe_through(self, text, capacity, kind, piece=3000):
        name = self.name()
        theirs, ours = self.pipe()
        out, sink = self.pipe()
        sender = self.send(name, '--lines', '--capacity', capacity, '--io',
                           kind, stdin=theirs)
        receiver = self.recv(name, '--io', kind, stdout=sink)
        os.close(theirs)
        os.close(sink)
        writer(self, ours, text, piece)
        got = read_rest(out)
        os.close(out)
        self.ends(sender)
        self.ends(receiver)
        self.same(got, text)

    def test_a_line_arrives_when_it_is_complete(self):
        for kind in KINDS:
            with self.subTest(io=kind):
                name = self.name()
                theirs, ours = self.pipe()
                out, sink = self.pipe()
                sender = self.send(name, '--lines', '--io', kind,
                                   stdin=theirs)
                receiver = self.recv(name, '--io', kind, stdout=sink)
                os.close(theirs)
                os.close(sink)
                self.attached(name, 'recv')
                for i in range(10):
                    os.write(ours, b'first half, ')
                    os.write(ours, b'second half %d\nnext: ' % i)
                    start = b'next: ' if i else b''
                    want = start + b'first half, second half %d\n' % i
                    self.assertEqual(read_some(out), want)
                os.close(ours)
                self.assertEqual(read_some(out), b'next: ')
                self.ends(sender)
                self.ends(receiver)

    def test_longest_line(self):
        """All that fits goes through; a byte more is an error."""
        for capacity, longest in ((2, 1), (120, 119), (128, 127), (130, 128),
                                  (4096, 4094), (100000, 99997)):
            for end in (b'\n', b''):
                with self.subTest(capacity=capacity, end=end):
                    line = b'x' * (longest - len(end)) + end
                    self.transfer(b'\n\n' + line if end else line,
                                  ('--lines', '--capacity', capacity))
                    self.too_long(capacity, b'\n', b'x' + line)

    def too_long(self, capacity, good, bad):
        name = self.name()
        sender = self.send(name, '--lines', '--capacity', capacity,
                           stdin=good + bad)
        receiver = self.recv(name)
        self.ends(sender, ERROR, 'line 2 does not fit')
        self.ends(receiver, PEER_DIED, 'the sender died')
        self.assertEqual(receiver.out(), good)

    def test_line_without_end(self):
        """Refused before all of it is read."""
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, '--lines', '--capacity', '1000',
                           stdin=theirs)
        os.close(theirs)
        os.write(ours, b'x' * 2000)
        self.ends(sender, ERROR, 'line 1 does not fit')
        self.assertFalse(Segment(name).exists())

    def test_line_is_released_whole(self):
        """A receiver that dies in a line leaves all of it to the next."""
        name = self.name()
        out, sink = self.pipe()
        text = b'short\n' + b'x' * 200000 + b'\nlast\n'
        sender = self.send(name, '--lines', stdin=text)
        receiver = self.recv(name, stdout=sink)
        os.close(sink)
        got = read_rest(out, 10000)
        receiver.kill()
        receiver.wait()
        self.ends(sender, PEER_DIED, 'the receiver died')
        self.assertEqual(got, text[:10000])
        second = self.recv(name)
        second.wait()
        self.same(second.out(), text[6:])


class Drop(TestCase):
    def dropped(self, cat):
        match = re.fullmatch(
            r'bbq-cat: dropped (?:(\d+) lines \()?(\d+) bytes\)?\n',
            cat.err())
        self.assertTrue(match, cat.err())
        return [int(n) for n in match.groups() if n]

    def start(self, *args):
        name = self.name()
        theirs, ours = self.pipe()
        sender = self.send(name, '--drop', '--capacity', '4096', *args,
                           stdin=theirs)
        os.close(theirs)
        return name, sender, ours

    def test_bytes_without_a_receiver(self):
        """The input is taken though nobody reads; the first bytes stay."""
        for kind in KINDS:
            with self.subTest(io=kind):
                data = noise(1 << 20)
                name, sender, ours = self.start('--io', kind)
                writer(self, ours, data).join()
                self.filled(name, 4096)
                receiver = self.recv(name)
                self.ends(receiver)
                self.assertEqual(sender.wait(), OK)
                self.same(receiver.out(), data[:4096])
                self.assertEqual(self.dropped(sender), [len(data) - 4096])

    def test_bytes_with_a_slow_receiver(self):
        """What arrives is a part of what was sent, in its order."""
        for kind in KINDS:
            with self.subTest(io=kind):
                # Numbers of eight bytes: any eight in step tell their place.
                data = b''.join(b'%07d\n' % i for i in range(200000))
                name, sender, ours = self.start('--io', kind)
                out, sink = self.pipe()
                receiver = self.recv(name, stdout=sink)
                os.close(sink)
                self.attached(name, 'recv')
                feeder = writer(self, ours, data, 5000)
                got = bytearray()
                while True:
                    piece = read_some(out, 700)
                    if not piece:
                        break
                    got += piece
                feeder.join()
                os.close(out)
                self.ends(receiver)
                self.assertEqual(sender.wait(), OK)
                dropped, = self.dropped(sender)
                self.assertEqual(dropped + len(got), len(data))
                self.assertTrue(self.is_part(bytes(got), data))

    @staticmethod
    def is_part(got, data):
        """Is got made of pieces of data in order? By greedy long matches."""
        at = begin = 0
        while at < len(got):
            size = 1
            found = data.find(got[at:at + size], begin)
            if found < 0:
                return False
            # Prefer where the next sixteen bytes are, if they are one piece.
            better = data.find(got[at:at + 16], begin)
            if better >= 0:
                found, size = better, 16
            while (at + size < len(got) and found + size < len(data) and
                   got[at + size] == data[found + size]):
                size += 1
            at += size
            begin = found + size
        return True

    def test_lines_without_a_receiver(self):
        for kind in KINDS:
            with self.subTest(io=kind):
                text = lines_of(20000)
                name, sender, ours = self.start('--lines', '--io', kind)
                writer(self, ours, text).join()
                self.attached(name, 'send')
                wait_for(lambda name=name: Segment(name).fill() > 3000,
                         'the queue is full')
                receiver = self.recv(name)
                self.ends(receiver)
                self.assertEqual(sender.wait(), OK)
                self.check_lines(text, receiver.out(), self.dropped(sender))

    def check_lines(self, text, out, dropped):
        sent = text.splitlines(keepends=True)
        got = out.splitlines(keepends=True)
        place = {line: i for i, line in enumerate(sent)}
        order = [place[line] for line in got]
        self.assertEqual(order, sorted(set(order)))
        self.assertEqual([len(sent) - len(got), len(text) - len(out)],
                         dropped)
        self.assertGreater(len(got), 0)
        self.assertGreater(dropped[0], 0)

    def test_lines_with_a_stopped_receiver(self):
        for kind in KINDS:
            with self.subTest(io=kind):
                text = lines_of(30000)
                half = text.index(b'\n', len(text) // 2) + 1
                name, sender, ours = self.start('--lines', '--io', kind)
                receiver = self.recv(name, '--io', kind)
                self.attached(name, 'recv')
                receiver.stopped()
                at = 0
                while at < half:
                    at += os.write(ours, text[at:min(at + 3000, half)])
                receiver.kill(18)
                writer(self, ours, text[half:], 3000).join()
                self.ends(receiver)
                self.assertEqual(sender.wait(), OK)
                self.check_lines(text, receiver.out(), self.dropped(sender))

    def test_nothing_to_drop(self):
        """Input that fits, by file and by pipe, and the count says so."""
        for args, want in (((), [0]), (('--lines',), [0, 0])):
            for kind in KINDS:
                with self.subTest(args=args, io=kind):
                    data = lines_of(10)
                    name = self.name()
                    sender = self.send(name, '--drop', '--io', kind, *args,
                                       stdin=data)
                    receiver = self.recv(name)
                    self.ends(receiver)
                    self.assertEqual(sender.wait(), OK)
                    self.assertEqual(receiver.out(), data)
                    self.assertEqual(self.dropped(sender), want)

    def test_json_counts_them(self):
        text = lines_of(20000)
        name, sender, ours = self.start('--lines', '--json')
        writer(self, ours, text).join()
        receiver = self.recv(name, '--json')
        self.assertEqual((sender.wait(), receiver.wait()), (OK, OK))
        said, heard = json.loads(sender.err()), json.loads(receiver.err())
        self.check_lines(text, receiver.out(),
                         [said['dropped_lines'], said['dropped_bytes']])
        self.assertEqual(said['bytes'], len(receiver.out()))
        self.assertEqual(said['lines'], receiver.out().count(b'\n'))
        self.assertEqual((heard['bytes'], heard['lines']),
                         (said['bytes'], said['lines']))


class Reports(TestCase):
    def pair(self, *args, name=None):
        """A pair with 3000 bytes through it, and 1000 left in the queue."""
        name = name or self.name()
        theirs, ours = self.pipe()
        out, sink = self.pipe()
        sender = self.send(name, '--capacity', '1000', *args, stdin=theirs)
        receiver = self.recv(name, *args, stdout=sink)
        os.close(theirs)
        os.close(sink)
        os.write(ours, noise(3000))
        self.assertEqual(read_rest(out, 3000), noise(3000))
        receiver.stopped()
        os.write(ours, noise(1000))
        self.filled(name, 1000)
        return sender, receiver, ours

    def over(self, sender, receiver, ours):
        receiver.kill(18)
        os.close(ours)
        self.assertEqual(receiver.wait(), OK)
        self.assertEqual(sender.wait(), OK)

    def test_progress(self):
        sender, receiver, ours = self.pair('--progress')
        shape = re.compile(
            r'\d+(\.\d\d [KMGT]i| )B  \d+(\.\d\d [KMGT]i| )B/s  fill +\d+ %')
        wait_for(lambda: '  fill 100 %' in sender.err(), 'fill is shown')
        self.over(sender, receiver, ours)
        for cat in (sender, receiver):
            lines = cat.err().splitlines()
            for line in lines:
                self.assertTrue(shape.fullmatch(line), line)
            self.assertTrue(lines[-1].startswith('3.91 KiB  '), lines)
            self.assertTrue(lines[-1].endswith('fill   0 %'), lines)

    def test_progress_on_a_terminal(self):
        """One line that is written anew, and ends as a line."""
        ours, theirs = self.keep(*os.openpty())
        name = self.name()
        sender = self.send(name, '--progress', stdin=noise(1000),
                           stderr=theirs)
        self.filled(name, 1000)
        shown = read_some(ours)
        while b'fill' not in shown:
            shown += read_some(ours)
        self.ends(self.recv(name))
        self.assertEqual(sender.wait(), OK)
        os.close(theirs)
        shown += read_rest(ours)
        self.assertGreaterEqual(shown.count(b'\r1000 B  '), 2)
        self.assertTrue(shown.endswith(b'\r\n'), shown)

    def test_json(self):
        sender, receiver, ours = self.pair('--json')
        self.over(sender, receiver, ours)
        for cat, role in ((sender, 'send'), (receiver, 'recv')):
            said, = [json.loads(line) for line in cat.err().splitlines()]
            self.assertGreater(said.pop('seconds'), 0)
            self.assertGreater(said.pop('bytes_per_second'), 0)
            self.assertIn(said.pop('io'), ('uring', 'sync'))
            self.assertEqual(said, {
                'event': 'end', 'role': role, 'name': cat.args[1],
                'bytes': 4000, 'lines': 0, 'dropped_bytes': 0,
                'dropped_lines': 0, 'status': 0})

    def test_json_progress(self):
        sender, receiver, ours = self.pair('--json', '--progress')
        wait_for(lambda: '"fill":1000' in sender.err(), 'fill is shown')
        self.over(sender, receiver, ours)
        for cat in (sender, receiver):
            events = [json.loads(line) for line in cat.err().splitlines()]
            self.assertEqual(events.pop()['event'], 'end')
            for event in events:
                self.assertEqual(event['event'], 'progress')
                self.assertEqual(event['capacity'], 1000)
                self.assertLessEqual(event['fill'], 1000)
                self.assertGreaterEqual(event['bytes_per_second'], 0)

    def test_json_quotes_names(self):
        name = self.name() + '"\\\n\x01é'
        self.names.append(name)
        sender, receiver, ours = self.pair('--json', name=name)
        self.over(sender, receiver, ours)
        self.assertEqual(json.loads(sender.err())['name'].encode('latin1'),
                         name.encode())

    def test_json_names_the_way(self):
        for kind in KINDS:
            name = self.name()
            sender = self.send(name, '--json', '--io', kind)
            receiver = self.recv(name, '--json', '--io', kind)
            for cat in (sender, receiver):
                self.assertEqual(cat.wait(), OK)
                self.assertEqual(json.loads(cat.err())['io'], kind)


if __name__ == '__main__':
    main()
