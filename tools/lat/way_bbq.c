/* SPDX-License-Identifier: MIT */
/*
 * way_bbq.c - messages over libbbq, two segments
 *
 * Who may sleep uses the verbs of bbq.h as they stand. Who never sleeps needs
 * none of what they add: he looks with the verbs of core.h and frame.h, over
 * the same segments, and nobody is to be woken.
 *
 * Bytes are committed a message at a time, so a read always finds whole ones.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "way.h"

static bool fits(const struct setup *setup)
{
	size_t header = setup->frames ? bbq_frame_header_size(setup->size) : 0;

	return setup->size <= setup->capacity &&
	       header <= setup->capacity - setup->size;
}

static int create(const struct setup *setup, struct lane *ret)
{
	const struct bbq_config config = {
		.capacity = setup->capacity,
		.mode = setup->frames ? BBQ_MODE_FRAMES : BBQ_MODE_BYTES,
	};

	return bbq_segment_create(&config, &ret->segment);
}

static void destroy(const struct setup *setup, struct lane *lane)
{
	(void)setup;
	bbq_segment_close(lane->segment);
	lane->segment = NULL;
}

/* A process of its own cannot use what it has inherited. */
static int attach_sender(struct hand *hand, const struct lane *lane)
{
	struct bbq_segment *own;
	int error = bbq_segment_attach(bbq_segment_fd(lane->segment), &own);

	if (error)
		return error;
	error = bbq_sender_open(own, &hand->sender);
	if (error)
		bbq_segment_close(own);
	return error;
}

static int attach_receiver(struct hand *hand, const struct lane *lane)
{
	struct bbq_segment *own;
	int error = bbq_segment_attach(bbq_segment_fd(lane->segment), &own);

	if (error)
		return error;
	error = bbq_receiver_open(own, &hand->receiver);
	if (error)
		bbq_segment_close(own);
	return error;
}

static void detach(struct hand *hand)
{
	struct bbq_segment *out = hand->sender.end.segment;
	struct bbq_segment *in = hand->receiver.end.segment;

	if (out)
		bbq_sender_close(&hand->sender);
	if (in)
		bbq_receiver_close(&hand->receiver);
	bbq_segment_close(out);
	bbq_segment_close(in);
}

static int attach(struct hand *hand, const struct lane *out,
		  const struct lane *in)
{
	int error = attach_sender(hand, out);

	if (!error)
		error = attach_receiver(hand, in);
	if (!error && hand->setup->waiting == WAIT_SLEEP) {
		hand->sender.end.spin = 0;
		hand->receiver.end.spin = 0;
	}
	return error;
}

/* ---- who never sleeps --------------------------------------------------- */

static int try_grant(struct hand *hand, struct bbq_span *ret)
{
	struct bbq_producer *producer = &hand->sender.producer;
	size_t size = hand->setup->size;

	return hand->setup->frames ? bbq_frame_grant(producer, size, ret)
				   : bbq_grant(producer, size, ret);
}

static int want(struct hand *hand)
{
	struct bbq_producer *producer = &hand->sender.producer;
	size_t size = hand->setup->size;

	return hand->setup->frames ? bbq_frame_want(producer, size)
				   : bbq_want(producer, size);
}

static int spin_grant(struct hand *hand, struct bbq_span *ret)
{
	int error;

	while ((error = try_grant(hand, ret)) == -EAGAIN) {
		if (stopping)
			return -EINTR;
		error = want(hand);
		if (error)
			return error;
		relax();
	}
	return error;
}

static int try_read(struct hand *hand, struct bbq_view *ret)
{
	struct bbq_consumer *consumer = &hand->receiver.consumer;

	return hand->setup->frames ? bbq_frame_read(consumer, ret)
				   : bbq_read(consumer, ret);
}

static int spin_read(struct hand *hand, struct bbq_view *ret)
{
	int error;

	while ((error = try_read(hand, ret)) == -EAGAIN) {
		if (stopping)
			return -EINTR;
		relax();
	}
	return error;
}

static int spin_commit(struct hand *hand)
{
	struct bbq_producer *producer = &hand->sender.producer;
	size_t size = hand->setup->size;

	return hand->setup->frames ? bbq_frame_commit(producer, size)
				   : bbq_commit(producer, size);
}

static int spin_release(struct hand *hand)
{
	struct bbq_consumer *consumer = &hand->receiver.consumer;

	return hand->setup->frames ? bbq_frame_release(consumer)
				   : bbq_release(consumer, hand->setup->size);
}

/* ---- either ------------------------------------------------------------- */

/* A verb that a signal ends is called again, unless the signal means us. */
static bool again(int error)
{
	return error == -EINTR && !stopping;
}

static int grant(struct hand *hand, struct bbq_span *ret)
{
	size_t size = hand->setup->size;
	int error;

	if (hand->setup->waiting == WAIT_SPIN)
		return spin_grant(hand, ret);
	do {
		error = hand->setup->frames
				? bbq_sender_frame_grant(&hand->sender, size,
							 BBQ_FOREVER, ret)
				: bbq_sender_grant(&hand->sender, size,
						   BBQ_FOREVER, ret);
	} while (again(error));
	return error;
}

static int read_one(struct hand *hand, struct bbq_view *ret)
{
	int error;

	if (hand->setup->waiting == WAIT_SPIN)
		return spin_read(hand, ret);
	do {
		error = hand->setup->frames
				? bbq_receiver_frame_read(&hand->receiver,
							  BBQ_FOREVER, ret)
				: bbq_receiver_read(&hand->receiver,
						    BBQ_FOREVER, ret);
	} while (again(error));
	return error;
}

static int commit(struct hand *hand)
{
	size_t size = hand->setup->size;

	if (hand->setup->waiting == WAIT_SPIN)
		return spin_commit(hand);
	return hand->setup->frames
		       ? bbq_sender_frame_commit(&hand->sender, size)
		       : bbq_sender_commit(&hand->sender, size);
}

static int release(struct hand *hand)
{
	if (hand->setup->waiting == WAIT_SPIN)
		return spin_release(hand);
	return hand->setup->frames ? bbq_receiver_frame_release(&hand->receiver)
				   : bbq_receiver_release(&hand->receiver,
							  hand->setup->size);
}

static int send(struct hand *hand, const void *message)
{
	struct bbq_span span = { 0 };
	int error = grant(hand, &span);

	if (error)
		return error;
	memcpy(span.data, message, hand->setup->size);
	return commit(hand);
}

static int recv(struct hand *hand, void *message)
{
	struct bbq_view view = { 0 };
	int error = read_one(hand, &view);

	if (error)
		return error;
	memcpy(message, view.data, hand->setup->size);
	return release(hand);
}

/*
 * From one queue into the other, with no copy in between. Room for the answer
 * first: it is there when the message comes.
 */
static int echo(struct hand *hand)
{
	struct bbq_view view = { 0 };
	struct bbq_span span = { 0 };
	int error = grant(hand, &span);

	if (error)
		return error;
	error = read_one(hand, &view);
	if (error)
		return error;
	/* A verb that returns 0 has set it; the analyzer cannot see so far. */
	assert(span.data && view.data);
	memcpy(span.data, view.data, hand->setup->size);
	error = commit(hand);
	return error ? error : release(hand);
}

const struct way way_bbq = {
	.name = "bbq",
	.fits = fits,
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.detach = detach,
	.send = send,
	.recv = recv,
	.echo = echo,
};
