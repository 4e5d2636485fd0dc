#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Put the contracts beside the headers into copies of the headers.

A contract file is divided by lines that begin with `====`:

    ==== before NAME ====           text to go in front of the contract of NAME
    ==== NAME ====                  the contract of the function NAME
    ==== NAME loop N ====           the annotation of its Nth loop
    ==== NAME at CODE ====          an annotation in front of the line CODE

What is inserted are comments, so a compiler sees the header's own text. Every
function of the header must have a contract, and every contract, loop and line
must be found, exactly once: otherwise it is an error.
"""
import re
from pathlib import Path

FUNCTION = re.compile(r"^(?:BBQ_INLINE|BBQ_COLD|static inline)\b[^;{]*?(\w+)\s*\(", re.M)
LOOP = re.compile(r"^\s+(?:for|while|do)\b", re.M)

# In access.h; the bodies in the headers are not compiled.
ACCESSES = ("bbq_load_acquire_", "bbq_load_relaxed_", "bbq_store_release_",
            "bbq_store_relaxed_", "bbq_load_byte_", "bbq_store_byte_")


class Mismatch(Exception):
    """The contracts and the header do not belong together."""


def sections(path: Path) -> dict[str, str]:
    """The sections of a contract file, by heading, in the file's order."""
    parts = re.split(r"^==== (.*) ====$", path.read_text(), flags=re.M)
    names = parts[1::2]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Mismatch(f"{path.name}: twice: {', '.join(sorted(twice))}")
    return dict(zip(names, parts[2::2]))


def functions(header: str) -> dict[str, tuple[int, int]]:
    """Where each function definition begins and ends (behind its brace)."""
    found = {}
    for match in FUNCTION.finditer(header):
        end = header.index("\n}\n", match.start()) + 3
        if match[1] in found:
            raise Mismatch(f"{match[1]} is defined twice")
        found[match[1]] = (match.start(), end)
    return found


def only(name: str, found: list[int]) -> int:
    if len(found) != 1:
        raise Mismatch(f"'{name}' is found {len(found)} times")
    return found[0]


def place(heading: str, header: str,
          spans: dict[str, tuple[int, int]]) -> int:
    """The offset in the header that a section's text goes to."""
    words = heading.split(" ", 2)
    name = words[1] if words[0] == "before" else words[0]
    if name not in spans:
        raise Mismatch(f"'{heading}': no function {name}")
    start, end = spans[name]
    if len(words) < 3:
        return start
    body = header[start:end]
    if words[1] == "loop":
        loops = [start + m.start() for m in LOOP.finditer(body)]
        if int(words[2]) > len(loops):
            raise Mismatch(f"'{heading}': {len(loops)} loops")
        return loops[int(words[2]) - 1]
    line = re.compile(r"^\s*" + re.escape(words[2]) + r"$", re.M)
    return start + only(heading, [m.start() for m in line.finditer(body)])


def annotate(header: str, contracts: dict[str, str],
             elsewhere: set[str]) -> str:
    """The header with its contracts; `elsewhere` names what needs none."""
    spans = functions(header)
    missing = set(spans) - set(contracts) - elsewhere
    if missing:
        raise Mismatch(f"no contract: {', '.join(sorted(missing))}")
    for name, (start, end) in spans.items():
        if name in elsewhere:
            continue
        for n in range(1, len(LOOP.findall(header[start:end])) + 1):
            if f"{name} loop {n}" not in contracts:
                raise Mismatch(f"no annotation: {name} loop {n}")
    inserts = [(place(heading, header, spans), text.strip())
               for heading, text in contracts.items()]
    for offset, text in reversed(sorted(inserts, key=lambda i: i[0])):
        # Frama-C takes one assertion a comment, and a contract as a whole.
        parts = [text] if text.startswith("/*@") else \
            [f"/*@ {part.strip()} */"
             for part in re.split(r"^(?=assert )", text, flags=re.M) if part]
        comment = "\n".join(parts)
        while header[offset] == "\n":
            offset += 1
        header = header[:offset] + comment + "\n" + header[offset:]
    return header
