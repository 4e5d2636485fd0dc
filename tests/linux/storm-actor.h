/* SPDX-License-Identifier: MIT */
/*
 * storm-actor.h - what an actor's files share
 *
 * storm-actor.c is the life of an actor, storm-sender.c and storm-receiver.c
 * what it does with its role.
 */
#ifndef TESTS_LINUX_STORM_ACTOR_H
#define TESTS_LINUX_STORM_ACTOR_H

#include <errno.h>
#include <unistd.h>

#include "storm.h"

#define check(condition) \
	((condition) ? (void)0 : actor_fail(#condition, __FILE__, __LINE__))

extern struct ledger *ledger;
extern struct note *own, *peer;
extern uint64_t at; /* the position of the next byte or frame */
extern size_t capacity;
extern size_t align; /* of frames; 0: bytes */
extern struct bbq_sender s;
extern struct bbq_receiver r;
extern int last_error;

_Noreturn void actor_fail(const char *what, const char *file, int line);

/* A publication is under way: the cursor then, and the position. */
void begin_note(uint64_t after, uint64_t meant);
/* It has returned error. */
void end_note(int error);
/* From here on the peer may be told that we are gone. */
void give_notice(void);

/* Often nothing, sometimes long enough for a lot to happen meanwhile. */
void pause_now_and_then(void);
int64_t any_timeout(void);
/* Wait by the descriptor, a sender for room for len. -EPIPE, -EOWNERDEAD */
int wait_by_poll(size_t len);

/* The key and, by that, the length of frame `number`. */
static inline uint64_t frame_key(uint64_t number)
{
	return mix(ledger->key + number);
}

/* Grant and commit, or read and release, something; the verb's error. */
int send_something(void);
int receive_something(void);
/* 0: the stream has ended here; else to be called again. */
int end_stream(void);

#endif /* TESTS_LINUX_STORM_ACTOR_H */
