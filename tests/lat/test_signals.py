#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Signals to either process, and deaths of either: nothing is left."""
import os
import signal

from bbqlat import ERROR, TestCase, gone, main, wait_for

LONG = ('--duration', 1000, '--warmup', 0, '--rounds', 1)
MODES = {
    'default': (),
    'spin': ('--spin',),
    'sleep': ('--sleep',),
    'one-way': ('--one-way',),
    'rate': ('--rate', '1k'),
    'slow': ('--rate', '0.1', '--count', 1000),
    'one-way rate': ('--one-way', '--rate', '10k', '--sleep'),
}


def long(args):
    return args + (LONG[2:] if '--count' in args else LONG)


class Signals(TestCase):
    def test_stop(self):
        """One line, no report, and nobody is left."""
        for mode, args in MODES.items():
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(mode=mode, signal=number):
                    run = self.lat(*long(args))
                    far = run.far('bbq')
                    os.kill(run.pid, number)
                    self.ends(run, ERROR, 'stopped by signal %d' % number)
                    self.assertTrue(gone(far))

    def test_group(self):
        """Ctrl-C goes to both processes, and so may SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            run = self.lat(*LONG, start_new_session=True)
            far = run.far('bbq')
            os.killpg(run.pid, number)
            self.ends(run, ERROR, 'stopped by signal %d' % number)
            self.assertTrue(gone(far))

    def test_stopped_other(self):
        run = self.lat(*LONG)
        far = run.far('bbq')
        os.kill(far, signal.SIGSTOP)
        os.kill(run.pid, signal.SIGTERM)
        self.ends(run, ERROR, 'stopped by signal 15')
        self.assertTrue(gone(far))

    def test_plot_is_not_left_half(self):
        for before in (None, 'precious'):
            if before:
                with open(self.path(), 'w', encoding='ascii') as file:
                    file.write(before)
            run = self.lat(*LONG, '--plot', self.path())
            run.far('bbq')
            self.assertTrue(os.path.exists(self.path()))
            os.kill(run.pid, signal.SIGINT)
            self.ends(run, ERROR, 'stopped by signal 2')
            self.assertEqual(os.path.exists(self.path()), before is not None)
            if before:
                with open(self.path(), encoding='ascii') as file:
                    self.assertEqual(file.read(), before)


class Deaths(TestCase):
    def test_other_dies(self):
        for mode, args in MODES.items():
            with self.subTest(mode=mode):
                run = self.lat(*long(args))
                os.kill(run.far('bbq'), signal.SIGKILL)
                self.ends(run, ERROR, 'the other process was killed by signal '
                          '9')

    def test_other_dies_on_a_rival(self):
        for rival in ('pipe', 'unix', 'slots'):
            for wait in ((), ('--spin',), ('--sleep',)):
                with self.subTest(rival=rival, wait=wait):
                    run = self.lat(*wait, '--vs', rival, '--duration', 2000,
                                   '--rounds', 10000, '--warmup', 0)
                    os.kill(run.far(rival), signal.SIGKILL)
                    self.ends(run, ERROR, 'the other process was killed by '
                              'signal 9')

    def test_both_directions(self):
        """Whoever is killed, the other does not outlive it."""
        for mode, args in MODES.items():
            with self.subTest(mode=mode):
                run = self.lat(*long(args))
                far = run.far('bbq')
                os.kill(run.pid, signal.SIGKILL)
                self.assertEqual(run.wait(), -signal.SIGKILL)
                wait_for(lambda pid=far: gone(pid), 'the other is gone')


if __name__ == '__main__':
    main()
