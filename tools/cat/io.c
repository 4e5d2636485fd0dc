/* SPDX-License-Identifier: MIT */
/* io.c - regions in and out by readv and writev, and the choice of the way */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

/* One operation: large enough to be cheap, small enough to overlap. */
#define PIECE_MAX ((size_t)256 << 10)
#define PIECES_PER_BUFFER 4

/* Appending writes go where the kernel says, so they need their order. */
static bool addressable(int fd, bool write)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	return fstat(fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) &&
	       !(write && (flags & O_APPEND));
}

static size_t piece_for(size_t len)
{
	size_t piece = len / PIECES_PER_BUFFER;

	if (piece == 0)
		piece = 1;
	return piece < PIECE_MAX ? piece : PIECE_MAX;
}

int io_open(struct io *io, enum io_kind kind, int fd, bool write, void *buffer,
	    size_t len)
{
	int error;

	*io = (struct io){ .fd = fd, .write = write, .piece = piece_for(len) };
	if (addressable(fd, write)) {
		io->offset = lseek(fd, 0, SEEK_CUR);
		io->addressed = io->offset >= 0;
	}
	if (kind == IO_SYNC)
		return 0;
	error = io_ring_open(io, buffer, len);
	return kind == IO_AUTO ? 0 : error;
}

void io_close(struct io *io)
{
	if (io->ring)
		io_ring_close(io);
	if (io->addressed)
		lseek(io->fd, io->offset + (int64_t)io->done, SEEK_SET);
	*io = (struct io){ .fd = -1 };
}

const char *io_name(const struct io *io)
{
	return io->ring ? "uring" : "sync";
}

void io_start(struct io *io, const struct iovec part[2])
{
	io->offset += (int64_t)io->done;
	memcpy(io->part, part, sizeof(io->part));
	io->total = part[0].iov_len + part[1].iov_len;
	io->done = 0;
	if (io->ring)
		io_ring_start(io);
}

bool io_finished(const struct io *io)
{
	return io->done == io->total;
}

struct iovec io_piece(const struct io *io, size_t at, size_t len)
{
	const struct iovec *part = &io->part[0];
	struct iovec piece;

	if (at >= part->iov_len) {
		at -= part->iov_len;
		part++;
	}
	piece.iov_base = (char *)part->iov_base + at;
	piece.iov_len = part->iov_len - at;
	if (piece.iov_len > len)
		piece.iov_len = len;
	return piece;
}

int io_poll(const struct io *io, int timeout_ms)
{
	struct pollfd pollfd = {
		.fd = io->fd,
		.events = io->write ? POLLOUT : POLLIN,
	};
	int n = poll(&pollfd, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? -EINTR : -errno;
	return n == 0 ? -EAGAIN : 0;
}

/* What is left of the region, by parts. */
static int rest(const struct io *io, struct iovec parts[2])
{
	parts[0] = io_piece(io, io->done, SIZE_MAX);
	if (parts[0].iov_len == io->total - io->done)
		return 1;
	parts[1] = io->part[1];
	return 2;
}

static ssize_t sync_next(struct io *io, int timeout_ms)
{
	struct iovec parts[2];
	int count, error;
	ssize_t n;

	if (io->cancelled)
		return -ECANCELED;
	/* A stream may have nothing for long: wait where a tick can end it. */
	if (!io->addressed) {
		error = io_poll(io, timeout_ms);
		if (error)
			return error;
	}
	count = rest(io, parts);
	/* Piece by piece, so that the peer has something to do meanwhile. */
	if (parts[0].iov_len > io->piece) {
		parts[0].iov_len = io->piece;
		count = 1;
	}
	n = io->write ? writev(io->fd, parts, count)
		      : readv(io->fd, parts, count);
	if (n < 0)
		return -errno;
	io->done += (size_t)n;
	return n;
}

ssize_t io_next(struct io *io, int timeout_ms)
{
	ssize_t n = io->ring ? io_ring_next(io, timeout_ms)
			     : sync_next(io, timeout_ms);

	/* A write that takes nothing and does not say why. */
	if (n == 0 && io->write)
		return -EIO;
	return n;
}

void io_cancel(struct io *io)
{
	if (io->cancelled)
		return;
	io->cancelled = true;
	if (io->ring)
		io_ring_cancel(io);
}
