/* SPDX-License-Identifier: MIT */
/*
 * firmware.c - an interrupt handler sends frames to the main loop
 *
 * The handler stands for the "transfer complete" interrupt of a device: it
 * commits what has arrived in the grant, takes the next grant, and points the
 * DMA engine there. Nothing is copied, and neither side ever waits for the
 * other or masks an interrupt. If there is no room the device is not started,
 * and the next tick tries again.
 *
 * The buffer lies where the linker script says, because a DMA engine reaches
 * only some memory, or needs it outside of the data cache (docs/embedded.md).
 */
#include <bbq/core.h>
#include <bbq/frame.h>

#include "board.h"
#include "stream.h"

#ifndef QUEUE_SIZE
#define QUEUE_SIZE 1024
#endif

/* Zero is an empty queue: no initialiser, and nothing to do at reset. */
static unsigned char queue_data[QUEUE_SIZE]
	__attribute__((section(".dma"), aligned(8)));
struct bbq_buffer queue_words;

/* ---- the interrupt handler: producer ----------------------------------- */

struct bbq_producer producer;

static struct {
	struct stream stream;
	struct bbq_span grant; /* len 0: no transfer under way */
	uint32_t sent;
	uint32_t no_room; /* ticks without a transfer */
} device = { .stream = { .state = STREAM_SEED } };

/* The engine has filled the grant, or a part of it. */
static void transfer_complete(void)
{
	size_t len = stream_fill(&device.stream, device.grant.data);

	if (bbq_frame_commit(&producer, len))
		board_exit(1);
	device.grant.len = 0;
	device.sent++;
}

static void tick(void)
{
	if (device.grant.len > 0)
		transfer_complete();
	if (device.sent < STREAM_RECORDS &&
	    bbq_frame_grant(&producer, STREAM_MAX, &device.grant)) {
		device.no_room++;
		/* Any room will do that the main loop makes. */
		bbq_frame_want(&producer, STREAM_MAX);
	}
}

/* ---- the main loop: consumer ------------------------------------------- */

struct bbq_consumer consumer;

static void print_hex(const char *name, uint32_t value)
{
	char text[9];
	int i;

	text[8] = '\0';
	for (i = 7; i >= 0; i--, value >>= 4)
		text[i] = "0123456789abcdef"[value & 15];
	board_print(name);
	board_print(text);
}

/* All of it is there to be granted: nothing is lost to bookkeeping. */
static void fill_whole(void)
{
	static struct bbq_buffer words;
	struct bbq_producer p;
	struct bbq_consumer c;
	struct bbq_span span;
	struct bbq_view view;

	if (bbq_producer_init(&p, &words, queue_data, QUEUE_SIZE) ||
	    bbq_consumer_init(&c, &words, queue_data, QUEUE_SIZE) ||
	    bbq_grant(&p, QUEUE_SIZE, &span) || bbq_commit(&p, QUEUE_SIZE) ||
	    bbq_read(&c, &view) || view.len != QUEUE_SIZE ||
	    bbq_release(&c, view.len))
		board_exit(1);
}

_Noreturn void firmware_main(void)
{
	uint32_t received = 0, bytes = 0, sum = CHECKSUM_EMPTY;
	struct bbq_view frame;
	int error;

	fill_whole();
	if (bbq_producer_init(&producer, &queue_words, queue_data,
			      QUEUE_SIZE) ||
	    bbq_consumer_init(&consumer, &queue_words, queue_data, QUEUE_SIZE))
		board_exit(1);
	board_start(tick);
	while (received < STREAM_RECORDS) {
		error = bbq_frame_read(&consumer, &frame);
		if (error == -EAGAIN) {
			board_wait();
			continue;
		}
		if (error)
			board_exit(1);
		sum = checksum_add(sum, frame.data, frame.len);
		bytes += (uint32_t)frame.len;
		received++;
		if (bbq_frame_release(&consumer))
			board_exit(1);
	}
	print_hex("frames ", received);
	print_hex(" bytes ", bytes);
	print_hex(" checksum ", sum);
	board_print("\n");
	board_exit(0);
}
