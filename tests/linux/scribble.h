/* SPDX-License-Identifier: MIT */
/*
 * scribble.h - a peer that writes what it likes; see scribbler.c
 *
 * It plays its role as it should for a while, so that there is something to
 * spoil, and then writes into all that it can map, as fast as it can: anything;
 * cursors that are nearly right; headers of frames that are nearly right; what
 * was there before. It rings, takes and drops the locks, and never stops.
 */
#ifndef TESTS_LINUX_SCRIBBLE_H
#define TESTS_LINUX_SCRIBBLE_H

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bbq/bbq.h>

/* What the scribbler may write, and where it finds its victim. */
struct scene {
	unsigned char *map; /* of header, pages and data, at the usual places */
	size_t page;
	size_t capacity;
	enum bbq_mode mode;
	size_t frame_align;
	bool sealed;   /* the rest is the victim's alone */
	bool header;   /* it may write this, ... */
	bool producer; /* ... the producer's page and the data, ... */
	bool consumer; /* ... the consumer's page */
	bool sends;    /* its role when it plays along */
	int lock_fd;   /* to take and drop locks with; -1: none */
};

/* ---- chance ------------------------------------------------------------ */

static uint64_t chance_state = 1;

static inline uint64_t draw(void)
{
	uint64_t z = chance_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Below limit, which is not 0. */
static inline uint64_t below(uint64_t limit)
{
	return draw() % limit;
}

static inline bool one_in(uint64_t n)
{
	return below(n) == 0;
}

/* ---- what there is to write -------------------------------------------- */

static inline uint64_t *word_at(const struct scene *scene, size_t offset)
{
	return (uint64_t *)(void *)(scene->map + offset);
}

static inline struct bbq_producer_page *
scene_producer(const struct scene *scene)
{
	return (void *)(scene->map + scene->page);
}

static inline struct bbq_consumer_page *
scene_consumer(const struct scene *scene)
{
	return (void *)(scene->map + 2 * scene->page);
}

static inline unsigned char *scene_data(const struct scene *scene)
{
	return scene->map + 3 * scene->page;
}

static inline void put(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t look(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* A part that may be written: its offset, and *ret_size bytes. */
static inline size_t some_part(const struct scene *scene, size_t *ret_size)
{
	for (;;) {
		size_t part = below(4);

		*ret_size = scene->page;
		if (part == 0 && scene->header)
			return 0;
		if (part == 1 && scene->producer)
			return scene->page;
		if (part == 2 && scene->consumer)
			return 2 * scene->page;
		*ret_size = scene->capacity & ~(size_t)7;
		if (part == 3 && scene->producer && *ret_size > 0)
			return 3 * scene->page;
	}
}

/* ---- kinds of scribbling ----------------------------------------------- */

/* Anything, anywhere; where something is more often. */
static inline void scribble_random(const struct scene *scene)
{
	size_t size, from = some_part(scene, &size);
	size_t span = one_in(2) && size > 1024 ? 1024 : size;
	uint64_t value = draw() >> below(64);

	put(word_at(scene, from + below(span / 8) * 8),
	    one_in(3) ? 0 - value : value);
}

/* A cursor, a lap or a step or nothing away from one that is right. */
static inline uint64_t near_cursor(const struct scene *scene)
{
	const uint64_t offsets[] = {
		0, 1, scene->capacity - 1, scene->capacity, scene->capacity + 1,
	};
	uint64_t base = one_in(2) ? look(&scene_producer(scene)->words.write)
				  : look(&scene_consumer(scene)->words.read);
	uint64_t lap = (base >> 32) + below(4) - (one_in(2) ? 1 : 0);
	uint64_t offset = base & UINT32_MAX;

	if (one_in(3))
		offset = offsets[below(5)];
	else if (one_in(2))
		offset = offset + below(17) - 8;
	else if (one_in(2))
		offset = below(scene->capacity + 1);
	return lap << 32 | (offset & UINT32_MAX);
}

static inline void scribble_cursor(const struct scene *scene)
{
	uint64_t cursor = near_cursor(scene);

	if (scene->consumer && (one_in(2) || !scene->producer))
		put(&scene_consumer(scene)->words.read, cursor);
	else if (one_in(3))
		put(&scene_producer(scene)->words.last, cursor & UINT32_MAX);
	else
		put(&scene_producer(scene)->words.write, cursor);
}

/*
 * The header of the frame that is read next: mostly one that can be, so that
 * the reader gets past it, or one as long as can be, or longer.
 */
static inline void scribble_frame(const struct scene *scene)
{
	uint64_t read = look(&scene_consumer(scene)->words.read) & UINT32_MAX;
	unsigned char header[BBQ_FRAME_HEADER_MAX];
	size_t left, size, len;

	if (!scene->producer || read >= scene->capacity)
		return;
	left = scene->capacity - (size_t)read;
	len = below(left);
	if (one_in(16))
		len = one_in(2) ? left + below(9) - 8
				: (size_t)(draw() >> below(64));
	size = bbq_frame_header_size(len);
	if (size < BBQ_FRAME_HEADER_MAX)
		size += below(2);
	bbq_frame_header_encode(header, size, len);
	for (size_t i = 0; i < size && i < left; i++)
		__atomic_store_n(scene_data(scene) + read + i, header[i],
				 __ATOMIC_RELAXED);
}

static inline void ring(const struct scene *scene)
{
	struct bbq_side *side =
		scene->producer && (one_in(2) || !scene->consumer)
			? &scene_producer(scene)->side
			: &scene_consumer(scene)->side;

	__atomic_store_n(&side->bell, (uint32_t)draw(), __ATOMIC_RELAXED);
	syscall(SYS_futex, &side->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Waits, states, lives; and wake-ups for nothing. */
static inline void scribble_side(const struct scene *scene)
{
	struct bbq_side *side =
		scene->producer && (one_in(2) || !scene->consumer)
			? &scene_producer(scene)->side
			: &scene_consumer(scene)->side;
	uint32_t *const words[] = { &side->bell, &side->ticket, &side->barrier,
				    &side->state, &side->lives };

	__atomic_store_n(words[below(5)],
			 (uint32_t)(one_in(2) ? below(4) : draw()),
			 __ATOMIC_RELAXED);
	if (one_in(8))
		ring(scene);
}

/* What was there some time ago comes again. */
static inline void scribble_replay(const struct scene *scene)
{
	static unsigned char before[1024];
	static size_t from, size;

	if (size > 0 && one_in(2)) {
		for (size_t i = 0; i < size; i += 8) {
			uint64_t word;

			memcpy(&word, before + i, 8);
			put(word_at(scene, from + i), word);
		}
	} else {
		from = some_part(scene, &size);
		size = size < sizeof(before) ? size : sizeof(before);
		for (size_t i = 0; i < size; i += 8) {
			uint64_t word = look(word_at(scene, from + i));

			memcpy(before + i, &word, 8);
		}
	}
}

/* Come and go, as far as anybody can tell by the locks. */
static inline void scribble_locks(const struct scene *scene)
{
	struct flock lock = {
		.l_type = one_in(2) ? F_WRLCK : F_UNLCK,
		.l_start = (off_t)below(3),
		.l_len = 1,
	};

	if (scene->lock_fd >= 0)
		fcntl(scene->lock_fd, F_OFD_SETLK, &lock);
}

/* What a sealed half must not let through; what succeeds is made use of. */
static inline void attack(const struct scene *scene)
{
	size_t size = 3 * scene->page + scene->capacity;
	unsigned char *half =
		scene->map + (scene->producer ? 2 : 1) * scene->page;
	char path[32];
	int fd, again;

	if (mprotect(half, scene->page, PROT_READ | PROT_WRITE) == 0)
		memset(half, 0x5a, scene->page);
	if (!scene->producer &&
	    mprotect(scene_data(scene), 1, PROT_READ | PROT_WRITE) == 0)
		scene_data(scene)[0] ^= 1;
	/* Every memfd that there is, the one that was passed among them. */
	for (fd = 3; fd < 32; fd++) {
		void *map;

		if (fcntl(fd, F_GET_SEALS) < 0)
			continue;
		if (pwrite(fd, "scribble", 8, 0) == 8 || ftruncate(fd, 0) == 0)
			continue;
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			  (off_t)size);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		map = mmap(NULL, scene->page, PROT_READ | PROT_WRITE,
			   MAP_SHARED, again >= 0 ? again : fd, 0);
		if (map != MAP_FAILED) {
			memset(map, 0x5a, scene->page);
			munmap(map, scene->page);
		}
		if (again >= 0)
			close(again);
	}
}

/* ---- playing along ----------------------------------------------------- */

static inline void play_producer(struct bbq_producer *p, enum bbq_mode mode)
{
	struct bbq_span span;
	size_t len = 1 + below(100);

	if (mode == BBQ_MODE_FRAMES) {
		if (bbq_frame_grant(p, len, &span) == 0) {
			memset(span.data, (int)len, len);
			bbq_frame_commit(p, below(len + 1));
		}
	} else if (bbq_grant_range(p, 1, len, &span) == 0) {
		memset(span.data, (int)len, span.len);
		bbq_commit(p, span.len);
	}
}

static inline void play_consumer(struct bbq_consumer *c)
{
	struct bbq_view views[2];

	if (bbq_read_split(c, views) == 0)
		bbq_release(c, views[0].len);
}

/* As an honest peer would, from the words as they are, if that is possible. */
static inline void play(const struct scene *scene, unsigned int steps)
{
	struct bbq_producer p = { .open = BBQ_OPEN_NONE };
	struct bbq_consumer c = { .open = BBQ_OPEN_NONE };

	if (scene->sends
		    ? bbq_producer_attach(&p, &scene_producer(scene)->words,
					  &scene_consumer(scene)->words,
					  scene_data(scene), scene->capacity)
		    : bbq_consumer_attach(&c, &scene_consumer(scene)->words,
					  &scene_producer(scene)->words,
					  scene_data(scene), scene->capacity))
		return;
	if (scene->sends && scene->mode == BBQ_MODE_FRAMES)
		bbq_producer_frame_align(&p, scene->frame_align);
	while (steps-- > 0) {
		if (scene->sends)
			play_producer(&p, scene->mode);
		else
			play_consumer(&c);
		if (one_in(4))
			ring(scene);
	}
}

/*
 * A word that is as it should be, but for moments: whoever checks it and then
 * loads it again may find something else.
 */
static inline void flicker(const struct scene *scene)
{
	uint64_t *cursor = scene->sends ? &scene_producer(scene)->words.write
					: &scene_consumer(scene)->words.read;
	uint64_t right = look(cursor);
	bool frames = scene->mode == BBQ_MODE_FRAMES && one_in(2);

	for (int n = 0; n < 20000; n++) {
		if (frames)
			scribble_frame(scene);
		else
			put(cursor, one_in(16) ? near_cursor(scene) : right);
	}
	if (!frames)
		put(cursor, right);
}

/* Words that a queue can have, at some offset; so that it begins anew. */
static inline void mend(const struct scene *scene)
{
	uint64_t cursor = draw() % 3 << 32 | below(scene->capacity);

	if (scene->producer && scene->consumer) {
		put(&scene_producer(scene)->words.last, scene->capacity);
		put(&scene_producer(scene)->words.write, cursor);
		put(&scene_consumer(scene)->words.read, cursor);
	} else if (scene->producer) {
		put(&scene_producer(scene)->words.write,
		    look(&scene_consumer(scene)->words.read));
	} else {
		put(&scene_consumer(scene)->words.read,
		    look(&scene_producer(scene)->words.write));
	}
}

/* Until it is killed. */
static _Noreturn inline void scribble(const struct scene *scene)
{
	void (*const kinds[])(const struct scene *) = {
		scribble_random, scribble_cursor, scribble_cursor,
		scribble_frame,	 scribble_frame,  scribble_side,
		scribble_replay,
	};

	for (;;) {
		void (*kind)(const struct scene *) = kinds[below(7)];

		mend(scene);
		play(scene, (unsigned int)below(1000));
		if (one_in(100))
			scribble_locks(scene);
		if (scene->sealed && one_in(20))
			attack(scene);
		if (one_in(2))
			flicker(scene);
		/* One lie, or many; of one kind, or of all. */
		for (uint64_t n = one_in(2) ? 1 : below(100); n > 0; n--)
			(one_in(4) ? kinds[below(7)] : kind)(scene);
	}
}

#endif /* TESTS_LINUX_SCRIBBLE_H */
