/* SPDX-License-Identifier: MIT */
/* Making segments, attaching to them, and what a config may say. */
#include <sys/resource.h>

#include "linux.h"

TestSuite(segments, .timeout = PATIENCE);

static void facts_are(const struct bbq_segment *segment, size_t capacity,
		      enum bbq_mode mode, size_t align)
{
	cr_assert_eq(bbq_segment_capacity(segment), capacity);
	cr_assert_eq(bbq_segment_mode(segment), mode);
	cr_assert_eq(bbq_segment_frame_align(segment), align);
	cr_assert_eq(bbq_segment_fill(segment), 0);
	cr_assert_geq(bbq_segment_fd(segment), 0);
	cr_assert_not_null(bbq_segment_data(segment));
}

static off_t size_of(const struct bbq_segment *segment)
{
	struct stat st;

	cr_assert_eq(fstat(bbq_segment_fd(segment), &st), 0);
	return st.st_size;
}

Test(segments, memfd)
{
	size_t fds = open_fds();
	struct bbq_segment *segment = make(1000);

	facts_are(segment, 1000, BBQ_MODE_BYTES, 1);
	cr_assert_eq(size_of(segment), 4 * sysconf(_SC_PAGESIZE));
	cr_assert_eq(bbq_segment_has_name(segment), 0);
	is(-ENOENT, bbq_segment_retire(segment));
	bbq_segment_close(segment);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(shared_maps(), 0);
}

/* All of it is reserved: no page can be missing later. */
Test(segments, memory_is_reserved)
{
	struct bbq_segment *segment = make(100000);
	struct stat st;

	cr_assert_eq(fstat(bbq_segment_fd(segment), &st), 0);
	cr_assert_geq(st.st_blocks * 512, st.st_size);
	bbq_segment_close(segment);
}

Test(segments, memfds_are_sealed_in_size)
{
	const int need = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct bbq_segment *segment = make(1000);
	int fd = bbq_segment_fd(segment);

	cr_assert_eq(fcntl(fd, F_GET_SEALS) & need, need);
	cr_assert_eq(ftruncate(fd, 0), -1);
	cr_assert_eq(ftruncate(fd, 1 << 20), -1);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	bbq_segment_close(segment);
}

/* Descriptors do not leak into programs that this one starts. */
Test(segments, descriptors_close_on_exec)
{
	struct bbq_segment *segment = make(1000);
	struct bbq_segment *other;
	struct bbq_sender sender;

	is(0, bbq_segment_attach(bbq_segment_fd(segment), &other));
	is(0, bbq_sender_open(other, &sender));
	cr_assert(fcntl(bbq_segment_fd(segment), F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(bbq_segment_fd(other), F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(sender.end.lock_fd, F_GETFD) & FD_CLOEXEC);
	bbq_sender_close(&sender);
	bbq_segment_close(other);
	bbq_segment_close(segment);
}

Test(segments, attach_by_fd)
{
	struct bbq_segment *made = make_frames(777, 64);
	struct bbq_segment *attached;
	int fd = dup(bbq_segment_fd(made));

	is(0, bbq_segment_attach(fd, &attached));
	/* Neither the fd nor the first segment need stay open. */
	close(fd);
	memset(bbq_segment_data(made), 'x', 777);
	bbq_segment_close(made);
	facts_are(attached, 777, BBQ_MODE_FRAMES, 64);
	cr_assert_eq(memcmp(bbq_segment_data(attached), "xxxx", 4), 0);
	bbq_segment_close(attached);
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/*
 * 256 pages, and hardly a fault; and every byte is as it was. (AddressSanitizer
 * touches memory of its own for some of them.)
 */
Test(segments, prefaulted)
{
	const size_t size = 1 << 20;
	struct bbq_segment *made = make(size);
	struct bbq_segment *attached;
	unsigned char *data;
	long faults;

	memset(bbq_segment_data(made), 'x', size);
	is(0, bbq_segment_attach(bbq_segment_fd(made), &attached));
	is(0, bbq_segment_prefault(attached));
	data = bbq_segment_data(attached);
	faults = minor_faults();
	for (size_t i = 0; i < size; i += 4096)
		data[i]++;
	cr_assert_lt(minor_faults() - faults, 100);
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(data[i], i % 4096 ? 'x' : 'y');
	is(-EINVAL, bbq_segment_prefault(NULL));
	bbq_segment_close(attached);
	bbq_segment_close(made);
}

/* A read-only descriptor of a file that may be written is good enough. */
Test(segments, attach_by_readonly_fd)
{
	struct bbq_segment *made = make(10);
	struct bbq_segment *attached;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", bbq_segment_fd(made));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	is(0, bbq_segment_attach(fd, &attached));
	bbq_segment_close(attached);
	close(fd);
	bbq_segment_close(made);
}

Test(segments, create_fd)
{
	const struct bbq_config config = { .capacity = 5000 };
	struct bbq_segment *segment, *other;
	int fd = memfd_create("mine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t fds = open_fds();

	is(0, bbq_segment_create_fd(fd, &config, &segment));
	facts_are(segment, 5000, BBQ_MODE_BYTES, 1);
	cr_assert_eq(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK, F_SEAL_SHRINK);
	cr_assert_eq(ftruncate(fd, 0), -1);
	is(-EEXIST, bbq_segment_create_fd(fd, &config, &other));
	is(0, bbq_segment_attach(fd, &other));
	bbq_segment_close(other);
	bbq_segment_close(segment);
	/* fd stays the caller's. */
	cr_assert_eq(open_fds(), fds);
	is(0, bbq_segment_attach(fd, &segment));
	close(fd);
	facts_are(segment, 5000, BBQ_MODE_BYTES, 1);
	bbq_segment_close(segment);
}

Test(segments, create_fd_refusals)
{
	const struct bbq_config config = { .capacity = 50 };
	struct bbq_segment *segment;
	int sealed = memfd_create("sealed", MFD_CLOEXEC);
	int grown = memfd_create("grown", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int no_writes = memfd_create("now", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int closed = dup(sealed);
	size_t fds;

	close(closed);
	cr_assert_eq(ftruncate(grown, 1), 0);
	fcntl(no_writes, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	fds = open_fds();
	is(-EPERM, bbq_segment_create_fd(sealed, &config, &segment));
	is(-EEXIST, bbq_segment_create_fd(grown, &config, &segment));
	is(-EPERM, bbq_segment_create_fd(no_writes, &config, &segment));
	is(-EBADF, bbq_segment_create_fd(closed, &config, &segment));
	is(-EBADF, bbq_segment_create_fd(-1, &config, &segment));
	cr_assert_eq(open_fds(), fds);
	/* What was refused is as it was. */
	cr_assert_eq(lseek(sealed, 0, SEEK_END), 0);
	cr_assert_eq(lseek(grown, 0, SEEK_END), 1);
	cr_assert_eq(lseek(no_writes, 0, SEEK_END), 0);
}

static const size_t page_sizes[] = { 4096, 8192, 16384, 32768, 65536 };
#define PAGE_SIZES (sizeof(page_sizes) / sizeof(*page_sizes))

Test(segments, page_sizes)
{
	for (size_t i = 0; i < PAGE_SIZES; i++) {
		const struct bbq_config config = {
			.capacity = page_sizes[i] + 1,
			.page_size = page_sizes[i],
		};
		struct bbq_segment *made = make_with(&config);
		struct bbq_segment *other;
		off_t page = (off_t)page_sizes[i];

		cr_assert_eq(size_of(made), 5 * page);
		is(0, bbq_segment_attach(bbq_segment_fd(made), &other));
		cr_assert_eq(pwrite(bbq_segment_fd(made), "!", 1, 3 * page), 1);
		cr_assert_eq(*(char *)bbq_segment_data(other), '!');
		bbq_segment_close(other);
		bbq_segment_close(made);
	}
}

/* The last byte of data is there, whatever the capacity. */
Test(segments, capacities)
{
	static const size_t capacities[] = { 1,	   2,	 4095,	4096,
					     4097, 8192, 65537, 1 << 20 };

	for (size_t i = 0; i < sizeof(capacities) / sizeof(size_t); i++) {
		struct bbq_segment *segment = make(capacities[i]);
		struct bbq_sender sender;
		struct bbq_span span;

		is(0, bbq_sender_open(segment, &sender));
		is(0, bbq_sender_grant(&sender, capacities[i], 0, &span));
		memset(span.data, 'z', span.len);
		is(0, bbq_sender_commit(&sender, span.len));
		cr_assert_eq(bbq_segment_fill(segment), capacities[i]);
		bbq_sender_close(&sender);
		bbq_segment_close(segment);
	}
}

static const struct bbq_config senseless[] = {
	{ .capacity = 0 },
	{ .capacity = BBQ_CAPACITY_MAX + 1 },
	{ .capacity = SIZE_MAX },
	{ .capacity = 10, .mode = (enum bbq_mode)2 },
	{ .capacity = 10, .mode = (enum bbq_mode)0x10000 },
	{ .capacity = 10, .frame_align = 8 }, /* of bytes */
	{ .capacity = 10, .frame_align = 64 },
	{ .capacity = 10, .mode = BBQ_MODE_FRAMES, .frame_align = 2 },
	{ .capacity = 10, .mode = BBQ_MODE_FRAMES, .frame_align = 16 },
	{ .capacity = 10, .mode = BBQ_MODE_FRAMES, .frame_align = 128 },
	{ .capacity = 10, .mode = BBQ_MODE_FRAMES, .frame_align = SIZE_MAX },
#if SIZE_MAX > 0xffffffff
	{ .capacity = 10,
	  .mode = BBQ_MODE_FRAMES,
	  .frame_align = ((size_t)1 << 32) + 8 },
	{ .capacity = 10, .page_size = ((size_t)1 << 32) + 4096 },
#endif
	{ .capacity = 10, .page_size = 1 },
	{ .capacity = 10, .page_size = 2048 },
	{ .capacity = 10, .page_size = 4097 },
	{ .capacity = 10, .page_size = 12288 },
	{ .capacity = 10, .page_size = 131072 },
	{ .capacity = 10, .page_size = SIZE_MAX },
};

Test(segments, configs_that_make_no_sense)
{
	struct bbq_segment *const none = (void *)&senseless;
	struct bbq_segment *segment = none;
	int fd = memfd_create("mine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t fds = open_fds();

	for (size_t i = 0; i < sizeof(senseless) / sizeof(*senseless); i++) {
		const struct bbq_config *config = &senseless[i];

		is(-EINVAL, bbq_segment_create(config, &segment));
		is(-EINVAL, bbq_segment_create_fd(fd, config, &segment));
		is(-EINVAL, bbq_segment_create_named(own_name("sense"), config,
						     &segment));
	}
	cr_assert_eq(segment, none);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(own_names(), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_END), 0);
}

Test(segments, configs_that_do)
{
	static const struct bbq_config good[] = {
		{ .capacity = 1 },
		{ .capacity = 10, .frame_align = 1 },
		{ .capacity = 10, .mode = BBQ_MODE_FRAMES },
		{ .capacity = 10, .mode = BBQ_MODE_FRAMES, .frame_align = 1 },
		{ .capacity = 10, .mode = BBQ_MODE_FRAMES, .frame_align = 8 },
		{ .capacity = 10, .mode = BBQ_MODE_FRAMES, .frame_align = 64 },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct bbq_segment *segment = make_with(&good[i]);

		facts_are(segment, good[i].capacity, good[i].mode,
			  good[i].frame_align ? good[i].frame_align : 1);
		bbq_segment_close(segment);
	}
}

Test(segments, null)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *segment;
	int fd = memfd_create("mine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t fds = open_fds();

	is(-EINVAL, bbq_segment_create(NULL, &segment));
	is(-EINVAL, bbq_segment_create(&config, NULL));
	is(-EINVAL, bbq_segment_create_named(NULL, &config, &segment));
	is(-EINVAL, bbq_segment_create_named(own_name("null"), NULL, &segment));
	is(-EINVAL, bbq_segment_create_named(own_name("null"), &config, NULL));
	is(-EINVAL, bbq_segment_create_fd(fd, NULL, &segment));
	is(-EINVAL, bbq_segment_create_fd(fd, &config, NULL));
	is(-EINVAL, bbq_segment_open(NULL, &segment));
	is(-EINVAL, bbq_segment_open(own_name("null"), NULL));
	is(-EINVAL, bbq_segment_attach(fd, NULL));
	is(-EINVAL, bbq_segment_unlink(NULL));
	is(-EINVAL, bbq_segment_retire(NULL));
	bbq_segment_close(NULL);
	cr_assert_eq(bbq_segment_has_name(NULL), 0);
	cr_assert_lt(bbq_segment_fd(NULL), 0);
	cr_assert_eq(bbq_segment_capacity(NULL), 0);
	cr_assert_eq(bbq_segment_mode(NULL), BBQ_MODE_BYTES);
	cr_assert_eq(bbq_segment_frame_align(NULL), 0);
	cr_assert_null(bbq_segment_data(NULL));
	cr_assert_eq(bbq_segment_fill(NULL), 0);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(own_names(), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_END), 0);
}

/* The fill is of a moment, but never more than there can be. */
Test(segments, fill_of_impossible_words)
{
	struct bbq_segment *segment = make(100);

	producer_page(segment)->words.write = 0xffffffffffffffff;
	cr_assert_leq(bbq_segment_fill(segment), 100);
	consumer_page(segment)->words.read = 0x8000000080000000;
	cr_assert_leq(bbq_segment_fill(segment), 100);
	producer_page(segment)->words.last = 0xffffffffffffffff;
	cr_assert_leq(bbq_segment_fill(segment), 100);
	bbq_segment_close(segment);
}

/* Two makers of one empty memfd: one makes it, the other finds it made. */
Test(segments, create_fd_again_after_failure)
{
	const struct bbq_config bad = { .capacity = 0 };
	const struct bbq_config good = { .capacity = 10 };
	struct bbq_segment *segment;
	int fd = memfd_create("mine", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	is(-EINVAL, bbq_segment_create_fd(fd, &bad, &segment));
	is(-EPROTO, bbq_segment_attach(fd, &segment));
	is(0, bbq_segment_create_fd(fd, &good, &segment));
	bbq_segment_close(segment);
}
