/* SPDX-License-Identifier: MIT */
/*
 * stream.h - a numbered stream, made and checked without keeping it
 *
 * Byte i of a byte stream is a function of i, and the lengths in which it is
 * written another. Frame k has a length and bytes that are functions of k. So
 * a byte that is lost, doubled, stale or in the wrong place does not fit.
 */
#ifndef TESTS_LINUX_STREAM_H
#define TESTS_LINUX_STREAM_H

#include <stdbool.h>
#include <string.h>

#include <bbq/bbq.h>

/* 60 seconds; who waits that long has missed a wake-up, or its peer. */
#define STREAM_TIMEOUT ((int64_t)60 * 1000000000)

static inline uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* len bytes of the stream number `key`, from its byte `at` on. */
static inline void stream_fill(unsigned char *to, uint64_t key, uint64_t at,
			       size_t len)
{
	uint64_t word = mix(key ^ at >> 3);

	for (size_t i = 0; i < len; i++, at++) {
		if ((at & 7) == 0)
			word = mix(key ^ at >> 3);
		to[i] = (unsigned char)(word >> (at & 7) * 8);
	}
}

static inline bool stream_fits(const unsigned char *from, uint64_t key,
			       uint64_t at, size_t len)
{
	unsigned char expected[256];

	while (len > 0) {
		size_t n = len < sizeof(expected) ? len : sizeof(expected);

		stream_fill(expected, key, at, n);
		if (memcmp(from, expected, n) != 0)
			return false;
		from += n;
		at += n;
		len -= n;
	}
	return true;
}

/* Between 1 and max; small ones are as frequent as large ones. */
static inline size_t length_of(uint64_t number, size_t max)
{
	uint64_t random = mix(~number);
	size_t limit = max >> (random & 15) % 12;

	return 1 + (size_t)((random >> 8) % (limit ? limit : 1));
}

static inline int send_bytes(struct bbq_sender *s, uint64_t total)
{
	size_t capacity = bbq_capacity(&s->producer);
	uint64_t at = 0, number = 0;

	while (at < total) {
		size_t max = length_of(number++, capacity);
		size_t min = number % 3 ? max : 1;
		struct bbq_span span;
		int error;

		if (max > total - at)
			max = (size_t)(total - at);
		min = min < max ? min : max;
		error = bbq_sender_grant_range(s, min, max, STREAM_TIMEOUT,
					       &span);
		if (error)
			return error;
		stream_fill(span.data, 1, at, span.len);
		error = bbq_sender_commit(s, span.len);
		if (error)
			return error;
		at += span.len;
	}
	return bbq_sender_finish(s, STREAM_TIMEOUT);
}

/* Release in pieces that differ from those that were committed. */
static inline int recv_bytes(struct bbq_receiver *r, uint64_t total)
{
	uint64_t at = 0, number = 0;
	struct bbq_view views[2] = { { NULL, 0 }, { NULL, 0 } };
	int error;

	for (;;) {
		size_t take;
		bool split = number++ % 2;

		error = split ? bbq_receiver_read_split(r, STREAM_TIMEOUT,
							views)
			      : bbq_receiver_read(r, STREAM_TIMEOUT, views);
		if (error)
			break;
		if (!split)
			views[1].len = 0;
		take = views[0].len + views[1].len;
		if (!stream_fits(views[0].data, 1, at, views[0].len) ||
		    !stream_fits(views[1].data, 1, at + views[0].len,
				 views[1].len))
			return -EILSEQ;
		if (number % 5 == 0)
			take = length_of(number, take);
		error = bbq_receiver_release(r, take);
		if (error)
			break;
		at += take;
	}
	return error == -EPIPE && at == total ? 0 : error;
}

/* The widest header of 64-bit processes; those of 32 bits must agree. */
#define HEADER_MAX ((size_t)9)

/* What frames of this capacity can carry, wherever they start. */
static inline size_t frame_max(size_t capacity, size_t align)
{
	size_t head = align > HEADER_MAX ? align : 2 * HEADER_MAX;

	return capacity > head ? capacity - head : 0;
}

static inline size_t frame_len(uint64_t number, size_t max)
{
	return max ? length_of(number, max + 1) - 1 : 0;
}

/* Granted is now and then more than committed. */
static inline int send_frames(struct bbq_sender *s, size_t align,
			      uint64_t total)
{
	size_t max = frame_max(bbq_capacity(&s->producer), align);

	for (uint64_t k = 0; k < total; k++) {
		size_t len = frame_len(k, max);
		size_t room = k % 4 ? len : len + (max - len) / 2;
		struct bbq_span span;
		int error;

		error = bbq_sender_frame_grant(s, room, STREAM_TIMEOUT, &span);
		if (error)
			return error;
		stream_fill(span.data, k, 0, len);
		error = bbq_sender_frame_commit(s, len);
		if (error)
			return error;
	}
	return bbq_sender_finish(s, STREAM_TIMEOUT);
}

static inline int recv_frames(struct bbq_receiver *r, size_t align,
			      uint64_t total)
{
	size_t max = frame_max(r->consumer.capacity, align);
	uint64_t k = 0;
	int error;

	for (;; k++) {
		struct bbq_view view;

		error = bbq_receiver_frame_read(r, STREAM_TIMEOUT, &view);
		if (error)
			break;
		if (view.len != frame_len(k, max) ||
		    (uintptr_t)view.data % align != 0 ||
		    !stream_fits(view.data, k, 0, view.len))
			return -EILSEQ;
		error = bbq_receiver_frame_release(r);
		if (error)
			break;
	}
	return error == -EPIPE && k == total ? 0 : error;
}

#endif /* TESTS_LINUX_STREAM_H */
