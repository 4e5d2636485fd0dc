/* SPDX-License-Identifier: MIT */
/* run.c - a litmus test as a program of the explorer, and its outcomes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "litmus.h"

struct got {
	uint8_t value[LITMUS_LENGTH];
	uint8_t loads;
	uint8_t next; /* instruction */
	bool stopped;
};

static uint64_t words[LITMUS_WORDS];
static unsigned char byte;
static const struct litmus *litmus;
static struct litmus_outcomes *outcomes;

void litmus_add_outcome(struct litmus_outcomes *all, uint64_t outcome)
{
	unsigned i = all->count;

	while (i > 0 && all->outcome[i - 1] > outcome)
		i--;
	if (i > 0 && all->outcome[i - 1] == outcome)
		return;
	if (all->count == LITMUS_OUTCOMES)
		abort();
	memmove(&all->outcome[i + 1], &all->outcome[i],
		(all->count - i) * sizeof(outcome));
	all->outcome[i] = outcome;
	all->count++;
}

bool litmus_same(const struct litmus_outcomes *a,
		 const struct litmus_outcomes *b)
{
	if (a->race || b->race)
		return a->race == b->race;
	return a->count == b->count &&
	       memcmp(a->outcome, b->outcome,
		      a->count * sizeof(a->outcome[0])) == 0;
}

static bool is_load(const struct litmus_instruction *i)
{
	return i->kind == LITMUS_LOAD || i->kind == LITMUS_LOAD_BYTE;
}

static uint8_t execute(const struct litmus_instruction *i)
{
	switch (i->kind) {
	case LITMUS_LOAD:
		return (uint8_t)explore_load(&words[i->word], i->order);
	case LITMUS_STORE:
		explore_store(&words[i->word], i->value, i->order);
		return 0;
	case LITMUS_FENCE:
		explore_fence(i->order);
		return 0;
	case LITMUS_LOAD_BYTE:
		return explore_load_byte(&byte);
	default:
		explore_store_byte(&byte, i->value);
		return 0;
	}
}

static bool step(unsigned thread, void *private)
{
	struct got *got = private;
	const struct litmus_instruction *i = &litmus->code[thread][got->next];
	uint8_t result;

	if (i->kind == LITMUS_END || got->stopped)
		return false;
	result = execute(i);
	got->next++;
	if (is_load(i)) {
		if (litmus->forget)
			memset(got->value, LITMUS_SKIPPED, got->loads);
		got->value[got->loads++] = result;
		got->stopped = i->only && result + 1 != i->only;
	}
	return true;
}

static void finish(void *const private[])
{
	uint64_t outcome = 0;

	for (unsigned t = 0; t < litmus->threads; t++) {
		const struct litmus_instruction *i = litmus->code[t];
		const struct got *got = private[t];

		for (unsigned n = 0; i->kind != LITMUS_END; i++)
			if (is_load(i)) {
				outcome = outcome << 4 | got->value[n];
				n++;
			}
	}
	for (unsigned w = 0; w < LITMUS_WORDS; w++)
		outcome = outcome << 4 | explore_final(&words[w]);
	litmus_add_outcome(outcomes, outcome);
}

void litmus_run(const struct litmus *the_litmus, bool plain,
		struct litmus_outcomes *ret)
{
	static const char *const names[LITMUS_WORDS] = { "x", "y", "z" };
	const struct program program = {
		.threads = the_litmus->threads,
		.private_size = sizeof(struct got),
		.step = step,
		.finish = finish,
		.plain = plain,
		.quiet = true,
	};
	struct explore_result result;
	struct got got = { .loads = 0 };

	litmus = the_litmus;
	outcomes = ret;
	ret->count = 0;
	explore_reset(litmus->threads);
	memset(got.value, LITMUS_SKIPPED, sizeof(got.value));
	for (unsigned t = 0; t < litmus->threads; t++)
		explore_private(t, &got, sizeof(got));
	for (unsigned w = 0; w < LITMUS_WORDS; w++)
		explore_word(&words[w], names[w], 0);
	explore_bytes(&byte, 1, 0);
	ret->race = !explore(&program, &result);
}

static void print_instruction(const struct litmus_instruction *i)
{
	static const char *const kinds[] = { "",      "load",  "store",
					     "fence", "loadb", "storeb" };
	static const char *const orders[] = { "rlx", "acq", "rel", "acq_rel",
					      "sc" };

	printf("%s %s", kinds[i->kind], orders[i->order]);
	if (i->kind != LITMUS_FENCE)
		printf(" %c", 'x' + i->word);
	if (i->kind == LITMUS_STORE || i->kind == LITMUS_STORE_BYTE)
		printf("=%u", i->value);
	if (i->only)
		printf(" only %u", i->only - 1u);
}

void litmus_print(const struct litmus *the_litmus)
{
	for (unsigned t = 0; t < the_litmus->threads; t++) {
		const struct litmus_instruction *i = the_litmus->code[t];

		printf("    thread %u: ", t);
		for (; i->kind != LITMUS_END; i++) {
			print_instruction(i);
			printf("; ");
		}
		putchar('\n');
	}
}
