/* SPDX-License-Identifier: MIT */
/*
 * explorer-queue.c - the queue's code under RC11, all scripts up to a bound
 *
 * exit status: 0 nothing wrong, 1 a violation, which is printed, 2 usage
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "queue.h"

/* Capacity, operations a side, deaths in all, alignment (0: bytes), batches. */
static const struct queue_case quick[] = {
	/* clang-format off */
	{ 1, 4, 0, 0, 0 }, { 2, 4, 0, 0, 0 }, { 3, 4, 0, 0, 0 }, { 4, 3, 0, 0, 0 },
	{ 1, 3, 1, 0, 0 }, { 2, 3, 1, 0, 0 }, { 3, 2, 1, 0, 0 },
	{ 3, 4, 0, 1, 0 }, { 4, 4, 0, 1, 0 }, { 3, 3, 1, 1, 0 }, { 18, 2, 0, 8, 0 },
	{ 3, 3, 0, 1, 1 }, { 4, 2, 0, 1, 1 }, { 3, 2, 1, 1, 1 },
	{ 0 },
	/* clang-format on */
};

static const struct queue_case full[] = {
	/* clang-format off */
	{ 1, 8, 0, 0, 0 }, { 2, 6, 0, 0, 0 }, { 3, 5, 0, 0, 0 }, { 4, 4, 0, 0, 0 },
	{ 5, 3, 0, 0, 0 }, { 6, 2, 0, 0, 0 },
	{ 1, 5, 2, 0, 0 }, { 2, 4, 2, 0, 0 }, { 3, 3, 2, 0, 0 }, { 3, 4, 1, 0, 0 },
	{ 4, 2, 2, 0, 0 },
	{ 3, 6, 0, 1, 0 }, { 4, 5, 0, 1, 0 }, { 5, 4, 0, 1, 0 }, { 6, 3, 0, 1, 0 },
	{ 3, 4, 2, 1, 0 }, { 4, 3, 2, 1, 0 }, { 18, 3, 0, 8, 0 }, { 18, 2, 1, 8, 0 },
	{ 3, 4, 0, 1, 1 }, { 4, 3, 0, 1, 1 }, { 5, 2, 0, 1, 1 },
	{ 3, 3, 1, 1, 1 }, { 4, 2, 2, 1, 1 }, { 18, 2, 0, 8, 1 },
	{ 0 },
	/* clang-format on */
};

static const char usage[] =
	"usage: explorer-queue [options]\n"
	"\n"
	"All scripts of the queue's code under RC11, in a table of bounds.\n"
	"\n"
	"  --full            a longer table\n"
	"  --capacity N      one row instead: so many bytes,\n"
	"  --operations K    so many operations of each side,\n"
	"  --deaths D        so many kills in all,\n"
	"  --frames ALIGN    and frames so aligned instead of bytes\n"
	"  --batches         and several of them for one commit\n"
	"  --weaken LETTER   make that order of core.h (A to D) relaxed\n";

static const char *const sides[] = { "producer", "consumer" };

/* An empty queue at that offset, and bytes that nobody has published. */
static void set_up(bbq_word start)
{
	struct producer_side producer;
	struct consumer_side consumer;

	memset(&producer, 0, sizeof(producer));
	memset(&consumer, 0, sizeof(consumer));
	producer.left = (uint8_t)queue_case.operations;
	consumer.left = (uint8_t)queue_case.operations;
	explore_reset(2);
	explore_names(sides);
	explore_word(&queue_words.producer.write, "write", start);
	explore_word(&queue_words.producer.last, "last", 0);
	explore_word(&queue_words.consumer.read, "read", start);
	explore_bytes(queue_data, queue_case.capacity, GARBAGE);
	explore_private(PRODUCER, &producer, sizeof(producer));
	explore_private(CONSUMER, &consumer, sizeof(consumer));
}

static bool run_at(bbq_word start, struct explore_result *sum)
{
	const struct program program = {
		.threads = 2,
		.private_size = sizeof(union {
			struct producer_side producer;
			struct consumer_side consumer;
		}),
		.step = queue_case.align ? frames_step : bytes_step,
		.revive = queue_revive,
		.finish = queue_case.align ? frames_finish : bytes_finish,
		.deaths = queue_case.deaths,
	};
	struct explore_result result;
	bool fine;

	set_up(start);
	fine = explore(&program, &result);
	sum->states += result.states;
	sum->events += result.events;
	sum->ends += result.ends;
	return fine;
}

static void print_row(const struct explore_result *sum, double seconds,
		      bool fine)
{
	char what[24] = "bytes";

	if (queue_case.align)
		snprintf(what, sizeof(what), "%s/%u",
			 queue_case.batches ? "batches" : "frames",
			 queue_case.align);
	printf("%-9s %3u %10u %6u %11llu %12llu %10llu %7.1f  %s\n", what,
	       queue_case.capacity, queue_case.operations, queue_case.deaths,
	       sum->states, sum->events, sum->ends, seconds,
	       fine ? "ok" : "VIOLATION");
	fflush(stdout);
}

/*
 * From each offset at which an empty queue can be; from 0 in lap 0, which is
 * memory that is all zero, from the others in the last lap before it overflows.
 */
static bool run_row(const struct queue_case *row, struct explore_result *total)
{
	struct explore_result sum = { 0 };
	clock_t begin = clock();
	bool fine = true;

	queue_case = *row;
	for (bbq_word start = 0; start <= row->capacity && fine; start++)
		fine = run_at(start ? (bbq_word)~BBQ_OFFSET_MASK | start : 0,
			      &sum);
	print_row(&sum, (double)(clock() - begin) / CLOCKS_PER_SEC, fine);
	total->states += sum.states;
	total->events += sum.events;
	total->ends += sum.ends;
	return fine;
}

static bool run_table(const struct queue_case *row)
{
	struct explore_result total = { 0 };
	unsigned rows = 0;

	printf("what        N operations deaths      states       events"
	       "       ends seconds\n");
	for (; row->capacity; row++, rows++)
		if (!run_row(row, &total))
			return false;
	printf("%u bounds, %llu states, %llu events, %llu ends: no violation\n",
	       rows, total.states, total.events, total.ends);
	return true;
}

static _Noreturn void die_of_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > max)
		die_of_usage();
	return (unsigned)value;
}

static unsigned alignment(const char *text)
{
	unsigned value = number(text, 8);

	if (value != 1 && value != 8)
		die_of_usage();
	return value;
}

static char letter(const char *text)
{
	if (strlen(text) != 1 || !strchr("ABCD", *text))
		die_of_usage();
	return *text;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "full", no_argument, NULL, 'F' },
		{ "capacity", required_argument, NULL, 'n' },
		{ "operations", required_argument, NULL, 'o' },
		{ "deaths", required_argument, NULL, 'd' },
		{ "frames", required_argument, NULL, 'f' },
		{ "batches", no_argument, NULL, 'b' },
		{ "weaken", required_argument, NULL, 'w' },
		{ 0 },
	};
	struct queue_case one[2] = { { 0, 3, 0, 0, false }, { 0 } };
	const struct queue_case *table = quick;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'F':
			table = full;
			break;
		case 'n':
			one[0].capacity = number(optarg, MAX_BYTES);
			table = one;
			break;
		case 'o':
			one[0].operations = number(optarg, 8);
			break;
		case 'd':
			one[0].deaths = number(optarg, 8);
			break;
		case 'f':
			one[0].align = alignment(optarg);
			break;
		case 'b':
			one[0].batches = true;
			break;
		case 'w':
			queue_weakened = letter(optarg);
			break;
		default:
			die_of_usage();
		}
	}
	if (optind < argc)
		die_of_usage();
	return run_table(table) ? 0 : 1;
}
