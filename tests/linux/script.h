/* SPDX-License-Identifier: MIT */
/*
 * script.h - operations on a queue whose effect is known; see instructions.c
 *
 * A script is a list of operations, each of which changes what is committed or
 * what is released in one step, or not at all. The child plays it; some of its
 * operations are the peer's, which the tracer plays. Both ends lie in memory
 * that the two share, as does the model: what has been committed and released.
 */
#ifndef TESTS_LINUX_SCRIPT_H
#define TESTS_LINUX_SCRIPT_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <bbq/bbq.h>

#define check(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static _Noreturn void fail(const char *what, int line);

#define MS INT64_C(1000000)

/* Frames that a script and the work after it may send. */
#define FRAMES_MAX 400

/* In bytes, or in frames with their lengths; from the queue's beginning. */
struct model {
	size_t sent;
	size_t taken;
	unsigned short len[FRAMES_MAX];
};

struct op;

enum effect {
	NOTHING,
	SENDS,	    /* len bytes, or a frame of len bytes */
	SENDS_MANY, /* max frames of len bytes */
	TAKES,	    /* len bytes or frames */
};

enum role {
	NEITHER,
	SENDER,
	RECEIVER,
};

struct verb {
	const char *name;
	enum role role;
	enum effect effect;
	int (*run)(const struct op *op);
};

enum by {
	CHILD,
	PEER,	     /* the tracer, while the child is stopped */
	ASLEEP,	     /* the tracer, once the child sleeps in its operation */
	LONG_ASLEEP, /* the same, after it has slept for some slices */
};

struct op {
	const struct verb *verb; /* null: the end */
	size_t len;
	int error;	 /* that it must have; then it has no effect */
	int64_t timeout; /* 0 in most: then they do not wait */
	enum by by;
	size_t max; /* of a range; or how many frames */
};

struct script {
	const char *name;
	const struct op *ops;
	size_t capacity;
	size_t frame_align; /* 0: a queue of bytes */
	bool named;
};

/* What the child and the tracer share. */
struct world {
	struct bbq_sender s;
	struct bbq_receiver r;
	struct bbq_span span;	  /* of the open grant */
	struct bbq_view views[2]; /* of the open read */
	size_t batch;		  /* bytes of frames read as bytes */
	struct model before;	  /* the operation in progress */
	struct model after;
	size_t at;   /* which operation that is */
	bool inside; /* it is in progress */
	int error;   /* of the last operation */
	pid_t child;
};

static struct world *world;
static struct bbq_segment *segment;
static char own_name[64];   /* of the segment, if it has one */
static char other_name[64]; /* of one that a script makes */

static bool frames(void)
{
	return bbq_segment_mode(segment) == BBQ_MODE_FRAMES;
}

/* ---- content ----------------------------------------------------------- */

/* The i-th byte of the unit (byte or frame) with this number. */
static unsigned char content(size_t unit, size_t i)
{
	size_t k = (frames() ? unit * 4099 : unit) + i;

	return (unsigned char)((k * 2654435761u) >> 11);
}

static void fill(const struct bbq_span *span, size_t unit)
{
	unsigned char *data = span->data;

	for (size_t i = 0; i < span->len; i++)
		data[i] = content(unit, i);
}

static bool matches(const struct bbq_view *view, size_t unit)
{
	const unsigned char *data = view->data;

	for (size_t i = 0; i < view->len; i++)
		if (data[i] != content(unit, i))
			return false;
	return true;
}

static void model_send(struct model *m, size_t len)
{
	if (frames()) {
		check(m->sent < FRAMES_MAX);
		m->len[m->sent++] = (unsigned short)len;
	} else {
		m->sent += len;
	}
}

static void model_apply(struct model *m, const struct op *op)
{
	enum effect effect = op->error ? NOTHING : op->verb->effect;

	if (effect == SENDS)
		model_send(m, op->len);
	for (size_t i = 0; effect == SENDS_MANY && i < op->max; i++)
		model_send(m, op->len);
	if (effect == TAKES)
		m->taken += op->len;
}

#endif /* TESTS_LINUX_SCRIPT_H */
