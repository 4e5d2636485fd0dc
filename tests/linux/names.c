/* SPDX-License-Identifier: MIT */
/* Named segments: the rules for names, and whole or not at all. */
#include <sys/socket.h>
#include <sys/un.h>

#include "linux.h"

TestSuite(names, .timeout = PATIENCE);

static const struct bbq_config small = { .capacity = 100 };

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "/dev/shm%s", name);
	return path;
}

Test(names, create_open_unlink)
{
	size_t fds = open_fds();
	struct bbq_segment *made, *opened;
	struct stat st;
	char name[64];

	strcpy(name, own_name("life"));
	is(0, bbq_segment_create_named(name, &small, &made));
	cr_assert_eq(stat(path_of(name), &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(st.st_size, 4 * sysconf(_SC_PAGESIZE));
	cr_assert_geq(st.st_blocks * 512, st.st_size);
	is(0, bbq_segment_open(name, &opened));
	cr_assert_eq(bbq_segment_capacity(opened), 100);
	cr_assert(bbq_segment_has_name(made));
	cr_assert(bbq_segment_has_name(opened));
	is(0, bbq_segment_unlink(name));
	is(-ENOENT, bbq_segment_unlink(name));
	is(-ENOENT, bbq_segment_open(name, &(struct bbq_segment *){ 0 }));
	cr_assert_not(bbq_segment_has_name(made));
	cr_assert_not(bbq_segment_has_name(opened));
	/* Whoever has it open keeps it. */
	memset(bbq_segment_data(made), 'k', 100);
	cr_assert_eq(*(char *)bbq_segment_data(opened), 'k');
	bbq_segment_close(made);
	bbq_segment_close(opened);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(own_names(), 0);
}

/* By fd, too: a named file cannot be sealed, and need not be. */
Test(names, attach_by_fd)
{
	struct bbq_segment *made, *attached;
	char name[64];

	strcpy(name, own_name("fd"));
	is(0, bbq_segment_create_named(name, &small, &made));
	is(0, bbq_segment_attach(bbq_segment_fd(made), &attached));
	cr_assert(bbq_segment_has_name(attached));
	/* It does not know under which. */
	is(-ENOENT, bbq_segment_retire(attached));
	is(0, bbq_segment_unlink(name));
	bbq_segment_close(attached);
	bbq_segment_close(made);
}

Test(names, taken)
{
	size_t fds = open_fds();
	struct bbq_segment *made, *other;
	char name[64];
	struct stat before, after;

	strcpy(name, own_name("taken"));
	is(0, bbq_segment_create_named(name, &small, &made));
	cr_assert_eq(stat(path_of(name), &before), 0);
	is(-EEXIST, bbq_segment_create_named(name, &small, &other));
	cr_assert_eq(stat(path_of(name), &after), 0);
	cr_assert_eq(before.st_ino, after.st_ino);
	cr_assert_eq(own_names(), 1);
	is(0, bbq_segment_unlink(name));
	is(0, bbq_segment_create_named(name, &small, &other));
	is(0, bbq_segment_unlink(name));
	bbq_segment_close(other);
	bbq_segment_close(made);
	cr_assert_eq(open_fds(), fds);
}

Test(names, rules)
{
	static const char *const bad[] = { "",	     "/",	 "name",
					   "//",     "/a/b",	 "/.",
					   "/..",    "/../name", "a/b",
					   "/name/", "./name",	 "//name" };
	struct bbq_segment *segment;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		is(-EINVAL, bbq_segment_create_named(bad[i], &small, &segment));
		is(-EINVAL, bbq_segment_open(bad[i], &segment));
		is(-EINVAL, bbq_segment_unlink(bad[i]));
	}
}

Test(names, as_long_as_can_be)
{
	struct bbq_segment *segment;
	char name[258];
	size_t len = strlen(own_name("long"));

	memset(name, 'n', sizeof(name));
	memcpy(name, own_name("long"), len);
	name[255] = '\0'; /* a slash and 254 bytes */
	is(0, bbq_segment_create_named(name, &small, &segment));
	bbq_segment_close(segment);
	is(0, bbq_segment_open(name, &segment));
	is(0, bbq_segment_retire(segment));
	bbq_segment_close(segment);
	name[255] = 'n';
	name[256] = '\0';
	is(-ENAMETOOLONG, bbq_segment_create_named(name, &small, &segment));
	is(-ENAMETOOLONG, bbq_segment_open(name, &segment));
	is(-ENAMETOOLONG, bbq_segment_unlink(name));
	cr_assert_eq(own_names(), 0);
}

/* Dots and spaces are names like others. */
Test(names, odd_ones)
{
	static const char *const odd[] = { "...", ".x", " ", "a b", "\xff" };

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct bbq_segment *segment;
		const char *name = own_name(odd[i]);

		is(0, bbq_segment_create_named(name, &small, &segment));
		is(0, bbq_segment_retire(segment));
		bbq_segment_close(segment);
	}
	cr_assert_eq(own_names(), 0);
}

/* Refuse what is there under name, and leave it as it is. */
static void is_refused(const char *name)
{
	struct bbq_segment *segment;
	struct stat before, after;
	size_t fds = open_fds();

	cr_assert_eq(lstat(path_of(name), &before), 0);
	is(-EPROTO, bbq_segment_open(name, &segment));
	is(-EEXIST, bbq_segment_create_named(name, &small, &segment));
	cr_assert_eq(lstat(path_of(name), &after), 0);
	cr_assert_eq(before.st_ino, after.st_ino);
	cr_assert_eq(before.st_size, after.st_size);
	cr_assert_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	cr_assert_eq(open_fds(), fds);
}

Test(names, of_something_else)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *name = own_name("else");
	struct bbq_segment *segment;
	int fd;

	cr_assert_eq(mkdir(path_of(name), 0700), 0);
	is_refused(name);
	cr_assert_eq(rmdir(path_of(name)), 0);

	cr_assert_eq(mkfifo(path_of(name), 0600), 0);
	is_refused(name);
	is(0, bbq_segment_unlink(name));

	strcpy(address.sun_path, path_of(name));
	cr_assert_eq(bind(sock, (void *)&address, sizeof(address)), 0);
	is_refused(name);
	is(0, bbq_segment_unlink(name));

	fd = open(path_of(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	is_refused(name); /* an empty file */
	cr_assert_eq(write(fd, "libbbq\r\n", 8), 8);
	is_refused(name); /* a short one */
	cr_assert_eq(ftruncate(fd, 4 * sysconf(_SC_PAGESIZE)), 0);
	is_refused(name); /* the right size, half a header */
	is(0, bbq_segment_unlink(name));
	(void)segment;
}

/* A link is not followed, even to a good segment. */
Test(names, link_to_a_segment)
{
	struct bbq_segment *segment;
	char target[64];
	const char *name;

	strcpy(target, own_name("target"));
	is(0, bbq_segment_create_named(target, &small, &segment));
	name = own_name("link");
	cr_assert_eq(symlink(target + 1, path_of(name)), 0);
	is_refused(name);
	is(0, bbq_segment_unlink(name));
	is(0, bbq_segment_unlink(target));
	bbq_segment_close(segment);
}

/* A named file is cut off: seen at the next attach, before it is mapped. */
Test(names, cut_off)
{
	struct bbq_segment *segment;
	const char *name = own_name("cut");

	is(0, bbq_segment_create_named(name, &small, &segment));
	bbq_segment_close(segment);
	cr_assert_eq(truncate(path_of(name), sysconf(_SC_PAGESIZE)), 0);
	is_refused(name);
	is(0, bbq_segment_unlink(name));
}

/*
 * One process makes and removes a name in a loop, another opens it in a loop.
 * The opener sees it whole or not at all: never -EPROTO, and in every segment
 * that it gets both roles open.
 */
Test(names, appear_complete_or_not_at_all)
{
	struct bbq_segment *segment;
	size_t opened = 0, missed = 0;
	struct peer peer;
	const char *name = own_name("flicker");
	char *argv[] = { (char *)FLICKER, (char *)name, NULL };

	cr_assert_eq(peer_spawn(&peer, -1, argv), 0);
	peer_await(&peer);
	while (opened < 2000) {
		int error = bbq_segment_open(name, &segment);

		if (error) {
			cr_assert_eq(error, -ENOENT);
			cr_assert_lt(++missed, 100000000);
			continue;
		}
		cr_assert_eq(bbq_segment_capacity(segment), 5000);
		cr_assert_eq(bbq_segment_frame_align(segment), 64);
		cr_assert_eq(bbq_segment_fill(segment), 0);
		bbq_segment_close(segment);
		opened++;
	}
	peer_go(&peer);
	peer_done(&peer);
	cr_assert_eq(own_names(), 0);
}

/* A maker that is killed at any moment leaves no name, or a whole segment. */
Test(names, killed_makers)
{
	const char *name = own_name("killed");
	char *argv[] = { (char *)FLICKER, (char *)name, NULL };

	for (unsigned int i = 0; i < 50; i++) {
		struct bbq_segment *segment;
		struct peer peer;
		int error;

		cr_assert_eq(peer_spawn(&peer, -1, argv), 0);
		peer_await(&peer);
		usleep(i * 37 % 500);
		peer_kill(&peer);
		error = bbq_segment_open(name, &segment);
		cr_assert(error == 0 || error == -ENOENT);
		if (!error) {
			is(0, bbq_segment_retire(segment));
			bbq_segment_close(segment);
		}
		cr_assert_eq(own_names(), 0);
	}
}
