/* SPDX-License-Identifier: MIT */
/* What the tests of the Linux layer share: segments, peers, looking around. */
#ifndef TESTS_LINUX_LINUX_H
#define TESTS_LINUX_LINUX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bbq/bbq.h>

#include <criterion/criterion.h>

#include "peer.h"

/* Seconds; a test takes milliseconds, but neighbours may hold the machine. */
#define PATIENCE 120

#define MS ((int64_t)1000000)

/* Long enough never to pass in a test that works. */
#define LONG (PATIENCE * 1000 * MS)

/* How errors of one call are told apart from those of another. */
#define is(expected, call) cr_assert_eq(call, expected, #call)

/* ---- segments ---------------------------------------------------------- */

static inline struct bbq_segment *make_with(const struct bbq_config *config)
{
	struct bbq_segment *segment = NULL;

	is(0, bbq_segment_create(config, &segment));
	cr_assert_not_null(segment);
	return segment;
}

static inline struct bbq_segment *make(size_t capacity)
{
	const struct bbq_config config = { .capacity = capacity };

	return make_with(&config);
}

static inline struct bbq_segment *make_frames(size_t capacity, size_t align)
{
	const struct bbq_config config = {
		.capacity = capacity,
		.mode = BBQ_MODE_FRAMES,
		.frame_align = align,
	};

	return make_with(&config);
}

/* The sides of a segment that was made with the default page size. */
static inline struct bbq_producer_page *
producer_page(const struct bbq_segment *segment)
{
	char *data = bbq_segment_data(segment);

	return (void *)(data - 2 * sysconf(_SC_PAGESIZE));
}

static inline struct bbq_consumer_page *
consumer_page(const struct bbq_segment *segment)
{
	char *data = bbq_segment_data(segment);

	return (void *)(data - sysconf(_SC_PAGESIZE));
}

/* A name of this process and test; at most one at a time is valid. */
static inline const char *own_name(const char *tag)
{
	static char name[64];

	snprintf(name, sizeof(name), "/bbq-test-%d-%s", (int)getpid(), tag);
	return name;
}

/* ---- looking around ---------------------------------------------------- */

static inline size_t entries(const char *path, const char *prefix)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	cr_assert_not_null(dir);
	while ((entry = readdir(dir)))
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return n;
}

static inline size_t open_fds(void)
{
	return entries("/proc/self/fd", "");
}

/* Mappings of this process whose line tells of a memfd or of /dev/shm. */
static inline size_t shared_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[1024];
	size_t n = 0;

	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file))
		n += strstr(line, "memfd:bbq") || strstr(line, "/dev/shm/bbq");
	fclose(file);
	return n;
}

/* Names in /dev/shm that this process has made and not removed. */
static inline size_t own_names(void)
{
	return entries("/dev/shm", own_name("") + 1);
}

/* ---- bytes ------------------------------------------------------------- */

static inline void send_text(struct bbq_sender *sender, const char *text)
{
	struct bbq_span span;
	size_t len = strlen(text);

	is(0, bbq_sender_grant(sender, len, LONG, &span));
	memcpy(span.data, text, len);
	is(0, bbq_sender_commit(sender, len));
}

/* The next read shows exactly text; leave it open. */
static inline void see_text(struct bbq_receiver *receiver, const char *text)
{
	struct bbq_view view;

	is(0, bbq_receiver_read(receiver, LONG, &view));
	cr_assert_eq(view.len, strlen(text));
	cr_assert_eq(memcmp(view.data, text, view.len), 0);
}

static inline void recv_text(struct bbq_receiver *receiver, const char *text)
{
	see_text(receiver, text);
	is(0, bbq_receiver_release(receiver, strlen(text)));
}

/* Both cursors of an empty queue come to stand at offset. */
static inline void advance(struct bbq_sender *sender,
			   struct bbq_receiver *receiver, size_t offset)
{
	struct bbq_span span;
	struct bbq_view view;

	is(0, bbq_sender_grant(sender, offset, 0, &span));
	is(0, bbq_sender_commit(sender, offset));
	is(0, bbq_receiver_read(receiver, 0, &view));
	is(0, bbq_receiver_release(receiver, offset));
}

/* ---- the other process ------------------------------------------------- */

#define PEER_STEPS_MAX 32

static inline void peer_run(struct peer *peer, int fd, const char *what,
			    va_list steps)
{
	char *argv[PEER_STEPS_MAX + 3] = { (char *)PEER, (char *)what };
	size_t n = 2;
	char *step;

	while ((step = va_arg(steps, char *))) {
		cr_assert_lt(n, PEER_STEPS_MAX + 2);
		argv[n++] = step;
	}
	cr_assert_eq(peer_spawn(peer, fd, argv), 0);
}

/* Start the peer program on the segment in fd (see peer.c for the steps). */
static inline void peer_start(struct peer *peer, int fd, ...)
{
	va_list steps;

	va_start(steps, fd);
	peer_run(peer, fd, "fd:3", steps);
	va_end(steps);
}

/* Start it without a segment, and with fd as its descriptor 3. */
static inline void peer_start_bare(struct peer *peer, int fd, ...)
{
	va_list steps;

	va_start(steps, fd);
	peer_run(peer, fd, "-", steps);
	va_end(steps);
}

/* Until the peer has come to its next "say". */
static inline void peer_await(struct peer *peer)
{
	char byte;

	cr_assert_eq(read(peer->from, &byte, 1), 1);
}

/* Let the peer go on from its "wait". */
static inline void peer_go(struct peer *peer)
{
	cr_assert_eq(write(peer->to, "", 1), 1);
}

/* Until the peer has done all of its steps, each with success. */
static inline void peer_done(struct peer *peer)
{
	cr_assert_eq(peer_reap(peer), 0);
}

#endif /* TESTS_LINUX_LINUX_H */
