/* SPDX-License-Identifier: MIT */
/*
 * sealed.c - a segment of two halves, each written by one process only
 *
 * The producer's memfd holds its page and the data, the consumer's its page.
 * Whoever writes a half makes it, maps it for writing, and then seals it: from
 * there on nobody else can map it so, nor write, cut, extend or punch it. Only
 * then is a description sent, one that was opened for reading. Both halves are
 * mapped into one range of addresses, at the offsets of any segment, so nothing
 * above this file knows the difference.
 *
 *     page 0     nothing                   page 2     consumer's memfd, 0
 *     page 1     producer's memfd, 0       page 3...  producer's memfd, 1 page
 *
 * A stranger's memfd is looked at before it is mapped: its seals first, which
 * only a memfd can have and which the kernel answers without asking anybody;
 * then size and reserved memory, which the seals have made final.
 *
 * The lock of a role lies on the half that the role writes, by a description
 * that is not sent: what is sent cannot hold it, drop it, or keep it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

#include "channel.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
/* st_blocks is in these, whatever st_blksize says. */
#define BLOCK_SIZE 512

/* The two are one number, in layout.h's bytes of locks and in messages. */
_Static_assert((int)BBQ_ROLE_PRODUCER == BBQ_LOCK_PRODUCER &&
		       (int)BBQ_ROLE_CONSUMER == BBQ_LOCK_CONSUMER,
	       "a role is the byte of its lock");

static int other(int role)
{
	return BBQ_LOCK_PRODUCER + BBQ_LOCK_CONSUMER - role;
}

static size_t page_size(const struct bbq_segment *segment)
{
	return (size_t)((unsigned char *)segment->producer - segment->map);
}

/* Bytes of a role's memfd. */
static size_t half_size(const struct bbq_segment *segment, int role)
{
	size_t page = page_size(segment);

	return role == BBQ_LOCK_CONSUMER ? page : segment->size - 2 * page;
}

static int map_at(void *at, size_t size, int protection, int fd, size_t offset)
{
	void *map = mmap(at, size, protection, MAP_SHARED | MAP_FIXED, fd,
			 (off_t)offset);

	return map == MAP_FAILED ? -errno : 0;
}

/* Over the reservation, at the segment's offsets. */
static int map_half(struct bbq_segment *segment, int role, int protection,
		    int fd)
{
	size_t page = page_size(segment);
	int error;

	if (role == BBQ_LOCK_CONSUMER)
		return map_at(segment->consumer, page, protection, fd, 0);
	error = map_at(segment->producer, page, protection, fd, 0);
	if (error)
		return error;
	return map_at(segment->data, half_size(segment, role) - page,
		      protection, fd, page);
}

/* ---- our half ---------------------------------------------------------- */

/* The one to be sent: it can neither write nor lock. */
static int reopen_to_read(int fd)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	return own < 0 ? -errno : own;
}

/* Mode 0400 keeps other users even from opening it anew for writing. */
static int seal(int fd)
{
	if (fchmod(fd, 0400) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return 0;
	/* F_SEAL_FUTURE_WRITE is of Linux 5.1. */
	return errno == EINVAL ? -EOPNOTSUPP : -errno;
}

/*
 * The lock lies on a description of its own: the one that is mapped lives as
 * long as its mapping, and its locks with it, also after the role was given up.
 */
static int fill_half(struct bbq_segment *segment, int fd)
{
	int error = bbq_file_reserve(fd, half_size(segment, segment->role));

	if (!error)
		error = map_half(segment, segment->role, PROT_READ | PROT_WRITE,
				 fd);
	if (!error)
		error = bbq_lock_reopen(fd, &segment->role_fd);
	if (!error)
		error = seal(fd);
	if (!error)
		error = bbq_lock_take(segment->role_fd, segment->role);
	return error;
}

static int make_half(struct bbq_segment *segment)
{
	int fd = memfd_create("bbq-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	error = fill_half(segment, fd);
	if (!error) {
		segment->fd = reopen_to_read(fd);
		error = segment->fd < 0 ? segment->fd : 0;
	}
	close(fd);
	return error;
}

int bbq_sealed_make(const struct bbq_header *header, enum bbq_role role,
		    struct bbq_segment **ret)
{
	struct bbq_segment *segment = NULL;
	unsigned char *map = MAP_FAILED;
	int error;

	if (header->size <= PTRDIFF_MAX)
		map = mmap(NULL, (size_t)header->size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	segment = calloc(1, sizeof(*segment));
	if (!segment) {
		munmap(map, (size_t)header->size);
		return -ENOMEM;
	}
	*segment = (struct bbq_segment){
		.mode = (enum bbq_mode)header->mode,
		.frame_align = header->frame_align,
		.capacity = (size_t)header->capacity,
		.size = (size_t)header->size,
		.producer = (void *)(map + header->producer_offset),
		.consumer = (void *)(map + header->consumer_offset),
		.data = map + header->data_offset,
		.map = map,
		.role = (int)role,
		.fd = -1,
		.peer_fd = -1,
		.role_fd = -1,
		.socket = -1,
		.pidfd = -1,
	};
	error = make_half(segment);
	if (error) {
		bbq_segment_close(segment);
		return error;
	}
	*ret = segment;
	return 0;
}

/* ---- the peer's half --------------------------------------------------- */

/* A memfd of ordinary memory, sealed as ours are, open for reading only. */
static bool memfd_possible(int fd)
{
	struct statfs fs;
	int seals = fcntl(fd, F_GET_SEALS);
	int flags = fcntl(fd, F_GETFL);

	return seals >= 0 && (seals & SEALS) == SEALS && flags >= 0 &&
	       (flags & O_ACCMODE) == O_RDONLY && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == TMPFS_MAGIC;
}

static bool half_possible(int fd, size_t size)
{
	struct stat st;

	return memfd_possible(fd) && fstat(fd, &st) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == (off_t)size &&
	       /* Sparse, it would be filled at our cost when we read it. */
	       (uint64_t)st.st_blocks * BLOCK_SIZE >= size;
}

int bbq_sealed_join(struct bbq_segment *segment, int fd)
{
	int role = other(segment->role);

	segment->peer_fd = fd;
	/* A peer whose role's lock is free is dead, or has never lived. */
	if (!half_possible(fd, half_size(segment, role)) ||
	    !bbq_lock_held(fd, role))
		return -EPROTO;
	return map_half(segment, role, PROT_READ, fd);
}

int bbq_sealed_watch(struct bbq_segment *segment, int socket, int pidfd)
{
	segment->socket = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	if (segment->socket < 0)
		return -errno;
	if (pidfd < 0)
		return 0;
	segment->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
	return segment->pidfd < 0 ? -errno : 0;
}

/* ---- roles ------------------------------------------------------------- */

int bbq_sealed_claim(struct bbq_segment *segment, int role, int *ret_fd)
{
	if (role != segment->role || segment->role_fd < 0)
		return -EADDRINUSE;
	*ret_fd = segment->role_fd;
	segment->role_fd = -1;
	return 0;
}

/* Hung up, or ended: a lock alone may be held on by who has inherited it. */
static bool gone(const struct bbq_segment *segment)
{
	struct pollfd fds[2] = {
		{ .fd = segment->socket, .events = POLLRDHUP },
		{ .fd = segment->pidfd, .events = POLLIN },
	};

	return poll(fds, 2, 0) > 0;
}

static bool closed(const struct bbq_end *end)
{
	return __atomic_load_n(&end->peer->state, __ATOMIC_ACQUIRE) ==
	       BBQ_STATE_CLOSED;
}

int bbq_sealed_peer(const struct bbq_end *end)
{
	const struct bbq_segment *segment = end->segment;

	if (closed(end))
		return -EPIPE;
	if (bbq_lock_held(segment->peer_fd, end->peer_lock) && !gone(segment))
		return 0;
	/* It may have closed since we looked. */
	return closed(end) ? -EPIPE : -EOWNERDEAD;
}

void bbq_sealed_close(struct bbq_segment *segment)
{
	const int fds[] = { segment->peer_fd, segment->role_fd, segment->socket,
			    segment->pidfd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}
