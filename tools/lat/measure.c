/* SPDX-License-Identifier: MIT */
/*
 * measure.c - rounds: floor, sample, floor; is it quiet here?
 *
 * Machines are noisy. So what is to be measured takes turns, a piece in each
 * round, and each piece has the floor measured before and after it. A ratio to
 * the floor belongs to one piece; what counts is the median over all rounds in
 * which the floor held. Nothing is left out of the percentiles: they show what
 * has happened, noise included, and `noise` says if that was more than there
 * should be.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lat.h"

/* Enough for a 99th percentile, and no longer than this. */
#define FLOOR_COUNT 10000
#define FLOOR_NS (NS_PER_SEC / 20)

/*
 * What others may take: a thousandth of the time, which is what a percentile of
 * 99.9 shows, and a context switch each 5 ms, where the kernel does not tell
 * the time.
 */
#define TAKEN_SHARE 0.001
#define TAKEN_RATE (200.0 / (double)NS_PER_SEC)

static void job_begin(struct shared *shared, const struct job *job)
{
	shared->job = *job;
	shared->last = UINT64_MAX;
	histogram_clear(&shared->histogram);
	__atomic_store_n(&shared->go, shared->go + 1, __ATOMIC_RELEASE);
}

static int job_end(struct shared *shared)
{
	while (__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE) != shared->go) {
		if (stopping)
			return -EINTR;
		sched_yield();
	}
	return 0;
}

/* Both processes do it; what they have measured is in lat->sample. */
static int job_run(struct lat *lat, const struct job *job,
		   const struct pace *pace)
{
	struct taken before, after;
	int64_t begin;
	int error;

	histogram_clear(&lat->sample);
	taken_so_far(&before);
	begin = clock_ns();
	job_begin(lat->shared, job);
	error = job->way == WAYS ? floor_near(lat, pace, &lat->sample)
				 : talk_near(lat, pace, &lat->sample);
	if (!error)
		error = job_end(lat->shared);
	if (error)
		return error;
	lat->busy_ns += clock_ns() - begin;
	taken_so_far(&after);
	taken_add(&lat->taken, &before, &after);
	if (job->one_way)
		histogram_merge(&lat->sample, &lat->shared->histogram);
	return 0;
}

static int measure_floor(struct lat *lat)
{
	const struct pace pace = { .count = FLOOR_COUNT, .ns = FLOOR_NS };
	const struct job job = {
		.way = WAYS,
		.one_way = lat->options->one_way,
		.reply = true,
	};
	int error = job_run(lat, &job, &pace);

	if (error)
		return error;
	histogram_merge(&lat->floor.total, &lat->sample);
	lat->floor_p50 = histogram_at(&lat->sample, P50);
	lat->floor_p99 = histogram_at(&lat->sample, P99);
	if (lat->floor_p50_min == 0 || lat->floor_p50 < lat->floor_p50_min)
		lat->floor_p50_min = lat->floor_p50;
	if (lat->floor_p50 > lat->floor_p50_max)
		lat->floor_p50_max = lat->floor_p50;
	return 0;
}

/* A quarter more is another placement, or a neighbour; some ns are the clock. */
static bool moved(uint64_t a, uint64_t b)
{
	uint64_t low = a < b ? a : b, high = a < b ? b : a;

	return high > low + low / 4 + 10;
}

static int warm_up(struct lat *lat, unsigned int way)
{
	const struct pace pace = {
		.count = lat->options->warmup,
		.ns = INT64_MAX,
	};
	const struct job job = { .way = way, .reply = true };

	return pace.count > 0 ? job_run(lat, &job, &pace) : 0;
}

/* The part of the whole that falls to this round. */
static struct pace pace_of(const struct lat *lat, unsigned int round)
{
	const struct options *options = lat->options;
	struct pace pace = { .count = UINT64_MAX, .ns = INT64_MAX };
	uint64_t count = plan_count(options);

	if (options->rate > 0)
		pace.interval = (double)NS_PER_SEC / options->rate;
	if (count > 0)
		pace.count =
			count / lat->rounds + (round < count % lat->rounds);
	else
		pace.ns = options->duration_ns / lat->rounds;
	return pace;
}

static int measure_way(struct lat *lat, unsigned int way, unsigned int round)
{
	const struct pace pace = pace_of(lat, round);
	const struct job job = {
		.way = way,
		.one_way = lat->options->one_way,
		.reply = !lat->options->one_way || lat->options->rate <= 0,
	};
	struct series *series = &lat->ways[way];
	int64_t begin = clock_ns();
	int error = job_run(lat, &job, &pace);

	if (error)
		return error;
	series->ns += clock_ns() - begin;
	histogram_merge(&series->total, &lat->sample);
	return 0;
}

/* A sample between two looks at the floor, which the last sample leaves. */
static int measure_sample(struct lat *lat, unsigned int way, unsigned int round)
{
	struct series *series = &lat->ways[way];
	uint64_t p50 = lat->floor_p50, p99 = lat->floor_p99;
	uint64_t own_p50, own_p99;
	int error = warm_up(lat, way);

	if (!error)
		error = measure_way(lat, way, round);
	if (error)
		return error;
	own_p50 = histogram_at(&lat->sample, P50);
	own_p99 = histogram_at(&lat->sample, P99);
	error = measure_floor(lat);
	if (error)
		return error;
	series->held[round] = !moved(p50, lat->floor_p50);
	series->ratio_p50[round] =
		2.0 * (double)own_p50 / (double)(p50 + lat->floor_p50);
	series->ratio_p99[round] =
		2.0 * (double)own_p99 / (double)(p99 + lat->floor_p99);
	return 0;
}

static int series_alloc(struct series *series, unsigned int rounds)
{
	series->ratio_p50 = calloc(rounds, sizeof(double));
	series->ratio_p99 = calloc(rounds, sizeof(double));
	series->held = calloc(rounds, sizeof(bool));
	return series->ratio_p50 && series->ratio_p99 && series->held ? 0
								      : -ENOMEM;
}

/* What reading the clock adds to each figure: the median of many. */
static int64_t clock_cost(struct histogram *scratch)
{
	histogram_clear(scratch);
	for (int i = 0; i < 10000; i++) {
		int64_t begin = clock_ns();

		histogram_add(scratch, (uint64_t)(clock_ns() - begin));
	}
	return (int64_t)histogram_at(scratch, P50);
}

static int measure_round(struct lat *lat, unsigned int round)
{
	/* Each begins as often as any other. */
	for (unsigned int i = 0; i < WAYS; i++) {
		unsigned int way = (i + round) % WAYS;
		int error;

		if (!options_wants(lat->options, way))
			continue;
		error = measure_sample(lat, way, round);
		if (error) {
			lat->failed = ways[way]->name;
			return error;
		}
	}
	return 0;
}

int measure(struct lat *lat)
{
	static const struct taken nothing;
	uint64_t steal = cpus_steal(lat->cpus);
	int error = 0;

	lat->clock_ns = clock_cost(&lat->sample);
	for (unsigned int way = 0; way < WAYS; way++) {
		if (!error && options_wants(lat->options, way))
			error = series_alloc(&lat->ways[way], lat->rounds);
	}
	lat->failed = "floor";
	if (!error)
		error = measure_floor(lat);
	for (unsigned int round = 0; !error && round < lat->rounds; round++)
		error = measure_round(lat, round);
	lat->steal = cpus_steal(lat->cpus) - steal;
	taken_add(&lat->taken, &nothing, &lat->shared->taken);
	return error;
}

void measure_free(struct lat *lat)
{
	for (unsigned int way = 0; way < WAYS; way++) {
		free(lat->ways[way].ratio_p50);
		free(lat->ways[way].ratio_p99);
		free(lat->ways[way].held);
	}
}

/* ---- what it says ------------------------------------------------------- */

unsigned int series_held(const struct lat *lat, const struct series *series)
{
	unsigned int held = 0;

	for (unsigned int i = 0; i < lat->rounds; i++)
		held += series->held[i];
	return held;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double series_ratio(const struct lat *lat, const struct series *series,
		    const double *ratios)
{
	bool all = series_held(lat, series) == 0;
	double *sorted = calloc(lat->rounds, sizeof(*sorted));
	unsigned int n = 0;
	double median;

	if (!sorted)
		return 0;
	for (unsigned int i = 0; i < lat->rounds; i++) {
		if (all || series->held[i])
			sorted[n++] = ratios[i];
	}
	qsort(sorted, n, sizeof(*sorted), compare);
	median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
	free(sorted);
	return median;
}

static void add(struct noise *noise, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct noise *noise, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(noise->reasons[noise->count++], NOISE_TEXT, format, args);
	va_end(args);
}

uint64_t steal_ms(const struct lat *lat)
{
	return lat->steal * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

void noise_find(const struct lat *lat, struct noise *ret)
{
	uint64_t low = lat->floor_p50_min, high = lat->floor_p50_max;
	double busy = (double)lat->busy_ns;

	ret->count = 0;
	if (moved(low, high))
		add(ret,
		    "the floor moved (placement, or a neighbour): p50 "
		    "%llu to %llu ns",
		    (unsigned long long)low, (unsigned long long)high);
	if ((double)lat->taken.waited_ns > TAKEN_SHARE * busy ||
	    (double)lat->taken.switches > TAKEN_RATE * busy)
		add(ret,
		    "the two waited %.1f ms for their processors in "
		    "%.0f ms, with %llu involuntary context switches",
		    (double)lat->taken.waited_ns / 1e6, busy / 1e6,
		    (unsigned long long)lat->taken.switches);
	if (lat->steal > 0)
		add(ret, "the host took %llu ms of the processors' time",
		    (unsigned long long)steal_ms(lat));
}
