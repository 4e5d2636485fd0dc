# SPDX-License-Identifier: MIT
"""The model, run: that the proof is about something.

An invariant that no state has, or a step that can never be taken, would be
proved without effort. So the same step functions are executed here on plain
numbers, steps and arguments drawn by a seeded generator. At every step
its checks and claims are evaluated, in many states the invariant; at the end
every step must have been taken, each place died at, each load have got the
newest message and an older one, and the lap have wrapped around.
"""
import random
from types import SimpleNamespace

from invariant import CLAUSES
from prove import KINDS, Model, side_of
from state import (C_PLACES, DEAD, FIELDS, P_PLACES, State,
                   initial)


# How often the invariant is evaluated: it takes longer than a step.
GUARD = 0.2

IDLE = {'p_abort', 'c_release_none', 'c_readable', 'p_writable'}


class Numbers:
    """A queue of a certain size. Laps are modulo 2 or 3: it wraps often."""

    def __init__(self, capacity, lap_radix, frames, align=1):
        self.capacity, self.lap_radix = capacity, lap_radix
        self.off_radix = capacity + 1
        self.frames, self.align = frames, align

    def lap_digit(self, lap):
        return lap % self.lap_radix

    def pad(self, offset, header):
        return header + -(offset + header) % self.align

    def encode(self, size, length, i):
        if not (1 <= size <= 9 and 0 <= i < size and length >= 0):
            return 0
        return ((length << 1 | 1) << (size - 1)) >> 8 * i & 0xff

    def head_size(self, first):
        return 1 + next((n for n in range(8) if first >> n & 1), 8)

    def fits(self, size, length):
        return 1 <= size and length < 1 << 7 * size

    def narrowest(self, length):
        return next(n for n in range(1, 10) if self.fits(n, length))


class Table:
    """A function that was worked out."""

    def __init__(self, values, default):
        self.values, self.default = values, default

    def __call__(self, x):
        return self.values.get(x, self.default)


class Violation(Exception):
    """A check, a claim or the invariant is false in a reached state."""


class Run:
    def __init__(self, model, seed, guard):
        self.m, self.random, self.guard = model, random.Random(seed), guard
        first = initial()
        self.s = self.settled(first, first)
        self.steps = model.steps()
        self.length = 0
        self.seen: set = set()
        self.laps_wrapped = 0

    # ---- states -------------------------------------------------------------

    def domain(self, s, name):
        """Where a function of the new state may differ from the old one."""
        if name.startswith('w_'):
            return [s.w_n]
        if name.startswith('r_'):
            return [s.r_n]
        if name.startswith('l_'):
            return [s.l_n]
        if name == 'stream':
            return range(self.s.put, s.put)
        return range(self.m.k.capacity)

    def settled(self, old: State, new: State) -> State:
        """The new state with its functions worked out."""
        changes = {}
        for name, kind in FIELDS.items():
            function = getattr(new, name)
            if kind not in ('fn', 'set') or (function is getattr(old, name)
                                             and isinstance(function, Table)):
                continue
            if old is new:
                changes[name] = Table({}, function(0))
                continue
            table = getattr(old, name)
            more = {x: function(x) for x in self.domain(new, name)}
            changes[name] = Table({**table.values, **more}, table.default)
        return new.but(**changes)

    def check_invariant(self):
        """For every index where that is cheap, else for some."""
        s, pick = self.s, self.random
        some = list(range(self.m.k.capacity))
        if len(some) > 16:
            starts = [b for b in some if s.f_start(b)]
            some = pick.sample(some, 4) + pick.sample(starts,
                                                      min(4, len(starts)))
        near = {'write': range(max(0, s.c_seen - 1), s.w_n + 1),
                'read': range(max(0, s.p_seen - 1), s.r_n + 1),
                'last': range(max(0, s.l_n - 3), s.l_n + 1), 'byte': some}
        for clause in CLAUSES:
            for at in combinations(clause.indices, near):
                if not clause.holds(self.m, s, *at):
                    raise Violation(f'invariant: {clause.name} {at}')

    # ---- steps --------------------------------------------------------------

    def size(self):
        """Lengths that fit something, and some that do not."""
        s, n = self.s, self.m.k.capacity
        return self.random.choice([
            self.random.randint(0, n + 1), self.random.randint(0, 3),
            s.c_len, s.c_len + s.c_second, s.p_len, s.p_len - s.p_payload,
            self.m.frame_size(s, s.c_roff), n - s.p_woff, s.p_roff, n,
            s.c_len + self.m.frame_size(s, 0)])

    def decode(self):
        s = self.s
        word = sum(s.x_byte(s.x_pos + i) << 8 * i for i in range(s.x_head))
        return word >> s.x_head

    def argument(self, kind):
        s, pick = self.s, self.random
        if kind == 'flag':
            return pick.random() < 0.5
        if kind == 'size':
            return self.size()
        if kind == 'decoded':
            return self.decode()
        if kind == 'byte':
            return pick.choice([pick.randrange(self.m.k.capacity), s.c_roff,
                                s.p_start + s.p_payload, 0])
        low, high = {'write': (s.c_view, s.w_n), 'read': (s.p_view, s.r_n),
                     'last': (s.c_lview, s.l_n)}[kind]
        if pick.random() < 0.5:
            return high
        return pick.randint(low, high)

    def note(self, name, step, p):
        s = self.s
        self.length += 1
        self.seen.add((name, 'taken'))
        if 'die' in name:
            self.seen.add((name, s.p_at if side_of(name) == 'producer'
                           else s.c_at))
        for arg, kind in step.params.items():
            newest = {'write': s.w_n, 'read': s.r_n, 'last': s.l_n}.get(kind)
            if newest is not None:
                self.seen.add((name, 'newest' if getattr(p, arg) == newest
                               else 'older'))

    def take(self, name):
        """One step, if it can be taken with the arguments that are drawn."""
        step = self.steps[name]
        p = SimpleNamespace(**{n: self.argument(kind)
                               for n, kind in step.params.items()})
        effect = step(self.s, p)
        if not effect.when:
            return
        for facts in (effect.access, effect.checks, effect.bounds,
                      effect.claims):
            for what, holds in facts.items():
                if not holds:
                    raise Violation(f'{name}: {what}')
        self.note(name, step, p)
        before = self.s
        self.s = self.settled(before, effect.then)
        self.laps_wrapped += self.s.p_wlap < before.p_wlap
        if self.random.random() < self.guard:
            self.check_invariant()

    def go(self, length):
        """That many steps; those that lead nowhere are rarer than others."""
        names = list(self.steps)
        weights = [1 if n in ('p_die', 'c_die') else 5 if n in IDLE else 30
                   for n in names]
        goal = self.length + length
        while self.length < goal:
            self.take(self.random.choices(names, weights)[0])


def combinations(names, near):
    """All values of the indices; a pair of positions lies close together."""
    if not names:
        return [()]
    first = near[KINDS[names[0]]]
    if names == ('b', 'b2'):
        return [(b, b + d) for b in first for d in range(9)]
    if len(names) == 1:
        return [(x,) for x in first]
    return [(x, y) for x in first for y in near[KINDS[names[1]]]]


QUEUES = [Numbers(5, 2, False), Numbers(150, 3, True),
          Numbers(160, 2, True, align=8)]


def wanted(model):
    """What the runs together must have done. A look never gets an older
    `last` (that is what the proof shows); an attach may, in the same lap."""
    steps = model.steps()
    places = {('p_die', at) for at in P_PLACES if at != DEAD}
    places |= {('c_die', at) for at in C_PLACES if at != DEAD}
    loads = {(name, which) for name, step in steps.items()
             for kind in step.params.values()
             if kind in ('write', 'read', 'last')
             for which in ('newest', 'older')}
    never = {('c_look_last', 'older'), ('c_readable_last', 'older')}
    return places | (loads - never) | {(name, 'taken') for name in steps}


def coverage(at_least=3000, at_most=40000):
    """(steps taken, what was never done, or what was wrong)."""
    runs = [Run(Model(numbers), seed, GUARD)
            for seed, numbers in enumerate(QUEUES)]
    missing = wanted(runs[0].m)
    taken = 0
    while taken < at_least or (missing and taken < at_most):
        for run in runs:
            try:
                run.go(250)
            except Violation as wrong:
                return taken + run.length % 250, [str(wrong)]
            taken += 250
            missing -= run.seen
    if min(run.laps_wrapped for run in runs) < 2:
        missing.add(('the lap', 'wraps around'))
    return taken, sorted(f'{a} {b}' for a, b in missing)


def violation(model, steps, seeds=(1, 2)):
    """How a broken model does wrong, in a run that looks at checks and claims
    only; '' if it was not seen to."""
    for seed in seeds:
        for numbers in QUEUES:
            run = Run(model(numbers), seed, guard=0)
            try:
                run.go(steps)
            except Violation as wrong:
                return f'{wrong} (step {run.length})'
    return ''
