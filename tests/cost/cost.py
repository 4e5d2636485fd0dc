#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many instructions the fast path of each verb takes, and that it is few.

    cost.py ROOT SCRATCH

Times vary, counts do not: callgrind counts the instructions that cost.c's calls
execute, one function for each verb (verbs.c), what it calls included. Each
count is the mean over TURNS calls, with the call's own few instructions. A verb
that takes more than its row in BOUNDS allows is a failure; so is a row without
its verb. The rows are for x86-64 and the compilers of Debian 12 (gcc 12.2,
clang 14.0), -O2: what was measured, and a tenth more, at least two.
"""
import pathlib
import platform
import subprocess
import sys

TURNS = 1000
FLAGS = ['-std=gnu11', '-O2', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64']

# Verb, then the most for gcc and clang, each for messages of 20 bytes and of
# 300: a frame header of one byte, and of two.
BOUNDS = {
    'bbq_grant': (80, 80, 81, 81),
    'bbq_commit': (27, 27, 29, 29),
    'bbq_read': (57, 57, 62, 62),
    'bbq_release': (33, 33, 30, 30),
    'bbq_frame_grant': (113, 126, 124, 130),
    'bbq_frame_commit': (38, 52, 53, 72),
    'bbq_frame_read': (72, 102, 91, 96),
    'bbq_frame_release': (16, 16, 16, 16),
    'bbq_sender_grant': (148, 148, 150, 150),
    'bbq_sender_commit': (51, 51, 48, 48),
    'bbq_receiver_read': (127, 127, 131, 131),
    'bbq_receiver_release': (55, 55, 50, 50),
    'bbq_sender_frame_grant': (180, 193, 187, 194),
    'bbq_sender_frame_commit': (68, 83, 75, 94),
    'bbq_receiver_frame_read': (139, 169, 164, 170),
    'bbq_receiver_frame_release': (43, 43, 39, 39),
}
COMPILERS = ('gcc', 'clang')
LENGTHS = (20, 300)


def build(compiler, root, scratch):
    program = scratch / f'cost-{compiler}'
    here = pathlib.Path(__file__).parent
    subprocess.run([compiler, *FLAGS, f'-I{root}/libbbq/include', '-o', program,
                    here / 'cost.c', here / 'verbs.c',
                    *sorted((root / 'libbbq').glob('*.c')), '-pthread'],
                   check=True)
    return program


def profile(program, length):
    out = program.with_suffix(f'.{length}')
    subprocess.run(['valgrind', '-q', '--tool=callgrind',
                    f'--callgrind-out-file={out}', '--compress-strings=no',
                    '--compress-pos=no', program, str(TURNS), str(length)],
                   check=True)
    return out.read_text(encoding='utf-8')


def inclusive(text):
    """Function to its instructions, what it calls included."""
    total, name = {}, None
    for line in text.splitlines():
        if line.startswith('fn='):
            name = line[3:]
        elif name and line[:1].isdigit():
            total[name] = total.get(name, 0) + int(line.split()[1])
    return total


def measure(root, scratch):
    """Verb to its counts, in the order of BOUNDS' columns."""
    counts = {}
    for compiler in COMPILERS:
        program = build(compiler, root, scratch)
        for length in LENGTHS:
            costs = inclusive(profile(program, length))
            for name, cost in costs.items():
                if name.startswith('cost_'):
                    verb = name.replace('cost_', 'bbq_', 1)
                    counts.setdefault(verb, []).append(cost / TURNS)
    return counts


def main(root, scratch):
    scratch.mkdir(parents=True, exist_ok=True)
    counts = measure(root, scratch)
    print('instructions / bound', *(f'{c}/{n}' for c in COMPILERS
                                    for n in LENGTHS))
    wrong = 0
    for verb in sorted(set(counts) | set(BOUNDS)):
        row, most = counts.get(verb, []), BOUNDS.get(verb, ())
        good = len(row) == len(most) and all(c <= b for c, b in zip(row, most))
        wrong += not good
        print(f'{verb:28}', *(f'{c:6.1f}' for c in row), '  /',
              *(f'{b:4}' for b in most), '' if good else '   WRONG')
    return 1 if wrong else 0


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit('usage: cost.py ROOT SCRATCH')
    if platform.machine() != 'x86_64':
        sys.exit('cost.py: the bounds are for x86-64')
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
