# SPDX-License-Identifier: MIT
"""The obligations, and the solver that has to prove each of them.

Induction: the first state has the invariant, and every step keeps it and does
what it claims. "For every" is unfolded by hand: a goal is shown for arbitrary
indices, and the invariant is assumed for these and for the indices at hand.
So an obligation has no quantifier left: linear integers with uninterpreted
functions, which is decidable, and the answer is never a matter of luck.
Assuming less than the invariant can lose a proof but never make a wrong one.

Clauses, ghosts and rooms in clauses are always those of `spec`, the model as
it should be; the steps are those of `m`, which may be a mutant (mutants.py).
"""
import functools
import itertools
from dataclasses import dataclass
from types import SimpleNamespace

import z3

from consumer import Consumer
from invariant import CLAUSES, is_word
from logic import between, conj, implies, neg
from model import Effect
from producer import Producer
from state import (CONSUMER, GHOST, PRODUCER, SHARED, fresh, initial,
                   symbolic)

TIMEOUT_MS = 20000


class Model(Producer, Consumer):
    """Both sides."""


@functools.lru_cache(maxsize=1)
def spec_of(constants):
    """The model as it should be."""
    return Model(constants)


class Premises:
    """What the obligations of one step may assume; worked out when needed."""

    def __init__(self, when, build):
        self.when, self.build = when, build

    @functools.cached_property
    def terms(self):
        return [self.when, *self.build()]


@dataclass
class Obligation:
    group: str      # the step
    goal: str
    premises: Premises
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


def terms_at_hand(m, s):
    """The indices for which the invariant is assumed, by kind."""
    terms = {
        'write': [s.w_n, s.c_seen, s.c_view, s.n_seen],
        'read': [s.r_n, s.p_seen, s.p_view],
        'last': [s.l_n, s.c_lview],
        'byte': [z3.IntVal(0), m.read_off(s), m.write_off(s), s.x_pos,
                 s.x_pos + s.x_next, s.p_start, s.p_start + s.p_next,
                 s.w_off(s.c_seen)],
    }
    for name, term in arbitrary().items():
        terms[KINDS[name]].append(term)
    return terms


def instances(m, s, terms, more):
    """The clauses, for all combinations of the terms of both that have one
    of `more`."""
    for clause in CLAUSES:
        kinds = [[(term, False) for term in terms[KINDS[name]]] +
                 [(term, True) for term in more.get(KINDS[name], [])]
                 for name in clause.indices]
        for chosen in itertools.product(*kinds):
            if any(new for _, new in chosen):
                yield clause.holds(m, s, *[term for term, _ in chosen])


@functools.lru_cache(maxsize=1)
def usual_instances(m):
    """The clauses, for the terms that are at hand in every step."""
    s = symbolic()
    terms = terms_at_hand(m, s)
    return [clause.holds(m, s) for clause in CLAUSES if not clause.indices] + [
        *instances(m, s, {kind: [] for kind in terms}, terms)]


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


def effect_goals(effect: Effect):
    """What a step must respect, in the order of the code."""
    yield from (('access: ' + n, f) for n, f in effect.access.items())
    yield from (('check: ' + n, f) for n, f in effect.checks.items())
    yield from (('bounds: ' + n, f) for n, f in effect.bounds.items())
    yield from (('claim: ' + n, f) for n, f in effect.claims.items())


def kept_goals(spec, state, clauses, verb='keeps: '):
    """That the clauses hold in a state."""
    for clause in clauses:
        indices = [arbitrary()[name] for name in clause.indices]
        yield verb + clause.name, clause.holds(spec, state, *indices)


def stream_goal(s, after):
    """What was committed stays so, and nothing is released twice."""
    x = z3.Int('any_position')
    return ('keeps: the stream only grows and is only taken forward', conj(
        s.put <= after.put, s.got <= after.got,
        implies(conj(0 <= x, x < s.put), after.stream(x) == s.stream(x))))


def step_goals(spec, s, effect):
    yield from effect_goals(effect)
    yield stream_goal(s, effect.then)
    yield from kept_goals(spec, effect.then, CLAUSES)


def step_premises(spec, step, s, p):
    """The invariant before the step."""
    premises = list(rule_instances(spec, s, p))
    more: dict = {}
    for name, kind in step.params.items():
        more.setdefault(kind, []).append(getattr(p, name))
    if 'length' in step.params:
        byte, rule = decoding(spec, s, p)
        more['byte'] = [byte]
        premises.append(rule)
    return [*premises, *usual_instances(spec),
            *instances(spec, s, terms_at_hand(spec, s), more)]


def side_of(name):
    return 'producer' if name.startswith('p_') else 'consumer'


def own_clauses(name):
    return [c for c in CLAUSES if c.local == side_of(name)]


def hostile_goals(spec, name, effect):
    for goal, formula in effect_goals(effect):
        if goal.startswith(('access', 'bounds')):
            yield goal, formula
    yield from kept_goals(spec, effect.then, own_clauses(name))


def hostile_premises(spec, name, s, p):
    """Whatever the peer stores: only the handle's own clauses are assumed,
    and that loaded words are words."""
    k, zero = spec.k, z3.IntVal(0)
    header = k.narrowest(getattr(p, 'longest', zero))
    premises = [
        *k.rules(), k.narrowest_rule(getattr(p, 'longest', zero)),
        k.pad_rule(0, header), k.pad_rule(s.p_woff, header),
        k.pad_rule(s.x_pos, s.x_head),
        k.fits_rule(s.p_header, s.p_len - s.p_payload,
                    getattr(p, 'used', zero)),
        between(1, k.head_size(s.data(s.x_pos)), 9)]
    premises += [clause.holds(spec, s) for clause in own_clauses(name)]
    premises += [is_word(spec, spec.write_at(s, i))
                 for i in (s.w_n, getattr(p, 'i', s.w_n))]
    premises += [is_word(spec, spec.read_at(s, j))
                 for j in (s.r_n, getattr(p, 'j', s.r_n))]
    premises += [s.l_val(n) >= 0 for n in (s.l_n, getattr(p, 'n', s.l_n))]
    return premises


def obligations_of(name, goals, premises, effect):
    """Checks and accesses come first in the code: nothing passed yet."""
    passed = list(effect.checks.values())
    for goal, formula in goals:
        yield Obligation(name, goal, premises, formula,
                         [] if goal.startswith(('check', 'access'))
                         else passed)


def proof_of_first_state(spec, m):
    s = initial(z3.IntVal(0))
    for goal, formula in kept_goals(spec, s, CLAUSES, 'has: '):
        yield Obligation('all-zero memory', goal,
                         Premises(True, m.k.rules), formula, [])


def honest(m):
    """The peer follows the algorithm: no check fails, every claim is true,
    the invariant is kept."""
    spec = spec_of(m.k)
    yield from proof_of_first_state(spec, m)
    for name, step in m.steps().items():
        s, p = symbolic(), parameters(step)
        effect = step(s, p)
        yield from obligations_of(
            name, step_goals(spec, s, effect),
            Premises(effect.when, functools.partial(step_premises, spec, step,
                                                    s, p)), effect)


def hostile(m):
    """The peer stores what it likes: no access leaves the buffer."""
    spec = spec_of(m.k)
    for name, step in m.steps().items():
        s, p = symbolic(), parameters(step)
        effect = step(s, p)
        yield from obligations_of(
            name, hostile_goals(spec, name, effect),
            Premises(effect.when, functools.partial(hostile_premises, spec,
                                                    name, s, p)), effect)


def untouched(m):
    """(number, failures). A step changes nothing of the peer's handle, and a
    death nothing but the handle: these fields are the same objects."""
    s, failures, count = symbolic(), [], 0
    for name, step in m.steps().items():
        after = step(s, parameters(step)).then
        kept = dict(CONSUMER if side_of(name) == 'producer' else PRODUCER)
        if name in ('p_die', 'c_die'):
            kept.update(SHARED, **GHOST)
        count += 1
        if any(getattr(s, f) is not getattr(after, f) for f in kept):
            failures.append((name, 'changes only what is its own', 'no'))
    return count, failures


def discharge(obligations, stop=False, logic='QF_UFLIA'):
    """(number, failures): each a (group, goal, answer) that is not proved."""
    solver, premises, failures, count = None, None, [], 0
    for o in obligations:
        if o.premises is not premises:
            premises, solver = o.premises, z3.SolverFor(logic)
            solver.set('timeout', TIMEOUT_MS)
            solver.add(*[f for f in premises.terms if f is not True])
        count += 1
        answer = z3.unsat if o.formula is True else refute(solver, o)
        if answer != z3.unsat:
            failures.append((o.group, o.goal, str(answer)))
            if stop:
                break
    return count, failures


def refute(solver, o):
    """Is there a state that has the premises and not the goal?"""
    solver.push()
    solver.add(neg(o.formula), *[f for f in o.given if f is not True])
    answer = solver.check()
    solver.pop()
    return answer
