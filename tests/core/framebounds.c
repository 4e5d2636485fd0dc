/* SPDX-License-Identifier: MIT */
/* Framed mode at its bounds: the longest frames, bad headers, alignment. */
#include "queue.h"

TestSuite(framebounds, .timeout = PATIENCE);

static const size_t aligns[] = { 1, 8, 64 };

/* The longest frame of an empty queue, counted up and not computed. */
static size_t longest_frame(size_t capacity, size_t align, bool *ret_any)
{
	size_t len, header, before;

	*ret_any = false;
	for (len = 0; len <= capacity; len++) {
		header = len < 128 ? 1 : len < 16384 ? 2 : 3;
		for (before = header; before % align; before++)
			;
		if (before + len > capacity)
			break;
		*ret_any = true;
	}
	return len - 1;
}

static void check_longest(size_t capacity, size_t align)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	size_t longest;
	bool any;

	longest = longest_frame(capacity, align, &any);
	open_queue(&q, capacity);
	cr_assert_eq(bbq_producer_frame_align(&q.p, align), 0);
	if (any) {
		cr_assert_eq(bbq_frame_want(&q.p, longest), 0);
		cr_assert_eq(bbq_frame_grant(&q.p, longest, &span), 0);
		cr_assert_leq((unsigned char *)span.data + longest,
			      q.data + capacity);
		cr_assert_eq(bbq_commit(&q.p, 0), 0);
	}
	cr_assert_eq(bbq_frame_want(&q.p, longest + 1), -EMSGSIZE);
	cr_assert_eq(bbq_frame_grant(&q.p, longest + 1, &span), -EMSGSIZE);
	close_queue(&q);
}

Test(framebounds, message_size_bound_is_exact)
{
	size_t align, capacity;

	for (align = 0; align < 3; align++) {
		for (capacity = 1; capacity <= 300; capacity++)
			check_longest(capacity, aligns[align]);
		for (capacity = 16380; capacity <= 16400; capacity++)
			check_longest(capacity, aligns[align]);
	}
}

/* Whatever was in the queue: want, drain, and the frame goes in. */
static void want_is_granted(size_t capacity, size_t align, size_t middle,
			    size_t len)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	int round;

	open_at(&q, capacity, 0, middle);
	cr_assert_eq(bbq_producer_frame_align(&q.p, align), 0);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, align), 0);
	while (bbq_frame_grant(&q.p, 2, &span) == 0) {
		memcpy(span.data, "fr", 2);
		cr_assert_eq(bbq_frame_commit(&q.p, 2), 0);
	}
	for (round = 0; bbq_frame_grant(&q.p, len, &span) != 0; round++) {
		cr_assert_lt(round, 2);
		cr_assert_eq(bbq_frame_want(&q.p, len), 0);
		while (bbq_frame_read(&q.c, &view) == 0) {
			cr_assert_eq(view.len, 2);
			cr_assert_eq(memcmp(view.data, "fr", 2), 0);
			cr_assert_eq(bbq_frame_release(&q.c), 0);
		}
	}
	cr_assert_eq(span.len, len);
	cr_assert_eq(bbq_frame_commit(&q.p, len), 0);
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	close_queue(&q);
}

Test(framebounds, every_frame_that_fits_is_granted_after_want)
{
	static const size_t capacities[] = { 3, 10, 24, 70, 140 };
	size_t align, capacity, middle, len, longest;
	bool any;

	for (align = 0; align < 3; align++)
		for (capacity = 0; capacity < 5; capacity++) {
			longest = longest_frame(capacities[capacity],
						aligns[align], &any);
			for (middle = 0; middle <= capacities[capacity];
			     middle++)
				for (len = 0; any && len <= longest; len++)
					want_is_granted(capacities[capacity],
							aligns[align], middle,
							len);
		}
}

Test(framebounds, want_publishes_only_what_it_must)
{
	struct words before;
	struct queue q;

	open_at(&q, 16, 0, 8);
	before = words_of(&q);
	cr_assert_eq(bbq_frame_want(&q.p, 7), 0); /* 1 + 7 is the tail */
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_frame_want(&q.p, 8), 0);
	cr_assert_eq(q.words.producer.last, 8);
	cr_assert_eq(q.words.producer.write, cursor(1, 0));
	cr_assert_eq(bbq_frame_want(&q.p, 15), 0); /* twice is once */
	cr_assert_eq(q.words.producer.write, cursor(1, 0));
	close_queue(&q);
}

/* Bytes that are no frame: the handle dies and touches nothing any more. */
static void kill_reader(size_t align, size_t offset, const char *bytes,
			size_t len)
{
	struct bbq_view view = { NULL, 77 };
	struct words before;
	struct queue q;

	open_at(&q, 80, 0, offset);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, align), 0);
	push(&q, bytes, len);
	before = words_of(&q);
	cr_assert_eq(bbq_readable(&q.c), len);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EBADMSG);
	cr_assert(view.data == NULL && view.len == 77);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EBADMSG);
	cr_assert_eq(bbq_read(&q.c, &view), -EBADMSG);
	cr_assert_eq(bbq_frame_release(&q.c), -EBADMSG);
	cr_assert_eq(bbq_release(&q.c, 0), -EBADMSG);
	cr_assert_eq(bbq_release_part(&q.c, 0), -EBADMSG);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, 1), -EBADMSG);
	cr_assert_eq(bbq_readable(&q.c), 0);
	cr_assert(words_same(words_of(&q), before));
	close_queue(&q);
}

Test(framebounds, bad_header_kills_the_handle)
{
	kill_reader(1, 0, "\x03", 1);		    /* 1 byte of 1 */
	kill_reader(1, 0, "\xff", 1);		    /* 127 bytes of 1 */
	kill_reader(1, 0, "\x09xxx", 4);	    /* 4 bytes of 3 */
	kill_reader(1, 79, "\x02", 1);		    /* half a header */
	kill_reader(1, 0, "\xfe\xff", 2);	    /* 16383 bytes */
	kill_reader(1, 0, "\0\0\0\0\0\0\0\0\1", 9); /* 2^56 bytes */
	kill_reader(1, 0, "\0\xff\xff\xff\xff\xff\xff\xff\xff", 9);
	kill_reader(1, 0, "\0\1\0\0\0\0\0\0\0", 9); /* 1 byte of 0 */
	kill_reader(1, 72, "\0\0\0\0\0\0\0\0", 8);
}

Test(framebounds, bad_gap_kills_the_handle)
{
	kill_reader(8, 0, "\x01", 1);	     /* the gap alone is 7 */
	kill_reader(8, 8, "\x01xxxxxx", 7);  /* one byte of it missing */
	kill_reader(8, 0, "\x03xxxxxxx", 8); /* the gap, no payload */
	kill_reader(8, 7, "\x05x", 2);	     /* no gap; 2 bytes of 1 */
	kill_reader(64, 0, "\x01xxxxxxxxxxx", 12);
	kill_reader(64, 63, "\x02\x00", 2);
}

Test(framebounds, gap_is_skipped_whatever_it_holds)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_at(&q, 80, 0, 4);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, 8), 0);
	push(&q, "\x0b\xff\x00\xffhello\x01\x00\x01\x01\xff\xff\xff\x03z", 17);
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	cr_assert_eq(view.data, q.data + 8);
	cr_assert_eq(view.len, 5);
	cr_assert_eq(bbq_frame_release(&q.c), 0);
	cr_assert_eq(q.words.consumer.read, 13);
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	cr_assert_eq(view.data, q.data + 16);
	cr_assert_eq(view.len, 0);
	close_queue(&q);
}

Test(framebounds, alignments_that_are_refused)
{
	static const size_t refused[] = { 0,  2,  3,  4,   7,	     9,
					  16, 32, 63, 65,  128,	     512,
					  72, 24, 56, 192, SIZE_MAX, 256 };
	struct bbq_span span = { NULL, 0 };
	struct bbq_view view = { NULL, 0 };
	struct queue q;
	size_t i;

	open_queue(&q, 80);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		cr_assert_eq(bbq_producer_frame_align(&q.p, refused[i]),
			     -EINVAL);
		cr_assert_eq(bbq_consumer_frame_align(&q.c, refused[i]),
			     -EINVAL);
	}
	cr_assert_eq(bbq_frame_grant(&q.p, 3, &span), 0);
	cr_assert_eq(span.data, q.data + 1, "a refusal changed it");
	cr_assert_eq(bbq_producer_frame_align(&q.p, 8), -EBUSY);
	cr_assert_eq(bbq_producer_frame_align(&q.p, 4), -EINVAL);
	cr_assert_eq(bbq_frame_commit(&q.p, 3), 0);
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, 8), -EBUSY);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, 4), -EINVAL);
	cr_assert_eq(bbq_frame_release(&q.c), 0);
	close_queue(&q);
}

Test(framebounds, alignment_needs_an_aligned_buffer)
{
	struct queue q;
	size_t i;

	open_queue(&q, 80);
	for (i = 0; i < 3; i++) {
		size_t shift;

		for (shift = 0; shift < 72; shift++) {
			int expected = shift % aligns[i] ? -EINVAL : 0;

			cr_assert_eq(bbq_producer_init(&q.p, &q.words,
						       q.data + shift, 8),
				     0);
			cr_assert_eq(bbq_consumer_init(&q.c, &q.words,
						       q.data + shift, 8),
				     0);
			cr_assert_eq(bbq_producer_frame_align(&q.p, aligns[i]),
				     expected);
			cr_assert_eq(bbq_consumer_frame_align(&q.c, aligns[i]),
				     expected);
		}
	}
	close_queue(&q);
}

Test(framebounds, dead_producer_refuses_frames)
{
	struct bbq_span span = { NULL, 77 };
	struct queue q;

	open_queue(&q, 16);
	q.words.consumer.read = cursor(0, 1); /* past write */
	cr_assert_eq(bbq_frame_want(&q.p, 3), -EBADMSG);
	q.words.consumer.read = 0;
	cr_assert_eq(bbq_frame_want(&q.p, 3), -EBADMSG);
	cr_assert_eq(bbq_frame_grant(&q.p, 3, &span), -EBADMSG);
	cr_assert_eq(bbq_frame_grant(&q.p, SIZE_MAX, &span), -EBADMSG);
	cr_assert_eq(bbq_frame_commit(&q.p, 0), -EBADMSG);
	cr_assert_eq(bbq_commit(&q.p, 0), -EBADMSG);
	cr_assert_eq(bbq_producer_frame_align(&q.p, 8), -EBADMSG);
	cr_assert_eq(bbq_producer_frame_align(&q.p, 4), -EINVAL);
	cr_assert(span.data == NULL && span.len == 77);
	cr_assert_eq(q.words.producer.write, 0);
	close_queue(&q);
}

Test(framebounds, news_are_seen_only_when_needed_and_then_checked)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, 16);
	push_frame(&q, "a");
	pop_frame(&q, "a");
	q.words.producer.write = cursor(0, 1); /* backwards */
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EBADMSG);
	close_queue(&q);

	open_queue(&q, 16);
	fill(&q, 16);
	q.words.consumer.read = cursor(0, 17);
	cr_assert_eq(bbq_frame_grant(&q.p, 1, &(struct bbq_span){ 0 }),
		     -EBADMSG);
	close_queue(&q);
}
