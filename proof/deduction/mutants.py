# SPDX-License-Identifier: MIT
"""Broken headers that must not be proved.

Each is: header, function, the goals to try, what to replace in the function
(once), by what. The goals named are proved of the header as it is.
"""

MUTANTS = [
    ("core", "bbq_next_lap_", "lap", "+ BBQ_ONE_LAP", "+ 1"),
    ("core", "bbq_same_lap_", "same", "a >> BBQ_HALF_BITS",
     "a >> (BBQ_HALF_BITS + 1)"),
    ("core", "bbq_read_possible_", "queue", "(write - read) <=",
     "(write - read) <= 1 +"),
    ("core", "bbq_read_possible_", "queue",
     "last > 0 && bbq_offset_(read) <= bbq_offset_(last)", "last > 0"),
    ("core", "bbq_write_possible_", "stays,goes", "<= capacity",
     "<= capacity + 1"),
    ("core", "bbq_last_possible_", "exact", " && last > 0", ""),
    ("core", "bbq_room_at_write_", "value",
     "bbq_same_lap_(write, read) ? capacity : bbq_offset_(read)", "capacity"),
    ("core", "bbq_room_at_head_", "value", ": 0", ": bbq_offset_(write)"),
    ("core", "bbq_take_", "value", "need > room", "need >= room"),
    ("core", "bbq_take_", "value", "extra <= room - need",
     "need + extra <= room"),
    ("core", "bbq_find_place_", "fits", "ret->start = 0", "ret->start = 1"),
    ("core", "bbq_open_grant_", "most", "place.len == 0 ||\n\t    (need->extra"
     " && place.len - need->here < need->extra)", "place.len == 0"),
    ("core", "bbq_publish_", "queue", "p->last = (bbq_word)offset;", ""),
    ("core", "bbq_publish_", "readable", "p->start == offset", "1"),
    ("core", "bbq_commit_part", "handle", "used > producer->len",
     "used > producer->len + 1"),
    ("core", "bbq_commit_part", "@requires", "used > producer->len",
     "used > producer->len + 1"),
    ("core", "bbq_want_place_", "readable",
     "place.len != 0 || !bbq_same_lap_(p->write, p->read)", "place.len != 0"),
    ("core", "bbq_consumer_look_", "queue",
     "!bbq_last_possible_(c->capacity, c->write, last)", "last == 0"),
    ("core", "bbq_consumer_first_", "readable",
     "len == 0 && !bbq_same_lap_", "!bbq_same_lap_"),
    ("core", "bbq_consume_", "queue", "used <= c->len", "used <= c->len + 1"),
    ("core", "bbq_release_part", "@requires",
     "used > consumer->len + consumer->second", "used > consumer->capacity"),
    ("frame", "bbq_frame_need_", "never", "max > p->capacity - head",
     "max + head > p->capacity"),
    ("frame", "bbq_frame_header_size", "wide", "(len >>= 7)", "(len >>= 8)"),
    ("frame", "bbq_frame_header_encode", "@requires,@assigns", "i < size",
     "i <= size"),
    ("frame", "bbq_frame_header_decode", "@requires,bounds", "size > avail",
     "size > avail + 1"),
    ("frame", "bbq_frame_header_decode", "bounds", "if (len > avail)",
     "if (0)"),
    ("frame", "bbq_frame_find_", "inside", "payload > view->len || ", ""),
]
