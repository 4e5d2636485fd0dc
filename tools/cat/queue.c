/* SPDX-License-Identifier: MIT */
/*
 * queue.c - from a NAME to a segment and a role in it
 *
 * Between the opening of a name and the claim of a role the last user of the
 * queue may remove the name. So whoever has claimed looks whether the segment
 * still has its name, and begins again if not.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cat.h"

#define LOOK_NS (NS_PER_SEC / 50)

enum status queue_error(struct cat *cat, const char *what)
{
	report_error(cat, "%s: %s", cat->options->name, what);
	return STATUS_ERROR;
}

enum status queue_usage(struct cat *cat, const char *what)
{
	queue_error(cat, what);
	return STATUS_USAGE;
}

static enum status parse_fd(struct cat *cat, const char *text, int *ret)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    fd > INT_MAX)
		return queue_usage(cat, "not a descriptor's number");
	*ret = (int)fd;
	return STATUS_OK;
}

/* A path, or a name that only sockets have. */
static bool is_socket_name(const char *text)
{
	return text[0] == '@' || strchr(text[0] == '/' ? text + 1 : text, '/');
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* NAME as shared memory's name in cat->shm_name, or as a descriptor. */
static enum status parse_name(struct cat *cat, int *ret_fd)
{
	const char *text = cat->options->name;
	const char *bare = text[0] == '/' ? text + 1 : text;

	if (strncmp(text, "fd:", 3) == 0)
		return parse_fd(cat, text + 3, ret_fd);
	if (*bare == '\0' || strcmp(bare, ".") == 0 || strcmp(bare, "..") == 0)
		return queue_usage(cat, "not a name");
	if (strlen(bare) > NAME_MAX - 1)
		return queue_usage(cat, "the name is too long");
	*ret_fd = -1;
	snprintf(cat->shm_name, sizeof(cat->shm_name), "/%s", bare);
	return STATUS_OK;
}

static bool fd_is_empty(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

static int pause_and_look(void)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };

	nanosleep(&pause, NULL);
	return stop_signals ? -EINTR : 0;
}

static const char *describe(int error)
{
	switch (error) {
	case -ENOENT:
		return "no such queue";
	case -EADDRINUSE:
		return "the name is taken by a live process in the same role";
	case -EPROTO:
		return "not a queue, or damaged";
	case -EBADMSG:
		return "the queue is damaged: impossible cursors";
	case -EPERM:
		return "the memfd does not allow sealing";
	default:
		return strerror(-error);
	}
}

/* ---- sender ------------------------------------------------------------ */

static struct bbq_config config_of(const struct options *options)
{
	return (struct bbq_config){
		.capacity = options->capacity,
		.mode = options->lines ? BBQ_MODE_FRAMES : BBQ_MODE_BYTES,
	};
}

/* Open what is there, or make it. -EEXIST: somebody else just has. */
static int sender_segment(struct cat *cat, int fd)
{
	struct bbq_config config = config_of(cat->options);
	int error;

	if (fd >= 0)
		return fd_is_empty(fd) ? bbq_segment_create_fd(fd, &config,
							       &cat->segment)
				       : bbq_segment_attach(fd, &cat->segment);
	error = bbq_segment_open(cat->shm_name, &cat->segment);
	if (error == -ENOENT)
		error = bbq_segment_create_named(cat->shm_name, &config,
						 &cat->segment);
	return error;
}

static void segment_drop(struct cat *cat)
{
	bbq_segment_close(cat->segment);
	cat->segment = NULL;
}

/*
 * --fresh: remove what stands under the name. A queue only with its sender's
 * role in hand, so that it is not a live one's; what is no queue, as it is.
 */
static int remove_old(struct cat *cat)
{
	int error = bbq_segment_open(cat->shm_name, &cat->segment);

	if (error == -ENOENT)
		return 0;
	if (error == -EPROTO)
		return bbq_segment_unlink(cat->shm_name);
	if (error)
		return error;
	error = bbq_sender_open(cat->segment, &cat->sender);
	if (error == 0 || error == -EBADMSG)
		error = bbq_segment_discard(cat->segment);
	if (error == -ENOENT)
		error = 0;
	bbq_sender_abandon(&cat->sender);
	segment_drop(cat);
	return error;
}

static int sender_claim(struct cat *cat, int fd)
{
	int error;

	for (;;) {
		error = sender_segment(cat, fd);
		if (error == -EEXIST)
			continue;
		if (error)
			return error;
		error = bbq_sender_open(cat->segment, &cat->sender);
		if (error)
			return error;
		if (fd >= 0 || bbq_segment_has_name(cat->segment))
			return 0;
		bbq_sender_abandon(&cat->sender);
		segment_drop(cat);
	}
}

static enum status sender_open(struct cat *cat, int fd)
{
	const struct options *options = cat->options;
	size_t left;
	int error = 0;

	if (options->fresh && fd < 0)
		error = remove_old(cat);
	if (!error)
		error = sender_claim(cat, fd);
	if (error)
		return queue_error(cat, describe(error));
	if (options->lines !=
	    (bbq_segment_mode(cat->segment) == BBQ_MODE_FRAMES)) {
		bbq_sender_abandon(&cat->sender);
		return queue_error(cat, options->lines
						? "a queue of bytes is there, "
						  "not of lines (--fresh?)"
						: "a queue of frames is there, "
						  "not of bytes (--fresh?)");
	}
	left = bbq_segment_fill(cat->segment);
	if (left > 0)
		report_error(cat, "%s: going on after %zu undelivered bytes",
			     options->name, left);
	return STATUS_OK;
}

/* ---- receiver ---------------------------------------------------------- */

static int receiver_segment(struct cat *cat, int fd)
{
	if (fd < 0)
		return bbq_segment_open(cat->shm_name, &cat->segment);
	if (fd_is_empty(fd))
		return -ENOENT;
	return bbq_segment_attach(fd, &cat->segment);
}

/* Left behind by a sender that died, and empty: no queue to wait at. */
static bool receiver_too_late(struct cat *cat)
{
	return !cat->options->wait_peer &&
	       bbq_end_peer(&cat->receiver.end) == -EOWNERDEAD &&
	       bbq_segment_retire(cat->segment) != -EBUSY;
}

/* One look. -ENOENT: not there yet, or gone again. */
static int receiver_claim(struct cat *cat, int fd)
{
	int error = receiver_segment(cat, fd);

	if (error)
		return error;
	error = bbq_receiver_open(cat->segment, &cat->receiver);
	if (error)
		return error;
	if (fd >= 0 ||
	    (bbq_segment_has_name(cat->segment) && !receiver_too_late(cat)))
		return 0;
	bbq_receiver_abandon(&cat->receiver);
	segment_drop(cat);
	return -ENOENT;
}

static enum status receiver_open(struct cat *cat, int fd)
{
	int64_t timeout = cat->options->timeout_ns;
	int error;

	for (;;) {
		error = receiver_claim(cat, fd);
		if (error != -ENOENT)
			break;
		if (timeout >= 0 && clock_ns() - cat->started_ns >= timeout)
			return queue_error(
				cat, "no such queue, and --timeout is over");
		if (pause_and_look())
			return STATUS_OK;
	}
	return error ? queue_error(cat, describe(error)) : STATUS_OK;
}

enum status queue_open(struct cat *cat)
{
	enum status status;
	int fd;

	if (is_socket_name(cat->options->name))
		return channel_open(cat, -1);
	status = parse_name(cat, &fd);
	if (status != STATUS_OK)
		return status;
	if (is_socket(fd))
		return channel_open(cat, fd);
	if (cat->options->uids.count > 0 || cat->options->gids.count > 0)
		return queue_usage(cat, "--uid and --gid are for a socket");
	return cat->options->send ? sender_open(cat, fd)
				  : receiver_open(cat, fd);
}

void queue_discard(struct cat *cat)
{
	bbq_segment_discard(cat->segment);
}
