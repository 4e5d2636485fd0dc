/* SPDX-License-Identifier: MIT */
/*
 * threads [MESSAGES]: a producer thread and a consumer thread over one
 * bbq_buffer. Plain, a stress; under ThreadSanitizer, a proof for these runs
 * that every byte is ordered by the cursors (known failure number 12: relaxed
 * where acquire is needed, which no test on x86 alone shows).
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <bbq/core.h>
#include <bbq/frame.h>

struct run {
	struct bbq_buffer words;
	unsigned char *data;
	size_t capacity;
	size_t align; /* 0 for bytes */
	unsigned long messages;
	bbq_word sum_in, sum_out; /* by one thread each, read after the join */
};

static void check(bool right, const char *what, int line, const struct run *r)
{
	if (right)
		return;
	fprintf(stderr,
		"threads: line %d: %s (capacity %zu, align %zu, %d-bit)\n",
		line, what, r->capacity, r->align, BBQ_WORD_BITS);
	exit(1);
}

#define CHECK(right) check(right, #right, __LINE__, r)

/* Each side has dice of its own, or they would be in step. */
static size_t dice(uint64_t *state, size_t sides)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (size_t)((*state >> 11) % sides);
}

/* The byte at a place of the stream. No two laps look alike. */
static unsigned char byte_at(unsigned long number)
{
	return (unsigned char)((number * 2654435761u) >> 11);
}

/* ---- bytes ---- */

static void produce_some(struct run *r, struct bbq_producer *p,
			 struct bbq_span *span, size_t split,
			 unsigned long *number)
{
	unsigned char *bytes = span->data;
	size_t i;

	for (i = 0; i < span->len; i++) {
		bytes[i] = byte_at(*number);
		r->sum_in += bytes[i];
		++*number;
		if (i + 1 == split)
			CHECK(bbq_commit_part(p, split) == 0);
	}
	CHECK(bbq_commit(p, split ? span->len - split : span->len) == 0);
}

static void *produce_bytes(void *arg)
{
	struct run *r = arg;
	uint64_t state = 88172645463325252u;
	unsigned long number = 0;
	struct bbq_producer p;
	struct bbq_span span = { NULL, 0 };
	int error;

	CHECK(bbq_producer_init(&p, &r->words, r->data, r->capacity) == 0);
	while (number < r->messages) {
		size_t min = 1 + dice(&state, r->capacity);
		size_t max = min + dice(&state, r->capacity);

		error = bbq_grant_range(&p, min, max, &span);
		CHECK(error == 0 || error == -EAGAIN);
		if (error) {
			CHECK(bbq_want(&p, min) == 0);
			CHECK(bbq_writable(&p) <= r->capacity);
			sched_yield();
			continue;
		}
		CHECK(span.len >= min && span.len <= max);
		if (span.len > r->messages - number)
			span.len = r->messages - number;
		if (dice(&state, 8) == 0)
			CHECK(bbq_commit(&p, 0) == 0);
		else
			produce_some(r, &p, &span, dice(&state, span.len + 1),
				     &number);
	}
	return NULL;
}

static void look_at(struct run *r, const struct bbq_view *view,
		    unsigned long number)
{
	const unsigned char *bytes = view->data;
	size_t i;

	for (i = 0; i < view->len; i++)
		CHECK(bytes[i] == byte_at(number + i));
}

static void *consume_bytes(void *arg)
{
	struct run *r = arg;
	unsigned long number = 0;
	uint64_t state = 1234567890987654321u;
	struct bbq_consumer c;
	struct bbq_view views[2] = { { NULL, 0 }, { NULL, 0 } };
	size_t len, used, part;
	int error;

	CHECK(bbq_consumer_init(&c, &r->words, r->data, r->capacity) == 0);
	while (number < r->messages) {
		views[1].len = 0;
		error = dice(&state, 2) ? bbq_read(&c, views)
					: bbq_read_split(&c, views);
		CHECK(error == 0 || error == -EAGAIN);
		if (error) {
			sched_yield();
			continue;
		}
		look_at(r, &views[0], number);
		if (views[1].len)
			look_at(r, &views[1], number + views[0].len);
		len = views[0].len + views[1].len;
		CHECK(len > 0 && len <= bbq_readable(&c));
		used = dice(&state, 3) ? len : dice(&state, len + 1);
		for (part = 0; part < used; part++)
			r->sum_out += byte_at(number + part);
		part = dice(&state, used + 1);
		CHECK(bbq_release_part(&c, part) == 0);
		CHECK(bbq_release(&c, used - part) == 0);
		number += used;
	}
	return NULL;
}

/* ---- frames: a number, then as many bytes as there are ---- */

#define NUMBER sizeof(unsigned long)

static unsigned char frame_byte(unsigned long number, size_t i)
{
	if (i < NUMBER)
		return (unsigned char)(number >> 8 * i);
	return byte_at(number + i);
}

static size_t longest_frame(const struct run *r)
{
	size_t before = r->align > 2 ? r->align : 2;

	return r->capacity - before;
}

static void *produce_frames(void *arg)
{
	struct run *r = arg;
	uint64_t state = 88172645463325252u;
	unsigned long number;
	struct bbq_producer p;
	struct bbq_span span = { NULL, 0 };
	unsigned char *bytes;
	size_t max, len, i;

	CHECK(bbq_producer_init(&p, &r->words, r->data, r->capacity) == 0);
	CHECK(bbq_producer_frame_align(&p, r->align) == 0);
	for (number = 0; number < r->messages; number++) {
		max = dice(&state, longest_frame(r) + 1);
		while (bbq_frame_grant(&p, max, &span)) {
			CHECK(bbq_frame_want(&p, max) == 0);
			sched_yield();
		}
		bytes = span.data;
		len = dice(&state, 4) ? max : dice(&state, max + 1);
		for (i = 0; i < len; i++) {
			bytes[i] = frame_byte(number, i);
			r->sum_in += bytes[i];
		}
		CHECK(bbq_frame_commit(&p, len) == 0);
	}
	return NULL;
}

static void look_at_frame(struct run *r, const struct bbq_view *view,
			  unsigned long number)
{
	const unsigned char *bytes = view->data;
	size_t i;

	CHECK((uintptr_t)bytes % r->align == 0);
	CHECK(view->len <= longest_frame(r));
	for (i = 0; i < view->len; i++) {
		CHECK(bytes[i] == frame_byte(number, i));
		r->sum_out += bytes[i];
	}
}

static void *consume_frames(void *arg)
{
	struct run *r = arg;
	unsigned long number = 0;
	struct bbq_consumer c;
	struct bbq_view view = { NULL, 0 };
	int error;

	CHECK(bbq_consumer_init(&c, &r->words, r->data, r->capacity) == 0);
	CHECK(bbq_consumer_frame_align(&c, r->align) == 0);
	while (number < r->messages) {
		error = bbq_frame_read(&c, &view);
		CHECK(error == 0 || error == -EAGAIN);
		if (error) {
			sched_yield();
			continue;
		}
		look_at_frame(r, &view, number);
		CHECK(bbq_frame_release(&c) == 0);
		number++;
	}
	return NULL;
}

/* ---- */

static void run(size_t capacity, size_t align, unsigned long messages)
{
	static struct run queue;
	struct run *r = &queue;
	pthread_t producer, consumer;
	void *data = NULL;

	*r = (struct run){ .capacity = capacity,
			   .align = align,
			   .messages = messages };
	/* Through the lap's wrap-round too. */
	r->words.producer.write = (bbq_word)0 - 20 * BBQ_ONE_LAP;
	r->words.consumer.read = (bbq_word)0 - 20 * BBQ_ONE_LAP;
	CHECK(posix_memalign(&data, 64, capacity) == 0);
	r->data = data;
	CHECK(pthread_create(&producer, NULL,
			     align ? produce_frames : produce_bytes, r) == 0);
	CHECK(pthread_create(&consumer, NULL,
			     align ? consume_frames : consume_bytes, r) == 0);
	CHECK(pthread_join(producer, NULL) == 0);
	CHECK(pthread_join(consumer, NULL) == 0);
	CHECK(r->sum_in == r->sum_out);
	CHECK(r->words.producer.write == r->words.consumer.read);
	free(data);
}

int main(int argc, char **argv)
{
	static const size_t capacities[] = { 1,	 2,  3,	  7,   16,
					     63, 64, 211, 255, 4093 };
	static const size_t aligns[] = { 1, 8, 64 };
	unsigned long messages = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;
	size_t i, j;

	for (i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		size_t capacity = capacities[i];

		run(capacity, 0, messages * (capacity < 100 ? 1 : 20));
		for (j = 0; j < 3; j++)
			if (capacity > aligns[j] + 1)
				run(capacity, aligns[j], messages);
	}
	printf("threads: %lu messages a queue, %d-bit words: right\n", messages,
	       BBQ_WORD_BITS);
	return 0;
}
