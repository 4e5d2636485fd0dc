/* SPDX-License-Identifier: MIT */
/*
 * cost.c - the fast path of each verb, TURNS times, for callgrind
 *
 * Fast: there is room by the cached cursor, and what is asked for is there.
 * The queues are so large that nothing wraps, and nothing is looked for twice.
 *
 *     cost TURNS LEN       messages of LEN bytes
 */
#include <assert.h>
#include <stdlib.h>

#include "verbs.h"

#define CAPACITY (1 << 20)

static void count_core(unsigned long turns, size_t len)
{
	static unsigned char data[CAPACITY];
	static struct bbq_buffer buffer;
	struct bbq_producer producer;
	struct bbq_consumer consumer;
	struct bbq_span span;
	struct bbq_view view;

	assert(!bbq_producer_init(&producer, &buffer, data, CAPACITY));
	assert(!bbq_consumer_init(&consumer, &buffer, data, CAPACITY));
	while (turns-- > 0) {
		assert(!cost_grant(&producer, len, &span));
		assert(!cost_commit(&producer, len));
		assert(!cost_read(&consumer, &view) && view.len == len);
		assert(!cost_release(&consumer, len));
	}
}

static void count_frames(unsigned long turns, size_t len)
{
	static unsigned char data[CAPACITY];
	static struct bbq_buffer buffer;
	struct bbq_producer producer;
	struct bbq_consumer consumer;
	struct bbq_span span;
	struct bbq_view view;
	unsigned long i;

	assert(!bbq_producer_init(&producer, &buffer, data, CAPACITY));
	assert(!bbq_consumer_init(&consumer, &buffer, data, CAPACITY));
	for (i = 0; i < turns; i++) {
		assert(!cost_frame_grant(&producer, len, &span));
		assert(!cost_frame_commit(&producer, len));
	}
	/* The first read looks for news; the others have frames in hand. */
	for (i = 0; i < turns; i++) {
		assert(!cost_frame_read(&consumer, &view) && view.len == len);
		assert(!cost_frame_release(&consumer));
	}
}

/* The verbs for batches, with one frame in each. */
static void count_batches(unsigned long turns, size_t len)
{
	static unsigned char data[CAPACITY];
	static struct bbq_buffer buffer;
	struct bbq_producer producer;
	struct bbq_consumer consumer;
	struct bbq_span room, span;
	struct bbq_view view, payload;
	size_t all;

	assert(!bbq_producer_init(&producer, &buffer, data, CAPACITY));
	assert(!bbq_consumer_init(&consumer, &buffer, data, CAPACITY));
	while (turns-- > 0) {
		assert(!cost_frames_grant(&producer, len, 1024, &room));
		all = room.len;
		assert(!cost_frame_put(&producer, &room, len, &span));
		assert(!bbq_commit(&producer, all - room.len));
		assert(!bbq_read(&consumer, &view));
		all = view.len;
		assert(!cost_frame_next(&consumer, &view, &payload));
		assert(view.len == 0 && !bbq_release(&consumer, all));
	}
}

static void open_ends(enum bbq_mode mode, struct bbq_sender *sender,
		      struct bbq_receiver *receiver)
{
	const struct bbq_config config = { .capacity = CAPACITY, .mode = mode };
	struct bbq_segment *segment;

	assert(!bbq_segment_create(&config, &segment));
	assert(!bbq_sender_open(segment, sender));
	assert(!bbq_receiver_open(segment, receiver));
	/* As where membarrier is to be had, whatever this machine allows. */
	sender->end.barrier = sender->end.own->barrier = 1;
	receiver->end.barrier = receiver->end.own->barrier = 1;
}

static void close_ends(struct bbq_sender *sender, struct bbq_receiver *receiver)
{
	struct bbq_segment *segment = sender->end.segment;

	bbq_sender_close(sender);
	bbq_receiver_close(receiver);
	bbq_segment_close(segment);
}

static void count_ends(unsigned long turns, size_t len)
{
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	struct bbq_span span;
	struct bbq_view view;

	open_ends(BBQ_MODE_BYTES, &sender, &receiver);
	while (turns-- > 0) {
		assert(!cost_sender_grant(&sender, len, &span));
		assert(!cost_sender_commit(&sender, len));
		assert(!cost_receiver_read(&receiver, &view));
		assert(!cost_receiver_release(&receiver, view.len));
	}
	close_ends(&sender, &receiver);
}

static void count_frame_ends(unsigned long turns, size_t len)
{
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	struct bbq_span span;
	struct bbq_view view;
	unsigned long i;

	open_ends(BBQ_MODE_FRAMES, &sender, &receiver);
	for (i = 0; i < turns; i++) {
		assert(!cost_sender_frame_grant(&sender, len, &span));
		assert(!cost_sender_frame_commit(&sender, len));
	}
	for (i = 0; i < turns; i++) {
		assert(!cost_receiver_frame_read(&receiver, &view));
		assert(!cost_receiver_frame_release(&receiver));
	}
	close_ends(&sender, &receiver);
}

int main(int argc, char **argv)
{
	unsigned long turns;
	size_t len;

	assert(argc == 3);
	turns = strtoul(argv[1], NULL, 10);
	len = strtoul(argv[2], NULL, 10);
	assert(turns * (len + BBQ_FRAME_HEADER_MAX) < CAPACITY);
	count_core(turns, len);
	count_frames(turns, len);
	count_batches(turns, len);
	count_ends(turns, len);
	count_frame_ends(turns, len);
	return 0;
}
