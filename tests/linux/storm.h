/* SPDX-License-Identifier: MIT */
/*
 * storm.h - what the conductor of a storm and its actors share; see storm.c
 *
 * The ledger is memory beside the segment, in which each side notes before and
 * after every publication what it is about to do. A side that is killed leaves
 * its notes, so its successor, and its peer, know what must have arrived, what
 * may have, and what cannot.
 *
 * A position is a number of bytes, or of frames, since the stream began.
 */
#ifndef TESTS_LINUX_STORM_H
#define TESTS_LINUX_STORM_H

#include <stdint.h>

#include "stream.h"

enum side {
	SENDER,
	RECEIVER,
};

/* How an actor ends. */
enum {
	STORM_FINISHED = 0, /* the stream is over */
	STORM_WRONG = 1,    /* something is, and stderr has it */
	STORM_LEFT = 3,	    /* it was told to leave, or chose to */
};

/* Written by the actor that has the role, but for the last line. */
struct note {
	uint64_t done __attribute__((aligned(128))); /* published for sure */
	uint64_t meant;	 /* ... and at the most; the same: nothing under way */
	uint64_t before; /* the own cursor before what is under way ... */
	uint64_t after;	 /* ... and after it, or after the last one */
	uint64_t seen;	 /* the furthest position that was read */
	uint64_t again;	 /* positions that a successor has to read again */
	uint64_t bytes;	 /* payload that was released, or a little less */
	uint64_t polls;	 /* waits at a descriptor */
	/* life << 32 | a number that is odd while this life has the role */
	uint64_t present;
	/* By the conductor: the last life that it has begun to kill. */
	uint64_t doomed;
};

struct ledger {
	struct note note[2];
	uint64_t key;	   /* of the stream */
	uint32_t stop;	   /* the stream shall end where it is */
	int32_t conductor; /* whose actors do not outlive it */
};

static inline uint64_t look(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void put(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* ---- chance ------------------------------------------------------------ */

static uint64_t chance_state;

static inline uint64_t draw(void)
{
	return mix(chance_state++);
}

/* Below limit, which is not 0. */
static inline uint64_t below(uint64_t limit)
{
	return draw() % limit;
}

static inline bool one_in(uint64_t n)
{
	return below(n) == 0;
}

#endif /* TESTS_LINUX_STORM_H */
