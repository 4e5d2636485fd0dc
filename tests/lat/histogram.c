/* SPDX-License-Identifier: MIT */
/*
 * histogram.c - the counts of bbq-lat: buckets, bounds of error, percentiles
 *
 * Every bucket is looked at, with both of its edges and their neighbours.
 * Percentiles are compared with those of a sorted array.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"

#define TIMEOUT .timeout = 60

/* Some 60 KiB each: not for the stack. */
static struct histogram one, two, both;

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

Test(histogram, every_bucket, TIMEOUT)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_lowest(i), high = histogram_highest(i);

		cr_assert_leq(low, high);
		cr_assert_eq(histogram_index(low), i);
		cr_assert_eq(histogram_index(high), i);
		cr_assert_eq(histogram_index(low + (high - low) / 2), i);
		if (i + 1 < HISTOGRAM_BUCKETS) {
			cr_assert_eq(histogram_lowest(i + 1), high + 1);
			cr_assert_eq(histogram_index(high + 1), i + 1);
		}
	}
}

Test(histogram, no_value_without_a_bucket, TIMEOUT)
{
	cr_assert_eq(histogram_lowest(0), 0);
	cr_assert_eq(histogram_index(0), 0);
	cr_assert_eq(histogram_highest(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
	cr_assert_eq(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

/* A report is the largest of the bucket: how far is that from the smallest? */
Test(histogram, error_below_a_128th, TIMEOUT)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_lowest(i), high = histogram_highest(i);

		if (low < 256)
			cr_assert_eq(low, high, "%zu is not exact", i);
		else
			cr_assert_lt(high - low, (low + 127) / 128, "%zu", i);
	}
}

Test(histogram, empty, TIMEOUT)
{
	cr_assert_eq(histogram_at(&one, 500000), 0);
	cr_assert_eq(histogram_at(&one, 1000000), 0);
	cr_assert_eq(histogram_mean(&one), 0);
	histogram_merge(&one, &two);
	cr_assert_eq(one.count, 0);
	cr_assert_eq(one.min, 0);
}

Test(histogram, one_value_is_every_percentile, TIMEOUT)
{
	static const uint64_t values[] = {
		0, 1, 255, 256, 257, 1000, 123456789, UINT64_MAX,
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		histogram_clear(&one);
		histogram_add(&one, values[i]);
		cr_assert_eq(one.count, 1);
		cr_assert_eq(one.min, values[i]);
		cr_assert_eq(one.max, values[i]);
		cr_assert_eq(histogram_at(&one, 0), values[i]);
		cr_assert_eq(histogram_at(&one, 500000), values[i]);
		cr_assert_eq(histogram_at(&one, 1000000), values[i]);
	}
}

/* 1 to 200, all exact: the n-th of a hundred is 2n. */
Test(histogram, ranks, TIMEOUT)
{
	for (uint64_t value = 200; value > 0; value--)
		histogram_add(&one, value);
	cr_assert_eq(histogram_at(&one, 500000), 100);
	cr_assert_eq(histogram_at(&one, 900000), 180);
	cr_assert_eq(histogram_at(&one, 990000), 198);
	/* Any more than 99.5 % needs the last. */
	cr_assert_eq(histogram_at(&one, 995000), 199);
	cr_assert_eq(histogram_at(&one, 995001), 200);
	cr_assert_eq(histogram_at(&one, 999900), 200);
	cr_assert_eq(histogram_at(&one, 0), 1);
	cr_assert_float_eq(histogram_mean(&one), 100.5, 1e-9);
}

/* So many that a product with a million has no room: a quarter is above. */
Test(histogram, many, TIMEOUT)
{
	one.count = UINT64_C(1) << 62;
	one.buckets[histogram_index(10)] = UINT64_C(3) << 60;
	one.buckets[histogram_index(20)] = UINT64_C(1) << 60;
	one.max = 20;
	cr_assert_eq(histogram_at(&one, 500000), 10);
	cr_assert_eq(histogram_at(&one, 750000), 10);
	cr_assert_eq(histogram_at(&one, 750001), 20);
	cr_assert_eq(histogram_at(&one, 1000000), 20);
}

/* Against a sorted array: never less than the true value, nor much more. */
static void check_percentiles(const uint64_t *sorted, size_t count)
{
	for (uint64_t ppm = 0; ppm <= 1000000; ppm += 100) {
		size_t rank = (size_t)((ppm * count + 999999) / 1000000);
		uint64_t is = sorted[rank > 0 ? rank - 1 : 0];
		uint64_t said = histogram_at(&one, ppm);

		cr_assert_geq(said, is);
		cr_assert_leq(said - is, is / 128);
	}
}

Test(histogram, against_sorted, TIMEOUT)
{
	enum { COUNT = 10007 };
	uint64_t *values = calloc(COUNT, sizeof(*values));
	uint64_t state = 88172645463325252u;

	cr_assert(values);
	for (unsigned int bits = 1; bits <= 64; bits++) {
		histogram_clear(&one);
		for (size_t i = 0; i < COUNT; i++) {
			values[i] = random64(&state) >> (64 - bits);
			histogram_add(&one, values[i]);
		}
		qsort(values, COUNT, sizeof(*values), compare);
		cr_assert_eq(one.min, values[0]);
		cr_assert_eq(one.max, values[COUNT - 1]);
		check_percentiles(values, COUNT);
	}
	free(values);
}

Test(histogram, merged_is_added, TIMEOUT)
{
	uint64_t state = 2463534242u;

	for (int i = 0; i < 5000; i++) {
		uint64_t value = random64(&state) >> (i % 64);

		histogram_add(i % 3 ? &one : &two, value);
		histogram_add(&both, value);
	}
	histogram_merge(&one, &two);
	cr_assert_arr_eq(&one, &both, sizeof(both));
	histogram_clear(&two);
	histogram_merge(&two, &one);
	cr_assert_arr_eq(&two, &both, sizeof(both));
	histogram_clear(&one);
	histogram_merge(&two, &one);
	cr_assert_arr_eq(&two, &both, sizeof(both));
}
