# SPDX-License-Identifier: MIT
"""Broken variants of the algorithm, each of which must fail to be proved.

A mutant replaces one method of the model or weakens one memory order; the
invariant stays that of the model as it should be. What a mutant leaves as it
was is proved already, so only obligations that read differently are tried.
The first that is not proved is the mutant's end. One that is proved means
that the proof does not see what the line that was changed is for.
"""
from dataclasses import dataclass, field

import z3

from liveness import liveness
from logic import conj, disj, ite, neg
from model import Effect, Need, Place, Word
from prove import Model, discharge, honest, hostile
from state import (DEAD, NONE, P_COMMIT_WRITE, P_WANT_LAST, P_WANT_WRITE,
                   REST)

MUTANTS: list = []
PARTS = {'honest': honest, 'hostile': hostile, 'liveness': liveness}


@dataclass
class Mutant:
    name: str
    methods: dict
    part: str = 'honest'   # where it is to fail
    failure: str = ''
    tried: int = field(default=0)


def mutant(name, part='honest', **methods):
    for method, new in methods.items():
        old = getattr(Model, method)
        if hasattr(old, 'where'):
            new.where, new.params = old.where, old.params
    MUTANTS.append(Mutant(name, methods, part))


def model_of(m: Mutant, constants):
    return type('Mutant', (Model,), dict(m.methods))(constants)


# ---- memory orders ----------------------------------------------------------

mutant('A relaxed', release_a=False)
mutant('A relaxed in bbq_want', release_a_want=False)
mutant('B relaxed', acquire_b=False)
mutant('B relaxed in attach', acquire_b_attach=False)
mutant('C relaxed', release_c=False)
mutant('C relaxed where the watermark is stepped over', release_c_over=False)
mutant('D relaxed', acquire_d=False)
mutant('D relaxed in attach', acquire_d_attach=False)


def load_write_unordered(self, s, i, acquire):
    """`last` is loaded first: it may be as old as it could be before."""
    return {**Model.load_write(self, s, i, acquire), 'c_lview': s.c_lview}


mutant('last loaded before write', load_write=load_write_unordered)


def commit_write_first(self, s, p):
    return Effect(
        conj(self.committing(s, p), self.wraps(s)),
        self.published(s, p.used, self.next_write_wrapped(s, p.used),
                       self.write_abs(s) + 1, False, p.keep,
                       True).but(p_at=P_COMMIT_WRITE, p_used=s.p_woff))


def commit_last_second(self, s, p):
    return Effect(s.p_at == P_COMMIT_WRITE,
                  s.but(**self.store_last(s, s.p_used), p_at=REST))


mutant('last stored after write', p_commit_last=commit_write_first,
       p_commit_write=commit_last_second)


def want_write_first(self, s, p):
    return Effect(s.p_at == P_WANT_LAST,
                  s.but(**self.store_write(
                      s, self.next_lap(self.p_write(s)),
                      self.write_abs(s) + 1, True),
                      p_used=s.p_woff, p_at=P_WANT_WRITE))


def want_last_second(self, s, p):
    return Effect(s.p_at == P_WANT_WRITE,
                  s.but(**self.store_last(s, s.p_used), p_at=REST))


mutant('last stored after write in bbq_want', p_want_last=want_write_first,
       p_want_write=want_last_second)

# ---- succession -------------------------------------------------------------

mutant('a new producer is not ordered after the dead one',
       p_die=lambda self, s, p: Effect(
           s.p_at != DEAD,
           s.but(p_at=DEAD, p_open=NONE, p_seen=0, p_view=0, p_after=0)))
mutant('a new consumer is not ordered after the dead one',
       c_die=lambda self, s, p: Effect(
           s.c_at != DEAD,
           s.but(c_at=DEAD, c_open=NONE, c_call=0, c_seen=0, c_view=0,
                 c_after=0, c_lview=0)))
mutant('attach does not load last (producer)',
       p_attach_last=lambda self, s, p: (lambda e: Effect(
           e.when, e.then.but(p_last=0)))(Model.p_attach_last(self, s, p)))
mutant('attach does not load last (consumer)',
       c_attach_last=lambda self, s, p: (lambda e: Effect(
           e.when, e.then.but(c_last=self.k.capacity)))(
               Model.c_attach_last(self, s, p)))
mutant('a new consumer starts at write',
       c_attach_read=lambda self, s, p: Effect(
           s.c_at == DEAD,
           Model.c_attach_read(self, s, p).then.but(
               c_rlap=s.w_lap(s.w_n), c_roff=s.w_off(s.w_n))))

# ---- words ------------------------------------------------------------------

mutant('the lap stops at its largest value',
       lap_up=lambda self, lap: ite(lap + 1 == self.k.lap_radix, lap, lap + 1))
mutant('cursors compared as plain numbers (read)',
       read_possible=lambda self, write, last, old, read: conj(
           self.at_most(read, write), self.at_most(old, read)))
mutant('cursors compared as plain numbers (write)',
       write_possible=lambda self, read, old, write: conj(
           self.at_most(old, write),
           self.at_most(write, self.add_one_lap(read))))
mutant('an unmoved read is refused',
       read_possible=lambda self, write, last, old, read: conj(
           neg(conj(old.lap == read.lap, old.off == read.off)),
           Model.read_possible(self, write, last, old, read)))
mutant('read at the watermark is refused',
       read_possible=lambda self, write, last, old, read: conj(
           Model.read_possible(self, write, last, old, read),
           disj(self.same_lap(write, read), read.off < last)))
mutant('a full lap ahead is refused',
       write_possible=lambda self, read, old, write: conj(
           Model.write_possible(self, read, old, write),
           disj(self.same_lap(read, write), write.off < read.off)))
mutant('write at the end of the buffer is refused',
       write_possible=lambda self, read, old, write: conj(
           Model.write_possible(self, read, old, write),
           write.off < self.k.capacity))
mutant('a watermark at what was seen is refused',
       last_possible=lambda self, seen, last: conj(
           last <= self.k.capacity, last > seen.off))

# ---- checks that a hostile peer meets ---------------------------------------

mutant('read is not checked against write', part='hostile',
       read_possible=lambda self, write, last, old, read: disj(
           self.same_lap(write, read), conj(last > 0, read.off <= last)))
mutant('read is not checked against last', part='hostile',
       read_possible=lambda self, write, last, old, read: self.at_most(
           self.sub(write, read), self.sub(write, old)))
mutant('write is not checked against the capacity', part='hostile',
       write_possible=lambda self, read, old, write: self.at_most(
           self.sub(write, old), self.sub(self.add_one_lap(read), old)))
mutant('write is not checked against read', part='hostile',
       write_possible=lambda self, read, old, write:
       write.off <= self.k.capacity)
mutant('last is not checked against the capacity', part='hostile',
       last_possible=lambda self, seen, last: conj(last > 0,
                                                   last >= seen.off))
mutant('last is not checked against what was seen', part='hostile',
       last_possible=lambda self, seen, last: conj(
           last > 0, last <= self.k.capacity))
mutant('own words are not checked in attach (producer)', part='hostile',
       p_attach_read=lambda self, s, p: (lambda e: Effect(
           e.when, e.then, {'read possible': e.checks['read possible']}))(
               Model.p_attach_read(self, s, p)))
mutant('words are not checked in attach (consumer)', part='hostile',
       c_attach_last=lambda self, s, p: (lambda e: Effect(e.when, e.then))(
           Model.c_attach_last(self, s, p)))
mutant('frame header is not checked against what is readable', part='hostile',
       c_find=lambda self, s, p: (lambda e: Effect(
           e.when, e.then, {}, e.access, e.bounds, e.claims))(
               Model.c_find(self, s, p)))
mutant('frame length is not checked against what is readable', part='hostile',
       c_find_done=lambda self, s, p: (lambda e: Effect(
           e.when, e.then, {}, e.access, e.bounds, e.claims))(
               Model.c_find_done(self, s, p)))

# ---- rooms ------------------------------------------------------------------

mutant('one byte more than there is room for',
       take=lambda self, room, need, extra: ite(
           need > room + 1, 0,
           ite(extra <= room - need, need + extra, room)))
mutant('all of the range, whatever the room',
       take=lambda self, room, need, extra: ite(need > room, 0, need + extra))
mutant('room at write goes to the end in either lap',
       room_at_write=lambda self, write, read: self.k.capacity - write.off)
mutant('room at write is counted from read',
       room_at_write=lambda self, write, read: ite(
           self.same_lap(write, read), self.k.capacity - read.off,
           read.off - write.off))
mutant('room at the head in either lap',
       room_at_head=lambda self, write, read: read.off)
mutant('room at the head goes beyond read',
       room_at_head=lambda self, write, read: ite(
           self.same_lap(write, read), read.off + 1, 0))
mutant('the head needs a byte less room',
       find_place=lambda self, write, read, need: Model.find_place(
           self, write, read, need._replace(head=need.head - 1)))
mutant('the tail is used at the head', find_place=lambda self, w, r, need: (
    lambda place: Place(ite(place.len == need.here, 0, place.start),
                        place.len))(Model.find_place(self, w, r, need)))

# ---- commit -----------------------------------------------------------------

mutant('commit of more than was granted',
       commit_limit=lambda self, s: s.p_len + 1)
mutant('commit of one byte too many',
       next_write_here=lambda self, s, used: self.add(self.p_write(s),
                                                      used + 1))
mutant('a wrapping commit does not wrap', wraps=lambda self, s: False)
mutant('a wrapping commit stays in its lap',
       next_write_wrapped=lambda self, s, used: Word(s.p_wlap, used))
mutant('a wrapping commit publishes nothing',
       next_write_wrapped=lambda self, s, used: self.next_lap(
           self.p_write(s)))
mutant('the watermark is the capacity',
       watermark_of=lambda self, s: self.k.capacity)
mutant('the watermark is where the grant starts',
       watermark_of=lambda self, s: s.p_start)
mutant('a wrapping commit does not store last',
       p_commit_last=lambda self, s, p: Effect(
           conj(self.committing(s, p), self.wraps(s)),
           s.but(p_at=P_COMMIT_WRITE, p_used=p.used, p_keep=p.keep,
                 p_last=s.p_woff)))
mutant('what is left of a grant starts where it started',
       grant_left=lambda self, s, used: {'p_start': s.p_start,
                                         'p_len': s.p_len - used})
mutant('what is left of a grant is as long as before',
       grant_left=lambda self, s, used: {'p_start': s.p_start + used,
                                         'p_len': s.p_len})


def abort_wraps(self, s, p):
    """BBQueue 0.5 to 0.7."""
    moved = s.but(**self.store_write(s, self.next_lap(self.p_write(s)),
                                     self.write_abs(s) + 1, True))
    return Effect(conj(s.p_at == REST, s.p_open != NONE, self.wraps(s)),
                  moved.but(p_open=NONE))


mutant('the abort of a wrapping grant moves write', p_abort=abort_wraps)

# ---- want -------------------------------------------------------------------

mutant('want never wraps', part='liveness',
       want_wraps=lambda self, s, need: False)
mutant('want wraps only an empty queue', part='liveness',
       want_wraps=lambda self, s, need: conj(
           Model.want_wraps(self, s, need), s.p_rlap == s.p_wlap,
           s.p_roff == s.p_woff, s.p_roff == 1))
mutant('want wraps in either lap',
       want_wraps=lambda self, s, need: self.find_place(
           self.p_write(s), self.p_read(s), need).len == 0)
mutant('want wraps though there is a place',
       want_wraps=lambda self, s, need: self.same_lap(self.p_write(s),
                                                      self.p_read(s)))
mutant('want does not store last',
       p_want_last=lambda self, s, p: (lambda e: Effect(
           e.when, e.then.but(l_n=s.l_n, l_val=s.l_val)))(
               Model.p_want_last(self, s, p)))

# ---- read -------------------------------------------------------------------

mutant('last is not loaded with the next lap',
       look=lambda self, s, p, when, call, at_once, before_last: (
           lambda e, n: Effect(e.when, n.but(**at_once(n)), e.checks))(
               Model.look(self, s, p, when, call, at_once, before_last),
               s.but(n_lap=s.w_lap(p.i), n_off=s.w_off(p.i), n_seen=p.i,
                     c_call=call, **self.load_write(s, p.i, True))))
mutant('the end of the lap is the capacity',
       first_len=lambda self, read, write, last: ite(
           self.same_lap(read, write), write.off,
           self.k.capacity) - read.off)
mutant('the end of the lap is write',
       first_len=lambda self, read, write, last: write.off - read.off)
mutant('a used-up lap is left though there is no next',
       step_over=lambda self, s: self.first_len(
           self.c_read(s), self.c_write(s), s.c_last) == 0)
mutant('a lap is left before it is used up',
       step_over=lambda self, s: neg(self.same_lap(self.c_read(s),
                                                   self.c_write(s))))
mutant('a lap is never left', part='liveness',
       step_over=lambda self, s: False)
mutant('a lap is left only at the end of the buffer', part='liveness',
       step_over=lambda self, s: conj(Model.step_over(self, s),
                                      s.c_roff == self.k.capacity))
mutant('the next lap is entered at the old offset',
       over_the_end=lambda self, s: self.add_one_lap(self.c_read(s)))
mutant('a second part in the same lap',
       second_len=lambda self, read, write: write.off)

# ---- release ----------------------------------------------------------------

mutant('release of more than was read',
       release_limit=lambda self, s: s.c_len + s.c_second + 1)
mutant('release into the second part counts the first',
       beyond=lambda self, s, used: self.add(self.next_lap(self.c_read(s)),
                                             used))
mutant('release keeps the length',
       consumed=lambda self, s, used, word, lap, keep, **left: Model.consumed(
           self, s, used, word, lap, keep, **{**left, 'c_len': s.c_len}))
mutant('release keeps the second part',
       consumed=lambda self, s, used, word, lap, keep, **left: Model.consumed(
           self, s, used, word, lap, keep, **{**left,
                                              'c_second': s.c_second}))

# ---- frames -----------------------------------------------------------------

mutant('a frame is published before its header',
       header_written=lambda self, s: s.p_next == 0)
mutant('a frame is published after the first byte of its header',
       header_written=lambda self, s: s.p_next == 1)
mutant('the header is not counted in',
       frame_need=lambda self, write, longest: Need(longest, longest, 0))
mutant('the gap is that of write, wherever the frame goes',
       opened=lambda self, s, place, kind, header, longest: Model.opened(
           self, s, place, kind, header, longest).but(
               p_payload=self.k.pad(s.p_woff, header)))
mutant('the gap is looked for as if at offset 0',
       payload_of=lambda self, s: self.k.pad(0, s.x_head))
mutant('the header is as wide as the committed length needs',
       p_frame_commit=lambda self, s, p: (lambda e: Effect(
           e.when, e.then.but(p_header=self.k.narrowest(p.used))))(
               Model.p_frame_commit(self, s, p)))
mutant('a frame release gives back the payload only',
       c_frame_release=lambda self, s, p: Effect(
           Model.c_frame_release(self, s, p).when,
           self.consumed(s, s.c_plen, self.add(self.c_read(s), s.c_plen),
                         self.read_abs(s), False, c_len=0)))


# ---- trying them ------------------------------------------------------------


def proved_of(constants):
    """The obligations of the model as it should be, by part, to look up."""
    return {part: {(o.group, o.goal): o for o in obligations(Model(constants))}
            for part, obligations in PARTS.items()}


def differing(mutated, proved):
    """The obligations that are not the same as a proved one."""
    for new in mutated:
        old = proved[new.group, new.goal]
        if not same_terms([new.formula, *new.given, new.premises.when],
                          [old.formula, *old.given, old.premises.when]):
            yield new


def same_terms(a, b):
    return len(a) == len(b) and all(
        x is y or (z3.is_ast(x) and z3.is_ast(y) and x.eq(y))
        for x, y in zip(a, b))


def attempt(m: Mutant, constants, proved):
    """Fills in how it failed; '' stays if everything was proved."""
    mutated = PARTS[m.part](model_of(m, constants))
    m.tried, failures = discharge(differing(mutated, proved[m.part]), True)
    if failures:
        m.failure = '{}: {} ({})'.format(*failures[0])
    return m
