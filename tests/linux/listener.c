/* SPDX-License-Identifier: MIT */
/* Where a listener stands, and whom it lets in. Needs root, for other users. */
#include <poll.h>
#include <sys/file.h>
#include <sys/un.h>

#include "meet.h"

TestSuite(listener, .timeout = PATIENCE);

#define OTHER 1000 /* a user and a group that peer.c knows */

static char directory[] = "/tmp/bbq-test-XXXXXX";

/* An address in a directory of the test's own. */
static const char *in_directory(const char *name)
{
	static char paths[4][128];
	static size_t n;
	char *path = paths[n++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void directory_make(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chmod(directory, 0755), 0);
}

static void directory_remove(void)
{
	/* It is empty again: nothing has been left in it. */
	cr_assert_eq(rmdir(directory), 0, "%s", strerror(errno));
}

static struct bbq_listener *listen_at(const char *address)
{
	struct bbq_listener *listener = NULL;

	is(0, bbq_listener_open(address, &listener));
	cr_assert_not_null(listener);
	return listener;
}

/* Somebody connects there and is accepted, in one thread. */
static void meet_at(struct bbq_listener *listener, const char *address)
{
	struct pollfd pollfd = { .fd = bbq_listener_fd(listener),
				 .events = POLLIN };
	struct bbq_channel *near = NULL, *far = NULL;

	cr_assert_eq(poll(&pollfd, 1, 0), 0);
	is(0, bbq_channel_connect(address, NULL, LONG, &far));
	cr_assert_eq(poll(&pollfd, 1, 0), 1);
	is(0, bbq_listener_accept(listener, NULL, LONG, &near));
	bbq_channel_close(near);
	bbq_channel_close(far);
}

/* ---- places ------------------------------------------------------------ */

Test(listener, paths_and_abstract_names)
{
	size_t fds = open_fds();
	struct bbq_listener *listener;

	directory_make();
	listener = listen_at(in_directory("socket"));
	meet_at(listener, in_directory("socket"));
	meet_at(listener, in_directory("socket"));
	bbq_listener_close(listener);
	listener = listen_at("@bbq-test-abstract");
	meet_at(listener, "@bbq-test-abstract");
	is(-EINVAL, bbq_listener_chmod(listener, 0666));
	bbq_listener_close(listener);
	cr_assert_eq(chdir(directory), 0);
	listener = listen_at("relative");
	meet_at(listener, in_directory("relative"));
	bbq_listener_close(listener);
	directory_remove();
	cr_assert_eq(open_fds(), fds);
}

Test(listener, names_that_cannot_be)
{
	struct bbq_listener *listener = NULL;
	struct bbq_channel *channel = NULL;
	char name[200];

	directory_make();
	is(-EINVAL, bbq_listener_open(NULL, &listener));
	is(-EINVAL, bbq_listener_open("", &listener));
	is(-EINVAL, bbq_listener_open("@", &listener));
	is(-EINVAL, bbq_listener_open("@x", NULL));
	is(-EINVAL, bbq_channel_connect("", NULL, 0, &channel));
	is(-EINVAL, bbq_channel_connect("@x", NULL, 0, NULL));
	memset(name, 'x', sizeof(name));
	name[0] = '@';
	name[sizeof(((struct sockaddr_un *)0)->sun_path)] = '\0';
	is(-ENAMETOOLONG, bbq_listener_open(name, &listener));
	is(-ENAMETOOLONG, bbq_channel_connect(name, NULL, 0, &channel));
	is(-ENOENT, bbq_listener_open(in_directory("none/socket"), &listener));
	is(-ENOENT,
	   bbq_channel_connect(in_directory("none"), NULL, 0, &channel));
	is(-ECONNREFUSED,
	   bbq_channel_connect("@bbq-test-nobody", NULL, 0, &channel));
	is(-EINVAL, bbq_listener_accept(NULL, NULL, 0, &channel));
	is(-EINVAL, bbq_listener_chmod(NULL, 0));
	is(-EINVAL, bbq_listener_fd(NULL));
	bbq_listener_close(NULL);
	cr_assert_null(listener);
	cr_assert_null(channel);
	directory_remove();
}

/* The longest name that the kernel takes. */
Test(listener, longest_names)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct bbq_listener *listener;

	memset(name, 'x', sizeof(name));
	name[0] = '@';
	name[sizeof(name) - 1] = '\0';
	listener = listen_at(name);
	meet_at(listener, name);
	bbq_listener_close(listener);
}

Test(listener, place_is_taken)
{
	struct bbq_listener *listener, *second = NULL;
	const char *path;

	directory_make();
	path = in_directory("socket");
	listener = listen_at(path);
	is(-EADDRINUSE, bbq_listener_open(path, &second));
	/* The look of the second one has cost the first nothing but this. */
	for (int i = 0; i < 3; i++) {
		struct bbq_channel *channel = NULL;
		int error = bbq_listener_accept(listener, NULL, 0, &channel);

		bbq_channel_close(channel);
		if (error == -EAGAIN)
			break;
	}
	meet_at(listener, path);
	bbq_listener_close(listener);
	listener = listen_at("@bbq-test-taken");
	is(-EADDRINUSE, bbq_listener_open("@bbq-test-taken", &second));
	bbq_listener_close(listener);
	cr_assert_null(second);
	directory_remove();
}

static void leave_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	cr_assert_eq(bind(fd, (void *)&address, sizeof(address)), 0);
	close(fd);
}

Test(listener, stale_socket_is_replaced)
{
	struct bbq_channel *channel = NULL;
	struct bbq_listener *listener;
	const char *path;

	directory_make();
	path = in_directory("socket");
	leave_socket(path);
	is(-ECONNREFUSED, bbq_channel_connect(path, NULL, 0, &channel));
	listener = listen_at(path);
	meet_at(listener, path);
	bbq_listener_close(listener);
	directory_remove();
}

/* A file that is no socket is not ours to remove, nor another's socket. */
Test(listener, what_is_not_ours_stays)
{
	struct bbq_listener *listener = NULL;
	const char *path, *moved;
	struct stat st;
	int fd;

	directory_make();
	path = in_directory("socket");
	moved = in_directory("moved");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	is(-EADDRINUSE, bbq_listener_open(path, &listener));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink(moved, path), 0);
	is(-EADDRINUSE, bbq_listener_open(path, &listener));
	cr_assert_eq(unlink(path), 0);

	listener = listen_at(path);
	cr_assert_eq(rename(path, moved), 0);
	leave_socket(path);
	is(-ENOENT, bbq_listener_chmod(listener, 0666));
	bbq_listener_close(listener);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(unlink(moved), 0);
	directory_remove();
}

/* Somebody sits in the directory's lock: an error, and no hang. */
Test(listener, locked_directory)
{
	struct bbq_listener *listener = NULL;
	int fd;

	directory_make();
	fd = open(directory, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	is(-EBUSY, bbq_listener_open(in_directory("socket"), &listener));
	close(fd);
	directory_remove();
}

/* More than the listener's queue holds: the next one waits, or gives up. */
Test(listener, too_many_at_once)
{
	struct bbq_channel *channels[64] = { NULL };
	size_t fds = open_fds(), n = 0, accepted = 0;
	struct bbq_listener *listener = listen_at("@bbq-test-crowd");
	struct bbq_channel *channel = NULL;

	while (n < 64 && bbq_channel_connect("@bbq-test-crowd", NULL, 0,
					     &channels[n]) == 0)
		n++;
	cr_assert_lt(n, 64);
	is(-EAGAIN, bbq_channel_connect("@bbq-test-crowd", NULL, 0, &channel));
	is(-ETIMEDOUT,
	   bbq_channel_connect("@bbq-test-crowd", NULL, MS, &channel));
	cr_assert_null(channel);
	/* Those that have gone meanwhile are accepted and no trouble. */
	for (size_t i = 0; i < n; i++)
		bbq_channel_close(channels[i]);
	while (bbq_listener_accept(listener, NULL, 0, &channel) == 0) {
		bbq_channel_close(channel);
		accepted++;
	}
	cr_assert_eq(accepted, n);
	bbq_listener_close(listener);
	cr_assert_eq(open_fds(), fds);
}

/* ---- policies ---------------------------------------------------------- */

/* In one process: root meets root, as long as both policies allow it. */
static void policies(int expected, const struct bbq_policy *policy)
{
	struct bbq_listener *listener = listen_at("@bbq-test-policy");
	struct bbq_channel *near = NULL, *far = NULL;
	struct bbq_segment *segment = NULL;
	size_t fds = open_fds();

	is(0, bbq_channel_connect("@bbq-test-policy", NULL, LONG, &far));
	is(expected, bbq_listener_accept(listener, policy, LONG, &near));
	/* Who is refused is told so, whatever it is about to do. */
	if (expected)
		is(expected,
		   bbq_channel_take(far, BBQ_ROLE_PRODUCER, 0, LONG, &segment));
	bbq_channel_close(near);
	bbq_channel_close(far);
	near = far = NULL;
	is(expected,
	   bbq_channel_connect("@bbq-test-policy", policy, LONG, &far));
	is(0, bbq_listener_accept(listener, NULL, LONG, &near));
	if (expected)
		is(expected, bbq_channel_take(near, BBQ_ROLE_PRODUCER, 0, LONG,
					      &segment));
	bbq_channel_close(near);
	bbq_channel_close(far);
	cr_assert_eq(open_fds(), fds);
	bbq_listener_close(listener);
}

Test(listener, policy_lists)
{
	const uid_t uids[] = { 12345, geteuid() };
	const gid_t gids[] = { 12345, getegid() };

	policies(0, NULL);
	policies(0, &(struct bbq_policy){ 0 });
	policies(0, &(struct bbq_policy){ uids, 2, NULL, 0 });
	policies(0, &(struct bbq_policy){ NULL, 0, gids, 2 });
	policies(0, &(struct bbq_policy){ uids, 1, gids, 2 });
	policies(0, &(struct bbq_policy){ uids, 2, gids, 1 });
	policies(-EACCES, &(struct bbq_policy){ uids, 1, NULL, 0 });
	policies(-EACCES, &(struct bbq_policy){ NULL, 0, gids, 1 });
	policies(-EACCES, &(struct bbq_policy){ uids, 1, gids, 1 });
}

/* By an inherited pair: the credentials are of who made it. */
Test(listener, policy_of_a_pair)
{
	const uid_t uids[] = { 12345 };
	const struct bbq_policy policy = { uids, 1, NULL, 0 };
	struct bbq_segment *segment = NULL;
	struct bbq_channel *channel = NULL, *other;
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
		     0);
	other = adopt(fds[0]);
	is(-EACCES, bbq_channel_adopt(fds[1], &policy, &channel));
	close(fds[1]);
	cr_assert_null(channel);
	is(-EACCES,
	   bbq_channel_take(other, BBQ_ROLE_PRODUCER, 0, LONG, &segment));
	bbq_channel_close(other);
}

/* ---- other users ------------------------------------------------------- */

/* A peer of another user at our socket, whose permissions are these. */
static void stranger_comes(struct peer *peer, const char *address,
			   const char *step)
{
	static char connect[160];

	cr_assert_eq(geteuid(), 0, "this test needs root, for another user");
	snprintf(connect, sizeof(connect), "connect:%s", address);
	peer_start_bare(peer, -1, "user:1000", connect, step, "sender",
			"send:bytes", "finish", NULL);
}

static void receive_bytes(struct bbq_channel *channel)
{
	const struct bbq_config config = { .capacity = 100 };
	struct bbq_segment *segment = NULL;
	struct bbq_receiver receiver;
	struct bbq_view view;

	is(0, bbq_channel_offer(channel, BBQ_ROLE_CONSUMER, &config, LONG,
				&segment));
	is(0, bbq_receiver_open(segment, &receiver));
	recv_text(&receiver, "bytes");
	is(-EPIPE, bbq_receiver_read(&receiver, LONG, &view));
	bbq_receiver_close(&receiver);
	bbq_segment_close(segment);
	bbq_channel_close(channel);
}

static void another_user(const char *address, const struct bbq_policy *policy)
{
	struct bbq_listener *listener = listen_at(address);
	struct bbq_channel *channel = NULL;
	struct bbq_credentials who;
	struct peer peer;

	if (address[0] != '@')
		is(0, bbq_listener_chmod(listener, 0666));
	stranger_comes(&peer, address, "take:producer");
	is(0, bbq_listener_accept(listener, policy, LONG, &channel));
	is(0, bbq_channel_peer(channel, &who));
	cr_assert_eq(who.pid, peer.pid);
	cr_assert_eq(who.uid, OTHER);
	cr_assert_eq(who.gid, OTHER);
	receive_bytes(channel);
	peer_done(&peer);
	bbq_listener_close(listener);
}

Test(listener, another_user_that_is_allowed)
{
	const uid_t uids[] = { OTHER };
	const gid_t gids[] = { OTHER };
	const struct bbq_policy by_user = { uids, 1, NULL, 0 };
	const struct bbq_policy by_group = { NULL, 0, gids, 1 };

	directory_make();
	another_user(in_directory("socket"), &by_user);
	another_user(in_directory("socket"), &by_group);
	another_user("@bbq-test-user", &by_user);
	directory_remove();
}

/* By default only one's own: the other is told, the listener goes on. */
Test(listener, another_user_that_is_not)
{
	struct bbq_listener *listener = listen_at("@bbq-test-other");
	struct bbq_channel *channel = NULL;
	struct peer peer;

	cr_assert_eq(geteuid(), 0, "this test needs root, for another user");
	peer_start_bare(&peer, -1, "user:1000", "connect:@bbq-test-other",
			"refused:producer", NULL);
	is(-EACCES, bbq_listener_accept(listener, NULL, LONG, &channel));
	cr_assert_null(channel);
	peer_done(&peer);
	meet_at(listener, "@bbq-test-other");
	bbq_listener_close(listener);
}

/* The path's own permissions: who may not write there does not come so far. */
Test(listener, permissions_of_the_path)
{
	struct bbq_listener *listener;
	struct peer peer;
	char step[160];

	cr_assert_eq(geteuid(), 0, "this test needs root, for another user");
	directory_make();
	listener = listen_at(in_directory("socket"));
	is(0, bbq_listener_chmod(listener, 0600));
	snprintf(step, sizeof(step), "connect-is:%d:%s", EACCES,
		 in_directory("socket"));
	peer_start_bare(&peer, -1, "user:1000", step, NULL);
	peer_done(&peer);
	bbq_listener_close(listener);
	directory_remove();
}
