# SPDX-License-Identifier: MIT
"""The producer's steps. Each has at most one access to shared memory."""
from logic import between, conj, ite, neg
from model import Core, Effect, Need, Place, Word, step
from state import (BYTES, DEAD, FRAME, NONE, P_ATTACH_LAST, P_ATTACH_READ,
                   P_COMMIT_WRITE, P_HEADER, P_WANT_LAST, P_WANT_WRITE, REST,
                   State)


class Producer(Core):

    # ---- life and death -----------------------------------------------------

    @step('any place')
    def p_die(self, s, p):
        """Killed. What it has in its handle is gone; what it had seen is
        handed over with the role (a lock), so its successor's view is no
        older. In the state of a dead side only the ghosts mean anything."""
        return Effect(s.p_at != DEAD,
                      s.but(p_at=DEAD, p_open=NONE, p_seen=s.p_view))

    @step('bbq_producer_attach')
    def p_attach_write(self, s, p):
        word = self.write_at(s, s.w_n)
        return Effect(s.p_at == DEAD,
                      s.but(p_at=P_ATTACH_LAST,
                            p_wlap=word.lap, p_woff=word.off))

    @step('bbq_producer_attach')
    def p_attach_last(self, s, p):
        return Effect(s.p_at == P_ATTACH_LAST,
                      s.but(p_at=P_ATTACH_READ, p_last=self.watermark(s)))

    @step('bbq_producer_attach D', j='read')
    def p_attach_read(self, s, p):
        write, read = self.p_write(s), self.read_at(s, p.j)
        return Effect(
            conj(s.p_at == P_ATTACH_READ, self.can_load_read(s, p.j)),
            s.but(p_at=REST, p_open=NONE, p_rlap=read.lap, p_roff=read.off,
                  p_seen=p.j, **self.load_read(s, p.j, self.acquire_d_attach)),
            checks={'own words possible':
                    conj(write.off <= self.k.capacity,
                         s.p_last <= self.k.capacity),
                    'read possible':
                    self.read_possible(write, s.p_last,
                                       self.sub_one_lap(write), read)})

    # ---- grant --------------------------------------------------------------

    def p_idle(self, s):
        return conj(s.p_at == REST, s.p_open == NONE)

    def asked_bytes(self, s, p):
        """Arguments that bbq_grant_range takes; the others change nothing."""
        return conj(neg(self.k.frames), self.p_idle(s), 1 <= p.low,
                    p.low <= p.high, p.low <= self.k.capacity)

    def asked_frame(self, s, p):
        return conj(self.k.frames, self.p_idle(s), 0 <= p.longest,
                    self.frame_need(self.p_write(s), p.longest).head
                    <= self.k.capacity)

    def p_reload(self, s, j) -> State:
        read = self.read_at(s, j)
        return s.but(p_rlap=read.lap, p_roff=read.off, p_seen=j,
                     **self.load_read(s, j, self.acquire_d))

    def p_reload_check(self, s, j):
        return {'read possible':
                self.read_possible(self.p_write(s), s.p_last, self.p_read(s),
                                   self.read_at(s, j))}

    def rooms_claims(self, s) -> dict:
        """A size_t that would be less than 0 would be huge."""
        write, read = self.p_write(s), self.p_read(s)
        return {'no room is negative':
                conj(self.room_at_write(write, read) >= 0,
                     self.room_at_head(write, read) >= 0)}

    def opened(self, s, place: Place, kind, header, longest) -> State:
        return s.but(p_start=place.start, p_len=place.len, p_open=kind,
                     p_header=header, p_payload=place.len - longest)

    def granted_claims(self, place: Place, low, high) -> dict:
        return {'grant inside the buffer':
                conj(0 <= place.start,
                     place.start + place.len <= self.k.capacity),
                'grant of a length that was asked':
                between(low, place.len, high)}

    def grant(self, s, when, need: Need, kind, header, longest, **more):
        """Open a grant at the place that the cached words give in s."""
        place = self.find_place(self.p_write(s), self.p_read(s), need)
        least = ite(place.start == s.p_woff, need.here, need.head)
        lens = self.granted_claims(place, least, least + need.extra)
        return Effect(when(place),
                      self.opened(s, place, kind, header, longest),
                      bounds={**self.rooms_claims(s), **lens}, **more)

    def grant_cached(self, s, asked, need, kind, header=0, longest=0):
        return self.grant(
            s, lambda place: conj(asked, neg(self.look_again(place, need))),
            need, kind, header, longest)

    def grant_found(self, s, p, asked, need, kind, header=0, longest=0):
        now = self.p_reload(s, p.j)
        old = self.find_place(self.p_write(s), self.p_read(s), need)
        return self.grant(
            now, lambda place: conj(asked, self.can_load_read(s, p.j),
                                       self.look_again(old, need),
                                       place.len > 0),
            need, kind, header, longest, checks=self.p_reload_check(s, p.j))

    def grant_refused(self, s, p, asked, need):
        now = self.p_reload(s, p.j)
        old = self.find_place(self.p_write(s), self.p_read(s), need)
        place = self.find_place(self.p_write(now), self.p_read(now), need)
        return Effect(conj(asked, self.can_load_read(s, p.j),
                           self.look_again(old, need), place.len == 0), now,
                      checks=self.p_reload_check(s, p.j),
                      bounds=self.rooms_claims(now))

    @step('bbq_grant_range', 'bbq_open_grant_', low='size', high='size')
    def p_grant_cached(self, s, p):
        return self.grant_cached(s, self.asked_bytes(s, p),
                                 self.bytes_need(p.low, p.high), BYTES)

    @step('bbq_grant_range', 'bbq_producer_reload_ D',
          low='size', high='size', j='read')
    def p_grant_found(self, s, p):
        return self.grant_found(s, p, self.asked_bytes(s, p),
                                self.bytes_need(p.low, p.high), BYTES)

    @step('bbq_grant_range', 'bbq_producer_reload_ D',
          low='size', high='size', j='read')
    def p_grant_refused(self, s, p):
        return self.grant_refused(s, p, self.asked_bytes(s, p),
                                  self.bytes_need(p.low, p.high))

    @step('bbq_frame_grant', 'bbq_open_grant_', longest='size')
    def p_frame_grant_cached(self, s, p):
        return self.grant_cached(s, self.asked_frame(s, p),
                                 self.frame_need(self.p_write(s), p.longest),
                                 FRAME, self.k.narrowest(p.longest), p.longest)

    @step('bbq_frame_grant', 'bbq_producer_reload_ D',
          longest='size', j='read')
    def p_frame_grant_found(self, s, p):
        return self.grant_found(s, p, self.asked_frame(s, p),
                                self.frame_need(self.p_write(s), p.longest),
                                FRAME, self.k.narrowest(p.longest), p.longest)

    @step('bbq_frame_grant', 'bbq_producer_reload_ D',
          longest='size', j='read')
    def p_frame_grant_refused(self, s, p):
        return self.grant_refused(s, p, self.asked_frame(s, p),
                                  self.frame_need(self.p_write(s), p.longest))

    # ---- the bytes ----------------------------------------------------------

    @step('the caller, between grant and commit', b='byte', value='size')
    def p_fill(self, s, p):
        """One byte of the open grant; for a frame, of the payload."""
        low = ite(s.p_open == FRAME, s.p_start + s.p_payload, s.p_start)
        return Effect(conj(s.p_at == REST, s.p_open != NONE, low <= p.b,
                           p.b < s.p_start + s.p_len),
                      s.but(**self.store_byte(s, p.b, p.value)),
                      access=self.inside(p.b),
                      claims=self.store_byte_claims(s, p.b))

    # ---- commit -------------------------------------------------------------

    @step('bbq_commit')
    def p_abort(self, s, p):
        """bbq_commit(p, 0), of bytes and of a frame."""
        return Effect(conj(s.p_at == REST, s.p_open != NONE),
                      s.but(p_open=NONE))

    def wraps(self, s):
        return s.p_start != s.p_woff

    def published(self, s, used, word: Word, lap, frame, keep, release):
        """The store of `write`, and what it means for the stream."""
        start, put = s.p_start, s.put
        mine = lambda x: conj(start <= x, x < start + used)
        stream = lambda x: ite(conj(put <= x, x < put + used),
                               s.data(start + x - put), s.stream(x))
        starts = lambda x: ite(conj(frame, mine(x)), x == start, s.f_start(x))
        heads = lambda x: ite(conj(frame, x == start), s.p_header, s.f_head(x))
        lens = lambda x: ite(conj(frame, x == start), s.p_flen, s.f_len(x))
        return s.but(
            **self.store_write(s, word, lap, release), put=put + used,
            stream=stream, f_start=starts, f_head=heads, f_len=lens,
            p_at=REST, p_open=ite(keep, s.p_open, NONE),
            **self.grant_left(s, used))

    def grant_left(self, s, used) -> dict:
        return {'p_start': s.p_start + used, 'p_len': s.p_len - used}

    def next_write_here(self, s, used) -> Word:
        return self.add(self.p_write(s), used)

    def next_write_wrapped(self, s, used) -> Word:
        return self.add(self.next_lap(self.p_write(s)), used)

    def watermark_of(self, s):
        return s.p_woff

    def commit_limit(self, s):
        return s.p_len

    def committing(self, s, p):
        return conj(s.p_at == REST, s.p_open == BYTES, 0 < p.used,
                    p.used <= self.commit_limit(s))

    @step('bbq_publish_ A', 'bbq_commit', 'bbq_commit_part',
          used='size', keep='flag')
    def p_commit_here(self, s, p):
        return Effect(conj(self.committing(s, p), neg(self.wraps(s))),
                      self.published(
                          s, p.used, self.next_write_here(s, p.used),
                          self.write_abs(s), False, p.keep, self.release_a))

    @step('bbq_publish_ E', 'bbq_commit', 'bbq_commit_part',
          used='size', keep='flag')
    def p_commit_last(self, s, p):
        return Effect(conj(self.committing(s, p), self.wraps(s)),
                      s.but(**self.store_last(s, self.watermark_of(s)),
                            p_at=P_COMMIT_WRITE, p_used=p.used, p_keep=p.keep))

    @step('bbq_publish_ A')
    def p_commit_write(self, s, p):
        """The second store of a wrapping commit, of bytes or of a frame."""
        return Effect(s.p_at == P_COMMIT_WRITE,
                      self.published(
                          s, s.p_used, self.next_write_wrapped(s, s.p_used),
                          self.write_abs(s) + 1, s.p_open == FRAME, s.p_keep,
                          self.release_a))

    @step('bbq_frame_commit', used='size')
    def p_frame_commit(self, s, p):
        return Effect(conj(s.p_at == REST, s.p_open == FRAME, 0 <= p.used,
                           p.used <= s.p_len - s.p_payload),
                      s.but(p_at=P_HEADER, p_flen=p.used, p_next=0))

    @step('bbq_frame_header_encode')
    def p_frame_header(self, s, p):
        b = s.p_start + s.p_next
        value = self.k.encode(s.p_header, s.p_flen, s.p_next)
        return Effect(conj(s.p_at == P_HEADER, s.p_next < s.p_header),
                      s.but(**self.store_byte(s, b, value),
                            p_next=s.p_next + 1),
                      access=self.inside(b),
                      claims=self.store_byte_claims(s, b))

    def header_written(self, s):
        return conj(s.p_at == P_HEADER, s.p_next == s.p_header)

    @step('bbq_publish_ A', 'bbq_frame_commit')
    def p_frame_here(self, s, p):
        used = s.p_payload + s.p_flen
        return Effect(conj(self.header_written(s), neg(self.wraps(s))),
                      self.published(s, used, self.next_write_here(s, used),
                                     self.write_abs(s), True, False,
                                     self.release_a))

    @step('bbq_publish_ E', 'bbq_frame_commit')
    def p_frame_last(self, s, p):
        return Effect(conj(self.header_written(s), self.wraps(s)),
                      s.but(**self.store_last(s, self.watermark_of(s)),
                            p_at=P_COMMIT_WRITE, p_keep=False,
                            p_used=s.p_payload + s.p_flen))

    # ---- want ---------------------------------------------------------------

    def want_wraps(self, s, need):
        """No place, and it is the same lap."""
        write, read = self.p_write(s), self.p_read(s)
        return conj(self.find_place(write, read, need).len == 0,
                    self.same_lap(write, read))

    def want(self, s, p, asked, need):
        now = self.p_reload(s, p.j)
        return Effect(conj(asked, self.can_load_read(s, p.j)),
                      now.but(p_at=ite(self.want_wraps(now, need),
                                       P_WANT_LAST, REST)),
                      checks=self.p_reload_check(s, p.j),
                      bounds=self.rooms_claims(now))

    @step('bbq_want', 'bbq_want_place_', 'bbq_producer_reload_ D',
          low='size', high='size', j='read')
    def p_want(self, s, p):
        return self.want(s, p, conj(self.asked_bytes(s, p), p.low == p.high),
                         self.bytes_need(p.low, p.high))

    @step('bbq_frame_want', 'bbq_want_place_', 'bbq_producer_reload_ D',
          longest='size', j='read')
    def p_frame_want(self, s, p):
        return self.want(s, p, self.asked_frame(s, p),
                         self.frame_need(self.p_write(s), p.longest))

    @step('bbq_want_place_ E')
    def p_want_last(self, s, p):
        return Effect(s.p_at == P_WANT_LAST,
                      s.but(**self.store_last(s, self.watermark_of(s)),
                            p_at=P_WANT_WRITE))

    @step('bbq_want_place_ A')
    def p_want_write(self, s, p):
        return Effect(s.p_at == P_WANT_WRITE,
                      s.but(**self.store_write(
                          s, self.next_lap(self.p_write(s)),
                          self.write_abs(s) + 1, self.release_a_want),
                          p_at=REST))

    @step('bbq_writable D', j='read')
    def p_writable(self, s, p):
        """Looks only: the handle keeps its cached cursor."""
        write, read = self.p_write(s), self.read_at(s, p.j)
        return Effect(conj(s.p_at == REST, self.can_load_read(s, p.j)),
                      s.but(**self.load_read(s, p.j, self.acquire_d)),
                      checks=self.p_reload_check(s, p.j),
                      bounds={'what it says is not negative':
                              conj(self.room_at_write(write, read) >= 0,
                                   self.room_at_head(write, read) >= 0)})
