/* SPDX-License-Identifier: MIT */
/* internal.h - what the library's own files share. */
#ifndef BBQ_INTERNAL_H
#define BBQ_INTERNAL_H

#include <limits.h>
#include <stdbool.h>

#include <bbq/bbq.h>

struct bbq_segment {
	int fd; /* an open file description of this segment's own */
	enum bbq_mode mode;
	size_t frame_align;
	size_t capacity;
	size_t size; /* mapped bytes */
	struct bbq_producer_page *producer;
	struct bbq_consumer_page *consumer;
	unsigned char *data;
	unsigned char *map;
	char name[NAME_MAX + 1]; /* with its slash; empty: opened by fd */
	/* Of a sealed segment, whose fd is our half, to be read only: */
	int role;    /* ours: BBQ_LOCK_PRODUCER or _CONSUMER; else 0 */
	int role_fd; /* our half, with our role's lock; -1: opened */
	int peer_fd; /* the peer's half, or -1 */
	int socket;  /* hangs up with the peer, or -1 */
	int pidfd;   /* of the peer, or -1 */
};

/* header.c */

/* The header of such a segment. -EINVAL */
int bbq_header_from_config(const struct bbq_config *config,
			   struct bbq_header *ret);
/* Is this the header of a segment that this library can use? */
bool bbq_header_possible(const struct bbq_header *header);

/* segment.c */

/* Give fd its size and the memory for all of it: no SIGBUS later. */
int bbq_file_reserve(int fd, uint64_t size);

/* sealed.c */

static inline bool bbq_is_sealed(const struct bbq_segment *segment)
{
	return segment->role != 0;
}

/* The one role that there is, once: what has its lock. -EADDRINUSE */
int bbq_sealed_claim(struct bbq_segment *segment, int role, int *ret_fd);
/* bbq_end_peer of an end of a sealed segment. */
int bbq_sealed_peer(const struct bbq_end *end);
/* Close what only a sealed segment has. */
void bbq_sealed_close(struct bbq_segment *segment);

/* lock.c: locks of the open file description fd on one byte of its file. */

/* A new description of fd's file; nothing is locked yet. -errno. */
int bbq_lock_reopen(int fd, int *ret);
/* -EADDRINUSE if another description holds it. */
int bbq_lock_take(int fd, int byte);
void bbq_lock_drop(int fd, int byte);
/* Does another description hold it? */
bool bbq_lock_held(int fd, int byte);
/* Take the gate, waiting for up to a second. -EBUSY. */
int bbq_gate_enter(int fd);
void bbq_gate_leave(int fd);

/* role.c */

/* Say that the role is over, and wake the peer; false if it was over. */
bool bbq_end_finish(struct bbq_end *end);
/* Is a peer that dies to be followed by another? Here nobody can be. */
static inline bool bbq_end_waits(const struct bbq_end *end)
{
	return end->wait_peer && !bbq_is_sealed(end->segment);
}

/* bbq_end_peer, but for a dead peer whose successor is waited for: 0. */
int bbq_end_gone(const struct bbq_end *end);

/* wait.c */

/* CLOCK_MONOTONIC, in nanoseconds. */
int64_t bbq_now_ns(void);
/* When a timeout that begins now is over; negative: never. */
int64_t bbq_deadline(int64_t timeout_ns);

/* What is waited for: tried until it returns something else than -EAGAIN. */
struct attempt {
	int (*run)(const struct attempt *);
	struct bbq_sender *sender;
	struct bbq_receiver *receiver;
	size_t min;
	size_t max;
	void *ret;
};

/* Try, spin, sleep; the errors of the waiting verbs. */
int bbq_end_wait(struct bbq_end *end, int64_t timeout_ns,
		 const struct attempt *attempt);
/* The rest of it, when the first try has returned -EAGAIN. */
int bbq_end_refused(struct bbq_end *end, int64_t timeout_ns,
		    const struct attempt *attempt);
/* Let this process's sleeps spare the peer its fences; 1 if that works. */
uint32_t bbq_barrier_register(void);
/* Wake the peer, whatever its ticket. */
void bbq_end_wake(struct bbq_end *end);
/* A new ticket is out; returns what the bell showed before. */
uint32_t bbq_end_announce(struct bbq_end *end);
/*
 * Sleep until the bell shows something else, for a slice, or until the deadline
 * (negative: none). 0, -EAGAIN, -EINTR or -ETIMEDOUT: look again.
 */
int bbq_end_sleep(const struct bbq_end *end, uint32_t bell, int64_t deadline);
/* Whoever of this process sleeps there wakes up. */
void bbq_end_rouse(const struct bbq_end *end);

/* verbs.c */

/* Would a grant of min bytes, or a read, work? They leave nothing open. */
int bbq_try_room(const struct attempt *attempt);
int bbq_try_readable(const struct attempt *attempt);

/* poll.c */

/* Take the tickets back from the thread that sleeps for the descriptor. */
void bbq_watch_disarm(struct bbq_end *end);
/* The end closes: its descriptor and thread go. */
void bbq_watch_close(struct bbq_end *end);

#endif /* BBQ_INTERNAL_H */
