/* SPDX-License-Identifier: MIT */
/*
 * queue.h - core.h and frame.h as they are, over the explorer's memory
 *
 * Every load and store of a shared word, and of a byte of the buffer, goes to
 * the explorer, with the order that core.h asks for; or with relaxed, where a
 * mutant is wanted:
 *
 *     A  store write: release     B  load write: acquire
 *     C  store read: release      D  load read: acquire
 */
#ifndef EXPLORER_QUEUE_H
#define EXPLORER_QUEUE_H

#include "explore.h"

#define BBQ_OWN_ACCESS

#ifndef BBQ_WORD_BITS
#define BBQ_WORD_BITS 64
#endif
#if BBQ_WORD_BITS == 64
typedef uint64_t explored_word __attribute__((aligned(8)));
#else
typedef uint32_t explored_word;
#endif

/* For whom of the letters the order is dropped; 0: nobody. */
extern char queue_weakened;

uint64_t queue_load(const explored_word *word, enum order order);
void queue_store(explored_word *word, uint64_t value, enum order order);

static inline explored_word bbq_load_acquire_(const explored_word *word)
{
	return (explored_word)queue_load(word, ORDER_ACQUIRE);
}

static inline explored_word bbq_load_relaxed_(const explored_word *word)
{
	return (explored_word)queue_load(word, ORDER_RELAXED);
}

static inline void bbq_store_release_(explored_word *word, explored_word value)
{
	queue_store(word, value, ORDER_RELEASE);
}

static inline void bbq_store_relaxed_(explored_word *word, explored_word value)
{
	queue_store(word, value, ORDER_RELAXED);
}

static inline unsigned char bbq_load_byte_(const unsigned char *byte)
{
	return explore_load_byte(byte);
}

static inline void bbq_store_byte_(unsigned char *byte, unsigned char value)
{
	explore_store_byte(byte, value);
}

#include <bbq/core.h>
#include <bbq/frame.h>

#define PRODUCER 0
#define CONSUMER 1

/* What no script ever publishes: fresh memory, and what is granted in vain. */
#define GARBAGE 0xff

/* The queue under test: addresses, never accessed but through the explorer. */
extern struct bbq_buffer queue_words;
extern unsigned char queue_data[];

/* What to run. */
struct queue_case {
	unsigned capacity;
	unsigned operations; /* of each side */
	unsigned deaths;
	unsigned align; /* of frames; 0: bytes */
	bool batches;	/* several frames for one commit, too */
};

extern struct queue_case queue_case;

struct producer_side {
	struct bbq_producer handle;
	bool attached;
	uint8_t left; /* operations */
	uint8_t sent; /* bytes, or frames, that are published */
};

struct consumer_side {
	struct bbq_consumer handle;
	bool attached;
	uint8_t left;
	uint8_t got; /* bytes, or frames, that are released */
};

/* What every script does the same way: attach, then one operation a step. */
bool queue_step(unsigned thread, void *private,
		void (*produce)(struct producer_side *),
		void (*consume)(struct consumer_side *));
void queue_revive(unsigned thread, void *private);
/* 0 or -EAGAIN; anything else is a violation. */
bool queue_refused(int error, const char *call);
void queue_fine(int error, const char *call);
/* The end: all is delivered, so all of the buffer can be granted. */
void queue_check_drained(struct producer_side *producer,
			 struct consumer_side *consumer);

/* bytes.c, frames.c */
bool bytes_step(unsigned thread, void *private);
void bytes_finish(void *const private[]);
bool frames_step(unsigned thread, void *private);
void frames_finish(void *const private[]);

#endif /* EXPLORER_QUEUE_H */
