/* SPDX-License-Identifier: MIT */
/* Byte mode: what grant, commit, read, release and want do. */
#include "queue.h"

TestSuite(verbs, .timeout = PATIENCE);

Test(verbs, all_zero_memory_is_a_valid_empty_queue)
{
	static struct bbq_buffer words;
	static unsigned char data[8];
	struct bbq_producer p;
	struct bbq_consumer c;
	struct bbq_view view = { NULL, 0 };

	cr_assert_eq(bbq_consumer_init(&c, &words, data, sizeof(data)), 0);
	cr_assert_eq(bbq_read(&c, &view), -EAGAIN);
	cr_assert_eq(bbq_readable(&c), 0);
	cr_assert_eq(bbq_producer_init(&p, &words, data, sizeof(data)), 0);
	cr_assert_eq(bbq_writable(&p), 8);
	cr_assert_eq(bbq_capacity(&p), 8);
	cr_assert_eq(words.producer.write, 0);
	cr_assert_eq(words.producer.last, 0);
	cr_assert_eq(words.consumer.read, 0);
}

Test(verbs, words_in_separate_places)
{
	struct bbq_producer_words own = { 0 };
	struct bbq_consumer_words peer = { 0 };
	unsigned char data[8];
	struct bbq_producer p;
	struct bbq_consumer c;
	struct bbq_span span = { NULL, 0 };
	struct bbq_view view = { NULL, 0 };

	cr_assert_eq(bbq_producer_attach(&p, &own, &peer, data, 8), 0);
	cr_assert_eq(bbq_consumer_attach(&c, &peer, &own, data, 8), 0);
	cr_assert_eq(bbq_grant(&p, 5, &span), 0);
	cr_assert_eq(span.data, data);
	memcpy(span.data, "hello", 5);
	cr_assert_eq(bbq_commit(&p, 5), 0);
	cr_assert_eq(own.write, 5);
	cr_assert_eq(bbq_read(&c, &view), 0);
	cr_assert(view.data == data && view.len == 5);
	cr_assert_eq(memcmp(view.data, "hello", 5), 0);
	cr_assert_eq(bbq_release(&c, 4), 0);
	cr_assert_eq(peer.read, 4);
}

Test(verbs, capacity_of_one_byte)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	int i;

	open_queue(&q, 1);
	for (i = 0; i < 10; i++) {
		const char string[2] = { (char)('a' + i), 0 };

		push_string(&q, string);
		cr_assert_eq(bbq_grant(&q.p, 1, &span), -EAGAIN);
		pop_string(&q, string);
		nothing_to_read(&q);
	}
	cr_assert_eq(q.words.producer.write, cursor(9, 1));
	cr_assert_eq(q.words.producer.last, 1);
	close_queue(&q);
}

Test(verbs, capacity_is_filled_to_the_last_byte)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	size_t i;

	open_queue(&q, 5);
	for (i = 1; i <= 5; i++) {
		fill(&q, 1);
		cr_assert_eq(bbq_readable(&q.c), i);
		cr_assert_eq(bbq_writable(&q.p), 5 - i);
	}
	cr_assert_eq(bbq_grant(&q.p, 1, &span), -EAGAIN);
	drain(&q, 2);
	fill(&q, 2); /* inverted, and full again */
	cr_assert_eq(bbq_readable(&q.c), 5);
	cr_assert_eq(bbq_writable(&q.p), 0);
	cr_assert_eq(bbq_grant(&q.p, 1, &span), -EAGAIN);
	close_queue(&q);
}

/* Only the cursors: no byte is touched, so none but one need be there. */
Test(verbs, largest_capacity)
{
	size_t capacity = (size_t)BBQ_CAPACITY_MAX;
	static unsigned char here;
	struct bbq_buffer words = { 0 };
	struct bbq_producer p;
	struct bbq_consumer c;
	struct bbq_span span = { NULL, 0 };
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };

	if (capacity > PTRDIFF_MAX)
		capacity = PTRDIFF_MAX;
	words.producer.write = cursor(7, capacity - 2);
	words.consumer.read = cursor(7, capacity - 2);
	cr_assert_eq(bbq_producer_init(&p, &words, &here, capacity), 0);
	cr_assert_eq(bbq_consumer_init(&c, &words, &here, capacity), 0);
	cr_assert_eq(bbq_capacity(&p), capacity);
	cr_assert_eq(bbq_grant(&p, 2, &span), 0);
	cr_assert_eq(bbq_commit(&p, 2), 0);
	cr_assert_eq(words.producer.write, cursor(7, capacity));
	cr_assert_eq(bbq_writable(&p), capacity - 2);
	cr_assert_eq(bbq_grant_range(&p, 1, SIZE_MAX, &span), 0);
	cr_assert_eq(span.data, &here);
	cr_assert_eq(span.len, capacity - 2);
	cr_assert_eq(bbq_commit(&p, capacity - 2), 0);
	cr_assert_eq(words.producer.write, cursor(8, capacity - 2));
	cr_assert_eq(words.producer.last, capacity);
	cr_assert_eq(bbq_readable(&c), capacity);
	cr_assert_eq(bbq_read_split(&c, parts), 0);
	cr_assert_eq(parts[0].len + parts[1].len, capacity);
	cr_assert_eq(bbq_release(&c, capacity), 0);
	cr_assert_eq(words.consumer.read, words.producer.write);
}

Test(verbs, grant_range_gives_between_min_and_max)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;
	size_t min, max;

	open_at(&q, 10, 0, 4);
	for (min = 1; min <= 10; min++)
		for (max = min; max <= 12; max++) {
			size_t room = min <= 6 ? 6 : 4;
			size_t len = max < room ? max : room;
			int error = min <= 6 ? 0 : -EAGAIN;

			cr_assert_eq(bbq_grant_range(&q.p, min, max, &span),
				     error);
			if (error)
				continue;
			cr_assert_eq(span.data, q.data + 4, "tail first");
			cr_assert_eq(span.len, len);
			cr_assert_eq(bbq_commit(&q.p, 0), 0);
		}
	close_queue(&q);
}

Test(verbs, grant_range_takes_the_tail_before_a_larger_head)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_at(&q, 10, 0, 7);
	cr_assert_eq(bbq_grant_range(&q.p, 3, 9, &span), 0);
	cr_assert(span.data == q.data + 7 && span.len == 3);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(bbq_grant_range(&q.p, 4, 9, &span), 0);
	cr_assert(span.data == q.data && span.len == 7);
	cr_assert_eq(bbq_commit(&q.p, 5), 0);
	cr_assert_eq(bbq_grant_range(&q.p, 1, 9, &span), 0);
	/* Empty lap 0 stays occupied until the consumer steps over it. */
	cr_assert(span.data == q.data + 5 && span.len == 2);
	close_queue(&q);
}

Test(verbs, grant_range_looks_again_for_more)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 10);
	fill(&q, 8);
	drain(&q, 4);
	fill(&q, 3); /* head: 0 to 3; free: 3 to 4; watermark 8 */
	drain(&q, 3);
	/* The producer has seen read at 4; one byte would do, but 7 is there */
	cr_assert_eq(bbq_grant_range(&q.p, 1, 9, &span), 0);
	cr_assert(span.data == q.data + 3 && span.len == 4);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(bbq_grant_range(&q.p, 1, 4, &span), 0);
	cr_assert_eq(span.len, 4);
	close_queue(&q);
}

Test(verbs, commit_less_than_granted)
{
	struct queue q;

	open_queue(&q, 10);
	cr_assert_eq(grant_at(&q, 8), 0);
	memcpy(q.data, "abcdefgh", 8);
	cr_assert_eq(bbq_commit(&q.p, 3), 0);
	cr_assert_eq(bbq_writable(&q.p), 7);
	pop_string(&q, "abc");
	cr_assert_eq(grant_at(&q, 7), 3, "the rest went back");
	close_queue(&q);
}

Test(verbs, wrapping_commit_of_less_than_granted)
{
	struct queue q;

	open_at(&q, 10, 0, 7);
	cr_assert_eq(grant_at(&q, 6), 0);
	cr_assert_eq(bbq_commit(&q.p, 1), 0);
	cr_assert_eq(q.words.producer.write, cursor(1, 1));
	cr_assert_eq(q.words.producer.last, 7);
	drain(&q, 1);
	cr_assert_eq(q.words.consumer.read, cursor(1, 1));
	close_queue(&q);
}

Test(verbs, dropped_grant_publishes_nothing)
{
	struct words before;
	struct queue q;
	size_t len;

	open_at(&q, 10, 0, 6);
	push_string(&q, "ab");
	before = words_of(&q);
	for (len = 1; len <= 6; len++) {
		size_t at = grant_at(&q, len);

		memset(q.data + at, 'x', len);
		cr_assert_eq(bbq_readable(&q.c), 2);
		cr_assert_eq(bbq_commit(&q.p, 0), 0);
		cr_assert(words_same(words_of(&q), before));
	}
	pop_string(&q, "ab");
	nothing_to_read(&q);
	close_queue(&q);
}

Test(verbs, commit_part_publishes_a_prefix_and_keeps_the_rest)
{
	struct queue q;

	open_at(&q, 10, 0, 8);
	cr_assert_eq(grant_at(&q, 6), 0); /* wraps */
	memcpy(q.data, "abcdef", 6);
	cr_assert_eq(bbq_commit_part(&q.p, 0), 0);
	cr_assert_eq(q.words.producer.write, cursor(0, 8));
	cr_assert_eq(bbq_commit_part(&q.p, 2), 0);
	cr_assert_eq(q.words.producer.write, cursor(1, 2));
	cr_assert_eq(q.words.producer.last, 8);
	pop_string(&q, "ab");
	cr_assert_eq(bbq_commit_part(&q.p, 0), 0);
	cr_assert_eq(bbq_commit_part(&q.p, 1), 0);
	cr_assert_eq(q.words.producer.write, cursor(1, 3));
	pop_string(&q, "c");
	cr_assert_eq(bbq_commit(&q.p, 2), 0);
	pop_string(&q, "de");
	nothing_to_read(&q);
	cr_assert_eq(q.words.producer.last, 8, "one lap, one watermark");
	cr_assert_eq(grant_at(&q, 5), 5);
	cr_assert_eq(bbq_commit_part(&q.p, 5), 0);
	cr_assert_eq(bbq_commit_part(&q.p, 0), 0);
	cr_assert_eq(bbq_commit_part(&q.p, 1), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(bbq_readable(&q.c), 5);
	close_queue(&q);
}

Test(verbs, release_part_gives_back_a_prefix_and_keeps_the_rest)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 4);
	push_string(&q, "abcd");
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	cr_assert_eq(bbq_release_part(&q.c, 0), 0);
	cr_assert_eq(q.words.consumer.read, 0);
	cr_assert_eq(bbq_release_part(&q.c, 3), 0);
	cr_assert_eq(q.words.consumer.read, 3);
	cr_assert_eq(bbq_grant(&q.p, 3, &span), 0);
	cr_assert_eq(memcmp((const char *)view.data + 3, "d", 1), 0);
	cr_assert_eq(bbq_release(&q.c, 0), 0);
	cr_assert_eq(q.words.consumer.read, 3);
	pop_string(&q, "d");
	close_queue(&q);
}

Test(verbs, release_of_nothing_consumes_nothing)
{
	struct words before;
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, 8);
	push_string(&q, "abc");
	before = words_of(&q);
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	cr_assert_eq(bbq_release(&q.c, 0), 0);
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_release(&q.c, 0), -EINVAL);
	pop_string(&q, "abc");
	close_queue(&q);
}

Test(verbs, read_shows_everything_published_so_far)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, 8);
	push_string(&q, "ab");
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	cr_assert_eq(bbq_release(&q.c, 1), 0);
	push_string(&q, "cd"); /* and the byte left over is not enough */
	pop_string(&q, "bcd");
	push_string(&q, "efgh");
	push_string(&q, "i");
	pop_string(&q, "efgh");
	pop_string(&q, "i");
	close_queue(&q);
}

Test(verbs, split_read_sees_both_parts)
{
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	struct queue q;

	open_at(&q, 8, 0, 4);
	push_string(&q, "abc"); /* the watermark will be 7, not the end */
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert(parts[0].data == q.data + 4 && parts[0].len == 3);
	cr_assert_eq(parts[1].len, 0);
	cr_assert_eq(bbq_release(&q.c, 0), 0);
	push_string(&q, "defg");
	cr_assert_eq(bbq_readable(&q.c), 7);
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert(parts[0].data == q.data + 4 && parts[0].len == 3);
	cr_assert(parts[1].data == q.data && parts[1].len == 4);
	cr_assert_eq(memcmp(parts[0].data, "abc", 3), 0);
	cr_assert_eq(memcmp(parts[1].data, "defg", 4), 0);
	cr_assert_eq(bbq_release(&q.c, 8), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 7), 0);
	nothing_to_read(&q);
	cr_assert_eq(q.words.consumer.read, cursor(1, 4));
	close_queue(&q);
}

/* Of "abc" and "defg", release first, then second bytes, then look. */
static void release_split(size_t first, size_t second)
{
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	struct queue q;
	size_t used = first + second;

	open_at(&q, 8, 0, 4);
	push_string(&q, "abc");
	push_string(&q, "defg");
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert_eq(bbq_release_part(&q.c, first), 0);
	cr_assert_eq(bbq_release_part(&q.c, 8 - first), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, second), 0);
	cr_assert_eq(bbq_readable(&q.c), 7 - used);
	cr_assert_eq(q.words.consumer.read,
		     used <= 3 ? cursor(0, 4 + used) : cursor(1, used - 3));
	if (used < 3)
		pop_string(&q, &"abc"[used]);
	if (used < 7)
		pop_string(&q, &"defg"[used < 3 ? 0 : used - 3]);
	nothing_to_read(&q);
	close_queue(&q);
}

Test(verbs, release_goes_on_across_the_split)
{
	size_t first, second;

	for (first = 0; first <= 7; first++)
		for (second = 0; first + second <= 7; second++)
			release_split(first, second);
}

Test(verbs, writable_is_the_largest_grant_and_ignores_open_ones)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_at(&q, 10, 0, 4);
	cr_assert_eq(bbq_writable(&q.p), 6);
	grant_at(&q, 5);
	cr_assert_eq(bbq_writable(&q.p), 6, "an open grant counts as free");
	cr_assert_eq(bbq_commit(&q.p, 4), 0);
	cr_assert_eq(bbq_writable(&q.p), 4, "the head now");
	cr_assert_eq(bbq_readable(&q.c), 4);
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	cr_assert_eq(bbq_readable(&q.c), 4, "an open read counts");
	cr_assert_eq(bbq_release_part(&q.c, 3), 0);
	cr_assert_eq(bbq_readable(&q.c), 1);
	cr_assert_eq(bbq_writable(&q.p), 7, "seen at once");
	fill(&q, 5);
	cr_assert_eq(bbq_readable(&q.c), 6, "both parts");
	cr_assert_eq(bbq_writable(&q.p), 2);
	close_queue(&q);
}
