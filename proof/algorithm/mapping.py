# SPDX-License-Identifier: MIT
"""That the model still speaks of the code: names and letters, both ways.

Every step names a function of core.h or frame.h, and the letter of the access
that it is. Here the headers are read: the functions exist, each letter stands
at an access of the order that it means, and no access is left out. README.md
shows the same table.
"""
import pathlib
import re

from consumer import Consumer
from model import Core
from producer import Producer

HERE = pathlib.Path(__file__).parent
INCLUDE = HERE.parent.parent / 'libbbq/include/bbq'

ORDERS = {'A': 'store_release', 'B': 'load_acquire', 'C': 'store_release',
          'D': 'load_acquire', 'E': 'store_relaxed', 'F': 'load_relaxed'}
# Methods of the model that are functions of core.h.
SAME_NAME = ('same_lap', 'next_lap', 'read_possible', 'write_possible',
             'last_possible', 'room_at_write', 'room_at_head', 'take',
             'find_place', 'first_len', 'second_len')


def functions():
    """Name and body of every function in the two headers."""
    found = {}
    for name in ('core.h', 'frame.h'):
        text = (INCLUDE / name).read_text(encoding='utf-8')
        for head in re.finditer(r'^(?:static inline|BBQ_COLD|BBQ_INLINE)[^;{}]*?'
                                r'(bbq_\w+)\([^;{}]*\)\n\{(.*?)^\}',
                                text, re.M | re.S):
            found[head.group(1)] = head.group(2)
    return found


def accesses(body):
    """The shared accesses of a body, but for the loads of own words."""
    return re.findall(r'bbq_((?:load|store)_(?:acquire|relaxed|release))_'
                      r'\((?!&own->)', body)


def letters(body):
    return re.findall(r'/\* ([A-F])[:,]', body)


def steps():
    """Name and places of every step of the model."""
    return {name: step.where for side in (Producer, Consumer)
            for name, step in vars(side).items() if hasattr(step, 'where')}


def named(where):
    """('bbq_publish_ A', ...) to {('bbq_publish_', 'A'), ...}"""
    return {(w.split()[0], (w.split() + [''])[1]) for w in where
            if w.startswith('bbq_')}


def wrong_letters(code):
    """Accesses without letter, letters without access, and other orders."""
    for name, body in code.items():
        orders = [ORDERS[letter] for letter in letters(body)]
        if orders != accesses(body):
            yield f'{name}: letters {letters(body)}, but {accesses(body)}'


def wrong_names(code, model):
    places = set().union(*(named(where) for where in model.values()))
    for name, letter in sorted(places):
        if name not in code:
            yield f'{name}: in the model, not in the headers'
        elif letter and letter not in letters(code[name]):
            yield f'{name} ({letter}): in the model, not in the headers'
    for name, body in code.items():
        for letter in letters(body):
            if (name, letter) not in places:
                yield f'{name} ({letter}): in the headers, not in the model'
    for method in SAME_NAME:
        if f'bbq_{method}_' not in code or not hasattr(Core, method):
            yield f'bbq_{method}_: the model and core.h differ in this name'


def wrong_table(model):
    """The table in README.md: | `step` | place, place |"""
    text = (HERE / 'README.md').read_text(encoding='utf-8')
    rows = dict(re.findall(r'^\| `([pc]_\w+)` \| ([^|]*) \|', text, re.M))
    for name, where in model.items():
        row = ', '.join(re.sub(r'^(bbq_\w+)', r'`\1`',
                               re.sub(r' ([A-F])$', r' (\1)', w))
                        for w in where)
        if rows.pop(name, None) != row:
            yield f'README.md: {name} is at: {row}'
    yield from (f'README.md: {name} is no step' for name in rows)


def mapping():
    """(what was compared, what is wrong)"""
    code, model = functions(), steps()
    wrong = [*wrong_letters(code), *wrong_names(code, model),
             *wrong_table(model)]
    count = len(model) + len(SAME_NAME) + sum(len(letters(b))
                                              for b in code.values())
    return count, wrong
