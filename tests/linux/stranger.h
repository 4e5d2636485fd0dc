/* SPDX-License-Identifier: MIT */
/*
 * stranger.h - a peer that is no libbbq, or a bad one
 *
 * All that it says is in the socket before the library looks, so one thread
 * plays both.
 */
#ifndef TESTS_LINUX_STRANGER_H
#define TESTS_LINUX_STRANGER_H

#include "wire.h"

#define CAPACITY 10000

/* What was open and mapped before a test, to be compared with after it. */
struct before {
	size_t fds;
	size_t maps;
};

static inline size_t all_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	size_t n = 0;
	int c;

	cr_assert_not_null(file);
	while ((c = fgetc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static inline struct before look_before(void)
{
	/* The first stdio buffer and the like. */
	all_maps();
	return (struct before){ open_fds(), all_maps() };
}

static inline void nothing_left(const struct before *before, const char *what)
{
	(void)what; /* not every assertion prints */
	cr_assert_eq(open_fds(), before->fds, "%s: %zu for %zu descriptors",
		     what, open_fds(), before->fds);
	cr_assert_eq(shared_maps(), 0, "%s: a mapping is left", what);
	cr_assert_leq(all_maps(), before->maps, "%s: a mapping is left", what);
}

/* The library takes what is offered. */
static inline void takes(int expected, struct bbq_channel *channel,
			 const char *what)
{
	struct bbq_segment *segment = NULL;
	int error =
		bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG, &segment);

	(void)what;
	cr_assert_eq(error, expected, "taking, %s: %d", what, error);
	cr_assert_null(segment);
	bbq_channel_close(channel);
}

static inline void offers(int expected, struct bbq_channel *channel,
			  const char *what)
{
	const struct bbq_config config = { .capacity = CAPACITY };
	struct bbq_segment *segment = NULL;
	int error = bbq_channel_offer(channel, BBQ_ROLE_CONSUMER, &config, LONG,
				      &segment);

	(void)what;
	cr_assert_eq(error, expected, "offering, %s: %d", what, error);
	cr_assert_null(segment);
	bbq_channel_close(channel);
}

static inline struct half good_half(void)
{
	return (struct half){
		.role = PRODUCER,
		.size = half_size(PRODUCER, CAPACITY),
	};
}

#endif /* TESTS_LINUX_STRANGER_H */
