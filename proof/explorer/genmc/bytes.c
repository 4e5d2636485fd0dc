/* SPDX-License-Identifier: MIT */
/*
 * bytes.c - the scripts of ../bytes.c for GenMC
 *
 *     genmc --rc11 -- -I../../../libbbq/include -DCAPACITY=3 -DOPERATIONS=2 bytes.c
 *
 * An operation of the producer: grant any length; if it is refused, want it;
 * else commit_part any of it and commit any of the rest. One of the consumer:
 * read_split; check all bytes; release_part any of them, check the rest again,
 * release any of the rest.
 */
#include "harness.h"

static unsigned sent;
static unsigned got;

static void fill(unsigned char *at, size_t used, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = i < used ? (unsigned char)(sent + i) : GARBAGE;
}

static void publish(struct bbq_producer *p, struct bbq_span *span, int choice)
{
	unsigned char *at = span->data;
	size_t part = choose(choice, span->len);
	size_t rest = choose(choice + 1, span->len - part);

	fill(at, part, part);
	assert(bbq_commit_part(p, part) == 0);
	sent += (unsigned)part;
	fill(at + part, rest, span->len - part);
	assert(bbq_commit(p, rest) == 0);
	sent += (unsigned)rest;
}

static void *produce(void *unused)
{
	struct bbq_producer p;
	struct bbq_span span;

	assert(bbq_producer_init(&p, &queue, data, CAPACITY) == 0);
	for (int i = 0; i < OPERATIONS; i++) {
		size_t len = 1 + choose(3 * i, CAPACITY - 1);
		int error = bbq_grant(&p, len, &span);

		if (error) {
			assert(error == -EAGAIN);
			assert(bbq_want(&p, len) == 0);
		} else {
			publish(&p, &span, 3 * i + 1);
		}
	}
	return unused;
}

static void check(const struct bbq_view *view, size_t skip, size_t before)
{
	const unsigned char *at = view->data;

	for (size_t i = 0; i < view->len; i++)
		if (before + i >= skip)
			assert(at[i] ==
			       (unsigned char)(got + before + i - skip));
}

static void give_back(struct bbq_consumer *c, struct bbq_view *view, int choice)
{
	size_t len = view[0].len + view[1].len;
	size_t part = choose(choice, len);
	size_t rest = choose(choice + 1, len - part);

	check(&view[0], 0, 0);
	check(&view[1], 0, view[0].len);
	assert(bbq_release_part(c, part) == 0);
	got += (unsigned)part;
	check(&view[0], part, 0);
	check(&view[1], part, view[0].len);
	assert(bbq_release(c, rest) == 0);
	got += (unsigned)rest;
}

static void *consume(void *unused)
{
	struct bbq_consumer c;
	struct bbq_view view[2];

	assert(bbq_consumer_init(&c, &queue, data, CAPACITY) == 0);
	for (int i = 0; i < OPERATIONS; i++) {
		int error = bbq_read_split(&c, view);

		assert(error == 0 || error == -EAGAIN);
		if (error == 0)
			give_back(&c, view, 3 * OPERATIONS + 2 * i);
	}
	return unused;
}

int main(void)
{
	struct bbq_consumer c;
	struct bbq_view view[2];

	run(produce, consume);
	assert(bbq_consumer_init(&c, &queue, data, CAPACITY) == 0);
	if (bbq_read_split(&c, view) == 0) {
		check(&view[0], 0, 0);
		check(&view[1], 0, view[0].len);
		got += (unsigned)(view[0].len + view[1].len);
	}
	assert(got == sent);
	return 0;
}
