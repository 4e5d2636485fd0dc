/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c - a running sealed queue needs the calls of docs/seccomp.md only
 *
 *     linux-seccomp docs/seccomp.md
 *
 * Two processes agree on a queue, and each installs the filter; any other call
 * kills it from there on. They then sleep, wake, lose each other, close. And
 * the list has no call too many: without any of them, somebody is killed.
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bbq/channel.h>

#include "lockdown.h"

#define CAPACITY 61
#define BYTES 20000

/* Nobody waits for ever, should a test fail. */
#define LONG (INT64_C(60) * 1000000000)

enum act {
	MOVE,	    /* bytes, until both close */
	LOSE,	    /* the other side is killed */
	FORBIDDEN,  /* a call that is not on the list */
	DESCRIPTOR, /* as MOVE, and wait in poll */
};

struct play {
	enum act act;
	const char *without; /* a call that is missing; or null */
};

struct actor {
	const struct play *play;
	struct bbq_channel *channel;
	struct bbq_segment *segment;
	int say; /* a pipe: the parent sees that a filter is there, by its end */
};

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

/* ---- the two processes ------------------------------------------------- */

/* Each failure has a number; SIGSYS would be the filter. */
static void must(int number, bool good)
{
	if (!good)
		_exit(number);
}

static void lock(const struct actor *actor)
{
	must(10, lockdown(actor->play->act == DESCRIPTOR,
			  actor->play->without) == 0);
	if (actor->play->act == FORBIDDEN)
		syscall(SYS_getppid);
	close(actor->say);
}

static void leave(struct actor *actor)
{
	bbq_segment_close(actor->segment);
	bbq_channel_close(actor->channel);
	_exit(0);
}

static int wait_in_poll(int fd, int error)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	if (error)
		return error;
	return poll(&pollfd, 1, 60000) == 1 ? 0 : -ETIMEDOUT;
}

static int grant(struct bbq_sender *sender, int fd, struct bbq_span *ret)
{
	int error;

	if (fd < 0)
		return bbq_sender_grant_range(sender, 1, 17, LONG, ret);
	while ((error = bbq_sender_grant_range(sender, 1, 17, 0, ret)) ==
	       -EAGAIN) {
		error = wait_in_poll(fd, bbq_sender_arm(sender, 1));
		if (error)
			break;
	}
	return error;
}

static int look(struct bbq_receiver *receiver, int fd, struct bbq_view *ret)
{
	int error;

	if (fd < 0)
		return bbq_receiver_read(receiver, LONG, ret);
	while ((error = bbq_receiver_read(receiver, 0, ret)) == -EAGAIN) {
		error = wait_in_poll(fd, bbq_receiver_arm(receiver));
		if (error)
			break;
	}
	return error;
}

static void send_all(struct actor *actor)
{
	bool endless = actor->play->act == LOSE;
	struct bbq_sender sender;
	struct bbq_span span;
	size_t sent = 0;
	int fd = -1, error = 0;

	must(11, bbq_sender_open(actor->segment, &sender) == 0);
	sender.end.spin = 0;
	if (actor->play->act == DESCRIPTOR)
		fd = bbq_sender_fd(&sender);
	lock(actor);
	while (endless || sent < BYTES) {
		error = grant(&sender, fd, &span);
		if (error)
			break;
		if (!endless && span.len > BYTES - sent)
			span.len = BYTES - sent;
		for (size_t i = 0; i < span.len; i++)
			((unsigned char *)span.data)[i] = byte_at(sent++);
		must(12, bbq_sender_commit(&sender, span.len) == 0);
	}
	if (endless)
		must(13, error == -EOWNERDEAD);
	else
		must(14, bbq_sender_finish(&sender, LONG) == 0);
	bbq_sender_close(&sender);
	leave(actor);
}

static void receive_all(struct actor *actor)
{
	struct bbq_receiver receiver;
	struct bbq_view view;
	size_t got = 0;
	int fd = -1, error;

	must(21, bbq_receiver_open(actor->segment, &receiver) == 0);
	receiver.end.spin = 0;
	if (actor->play->act == DESCRIPTOR)
		fd = bbq_receiver_fd(&receiver);
	lock(actor);
	while ((error = look(&receiver, fd, &view)) == 0) {
		for (size_t i = 0; i < view.len; i++)
			must(22, ((const unsigned char *)view.data)[i] ==
					 byte_at(got++));
		must(23, bbq_receiver_release(&receiver, view.len) == 0);
	}
	must(24, error == (actor->play->act == LOSE ? -EOWNERDEAD : -EPIPE));
	must(25, actor->play->act == LOSE || got == BYTES);
	bbq_receiver_close(&receiver);
	leave(actor);
}

static void act(const struct play *play, int socket, bool sends, int say)
{
	const struct bbq_config config = { .capacity = CAPACITY };
	struct actor actor = { .play = play, .say = say };

	must(1, bbq_channel_adopt(socket, NULL, &actor.channel) == 0);
	close(socket);
	if (sends) {
		must(2, bbq_channel_offer(actor.channel, BBQ_ROLE_PRODUCER,
					  &config, LONG, &actor.segment) == 0);
		send_all(&actor);
	} else {
		must(3, bbq_channel_take(actor.channel, BBQ_ROLE_CONSUMER, 0,
					 LONG, &actor.segment) == 0);
		receive_all(&actor);
	}
}

/* ---- their parent ------------------------------------------------------ */

static int failures;

static void expect(bool good, const char *what, const char *call, int status)
{
	if (good)
		return;
	fprintf(stderr, "seccomp: %s, without %s: wait status %x\n", what,
		call ? call : "nothing", (unsigned int)status);
	failures++;
}

static pid_t start(const struct play *play, const int fds[2], bool sends,
		   const int pipes[2])
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(fds[sends]);
	close(pipes[0]);
	act(play, fds[!sends], sends, pipes[1]);
	_exit(99);
}

/* Both have installed their filter, or are gone. */
static void await_filters(int fd)
{
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

/* Until the process is in that state, or has ended. */
static void await_state(pid_t pid, char state)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	char path[64], now = ' ';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int i = 0; i < 30000 && now != state && now != 'Z'; i++) {
		FILE *file = fopen(path, "re");

		if (!file || fscanf(file, "%*d (%*[^)]) %c", &now) != 1)
			now = 'Z';
		if (file)
			fclose(file);
		nanosleep(&pause, NULL);
	}
}

static bool killed_by_filter(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/*
 * The status of the sender and of the receiver. victim: which of them is killed
 * once both are at work; -1: none. Meanwhile they are stopped, and go on.
 */
static void perform(const struct play *play, int victim, int status[2])
{
	int fds[2], pipes[2];
	pid_t pid[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    pipe(pipes) < 0) {
		perror("seccomp");
		exit(1);
	}
	pid[0] = start(play, fds, true, pipes);
	pid[1] = start(play, fds, false, pipes);
	close(fds[0]);
	close(fds[1]);
	close(pipes[1]);
	await_filters(pipes[0]);
	close(pipes[0]);
	if (victim >= 0) {
		/* The other one, asleep, is stopped and continued. */
		kill(pid[victim], SIGSTOP);
		for (int i = 0; i < 5; i++) {
			await_state(pid[!victim], 'S');
			kill(pid[!victim], SIGSTOP);
			await_state(pid[!victim], 'T');
			kill(pid[!victim], SIGCONT);
		}
		kill(pid[victim], SIGKILL);
	}
	for (int i = 0; i < 2; i++) {
		while (waitpid(pid[i], &status[i], 0) < 0 && errno == EINTR)
			;
	}
}

/* With the whole list all is well. */
static void all_is_well(enum act how, int victim, const char *what)
{
	const struct play play = { .act = how };
	int status[2];

	perform(&play, victim, status);
	for (int i = 0; i < 2; i++) {
		if (i == victim)
			expect(WIFSIGNALED(status[i]) &&
				       WTERMSIG(status[i]) == SIGKILL,
			       what, NULL, status[i]);
		else
			expect(status[i] == 0, what, NULL, status[i]);
	}
}

static bool somebody_killed(enum act how, int victim, const char *without)
{
	const struct play play = { .act = how, .without = without };
	int status[2];

	perform(&play, victim, status);
	return killed_by_filter(status[0]) || killed_by_filter(status[1]);
}

/* A call that is on the list and that nobody makes does not belong there. */
static void every_call_is_needed(void)
{
	for (size_t i = 0; i < ALLOWED_CALLS; i++) {
		const struct allowed *call = &allowed_calls[i];

		if (call->at_times)
			continue;
		expect(call->descriptor
			       ? somebody_killed(DESCRIPTOR, -1, call->name)
			       : somebody_killed(MOVE, -1, call->name) ||
					 somebody_killed(LOSE, 0, call->name),
		       "nobody needs it", call->name, 0);
	}
}

/* The table of the page and ours are the same. */
static void as_documented(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[1000], name[64];
	size_t n = 0;

	if (!file) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "| `%63[a-z_]`", name) != 1)
			continue;
		/* poll or ppoll: each machine has its own. */
		if (n < ALLOWED_CALLS &&
		    (strcmp(name, allowed_calls[n].name) == 0 ||
		     (strcmp(name, "poll") == 0 &&
		      strcmp(allowed_calls[n].name, "ppoll") == 0))) {
			n++;
			continue;
		}
		fprintf(stderr, "seccomp: %s: %s is not in lockdown.h there\n",
			path, name);
		failures++;
	}
	fclose(file);
	expect(n == ALLOWED_CALLS, "the page lacks calls", NULL, (int)n);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	as_documented(argv[1]);
	all_is_well(MOVE, -1, "moving");
	all_is_well(DESCRIPTOR, -1, "waiting in poll");
	all_is_well(LOSE, 0, "the sender dies");
	all_is_well(LOSE, 1, "the receiver dies");
	expect(somebody_killed(FORBIDDEN, -1, NULL), "the filter is not there",
	       NULL, 0);
	every_call_is_needed();
	if (failures == 0)
		printf("seccomp: %zu calls\n", ALLOWED_CALLS);
	return failures != 0;
}
