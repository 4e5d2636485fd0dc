/* SPDX-License-Identifier: MIT */
/*
 * listener.c - where two processes meet: paths and abstract names
 *
 * A socket's file outlives its process, and then refuses connections. Whoever
 * wants its place removes it, but must not remove one that another has just
 * put there, nor one that is bound and does not listen yet. So all of that is
 * done with the directory locked (flock), as is the removal at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"

#define BACKLOG 16
#define LOCK_TRIES 1000
#define PAUSE_NS 1000000

struct bbq_listener {
	int fd;
	dev_t dev; /* of the file that we have made ... */
	ino_t ino;
	struct sockaddr_un address; /* ... at this path; or abstract */
};

static int address_parse(const char *text, struct sockaddr_un *ret,
			 socklen_t *ret_len)
{
	size_t len;

	if (!text || text[0] == '\0' || strcmp(text, "@") == 0)
		return -EINVAL;
	len = strlen(text);
	if (len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, text, len);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (text[0] == '@')
		ret->sun_path[0] = '\0';
	else
		++*ret_len;
	return 0;
}

static bool abstract(const struct sockaddr_un *address)
{
	return address->sun_path[0] == '\0';
}

/* The path's directory, locked; close it to unlock it. */
static int lock_directory(const char *path)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	const char *slash = strrchr(path, '/');
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = ".";
	int fd;

	if (slash) {
		memcpy(directory, path, (size_t)(slash - path) + 1);
		directory[slash - path + 1] = '\0';
	}
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Not a lock that waits: anybody who may read it can hold it. */
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		nanosleep(&pause, NULL);
	}
	close(fd);
	return -EBUSY;
}

/* Does a socket stand there to which nobody listens? */
static bool stale(const struct sockaddr_un *address, socklen_t len)
{
	struct stat st;
	int fd, error;

	if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	error = connect(fd, (const struct sockaddr *)address, len) < 0 ? errno
								       : 0;
	close(fd);
	return error == ECONNREFUSED;
}

/* In the locked directory, or the abstract namespace. */
static int bind_and_listen(struct bbq_listener *listener, socklen_t len)
{
	const struct sockaddr *address = (void *)&listener->address;
	struct stat st;

	if (bind(listener->fd, address, len) < 0) {
		if (errno != EADDRINUSE || abstract(&listener->address) ||
		    !stale(&listener->address, len))
			return -errno;
		if (unlink(listener->address.sun_path) < 0 ||
		    bind(listener->fd, address, len) < 0)
			return -errno;
	}
	if (listen(listener->fd, BACKLOG) < 0)
		return -errno;
	if (abstract(&listener->address))
		return 0;
	if (lstat(listener->address.sun_path, &st) < 0)
		return -errno;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return 0;
}

static int listen_at(struct bbq_listener *listener, socklen_t len)
{
	int directory = -1;
	int error;

	listener->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	if (!abstract(&listener->address)) {
		directory = lock_directory(listener->address.sun_path);
		if (directory < 0)
			return directory;
	}
	error = bind_and_listen(listener, len);
	if (directory >= 0)
		close(directory);
	return error;
}

int bbq_listener_open(const char *address, struct bbq_listener **ret)
{
	struct bbq_listener *listener;
	struct sockaddr_un parsed;
	socklen_t len;
	int error = address_parse(address, &parsed, &len);

	if (error || !ret)
		return error ? error : -EINVAL;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	listener->address = parsed;
	error = listen_at(listener, len);
	if (error) {
		if (listener->fd >= 0)
			close(listener->fd);
		free(listener);
		return error;
	}
	*ret = listener;
	return 0;
}

static bool is_ours(const struct bbq_listener *listener, const struct stat *st)
{
	return st->st_dev == listener->dev && st->st_ino == listener->ino;
}

static void remove_path(const struct bbq_listener *listener)
{
	const char *path = listener->address.sun_path;
	int directory = lock_directory(path);
	struct stat st;

	/* A name that stays is stale, and its next user replaces it. */
	if (directory < 0)
		return;
	if (lstat(path, &st) == 0 && is_ours(listener, &st))
		unlink(path);
	close(directory);
}

void bbq_listener_close(struct bbq_listener *listener)
{
	if (!listener)
		return;
	if (!abstract(&listener->address))
		remove_path(listener);
	close(listener->fd);
	free(listener);
}

int bbq_listener_fd(const struct bbq_listener *listener)
{
	return listener ? listener->fd : -EINVAL;
}

int bbq_listener_chmod(const struct bbq_listener *listener, mode_t mode)
{
	char own[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	struct stat st;
	int fd, error = 0;

	if (!listener || abstract(&listener->address))
		return -EINVAL;
	/* Not by its path: another may have put another file there. */
	fd = open(listener->address.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0 || !is_ours(listener, &st))
		error = -ENOENT;
	else if (chmod(own, mode) < 0)
		error = -errno;
	close(fd);
	return error;
}

/* A peer that has gone before it was accepted is none. */
static int accept_one(int listening, int64_t deadline)
{
	for (;;) {
		int error, fd = accept4(listening, NULL, NULL,
					SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			return fd;
		if (errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN)
			return -errno;
		error = bbq_socket_wait(listening, POLLIN, deadline);
		if (error)
			return error;
	}
}

int bbq_listener_accept(struct bbq_listener *listener,
			const struct bbq_policy *policy, int64_t timeout_ns,
			struct bbq_channel **ret)
{
	int fd;

	if (!listener || !ret)
		return -EINVAL;
	fd = accept_one(listener->fd, bbq_deadline(timeout_ns));
	if (fd == -ETIMEDOUT && timeout_ns == 0)
		return -EAGAIN;
	return fd < 0 ? fd : bbq_channel_make(fd, policy, true, ret);
}

/* The listener may have its hands full: then again, until the deadline. */
static int connect_until(int fd, const struct sockaddr_un *address,
			 socklen_t len, int64_t deadline)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	while (connect(fd, (const struct sockaddr *)address, len) < 0) {
		if (errno != EAGAIN)
			return -errno;
		if (deadline >= 0 && bbq_now_ns() >= deadline)
			return -ETIMEDOUT;
		if (nanosleep(&pause, NULL) < 0)
			return -EINTR;
	}
	return 0;
}

int bbq_channel_connect(const char *address, const struct bbq_policy *policy,
			int64_t timeout_ns, struct bbq_channel **ret)
{
	struct sockaddr_un parsed;
	socklen_t len;
	int fd, error = address_parse(address, &parsed, &len);

	if (error || !ret)
		return error ? error : -EINVAL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = connect_until(fd, &parsed, len, bbq_deadline(timeout_ns));
	if (!error)
		return bbq_channel_make(fd, policy, true, ret);
	close(fd);
	return error == -ETIMEDOUT && timeout_ns == 0 ? -EAGAIN : error;
}
