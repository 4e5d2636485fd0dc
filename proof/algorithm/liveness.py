# SPDX-License-Identifier: MIT
"""Whoever wants len <= N bytes gets them: a ranking argument.

The producer waits: grant is refused, bbq_want, again. The consumer reads and
releases. What is left to do until the grant is a pair, compared in order:

    phase   1 while bbq_want may still have to publish a wrap, then 0
    left    bytes to release, and one more if a watermark is to be stepped over

It is never less than (0, 0); whatever the waiting producer and the consumer
do, it does not grow; and each store of `write` by bbq_want and each store of
`read` makes it smaller. While it is not (0, 0) one of these two stores comes,
if the consumer takes what it can and each side sees the other's newest cursor
in the end; at (0, 0) the grant succeeds, and whoever finds room once, finds
it until it commits. It may succeed long before.
"""
import functools

import z3

from logic import conj, disj, implies, neg
from model import Need
from prove import (Obligation, Premises, parameters, side_of, spec_of,
                   step_premises)
from state import (BYTES, C_FIND, C_FIRST, FRAME_AGAIN, FRAME_READ, READ,
                   SPLIT, symbolic)

# What a producer that waits does, and what can happen to it. p_want_write is
# the only one that publishes.
WAITING = ('p_die', 'p_attach_write', 'p_attach_last', 'p_attach_read',
           'p_grant_refused', 'p_frame_grant_refused', 'p_want',
           'p_frame_want', 'p_want_last', 'p_want_write', 'p_writable')
DOWN = ('p_want_write', 'c_first_over', 'c_release', 'c_release_beyond',
        'c_frame_release')


def phase(m, s):
    return z3.If(m.write_off(s) > 0, 1, 0)


def left(m, s):
    return s.put - s.got + m.write_abs(s) - m.read_abs(s)


def ranking(spec, m):
    """No step makes more of it, and those that store a cursor less."""
    for name, step in m.steps().items():
        if side_of(name) == 'producer' and name not in WAITING:
            continue
        s, p = symbolic(), parameters(step)
        effect = step(s, p)
        after = effect.then
        same_phase = phase(spec, after) == phase(spec, s)
        goals = [('left >= 0', left(spec, s) >= 0), ('does not grow', disj(
            phase(spec, after) < phase(spec, s),
            conj(same_phase, left(spec, after) <= left(spec, s))))]
        if name in DOWN:
            goals.append(('gets smaller', disj(
                phase(spec, after) < phase(spec, s),
                conj(same_phase, left(spec, after) < left(spec, s)))))
        premises = Premises(effect.when, functools.partial(
            step_premises, spec, step, s, p))
        for goal, formula in goals:
            yield Obligation(name, 'rank: ' + goal, premises, formula,
                             list(effect.checks.values()))


def needs(m, s):
    """Any request that can ever be granted, of bytes or of a frame."""
    length, longest = z3.Ints('want_len want_longest')
    frame = m.frame_need(spec_write(m, s), longest)
    k = m.k
    yield 'bytes', Need(length, length, 0), conj(
        1 <= length, length <= k.capacity)
    yield 'frame', frame, conj(
        0 <= longest, frame.head <= k.capacity, k.narrowest_rule(longest),
        k.pad_rule(0, k.narrowest(longest)),
        k.pad_rule(m.write_off(s), k.narrowest(longest)))


def spec_write(m, s):
    return m.write_at(s, s.w_n)


def producer_facts(spec, m, s):
    """At the end, a grant; and what is found stays found."""
    newest = spec.read_at(s, s.r_n)
    write = spec_write(spec, s)
    j, j2 = z3.Ints('any_j any_j2')
    for kind, need, asked in needs(m, s):
        room = m.find_place(write, newest, need).len
        drained = conj(asked, left(spec, s) == 0)
        yield (f'{kind}: drained, it is granted or want wraps',
               implies(drained, disj(room > 0, m.want_wraps(
                   s.but(p_wlap=write.lap, p_woff=write.off,
                         p_rlap=newest.lap, p_roff=newest.off), need))))
        yield (f'{kind}: drained and wrapped, it is granted',
               implies(conj(drained, phase(spec, s) == 0), room > 0))
        yield (f'{kind}: room that was found stays',
               implies(conj(asked, s.p_seen <= j, j <= j2, j2 <= s.r_n,
                            m.find_place(write, spec.read_at(s, j),
                                         need).len > 0),
                       m.find_place(write, spec.read_at(s, j2),
                                    need).len > 0))


def consumer_facts(spec, m, s):
    """With the newest write in hand and something left, it gets on."""
    at = conj(s.c_at == C_FIRST, s.c_seen == s.w_n, left(spec, s) > 0,
              neg(m.step_over(s)))
    after = m.after_first(s)
    yield ('bytes: steps over, or has bytes to release', implies(
        conj(at, disj(s.c_call == READ, s.c_call == SPLIT)),
        conj(after.c_open == BYTES, after.c_len > 0)))
    yield ('frame: steps over, or has a frame to release', implies(
        conj(at, disj(s.c_call == FRAME_READ, s.c_call == FRAME_AGAIN)),
        after.c_at == C_FIND))


class NoStep:
    params: dict = {}


def progress(spec, m):
    s, p = symbolic(), parameters(NoStep)
    premises = Premises(True, functools.partial(
        step_premises, spec, NoStep, s, p))
    for side, facts in (('producer', producer_facts),
                        ('consumer', consumer_facts)):
        for goal, formula in facts(spec, m, s):
            yield Obligation(side, goal, premises, formula, [])


def liveness(m):
    spec = spec_of(m.k)
    yield from ranking(spec, m)
    yield from progress(spec, m)
