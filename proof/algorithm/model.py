# SPDX-License-Identifier: MIT
"""The algorithm of core.h, without its steps: words, checks, rooms, accesses.

A function here has the name of the one in core.h that it is, without bbq_.
Steps are in producer.py and consumer.py; mutants.py overrides single methods.
"""
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from logic import between, conj, disj, implies, ite, updated
from state import State


class Word(NamedTuple):
    """A cursor: two digits, the lap (modulo lap_radix) and the offset."""
    lap: Any
    off: Any


class Place(NamedTuple):
    start: Any
    len: Any


class Need(NamedTuple):
    here: Any
    head: Any
    extra: Any


@dataclass
class Effect:
    """What a step does.

    when    the step can be taken
    then    the state after it
    checks  the code looks at these, and a handle whose check fails is dead;
            with an honest peer none may fail
    access  must hold of the access, before the check, whoever the peer is
    bounds  must hold once the check has passed, whoever the peer is
    claims  must hold if the peer is honest
    """
    when: Any
    then: State
    checks: dict = field(default_factory=dict)
    access: dict = field(default_factory=dict)
    bounds: dict = field(default_factory=dict)
    claims: dict = field(default_factory=dict)


def step(*where: str, **params: str):
    """A step, the function and letter of core.h or frame.h that it is, and
    what is chosen freely: argument values, and the message that a load gets.
    """
    def mark(function):
        function.where = where
        function.params = params
        return function
    return mark


class Core:
    """Everything but the steps."""

    # Memory orders, by letter; true is the strong one.
    release_a = release_a_want = acquire_b = acquire_b_attach = True
    release_c = release_c_over = acquire_d = acquire_d_attach = True

    def __init__(self, constants):
        self.k = constants

    def steps(self):
        """All steps, in the order in which they are written."""
        names = [n for cls in reversed(type(self).__mro__)
                 for n, f in vars(cls).items() if hasattr(f, 'where')]
        return {n: getattr(self, n) for n in dict.fromkeys(names)}

    # ---- words: arithmetic modulo lap_radix * off_radix ---------------------

    def lap_up(self, lap):
        return ite(lap + 1 == self.k.lap_radix,
                   lap + 1 - self.k.lap_radix, lap + 1)

    def add(self, a: Word, n) -> Word:
        off = a.off + n
        carry = off >= self.k.off_radix
        return Word(ite(carry, self.lap_up(a.lap), a.lap),
                    ite(carry, off - self.k.off_radix, off))

    def sub(self, a: Word, b: Word) -> Word:
        off = a.off - b.off
        borrow = off < 0
        lap = ite(borrow, a.lap - b.lap - 1, a.lap - b.lap)
        return Word(ite(lap < 0, lap + self.k.lap_radix, lap),
                    ite(borrow, off + self.k.off_radix, off))

    def at_most(self, a: Word, b: Word):
        return disj(a.lap < b.lap, conj(a.lap == b.lap, a.off <= b.off))

    def add_one_lap(self, a: Word) -> Word:
        return Word(self.lap_up(a.lap), a.off)

    def sub_one_lap(self, a: Word) -> Word:
        return Word(ite(a.lap == 0, a.lap + self.k.lap_radix - 1, a.lap - 1),
                    a.off)

    def next_lap(self, a: Word) -> Word:
        return Word(self.lap_up(a.lap), a.off - a.off)

    def same_lap(self, a: Word, b: Word):
        return a.lap == b.lap

    # ---- what a side may believe of the other -------------------------------

    def read_possible(self, write: Word, last, old: Word, read: Word):
        return conj(self.at_most(self.sub(write, read), self.sub(write, old)),
                    disj(self.same_lap(write, read),
                         conj(last > 0, read.off <= last)))

    def write_possible(self, read: Word, old: Word, write: Word):
        return conj(self.at_most(self.sub(write, old),
                                 self.sub(self.add_one_lap(read), old)),
                    write.off <= self.k.capacity)

    def last_possible(self, seen: Word, last):
        return conj(last <= self.k.capacity, last > 0, last >= seen.off)

    # ---- producer: where a grant goes ---------------------------------------

    def room_at_write(self, write: Word, read: Word):
        end = ite(self.same_lap(write, read), self.k.capacity, read.off)
        return end - write.off

    def room_at_head(self, write: Word, read: Word):
        return ite(self.same_lap(write, read), read.off, 0)

    def take(self, room, need, extra):
        return ite(need > room, 0,
                   ite(extra <= room - need, need + extra, room))

    def find_place(self, write: Word, read: Word, need: Need) -> Place:
        here = self.take(self.room_at_write(write, read), need.here,
                         need.extra)
        head = self.take(self.room_at_head(write, read), need.head,
                         need.extra)
        return Place(ite(here == 0, 0, write.off), ite(here == 0, head, here))

    def look_again(self, place: Place, need: Need):
        """The cached cursor did not give all that was asked."""
        return disj(place.len == 0,
                    conj(need.extra > 0,
                         place.len - need.here < need.extra))

    def bytes_need(self, low, high) -> Need:
        return Need(low, low, high - low)

    def frame_need(self, write: Word, longest) -> Need:
        header = self.k.narrowest(longest)
        return Need(self.k.pad(write.off, header) + longest,
                    self.k.pad(0, header) + longest, 0)

    # ---- consumer: what is readable by the words it has ---------------------

    def first_len(self, read: Word, write: Word, last):
        end = ite(self.same_lap(read, write), write.off, last)
        return end - read.off

    def second_len(self, read: Word, write: Word):
        return ite(self.same_lap(read, write), 0, write.off)

    # ---- the words in a state -----------------------------------------------

    def p_write(self, s: State) -> Word:
        return Word(s.p_wlap, s.p_woff)

    def p_read(self, s: State) -> Word:
        return Word(s.p_rlap, s.p_roff)

    def c_read(self, s: State) -> Word:
        return Word(s.c_rlap, s.c_roff)

    def c_write(self, s: State) -> Word:
        return Word(s.c_wlap, s.c_woff)

    def loaded_write(self, s: State) -> Word:
        return Word(s.n_lap, s.n_off)

    def write_at(self, s: State, i) -> Word:
        return Word(s.w_lap(i), s.w_off(i))

    def read_at(self, s: State, j) -> Word:
        return Word(s.r_lap(j), s.r_off(j))

    # ---- the shared accesses ------------------------------------------------
    # A store appends a message. A load may get any message that is not older
    # than the newest one that its side knows of; an acquire load takes over
    # the view that a release store put into the message.

    def store_write(self, s: State, word: Word, lap, release) -> dict:
        n = s.w_n + 1
        return {'w_n': n, 'w_lap': updated(s.w_lap, n, word.lap),
                'w_off': updated(s.w_off, n, word.off),
                'w_abs': updated(s.w_abs, n, lap),
                'w_last': updated(s.w_last, n, s.l_n if release else 0),
                'w_carry': updated(s.w_carry, n, n if release else 0),
                'p_wlap': word.lap, 'p_woff': word.off}

    def store_last(self, s: State, value) -> dict:
        n = s.l_n + 1
        return {'l_n': n, 'l_val': updated(s.l_val, n, value),
                'p_last': value}

    def store_read(self, s: State, word: Word, lap, release) -> dict:
        n = s.r_n + 1
        return {'r_n': n, 'r_lap': updated(s.r_lap, n, word.lap),
                'r_off': updated(s.r_off, n, word.off),
                'r_abs': updated(s.r_abs, n, lap),
                'r_carry': updated(s.r_carry, n, n if release else 0),
                'c_rlap': word.lap, 'c_roff': word.off}

    def can_load_write(self, s: State, i):
        return between(s.c_view, i, s.w_n)

    def load_write(self, s: State, i, acquire) -> dict:
        if not acquire:
            return {'c_view': i}
        return {'c_view': i, 'c_after': newest(s.c_after, s.w_carry(i)),
                'c_lview': newest(s.c_lview, s.w_last(i))}

    def can_load_last(self, s: State, n):
        return between(s.c_lview, n, s.l_n)

    def can_load_read(self, s: State, j):
        return between(s.p_view, j, s.r_n)

    def load_read(self, s: State, j, acquire) -> dict:
        if not acquire:
            return {'p_view': j}
        return {'p_view': j, 'p_after': newest(s.p_after, s.r_carry(j))}

    def store_byte(self, s: State, b, value) -> dict:
        return {'data': updated(s.data, b, value),
                'data_stored': updated(s.data_stored, b, s.w_n + 1)}

    def store_byte_claims(self, s: State, b) -> dict:
        return {'store ordered after the load before it':
                s.data_loaded(b) <= s.p_after,
                'store outside what is committed and not released':
                implies(self.readable(s, b), False)}

    def load_byte(self, s: State, b) -> dict:
        return {'data_loaded': updated(s.data_loaded, b, s.r_n + 1)}

    def load_byte_claims(self, s: State, b) -> dict:
        return {'load ordered after the store before it':
                s.data_stored(b) <= s.c_after}

    def inside(self, b) -> dict:
        return {'access inside the buffer':
                conj(0 <= b, b < self.k.capacity)}

    # ---- ghost: where the cursors truly are ---------------------------------

    def write_abs(self, s: State):
        return s.w_abs(s.w_n)

    def write_off(self, s: State):
        return s.w_off(s.w_n)

    def read_abs(self, s: State):
        return s.r_abs(s.r_n)

    def read_off(self, s: State):
        return s.r_off(s.r_n)

    def watermark(self, s: State):
        return s.l_val(s.l_n)

    def inverted(self, s: State):
        return self.write_abs(s) == self.read_abs(s) + 1

    def readable_by(self, s: State, i, b):
        """Byte b is readable for who has loaded message i of `write`."""
        ahead = s.w_abs(i) == self.read_abs(s) + 1
        end = ite(ahead, self.watermark(s), s.w_off(i))
        return conj(0 <= b, s.w_abs(i) >= self.read_abs(s),
                    disj(conj(self.read_off(s) <= b, b < end),
                         conj(ahead, b < s.w_off(i))))

    def readable(self, s: State, b):
        """Byte b is committed and not released."""
        return self.readable_by(s, s.w_n, b)

    def free_by(self, s: State, j, b):
        """Byte b is free for who has loaded message j of `read`."""
        wo = self.write_off(s)
        return conj(0 <= b, b < self.k.capacity,
                    ite(s.r_abs(j) == self.write_abs(s),
                        disj(wo <= b, b < s.r_off(j)),
                        conj(wo <= b, b < s.r_off(j))))

    def position(self, s: State, b):
        """Stream position of the readable byte b."""
        ro = self.read_off(s)
        return ite(conj(self.inverted(s), b < ro),
                   s.got + self.watermark(s) - ro + b, s.got + b - ro)

    def part_end(self, s: State, b):
        """Where the part ends that the readable byte b lies in."""
        return ite(conj(self.inverted(s), self.read_off(s) <= b),
                   self.watermark(s), self.write_off(s))

    def frame_size(self, s: State, b):
        return self.k.pad(b, s.f_head(b)) + s.f_len(b)


def newest(a, b):
    return ite(a < b, b, a)
