#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What is refused, each in one line."""
import os
import resource

from bbqlat import ERROR, USAGE, TestCase, main


class Usage(TestCase):
    def test_values(self):
        for option, bad in {
                '--size': ('', 'x', '-1', '0', '64x', '64kib', '99999999999',
                           '18446744073709551616', '5GiB', ' 64', '1.5'),
                '--capacity': ('', '0', '4GiB', 'big'),
                '--rate': ('', '0', '-5', 'fast', '1K', '1kk', '2000M', 'nan',
                           'inf', '1e-12', '0x10k'),
                '--duration': ('', '0', '-1', 'long', '1s', '1e10', 'nan'),
                '--count': ('', '0', '-1', 'x', '1k', '9223372036854775808'),
                '--warmup': ('', '-1', 'x'),
                '--rounds': ('', '0', '10001', 'x'),
                '--cpus': ('', '0', '0,', ',1', '0,0', '0,1,2', 'a,b', '0;1',
                           '-1,0', '0,99999999999'),
                '--vs': ('', 'bbq', 'pip', 'pipes', 'pipe,', ',pipe',
                         'pipe unix', 'pipe,,unix'),
                '--plot': ('',)}.items():
            for value in bad:
                with self.subTest(option=option, value=value):
                    run = self.lat(option, value)
                    self.ends(run, USAGE, "%s: bad " % option)
                    self.assertIn("'%s'" % value, run.err())

    def test_size_below_the_stamp(self):
        for size in (1, 7):
            self.ends(self.lat('--size', size), USAGE,
                      '--size: a message has at least 8 bytes')

    def test_size_that_does_not_fit(self):
        for args, name in ((('--size', 65537), 'bbq'),
                           (('--size', 64, '--capacity', 63), 'bbq'),
                           (('--size', 64, '--capacity', 64, '--frames'),
                            'bbq'),
                           (('--size', 64, '--capacity', 64, '--vs',
                             'pipe,slots', '--frames'), 'bbq'),
                           (('--size', 65, '--capacity', 127, '--vs',
                             'slots'), 'slots')):
            with self.subTest(args=args):
                self.ends(self.lat(*args), USAGE,
                          'does not fit into a queue of %s bytes (%s)' % (
                              args[3] if '--capacity' in args else 65536,
                              name))

    def test_options(self):
        for args, says in (
                (('--nonsense',), "unknown option '--nonsense'"),
                (('-x',), "unknown option '-x'"),
                (('-\xe4',), r"unknown option '-\xc3'"),
                (('--size',), '--size needs a value'),
                (('--spin=1',), "unknown option '--spin=1'"),
                (('file',), "what is 'file'?"),
                (('--spin', '--sleep'), '--spin and --sleep exclude'),
                (('--count', 5, '--duration', 1),
                 '--count and --duration exclude')):
            with self.subTest(args=args):
                self.ends(self.lat(*args), USAGE, says)


class Errors(TestCase):
    def test_processor_that_is_not_there(self):
        self.ends(self.lat('--cpus', '0,70000'), ERROR,
                  '--cpus: processor 70000 is not one that this process may '
                  'use')

    def test_processor_that_is_not_allowed(self):
        first, second = sorted(os.sched_getaffinity(0))[:2]
        self.ends(self.lat('--cpus', '%d,%d' % (first, second),
                           preexec_fn=lambda: os.sched_setaffinity(
                               0, {first})),
                  ERROR, '--cpus: processor %d is not one' % second)

    def test_one_processor_only(self):
        one = min(os.sched_getaffinity(0))
        self.ends(self.lat(preexec_fn=lambda: os.sched_setaffinity(0, {one})),
                  ERROR, 'two processors are needed')

    def test_plot_that_cannot_be_written(self):
        """It is said before anything is measured: nothing comes out."""
        for path, says in ((self.path('no/plot.svg'), 'No such file'),
                           (self.directory, 'Is a directory')):
            self.ends(self.lat('--plot', path, '--duration', 1000), ERROR,
                      '%s: %s' % (path, says))

    def test_full_plot(self):
        run = self.lat('--plot', '/dev/full', '--count', 1)
        self.assertEqual(run.wait(), ERROR)
        self.assertEqual(run.err(),
                         'bbq-lat: /dev/full: No space left on device\n')

    def test_stdout(self):
        with open('/dev/full', 'wb') as full:
            run = self.lat('--count', 1, stdout=full)
            self.ends(run, ERROR, 'stdout: No space left on device')
            run = self.lat('--json', '--count', 1, stdout=full)
            self.ends(run, ERROR, 'stdout: No space left on device')
            run = self.lat('--help', stdout=full)
            self.ends(run, ERROR, 'stdout: No space left on device')

    def test_closed_stdout(self):
        """No queue gets its place."""
        run = self.lat('--count', 1, preexec_fn=lambda: os.close(1))
        self.ends(run, ERROR, 'stdout: Bad file descriptor')

    def test_no_descriptors(self):
        run = self.lat('--count', 1, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (5, 5)))
        self.ends(run, ERROR, 'Too many open files')


if __name__ == '__main__':
    main()
