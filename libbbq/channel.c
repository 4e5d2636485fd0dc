/* SPDX-License-Identifier: MIT */
/*
 * channel.c - whom we talk to, and how we agree on a queue
 *
 *     who offers                         who takes
 *       make our half                      WANT our role
 *       OFFER the queue, with our half  →  check the offer
 *                                          make our half, map the peer's
 *       map the peer's half             ←  ACCEPT, with our half
 *
 * Nobody waits before having said what it wants, so two that want the same role
 * learn it from each other. A half is sealed, and its role's lock held, before
 * it is sent. Whoever finds the other's message wrong says nothing: it closes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"

/* Of Linux 6.5; in older headers it is missing. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

struct bbq_channel {
	int fd;
	int pidfd; /* of the peer, or -1 */
	struct ucred peer;
	bool broken;	    /* out of step with the peer */
	enum bbq_role want; /* that we have sent, and had no offer for; or 0 */
};

/* ---- who --------------------------------------------------------------- */

static bool allowed(const struct bbq_policy *policy, const struct ucred *peer)
{
	if (!policy || (policy->uid_count == 0 && policy->gid_count == 0))
		return peer->uid == geteuid();
	for (size_t i = 0; i < policy->uid_count; i++) {
		if (policy->uids[i] == peer->uid)
			return true;
	}
	for (size_t i = 0; i < policy->gid_count; i++) {
		if (policy->gids[i] == peer->gid)
			return true;
	}
	return false;
}

/*
 * Without SO_PEERPIDFD the process may have ended and its number been given to
 * another, whose end we would then wait for: the lock and the socket still tell.
 */
static int pidfd_of(int fd, pid_t pid)
{
	socklen_t len = sizeof(int);
	int pidfd = -1;

	if (pid == getpid())
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	return errno == ENOPROTOOPT && pid > 0
		       ? (int)syscall(SYS_pidfd_open, pid, 0)
		       : -1;
}

/* Best said, but not at the price of waiting. */
static void refuse(int fd, int error)
{
	struct bbq_message message = bbq_message_of(BBQ_MESSAGE_REFUSE, 0);

	message.error = (uint32_t)-error;
	bbq_message_send(fd, &message, -1, 0);
}

/* Who is at the other end, if that is somebody whom we may talk to. */
static int admit(int fd, const struct bbq_policy *policy, struct ucred *ret)
{
	socklen_t len = sizeof(*ret);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0)
		return -errno;
	if (allowed(policy, ret))
		return 0;
	refuse(fd, -EACCES);
	return -EACCES;
}

int bbq_channel_make(int fd, const struct bbq_policy *policy, bool met,
		     struct bbq_channel **ret)
{
	struct ucred peer;
	int error = admit(fd, policy, &peer);
	struct bbq_channel *channel =
		error ? NULL : calloc(1, sizeof(*channel));

	if (!channel) {
		close(fd);
		return error ? error : -ENOMEM;
	}
	*channel = (struct bbq_channel){ .fd = fd, .pidfd = -1, .peer = peer };
	if (met)
		channel->pidfd = pidfd_of(fd, peer.pid);
	*ret = channel;
	return 0;
}

static int option(int fd, int name, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, name, ret, &len) < 0 ? -errno : 0;
}

int bbq_channel_adopt(int fd, const struct bbq_policy *policy,
		      struct bbq_channel **ret)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int domain, type, own, error;

	if (!ret)
		return -EINVAL;
	error = option(fd, SO_DOMAIN, &domain);
	if (!error)
		error = option(fd, SO_TYPE, &type);
	if (error)
		return error;
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return -EPROTOTYPE;
	if (getpeername(fd, (struct sockaddr *)&name, &len) < 0)
		return -errno;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	/* The credentials may be those of a parent that made the pair. */
	return bbq_channel_make(own, policy, false, ret);
}

void bbq_channel_close(struct bbq_channel *channel)
{
	if (!channel)
		return;
	if (channel->pidfd >= 0)
		close(channel->pidfd);
	close(channel->fd);
	free(channel);
}

int bbq_channel_fd(const struct bbq_channel *channel)
{
	return channel ? channel->fd : -EINVAL;
}

int bbq_channel_peer(const struct bbq_channel *channel,
		     struct bbq_credentials *ret)
{
	if (!channel || !ret)
		return -EINVAL;
	*ret = (struct bbq_credentials){
		.pid = channel->peer.pid,
		.uid = channel->peer.uid,
		.gid = channel->peer.gid,
	};
	return 0;
}

/* ---- what -------------------------------------------------------------- */

static bool role_possible(enum bbq_role role)
{
	return role == BBQ_ROLE_PRODUCER || role == BBQ_ROLE_CONSUMER;
}

/* What a refusal may make this process believe. */
static int refusal(const struct bbq_message *message)
{
	switch (message->error) {
	case EACCES:
	case EADDRINUSE:
	case EMSGSIZE:
		return -(int)message->error;
	default:
		return -EPROTO;
	}
}

/* The next message, of this kind, from the other role. */
static int expect(struct bbq_channel *channel, enum bbq_message_kind kind,
		  enum bbq_role role, int64_t deadline, struct bbq_message *ret,
		  int *ret_fd)
{
	bool begun;
	int error =
		bbq_message_receive(channel->fd, deadline, ret, ret_fd, &begun);

	channel->broken = begun || error == -EPROTO || error == -EPIPE;
	if (error)
		return error;
	if (ret->kind == BBQ_MESSAGE_REFUSE)
		error = refusal(ret);
	else if (ret->role == (uint32_t)role &&
		 (ret->kind == BBQ_MESSAGE_WANT ||
		  ret->kind == BBQ_MESSAGE_OFFER))
		error = -EADDRINUSE;
	else if (ret->kind != (uint32_t)kind || ret->role == (uint32_t)role)
		error = -EPROTO;
	if (!error && (kind == BBQ_MESSAGE_WANT) != (*ret_fd < 0))
		error = -EPROTO;
	if (error && *ret_fd >= 0)
		close(*ret_fd);
	return error;
}

/* A peer that has gone may have said why. */
static int say(const struct bbq_channel *channel,
	       const struct bbq_message *message, int fd, int64_t deadline)
{
	int error = bbq_message_send(channel->fd, message, fd, deadline);

	return error == -EPIPE ? 0 : error;
}

static void describe(const struct bbq_header *header,
		     struct bbq_message *message)
{
	message->capacity = header->capacity;
	message->mode = header->mode;
	message->frame_align = header->frame_align;
	message->page_size = header->page_size;
}

static bool same_queue(const struct bbq_message *a, const struct bbq_message *b)
{
	return a->capacity == b->capacity && a->mode == b->mode &&
	       a->frame_align == b->frame_align && a->page_size == b->page_size;
}

/* The header of the queue that is offered. -EPROTO */
static int offered(const struct bbq_message *offer, struct bbq_header *ret)
{
	const struct bbq_config config = {
		.capacity = (size_t)offer->capacity,
		.mode = (enum bbq_mode)offer->mode,
		.frame_align = offer->frame_align,
	};

	if (offer->capacity > BBQ_CAPACITY_MAX ||
	    offer->mode > BBQ_MODE_FRAMES || offer->frame_align == 0 ||
	    bbq_header_from_config(&config, ret) ||
	    offer->page_size != ret->page_size)
		return -EPROTO;
	return 0;
}

static int offer(struct bbq_channel *channel, enum bbq_role role,
		 const struct bbq_header *header, int64_t deadline,
		 struct bbq_segment *segment)
{
	struct bbq_message ours = bbq_message_of(BBQ_MESSAGE_OFFER, role);
	struct bbq_message theirs;
	int fd, error;

	describe(header, &ours);
	error = say(channel, &ours, segment->fd, deadline);
	if (!error)
		error = expect(channel, BBQ_MESSAGE_WANT, role, deadline,
			       &theirs, &fd);
	if (!error)
		error = expect(channel, BBQ_MESSAGE_ACCEPT, role, deadline,
			       &theirs, &fd);
	if (error)
		return error;
	if (!same_queue(&ours, &theirs)) {
		close(fd);
		return -EPROTO;
	}
	error = bbq_sealed_join(segment, fd);
	if (error)
		return error;
	return bbq_sealed_watch(segment, channel->fd, channel->pidfd);
}

/* What the caller gets to see; whole is whether the two are in step. */
static int result(struct bbq_channel *channel, int error, bool whole,
		  int64_t timeout_ns)
{
	channel->broken = !whole;
	return error == -ETIMEDOUT && timeout_ns == 0 ? -EAGAIN : error;
}

int bbq_channel_offer(struct bbq_channel *channel, enum bbq_role role,
		      const struct bbq_config *config, int64_t timeout_ns,
		      struct bbq_segment **ret)
{
	int64_t deadline = bbq_deadline(timeout_ns);
	struct bbq_segment *segment = NULL;
	struct bbq_header header = { .size = 0 };
	int error = bbq_header_from_config(config, &header);

	if (error || !channel || !ret || !role_possible(role) ||
	    header.page_size != (uint32_t)sysconf(_SC_PAGESIZE))
		return -EINVAL;
	if (channel->broken)
		return -EPIPE;
	error = bbq_sealed_make(&header, role, &segment);
	if (!error)
		error = offer(channel, role, &header, deadline, segment);
	if (error)
		bbq_segment_close(segment);
	else
		*ret = segment;
	return result(channel, error, !error, timeout_ns);
}

/*
 * Our half of what is offered, and the peer's, which fd is. *ret is to be closed
 * after an error, too.
 */
static int join(const struct bbq_message *theirs, int fd, enum bbq_role role,
		size_t capacity_max, struct bbq_segment **ret)
{
	struct bbq_header header = { .size = 0 };
	int error = offered(theirs, &header);

	if (!error && capacity_max > 0 && header.capacity > capacity_max)
		error = -EMSGSIZE;
	if (!error)
		error = bbq_sealed_make(&header, role, ret);
	if (error) {
		close(fd);
		return error;
	}
	return bbq_sealed_join(*ret, fd);
}

static int take(struct bbq_channel *channel, enum bbq_role role,
		size_t capacity_max, int64_t deadline,
		struct bbq_segment **segment)
{
	struct bbq_message ours = bbq_message_of(BBQ_MESSAGE_WANT, role);
	struct bbq_message theirs;
	int fd, error = 0;

	if (!channel->want)
		error = say(channel, &ours, -1, deadline);
	if (error)
		return error;
	channel->want = role;
	error = expect(channel, BBQ_MESSAGE_OFFER, role, deadline, &theirs,
		       &fd);
	if (error)
		return error;
	channel->want = 0;
	error = join(&theirs, fd, role, capacity_max, segment);
	if (error) {
		refuse(channel->fd, error);
		return error;
	}
	theirs.kind = BBQ_MESSAGE_ACCEPT;
	theirs.role = role;
	theirs.minor = 0;
	theirs.error = 0;
	theirs.reserved = 0;
	error = bbq_message_send(channel->fd, &theirs, (*segment)->fd,
				 deadline);
	return error ? error
		     : bbq_sealed_watch(*segment, channel->fd, channel->pidfd);
}

int bbq_channel_take(struct bbq_channel *channel, enum bbq_role role,
		     size_t capacity_max, int64_t timeout_ns,
		     struct bbq_segment **ret)
{
	struct bbq_segment *segment = NULL;
	int error;

	if (!channel || !ret || !role_possible(role) ||
	    (channel->want && channel->want != role))
		return -EINVAL;
	if (channel->broken)
		return -EPIPE;
	error = take(channel, role, capacity_max, bbq_deadline(timeout_ns),
		     &segment);
	if (error)
		bbq_segment_close(segment);
	else
		*ret = segment;
	return result(channel, error, !error || !channel->broken, timeout_ns);
}
