# SPDX-License-Identifier: MIT
"""The invariant: clauses that hold in every reachable state.

A clause is a formula about a state and, for "for every", about indices: i, i2
number messages of `write`, j, j2 of `read`, n of `last`; b, b2 are positions
in the buffer. README.md says the clauses in words, in this order.

The clauses marked local speak of one handle only, and hold whatever the peer
stores (hostile proof); the others need an honest peer.
"""
import inspect
from dataclasses import dataclass
from typing import Callable

from logic import between, conj, disj, implies, ite, neg
from state import (BYTES, C_ATTACH_LAST, C_ATTACH_WRITE, C_FIND, C_FIND_MORE,
                   C_FIRST, C_LOOK, C_LOOK_LAST, C_PLACES, C_READABLE_LAST,
                   DEAD, FRAME, FRAME_AGAIN, FRAME_READ, NEXT, NONE,
                   P_ATTACH_LAST, P_ATTACH_READ, P_COMMIT_WRITE, P_HEADER,
                   P_PLACES, P_WANT_LAST, P_WANT_WRITE, READ, REST, SPLIT)


@dataclass
class Clause:
    name: str
    holds: Callable      # (model, state, *indices)
    indices: tuple       # their names
    local: str           # 'producer', 'consumer' or ''


CLAUSES: list = []


def clause(name, local=''):
    def add(function):
        indices = tuple(inspect.signature(function).parameters)[2:]
        CLAUSES.append(Clause(name, function, indices, local))
        return function
    return add


def one_of(term, *values):
    return disj(*[term == v for v in values])


def is_word(m, word):
    return conj(0 <= word.lap, word.lap < m.k.lap_radix,
                0 <= word.off, word.off < m.k.off_radix)


def lex(a_lap, a_off, b_lap, b_off):
    """(a_lap, a_off) <= (b_lap, b_off)"""
    return disj(a_lap < b_lap, conj(a_lap == b_lap, a_off <= b_off))


# ---- the messages -----------------------------------------------------------

@clause('messages are counted')
def _(m, s):
    return conj(s.w_n >= 0, s.l_n >= 0, s.r_n >= 0, s.got >= 0, s.put >= 0)


@clause('every write is a cursor')
def _(m, s, i):
    return implies(between(0, i, s.w_n), conj(
        s.w_lap(i) == m.k.lap_digit(s.w_abs(i)),
        between(0, s.w_off(i), m.k.capacity), between(0, s.w_last(i), s.l_n),
        s.w_carry(i) == i))


@clause('every read is a cursor')
def _(m, s, j):
    return implies(between(0, j, s.r_n), conj(
        s.r_lap(j) == m.k.lap_digit(s.r_abs(j)),
        between(0, s.r_off(j), m.k.capacity), s.r_carry(j) == j))


@clause('every last is an offset')
def _(m, s, n):
    return implies(between(0, n, s.l_n),
                   between(0, s.l_val(n), m.k.capacity))


@clause('write only moves forward')
def _(m, s, i, i2):
    return implies(conj(0 <= i, i <= i2, i2 <= s.w_n),
                   lex(s.w_abs(i), s.w_off(i), s.w_abs(i2), s.w_off(i2)))


@clause('read only moves forward')
def _(m, s, j, j2):
    return implies(conj(0 <= j, j <= j2, j2 <= s.r_n),
                   lex(s.r_abs(j), s.r_off(j), s.r_abs(j2), s.r_off(j2)))


# ---- the two laps -----------------------------------------------------------

@clause('write is in the lap of read or in the next')
def _(m, s):
    return between(m.read_abs(s), m.write_abs(s), m.read_abs(s) + 1)


@clause('the cursors do not pass each other')
def _(m, s):
    return ite(m.inverted(s),
               conj(m.write_off(s) <= m.read_off(s),
                    m.read_off(s) <= m.watermark(s), m.watermark(s) > 0),
               m.read_off(s) <= m.write_off(s))


@clause('what is between them is what was committed and not released')
def _(m, s):
    ahead = m.write_off(s) - m.read_off(s)
    return s.put - s.got == ite(m.inverted(s), ahead + m.watermark(s), ahead)


@clause('and its bytes are the stream\'s')
def _(m, s, b):
    return implies(m.readable(s, b),
                   s.data(b) == s.stream(m.position(s, b)))


# ---- what a consumer can still load -----------------------------------------

@clause('a loadable write is not behind read')
def _(m, s, i):
    return implies(between(s.c_seen, i, s.w_n),
                   lex(m.read_abs(s), m.read_off(s), s.w_abs(i), s.w_off(i)))


@clause('a write of the next lap brings its watermark')
def _(m, s, i):
    return implies(conj(between(s.c_seen, i, s.w_n),
                        s.w_abs(i) == m.read_abs(s) + 1),
                   s.w_last(i) == s.l_n)


@clause('a write of the left lap is below its watermark')
def _(m, s, i):
    return implies(conj(between(s.c_seen, i, s.w_n), m.inverted(s),
                        s.w_abs(i) == m.read_abs(s)),
                   s.w_off(i) <= m.watermark(s))


@clause('who loads a write is ordered after the bytes that it shows')
def _(m, s, i, b):
    return implies(conj(between(s.c_seen, i, s.w_n), m.readable_by(s, i, b)),
                   s.data_stored(b) <= i)


@clause('byte stores are before the next write')
def _(m, s, b):
    return s.data_stored(b) <= s.w_n + 1


# ---- what a producer can still load -----------------------------------------

@clause('a loadable read is of this lap, or ahead of write in the last one')
def _(m, s, j):
    return implies(between(s.p_seen, j, s.r_n), disj(
        s.r_abs(j) == m.write_abs(s),
        conj(s.r_abs(j) + 1 == m.write_abs(s), m.write_off(s) <= s.r_off(j),
             s.r_off(j) <= m.watermark(s), m.watermark(s) > 0)))


@clause('who loads a read is ordered after the loads of what it frees')
def _(m, s, j, b):
    return implies(conj(between(s.p_seen, j, s.r_n), m.free_by(s, j, b)),
                   s.data_loaded(b) <= j)


@clause('byte loads are before the next read')
def _(m, s, b):
    return s.data_loaded(b) <= s.r_n + 1


# ---- the producer's handle --------------------------------------------------

def p_attached(s):
    return neg(one_of(s.p_at, DEAD, P_ATTACH_LAST, P_ATTACH_READ))


def p_wrapping(s):
    return one_of(s.p_at, P_WANT_LAST, P_WANT_WRITE, P_COMMIT_WRITE)


@clause('producer: views')
def _(m, s):
    return conj(0 <= s.p_seen, s.p_seen <= s.p_view, s.p_view <= s.r_n,
                s.p_after == s.p_view)


@clause('producer: own words')
def _(m, s):
    return conj(
        implies(s.p_at != DEAD, conj(s.p_wlap == s.w_lap(s.w_n),
                                     s.p_woff == m.write_off(s))),
        implies(disj(p_attached(s), s.p_at == P_ATTACH_READ),
                s.p_last == m.watermark(s)))


@clause('producer: cached read')
def _(m, s):
    return implies(p_attached(s), conj(s.p_rlap == s.r_lap(s.p_seen),
                                       s.p_roff == s.r_off(s.p_seen)))


@clause('producer: where it is', local='producer')
def _(m, s):
    return conj(
        one_of(s.p_at, *P_PLACES), one_of(s.p_open, NONE, BYTES, FRAME),
        implies(s.p_open != NONE,
                one_of(s.p_at, REST, P_COMMIT_WRITE, P_HEADER)),
        implies(one_of(s.p_at, P_COMMIT_WRITE, P_HEADER), s.p_open != NONE),
        implies(s.p_open == FRAME, conj(m.k.frames, neg(conj(
            s.p_at == P_COMMIT_WRITE, s.p_keep)))),
        implies(s.p_open == BYTES, neg(m.k.frames)),
        implies(s.p_at == P_HEADER, s.p_open == FRAME))


@clause('producer: cursors that it may use', local='producer')
def _(m, s):
    write, read = m.p_write(s), m.p_read(s)
    ahead = conj(write.lap == m.lap_up(read.lap), write.off <= read.off,
                 read.off <= s.p_last, s.p_last > 0)
    return conj(
        implies(s.p_at != DEAD, is_word(m, write)),
        implies(p_attached(s), conj(
            is_word(m, read), write.off <= m.k.capacity,
            s.p_last <= m.k.capacity,
            disj(conj(write.lap == read.lap, read.off <= write.off), ahead))))


@clause('producer: open grant is free by the cached read', local='producer')
def _(m, s):
    write, read = m.p_write(s), m.p_read(s)
    here = conj(s.p_start == s.p_woff,
                s.p_len <= m.room_at_write(write, read))
    head = conj(s.p_start == 0, s.p_len <= m.room_at_head(write, read),
                s.p_len > 0, m.same_lap(write, read))
    return implies(s.p_open != NONE, conj(s.p_len >= 0, disj(here, head)))


@clause('producer: frame grant', local='producer')
def _(m, s):
    longest = s.p_len - s.p_payload
    return implies(s.p_open == FRAME, conj(
        between(1, s.p_header, s.p_payload), longest >= 0,
        s.p_header <= 9, s.p_payload == m.k.pad(s.p_start, s.p_header),
        m.k.fits(s.p_header, longest),
        implies(s.p_at != REST, conj(between(0, s.p_flen, longest),
                                     between(0, s.p_next, s.p_header)))))


@clause('producer: half of a wrap', local='producer')
def _(m, s):
    stored = one_of(s.p_at, P_COMMIT_WRITE, P_WANT_WRITE)
    return conj(
        implies(p_wrapping(s), conj(m.same_lap(m.p_write(s), m.p_read(s)),
                                    s.p_woff > 0)),
        implies(stored, s.p_last == s.p_woff),
        implies(s.p_at == P_COMMIT_WRITE, conj(
            s.p_start != s.p_woff, 0 < s.p_used, s.p_used <= s.p_len,
            implies(s.p_open == FRAME,
                    conj(s.p_used == s.p_payload + s.p_flen,
                         s.p_next == s.p_header)))))


@clause('producer: header bytes stored so far')
def _(m, s, b):
    return implies(
        conj(one_of(s.p_at, P_HEADER, P_COMMIT_WRITE), s.p_open == FRAME,
             s.p_start <= b, b < s.p_start + s.p_next),
        s.data(b) == m.k.encode(s.p_header, s.p_flen, b - s.p_start))


# ---- the consumer's handle --------------------------------------------------

def c_attached(s):
    return neg(one_of(s.c_at, DEAD, C_ATTACH_WRITE, C_ATTACH_LAST))


def c_part_end(m, s, b):
    """The end of the part of b, by the cached words."""
    return ite(m.same_lap(m.c_read(s), m.c_write(s)), s.c_woff,
               ite(b < s.c_roff, s.c_woff, s.c_last))


@clause('consumer: views')
def _(m, s):
    return conj(0 <= s.c_seen, s.c_seen <= s.c_view, s.c_view <= s.w_n,
                s.c_after == s.c_view, between(0, s.c_lview, s.l_n))


@clause('consumer: own word')
def _(m, s):
    return implies(s.c_at != DEAD, conj(s.c_rlap == s.r_lap(s.r_n),
                                        s.c_roff == m.read_off(s)))


@clause('consumer: cached write and its watermark')
def _(m, s):
    ahead = s.w_abs(s.c_seen) == m.read_abs(s) + 1
    return conj(
        implies(disj(c_attached(s), s.c_at == C_ATTACH_LAST),
                conj(s.c_wlap == s.w_lap(s.c_seen),
                     s.c_woff == s.w_off(s.c_seen))),
        implies(conj(c_attached(s), ahead), s.c_last == m.watermark(s)),
        implies(s.c_at == C_ATTACH_LAST, s.w_last(s.c_seen) <= s.c_lview))


@clause('consumer: loaded write, before its watermark')
def _(m, s):
    return implies(one_of(s.c_at, C_LOOK_LAST, C_READABLE_LAST), conj(
        between(s.c_seen, s.n_seen, s.c_view),
        s.n_lap == s.w_lap(s.n_seen), s.n_off == s.w_off(s.n_seen),
        s.w_last(s.n_seen) <= s.c_lview,
        s.w_abs(s.n_seen) == m.read_abs(s) + 1,
        s.w_abs(s.c_seen) == m.read_abs(s)))


@clause('consumer: where it is', local='consumer')
def _(m, s):
    calls = one_of(s.c_call, READ, SPLIT, FRAME_AGAIN)
    return conj(
        one_of(s.c_at, *C_PLACES), one_of(s.c_open, NONE, BYTES, FRAME),
        implies(s.c_open != NONE, disj(
            one_of(s.c_at, REST, C_READABLE_LAST),
            conj(one_of(s.c_at, C_FIND, C_FIND_MORE), s.c_call == NEXT,
                 s.c_open == BYTES))),
        implies(s.c_open == FRAME, m.k.frames),
        implies(s.c_at == C_LOOK, s.c_call == FRAME_READ),
        implies(s.c_at == C_LOOK_LAST, calls),
        implies(s.c_at == C_FIRST, disj(calls, s.c_call == FRAME_READ)),
        implies(disj(s.c_call == FRAME_READ, s.c_call == FRAME_AGAIN,
                     s.c_call == NEXT), m.k.frames),
        implies(one_of(s.c_at, C_FIND, C_FIND_MORE), conj(m.k.frames, disj(
            conj(s.c_call == NEXT, s.c_open == BYTES),
            one_of(s.c_call, FRAME_READ, FRAME_AGAIN)))))


@clause('consumer: cursors that it may use', local='consumer')
def _(m, s):
    write, read = m.c_write(s), m.c_read(s)
    new = m.loaded_write(s)
    ahead = conj(write.lap == m.lap_up(read.lap), write.off <= read.off,
                 read.off <= s.c_last, between(1, s.c_last, m.k.capacity))
    return conj(
        implies(s.c_at != DEAD, is_word(m, read)),
        implies(disj(c_attached(s), s.c_at == C_ATTACH_LAST),
                is_word(m, write)),
        implies(c_attached(s), conj(
            write.off <= m.k.capacity, read.off <= m.k.capacity,
            disj(conj(write.lap == read.lap, read.off <= write.off), ahead),
            implies(one_of(s.c_at, C_LOOK_LAST, C_READABLE_LAST), conj(
                write.lap == read.lap, new.lap == m.lap_up(read.lap),
                between(0, new.off, read.off))))))


@clause('consumer: open read is readable by the cached words',
        local='consumer')
def _(m, s):
    flat = m.same_lap(m.c_read(s), m.c_write(s))
    end = s.c_roff + s.c_len
    first = c_part_end(m, s, s.c_roff)
    return conj(
        implies(s.c_open == BYTES, conj(
            s.c_len >= 0, end == first,
            disj(s.c_second == 0, conj(neg(flat), s.c_second == s.c_woff)))),
        implies(s.c_open == FRAME, conj(
            s.c_len >= 0, end <= first, s.c_second == 0, s.c_plen >= 0,
            s.c_roff <= s.c_payload, s.c_payload + s.c_plen == end)))


@clause('consumer: frame that it looks for', local='consumer')
def _(m, s):
    return implies(one_of(s.c_at, C_FIND, C_FIND_MORE), conj(
        0 <= s.x_pos, s.x_pos < s.x_end,
        s.x_end == c_part_end(m, s, s.x_pos),
        implies(s.c_call != NEXT, s.x_pos == s.c_roff),
        implies(conj(s.c_call == NEXT, s.x_pos < s.c_roff),
                s.x_pos < s.c_second),
        implies(s.c_at == C_FIND_MORE, conj(
            between(1, s.x_head, s.x_end - s.x_pos),
            between(0, s.x_next, s.x_head - 1)))))


@clause('consumer: header bytes loaded so far')
def _(m, s, b):
    return implies(one_of(s.c_at, C_FIND, C_FIND_MORE), conj(
        s.f_start(s.x_pos),
        implies(s.c_at == C_FIND_MORE, conj(
            s.x_head == s.f_head(s.x_pos),
            implies(conj(s.x_pos <= b, b < s.x_pos + s.x_head,
                         disj(b == s.x_pos, b > s.x_pos + s.x_next)),
                    s.x_byte(b) == m.k.encode(s.x_head, s.f_len(s.x_pos),
                                              b - s.x_pos))))))


@clause('consumer: open frame is the one at read')
def _(m, s):
    ro = m.read_off(s)
    return implies(s.c_open == FRAME, conj(
        m.readable(s, ro), s.f_start(ro), s.c_len == m.frame_size(s, ro),
        s.c_plen == s.f_len(ro)))


# ---- frames -----------------------------------------------------------------

def frame_at(m, s, b):
    """A frame that is committed and not released starts at b."""
    return conj(m.k.frames, m.readable(s, b), s.f_start(b))


@clause('a frame lies in one part, and the next one follows')
def _(m, s, b):
    end = b + m.frame_size(s, b)
    return implies(frame_at(m, s, b), conj(
        between(1, s.f_head(b), 9), s.f_len(b) >= 0,
        m.k.fits(s.f_head(b), s.f_len(b)),
        end <= m.part_end(s, b),
        disj(end == m.part_end(s, b), s.f_start(end))))


@clause('a frame begins with its header')
def _(m, s, b, b2):
    return implies(conj(frame_at(m, s, b), b <= b2, b2 < b + s.f_head(b)),
                   s.data(b2) == m.k.encode(s.f_head(b), s.f_len(b), b2 - b))


@clause('a part begins with a frame')
def _(m, s):
    ro, wo = m.read_off(s), m.write_off(s)
    return implies(m.k.frames, conj(
        implies(m.readable(s, ro), s.f_start(ro)),
        implies(conj(m.inverted(s), wo > 0), s.f_start(0))))


@clause('no write that can be loaded is inside a frame')
def _(m, s, i, b):
    lap = ite(conj(m.inverted(s), b < m.read_off(s)), m.write_abs(s),
              m.read_abs(s))
    return implies(conj(between(s.c_seen, i, s.w_n), frame_at(m, s, b),
                        s.w_abs(i) == lap),
                   neg(conj(b < s.w_off(i),
                            s.w_off(i) < b + m.frame_size(s, b))))


@clause('after a write that can be loaded, a frame or the end')
def _(m, s, i):
    off = s.w_off(i)
    first_end = ite(m.inverted(s), m.watermark(s), m.write_off(s))
    return implies(conj(m.k.frames, between(s.c_seen, i, s.w_n)), ite(
        s.w_abs(i) == m.read_abs(s),
        disj(off >= first_end, s.f_start(off)),
        disj(off >= m.write_off(s), s.f_start(off))))
