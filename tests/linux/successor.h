/* SPDX-License-Identifier: MIT */
/*
 * successor.h - taking over a copy of a segment; see instructions.c
 *
 * A copy is what a segment would be had its processes died at this moment. An
 * end that lives on is put there as it is in the world, with what it remembers
 * of its own words and of the peer's. The others are claimed by successors.
 * Then both must find what the model says, and carry more than a lap further.
 */
#ifndef TESTS_LINUX_SUCCESSOR_H
#define TESTS_LINUX_SUCCESSOR_H

#include "script.h"

static struct bbq_segment *copy;
static unsigned char *copy_pages, *own_pages, *snapshot;
static size_t pages_size; /* both sides, and the data */
static size_t largest;	  /* bytes that one grant can have */
static bool moved;	  /* the operation has been seen to have its effect */
static unsigned long successors;

/* What one takeover works with. */
struct pair {
	struct bbq_sender s;
	struct bbq_receiver r;
	struct model m;
	bool odd; /* every other takeover does things the other way round */
};

static void copy_open(const struct bbq_config *config)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	check(bbq_segment_create(config, &copy) == 0);
	largest = config->capacity;
	if (frames())
		largest -= bbq_payload_(0, bbq_frame_header_size(largest),
					config->frame_align);
	pages_size = (2 + (config->capacity + page - 1) / page) * page;
	copy_pages = (unsigned char *)bbq_segment_data(copy) - 2 * page;
	own_pages = (unsigned char *)bbq_segment_data(segment) - 2 * page;
	snapshot = calloc(1, pages_size);
	check(snapshot != NULL);
}

static void copy_close(void)
{
	free(snapshot);
	bbq_segment_close(copy);
}

/* The copy is as the segment was at the last snapshot. */
static void restore(void)
{
	memcpy(copy_pages, snapshot, pages_size);
}

/* ---- who lives on ------------------------------------------------------ */

/* Not closed, nor broken by having said that this was all. */
static bool lives(enum role role)
{
	return role == SENDER
		       ? world->s.end.lock_fd >= 0 &&
				 world->s.producer.open != BBQ_OPEN_BROKEN
		       : world->r.end.lock_fd >= 0 &&
				 world->r.consumer.open != BBQ_OPEN_BROKEN;
}

/* The end as it is, on the copy, whose claim leaves no trace but the lock. */
static void end_live_on(const struct bbq_end *from, struct bbq_end *ret)
{
	const struct bbq_end claimed = *ret;

	*ret = *from;
	ret->segment = copy;
	ret->own = claimed.own;
	ret->peer = claimed.peer;
	ret->watch = NULL;
	ret->lock_fd = claimed.lock_fd;
	restore();
}

static void sender_lives_on(struct bbq_sender *ret)
{
	struct bbq_producer claimed;

	check(bbq_sender_open(copy, ret) == 0);
	claimed = ret->producer;
	ret->producer = world->s.producer;
	ret->producer.own = claimed.own;
	ret->producer.peer = claimed.peer;
	ret->producer.data = claimed.data;
	end_live_on(&world->s.end, &ret->end);
}

static void receiver_lives_on(struct bbq_receiver *ret)
{
	struct bbq_consumer claimed;

	check(bbq_receiver_open(copy, ret) == 0);
	claimed = ret->consumer;
	ret->consumer = world->r.consumer;
	ret->consumer.own = claimed.own;
	ret->consumer.peer = claimed.peer;
	ret->consumer.data = claimed.data;
	end_live_on(&world->r.end, &ret->end);
}

/* A successor wakes who sleeps, since nobody knows whom the dead one woke. */
static void sender_succeeds(struct bbq_sender *ret)
{
	const struct bbq_side *side =
		&((struct bbq_producer_page *)copy_pages)->side;
	uint32_t bell = side->bell;

	check(bbq_sender_open(copy, ret) == 0);
	check(side->bell != bell);
	successors++;
}

static void receiver_succeeds(struct bbq_receiver *ret)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const struct bbq_side *side =
		&((struct bbq_consumer_page *)(copy_pages + page))->side;
	uint32_t bell = side->bell;

	check(bbq_receiver_open(copy, ret) == 0);
	check(side->bell != bell);
	successors++;
}

/* ---- what is there ----------------------------------------------------- */

/* The parts hold the bytes from m->taken to m->sent, and no others. */
static bool bytes_are(const struct model *m, const struct bbq_view part[2])
{
	return part[0].len + part[1].len == m->sent - m->taken &&
	       matches(&part[0], m->taken) &&
	       matches(&part[1], m->taken + part[0].len);
}

static bool frames_are(const struct model *m, struct bbq_consumer *c,
		       const struct bbq_view part[2])
{
	size_t unit = m->taken;
	struct bbq_view frame;

	for (int i = 0; i < 2; i++) {
		struct bbq_view rest = part[i];

		while (rest.len > 0) {
			if (unit == m->sent ||
			    bbq_frame_next(c, &rest, &frame) != 0 ||
			    frame.len != m->len[unit] || !matches(&frame, unit))
				return false;
			unit++;
		}
	}
	return unit == m->sent;
}

/* Is this what the receiver would read? It reads nothing for now. */
static bool holds(const struct bbq_receiver *r, const struct model *m)
{
	struct bbq_view part[2] = { { .len = 0 }, { .len = 0 } };
	struct bbq_consumer_words scratch = { 0 };
	struct bbq_consumer c = r->consumer;
	int error;

	/* A handle is a value; this one's steps go to words of its own. */
	c.own = &scratch;
	c.open = BBQ_OPEN_NONE;
	error = bbq_read_split(&c, part);
	check(error == 0 || error == -EAGAIN);
	return frames() ? frames_are(m, &c, part) : bytes_are(m, part);
}

/* Before the operation in progress, or after it, and never back. */
static const struct model *find(const struct bbq_receiver *r)
{
	bool before = holds(r, &world->before);

	if (before && !moved)
		return &world->before;
	check(holds(r, &world->after));
	if (!before)
		moved = true;
	return &world->after;
}

/* Counters tell of what has happened, or leave out the last step. */
static void check_counters(const struct model *m)
{
	struct bbq_counters sent, received;

	check(bbq_segment_sent(copy, &sent) == 0);
	check(bbq_segment_received(copy, &received) == 0);
	if (!frames()) {
		check(sent.bytes == m->sent ||
		      sent.bytes == world->before.sent);
		check(received.bytes == m->taken ||
		      received.bytes == world->before.taken);
		return;
	}
	check(sent.frames == m->sent || sent.frames == world->before.sent);
	check(received.frames == m->taken ||
	      received.frames == world->before.taken);
}

/* ---- working on -------------------------------------------------------- */

static int pair_grant(struct pair *pair, size_t len, struct bbq_span *span)
{
	return frames() ? bbq_sender_frame_grant(&pair->s, len, 0, span)
			: bbq_sender_grant(&pair->s, len, 0, span);
}

static void pair_commit(struct pair *pair, const struct bbq_span *span)
{
	fill(span, pair->m.sent);
	if (frames())
		check(bbq_sender_frame_commit(&pair->s, span->len) == 0);
	else
		check(bbq_sender_commit(&pair->s, span->len) == 0);
	model_send(&pair->m, span->len);
}

static void take_bytes(struct pair *pair)
{
	struct bbq_view part[2] = { { .len = 0 }, { .len = 0 } };
	size_t all;

	while ((pair->odd ? bbq_receiver_read(&pair->r, 0, part)
			  : bbq_receiver_read_split(&pair->r, 0, part)) == 0) {
		all = part[0].len + part[1].len;
		check(matches(&part[0], pair->m.taken));
		check(matches(&part[1], pair->m.taken + part[0].len));
		check(bbq_receiver_release(&pair->r, all) == 0);
		pair->m.taken += all;
	}
}

static void take_frames(struct pair *pair)
{
	struct bbq_view frame;

	while (bbq_receiver_frame_read(&pair->r, 0, &frame) == 0) {
		check(pair->m.taken < pair->m.sent);
		check(frame.len == pair->m.len[pair->m.taken]);
		check(matches(&frame, pair->m.taken));
		check(bbq_receiver_frame_release(&pair->r) == 0);
		pair->m.taken++;
	}
}

static void drain(struct pair *pair)
{
	if (frames())
		take_frames(pair);
	else
		take_bytes(pair);
	check(pair->m.taken == pair->m.sent);
}

/* What a living sender had in its hands when the receiver died. */
static void end_grant(struct pair *pair)
{
	const struct bbq_producer *p = &pair->s.producer;
	size_t head = p->open == BBQ_OPEN_FRAME ? p->frame_payload : 0;
	const struct bbq_span span = {
		.data = p->data + p->start + head,
		.len = p->len - head,
	};

	if (p->open == BBQ_OPEN_NONE)
		return;
	if (span.len > 0 || p->open == BBQ_OPEN_FRAME)
		pair_commit(pair, &span);
	else
		check(bbq_sender_commit(&pair->s, 0) == 0);
}

/* All the room there is, while a living receiver may still be reading. */
static void fill_up(struct pair *pair)
{
	struct bbq_span span;
	size_t len = largest;

	for (; len > 0; len = len > 8 ? len - 7 : len - 1) {
		while ((frames()
				? bbq_frame_grant(&pair->s.producer, len, &span)
				: bbq_grant(&pair->s.producer, len, &span)) ==
		       0)
			pair_commit(pair, &span);
	}
	check(holds(&pair->r, &pair->m));
}

/* More than two laps, in pieces up to the largest that there can be. */
static void go_on(struct pair *pair)
{
	const size_t lens[] = { 1,	 largest, largest / 2, largest / 2 + 1,
				largest, 3,	  largest };
	struct bbq_span span;
	int error;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		if (lens[i] > largest || (!frames() && lens[i] == 0))
			continue;
		error = pair_grant(pair, lens[i], &span);
		/* Once for the other lap, once for a tail to give up. */
		for (int n = 0; n < 2 && error == -EAGAIN; n++) {
			drain(pair);
			error = pair_grant(pair, lens[i], &span);
		}
		check(error == 0);
		pair_commit(pair, &span);
	}
}

/* The successors end as processes do that have nothing more to say. */
static void part_ways(struct pair *pair)
{
	check(bbq_end_peer(&pair->s.end) == 0);
	check(bbq_end_peer(&pair->r.end) == 0);
	if (pair->odd) {
		bbq_receiver_close(&pair->r);
		check(bbq_end_peer(&pair->s.end) == -EPIPE);
		bbq_sender_close(&pair->s);
		return;
	}
	bbq_sender_close(&pair->s);
	check(bbq_end_peer(&pair->r.end) == -EPIPE);
	drain(pair);
	check(bbq_segment_fill(copy) == 0);
	bbq_receiver_close(&pair->r);
}

/* All roles but that of who lives on are taken over. */
static void take_over(enum role living)
{
	static struct pair pair;
	static bool odd;

	odd = !odd;
	pair.odd = odd;
	restore();
	if (living == SENDER)
		sender_lives_on(&pair.s);
	if (living == RECEIVER)
		receiver_lives_on(&pair.r);
	if (living != SENDER && odd)
		sender_succeeds(&pair.s);
	if (living != RECEIVER)
		receiver_succeeds(&pair.r);
	if (living != SENDER && !odd)
		sender_succeeds(&pair.s);
	pair.m = *find(&pair.r);
	check_counters(&pair.m);
	end_grant(&pair);
	check(holds(&pair.r, &pair.m));
	fill_up(&pair);
	if (pair.r.consumer.open != BBQ_OPEN_NONE)
		check(bbq_receiver_release(&pair.r, 0) == 0);
	drain(&pair);
	go_on(&pair);
	part_ways(&pair);
}

/* A segment with a name is seen whole, or not at all. */
static void check_other(void)
{
	struct bbq_segment *other;
	struct bbq_sender s;
	struct bbq_receiver r;
	struct bbq_span span;
	struct bbq_view view;
	int error = bbq_segment_open(other_name, &other);

	if (error == -ENOENT)
		return;
	check(error == 0);
	check(bbq_sender_open(other, &s) == 0);
	check(bbq_receiver_open(other, &r) == 0);
	check(bbq_sender_grant(&s, bbq_segment_capacity(other), 0, &span) == 0);
	check(bbq_sender_commit(&s, span.len) == 0);
	check(bbq_receiver_read(&r, 0, &view) == 0 && view.len == span.len);
	check(bbq_receiver_release(&r, view.len) == 0);
	bbq_sender_abandon(&s);
	bbq_receiver_abandon(&r);
	bbq_segment_close(other);
}

#endif /* TESTS_LINUX_SUCCESSOR_H */
