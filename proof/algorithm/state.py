# SPDX-License-Identifier: MIT
"""What the model's state consists of.

Every field is an integer, a bool or a function of one integer. "Ghost" marks
what exists in the proof only: no code could read it.
"""
import itertools

import z3

from logic import between, conj, implies, ite

# ---- where a side is --------------------------------------------------------
# A side that is RESTing is in no call; a grant or a read may be open.
DEAD, REST = 0, 1

# producer: bbq_producer_attach
P_ATTACH_LAST, P_ATTACH_READ = 2, 3
# ... between the two stores of a wrapping commit; header bytes; bbq_want
P_COMMIT_WRITE, P_HEADER, P_WANT_LAST, P_WANT_WRITE = 4, 5, 6, 7
P_PLACES = range(0, 8)

# consumer: bbq_consumer_attach
C_ATTACH_WRITE, C_ATTACH_LAST = 2, 3
# ... bbq_consumer_look_ for a reload or for bbq_readable, before `last`
C_LOOK, C_LOOK_LAST, C_READABLE_LAST = 4, 5, 6
# ... bbq_consumer_first_; bbq_frame_find_, first and further header bytes
C_FIRST, C_FIND, C_FIND_MORE = 7, 8, 9
C_PLACES = range(0, 10)

# What a handle has open (enum bbq_open; BROKEN has no successor state).
NONE, BYTES, FRAME = 0, 1, 2

# Which call a consumer's step belongs to. FRAME_AGAIN is bbq_frame_read after
# its reload, NEXT is bbq_frame_next.
NO_CALL, READ, SPLIT, FRAME_READ, FRAME_AGAIN, NEXT = range(6)

SHARED = {
    # Messages of `write`: the stores so far are 0..w_n, newest last. A word
    # is two digits: lap (modulo lap_radix) and offset.
    'w_n': 'int', 'w_lap': 'fn', 'w_off': 'fn',
    'w_abs': 'fn',    # ghost: the lap, counted without end
    # ghost: the view that a message carries, if it was stored with release:
    'w_last': 'fn',   # the newest message of `last` before it
    'w_carry': 'fn',  # how far the byte accesses before it are (data_stored)
    'l_n': 'int', 'l_val': 'fn',
    'r_n': 'int', 'r_lap': 'fn', 'r_off': 'fn', 'r_abs': 'fn',
    'r_carry': 'fn',
    'data': 'fn',          # the bytes, by buffer position
    # Ghost, per byte: the number of the first message of `write` (`read`)
    # that comes after the last store (load) of it.
    'data_stored': 'fn', 'data_loaded': 'fn',
}
GHOST = {
    'put': 'int', 'got': 'int',   # bytes committed, bytes released
    'stream': 'fn',               # the bytes committed, by stream position
    # Frames by the buffer position of their first byte.
    'f_start': 'set', 'f_head': 'fn', 'f_len': 'fn',
}
PRODUCER = {
    'p_at': 'int', 'p_open': 'int',
    # struct bbq_producer, member by member
    'p_wlap': 'int', 'p_woff': 'int', 'p_last': 'int',
    'p_rlap': 'int', 'p_roff': 'int',
    'p_start': 'int', 'p_len': 'int', 'p_header': 'int', 'p_payload': 'int',
    # arguments and locals of the call it is in
    'p_used': 'int', 'p_keep': 'bool', 'p_flen': 'int', 'p_next': 'int',
    # ghost: message that the cached `read` is from; view; ordered after
    'p_seen': 'int', 'p_view': 'int', 'p_after': 'int',
}
CONSUMER = {
    'c_at': 'int', 'c_open': 'int', 'c_call': 'int',
    # struct bbq_consumer, member by member
    'c_rlap': 'int', 'c_roff': 'int', 'c_wlap': 'int', 'c_woff': 'int',
    'c_last': 'int', 'c_len': 'int', 'c_second': 'int',
    # locals of the call it is in: the word that it just loaded; frame_find_
    'n_lap': 'int', 'n_off': 'int',
    'x_pos': 'int', 'x_end': 'int', 'x_head': 'int', 'x_next': 'int',
    'x_byte': 'fn',
    'c_payload': 'int', 'c_plen': 'int',   # the open frame's payload
    # ghost, as above; n_seen belongs to n_lap, n_off
    'c_seen': 'int', 'n_seen': 'int', 'c_view': 'int', 'c_after': 'int',
    'c_lview': 'int',
}
FIELDS = {**SHARED, **GHOST, **PRODUCER, **CONSUMER}


class State:
    """A valuation of FIELDS. Never changed, only copied with changes."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def but(self, **changes) -> 'State':
        unknown = changes.keys() - FIELDS.keys()
        assert not unknown, unknown
        return State(**{**self.__dict__, **changes})


def symbolic() -> State:
    """Any state at all."""
    make = {
        'int': z3.Int, 'bool': z3.Bool,
        'fn': lambda n: z3.Function(n, z3.IntSort(), z3.IntSort()),
        'set': lambda n: z3.Function(n, z3.IntSort(), z3.BoolSort()),
    }
    return State(**{n: make[kind](n) for n, kind in FIELDS.items()})


def initial(zero=0) -> State:
    """All-zero memory and nobody there yet: the empty queue."""
    make = {'int': zero, 'bool': False, 'fn': lambda x: zero,
            'set': lambda x: False}
    return State(**{n: make[kind] for n, kind in FIELDS.items()})


class Constants:
    """What does not change: any capacity, any lap width, either mode."""

    def __init__(self):
        integer = z3.IntSort()
        self.capacity = z3.Int('capacity')        # N
        self.off_radix = z3.Int('off_radix')      # offsets are below it
        self.lap_radix = z3.Int('lap_radix')      # laps are modulo it
        self.frames = z3.Bool('frames')           # carries frames, not bytes
        # The lap as the word has it (ghost lap modulo lap_radix).
        self.lap_digit = z3.Function('lap_digit', integer, integer)
        # frame.h, by contract; lemmas.py proves it of the code's arithmetic.
        self.pad = z3.Function('pad', integer, integer, integer)
        self.encode = z3.Function('encode', *[integer] * 4)
        self.head_size = z3.Function('head_size', integer, integer)
        self.fits = z3.Function('fits', integer, integer, z3.BoolSort())
        self.narrowest = z3.Function('narrowest', integer, integer)

    def rules(self):
        """capacity >= 1 is representable, and there are two laps at least."""
        return [self.capacity >= 1, self.off_radix > self.capacity,
                self.lap_radix >= 2, self.lap_digit(0) == 0]

    def lap_rule(self, lap):
        """lap_digit(lap + 1) is the successor of lap_digit(lap)."""
        digit, following = self.lap_digit(lap), self.lap_digit(lap + 1)
        return conj(0 <= digit, digit < self.lap_radix,
                    following == ite(digit + 1 == self.lap_radix,
                                     0, digit + 1))

    def header_rule(self, size, length):
        """The first byte tells the header's size; see lemmas.py."""
        return implies(conj(between(1, size, 9), self.fits(size, length)),
                       self.head_size(self.encode(size, length, 0)) == size)

    def fits_rule(self, size, length, shorter):
        """What has room for a length has room for a shorter one."""
        return implies(conj(self.fits(size, length),
                            between(0, shorter, length)),
                       self.fits(size, shorter))

    def narrowest_rule(self, length):
        return implies(length >= 0,
                       conj(between(1, self.narrowest(length), 9),
                            self.fits(self.narrowest(length), length)))

    def pad_rule(self, offset, header):
        return self.pad(offset, header) >= header


_counter = itertools.count()


def fresh(name: str):
    """A constant that nothing else mentions."""
    return z3.Int(f'{name}!{next(_counter)}')
