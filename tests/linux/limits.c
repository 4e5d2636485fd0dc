/* SPDX-License-Identifier: MIT */
/* Where the machine gives no more: -ENOSPC, -EFBIG, -EMFILE; nothing leaks. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "linux.h"

TestSuite(limits, .timeout = PATIENCE);

static void limit(__rlimit_resource_t what, rlim_t value)
{
	struct rlimit limits;

	cr_assert_eq(getrlimit(what, &limits), 0);
	limits.rlim_cur = value;
	cr_assert_eq(setrlimit(what, &limits), 0);
}

/* No SIGXFSZ either: that would end the test here. */
Test(limits, file_size)
{
	const struct bbq_config big = { .capacity = 1 << 20 };
	const struct bbq_config biggest = { .capacity = BBQ_CAPACITY_MAX };
	const struct bbq_config small = { .capacity = 1 };
	const char *name = own_name("fsize");
	int fd = memfd_create("mine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct bbq_segment *segment;
	size_t fds = open_fds();

	limit(RLIMIT_FSIZE, 256 << 10);
	is(-EFBIG, bbq_segment_create(&big, &segment));
	is(-EFBIG, bbq_segment_create(&biggest, &segment));
	is(-EFBIG, bbq_segment_create_named(name, &big, &segment));
	is(-EFBIG, bbq_segment_create_fd(fd, &big, &segment));
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(own_names(), 0);
	/* The same fd serves for what fits. */
	is(0, bbq_segment_create_fd(fd, &small, &segment));
	bbq_segment_close(segment);
	is(0, bbq_segment_create_named(name, &small, &segment));
	is(0, bbq_segment_retire(segment));
	bbq_segment_close(segment);
}

/* The limit is in bytes, and what just fits is made. */
Test(limits, file_size_to_the_byte)
{
	const struct bbq_config config = { .capacity = 10, .page_size = 4096 };
	struct bbq_segment *segment;

	limit(RLIMIT_FSIZE, 4 * 4096 - 1);
	is(-EFBIG, bbq_segment_create(&config, &segment));
	limit(RLIMIT_FSIZE, 4 * 4096);
	is(0, bbq_segment_create(&config, &segment));
	bbq_segment_close(segment);
}

/* As many descriptors as the process may have, less `spare`. */
static void use_up_fds(size_t spare)
{
	int fd, fds[4];
	size_t n = 0;

	limit(RLIMIT_NOFILE, 64);
	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		fds[n++ % 4] = fd;
	cr_assert_eq(errno, EMFILE);
	for (size_t i = 0; i < spare; i++)
		close(fds[--n % 4]);
}

static void give_fds(void)
{
	limit(RLIMIT_NOFILE, 1000);
}

static bool segment_still_works(struct bbq_segment *segment)
{
	struct bbq_sender sender;

	is(0, bbq_sender_open(segment, &sender));
	bbq_sender_close(&sender);
	return true;
}

Test(limits, descriptors)
{
	const struct bbq_config config = { .capacity = 10 };
	const char *name = own_name("nofile");
	struct bbq_segment *named, *segment;
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	int fd = memfd_create("mine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t fds;

	is(0, bbq_segment_create_named(name, &config, &named));
	use_up_fds(0);
	is(-EMFILE, bbq_segment_create(&config, &segment));
	is(-EMFILE, bbq_segment_create_fd(fd, &config, &segment));
	is(-EMFILE, bbq_segment_open(name, &segment));
	is(-EMFILE, bbq_segment_attach(bbq_segment_fd(named), &segment));
	is(-EMFILE, bbq_sender_open(named, &sender));
	is(-EMFILE, bbq_receiver_open(named, &receiver));
	is(0, bbq_segment_unlink(name));
	is(-EMFILE, bbq_segment_create_named(name, &config, &segment));
	give_fds();
	fds = open_fds();
	cr_assert(segment_still_works(named));
	cr_assert_eq(lseek(fd, 0, SEEK_END), 0);
	cr_assert_eq(own_names(), 0);
	cr_assert_eq(open_fds(), fds);
	bbq_segment_close(named);
}

/* With one descriptor to spare each call works, and takes no more than one. */
Test(limits, the_last_descriptor)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *first = make(10);
	struct bbq_segment *segment;
	struct bbq_sender sender;

	use_up_fds(1);
	is(0, bbq_segment_create(&config, &segment));
	bbq_segment_close(segment);
	is(0, bbq_segment_attach(bbq_segment_fd(first), &segment));
	bbq_segment_close(segment);
	is(0, bbq_sender_open(first, &sender));
	bbq_sender_close(&sender);
	is(0, bbq_sender_open(first, &sender));
	bbq_sender_close(&sender);
	bbq_segment_close(first);
}

/* No address space left: -ENOMEM, and the file and descriptor go. */
Test(limits, address_space)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(ASAN)
	const struct bbq_config config = { .capacity = 256 << 20 };
	const char *name = own_name("as");
	struct bbq_segment *segment;
	size_t fds = open_fds();

	limit(RLIMIT_AS, 200 << 20);
	is(-ENOMEM, bbq_segment_create(&config, &segment));
	is(-ENOMEM, bbq_segment_create_named(name, &config, &segment));
	limit(RLIMIT_AS, RLIM_INFINITY);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(own_names(), 0);
#endif
}

/* ---- a /dev/shm of our own --------------------------------------------- */

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		cr_assert_geq(write(fd, text, strlen(text)), 0);
		close(fd);
	}
}

/* Mount a tmpfs over /dev/shm that only this test sees. */
static void own_shm(const char *options)
{
	char map[64];
	uid_t uid = geteuid();

	if (unshare(CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			cr_assert(false, "needs root, or namespaces for users");
		snprintf(map, sizeof(map), "0 %d 1", (int)uid);
		put("/proc/self/uid_map", map);
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, options) < 0)
		cr_assert(false, "needs root, or namespaces for users");
}

static size_t shm_names(void)
{
	return entries("/dev/shm", "") - 2; /* . and .. */
}

Test(limits, full_tmpfs)
{
	const struct bbq_config big = { .capacity = 1 << 20 };
	const struct bbq_config fits = { .capacity = 100 << 10 };
	struct bbq_segment *segment, *second;
	size_t fds;

	own_shm("size=256k");
	fds = open_fds();
	is(-ENOSPC, bbq_segment_create_named("/big", &big, &segment));
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(shm_names(), 0);
	/* Nothing is used up by what failed; and each byte can be written. */
	for (int i = 0; i < 100; i++)
		is(-ENOSPC, bbq_segment_create_named("/big", &big, &segment));
	is(0, bbq_segment_create_named("/fits", &fits, &segment));
	memset(bbq_segment_data(segment), 'f', fits.capacity);
	is(0, bbq_segment_create_named("/second", &fits, &second));
	memset(bbq_segment_data(second), 's', fits.capacity);
	is(-ENOSPC, bbq_segment_create_named("/third", &fits,
					     &(struct bbq_segment *){ 0 }));
	cr_assert_eq(shm_names(), 2);
	bbq_segment_close(second);
	bbq_segment_close(segment);
}

/* Room for the size but not for another inode. */
Test(limits, tmpfs_without_inodes)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *segment;
	int n = 0;

	own_shm("size=1m,nr_inodes=3");
	while (n < 10 && bbq_segment_create_named(n ? "/b" : "/a", &config,
						  &segment) == 0) {
		bbq_segment_close(segment);
		n++;
	}
	cr_assert_leq(n, 2);
	cr_assert_leq(shm_names(), (size_t)n);
}

/* Become somebody without rights, who can still look at its own /proc. */
static void drop_rights(void)
{
	if (geteuid() != 0)
		return;
	cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

Test(limits, shm_that_is_not_writable)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *segment;

	if (geteuid() != 0)
		cr_assert(false, "needs root, to mount it and step down");
	own_shm("size=1m,mode=0555");
	drop_rights();
	is(-EACCES, bbq_segment_create_named("/a", &config, &segment));
	cr_assert_eq(shm_names(), 0);
}

Test(limits, segment_of_somebody_else)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *mine, *segment;
	size_t fds;

	if (geteuid() != 0)
		cr_assert(false, "needs root, to be two users");
	own_shm("size=1m,mode=1777");
	is(0, bbq_segment_create_named("/mine", &config, &mine));
	drop_rights();
	fds = open_fds();
	is(-EACCES, bbq_segment_open("/mine", &segment));
	is(-EACCES, bbq_segment_attach(bbq_segment_fd(mine), &segment));
	cr_assert_lt(bbq_segment_unlink("/mine"), 0);
	cr_assert_eq(open_fds(), fds);
	bbq_segment_close(mine);
}
