/* SPDX-License-Identifier: MIT */
/*
 * bbq/channel.h - a queue between processes that do not trust each other
 *
 * A channel is a connected Unix stream socket. Over it two processes agree on
 * a queue, and each sends the other the half that it writes, as a memfd that
 * the other can only read: a sealed segment. The rest is as with any segment:
 * bbq_sender_open or bbq_receiver_open, and the verbs of bbq.h.
 *
 *     one side                           the other side
 *       bbq_listener_open
 *       bbq_listener_accept                bbq_channel_connect
 *       bbq_channel_offer(producer)        bbq_channel_take(consumer)
 *       bbq_sender_open                    bbq_receiver_open
 *
 * Either side may offer, and each offer makes another queue; so two of them,
 * one in each direction, make a duplex pair. The peer can lie, stall and leave.
 * It cannot crash or hang this process, nor change a byte that this process
 * writes. docs/security.md has what that means and from which Linux on.
 *
 * A sealed segment is of these two processes and of this one connection: it has
 * no name, each role is opened once, and when the peer is gone it is over. How
 * it went, -EPIPE or -EOWNERDEAD, is told as elsewhere.
 *
 * Timeouts are as of bbq.h: nanoseconds, negative for none; 0 is one look, then
 * -EAGAIN. A channel is used by one thread at a time, and does not survive fork.
 * None of these may be called from a signal handler.
 *
 * Errors, besides those that a function names:
 *     -EINVAL      null, or values that make no sense; nothing has happened
 *     -ETIMEDOUT   the time is over     -EAGAIN  the same, with a timeout of 0
 *     -EINTR       a signal handler ran while waiting
 *     -EACCES      the peer is not one of whom the policy allows, or the same
 *                  said by the peer
 *     -EPROTO      the peer does not keep to the protocol, or its memfd is not
 *                  as docs/format.md says; nothing of it has been used
 *     -EPIPE       the peer has closed the channel
 *     -EMFILE, -ENFILE, -ENOMEM
 */
#ifndef BBQ_CHANNEL_H
#define BBQ_CHANNEL_H

#include <sys/types.h>

#include "bbq.h"

#ifdef __cplusplus
extern "C" {
#endif

enum bbq_role {
	BBQ_ROLE_PRODUCER = 1,
	BBQ_ROLE_CONSUMER = 2,
};

/*
 * Who may be the peer: a process whose effective user is in uids or whose
 * effective group is in gids, by SO_PEERCRED: when it called connect, listen,
 * or socketpair. Both empty, or a null policy: the caller's own effective user.
 * Users that a user namespace does not know all look like 65534.
 */
struct bbq_policy {
	const uid_t *uids;
	size_t uid_count;
	const gid_t *gids;
	size_t gid_count;
};

/* Who is there. pid is 0 if it is not of our PID namespace. */
struct bbq_credentials {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

struct bbq_listener;
struct bbq_channel;

/*
 * Listen at address: a path, or "@name" in the abstract namespace, which has no
 * permissions. What a dead listener left at the path is replaced; anything else
 * is left alone. *ret is the caller's, to bbq_listener_close.
 *
 * -EADDRINUSE  somebody listens there, or it is no socket     -ENAMETOOLONG
 * -EBUSY       the directory has been locked (flock) for a second
 * -ENOENT, -EACCES, -EROFS, ...  of the directory
 */
BBQ_API int bbq_listener_open(const char *address, struct bbq_listener **ret);
/* Stop listening, and remove the path if it is still ours. Null is fine. */
BBQ_API void bbq_listener_close(struct bbq_listener *listener);
/*
 * Who may connect to the path at all, as of chmod; after bbq_listener_open that
 * is 0777 less the umask, mostly the own user; others who come before get
 * -EACCES, unless the umask lets them in from the start. Whom the policy allows
 * is asked at accept. -EINVAL  an abstract name has no permissions     -ENOENT
 */
BBQ_API int bbq_listener_chmod(const struct bbq_listener *listener,
			       mode_t mode);
/* Readable when there is somebody to accept; the listener's own. */
BBQ_API int bbq_listener_fd(const struct bbq_listener *listener);

/*
 * The next peer. One that the policy does not allow is told so and is -EACCES;
 * the listener is as before. *ret is the caller's, to bbq_channel_close.
 */
BBQ_API int bbq_listener_accept(struct bbq_listener *listener,
				const struct bbq_policy *policy,
				int64_t timeout_ns, struct bbq_channel **ret);

/*
 * Connect to who listens at address. The process that listens must be the one
 * that accepts: its death is that of the peer.
 *
 * -ENOENT  no such path     -ECONNREFUSED  nobody listens there
 * -ENAMETOOLONG
 */
BBQ_API int bbq_channel_connect(const char *address,
				const struct bbq_policy *policy,
				int64_t timeout_ns, struct bbq_channel **ret);

/*
 * Make a channel of a connected Unix stream socket, inherited or received. fd
 * stays the caller's and need not stay open.
 *
 * -EBADF  -ENOTSOCK  -EPROTOTYPE  another kind of socket     -ENOTCONN
 */
BBQ_API int bbq_channel_adopt(int fd, const struct bbq_policy *policy,
			      struct bbq_channel **ret);

/* Its segments live on. Null is fine. */
BBQ_API void bbq_channel_close(struct bbq_channel *channel);
/* For poll: readable when the peer has said something or hung up. */
BBQ_API int bbq_channel_fd(const struct bbq_channel *channel);
BBQ_API int bbq_channel_peer(const struct bbq_channel *channel,
			     struct bbq_credentials *ret);

/*
 * Offer a queue, in which we have this role, and wait until the peer has taken
 * it. config is as of bbq_segment_create; the default page size is the only
 * one. *ret is the caller's, to bbq_segment_close.
 *
 * After -EINVAL, -EAGAIN, -ETIMEDOUT and -EINTR nothing may be known of what
 * the peer did: after an error of bbq_channel_offer other than -EINVAL the
 * channel is of no more use, and further calls are -EPIPE.
 *
 * -EADDRINUSE  the peer wants the same role      -EOPNOTSUPP  before Linux 5.1
 * -EMSGSIZE    the peer takes no such capacity   -ENOSPC, -EFBIG  no memory
 */
BBQ_API int bbq_channel_offer(struct bbq_channel *channel, enum bbq_role role,
			      const struct bbq_config *config,
			      int64_t timeout_ns, struct bbq_segment **ret);

/*
 * Wait for an offer of a queue in which we have this role, and take it if its
 * capacity is at most capacity_max; 0 means any. As bbq_channel_offer, but
 * after -EAGAIN, -ETIMEDOUT and -EINTR it may be called again, if not even the
 * beginning of an offer had come; else that is -EPIPE.
 */
BBQ_API int bbq_channel_take(struct bbq_channel *channel, enum bbq_role role,
			     size_t capacity_max, int64_t timeout_ns,
			     struct bbq_segment **ret);

#ifdef __cplusplus
}
#endif

#endif /* BBQ_CHANNEL_H */
