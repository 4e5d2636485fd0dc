/* SPDX-License-Identifier: MIT */
/* What is not a segment is refused, and refusing touches nothing. */
#include <sys/socket.h>

#include "linux.h"

TestSuite(damage, .timeout = PATIENCE);

#define PAGE 4096
/* One page of data: whatever bit of the capacity flips, the size changes. */
#define SIZE (4 * PAGE)

static unsigned char image[SIZE];

/* The bytes of a good segment, with something in its queue. */
static void take_image(void)
{
	const struct bbq_config config = {
		.capacity = PAGE,
		.mode = BBQ_MODE_FRAMES,
		.frame_align = 8,
		.page_size = PAGE,
	};
	struct bbq_segment *segment = make_with(&config);
	struct bbq_sender sender;
	struct bbq_span span;

	is(0, bbq_sender_open(segment, &sender));
	is(0, bbq_sender_frame_grant(&sender, 5, 0, &span));
	memcpy(span.data, "frame", 5);
	is(0, bbq_sender_frame_commit(&sender, 5));
	bbq_sender_close(&sender);
	cr_assert_eq(pread(bbq_segment_fd(segment), image, SIZE, 0), SIZE);
	bbq_segment_close(segment);
}

/* A memfd with these bytes. */
static int memfd_of(const void *bytes, size_t len, int seals)
{
	int fd = memfd_create("bytes", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* Attach; descriptors, mappings and the file's bytes are as before. */
static int attach_and_close(int fd, const void *bytes, size_t len)
{
	static unsigned char after[SIZE + PAGE];
	struct bbq_segment *const none = (void *)after;
	struct bbq_segment *segment = none;
	size_t fds = open_fds();
	int error = bbq_segment_attach(fd, &segment);

	if (error)
		cr_assert_eq(segment, none);
	else
		bbq_segment_close(segment);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(shared_maps(), 0);
	if (bytes) {
		cr_assert_eq(pread(fd, after, sizeof(after), 0), (ssize_t)len);
		cr_assert_eq(memcmp(after, bytes, len), 0);
	}
	return error;
}

static bool ignorable(size_t offset)
{
	const size_t minor = offsetof(struct bbq_header, minor);
	const size_t hints = offsetof(struct bbq_header, hints);

	return (offset >= minor && offset < minor + 2) ||
	       (offset >= hints && offset < hints + 8) ||
	       offset >= offsetof(struct bbq_header, reserved);
}

Test(damage, every_byte_of_the_header)
{
	take_image();
	for (size_t i = 0; i < sizeof(struct bbq_header); i++) {
		int fd;

		image[i] ^= 0xff;
		fd = memfd_of(image, SIZE, SIZE_SEALS);
		cr_assert_eq(attach_and_close(fd, image, SIZE),
			     ignorable(i) ? 0 : -EPROTO, "byte %zu", i);
		image[i] ^= 0xff;
		close(fd);
	}
}

Test(damage, every_bit_of_the_header)
{
	int fd;

	take_image();
	fd = memfd_of(image, SIZE, SIZE_SEALS);
	for (size_t i = 0; i < 8 * sizeof(struct bbq_header); i++) {
		image[i / 8] ^= (unsigned char)(1u << i % 8);
		cr_assert_eq(pwrite(fd, image, SIZE, 0), SIZE);
		cr_assert_eq(attach_and_close(fd, image, SIZE),
			     ignorable(i / 8) ? 0 : -EPROTO, "bit %zu", i);
		image[i / 8] ^= (unsigned char)(1u << i % 8);
	}
	cr_assert_eq(pwrite(fd, image, SIZE, 0), SIZE);
	cr_assert_eq(attach_and_close(fd, image, SIZE), 0);
	close(fd);
}

/* Headers that contradict themselves, or this machine, in more than a bit. */
static const struct bbq_header strange[] = {
	{ .byte_order = 0x04030201 },
	{ .capacity = 1 },
	{ .capacity = 2 * PAGE },
	{ .capacity = (uint64_t)1 << 32 },
	{ .capacity = UINT64_MAX },
	{ .capacity = UINT64_MAX - 2 * PAGE },
	{ .mode = 2 },
	{ .frame_align = 16 },
	{ .frame_align = 0x80000000 },
	{ .page_size = 2048 },
	{ .page_size = 8192 },
	{ .page_size = 65536 },
	{ .page_size = 131072 },
	{ .page_size = 0x80000000 },
	{ .word_bits = 32 },
	{ .producer_offset = 2 * PAGE },
	{ .consumer_offset = PAGE },
	{ .data_offset = 2 * PAGE },
	{ .data_offset = UINT64_MAX },
	{ .size = 3 * PAGE },
	{ .size = 5 * PAGE },
	{ .size = UINT64_MAX },
};

/* Every 4 bytes of change that are not 0 go over those of the header. */
static void overlay(unsigned char *bytes, const struct bbq_header *change)
{
	const unsigned char *from = (const void *)change;
	unsigned char part[8] = { 0 };

	for (size_t i = 0; i < sizeof(*change); i += 8) {
		if (memcmp(from + i, part, 8) == 0)
			continue;
		if (i < 16 || (i >= 40 && i < 56)) { /* two of 4 bytes */
			for (size_t j = i; j < i + 8; j += 4)
				if (memcmp(from + j, part, 4) != 0)
					memcpy(bytes + j, from + j, 4);
		} else {
			memcpy(bytes + i, from + i, 8);
		}
	}
}

Test(damage, strange_headers)
{
	take_image();
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		unsigned char bytes[SIZE];
		int fd;

		memcpy(bytes, image, SIZE);
		overlay(bytes, &strange[i]);
		/* Capacity 1 is of the same size: a queue like any other. */
		fd = memfd_of(bytes, SIZE, SIZE_SEALS);
		cr_assert_eq(attach_and_close(fd, bytes, SIZE),
			     strange[i].capacity == 1 ? 0 : -EPROTO,
			     "header %zu", i);
		close(fd);
	}
}

Test(damage, wrong_size)
{
	static unsigned char bytes[SIZE + PAGE];
	static const size_t lengths[] = { 0,	1,	  8,	      119,
					  120,	PAGE,	  3 * PAGE,   SIZE - 1,
					  SIZE, SIZE + 1, SIZE + PAGE };

	take_image();
	memcpy(bytes, image, SIZE);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		int fd = memfd_of(bytes, lengths[i], SIZE_SEALS);

		cr_assert_eq(attach_and_close(fd, bytes, lengths[i]),
			     lengths[i] == SIZE ? 0 : -EPROTO, "length %zu",
			     lengths[i]);
		close(fd);
	}
}

Test(damage, seals_that_are_missing)
{
	static const struct {
		int seals;
		int error;
	} cases[] = {
		{ 0, -EPROTO },
		{ F_SEAL_SHRINK, -EPROTO },
		{ F_SEAL_GROW, -EPROTO },
		{ F_SEAL_SEAL, -EPROTO },
		{ F_SEAL_SHRINK | F_SEAL_GROW, 0 },
		{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, 0 },
	};

	take_image();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = memfd_of(image, SIZE, cases[i].seals);

		cr_assert_eq(attach_and_close(fd, image, SIZE), cases[i].error,
			     "seals %#x", (unsigned int)cases[i].seals);
		close(fd);
	}
}

/* Sealed against writing: nobody can use it, and it is said so. */
Test(damage, segment_that_cannot_be_written)
{
	int fd;

	take_image();
	fd = memfd_of(image, SIZE, SIZE_SEALS | F_SEAL_WRITE);
	cr_assert_lt(attach_and_close(fd, image, SIZE), 0);
	close(fd);
}

Test(damage, what_is_not_a_file)
{
	int ends[2], sockets[2];
	int dir = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int closed;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	closed = dup(dir);
	close(closed);
	is(-EPROTO, attach_and_close(dir, NULL, 0));
	is(-EPROTO, attach_and_close(null, NULL, 0));
	is(-EPROTO, attach_and_close(ends[0], NULL, 0));
	is(-EPROTO, attach_and_close(ends[1], NULL, 0));
	is(-EPROTO, attach_and_close(sockets[0], NULL, 0));
	is(-EBADF, attach_and_close(closed, NULL, 0));
	is(-EBADF, attach_and_close(-1, NULL, 0));
}

/* Words that no queue can have: the segment opens, its roles do not. */
Test(damage, words_that_no_queue_can_have)
{
	static const struct {
		bbq_word write, last, read;
	} cases[] = {
		{ 101, 0, 0 },		      /* behind the end */
		{ BBQ_ONE_LAP | 50, 60, 40 }, /* overtaken */
		{ 2 * BBQ_ONE_LAP, 100, 0 },  /* two laps ahead */
		{ 0, 0, 1 },		      /* read ahead */
		{ BBQ_ONE_LAP | 5, 101, 50 }, /* watermark outside */
		{ BBQ_ONE_LAP | 5, 40, 50 },  /* read beyond it */
		{ UINT64_MAX, UINT64_MAX, UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bbq_segment *segment = make(100);
		struct bbq_sender sender;
		struct bbq_receiver receiver;
		size_t fds = open_fds();

		producer_page(segment)->words.write = cases[i].write;
		producer_page(segment)->words.last = cases[i].last;
		consumer_page(segment)->words.read = cases[i].read;
		is(-EBADMSG, bbq_sender_open(segment, &sender));
		is(-EBADMSG, bbq_receiver_open(segment, &receiver));
		cr_assert_eq(open_fds(), fds);
		/* The roles are free again, and nobody has come. */
		producer_page(segment)->words.write = 0;
		producer_page(segment)->words.last = 0;
		consumer_page(segment)->words.read = 0;
		cr_assert_eq(producer_page(segment)->side.lives, 0);
		is(0, bbq_sender_open(segment, &sender));
		is(0, bbq_receiver_open(segment, &receiver));
		bbq_receiver_close(&receiver);
		bbq_sender_close(&sender);
		bbq_segment_close(segment);
	}
}

/* A peer that scribbles while both ends are open breaks the handle only. */
Test(damage, scribbled_while_open)
{
	struct bbq_segment *segment = make(100);
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	struct bbq_span span;
	struct bbq_view view;

	is(0, bbq_sender_open(segment, &sender));
	is(0, bbq_receiver_open(segment, &receiver));
	producer_page(segment)->words.write = 200;
	is(-EBADMSG, bbq_receiver_read(&receiver, LONG, &view));
	is(-EBADMSG, bbq_receiver_wait(&receiver, LONG));
	consumer_page(segment)->words.read = 7;
	is(0, bbq_sender_grant(&sender, 100, LONG, &span));
	is(0, bbq_sender_commit(&sender, 100));
	consumer_page(segment)->words.read = 101;
	is(-EBADMSG, bbq_sender_grant(&sender, 1, LONG, &span));
	is(-EBADMSG, bbq_sender_wait(&sender, 1, LONG));
	bbq_receiver_close(&receiver);
	bbq_sender_close(&sender);
	bbq_segment_close(segment);
}
