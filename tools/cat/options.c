/* SPDX-License-Identifier: MIT */
/* options.c - the command line: one table, one handler a kind of value */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cat.h"

#define CAPACITY_DEFAULT ((size_t)1 << 20)

static const char usage_text[] =
	"usage: bbq-cat --send NAME [option]... [FILE]\n"
	"       bbq-cat --recv NAME [option]...\n"
	"\n"
	"Move bytes from one process to another through a queue in shared\n"
	"memory: stdin or FILE into the queue NAME, the queue NAME to stdout.\n"
	"NAME is /name (POSIX shared memory; the slash may be left out), a\n"
	"path like ./socket or @name (Unix socket: each side writes only its\n"
	"half of the queue), or fd:N (an inherited descriptor). Either side\n"
	"may start first.\n"
	"\n"
	"  --send NAME       be the sender; it makes the queue\n"
	"  --recv NAME       be the receiver\n"
	"  --capacity SIZE   bytes of the queue: 1 to 4294967295, with KiB, MiB\n"
	"                    or GiB (default 1MiB; sender)\n"
	"  --timeout SECS    how long to wait for the other side to come\n"
	"  --wait-peer       if the other side dies, wait for a new one\n"
	"  --uid LIST        who may be the other side of a Unix socket: users,\n"
	"  --gid LIST        groups, by name or number, with commas between\n"
	"                    (default: the own user)\n"
	"  --fresh           replace a queue left behind by dead processes\n"
	"                    instead of going on with it (sender)\n"
	"  --lines           one frame a line (sender)\n"
	"  --drop            never stall the input: drop what finds no room,\n"
	"                    count it and report it (sender)\n"
	"  --io HOW          auto, uring or sync (default auto)\n"
	"  --progress        show bytes, rate and fill on stderr\n"
	"  --json            report on stderr as JSON\n"
	"  --help            show this text\n"
	"  --version         show the version\n"
	"\n"
	"Exit status: 0 all delivered and both sides closed, 1 an error,\n"
	"2 usage, 3 the other side died.\n";

/* Store value, if it is one. */
typedef bool (*parse_fn)(const char *value, struct options *options,
			 size_t offset);

struct option_row {
	const char *name;
	parse_fn parse;	 /* null: a switch */
	size_t offset;	 /* of the field in struct options */
	const char *bad; /* what to call a value that is refused */
};

static bool parse_name(const char *value, struct options *options,
		       size_t offset)
{
	if (options->name || *value == '\0')
		return false;
	*(bool *)((char *)options + offset) = true;
	options->name = value;
	return true;
}

static bool parse_size(const char *value, struct options *options,
		       size_t offset)
{
	static const struct {
		const char *suffix;
		unsigned int shift;
	} units[] = { { "", 0 }, { "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 } };
	unsigned long long number;
	char *end;

	if (*value < '0' || *value > '9')
		return false;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno != 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix) != 0)
			continue;
		if (number > BBQ_CAPACITY_MAX >> units[i].shift)
			return false;
		number <<= units[i].shift;
		*(size_t *)((char *)options + offset) = (size_t)number;
		options->capacity_set = true;
		return number > 0;
	}
	return false;
}

static bool parse_seconds(const char *value, struct options *options,
			  size_t offset)
{
	char *end;
	double seconds;

	if ((*value < '0' || *value > '9') && *value != '.')
		return false;
	seconds = strtod(value, &end);
	/* 30 years are for ever; the comparison refuses a NaN too. */
	if (*end != '\0' || end == value || !(seconds >= 0) || seconds > 1e9)
		return false;
	*(int64_t *)((char *)options + offset) =
		(int64_t)(seconds * (double)NS_PER_SEC);
	return true;
}

static bool parse_io(const char *value, struct options *options, size_t offset)
{
	static const char *const names[] = {
		[IO_AUTO] = "auto", [IO_URING] = "uring", [IO_SYNC] = "sync"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			*(enum io_kind *)((char *)options + offset) =
				(enum io_kind)i;
			return true;
		}
	}
	return false;
}

static bool parse_number(const char *text, uint32_t *ret)
{
	unsigned long number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	/* The highest one means nobody, to the kernel. */
	if (*end != '\0' || errno != 0 || number >= UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

/* A number, or what the system knows by that name. */
static bool parse_user(const char *text, uint32_t *ret)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (parse_number(text, ret))
		return true;
	if (getpwnam_r(text, &entry, buffer, sizeof(buffer), &found) || !found)
		return false;
	*ret = found->pw_uid;
	return true;
}

static bool parse_group(const char *text, uint32_t *ret)
{
	struct group entry, *found = NULL;
	char buffer[4096];

	if (parse_number(text, ret))
		return true;
	if (getgrnam_r(text, &entry, buffer, sizeof(buffer), &found) || !found)
		return false;
	*ret = found->gr_gid;
	return true;
}

/* May be given more than once: the lists add up. */
static bool parse_ids(const char *value, struct ids *ids,
		      bool (*parse)(const char *, uint32_t *))
{
	char text[64];
	size_t len;

	do {
		len = strcspn(value, ",");
		if (len >= sizeof(text) || ids->count == IDS_MAX)
			return false;
		memcpy(text, value, len);
		text[len] = '\0';
		if (!parse(text, &ids->id[ids->count]))
			return false;
		ids->count++;
		value += len + 1;
	} while (value[-1] == ',');
	return true;
}

static bool parse_uids(const char *value, struct options *options,
		       size_t offset)
{
	return parse_ids(value, (struct ids *)((char *)options + offset),
			 parse_user);
}

static bool parse_gids(const char *value, struct options *options,
		       size_t offset)
{
	return parse_ids(value, (struct ids *)((char *)options + offset),
			 parse_group);
}

#define FIELD(field) offsetof(struct options, field)

static const struct option_row rows[] = {
	{ "send", parse_name, FIELD(send), "name" },
	{ "recv", parse_name, FIELD(recv), "name" },
	{ "capacity", parse_size, FIELD(capacity), "size" },
	{ "timeout", parse_seconds, FIELD(timeout_ns), "time" },
	{ "io", parse_io, FIELD(io), "way" },
	{ "uid", parse_uids, FIELD(uids), "user" },
	{ "gid", parse_gids, FIELD(gids), "group" },
	{ "wait-peer", NULL, FIELD(wait_peer), NULL },
	{ "fresh", NULL, FIELD(fresh), NULL },
	{ "lines", NULL, FIELD(lines), NULL },
	{ "drop", NULL, FIELD(drop), NULL },
	{ "progress", NULL, FIELD(progress), NULL },
	{ "json", NULL, FIELD(json), NULL },
};

enum {
	ROWS = sizeof(rows) / sizeof(rows[0]),
	OPTION_HELP = ROWS,
	OPTION_VERSION,
};

static void long_options(struct option table[ROWS + 3])
{
	for (int i = 0; i < ROWS; i++) {
		table[i] = (struct option){
			.name = rows[i].name,
			.has_arg =
				rows[i].parse ? required_argument : no_argument,
			.val = i,
		};
	}
	table[ROWS] = (struct option){ "help", no_argument, NULL, OPTION_HELP };
	table[ROWS + 1] =
		(struct option){ "version", no_argument, NULL, OPTION_VERSION };
	table[ROWS + 2] = (struct option){ 0 };
}

static enum status usage(const char *format, const char *what)
{
	fprintf(stderr, "bbq-cat: ");
	fprintf(stderr, format, what);
	fprintf(stderr, " (see bbq-cat --help)\n");
	return STATUS_USAGE;
}

static enum status apply(const struct option_row *row, struct options *options)
{
	char format[64];

	if (!row->parse) {
		*(bool *)((char *)options + row->offset) = true;
		return STATUS_OK;
	}
	if (row->parse(optarg, options, row->offset))
		return STATUS_OK;
	if (row->parse == parse_name && options->name)
		return usage("--%s: one queue and one direction at a time",
			     row->name);
	snprintf(format, sizeof(format), "--%s: bad %s '%%s'", row->name,
		 row->bad);
	return usage(format, optarg);
}

static enum status print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return STATUS_OK;
	fprintf(stderr, "bbq-cat: stdout: %s\n", strerror(errno));
	return STATUS_ERROR;
}

/* A letter may be one of several in its argument: getopt tells it alone. */
static enum status unknown(char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	bool is_letter = optopt > OPTION_VERSION;

	return usage("unknown option '%s'",
		     is_letter ? letter : argv[optind - 1]);
}

/* What only a sender can do. */
static const char *sender_only(const struct options *options)
{
	if (options->capacity_set)
		return "--capacity";
	if (options->fresh)
		return "--fresh";
	if (options->lines)
		return "--lines";
	if (options->drop)
		return "--drop";
	return NULL;
}

static enum status check(const struct options *options)
{
	if (!options->name)
		return usage("%s needed: --send NAME or --recv NAME",
			     "a direction is");
	if (options->recv && sender_only(options))
		return usage("%s is the sender's option", sender_only(options));
	if (options->recv && options->file)
		return usage("a receiver takes no FILE: '%s'", options->file);
	return STATUS_OK;
}

enum status options_parse(int argc, char **argv, struct options *ret,
			  bool *ret_exit)
{
	struct option table[ROWS + 3];
	enum status status;
	int choice;

	*ret = (struct options){ .capacity = CAPACITY_DEFAULT,
				 .timeout_ns = -1 };
	*ret_exit = true;
	long_options(table);
	opterr = 0;
	while ((choice = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		if (choice == OPTION_HELP || choice == 'h')
			return print(usage_text);
		if (choice == OPTION_VERSION)
			return print("bbq-cat " BBQ_VERSION "\n");
		if (choice == ':')
			return usage("%s needs a value", argv[optind - 1]);
		if (choice == '?')
			return unknown(argv);
		status = apply(&rows[choice], ret);
		if (status != STATUS_OK)
			return status;
	}
	if (optind < argc)
		ret->file = argv[optind++];
	if (optind < argc)
		return usage("too many files: '%s'", argv[optind]);
	if (ret->file && strcmp(ret->file, "-") == 0 && ret->send)
		ret->file = NULL;
	*ret_exit = false;
	return check(ret);
}
