/* SPDX-License-Identifier: MIT */
/* classics.h - the litmus tests that have names. */
#ifndef EXPLORER_CLASSICS_H
#define EXPLORER_CLASSICS_H

#include "litmus.h"

struct classic {
	const char *name;
	const char *weak; /* the outcome in question; ?: any */
	bool allowed;	  /* by RC11 */
	struct litmus litmus;
};

extern const struct classic classics[];
extern const unsigned classics_count;

#endif /* EXPLORER_CLASSICS_H */
