# SPDX-License-Identifier: MIT
"""Mutants of a C file: every small change that could be a mistake.

A mutant is the file with one place changed. Places are found in the code with
comments and strings blanked out, so that offsets agree with the original:

    compare     each < <= > >= == != becomes its neighbours
    connect     of each a && b, a || b: only a, only b
    check       each `if (...) return|goto` never, each `if` always
    negate      each ! is dropped
    constant    each small number becomes one more and one less
    arith       each binary + becomes -, and the reverse; += likewise;
                << becomes >>, % becomes /
    order       each acquire and release becomes relaxed
    store       each store to shared memory is dropped; or each assignment
    swap        each two neighbouring stores are swapped

The same text in another place is another mutant: `line` and `nth` tell them
apart, and the name of a mutant stays the same when lines move.
"""
import re
from dataclasses import dataclass

COMPARE = {
    '<': ('<=', '>='), '<=': ('<', '>'), '>': ('>=', '<='),
    '>=': ('>', '<'), '==': ('!=',), '!=': ('==',),
}
ARITH = {'+': '-', '-': '+', '+=': '-=', '-=': '+=', '<<': '>>', '>>': '<<',
         '%': '/', '<<=': '>>=', '>>=': '<<=', '++': '--', '--': '++'}
ORDERS = {
    'bbq_load_acquire_(': 'bbq_load_relaxed_(',
    'bbq_store_release_(': 'bbq_store_relaxed_(',
    '__ATOMIC_ACQUIRE': '__ATOMIC_RELAXED',
    '__ATOMIC_RELEASE': '__ATOMIC_RELAXED',
    '__atomic_thread_fence(__ATOMIC_SEQ_CST)':
        '__atomic_signal_fence(__ATOMIC_SEQ_CST)',
}
TOKEN = re.compile(r'<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%]=|'
                   r'[A-Za-z_]\w*|0x[0-9a-fA-F]+\w*|\d+\w*|\S')


@dataclass(frozen=True)
class Mutant:
    kind: str
    function: str
    before: str   # the line, white space folded
    after: str
    nth: int      # of those that are alike otherwise
    text: str     # of the whole file

    @property
    def name(self):
        tail = ' #%d' % self.nth if self.nth > 1 else ''
        return '%s: %s => %s%s' % (self.function, self.before, self.after,
                                   tail)


def blank(text):
    """Comments, strings and preprocessor lines as spaces, same length."""
    def spaces(match):
        return re.sub(r'[^\n]', ' ', match.group())
    text = re.sub(r'/\*.*?\*/|"(\\.|[^"\\\n])*"', spaces, text, flags=re.S)
    return re.sub(r'^[ \t]*#(.*\\\n)*.*', spaces, text, flags=re.M)


def functions(code):
    """(name, start, end) of each function's body, end exclusive."""
    found = []
    for match in re.finditer(r'^\{', code, re.M):
        head = code[:match.start()].rstrip()
        name = re.search(r'(\w+)\s*\([^;{}]*\)$', head, re.S)
        end = code.find('\n}', match.start())
        if name and end > 0:
            found.append((name.group(1), match.start(), end))
    return found


def closing(code, at):
    """The offset of the parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += {'(': 1, ')': -1}.get(code[i], 0)
        if depth == 0:
            return i
    raise ValueError('unbalanced parentheses')


def operand(code, at, step):
    """From an operator outwards to where its operand ends."""
    depth = 0
    i = at
    while True:
        char = code[i]
        if char in ('(', ')'):
            depth += 1 if (char == '(') == (step > 0) else -1
            if depth < 0:
                return i
        elif depth == 0 and (char in ';,{}?:=' and
                             code[i - 1:i + 1] not in ('==', '!=', '<=', '>=')
                             and code[i:i + 2] != '=='):
            return i
        elif depth == 0 and code[i:i + 2] in ('&&', '||') and step > 0:
            return i
        elif depth == 0 and code[i - 1:i + 1] in ('&&', '||') and step < 0:
            return i
        elif depth == 0 and step < 0 and re.match(r'\breturn\b',
                                                  code[i - 5:i + 1]):
            return i
        i += step


def connected(code, start, end):
    for match in re.finditer(r'&&|\|\|', code[start:end]):
        at = start + match.start()
        left = operand(code, at - 1, -1) + 1
        right = operand(code, at + 2, 1)
        yield 'connect', left, at + 2, ''
        yield 'connect', at, right, ''


def checked(code, start, end):
    for match in re.finditer(r'\bif \(', code[start:end]):
        at = start + match.end() - 1
        close = closing(code, at)
        yield 'check', at + 1, close, '0'
        yield 'check', at + 1, close, '1'


def is_binary(code, at):
    before = code[:at].rstrip()
    return bool(re.search(r'[\w)\]]$', before)) and \
        not re.search(r'\b(return|case|sizeof)$', before)


def tokens(code, start, end):
    for match in TOKEN.finditer(code, start, end):
        token, at = match.group(), match.start()
        stop = match.end()
        for other in COMPARE.get(token, ()):
            yield 'compare', at, stop, other
        if token in ARITH and (len(token) > 1 or is_binary(code, at)):
            yield 'arith', at, stop, ARITH[token]
        elif token == '!':
            yield 'negate', at, stop, ''
        elif re.fullmatch(r'\d{1,3}', token):
            yield 'constant', at, stop, str(int(token) + 1)
            if int(token) > 0:
                yield 'constant', at, stop, str(int(token) - 1)


def ordered(code, start, end):
    for before, after in ORDERS.items():
        at = code.find(before, start, end)
        while at >= 0:
            yield 'order', at, at + len(before), after
            at = code.find(before, at + 1, end)


STATEMENT = re.compile(r'(?<=[;{}\n])\s*((?:[\w>.*\[\]&+-]|->)+(?: [-+|]?= '
                       r'[^;{}]*|\([^;{}]*\)|\+\+|--));')


def statements(code, start, end):
    """Statements that assign or call, with where they begin and end."""
    return [(m.start(1), m.end(), m.group(1))
            for m in STATEMENT.finditer(code, start, end)
            if not re.match(r'(return|goto)\b', m.group(1))]


def shared(statement):
    return bool(re.search(r'bbq_store_\w+\(|bbq_publish_\(|store_u32\(|'
                          r'bbq_frame_header_encode\(|bbq_end_ring\(|'
                          r'bbq_end_wake\(|__atomic_store_n\(', statement))


def stored(code, start, end):
    found = statements(code, start, end)
    for begin, stop, _ in found:
        yield 'store', begin, stop, ';'
    stores = [s for s in found if shared(s[2])]
    for one, two in zip(stores, stores[1:]):
        between = code[one[1]:two[0]]
        if '}' in between or '{' in between:
            continue
        yield ('swap', one[0], two[1],
               code[two[0]:two[1]] + between + code[one[0]:one[1]])


def fold(text):
    return ' '.join(text.split())


def lines_around(text, start, end):
    begin = text.rfind('\n', 0, start) + 1
    stop = text.find('\n', end)
    return begin, stop


def mutants_of(text, only=None):
    """All mutants of a file's text, in its order."""
    code = blank(text)
    seen = {}
    made = {fold(code)}
    for function, start, end in functions(code):
        if only and function not in only:
            continue
        places = []
        for finder in (connected, checked, tokens, ordered, stored):
            places += finder(code, start, end)
        for kind, at, stop, new in sorted(places, key=lambda p: p[1:]):
            changed = text[:at] + new + text[stop:]
            meant = fold(blank(changed))
            if meant in made:
                continue
            made.add(meant)
            begin, last = lines_around(text, at, stop)
            before = fold(text[begin:last])
            after = fold(text[begin:at] + new + text[stop:last])
            if before == after:
                continue
            key = (function, before, after)
            seen[key] = seen.get(key, 0) + 1
            yield Mutant(kind, function, before, after, seen[key], changed)
