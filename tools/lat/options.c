/* SPDX-License-Identifier: MIT */
/* options.c - bbq-lat's command line: its table, a handler a kind of value */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lat.h"

#define CAPACITY_DEFAULT ((size_t)64 << 10)
/* Once round the default ring with the default messages, and again. */
#define WARMUP_DEFAULT 2000
#define ROUNDS_DEFAULT 10
#define ROUNDS_MAX 10000
#define RATE_MAX 1e9

static const char usage_text[] =
	"usage: bbq-lat [option]...\n"
	"\n"
	"Measure how long a message takes from one process to another through\n"
	"a queue in shared memory, beside the machine's floor: the same over\n"
	"two bare cache lines.\n"
	"\n"
	"  --one-way         time the way there; default: the round trip\n"
	"  --size SIZE       bytes of a message, 8 or more (default 64)\n"
	"  --spin            who waits looks, and never sleeps\n"
	"  --sleep           who waits sleeps at once; default: looks for a\n"
	"                    while, then sleeps\n"
	"  --rate RATE       messages a second, with k or M; each is timed from\n"
	"                    when it is due. Default: each follows the last\n"
	"  --duration SECS   how long to measure (default 2)\n"
	"  --count N         how many messages to measure\n"
	"  --warmup N        messages before each sample (default 2000)\n"
	"  --rounds N        in how many pieces (default 10; with --rate 1, or 5\n"
	"                    with --vs)\n"
	"  --cpus A,B        the two processors; default: two cores\n"
	"  --capacity SIZE   bytes of the queue, with KiB, MiB or GiB (default\n"
	"                    64KiB)\n"
	"  --frames          send frames, not bytes\n"
	"  --vs LIST         measure rivals too: pipe, unix, slots, with commas\n"
	"  --json            print JSON, with the histograms\n"
	"  --plot FILE.svg   draw the percentiles\n"
	"  --help            show this text\n"
	"  --version         show the version\n"
	"\n"
	"Exit status: 0 measured, 1 an error, 2 usage.\n";

static bool parse_count(const char *value, struct options *options,
			size_t offset)
{
	unsigned long long number;
	const char *end;

	if (!command_whole(value, &number, &end) || *end != '\0' ||
	    number > INT64_MAX)
		return false;
	*(uint64_t *)command_field(options, offset) = number;
	return number > 0 || offset == offsetof(struct options, warmup);
}

static bool parse_rounds(const char *value, struct options *options,
			 size_t offset)
{
	unsigned long long number;
	const char *end;

	if (!command_whole(value, &number, &end) || *end != '\0' ||
	    number > ROUNDS_MAX)
		return false;
	*(unsigned int *)command_field(options, offset) = (unsigned int)number;
	return number > 0;
}

/* A decimal number above 0, maybe with a fraction, and what comes behind it. */
static bool parse_real(const char *value, double *ret, const char **ret_end)
{
	size_t len = strspn(value, "0123456789.");
	char *end;

	*ret = strtod(value, &end);
	*ret_end = end;
	return len > 0 && end == value + len && *ret > 0;
}

static bool parse_seconds(const char *value, struct options *options,
			  size_t offset)
{
	const char *end;
	double seconds;

	if (!parse_real(value, &seconds, &end) || *end != '\0' ||
	    seconds > 1e9 || seconds < 1e-9)
		return false;
	*(int64_t *)command_field(options, offset) =
		(int64_t)(seconds * (double)NS_PER_SEC);
	return true;
}

static bool parse_rate(const char *value, struct options *options,
		       size_t offset)
{
	const char *end;
	double rate;

	if (!parse_real(value, &rate, &end))
		return false;
	if (strcmp(end, "k") == 0)
		rate *= 1e3;
	else if (strcmp(end, "M") == 0)
		rate *= 1e6;
	else if (*end != '\0')
		return false;
	*(double *)command_field(options, offset) = rate;
	/* One in thirty years, and one a nanosecond. */
	return rate >= 1e-9 && rate <= RATE_MAX;
}

static bool parse_cpus(const char *value, struct options *options,
		       size_t offset)
{
	int *cpus = command_field(options, offset);

	for (int i = 0; i < 2; i++) {
		unsigned long long number;
		const char *end;

		if (!command_whole(value, &number, &end) ||
		    number > INT32_MAX || *end != (i == 0 ? ',' : '\0'))
			return false;
		cpus[i] = (int)number;
		value = end + 1;
	}
	/* Two processes on one processor only wait for their time slice. */
	return cpus[0] != cpus[1];
}

static bool parse_vs(const char *value, struct options *options, size_t offset)
{
	bool *vs = command_field(options, offset);

	for (;;) {
		size_t len = strcspn(value, ",");
		unsigned int way = WAY_BBQ + 1;

		while (way < WAYS &&
		       (strncmp(value, ways[way]->name, len) != 0 ||
			ways[way]->name[len] != '\0'))
			way++;
		if (way == WAYS)
			return false;
		vs[way] = true;
		if (value[len] == '\0')
			return true;
		value += len + 1;
	}
}

static bool parse_text(const char *value, struct options *options,
		       size_t offset)
{
	*(const char **)command_field(options, offset) = value;
	return *value != '\0';
}

static const struct command command = {
	.name = "bbq-lat",
	.usage = usage_text,
	.rows = {
		{ "one-way", .offset = FIELD(one_way) },
		{ "size", command_size, FIELD(setup.size), .bad = "size" },
		{ "spin", .offset = FIELD(spin) },
		{ "sleep", .offset = FIELD(sleep) },
		{ "rate", parse_rate, FIELD(rate), .bad = "rate" },
		{ "duration", parse_seconds, FIELD(duration_ns), .bad = "time" },
		{ "count", parse_count, FIELD(count), .bad = "number" },
		{ "warmup", parse_count, FIELD(warmup), .bad = "number" },
		{ "rounds", parse_rounds, FIELD(rounds), .bad = "number" },
		{ "cpus", parse_cpus, FIELD(cpus), .bad = "pair of processors" },
		{ "capacity", command_size, FIELD(setup.capacity),
		  .bad = "size" },
		{ "frames", .offset = FIELD(setup.frames) },
		{ "vs", parse_vs, FIELD(vs), .bad = "list of rivals" },
		{ "json", .offset = FIELD(json) },
		{ "plot", parse_text, FIELD(plot), .bad = "file" },
	},
};

static enum status check(const struct options *options)
{
	if (options->spin && options->sleep)
		return command_usage(&command,
				     "--spin and --sleep exclude each other");
	if (options->count && options->duration_ns)
		return command_usage(
			&command, "--count and --duration exclude each other");
	if (options->setup.size < SIZE_MIN)
		return command_usage(&command,
				     "--size: a message has at least %zu bytes",
				     SIZE_MIN);
	for (unsigned int way = 0; way < WAYS; way++) {
		if (options_wants(options, way) &&
		    !ways[way]->fits(&options->setup))
			return command_usage(
				&command,
				"--size: a message of %zu bytes does not "
				"fit into a queue of %zu bytes (%s)",
				options->setup.size, options->setup.capacity,
				ways[way]->name);
	}
	return STATUS_OK;
}

/* What has not been said. */
static void complete(struct options *options)
{
	if (options->count == 0 && options->duration_ns == 0)
		options->duration_ns = 2 * NS_PER_SEC;
	if (options->spin)
		options->setup.waiting = WAIT_SPIN;
	if (options->sleep)
		options->setup.waiting = WAIT_SLEEP;
}

bool options_wants(const struct options *options, unsigned int way)
{
	return way == WAY_BBQ || options->vs[way];
}

uint64_t plan_count(const struct options *options)
{
	double count = options->rate * (double)options->duration_ns /
		       (double)NS_PER_SEC;

	if (options->count > 0 || options->rate <= 0)
		return options->count;
	return count >= 1 ? (uint64_t)(count + 0.5) : 1;
}

/*
 * With a rate, a schedule ends with its piece: a pause that outlasts it is
 * seen no longer than the piece. So there is only one, if no rival waits.
 */
unsigned int plan_rounds(const struct options *options)
{
	uint64_t count = plan_count(options);
	unsigned int rounds = options->rounds;
	bool rivals = false;

	for (unsigned int way = WAY_BBQ + 1; way < WAYS; way++)
		rivals = rivals || options->vs[way];
	if (rounds == 0)
		rounds = options->rate <= 0 ? ROUNDS_DEFAULT
			 : rivals	    ? ROUNDS_DEFAULT / 2
					    : 1;
	return count > 0 && count < rounds ? (unsigned int)count : rounds;
}

enum status options_parse(int argc, char **argv, struct options *ret,
			  bool *ret_exit)
{
	enum status status;

	*ret = (struct options){
		.setup = { .size = 64, .capacity = CAPACITY_DEFAULT },
		.warmup = WARMUP_DEFAULT,
		.cpus = { -1, -1 },
	};
	status = command_parse(&command, argc, argv, ret, ret_exit);
	if (status != STATUS_OK || *ret_exit)
		return status;
	if (optind < argc)
		return command_usage(&command, "what is '%s'?", argv[optind]);
	status = check(ret);
	complete(ret);
	return status;
}
