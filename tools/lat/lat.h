/* SPDX-License-Identifier: MIT */
/*
 * bbq-lat: how long a message takes from one process to another
 *
 *     main.c       a run's life: options, two processes, signals
 *     options.c    what the command line says; ../command.c: how it is read
 *     cpus.c       two processors, and what the system took from them
 *     measure.c    rounds: floor, sample, floor; is it quiet here?
 *     talk.c       what the two processes do in a sample
 *     floor.c      the same over two bare cache lines
 *     way_bbq.c    a way for messages: libbbq     way_fd.c  pipe and socket
 *     way_slots.c  a ring of slots
 *     histogram.c  counts, percentiles
 *     report.c     the table, JSON                plot.c    SVG
 *
 * The process that was started, near, forks another one, far. Near gives the
 * orders: it stores a job in memory that both share, and each does its part of
 * it. Far only ends by being killed, by near or together with it.
 */
#ifndef BBQ_LAT_H
#define BBQ_LAT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "../command.h"
#include "histogram.h"
#include "way.h"

#define NS_PER_SEC INT64_C(1000000000)

/* Every message begins with a stamp of this many bytes. */
#define SIZE_MIN sizeof(int64_t)

struct options {
	struct setup setup;
	bool one_way;
	bool spin;
	bool sleep;
	bool json;
	double rate; /* messages a second; 0: the next when the last is back */
	int64_t duration_ns;
	uint64_t count; /* 0: as many as there are in the duration */
	uint64_t warmup;
	unsigned int rounds; /* 0: not said */
	int cpus[2];	     /* negative: not said */
	bool vs[WAYS];
	const char *plot;
};

/* What both processes do next. */
struct job {
	unsigned int way; /* WAYS: the floor */
	bool one_way;	  /* far takes the time, near does not */
	bool reply;	  /* far sends each message back */
};

/* What other processes took from one of ours. */
struct taken {
	uint64_t switches;  /* involuntary context switches */
	uint64_t waited_ns; /* ready to run, and not running */
};

/* Memory that both processes share; who stores what, on lines of its own. */
struct shared {
	/* near */
	int64_t there __attribute__((aligned(128))); /* of the floor */
	uint32_t go __attribute__((aligned(128)));   /* number of the job */
	struct job job;
	uint64_t last; /* messages in the job; UINT64_MAX until it is known */
	/* far */
	int64_t back __attribute__((aligned(128))); /* of the floor */
	uint32_t done __attribute__((aligned(128)));
	struct taken taken; /* in all jobs */
	int error;	    /* why far ended; 0 if it did not say */
	struct histogram histogram;
};

/* How near goes about a job. */
struct pace {
	uint64_t count;	 /* messages; UINT64_MAX: until the time is over */
	int64_t ns;	 /* time; INT64_MAX: until the count is reached */
	double interval; /* from one message to the next, in ns; 0: none */
};

/* What was measured of one way, or of the floor. */
struct series {
	const char *name;
	struct histogram total;
	double *ratio_p50; /* to the floor, a round each */
	double *ratio_p99;
	bool *held; /* did the floor stay where it was in this round? */
	int64_t ns; /* that the samples took, all together */
};

/* One run of bbq-lat. */
struct lat {
	const struct options *options;
	unsigned int rounds;
	int cpus[2];
	bool siblings; /* the two are one core */
	struct shared *shared;
	pid_t far; /* 0: there is none */
	struct lane lanes[WAYS][2];
	struct hand hands[WAYS];
	unsigned char *message;
	unsigned char *answer;
	struct histogram sample;
	struct series floor;
	struct series ways[WAYS];
	uint64_t floor_p50_min;
	uint64_t floor_p50_max;
	uint64_t floor_p50;
	uint64_t floor_p99;
	int64_t clock_ns;   /* what it costs to read the clock */
	int64_t busy_ns;    /* all jobs together */
	struct taken taken; /* from both, in all jobs */
	uint64_t steal;	    /* ticks that the host took from the two cpus */
	const char *failed; /* what an error was met in */
};

/* Of a million values, as histogram_at has it. */
#define P50 500000
#define P90 900000
#define P99 990000
#define P99_9 999000
#define P99_99 999900

static inline int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* main.c */

/* Say what went wrong, in one line on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* options.c: STATUS_OK, or what to exit with after having said why. */
enum status options_parse(int argc, char **argv, struct options *ret,
			  bool *ret_exit);
/* Is this way to be measured? */
bool options_wants(const struct options *options, unsigned int way);
/* In how many rounds it is measured. */
unsigned int plan_rounds(const struct options *options);
/* How many messages there are in all; 0: as many as the time allows. */
uint64_t plan_count(const struct options *options);

/* cpus.c */

/* Which two to use; an error is said. */
enum status cpus_choose(const struct options *options, struct lat *lat);
int cpu_pin(int cpu);
/* Ticks that the host has taken from the two cpus since it was started. */
uint64_t cpus_steal(const int cpus[2]);
/* What was taken from this process so far. */
void taken_so_far(struct taken *ret);
/* Add what was taken from `from` to `to`. */
void taken_add(struct taken *sum, const struct taken *from,
	       const struct taken *to);

/* measure.c: all rounds. 0 or -errno, with lat->failed. */
int measure(struct lat *lat);
/* The median of the rounds in which the floor held, if there are any. */
double series_ratio(const struct lat *lat, const struct series *series,
		    const double *ratios);
unsigned int series_held(const struct lat *lat, const struct series *series);

#define NOISE_MAX 3
#define NOISE_TEXT 128

/* Why the figures are not to be believed. */
struct noise {
	unsigned int count; /* of reasons; 0: it was quiet */
	char reasons[NOISE_MAX][NOISE_TEXT];
};

/* Milliseconds that the host took from the two processors. */
uint64_t steal_ms(const struct lat *lat);
void noise_find(const struct lat *lat, struct noise *ret);
void measure_free(struct lat *lat);

/* talk.c: near's and far's part of a job over a way. */
int talk_near(struct lat *lat, const struct pace *pace, struct histogram *ret);
int talk_far(struct lat *lat);
/* floor.c: over two lines. */
int floor_near(struct lat *lat, const struct pace *pace, struct histogram *ret);
int floor_far(struct lat *lat);

/* report.c: on stdout. STATUS_ERROR if it cannot be written. */
enum status report(const struct lat *lat);
/* What was measured, in a few words. */
void report_title(FILE *file, const struct lat *lat);

/* plot.c: an error is said. */

/* The file that a plot goes to. */
struct plot {
	const char *path;
	FILE *file; /* null: there is none */
	bool created;
};

/* Before anything is measured; what the file holds stays. */
enum status plot_open(const char *path, struct plot *ret);
enum status plot_draw(struct plot *plot, const struct lat *lat);
/* Nothing was drawn: a file that was made for it goes. */
void plot_drop(struct plot *plot);

#endif /* BBQ_LAT_H */
