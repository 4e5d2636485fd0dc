# SPDX-License-Identifier: MIT
"""Logic that works on plain Python values and on solver terms alike.

The model is written once with these. Given z3 terms it becomes formulas for
the proof; given ints and bools it runs (run.py); given bit vectors its word
arithmetic is compared with the machine's (lemmas.py).
"""
import z3


def conj(*terms):
    """All of them."""
    terms = [t for t in terms if t is not True]
    if any(t is False for t in terms):
        return False
    if not terms:
        return True
    return terms[0] if len(terms) == 1 else z3.And(terms)


def disj(*terms):
    """One of them at least."""
    terms = [t for t in terms if t is not False]
    if any(t is True for t in terms):
        return True
    if not terms:
        return False
    return terms[0] if len(terms) == 1 else z3.Or(terms)


def neg(term):
    return not term if isinstance(term, bool) else z3.Not(term)


def implies(premise, conclusion):
    return disj(neg(premise), conclusion)


def same(a, b):
    """a == b, for bools too."""
    if isinstance(a, bool) and isinstance(b, bool):
        return a == b
    return z3.BoolVal(a) == b if isinstance(a, bool) else a == b


def ite(condition, yes, no):
    """yes if the condition holds, else no."""
    if isinstance(condition, bool):
        return yes if condition else no
    return z3.If(condition, yes, no)


def between(low, term, high):
    """low <= term <= high."""
    return conj(low <= term, term <= high)


def updated(function, at, value):
    """The function that is `value` at `at` and like `function` elsewhere."""
    return lambda x: ite(x == at, value, function(x))
