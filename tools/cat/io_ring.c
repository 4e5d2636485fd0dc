/* SPDX-License-Identifier: MIT */
/*
 * io_ring.c - regions in and out by io_uring
 *
 * A region is cut into pieces, each one operation straight into or out of the
 * queue's memory. Up to DEPTH of them are in flight; they may complete in any
 * order and are told of in the order of their bytes.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

#define DEPTH 8
/* The kernel's limit for one registered buffer. */
#define REGISTER_MAX ((size_t)1 << 30)

struct piece {
	size_t at; /* in the region */
	size_t len;
	int result;
	bool flying;
	bool cut; /* came up short: its rest is still to be sent out */
};

struct io_ring {
	struct io_uring uring;
	char *buffer; /* registered; null: not */
	size_t buffer_len;
	struct piece piece[DEPTH]; /* a ring: `count` from `first` on */
	unsigned int first;
	unsigned int count;
	size_t issued; /* bytes of the region handed to pieces */
};

static int queue_init(struct io_uring *uring)
{
	int error = io_uring_queue_init(2 * DEPTH, uring,
					IORING_SETUP_SINGLE_ISSUER |
						IORING_SETUP_DEFER_TASKRUN);

	/* Before Linux 6.1 those flags are unknown. */
	if (error == -EINVAL)
		error = io_uring_queue_init(2 * DEPTH, uring, 0);
	return error;
}

/* A filter may allow the setup and forbid the rest: try one round. */
static int try_round(struct io_uring *uring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(uring);
	struct io_uring_cqe *cqe;
	int error;

	io_uring_prep_nop(sqe);
	error = io_uring_submit_and_wait(uring, 1);
	if (error < 0)
		return error;
	error = io_uring_wait_cqe(uring, &cqe);
	if (error)
		return error;
	io_uring_cqe_seen(uring, cqe);
	return 0;
}

int io_ring_open(struct io *io, void *buffer, size_t len)
{
	struct iovec vec = { .iov_base = buffer, .iov_len = len };
	struct io_ring *ring = calloc(1, sizeof(*ring));
	int error;

	if (!ring)
		return -ENOMEM;
	error = queue_init(&ring->uring);
	if (error) {
		free(ring);
		return error;
	}
	error = try_round(&ring->uring);
	if (error) {
		io_uring_queue_exit(&ring->uring);
		free(ring);
		return error;
	}
	/* It may pin too much (RLIMIT_MEMLOCK): then without. */
	if (buffer && len <= REGISTER_MAX &&
	    io_uring_register_buffers(&ring->uring, &vec, 1) == 0) {
		ring->buffer = buffer;
		ring->buffer_len = len;
	}
	io->ring = ring;
	return 0;
}

void io_ring_close(struct io *io)
{
	io_uring_queue_exit(&io->ring->uring);
	free(io->ring);
	io->ring = NULL;
}

void io_ring_start(struct io *io)
{
	io->ring->first = 0;
	io->ring->count = 0;
	io->ring->issued = 0;
}

static bool registered(const struct io_ring *ring, const struct iovec *vec)
{
	const char *base = vec->iov_base;

	return ring->buffer && base >= ring->buffer &&
	       base < ring->buffer + ring->buffer_len;
}

/* Queue what is left of a piece. There is an entry free for each piece. */
static void issue(struct io *io, struct piece *piece)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring->uring);
	struct iovec vec = io_piece(io, piece->at, piece->len);
	unsigned int len = (unsigned int)vec.iov_len;
	uint64_t offset =
		io->addressed ? (uint64_t)io->offset + piece->at : (uint64_t)-1;
	bool fixed = registered(io->ring, &vec);

	if (io->write && fixed)
		io_uring_prep_write_fixed(sqe, io->fd, vec.iov_base, len,
					  offset, 0);
	else if (io->write)
		io_uring_prep_write(sqe, io->fd, vec.iov_base, len, offset);
	else if (fixed)
		io_uring_prep_read_fixed(sqe, io->fd, vec.iov_base, len, offset,
					 0);
	else
		io_uring_prep_read(sqe, io->fd, vec.iov_base, len, offset);
	io_uring_sqe_set_data(sqe, piece);
	piece->flying = true;
	piece->cut = false;
}

/* Cut new pieces off the region while there is room for them in flight. */
static void issue_more(struct io *io)
{
	struct io_ring *ring = io->ring;
	unsigned int depth = io->addressed ? DEPTH : 1;

	while (!io->cancelled && ring->count < depth &&
	       ring->issued < io->total) {
		struct piece *piece =
			&ring->piece[(ring->first + ring->count) % DEPTH];

		piece->at = ring->issued;
		piece->len = io_piece(io, ring->issued, io->piece).iov_len;
		ring->issued += piece->len;
		ring->count++;
		issue(io, piece);
	}
}

static void reap(struct io_ring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned int head, seen = 0;

	io_uring_for_each_cqe(&ring->uring, head, cqe)
	{
		struct piece *piece = io_uring_cqe_get_data(cqe);

		/* Null: a cancellation's own completion. */
		if (piece) {
			piece->result = cqe->res;
			piece->flying = false;
		}
		seen++;
	}
	io_uring_cq_advance(&ring->uring, seen);
}

/* Submit what is queued and wait for a completion. -EAGAIN, -EINTR */
static int wait_some(struct io_ring *ring, int timeout_ms)
{
	struct __kernel_timespec time = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long long)(timeout_ms % 1000) * 1000000,
	};
	struct io_uring_cqe *cqe;
	int error = io_uring_submit_and_wait_timeout(&ring->uring, &cqe, 1,
						     &time, NULL);

	reap(ring);
	if (error >= 0)
		return 0;
	return error == -ETIME ? -EAGAIN : error;
}

void io_ring_cancel(struct io *io)
{
	struct io_ring *ring = io->ring;

	for (unsigned int i = 0; i < ring->count; i++) {
		struct piece *piece = &ring->piece[(ring->first + i) % DEPTH];
		struct io_uring_sqe *sqe;

		if (!piece->flying)
			continue;
		sqe = io_uring_get_sqe(&ring->uring);
		io_uring_prep_cancel(sqe, piece, 0);
		io_uring_sqe_set_data(sqe, NULL);
	}
	io_uring_submit(&ring->uring);
}

/* The region is over early: the memory must be left alone before we say so. */
static void land_all(struct io *io)
{
	struct io_ring *ring = io->ring;

	io_ring_cancel(io);
	for (unsigned int i = 0; i < ring->count; i++) {
		struct piece *piece = &ring->piece[(ring->first + i) % DEPTH];

		while (piece->flying)
			wait_some(ring, 1000);
	}
	ring->count = 0;
}

static void pop(struct io_ring *ring)
{
	ring->first = (ring->first + 1) % DEPTH;
	ring->count--;
}

/* The first piece has landed: tell of it, or send its rest out again. */
static ssize_t take_first(struct io *io, int timeout_ms)
{
	struct io_ring *ring = io->ring;
	struct piece *piece = &ring->piece[ring->first];
	int result = piece->result;

	if (result == -EINTR || result == -EAGAIN) {
		/* -EAGAIN: somebody has made the stream non-blocking. */
		int error = result == -EAGAIN && !io->cancelled
				    ? io_poll(io, timeout_ms)
				    : 0;
		if (io->cancelled)
			result = -ECANCELED;
		else if (error)
			return error;
		else {
			issue(io, piece);
			return -EAGAIN;
		}
	}
	if (result <= 0) {
		land_all(io);
		return result;
	}
	piece->at += (size_t)result;
	piece->len -= (size_t)result;
	io->done += (size_t)result;
	if (piece->len == 0)
		pop(ring);
	else if (io->cancelled)
		land_all(io);
	else
		/* Not before the caller comes back: it may leave the region. */
		piece->cut = true;
	return result;
}

ssize_t io_ring_next(struct io *io, int timeout_ms)
{
	struct io_ring *ring = io->ring;

	for (;;) {
		int error;

		if (io->cancelled && ring->count > 0 &&
		    ring->piece[ring->first].cut)
			land_all(io);
		if (ring->count > 0 && ring->piece[ring->first].cut)
			issue(io, &ring->piece[ring->first]);
		issue_more(io);
		if (ring->count == 0)
			return -ECANCELED;
		if (!ring->piece[ring->first].flying)
			return take_first(io, timeout_ms);
		error = wait_some(ring, timeout_ms);
		if (error && ring->piece[ring->first].flying)
			return error;
	}
}
