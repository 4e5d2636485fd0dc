/* SPDX-License-Identifier: MIT */
/*
 * wire.h - the other end of a channel, by hand
 *
 * It speaks docs/format.md without the library, so that it can say what the
 * library never would.
 */
#ifndef TESTS_LINUX_WIRE_H
#define TESTS_LINUX_WIRE_H

#include <sys/socket.h>

#include "meet.h"

enum { WANT = 1, OFFER = 2, ACCEPT = 3, REFUSE = 4 };
enum { PRODUCER = 1, CONSUMER = 2 };

struct wire_message {
	char magic[8];
	uint32_t byte_order;
	uint16_t major;
	uint16_t minor;
	uint32_t kind;
	uint32_t role;
	uint64_t capacity;
	uint32_t mode;
	uint32_t frame_align;
	uint32_t page_size;
	uint32_t error;
	uint64_t features;
	uint64_t reserved;
};

#define WIRE_FDS_MAX 253 /* the kernel's SCM_MAX_FD */

static inline struct wire_message wire_message(uint32_t kind, uint32_t role,
					       uint64_t capacity)
{
	return (struct wire_message){
		.magic = { 'b', 'b', 'q', 'c', 'h', 'a', 'n', '\n' },
		.byte_order = 0x01020304,
		.major = 1,
		.kind = kind,
		.role = role,
		.capacity = capacity,
		.frame_align = capacity ? 1 : 0,
		.page_size = capacity ? (uint32_t)sysconf(_SC_PAGESIZE) : 0,
	};
}

/* Bytes and as many copies of fd. */
static inline void wire_send(int socket, const void *data, size_t len, int fd,
			     size_t copies)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { (void *)data, len };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int fds[WIRE_FDS_MAX];

	if (fd >= 0 && copies > 0) {
		for (size_t i = 0; i < copies; i++)
			fds[i] = fd;
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(copies * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(copies * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, copies * sizeof(int));
	}
	cr_assert_eq(sendmsg(socket, &header, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void wire_say(int socket, const struct wire_message *message,
			    int fd)
{
	wire_send(socket, message, sizeof(*message), fd, 1);
}

/* The next message of the library, and its descriptor or -1. */
static inline int wire_hear(int socket, struct wire_message *ret)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *first;
	int fd = -1;

	cr_assert_eq(recvmsg(socket, &header, MSG_CMSG_CLOEXEC),
		     (ssize_t)sizeof(*ret));
	first = CMSG_FIRSTHDR(&header);
	if (first) {
		cr_assert_eq(first->cmsg_type, SCM_RIGHTS);
		cr_assert_eq(first->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&fd, CMSG_DATA(first), sizeof(int));
	}
	return fd;
}

/* A half, and what is wrong with it. */
struct half {
	int role;
	size_t size;
	int seals; /* 0: those that belong */
	bool unsealed;
	bool sparse;
	bool unlocked;
	bool writable;	    /* what is sent may write */
	unsigned int flags; /* of memfd_create, more than usual */
	/* What half_make makes: */
	int lock;  /* holds the role */
	int fd;	   /* to be sent */
	void *map; /* to write there, mapped before it was sealed */
};

#define HALF_SEALS \
	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static inline int half_reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

static inline void half_make(struct half *half)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = half->role,
		.l_len = 1,
	};

	half->lock = memfd_create("half", MFD_CLOEXEC | MFD_ALLOW_SEALING |
						  half->flags);
	cr_assert_geq(half->lock, 0);
	cr_assert_eq(ftruncate(half->lock, (off_t)half->size), 0);
	if (!half->sparse && half->size > 0)
		cr_assert_eq(fallocate(half->lock, 0, 0, (off_t)half->size), 0);
	/* A seal against all writing is not to be had with such a mapping. */
	half->map = half->seals & F_SEAL_WRITE
			    ? MAP_FAILED
			    : mmap(NULL, half->size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, half->lock, 0);
	half->fd = half_reopen(half->lock, half->writable ? O_RDWR : O_RDONLY);
	cr_assert_geq(half->fd, 0);
	if (!half->unsealed)
		cr_assert_eq(fcntl(half->lock, F_ADD_SEALS,
				   half->seals ? half->seals : HALF_SEALS),
			     0);
	if (!half->unlocked)
		cr_assert_eq(fcntl(half->lock, F_OFD_SETLK, &lock), 0);
}

static inline void half_close(struct half *half)
{
	if (half->map != MAP_FAILED)
		munmap(half->map, half->size);
	close(half->lock);
	close(half->fd);
}

/* Bytes of the half that a role writes. */
static inline size_t half_size(int role, size_t capacity)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return role == CONSUMER ? page
				: page + (capacity + page - 1) / page * page;
}

/* A channel of the library's, and the socket at its other end. */
static inline struct bbq_channel *wire_open(int *ret_socket)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
		     0);
	*ret_socket = fds[0];
	return adopt(fds[1]);
}

#endif /* TESTS_LINUX_WIRE_H */
