/* SPDX-License-Identifier: MIT */
/*
 * bbq-cat's command line: any arguments, cut at the zero bytes of the input.
 * It is accepted, and then says what to do, or refused with status 2.
 */
#include <getopt.h>

#include "../../tools/cat/cat.h"
#include "fuzz.h"

#define ARGUMENTS_MAX 16

/* Most inputs are made of words that mean something. */
static const char *const words[] = {
	"--send", "--recv",	"q",	   "/q",	"fd:3",
	"--io",	  "sync",	"auto",	   "uring",	"--capacity",
	"64KiB",  "9GiB",	"--lines", "--drop",	"--timeout",
	"1.5",	  "--progress", "--json",  "--fresh",	"--wait-peer",
	"-",	  "--",		"-h",	   "--version",
};

static size_t split(char *text, size_t len, char **argv)
{
	static char program[] = "bbq-cat";
	size_t argc = 1, at = 0;

	argv[0] = program;
	while (at < len && argc < ARGUMENTS_MAX) {
		unsigned char first = (unsigned char)text[at];

		if (first >= 0x80) {
			size_t word = first % (sizeof(words) / sizeof(*words));

			argv[argc++] = (char *)(uintptr_t)words[word];
			at++;
			continue;
		}
		argv[argc++] = text + at;
		at += strlen(text + at) + 1;
	}
	argv[argc] = NULL;
	return argc;
}

static void accepted(const struct options *options)
{
	check(options->name && options->name[0]);
	check(options->send != options->recv);
	check(options->capacity >= 1 && options->capacity <= BBQ_CAPACITY_MAX);
	check(options->timeout_ns >= -1);
	check(options->io == IO_AUTO || options->io == IO_URING ||
	      options->io == IO_SYNC);
	check(options->send || !options->capacity_set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[ARGUMENTS_MAX + 1];
	char *text = malloc(size + 1);
	struct options options;
	enum status status;
	bool over = false;
	size_t argc;

	check(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	argc = split(text, size, argv);
	optind = 0; /* glibc: from the beginning */
	status = options_parse((int)argc, argv, &options, &over);
	check(status == STATUS_OK || status == STATUS_USAGE);
	if (status == STATUS_OK && !over)
		accepted(&options);
	free(text);
	return 0;
}
