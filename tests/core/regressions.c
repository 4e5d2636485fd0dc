/* SPDX-License-Identifier: MIT */
/*
 * What went wrong in BBQueue and its relatives, one test for each, numbered
 * like the table of known failures. Row 12, a relaxed load where acquire is
 * needed, takes two threads: threads.c.
 */
#include "queue.h"

TestSuite(regressions, .timeout = PATIENCE);

/* A queue at rest with its cursors in the middle: len must come through. */
static void grant_after_want(size_t capacity, size_t middle, size_t len)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, capacity);
	fill(&q, middle);
	drain(&q, middle);
	cr_assert_eq(bbq_want(&q.p, len), 0);
	cr_assert_eq(bbq_read(&q.c, &view), -EAGAIN);
	cr_assert_lt(grant_at(&q, len), capacity);
	cr_assert_eq(bbq_commit(&q.p, len), 0);
	cr_assert_eq(bbq_readable(&q.c), len);
	close_queue(&q);
}

Test(regressions, row01_over_half_of_an_empty_queue_starves)
{
	size_t capacity, middle, len;

	for (capacity = 1; capacity <= 20; capacity++)
		for (middle = 0; middle <= capacity; middle++)
			for (len = 1; len <= capacity; len++)
				grant_after_want(capacity, middle, len);
}

Test(regressions, row01_over_half_starves_though_never_refused_alone)
{
	struct bbq_span span = { NULL, 0 };
	struct words before;
	struct queue q;

	/* The hang: nothing to drain, and neither side has room for 6. */
	open_at(&q, 10, 0, 5);
	before = words_of(&q);
	cr_assert_eq(bbq_grant(&q.p, 6, &span), -EAGAIN);
	cr_assert(words_same(words_of(&q), before), "a refusal changes words");
	cr_assert_eq(bbq_want(&q.p, 6), 0);
	nothing_to_read(&q);
	cr_assert_eq(grant_at(&q, 6), 0);
	close_queue(&q);
}

/* Every sum of such a length with an offset or a header overflows. */
static void refuse_huge(struct queue *q, size_t len)
{
	struct bbq_span span = { NULL, 0 };

	cr_assert_eq(bbq_grant(&q->p, len, &span), -EMSGSIZE);
	cr_assert_eq(bbq_want(&q->p, len), -EMSGSIZE);
	cr_assert_eq(bbq_frame_grant(&q->p, len, &span), -EMSGSIZE);
	cr_assert_eq(bbq_frame_want(&q->p, len), -EMSGSIZE);
	cr_assert_null(span.data);
}

static void refuse_all_huge(struct queue *q)
{
	size_t i;

	for (i = 0; i < 200; i++) {
		refuse_huge(q, SIZE_MAX - i);
		refuse_huge(q, SIZE_MAX / 2 - 100 + i);
	}
}

Test(regressions, row02_write_plus_len_overflow)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_at(&q, 100, 0, 50);
	refuse_all_huge(&q);
	fill(&q, 30);
	refuse_all_huge(&q);
	cr_assert_eq(bbq_grant_range(&q.p, 1, SIZE_MAX, &span), 0);
	cr_assert_eq(span.len, 20);
	cr_assert_eq(bbq_commit(&q.p, SIZE_MAX), -EINVAL);
	cr_assert_eq(bbq_commit_part(&q.p, SIZE_MAX - 79), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	fill(&q, 15);
	fill(&q, 40); /* inverted now: 50 to 95, then 0 to 40 */
	refuse_all_huge(&q);
	cr_assert_eq(bbq_grant_range(&q.p, 1, SIZE_MAX, &span), 0);
	cr_assert_eq(span.len, 10);
	close_queue(&q);
}

Test(regressions, row02_len_plus_header_overflow)
{
	static const size_t aligns[] = { 1, 8, 64 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	size_t i;

	open_at(&q, 100, 0, 7);
	for (i = 0; i < 3; i++) {
		cr_assert_eq(bbq_producer_frame_align(&q.p, aligns[i]), 0);
		refuse_all_huge(&q);
	}
	cr_assert_eq(bbq_producer_frame_align(&q.p, 1), 0);
	cr_assert_eq(bbq_frame_grant(&q.p, 100, &span), -EMSGSIZE);
	cr_assert_eq(bbq_frame_grant(&q.p, 20, &span), 0);
	cr_assert_eq(bbq_frame_commit(&q.p, SIZE_MAX), -EINVAL);
	cr_assert_eq(bbq_frame_commit(&q.p, SIZE_MAX - 20), -EINVAL);
	close_queue(&q);
}

Test(regressions, row02_release_beyond_the_read_overflow)
{
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	struct queue q;

	open_at(&q, 10, 0, 6);
	push_string(&q, "abcd");
	push_string(&q, "efg");
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert_eq(bbq_release(&q.c, SIZE_MAX), -EINVAL);
	cr_assert_eq(bbq_release_part(&q.c, SIZE_MAX - 6), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 7), 0);
	close_queue(&q);
}

Test(regressions, row03_frame_released_twice_hits_the_next)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, 32);
	push_frame(&q, "one");
	push_frame(&q, "two");
	pop_frame(&q, "one");
	cr_assert_eq(bbq_frame_release(&q.c), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 0), -EINVAL);
	pop_frame(&q, "two");
	cr_assert_eq(bbq_frame_release(&q.c), -EINVAL);
	push_frame(&q, "three");
	cr_assert_eq(bbq_frame_release(&q.c), -EINVAL);
	pop_frame(&q, "three");
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	close_queue(&q);
}

static void abort_changes_nothing(struct queue *q, struct words before)
{
	cr_assert_eq(bbq_commit(&q->p, 0), 0);
	cr_assert(words_same(words_of(q), before));
}

Test(regressions, row04_abort_of_a_wrapping_grant_moves_write)
{
	struct words before;
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_at(&q, 10, 3, 6);
	before = words_of(&q);
	cr_assert_eq(grant_at(&q, 5), 0);
	abort_changes_nothing(&q, before);
	cr_assert_eq(bbq_writable(&q.p), 6);

	cr_assert_eq(bbq_frame_grant(&q.p, 4, &span), 0);
	cr_assert_eq(span.data, q.data + 1);
	abort_changes_nothing(&q, before);

	cr_assert_eq(grant_at(&q, 5), 0);
	cr_assert_eq(bbq_commit_part(&q.p, 0), 0);
	abort_changes_nothing(&q, before);

	/* The tail that the abort must have left is still the first choice. */
	cr_assert_eq(grant_at(&q, 4), 6);
	close_queue(&q);
}

Test(regressions, row05_stepping_over_the_watermark_frees_unnoticed)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	bbq_word before;

	open_queue(&q, 8);
	fill(&q, 6);
	drain(&q, 6);
	cr_assert_eq(bbq_want(&q.p, 8), 0);
	cr_assert_eq(bbq_grant(&q.p, 8, &span), -EAGAIN);
	before = q.words.consumer.read;
	cr_assert_eq(bbq_read(&q.c, &view), -EAGAIN);
	/* Whoever has to wake the producer learns it from the word. */
	cr_assert_neq(q.words.consumer.read, before);
	cr_assert_eq(q.words.consumer.read, cursor(1, 0));
	cr_assert_eq(grant_at(&q, 8), 0);
	close_queue(&q);
}

Test(regressions, row05_stepping_over_frees_for_frames_and_split_reads)
{
	struct bbq_view views[2] = { { NULL, 0 }, { NULL, 0 } };
	struct queue q;

	open_at(&q, 8, 0, 6);
	cr_assert_eq(bbq_frame_want(&q.p, 7), 0);
	cr_assert_eq(bbq_frame_read(&q.c, views), -EAGAIN);
	cr_assert_eq(q.words.consumer.read, cursor(1, 0));
	push_frame(&q, "seven..");
	pop_frame(&q, "seven..");
	close_queue(&q);

	open_at(&q, 8, 0, 6);
	cr_assert_eq(bbq_want(&q.p, 7), 0);
	cr_assert_eq(bbq_read_split(&q.c, views), -EAGAIN);
	cr_assert_eq(q.words.consumer.read, cursor(1, 0));
	close_queue(&q);
}

Test(regressions, row06_waiting_for_more_than_the_queue_parks_for_ever)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 8);
	cr_assert_eq(bbq_want(&q.p, 9), -EMSGSIZE);
	cr_assert_eq(bbq_frame_want(&q.p, 8), -EMSGSIZE);
	fill(&q, 8);
	cr_assert_eq(bbq_grant(&q.p, 9, &span), -EMSGSIZE);
	cr_assert_eq(bbq_grant_range(&q.p, 9, 20, &span), -EMSGSIZE);
	cr_assert_eq(bbq_frame_grant(&q.p, 8, &span), -EMSGSIZE);
	cr_assert_eq(bbq_grant(&q.p, 8, &span), -EAGAIN);
	cr_assert_eq(bbq_frame_grant(&q.p, 7, &span), -EAGAIN);
	close_queue(&q);
}

Test(regressions, row07_killed_in_mid_grant_leaves_it_in_progress)
{
	struct words before;
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_at(&q, 10, 0, 6);
	push_string(&q, "ab");
	before = words_of(&q);
	cr_assert_eq(grant_at(&q, 6), 0);
	memset(q.data, 'x', 6);
	memset(&q.p, 0x5a, sizeof(q.p)); /* the process is gone */
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_producer_init(&q.p, &q.words, q.data, 10), 0);
	push_string(&q, "cd");
	push_string(&q, "efghij");
	pop_string(&q, "abcd");
	pop_string(&q, "efghij");

	cr_assert_eq(bbq_frame_grant(&q.p, 3, &span), 0);
	cr_assert_eq(bbq_producer_init(&q.p, &q.words, q.data, 10), 0);
	cr_assert_eq(bbq_frame_grant(&q.p, 3, &span), 0);
	close_queue(&q);
}

Test(regressions, row07_killed_in_mid_read_leaves_it_in_progress)
{
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	struct words before;
	struct queue q;

	open_at(&q, 10, 0, 6);
	push_string(&q, "abcd");
	push_string(&q, "efg");
	before = words_of(&q);
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert(words_same(words_of(&q), before));
	memset(&q.c, 0x5a, sizeof(q.c));
	cr_assert_eq(bbq_consumer_init(&q.c, &q.words, q.data, 10), 0);
	pop_string(&q, "abcd");
	cr_assert_eq(bbq_read(&q.c, parts), 0);
	cr_assert_eq(bbq_release_part(&q.c, 1), 0);
	/* Released bytes are gone for good, the others come again. */
	cr_assert_eq(bbq_consumer_init(&q.c, &q.words, q.data, 10), 0);
	pop_string(&q, "fg");
	close_queue(&q);
}

/* Publish bytes raw, and expect that they are no frame. */
static void refuse_frame(const unsigned char *bytes, size_t len)
{
	unsigned char untouched;
	struct bbq_view view = { &untouched, 77 };
	struct queue q;

	open_queue(&q, len);
	push(&q, bytes, len);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EBADMSG);
	cr_assert(view.data == &untouched && view.len == 77);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EBADMSG);
	cr_assert_eq(q.words.consumer.read, 0);
	close_queue(&q);
}

Test(regressions, row08_frame_reader_believes_the_header)
{
	unsigned char bytes[16];
	size_t size, len;

	/* One byte more than there is, in a header of each width. */
	for (size = 1; size <= 9; size++)
		for (len = size; len <= sizeof(bytes); len++) {
			memset(bytes, 0, sizeof(bytes));
			bbq_frame_header_encode(bytes, size, len - size + 1);
			refuse_frame(bytes, len);
		}
	/* The longest length of each width, and a header that is cut off. */
	for (size = 1; size <= 9; size++) {
		memset(bytes, 0xff, sizeof(bytes));
		bytes[0] = (unsigned char)(0xff << (size - 1));
		refuse_frame(bytes, sizeof(bytes));
		if (size > 1)
			refuse_frame(bytes, size - 1);
	}
}

/* Leave laps at first and then at second: both watermarks must count. */
static void two_watermarks(size_t first, size_t second)
{
	struct queue q;

	open_queue(&q, 8);
	fill(&q, first - 1);
	push_string(&q, "a");
	drain(&q, first - 1);
	cr_assert_eq(bbq_want(&q.p, 8), 0);
	pop_string(&q, "a");
	nothing_to_read(&q);
	fill(&q, second - 1);
	push_string(&q, "b");
	drain(&q, second - 1);
	cr_assert_eq(bbq_want(&q.p, 8), 0);
	pop_string(&q, "b");
	nothing_to_read(&q);
	push_string(&q, "12345678");
	pop_string(&q, "12345678");
	close_queue(&q);
}

Test(regressions, row09_stale_watermark_at_the_second_wrap)
{
	size_t first, second;

	for (first = 1; first <= 8; first++)
		for (second = 1; second <= 8; second++)
			two_watermarks(first, second);
}

Test(regressions, row09_stale_watermark_below_the_read_cursor)
{
	struct queue q;

	open_queue(&q, 8);
	push_string(&q, "abcdef");
	drain(&q, 4);
	push_string(&q, "ghi"); /* leaves lap 0 at 6 */
	pop_string(&q, "ef");
	pop_string(&q, "ghi");
	push_string(&q, "jklmn");
	drain(&q, 4);
	push_string(&q, "opqr"); /* leaves lap 1 at 8 */
	pop_string(&q, "n");
	pop_string(&q, "opqr");
	nothing_to_read(&q);
	close_queue(&q);
}

Test(regressions, row10_wrapping_grant_dropped_then_a_linear_one)
{
	struct queue q;

	open_at(&q, 8, 0, 6);
	cr_assert_eq(grant_at(&q, 4), 0);
	memset(q.data, 'x', 4);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	push_string(&q, "ab");
	cr_assert_eq(memcmp(q.data + 6, "ab", 2), 0);
	pop_string(&q, "ab");
	nothing_to_read(&q);
	close_queue(&q);
}

Test(regressions, row11_write_that_ends_at_the_end_loses_the_tail)
{
	size_t middle, i;
	struct queue q;

	for (middle = 0; middle < 8; middle++) {
		open_at(&q, 8, 0, middle);
		cr_assert_eq(grant_at(&q, 8 - middle), middle);
		for (i = middle; i < 8; i++)
			q.data[i] = (unsigned char)i;
		cr_assert_eq(bbq_commit(&q.p, 8 - middle), 0);
		cr_assert_eq(bbq_readable(&q.c), 8 - middle);
		for (i = middle; i < 8; i++) {
			const char byte[2] = { (char)i, 0 };
			struct bbq_view view = { NULL, 0 };

			cr_assert_eq(bbq_read(&q.c, &view), 0);
			cr_assert_eq(view.len, 8 - i);
			cr_assert_eq(memcmp(view.data, byte, 1), 0);
			cr_assert_eq(bbq_release(&q.c, 1), 0);
		}
		nothing_to_read(&q);
		push_string(&q, "x");
		pop_string(&q, "x");
		close_queue(&q);
	}
}

Test(regressions, row13_zero_length_grant_panics_or_is_given)
{
	struct bbq_span span = { NULL, 77 };
	struct words before;
	struct queue q;

	open_queue(&q, 8);
	before = words_of(&q);
	cr_assert_eq(bbq_grant(&q.p, 0, &span), -EINVAL);
	cr_assert_eq(bbq_grant_range(&q.p, 0, 8, &span), -EINVAL);
	cr_assert_eq(bbq_grant_range(&q.p, 0, 0, &span), -EINVAL);
	cr_assert_eq(bbq_want(&q.p, 0), -EINVAL);
	cr_assert(span.data == NULL && span.len == 77);
	cr_assert_eq(bbq_commit(&q.p, 0), -EINVAL, "a grant was left open");
	cr_assert(words_same(words_of(&q), before));
	close_queue(&q);
}

Test(regressions, row14_cursors_of_both_sides_on_one_cache_line)
{
	/* Small cores have no data cache, and no memory to waste. */
	size_t line = BBQ_WORD_BITS == 64 ? 128 : sizeof(bbq_word);

	cr_assert_eq(_Alignof(struct bbq_producer_words), line);
	cr_assert_eq(_Alignof(struct bbq_consumer_words), line);
	cr_assert_eq(offsetof(struct bbq_producer_words, write), 0);
	cr_assert_eq(offsetof(struct bbq_producer_words, last),
		     sizeof(bbq_word));
	cr_assert_eq(offsetof(struct bbq_consumer_words, read), 0);
	cr_assert_eq(offsetof(struct bbq_buffer, consumer),
		     sizeof(struct bbq_producer_words));
	cr_assert_eq(offsetof(struct bbq_buffer, consumer) % line, 0);
	/* And nothing else in the buffer that one of them could share. */
	cr_assert_eq(sizeof(struct bbq_producer_words),
		     line < 2 * sizeof(bbq_word) ? 2 * sizeof(bbq_word) : line);
	cr_assert_eq(sizeof(struct bbq_consumer_words), line);
	cr_assert_eq(sizeof(struct bbq_buffer),
		     sizeof(struct bbq_producer_words) +
			     sizeof(struct bbq_consumer_words));
}
