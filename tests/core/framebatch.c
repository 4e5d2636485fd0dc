/* SPDX-License-Identifier: MIT */
/* Many frames out of one read, with bbq_frame_next. */
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
