/* SPDX-License-Identifier: MIT */
/*
 * frames.c - the scripts of ../frames.c for GenMC
 *
 *     genmc --rc11 -- -I../../../libbbq/include -DCAPACITY=3 -DOPERATIONS=2 frames.c
 *
 * An operation of the producer: frame_grant any length that fits; if it is
 * refused, frame_want it; else commit any of it, or abort. One of the
 * consumer: frame_read, check it, release it or give it back.
 */
#include "harness.h"

#define LONGEST (CAPACITY - 1)

static unsigned sent;
static unsigned got;

/* Which frame, where in it, and whether it is its last byte. */
static unsigned char value_at(unsigned frame, size_t i, size_t len)
{
	return (unsigned char)((frame & 7) << 4 | i << 1 | (i + 1 == len));
}

static void publish(struct bbq_producer *p, struct bbq_span *span, int choice)
{
	unsigned char *at = span->data;
	size_t used = choose(choice, span->len + 1);

	for (size_t i = 0; i < span->len; i++)
		at[i] = i < used ? value_at(sent, i, used) : GARBAGE;
	if (used > span->len) {
		assert(bbq_commit(p, 0) == 0);
	} else {
		assert(bbq_frame_commit(p, used) == 0);
		sent++;
	}
}

static void *produce(void *unused)
{
	struct bbq_producer p;
	struct bbq_span span;

	assert(bbq_producer_init(&p, &queue, data, CAPACITY) == 0);
	for (int i = 0; i < OPERATIONS; i++) {
		size_t max = choose(3 * i, LONGEST);
		int error = bbq_frame_grant(&p, max, &span);

		if (error) {
			assert(error == -EAGAIN);
			assert(bbq_frame_want(&p, max) == 0);
		} else {
			publish(&p, &span, 3 * i + 1);
		}
	}
	return unused;
}

static void check(const struct bbq_view *payload)
{
	const unsigned char *at = payload->data;

	for (size_t i = 0; i < payload->len; i++)
		assert(at[i] == value_at(got, i, payload->len));
}

static void *consume(void *unused)
{
	struct bbq_consumer c;
	struct bbq_view payload;

	assert(bbq_consumer_init(&c, &queue, data, CAPACITY) == 0);
	for (int i = 0; i < OPERATIONS; i++) {
		int error = bbq_frame_read(&c, &payload);

		assert(error == 0 || error == -EAGAIN);
		if (error)
			continue;
		check(&payload);
		if (choose(3 * OPERATIONS + i, 1)) {
			assert(bbq_frame_release(&c) == 0);
			got++;
		} else {
			assert(bbq_release(&c, 0) == 0);
		}
	}
	return unused;
}

int main(void)
{
	struct bbq_consumer c;
	struct bbq_view payload;

	run(produce, consume);
	assert(bbq_consumer_init(&c, &queue, data, CAPACITY) == 0);
	for (int i = 0; i < OPERATIONS && bbq_frame_read(&c, &payload) == 0;
	     i++) {
		check(&payload);
		assert(bbq_frame_release(&c) == 0);
		got++;
	}
	assert(got == sent);
	return 0;
}
