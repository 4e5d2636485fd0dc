/* SPDX-License-Identifier: MIT */
/* options.c - bbq-cat's command line: its table, a handler a kind of value */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
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

/* Of a second name, whatever it is. */
static const char *second_name(const struct options *options)
{
	return options->name ? "one queue and one direction at a time" : NULL;
}

static bool parse_name(const char *value, struct options *options,
		       size_t offset)
{
	if (*value == '\0')
		return false;
	*(bool *)command_field(options, offset) = true;
	options->name = value;
	return true;
}

static bool parse_capacity(const char *value, struct options *options,
			   size_t offset)
{
	options->capacity_set = true;
	return command_size(value, options, offset);
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
	*(int64_t *)command_field(options, offset) =
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
			*(enum io_kind *)command_field(options, offset) =
				(enum io_kind)i;
			return true;
		}
	}
	return false;
}

static bool parse_number(const char *text, uint32_t *ret)
{
	unsigned long long number;
	const char *end;

	/* The highest one means nobody, to the kernel. */
	if (!command_whole(text, &number, &end) || *end != '\0' ||
	    number >= UINT32_MAX)
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
	return parse_ids(value, command_field(options, offset), parse_user);
}

static bool parse_gids(const char *value, struct options *options,
		       size_t offset)
{
	return parse_ids(value, command_field(options, offset), parse_group);
}

static const struct command command = {
	.name = "bbq-cat",
	.usage = usage_text,
	.rows = {
		{ "send", parse_name, FIELD(send), "name", second_name },
		{ "recv", parse_name, FIELD(recv), "name", second_name },
		{ "capacity", parse_capacity, FIELD(capacity), .bad = "size" },
		{ "timeout", parse_seconds, FIELD(timeout_ns), .bad = "time" },
		{ "io", parse_io, FIELD(io), .bad = "way" },
		{ "uid", parse_uids, FIELD(uids), .bad = "user" },
		{ "gid", parse_gids, FIELD(gids), .bad = "group" },
		{ "wait-peer", .offset = FIELD(wait_peer) },
		{ "fresh", .offset = FIELD(fresh) },
		{ "lines", .offset = FIELD(lines) },
		{ "drop", .offset = FIELD(drop) },
		{ "progress", .offset = FIELD(progress) },
		{ "json", .offset = FIELD(json) },
	},
};

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
		return command_usage(&command, "a direction is needed: "
					       "--send NAME or --recv NAME");
	if (options->recv && sender_only(options))
		return command_usage(&command, "%s is the sender's option",
				     sender_only(options));
	if (options->recv && options->file)
		return command_usage(&command, "a receiver takes no FILE: '%s'",
				     options->file);
	return STATUS_OK;
}

enum status options_parse(int argc, char **argv, struct options *ret,
			  bool *ret_exit)
{
	enum status status;

	*ret = (struct options){ .capacity = CAPACITY_DEFAULT,
				 .timeout_ns = -1 };
	status = command_parse(&command, argc, argv, ret, ret_exit);
	if (status != STATUS_OK || *ret_exit)
		return status;
	if (optind < argc)
		ret->file = argv[optind++];
	if (optind < argc)
		return command_usage(&command, "too many files: '%s'",
				     argv[optind]);
	if (ret->file && strcmp(ret->file, "-") == 0 && ret->send)
		ret->file = NULL;
	return check(ret);
}
