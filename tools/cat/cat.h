/* SPDX-License-Identifier: MIT */
/*
 * bbq-cat: a pipe between two processes, through a queue in shared memory
 *
 *     main.c      the command line's life: open, move, report, exit
 *     options.c   what the command line says; ../command.c: how it is read
 *     queue.c     from a NAME to a segment and a role in it
 *     channel.c   the same, where NAME is a socket
 *     send.c      input to queue      recv.c   queue to output
 *     io.c        reads and writes    io_ring.c  the same by io_uring
 *     report.c    errors, --progress, --json
 */
#ifndef BBQ_CAT_H
#define BBQ_CAT_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bbq/bbq.h>

#include "../command.h"
#include "io.h"

#define NS_PER_SEC INT64_C(1000000000)
/* How long a wait may last before it looks at signals and the peer. */
#define TICK_NS (NS_PER_SEC / 10)
#define TICK_MS 100

/* Of users or of groups. */
#define IDS_MAX 32

struct ids {
	uint32_t id[IDS_MAX];
	size_t count;
};

struct options {
	bool send;
	bool recv;
	const char *name;
	const char *file; /* null: stdin */
	size_t capacity;
	bool capacity_set;
	int64_t timeout_ns; /* negative: none */
	enum io_kind io;
	struct ids uids; /* who may be at the other end of a socket */
	struct ids gids;
	bool wait_peer;
	bool fresh;
	bool lines;
	bool drop;
	bool progress;
	bool json;
};

struct counts {
	uint64_t bytes;
	uint64_t lines;
	uint64_t dropped_bytes;
	uint64_t dropped_lines;
};

/* One run of bbq-cat. */
struct cat {
	const struct options *options;
	char shm_name[NAME_MAX + 2]; /* with its slash; empty: by descriptor */
	struct bbq_segment *segment;
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	unsigned int closed_fds; /* standard ones that came closed, as bits */
	struct io io;
	struct counts counts;
	size_t unsent; /* bytes of lines that a stop has left in our hands */
	int64_t started_ns;
	int64_t waiting_ns;  /* since when for a peer that is not there; 0 */
	int64_t looked_ns;   /* last look at whether the peer is there */
	int64_t reported_ns; /* last progress report */
	uint64_t reported_bytes;
	bool over_socket;   /* the queue is these two processes' own */
	bool stranger_told; /* somebody who came to our socket was refused */
	bool progress_line; /* an unfinished line stands on the terminal */
};

/* Set by SIGINT and SIGTERM. */
extern volatile sig_atomic_t stop_signals;

/* options.c: STATUS_OK, or what to exit with after having said why. */
enum status options_parse(int argc, char **argv, struct options *ret,
			  bool *ret_exit);

/* queue.c: open the segment and claim the role that the options name. */
enum status queue_open(struct cat *cat);
/* Remove the queue's name, whatever is left in it. */
void queue_discard(struct cat *cat);

/* Say what is wrong with it, or with its NAME; STATUS_ERROR, STATUS_USAGE. */
enum status queue_error(struct cat *cat, const char *what);
enum status queue_usage(struct cat *cat, const char *what);

/*
 * channel.c: the same as queue_open, by the socket that NAME names, or, if it
 * is not negative, by fd.
 */
enum status channel_open(struct cat *cat, int fd);

/* send.c, recv.c: move everything; the role is closed or abandoned. */
enum status send_run(struct cat *cat);
enum status recv_run(struct cat *cat);

/* report.c */
int64_t clock_ns(void);
/* Say what went wrong, in one line on stderr. */
void report_error(struct cat *cat, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A progress line, if it is time for one. */
void report_progress(struct cat *cat);
/* The last words of a run. */
void report_end(struct cat *cat, enum status status);

/*
 * Between two slices of a wait: progress, and whether to go on. -EINTR: a
 * signal asks to stop; -ETIMEDOUT: the peer has not come within --timeout.
 */
int cat_tick(struct cat *cat, const struct bbq_end *end);
/* bbq_end_peer, but 0 for a dead peer whose successor is waited for. */
int cat_peer_gone(const struct cat *cat, const struct bbq_end *end);

#endif /* BBQ_CAT_H */
