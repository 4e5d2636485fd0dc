# SPDX-License-Identifier: MIT
"""What the tests of bbq-lat share: runs, and looks at their processes.

Latencies are compared with what the test itself has done (a process was
stopped for no less than so long), never with what a machine ought to do.
"""
import json
import os
import signal
import sys
import time

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import program
from program import ERROR, OK, USAGE, wait_for

RIVALS = ('pipe', 'unix', 'slots')
PERCENTILES = {'p50': 500000, 'p90': 900000, 'p99': 990000, 'p99.9': 999000,
               'p99.99': 999900}


def stat(pid):
    """Name, state and parent of a process; None if there is none."""
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii') as file:
            head, rest = file.read().rsplit(')', 1)
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = rest.split()
    return head.split('(', 1)[1], fields[0], int(fields[1])


def gone(pid):
    found = stat(pid)
    return found is None or found[1] in 'ZX'


class Lat(program.Program):
    """A running bbq-lat."""

    name = 'bbq-lat'
    path = os.environ.get('BBQ_LAT', name)

    def out(self):
        return super().out().decode()

    def children(self):
        pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
        return [pid for pid in pids if (stat(pid) or ('', '', 0))[2] ==
                self.pid]

    def far(self, job):
        """The other process, once it is at this job: its name tells."""
        def look():
            if not self.alive():
                raise AssertionError('it has ended: %r' % self.err())
            for pid in self.children():
                if (stat(pid) or ('',))[0] == 'bbq-lat-' + job:
                    return pid
            return None
        return wait_for(look, 'the other process is at ' + job)


class TestCase(program.TestCase):
    subject = Lat
    lat = program.TestCase.start

    def ends(self, run, status=OK, says=None):
        """Nothing comes out beside an error."""
        super().ends(run, status, says)
        if says is not None:
            self.assertEqual(run.out(), '')

    def text(self, *args, **more):
        run = self.lat(*args, **more)
        self.ends(run)
        return run.out()

    def report(self, *args, **more):
        """The JSON of a run, checked."""
        text = self.text('--json', *args, **more)
        self.assertEqual(text.count('\n'), 1)
        report = json.loads(text)
        for series in report['results'] + [report['floor']]:
            self.sane(series)
        self.assertEqual(report['noisy'], bool(report['noise']))
        return report

    def sane(self, series):
        """Percentiles are in order, and those of the histogram."""
        name, count = series['name'], series['count']
        self.assertGreater(count, 0, name)
        row = [series['min']] + [series[p] for p in PERCENTILES] + [
            series['max']]
        self.assertEqual(row, sorted(row), name)
        self.assertLessEqual(series['min'], series['mean'] + 0.05)
        self.assertLessEqual(series['mean'], series['max'] + 0.05)
        values = [value for value, _ in series['histogram']]
        self.assertEqual(values, sorted(set(values)))
        self.assertEqual(sum(n for _, n in series['histogram']), count, name)
        for percentile, per_million in PERCENTILES.items():
            rank = max(1, -(-count * per_million // 1000000))
            self.assertEqual(series[percentile], self.at(series, rank), name)

    @staticmethod
    def at(series, rank):
        for value, n in series['histogram']:
            rank -= n
            if rank <= 0:
                return min(value, series['max'])
        raise AssertionError('fewer than that')


def above(series, ns):
    """How many messages took longer."""
    return sum(n for value, n in series['histogram'] if value > ns)


def pause(pid, seconds):
    """Stop a process for no less than this."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: (stat(pid) or ('', 'Z'))[1] in 'TZ', 'it is stopped')
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def main():
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit('bbq-lat needs two processors, and so do its tests')
    program.main(Lat)
