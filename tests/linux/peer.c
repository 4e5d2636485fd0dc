/* SPDX-License-Identifier: MIT */
/*
 * peer.c - the other process of a two-process test
 *
 *     peer fd:N|/NAME|- STEP...
 *
 * opens the segment (-: none yet) and does one step after the other. A step is
 * a word, or a word, a colon and an argument. Whatever does not succeed ends the
 * peer with status 1 and a line on stderr.
 *
 *     sender receiver           open that end
 *     sender-taken receiver-taken   opening it gives -EADDRINUSE
 *     send:TEXT recv:TEXT       so many bytes, exactly these
 *     see:TEXT                  read and do not release
 *     grant:N                   a grant that stays open, filled with '!'
 *     frame:TEXT unframe:TEXT   the same for frames
 *     read-is:ERRNO grant-is:ERRNO   a waiting verb fails with that number
 *     slowly                    look only once before a sleep
 *     close abandon finish      end the role
 *     user:N                    become user and group N
 *     child                     one that says so, and holds what we have open
 *     namespace:KIND            go into a new one: pid, or mount, where another
 *                               file system lies at /dev/shm
 *     open-is:ERRNO:/NAME       opening that segment fails with that number
 *     listen:ADDRESS            a channel of the first who comes
 *     connect:ADDRESS adopt:N   a channel, once somebody listens there
 *     connect-is:ERRNO:ADDRESS  connecting fails with that number
 *     take:ROLE offer:ROLE      a segment over the channel, of 100 bytes
 *     refused:ROLE              taking one gives -EACCES
 *     say                       a byte on stdout: this far
 *     wait                      a byte from stdin: go on
 *     ping:N pong:N             N one-byte hand-overs; see waiting.c
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>

#include <bbq/channel.h>

#include "peer.h"

/* Nobody comes: a test that has failed must not leave us waiting. */
#define PATIENCE_NS (120 * INT64_C(1000000000))

static struct bbq_channel *channel;
static struct bbq_segment *segment;
static struct bbq_sender sender;
static struct bbq_receiver receiver;

static int open_sender(const char *arg)
{
	(void)arg;
	return bbq_sender_open(segment, &sender);
}

static int open_receiver(const char *arg)
{
	(void)arg;
	return bbq_receiver_open(segment, &receiver);
}

static int expect(int expected, int error)
{
	return error == expected ? 0 : error ? error : -ENOTRECOVERABLE;
}

static int sender_taken(const char *arg)
{
	(void)arg;
	return expect(-EADDRINUSE, bbq_sender_open(segment, &sender));
}

static int receiver_taken(const char *arg)
{
	(void)arg;
	return expect(-EADDRINUSE, bbq_receiver_open(segment, &receiver));
}

static int send_text(const char *text)
{
	struct bbq_span span;
	size_t len = strlen(text);
	int error = bbq_sender_grant(&sender, len, BBQ_FOREVER, &span);

	if (error)
		return error;
	memcpy(span.data, text, len);
	return bbq_sender_commit(&sender, len);
}

static int see_text(const char *text)
{
	struct bbq_view view;
	size_t len = strlen(text);
	int error = bbq_receiver_read(&receiver, BBQ_FOREVER, &view);

	if (error)
		return error;
	return view.len >= len && memcmp(view.data, text, len) == 0 ? 0
								    : -EILSEQ;
}

static int recv_text(const char *text)
{
	int error = see_text(text);

	return error ? error : bbq_receiver_release(&receiver, strlen(text));
}

static int open_grant(const char *arg)
{
	struct bbq_span span;
	size_t len = strtoul(arg, NULL, 10);
	int error = bbq_sender_grant(&sender, len, BBQ_FOREVER, &span);

	if (!error)
		memset(span.data, '!', len);
	return error;
}

static int send_frame(const char *text)
{
	struct bbq_span span;
	size_t len = strlen(text);
	int error = bbq_sender_frame_grant(&sender, len, BBQ_FOREVER, &span);

	if (error)
		return error;
	memcpy(span.data, text, len);
	return bbq_sender_frame_commit(&sender, len);
}

static int recv_frame(const char *text)
{
	struct bbq_view view;
	int error = bbq_receiver_frame_read(&receiver, BBQ_FOREVER, &view);

	if (error)
		return error;
	if (view.len != strlen(text) || memcmp(view.data, text, view.len) != 0)
		return -EILSEQ;
	return bbq_receiver_frame_release(&receiver);
}

static int read_is(const char *arg)
{
	struct bbq_view view;

	return expect(-atoi(arg),
		      bbq_receiver_read(&receiver, BBQ_FOREVER, &view));
}

static int grant_is(const char *arg)
{
	struct bbq_span span;

	return expect(-atoi(arg),
		      bbq_sender_grant(&sender, 1, BBQ_FOREVER, &span));
}

static int slowly(const char *arg)
{
	(void)arg;
	sender.end.spin = 0;
	receiver.end.spin = 0;
	return 0;
}

static int close_ends(const char *arg)
{
	(void)arg;
	if (sender.end.segment)
		bbq_sender_close(&sender);
	if (receiver.end.segment)
		bbq_receiver_close(&receiver);
	return 0;
}

static int abandon_ends(const char *arg)
{
	(void)arg;
	if (sender.end.segment)
		bbq_sender_abandon(&sender);
	if (receiver.end.segment)
		bbq_receiver_abandon(&receiver);
	return 0;
}

static int finish(const char *arg)
{
	(void)arg;
	return bbq_sender_finish(&sender, BBQ_FOREVER);
}

static int become(const char *arg)
{
	uid_t id = (uid_t)strtoul(arg, NULL, 10);

	if (setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return -errno;
	/* The change has taken back what fork_into has asked for. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
}

/* We are the child from here on; the parent ends as we do, and we with it. */
static int fork_into(void)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0)
		return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* A child that has all our descriptors, until its standard input ends. */
static int leave_child(const char *arg)
{
	pid_t child = fork();
	char byte;

	(void)arg;
	if (child < 0)
		return -errno;
	if (child == 0) {
		while (write(1, "", 1) == 1 && read(0, &byte, 1) == 1)
			;
		_exit(0);
	}
	return 0;
}

static int enter_namespace(const char *kind)
{
	if (strcmp(kind, "pid") == 0)
		return unshare(CLONE_NEWPID) < 0 ? -errno : fork_into();
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") < 0)
		return -errno;
	return 0;
}

static int open_is(const char *arg)
{
	const char *name = strchr(arg, '/');

	return expect(-atoi(arg), bbq_segment_open(name, &segment));
}

/* Root, and the user that the tests know besides it. */
static const uid_t users[] = { 0, 1000 };
static const struct bbq_policy anyone = { users, 2, NULL, 0 };

static int connect_to(const char *address)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int error = 0;

	for (int i = 0; i < PATIENCE_NS / pause.tv_nsec; i++) {
		error = bbq_channel_connect(address, &anyone, PATIENCE_NS,
					    &channel);
		/* -EACCES: it listens, and has not said yet who may come. */
		if (error != -ENOENT && error != -ECONNREFUSED &&
		    error != -EACCES)
			break;
		nanosleep(&pause, NULL);
	}
	return error;
}

static int connect_is(const char *arg)
{
	return expect(-atoi(arg), bbq_channel_connect(strchr(arg, ':') + 1,
						      &anyone, 0, &channel));
}

static int listen_at(const char *address)
{
	struct bbq_listener *listener;
	int error = bbq_listener_open(address, &listener);

	if (error)
		return error;
	if (address[0] != '@')
		error = bbq_listener_chmod(listener, 0666);
	if (!error)
		error = bbq_listener_accept(listener, &anyone, PATIENCE_NS,
					    &channel);
	bbq_listener_close(listener);
	return error;
}

static int adopt(const char *arg)
{
	int error = bbq_channel_adopt(atoi(arg), NULL, &channel);

	close(atoi(arg));
	return error;
}

static enum bbq_role role_of(const char *arg)
{
	return strcmp(arg, "producer") == 0 ? BBQ_ROLE_PRODUCER
					    : BBQ_ROLE_CONSUMER;
}

static int take(const char *arg)
{
	return bbq_channel_take(channel, role_of(arg), 0, PATIENCE_NS,
				&segment);
}

static int offer(const char *arg)
{
	const struct bbq_config config = { .capacity = 100 };

	return bbq_channel_offer(channel, role_of(arg), &config, PATIENCE_NS,
				 &segment);
}

static int refused(const char *arg)
{
	return expect(-EACCES, take(arg));
}

static int say(const char *arg)
{
	(void)arg;
	return write(1, "", 1) == 1 ? 0 : -EIO;
}

static int wait_for_byte(const char *arg)
{
	char byte;

	(void)arg;
	return read(0, &byte, 1) == 1 ? 0 : -EIO;
}

/* Send one byte, and wait until there is room for the next. */
static int ping(const char *arg)
{
	int error = 0;

	for (long i = 0; i < atol(arg) && !error; i++) {
		const char text[2] = { (char)('a' + i % 26), '\0' };

		error = send_text(text);
	}
	return error;
}

static int pong(const char *arg)
{
	int error = 0;

	for (long i = 0; i < atol(arg) && !error; i++) {
		const char text[2] = { (char)('a' + i % 26), '\0' };

		error = recv_text(text);
	}
	return error;
}

static const struct step {
	const char *word;
	int (*run)(const char *arg);
} steps[] = {
	{ "sender", open_sender },
	{ "receiver", open_receiver },
	{ "sender-taken", sender_taken },
	{ "receiver-taken", receiver_taken },
	{ "send", send_text },
	{ "recv", recv_text },
	{ "see", see_text },
	{ "grant", open_grant },
	{ "frame", send_frame },
	{ "unframe", recv_frame },
	{ "read-is", read_is },
	{ "grant-is", grant_is },
	{ "slowly", slowly },
	{ "close", close_ends },
	{ "abandon", abandon_ends },
	{ "finish", finish },
	{ "user", become },
	{ "child", leave_child },
	{ "namespace", enter_namespace },
	{ "open-is", open_is },
	{ "listen", listen_at },
	{ "connect", connect_to },
	{ "connect-is", connect_is },
	{ "adopt", adopt },
	{ "take", take },
	{ "offer", offer },
	{ "refused", refused },
	{ "say", say },
	{ "wait", wait_for_byte },
	{ "ping", ping },
	{ "pong", pong },
};

static int do_step(const char *text)
{
	size_t len = strcspn(text, ":");
	const char *arg = text[len] ? text + len + 1 : "";

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (strlen(steps[i].word) == len &&
		    memcmp(steps[i].word, text, len) == 0)
			return steps[i].run(arg);
	return -ENOSYS;
}

int main(int argc, char *argv[])
{
	int error = 0;

	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "-") == 0)
		;
	else if (strncmp(argv[1], "fd:", 3) == 0)
		error = bbq_segment_attach(atoi(argv[1] + 3), &segment);
	else
		error = bbq_segment_open(argv[1], &segment);
	for (int i = 2; i < argc && !error; i++) {
		error = do_step(argv[i]);
		if (error)
			fprintf(stderr, "peer: %s: ", argv[i]);
	}
	if (error)
		fprintf(stderr, "%s\n", strerror(-error));
	else
		bbq_segment_close(segment);
	bbq_channel_close(channel);
	return error != 0;
}
