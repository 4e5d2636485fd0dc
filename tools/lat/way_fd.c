/* SPDX-License-Identifier: MIT */
/*
 * way_fd.c - messages over a pipe, or over a Unix stream socket
 *
 * Who spins does so by reads and writes that do not block. Otherwise they
 * block, which is how pipes are used: there is no looking for a while.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "way.h"

static bool fits(const struct setup *setup)
{
	(void)setup;
	return true;
}

static int make_nonblocking(const struct setup *setup, const int fds[2])
{
	if (setup->waiting != WAIT_SPIN)
		return 0;
	for (int i = 0; i < 2; i++) {
		if (fcntl(fds[i], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

static int create_pipe(const struct setup *setup, struct lane *ret)
{
	if (pipe2(ret->fds, O_CLOEXEC) < 0)
		return -errno;
	/* As much memory as the others have, if that is allowed. */
	fcntl(ret->fds[1], F_SETPIPE_SZ, setup->capacity);
	return make_nonblocking(setup, ret->fds);
}

static int create_socket(const struct setup *setup, struct lane *ret)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret->fds) < 0)
		return -errno;
	return make_nonblocking(setup, ret->fds);
}

static void destroy(const struct setup *setup, struct lane *lane)
{
	(void)setup;
	for (int i = 0; i < 2; i++) {
		if (lane->fds[i] >= 0)
			close(lane->fds[i]);
		lane->fds[i] = -1;
	}
}

static int attach(struct hand *hand, const struct lane *out,
		  const struct lane *in)
{
	hand->write_fd = out->fds[1];
	hand->read_fd = in->fds[0];
	hand->buffer = malloc(hand->setup->size);
	return hand->buffer ? 0 : -ENOMEM;
}

static void detach(struct hand *hand)
{
	free(hand->buffer);
	hand->buffer = NULL;
}

/* What a read or write came to. 0: go on, *done is how far. */
static int advance(ssize_t result, size_t *done)
{
	if (result > 0) {
		*done += (size_t)result;
		return 0;
	}
	if (result == 0)
		return -EPIPE;
	if (errno != EAGAIN && errno != EINTR)
		return -errno;
	return stopping ? -EINTR : 0;
}

static int send_all(struct hand *hand, const void *message)
{
	const unsigned char *from = message;
	size_t done = 0;
	int error = 0;

	while (done < hand->setup->size && !error)
		error = advance(write(hand->write_fd, from + done,
				      hand->setup->size - done),
				&done);
	return error;
}

static int recv_all(struct hand *hand, void *message)
{
	unsigned char *to = message;
	size_t done = 0;
	int error = 0;

	while (done < hand->setup->size && !error)
		error = advance(read(hand->read_fd, to + done,
				     hand->setup->size - done),
				&done);
	return error;
}

static int echo(struct hand *hand)
{
	int error = recv_all(hand, hand->buffer);

	return error ? error : send_all(hand, hand->buffer);
}

const struct way way_pipe = {
	.name = "pipe",
	.fits = fits,
	.create = create_pipe,
	.destroy = destroy,
	.attach = attach,
	.detach = detach,
	.send = send_all,
	.recv = recv_all,
	.echo = echo,
};

const struct way way_unix = {
	.name = "unix",
	.fits = fits,
	.create = create_socket,
	.destroy = destroy,
	.attach = attach,
	.detach = detach,
	.send = send_all,
	.recv = recv_all,
	.echo = echo,
};
