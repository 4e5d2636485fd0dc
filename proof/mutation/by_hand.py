# SPDX-License-Identifier: MIT
"""Mutants that no small change of one place makes: stores in another order.

Each is a name and the replacements that make it. A text that is to be replaced
must be there once; so a change of the code that makes one void is noticed.
"""

BY_HAND = {
    'include/bbq/core.h': [
        ('bbq_publish_: the watermark after the cursor', [
            ('''		bbq_store_relaxed_(&p->own->last, p->last);
		p->write = bbq_next_lap_(p->write) + (bbq_word)used;
''', '''		p->write = bbq_next_lap_(p->write) + (bbq_word)used;
'''),
            ('''	bbq_store_release_(&p->own->write, p->write); /* A, pairs with B */
}

/*
 * Grant between''', '''	bbq_store_release_(&p->own->write, p->write); /* A, pairs with B */
	bbq_store_relaxed_(&p->own->last, p->last);
}

/*
 * Grant between'''),
        ]),
        ('bbq_publish_: a wrap in two stores', [
            ('''		p->write = bbq_next_lap_(p->write) + (bbq_word)used;
''', '''		p->write = bbq_next_lap_(p->write);
		bbq_store_release_(&p->own->write, p->write);
		p->write += (bbq_word)used;
'''),
        ]),
        ('bbq_publish_: bytes in two stores', [
            ('''		p->write += (bbq_word)used;
	} else {''', '''		p->write += (bbq_word)used / 2;
		bbq_store_release_(&p->own->write, p->write);
		p->write += (bbq_word)used - (bbq_word)used / 2;
	} else {'''),
        ]),
        ('bbq_want_place_: the watermark after the cursor', [
            ('''	bbq_store_relaxed_(&p->own->last, p->last); /* E, under write */
	p->write = bbq_next_lap_(p->write);
	bbq_store_release_(&p->own->write, p->write); /* A, pairs with B */
''', '''	p->write = bbq_next_lap_(p->write);
	bbq_store_release_(&p->own->write, p->write); /* A, pairs with B */
	bbq_store_relaxed_(&p->own->last, p->last); /* E, under write */
'''),
        ]),
        ('bbq_consume_: a release over the split in two stores', [
            ('''		c->read = bbq_next_lap_(c->read) + (bbq_word)beyond;
''', '''		c->read = bbq_next_lap_(c->read);
		bbq_store_release_(&c->own->read, c->read);
		c->read += (bbq_word)beyond;
'''),
        ]),
    ],
    'include/bbq/frame.h': [
        ('bbq_frame_commit: the header after the publication', [
            ('''	bbq_frame_header_encode(producer->data + producer->start,
				producer->frame_header, used);
	bbq_publish_(producer, producer->frame_payload + used);
''', '''	bbq_publish_(producer, producer->frame_payload + used);
	bbq_frame_header_encode(producer->data + producer->start,
				producer->frame_header, used);
'''),
        ]),
    ],
    'wait.c': [
        ('bbq_end_announce: the bell after the ticket', [
            ('''	uint32_t bell = __atomic_load_n(&end->peer->bell, __ATOMIC_ACQUIRE);

	__atomic_store_n(&end->own->ticket, ++end->ticket, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
''', '''	uint32_t bell;

	__atomic_store_n(&end->own->ticket, ++end->ticket, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bell = __atomic_load_n(&end->peer->bell, __ATOMIC_ACQUIRE);
'''),
        ]),
    ],
}


def mutants_by_hand(path, text):
    """(name, text) of each; ValueError if the code has changed."""
    for name, changes in BY_HAND.get(path, ()):
        changed = text
        for before, after in changes:
            if changed.count(before) != 1:
                raise ValueError('%s: %s: the code has changed' % (path, name))
            changed = changed.replace(before, after)
        yield name, changed
