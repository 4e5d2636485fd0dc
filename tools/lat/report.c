/* SPDX-License-Identifier: MIT */
/* report.c - what was measured, as a table or as JSON, on stdout */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lat.h"

static const struct {
	const char *name;
	uint64_t per_million;
} percentiles[] = {
	{ "p50", P50 },	    { "p90", P90 },	  { "p99", P99 },
	{ "p99.9", P99_9 }, { "p99.99", P99_99 },
};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static const char *waiting_name(const struct options *options)
{
	static const char *const names[] = {
		[WAIT_SPIN_SLEEP] = "spin-then-sleep",
		[WAIT_SPIN] = "spin",
		[WAIT_SLEEP] = "sleep",
	};

	return names[options->setup.waiting];
}

static const char *mode_name(const struct options *options)
{
	return options->one_way ? "one-way" : "round-trip";
}

/* Messages a second. */
static double rate_of(const struct series *series)
{
	return series->ns > 0 ? (double)series->total.count *
					(double)NS_PER_SEC / (double)series->ns
			      : 0;
}

/* Did a way not keep up with the rate that was asked for? */
static bool behind(const struct lat *lat, const struct series *series)
{
	return lat->options->rate > 0 &&
	       rate_of(series) < 0.99 * lat->options->rate;
}

/* ---- the table ---------------------------------------------------------- */

void report_title(FILE *file, const struct lat *lat)
{
	const struct options *options = lat->options;

	fprintf(file, "%s, %zu bytes%s, %s", mode_name(options),
		options->setup.size, options->setup.frames ? " in frames" : "",
		waiting_name(options));
	if (options->rate > 0)
		fprintf(file, ", %.10g a second", options->rate);
}

static void text_head(const struct lat *lat)
{
	report_title(stdout, lat);
	printf("; queue of %zu bytes, processors %d and %d%s, %u round%s\n\n",
	       lat->options->setup.capacity, lat->cpus[0], lat->cpus[1],
	       lat->siblings ? " (of one core)" : "", lat->rounds,
	       lat->rounds == 1 ? "" : "s");
	printf("%-6s %11s", "ns", "count");
	for (size_t i = 0; i < PERCENTILES; i++)
		printf(" %9s", percentiles[i].name);
	printf(" %11s %8s %8s\n", "max", "p50/fl.", "p99/fl.");
}

static void text_row(const struct lat *lat, const struct series *series)
{
	printf("%-6s %11" PRIu64, series->name, series->total.count);
	for (size_t i = 0; i < PERCENTILES; i++)
		printf(" %9" PRIu64, histogram_at(&series->total,
						  percentiles[i].per_million));
	printf(" %11" PRIu64, series->total.max);
	if (series->ratio_p50)
		printf(" %8.2f %8.2f",
		       series_ratio(lat, series, series->ratio_p50),
		       series_ratio(lat, series, series->ratio_p99));
	printf("\n");
}

static void text_notes(const struct lat *lat)
{
	struct noise noise;

	printf("\nReading the clock takes %" PRId64
	       " ns, which is in all figures. The floor held in %u of %u "
	       "round%s.\n",
	       lat->clock_ns, series_held(lat, &lat->ways[WAY_BBQ]),
	       lat->rounds, lat->rounds == 1 ? "" : "s");
	for (unsigned int way = 0; way < WAYS; way++) {
		const struct series *series = &lat->ways[way];

		if (options_wants(lat->options, way) && behind(lat, series))
			printf("%s did not keep up: %.0f messages a second\n",
			       series->name, rate_of(series));
	}
	noise_find(lat, &noise);
	printf(noise.count > 0 ? "NOISY: " : "quiet\n");
	for (unsigned int i = 0; i < noise.count; i++)
		printf("%s%s", noise.reasons[i],
		       i + 1 < noise.count ? "; " : "\n");
}

static void text(const struct lat *lat)
{
	text_head(lat);
	for (unsigned int way = 0; way < WAYS; way++) {
		if (options_wants(lat->options, way))
			text_row(lat, &lat->ways[way]);
	}
	text_row(lat, &lat->floor);
	text_notes(lat);
}

/* ---- JSON --------------------------------------------------------------- */

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

static void json_head(const struct lat *lat)
{
	const struct options *options = lat->options;

	printf("{\"tool\":\"bbq-lat\",\"version\":\"%s\",\"mode\":\"%s\","
	       "\"waiting\":\"%s\",\"size\":%zu,\"frames\":%s,"
	       "\"capacity\":%zu,",
	       BBQ_VERSION, mode_name(options), waiting_name(options),
	       options->setup.size, truth(options->setup.frames),
	       options->setup.capacity);
	if (options->rate > 0)
		printf("\"rate\":%.10g,", options->rate);
	else
		printf("\"rate\":null,");
	printf("\"warmup\":%" PRIu64 ",\"rounds\":%u,\"cpus\":[%d,%d],"
	       "\"siblings\":%s,\"clock\":\"CLOCK_MONOTONIC\","
	       "\"clock_ns\":%" PRId64 ",",
	       options->warmup, lat->rounds, lat->cpus[0], lat->cpus[1],
	       truth(lat->siblings), lat->clock_ns);
}

/* [largest value of the bucket, count] of those that are not empty. */
static void json_histogram(const struct histogram *h)
{
	const char *comma = "";

	printf("\"histogram\":[");
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->buckets[i] == 0)
			continue;
		printf("%s[%" PRIu64 ",%" PRIu64 "]", comma,
		       histogram_highest(i), h->buckets[i]);
		comma = ",";
	}
	printf("]");
}

static void json_series(const struct lat *lat, const struct series *series)
{
	const struct histogram *h = &series->total;

	printf("{\"name\":\"%s\",\"count\":%" PRIu64 ",\"min\":%" PRIu64
	       ",\"mean\":%.1f,",
	       series->name, h->count, h->min, histogram_mean(h));
	for (size_t i = 0; i < PERCENTILES; i++)
		printf("\"%s\":%" PRIu64 ",", percentiles[i].name,
		       histogram_at(h, percentiles[i].per_million));
	printf("\"max\":%" PRIu64 ",", h->max);
	if (series->ratio_p50)
		printf("\"p50_to_floor\":%.6g,\"p99_to_floor\":%.6g,"
		       "\"rounds_held\":%u,\"messages_per_second\":%.1f,"
		       "\"kept_up\":%s,",
		       series_ratio(lat, series, series->ratio_p50),
		       series_ratio(lat, series, series->ratio_p99),
		       series_held(lat, series), rate_of(series),
		       truth(!behind(lat, series)));
	json_histogram(h);
	printf("}");
}

static void json_noise(const struct lat *lat)
{
	struct noise noise;

	noise_find(lat, &noise);
	printf("\"noisy\":%s,\"noise\":[", truth(noise.count > 0));
	for (unsigned int i = 0; i < noise.count; i++)
		printf("%s\"%s\"", i > 0 ? "," : "", noise.reasons[i]);
	printf("],\"floor_p50_min\":%" PRIu64 ",\"floor_p50_max\":%" PRIu64
	       ",\"involuntary_switches\":%" PRIu64 ",\"waited_ns\":%" PRIu64
	       ",\"steal_ms\":%" PRIu64 "}\n",
	       lat->floor_p50_min, lat->floor_p50_max, lat->taken.switches,
	       lat->taken.waited_ns, steal_ms(lat));
}

static void json(const struct lat *lat)
{
	const char *comma = "";

	json_head(lat);
	printf("\"results\":[");
	for (unsigned int way = 0; way < WAYS; way++) {
		if (!options_wants(lat->options, way))
			continue;
		printf("%s", comma);
		json_series(lat, &lat->ways[way]);
		comma = ",";
	}
	printf("],\"floor\":");
	json_series(lat, &lat->floor);
	printf(",");
	json_noise(lat);
}

enum status report(const struct lat *lat)
{
	if (lat->options->json)
		json(lat);
	else
		text(lat);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_OK;
	complain("stdout: %s", strerror(errno));
	return STATUS_ERROR;
}
