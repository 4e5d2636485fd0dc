/* SPDX-License-Identifier: MIT */
/*
 * message.c - 64 bytes and at most one descriptor, to and from a stranger
 *
 * A message is taken off the stream exactly, so that the next one stays in it.
 * It may come in pieces, and pieces may carry descriptors: all are received
 * close-on-exec, the first is kept until the message is whole, and any more,
 * or any that found no room, make the message a wrong one. No call here blocks
 * but poll, whatever the peer has done to the flags of a shared description.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"

#define MS_NS 1000000
/* Of SCM_PIDFD, which a caller may have asked for on its socket. */
#define TYPE_PIDFD 4

struct bbq_message bbq_message_of(enum bbq_message_kind kind, uint32_t role)
{
	struct bbq_message message = {
		.byte_order = BBQ_BYTE_ORDER,
		.major = BBQ_MESSAGE_MAJOR,
		.kind = kind,
		.role = role,
	};

	memcpy(message.magic, BBQ_MESSAGE_MAGIC, sizeof(message.magic));
	return message;
}

/* Is it one of a version that this library speaks? */
static bool message_possible(const struct bbq_message *message)
{
	return memcmp(message->magic, BBQ_MESSAGE_MAGIC,
		      sizeof(message->magic)) == 0 &&
	       message->byte_order == BBQ_BYTE_ORDER &&
	       message->major == BBQ_MESSAGE_MAJOR && message->features == 0 &&
	       message->kind >= BBQ_MESSAGE_WANT &&
	       message->kind <= BBQ_MESSAGE_REFUSE &&
	       (message->role == BBQ_ROLE_PRODUCER ||
		message->role == BBQ_ROLE_CONSUMER ||
		message->kind == BBQ_MESSAGE_REFUSE);
}

/* Rounded up: a poll that ends early would be a busy loop. */
static int poll_ms(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - bbq_now_ns();
	if (left <= 0)
		return 0;
	left = left / MS_NS + 1;
	return left < INT_MAX ? (int)left : INT_MAX;
}

int bbq_socket_wait(int socket, short events, int64_t deadline)
{
	struct pollfd pollfd = { .fd = socket, .events = events };
	int n = poll(&pollfd, 1, poll_ms(deadline));

	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int send_once(int socket, struct msghdr *header)
{
	ssize_t n = sendmsg(socket, header, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == sizeof(struct bbq_message))
		return 0;
	if (n >= 0)
		return -EPROTO;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

int bbq_message_send(int socket, const struct bbq_message *message, int fd,
		     int64_t deadline)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { (void *)message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int error;

	if (fd >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	}
	while ((error = send_once(socket, &header)) == -EAGAIN) {
		error = bbq_socket_wait(socket, POLLOUT, deadline);
		if (error)
			break;
	}
	return error;
}

/* Keep the first descriptor; false if there was another. */
static bool keep_first(const struct cmsghdr *control, int *fd)
{
	size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		int more;

		memcpy(&more, CMSG_DATA(control) + i * sizeof(int),
		       sizeof(int));
		if (*fd < 0 && control->cmsg_type == SCM_RIGHTS) {
			*fd = more;
			continue;
		}
		good = good && control->cmsg_type != SCM_RIGHTS;
		close(more);
	}
	return good;
}

/* Up to len bytes. -EAGAIN, -EPIPE at the end, -EPROTO */
static ssize_t receive_some(int socket, void *data, size_t len, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	struct iovec part = { data, len };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	bool good = true;

	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c;
	     c = CMSG_NXTHDR(&header, c)) {
		if (c->cmsg_level == SOL_SOCKET &&
		    (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == TYPE_PIDFD))
			good = keep_first(c, fd) && good;
	}
	if (!good || (header.msg_flags & MSG_CTRUNC))
		return -EPROTO;
	return n == 0 ? -EPIPE : n;
}

int bbq_message_receive(int socket, int64_t deadline, struct bbq_message *ret,
			int *ret_fd, bool *ret_begun)
{
	struct bbq_message message;
	size_t got = 0;
	int fd = -1, error = 0;

	*ret_begun = false;
	while (got < sizeof(message) && !error) {
		ssize_t n = receive_some(socket, (char *)&message + got,
					 sizeof(message) - got, &fd);

		if (n > 0)
			got += (size_t)n;
		else if (n == -EAGAIN)
			error = bbq_socket_wait(socket, POLLIN, deadline);
		else
			error = n == -EPIPE && got > 0 ? -EPROTO : (int)n;
		*ret_begun = got > 0;
	}
	if (!error && !message_possible(&message))
		error = -EPROTO;
	if (error) {
		if (fd >= 0)
			close(fd);
		return error;
	}
	*ret = message;
	*ret_fd = fd;
	return 0;
}
