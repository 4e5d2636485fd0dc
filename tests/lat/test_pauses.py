#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""With a rate, a pause shows in all messages that are due in it.

One process is stopped for PAUSE seconds or longer. Messages keep being due. All
that are due in the pause but for its last LATE seconds take longer than LATE.
How long the machine itself takes adds to that, and never takes from it.
"""
import json
import time

from bbqlat import PERCENTILES, TestCase, above, main, pause

RATE = 1000
SECONDS = 0.8
PAUSE = 0.3
LATE = 0.1
NS = 1000000000


class Pauses(TestCase):
    def paused(self, who, *args):
        """A run with a pause, all of it while messages were due."""
        seconds = SECONDS
        while True:
            # No message is due before this; the last so many seconds later.
            begin = time.monotonic()
            run = self.lat('--json', '--rate', RATE, '--duration', seconds,
                           '--warmup', 0, *args)
            far = run.far('bbq')
            pause(far if who == 'far' else run.pid, PAUSE)
            if time.monotonic() < begin + seconds:
                break
            # This machine is slow: it may have been over.
            seconds *= 2
        self.ends(run)
        series = json.loads(run.out())['results'][0]
        self.sane(series)
        self.assertEqual(series['count'], round(RATE * seconds))
        return series

    def check(self, series):
        due = int(RATE * (PAUSE - LATE)) - 1
        self.assertGreaterEqual(above(series, LATE * NS), due)
        self.assertGreaterEqual(series['max'], (PAUSE - 2 / RATE) * NS)
        # So all percentiles from there on say so.
        share = 1 - due / series['count']
        for name, per_million in PERCENTILES.items():
            if per_million / 1000000 > share:
                self.assertGreater(series[name], LATE * NS, name)

    def test_each_side(self):
        for who in ('near', 'far'):
            for mode in ((), ('--one-way',)):
                with self.subTest(who=who, mode=mode):
                    self.check(self.paused(who, *mode))

    def test_full_queue(self):
        """What finds no room waits, and has been due all the same."""
        self.check(self.paused('far', '--one-way', '--capacity', 1024))

    def test_each_way_to_wait(self):
        for wait in ('--spin', '--sleep'):
            with self.subTest(wait=wait):
                self.check(self.paused('far', wait))


if __name__ == '__main__':
    main()
