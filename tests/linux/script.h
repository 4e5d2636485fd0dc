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
	size_t counted; /* of those taken: in the receiver's counter */
	unsigned short len[FRAMES_MAX];
};

struct op;

enum effect {
	NOTHING,
	SENDS,		/* len bytes, or a frame of len bytes */
	TAKES,		/* len bytes or frames */
	TAKES_AS_BYTES, /* len frames, which are not counted as frames */
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
	size_t max; /* of a range */
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
	if (effect == TAKES || effect == TAKES_AS_BYTES)
		m->taken += op->len;
	if (effect == TAKES)
		m->counted += op->len;
}

/* ---- verbs of the sender ----------------------------------------------- */

/* Long enough for who watches a sleeper to see it asleep. */
#define SLICE (20 * MS)

static int open_s(const struct op *op)
{
	int error = bbq_sender_open(segment, &world->s);

	(void)op;
	if (error)
		return error;
	world->s.end.spin = 1;
	world->s.end.slice_ns = SLICE;
	return 0;
}

static int filled(int error)
{
	if (!error)
		fill(&world->span, world->before.sent);
	return error;
}

static int grant(const struct op *op)
{
	return filled(bbq_sender_grant(&world->s, op->len, op->timeout,
				       &world->span));
}

static int range(const struct op *op)
{
	return filled(bbq_sender_grant_range(&world->s, op->len, op->max,
					     op->timeout, &world->span));
}

static int commit(const struct op *op)
{
	return bbq_sender_commit(&world->s, op->len);
}

static int part(const struct op *op)
{
	return bbq_sender_commit_part(&world->s, op->len);
}

static int abort_grant(const struct op *op)
{
	(void)op;
	return bbq_sender_commit(&world->s, 0);
}

static int frame_grant(const struct op *op)
{
	return filled(bbq_sender_frame_grant(&world->s, op->len, op->timeout,
					     &world->span));
}

static int frame_commit(const struct op *op)
{
	return bbq_sender_frame_commit(&world->s, op->len);
}

static int send(const struct op *op)
{
	int error = frames() ? frame_grant(op) : grant(op);

	if (error)
		return error;
	return frames() ? frame_commit(op) : commit(op);
}

/* What the verbs do when they are refused, here by itself. */
static int want(const struct op *op)
{
	int error = frames() ? bbq_frame_want(&world->s.producer, op->len)
			     : bbq_want(&world->s.producer, op->len);

	bbq_sender_notify(&world->s);
	return error;
}

static int wait_s(const struct op *op)
{
	return bbq_sender_wait(&world->s, op->len, op->timeout);
}

static int arm_s(const struct op *op)
{
	return bbq_sender_arm(&world->s, op->len);
}

static int finish(const struct op *op)
{
	return bbq_sender_finish(&world->s, op->timeout);
}

static int hear_s(const struct op *op)
{
	(void)op;
	return bbq_end_peer(&world->s.end);
}

static int close_s(const struct op *op)
{
	(void)op;
	bbq_sender_close(&world->s);
	return 0;
}

static int abandon_s(const struct op *op)
{
	(void)op;
	bbq_sender_abandon(&world->s);
	return 0;
}

static int patient_s(const struct op *op)
{
	(void)op;
	world->s.end.wait_peer = 1;
	return 0;
}

/* ---- verbs of the receiver --------------------------------------------- */

static int open_r(const struct op *op)
{
	int error = bbq_receiver_open(segment, &world->r);

	(void)op;
	if (error)
		return error;
	world->r.end.spin = 1;
	world->r.end.slice_ns = SLICE;
	return 0;
}

static int seen(int error)
{
	if (!error)
		check(matches(&world->views[0], world->before.taken));
	return error;
}

static int read_bytes(const struct op *op)
{
	return seen(bbq_receiver_read(&world->r, op->timeout, world->views));
}

static int split(const struct op *op)
{
	int error =
		bbq_receiver_read_split(&world->r, op->timeout, world->views);

	if (error)
		return error;
	check(world->views[0].len + world->views[1].len ==
	      world->before.sent - world->before.taken);
	check(matches(&world->views[1],
		      world->before.taken + world->views[0].len));
	return seen(0);
}

/* Read both parts, release some of it. */
static int take_split(const struct op *op)
{
	int error = split(op);

	return error ? error : bbq_receiver_release(&world->r, op->len);
}

static int release(const struct op *op)
{
	return bbq_receiver_release(&world->r, op->len);
}

static int release_part(const struct op *op)
{
	return bbq_receiver_release_part(&world->r, op->len);
}

static int frame_read(const struct op *op)
{
	int error =
		bbq_receiver_frame_read(&world->r, op->timeout, world->views);

	if (!error)
		check(world->views[0].len ==
		      world->before.len[world->before.taken]);
	return seen(error);
}

static int frame_release(const struct op *op)
{
	(void)op;
	return bbq_receiver_frame_release(&world->r);
}

/* len frames of one read, for batch_release. */
static int batch_read(const struct op *op)
{
	struct bbq_view rest, frame;
	int error =
		bbq_receiver_read_split(&world->r, op->timeout, world->views);

	if (error)
		return error;
	rest = world->views[0];
	world->batch = 0;
	for (size_t i = 0; i < op->len; i++) {
		if (rest.len == 0)
			rest = world->views[1];
		world->batch += rest.len;
		error = bbq_frame_next(&world->r.consumer, &rest, &frame);
		if (error)
			return error;
		world->batch -= rest.len;
		check(frame.len == world->before.len[world->before.taken + i]);
		check(matches(&frame, world->before.taken + i));
	}
	return 0;
}

static int batch_release(const struct op *op)
{
	(void)op;
	return bbq_receiver_release(&world->r, world->batch);
}

static int take(const struct op *op)
{
	int error = frames() ? frame_read(op) : read_bytes(op);

	if (error)
		return error;
	return frames() ? frame_release(op) : release(op);
}

static int wait_r(const struct op *op)
{
	return bbq_receiver_wait(&world->r, op->timeout);
}

static int arm_r(const struct op *op)
{
	(void)op;
	return bbq_receiver_arm(&world->r);
}

static int hear_r(const struct op *op)
{
	(void)op;
	return bbq_end_peer(&world->r.end);
}

static int close_r(const struct op *op)
{
	(void)op;
	bbq_receiver_close(&world->r);
	return 0;
}

static int abandon_r(const struct op *op)
{
	(void)op;
	bbq_receiver_abandon(&world->r);
	return 0;
}

/* ---- others ------------------------------------------------------------ */

static int attach(const struct op *op)
{
	struct bbq_segment *other;
	int error = bbq_segment_attach(bbq_segment_fd(segment), &other);

	(void)op;
	if (error)
		return error;
	bbq_segment_close(other);
	return 0;
}

static int retire(const struct op *op)
{
	(void)op;
	return bbq_segment_retire(segment);
}

static int interrupt(const struct op *op)
{
	(void)op;
	return kill(world->child, SIGUSR1);
}

#endif /* TESTS_LINUX_SCRIPT_H */
