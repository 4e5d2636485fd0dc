/* SPDX-License-Identifier: MIT */
/* queue.c - what bytes.c and frames.c share; see queue.h. */
#include <string.h>

#include "queue.h"

struct bbq_buffer queue_words;
unsigned char queue_data[MAX_BYTES] __attribute__((aligned(64)));
struct queue_case queue_case;
char queue_weakened;

static enum order order_of(enum order order, char if_write, char if_read,
			   const explored_word *word)
{
	char letter = word == &queue_words.producer.write  ? if_write
		      : word == &queue_words.consumer.read ? if_read
							   : 0;

	return letter && letter == queue_weakened ? ORDER_RELAXED : order;
}

uint64_t queue_load(const explored_word *word, enum order order)
{
	return explore_load(word, order_of(order, 'B', 'D', word));
}

void queue_store(explored_word *word, uint64_t value, enum order order)
{
	explore_store(word, value, order_of(order, 'A', 'C', word));
}

bool queue_refused(int error, const char *call)
{
	if (error == -EAGAIN) {
		explore_note("%s: not now", call);
		return true;
	}
	queue_fine(error, call);
	return false;
}

void queue_fine(int error, const char *call)
{
	if (error)
		explore_fail("%s: error %d", call, -error);
	explore_note("%s: done", call);
}

static void attach_producer(struct producer_side *side)
{
	queue_fine(bbq_producer_init(&side->handle, &queue_words, queue_data,
				     queue_case.capacity),
		   "attach the producer");
	if (queue_case.align)
		queue_fine(bbq_producer_frame_align(&side->handle,
						    queue_case.align),
			   "frame_align");
	side->attached = true;
}

static void attach_consumer(struct consumer_side *side)
{
	queue_fine(bbq_consumer_init(&side->handle, &queue_words, queue_data,
				     queue_case.capacity),
		   "attach the consumer");
	if (queue_case.align)
		queue_fine(bbq_consumer_frame_align(&side->handle,
						    queue_case.align),
			   "frame_align");
	side->attached = true;
}

static bool producer_step(struct producer_side *side,
			  void (*produce)(struct producer_side *))
{
	if (!side->attached) {
		attach_producer(side);
		return true;
	}
	if (side->left == 0)
		return false;
	side->left--;
	produce(side);
	return true;
}

static bool consumer_step(struct consumer_side *side,
			  void (*consume)(struct consumer_side *))
{
	if (!side->attached) {
		attach_consumer(side);
		return true;
	}
	if (side->left == 0)
		return false;
	side->left--;
	consume(side);
	return true;
}

bool queue_step(unsigned thread, void *private,
		void (*produce)(struct producer_side *),
		void (*consume)(struct consumer_side *))
{
	return thread == PRODUCER ? producer_step(private, produce)
				  : consumer_step(private, consume);
}

/* Nothing is left of the handle; what was published stays so. */
void queue_revive(unsigned thread, void *private)
{
	if (thread == PRODUCER) {
		struct producer_side *side = private;

		memset(&side->handle, 0, sizeof(side->handle));
		side->attached = false;
	} else {
		struct consumer_side *side = private;

		memset(&side->handle, 0, sizeof(side->handle));
		side->attached = false;
	}
}

void queue_check_drained(struct producer_side *producer,
			 struct consumer_side *consumer)
{
	struct bbq_view view;
	struct bbq_span span;
	int error;

	if (consumer->got != producer->sent)
		explore_fail("%d sent, %d received", producer->sent,
			     consumer->got);
	queue_fine(bbq_want(&producer->handle, queue_case.capacity), "want");
	error = bbq_read(&consumer->handle, &view);
	if (error != -EAGAIN)
		explore_fail("read of an empty queue: error %d", -error);
	queue_fine(bbq_grant(&producer->handle, queue_case.capacity, &span),
		   "grant of the whole buffer");
}
