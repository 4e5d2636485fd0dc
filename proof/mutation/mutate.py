#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Is every order and every condition needed? Break each, and see who notices.

    mutate.py SOURCE-ROOT [--jobs N] [--only FILE] [--grep TEXT] [--quick]

Each mutant of the queue and of the waiting code (mutants.py, by_hand.py) is
built into the killers, one after the other, until one of them fails: then it
is killed. The last killer is the explorer, which runs the code under C11's
memory model. What survives all of them is an error, unless equivalent.txt says
why it cannot be told apart; and what is listed there and is killed, or is not
a mutant any more, is an error too.

--quick takes only what concerns memory: orders, and stores in another order.
"""
import argparse
import collections
import concurrent.futures
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from by_hand import mutants_by_hand
from killers import KILLERS, Killer
from mutants import Mutant, mutants_of

HERE = Path(__file__).resolve().parent

# The file, and the functions in it, if not all.
SUBJECTS = {
    'include/bbq/core.h': None,
    'include/bbq/frame.h': None,
    'include/bbq/bbq.h': ('bbq_end_notify', 'bbq_end_moved_'),
    'wait.c': None,
    'verbs.c': None,
}


def all_mutants(root, path):
    text = (root / 'libbbq' / path).read_text()
    for name, changed in mutants_by_hand(path, text):
        yield Mutant('by hand', name, '', '', 1, changed)
    yield from mutants_of(text, SUBJECTS[path])


def label(mutant):
    return mutant.function if mutant.kind == 'by hand' else mutant.name


def quick(mutant):
    return mutant.kind in ('by hand', 'order', 'swap')


def killed_by(root, path, mutant):
    """The name of the first killer that fails; None: it survives."""
    directory = Path(tempfile.mkdtemp(prefix='bbq-mutant-'))
    try:
        shutil.copytree(root / 'libbbq', directory / 'libbbq')
        (directory / 'libbbq' / path).write_text(mutant.text)
        for killer in KILLERS[path]:
            verdict = killer.run(root, directory)
            if verdict == Killer.STILLBORN:
                return 'compiler'
            if verdict == Killer.KILLED:
                return killer.name
        return None
    finally:
        shutil.rmtree(directory, ignore_errors=True)


score = collections.Counter()  # of all files


def load_equivalents():
    """(file, mutant) -> why nobody can tell it from the original."""
    found = {}
    key = None
    for line in (HERE / 'equivalent.txt').read_text().splitlines():
        if line.startswith('#') or not line.strip():
            continue
        if line[0].isspace():
            found[key] = (found[key] + ' ' + line.strip()).strip()
        else:
            path, name = line.split(' | ', 1)
            key = (path, name)
            found[key] = ''
    return found


def check_killers(root, paths):
    """The unchanged code must pass all of them, or they say nothing."""
    for path in {id(KILLERS[path]): path for path in paths}.values():
        mutant = Mutant('none', '', '', '', 1,
                        (root / 'libbbq' / path).read_text())
        killer = killed_by(root, path, mutant)
        if killer:
            sys.exit('mutate: %s fails without any mutant' % killer)


def report(path, results, equivalents, seconds):
    """One row of the table; the number of errors."""
    counts = collections.Counter(results.values())
    survivors = [name for name, killer in results.items()
                 if killer is None and (path, name) not in equivalents]
    wrong = [name for name, killer in results.items()
             if killer is not None and (path, name) in equivalents]
    alike = counts[None] - len(survivors)
    total = len(results) - counts['compiler']
    killed = total - counts[None]
    score.update(mutants=total, killed=killed, equivalent=alike,
                 survive=len(survivors))
    print('%-20s %5d mutants  %5d killed  %3d equivalent  %3d survive  %4d s'
          % (path, total, killed, alike, len(survivors), seconds))
    for killer, count in counts.most_common():
        if killer not in (None, 'compiler'):
            print('    %-24s %5d' % (killer, count))
    if counts['compiler']:
        print('    %-24s %5d, not counted' % ('do not compile',
                                              counts['compiler']))
    for name in survivors:
        print('    SURVIVES %s' % name)
    for name in wrong:
        print('    KILLED, BUT LISTED AS EQUIVALENT %s' % name)
    sys.stdout.flush()
    return len(survivors) + len(wrong)


def run_file(root, path, arguments, equivalents):
    begin = time.monotonic()
    mutants = [m for m in all_mutants(root, path)
               if (not arguments.quick or quick(m)) and
               (not arguments.grep or arguments.grep in label(m))]

    def judge(mutant):
        killer = killed_by(root, path, mutant)
        if killer is None:  # worth knowing before the rest is done
            print('  nobody notices: %s' % label(mutant), file=sys.stderr,
                  flush=True)
        return killer

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        verdicts = list(pool.map(judge, mutants))
    results = dict(zip(map(label, mutants), verdicts))
    if len(results) != len(mutants):
        sys.exit('mutate: two mutants of %s have one name' % path)
    return report(path, results, equivalents, time.monotonic() - begin), \
        set(results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--only', choices=SUBJECTS)
    parser.add_argument('--grep')
    parser.add_argument('--quick', action='store_true')
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    equivalents = load_equivalents()
    paths = [arguments.only] if arguments.only else list(SUBJECTS)
    check_killers(root, paths)
    errors = 0
    for path in paths:
        more, names = run_file(root, path, arguments, equivalents)
        errors += more
        if arguments.quick or arguments.grep:
            continue
        for file, name in equivalents:
            if file == path and name not in names:
                print('    NO SUCH MUTANT (equivalent.txt) %s' % name)
                errors += 1
    print('%(mutants)d mutants, %(killed)d killed, %(equivalent)d equivalent, '
          '%(survive)d survive' % score)
    if errors:
        print('%d errors' % errors)
    return 1 if errors else 0


if __name__ == '__main__':
    sys.exit(main())
