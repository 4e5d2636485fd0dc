/* SPDX-License-Identifier: MIT */
/*
 * lock.c - open-file-description locks
 *
 * Such a lock belongs to the description, not to the process, and the kernel
 * drops it when the last descriptor of it is closed: on every kind of death,
 * zombies and other PID namespaces included (Linux 3.15).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define GATE_TRIES 1000
#define GATE_PAUSE_NS 1000000

int bbq_lock_reopen(int fd, int *ret)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int own;

	if (fcntl(fd, F_GETFD) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (own < 0)
		return -errno;
	*ret = own;
	return 0;
}

static struct flock byte_lock(short type, int byte)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};
}

int bbq_lock_take(int fd, int byte)
{
	struct flock lock = byte_lock(F_WRLCK, byte);

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EADDRINUSE : -errno;
}

void bbq_lock_drop(int fd, int byte)
{
	struct flock lock = byte_lock(F_UNLCK, byte);

	fcntl(fd, F_OFD_SETLK, &lock);
}

bool bbq_lock_held(int fd, int byte)
{
	struct flock lock = byte_lock(F_WRLCK, byte);

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Not F_OFD_SETLKW: a peer that stops inside the gate must not hang us. */
int bbq_gate_enter(int fd)
{
	const struct timespec pause = { .tv_nsec = GATE_PAUSE_NS };
	int error = -EBUSY;

	for (int i = 0; i < GATE_TRIES; i++) {
		error = bbq_lock_take(fd, BBQ_LOCK_GATE);
		if (error != -EADDRINUSE)
			return error;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

void bbq_gate_leave(int fd)
{
	bbq_lock_drop(fd, BBQ_LOCK_GATE);
}
