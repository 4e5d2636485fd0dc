/* SPDX-License-Identifier: MIT */
/*
 * frames.c - every script of frames
 *
 * An operation of the producer is one of
 *     frame_grant of max bytes, for every max that can ever fit; if it is
 *     granted: commit a frame of 0 to max bytes, or abort
 *     frame_want max, likewise
 *     (in batches) frames_grant for a first frame of any length, and for as much as there is
 *     or for no more; put that frame and any others that fit; commit all, or
 *     some before the others, or abort
 * and one of the consumer
 *     frame_read; release it, or give it back
 *     read_split, frame_next for any number of the frames in each part, and
 *     release of those
 *
 * A byte of a payload says which frame it is of, where in it, and whether it
 * is the last one; so a frame that is lost, repeated or cut shows.
 */
#include "queue.h"

#define BYTE_MAX 7 /* of a payload: 3 bits for the place in it */

static unsigned char value_at(unsigned frame, size_t i, size_t len)
{
	return (unsigned char)((frame & 7) << 4 | i << 1 | (i + 1 == len));
}

/* The longest payload that fits, and that value_at can tell apart. */
static unsigned longest(void)
{
	size_t head = bbq_payload_(0, 1, queue_case.align);
	size_t len =
		head > queue_case.capacity ? 0 : queue_case.capacity - head;

	return len > BYTE_MAX ? BYTE_MAX : (unsigned)len;
}

/* ---- producer ----------------------------------------------------------- */

static void publish(struct producer_side *side, const struct bbq_span *span)
{
	unsigned char *data = span->data;
	size_t abort = span->len + 1;
	size_t used = explore_choose((unsigned)span->len + 2, "commit");
	size_t i;

	for (i = 0; i < used && i < span->len; i++)
		explore_store_byte(data + i, value_at(side->sent, i, used));
	for (; i < span->len; i++)
		explore_store_byte(data + i, GARBAGE);
	if (used == abort) {
		queue_fine(bbq_commit(&side->handle, 0), "abort");
		return;
	}
	queue_fine(bbq_frame_commit(&side->handle, used), "frame_commit");
	side->sent++;
}

static void grant(struct producer_side *side)
{
	size_t max = explore_choose(longest() + 1, "frame_grant");
	struct bbq_span span = { 0 };

	if (queue_refused(bbq_frame_grant(&side->handle, max, &span),
			  "frame_grant"))
		return;
	if (span.len != max)
		explore_fail("%zu bytes granted", span.len);
	publish(side, &span);
}

/* False: it does not fit. */
static bool put(struct producer_side *side, struct bbq_span *rest, size_t len,
		unsigned frame)
{
	struct bbq_span span = { 0 };

	if (queue_refused(bbq_frame_put(&side->handle, rest, len, &span),
			  "frame_put"))
		return false;
	for (size_t i = 0; i < len; i++)
		explore_store_byte((unsigned char *)span.data + i,
				   value_at(frame, i, len));
	return true;
}

static void batch(struct producer_side *side)
{
	size_t len = explore_choose(longest() + 1, "frames_grant");
	size_t most = explore_choose(2, "or more") * queue_case.capacity;
	struct bbq_span rest = { 0 };
	uint8_t frames = 1; /* put, and not committed */
	size_t before;

	if (queue_refused(bbq_frames_grant(&side->handle, len, most, &rest),
			  "frames_grant"))
		return;
	before = rest.len;
	if (!put(side, &rest, len, side->sent))
		explore_fail("no room for the first frame");
	while (explore_choose(2, "put another")) {
		if (explore_choose(2, "commit_part")) {
			queue_fine(bbq_commit_part(&side->handle,
						   before - rest.len),
				   "commit_part");
			side->sent = (uint8_t)(side->sent + frames);
			before = rest.len;
			frames = 0;
		}
		len = explore_choose(longest() + 1, "frame_put");
		if (!put(side, &rest, len, side->sent + frames))
			break;
		frames++;
	}
	if (explore_choose(2, "abort")) {
		queue_fine(bbq_commit(&side->handle, 0), "abort");
		return;
	}
	queue_fine(bbq_commit(&side->handle, before - rest.len), "commit");
	side->sent = (uint8_t)(side->sent + frames);
}

static void produce(struct producer_side *side)
{
	switch (explore_choose(queue_case.batches ? 3 : 2,
			       "frame_grant, frame_want or frames_grant")) {
	case 0:
		grant(side);
		return;
	case 2:
		batch(side);
		return;
	default:
		break;
	}
	queue_fine(bbq_frame_want(&side->handle,
				  explore_choose(longest() + 1, "frame_want")),
		   "frame_want");
}

/* ---- consumer ----------------------------------------------------------- */

static void check(unsigned frame, const struct bbq_view *payload)
{
	const unsigned char *data = payload->data;

	if (payload->len > longest())
		explore_fail("frame %u has %zu bytes", frame, payload->len);
	for (size_t i = 0; i < payload->len; i++) {
		unsigned char got = explore_load_byte(data + i);

		if (got != value_at(frame, i, payload->len))
			explore_fail("byte %zu of frame %u is %x", i, frame,
				     got);
	}
}

static void read_one(struct consumer_side *side)
{
	struct bbq_view payload = { 0 };

	if (queue_refused(bbq_frame_read(&side->handle, &payload),
			  "frame_read"))
		return;
	check(side->got, &payload);
	if (explore_choose(2, "release or give back") == 0) {
		queue_fine(bbq_frame_release(&side->handle), "frame_release");
		side->got++;
	} else {
		queue_fine(bbq_release(&side->handle, 0), "give back");
	}
}

/* Frames of one part; how many bytes they take. False: it was cut short. */
static bool take_part(struct consumer_side *side, struct bbq_view *part,
		      unsigned *frames, size_t *used, bool all)
{
	struct bbq_view payload = { 0 };

	while (part->len > 0) {
		size_t before = part->len;

		if (!all && explore_choose(2, "next or stop") == 1)
			return false;
		queue_fine(bbq_frame_next(&side->handle, part, &payload),
			   "frame_next");
		check(side->got + *frames, &payload);
		*frames += 1;
		*used += before - part->len;
	}
	return true;
}

/* False: there was nothing. */
static bool read_many(struct consumer_side *side, bool all)
{
	struct bbq_view view[2];
	unsigned frames = 0;
	size_t used = 0;

	if (queue_refused(bbq_read_split(&side->handle, view), "read_split"))
		return false;
	if (take_part(side, &view[0], &frames, &used, all))
		take_part(side, &view[1], &frames, &used, all);
	queue_fine(bbq_release(&side->handle, used), "release");
	side->got = (uint8_t)(side->got + frames);
	return true;
}

static void consume(struct consumer_side *side)
{
	if (explore_choose(2, "frame_read or read_split") == 0)
		read_one(side);
	else
		read_many(side, false);
}

/* ---- the program -------------------------------------------------------- */

bool frames_step(unsigned thread, void *private)
{
	return queue_step(thread, private, produce, consume);
}

void frames_finish(void *const private[])
{
	while (read_many(private[CONSUMER], true))
		;
	queue_check_drained(private[PRODUCER], private[CONSUMER]);
}
