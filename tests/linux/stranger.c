/* SPDX-License-Identifier: MIT */
/*
 * A peer that is no libbbq, or a bad one: an error for who listens, and nothing
 * left over.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "stranger.h"

TestSuite(stranger, .timeout = PATIENCE);

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

/*
 * A socket whose owner has asked for more than messages: credentials, which are
 * no descriptors, and pidfds, which are more of them.
 */
Test(stranger, socket_with_options)
{
	static const int options[] = { SO_PASSCRED, 76 /* SO_PASSPIDFD */ };
	const struct wire_message offer =
		wire_message(OFFER, PRODUCER, CAPACITY);
	struct before before = look_before();
	struct half half = good_half();
	int socket, on = 1;

	half_make(&half);
	for (int i = 0; i < 2; i++) {
		struct bbq_segment *segment = NULL;
		struct bbq_channel *channel = wire_open(&socket);

		/* Before Linux 6.5 there is no second one. */
		if (setsockopt(bbq_channel_fd(channel), SOL_SOCKET, options[i],
			       &on, sizeof(on)) < 0)
			cr_assert_eq(errno, ENOPROTOOPT);
		wire_say(socket, &offer, half.fd);
		is(0, bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, LONG,
				       &segment));
		bbq_segment_close(segment);
		bbq_channel_close(channel);
		close(socket);
	}
	half_close(&half);
	nothing_left(&before, "options");
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

/* Right in all, but not what comes next. */
Test(stranger, wrong_kinds)
{
	struct wire_message message = wire_message(ACCEPT, PRODUCER, CAPACITY);

	bad_offer("an answer to what nobody said", &message);
	message.kind = WANT;
	bad_offer("a WANT with a half", &message);
	bad_accept("a second WANT", &message);
	message.kind = OFFER;
	bad_accept("an OFFER for an answer", &message);
	message.kind = ACCEPT;
	message.role = CONSUMER;
	bad_accept("our own role", &message);
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
