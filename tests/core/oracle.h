/* SPDX-License-Identifier: MIT */
/*
 * What a queue is, said another way than core.h says it: the buffer holds one
 * or two runs of published bytes. Producers add to the newest run, or begin a
 * second one at offset 0, which leaves the first at its watermark; consumers
 * take from the oldest, and drop it when it is empty and there is another.
 * Bytes are numbered from 0 for ever; their value follows from the number.
 * Shares no code with core.h.
 */
#ifndef TESTS_CORE_ORACLE_H
#define TESTS_CORE_ORACLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define ORACLE_CAPACITY 300

struct run {
	size_t begin, end;
};

struct oracle_frame {
	size_t payload; /* from the frame's first byte */
	size_t len;
	unsigned char seed; /* what its payload is made of */
};

struct oracle {
	size_t capacity;
	size_t align;
	struct run runs[2];
	size_t count; /* of runs: 1 or 2 */
	uint64_t lap; /* of the oldest run */
	size_t mark;  /* where the newest run but one ended */
	uint64_t in;  /* bytes published ... */
	uint64_t out; /* ... and released */
	struct oracle_frame frames[ORACLE_CAPACITY + 1];
	size_t oldest, frame_count;
};

struct oracle_grant {
	size_t start, len;
	size_t width, payload; /* of a frame */
};

static inline unsigned char oracle_byte(uint64_t number)
{
	return (unsigned char)((number * 2654435761u) >> 13);
}

static inline struct run *oracle_newest(struct oracle *o)
{
	return &o->runs[o->count - 1];
}

static inline size_t oracle_tail(struct oracle *o)
{
	size_t end = o->count == 1 ? o->capacity : o->runs[0].begin;

	return end - oracle_newest(o)->end;
}

static inline size_t oracle_head(const struct oracle *o)
{
	return o->count == 1 ? o->runs[0].begin : 0;
}

static inline size_t oracle_writable(struct oracle *o)
{
	size_t tail = oracle_tail(o);

	return tail > oracle_head(o) ? tail : oracle_head(o);
}

static inline size_t oracle_run_len(const struct oracle *o, size_t i)
{
	return i < o->count ? o->runs[i].end - o->runs[i].begin : 0;
}

static inline size_t oracle_readable(const struct oracle *o)
{
	return oracle_run_len(o, 0) + oracle_run_len(o, 1);
}

static inline int oracle_place(struct oracle *o, size_t tail_need,
			       size_t head_need, struct oracle_grant *g)
{
	if (tail_need <= oracle_tail(o)) {
		g->start = oracle_newest(o)->end;
		g->len = tail_need;
		return 0;
	}
	if (head_need <= oracle_head(o)) {
		g->start = 0;
		g->len = head_need;
		return 0;
	}
	return -EAGAIN;
}

static inline int oracle_grant_range(struct oracle *o, size_t min, size_t max,
				     struct oracle_grant *g)
{
	size_t room;

	if (min > o->capacity)
		return -EMSGSIZE;
	if (oracle_place(o, min, min, g))
		return -EAGAIN;
	room = g->start == oracle_newest(o)->end ? oracle_tail(o)
						 : oracle_head(o);
	g->len = max < room ? max : room;
	return 0;
}

static inline size_t oracle_align(const struct oracle *o, size_t n)
{
	while (n % o->align)
		n++;
	return n;
}

static inline size_t oracle_width(size_t max)
{
	return max <= 127 ? 1 : max <= 16383 ? 2 : 3;
}

/* The two sizes that a frame can have; false if it fits nowhere. */
static inline bool oracle_frame_needs(struct oracle *o, size_t max,
				      size_t *ret_tail, size_t *ret_head)
{
	size_t end = oracle_newest(o)->end;
	size_t width;

	if (max > o->capacity)
		return false;
	width = oracle_width(max);
	*ret_tail = oracle_align(o, end + width) - end + max;
	*ret_head = oracle_align(o, width) + max;
	return *ret_head <= o->capacity;
}

static inline int oracle_frame_grant(struct oracle *o, size_t max,
				     struct oracle_grant *g)
{
	size_t tail, head;

	if (!oracle_frame_needs(o, max, &tail, &head))
		return -EMSGSIZE;
	if (oracle_place(o, tail, head, g))
		return -EAGAIN;
	g->width = oracle_width(max);
	g->payload = g->len - max;
	return 0;
}

static inline void oracle_wrap(struct oracle *o)
{
	o->mark = o->runs[0].end;
	o->count = 2;
	o->runs[1].begin = 0;
	o->runs[1].end = 0;
}

static inline void oracle_publish(struct oracle *o, struct oracle_grant *g,
				  size_t used)
{
	if (used == 0)
		return;
	if (g->start != oracle_newest(o)->end)
		oracle_wrap(o);
	oracle_newest(o)->end += used;
	g->start += used;
	g->len -= used;
	o->in += used;
}

static inline void oracle_publish_frame(struct oracle *o,
					struct oracle_grant *g, size_t used,
					unsigned char seed)
{
	struct oracle_frame *frame = &o->frames[(o->oldest + o->frame_count++) %
						(ORACLE_CAPACITY + 1)];

	frame->payload = g->payload;
	frame->len = used;
	frame->seed = seed;
	oracle_publish(o, g, g->payload + used);
}

static inline void oracle_want(struct oracle *o, size_t tail, size_t head)
{
	struct oracle_grant g;

	if (o->count == 1 && oracle_place(o, tail, head, &g))
		oracle_wrap(o);
}

/* The oldest run is used up and not the newest: a reader goes on to that. */
static inline void oracle_step_over(struct oracle *o)
{
	if (o->count == 1 || oracle_run_len(o, 0) > 0)
		return;
	o->runs[0] = o->runs[1];
	o->count = 1;
	o->lap++;
}

static inline void oracle_release(struct oracle *o, size_t used)
{
	size_t first = oracle_run_len(o, 0);

	o->out += used;
	if (used > first) {
		o->runs[0].begin = o->runs[0].end;
		oracle_step_over(o);
		used -= first;
	}
	o->runs[0].begin += used;
}

#endif /* TESTS_CORE_ORACLE_H */
