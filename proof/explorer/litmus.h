/* SPDX-License-Identifier: MIT */
/*
 * litmus.h - small programs without loops, run in two independent ways
 *
 * The explorer runs them as it runs anything else. axioms.c does not run them:
 * it tries every execution graph there can be and keeps those that satisfy
 * RC11's axioms. Both must give the same outcomes.
 */
#ifndef EXPLORER_LITMUS_H
#define EXPLORER_LITMUS_H

#include "explore.h"

#define LITMUS_THREADS 4
#define LITMUS_LENGTH 6 /* instructions of a thread */
#define LITMUS_WORDS 3
#define LITMUS_OUTCOMES 4096

enum litmus_kind {
	LITMUS_END,
	LITMUS_LOAD,
	LITMUS_STORE,
	LITMUS_FENCE,
	LITMUS_LOAD_BYTE,
	LITMUS_STORE_BYTE,
};

struct litmus_instruction {
	uint8_t kind;
	uint8_t order;
	uint8_t word;  /* there is one byte only */
	uint8_t value; /* to store; 1 to 14 */
	uint8_t only;  /* of a load: but for this minus 1, end here; 0: go on */
};

struct litmus {
	unsigned threads;
	struct litmus_instruction code[LITMUS_THREADS][LITMUS_LENGTH + 1];
	bool forget; /* a thread keeps what its last load got, only */
};

/*
 * An outcome is a number of nibbles: what the loads got, those of the first
 * thread first, LITMUS_SKIPPED for one that was not done or is forgotten; then
 * the last value of each word. The first is the most significant.
 */
#define LITMUS_SKIPPED 15

struct litmus_outcomes {
	bool race; /* in any execution; the outcomes are void then */
	unsigned count;
	uint64_t outcome[LITMUS_OUTCOMES]; /* in order */
};

void litmus_add_outcome(struct litmus_outcomes *outcomes, uint64_t outcome);
bool litmus_same(const struct litmus_outcomes *a,
		 const struct litmus_outcomes *b);

/* run.c: by the explorer; plain: without any pruning. */
void litmus_run(const struct litmus *litmus, bool plain,
		struct litmus_outcomes *ret);
/* axioms.c: by the axioms. */
void litmus_judge(const struct litmus *litmus, struct litmus_outcomes *ret);

void litmus_print(const struct litmus *litmus);

#endif /* EXPLORER_LITMUS_H */
