/* SPDX-License-Identifier: MIT */
/*
 * bbq/layout.h - what lies where in a segment
 *
 * docs/format.md is the specification; these structs are its C form, and the
 * asserts below hold the two together. Whoever changes an offset or a meaning
 * here bumps BBQ_LAYOUT_MAJOR and writes a new golden file.
 *
 *     page 0    struct bbq_header          immutable once the segment is seen
 *     page 1    struct bbq_producer_page   written by the producer only
 *     page 2    struct bbq_consumer_page   written by the consumer only
 *     page 3    the data, to the end
 *
 * Pages are of the size that the header states. All integers are in the byte
 * order of the machine that made the segment.
 */
#ifndef BBQ_LAYOUT_H
#define BBQ_LAYOUT_H

#include "core.h"

#if BBQ_WORD_BITS != 64
#error "segments have cursors of 64 bits"
#endif

#define BBQ_MAGIC "libbbq\r\n"
#define BBQ_LAYOUT_MAJOR 1
#define BBQ_LAYOUT_MINOR 1
#define BBQ_BYTE_ORDER 0x01020304u

/* Feature bits that this version knows; an unknown one is refused. */
#define BBQ_FEATURES_KNOWN 0u

/* Page sizes that a segment may be made for. */
#define BBQ_PAGE_SIZE_MIN 4096u
#define BBQ_PAGE_SIZE_MAX 65536u

/* What a queue carries. */
enum bbq_mode {
	BBQ_MODE_BYTES = 0,
	BBQ_MODE_FRAMES = 1,
};

struct bbq_header {
	char magic[8];		  /* BBQ_MAGIC, without a terminator */
	uint32_t byte_order;	  /* BBQ_BYTE_ORDER as the maker stores it */
	uint16_t major;		  /* another one means another layout */
	uint16_t minor;		  /* a higher one only adds to this layout */
	uint64_t features;	  /* bits that a reader must know to attach */
	uint64_t hints;		  /* bits that a reader may ignore */
	uint64_t capacity;	  /* bytes of data, 1 to 2^32 - 1 */
	uint32_t mode;		  /* enum bbq_mode */
	uint32_t frame_align;	  /* 1, 8 or 64; 1 in byte mode */
	uint32_t page_size;	  /* a power of two, 4096 to 65536 */
	uint32_t word_bits;	  /* of a cursor: 64 */
	uint64_t producer_offset; /* 1 * page_size */
	uint64_t consumer_offset; /* 2 * page_size */
	uint64_t data_offset;	  /* 3 * page_size */
	uint64_t size; /* of the file: data_offset + capacity, in whole pages */
	uint64_t reserved[4]; /* 0 */
};

/* A life of a role. Anything else than these reads as BBQ_STATE_OPEN. */
enum bbq_state {
	BBQ_STATE_NONE = 0,   /* nobody has had this role yet */
	BBQ_STATE_OPEN = 1,   /* somebody has it, or died with it */
	BBQ_STATE_CLOSED = 2, /* its last holder closed it */
};

/*
 * What a side has done so far, all its lives together, for whoever looks on;
 * the other side does not. Stored, relaxed, by this side only, to a line of
 * its own. They are counted after the fact: a death in between leaves out the
 * last step. Modulo 2^64.
 */
struct bbq_counters {
	bbq_word bytes;	  /* committed (released), with headers and gaps */
	bbq_word frames;  /* committed (released) */
	bbq_word refused; /* verbs that found too little at the first look */
	bbq_word sleeps;  /* for want of room (of data) */
	bbq_word rings;	  /* system calls to wake the other side */
	bbq_word avoided; /* publications that needed none: nobody slept */
};

/*
 * What a side says about itself besides its cursors. Waiting: a side that is
 * going to sleep changes its ticket, looks again, and sleeps (futex) on the
 * other side's bell; the other side, after it has published, rings once for
 * each new ticket.
 */
struct bbq_side {
	uint32_t bell __attribute__((aligned(128)));
	uint32_t ticket __attribute__((aligned(128)));
	uint32_t barrier; /* 1: this side's sleeps do a membarrier */
	uint32_t state __attribute__((aligned(128))); /* enum bbq_state */
	uint32_t lives; /* how often the role has been claimed */
	struct bbq_counters count __attribute__((aligned(128)));
	uint64_t reserved[26]; /* 0 */
};

struct bbq_producer_page {
	struct bbq_producer_words words;
	struct bbq_side side;
};

struct bbq_consumer_page {
	struct bbq_consumer_words words;
	struct bbq_side side;
};

/*
 * Bytes of the file on which the open-file-description locks lie. Holding the
 * lock is having the role; the gate is held for moments, around a change of
 * who has a role or whether the segment has a name.
 */
#define BBQ_LOCK_GATE 0
#define BBQ_LOCK_PRODUCER 1
#define BBQ_LOCK_CONSUMER 2

#ifdef __cplusplus
#define BBQ_LAYOUT_ASSERT static_assert
#else
#define BBQ_LAYOUT_ASSERT _Static_assert
#endif
#define BBQ_AT(type, field, offset)                                 \
	BBQ_LAYOUT_ASSERT(offsetof(struct type, field) == (offset), \
			  "layout changed: bump BBQ_LAYOUT_MAJOR")

BBQ_AT(bbq_header, magic, 0);
BBQ_AT(bbq_header, byte_order, 8);
BBQ_AT(bbq_header, major, 12);
BBQ_AT(bbq_header, minor, 14);
BBQ_AT(bbq_header, features, 16);
BBQ_AT(bbq_header, hints, 24);
BBQ_AT(bbq_header, capacity, 32);
BBQ_AT(bbq_header, mode, 40);
BBQ_AT(bbq_header, frame_align, 44);
BBQ_AT(bbq_header, page_size, 48);
BBQ_AT(bbq_header, word_bits, 52);
BBQ_AT(bbq_header, producer_offset, 56);
BBQ_AT(bbq_header, consumer_offset, 64);
BBQ_AT(bbq_header, data_offset, 72);
BBQ_AT(bbq_header, size, 80);
BBQ_AT(bbq_header, reserved, 88);
BBQ_LAYOUT_ASSERT(sizeof(struct bbq_header) == 120,
		  "layout changed: bump BBQ_LAYOUT_MAJOR");

BBQ_AT(bbq_producer_page, words.write, 0);
BBQ_AT(bbq_producer_page, words.last, 8);
BBQ_AT(bbq_consumer_page, words.read, 0);
BBQ_AT(bbq_producer_page, side, 128);
BBQ_AT(bbq_consumer_page, side, 128);
BBQ_AT(bbq_side, bell, 0);
BBQ_AT(bbq_side, ticket, 128);
BBQ_AT(bbq_side, barrier, 132);
BBQ_AT(bbq_side, state, 256);
BBQ_AT(bbq_side, lives, 260);
BBQ_AT(bbq_side, count, 384);
BBQ_AT(bbq_side, count.bytes, 384);
BBQ_AT(bbq_side, count.frames, 392);
BBQ_AT(bbq_side, count.refused, 400);
BBQ_AT(bbq_side, count.sleeps, 408);
BBQ_AT(bbq_side, count.rings, 416);
BBQ_AT(bbq_side, count.avoided, 424);
BBQ_AT(bbq_side, reserved, 432);
BBQ_LAYOUT_ASSERT(sizeof(struct bbq_side) == 640,
		  "layout changed: bump BBQ_LAYOUT_MAJOR");

#endif /* BBQ_LAYOUT_H */
