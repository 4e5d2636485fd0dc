/* SPDX-License-Identifier: MIT */
/*
 * command.h - what the programs here have in common: the command line
 *
 * A program has a table of its options, a row each: its name, what stores its
 * value, and where. From that, command.c reads a command line, and says what is
 * wrong with it. What goes together and what does not, the program knows.
 */
#ifndef BBQ_COMMAND_H
#define BBQ_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* What the process exits with; see bbq-cat(1) and bbq-lat(1). */
enum status {
	STATUS_OK = 0,
	STATUS_ERROR = 1,
	STATUS_USAGE = 2,
	STATUS_PEER_DIED = 3, /* bbq-cat */
};

/* What a command line says: each program's own. */
struct options;

struct command_row {
	const char *name;
	/* Store value in the field, if it is one. Null: a switch, of a bool. */
	bool (*parse)(const char *value, struct options *options,
		      size_t offset);
	size_t offset;	 /* of the field in struct options */
	const char *bad; /* what to call a value that is refused */
	/* Why the option cannot be given now; null if it can. May be null. */
	const char *(*refuse)(const struct options *options);
};

#define COMMAND_ROWS_MAX 32

struct command {
	const char *name;
	const char *usage;
	/* As many as have a name; --help and --version come by themselves. */
	struct command_row rows[COMMAND_ROWS_MAX];
};

#define FIELD(name) offsetof(struct options, name)

static inline void *command_field(struct options *options, size_t offset)
{
	return (char *)options + offset;
}

/*
 * Store what the command line says, up to what is no option: argv[optind].
 * STATUS_OK, or what to exit with after having said why. *ret_exit: nothing is
 * left to do, be it well.
 */
enum status command_parse(const struct command *command, int argc, char **argv,
			  struct options *ret, bool *ret_exit);

/* Say what is wrong with the command line; STATUS_USAGE. */
enum status command_usage(const struct command *command, const char *format,
			  ...) __attribute__((format(printf, 2, 3)));

/* A decimal number, and what comes behind it; false: there is none. */
bool command_whole(const char *value, unsigned long long *ret,
		   const char **ret_end);

/* Of a row, for a size_t: bytes that a queue can have, maybe with a unit. */
bool command_size(const char *value, struct options *options, size_t offset);

#endif /* BBQ_COMMAND_H */
