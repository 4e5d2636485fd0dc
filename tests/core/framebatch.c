/* SPDX-License-Identifier: MIT */
/* Many frames out of one read, and into one grant. */
#include "queue.h"

TestSuite(framebatch, .timeout = PATIENCE);

static void next_is(struct queue *q, struct bbq_view *rest, const char *string)
{
	struct bbq_view view = { NULL, 0 };

	cr_assert_eq(bbq_frame_next(&q->c, rest, &view), 0);
	cr_assert_eq(view.len, strlen(string));
	cr_assert_eq(memcmp(view.data, string, view.len), 0);
}

static void none_is_left(struct queue *q, struct bbq_view *rest)
{
	struct bbq_view view = { q, 77 };

	cr_assert_eq(rest->len, 0);
	cr_assert_eq(bbq_frame_next(&q->c, rest, &view), -EAGAIN);
	cr_assert(view.data == q && view.len == 77);
}

Test(framebatch, frames_of_one_read_come_in_order)
{
	struct bbq_view all = { NULL, 0 }, rest;
	struct queue q;

	open_queue(&q, 32);
	push_frame(&q, "one");
	push_frame(&q, "");
	push_frame(&q, "three");
	cr_assert_eq(bbq_read(&q.c, &all), 0);
	rest = all;
	next_is(&q, &rest, "one");
	cr_assert_eq(all.len - rest.len, 4);
	next_is(&q, &rest, "");
	cr_assert_eq(rest.data, q.data + 5);
	cr_assert_eq(bbq_release_part(&q.c, all.len - rest.len), 0);
	next_is(&q, &rest, "three");
	none_is_left(&q, &rest);
	cr_assert_eq(bbq_release(&q.c, 0), 0);
	pop_frame(&q, "three");
	close_queue(&q);
}

/* 125 bytes fit the head up to 190, and no tail after two frames at 190. */
static void read_both_parts(size_t align)
{
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	char long_one[126];
	struct queue q;
	size_t len;

	memset(long_one, 'x', 125);
	long_one[125] = 0;
	open_at(&q, 320, 3, 190);
	cr_assert_eq(bbq_producer_frame_align(&q.p, align), 0);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, align), 0);
	push_frame(&q, "one");
	push_frame(&q, "two");
	push_frame(&q, long_one);
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert_gt(parts[1].len, 125);
	len = parts[0].len + parts[1].len;
	next_is(&q, &parts[0], "one");
	next_is(&q, &parts[0], "two");
	none_is_left(&q, &parts[0]);
	next_is(&q, &parts[1], long_one);
	none_is_left(&q, &parts[1]);
	cr_assert_eq(bbq_release(&q.c, len), 0);
	cr_assert_eq(q.words.consumer.read, q.words.producer.write);
	close_queue(&q);
}

Test(framebatch, both_parts_of_a_split_read)
{
	read_both_parts(1);
	read_both_parts(8);
	read_both_parts(64);
}

Test(framebatch, refusals)
{
	struct bbq_view view = { NULL, 77 }, rest = { NULL, 0 };
	struct queue q;

	open_queue(&q, 32);
	push_frame(&q, "one");
	rest.data = q.data;
	rest.len = 4;
	cr_assert_eq(bbq_frame_next(&q.c, &rest, &view), -EINVAL);
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	view.data = NULL;
	view.len = 77;
	cr_assert_eq(bbq_frame_next(&q.c, &rest, &view), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 0), 0);
	cr_assert_eq(bbq_read(&q.c, &rest), 0);
	cr_assert_eq(bbq_frame_next(NULL, &rest, &view), -EINVAL);
	cr_assert_eq(bbq_frame_next(&q.c, NULL, &view), -EINVAL);
	cr_assert_eq(bbq_frame_next(&q.c, &rest, NULL), -EINVAL);
	cr_assert(rest.data == q.data && rest.len == 4);
	cr_assert(view.data == NULL && view.len == 77);
	next_is(&q, &rest, "one");
	close_queue(&q);
}

Test(framebatch, bad_header_kills_the_handle)
{
	struct bbq_view view = { NULL, 77 }, rest = { NULL, 0 }, before;
	struct queue q;

	open_queue(&q, 32);
	push_string(&q, "\x05ok\011ab");
	cr_assert_eq(bbq_read(&q.c, &rest), 0);
	next_is(&q, &rest, "ok");
	before = rest;
	cr_assert_eq(bbq_frame_next(&q.c, &rest, &view), -EBADMSG);
	cr_assert(rest.data == before.data && rest.len == before.len);
	cr_assert(view.data == NULL && view.len == 77);
	cr_assert_eq(bbq_frame_next(&q.c, &rest, &view), -EBADMSG);
	cr_assert_eq(bbq_release(&q.c, 3), -EBADMSG);
	cr_assert_eq(bbq_release_part(&q.c, 3), -EBADMSG);
	cr_assert_eq(bbq_read(&q.c, &view), -EBADMSG);
	cr_assert_eq(q.words.consumer.read, 0);
	close_queue(&q);
}

/* ---- into one grant ---- */

static struct bbq_span room_for(struct queue *q, size_t first, size_t most)
{
	struct bbq_span span = { NULL, 0 };

	cr_assert_eq(bbq_frames_grant(&q->p, first, most, &span), 0);
	return span;
}

static void put(struct queue *q, struct bbq_span *rest, const char *string)
{
	struct bbq_span span = { NULL, 0 };
	size_t len = strlen(string);

	cr_assert_eq(bbq_frame_put(&q->p, rest, len, &span), 0);
	cr_assert_eq(span.len, len);
	memcpy(span.data, string, len);
}

static void does_not_fit(struct queue *q, struct bbq_span *rest, size_t len)
{
	struct bbq_span span = { q, 77 }, before = *rest;

	cr_assert_eq(bbq_frame_put(&q->p, rest, len, &span), -EAGAIN);
	cr_assert(span.data == q && span.len == 77);
	cr_assert(rest->data == before.data && rest->len == before.len);
}

Test(framebatch, frames_of_one_grant_appear_together)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span all, rest;
	struct queue q;

	open_queue(&q, 32);
	all = rest = room_for(&q, 3, 32);
	cr_assert(all.data == q.data && all.len == 32);
	put(&q, &rest, "one");
	put(&q, &rest, "");
	put(&q, &rest, "three");
	cr_assert_eq(all.len - rest.len, 4 + 1 + 6);
	cr_assert_eq(memcmp(q.data, "\x07one\x01\x0bthree", 11), 0);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	cr_assert_eq(bbq_commit(&q.p, all.len - rest.len), 0);
	cr_assert_eq(q.words.producer.write, 11);
	pop_frame(&q, "one");
	pop_frame(&q, "");
	pop_frame(&q, "three");
	close_queue(&q);
}

Test(framebatch, whole_frames_can_go_first)
{
	struct bbq_span all, rest;
	struct queue q;

	open_queue(&q, 32);
	all = rest = room_for(&q, 3, 32);
	put(&q, &rest, "one");
	cr_assert_eq(bbq_commit_part(&q.p, all.len - rest.len), 0);
	pop_frame(&q, "one");
	all = rest;
	put(&q, &rest, "two");
	cr_assert_eq(bbq_commit(&q.p, all.len - rest.len), 0);
	pop_frame(&q, "two");
	close_queue(&q);
}

Test(framebatch, aborted_frames_are_gone)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span rest, before;
	struct queue q;

	open_queue(&q, 32);
	rest = room_for(&q, 3, 32);
	put(&q, &rest, "one");
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	/* And the last one alone, by its rest. */
	before = rest = room_for(&q, 3, 32);
	put(&q, &rest, "two");
	rest = before;
	put(&q, &rest, "3");
	cr_assert_eq(bbq_commit(&q.p, before.len - rest.len), 0);
	pop_frame(&q, "3");
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	close_queue(&q);
}

Test(framebatch, a_batch_takes_what_is_there)
{
	struct bbq_span rest;
	struct queue q;

	open_queue(&q, 32);
	/* No less than the first frame takes, no more than was asked. */
	cr_assert_eq(room_for(&q, 9, 0).len, 10);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(room_for(&q, 9, 10).len, 10);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(room_for(&q, 9, 11).len, 11);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(room_for(&q, 9, SIZE_MAX).len, 32);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	rest = room_for(&q, 31, SIZE_MAX);
	does_not_fit(&q, &rest, 32);
	does_not_fit(&q, &rest, SIZE_MAX);
	put(&q, &rest, "a string of 31 bytes, all of it");
	does_not_fit(&q, &rest, 0);
	cr_assert_eq(bbq_commit(&q.p, 32), 0);
	close_queue(&q);
}

/* At write's offset 20 of 32 and with read at 10: 12 bytes, then 10. */
Test(framebatch, a_batch_that_wraps)
{
	struct bbq_span all, rest;
	struct queue q;

	open_at(&q, 32, 3, 10);
	push_frame(&q, "nine long");
	cr_assert_eq(room_for(&q, 11, 32).len, 12);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(bbq_frames_grant(&q.p, 12, 32, &all), -EAGAIN);
	pop_frame(&q, "nine long");
	all = rest = room_for(&q, 12, 32);
	cr_assert(all.data == q.data && all.len == 20);
	put(&q, &rest, "twelve bytes");
	put(&q, &rest, "five!");
	does_not_fit(&q, &rest, 1);
	cr_assert_eq(bbq_commit(&q.p, all.len - rest.len), 0);
	cr_assert_eq(q.words.producer.last, 20);
	cr_assert_eq(q.words.producer.write, cursor(4, 19));
	pop_frame(&q, "twelve bytes");
	pop_frame(&q, "five!");
	close_queue(&q);
}

static void aligned_batch(size_t align)
{
	struct bbq_span all, rest, span = { NULL, 0 };
	char long_one[201];
	struct queue q;
	size_t i;

	memset(long_one, 'x', 200);
	long_one[200] = 0;
	open_at(&q, 1024, 0, 5);
	cr_assert_eq(bbq_producer_frame_align(&q.p, align), 0);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, align), 0);
	all = rest = room_for(&q, 3, 1000);
	for (i = 0; i < 3; i++) {
		cr_assert_eq(bbq_frame_put(&q.p, &rest, 200, &span), 0);
		cr_assert_eq((uintptr_t)span.data % align, 0);
		memcpy(span.data, long_one, 200);
	}
	cr_assert_eq(bbq_commit(&q.p, all.len - rest.len), 0);
	for (i = 0; i < 3; i++)
		pop_frame(&q, long_one);
	close_queue(&q);
}

Test(framebatch, payloads_of_a_batch_are_aligned)
{
	aligned_batch(1);
	aligned_batch(8);
	aligned_batch(64);
}

Test(framebatch, refusals_of_grant_and_put)
{
	struct bbq_span span = { NULL, 77 }, rest = { NULL, 0 };
	struct queue q;

	open_queue(&q, 32);
	rest.data = q.data;
	rest.len = 32;
	cr_assert_eq(bbq_frame_put(&q.p, &rest, 1, &span), -EINVAL);
	cr_assert_eq(bbq_frames_grant(NULL, 1, 9, &span), -EINVAL);
	cr_assert_eq(bbq_frames_grant(&q.p, 1, 9, NULL), -EINVAL);
	cr_assert_eq(bbq_frames_grant(&q.p, 32, 32, &span), -EMSGSIZE);
	cr_assert_eq(bbq_frames_grant(&q.p, SIZE_MAX, 32, &span), -EMSGSIZE);
	cr_assert(span.data == NULL && span.len == 77);
	rest = room_for(&q, 1, 9);
	cr_assert_eq(bbq_frames_grant(&q.p, 1, 9, &span), -EBUSY);
	cr_assert_eq(bbq_frame_put(NULL, &rest, 1, &span), -EINVAL);
	cr_assert_eq(bbq_frame_put(&q.p, NULL, 1, &span), -EINVAL);
	cr_assert_eq(bbq_frame_put(&q.p, &rest, 1, NULL), -EINVAL);
	cr_assert(span.data == NULL && span.len == 77);
	cr_assert_eq(bbq_frame_commit(&q.p, 1), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	/* A frame grant is not for putting frames into. */
	cr_assert_eq(bbq_frame_grant(&q.p, 9, &rest), 0);
	cr_assert_eq(bbq_frame_put(&q.p, &rest, 1, &span), -EINVAL);
	cr_assert_eq(bbq_frames_grant(&q.p, 1, 9, &span), -EBUSY);
	close_queue(&q);
}

Test(framebatch, bad_words_kill_the_handle_that_grants)
{
	struct bbq_span span = { NULL, 77 }, rest = { NULL, 0 };
	struct queue q;

	open_queue(&q, 32);
	push_frame(&q, "a string of 30 bytes, not more");
	q.words.consumer.read = cursor(1, 0);
	cr_assert_eq(bbq_frames_grant(&q.p, 9, 32, &span), -EBADMSG);
	cr_assert_eq(bbq_frames_grant(&q.p, 9, 32, &span), -EBADMSG);
	rest.data = q.data;
	rest.len = 32;
	cr_assert_eq(bbq_frame_put(&q.p, &rest, 1, &span), -EBADMSG);
	cr_assert(span.data == NULL && span.len == 77);
	close_queue(&q);
}
