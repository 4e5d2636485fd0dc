/* SPDX-License-Identifier: MIT */
/*
 * A peer that is no libbbq, or a bad one: an error for who listens, and nothing
 * left over. All that the stranger says is in the socket before the library
 * looks, so one thread plays both.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "wire.h"

TestSuite(stranger, .timeout = PATIENCE);

#define CAPACITY 10000

/* What was open and mapped before a test, to be compared with after it. */
struct before {
	size_t fds;
	size_t maps;
};

static size_t all_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	size_t n = 0;
	int c;

	cr_assert_not_null(file);
	while ((c = fgetc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static struct before look_before(void)
{
	/* The first stdio buffer and the like. */
	all_maps();
	return (struct before){ open_fds(), all_maps() };
}

static void nothing_left(const struct before *before, const char *what)
{
	(void)what; /* not every assertion prints */
	cr_assert_eq(open_fds(), before->fds, "%s: %zu for %zu descriptors",
		     what, open_fds(), before->fds);
	cr_assert_eq(shared_maps(), 0, "%s: a mapping is left", what);
	cr_assert_leq(all_maps(), before->maps, "%s: a mapping is left", what);
}

/* The library takes what is offered. */
static void takes(int expected, struct bbq_channel *channel, const char *what)
{
	struct bbq_segment *segment = NULL;
	int error =
		bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG, &segment);

	(void)what;
	cr_assert_eq(error, expected, "taking, %s: %d", what, error);
	cr_assert_null(segment);
	bbq_channel_close(channel);
}

static void offers(int expected, struct bbq_channel *channel, const char *what)
{
	const struct bbq_config config = { .capacity = CAPACITY };
	struct bbq_segment *segment = NULL;
	int error = bbq_channel_offer(channel, BBQ_ROLE_CONSUMER, &config, LONG,
				      &segment);

	(void)what;
	cr_assert_eq(error, expected, "offering, %s: %d", what, error);
	cr_assert_null(segment);
	bbq_channel_close(channel);
}

static struct half good_half(void)
{
	return (struct half){
		.role = PRODUCER,
		.size = half_size(PRODUCER, CAPACITY),
	};
}

/* ---- descriptors ------------------------------------------------------- */

/* To an offer of the stranger's, or as its answer to one of the library's. */
static void send_fd(const char *what, int expected, int fd, size_t copies)
{
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	const struct wire_message want = wire_message(WANT, PRODUCER, 0);
	const struct wire_message accept =
		wire_message(ACCEPT, PRODUCER, CAPACITY);
	struct bbq_channel *channel;
	int socket;

	channel = wire_open(&socket);
	wire_send(socket, &offer, sizeof(offer), fd, copies);
	takes(expected, channel, what);
	close(socket);
	channel = wire_open(&socket);
	wire_say(socket, &want, -1);
	wire_send(socket, &accept, sizeof(accept), fd, copies);
	offers(expected, channel, what);
	close(socket);
}

static void bad_half(const char *what, struct half half)
{
	struct before before = look_before();

	half_make(&half);
	send_fd(what, -EPROTO, half.fd, 1);
	half_close(&half);
	nothing_left(&before, what);
}

/* The memfd that the others below differ from in one thing is a good one. */
Test(stranger, half_that_is_right)
{
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	struct before before = look_before();
	struct half half = good_half();
	struct bbq_segment *segment = NULL;
	struct bbq_channel *channel;
	int socket;

	half_make(&half);
	channel = wire_open(&socket);
	wire_say(socket, &offer, half.fd);
	is(0, bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG, &segment));
	cr_assert_eq(bbq_segment_capacity(segment), CAPACITY);
	bbq_segment_close(segment);
	bbq_channel_close(channel);
	close(socket);
	half_close(&half);
	nothing_left(&before, "good");
}

Test(stranger, wrong_seals)
{
	static const int seals[] = { F_SEAL_SHRINK, F_SEAL_GROW,
				     F_SEAL_FUTURE_WRITE, F_SEAL_SEAL };
	struct half half = good_half();

	half.unsealed = true;
	bad_half("no seals", half);
	half.unsealed = false;
	for (size_t i = 0; i < 4; i++) {
		half.seals = HALF_SEALS & ~seals[i];
		bad_half("a seal is missing", half);
		half.seals = seals[i];
		bad_half("one seal", half);
	}
	/* Sealed against itself: nobody writes there. */
	half.seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	bad_half("read-only for all", half);
}

Test(stranger, wrong_sizes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t right = half_size(PRODUCER, CAPACITY);
	const size_t sizes[] = {
		0,	   1,	      CAPACITY,	    page,
		right - 1, right + 1, right - page, right + page,
		2 * right
	};
	struct half half = good_half();

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		half.size = sizes[i];
		bad_half("wrong size", half);
	}
	half.size = right;
	half.sparse = true;
	bad_half("sparse", half);
}

Test(stranger, wrong_descriptions)
{
	struct half half = good_half();

	half.writable = true;
	bad_half("writable", half);
	half = good_half();
	half.unlocked = true;
	bad_half("without its lock", half);
	half = good_half();
	half.role = CONSUMER;
	bad_half("with the other's lock", half);
}

/* In huge pages, which are not reserved by being allocated, and not swapped. */
Test(stranger, huge_pages)
{
	struct before before = look_before();
	int fd = memfd_create("bbq-huge",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	int reader;

	cr_assert(fd >= 0 || errno == ENOSYS || errno == EINVAL ||
		  errno == ENODEV || errno == EOPNOTSUPP);
	if (fd < 0)
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	else
		cr_assert_eq(fcntl(fd, F_ADD_SEALS, HALF_SEALS), 0);
	reader = half_reopen(fd, O_RDONLY);
	send_fd("huge pages", -EPROTO, reader, 1);
	close(reader);
	close(fd);
	nothing_left(&before, "huge pages");
}

static void send_and_close(const char *what, int fd)
{
	struct before before;

	cr_assert_geq(fd, 0);
	before = look_before();
	send_fd(what, -EPROTO, fd, 1);
	nothing_left(&before, what);
	close(fd);
}

Test(stranger, what_is_no_memfd)
{
	char path[] = "/tmp/bbq-test-XXXXXX";
	int pair[2];

	cr_assert_eq(pipe2(pair, O_CLOEXEC), 0);
	send_and_close("a pipe to read", pair[0]);
	send_and_close("a pipe to write", pair[1]);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
		     0);
	send_and_close("a socket", pair[0]);
	close(pair[1]);
	send_and_close("a TCP socket", socket(AF_INET, SOCK_STREAM, 0));
	send_and_close("an eventfd", eventfd(0, EFD_CLOEXEC));
	send_and_close("an epoll", epoll_create1(EPOLL_CLOEXEC));
	send_and_close("/dev/null", open("/dev/null", O_RDONLY | O_CLOEXEC));
	send_and_close("/dev/zero", open("/dev/zero", O_RDONLY | O_CLOEXEC));
	send_and_close("a directory", open("/", O_RDONLY | O_CLOEXEC));
	send_and_close("a path", open("/", O_PATH | O_CLOEXEC));
	send_and_close("in /proc",
		       open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
	send_and_close("in /dev/shm",
		       open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	send_and_close("a file", mkostemp(path, O_CLOEXEC));
	unlink(path);
}

Test(stranger, wrong_number_of_descriptors)
{
	static const size_t more[] = { 2, 3, 57, 58, WIRE_FDS_MAX };
	struct before before = look_before();
	struct half half = good_half();

	half_make(&half);
	send_fd("none", -EPROTO, -1, 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
		send_fd("too many", -EPROTO, half.fd, more[i]);
	half_close(&half);
	nothing_left(&before, "too many");
}

/* The process has no room for another descriptor. */
Test(stranger, no_room_for_descriptors)
{
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	struct bbq_segment *segment = NULL;
	struct half half = good_half();
	struct bbq_channel *channel;
	int holders[1024], n = 0, socket;
	struct before before;

	half_make(&half);
	channel = wire_open(&socket);
	before = look_before();
	wire_say(socket, &offer, half.fd);
	while (n < 1000 && (holders[n] = dup(socket)) >= 0 && holders[n] < 1000)
		n++;
	if (holders[n] >= 0)
		n++;
	{
		const struct rlimit limit = { (rlim_t)holders[n - 1] + 1,
					      4096 };

		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	is(-EPROTO,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG, &segment));
	while (n > 0)
		close(holders[--n]);
	nothing_left(&before, "no room");
	bbq_channel_close(channel);
	close(socket);
	half_close(&half);
}

/* A descriptor where none belongs, and one with a piece of a message. */
Test(stranger, descriptors_in_the_wrong_place)
{
	struct before before = look_before();
	const struct wire_message want = wire_message(WANT, PRODUCER, 0);
	const struct wire_message refuse = wire_message(REFUSE, PRODUCER, 0);
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	struct half half = good_half();
	struct bbq_channel *channel;
	int socket;

	half_make(&half);
	channel = wire_open(&socket);
	wire_say(socket, &want, half.fd);
	offers(-EPROTO, channel, "with a WANT");
	close(socket);
	channel = wire_open(&socket);
	wire_say(socket, &refuse, half.fd);
	takes(-EPROTO, channel, "with a REFUSE");
	close(socket);
	channel = wire_open(&socket);
	wire_send(socket, &offer, 10, half.fd, 1);
	wire_send(socket, (const char *)&offer + 10, 10, half.fd, 1);
	takes(-EPROTO, channel, "with two pieces");
	close(socket);
	channel = wire_open(&socket);
	wire_send(socket, &offer, 10, half.fd, 1);
	close(socket);
	takes(-EPROTO, channel, "with half a message");
	half_close(&half);
	nothing_left(&before, "wrong place");
}

/* ---- words ------------------------------------------------------------- */

static void bad_offer(const char *what, const struct wire_message *offer)
{
	struct before before = look_before();
	struct half half = good_half();
	struct bbq_channel *channel;
	int socket;

	half_make(&half);
	channel = wire_open(&socket);
	wire_say(socket, offer, half.fd);
	takes(-EPROTO, channel, what);
	close(socket);
	half_close(&half);
	nothing_left(&before, what);
}

static void bad_accept(const char *what, const struct wire_message *accept)
{
	const struct wire_message want = wire_message(WANT, PRODUCER, 0);
	struct before before = look_before();
	struct half half = good_half();
	struct bbq_channel *channel;
	int socket;

	half_make(&half);
	channel = wire_open(&socket);
	wire_say(socket, &want, -1);
	wire_say(socket, accept, half.fd);
	offers(-EPROTO, channel, what);
	close(socket);
	half_close(&half);
	nothing_left(&before, what);
}

#define BAD(field, value)                                        \
	do {                                                     \
		struct wire_message bad_ =                       \
			wire_message(OFFER, PRODUCER, CAPACITY); \
		bad_.field = (value);                            \
		bad_offer(#field " = " #value, &bad_);           \
		bad_ = wire_message(ACCEPT, PRODUCER, CAPACITY); \
		bad_.field = (value);                            \
		bad_accept(#field " = " #value, &bad_);          \
	} while (0)

Test(stranger, wrong_words)
{
	BAD(magic[0], 'B');
	BAD(magic[7], 0);
	BAD(byte_order, 0x04030201);
	BAD(byte_order, 0);
	BAD(major, 0);
	BAD(major, 2);
	BAD(major, 0x0100);
	BAD(kind, 0);
	BAD(kind, 5);
	BAD(kind, 0x01000000);
	BAD(kind, UINT32_MAX);
	BAD(role, 0);
	BAD(role, 3);
	BAD(role, UINT32_MAX);
	BAD(capacity, 0);
	BAD(capacity, (uint64_t)UINT32_MAX + 1);
	BAD(capacity, (uint64_t)1 << 63);
	BAD(capacity, UINT64_MAX);
	BAD(capacity, (uint64_t)1 << 32 | CAPACITY);
	BAD(mode, 2);
	BAD(mode, UINT32_MAX);
	BAD(frame_align, 0);
	BAD(frame_align, 3);
	BAD(frame_align, 8);
	BAD(frame_align, UINT32_MAX);
	BAD(page_size, 0);
	BAD(page_size, 1);
	BAD(page_size, 2048);
	BAD(page_size, 2 * (uint32_t)sysconf(_SC_PAGESIZE));
	BAD(page_size, 0x80000000);
	BAD(features, 1);
	BAD(features, (uint64_t)1 << 63);
}

/* An answer that is one, but to another offer. */
Test(stranger, accepts_what_was_not_offered)
{
	struct wire_message accept =
		wire_message(ACCEPT, PRODUCER, CAPACITY + 1);

	bad_accept("another capacity", &accept);
	accept = wire_message(ACCEPT, PRODUCER, CAPACITY);
	accept.mode = 1;
	bad_accept("another mode", &accept);
	accept.frame_align = 8;
	bad_accept("another alignment", &accept);
}

/* What the future may add is ignored. */
Test(stranger, unknown_extras)
{
	struct wire_message offer = wire_message(OFFER, PRODUCER, CAPACITY);
	struct bbq_segment *segment = NULL;
	struct half half = good_half();
	struct bbq_channel *channel;
	int socket;

	offer.minor = 0xffff;
	offer.error = 77;
	offer.reserved = UINT64_MAX;
	half_make(&half);
	channel = wire_open(&socket);
	/* In the smallest pieces, of which the last has the descriptor. */
	for (size_t i = 0; i < sizeof(offer); i++)
		wire_send(socket, (const char *)&offer + i, 1,
			  i + 1 < sizeof(offer) ? -1 : half.fd, 1);
	is(0, bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG, &segment));
	bbq_segment_close(segment);
	bbq_channel_close(channel);
	close(socket);
	half_close(&half);
}

/* A refusal may say what a refusal can say, and nothing else. */
Test(stranger, refusals)
{
	static const struct {
		uint32_t says;
		int means;
	} all[] = {
		{ EACCES, -EACCES },	 { EADDRINUSE, -EADDRINUSE },
		{ EMSGSIZE, -EMSGSIZE }, { 0, -EPROTO },
		{ ENOMEM, -EPROTO },	 { EAGAIN, -EPROTO },
		{ UINT32_MAX, -EPROTO }, { 0x80000000, -EPROTO },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct wire_message refuse = wire_message(REFUSE, 0, 0);
		struct bbq_channel *channel;
		int socket;

		refuse.error = all[i].says;
		channel = wire_open(&socket);
		wire_say(socket, &refuse, -1);
		takes(all[i].means, channel, "refused");
		close(socket);
		channel = wire_open(&socket);
		wire_say(socket, &refuse, -1);
		offers(all[i].means, channel, "refused");
		close(socket);
	}
}

Test(stranger, noise)
{
	struct before before = look_before();
	unsigned char bytes[4096];
	struct bbq_channel *channel;
	unsigned int seed = 1;
	int socket;

	for (int i = 0; i < 500; i++) {
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (unsigned char)(rand_r(&seed) >> 8);
		channel = wire_open(&socket);
		wire_send(socket, bytes, 64 + (size_t)i * 8, -1, 0);
		takes(-EPROTO, channel, "noise");
		close(socket);
	}
	nothing_left(&before, "noise");
}

/* ---- silence ----------------------------------------------------------- */

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

Test(stranger, goes_at_each_byte)
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
Test(stranger, stops_at_each_byte)
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
Test(stranger, stops_in_an_offer)
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
Test(stranger, does_not_listen)
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

static void on_alarm(int signal)
{
	(void)signal;
}

/* Without a limit, only a signal ends the wait; and each of them does. */
Test(stranger, signals_end_waits)
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
Test(stranger, sockets_that_cannot_be_adopted)
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
