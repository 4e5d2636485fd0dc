#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Search the models of this folder with Spin, and the mutants of them.

    check.py [quick|full]       one row per search; exit status 1 if any is not
                                as expected, 2 if a tool is missing
    check.py show NAME [SIZE]   the steps that lead a mutant to its failure

A model passes only if the whole state space was searched, exactly: a search
that was cut off by its depth or its memory is an error. A mutant passes if it
breaks a property that it is expected to break. A property that no mutant broke,
or a statement of the model that no search reached, is an error as well.
"""
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMITS = {  # of memory in MiB, and of the depth of a search
    "quick": (2000, 2_000_000),
    "full": (9000, 20_000_000),
}

# What can go wrong, and how pan says so (proctype 0 is the producer's end).
BOTH = "both asleep"
CONSUMER = "the consumer misses a ring"
PRODUCER = "the producer misses a ring"
USED_UP = "asleep on a used-up ticket"
TWICE = "two rings for one ticket"
ROUND = "a count goes round"
FOREVER = "asleep for ever"
CYCLE = "a cycle in which nothing comes"
BROKEN = [
    (BOTH, r"violated +!\(\(asleep\[0\]&&asleep\[1\]\)\)"),
    (CONSUMER, r"violated +!\(\(\(asleep\[1\]&&"),
    (PRODUCER, r"violated +!\(\(\(asleep\[0\]&&"),
    (USED_UP, r"violated +!\(spent\["),
    (TWICE, r"violated .*\brung\["),
    (ROUND, r"violated +\((own_ticket\[.*!=served|bell\[.*!=seen)"),
    (FOREVER, r"invalid end state"),
    (CYCLE, r"acceptance cycle"),
]
PROPERTIES = [name for name, _ in BROKEN]
LOST = (BOTH, CONSUMER, PRODUCER, USED_UP)


@dataclass
class Search:
    """One model: its switches for each size, and what is to come of it."""
    name: str
    switches: str
    quick: str = ""  # bounds; "-": not in this size
    full: str = ""
    breaks: tuple = ()  # one of these; none for a model that is right
    ltl: str = ""
    pan: tuple = ()  # further options of pan

    def bounds(self, size):
        return self.quick if size == "quick" else self.full

    def defines(self, size):
        words = f"{self.switches} {self.bounds(size)}".split()
        return [f"-D{word}" for word in words]


MODELS = [
    Search("fence", "", "N=2", "N=4 K=3"),
    Search("membarrier", "MEMBARRIER", "N=2", "N=4"),
    Search("membarrier-deep", "MEMBARRIER", "N=1 K=4", "N=3 K=4"),
    Search("mixed", "MIXED", "N=1", "N=3"),
    Search("close", "CLOSE", "N=2", "N=3"),
    Search("close-membarrier", "CLOSE MEMBARRIER", "N=1", "N=2"),
    Search("slices", "SLICES", "N=2", "N=3"),
    Search("slices-membarrier", "SLICES MEMBARRIER", "N=1", "N=2"),
    Search("deaths", "DEATHS=1", "N=1", "N=2"),
    Search("deaths-membarrier", "MEMBARRIER DEATHS=1", "-", "N=2"),
    Search("deaths-twice", "DEATHS=2", "-", "N=2"),
    Search("deaths-close-slices", "DEATHS=1 CLOSE SLICES", "-", "N=2"),
    Search("deaths-mixed", "MIXED DEATHS=1", "-", "N=1"),
    Search("deaths-mixed-drained", "MIXED=3 DEATHS=1", "-", "N=1"),
    Search("woken", "LIVE", "N=1", "N=3", ltl="woken"),
    Search("granted", "LIVE", "N=2", "N=3", ltl="granted"),
    Search("woken-membarrier", "LIVE MEMBARRIER", "N=1", "N=2", ltl="woken"),
    Search("granted-membarrier", "LIVE MEMBARRIER", "N=1", "N=2",
           ltl="granted"),
    Search("woken-deaths", "LIVE DEATHS=1", "-", "N=1", ltl="woken"),
    Search("granted-deaths", "LIVE DEATHS=1", "-", "N=1", ltl="granted"),
]


def both(name, switch, breaks=LOST):
    """The mutant of the fence and of the membarrier."""
    return [Search(name, switch, breaks=breaks),
            Search(f"{name}-membarrier", f"{switch} MEMBARRIER",
                   breaks=breaks)]


MUTANTS = [
    Search("no-fence", "NO_Q", breaks=LOST),
    Search("no-peer-flush", "NO_PEER_FLUSH MEMBARRIER", breaks=LOST),
    *both("no-barrier", "NO_B"),
    *both("no-re-check", "NO_D"),
    *both("no-bell-compare", "NO_C"),
    *both("no-step-ring", "NO_STEP_RING", (PRODUCER,)),
    *both("no-want-ring", "NO_WANT_RING", LOST),
    *both("ticket-first", "TICKET_FIRST", (USED_UP,)),
    *both("bell-last", "BELL_LAST"),
    *both("wake-first", "WAKE_FIRST"),
    *both("no-served", "NO_SERVED", (TWICE,)),
    Search("no-want", "NO_WANT", breaks=(BOTH,)),
    Search("no-claim-ring", "NO_CLAIM_RING DEATHS=1", breaks=LOST),
    Search("no-close-ring", "NO_CLOSE_RING CLOSE", breaks=LOST),
    Search("no-state-look", "NO_STATE CLOSE", breaks=LOST),
    Search("barrier-given-up", "MIXED=2 DEATHS=1 N=1", breaks=LOST),
    Search("two-counts", "M=2", breaks=(ROUND,)),
    # -A: do not look at asserts, -E: nor at end states
    Search("sleep-forever", "NO_STEP_RING", breaks=(FOREVER,), pan=("-A",)),
    Search("never-woken", "LIVE NO_STEP_RING", breaks=(CYCLE,), ltl="woken",
           pan=("-A", "-E")),
    Search("never-granted", "LIVE NO_WANT", breaks=(CYCLE,), ltl="granted",
           pan=("-A", "-E")),
]


class ToolError(Exception):
    """spin, gcc or pan did not do its work."""


def run(command, cwd):
    done = subprocess.run(command, cwd=cwd, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def must(command, cwd):
    status, output = run(command, cwd)
    if status:
        raise ToolError(f"{' '.join(command)}: status {status}\n{output}")
    return output


def search(item, size, folder):
    """Generate, compile and run; what pan printed."""
    memory, depth = LIMITS[size]
    for source in HERE.glob("*.pml"):
        shutil.copy(source, folder)
    must(["spin", *item.defines(size), "-a", "wait.pml"], folder)
    options = [f"-DMEMLIM={memory}", "-DNFAIR=3"]
    if not item.ltl:
        options.append("-DSAFETY")
    if item.breaks:
        # Breadth first: what is found is the shortest way to the failure.
        options += ["-O0"] if item.ltl else ["-O0", "-DBFS"]
    else:
        options += ["-O2", "-DCOLLAPSE"] if size == "full" else ["-O1"]
    must(["gcc", "-w", *options, "-o", "pan", "pan.c"], folder)
    command = ["./pan", f"-m{depth}", *item.pan]
    if item.ltl:
        command += ["-a", "-f", "-N", item.ltl]
    return run(command, folder)


def broken(output):
    """The property that pan found broken, or None."""
    for line in re.findall(r"^pan:\d+: (.*)$", output, re.M):
        for name, pattern in BROKEN:
            if re.search(pattern, line):
                return name
        raise ToolError(f"pan: {line}")
    return None


def incomplete(item, output):
    """Why the search of a model that is right proves nothing, or None."""
    asked = ["^Full statespace search for:", r"assertion violations\s+\+",
             "errors: 0$"]
    if item.ltl:
        asked += [rf"never claim\s+\+ \({item.ltl}\)",
                  r"acceptance\s+cycles\s+\+ \(fairness enabled\)"]
    else:
        asked.append(r"invalid end states\s+\+$")
    for pattern in asked:
        if not re.search(pattern, output, re.M):
            return f"pan did not say {pattern!r}"
    cut = re.search(r"not completed|too small|out of memory|MEMLIM bound|"
                    r"hash.compact|bit.?state|interrupted|truncated", output,
                    re.I)
    return f"pan said {cut.group()!r}" if cut else None


def unreached(item, size, output):
    """Statements that this search should have reached and did not."""
    bounds = item.defines(size)
    if item.ltl or "-DN=1" in bounds:  # nobody stops; no data before last
        return []
    found = []
    for proctype, lines in re.findall(
            r"^unreached in proctype (\w+)\n((?:\t.*\n)*)", output, re.M):
        if proctype == "killer" and not any("DEATHS" in b for b in bounds):
            continue
        found += re.findall(r"^\t(\S+\.pml:\d+), .*, (?!\"-end-\")(.*)$",
                            lines, re.M)
    return [" ".join(pair) for pair in found]


def judge(item, size, status, output):
    """(as expected?, verdict)"""
    found = broken(output)
    if item.breaks:
        return found in item.breaks, f"fails: {found or 'NOT FOUND'}"
    if found:
        return False, f"FAILS: {found}"
    reason = incomplete(item, output)
    if status or reason:
        return False, f"ERROR: {reason or f'pan: status {status}'}"
    missed = unreached(item, size, output)
    if missed:
        return False, f"VACUOUS: never reached {missed[0]}"
    return True, "holds"


def figure(pattern, output):
    match = re.search(pattern, output)
    return match.group(1) if match else "-"


def row(item, size):
    """Search and print a row of the table; (as expected?, property broken)."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bbq-wait-") as folder:
        try:
            status, output = search(item, size, folder)
            good, verdict = judge(item, size, status, output)
            error = ""
        except ToolError as problem:
            output, good, verdict, error = "", False, "ERROR", str(problem)
    print(f"{'ok' if good else 'NOT':4}{item.name:24}"
          f"{figure(r'([0-9.e+]+) states, stored', output):>10}"
          f"{figure(r'depth reached ([0-9]+)', output):>9}"
          f"{time.monotonic() - begin:8.1f}  {verdict}"
          f"  ({' '.join(item.defines(size)).replace('-D', '')})", flush=True)
    if not good:
        print(error or re.sub(r"^Depth=.*\n", "", output, flags=re.M)[:4000])
    return good, verdict.removeprefix("fails: ")


def check(size):
    items = [item for item in MODELS + MUTANTS if item.bounds(size) != "-"]
    good = 0
    seen = set()
    print(f"    {'search':24}{'states':>10}{'depth':>9}{'seconds':>8}  verdict")
    for item in items:
        as_expected, verdict = row(item, size)
        good += as_expected
        seen.add(verdict)
    missing = [name for name in PROPERTIES if name not in seen]
    for name in missing:
        print(f"no mutant breaks: {name}")
    print(f"{size}: {good} of {len(items)} as expected, of which "
          f"{sum(1 for item in items if item.breaks)} are mutants; "
          f"{len(PROPERTIES) - len(missing)} of {len(PROPERTIES)} properties "
          "broken by one")
    return good == len(items) and not missing


def show(name, size):
    """Print the steps of the two ends, and of stores that reach memory."""
    item = next((i for i in MODELS + MUTANTS if i.name == name), None)
    if not item or item.bounds(size) == "-":
        sys.exit(f"check.py: no search {name} in {size}")
    with tempfile.TemporaryDirectory(prefix="bbq-wait-") as folder:
        _, output = search(item, size, folder)
        print(f"{name}: {broken(output) or 'nothing is broken'}")
        if not broken(output):
            return
        steps = must(["spin", *item.defines(size), "-t", "-p", "wait.pml"],
                     folder)
    for line in steps.splitlines():
        if re.search(r"\(state \d+\)\t\[(?!IF|DO|\.\(goto|sub-seq|\(1\)|goto|"
                     r"else\]|break\]|assert|kind =|value =)", line):
            print(re.sub(r"\(state \d+\)\t", "", line.strip())[:79])


def main(arguments):
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            print(f"check.py: {tool} is missing", file=sys.stderr)
            return 2
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if arguments[:1] == ["show"] and len(arguments) in (2, 3):
        show(arguments[1], (arguments + ["quick"])[2])
        return 0
    if len(arguments) > 1 or (arguments or ["quick"])[0] not in LIMITS:
        print(__doc__, file=sys.stderr)
        return 2
    return 0 if check((arguments or ["quick"])[0]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
