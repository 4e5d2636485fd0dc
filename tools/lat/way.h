/* SPDX-License-Identifier: MIT */
/*
 * way.h - a way for messages between two processes
 *
 * Near makes two lanes, one there and one back, before it forks. Then each of
 * the processes takes hold of them, with a hand of its own. What fails returns
 * a negative errno; -EINTR if the run is to stop.
 */
#ifndef BBQ_LAT_WAY_H
#define BBQ_LAT_WAY_H

#include <bbq/bbq.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	WAY_BBQ,
	WAY_PIPE,
	WAY_UNIX,
	WAY_SLOTS,
	WAYS,
};

/* How who waits for a message does so. */
enum waiting {
	WAIT_SPIN_SLEEP, /* look for a while, then sleep */
	WAIT_SPIN,	 /* look, never sleep */
	WAIT_SLEEP,	 /* look once, then sleep */
};

/* What all ways of a run have in common. */
struct setup {
	size_t size;	 /* bytes of a message */
	size_t capacity; /* bytes of a lane */
	bool frames;	 /* bbq: frames, not bytes */
	enum waiting waiting;
};

struct slots; /* way_slots.c's */

/* One direction. What a way does not use stays as it is. */
struct lane {
	struct bbq_segment *segment;
	struct slots *slots;
	int fds[2]; /* to read from, to write to */
};

/* A process's hold of one slot ring. */
struct slots_end {
	struct slots *ring;
	uint32_t own;	/* cursor */
	uint32_t peer;	/* cursor, as last seen */
	uint32_t index; /* of the slot at the own cursor */
	uint32_t count; /* of slots */
	size_t slot;	/* bytes of one */
};

struct hand {
	const struct setup *setup;
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	struct slots_end out;
	struct slots_end in;
	int write_fd;
	int read_fd;
	unsigned char *buffer; /* of one message */
};

struct way {
	const char *name;
	/* Does a message fit? */
	bool (*fits)(const struct setup *setup);
	/* Made once for both processes; destroyed by near. */
	int (*create)(const struct setup *setup, struct lane *ret);
	void (*destroy)(const struct setup *setup, struct lane *lane);
	/* hand->setup is set. */
	int (*attach)(struct hand *hand, const struct lane *out,
		      const struct lane *in);
	void (*detach)(struct hand *hand);
	/* Send a message; take one; take one and send it back. */
	int (*send)(struct hand *hand, const void *message);
	int (*recv)(struct hand *hand, void *message);
	int (*echo)(struct hand *hand);
};

extern const struct way way_bbq, way_pipe, way_unix, way_slots;
extern const struct way *const ways[WAYS];

/* Set when the run is to stop: a signal, or far has died. */
extern volatile sig_atomic_t stopping;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield");
#endif
}

#endif /* BBQ_LAT_WAY_H */
