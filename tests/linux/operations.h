/* SPDX-License-Identifier: MIT */
/*
 * operations.h - the operations of a script; see script.h
 *
 * Each calls a verb of the library on the ends that the child and the tracer
 * share. A grant is filled, and what is read compared, as the model says.
 */
#ifndef TESTS_LINUX_OPERATIONS_H
#define TESTS_LINUX_OPERATIONS_H

#include "script.h"

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

/* max frames of len bytes, which appear together. */
static int batch_send(const struct op *op)
{
	struct bbq_span rest;
	int error = bbq_sender_frames_grant(&world->s, op->len, SIZE_MAX,
					    op->timeout, &rest);
	size_t before = rest.len;

	for (size_t i = 0; !error && i < op->max; i++) {
		error = bbq_frame_put(&world->s.producer, &rest, op->len,
				      &world->span);
		if (!error)
			fill(&world->span, world->before.sent + i);
	}
	if (!error)
		error = bbq_sender_frames_commit(&world->s, before - rest.len,
						 op->max);
	return error ? error : bbq_sender_commit(&world->s, 0);
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
	int error =
		bbq_receiver_frames_release(&world->r, world->batch, op->len);

	return error ? error : bbq_receiver_release(&world->r, 0);
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

static int open_name(const struct op *op)
{
	struct bbq_segment *other;
	int error = bbq_segment_open(own_name, &other);

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

/* Negative: a sleeper sleeps until it is woken. */
static int slices(const struct op *op)
{
	world->s.end.slice_ns = op->timeout;
	world->r.end.slice_ns = op->timeout;
	return 0;
}

/* What tells, and changes nothing. */
static int tell(const struct op *op)
{
	const struct model *m = &world->before;
	struct bbq_counters sent, received;

	(void)op;
	check(bbq_end_peer_came(&world->s.end));
	check(bbq_end_peer_came(&world->r.end));
	check(bbq_segment_sent(segment, &sent) == 0);
	check(bbq_segment_received(segment, &received) == 0);
	check(bbq_writable(&world->s.producer) <=
	      bbq_capacity(&world->s.producer));
	check(bbq_readable(&world->r.consumer) == bbq_segment_fill(segment));
	check(frames() || bbq_segment_fill(segment) == m->sent - m->taken);
	return 0;
}

/* Nothing is open, and nothing to be ended: refused, without a trace. */
static int misuse(const struct op *op)
{
	struct bbq_sender *s = &world->s;
	struct bbq_receiver *r = &world->r;

	(void)op;
	check(bbq_sender_commit(s, 1) == -EINVAL);
	check(bbq_sender_commit_part(s, 1) == -EINVAL);
	check(bbq_sender_frame_commit(s, 1) == -EINVAL);
	check(bbq_sender_frames_commit(s, 1, 1) == -EINVAL);
	check(bbq_sender_frames_commit(NULL, 1, 1) == -EINVAL);
	check(bbq_receiver_release(r, 1) == -EINVAL);
	check(bbq_receiver_release_part(r, 1) == -EINVAL);
	check(bbq_receiver_frame_release(r) == -EINVAL);
	check(bbq_receiver_frames_release(r, 1, 1) == -EINVAL);
	check(bbq_sender_commit(NULL, 1) == -EINVAL);
	check(bbq_sender_frame_commit(NULL, 1) == -EINVAL);
	check(bbq_receiver_release(NULL, 1) == -EINVAL);
	check(bbq_receiver_frame_release(NULL) == -EINVAL);
	check(bbq_sender_grant(s, 1, 0, NULL) == -EINVAL);
	check(bbq_receiver_read_split(r, 0, NULL) == -EINVAL);
	check(bbq_sender_wait(NULL, 1, 0) == -EINVAL);
	check(bbq_receiver_wait(NULL, 0) == -EINVAL);
	check(bbq_sender_frame_grant(NULL, 1, 0, NULL) == -EINVAL);
	return 0;
}

/* Another segment, under a name of its own. */
static int create(const struct op *op)
{
	const struct bbq_config config = { .capacity = op->len };
	struct bbq_segment *other;
	int error = bbq_segment_create_named(other_name, &config, &other);

	if (error)
		return error;
	bbq_segment_close(other);
	return 0;
}

static int unlink_other(const struct op *op)
{
	(void)op;
	return bbq_segment_unlink(other_name);
}

/* ---- the verbs --------------------------------------------------------- */

static const struct verb OPEN_S = { "open", SENDER, NOTHING, open_s };
static const struct verb GRANT = { "grant", SENDER, NOTHING, grant };
static const struct verb RANGE = { "range", SENDER, NOTHING, range };
static const struct verb COMMIT = { "commit", SENDER, SENDS, commit };
static const struct verb PART = { "commit part", SENDER, SENDS, part };
static const struct verb ABORT = { "abort", SENDER, NOTHING, abort_grant };
static const struct verb FRAME = { "frame", SENDER, NOTHING, frame_grant };
static const struct verb COMMIT_FRAME = { "commit frame", SENDER, SENDS,
					  frame_commit };
static const struct verb SEND = { "send", SENDER, SENDS, send };
static const struct verb SEND_BATCH = { "send batch", SENDER, SENDS_MANY,
					batch_send };
static const struct verb WANT = { "want", SENDER, NOTHING, want };
static const struct verb WAIT_S = { "wait", SENDER, NOTHING, wait_s };
static const struct verb ARM_S = { "arm", SENDER, NOTHING, arm_s };
static const struct verb FINISH = { "finish", SENDER, NOTHING, finish };
static const struct verb HEAR_S = { "hear", SENDER, NOTHING, hear_s };
static const struct verb CLOSE_S = { "close", SENDER, NOTHING, close_s };
static const struct verb ABANDON_S = { "abandon", SENDER, NOTHING, abandon_s };
static const struct verb PATIENT_S = { "wait peer", SENDER, NOTHING,
				       patient_s };

static const struct verb OPEN_R = { "open", RECEIVER, NOTHING, open_r };
static const struct verb READ = { "read", RECEIVER, NOTHING, read_bytes };
static const struct verb SPLIT = { "read split", RECEIVER, NOTHING, split };
static const struct verb RELEASE = { "release", RECEIVER, TAKES, release };
static const struct verb RELEASE_PART = { "release part", RECEIVER, TAKES,
					  release_part };
static const struct verb READ_FRAME = { "read frame", RECEIVER, NOTHING,
					frame_read };
static const struct verb RELEASE_FRAME = { "release frame", RECEIVER, TAKES,
					   frame_release };
static const struct verb READ_BATCH = { "read batch", RECEIVER, NOTHING,
					batch_read };
static const struct verb RELEASE_BATCH = { "release batch", RECEIVER, TAKES,
					   batch_release };
static const struct verb TAKE = { "take", RECEIVER, TAKES, take };
static const struct verb TAKE_SPLIT = { "take split", RECEIVER, TAKES,
					take_split };
static const struct verb WAIT_R = { "wait", RECEIVER, NOTHING, wait_r };
static const struct verb ARM_R = { "arm", RECEIVER, NOTHING, arm_r };
static const struct verb HEAR_R = { "hear", RECEIVER, NOTHING, hear_r };
static const struct verb CLOSE_R = { "close", RECEIVER, NOTHING, close_r };
static const struct verb ABANDON_R = { "abandon", RECEIVER, NOTHING,
				       abandon_r };
static const struct verb ATTACH = { "attach", NEITHER, NOTHING, attach };
static const struct verb OPEN_NAME = { "open name", NEITHER, NOTHING,
				       open_name };
static const struct verb SLICES = { "slices", NEITHER, NOTHING, slices };
static const struct verb RETIRE = { "retire", NEITHER, NOTHING, retire };
static const struct verb INTERRUPT = { "interrupt", NEITHER, NOTHING,
				       interrupt };
static const struct verb TELL = { "tell", NEITHER, NOTHING, tell };
static const struct verb MISUSE = { "misuse", NEITHER, NOTHING, misuse };
static const struct verb CREATE = { "create", NEITHER, NOTHING, create };
static const struct verb UNLINK = { "unlink", NEITHER, NOTHING, unlink_other };

#endif /* TESTS_LINUX_OPERATIONS_H */
