/* SPDX-License-Identifier: MIT */
/*
 * memory.h - shared memory as RC11 has it: histories, views, clocks
 *
 * A word is the list of all values that were stored to it, in modification
 * order; a value in it is a message. A thread does not see "the" value of a
 * word: it has a view, which says for each word the oldest message that it may
 * still load. A load takes any message from there on. What makes a view grow:
 *
 *     load m                 the view of that word, to m
 *     acquire load of m      also by the view that m carries
 *     store                  the view of that word, to the new message
 *     release store          the message carries the storer's view
 *     relaxed store          it carries the view at the last release fence,
 *                            and at this thread's last release store there
 *     acquire fence          by the views of all messages that were loaded
 *     seq_cst fence          also by the common view of all such fences, which
 *                            in turn takes over this thread's
 *
 * A store may go anywhere in the modification order that is behind the
 * storer's view, before messages that others have stored already.
 *
 * A view also holds a vector clock: for each thread, up to where its past
 * happens before this point. It travels with the view, but for seq_cst fences,
 * which order and do not synchronise. Bytes are plain memory: each remembers
 * the last store to it and each thread's last load, by clock; an access that
 * is not ordered after those that conflict with it is a data race.
 */
#ifndef EXPLORER_MEMORY_H
#define EXPLORER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_THREADS 5
#define MAX_WORDS 8
#define MAX_MESSAGES 20
#define MAX_BYTES 24

enum order {
	ORDER_RELAXED,
	ORDER_ACQUIRE,
	ORDER_RELEASE,
	ORDER_ACQ_REL,
	ORDER_SEQ_CST, /* fences only */
};

struct view {
	uint8_t seen[MAX_WORDS];    /* index of a message */
	uint8_t clock[MAX_THREADS]; /* 0: nothing of that thread */
};

struct message {
	uint64_t value;
	struct view view;
};

struct word {
	uint8_t count;
	struct message message[MAX_MESSAGES];
};

/* Clocks of accesses; 0: none. */
struct byte {
	uint8_t value;
	uint8_t storer;
	uint8_t stored;
	uint8_t loaded[MAX_THREADS];
};

struct viewer {
	struct view now;
	struct view loaded;	      /* for an acquire fence to take over */
	struct view fenced;	      /* at the last release fence */
	struct view since[MAX_WORDS]; /* at the last release store to each */
};

struct memory {
	uint8_t threads;
	uint8_t words;
	uint8_t bytes;
	struct view fences; /* the common view of seq_cst fences */
	struct viewer viewer[MAX_THREADS];
	struct byte byte[MAX_BYTES];
	struct word word[MAX_WORDS];
};

/* Empty memory for so many threads; words and bytes are added. */
void memory_init(struct memory *memory, unsigned threads);
unsigned memory_add_word(struct memory *memory, uint64_t value);
unsigned memory_add_byte(struct memory *memory, unsigned char value);
/* *to = *from, as far as it is in use. */
void memory_copy(struct memory *to, const struct memory *from);

/* How many messages a load may take: 0, the newest, to this minus 1. */
unsigned memory_loads(const struct memory *memory, unsigned thread,
		      unsigned word);
/* The same, were the load to follow a seq_cst fence. */
unsigned memory_loads_fenced(const struct memory *memory, unsigned thread,
			     unsigned word);
uint64_t memory_load(struct memory *memory, unsigned thread, unsigned word,
		     enum order order, unsigned choice);
/* How many places a store may take: 0, the end, to this minus 1. */
unsigned memory_stores(const struct memory *memory, unsigned thread,
		       unsigned word);
void memory_store(struct memory *memory, unsigned thread, unsigned word,
		  enum order order, uint64_t value, unsigned choice);
void memory_fence(struct memory *memory, unsigned thread, enum order order);

/* False: a data race. */
bool memory_load_byte(struct memory *memory, unsigned thread, unsigned byte,
		      unsigned char *ret);
bool memory_store_byte(struct memory *memory, unsigned thread, unsigned byte,
		       unsigned char value);

/* Make thread one that happens after everything that all have done. */
void memory_join(struct memory *memory, unsigned thread);
uint64_t memory_newest(const struct memory *memory, unsigned word);

/* Call visit for every view that there is. */
typedef void visit_view(struct view *view, const void *context);
void memory_visit(struct memory *memory, visit_view *visit,
		  const void *context);

/*
 * Forget what no thread of the mask can tell any more, so that memories that
 * behave alike become equal: messages that no view admits, and the values of
 * clocks, of which only the order matters.
 */
void memory_settle(struct memory *memory, unsigned threads_mask);

/* All that is in use, one after the other; at most MEMORY_IMAGE bytes. */
#define MEMORY_IMAGE sizeof(struct memory)
size_t memory_image(const struct memory *memory, unsigned char *ret);

#endif /* EXPLORER_MEMORY_H */
