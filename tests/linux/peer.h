/* SPDX-License-Identifier: MIT */
/* Starting and ending a real second process; -1 and errno values on failure. */
#ifndef TESTS_LINUX_PEER_H
#define TESTS_LINUX_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define SPAWN_ARGS_MAX 64

struct peer {
	pid_t pid;
	int to;	  /* its standard input */
	int from; /* its standard output */
};

/*
 * posix_spawn of argv[0]. Under qemu-user (scripts/test-arch) the kernel cannot
 * run it by itself: EMULATOR names the program that can.
 */
static inline int spawn(pid_t *ret, const posix_spawn_file_actions_t *actions,
			char *const argv[])
{
	char *with[SPAWN_ARGS_MAX + 2] = { getenv("EMULATOR") };

	if (!with[0] || !*with[0])
		return posix_spawn(ret, argv[0], actions, NULL, argv, environ);
	for (size_t i = 0; argv[i]; i++) {
		if (i == SPAWN_ARGS_MAX)
			return E2BIG;
		with[i + 1] = argv[i];
	}
	return posix_spawn(ret, with[0], actions, NULL, with, environ);
}

/* Start argv[0] with fd as its descriptor 3 (if it is not negative). */
static inline int peer_spawn(struct peer *peer, int fd, char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int to[2], from[2], error;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		return -1;
	/* dup2 on itself would leave close-on-exec set: 3 must be free. */
	if (fd == 3)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to[0], 0);
	posix_spawn_file_actions_adddup2(&actions, from[1], 1);
	if (fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, fd, 3);
	error = spawn(&peer->pid, &actions, argv);
	posix_spawn_file_actions_destroy(&actions);
	close(to[0]);
	close(from[1]);
	peer->to = to[1];
	peer->from = from[0];
	return error;
}

/* Its wait status, once it has ended. */
static inline int peer_reap(struct peer *peer)
{
	int status = -1;

	while (waitpid(peer->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(peer->to);
	close(peer->from);
	return status;
}

/* Kill it and leave it unreaped. */
static inline void peer_make_zombie(struct peer *peer)
{
	siginfo_t info;

	kill(peer->pid, SIGKILL);
	while (waitid(P_PID, (id_t)peer->pid, &info, WEXITED | WNOWAIT) < 0 &&
	       errno == EINTR)
		;
}

static inline void peer_kill(struct peer *peer)
{
	kill(peer->pid, SIGKILL);
	peer_reap(peer);
}

#endif /* TESTS_LINUX_PEER_H */
