/* SPDX-License-Identifier: MIT */
/*
 * channel.c - from a NAME that is a socket to a sealed queue
 *
 * The sender listens, and offers the queue to the first receiver that may have
 * it; then the name is gone. The receiver looks for the name until somebody
 * offers it a queue. What one stranger does ends neither: the sender goes on to
 * listen, the receiver to look.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <bbq/channel.h>

#include "cat.h"

/* So long a peer that has come may take over its part of the agreement. */
#define AGREE_NS (2 * NS_PER_SEC)
#define LOOK_NS (NS_PER_SEC / 50)

static struct bbq_policy policy_of(const struct options *options)
{
	return (struct bbq_policy){
		.uids = options->uids.id,
		.uid_count = options->uids.count,
		.gids = options->gids.id,
		.gid_count = options->gids.count,
	};
}

static const char *describe(int error)
{
	switch (error) {
	case -EACCES:
		return "permission denied, or not allowed by --uid and --gid";
	case -EADDRINUSE:
		return "the name is taken by a live process in the same role";
	case -EPIPE:
		return "the other side went away";
	case -EPROTO:
		return "the other side is no bbq-cat, or a damaged one";
	case -ENOTCONN:
	case -EPROTOTYPE:
		return "not a connected Unix stream socket";
	default:
		return strerror(-error);
	}
}

/* What a stranger can cause: no reason to give up the others. */
static bool others_may_come(int error)
{
	return error == -EACCES || error == -EADDRINUSE || error == -EPIPE ||
	       error == -EPROTO || error == -EMSGSIZE || error == -ETIMEDOUT ||
	       error == -EAGAIN || error == -EINTR;
}

static bool time_over(const struct cat *cat)
{
	int64_t timeout = cat->options->timeout_ns;

	return timeout >= 0 && clock_ns() - cat->started_ns >= timeout;
}

static int claim(struct cat *cat)
{
	return cat->options->send
		       ? bbq_sender_open(cat->segment, &cat->sender)
		       : bbq_receiver_open(cat->segment, &cat->receiver);
}

static int offer(struct cat *cat, struct bbq_channel *channel, int64_t timeout)
{
	const struct bbq_config config = {
		.capacity = cat->options->capacity,
		.mode = cat->options->lines ? BBQ_MODE_FRAMES : BBQ_MODE_BYTES,
	};

	return bbq_channel_offer(channel, BBQ_ROLE_PRODUCER, &config, timeout,
				 &cat->segment);
}

/* -EAGAIN, -ETIMEDOUT: not yet. */
static int take(struct cat *cat, struct bbq_channel *channel, int64_t timeout)
{
	return bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, timeout,
				&cat->segment);
}

/* ---- sender ------------------------------------------------------------ */

/* The first one only: who is refused could fill the disk with lines. */
static void report_stranger(struct cat *cat, int error)
{
	if (!cat->stranger_told && error != -EINTR)
		report_error(cat, "%s: refused a receiver: %s",
			     cat->options->name, describe(error));
	cat->stranger_told = true;
}

/* One receiver, if one comes within a tick. */
static int serve_one(struct cat *cat, struct bbq_listener *listener)
{
	const struct bbq_policy policy = policy_of(cat->options);
	struct bbq_channel *channel = NULL;
	int error;

	error = bbq_listener_accept(listener, &policy, TICK_NS, &channel);
	if (error == -ETIMEDOUT || error == -EINTR)
		return error;
	if (!error)
		error = offer(cat, channel, AGREE_NS);
	bbq_channel_close(channel);
	if (others_may_come(error)) {
		report_stranger(cat, error);
		return -EAGAIN;
	}
	return error;
}

static int serve(struct cat *cat, struct bbq_listener *listener)
{
	int error;

	do {
		error = serve_one(cat, listener);
		if (stop_signals)
			return -EINTR;
		if (error && time_over(cat))
			return -ETIMEDOUT;
	} while (error == -ETIMEDOUT || error == -EAGAIN || error == -EINTR);
	return error;
}

/*
 * Who is asked for by name must be able to come as far as the policy, and from
 * the first moment on: so it is not bbq_listener_chmod, which comes later.
 */
static int listen_to_all(const struct cat *cat, struct bbq_listener **ret)
{
	const struct options *options = cat->options;
	mode_t mask;
	int error;

	if (options->uids.count == 0 && options->gids.count == 0)
		return bbq_listener_open(options->name, ret);
	mask = umask(0111);
	error = bbq_listener_open(options->name, ret);
	umask(mask);
	return error;
}

static int listen_and_offer(struct cat *cat)
{
	struct bbq_listener *listener = NULL;
	int error = listen_to_all(cat, &listener);

	if (!error)
		error = serve(cat, listener);
	bbq_listener_close(listener);
	return error;
}

/* ---- receiver ---------------------------------------------------------- */

/* Until the offer comes, or the sender goes away. */
static int wait_for_offer(struct cat *cat, struct bbq_channel *channel)
{
	int error;

	do {
		error = take(cat, channel, TICK_NS);
		if (error && stop_signals)
			return -EINTR;
		if (error && time_over(cat))
			return -ETIMEDOUT;
	} while (error == -ETIMEDOUT || error == -EAGAIN || error == -EINTR);
	return error;
}

/* One look at the name. -ENOENT: there is no sender yet, or no more. */
static int look_once(struct cat *cat)
{
	const struct bbq_policy policy = policy_of(cat->options);
	struct bbq_channel *channel = NULL;
	int error = bbq_channel_connect(cat->options->name, &policy, TICK_NS,
					&channel);

	if (error == -ECONNREFUSED || error == -ETIMEDOUT || error == -EINTR)
		return -ENOENT;
	if (error)
		return error;
	error = wait_for_offer(cat, channel);
	bbq_channel_close(channel);
	/* It has served another one, or died before it came to us. */
	return error == -EPIPE ? -ENOENT : error;
}

static int look_and_take(struct cat *cat)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	int error;

	while ((error = look_once(cat)) == -ENOENT) {
		if (stop_signals)
			return -EINTR;
		if (time_over(cat))
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return error;
}

/* ---- either ------------------------------------------------------------ */

static int adopt(struct cat *cat, int fd)
{
	const struct bbq_policy policy = policy_of(cat->options);
	struct bbq_channel *channel = NULL;
	int error = bbq_channel_adopt(fd, &policy, &channel);

	if (error)
		return error;
	/* Nobody else can come: the only limit is the user's. */
	error = cat->options->recv
			? wait_for_offer(cat, channel)
			: offer(cat, channel, cat->options->timeout_ns);
	if (error == -EAGAIN)
		error = -ETIMEDOUT;
	bbq_channel_close(channel);
	return error;
}

enum status channel_open(struct cat *cat, int fd)
{
	int error;

	cat->over_socket = true;
	if (cat->options->wait_peer)
		return queue_usage(cat, "a queue over a socket ends with its "
					"processes: no --wait-peer");
	if (fd >= 0)
		error = adopt(cat, fd);
	else
		error = cat->options->send ? listen_and_offer(cat)
					   : look_and_take(cat);
	if (!error)
		error = claim(cat);
	if (error == -EINVAL)
		return queue_usage(cat, "not a name");
	if (error == -ENAMETOOLONG)
		return queue_usage(cat, "the name is too long");
	/* Stopped before anybody came: nothing has been lost. */
	if (error == -EINTR)
		return STATUS_OK;
	if (error == -ETIMEDOUT)
		return queue_error(
			cat, cat->options->send
				     ? "no receiver, and --timeout is over"
				     : "no sender, and --timeout is over");
	return error ? queue_error(cat, describe(error)) : STATUS_OK;
}
