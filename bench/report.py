#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bbq-bench measured, as ratios: a table, a JSON file, plots.

    report.py DIRECTORY SAMPLES.json...

Virtual cores move between physical ones, and throughput with them, by up to
ten times. So nothing here compares two times that were not taken side by side:

- A sample has the round trip of two bare cache lines before and after it. If
  the two do not agree, the cores moved meanwhile, and it is set aside.
- What is left falls into placements: samples whose bare trips are within half
  as much again of each other. Each placement is reported by itself.
- A ratio is taken within one round and one case, between samples of the same
  placement. What is reported is the median over all rounds, with the quartiles.

Ratios are libbbq's rate to the rival's (for times: the rival's to libbbq's),
so above 1 libbbq is faster.
"""
import json
import math
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import plot

SPREAD = 1.5  # trips within one placement, the longest to the shortest
FEW = 3  # a median of fewer ratios is not shown
# Throughput is libbbq's with a moment for the producer, latency without.
REFERENCE = {'messages': 'bbq', 'bytes': 'bbq-bytes', 'trips': 'bbq-eager'}


def identify(name):
    """Kind, work, ring and rival of a benchmark (main.cpp gives the name)."""
    case, _, queue = name.partition('/ring:')
    kind, _, work = case.partition('/')
    ring, rival = queue.split('/')[:2]
    return kind, work, int(ring), rival


class Sample:
    """One measurement of one queue."""

    def __init__(self, round_, name, counters):
        self.kind, self.work, self.ring, self.rival = identify(name)
        self.round = round_
        self.before = counters['before_p50']
        self.after = counters['after_p50']
        self.floor = (self.before + self.after) / 2
        self.floor_p99 = (counters['before_p99'] + counters['after_p99']) / 2
        self.line = (counters['before_line'] + counters['after_line']) / 2
        self.bytes = counters['bytes_per_s']
        self.messages = counters['messages_per_s']
        self.p50, self.p99 = counters['trip_p50'], counters['trip_p99']

    @property
    def case(self):
        return (self.kind, self.work, self.ring)

    @property
    def speed(self):
        """Larger is better, whatever was measured."""
        if self.kind == 'trips':
            return 1 / self.p50
        return self.messages if self.kind == 'messages' else self.bytes


def load(paths):
    """All samples, what each ring holds, what each side costs alone, and how
    many samples failed."""
    samples, held, failed = [], {}, 0
    alone = defaultdict(list)
    for path in paths:
        for run in json.loads(Path(path).read_text())['benchmarks']:
            if run.get('error_occurred'):
                failed += 1
                continue
            kind, *key = identify(run['name'])
            if kind == 'held':
                held[tuple(key)] = run['payload_per_byte']
            elif kind == 'alone':
                alone[tuple(key)].append((run['write_ns'], run['read_ns']))
            else:
                samples.append(
                    Sample((str(path), run['round']), run['name'], run))
    middles = {key: tuple(map(statistics.median, zip(*pairs)))
               for key, pairs in alone.items()}
    return samples, held, middles, failed


def placements(samples):
    """Lists of samples, the shortest bare trip first; and those set aside."""
    steady = [s for s in samples
              if max(s.before, s.after) < SPREAD * min(s.before, s.after)]
    groups = []
    for sample in sorted(steady, key=lambda s: s.floor):
        if not groups or sample.floor > SPREAD * groups[-1][0].floor:
            groups.append([])
        groups[-1].append(sample)
    return groups, len(samples) - len(steady)


def quartiles(values):
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method='inclusive')


class Placement:
    """All that was measured while the cores were so far from each other."""

    def __init__(self, samples):
        self.samples = samples
        self.cases = defaultdict(dict)  # case, rival -> round -> sample
        for sample in samples:
            self.cases[sample.case, sample.rival][sample.round] = sample

    def rivals(self, case):
        return sorted({rival for c, rival in self.cases if c == case})

    def speed(self, case, rival):
        found = self.cases.get((case, rival), {}).values()
        return statistics.median(s.speed for s in found) if found else None

    def ratios(self, case, rival, reference, reference_case=None):
        """reference / rival, for each round that has both."""
        ours = self.cases.get((reference_case or case, reference), {})
        theirs = self.cases.get((case, rival), {})
        return [ours[r].speed / theirs[r].speed for r in ours if r in theirs]

    def best(self, case, rivals):
        """The fastest of them by its median."""
        speeds = {r: self.speed(case, r) for r in rivals}
        known = {r: s for r, s in speeds.items() if s}
        return max(known, key=known.get) if known else None


def size(ring):
    for unit, name in ((1 << 20, 'MiB'), (1 << 10, 'KiB')):
        if ring % unit == 0:
            return f'{ring // unit} {name}'
    return f'{ring} B'


def case_name(case):
    kind, work, ring = case
    if kind == 'trips':
        return 'round trip of 64 bytes'
    if kind == 'bytes':
        return f'stream of bytes, ring of {size(ring)}'
    return f'messages of {work}, ring of {size(ring)}'


def case_order(case):
    kind, work, ring = case
    mixes = ['1-256', '16-4096', '20/120']
    return (['messages', 'bytes', 'trips'].index(kind), ring,
            mixes.index(work) + 1e9 if work in mixes else int(work or 0))


def show_speed(kind, speed):
    if kind == 'trips':
        return f'{1 / speed:.0f} ns'
    unit, scale = ('M/s', 1e6) if kind == 'messages' else ('GB/s', 1e9)
    return f'{speed / scale:.3g} {unit}'


def show_ratio(ratios):
    if len(ratios) < FEW:
        return f'{"-":>6} ({len(ratios)} rounds)'
    low, middle, high = quartiles(ratios)
    return f'{middle:6.2f} ({low:.2f} to {high:.2f}, {len(ratios)} rounds)'


def table(placement):
    """Every case, every rival: its rate, and libbbq's ratio to it."""
    for case in sorted({c for c, _ in placement.cases}, key=case_order):
        reference = REFERENCE[case[0]]
        yield ''
        yield f'{case_name(case)}: {reference} / rival'
        for rival in sorted(placement.rivals(case),
                            key=lambda r: -placement.speed(case, r)):
            speed = show_speed(case[0], placement.speed(case, rival))
            ratio = show_ratio(placement.ratios(case, rival, reference))
            yield f'    {rival:<16}{speed:>12}  {ratio}'


def verdict(what, ratios, wish, note=''):
    if len(ratios) < FEW:
        return f'    {what:<44} too few rounds'
    middle = statistics.median(ratios)
    word = 'reached' if middle >= wish else 'MISSED'
    return f'    {what:<44}{show_ratio(ratios)}  >= {wish}: {word}{note}'


def against_rivals(placement, ring):
    """The best per-message rival of each size and mix, and their mean."""
    middles = []
    for case in sorted({c for c, _ in placement.cases}, key=case_order):
        if case[0] != 'messages' or case[2] != ring:
            continue
        rivals = [r for r in placement.rivals(case)
                  if not r.startswith('bbq') and r != 'dpdk-burst']
        best = placement.best(case, rivals)
        ratios = placement.ratios(case, best, 'bbq') if best else []
        if len(ratios) >= FEW:
            middles.append(statistics.median(ratios))
        yield verdict(f'{case[1]}: bbq / best rival', ratios, 1.0, f' ({best})')
        yield verdict(f'{case[1]}: bbq-batch / dpdk-burst',
                      placement.ratios(case, 'dpdk-burst', 'bbq-batch'), 1.0)
    if middles:
        mean = math.exp(statistics.fmean(map(math.log, middles)))
        yield (f'    {"geometric mean: bbq / best rival":<44}{mean:6.2f}'
               f'  >= 1.2: {"reached" if mean >= 1.2 else "MISSED"}')


def against_slots(placement, ring):
    wishes = {'1-256': 1.3, '20/120': 1.3, '16-4096': 1.0}
    for case in sorted({c for c, _ in placement.cases}, key=case_order):
        if case[0] == 'messages' and case[2] == ring:
            yield verdict(f'{case[1]}: bbq / slots',
                          placement.ratios(case, 'slots', 'bbq'),
                          wishes.get(case[1], 1.0))


def streams(placement):
    for ring, wish in ((65536, 2.0), (1 << 20, 1.5)):
        case = ('bytes', '', ring)
        for rival in ('mirror', 'jack'):
            yield verdict(f'stream, {size(ring)}: bbq-bytes / {rival}',
                          placement.ratios(case, rival, 'bbq-bytes'), wish)
        yield verdict(
            f'stream: bbq-bytes, {size(ring)} / pipe, 1 MiB',
            placement.ratios(('bytes', '', 1 << 20), 'pipe', 'bbq-bytes',
                             case), 5.0)


def trips(placement):
    """Times: at most so often the bare lines'."""
    for case, rival in sorted(placement.cases):
        if case[0] != 'trips' or rival != 'bbq-eager':
            continue
        found = placement.cases[case, rival].values()
        for name, wish, ratios in (
                ('p50', 2.0, [s.p50 / s.floor for s in found]),
                ('p99', 2.5, [s.p99 / s.floor_p99 for s in found])):
            word = 'reached' if statistics.median(ratios) <= wish else 'MISSED'
            yield (f'    {f"round trip, {name}: bbq-eager / bare lines":<44}'
                   f'{show_ratio(ratios)}  <= {wish}: {word}')
        slower = placement.ratios(case, 'bbq-verbs', 'bbq-spin')
        if len(slower) >= FEW:
            word = 'reached' if statistics.median(slower) <= 1.05 else 'MISSED'
            yield (f'    {"round trip, p50: bbq-verbs / bbq-spin":<44}'
                   f'{show_ratio(slower)}  <= 1.05: {word}')


def memory(held):
    """Payload per byte of ring, by rival."""
    yield ''
    yield 'payload held, bytes per byte of ring, full (mean over refusals)'
    rivals = list(dict.fromkeys(rival for _, _, rival in held))
    cases = dict.fromkeys((work, ring) for work, ring, _ in held)
    yield f'    {"":<24}' + ''.join(f'{r:>8}' for r in rivals)
    for work, ring in cases:
        cells = [held.get((work, ring, r)) for r in rivals]
        yield (f'    {work + ", " + size(ring):<24}' +
               ''.join(f'{c:8.3f}' if c else f'{"-":>8}' for c in cells))
    mix = '20/120', 65536
    if (*mix, 'bbq') in held:
        ratio = held[(*mix, 'bbq')] / held[(*mix, 'slots')]
        yield (f'    20/120, 64 KiB: bbq / slots {ratio:.2f}  >= 1.75: '
               f'{"reached" if ratio >= 1.75 else "MISSED"}')


def one_process(alone):
    """Nanoseconds a message, to write and to read it, by rival."""
    yield ''
    yield 'one process: nanoseconds to write / to read a message'
    rivals = list(dict.fromkeys(rival for _, _, rival in alone))
    yield f'    {"":<18}' + ''.join(f'{r:>13}' for r in rivals)
    for work, ring in dict.fromkeys((work, ring) for work, ring, _ in alone):
        cells = [alone.get((work, ring, r)) for r in rivals]
        yield (f'    {work + ", " + size(ring):<18}' + ''.join(
            f'{f"{c[0]:.1f} / {c[1]:.1f}" if c else "-":>13}' for c in cells))


def describe(placement, total):
    trips_ = quartiles([s.floor for s in placement.samples])
    lines = quartiles([s.line for s in placement.samples])
    return (f'{len(placement.samples)} of {total} samples; two bare cache lines '
            f'{trips_[1]:.0f} ns ({trips_[0]:.0f} to {trips_[2]:.0f}), '
            f'a line written and read {lines[1]:.1f} ns '
            f'({lines[0]:.1f} to {lines[2]:.1f})')


def report(groups, held, alone, aside, failed):
    total = sum(map(len, groups)) + aside
    yield (f'{total} samples, {aside} set aside because the cores moved, '
           f'{failed} failed')
    for number, group in enumerate(groups):
        placement = Placement(group)
        yield ''
        yield f'==== placement {number + 1}: {describe(placement, total)}'
        if len(group) < total / 20:
            yield '    too few to say anything'
            continue
        yield ''
        yield 'what libbbq must reach, ring of 64 KiB'
        yield from against_slots(placement, 65536)
        yield from against_rivals(placement, 65536)
        yield from streams(placement)
        yield from trips(placement)
        yield from table(placement)
    if held:
        yield from memory(held)
    if alone:
        yield from one_process(alone)


def as_json(groups, held, alone, aside, failed):
    """The same for programs."""
    out = {'set_aside': aside, 'failed': failed, 'placements': [], 'held': [
        {'work': w, 'ring': n, 'rival': r, 'payload_per_byte': value}
        for (w, n, r), value in held.items()], 'alone': [
        {'work': w, 'ring': n, 'rival': r, 'write_ns': write, 'read_ns': read}
        for (w, n, r), (write, read) in alone.items()]}
    for group in groups:
        placement = Placement(group)
        cases = []
        for case, rival in sorted(placement.cases):
            ratios = placement.ratios(case, rival, REFERENCE[case[0]])
            cases.append({
                'kind': case[0], 'work': case[1], 'ring': case[2],
                'rival': rival, 'speed': placement.speed(case, rival),
                'rounds': len(ratios),
                'ratio': quartiles(ratios) if ratios else None})
        out['placements'].append({
            'bare_trip_ns': quartiles([s.floor for s in group]),
            'line_ns': quartiles([s.line for s in group]),
            'samples': len(group), 'cases': cases})
    return out


def plots(placement, directory):
    """Ratios to libbbq, a file for each kind and ring."""
    trip = round(quartiles([s.floor for s in placement.samples])[1], -1)
    everybody = sorted({rival for _, rival in placement.cases})
    rows = defaultdict(list)
    for case in sorted({c for c, _ in placement.cases}, key=case_order):
        reference = REFERENCE[case[0]]
        dots = {}
        for rival in placement.rivals(case):
            found = placement.ratios(case, rival, reference)
            if rival != reference and len(found) >= FEW:
                dots[rival] = quartiles([1 / ratio for ratio in found])
        if dots:
            key = case[0] + (f'-{case[2]}' if case[0] == 'messages' else '')
            name = case[1] if case[0] == 'messages' else case_name(case)
            rows[key].append((name, dots))
    for key, cases in rows.items():
        kind, _, ring = key.partition('-')
        title = {'bytes': 'stream of bytes: rate', 'trips': 'round trips a second'
                 }.get(kind, f'messages a second, ring of {size(int(ring or 0))}')
        title += f', relative to libbbq (bare trip {trip:.0f} ns)'
        (directory / f'{key}-{trip:.0f}ns.svg').write_text(
            plot.dots(title, cases, everybody))


def main(directory, *paths):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    samples, held, alone, failed = load(paths)
    groups, aside = placements(samples)
    text = '\n'.join(report(groups, held, alone, aside, failed)) + '\n'
    (directory / 'report.txt').write_text(text)
    (directory / 'report.json').write_text(
        json.dumps(as_json(groups, held, alone, aside, failed), indent=1) + '\n')
    for group in groups:
        if len(group) >= len(samples) / 20:
            plots(Placement(group), directory)
    sys.stdout.write(text)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
