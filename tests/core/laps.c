/* SPDX-License-Identifier: MIT */
/* Byte mode over many laps: want, the lap's wrap-round, resuming. */
#include "queue.h"

TestSuite(laps, .timeout = PATIENCE);

/* An empty queue at middle: want publishes exactly if nothing else helps. */
static void want_when_empty(size_t capacity, size_t middle, size_t len)
{
	bool stuck = len > capacity - middle && len > middle;
	struct words before, after;
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_at(&q, capacity, 2, middle);
	before = words_of(&q);
	cr_assert_eq(bbq_grant(&q.p, len, &span), stuck ? -EAGAIN : 0);
	if (!stuck)
		cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_want(&q.p, len), 0);
	after = words_of(&q);
	if (stuck) {
		before.last = (bbq_word)middle;
		before.write = cursor(3, 0);
	}
	cr_assert(words_same(after, before));
	cr_assert_eq(bbq_want(&q.p, len), 0);
	cr_assert(words_same(words_of(&q), after), "twice is once");
	cr_assert_eq(bbq_readable(&q.c), 0);
	nothing_to_read(&q);
	cr_assert_eq(grant_at(&q, len), len <= capacity - middle ? middle : 0);
	close_queue(&q);
}

Test(laps, want_at_every_offset_for_every_length)
{
	size_t capacity, middle, len;

	for (capacity = 1; capacity <= 24; capacity++)
		for (middle = 0; middle <= capacity; middle++)
			for (len = 1; len <= capacity; len++)
				want_when_empty(capacity, middle, len);
}

/* With bytes left in the queue: after want they all come, then the grant. */
static void want_when_filled(size_t capacity, size_t read, size_t write,
			     size_t len)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	size_t got = 0;
	int round;

	open_at(&q, capacity, 0, read);
	fill(&q, write - read);
	for (round = 0; bbq_grant(&q.p, len, &span) != 0; round++) {
		cr_assert_lt(round, 2);
		cr_assert_eq(bbq_want(&q.p, len), 0);
		cr_assert_eq(bbq_readable(&q.c), write - read - got);
		while (bbq_read(&q.c, &view) == 0) {
			got += view.len;
			cr_assert_eq(bbq_release(&q.c, view.len), 0);
		}
		cr_assert_eq(got, write - read);
	}
	close_queue(&q);
}

Test(laps, want_is_granted_once_the_consumer_has_drained)
{
	size_t capacity, read, write, len;

	for (capacity = 1; capacity <= 14; capacity++)
		for (read = 0; read <= capacity; read++)
			for (write = read; write <= capacity; write++)
				for (len = 1; len <= capacity; len++)
					want_when_filled(capacity, read, write,
							 len);
}

Test(laps, want_leaves_an_inverted_queue_alone)
{
	struct words before;
	struct queue q;

	open_at(&q, 8, 0, 6);
	fill(&q, 2);
	fill(&q, 3);
	before = words_of(&q);
	cr_assert_eq(bbq_want(&q.p, 8), 0);
	cr_assert_eq(bbq_want(&q.p, 4), 0);
	cr_assert_eq(bbq_want(&q.p, 3), 0);
	cr_assert(words_same(words_of(&q), before));
	drain(&q, 2);
	drain(&q, 3);
	cr_assert_eq(bbq_want(&q.p, 8), 0);
	cr_assert_eq(q.words.producer.write, cursor(2, 0));
	cr_assert_eq(q.words.producer.last, 3);
	close_queue(&q);
}

Test(laps, want_looks_at_the_consumer_first)
{
	struct words before;
	struct queue q;

	open_queue(&q, 8);
	fill(&q, 6);
	drain(&q, 6);
	before = words_of(&q);
	/* The producer last saw read at 0; six bytes at the head are free. */
	cr_assert_eq(bbq_want(&q.p, 6), 0);
	cr_assert(words_same(words_of(&q), before));
	close_queue(&q);
}

/* A numbered stream through the queue, in steps that leave odd offsets. */
struct stream {
	struct queue q;
	unsigned char in, out;
};

static void stream_in(struct stream *s, size_t len)
{
	struct bbq_span span = { NULL, 0 };
	size_t i;

	if (bbq_grant(&s->q.p, len, &span)) {
		cr_assert_eq(bbq_want(&s->q.p, len), 0);
		return;
	}
	for (i = 0; i < len; i++)
		((unsigned char *)span.data)[i] = s->in++;
	cr_assert_eq(bbq_commit(&s->q.p, len), 0);
}

static void stream_out(struct stream *s, size_t max)
{
	struct bbq_view view = { NULL, 0 };
	size_t i;
	int error = bbq_read(&s->q.c, &view);

	cr_assert(error == 0 || error == -EAGAIN);
	if (error)
		return;
	for (i = 0; i < view.len && i < max; i++)
		cr_assert_eq(((const unsigned char *)view.data)[i], s->out++);
	cr_assert_eq(bbq_release(&s->q.c, i), 0);
}

/* Ten laps and more from `lap` on; with resume, a new handle per step. */
static void run_stream(size_t capacity, bbq_word lap, bool resume)
{
	struct words end, begin;
	struct stream s;
	unsigned step;

	s.in = s.out = 0;
	open_at(&s.q, capacity, lap, capacity / 2);
	begin = words_of(&s.q);
	for (step = 0; step < 60 * (capacity + 2); step++) {
		if (resume)
			attach(&s.q);
		if (step % 3 != 1)
			stream_in(&s, 1 + step * 7 % capacity);
		if (step % 4 != 2)
			stream_out(&s, 1 + step * 5 % capacity);
		cr_assert_eq((unsigned char)(s.in - s.out),
			     bbq_readable(&s.q.c));
	}
	end = words_of(&s.q);
	cr_assert_geq((bbq_word)(end.write - begin.write) / BBQ_ONE_LAP, 10);
	cr_assert_geq((bbq_word)(end.read - begin.read) / BBQ_ONE_LAP, 9);
	close_queue(&s.q);
}

Test(laps, lap_goes_on_through_zero)
{
	size_t capacity;
	bbq_word before;

	for (capacity = 1; capacity <= 20; capacity++)
		for (before = 0; before <= 8; before++)
			run_stream(capacity, 0 - before, false);
}

Test(laps, resumes_from_used_words_at_any_moment)
{
	size_t capacity;

	for (capacity = 1; capacity <= 20; capacity++) {
		run_stream(capacity, 0, true);
		run_stream(capacity, (bbq_word)-3, true);
	}
}

/* The last lap inverted: write has gone round to zero and read has not. */
Test(laps, inverted_across_the_lap_zero)
{
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	struct queue q;

	open_at(&q, 8, (bbq_word)-1, 5);
	push_string(&q, "abc");
	push_string(&q, "defg");
	cr_assert_eq(q.words.producer.write, cursor(0, 4));
	cr_assert_eq(bbq_writable(&q.p), 1);
	attach(&q);
	cr_assert_eq(bbq_writable(&q.p), 1);
	cr_assert_eq(bbq_readable(&q.c), 7);
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert_eq(bbq_release(&q.c, 5), 0);
	cr_assert_eq(q.words.consumer.read, cursor(0, 2));
	pop_string(&q, "fg");
	cr_assert_eq(bbq_want(&q.p, 8), 0);
	nothing_to_read(&q);
	push_string(&q, "12345678");
	pop_string(&q, "12345678");
	close_queue(&q);
}

Test(laps, full_at_the_last_lap)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_at(&q, 8, (bbq_word)-1, 0);
	fill(&q, 8);
	cr_assert_eq(q.words.producer.write, cursor((bbq_word)-1, 8));
	drain(&q, 3);
	fill(&q, 3);
	cr_assert_eq(q.words.producer.write, cursor(0, 3));
	cr_assert_eq(bbq_grant(&q.p, 1, &span), -EAGAIN);
	cr_assert_eq(bbq_readable(&q.c), 8);
	close_queue(&q);
}

Test(laps, words_of_a_full_queue_are_resumed)
{
	static const struct words full[] = {
		{ 8, 0, 0 }, /* never wrapped */
		{ 8, 5, 0 }, /* any left-over watermark */
		{ BBQ_ONE_LAP + 3, 8, 3 },
		{ BBQ_ONE_LAP + 0, 8, 0 }, /* wrapped by want */
		{ BBQ_ONE_LAP + 8, 8, 8 }, /* lap 0 used up */
	};
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	size_t i;

	for (i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		open_with(&q, 8, full[i]);
		cr_assert(words_same(words_of(&q), full[i]));
		cr_assert_eq(bbq_readable(&q.c), 8);
		cr_assert_eq(bbq_writable(&q.p), 0);
		cr_assert_eq(bbq_grant(&q.p, 1, &span), -EAGAIN);
		close_queue(&q);
	}
}
