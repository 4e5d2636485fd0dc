/* SPDX-License-Identifier: MIT */
/*
 * verbs.c - the verbs of core.h and frame.h that wait
 *
 * Each is an attempt: what core.h offers without waiting, and what has to be
 * told to the other side if it did not work. wait.c tries it again. An end that
 * is closed has a broken handle, so that each attempt says -EBADMSG.
 */
#include <errno.h>

#include "internal.h"

/* A refused sender wants; a wrap that this publishes may free the receiver. */
static int sender_want(struct bbq_sender *sender,
		       int (*want)(struct bbq_producer *, size_t), size_t len)
{
	bbq_word before = sender->producer.write;
	int error = want(&sender->producer, len);

	if (sender->producer.write != before)
		bbq_sender_notify(sender);
	return error ? error : -EAGAIN;
}

static int try_grant(const struct attempt *a)
{
	int error =
		bbq_grant_range(&a->sender->producer, a->min, a->max, a->ret);

	return error == -EAGAIN ? sender_want(a->sender, bbq_want, a->min)
				: error;
}

static int try_frame_grant(const struct attempt *a)
{
	int error = bbq_frame_grant(&a->sender->producer, a->min, a->ret);

	return error == -EAGAIN ? sender_want(a->sender, bbq_frame_want, a->min)
				: error;
}

static int try_frames_grant(const struct attempt *a)
{
	int error =
		bbq_frames_grant(&a->sender->producer, a->min, a->max, a->ret);

	return error == -EAGAIN ? sender_want(a->sender, bbq_frame_want, a->min)
				: error;
}

int bbq_try_room(const struct attempt *a)
{
	struct bbq_span span;
	const struct attempt grant = {
		.sender = a->sender,
		.min = a->min,
		.max = a->min,
		.ret = &span,
	};
	int error = a->sender->end.segment->mode == BBQ_MODE_FRAMES
			    ? try_frame_grant(&grant)
			    : try_grant(&grant);

	return error ? error : bbq_commit(&a->sender->producer, 0);
}

/*
 * The peer first, then the bytes: it releases before it goes. With nothing
 * left, there is nothing that a dead one's successor could be wanted for; but
 * one may have come meanwhile, and have had it all.
 */
static int try_closed(const struct attempt *a)
{
	const struct bbq_end *end = &a->sender->end;
	int error = bbq_end_peer(end);
	size_t left = bbq_segment_fill(end->segment);

	if (error == -EPIPE && left == 0)
		return 0;
	if (error == -EOWNERDEAD &&
	    (left > 0 ? bbq_end_waits(end) : bbq_end_peer(end) != error))
		return -EAGAIN;
	return error ? error : -EAGAIN;
}

/* Stepping over the watermark frees space: the sender may wait for that. */
static int receiver_stepped(struct bbq_receiver *receiver, bbq_word before,
			    int error)
{
	if (receiver->consumer.read != before)
		bbq_receiver_notify(receiver);
	return error;
}

static int read_once(struct bbq_receiver *receiver, struct bbq_view *ret)
{
	bbq_word before = receiver->consumer.read;

	return receiver_stepped(receiver, before,
				bbq_read(&receiver->consumer, ret));
}

static int try_read(const struct attempt *a)
{
	return read_once(a->receiver, a->ret);
}

static int read_split_once(struct bbq_receiver *receiver,
			   struct bbq_view ret[2])
{
	bbq_word before = receiver->consumer.read;

	return receiver_stepped(receiver, before,
				bbq_read_split(&receiver->consumer, ret));
}

static int try_read_split(const struct attempt *a)
{
	return read_split_once(a->receiver, a->ret);
}

static int frame_read_once(struct bbq_receiver *receiver, struct bbq_view *ret)
{
	bbq_word before = receiver->consumer.read;

	return receiver_stepped(receiver, before,
				bbq_frame_read(&receiver->consumer, ret));
}

static int try_frame_read(const struct attempt *a)
{
	return frame_read_once(a->receiver, a->ret);
}

int bbq_try_readable(const struct attempt *a)
{
	struct bbq_view view;
	struct attempt read = { .receiver = a->receiver, .ret = &view };
	int error = try_read(&read);

	return error ? error : bbq_release(&a->receiver->consumer, 0);
}

/* ---- the waiting verbs ------------------------------------------------- */

/* Does the queue carry what the verb is for? A closed end's says nothing. */
static bool carries(const struct bbq_end *end, enum bbq_mode mode)
{
	return !end->segment || end->segment->mode == mode;
}

int bbq_sender_wait(struct bbq_sender *sender, size_t len, int64_t timeout_ns)
{
	const struct attempt attempt = {
		.run = bbq_try_room,
		.sender = sender,
		.min = len,
	};

	if (!sender)
		return -EINVAL;
	if (sender->end.lock_fd < 0)
		return -EBADMSG;
	return bbq_end_wait(&sender->end, timeout_ns, &attempt);
}

int bbq_sender_finish(struct bbq_sender *sender, int64_t timeout_ns)
{
	const struct attempt attempt = {
		.run = try_closed,
		.sender = sender,
	};

	if (!sender)
		return -EINVAL;
	if (sender->end.lock_fd < 0)
		return -EBADMSG;
	if (bbq_end_finish(&sender->end))
		sender->producer.open = BBQ_OPEN_BROKEN;
	return bbq_end_wait(&sender->end, timeout_ns, &attempt);
}

int bbq_receiver_wait(struct bbq_receiver *receiver, int64_t timeout_ns)
{
	const struct attempt attempt = {
		.run = bbq_try_readable,
		.receiver = receiver,
	};

	if (!receiver)
		return -EINVAL;
	return bbq_end_wait(&receiver->end, timeout_ns, &attempt);
}

/*
 * The first attempt was refused: the rest is bbq_end_wait's without it. What
 * is tried again is written down only here, so that a verb that is not refused
 * needs no memory.
 */
BBQ_COLD int sender_refused(const struct attempt *attempt,
			    int (*want)(struct bbq_producer *, size_t),
			    int64_t timeout_ns)
{
	int error = sender_want(attempt->sender, want, attempt->min);

	return error == -EAGAIN ? bbq_end_refused(&attempt->sender->end,
						  timeout_ns, attempt)
				: error;
}

BBQ_COLD int receiver_refused(int (*run)(const struct attempt *),
			      struct bbq_receiver *receiver, int64_t timeout_ns,
			      void *ret)
{
	const struct attempt attempt = {
		.run = run,
		.receiver = receiver,
		.ret = ret,
	};

	return bbq_end_refused(&receiver->end, timeout_ns, &attempt);
}

int bbq_sender_grant_range(struct bbq_sender *sender, size_t min, size_t max,
			   int64_t timeout_ns, struct bbq_span *ret)
{
	int error;

	if (!sender || !carries(&sender->end, BBQ_MODE_BYTES))
		return -EINVAL;
	error = bbq_grant_range(&sender->producer, min, max, ret);
	if (error == -EAGAIN) {
		const struct attempt attempt = {
			.run = try_grant,
			.sender = sender,
			.min = min,
			.max = max,
			.ret = ret,
		};

		error = sender_refused(&attempt, bbq_want, timeout_ns);
	}
	return error;
}

int bbq_sender_grant(struct bbq_sender *sender, size_t len, int64_t timeout_ns,
		     struct bbq_span *ret)
{
	return bbq_sender_grant_range(sender, len, len, timeout_ns, ret);
}

int bbq_sender_frame_grant(struct bbq_sender *sender, size_t max,
			   int64_t timeout_ns, struct bbq_span *ret)
{
	int error;

	if (!sender || !carries(&sender->end, BBQ_MODE_FRAMES))
		return -EINVAL;
	error = bbq_frame_grant(&sender->producer, max, ret);
	if (error == -EAGAIN) {
		const struct attempt attempt = {
			.run = try_frame_grant,
			.sender = sender,
			.min = max,
			.ret = ret,
		};

		error = sender_refused(&attempt, bbq_frame_want, timeout_ns);
	}
	return error;
}

int bbq_sender_frames_grant(struct bbq_sender *sender, size_t first,
			    size_t most, int64_t timeout_ns,
			    struct bbq_span *ret)
{
	int error;

	if (!sender || !carries(&sender->end, BBQ_MODE_FRAMES))
		return -EINVAL;
	error = bbq_frames_grant(&sender->producer, first, most, ret);
	if (error == -EAGAIN) {
		const struct attempt attempt = {
			.run = try_frames_grant,
			.sender = sender,
			.min = first,
			.max = most,
			.ret = ret,
		};

		error = sender_refused(&attempt, bbq_frame_want, timeout_ns);
	}
	return error;
}

int bbq_receiver_read(struct bbq_receiver *receiver, int64_t timeout_ns,
		      struct bbq_view *ret)
{
	int error;

	if (!receiver || !carries(&receiver->end, BBQ_MODE_BYTES))
		return -EINVAL;
	error = read_once(receiver, ret);
	if (error == -EAGAIN)
		error = receiver_refused(try_read, receiver, timeout_ns, ret);
	return error;
}

int bbq_receiver_read_split(struct bbq_receiver *receiver, int64_t timeout_ns,
			    struct bbq_view ret[2])
{
	int error;

	/* Frames too: bbq_frame_next takes them apart. */
	if (!receiver)
		return -EINVAL;
	error = read_split_once(receiver, ret);
	if (error == -EAGAIN)
		error = receiver_refused(try_read_split, receiver, timeout_ns,
					 ret);
	return error;
}

int bbq_receiver_frame_read(struct bbq_receiver *receiver, int64_t timeout_ns,
			    struct bbq_view *ret)
{
	int error;

	if (!receiver || !carries(&receiver->end, BBQ_MODE_FRAMES))
		return -EINVAL;
	error = frame_read_once(receiver, ret);
	if (error == -EAGAIN)
		error = receiver_refused(try_frame_read, receiver, timeout_ns,
					 ret);
	return error;
}
