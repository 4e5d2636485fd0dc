/* SPDX-License-Identifier: MIT */
/* state.h - what the explorer goes forward and back in. */
#ifndef EXPLORER_STATE_H
#define EXPLORER_STATE_H

#include "explore.h"

#define MAX_LOG 160
#define MAX_CHOICES 200

enum event_kind {
	EVENT_LOAD,
	EVENT_STORE,
	EVENT_FENCE,
	EVENT_LOAD_BYTE,
	EVENT_STORE_BYTE,
	EVENT_CHOOSE,
	EVENT_MEMBARRIER,
	EVENT_SLEEP,
	EVENT_WAKE,
};

struct event {
	uint8_t kind;	  /* enum event_kind */
	uint8_t order;	  /* enum order */
	uint8_t place;	  /* index of the word or byte; number of choices */
	uint64_t value;	  /* to store; not to find, for EVENT_SLEEP */
	const char *what; /* of EVENT_CHOOSE */
};

enum phase { PHASE_RUNNING, PHASE_ASLEEP, PHASE_WOKEN, PHASE_DONE };

struct logged {
	uint64_t value;
	uint8_t kind;
};

struct thread {
	uint8_t phase; /* enum phase */
	uint8_t count; /* of values in log */
	struct event pending;
	_Alignas(16) unsigned char private[MAX_PRIVATE]; /* before the step */
	struct logged log[MAX_LOG]; /* what the step has got so far */
};

struct state {
	uint8_t deaths; /* that are left */
	uint8_t timeouts;
	struct thread thread[MAX_THREADS];
	struct memory memory; /* last: not all of it is copied */
};

/* access.c */
extern struct state initial;
const char *word_name(unsigned word);
const char *thread_name(unsigned thread);

/* event.c */

/*
 * Does the event commute with whatever other threads may do before it, so
 * that no order of the two needs to be tried but one?
 */
bool event_is_local(const struct program *program, const struct event *event);
/* In how many ways can the thread's pending event go? */
unsigned event_ways(const struct state *state, unsigned thread);
/* False: the thread is asleep now, and the event not over. */
bool event_happen(struct state *state, const struct program *program,
		  unsigned thread, const struct event *event, unsigned way,
		  uint64_t *ret);

/* explore.c: the running thread does this. */
uint64_t explore_event(const struct event *event);

#endif /* EXPLORER_STATE_H */
