/* SPDX-License-Identifier: MIT */
/* main.c - a run of bbq-cat: open, move, report, exit */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cat.h"

volatile sig_atomic_t stop_signals;

/*
 * The signal may come between our look at the count and a read or write that
 * blocks for ever. So it comes again, as an alarm, which only interrupts.
 */
static void on_stop(int signal)
{
	if (signal != SIGALRM)
		stop_signals++;
	alarm(1);
}

/* No SA_RESTART: a signal ends the wait that it finds. */
static void catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGALRM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* A file size limit is an error of the write like any other. */
	sigaction(SIGXFSZ, &ignore, NULL);
}

int cat_peer_gone(const struct cat *cat, const struct bbq_end *end)
{
	int error = bbq_end_peer(end);

	return error == -EOWNERDEAD && cat->options->wait_peer ? 0 : error;
}

/* Nobody has come yet, or nobody has taken the place of who died. */
static bool peer_missing(const struct cat *cat, const struct bbq_end *end)
{
	return !bbq_end_peer_came(end) ||
	       (cat->options->wait_peer && bbq_end_peer(end) == -EOWNERDEAD);
}

int cat_tick(struct cat *cat, const struct bbq_end *end)
{
	int64_t timeout = cat->options->timeout_ns;

	report_progress(cat);
	if (stop_signals)
		return -EINTR;
	if (timeout < 0)
		return 0;
	if (!peer_missing(cat, end)) {
		cat->waiting_ns = 0;
		return 0;
	}
	if (cat->waiting_ns == 0)
		cat->waiting_ns = clock_ns();
	return clock_ns() - cat->waiting_ns >= timeout ? -ETIMEDOUT : 0;
}

/*
 * A standard descriptor that came closed would be the next that is opened: the
 * queue would be read as input, or written over with error messages. Hold its
 * place. The bits tell which were closed.
 */
static unsigned int hold_standard_fds(void)
{
	unsigned int closed = 0;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		closed |= 1u << fd;
		/* The lowest free one: fd itself. */
		if (open("/dev/null", O_RDWR) < 0)
			break;
	}
	return closed;
}

static enum status open_file(struct cat *cat, int *ret_fd)
{
	const char *file = cat->options->file;
	int standard = cat->options->send ? STDIN_FILENO : STDOUT_FILENO;

	if (!file && (cat->closed_fds & 1u << standard)) {
		report_error(cat, "%s: %s",
			     cat->options->send ? "stdin" : "stdout",
			     strerror(EBADF));
		return STATUS_ERROR;
	}
	if (!cat->options->send) {
		*ret_fd = STDOUT_FILENO;
		return STATUS_OK;
	}
	*ret_fd = file ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (*ret_fd >= 0)
		return STATUS_OK;
	report_error(cat, "%s: %s", file, strerror(errno));
	return STATUS_ERROR;
}

static enum status open_io(struct cat *cat, int fd)
{
	int error = io_open(&cat->io, cat->options->io, fd, cat->options->recv,
			    bbq_segment_data(cat->segment),
			    bbq_segment_capacity(cat->segment));

	if (!error)
		return STATUS_OK;
	report_error(cat, "io_uring: %s", strerror(-error));
	return STATUS_ERROR;
}

/* The file first: a queue for input that does not exist helps nobody. */
static enum status run(struct cat *cat)
{
	enum status status;
	int fd;

	status = open_file(cat, &fd);
	if (status == STATUS_OK)
		status = queue_open(cat);
	/* A receiver may be stopped before there is a queue. */
	if (status != STATUS_OK || !cat->segment)
		return status;
	status = open_io(cat, fd);
	if (status != STATUS_OK) {
		if (cat->options->send)
			bbq_segment_retire(cat->segment);
		return status;
	}
	cat->sender.end.wait_peer = cat->options->wait_peer;
	cat->receiver.end.wait_peer = cat->options->wait_peer;
	status = cat->options->send ? send_run(cat) : recv_run(cat);
	report_end(cat, status);
	io_close(&cat->io);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct cat cat = {
		.options = &options,
		.sender.end.lock_fd = -1,
		.receiver.end.lock_fd = -1,
	};
	enum status status;
	bool over;

	cat.closed_fds = hold_standard_fds();
	status = options_parse(argc, argv, &options, &over);
	if (status != STATUS_OK || over)
		return (int)status;
	catch_signals();
	cat.started_ns = clock_ns();
	cat.reported_ns = cat.started_ns;
	status = run(&cat);
	bbq_sender_abandon(&cat.sender);
	bbq_receiver_abandon(&cat.receiver);
	bbq_segment_close(cat.segment);
	return (int)status;
}
