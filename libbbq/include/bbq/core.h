/* SPDX-License-Identifier: MIT */
/*
 * bbq/core.h - the BBBuffer: grant, commit, read, release
 *
 * A single-producer single-consumer byte queue that hands out contiguous
 * memory instead of copying. Header-only and freestanding: no heap, no libc,
 * no OS, no compare-and-swap. Copy this file into firmware and it works.
 *
 * Three words are shared, each written by one side only:
 *
 *     write   producer   (lap, offset) of the next byte to publish
 *     last    producer   watermark: where data ends in the lap left behind
 *     read    consumer   (lap, offset) of the next byte to consume
 *
 * A cursor is one word, the lap in its high half and the offset in its low
 * half, so "who is ahead" is never a guess. With N bytes of capacity:
 *
 *     same lap (write.lap == read.lap)
 *
 *         0          read            write            N
 *         |   free    |###readable####|     free      |
 *            head                           tail
 *
 *     inverted (write.lap == read.lap + 1)
 *
 *         0          write           read       last  N
 *         |#readable##|      free     |#readable#| -- |
 *           second part                 first part
 *
 * Memory order. Who stores and loads what, and why each order is needed:
 *
 *     producer                          consumer
 *       fill the granted bytes            load write            (B) acquire
 *       store last, if it wraps (E)       load last             (F) relaxed
 *       store write   (A) release         use the bytes
 *       load read     (D) acquire         store read            (C) release
 *
 *     (A) pairs with (B): if either were missing, the consumer could see the
 *         new cursor and still the old bytes, or the old watermark, under it.
 *     (C) pairs with (D): if either were missing, the producer could write
 *         into bytes that the consumer has not finished loading.
 *     (E), (F) are relaxed: `last` travels under `write`. It is stored before
 *         (A), is looked at only after (B) showed the lap that (A) opened,
 *         and is not stored again before (D) showed that the consumer left
 *         the lap that it belongs to.
 *     Loads of a side's own words, at attach only, are relaxed: nobody else
 *         stores them. Whoever takes over a side from another thread or
 *         process must be ordered after it by other means (a lock, a join).
 *
 * Each side keeps the truth about its own cursor and a copy of the peer's in
 * a private handle. A stale copy is safe because cursors only move forward:
 * it shows less room, or less data, than there is.
 *
 * The peer is not trusted. A loaded cursor is checked once, in registers,
 * before any use: it must lie between the last one seen and the furthest that
 * the own cursor permits. Own words are never read back. A peer that breaks
 * the rules costs this handle its life (-EBADMSG), never an access outside
 * the buffer.
 *
 * All functions return 0 or a negative errno value and leave out parameters
 * alone on failure. All of them are wait-free, make no system call, and may
 * be called from an interrupt or signal handler as long as one handle is only
 * used by one context at a time. Lengths and capacities are in bytes.
 *
 * Errors, wherever the function does not say more:
 *     -EINVAL    a null pointer, a zero or a length that is not allowed, or
 *                nothing open to end; nothing has changed
 *     -EBUSY     a grant (or a read) of this handle is still open
 *     -EAGAIN    not now: no room, or nothing to read
 *     -EMSGSIZE  never: more than this queue can ever hold
 *     -EBADMSG   the peer's words are impossible; the handle is dead from
 *                here on, and touches nothing any more
 */
#ifndef BBQ_CORE_H
#define BBQ_CORE_H

#include <stddef.h>
#include <stdint.h>

/* Firmware may have no <errno.h>; these are Linux's values. */
#if defined(__has_include)
#if __has_include(<errno.h>)
#include <errno.h>
#endif
#endif
#ifndef EAGAIN
#define EAGAIN 11
#endif
#ifndef EBUSY
#define EBUSY 16
#endif
#ifndef EINVAL
#define EINVAL 22
#endif
#ifndef EBADMSG
#define EBADMSG 74
#endif
#ifndef EMSGSIZE
#define EMSGSIZE 90
#endif

/*
 * Bits of a shared word: half for the lap, half for the offset. 64 gives
 * capacities up to 4 GiB - 1, 32 up to 65535 bytes. Both sides must agree.
 */
#ifndef BBQ_WORD_BITS
#if UINTPTR_MAX > 0xffffffffu || defined(__linux__)
#define BBQ_WORD_BITS 64
#else
#define BBQ_WORD_BITS 32
#endif
#endif

#if BBQ_WORD_BITS == 64
/* i386 would align it to 4, and a segment is shared with x86-64. */
typedef uint64_t bbq_word __attribute__((aligned(8)));
#elif BBQ_WORD_BITS == 32
typedef uint32_t bbq_word;
#else
#error "BBQ_WORD_BITS must be 32 or 64"
#endif

/*
 * What one side writes keeps this distance from what the other writes, so
 * that the two do not pull one cache line back and forth: two lines of 64
 * bytes, because adjacent lines are prefetched in pairs. Cores without a data
 * cache need no distance and set it to sizeof(bbq_word), the default for 32.
 */
#ifndef BBQ_LINE_SIZE
#if BBQ_WORD_BITS == 64
#define BBQ_LINE_SIZE 128
#else
#define BBQ_LINE_SIZE 4
#endif
#endif

/* The library redefines this to export every function below for FFI. */
#ifndef BBQ_INLINE
#define BBQ_INLINE static inline
#endif

/*
 * Off the fast path: what calls it is laid out as if it seldom did. Out of
 * line, so that it takes no registers there; but at -Os bytes count for more.
 */
#ifdef __OPTIMIZE_SIZE__
#define BBQ_COLD static inline __attribute__((cold))
#else
#define BBQ_COLD static __attribute__((cold, noinline, unused))
#endif

#define BBQ_HALF_BITS (BBQ_WORD_BITS / 2)
#define BBQ_ONE_LAP ((bbq_word)1 << BBQ_HALF_BITS)
#define BBQ_OFFSET_MASK (BBQ_ONE_LAP - 1)
#if PTRDIFF_MAX < 0xffff || (BBQ_WORD_BITS == 64 && PTRDIFF_MAX < 0xffffffff)
#define BBQ_CAPACITY_MAX ((size_t)PTRDIFF_MAX)
#else
#define BBQ_CAPACITY_MAX BBQ_OFFSET_MASK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Memory that a grant lets the producer write. */
struct bbq_span {
	void *data;
	size_t len;
};

/* Memory that a read lets the consumer look at. */
struct bbq_view {
	const void *data;
	size_t len;
};

/* What the producer writes. All zero is a valid empty queue. */
struct bbq_producer_words {
	bbq_word write;
	bbq_word last;
} __attribute__((aligned(BBQ_LINE_SIZE)));

/* What the consumer writes. All zero is a valid empty queue. */
struct bbq_consumer_words {
	bbq_word read;
} __attribute__((aligned(BBQ_LINE_SIZE)));

/* The two side by side, for static and in-process queues. */
struct bbq_buffer {
	struct bbq_producer_words producer;
	struct bbq_consumer_words consumer;
};

/* What a handle is in the middle of. */
enum bbq_open {
	BBQ_OPEN_NONE,
	BBQ_OPEN_BYTES,
	BBQ_OPEN_FRAME,
	BBQ_OPEN_BROKEN, /* for good: the peer broke the rules */
};

/*
 * The producer's private handle: a plain value, never shared. Lose it in the
 * middle of a grant and the queue is as if the grant had not been taken.
 */
struct bbq_producer {
	struct bbq_producer_words *own;
	const struct bbq_consumer_words *peer;
	unsigned char *data;
	size_t capacity;
	bbq_word write; /* as stored in own */
	bbq_word last;	/* as stored in own */
	bbq_word read;	/* the peer's, as last loaded and checked */
	size_t start;	/* the open grant: offset ... */
	size_t len;	/* ... and bytes not yet committed */
	size_t frame_align;
	size_t frame_header;  /* the open frame: bytes of header ... */
	size_t frame_payload; /* ... and from there to the payload */
	enum bbq_open open;
};

/* The consumer's private handle, likewise. */
struct bbq_consumer {
	struct bbq_consumer_words *own;
	const struct bbq_producer_words *peer;
	const unsigned char *data;
	size_t capacity;
	bbq_word read;	/* as stored in own */
	bbq_word write; /* the peer's, as last loaded and checked */
	bbq_word last;	/* the peer's, valid while inverted */
	size_t len;	/* the open read: bytes of this lap not released ... */
	size_t second;	/* ... and of the next, after a split read */
	size_t frame_align;
	enum bbq_open open;
};

/*
 * The only accesses to shared words. A checker may bring its own: define
 * BBQ_OWN_ACCESS and declare these before this file is included.
 */
#ifndef BBQ_OWN_ACCESS
static inline bbq_word bbq_load_acquire_(const bbq_word *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline bbq_word bbq_load_relaxed_(const bbq_word *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void bbq_store_release_(bbq_word *word, bbq_word value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void bbq_store_relaxed_(bbq_word *word, bbq_word value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}
#endif

static inline size_t bbq_offset_(bbq_word cursor)
{
	return (size_t)(cursor & BBQ_OFFSET_MASK);
}

/* Where the lap after that of cursor begins; the lap wraps round at 2^half. */
static inline bbq_word bbq_next_lap_(bbq_word cursor)
{
	return (cursor & ~BBQ_OFFSET_MASK) + BBQ_ONE_LAP;
}

static inline int bbq_same_lap_(bbq_word a, bbq_word b)
{
	return (a >> BBQ_HALF_BITS) == (b >> BBQ_HALF_BITS);
}

/*
 * Could an honest consumer have moved from old to read, with the producer at
 * write? Cursors are ordered by lap, then offset, and so are the words as
 * numbers modulo their size: one subtraction says that read is neither behind
 * old nor ahead of write. In the lap left behind, data ends at last.
 */
static inline int bbq_read_possible_(bbq_word write, bbq_word last,
				     bbq_word old, bbq_word read)
{
	return (bbq_word)(write - read) <= (bbq_word)(write - old) &&
	       (bbq_same_lap_(write, read) ||
		(last > 0 && bbq_offset_(read) <= bbq_offset_(last)));
}

/*
 * Could an honest producer have moved from old to write, with the consumer at
 * read? It may go round to read's offset in the next lap, and no further.
 */
static inline int bbq_write_possible_(size_t capacity, bbq_word read,
				      bbq_word old, bbq_word write)
{
	return (bbq_word)(write - old) <=
		       (bbq_word)(read + BBQ_ONE_LAP - old) &&
	       bbq_offset_(write) <= capacity;
}

/*
 * Is the watermark between the furthest byte seen in its lap and the end? A
 * lap of no bytes is never left: what fits nowhere in it fits nowhere.
 */
static inline int bbq_last_possible_(size_t capacity, bbq_word seen,
				     bbq_word last)
{
	return last <= capacity && last > 0 && last >= bbq_offset_(seen);
}

static inline int bbq_capacity_possible_(size_t capacity)
{
	return capacity > 0 && capacity <= BBQ_CAPACITY_MAX;
}

/* The error for a call that does not fit what the handle has open. */
static inline int bbq_misfit_(enum bbq_open open, int error)
{
	return open == BBQ_OPEN_BROKEN ? -EBADMSG : error;
}

/*
 * Make *producer the producer of the queue whose words are *own and *peer and
 * whose bytes are data[0, capacity). It goes on from the words as they are;
 * all zero is an empty queue. The caller keeps the memory, which must outlive
 * the handle, and sees to it that there is one producer at a time. Frames are
 * unaligned until bbq_producer_frame_align (frame.h) says otherwise.
 *
 * -EINVAL   null, or capacity is 0 or more than BBQ_CAPACITY_MAX
 * -EBADMSG  words that no queue of that capacity can have
 */
BBQ_INLINE int bbq_producer_attach(struct bbq_producer *producer,
				   struct bbq_producer_words *own,
				   const struct bbq_consumer_words *peer,
				   void *data, size_t capacity)
{
	bbq_word write, last, read;

	if (!producer || !own || !peer || !data ||
	    !bbq_capacity_possible_(capacity))
		return -EINVAL;
	/* Relaxed: only this side stores its words. */
	write = bbq_load_relaxed_(&own->write);
	last = bbq_load_relaxed_(&own->last);
	read = bbq_load_acquire_(&peer->read); /* D, pairs with C */
	if (bbq_offset_(write) > capacity || last > capacity ||
	    !bbq_read_possible_(write, last, write - BBQ_ONE_LAP, read))
		return -EBADMSG;
	producer->own = own;
	producer->peer = peer;
	producer->data = (unsigned char *)data;
	producer->capacity = capacity;
	producer->write = write;
	producer->last = last;
	producer->read = read;
	producer->start = 0;
	producer->len = 0;
	producer->frame_align = 1;
	producer->frame_header = 0;
	producer->frame_payload = 0;
	producer->open = BBQ_OPEN_NONE;
	return 0;
}

/* The consumer's side of bbq_producer_attach; the same rules and errors. */
BBQ_INLINE int bbq_consumer_attach(struct bbq_consumer *consumer,
				   struct bbq_consumer_words *own,
				   const struct bbq_producer_words *peer,
				   const void *data, size_t capacity)
{
	bbq_word read, write, last;

	if (!consumer || !own || !peer || !data ||
	    !bbq_capacity_possible_(capacity))
		return -EINVAL;
	/* Relaxed: only this side stores its word. */
	read = bbq_load_relaxed_(&own->read);
	write = bbq_load_acquire_(&peer->write); /* B, pairs with A */
	last = bbq_load_relaxed_(&peer->last);	 /* F, travels under write */
	/* In the same lap `last` is a left-over, and may be any offset. */
	if (bbq_offset_(read) > capacity || last > capacity ||
	    !bbq_write_possible_(capacity, read, read, write) ||
	    (!bbq_same_lap_(read, write) &&
	     !bbq_last_possible_(capacity, read, last)))
		return -EBADMSG;
	consumer->own = own;
	consumer->peer = peer;
	consumer->data = (const unsigned char *)data;
	consumer->capacity = capacity;
	consumer->read = read;
	consumer->write = write;
	consumer->last = last;
	consumer->len = 0;
	consumer->second = 0;
	consumer->frame_align = 1;
	consumer->open = BBQ_OPEN_NONE;
	return 0;
}

/* bbq_producer_attach over one bbq_buffer; the same rules and errors. */
BBQ_INLINE int bbq_producer_init(struct bbq_producer *producer,
				 struct bbq_buffer *buffer, void *data,
				 size_t capacity)
{
	if (!buffer)
		return -EINVAL;
	return bbq_producer_attach(producer, &buffer->producer,
				   &buffer->consumer, data, capacity);
}

/* bbq_consumer_attach over one bbq_buffer; the same rules and errors. */
BBQ_INLINE int bbq_consumer_init(struct bbq_consumer *consumer,
				 struct bbq_buffer *buffer, const void *data,
				 size_t capacity)
{
	if (!buffer)
		return -EINVAL;
	return bbq_consumer_attach(consumer, &buffer->consumer,
				   &buffer->producer, data, capacity);
}

/* ---- producer: grant and commit ---------------------------------------- */

/* Load the consumer's cursor. -EBADMSG if it is impossible. */
static inline int bbq_producer_reload_(struct bbq_producer *p)
{
	bbq_word read = bbq_load_acquire_(&p->peer->read); /* D, pairs with C */

	if (!bbq_read_possible_(p->write, p->last, p->read, read)) {
		p->open = BBQ_OPEN_BROKEN;
		return -EBADMSG;
	}
	p->read = read;
	return 0;
}

/* Bytes free from write's offset on. */
static inline size_t bbq_room_at_write_(size_t capacity, bbq_word write,
					bbq_word read)
{
	size_t end = bbq_same_lap_(write, read) ? capacity : bbq_offset_(read);

	return end - bbq_offset_(write);
}

/* Bytes free at the start of the buffer, for a wrapping grant. */
static inline size_t bbq_room_at_head_(bbq_word write, bbq_word read)
{
	return bbq_same_lap_(write, read) ? bbq_offset_(read) : 0;
}

/*
 * What a grant needs: so many bytes if it starts at write's offset, so many if
 * it starts at the head (an aligned frame pads each place differently), and up
 * to extra more in either case.
 */
struct bbq_need {
	size_t here;
	size_t head;
	size_t extra; /* 0 where here and head differ */
};

/* Where a grant goes. len is 0 if there is no room. */
struct bbq_place {
	size_t start;
	size_t len;
};

/* Compares by subtraction only: no sum may overflow, whatever is asked. */
static inline size_t bbq_take_(size_t room, size_t need, size_t extra)
{
	if (need > room)
		return 0;
	return extra <= room - need ? need + extra : room;
}

static inline void bbq_find_place_(size_t capacity, bbq_word write,
				   bbq_word read, const struct bbq_need *need,
				   struct bbq_place *ret)
{
	ret->start = bbq_offset_(write);
	ret->len = bbq_take_(bbq_room_at_write_(capacity, write, read),
			     need->here, need->extra);
	if (ret->len == 0) {
		ret->start = 0;
		ret->len = bbq_take_(bbq_room_at_head_(write, read), need->head,
				     need->extra);
	}
}

static inline void bbq_open_place_(struct bbq_producer *p,
				   const struct bbq_place *place,
				   enum bbq_open open)
{
	p->start = place->start;
	p->len = place->len;
	p->open = open;
}

/*
 * bbq_open_grant_ when the cached cursor did not give all that was asked: look
 * again. Its arguments are numbers, so that the fast path needs no memory.
 */
BBQ_COLD int bbq_open_grant_late_(struct bbq_producer *p, size_t here,
				  size_t head, size_t extra, enum bbq_open open)
{
	struct bbq_need need = { here, head, extra };
	struct bbq_place place;
	int error = bbq_producer_reload_(p);

	if (error)
		return error;
	bbq_find_place_(p->capacity, p->write, p->read, &need, &place);
	if (place.len == 0)
		return -EAGAIN;
	bbq_open_place_(p, &place, open);
	return 0;
}

/* Open a grant for need, of the kind `open`. -EAGAIN, -EBADMSG. */
static inline int bbq_open_grant_(struct bbq_producer *p,
				  const struct bbq_need *need,
				  enum bbq_open open)
{
	struct bbq_place place;

	bbq_find_place_(p->capacity, p->write, p->read, need, &place);
	if (place.len == 0 ||
	    (need->extra && place.len - need->here < need->extra))
		return bbq_open_grant_late_(p, need->here, need->head,
					    need->extra, open);
	bbq_open_place_(p, &place, open);
	return 0;
}

/* Publish the first `used` (> 0) bytes of the open grant. */
static inline void bbq_publish_(struct bbq_producer *p, size_t used)
{
	size_t offset = bbq_offset_(p->write);

	if (p->start == offset) {
		p->write += (bbq_word)used;
	} else {
		/* E: relaxed, travels under write. */
		p->last = (bbq_word)offset;
		bbq_store_relaxed_(&p->own->last, p->last);
		p->write = bbq_next_lap_(p->write) + (bbq_word)used;
	}
	bbq_store_release_(&p->own->write, p->write); /* A, pairs with B */
}

/*
 * Grant between min and max contiguous bytes to write: as many as there are,
 * at the tail if min fit there, else at the head. The memory is the caller's
 * until bbq_commit; nothing is visible to the consumer before that. Its
 * contents are whatever was there.
 *
 * -EINVAL    null, min == 0 or min > max
 * -EBUSY     a grant is open        -EAGAIN   fewer than min bytes are free
 * -EMSGSIZE  min > capacity         -EBADMSG  impossible words
 */
BBQ_INLINE int bbq_grant_range(struct bbq_producer *producer, size_t min,
			       size_t max, struct bbq_span *ret)
{
	struct bbq_need need = { min, min, max - min };
	int error;

	if (!producer || !ret || min == 0 || min > max)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(producer->open, -EBUSY);
	if (min > producer->capacity)
		return -EMSGSIZE;
	error = bbq_open_grant_(producer, &need, BBQ_OPEN_BYTES);
	if (error)
		return error;
	ret->data = producer->data + producer->start;
	ret->len = producer->len;
	return 0;
}

/*
 * Grant exactly len contiguous bytes to write. A refusal changes nothing; see
 * bbq_want for a length that keeps being refused. Errors: bbq_grant_range.
 */
BBQ_INLINE int bbq_grant(struct bbq_producer *producer, size_t len,
			 struct bbq_span *ret)
{
	return bbq_grant_range(producer, len, len, ret);
}

/*
 * Publish the first `used` bytes of the open byte grant and keep the rest
 * granted, even if nothing is left of it: the grant ends with bbq_commit. For
 * io that completes in pieces. What lies before the store of the cursor
 * happens before the consumer's read of it (release/acquire).
 *
 * -EINVAL  null, no byte grant open, or used > what is left of it
 */
BBQ_INLINE int bbq_commit_part(struct bbq_producer *producer, size_t used)
{
	if (!producer)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_BYTES)
		return bbq_misfit_(producer->open, -EINVAL);
	if (used > producer->len)
		return -EINVAL;
	if (used > 0) {
		bbq_publish_(producer, used);
		producer->start += used;
		producer->len -= used;
	}
	return 0;
}

/*
 * Publish the first `used` bytes of the open grant and end it; the rest goes
 * back. used == 0 aborts: no shared word changes, also for a frame grant.
 *
 * -EINVAL  null, no grant open, used > what is left of it, or used > 0 for a
 *          frame grant (that is bbq_frame_commit's)
 */
BBQ_INLINE int bbq_commit(struct bbq_producer *producer, size_t used)
{
	int error;

	if (!producer)
		return -EINVAL;
	if (producer->open == BBQ_OPEN_FRAME && used == 0) {
		producer->open = BBQ_OPEN_NONE;
		return 0;
	}
	error = bbq_commit_part(producer, used);
	if (!error)
		producer->open = BBQ_OPEN_NONE;
	return error;
}

/* bbq_want for bytes and frames; nothing is open, need->head <= capacity. */
static inline int bbq_want_place_(struct bbq_producer *p,
				  const struct bbq_need *need)
{
	struct bbq_place place;
	int error = bbq_producer_reload_(p);

	if (error)
		return error;
	bbq_find_place_(p->capacity, p->write, p->read, need, &place);
	if (place.len != 0 || !bbq_same_lap_(p->write, p->read))
		return 0;
	/* A wrap of no bytes: the consumer steps over and frees the lap. */
	p->last = (bbq_word)bbq_offset_(p->write);
	bbq_store_relaxed_(&p->own->last, p->last); /* E, under write */
	p->write = bbq_next_lap_(p->write);
	bbq_store_release_(&p->own->write, p->write); /* A, pairs with B */
	return 0;
}

/*
 * Say that the caller is going to wait for len bytes. If the tail is too short
 * and the head is not free, the tail is given up now, so that any len up to
 * the capacity is granted once the consumer has drained the queue. Without
 * this, a length over half the capacity can be refused for ever, by an empty
 * queue. Call it after each refusal, before each wait. It may publish; whoever
 * wakes consumers wakes them after it as after a commit.
 *
 * -EINVAL    null or len == 0       -EBUSY    a grant is open
 * -EMSGSIZE  len > capacity         -EBADMSG  impossible words
 */
BBQ_INLINE int bbq_want(struct bbq_producer *producer, size_t len)
{
	struct bbq_need need = { len, len, 0 };

	if (!producer || len == 0)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(producer->open, -EBUSY);
	if (len > producer->capacity)
		return -EMSGSIZE;
	return bbq_want_place_(producer, &need);
}

/* The queue's capacity in bytes; 0 for null. */
BBQ_INLINE size_t bbq_capacity(const struct bbq_producer *producer)
{
	return producer ? producer->capacity : 0;
}

/*
 * The largest contiguous grant, in bytes, that would succeed now if none were
 * open. Only grows until the producer publishes. 0 for null, for a dead
 * handle, and for words that are impossible.
 */
BBQ_INLINE size_t bbq_writable(const struct bbq_producer *producer)
{
	size_t here, head;
	bbq_word read;

	if (!producer || producer->open == BBQ_OPEN_BROKEN)
		return 0;
	read = bbq_load_acquire_(&producer->peer->read); /* D, pairs with C */
	if (!bbq_read_possible_(producer->write, producer->last, producer->read,
				read))
		return 0;
	here = bbq_room_at_write_(producer->capacity, producer->write, read);
	head = bbq_room_at_head_(producer->write, read);
	return here > head ? here : head;
}

/* ---- consumer: read and release ---------------------------------------- */

/*
 * Load and check the producer's words. -EBADMSG if they are impossible, and
 * then nothing is stored to the out parameters.
 */
static inline int bbq_consumer_look_(const struct bbq_consumer *c,
				     bbq_word *ret_write, bbq_word *ret_last)
{
	bbq_word last = c->last;
	bbq_word write =
		bbq_load_acquire_(&c->peer->write); /* B, pairs with A */

	if (!bbq_write_possible_(c->capacity, c->read, c->write, write))
		return -EBADMSG;
	/* The watermark of a lap is loaded once, when the next lap shows. */
	if (bbq_same_lap_(c->read, c->write) &&
	    !bbq_same_lap_(c->read, write)) {
		last = bbq_load_relaxed_(&c->peer->last); /* F, under write */
		if (!bbq_last_possible_(c->capacity, c->write, last))
			return -EBADMSG;
	}
	*ret_write = write;
	*ret_last = last;
	return 0;
}

static inline int bbq_consumer_reload_(struct bbq_consumer *c)
{
	int error = bbq_consumer_look_(c, &c->write, &c->last);

	if (error)
		c->open = BBQ_OPEN_BROKEN;
	return error;
}

/* Readable bytes of read's own lap, by the cached words. */
static inline size_t bbq_first_len_(bbq_word read, bbq_word write,
				    bbq_word last)
{
	bbq_word end = bbq_same_lap_(read, write) ? write : last;

	return bbq_offset_(end) - bbq_offset_(read);
}

/* Readable bytes of the lap after read's, by the cached words. */
static inline size_t bbq_second_len_(bbq_word read, bbq_word write)
{
	return bbq_same_lap_(read, write) ? 0 : bbq_offset_(write);
}

/*
 * The readable bytes of read's lap, by the cached words. Steps over the
 * watermark if the lap is used up; that frees space, so whoever wakes
 * producers wakes them after it as after a release.
 */
static inline size_t bbq_consumer_first_(struct bbq_consumer *c)
{
	size_t len = bbq_first_len_(c->read, c->write, c->last);

	if (len == 0 && !bbq_same_lap_(c->read, c->write)) {
		c->read = bbq_next_lap_(c->read);
		bbq_store_release_(&c->own->read,
				   c->read); /* C, pairs with D */
		len = bbq_first_len_(c->read, c->write, c->last);
	}
	return len;
}

/*
 * Read all that is published, in both parts: ret[0] comes first, ret[1], which
 * may be empty, is its continuation at the start of the buffer. The bytes are
 * the caller's to look at until bbq_release; they do not change meanwhile
 * (unless the peer is hostile, and then copy before you check).
 *
 * -EINVAL   null                   -EBUSY    a read is open
 * -EAGAIN   nothing to read        -EBADMSG  impossible words
 */
BBQ_INLINE int bbq_read_split(struct bbq_consumer *consumer,
			      struct bbq_view ret[2])
{
	size_t len;
	int error;

	if (!consumer || !ret)
		return -EINVAL;
	if (consumer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(consumer->open, -EBUSY);
	error = bbq_consumer_reload_(consumer);
	if (error)
		return error;
	len = bbq_consumer_first_(consumer);
	if (len == 0)
		return -EAGAIN;
	consumer->len = len;
	consumer->second = bbq_second_len_(consumer->read, consumer->write);
	consumer->open = BBQ_OPEN_BYTES;
	ret[0].data = consumer->data + bbq_offset_(consumer->read);
	ret[0].len = consumer->len;
	ret[1].data = consumer->data;
	ret[1].len = consumer->second;
	return 0;
}

/*
 * Read what is published and contiguous: when the queue is wrapped, up to the
 * watermark first and the rest with the next read. Otherwise bbq_read_split.
 */
BBQ_INLINE int bbq_read(struct bbq_consumer *consumer, struct bbq_view *ret)
{
	struct bbq_view parts[2];
	int error;

	if (!ret)
		return -EINVAL;
	error = bbq_read_split(consumer, parts);
	if (error)
		return error;
	consumer->second = 0;
	*ret = parts[0];
	return 0;
}

/* Give back the first `used` (> 0) bytes of the open read. */
static inline void bbq_consume_(struct bbq_consumer *c, size_t used)
{
	if (used <= c->len) {
		c->read += (bbq_word)used;
		c->len -= used;
	} else {
		size_t beyond = used - c->len;

		c->read = bbq_next_lap_(c->read) + (bbq_word)beyond;
		c->len = c->second - beyond;
		c->second = 0;
	}
	bbq_store_release_(&c->own->read, c->read); /* C, pairs with D */
}

/*
 * Give back the first `used` bytes of the open read and keep the rest open,
 * even if nothing is left of it: the read ends with bbq_release. After a split
 * read, `used` may go on into the second part.
 *
 * -EINVAL  null, no byte read open, or used > what is left of it
 */
BBQ_INLINE int bbq_release_part(struct bbq_consumer *consumer, size_t used)
{
	if (!consumer)
		return -EINVAL;
	if (consumer->open != BBQ_OPEN_BYTES)
		return bbq_misfit_(consumer->open, -EINVAL);
	if (used > consumer->len + consumer->second)
		return -EINVAL;
	if (used > 0)
		bbq_consume_(consumer, used);
	return 0;
}

/*
 * Give back the first `used` bytes of the open read and end it; the rest is
 * read again. used == 0 consumes nothing, also for a frame read.
 *
 * -EINVAL  null, no read open, used > what is left of it, or used > 0 for a
 *          frame read (that is bbq_frame_release's)
 */
BBQ_INLINE int bbq_release(struct bbq_consumer *consumer, size_t used)
{
	int error;

	if (!consumer)
		return -EINVAL;
	if (consumer->open == BBQ_OPEN_FRAME && used == 0) {
		consumer->open = BBQ_OPEN_NONE;
		return 0;
	}
	error = bbq_release_part(consumer, used);
	if (!error)
		consumer->open = BBQ_OPEN_NONE;
	return error;
}

/*
 * Bytes published and not yet released, both parts, those of an open read
 * included. Only grows until the consumer releases. 0 for null, for a dead
 * handle, and for words that are impossible.
 */
BBQ_INLINE size_t bbq_readable(const struct bbq_consumer *consumer)
{
	bbq_word write, last;

	if (!consumer || consumer->open == BBQ_OPEN_BROKEN ||
	    bbq_consumer_look_(consumer, &write, &last))
		return 0;
	return bbq_first_len_(consumer->read, write, last) +
	       bbq_second_len_(consumer->read, write);
}

#ifdef __cplusplus
}
#endif

#endif /* BBQ_CORE_H */
