/* SPDX-License-Identifier: MIT */
/*
 * segment.c - making, opening and closing segments
 *
 * A segment is made in a file that nobody else can see or that is locked at
 * the gate: sized, its memory reserved, sealed where it can be, its header
 * written. Only then does it get its name. So it is seen whole or not at all,
 * and a maker that dies leaves nothing behind.
 *
 * An opener copies the header, checks the copy, and uses nothing else of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define SHM_DIR "/dev/shm"
#define FD_PATH_SIZE (sizeof("/proc/self/fd/") + 3 * sizeof(int))

/* Nobody may change the size, nor keep others from mapping it for writing. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Map all of fd by a checked header. Takes over fd, also on failure. */
static int segment_map(int fd, const char *name,
		       const struct bbq_header *header,
		       struct bbq_segment **ret)
{
	struct bbq_segment *segment = NULL;
	unsigned char *map = MAP_FAILED;
	int error = -ENOMEM;

	if (header->size > PTRDIFF_MAX)
		goto fail;
	map = mmap(NULL, (size_t)header->size, PROT_READ | PROT_WRITE,
		   MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		error = -errno;
		goto fail;
	}
	segment = calloc(1, sizeof(*segment));
	if (!segment)
		goto fail;
	segment->fd = fd;
	segment->mode = (enum bbq_mode)header->mode;
	segment->frame_align = header->frame_align;
	segment->capacity = (size_t)header->capacity;
	segment->size = (size_t)header->size;
	segment->map = map;
	segment->producer = (void *)(map + header->producer_offset);
	segment->consumer = (void *)(map + header->consumer_offset);
	segment->data = map + header->data_offset;
	if (name)
		memcpy(segment->name, name, strlen(name) + 1);
	*ret = segment;
	return 0;
fail:
	if (map != MAP_FAILED)
		munmap(map, (size_t)header->size);
	close(fd);
	return error;
}

/* ---- making ------------------------------------------------------------ */

/* Past RLIMIT_FSIZE the kernel would send SIGXFSZ, which kills. */
static int check_file_limit(uint64_t size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur)
		return -EFBIG;
	return 0;
}

int bbq_file_reserve(int fd, uint64_t size)
{
	int error = check_file_limit(size);

	if (error)
		return error;
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	do {
		error = fallocate(fd, 0, 0, (off_t)size) < 0 ? -errno : 0;
	} while (error == -EINTR);
	return error;
}

/* Lay the segment out in fd. */
static int format(int fd, const struct bbq_header *header)
{
	int error = bbq_file_reserve(fd, header->size);
	ssize_t n;

	if (error)
		return error;
	n = pwrite(fd, header, sizeof(*header), 0);
	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(*header) ? 0 : -ENOSPC;
}

int bbq_segment_create(const struct bbq_config *config,
		       struct bbq_segment **ret)
{
	struct bbq_header header = { .size = 0 };
	int fd, error;

	error = bbq_header_from_config(config, &header);
	if (error)
		return error;
	if (!ret)
		return -EINVAL;
	fd = memfd_create("bbq", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	error = format(fd, &header);
	if (!error && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		error = -errno;
	if (error) {
		close(fd);
		return error;
	}
	return segment_map(fd, NULL, &header, ret);
}

/* name as a path in SHM_DIR. */
static int name_path(const char *name, char path[PATH_MAX])
{
	if (!name || name[0] != '/' || name[1] == '\0' ||
	    strchr(name + 1, '/') || strcmp(name, "/.") == 0 ||
	    strcmp(name, "/..") == 0)
		return -EINVAL;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(path, PATH_MAX, SHM_DIR "%s", name);
	return 0;
}

static int link_fd(int fd, const char *path)
{
	char own[FD_PATH_SIZE];

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

int bbq_segment_create_named(const char *name, const struct bbq_config *config,
			     struct bbq_segment **ret)
{
	struct bbq_header header = { .size = 0 };
	struct bbq_segment *segment = NULL;
	char path[PATH_MAX];
	int fd, error;

	error = bbq_header_from_config(config, &header);
	if (!error)
		error = name_path(name, path);
	if (error)
		return error;
	if (!ret)
		return -EINVAL;
	/* Made nameless, so that a maker that dies leaves nothing. */
	fd = open(SHM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = format(fd, &header);
	if (error) {
		close(fd);
		return error;
	}
	error = segment_map(fd, name, &header, &segment);
	if (error)
		return error;
	error = link_fd(fd, path);
	if (error) {
		bbq_segment_close(segment);
		return error;
	}
	*ret = segment;
	return 0;
}

/* Behind the gate: lay the segment out in fd, if that is empty. */
static int format_empty(int fd, const struct bbq_header *header)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	int error;

	if (seals < 0)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != 0)
		return -EEXIST;
	if (seals & (F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_WRITE))
		return -EPERM;
	error = format(fd, header);
	if (!error && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		error = -errno;
	/* Half a segment would keep the next maker out. */
	if (error && ftruncate(fd, 0) < 0)
		return -errno;
	return error;
}

int bbq_segment_create_fd(int fd, const struct bbq_config *config,
			  struct bbq_segment **ret)
{
	struct bbq_header header = { .size = 0 };
	int own = -1;
	int error;

	error = bbq_header_from_config(config, &header);
	if (error)
		return error;
	if (!ret)
		return -EINVAL;
	error = bbq_lock_reopen(fd, &own);
	if (error)
		return error;
	error = bbq_gate_enter(own);
	if (!error) {
		error = format_empty(own, &header);
		bbq_gate_leave(own);
	}
	if (error) {
		close(own);
		return error;
	}
	return segment_map(own, NULL, &header, ret);
}

/* ---- opening ----------------------------------------------------------- */

static bool is_memfd(int fd)
{
	char own[FD_PATH_SIZE], target[sizeof("/memfd:")];
	ssize_t n;

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	n = readlink(own, target, sizeof(target));
	return n >= 7 && memcmp(target, "/memfd:", 7) == 0;
}

/* A memfd must be sealed in size; a named file cannot be. */
static bool seals_possible(int fd)
{
	const int need = F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);

	return !is_memfd(fd) || (seals >= 0 && (seals & need) == need);
}

static int read_header(int fd, struct bbq_header *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !seals_possible(fd) ||
	    pread(fd, ret, sizeof(*ret), 0) != sizeof(*ret) ||
	    !bbq_header_possible(ret) || (uint64_t)st.st_size != ret->size)
		return -EPROTO;
	return 0;
}

/* Open by a description of our own, which is taken over. */
static int segment_open(int fd, const char *name, struct bbq_segment **ret)
{
	struct bbq_header header = { .size = 0 };
	int error = bbq_gate_enter(fd);

	/* Behind the gate: an fd may just be in the making. */
	if (!error) {
		error = read_header(fd, &header);
		bbq_gate_leave(fd);
	}
	if (error) {
		close(fd);
		return error;
	}
	return segment_map(fd, name, &header, ret);
}

int bbq_segment_open(const char *name, struct bbq_segment **ret)
{
	char path[PATH_MAX];
	int fd, error;

	error = name_path(name, path);
	if (error)
		return error;
	if (!ret)
		return -EINVAL;
	fd = open(path,
		  O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO
			       ? -EPROTO
			       : -errno;
	return segment_open(fd, name, ret);
}

int bbq_segment_attach(int fd, struct bbq_segment **ret)
{
	struct stat st;
	int own = -1;
	int error;

	if (!ret)
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPROTO;
	error = bbq_lock_reopen(fd, &own);
	if (error)
		return error;
	return segment_open(own, NULL, ret);
}

void bbq_segment_close(struct bbq_segment *segment)
{
	if (!segment)
		return;
	munmap(segment->map, segment->size);
	close(segment->fd);
	if (bbq_is_sealed(segment))
		bbq_sealed_close(segment);
	free(segment);
}

int bbq_segment_unlink(const char *name)
{
	char path[PATH_MAX];
	int error = name_path(name, path);

	if (error)
		return error;
	return unlink(path) < 0 ? -errno : 0;
}

/* ---- asking ------------------------------------------------------------ */

int bbq_segment_fd(const struct bbq_segment *segment)
{
	return segment ? segment->fd : -EINVAL;
}

size_t bbq_segment_capacity(const struct bbq_segment *segment)
{
	return segment ? segment->capacity : 0;
}

enum bbq_mode bbq_segment_mode(const struct bbq_segment *segment)
{
	return segment ? segment->mode : BBQ_MODE_BYTES;
}

size_t bbq_segment_frame_align(const struct bbq_segment *segment)
{
	return segment ? segment->frame_align : 0;
}

void *bbq_segment_data(const struct bbq_segment *segment)
{
	return segment ? segment->data : NULL;
}

static int populate(void *from, const void *to, bool writable)
{
	size_t size = (size_t)((const char *)to - (char *)from);

	return madvise(from, size,
		       writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) < 0
		       ? -errno
		       : 0;
}

/* The peer's half of a sealed segment can only be read. */
int bbq_segment_prefault(struct bbq_segment *segment)
{
	int error;

	if (!segment)
		return -EINVAL;
	error = populate(segment->producer, segment->consumer,
			 segment->role != BBQ_LOCK_CONSUMER);
	if (error)
		return error;
	error = populate(segment->consumer, segment->data,
			 segment->role != BBQ_LOCK_PRODUCER);
	if (error)
		return error;
	return populate(segment->data, segment->map + segment->size,
			segment->role != BBQ_LOCK_CONSUMER);
}

/* The three words are not of one moment: the result is clamped. */
size_t bbq_segment_fill(const struct bbq_segment *segment)
{
	bbq_word read, write, last;
	size_t fill;

	if (!segment)
		return 0;
	read = bbq_load_acquire_(&segment->consumer->words.read);
	write = bbq_load_acquire_(&segment->producer->words.write);
	last = bbq_load_relaxed_(&segment->producer->words.last);
	fill = bbq_first_len_(read, write, last) + bbq_second_len_(read, write);
	return fill < segment->capacity ? fill : segment->capacity;
}

int bbq_segment_has_name(const struct bbq_segment *segment)
{
	struct stat st;

	return segment && fstat(segment->fd, &st) == 0 && st.st_nlink > 0;
}
