# SPDX-License-Identifier: MIT
"""The obligations, and the solver that has to prove each of them.

Induction: the first state has the invariant, and every step keeps it and does
what it claims. "For every" is unfolded by hand: a goal is shown for arbitrary
indices, and the invariant is assumed for these and for the indices at hand.
So an obligation has no quantifier left: linear integers with uninterpreted
functions, which is decidable, and the answer is never a matter of luck.
Assuming less than the invariant can lose a proof but never make a wrong one.
"""
import itertools
import time
from dataclasses import dataclass
from types import SimpleNamespace

import z3

from consumer import Consumer
from invariant import CLAUSES, is_word
from logic import between, conj, implies, neg
from model import Effect
from producer import Producer
from state import (CONSUMER, Constants, GHOST, PRODUCER, SHARED, fresh,
                   initial, symbolic)

TIMEOUT_MS = 20000


class Model(Producer, Consumer):
    """Both sides."""


@dataclass
class Obligation:
    group: str      # the step
    goal: str
    premises: list  # shared by a group
    formula: object
    given: list     # more premises, of this goal only


KINDS = {'i': 'write', 'i2': 'write', 'j': 'read', 'j2': 'read', 'n': 'last',
         'b': 'byte', 'b2': 'byte'}


def arbitrary():
    """The indices for which goals are shown."""
    return {name: z3.Int('any_' + name) for name in KINDS}


def parameters(step):
    make = {'flag': z3.Bool}
    return SimpleNamespace(**{n: make.get(kind, z3.Int)(f'arg_{n}')
                              for n, kind in step.params.items()})


def terms_at_hand(m, s, step, p):
    """The indices for which the invariant is assumed, by kind."""
    terms = {
        'write': [s.w_n, s.c_seen, s.c_view, s.n_seen],
        'read': [s.r_n, s.p_seen, s.p_view],
        'last': [s.l_n, s.c_lview],
        'byte': [z3.IntVal(0), m.read_off(s), m.write_off(s), s.x_pos,
                 s.x_pos + s.x_next, s.p_start, s.p_start + s.p_next,
                 s.w_off(s.c_seen)],
    }
    for name, kind in step.params.items():
        if kind in terms:
            terms[kind].append(getattr(p, name))
    for name, term in arbitrary().items():
        terms[KINDS[name]].append(term)
    return terms


def instances(m, s, clauses, terms):
    """The clauses, for all combinations of the terms."""
    for clause in clauses:
        kinds = [terms[KINDS[name]] for name in clause.indices]
        for indices in itertools.product(*kinds):
            yield clause.holds(m, s, *indices)


def rule_instances(m, s, p):
    """The constants' rules, where steps use them."""
    k = m.k
    b = arbitrary()['b']
    ro, wo = m.read_off(s), m.write_off(s)
    yield from k.rules()
    for lap in (m.read_abs(s), m.write_abs(s)):
        yield from (k.lap_rule(lap + d) for d in (-1, 0, 1))
    yield k.header_rule(s.f_head(s.x_pos), s.f_len(s.x_pos))
    longest = getattr(p, 'longest', z3.IntVal(0))
    yield k.narrowest_rule(longest)
    header = k.narrowest(longest)
    granted = s.p_len - s.p_payload
    for shorter in (getattr(p, 'used', z3.IntVal(0)), s.p_flen):
        yield k.fits_rule(s.p_header, granted, shorter)
    for at, size in ((0, header), (wo, header), (s.p_woff, header),
                     (b, s.f_head(b)), (ro, s.f_head(ro)),
                     (s.x_pos, s.f_head(s.x_pos)), (s.x_pos, s.x_head),
                     (s.p_start, s.p_header)):
        yield k.pad_rule(at, size)


def decoding(m, s, p):
    """bbq_frame_header_decode, by contract (lemmas.py): a header that was
    encoded for a length is decoded to it. "For every byte of it" is a premise
    here: one byte that would refute it stands for all."""
    b, length = fresh('byte'), s.f_len(s.x_pos)
    as_encoded = implies(
        conj(s.x_pos <= b, b < s.x_pos + s.x_head),
        s.x_byte(b) == m.k.encode(s.x_head, length, b - s.x_pos))
    rule = implies(conj(as_encoded, between(0, length, s.x_end - s.x_pos),
                        m.k.fits(s.x_head, length)),
                   p.length == length)
    return b, rule


def goals_of(m, effect: Effect, clauses):
    yield from (('access: ' + n, f) for n, f in effect.access.items())
    yield from (('check: ' + n, f) for n, f in effect.checks.items())
    yield from (('bounds: ' + n, f) for n, f in effect.bounds.items())
    yield from (('claim: ' + n, f) for n, f in effect.claims.items())
    for clause in clauses:
        indices = [arbitrary()[name] for name in clause.indices]
        yield ('keeps: ' + clause.name,
               clause.holds(m, effect.then, *indices))


def step_obligations(m, name, step):
    """With an honest peer: every check passes, every claim holds, and the
    invariant is kept."""
    s, p = symbolic(), parameters(step)
    effect = step(s, p)
    terms = terms_at_hand(m, s, step, p)
    premises = [effect.when, *rule_instances(m, s, p)]
    if 'length' in step.params:
        byte, rule = decoding(m, s, p)
        terms['byte'].append(byte)
        premises.append(rule)
    premises += instances(m, s, CLAUSES, terms)
    passed = list(effect.checks.values())
    for goal, formula in goals_of(m, effect, CLAUSES):
        given = [] if goal.startswith(('check', 'access')) else passed
        yield Obligation(name, goal, premises, formula, given)


def side_of(name):
    return 'producer' if name.startswith('p_') else 'consumer'


def hostile_obligations(m, name, step):
    """Whatever the peer stores: nothing outside the buffer is touched. Only
    the handle's own clauses are assumed, and that loaded words are words."""
    side = side_of(name)
    clauses = [c for c in CLAUSES if c.local == side]
    s, p = symbolic(), parameters(step)
    effect = step(s, p)
    premises = [effect.when, *m.k.rules()]
    longest = getattr(p, 'longest', z3.IntVal(0))
    granted = s.p_len - s.p_payload
    premises += [m.k.narrowest_rule(longest),
                 m.k.pad_rule(0, m.k.narrowest(longest)),
                 m.k.pad_rule(s.p_woff, m.k.narrowest(longest)),
                 m.k.pad_rule(s.x_pos, s.x_head),
                 m.k.fits_rule(s.p_header, granted,
                               getattr(p, 'used', z3.IntVal(0))),
                 between(1, m.k.head_size(s.data(s.x_pos)), 9)]
    premises += [clause.holds(m, s) for clause in clauses]
    for i in (s.w_n, getattr(p, 'i', s.w_n)):
        premises.append(is_word(m, m.write_at(s, i)))
    for j in (s.r_n, getattr(p, 'j', s.r_n)):
        premises.append(is_word(m, m.read_at(s, j)))
    premises += [s.l_val(n) >= 0 for n in (s.l_n, getattr(p, 'n', s.l_n))]
    passed = list(effect.checks.values())
    for goal, formula in goals_of(m, effect, clauses):
        if goal.startswith(('check', 'claim')):
            continue
        yield Obligation(name, goal, premises, formula,
                         [] if goal.startswith('access') else passed)


def initial_obligations(m):
    s = initial(z3.IntVal(0))
    for clause in CLAUSES:
        indices = [arbitrary()[name] for name in clause.indices]
        yield Obligation('all-zero memory', 'has: ' + clause.name,
                         m.k.rules(), clause.holds(m, s, *indices), [])


def untouched(before, after, fields):
    """Nothing of these fields is even mentioned as changed."""
    return all(getattr(before, f) is getattr(after, f) for f in fields)


def frame_failures(m):
    """What a step may change at all: a death no shared word, no byte and
    nothing of the peer; a step nothing of the peer's handle."""
    s, failures, count = symbolic(), [], 0
    for name, step in m.steps().items():
        after = step(s, parameters(step)).then
        other = CONSUMER if side_of(name) == 'producer' else PRODUCER
        kept = {**other, **SHARED, **GHOST} if 'die' in name else other
        count += 1
        if not untouched(s, after, kept):
            failures.append((name, 'keeps: what is not its own', 'changed'))
    return count, failures


def discharge(obligations, stop=False):
    """(number, failures): each a (group, goal, answer) that is not proved."""
    solver, premises, failures, count = None, None, [], 0
    for o in obligations:
        if o.premises is not premises:
            premises, solver = o.premises, z3.SolverFor('QF_UFLIA')
            solver.set('timeout', TIMEOUT_MS)
            solver.add(*[f for f in premises if f is not True])
        count += 1
        if o.formula is True:
            continue
        solver.push()
        solver.add(neg(o.formula), *[f for f in o.given if f is not True])
        answer = solver.check()
        solver.pop()
        if answer != z3.unsat:
            failures.append((o.group, o.goal, str(answer)))
            if stop:
                break
    return count, failures


def honest(m):
    yield from initial_obligations(m)
    for name, step in m.steps().items():
        yield from step_obligations(m, name, step)


def hostile(m):
    for name, step in m.steps().items():
        yield from hostile_obligations(m, name, step)


if __name__ == '__main__':
    import sys
    m = Model(Constants())
    for part in (honest, hostile):
        for name, step in [(None, None)] + list(m.steps().items()):
            if name is None:
                if part is hostile: continue
                obs = initial_obligations(m)
            else:
                obs = (step_obligations if part is honest else hostile_obligations)(m, name, step)
            t = time.time()
            n, f = discharge(obs)
            print(part.__name__, name, n, len(f), f'{time.time()-t:.1f}', flush=True)
            for x in f: print('    ', x)
    print(frame_failures(m))
