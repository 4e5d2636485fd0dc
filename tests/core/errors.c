/* SPDX-License-Identifier: MIT */
/* Byte mode: every error of every function, and that it changes nothing. */
#include "queue.h"

TestSuite(errors, .timeout = PATIENCE);

/* What no call may write: results start as this and must stay so. */
static unsigned char untouched;
#define UNTOUCHED_SPAN ((struct bbq_span){ &untouched, 77 })
#define UNTOUCHED_VIEW ((struct bbq_view){ &untouched, 77 })

static bool span_untouched(const struct bbq_span *span)
{
	return span->data == &untouched && span->len == 77;
}

static bool view_untouched(const struct bbq_view *view)
{
	return view->data == &untouched && view->len == 77;
}

Test(errors, attach_null)
{
	struct bbq_producer p;
	struct bbq_consumer c;
	struct bbq_buffer b = { 0 };
	char data[8];

	cr_assert_eq(bbq_producer_attach(NULL, &b.producer, &b.consumer, data,
					 8),
		     -EINVAL);
	cr_assert_eq(bbq_producer_attach(&p, NULL, &b.consumer, data, 8),
		     -EINVAL);
	cr_assert_eq(bbq_producer_attach(&p, &b.producer, NULL, data, 8),
		     -EINVAL);
	cr_assert_eq(bbq_producer_attach(&p, &b.producer, &b.consumer, NULL, 8),
		     -EINVAL);
	cr_assert_eq(bbq_consumer_attach(NULL, &b.consumer, &b.producer, data,
					 8),
		     -EINVAL);
	cr_assert_eq(bbq_consumer_attach(&c, NULL, &b.producer, data, 8),
		     -EINVAL);
	cr_assert_eq(bbq_consumer_attach(&c, &b.consumer, NULL, data, 8),
		     -EINVAL);
	cr_assert_eq(bbq_consumer_attach(&c, &b.consumer, &b.producer, NULL, 8),
		     -EINVAL);
}

Test(errors, init_null)
{
	struct bbq_producer p;
	struct bbq_consumer c;
	struct bbq_buffer b = { 0 };
	char data[8];

	cr_assert_eq(bbq_producer_init(NULL, &b, data, 8), -EINVAL);
	cr_assert_eq(bbq_producer_init(&p, NULL, data, 8), -EINVAL);
	cr_assert_eq(bbq_producer_init(&p, &b, NULL, 8), -EINVAL);
	cr_assert_eq(bbq_consumer_init(NULL, &b, data, 8), -EINVAL);
	cr_assert_eq(bbq_consumer_init(&c, NULL, data, 8), -EINVAL);
	cr_assert_eq(bbq_consumer_init(&c, &b, NULL, 8), -EINVAL);
}

Test(errors, attach_capacity)
{
	struct bbq_buffer b = { 0 };
	struct bbq_producer p;
	struct bbq_consumer c;
	char data[8];
	size_t refused[] = { 0, (size_t)BBQ_CAPACITY_MAX + 1, SIZE_MAX,
			     (size_t)PTRDIFF_MAX + 1 };
	size_t i;

	for (i = 0; i < 4; i++) {
		/* Where size_t is as small as the offset, this wraps to 0. */
		cr_assert_eq(bbq_producer_init(&p, &b, data, refused[i]),
			     -EINVAL);
		cr_assert_eq(bbq_consumer_init(&c, &b, data, refused[i]),
			     -EINVAL);
	}
}

Test(errors, failed_attach_leaves_the_handle)
{
	struct bbq_producer p, p_before;
	struct bbq_consumer c, c_before;
	struct bbq_buffer b = { 0 };
	char data[8];

	memset(&p, 0x5a, sizeof(p));
	memset(&c, 0x5a, sizeof(c));
	memcpy(&p_before, &p, sizeof(p));
	memcpy(&c_before, &c, sizeof(c));
	b.consumer.read = 1;
	cr_assert_eq(bbq_producer_init(&p, &b, data, 0), -EINVAL);
	cr_assert_eq(bbq_producer_init(&p, &b, data, 8), -EBADMSG);
	cr_assert_eq(bbq_consumer_init(&c, &b, data, 0), -EINVAL);
	cr_assert_eq(bbq_consumer_init(&c, &b, data, 8), -EBADMSG);
	cr_assert_eq(memcmp(&p, &p_before, sizeof(p)), 0);
	cr_assert_eq(memcmp(&c, &c_before, sizeof(c)), 0);
}

Test(errors, null_handle_or_result)
{
	struct bbq_span span = UNTOUCHED_SPAN;
	struct bbq_view views[2] = { UNTOUCHED_VIEW, UNTOUCHED_VIEW };
	struct queue q;

	open_queue(&q, 8);
	fill(&q, 3);
	cr_assert_eq(bbq_grant(NULL, 1, &span), -EINVAL);
	cr_assert_eq(bbq_grant(&q.p, 1, NULL), -EINVAL);
	cr_assert_eq(bbq_grant_range(NULL, 1, 2, &span), -EINVAL);
	cr_assert_eq(bbq_grant_range(&q.p, 1, 2, NULL), -EINVAL);
	cr_assert_eq(bbq_commit(NULL, 0), -EINVAL);
	cr_assert_eq(bbq_commit_part(NULL, 0), -EINVAL);
	cr_assert_eq(bbq_want(NULL, 1), -EINVAL);
	cr_assert_eq(bbq_read(NULL, views), -EINVAL);
	cr_assert_eq(bbq_read(&q.c, NULL), -EINVAL);
	cr_assert_eq(bbq_read_split(NULL, views), -EINVAL);
	cr_assert_eq(bbq_read_split(&q.c, NULL), -EINVAL);
	cr_assert_eq(bbq_release(NULL, 0), -EINVAL);
	cr_assert_eq(bbq_release_part(NULL, 0), -EINVAL);
	cr_assert_eq(bbq_capacity(NULL), 0);
	cr_assert_eq(bbq_writable(NULL), 0);
	cr_assert_eq(bbq_readable(NULL), 0);
	cr_assert(span_untouched(&span) && view_untouched(&views[0]) &&
		  view_untouched(&views[1]));
	/* And none of those refusals opened a thing. */
	cr_assert_eq(bbq_commit(&q.p, 0), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 0), -EINVAL);
	close_queue(&q);
}

Test(errors, grant_lengths)
{
	struct bbq_span span = UNTOUCHED_SPAN;
	struct words before;
	struct queue q;

	open_queue(&q, 8);
	before = words_of(&q);
	cr_assert_eq(bbq_grant_range(&q.p, 2, 1, &span), -EINVAL);
	cr_assert_eq(bbq_grant_range(&q.p, SIZE_MAX, 1, &span), -EINVAL);
	cr_assert_eq(bbq_grant_range(&q.p, 0, SIZE_MAX, &span), -EINVAL);
	cr_assert_eq(bbq_grant(&q.p, 9, &span), -EMSGSIZE);
	cr_assert_eq(bbq_grant(&q.p, SIZE_MAX, &span), -EMSGSIZE);
	cr_assert_eq(bbq_grant_range(&q.p, 9, SIZE_MAX, &span), -EMSGSIZE);
	cr_assert(span_untouched(&span));
	cr_assert_eq(bbq_want(&q.p, 9), -EMSGSIZE);
	cr_assert_eq(bbq_want(&q.p, SIZE_MAX), -EMSGSIZE);
	cr_assert(words_same(words_of(&q), before));
	fill(&q, 8);
	cr_assert_eq(bbq_grant(&q.p, 1, &span), -EAGAIN);
	cr_assert_eq(bbq_grant_range(&q.p, 1, SIZE_MAX, &span), -EAGAIN);
	cr_assert_eq(bbq_grant(&q.p, 9, &span), -EMSGSIZE);
	cr_assert(span_untouched(&span));
	close_queue(&q);
}

Test(errors, grant_while_one_is_open)
{
	struct bbq_span span = UNTOUCHED_SPAN;
	struct words before;
	struct queue q;

	open_at(&q, 8, 0, 6);
	cr_assert_eq(grant_at(&q, 2), 6);
	before = words_of(&q);
	cr_assert_eq(bbq_grant(&q.p, 1, &span), -EBUSY);
	cr_assert_eq(bbq_grant(&q.p, 9, &span), -EBUSY, "before -EMSGSIZE");
	cr_assert_eq(bbq_grant(&q.p, 0, &span), -EINVAL, "before -EBUSY");
	cr_assert_eq(bbq_grant_range(&q.p, 2, 1, &span), -EINVAL);
	cr_assert_eq(bbq_grant(&q.p, 1, NULL), -EINVAL);
	cr_assert_eq(bbq_want(&q.p, 8), -EBUSY);
	cr_assert_eq(bbq_want(&q.p, 9), -EBUSY);
	cr_assert_eq(bbq_want(&q.p, 0), -EINVAL);
	cr_assert(span_untouched(&span));
	cr_assert(words_same(words_of(&q), before));
	/* Used up by commit_part, it is open all the same. */
	cr_assert_eq(bbq_commit_part(&q.p, 2), 0);
	cr_assert_eq(bbq_grant(&q.p, 1, &span), -EBUSY);
	cr_assert_eq(bbq_commit(&q.p, 1), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(bbq_grant(&q.p, 1, &span), 0);
	close_queue(&q);
}

Test(errors, commit_more_than_granted)
{
	static const size_t refused[] = { 4, 5, 8, 9, SIZE_MAX, SIZE_MAX - 2 };
	struct words before;
	struct queue q;
	size_t i;

	open_queue(&q, 8);
	fill(&q, 2);
	grant_at(&q, 3);
	before = words_of(&q);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		cr_assert_eq(bbq_commit(&q.p, refused[i]), -EINVAL);
		cr_assert_eq(bbq_commit_part(&q.p, refused[i]), -EINVAL);
	}
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_commit_part(&q.p, 1), 0);
	cr_assert_eq(bbq_commit_part(&q.p, 3), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 3), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 2), 0);
	cr_assert_eq(bbq_readable(&q.c), 5);
	close_queue(&q);
}

Test(errors, commit_with_nothing_open)
{
	struct words before;
	struct queue q;

	open_queue(&q, 8);
	fill(&q, 2);
	before = words_of(&q);
	cr_assert_eq(bbq_commit(&q.p, 0), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 1), -EINVAL);
	cr_assert_eq(bbq_commit_part(&q.p, 0), -EINVAL);
	cr_assert_eq(bbq_commit_part(&q.p, 1), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, SIZE_MAX), -EINVAL);
	cr_assert(words_same(words_of(&q), before));
	close_queue(&q);
}

Test(errors, read_while_one_is_open)
{
	struct bbq_view views[2] = { UNTOUCHED_VIEW, UNTOUCHED_VIEW };
	struct queue q;

	open_queue(&q, 8);
	cr_assert_eq(bbq_read(&q.c, views), -EAGAIN);
	cr_assert_eq(bbq_read_split(&q.c, views), -EAGAIN);
	cr_assert(view_untouched(&views[0]) && view_untouched(&views[1]));
	fill(&q, 2);
	cr_assert_eq(bbq_read(&q.c, views), 0);
	cr_assert(views[0].len == 2 && view_untouched(&views[1]));
	views[0] = UNTOUCHED_VIEW;
	cr_assert_eq(bbq_read(&q.c, views), -EBUSY);
	cr_assert_eq(bbq_read_split(&q.c, views), -EBUSY);
	cr_assert_eq(bbq_read(&q.c, NULL), -EINVAL, "before -EBUSY");
	cr_assert_eq(bbq_read_split(&q.c, NULL), -EINVAL);
	cr_assert(view_untouched(&views[0]) && view_untouched(&views[1]));
	/* Used up by release_part, it is open all the same. */
	cr_assert_eq(bbq_release_part(&q.c, 2), 0);
	cr_assert_eq(bbq_read(&q.c, views), -EBUSY);
	cr_assert_eq(bbq_release(&q.c, 1), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 0), 0);
	cr_assert_eq(bbq_read(&q.c, views), -EAGAIN);
	close_queue(&q);
}

Test(errors, release_more_than_read)
{
	static const size_t refused[] = { 4, 5, 8, 9, SIZE_MAX, SIZE_MAX - 2 };
	struct bbq_view view = { NULL, 0 };
	struct words before;
	struct queue q;
	size_t i;

	open_queue(&q, 8);
	fill(&q, 3);
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	fill(&q, 5); /* published since, not shown by this read */
	before = words_of(&q);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		cr_assert_eq(bbq_release(&q.c, refused[i]), -EINVAL);
		cr_assert_eq(bbq_release_part(&q.c, refused[i]), -EINVAL);
	}
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_release_part(&q.c, 1), 0);
	cr_assert_eq(bbq_release_part(&q.c, 3), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 3), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 2), 0);
	cr_assert_eq(bbq_readable(&q.c), 5);
	close_queue(&q);
}

Test(errors, release_after_plain_read_stops_at_the_watermark)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_at(&q, 8, 0, 5);
	fill(&q, 3);
	fill(&q, 4);
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	cr_assert_eq(view.len, 3);
	cr_assert_eq(bbq_release_part(&q.c, 4), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 4), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 3), 0);
	close_queue(&q);
}

Test(errors, release_with_nothing_open)
{
	struct words before;
	struct queue q;

	open_queue(&q, 8);
	fill(&q, 2);
	before = words_of(&q);
	cr_assert_eq(bbq_release(&q.c, 0), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 1), -EINVAL);
	cr_assert_eq(bbq_release_part(&q.c, 0), -EINVAL);
	cr_assert_eq(bbq_release_part(&q.c, 1), -EINVAL);
	drain(&q, 1);
	cr_assert_eq(bbq_release(&q.c, 1), -EINVAL);
	cr_assert_eq(bbq_release_part(&q.c, 1), -EINVAL);
	cr_assert_eq(q.words.consumer.read, before.read + 1);
	close_queue(&q);
}
