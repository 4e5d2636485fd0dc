#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bbq-cat and other programs that move a file, by turns.

    tools.py BBQ-CAT [FILE [ROUNDS]]

Two jobs, each with a file in the page cache (1 GiB unless given): the file to
/dev/null, and from a pipe to a pipe. Every round runs every program once, in
another order. Reported are medians: of the time, of the processor time of all
processes of a job together for each GiB, and of the ratios of times within a
round; above 1, bbq-cat is faster. A job whose bytes do not all arrive fails.
"""
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

GIB = 1 << 30
# {f} the file, {b} bbq-cat, {n} a name for its queue, {s} a socket's path
TO_NULL = {
    'bbq-cat': '{b} --recv {n} >/dev/null & {b} --send {n} <{f}; wait $!',
    'cat | cat': 'cat {f} | cat >/dev/null',
    'pv': 'pv -q {f} | cat >/dev/null',
    'mbuffer': 'mbuffer -q -m 1M <{f} >/dev/null',
    'socat': 'socat -u -b 65536 UNIX-LISTEN:{s} - >/dev/null & '
             'until [ -S {s} ]; do :; done; '
             'socat -u -b 65536 - UNIX-CONNECT:{s} <{f}; wait $!',
}
PIPED = {
    'bbq-cat': '{b} --recv {n} | cat >/dev/null & cat {f} | {b} --send {n}; '
               'wait $!',
    'cat | cat': 'cat {f} | cat | cat | cat >/dev/null',
    'pv': 'cat {f} | pv -q | cat >/dev/null',
    'mbuffer': 'cat {f} | mbuffer -q -m 1M | cat >/dev/null',
    'socat': 'socat -u -b 65536 UNIX-LISTEN:{s} - | cat >/dev/null & '
             'until [ -S {s} ]; do :; done; cat {f} | '
             'socat -u -b 65536 - UNIX-CONNECT:{s}; wait $!',
}


def run(command, names):
    """Seconds, and seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(['bash', '-o', 'pipefail', '-c', command.format(**names)],
                   check=True)
    elapsed = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, (after.ru_utime + after.ru_stime
                     - before.ru_utime - before.ru_stime)


def arrives(command, names):
    """Once, into a counter in place of /dev/null: do all bytes come?"""
    count = names['s'] + '.count'
    run(command.replace('>/dev/null', f'| wc -c >{count}'), names)
    with open(count, encoding='ascii') as file:
        return int(file.read()) == os.path.getsize(names['f'])


def measure(title, jobs, names, rounds):
    times = {who: [] for who in jobs}
    for who, command in jobs.items():
        if not arrives(command, names):
            sys.exit(f'{who}: bytes are missing')
    for _ in range(rounds):
        for who in random.sample(list(jobs), len(jobs)):
            times[who].append(run(jobs[who], names))
    gib = os.path.getsize(names['f']) / GIB
    print(f'{title}, {gib:.2f} GiB, {rounds} rounds')
    for who, found in times.items():
        ratios = [theirs[0] / ours[0]
                  for theirs, ours in zip(found, times['bbq-cat'])]
        low, middle, high = statistics.quantiles(ratios, n=4,
                                                 method='inclusive')
        seconds = statistics.median(t for t, _ in found)
        cpu = statistics.median(c for _, c in found) / gib
        print(f'    {who:<10}{gib / seconds:6.2f} GiB/s{cpu:7.2f} core-s/GiB'
              f'   {middle:5.2f} ({low:.2f} to {high:.2f})')


def main(tool, path=None, rounds=11):
    with tempfile.TemporaryDirectory() as scratch:
        if not path:
            path = os.path.join(scratch, 'input')
            with open(path, 'wb') as file:
                for _ in range(64):
                    file.write(os.urandom(GIB // 64))
        names = {'b': tool, 'f': path, 's': os.path.join(scratch, 'socket'),
                 'n': f'/bbq-tools-{os.getpid()}'}
        run('cat {f} >/dev/null', names)
        measure('file to /dev/null', TO_NULL, names, int(rounds))
        measure('pipe to pipe', PIPED, names, int(rounds))


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
