# SPDX-License-Identifier: MIT
"""A second opinion: the same obligations as SMT-LIB text, given to cvc5.

One script for each step: what may be assumed, then one question per goal,
each behind a switch of its own.
"""
import itertools
import subprocess

import z3

from logic import conj, implies, neg

TIMEOUT_MS = 60000


def script(premises, obligations, logic):
    """The text, and it asks the questions in the order of the goals."""
    solver = z3.Solver()
    solver.add(*[f for f in premises.terms if f is not True])
    switches = []
    for number, o in enumerate(obligations):
        switch = z3.Bool(f'ask_{number}')
        refuted = conj(neg(o.formula), *o.given)
        solver.add(implies(switch, refuted))
        switches.append(switch)
    asked = ''.join(f'(check-sat-assuming ({switch}))\n'
                    for switch in switches)
    return f'(set-logic {logic})\n{solver.sexpr()}\n{asked}'


def ask(text):
    """The answers, one a question."""
    command = ['cvc5', '--lang=smt2', '--incremental',
               f'--tlimit-per={TIMEOUT_MS}', '-']
    done = subprocess.run(command, input=text, text=True, check=False,
                          capture_output=True)
    if done.stderr:
        raise RuntimeError('cvc5: ' + done.stderr.strip())
    return done.stdout.splitlines()


def opinion(obligations, logic='QF_UFLIA'):
    """(number, failures), like prove.discharge."""
    count, failures = 0, []
    for _, group in itertools.groupby(obligations,
                                      key=lambda o: id(o.premises)):
        group = list(group)
        count += len(group)
        open_goals = [o for o in group if o.formula is not True]
        if not open_goals:
            continue
        answers = ask(script(group[0].premises, open_goals, logic))
        answers += ['no answer'] * (len(open_goals) - len(answers))
        failures += [(o.group, o.goal, 'cvc5: ' + a)
                     for o, a in zip(open_goals, answers) if a != 'unsat']
    return count, failures
