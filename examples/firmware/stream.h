/* SPDX-License-Identifier: MIT */
/*
 * stream.h - what the device sends: records of pseudo-random length and content
 *
 * The host computes the checksum of the same stream (tests/firmware) to compare
 * it with what the firmware prints.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>

#define STREAM_RECORDS 3000u
/* A record is at most so long, and at least empty. */
#define STREAM_MAX 48u

struct stream {
	uint32_t state;
};

static inline uint32_t stream_next(struct stream *stream)
{
	/* Marsaglia's xorshift32 */
	stream->state ^= stream->state << 13;
	stream->state ^= stream->state >> 17;
	stream->state ^= stream->state << 5;
	return stream->state;
}

/* The next record, as a DMA engine would leave it in memory; its length. */
static inline size_t stream_fill(struct stream *stream, unsigned char *to)
{
	/* Below STREAM_MAX + 1, without a division. */
	size_t len = (stream_next(stream) >> 16) * (STREAM_MAX + 1) >> 16;
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = (unsigned char)(stream_next(stream) >> 24);
	return len;
}

/* FNV-1a, of the length and the bytes. */
static inline uint32_t checksum_add(uint32_t sum, const unsigned char *bytes,
				    size_t len)
{
	size_t i;

	sum = (sum ^ (uint32_t)len) * 16777619u;
	for (i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

#define CHECKSUM_EMPTY 2166136261u
#define STREAM_SEED 0x2545f491u

#endif /* STREAM_H */
