/* SPDX-License-Identifier: MIT */
/*
 * io.h - bytes between a file descriptor and a region of memory
 *
 * The region is a grant, filled by reads, or a read, emptied by writes: up to
 * two parts. Bytes are finished in order, piece by piece, so that each piece
 * can be committed or released as soon as io_next tells of it. On files that
 * can be addressed several operations are in flight; on streams one, because
 * nothing else keeps their order when one of them comes up short.
 */
#ifndef BBQ_CAT_IO_H
#define BBQ_CAT_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum io_kind { IO_AUTO, IO_URING, IO_SYNC };

struct io_ring;

struct io {
	int fd;
	bool write;
	bool addressed; /* operations carry file offsets */
	int64_t offset; /* of the region's first byte in the file */
	size_t piece;	/* bytes of one operation at most */
	struct iovec part[2];
	size_t total; /* bytes in both parts */
	size_t done;  /* bytes told of by io_next */
	bool cancelled;
	struct io_ring *ring; /* null: plain readv and writev */
};

/*
 * kind IO_AUTO takes io_uring where the kernel allows it. buffer[0, len) is
 * where regions will mostly lie: it is registered with the ring if possible.
 */
int io_open(struct io *io, enum io_kind kind, int fd, bool write, void *buffer,
	    size_t len);
/* Nothing may be in flight. Leaves the file's position after what was done. */
void io_close(struct io *io);
const char *io_name(const struct io *io);

/* Begin with a new region; the last one is finished. */
void io_start(struct io *io, const struct iovec part[2]);
/*
 * The number of bytes finished next, in order; 0 at the end of input. When
 * this is 0 or a final error, nothing is in flight any more.
 *
 * -EAGAIN     nothing within timeout_ms        -EINTR  a signal came
 * -ECANCELED  io_cancel has come to its end    other   final
 */
ssize_t io_next(struct io *io, int timeout_ms);
/* Is the region finished? */
bool io_finished(const struct io *io);
/* Ask what is in flight to end early; go on with io_next until it has. */
void io_cancel(struct io *io);

/* The rest of the region from `at` on, at most len bytes of one part. */
struct iovec io_piece(const struct io *io, size_t at, size_t len);
/* Wait until fd is ready. -EAGAIN, -EINTR */
int io_poll(const struct io *io, int timeout_ms);

/* io_ring.c; -errno where io_uring is not to be had. */
int io_ring_open(struct io *io, void *buffer, size_t len);
void io_ring_close(struct io *io);
void io_ring_start(struct io *io);
ssize_t io_ring_next(struct io *io, int timeout_ms);
void io_ring_cancel(struct io *io);

#endif /* BBQ_CAT_IO_H */
