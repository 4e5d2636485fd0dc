#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prove core.h and frame.h by deduction, with Frama-C; see README.md.

    prove.py quick|full SOURCE_ROOT SCRATCH_DIR

prints a line for each function: goals, how many are proved, prover time. The
exit status is 0 only if all are proved, no function has fewer goals than
goals.txt says, and each lemma on bits is proved by itself.

quick  the functions that goals.txt marks, for words of 64 bits, and the values
       of the frame header, for each width
full   every function, for words of 64 and of 32 bits, and the values. Then
       it tries to prove what is wrong: a false postcondition of every
       function, and each of the broken headers in mutants.py. None of these
       may be proved.
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
CODEC = ["bbq_header_encode_long_", "bbq_frame_header_encode",
         "bbq_frame_header_decode"]
WIDTHS = range(1, 10)
LEMMAS = "-wp-prop=@lemma"
GOAL = re.compile(r"^\[wp\] \[([^\]]+)\] Goal typed_cast_(\w+)(.*)$", re.M)


goals_proved = 0  # in all tables


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
        self.codec = generate.sections(HERE / "codec.acsl")
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
        for name, header in headers.items():
            contracts = {
                heading: text if " " in heading else text + extra
                for heading, text in self.contracts[name].items()}
            (place / f"{name}.h").write_text(
                generate.annotate(header, contracts, set(generate.ACCESSES)))
        (place / "prove.c").write_text('#include "access.h"\n'
                                       '#include "model.h"\n'
                                       '#include "frame.h"\n')

    def write_codec(self, place: Path, extra: str,
                    change: tuple[str, str, str] | None) -> None:
        """frame.h with the contracts of codec.acsl only, beside core.h."""
        header = self.headers["frame"]
        contracts = {heading: text if " " in heading else text + extra
                     for heading, text in self.codec.items()}
        others = set(generate.functions(header)) - set(contracts)
        header = generate.annotate(header, contracts, others)
        (place / "core.h").write_text(self.headers["core"])
        (place / "frame.h").write_text(
            broken(header, *change) if change else header)
        (place / "prove.c").write_text('#include "access.h"\n'
                                       '#include "codec.h"\n'
                                       '#include "frame.h"\n')

    def run(self, name: str, bits: int, *options: str, timeout: int = 60,
            headers: dict[str, str] | None = None, extra: str = "") -> str:
        """What Frama-C says of the contracts of core.acsl and frame.acsl."""
        place = self.scratch / name
        place.mkdir(exist_ok=True)
        self.write(place, headers or self.headers, extra)
        return self.frama(place, [f"-DBBQ_WORD_BITS={bits}"], options, timeout)

    def run_codec(self, name: str, width: int, *options: str,
                  change: tuple[str, str, str] | None = None,
                  extra: str = "", timeout: int = 60) -> str:
        """What Frama-C says of those of codec.acsl, for one width."""
        place = self.scratch / name
        place.mkdir(exist_ok=True)
        self.write_codec(place, extra, change)
        most = width == 9
        powers = {"WIDTH": width, "HALF": 2 ** (width - 1), "LOW": 2 ** width,
                  "REST": 1 if most else 2 ** (8 - width),
                  "LIMIT": 2 ** (64 if most else 7 * width)}
        macros = [f"-D{macro}={value}" for macro, value in powers.items()]
        return self.frama(place, ["-DBBQ_WORD_BITS=64", *macros], options,
                          timeout)

    def frama(self, place: Path, macros: list[str],
              options: tuple[str, ...], timeout: int) -> str:
        """What Frama-C says. Any warning but those of CASTS is an error."""
        cpp = " ".join([f"-I{HERE}", f"-I{place}", "-D__linux__", *macros])
        command = ["frama-c", "-wp", "-wp-rte", "-wp-model", "Typed+cast",
                   "-wp-prover", "z3,cvc4", "-wp-timeout", str(timeout),
                   "-wp-par", "2", "-wp-status-all", "-wp-cache", "none",
                   # That assigns clauses have no \from is no matter to WP.
                   "-wp-warn-key", "pedantic-assigns=inactive",
                   "-machdep", "gcc_x86_64", f"-cpp-extra-args={cpp}",
                   *options, "prove.c"]
        # Frama-C believes $PWD.
        with (place / "log").open("w") as log:
            done = subprocess.run(command, cwd=place, stdout=log,
                                  stderr=subprocess.STDOUT, check=False,
                                  env=dict(self.env, PWD=str(place)))
        output = (place / "log").read_text()
        rest = CASTS.sub("", output)
        if done.returncode or "Warning" in rest or "User Error" in rest:
            raise Failure(f"Frama-C on {place.name}:\n{rest[-3000:]}")
        return output


def only(names: list[str]) -> str:
    """The option to look at these functions only. It leaves lemmas out."""
    return "-wp-fct=" + ",".join(names)


def owner(goal: str, names: list[str]) -> str:
    """The function that a goal is of, or `lemmas`."""
    fits = [name for name in names if goal.startswith(name.rstrip("_") + "_")]
    return max(fits, key=len) if fits else "lemmas"


def milliseconds(text: str) -> float:
    return sum(float(number) * (1000 if unit == "s" else 1)
               for number, unit in re.findall(r"([\d.]+)(ms|s)\b", text))


def table(output: str, names: list[str], least: dict[str, int]) -> bool:
    """Print the table of one run. Is everything proved, and enough of it?"""
    global goals_proved
    total, proved = defaultdict(int), defaultdict(int)
    spent = defaultdict(float)
    open_goals = []
    for prover, goal, result in GOAL.findall(output):
        name = owner(goal, names)
        total[name] += 1
        proved[name] += " : Valid" in result
        spent[name] += milliseconds(result)
        if " : Valid" not in result:
            open_goals.append(f"{goal} [{prover}]")
    goals_proved += sum(proved.values())
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
    admitted = {name for header in ("model.h", "codec.h") for name in
                re.findall(r"admit lemma (\w+):", (HERE / header).read_text())}
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
    good = admitted == set(answers)
    wrong = [name for name in sorted(admitted)
             if not answers[name] or set(answers[name]) != {"unsat"}]
    print(f"lemmas on bits: {len(admitted)}, proved: "
          f"{len(admitted) - len(wrong)}")
    for name in wrong:
        print(f"not proved: {name} in bits.smt2")
    if not good:
        print("bits.smt2 does not have the lemmas of model.h and codec.h")
    return good and not wrong


def least_goals() -> tuple[dict[str, int], list[str]]:
    """By function, how many goals it has at least; and the quick ones."""
    lines = [line.split() for line in
             (HERE / "goals.txt").read_text().splitlines()
             if line and not line.startswith("#")]
    return ({line[0]: int(line[1]) for line in lines},
            [line[0] for line in lines if line[2:] == ["quick"]])


def prove_words(prover: Prover, bits: int, names: list[str]) -> bool:
    """Do these functions keep their contracts, and the lemmas hold?"""
    start = time.monotonic()
    output = prover.run(f"words-{bits}", bits, only(names)) + \
        prover.run(f"lemmas-{bits}", bits, LEMMAS)
    print(f"\nwords of {bits} bits")
    good = table(output, names, least_goals()[0])
    print(f"{time.monotonic() - start:.0f} s", flush=True)
    return good


def prove_codec(prover: Prover) -> bool:
    """Are the values right that headers of each width say?"""
    good = True
    print("\nvalues of frame headers, by width")
    for width in WIDTHS:
        start = time.monotonic()
        goals = GOAL.findall(
            prover.run_codec(f"codec-{width}", width, only(CODEC)) +
            prover.run_codec(f"codec-lemmas-{width}", width, LEMMAS))
        still = [goal for _, goal, result in goals if " : Valid" not in result]
        few = len(goals) < least_goals()[0]["codec"]
        print(f"{width} {len(goals):6} goals, {len(goals) - len(still):6} "
              f"proved, {time.monotonic() - start:.0f} s"
              + ("  too few" if few else ""), flush=True)
        for goal in still:
            print(f"not proved: {goal}")
        good = good and not still and not few
    return good


def nothing_false(prover: Prover) -> bool:
    """No contract is so contradictory that it proves what is false."""
    output = prover.run("false", 64, "-wp-prop=impossible", timeout=3,
                        extra="\ncheck ensures impossible: \\false;\n")
    goals = GOAL.findall(output)
    names = {owner(goal, prover.functions()) for _, goal, _ in goals}
    proved = [goal for _, goal, result in goals if " : Valid" in result]
    missing = set(prover.functions()) - names
    print(f"false postconditions: {len(names)}, proved: {len(proved)}")
    for name in [*proved, *missing]:
        print(f"wrong: {name}")
    for width in WIDTHS:
        output = prover.run_codec(
            "codec-false", width, only(CODEC),
            "-wp-prop=impossible", timeout=3,
            extra="\ncheck ensures impossible: \\false;\n")
        goals = GOAL.findall(output)
        if len(goals) != len(CODEC) or \
                any(" : Valid" in result for _, _, result in goals):
            print(f"wrong: values of headers of {width} bytes")
            proved.append(f"codec-{width}")
    return not proved and not missing


def broken(text: str, function: str, old: str, new: str) -> str:
    """A header with a mutant; its annotations stay as they are."""
    start, end = generate.functions(text)[function]
    parts = re.split(r"(/\*@.*?\*/)", text[start:end], flags=re.S)
    if sum(part.count(old) for part in parts[::2]) != 1:
        raise Failure(f"mutant: '{old}' is not once in {function}")
    parts[::2] = [part.replace(old, new) for part in parts[::2]]
    return text[:start] + "".join(parts) + text[end:]


def mutants_die(prover: Prover) -> bool:
    """Each broken header has a goal that is not proved."""
    good = True
    for number, (header, function, goals, old, new, *rest) in \
            enumerate(mutants.MUTANTS, 1):
        width = rest[0] if rest else 0
        change = (function, old, new)
        options = (only([function]), f"-wp-prop={goals}")
        name = f"mutant-{number}"
        if width:
            output = prover.run_codec(name, width, *options, change=change,
                                      timeout=10)
        else:
            text = broken(prover.headers[header], *change)
            output = prover.run(name, 64, *options, timeout=10,
                                headers={**prover.headers, header: text})
        found = GOAL.findall(output)
        if not found:
            raise Failure(f"mutant {number}: no goals {goals}")
        alive = all(" : Valid" in result for _, _, result in found)
        good = good and not alive
        print(f"mutant {number:2} {function:24} "
              f"{'PROVED: ' if alive else 'refused:'} {old} -> {new}",
              flush=True)
    return good


def main() -> int:
    if len(sys.argv) != 4 or sys.argv[1] not in ("quick", "full"):
        print(__doc__)
        return 2
    full = sys.argv[1] == "full"
    scratch = Path(sys.argv[3]).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    good = True
    try:
        prover = Prover(Path(sys.argv[2]).resolve(), scratch)
        good = prove_bits()
        names = prover.functions()
        if not full:
            names = [name for name in names if name in least_goals()[1]]
        good = prove_codec(prover) and good
        for bits in (64, 32) if full else (64,):
            good = prove_words(prover, bits, names) and good
        if full:
            print()
            good = nothing_false(prover) and good
            good = mutants_die(prover) and good
    except (Failure, generate.Mismatch) as error:
        print(f"prove.py: {error}")
        good = False
    print(f"{goals_proved} goals proved, {'nothing left' if good else 'NOT ALL'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
