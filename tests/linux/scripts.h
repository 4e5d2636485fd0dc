/* SPDX-License-Identifier: MIT */
/*
 * scripts.h - what the child of instructions.c plays
 *
 * Offsets are noted where they are the point: w and r, the cursors' offsets.
 */
#ifndef TESTS_LINUX_SCRIPTS_H
#define TESTS_LINUX_SCRIPTS_H

#include "operations.h"

/* Of 24 bytes. */
static const struct op byte_ops[] = {
	{ &OPEN_S },
	{ &OPEN_S, 0, -EADDRINUSE },
	{ &GRANT, 10 },
	{ &GRANT, 1, -EBUSY },
	{ &PART, 4 },
	{ &PART, 3 },
	{ &COMMIT, 4, -EINVAL },
	{ &COMMIT, 2 }, /* w 9 */
	{ &OPEN_R },
	{ &READ },
	{ &READ, 0, -EBUSY },
	{ &RELEASE_PART, 3 },
	{ &RELEASE, 7, -EINVAL },
	{ &RELEASE, 2 }, /* r 5 */
	{ &GRANT, 25, -EMSGSIZE },
	{ &GRANT, 0, -EINVAL },
	{ &GRANT, 3 },
	{ &ABORT },
	{ &SEND, 10 },		/* w 19 */
	{ &GRANT, 6, -EAGAIN }, /* neither tail nor head: gives up the tail */
	{ &WANT, 24 },
	{ &READ },
	{ &RELEASE, 14 }, /* r 19, the watermark */
	{ &GRANT, 6 },
	{ &COMMIT, 6 }, /* w 6 */
	{ &READ },	/* steps over it */
	{ &RELEASE, 0 },
	{ &WAIT_R },
	{ &TAKE, 6 }, /* r 6 */
	{ &READ, 0, -EAGAIN },
	{ &SEND, 10 },	/* w 16 */
	{ &TAKE, 8 },	/* r 14 */
	{ &GRANT, 12 }, /* wraps */
	{ &PART, 5 },
	{ &COMMIT, 7 }, /* w 12, the watermark at 16 */
	{ &SPLIT },
	{ &RELEASE_PART, 1 },
	{ &RELEASE, 8 }, /* r 7, past the watermark */
	{ &RANGE, 2, 0, .max = 30 },
	{ &ABORT },
	{ &RANGE, 3, 0, .max = 8 },
	{ &COMMIT, 8 }, /* w 20 */
	{ &RANGE, 9, -EINVAL, .max = 8 },
	{ &RANGE, 5, 0, .max = 20 }, /* at the head, 7 bytes */
	{ &COMMIT, 6 },		     /* w 6 */
	{ &GRANT, 2, -EAGAIN },
	{ &WAIT_S, 2, -EAGAIN },
	{ &SPLIT },
	{ &RELEASE_PART, 13 }, /* all of the first part, r 20 */
	{ &GRANT, 3 },	       /* while the second part is being read */
	{ &COMMIT, 3 },
	{ &RELEASE_PART, 0 },
	{ &RELEASE, 6 }, /* r 6, past it in one step */
	{ &WANT, 24 },	 /* gives up the tail */
	{ &TAKE, 3 },
	{ &WAIT_R, 0, -EAGAIN }, /* steps over it */
	{ &MISUSE },
	{ &GRANT, 24 },
	{ &COMMIT, 24 },
	{ &TELL },
	{ &ATTACH },
	{ &HEAR_S },
	{ &HEAR_R },
	{ &RETIRE, 0, -ENOENT },
	{ &CLOSE_S },
	{ &CLOSE_S },
	{ &GRANT, 1, -EBADMSG },
	{ &TAKE, 24 },
	{ &READ, 0, -EAGAIN },
	{ &READ, 0, -EPIPE, BBQ_FOREVER },
	{ &CLOSE_R },
	{ &CLOSE_R },
	{ &READ, 0, -EBADMSG },
	{ 0 },
};

/* Of 40 bytes, payloads wherever they come. */
static const struct op frame_ops[] = {
	{ &OPEN_R },
	{ &READ_FRAME, 0, -EAGAIN },
	{ &OPEN_S },
	{ &FRAME, 10 },
	{ &COMMIT_FRAME, 11, -EINVAL },
	{ &COMMIT_FRAME, 7 }, /* w 8 */
	{ &FRAME, 5 },
	{ &ABORT },
	{ &FRAME, 0 },
	{ &COMMIT_FRAME, 0 }, /* w 9 */
	{ &READ_FRAME },
	{ &RELEASE, 0 },
	{ &READ_FRAME },
	{ &RELEASE_FRAME, 1 },
	{ &RELEASE_FRAME, 1, -EINVAL },
	{ &TAKE, 1 },  /* r 9 */
	{ &SEND, 20 }, /* w 30 */
	{ &FRAME, 40, -EMSGSIZE },
	{ &FRAME, 10, -EAGAIN }, /* gives up the tail */
	{ &TAKE, 1 },
	{ &FRAME, 9 },
	{ &COMMIT_FRAME, 8 }, /* w 9 */
	{ &READ_FRAME },      /* over the watermark */
	{ &RELEASE_FRAME, 1 },
	{ &SEND, 12 },	/* w 22 */
	{ &SEND, 12 },	/* w 35 */
	{ &TAKE, 1 },	/* r 22 */
	{ &FRAME, 15 }, /* wraps */
	{ &COMMIT_FRAME, 14 },
	{ &SEND, 2 },
	{ &READ_BATCH, 3 },
	{ &RELEASE_BATCH, 3 }, /* past the watermark, r 18 */
	{ &WANT, 38 },
	{ &WANT, 0 },
	{ &READ_FRAME, 0, -EAGAIN }, /* steps over it */
	{ &WAIT_S, 39 },
	{ &SEND, 39 },
	{ &READ_BATCH, 1 },
	{ &RELEASE_BATCH, 1 },
	{ &SEND_BATCH, 4, .max = 3 }, /* wraps, w 15 */
	{ &READ_BATCH, 3 },
	{ &RELEASE_BATCH, 3 },
	{ &SEND_BATCH, 40, -EMSGSIZE, .max = 1 },
	{ &ABANDON_S },
	{ &READ_FRAME, 0, -EOWNERDEAD, BBQ_FOREVER },
	{ &OPEN_S },
	{ &SEND, 3 },
	{ &ABANDON_R },
	{ &HEAR_S, 0, -EOWNERDEAD },
	{ &OPEN_R },
	{ &TAKE, 1 },
	{ &CLOSE_R },
	{ &HEAR_S, 0, -EPIPE },
	{ &FINISH },
	{ &CLOSE_S },
	{ 0 },
};

/* Of 200 bytes, payloads at multiples of 8; headers of one and two bytes. */
static const struct op aligned_ops[] = {
	{ &OPEN_S },
	{ &OPEN_R },
	{ &FRAME, 130 },
	{ &COMMIT_FRAME, 3 },
	{ &FRAME, 140 },
	{ &COMMIT_FRAME, 129 }, /* w 153 */
	{ &FRAME, 60, -EAGAIN },
	{ &READ_FRAME },
	{ &RELEASE_FRAME, 1 },
	{ &TAKE, 1 },
	{ &READ_FRAME, 0, -EAGAIN }, /* over the watermark */
	{ &FRAME, 192 },
	{ &COMMIT_FRAME, 5 },
	{ &SEND, 0 },
	{ &SEND, 150 },
	{ &READ_BATCH, 2 },
	{ &RELEASE_BATCH, 2 },
	{ &TAKE, 1 },
	{ &SEND_BATCH, 3, .max = 2 },
	{ &READ_BATCH, 2 },
	{ &RELEASE_BATCH, 2 },
	{ &CLOSE_S },
	{ &READ_FRAME, 0, -EPIPE, MS },
	{ &CLOSE_R },
	{ 0 },
};

/* Of 20 bytes; the receiver is the peer's. */
static const struct op sleeping_sender_ops[] = {
	{ &OPEN_S },
	{ &SEND, 20 },
	{ &GRANT, 8, -ETIMEDOUT, MS },
	{ &GRANT, 8, -ETIMEDOUT, 300 * MS },
	{ &OPEN_R, .by = PEER },
	{ &GRANT, 8, 0, BBQ_FOREVER },
	{ &TAKE, 3, .by = ASLEEP }, /* not enough */
	{ &TAKE, 5, .by = ASLEEP },
	{ &COMMIT, 8 }, /* w 8, r 8 */
	{ &WAIT_S, 20, 0, BBQ_FOREVER },
	{ &TAKE, 12, .by = LONG_ASLEEP },
	{ &TAKE, 8, .by = ASLEEP }, /* gives up the tail, then waits on */
	{ &READ, 0, -EAGAIN, .by = ASLEEP },
	{ &WAIT_R, 0, -ETIMEDOUT, MS, .by = PEER },
	{ &SEND, 20 },		    /* rings */
	{ &SLICES, .timeout = -1 }, /* a signal meets it in the sleep, then */
	{ &GRANT, 1, -EINTR, BBQ_FOREVER },
	{ &INTERRUPT, .by = ASLEEP },
	{ &SLICES, .timeout = SLICE },
	{ &RANGE, 1, -EPIPE, BBQ_FOREVER, .max = 20 },
	{ &CLOSE_R, .by = ASLEEP },
	{ &GRANT, 1, -EPIPE, BBQ_FOREVER },
	{ &OPEN_R, .by = PEER },
	{ &GRANT, 1, -EOWNERDEAD, BBQ_FOREVER },
	{ &ABANDON_R, .by = ASLEEP },
	{ &PATIENT_S },
	{ &SEND, 4, 0, BBQ_FOREVER },
	{ &OPEN_R, .by = LONG_ASLEEP },
	{ &TAKE, 20, .by = ASLEEP },
	{ &FINISH, 0, -EAGAIN },
	{ &FINISH, 0, 0, BBQ_FOREVER },
	{ &TAKE, 4, .by = ASLEEP },
	{ &CLOSE_R, .by = ASLEEP },
	{ &CLOSE_S },
	{ 0 },
};

/* Of 20 bytes; the sender is the peer's. */
static const struct op sleeping_receiver_ops[] = {
	{ &OPEN_S, .by = PEER },
	{ &OPEN_R },
	{ &READ, 0, -ETIMEDOUT, MS },
	{ &READ, 0, 0, BBQ_FOREVER },
	{ &SEND, 15, .by = ASLEEP },
	{ &RELEASE, 11 },
	{ &SEND, 9, .by = PEER },
	{ &WAIT_S, 11, -ETIMEDOUT, MS, .by = PEER },
	{ &TAKE, 4 },
	{ &WAIT_S, 11, -ETIMEDOUT, MS, .by = PEER },
	{ &READ }, /* over the watermark: rings */
	{ &RELEASE, 9 },
	{ &SLICES, .timeout = -1 },
	{ &WAIT_R, 0, -EINTR, BBQ_FOREVER },
	{ &INTERRUPT, .by = ASLEEP },
	{ &SLICES, .timeout = SLICE },
	{ &SPLIT, 0, 0, BBQ_FOREVER },
	{ &SEND, 7, .by = LONG_ASLEEP },
	{ &RELEASE, 7 },
	{ &READ, 0, -EPIPE, BBQ_FOREVER },
	{ &CLOSE_S, .by = ASLEEP },
	{ &OPEN_S, .by = PEER },
	{ &SPLIT, 0, -EOWNERDEAD, BBQ_FOREVER },
	{ &ABANDON_S, .by = ASLEEP },
	{ &HEAR_R, 0, -EOWNERDEAD },
	{ &CLOSE_R },
	{ 0 },
};

/* Of 20 bytes: frames, either end sleeping, and descriptors. */
static const struct op descriptor_ops[] = {
	{ &OPEN_S },
	{ &ARM_S, 15 },
	{ &SEND, 15 },
	{ &ARM_S, 15 },
	{ &OPEN_R, .by = PEER },
	{ &TAKE, 1, .by = PEER },
	{ &SEND, 3, 0, BBQ_FOREVER },
	{ &FRAME, 18, 0, BBQ_FOREVER },
	{ &TAKE, 1, .by = ASLEEP },
	{ &READ_FRAME, 0, -EAGAIN, .by = ASLEEP },
	{ &ARM_S, 5, -EBUSY },
	{ &COMMIT_FRAME, 18 },
	{ &ARM_S, 20, -EMSGSIZE },
	{ &ARM_S, 4 },
	{ &CLOSE_R, .by = PEER },
	{ &CLOSE_S },
	{ &OPEN_R },
	{ &ARM_R },
	{ &TAKE, 1 },
	{ &OPEN_S, .by = PEER },
	{ &ARM_R },
	{ &READ_FRAME, 0, 0, BBQ_FOREVER },
	{ &SEND, 2, .by = ASLEEP },
	{ &RELEASE_FRAME, 1 },
	{ &ABANDON_R },
	{ &CLOSE_S, .by = PEER },
	{ 0 },
};

/* Of 10 bytes, with a name: claims over whoever was there, and retiring. */
static const struct op claim_ops[] = {
	{ &OPEN_S, .by = PEER },
	{ &SEND, 6, .by = PEER },
	{ &OPEN_S, 0, -EADDRINUSE },
	{ &OPEN_R },
	{ &TAKE, 2 },
	{ &OPEN_NAME },
	{ &RETIRE, 0, -EBUSY },
	{ &ABANDON_R },
	{ &OPEN_R, .by = PEER },
	{ &OPEN_R, 0, -EADDRINUSE },
	{ &TAKE, 2, .by = PEER },
	{ &CLOSE_S, .by = PEER },
	{ &OPEN_S },
	{ &SEND, 4 },
	{ &CLOSE_R, .by = PEER },
	{ &OPEN_R },
	{ &HEAR_S },
	{ &TAKE, 6 },
	{ &CLOSE_S },
	{ &RETIRE },
	{ &RETIRE, 0, -ENOENT },
	{ &OPEN_NAME, 0, -ENOENT },
	{ &CLOSE_R },
	{ &CREATE, 10 },
	{ &CREATE, 10, -EEXIST },
	{ &UNLINK },
	{ &UNLINK, 0, -ENOENT },
	{ 0 },
};

#define RANDOM_OPS 120

static struct op random_byte_ops[RANDOM_OPS + 1];
static struct op random_frame_ops[RANDOM_OPS + 1];

static const struct script scripts[] = {
	{ "bytes", byte_ops, 24 },
	{ "frames", frame_ops, 40, 1 },
	{ "aligned frames", aligned_ops, 200, 8 },
	{ "sleeping sender", sleeping_sender_ops, 20 },
	{ "sleeping receiver", sleeping_receiver_ops, 20 },
	{ "descriptors", descriptor_ops, 20, 1 },
	{ "claims", claim_ops, 10, .named = true },
	{ "random bytes", random_byte_ops, 13 },
	{ "random frames", random_frame_ops, 17, 1 },
	{ 0 },
};

/* ---- random operations ------------------------------------------------- */

static size_t below(size_t n)
{
	static uint64_t x = 1;

	x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (size_t)(x >> 33) % n;
}

/* How an operation will end is tried on a queue in this process. */
static void random_bytes(struct bbq_producer *p, struct bbq_consumer *c,
			 struct op *ret)
{
	struct bbq_view part[2];
	struct bbq_span span;

	if (below(2)) {
		ret->verb = &SEND;
		ret->len = 1 + below(bbq_capacity(p));
		ret->error = bbq_grant(p, ret->len, &span);
		if (ret->error)
			bbq_want(p, ret->len);
		else
			bbq_commit(p, ret->len);
		return;
	}
	ret->verb = &TAKE_SPLIT;
	ret->error = bbq_read_split(c, part);
	if (!ret->error)
		ret->len = 1 + below(part[0].len + part[1].len);
	bbq_release(c, ret->len);
}

static void random_frames(struct bbq_producer *p, struct bbq_consumer *c,
			  struct op *ret)
{
	struct bbq_view view;
	struct bbq_span span;

	if (below(2)) {
		ret->verb = &SEND;
		ret->len = below(bbq_capacity(p));
		ret->error = bbq_frame_grant(p, ret->len, &span);
		if (ret->error)
			bbq_frame_want(p, ret->len);
		else
			bbq_frame_commit(p, ret->len);
		return;
	}
	ret->verb = &TAKE;
	ret->len = 1;
	ret->error = bbq_frame_read(c, &view);
	bbq_frame_release(c);
}

static void make_random(struct op *ops, size_t capacity,
			void (*one)(struct bbq_producer *,
				    struct bbq_consumer *, struct op *))
{
	static unsigned char data[64];
	struct bbq_buffer words = { .producer = { 0 } };
	struct bbq_producer p;
	struct bbq_consumer c;

	if (bbq_producer_init(&p, &words, data, capacity) ||
	    bbq_consumer_init(&c, &words, data, capacity))
		abort();
	ops[0].verb = &OPEN_S;
	ops[1].verb = &OPEN_R;
	for (size_t i = 2; i < RANDOM_OPS; i++)
		one(&p, &c, &ops[i]);
}

static void scripts_make_random(void)
{
	make_random(random_byte_ops, 13, random_bytes);
	make_random(random_frame_ops, 17, random_frames);
}

#endif /* TESTS_LINUX_SCRIPTS_H */
