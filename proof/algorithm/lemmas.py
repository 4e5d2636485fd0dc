# SPDX-License-Identifier: MIT
"""What the model takes from the machine, proved of bit vectors.

The model's words are two digits in any radix and its frame headers are a
contract. Here the expressions of core.h and frame.h, written down once more
as they are, are shown to be the model's: words of 64 and of 32 bits, sizes of
64 and of 32.
"""
from types import SimpleNamespace

import z3
from z3 import (And, BitVec, BitVecVal, Concat, Extract, If, Or, UGE, UGT, ULE,
                ULT, LShR, URem, ZeroExt)

from model import Word
from prove import Model, Obligation, Premises


def lemma(group, goal, formula, *premises):
    return Obligation(group, goal, Premises(True, lambda: list(premises)),
                      formula, [])


# ---- words ------------------------------------------------------------------


def words(half):
    """The model's words against those of core.h, lap and offset of `half`
    bits. The model's digits have room for the sums and signs of the model."""
    bits, room = 2 * half, 3
    group = f'words of {bits} bits'
    mask = BitVecVal((1 << half) - 1, bits)
    one_lap = BitVecVal(1 << half, bits)
    radix = BitVecVal(1 << half, half + room)
    write, read, old, last = (BitVec(n, bits)
                              for n in ('write', 'read', 'old', 'last'))
    used = BitVec('used', half)
    capacity = BitVec('capacity', half)
    m = Model(SimpleNamespace(off_radix=radix, lap_radix=radix,
                              capacity=ZeroExt(room, capacity)))

    def digits(word):
        return Word(ZeroExt(room, Extract(bits - 1, half, word)),
                    ZeroExt(room, Extract(half - 1, 0, word)))

    def is_word(result, word):
        return And(result.lap == digits(word).lap,
                   result.off == digits(word).off)

    def word_of(a):
        return Concat(Extract(half - 1, 0, a.lap), Extract(half - 1, 0, a.off))

    class Subtracted(Model):
        """Subtracts as the machine does, which is a lemma of its own."""

        def sub(self, a, b):
            return digits(word_of(a) - word_of(b))

    w, r, o = digits(write), digits(read), digits(old)
    subtracted = Subtracted(m.k)
    wide_used = ZeroExt(half, used)
    next_lap = (write & ~mask) + one_lap
    same_lap = LShR(write, half) == LShR(read, half)
    facts = {
        'bbq_same_lap_': m.same_lap(w, r) == same_lap,
        'bbq_next_lap_': is_word(m.next_lap(w), next_lap),
        'write + used': is_word(m.add(w, ZeroExt(room, used)),
                                write + wide_used),
        'next lap + used': is_word(m.add(m.next_lap(w), ZeroExt(room, used)),
                                   next_lap + wide_used),
        'write - BBQ_ONE_LAP': is_word(m.sub_one_lap(w), write - one_lap),
        'read + BBQ_ONE_LAP': is_word(m.add_one_lap(w), write + one_lap),
        'write - read': is_word(m.sub(w, r), write - read),
        'comparison': m.at_most(w, r) == ULE(write, read),
        'bbq_read_possible_': subtracted.read_possible(
            w, digits(last).off, o, r) == And(
                ULE(write - read, write - old),
                Or(same_lap, And(UGT(last, 0),
                                 ULE(read & mask, last & mask)))),
        'bbq_write_possible_': subtracted.write_possible(r, o, w) == And(
            ULE(write - old, read + one_lap - old),
            ULE(write & mask, ZeroExt(half, capacity))),
    }
    for goal, fact in facts.items():
        yield lemma(group, goal, fact, ULE(last, ZeroExt(half, capacity)))


# ---- frame headers ----------------------------------------------------------

HEADER_MAX = 9


def header_size(length, bits):
    """bbq_frame_header_size"""
    size = BitVecVal(HEADER_MAX, bits)
    for n in range(HEADER_MAX - 1, 0, -1):
        rest = LShR(length, 7 * n) if 7 * n < bits else BitVecVal(0, bits)
        size = If(rest == 0, BitVecVal(n, bits), size)
    return size


def encode(size, length):
    """bbq_header_encode_long_, for a size that is a number"""
    first, rest = BitVecVal(0, length.size()), length
    if size < HEADER_MAX:
        first = length << size | 1 << (size - 1)
        rest = LShR(length, 8 - size)
    out = [Extract(7, 0, first)]
    for _ in range(1, size):
        out.append(Extract(7, 0, rest))
        rest = LShR(rest, 8)
    return out


def encode_short(size, length):
    """bbq_frame_header_encode, for a size of 1 or 2"""
    if size == 1:
        return [Extract(7, 0, length << 1 | 1)]
    return [Extract(7, 0, length << 2 | 2), Extract(7, 0, LShR(length, 6))]


def first_size(first):
    """How many bytes a header has, by its first: trailing zeros, and one."""
    size = BitVecVal(HEADER_MAX, 8)
    for n in range(HEADER_MAX - 1, 0, -1):
        size = If(Extract(n - 1, n - 1, first) == 1, BitVecVal(n, 8), size)
    return size


def decode(size, header, avail):
    """bbq_frame_header_decode where the first byte says `size`: does it
    succeed, and the length."""
    bits = avail.size()
    good, length = UGE(avail, size), BitVecVal(0, bits)
    for byte in reversed(header[1:]):
        good = And(good, ULE(length, LShR(avail, 8)))
        length = length << 8 | ZeroExt(bits - 8, byte)
    if size < HEADER_MAX:
        good = And(good, ULE(length, LShR(avail, 8 - size)))
        length = (length << (8 - size) |
                  LShR(ZeroExt(bits - 8, header[0]), size))
    return And(good, ULE(length, avail)), length


def headers(bits):
    group = f'frame headers, size_t of {bits} bits'
    length, avail = BitVec('length', bits), BitVec('avail', bits)
    wide = HEADER_MAX * 8 + bits
    said = first_size(BitVec('byte0', 8))
    yield lemma(group, 'any first byte says 1 to 9',
                And(UGE(said, 1), ULE(said, HEADER_MAX)))
    for size in range(1, HEADER_MAX + 1):
        last = size == HEADER_MAX
        fits = (z3.BoolVal(True) if last or 7 * size >= bits
                else ULT(length, 1 << 7 * size))
        coded = encode(size, length)
        good, decoded = decode(size, coded, avail)
        if size <= 2:
            yield lemma(group, f'{size} bytes: written without a loop', And(
                *(a == b for a, b in zip(encode_short(size, length), coded))),
                fits)
        yield lemma(group, f'{size} bytes: the first says so',
                    first_size(coded[0]) == size, fits)
        yield lemma(group, f'{size} bytes: what was encoded is decoded',
                    And(good, decoded == length),
                    fits, ULE(length, avail), UGE(avail, size))
        any_bytes = [BitVec(f'byte{i}', 8) for i in range(size)]
        good, decoded = decode(size, any_bytes, avail)
        number = Concat(BitVecVal(0, wide - 8 * size),
                        *reversed(any_bytes))
        yield lemma(group, f'{size} bytes: whatever they are, all of the '
                    'length counts, and it is readable',
                    And(ULE(decoded, avail), ULE(size, avail),
                        ZeroExt(wide - bits, decoded) ==
                        LShR(number, 8 if last else size)),
                    good, first_size(any_bytes[0]) == size)
        yield lemma(group, f'{size} bytes: narrowest for what needs them',
                    (header_size(length, bits) == size) == And(
                        fits, z3.BoolVal(True) if size == 1 else
                        UGE(length, 1 << 7 * (size - 1))
                        if 7 * (size - 1) < bits else z3.BoolVal(False)))


def gaps(bits):
    """bbq_payload_. Offsets are at most PTRDIFF_MAX, headers nine bytes."""
    group = f'frame gaps, size_t of {bits} bits'
    offset, header = BitVec('offset', bits), BitVec('header', bits)
    small = [ULE(offset, (1 << bits - 1) - 1), ULE(header, HEADER_MAX)]
    for align in (1, 8, 64):
        def payload(at):
            return header + URem(0 - (at + header), BitVecVal(align, bits))
        yield lemma(group, f'alignment {align}: header, gap, aligned', And(
            UGE(payload(offset), header),
            ULT(payload(offset) - header, align),
            URem(offset + payload(offset), BitVecVal(align, bits)) == 0),
            *small)
        yield lemma(group, f'alignment {align}: what does not fit at the head'
                    ' fits nowhere',
                    ULE(payload(0), offset + payload(offset)), *small)


def lemmas(_=None):
    for half in (32, 16):
        yield from words(half)
    for bits in (64, 32):
        yield from headers(bits)
        yield from gaps(bits)
