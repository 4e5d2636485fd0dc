/* SPDX-License-Identifier: MIT */
/*
 * bytes.c - every script of grants, commits, reads and releases of bytes
 *
 * An operation of the producer is one of
 *     grant between min and max bytes, for all 1 <= min <= max <= N; if it is
 *     granted: fill and commit_part any part of it, fill the rest, commit any
 *     part of the rest (or none: abort)
 *     want len, for all 1 <= len <= N
 *     writable, then grant that many
 * and one of the consumer
 *     read, or read_split; load all bytes, release_part any of them, load the
 *     rest again, release any of the rest
 *     readable, then read_split
 *
 * The byte at each position of the stream has a value of its own, so that a
 * byte that is lost, repeated, out of order or overwritten shows where it is
 * read. What is granted and not committed is filled with garbage.
 */
#include "queue.h"

static unsigned char value_at(unsigned position)
{
	return (unsigned char)(position & 0x7f);
}

/* ---- producer ----------------------------------------------------------- */

static void fill(struct producer_side *side, unsigned char *data, size_t used,
		 size_t len)
{
	size_t i;

	for (i = 0; i < used; i++)
		explore_store_byte(data + i,
				   value_at(side->sent + (unsigned)i));
	for (; i < len; i++)
		explore_store_byte(data + i, GARBAGE);
}

static void publish(struct producer_side *side, struct bbq_span *span)
{
	struct bbq_producer *handle = &side->handle;
	unsigned len = (unsigned)span->len;
	unsigned part = explore_choose(len + 1, "commit part");
	unsigned rest = explore_choose(len - part + 1, "commit rest");
	unsigned char *data = span->data;

	if (part > 0) {
		fill(side, data, part, part);
		queue_fine(bbq_commit_part(handle, part), "commit_part");
		side->sent = (uint8_t)(side->sent + part);
	}
	fill(side, data + part, rest, len - part);
	queue_fine(bbq_commit(handle, rest), "commit");
	side->sent = (uint8_t)(side->sent + rest);
}

static void grant(struct producer_side *side, size_t min, size_t max)
{
	struct bbq_span span;

	if (queue_refused(bbq_grant_range(&side->handle, min, max, &span),
			  "grant"))
		return;
	if (span.len < min || span.len > max)
		explore_fail("%zu bytes granted", span.len);
	publish(side, &span);
}

static void grant_any(struct producer_side *side)
{
	unsigned min = 1 + explore_choose(queue_case.capacity, "grant min - 1");
	unsigned max = min + explore_choose(queue_case.capacity - min + 1,
					    "grant max - min");

	grant(side, min, max);
}

static void grant_writable(struct producer_side *side)
{
	size_t len = bbq_writable(&side->handle);
	struct bbq_span span;

	if (len == 0)
		return;
	queue_fine(bbq_grant(&side->handle, len, &span), "grant of writable");
	publish(side, &span);
}

static void produce(struct producer_side *side)
{
	switch (explore_choose(3, "grant, want or writable")) {
	case 0:
		grant_any(side);
		return;
	case 1:
		queue_fine(bbq_want(&side->handle,
				    1 + explore_choose(queue_case.capacity,
						       "want - 1")),
			   "want");
		return;
	default:
		grant_writable(side);
		return;
	}
}

/* ---- consumer ----------------------------------------------------------- */

static void check(const struct consumer_side *side, const struct bbq_view *view,
		  size_t *position, size_t skip)
{
	const unsigned char *data = view->data;

	for (size_t i = 0; i < view->len; i++, ++*position) {
		unsigned char got;

		if (*position < skip)
			continue;
		got = explore_load_byte(data + i);
		if (got != value_at(side->got + (unsigned)(*position - skip)))
			explore_fail("byte %d of the stream is %x",
				     side->got + (int)(*position - skip), got);
	}
}

/* Both views, without the first `skip` bytes, which are released. */
static void check_both(const struct consumer_side *side,
		       const struct bbq_view view[2], size_t skip)
{
	size_t position = 0;

	check(side, &view[0], &position, skip);
	check(side, &view[1], &position, skip);
}

static void release(struct consumer_side *side, const struct bbq_view view[2])
{
	unsigned len = (unsigned)(view[0].len + view[1].len);
	unsigned part, rest;

	if (view[0].len == 0 || len > queue_case.capacity)
		explore_fail("a view of %u bytes", len);
	check_both(side, view, 0);
	part = explore_choose(len + 1, "release part");
	rest = explore_choose(len - part + 1, "release rest");
	if (part > 0) {
		queue_fine(bbq_release_part(&side->handle, part),
			   "release_part");
		side->got = (uint8_t)(side->got + part);
		check_both(side, view, part);
	}
	queue_fine(bbq_release(&side->handle, rest), "release");
	side->got = (uint8_t)(side->got + rest);
}

static void read_split(struct consumer_side *side, size_t at_least)
{
	struct bbq_view view[2];

	if (queue_refused(bbq_read_split(&side->handle, view), "read_split")) {
		if (at_least > 0)
			explore_fail("%zu bytes were readable", at_least);
		return;
	}
	if (view[0].len + view[1].len < at_least)
		explore_fail("%zu bytes were readable", at_least);
	release(side, view);
}

static void consume(struct consumer_side *side)
{
	struct bbq_view view[2] = { { 0 } };

	switch (explore_choose(3, "read, read_split or readable")) {
	case 0:
		if (!queue_refused(bbq_read(&side->handle, view), "read"))
			release(side, view);
		return;
	case 1:
		read_split(side, 0);
		return;
	default:
		read_split(side, bbq_readable(&side->handle));
		return;
	}
}

/* ---- the program -------------------------------------------------------- */

bool bytes_step(unsigned thread, void *private)
{
	return queue_step(thread, private, produce, consume);
}

void bytes_finish(void *const private[])
{
	struct consumer_side *side = private[CONSUMER];
	struct bbq_view view[2];

	while (!queue_refused(bbq_read_split(&side->handle, view), "read")) {
		size_t len = view[0].len + view[1].len;

		check_both(side, view, 0);
		queue_fine(bbq_release(&side->handle, len), "release");
		side->got = (uint8_t)(side->got + len);
	}
	queue_check_drained(private[PRODUCER], side);
}
