#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every way to measure: counts, percentiles, table, JSON, plot."""
import itertools
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

from bbqlat import PERCENTILES, RIVALS, TestCase, main

VS = ('--vs', ','.join(RIVALS))
SVG = '{http://www.w3.org/2000/svg}'


class Modes(TestCase):
    def test_all(self):
        """Each message is counted once, over each way, in each mode."""
        modes = ((), ('--one-way',))
        waiting = ((), ('--spin',), ('--sleep',))
        rates = ((), ('--rate', '50k'))
        for mode, wait, rate in itertools.product(modes, waiting, rates):
            with self.subTest(mode=mode, wait=wait, rate=rate):
                report = self.report(*mode, *wait, *rate, *VS, '--count', 201,
                                     '--rounds', 1, '--warmup', 10)
                self.assertEqual([r['name'] for r in report['results']],
                                 ['bbq', *RIVALS])
                for series in report['results']:
                    self.assertEqual(series['count'], 201)
                    self.assertGreater(series['p50_to_floor'], 0)
                    self.assertGreater(series['p99_to_floor'], 0)
                    self.assertIn(series['rounds_held'], (0, 1))
                self.assertEqual(report['mode'], 'one-way' if mode else
                                 'round-trip')
                self.assertEqual(report['waiting'], wait[0][2:] if wait else
                                 'spin-then-sleep')
                self.assertEqual(report['rate'], 50000 if rate else None)
                self.assertEqual(report['rounds'], 1)

    def test_sizes(self):
        """The messages come back as they were, or bbq-lat would say so."""
        for size, capacity, frames in (
                (8, '8', ()), (9, '1000', ()), (63, '64', ()),
                (64, '66', ('--frames',)), (4095, '4096', ()),
                (65536, '64KiB', ()), (100000, '1MiB', ('--frames',))):
            with self.subTest(size=size, capacity=capacity):
                report = self.report('--size', size, '--capacity', capacity,
                                     *frames, '--count', 200, '--rounds', 1,
                                     '--warmup', 20)
                self.assertEqual(report['size'], size)
                self.assertEqual(report['frames'], bool(frames))
                self.assertEqual(report['results'][0]['count'], 200)

    def test_rivals_with_large_messages(self):
        """More than a pipe or a socket takes at a time."""
        for spin in ((), ('--spin',)):
            report = self.report(*VS, *spin, '--size', 300001, '--capacity',
                                 '1MiB', '--count', 20, '--rounds', 1,
                                 '--warmup', 2)
            self.assertEqual([r['count'] for r in report['results']], [20] * 4)

    def test_counts(self):
        """Whatever the rounds, it is the count that was asked for."""
        for count, rounds, want in ((1, 10, 1), (7, 3, 3), (100, 4, 4)):
            report = self.report('--count', count, '--rounds', rounds,
                                 '--warmup', 0)
            self.assertEqual(report['results'][0]['count'], count)
            self.assertEqual(report['rounds'], want)

    def test_duration(self):
        """A rate and a duration make a count; without a rate, it goes by
        the clock."""
        report = self.report('--rate', '2k', '--duration', '.1')
        self.assertEqual(report['results'][0]['count'], 200)
        self.assertEqual(report['rounds'], 1)
        report = self.report('--duration', '.05')
        self.assertGreaterEqual(report['results'][0]['count'], 10)
        self.assertEqual(report['rounds'], 10)

    def test_rate_that_cannot_be_kept(self):
        """It says so, and still measures every message."""
        args = '--sleep', '--rate', '1000M', '--count', 200
        series = self.report(*args)['results'][0]
        self.assertEqual(series['count'], 200)
        self.assertFalse(series['kept_up'])
        self.assertLess(series['messages_per_second'], 1e9)
        text = self.text(*args)
        self.assertIn('bbq did not keep up: ', text)

    def test_cpus(self):
        first, second = sorted(os.sched_getaffinity(0))[:2]
        report = self.report('--cpus', '%d,%d' % (second, first), '--count',
                             100, '--rounds', 1)
        self.assertEqual(report['cpus'], [second, first])
        report = self.report('--count', 100, '--rounds', 1)
        self.assertEqual(len(set(report['cpus'])), 2)
        self.assertLessEqual(set(report['cpus']), os.sched_getaffinity(0))


class Text(TestCase):
    def test_table(self):
        text = self.text(*VS, '--count', 300, '--rounds', 2)
        head, _, names, *rows = text.splitlines()
        self.assertTrue(head.startswith('round-trip, 64 bytes, '), head)
        self.assertEqual(names.split()[1:8],
                         ['count', *PERCENTILES, 'max'])
        rows = [row.split() for row in rows[:5]]
        self.assertEqual([row[0] for row in rows], ['bbq', *RIVALS, 'floor'])
        for row in rows:
            values = [int(field) for field in row[2:8]]
            self.assertEqual(values, sorted(values))
        for row in rows[:4]:
            self.assertEqual(row[1], '300')
            self.assertEqual(len([float(field) for field in row[8:]]), 2)
        self.assertRegex(text, r'\nReading the clock takes \d+ ns, .*held in '
                         r'[0-2] of 2 rounds\.\n')
        self.assertEqual(len(re.findall(r'(?m)^(quiet$|NOISY: .)', text)), 1)

    def test_help_and_version(self):
        self.assertTrue(self.text('--help').startswith('usage: bbq-lat '))
        self.assertEqual(self.text('-h'), self.text('--help'))
        self.assertRegex(self.text('--version'), r'^bbq-lat \d+\.\d+\.\d+\n$')


class Noise(TestCase):
    def test_neighbour(self):
        """A process that wants the same processor does not go unnoticed."""
        cpus = sorted(os.sched_getaffinity(0))[:2]
        busy = subprocess.Popen([
            sys.executable, '-c', 'import os\nos.sched_setaffinity(0, {%d})\n'
            'print(flush=True)\nwhile True: pass' % cpus[1]],
            stdout=subprocess.PIPE)
        try:
            busy.stdout.readline()
            args = ('--cpus', '%d,%d' % tuple(cpus), '--duration', '.2',
                    '--rounds', 2)
            report = self.report(*args)
            text = self.text(*args)
        finally:
            busy.kill()
            busy.wait()
            busy.stdout.close()
        self.assertTrue(report['noisy'])
        self.assertGreater(report['involuntary_switches'], 0)
        self.assertTrue(any('involuntary context switches' in reason
                            for reason in report['noise']), report['noise'])
        self.assertRegex(text, r'(?m)^NOISY: .*involuntary context switches')
        self.assertNotRegex(text, r'(?m)^quiet$')


class Plot(TestCase):
    def curve(self, line):
        """Nothing falls, and nothing leaves the picture."""
        points = [tuple(map(float, point.split(',')))
                  for point in line.get('points').split()]
        self.assertGreaterEqual(len(points), 2)
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            self.assertLessEqual(x0, x1)
            self.assertGreaterEqual(y0, y1)
        for x, y in points:
            self.assertTrue(0 <= x <= 800 and 0 <= y <= 500, (x, y))

    def drawn(self, path, curves):
        root = xml.etree.ElementTree.parse(path).getroot()
        self.assertEqual(root.tag, SVG + 'svg')
        lines = root.findall(SVG + 'polyline')
        self.assertEqual(len(lines), curves)
        for line in lines:
            self.curve(line)
        return [text.text for text in root.findall(SVG + 'text')]

    def test_curves(self):
        for args, curves in ((VS, 5), (('--one-way', '--rate', '20k'), 2),
                             (('--frames', '--sleep'), 2)):
            path = self.path()
            out = self.text(*args, '--count', 300, '--rounds', 1, '--plot',
                            path)
            texts = self.drawn(path, curves)
            self.assertIn('bbq', texts)
            self.assertIn('floor', texts)
            self.assertIn('99 %', texts)
            title = out.split(';')[0]
            self.assertTrue(texts[0].startswith(title), (texts[0], title))

    def test_one_message(self):
        self.text('--count', 1, '--plot', self.path())
        self.drawn(self.path(), 2)

    def test_replaces_what_was_there(self):
        with open(self.path(), 'w', encoding='ascii') as file:
            file.write('x' * 1000000)
        self.text('--count', 100, '--rounds', 1, '--plot', self.path())
        self.drawn(self.path(), 2)

    def test_json_beside_it(self):
        self.report('--count', 100, '--rounds', 1, '--plot', self.path())
        self.drawn(self.path(), 2)

    def test_to_a_pipe(self):
        """What is no file can be written to as well."""
        run = self.lat('--count', 1, '--plot', '/dev/stderr')
        self.assertEqual(run.wait(), 0)
        self.assertTrue(run.err().endswith('</svg>\n'))


if __name__ == '__main__':
    main()
