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
};

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

/* role.c: say that the role is over, and wake the peer; false if it was. */
bool bbq_end_finish(struct bbq_end *end);

/* wait.c */

/* Let this process's sleeps spare the peer its fences; 1 if that works. */
uint32_t bbq_barrier_register(void);
/* Wake the peer, whatever its ticket. */
void bbq_end_wake(struct bbq_end *end);

#endif /* BBQ_INTERNAL_H */
