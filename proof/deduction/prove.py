#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prove core.h and frame.h by deduction, with Frama-C; see README.md.

    prove.py [--full] SOURCE_ROOT SCRATCH_DIR

prints a line for each function: goals, how many are proved, prover time. The
exit status is 0 only if all are proved, no function has fewer goals than
goals.txt says, and each lemma on bits is proved by itself. --full proves for
words of 32 bits too, and then tries to prove what is wrong: a false
postcondition of every function, and each of the broken headers in mutants.py.
None of these may be proved.
"""
import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import generate
import mutants

HERE = Path(__file__).resolve().parent
TOOLS = ["frama-c", "why3", "z3", "cvc4", "gcc"]
# The only warnings allowed. WP takes void * for signed char *; nothing is ever
# read or written through void *, so that the type it has does not matter.
CASTS = re.compile(r"\[wp\] [\w.]+:\d+: Warning: \n"
                   r"  Cast with incompatible pointers types "
                   r"\(source: [su]int8\*\) \(target: [su]int8\*\)\n")
GOAL = re.compile(r"^\[wp\] \[([^\]]+)\] Goal typed_cast_(\w+)(.*)$", re.M)


class Failure(Exception):
    """The reason, in a line, why the proof did not go through."""


class Prover:
    """Runs Frama-C on annotated copies of the headers."""

    def __init__(self, root: Path, scratch: Path):
        for tool in TOOLS:
            if not shutil.which(tool):
                raise Failure(f"{tool} is not installed")
        self.scratch = scratch
        self.headers = {
            name: (root / "libbbq/include/bbq" / f"{name}.h").read_text()
            for name in ("core", "frame")}
        self.contracts = {name: generate.sections(HERE / f"{name}.acsl")
                          for name in self.headers}
        # Why3 and Frama-C look for their files at home: not in the user's.
        self.env = dict(os.environ, HOME=str(scratch),
                        WHY3CONFIG=str(scratch / "why3.conf"))
        for name in list(self.env):
            if name.startswith("XDG_"):
                del self.env[name]
        subprocess.run(["why3", "config", "detect"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def functions(self) -> list[str]:
        """The functions that have a contract, in the headers' order."""
        return [name for header in self.headers
                for name in generate.functions(self.headers[header])
                if name in self.contracts[header]]

    def write(self, place: Path, headers: dict[str, str], extra: str) -> None:
        """The headers with their contracts, each with `extra` at its end."""
        place.mkdir(exist_ok=True)
        for name, header in headers.items():
            contracts = {
                heading: text if " " in heading else text + extra
                for heading, text in self.contracts[name].items()}
            (place / f"{name}.h").write_text(
                generate.annotate(header, contracts, set(generate.ACCESSES)))
        (place / "prove.c").write_text('#include "access.h"\n'
                                       '#include "model.h"\n'
                                       '#include "frame.h"\n')

    def run(self, name: str, bits: int, *options: str, timeout: int = 60,
            headers: dict[str, str] | None = None, extra: str = "") -> str:
        """What Frama-C says. Any warning but those of CASTS is an error."""
        place = self.scratch / name
        self.write(place, headers or self.headers, extra)
        command = ["frama-c", "-wp", "-wp-rte", "-wp-model", "Typed+cast",
                   "-wp-prover", "z3,cvc4", "-wp-timeout", str(timeout),
                   "-wp-par", "2", "-wp-status-all", "-wp-cache", "none",
                   # That assigns clauses have no \from is no matter to WP.
                   "-wp-warn-key", "pedantic-assigns=inactive",
                   "-machdep", "gcc_x86_64",
                   f"-cpp-extra-args=-I{HERE} -I{place} -D__linux__ "
                   f"-DBBQ_WORD_BITS={bits}", *options, "prove.c"]
        # Frama-C believes $PWD.
        with (place / "log").open("w") as log:
            done = subprocess.run(command, cwd=place, stdout=log,
                                  stderr=subprocess.STDOUT, check=False,
                                  env=dict(self.env, PWD=str(place)))
        output = (place / "log").read_text()
        rest = CASTS.sub("", output)
        if done.returncode or "Warning" in rest or "User Error" in rest:
            raise Failure(f"Frama-C on {name}:\n{rest[-3000:]}")
        return output


def owner(goal: str, names: list[str]) -> str:
    """The function that a goal is of, or `lemmas`."""
    fits = [name for name in names if goal.startswith(name.rstrip("_") + "_")]
    return max(fits, key=len) if fits else "lemmas"


def milliseconds(text: str) -> float:
    return sum(float(number) * (1000 if unit == "s" else 1)
               for number, unit in re.findall(r"([\d.]+)(ms|s)\b", text))


def table(output: str, names: list[str], least: dict[str, int]) -> bool:
    """Print the table of one run. Is everything proved, and enough of it?"""
    total, proved, spent = defaultdict(int), defaultdict(int), defaultdict(float)
    open_goals = []
    for prover, goal, result in GOAL.findall(output):
        name = owner(goal, names)
        total[name] += 1
        proved[name] += result.startswith(" : Valid") or \
            " : Valid" in result
        spent[name] += milliseconds(result)
        if " : Valid" not in result:
            open_goals.append(f"{goal} [{prover}]")
    good = not open_goals
    print(f"{'function':28} {'goals':>6} {'proved':>7} {'seconds':>8}")
    for name in ["lemmas", *names]:
        few = total[name] < least.get(name, 1)
        good = good and not few
        print(f"{name:28} {total[name]:6} {proved[name]:7} "
              f"{spent[name] / 1000:8.1f}"
              + (f"  at least {least.get(name, 1)} expected" if few else ""))
    print(f"{'total':28} {sum(total.values()):6} {sum(proved.values()):7} "
          f"{sum(spent.values()) / 1000:8.1f}")
    for goal in open_goals:
        print(f"not proved: {goal}")
    return good


def prove_bits() -> bool:
    """Are the admitted lemmas those of bits.smt2, and all true?"""
    admitted = re.findall(r"admit lemma (\w+):", (HERE / "model.h").read_text())
    others = [path.name for path in HERE.glob("*.acsl")
              if re.search(r"\b(admit|axiom)\b", path.read_text())]
    if others:
        raise Failure(f"something is admitted in {', '.join(others)}")
    answer = subprocess.run(["z3", "-smt2", str(HERE / "bits.smt2")],
                            text=True, stdout=subprocess.PIPE,
                            check=False).stdout.split()
    # bits.smt2 names a lemma and asks for a counterexample, once or more.
    answers, name = defaultdict(list), ""
    for word in answer:
        if word in ("sat", "unsat", "unknown"):
            answers[name].append(word)
        else:
            name = word
    good = sorted(admitted) == sorted(answers)
    wrong = [name for name in admitted
             if not answers[name] or set(answers[name]) != {"unsat"}]
    print(f"lemmas on bits: {len(admitted)}, proved: "
          f"{len(admitted) - len(wrong)}")
    for name in wrong:
        print(f"not proved: {name} in bits.smt2")
    if not good:
        print("model.h and bits.smt2 do not have the same lemmas")
    return good and not wrong


def least_goals() -> dict[str, int]:
    lines = [line.split() for line in
             (HERE / "goals.txt").read_text().splitlines()
             if line and not line.startswith("#")]
    return {name: int(count) for name, count in lines}


def nothing_false(prover: Prover) -> bool:
    """No contract is so contradictory that it proves what is false."""
    output = prover.run("false", 64, "-wp-prop=impossible", timeout=3,
                        extra="\nensures impossible: \\false;\n")
    goals = GOAL.findall(output)
    names = {owner(goal, prover.functions()) for _, goal, _ in goals}
    proved = [goal for _, goal, result in goals if " : Valid" in result]
    missing = set(prover.functions()) - names
    print(f"false postconditions: {len(names)}, proved: {len(proved)}")
    for name in [*proved, *missing]:
        print(f"wrong: {name}")
    return not proved and not missing


def mutants_die(prover: Prover) -> bool:
    """Each broken header has a goal that is not proved."""
    good = True
    for number, (header, function, goals, old, new) in \
            enumerate(mutants.MUTANTS, 1):
        text = prover.headers[header]
        start, end = generate.functions(text)[function]
        if text.count(old, start, end) != 1:
            raise Failure(f"mutant {number}: '{old}' in {function}")
        broken = dict(prover.headers)
        broken[header] = text[:start] + text[start:end].replace(old, new) \
            + text[end:]
        output = prover.run(f"mutant-{number}", 64, "-wp-fct", function,
                            f"-wp-prop={goals}", headers=broken, timeout=10)
        found = GOAL.findall(output)
        alive = all(" : Valid" in result for _, _, result in found)
        good = good and not alive
        print(f"mutant {number:2} {function:24} "
              f"{'PROVED: ' if alive else 'refused:'} {old} -> {new}")
    return good


def main() -> int:
    full = "--full" in sys.argv
    paths = [word for word in sys.argv[1:] if word != "--full"]
    if len(paths) != 2:
        print(__doc__)
        return 2
    scratch = Path(paths[1]).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    good = True
    try:
        prover = Prover(Path(paths[0]).resolve(), scratch)
        good = prove_bits()
        for bits in (64, 32) if full else (64,):
            start = time.monotonic()
            output = prover.run(f"words-{bits}", bits)
            print(f"\nwords of {bits} bits")
            good = table(output, prover.functions(), least_goals()) and good
            print(f"{time.monotonic() - start:.0f} s")
        if full:
            print()
            good = nothing_false(prover) and good
            good = mutants_die(prover) and good
    except (Failure, generate.Mismatch) as error:
        print(f"prove.py: {error}")
        good = False
    print("proved" if good else "NOT PROVED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
