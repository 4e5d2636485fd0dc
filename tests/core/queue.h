/* SPDX-License-Identifier: MIT */
/* A queue in one process, and the moves that every core test makes. */
#ifndef TESTS_CORE_QUEUE_H
#define TESTS_CORE_QUEUE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bbq/core.h>
#include <bbq/frame.h>

#include <criterion/criterion.h>

/* Seconds; a test takes milliseconds, but neighbours may hold the machine. */
#define PATIENCE 300

/* What fresh data memory holds, so that a delivered stale byte shows. */
#define STALE 0xee

struct queue {
	struct bbq_buffer words;
	struct bbq_producer p;
	struct bbq_consumer c;
	size_t capacity;
	unsigned char *data;
};

struct words {
	bbq_word write;
	bbq_word last;
	bbq_word read;
};

static inline bbq_word cursor(bbq_word lap, size_t offset)
{
	return (bbq_word)(lap << BBQ_HALF_BITS) + (bbq_word)offset;
}

static inline struct words words_of(const struct queue *q)
{
	struct words words = { q->words.producer.write, q->words.producer.last,
			       q->words.consumer.read };
	return words;
}

static inline void set_words(struct queue *q, struct words words)
{
	q->words.producer.write = words.write;
	q->words.producer.last = words.last;
	q->words.consumer.read = words.read;
}

static inline bool words_same(struct words a, struct words b)
{
	return a.write == b.write && a.last == b.last && a.read == b.read;
}

/* Exactly capacity bytes on the heap: one more is an error under ASan. */
static inline unsigned char *new_data(size_t capacity)
{
	void *data = NULL;

	cr_assert_eq(posix_memalign(&data, 64, capacity), 0);
	memset(data, STALE, capacity);
	return data;
}

static inline void attach(struct queue *q)
{
	cr_assert_eq(bbq_producer_init(&q->p, &q->words, q->data, q->capacity),
		     0);
	cr_assert_eq(bbq_consumer_init(&q->c, &q->words, q->data, q->capacity),
		     0);
}

static inline void open_with(struct queue *q, size_t capacity,
			     struct words words)
{
	memset(q, 0, sizeof(*q));
	q->capacity = capacity;
	q->data = new_data(capacity);
	set_words(q, words);
	attach(q);
}

/* An empty queue whose cursors stand at (lap, offset). */
static inline void open_at(struct queue *q, size_t capacity, bbq_word lap,
			   size_t offset)
{
	struct words words = { cursor(lap, offset), 0, cursor(lap, offset) };

	open_with(q, capacity, words);
}

static inline void open_queue(struct queue *q, size_t capacity)
{
	open_at(q, capacity, 0, 0);
}

static inline void close_queue(struct queue *q)
{
	free(q->data);
	q->data = NULL;
}

/* Grant len bytes, which must be there, and tell at which offset. */
static inline size_t grant_at(struct queue *q, size_t len)
{
	struct bbq_span span = { NULL, 0 };

	cr_assert_eq(bbq_grant(&q->p, len, &span), 0);
	cr_assert_eq(span.len, len);
	return (size_t)((unsigned char *)span.data - q->data);
}

static inline void push(struct queue *q, const void *bytes, size_t len)
{
	struct bbq_span span = { NULL, 0 };

	cr_assert_eq(bbq_grant(&q->p, len, &span), 0);
	cr_assert_eq(span.len, len);
	memcpy(span.data, bytes, len);
	cr_assert_eq(bbq_commit(&q->p, len), 0);
}

static inline void push_string(struct queue *q, const char *string)
{
	push(q, string, strlen(string));
}

/* Publish len bytes whose contents do not matter. */
static inline void fill(struct queue *q, size_t len)
{
	cr_assert(len == 0 || grant_at(q, len) <= q->capacity);
	cr_assert(len == 0 || bbq_commit(&q->p, len) == 0);
}

static inline void drain(struct queue *q, size_t len)
{
	struct bbq_view view = { NULL, 0 };

	if (len == 0)
		return;
	cr_assert_eq(bbq_read(&q->c, &view), 0);
	cr_assert_geq(view.len, len);
	cr_assert_eq(bbq_release(&q->c, len), 0);
}

/* The next read shows exactly these bytes; take them. */
static inline void pop_string(struct queue *q, const char *string)
{
	struct bbq_view view = { NULL, 0 };

	cr_assert_eq(bbq_read(&q->c, &view), 0);
	cr_assert_eq(view.len, strlen(string));
	cr_assert_eq(memcmp(view.data, string, view.len), 0);
	cr_assert_eq(bbq_release(&q->c, view.len), 0);
}

static inline void nothing_to_read(struct queue *q)
{
	struct bbq_view view = { NULL, 0 };

	cr_assert_eq(bbq_readable(&q->c), 0);
	cr_assert_eq(bbq_read(&q->c, &view), -EAGAIN);
}

static inline void push_frame(struct queue *q, const char *string)
{
	struct bbq_span span = { NULL, 0 };
	size_t len = strlen(string);

	cr_assert_eq(bbq_frame_grant(&q->p, len, &span), 0);
	cr_assert_eq(span.len, len);
	memcpy(span.data, string, len);
	cr_assert_eq(bbq_frame_commit(&q->p, len), 0);
}

static inline void pop_frame(struct queue *q, const char *string)
{
	struct bbq_view view = { NULL, 0 };

	cr_assert_eq(bbq_frame_read(&q->c, &view), 0);
	cr_assert_eq(view.len, strlen(string));
	cr_assert_eq(memcmp(view.data, string, view.len), 0);
	cr_assert_eq(bbq_frame_release(&q->c), 0);
}

#endif /* TESTS_CORE_QUEUE_H */
