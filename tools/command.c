/* SPDX-License-Identifier: MIT */
/* command.c - from a table of options to what a command line says */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bbq/core.h>

#include "command.h"

bool command_whole(const char *value, unsigned long long *ret,
		   const char **ret_end)
{
	char *end;

	if (*value < '0' || *value > '9')
		return false;
	errno = 0;
	*ret = strtoull(value, &end, 10);
	*ret_end = end;
	return errno == 0;
}

bool command_size(const char *value, struct options *options, size_t offset)
{
	static const struct {
		const char *suffix;
		unsigned int shift;
	} units[] = { { "", 0 }, { "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 } };
	unsigned long long number;
	const char *end;

	if (!command_whole(value, &number, &end))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix) != 0)
			continue;
		if (number > BBQ_CAPACITY_MAX >> units[i].shift)
			return false;
		number <<= units[i].shift;
		*(size_t *)command_field(options, offset) = (size_t)number;
		return number > 0;
	}
	return false;
}

enum status command_usage(const struct command *command, const char *format,
			  ...)
{
	va_list args;

	fprintf(stderr, "%s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (see %s --help)\n", command->name);
	return STATUS_USAGE;
}

/*
 * For getopt, which tells a row by its number; behind the rows come help and
 * version. How many rows there are.
 */
static int long_options(const struct command *command,
			struct option table[COMMAND_ROWS_MAX + 3])
{
	int rows = 0;

	for (; rows < COMMAND_ROWS_MAX && command->rows[rows].name; rows++) {
		table[rows] = (struct option){
			.name = command->rows[rows].name,
			.has_arg = command->rows[rows].parse ? required_argument
							     : no_argument,
			.val = rows,
		};
	}
	table[rows] = (struct option){ "help", no_argument, NULL, rows };
	table[rows + 1] =
		(struct option){ "version", no_argument, NULL, rows + 1 };
	table[rows + 2] = (struct option){ 0 };
	return rows;
}

static enum status apply(const struct command *command,
			 const struct command_row *row, struct options *options)
{
	const char *why = row->refuse ? row->refuse(options) : NULL;

	if (why)
		return command_usage(command, "--%s: %s", row->name, why);
	if (!row->parse) {
		*(bool *)command_field(options, row->offset) = true;
		return STATUS_OK;
	}
	if (row->parse(optarg, options, row->offset))
		return STATUS_OK;
	return command_usage(command, "--%s: bad %s '%s'", row->name, row->bad,
			     optarg);
}

/* After so many characters, negative if they could not be printed. */
static enum status printed(const struct command *command, int count)
{
	if (count >= 0 && fflush(stdout) == 0)
		return STATUS_OK;
	fprintf(stderr, "%s: stdout: %s\n", command->name, strerror(errno));
	return STATUS_ERROR;
}

/*
 * A letter may be one of several in its argument: getopt tells it alone, as a
 * char, so that a byte above 127 may be negative.
 */
static enum status unknown(const struct command *command, char **argv,
			   bool is_letter)
{
	const char letter[] = { '-', (char)optopt, '\0' };

	return command_usage(command, "unknown option '%s'",
			     is_letter ? letter : argv[optind - 1]);
}

enum status command_parse(const struct command *command, int argc, char **argv,
			  struct options *ret, bool *ret_exit)
{
	struct option table[COMMAND_ROWS_MAX + 3];
	int rows = long_options(command, table);
	int help = rows, version = rows + 1;
	enum status status;
	int choice;

	*ret_exit = true;
	opterr = 0;
	while ((choice = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		if (choice == help || choice == 'h')
			return printed(command, fputs(command->usage, stdout));
		if (choice == version)
			return printed(command, printf("%s " BBQ_VERSION "\n",
						       command->name));
		if (choice == ':')
			return command_usage(command, "%s needs a value",
					     argv[optind - 1]);
		if (choice == '?')
			return unknown(command, argv,
				       optopt < 0 || optopt > version);
		status = apply(command, &command->rows[choice], ret);
		if (status != STATUS_OK)
			return status;
	}
	*ret_exit = false;
	return STATUS_OK;
}
