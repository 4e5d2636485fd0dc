/* SPDX-License-Identifier: MIT */
/*
 * A peer that goes, stops, does not listen: at each byte. And what ends a wait
 * besides it.
 */
#include <sys/time.h>
#include <time.h>

#include "stranger.h"

TestSuite(silence, .timeout = PATIENCE);

/* It goes after n bytes of all that it would have said. */
static void goes_after(const void *words, size_t n, int fd)
{
	const size_t message = sizeof(struct wire_message);
	struct bbq_channel *channel;
	int socket, expected;

	channel = wire_open(&socket);
	/* The descriptor goes with the first byte of the second message. */
	if (n > 0)
		wire_send(socket, words, n < message ? n : message, -1, 0);
	if (n > message)
		wire_send(socket, (const char *)words + message, n - message,
			  fd, 1);
	close(socket);
	expected = n % message == 0 ? -EPIPE : -EPROTO;
	offers(expected, channel, "offering to one that goes");

	if (n >= message)
		return;
	channel = wire_open(&socket);
	if (n > 0)
		wire_send(socket, (const char *)words + message, n, fd, 1);
	close(socket);
	takes(expected, channel, "taking from one that goes");
}

Test(silence, goes_at_each_byte)
{
	struct before before = look_before();
	const struct wire_message words[2] = {
		wire_message(WANT, PRODUCER, 0),
		wire_message(ACCEPT, PRODUCER, CAPACITY),
	};
	struct half half = good_half();

	half_make(&half);
	for (size_t n = 0; n < sizeof(words); n++)
		goes_after(words, n, half.fd);
	half_close(&half);
	nothing_left(&before, "gone");
}

/* It stays, and says no more. */
Test(silence, stops_at_each_byte)
{
	struct before before = look_before();
	const struct bbq_config config = { .capacity = CAPACITY };
	const struct wire_message words[2] = {
		wire_message(WANT, PRODUCER, 0),
		wire_message(ACCEPT, PRODUCER, CAPACITY),
	};
	struct half half = good_half();

	half_make(&half);
	for (size_t n = 0; n < sizeof(words); n += 3) {
		struct bbq_segment *segment = NULL;
		struct bbq_channel *channel;
		int socket;

		channel = wire_open(&socket);
		if (n > 0)
			wire_send(socket, words, n, half.fd, n > 64);
		is(n > 64 ? -EPROTO : -ETIMEDOUT,
		   bbq_channel_offer(channel, BBQ_ROLE_CONSUMER, &config, MS,
				     &segment));
		/* What would come next is not known any more. */
		is(-EPIPE, bbq_channel_offer(channel, BBQ_ROLE_CONSUMER,
					     &config, MS, &segment));
		is(-EPIPE, bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, MS,
					    &segment));
		cr_assert_null(segment);
		bbq_channel_close(channel);
		close(socket);
	}
	half_close(&half);
	nothing_left(&before, "stopped");
}

/* Half an offer: then the channel is over, not so before its first byte. */
Test(silence, stops_in_an_offer)
{
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	struct bbq_segment *segment = NULL;
	struct bbq_channel *channel;
	int socket;

	channel = wire_open(&socket);
	is(-ETIMEDOUT,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, MS, &segment));
	wire_send(socket, &offer, 1, -1, 0);
	is(-ETIMEDOUT,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, MS, &segment));
	is(-EPIPE,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, MS, &segment));
	bbq_channel_close(channel);
	close(socket);
}

/* It never reads: what we have to say finds no room. */
Test(silence, does_not_listen)
{
	const struct bbq_config config = { .capacity = CAPACITY };
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	struct bbq_segment *segment = NULL;
	struct half half = good_half();
	struct before before = look_before();
	int size = 1, fds[2];
	char byte = 0;

	for (int i = 0; i < 2; i++) {
		struct bbq_channel *channel;

		half_make(&half);
		cr_assert_eq(socketpair(AF_UNIX,
					SOCK_STREAM | SOCK_CLOEXEC |
						SOCK_NONBLOCK,
					0, fds),
			     0);
		setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		while (send(fds[1], &byte, 1, MSG_NOSIGNAL) == 1)
			;
		channel = adopt(fds[1]);
		if (i == 0)
			wire_say(fds[0], &offer, half.fd);
		is(-ETIMEDOUT,
		   i == 0 ? bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, MS,
					     &segment)
			  : bbq_channel_offer(channel, BBQ_ROLE_CONSUMER,
					      &config, MS, &segment));
		bbq_channel_close(channel);
		close(fds[0]);
		half_close(&half);
	}
	nothing_left(&before, "deaf");
}

/* Reads all that comes, and lets it go. */
static void *read_everything(void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const int *socket = arg;
	char bytes[4096];

	nanosleep(&pause, NULL);
	while (recv(*socket, bytes, sizeof(bytes), 0) > 0)
		;
	return NULL;
}

/* It is slow: what finds no room at first is said all the same. */
Test(silence, listens_late)
{
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	struct bbq_segment *segment = NULL;
	struct half half = good_half();
	struct bbq_channel *channel;
	pthread_t thread;
	int fds[2];
	char byte = 0;

	half_make(&half);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
		     0);
	wire_say(fds[0], &offer, half.fd);
	while (send(fds[1], &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		;
	channel = adopt(fds[1]);
	cr_assert_eq(pthread_create(&thread, NULL, read_everything, &fds[0]),
		     0);
	is(0, bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG, &segment));
	bbq_segment_close(segment);
	bbq_channel_close(channel);
	pthread_join(thread, NULL);
	close(fds[0]);
	half_close(&half);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Without a limit, only a signal ends the wait; and each of them does. */
Test(silence, signals_end_waits)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	const struct bbq_config config = { .capacity = CAPACITY };
	struct bbq_channel *channel, *none = NULL;
	struct bbq_segment *segment = NULL;
	struct bbq_listener *listener;
	int socket;

	channel = wire_open(&socket);
	is(0, bbq_listener_open("@bbq-test-signals", &listener));
	cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	is(-EINTR, bbq_listener_accept(listener, NULL, BBQ_FOREVER, &none));
	is(-EINTR, bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, BBQ_FOREVER,
				    &segment));
	is(-EINTR,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG, &segment));
	bbq_channel_close(channel);
	close(socket);
	channel = wire_open(&socket);
	is(-EINTR, bbq_channel_offer(channel, BBQ_ROLE_PRODUCER, &config,
				     BBQ_FOREVER, &segment));
	cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	bbq_channel_close(channel);
	close(socket);
	bbq_listener_close(listener);
}

/* Sockets that are no channels. */
Test(silence, sockets_that_cannot_be_adopted)
{
	struct bbq_channel *channel = NULL;
	struct before before = look_before();
	int fds[2], fd;

	is(-EBADF, bbq_channel_adopt(-1, NULL, &channel));
	is(-EBADF, bbq_channel_adopt(4000, NULL, &channel));
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	is(-ENOTSOCK, bbq_channel_adopt(fd, NULL, &channel));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	is(-EPROTOTYPE, bbq_channel_adopt(fd, NULL, &channel));
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	is(-ENOTCONN, bbq_channel_adopt(fd, NULL, &channel));
	close(fd);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	is(-EPROTOTYPE, bbq_channel_adopt(fds[0], NULL, &channel));
	is(-EINVAL, bbq_channel_adopt(fds[0], NULL, NULL));
	close(fds[0]);
	close(fds[1]);
	cr_assert_null(channel);
	nothing_left(&before, "sockets");
}
