/* SPDX-License-Identifier: MIT */
/* histogram.c - log-linear counts of nanoseconds; see histogram.h */
#include <string.h>

#include "histogram.h"

#define MILLION 1000000u

/* By how many bits the values of a bucket were shifted to find it. */
static size_t shift_of(size_t index)
{
	return index < 2 * HISTOGRAM_HALF ? 0 : index / HISTOGRAM_HALF - 1;
}

uint64_t histogram_lowest(size_t index)
{
	size_t shift = shift_of(index);

	return (uint64_t)(index - shift * HISTOGRAM_HALF) << shift;
}

uint64_t histogram_highest(size_t index)
{
	return histogram_lowest(index) + (((uint64_t)1 << shift_of(index)) - 1);
}

void histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
	if (other->count == 0)
		return;
	if (h->count == 0 || other->min < h->min)
		h->min = other->min;
	if (other->max > h->max)
		h->max = other->max;
	h->count += other->count;
	h->sum += other->sum;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->buckets[i] += other->buckets[i];
}

/* How many values are to be found at or below it: at least one. */
static uint64_t rank_of(uint64_t count, uint64_t per_million)
{
	uint64_t whole = count / MILLION * per_million;
	uint64_t rest = count % MILLION * per_million;
	uint64_t rank = whole + (rest + MILLION - 1) / MILLION;

	return rank > 0 ? rank : 1;
}

uint64_t histogram_at(const struct histogram *h, uint64_t per_million)
{
	uint64_t rank = rank_of(h->count, per_million);
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank) {
			uint64_t highest = histogram_highest(i);

			return highest < h->max ? highest : h->max;
		}
	}
	return h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->count > 0 ? (double)h->sum / (double)h->count : 0;
}
