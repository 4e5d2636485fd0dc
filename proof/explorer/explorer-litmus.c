/* SPDX-License-Identifier: MIT */
/*
 * explorer-litmus.c - does the explorer know RC11?
 *
 * The named litmus tests, then every program of two threads with two
 * instructions each, then random ones that are larger. Each is run by the
 * explorer with all its pruning, by the explorer without, and judged by the
 * axioms; all three must say the same. For a named one, the outcome that it is
 * known for must be as the literature says, too.
 *
 * exit status: 0 all agree, 1 they do not, 2 usage
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classics.h"

static struct litmus_outcomes pruned, plain, axioms;

static bool three_agree(const struct litmus *litmus)
{
	litmus_run(litmus, false, &pruned);
	litmus_run(litmus, true, &plain);
	litmus_judge(litmus, &axioms);
	return litmus_same(&pruned, &axioms) && litmus_same(&plain, &axioms);
}

static void print_outcomes(const char *who, const struct litmus_outcomes *o)
{
	printf("    %s:%s", who, o->race ? " a data race" : "");
	for (unsigned i = 0; i < o->count && !o->race; i++)
		printf(" %llx", (unsigned long long)o->outcome[i]);
	putchar('\n');
}

static void print_disagreement(const struct litmus *litmus)
{
	printf("THEY DISAGREE\n");
	litmus_print(litmus);
	print_outcomes("explorer", &pruned);
	print_outcomes("explorer, no pruning", &plain);
	print_outcomes("axioms", &axioms);
}

/* ---- the named ones ----------------------------------------------------- */

static bool matches(const char *pattern, uint64_t outcome)
{
	for (size_t i = strlen(pattern); i-- > 0; outcome >>= 4)
		if (pattern[i] != '?' &&
		    (unsigned)(pattern[i] - '0') != (outcome & 15))
			return false;
	return true;
}

static bool found(const char *pattern, const struct litmus_outcomes *o)
{
	for (unsigned i = 0; i < o->count; i++)
		if (matches(pattern, o->outcome[i]))
			return true;
	return false;
}

static bool run_classic(const struct classic *c)
{
	bool agree = three_agree(&c->litmus);
	bool seen, fine;

	if (c->weak) {
		seen = found(c->weak, &pruned);
		fine = agree && !pruned.race && seen == c->allowed;
		printf("%-20s %-8s %-10s %-10s %8u  %s\n", c->name, c->weak,
		       c->allowed ? "allowed" : "forbidden",
		       seen ? "seen" : "not seen", pruned.count,
		       fine ? "ok" : "WRONG");
	} else {
		fine = agree && pruned.race;
		printf("%-20s %-8s %-10s %-10s %8s  %s\n", c->name, "", "race",
		       pruned.race ? "seen" : "not seen", "",
		       fine ? "ok" : "WRONG");
	}
	if (!agree)
		print_disagreement(&c->litmus);
	return fine;
}

static bool run_classics(void)
{
	bool fine = true;

	printf("%-20s %-8s %-10s %-10s %8s\n", "test", "outcome", "in RC11",
	       "explorer", "outcomes");
	for (unsigned i = 0; i < classics_count; i++)
		fine &= run_classic(&classics[i]);
	return fine;
}

/* ---- all the small ones ------------------------------------------------- */

static const struct litmus_instruction alphabet[] = {
	{ LITMUS_LOAD, ORDER_RELAXED, 0, 0, 0 },
	{ LITMUS_LOAD, ORDER_ACQUIRE, 0, 0, 0 },
	{ LITMUS_LOAD, ORDER_RELAXED, 1, 0, 0 },
	{ LITMUS_LOAD, ORDER_ACQUIRE, 1, 0, 0 },
	{ LITMUS_STORE, ORDER_RELAXED, 0, 0, 0 },
	{ LITMUS_STORE, ORDER_RELEASE, 0, 0, 0 },
	{ LITMUS_STORE, ORDER_RELAXED, 1, 0, 0 },
	{ LITMUS_STORE, ORDER_RELEASE, 1, 0, 0 },
	{ LITMUS_FENCE, ORDER_ACQUIRE, 0, 0, 0 },
	{ LITMUS_FENCE, ORDER_RELEASE, 0, 0, 0 },
	{ LITMUS_FENCE, ORDER_ACQ_REL, 0, 0, 0 },
	{ LITMUS_FENCE, ORDER_SEQ_CST, 0, 0, 0 },
};

#define LETTERS (sizeof(alphabet) / sizeof(alphabet[0]))

/* Stores get values of their own, so that no two look alike. */
static void number_stores(struct litmus *litmus)
{
	uint8_t value = 0;

	for (unsigned t = 0; t < litmus->threads; t++)
		for (unsigned i = 0; i < LITMUS_LENGTH; i++) {
			struct litmus_instruction *c = &litmus->code[t][i];

			if (c->kind == LITMUS_STORE ||
			    c->kind == LITMUS_STORE_BYTE)
				c->value = ++value;
		}
}

static bool run_small(void)
{
	unsigned long total = LETTERS * LETTERS * LETTERS * LETTERS;

	for (unsigned long n = 0; n < total; n++) {
		struct litmus litmus = { .threads = 2 };
		unsigned long rest = n;

		for (unsigned i = 0; i < 4; i++, rest /= LETTERS)
			litmus.code[i / 2][i % 2] = alphabet[rest % LETTERS];
		number_stores(&litmus);
		if (!three_agree(&litmus)) {
			print_disagreement(&litmus);
			return false;
		}
	}
	printf("all %lu programs of 2 threads, 2 instructions: ok\n", total);
	return true;
}

/* ---- random ones -------------------------------------------------------- */

static uint64_t seed;

static unsigned below(unsigned limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((seed >> 33) % limit);
}

/* Mostly accesses, and to few words, so that they meet. */
static struct litmus_instruction random_instruction(unsigned words, bool bytes)
{
	struct litmus_instruction i = alphabet[below(LETTERS)];

	if (bytes && below(3) == 0)
		return (struct litmus_instruction){
			.kind = below(2) ? LITMUS_LOAD_BYTE : LITMUS_STORE_BYTE,
		};
	if (i.kind == LITMUS_FENCE && below(2))
		return random_instruction(words, bytes);
	if (i.kind != LITMUS_FENCE)
		i.word = (uint8_t)below(words);
	return i;
}

/* Values that do not say who stored them, so that views must tell. */
static void blur_stores(struct litmus *litmus)
{
	for (unsigned t = 0; t < litmus->threads; t++)
		for (unsigned i = 0; i < LITMUS_LENGTH; i++) {
			struct litmus_instruction *c = &litmus->code[t][i];

			if (c->kind == LITMUS_STORE)
				c->value = (uint8_t)(1 + below(2));
		}
}

/* Guard some loads with a value that somebody may store. */
static void guard_loads(struct litmus *litmus)
{
	for (unsigned t = 0; t < litmus->threads; t++)
		for (unsigned i = 0; i < LITMUS_LENGTH; i++) {
			struct litmus_instruction *c = &litmus->code[t][i];

			if (c->kind == LITMUS_LOAD && below(2))
				c->only = (uint8_t)(1 + below(5));
		}
}

/* At most 4 stores to a word, or the axioms take too long. */
static bool is_handy(const struct litmus *litmus)
{
	unsigned stores[LITMUS_WORDS + 1] = { 0 };
	unsigned loads = 0;

	for (unsigned t = 0; t < litmus->threads; t++)
		for (unsigned i = 0; i < LITMUS_LENGTH; i++) {
			const struct litmus_instruction *c =
				&litmus->code[t][i];

			loads += c->kind == LITMUS_LOAD;
			if (c->kind == LITMUS_STORE)
				stores[c->word]++;
			if (c->kind == LITMUS_STORE_BYTE)
				stores[LITMUS_WORDS]++;
		}
	for (unsigned w = 0; w <= LITMUS_WORDS; w++)
		if (stores[w] > 3)
			return false;
	return loads <= 6;
}

static void make_random(struct litmus *litmus, bool bytes)
{
	do {
		unsigned words = 1 + below(LITMUS_WORDS);
		unsigned length;

		memset(litmus, 0, sizeof(*litmus));
		litmus->threads = 2 + below(3);
		length = 10 / litmus->threads;
		for (unsigned t = 0; t < litmus->threads; t++)
			for (unsigned i = 0; i < length; i++)
				litmus->code[t][i] =
					random_instruction(words, bytes);
		number_stores(litmus);
	} while (!is_handy(litmus));
	if (below(2))
		blur_stores(litmus);
	litmus->forget = below(2);
	if (bytes)
		guard_loads(litmus);
}

static bool run_random(unsigned long count, bool bytes)
{
	unsigned long outcomes = 0, races = 0;

	for (unsigned long n = 0; n < count; n++) {
		struct litmus litmus;

		seed = 2 * n + bytes;
		below(1);
		make_random(&litmus, bytes);
		if (!three_agree(&litmus)) {
			printf("random program %lu%s\n", n,
			       bytes ? " with bytes" : "");
			print_disagreement(&litmus);
			return false;
		}
		races += axioms.race;
		outcomes += axioms.race ? 0 : axioms.count;
	}
	printf("%lu random programs%s, %lu outcomes, %lu with a race: ok\n",
	       count, bytes ? " with bytes" : "", outcomes, races);
	return true;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 700;

	if (argc > 2 || count == 0) {
		fputs("usage: explorer-litmus [RANDOM-PROGRAMS]\n", stderr);
		return 2;
	}
	return run_classics() && run_small() && run_random(count, false) &&
			       run_random(count, true)
		       ? 0
		       : 1;
}
