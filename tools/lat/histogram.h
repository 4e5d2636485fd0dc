/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - log-linear counts of nanoseconds
 *
 * Each power of two is cut into 128 buckets of equal width; below 256 a bucket
 * is one nanosecond. A value is reported as the largest of its bucket, so a
 * report is never too low, and too high by less than 1/128 of the value. All
 * of uint64_t has its bucket: nothing is clamped.
 */
#ifndef BBQ_LAT_HISTOGRAM_H
#define BBQ_LAT_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BITS 7
#define HISTOGRAM_HALF ((size_t)1 << HISTOGRAM_BITS)
#define HISTOGRAM_BUCKETS ((size_t)(64 - HISTOGRAM_BITS + 1) * HISTOGRAM_HALF)

/* All zero is an empty one. */
struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min; /* of an empty one: 0 */
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline size_t histogram_index(uint64_t value)
{
	unsigned int shift = 0;

	if (value >= 2 * HISTOGRAM_HALF)
		shift = 63u - HISTOGRAM_BITS -
			(unsigned int)__builtin_clzll(value);
	return shift * HISTOGRAM_HALF + (size_t)(value >> shift);
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	if (h->count == 0 || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	h->buckets[histogram_index(value)]++;
}

/* The smallest and the largest value of a bucket. */
uint64_t histogram_lowest(size_t index);
uint64_t histogram_highest(size_t index);

void histogram_clear(struct histogram *h);
/* Add all of other to h. */
void histogram_merge(struct histogram *h, const struct histogram *other);

/*
 * The value that per_million of a million values do not exceed: the largest of
 * the bucket that holds it, but never more than the maximum. 0 if empty.
 */
uint64_t histogram_at(const struct histogram *h, uint64_t per_million);
double histogram_mean(const struct histogram *h);

#endif /* BBQ_LAT_HISTOGRAM_H */
