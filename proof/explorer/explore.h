/* SPDX-License-Identifier: MIT */
/*
 * explore.h - run a small concurrent program in every way that RC11 allows
 *
 * A program has a few threads. A thread is a sequence of steps; a step is a C
 * function that works on the thread's private data, a plain struct, and
 * touches nothing else but through the accesses below. It must do the same
 * whenever it is called with the same data and gets the same values, because
 * that is how it is suspended: at an access it is abandoned (longjmp), and to
 * go on, it is called anew with the data from before and given the values that
 * it got the last time. So each step is a coroutine without a stack of its
 * own, and the state of the program is a struct that can be copied, compared
 * and gone back to.
 */
#ifndef EXPLORER_EXPLORE_H
#define EXPLORER_EXPLORE_H

#include "memory.h"

#define MAX_PRIVATE 256

struct program {
	unsigned threads;
	size_t private_size;
	/* One step. False: there was none left, and nothing was done. */
	bool (*step)(unsigned thread, void *private);
	/* A thread was killed: what its successor starts with. */
	void (*revive)(unsigned thread, void *private);
	/* Every thread has ended. Runs after all of them, as a thread. */
	void (*finish)(void *const private[]);
	unsigned deaths;   /* how many threads may be killed, in all */
	unsigned timeouts; /* how many sleeps may time out, in all */
	bool membarrier;   /* the program uses explore_membarrier */
	bool plain;	   /* without any pruning */
	bool quiet;	   /* do not print a violation */
};

struct explore_result {
	unsigned long long states; /* that were told apart */
	unsigned long long events; /* that were carried out */
	unsigned long long ends;   /* of executions */
};

/*
 * Set up, before explore: forget everything; then a word at an address, with
 * a name for traces; bytes; and private data that is not all zero.
 */
void explore_reset(unsigned threads);
void explore_word(const void *address, const char *name, uint64_t value);
void explore_bytes(const unsigned char *address, size_t count,
		   unsigned char value);
void explore_names(const char *const threads[]);
void explore_private(unsigned thread, const void *data, size_t size);

/*
 * Explore all executions. Returns false after the first violation, which was
 * printed to stdout with the execution that led to it.
 */
bool explore(const struct program *program, struct explore_result *ret);

/* ---- for steps ---------------------------------------------------------- */

uint64_t explore_load(const void *word, enum order order);
void explore_store(void *word, uint64_t value, enum order order);
void explore_fence(enum order order);
unsigned char explore_load_byte(const unsigned char *byte);
void explore_store_byte(unsigned char *byte, unsigned char value);

/* Any number below count; every one is explored. */
unsigned explore_choose(unsigned count, const char *what);

/* What Linux offers: a full barrier in every thread at once; futexes. */
void explore_membarrier(void);
enum explore_sleep { EXPLORE_WOKEN, EXPLORE_CHANGED, EXPLORE_TIMEOUT };
enum explore_sleep explore_futex_wait(const void *word, uint64_t value);
void explore_futex_wake(const void *word);

/* A note for the trace. */
void explore_note(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* A violation. Does not return. */
_Noreturn void explore_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* In finish only: the last value in modification order. */
uint64_t explore_final(const void *word);

#endif /* EXPLORER_EXPLORE_H */
