# SPDX-License-Identifier: MIT
"""The consumer's steps. Each has at most one access to shared memory."""
from logic import between, conj, disj, implies, ite, neg, updated
from model import Core, Effect, Word, step
from state import (BYTES, C_ATTACH_LAST, C_ATTACH_WRITE, C_FIND, C_FIND_MORE,
                   C_FIRST, C_LOOK, C_LOOK_LAST, C_READABLE_LAST, DEAD, FRAME,
                   FRAME_AGAIN, FRAME_READ, NEXT, NO_CALL, NONE, READ, REST,
                   SPLIT, State)


class Consumer(Core):

    # ---- life and death -----------------------------------------------------

    @step('any place')
    def c_die(self, s, p):
        """As p_die. What it has read and not released stays readable."""
        return Effect(s.c_at != DEAD,
                      s.but(c_at=DEAD, c_open=NONE, c_call=NO_CALL,
                            c_seen=s.c_view))

    @step('bbq_consumer_attach')
    def c_attach_read(self, s, p):
        word = self.read_at(s, s.r_n)
        return Effect(s.c_at == DEAD,
                      s.but(c_at=C_ATTACH_WRITE, c_rlap=word.lap,
                            c_roff=word.off))

    @step('bbq_consumer_attach B', i='write')
    def c_attach_write(self, s, p):
        word = self.write_at(s, p.i)
        return Effect(conj(s.c_at == C_ATTACH_WRITE,
                           self.can_load_write(s, p.i)),
                      s.but(c_at=C_ATTACH_LAST, c_wlap=word.lap,
                            c_woff=word.off, c_seen=p.i,
                            **self.load_write(s, p.i, self.acquire_b_attach)))

    @step('bbq_consumer_attach F', n='last')
    def c_attach_last(self, s, p):
        read, write, last = self.c_read(s), self.c_write(s), s.l_val(p.n)
        possible = conj(read.off <= self.k.capacity, last <= self.k.capacity,
                        self.write_possible(read, read, write),
                        disj(self.same_lap(read, write),
                             self.last_possible(read, last)))
        return Effect(conj(s.c_at == C_ATTACH_LAST,
                           self.can_load_last(s, p.n)),
                      s.but(c_at=REST, c_open=NONE, c_last=last,
                            c_lview=p.n),
                      checks={'words possible': possible})

    # ---- bbq_consumer_look_ -------------------------------------------------

    def look(self, s, p, when, call, at_once, before_last):
        """Load write; then `last` too, if it shows the next lap. at_once is
        what changes if it does not."""
        read, word = self.c_read(s), self.write_at(s, p.i)
        need_last = conj(self.same_lap(read, self.c_write(s)),
                         neg(self.same_lap(read, word)))
        looked = s.but(n_lap=word.lap, n_off=word.off, n_seen=p.i, c_call=call,
                       **self.load_write(s, p.i, self.acquire_b))
        later = {'c_at': before_last}
        fields = {f: ite(need_last, later.get(f, getattr(looked, f)),
                         at_once(looked).get(f, getattr(looked, f)))
                  for f in {**later, **at_once(looked)}}
        return Effect(conj(when, self.can_load_write(s, p.i)),
                      looked.but(**fields),
                      checks={'write possible': self.write_possible(
                          read, self.c_write(s), word)})

    def reloaded(self, s) -> dict:
        """bbq_consumer_reload_: the loaded words become the cached ones."""
        return {'c_at': C_FIRST, 'c_wlap': s.n_lap, 'c_woff': s.n_off,
                'c_seen': s.n_seen}

    @step('bbq_consumer_look_ B', 'bbq_read', 'bbq_read_split',
          i='write', split='flag')
    def c_look(self, s, p):
        return self.look(s, p, conj(s.c_at == REST, s.c_open == NONE),
                         ite(p.split, SPLIT, READ), self.reloaded,
                         C_LOOK_LAST)

    @step('bbq_consumer_look_ B', 'bbq_frame_read', i='write')
    def c_frame_look(self, s, p):
        return self.look(s, p, s.c_at == C_LOOK, FRAME_AGAIN, self.reloaded,
                         C_LOOK_LAST)

    def look_last_check(self, s, last):
        return {'last possible': self.last_possible(self.c_write(s), last)}

    @step('bbq_consumer_look_ F', 'bbq_consumer_reload_', n='last')
    def c_look_last(self, s, p):
        last = s.l_val(p.n)
        return Effect(conj(s.c_at == C_LOOK_LAST, self.can_load_last(s, p.n)),
                      s.but(c_last=last, c_lview=p.n, **self.reloaded(s)),
                      checks=self.look_last_check(s, last))

    def said(self, s, write: Word, last) -> dict:
        """What bbq_readable returns."""
        read = self.c_read(s)
        first = self.first_len(read, write, last)
        second = self.second_len(read, write)
        return {'bounds': {'what it says is not negative':
                           conj(first >= 0, second >= 0)},
                'claims': {'what it says is there':
                           first + second <= s.put - s.got}}

    @step('bbq_consumer_look_ B', 'bbq_readable', i='write')
    def c_readable(self, s, p):
        """Looks only: the handle keeps its cached words."""
        at_once = lambda looked: {'c_at': REST, 'c_call': NO_CALL}
        effect = self.look(s, p, s.c_at == REST, NO_CALL, at_once,
                           C_READABLE_LAST)
        done = effect.then.c_at == REST
        says = self.said(s, self.write_at(s, p.i), s.c_last)
        effect.bounds = {t: implies(done, f)
                         for t, f in says['bounds'].items()}
        effect.claims = {t: implies(done, f)
                         for t, f in says['claims'].items()}
        return effect

    @step('bbq_consumer_look_ F', 'bbq_readable', n='last')
    def c_readable_last(self, s, p):
        last = s.l_val(p.n)
        return Effect(conj(s.c_at == C_READABLE_LAST,
                           self.can_load_last(s, p.n)),
                      s.but(c_at=REST, c_call=NO_CALL, c_lview=p.n),
                      checks=self.look_last_check(s, last),
                      **self.said(s, self.loaded_write(s), last))

    # ---- bbq_consumer_first_ and what its caller does with the length -------

    @step('bbq_frame_read')
    def c_frame_read(self, s, p):
        """A frame in hand is enough: no load before the first look."""
        return Effect(conj(self.k.frames, s.c_at == REST, s.c_open == NONE),
                      s.but(c_at=C_FIRST, c_call=FRAME_READ))

    def step_over(self, s):
        """The lap is used up, and there is a next one."""
        return conj(self.first_len(self.c_read(s), self.c_write(s),
                                   s.c_last) == 0,
                    neg(self.same_lap(self.c_read(s), self.c_write(s))))

    def second_of(self, s):
        """The second part, for who asked for it."""
        return ite(s.c_call == SPLIT,
                   self.second_len(self.c_read(s), self.c_write(s)), 0)

    def after_first(self, s) -> State:
        """Open the bytes, go to the frame's header, look again, or give up."""
        length = self.first_len(self.c_read(s), self.c_write(s), s.c_last)
        plain = disj(s.c_call == READ, s.c_call == SPLIT)
        opens = conj(plain, length > 0)
        at = ite(plain, REST,
                 ite(length > 0, C_FIND,
                     ite(s.c_call == FRAME_READ, C_LOOK, REST)))
        return s.but(
            c_at=at, c_open=ite(opens, BYTES, NONE),
            c_len=ite(opens, length, s.c_len),
            c_second=ite(opens, self.second_of(s), s.c_second),
            c_call=ite(at == REST, NO_CALL, s.c_call),
            x_pos=ite(at == C_FIND, s.c_roff, s.x_pos),
            x_end=ite(at == C_FIND, s.c_roff + length, s.x_end))

    def first_bounds(self, s):
        """What is opened lies in the buffer."""
        first = self.first_len(self.c_read(s), self.c_write(s), s.c_last)
        return {'no length is negative': first >= 0,
                'read inside the buffer':
                conj(0 <= s.c_roff, s.c_roff + first <= self.k.capacity,
                     between(0, self.second_of(s), self.k.capacity))}

    @step('bbq_consumer_first_', 'bbq_read', 'bbq_read_split',
          'bbq_frame_read')
    def c_first(self, s, p):
        return Effect(conj(s.c_at == C_FIRST, neg(self.step_over(s))),
                      self.after_first(s), bounds=self.first_bounds(s))

    def over_the_end(self, s) -> Word:
        return self.next_lap(self.c_read(s))

    @step('bbq_consumer_first_ C')
    def c_first_over(self, s, p):
        """Step over the watermark."""
        over = s.but(**self.store_read(s, self.over_the_end(s),
                                       self.read_abs(s) + 1,
                                       self.release_c_over))
        return Effect(conj(s.c_at == C_FIRST, self.step_over(s)),
                      self.after_first(over), bounds=self.first_bounds(over))

    # ---- the bytes ----------------------------------------------------------

    def in_read(self, s, b):
        """Byte b is in the open read; of a frame, in its payload."""
        return ite(s.c_open == FRAME,
                   conj(s.c_payload <= b, b < s.c_payload + s.c_plen),
                   disj(conj(s.c_roff <= b, b < s.c_roff + s.c_len),
                        conj(0 <= b, b < s.c_second)))

    def stream_at(self, s, b):
        """The byte that b has to be: the views are read one after the other,
        and what was released before is not part of them."""
        return ite(b >= s.c_roff, s.stream(s.got + b - s.c_roff),
                   s.stream(s.got + s.c_len + b))

    @step('the caller, between read and release', b='byte')
    def c_load(self, s, p):
        return Effect(conj(s.c_at == REST, s.c_open != NONE,
                           self.in_read(s, p.b)),
                      s.but(**self.load_byte(s, p.b)),
                      access=self.inside(p.b),
                      claims={**self.load_byte_claims(s, p.b),
                              'byte unchanged, in order':
                              s.data(p.b) == self.stream_at(s, p.b)})

    # ---- release ------------------------------------------------------------

    def release_limit(self, s):
        return s.c_len + s.c_second

    def releasing(self, s, p):
        return conj(s.c_at == REST, s.c_open == BYTES, 0 < p.used,
                    p.used <= self.release_limit(s))

    def frame_ends(self, s, at, end):
        """The rule of bbq_frame_next: release whole frames."""
        return implies(self.k.frames, disj(at == end, s.f_start(at)))

    def consumed(self, s, used, word: Word, lap, keep, **left) -> State:
        return s.but(**self.store_read(s, word, lap, self.release_c),
                     **left, got=s.got + used, c_at=REST,
                     c_open=ite(keep, s.c_open, NONE))

    @step('bbq_consume_ C', 'bbq_release', 'bbq_release_part',
          used='size', keep='flag')
    def c_release(self, s, p):
        return Effect(
            conj(self.releasing(s, p), p.used <= s.c_len,
                 self.frame_ends(s, s.c_roff + p.used, s.c_roff + s.c_len)),
            self.consumed(s, p.used, self.add(self.c_read(s), p.used),
                          self.read_abs(s), p.keep, c_len=s.c_len - p.used))

    def beyond(self, s, used) -> Word:
        return self.add(self.next_lap(self.c_read(s)), used - s.c_len)

    @step('bbq_consume_ C', 'bbq_release', 'bbq_release_part',
          used='size', keep='flag')
    def c_release_beyond(self, s, p):
        over = p.used - s.c_len
        return Effect(
            conj(self.releasing(s, p), over > 0,
                 self.frame_ends(s, over, s.c_second)),
            self.consumed(s, p.used, self.beyond(s, p.used),
                          self.read_abs(s) + 1, p.keep,
                          c_len=s.c_second - over, c_second=0))

    @step('bbq_release')
    def c_release_none(self, s, p):
        """bbq_release(c, 0), of bytes and of a frame."""
        return Effect(conj(s.c_at == REST, s.c_open != NONE),
                      s.but(c_open=NONE))

    @step('bbq_consume_ C', 'bbq_frame_release')
    def c_frame_release(self, s, p):
        return Effect(conj(s.c_at == REST, s.c_open == FRAME),
                      self.consumed(s, s.c_len,
                                    self.add(self.c_read(s), s.c_len),
                                    self.read_abs(s), False, c_len=0))

    # ---- bbq_frame_find_ ----------------------------------------------------

    @step('bbq_frame_next', b='byte')
    def c_frame_next(self, s, p):
        """The next frame of a part, at any place where the walk can be: that
        it gets to such places only is a claim of c_find_done."""
        second = p.b < s.c_roff
        end = ite(second, s.c_second, s.c_roff + s.c_len)
        return Effect(conj(self.k.frames, s.c_at == REST, s.c_open == BYTES,
                           self.in_read(s, p.b), s.f_start(p.b)),
                      s.but(c_at=C_FIND, c_call=NEXT, x_pos=p.b, x_end=end))

    @step('bbq_frame_header_decode', 'bbq_frame_find_')
    def c_find(self, s, p):
        """The first byte tells how many there are."""
        first = s.data(s.x_pos)
        head = self.k.head_size(first)
        return Effect(s.c_at == C_FIND,
                      s.but(c_at=C_FIND_MORE, x_head=head, x_next=head - 1,
                            x_byte=updated(s.x_byte, s.x_pos, first),
                            **self.load_byte(s, s.x_pos)),
                      checks={'header within what is readable':
                              head <= s.x_end - s.x_pos},
                      access=self.inside(s.x_pos),
                      claims=self.load_byte_claims(s, s.x_pos))

    @step('bbq_frame_header_decode')
    def c_find_more(self, s, p):
        """The others, from the last to the second."""
        b = s.x_pos + s.x_next
        return Effect(conj(s.c_at == C_FIND_MORE, s.x_next > 0),
                      s.but(x_next=s.x_next - 1,
                            x_byte=updated(s.x_byte, b, s.data(b)),
                            **self.load_byte(s, b)),
                      access=self.inside(b),
                      claims=self.load_byte_claims(s, b))

    def payload_of(self, s):
        return self.k.pad(s.x_pos, s.x_head)

    @step('bbq_frame_find_', length='decoded')
    def c_find_done(self, s, p):
        """All is loaded: p.length is what the header says."""
        avail, payload = s.x_end - s.x_pos, self.payload_of(s)
        size = payload + p.length
        walk = s.c_call == NEXT
        whole = s.x_pos + size
        return Effect(
            conj(s.c_at == C_FIND_MORE, s.x_next == 0,
                 between(0, p.length, avail)),
            s.but(c_at=REST, c_call=NO_CALL, c_open=ite(walk, BYTES, FRAME),
                  c_len=ite(walk, s.c_len, size),
                  c_second=ite(walk, s.c_second, 0),
                  c_payload=ite(walk, s.c_payload, s.x_pos + payload),
                  c_plen=ite(walk, s.c_plen, p.length)),
            checks={'frame within what is readable':
                    conj(payload <= avail, p.length <= avail - payload)},
            bounds={'frame inside the buffer':
                    conj(0 <= s.x_pos, whole <= self.k.capacity)},
            claims={'frame whole, as committed':
                    conj(s.x_head == s.f_head(s.x_pos),
                         p.length == s.f_len(s.x_pos)),
                    'walk comes to the next frame or the end':
                    implies(walk, disj(whole == s.x_end,
                                       s.f_start(whole)))})
