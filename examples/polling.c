/* SPDX-License-Identifier: MIT */
/*
 * polling.c - a receiver beside other things, in one poll
 *
 * A program that has a loop of its own does not want to sleep in
 * bbq_receiver_read. It asks the receiver for a descriptor, arms it whenever a
 * read finds nothing, and waits for it together with whatever else there is:
 * here, a child process that sends three lines, and a timer.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bbq/bbq.h>

static int fail(const char *what, int error)
{
	fprintf(stderr, "polling: %s: %s\n", what, strerror(-error));
	return 1;
}

/* The child: a process opens the segment anew, it does not inherit it. */
static int send_lines(int fd)
{
	static const char *const lines[] = { "one\n", "two\n", "three\n" };
	struct bbq_segment *segment;
	struct bbq_sender sender;
	struct bbq_span span;
	int error;

	error = bbq_segment_attach(fd, &segment);
	if (!error)
		error = bbq_sender_open(segment, &sender);
	for (size_t i = 0; !error && i < 3; i++) {
		size_t len = strlen(lines[i]);

		usleep(100000);
		error = bbq_sender_grant(&sender, len, BBQ_FOREVER, &span);
		if (error)
			break;
		memcpy(span.data, lines[i], len);
		error = bbq_sender_commit(&sender, len);
	}
	if (error)
		return fail("sender", error);
	bbq_sender_close(&sender);
	bbq_segment_close(segment);
	return 0;
}

/* Print what is there; -EAGAIN once there is no more for now. */
static int print_all(struct bbq_receiver *receiver)
{
	struct bbq_view view;
	int error;

	while ((error = bbq_receiver_read(receiver, 0, &view)) == 0) {
		fwrite(view.data, 1, view.len, stdout);
		bbq_receiver_release(receiver, view.len);
	}
	return error;
}

/* Until the sender has closed; the timer only shows that it can tick. */
static int loop(struct bbq_receiver *receiver, int timer, unsigned int *ticks)
{
	struct pollfd fds[2] = {
		{ .fd = bbq_receiver_fd(receiver), .events = POLLIN },
		{ .fd = timer, .events = POLLIN },
	};
	uint64_t expired;
	int error;

	if (fds[0].fd < 0)
		return fds[0].fd;
	for (;;) {
		error = print_all(receiver);
		if (error == -EAGAIN)
			error = bbq_receiver_arm(receiver);
		if (error)
			return error;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents && read(timer, &expired, 8) == 8)
			*ticks += (unsigned int)expired;
	}
}

int main(void)
{
	const struct bbq_config config = { .capacity = 4096 };
	const struct itimerspec every = {
		.it_interval.tv_nsec = 10000000,
		.it_value.tv_nsec = 10000000,
	};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct bbq_segment *segment;
	struct bbq_receiver receiver;
	unsigned int ticks = 0;
	int error, status;
	pid_t pid;

	error = bbq_segment_create(&config, &segment);
	if (error)
		return fail("segment", error);
	pid = fork();
	if (pid == 0)
		_exit(send_lines(bbq_segment_fd(segment)));
	error = bbq_receiver_open(segment, &receiver);
	if (error)
		return fail("receiver", error);
	if (pid < 0 || timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		return fail("fork or timer", -errno);
	error = loop(&receiver, timer, &ticks);
	if (error != -EPIPE)
		return fail("loop", error);
	bbq_receiver_close(&receiver);
	bbq_segment_close(segment);
	printf("the sender has closed; the timer ticked %s\n",
	       ticks > 0 ? "meanwhile" : "never");
	return waitpid(pid, &status, 0) == pid && status == 0 && ticks > 0 ? 0
									   : 1;
}
