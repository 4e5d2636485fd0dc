#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many instructions the fast path of each verb takes, and that it is few.

    cost.py ROOT SCRATCH

Times vary, counts do not: callgrind counts the instructions that cost.c's calls
execute, one function for each verb (verbs.c), what it calls included. Each
count is the mean over TURNS calls, with the call's own few instructions. The
rows of BOUNDS say what was measured, rounded down. A verb that takes two more
than its row is a failure, and so is one that takes two less: then the row is
old, and would hide the next slip. A row needs its verb, and the reverse.

The rows are for x86-64 and the compilers of Debian 12, at -O2 and with nothing
else in CFLAGS; another compiler is refused, since its counts say nothing here.
"""
import pathlib
import platform
import subprocess
import sys

TURNS = 1000
FLAGS = ['-std=gnu11', '-O2', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64']

# Verb, then the instructions with gcc and clang, each for messages of 20 bytes
# and of 300: a frame header of one byte, and of two.
BOUNDS = {
    'bbq_grant': (36, 36, 43, 43),
    'bbq_commit': (24, 24, 26, 26),
    'bbq_read': (51, 51, 56, 56),
    'bbq_release': (30, 30, 27, 27),
    'bbq_frame_grant': (52, 56, 53, 56),
    'bbq_frame_commit': (31, 35, 40, 44),
    'bbq_frames_grant': (71, 75, 88, 91),
    'bbq_frame_put': (50, 58, 58, 65),
    'bbq_frame_next': (50, 79, 44, 63),
    'bbq_frame_read': (53, 84, 55, 74),
    'bbq_frame_release': (14, 14, 14, 14),
    'bbq_sender_grant': (68, 68, 74, 74),
    'bbq_sender_commit': (46, 46, 43, 43),
    'bbq_receiver_read': (73, 73, 92, 92),
    'bbq_receiver_release': (50, 50, 45, 45),
    'bbq_sender_frame_grant': (66, 70, 64, 67),
    'bbq_sender_frame_commit': (58, 62, 60, 64),
    'bbq_receiver_frame_read': (74, 106, 88, 107),
    'bbq_receiver_frame_release': (39, 39, 35, 35),
}
COMPILERS = {'gcc': 'gcc version 12.', 'clang': 'clang version 14.'}
LENGTHS = (20, 300)
SLIP = 2


def check_version(compiler):
    done = subprocess.run([compiler, '-v'], check=True, capture_output=True,
                          text=True)
    if COMPILERS[compiler] not in done.stderr:
        sys.exit(f'cost.py: the bounds are for {COMPILERS[compiler]}x, and '
                 f'{compiler} is another')


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
        check_version(compiler)
        program = build(compiler, root, scratch)
        for length in LENGTHS:
            costs = inclusive(profile(program, length))
            for name, cost in costs.items():
                # A part that gcc moved out of line is in the whole's count.
                if name.startswith('cost_') and '.' not in name:
                    verb = name.replace('cost_', 'bbq_', 1)
                    counts.setdefault(verb, []).append(cost / TURNS)
    return counts


def main(root, scratch):
    scratch.mkdir(parents=True, exist_ok=True)
    counts = measure(root, scratch)
    print('instructions / row', *(f'{c}/{n}' for c in COMPILERS
                                    for n in LENGTHS))
    wrong = 0
    for verb in sorted(set(counts) | set(BOUNDS)):
        row, most = counts.get(verb, []), BOUNDS.get(verb, ())
        good = len(row) == len(most) and all(
            b - SLIP + 1 <= c < b + SLIP for c, b in zip(row, most))
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
