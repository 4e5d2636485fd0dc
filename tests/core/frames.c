/* SPDX-License-Identifier: MIT */
/* Framed mode: the header's encoding, and frames through a queue. */
#include "queue.h"

TestSuite(frames, .timeout = PATIENCE);

static const size_t aligns[] = { 1, 8, 64 };

static size_t round_up(size_t n, size_t align)
{
	return (n + align - 1) / align * align;
}

/* Bytes from a frame's start to its payload, if it starts at offset. */
static size_t payload_at(size_t offset, size_t header, size_t align)
{
	return round_up(offset + header, align) - offset;
}

/* ---- the header alone ---- */

struct vector {
	uint64_t len;
	size_t size;
	unsigned char bytes[9];
};

static const struct vector vectors[] = {
	{ 0, 1, { 0x01 } },
	{ 13, 1, { 0x1b } },
	{ 127, 1, { 0xff } },
	{ 128, 2, { 0x02, 0x02 } },
	{ 300, 2, { 0xb2, 0x04 } },
	{ 16383, 2, { 0xfe, 0xff } },
	{ 16384, 3, { 0x04, 0x00, 0x02 } },
	{ 65533, 3, { 0xec, 0xff, 0x07 } },
	{ 1 << 21, 4, { 0x08, 0x00, 0x00, 0x02 } },
	{ UINT64_C(1) << 56, 9, { 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
	{ UINT64_MAX,
	  9,
	  { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
};

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void check_encode(size_t len, size_t size, const unsigned char *bytes)
{
	unsigned char header[11];

	memset(header, 0xa5, sizeof(header));
	bbq_frame_header_encode(header + 1, size, len);
	cr_assert_eq(memcmp(header + 1, bytes, size), 0);
	cr_assert_eq(header[0], 0xa5);
	cr_assert_eq(header[1 + size], 0xa5);
}

static void check_decode(const unsigned char *bytes, size_t len, size_t size)
{
	size_t enough = len > size ? len : size;
	size_t ret_len = 1234, ret_size = 5678;

	cr_assert_eq(bbq_frame_header_decode(bytes, enough - 1, &ret_size,
					     &ret_len),
		     -EBADMSG);
	cr_assert(ret_len == 1234 && ret_size == 5678);
	cr_assert_eq(
		bbq_frame_header_decode(bytes, enough, &ret_size, &ret_len), 0);
	cr_assert_eq(ret_size, size);
	cr_assert_eq(ret_len, len);
	cr_assert_eq(bbq_frame_header_decode(bytes, SIZE_MAX, &ret_size,
					     &ret_len),
		     0);
}

Test(frames, header_vectors)
{
	static const unsigned char wide[] = { 0xfc, 0x03, 0x00 };
	size_t i;

	for (i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];

		if (v->len > SIZE_MAX)
			continue;
		cr_assert_eq(bbq_frame_header_size((size_t)v->len), v->size);
		check_encode((size_t)v->len, v->size, v->bytes);
		check_decode(v->bytes, (size_t)v->len, v->size);
	}
	check_encode(127, 3, wide);
	check_decode(wide, 127, 3);
}

/* (v << 1 | 1) << (n - 1), in 128 bits and one bit at a time. */
static void encode_by_the_book(unsigned char *bytes, size_t size, size_t len)
{
	size_t bits = 8 * sizeof(len);
	size_t i, at;

	memset(bytes, 0, 9);
	if (size < 9)
		bytes[0] = (unsigned char)(1 << (size - 1));
	for (i = 0; i < bits; i++) {
		at = size < 9 ? i + size : i + 8;
		if (len >> i & 1)
			bytes[at / 8] |= (unsigned char)(1 << at % 8);
	}
}

static void check_all_widths(size_t len)
{
	size_t bits = 0, narrowest, size;
	unsigned char bytes[17];

	while (bits < 8 * sizeof(len) && len >> bits)
		bits++;
	narrowest = bits == 0 ? 1 : bits > 56 ? 9 : (bits + 6) / 7;
	cr_assert_eq(bbq_frame_header_size(len), narrowest);
	for (size = narrowest; size <= 9; size++) {
		encode_by_the_book(bytes, size, len);
		check_encode(len, size, bytes);
		check_decode(bytes, len, size);
	}
}

Test(frames, header_of_every_width_round_trips)
{
	size_t len, bits;

	for (len = 0; len < 70000; len += len < 20000 ? 1 : 37)
		check_all_widths(len);
	for (bits = 1; bits < 8 * sizeof(size_t); bits++) {
		size_t power = (size_t)1 << bits;

		for (len = power - 3; len != power + 3; len++)
			check_all_widths(len);
		check_all_widths(power | power >> 1 | 0x55);
	}
	for (len = SIZE_MAX; len > SIZE_MAX - 10; len--)
		check_all_widths(len);
}

Test(frames, header_is_refused_when_cut_off)
{
	unsigned char bytes[9];
	size_t size, avail, ret_size = 1, ret_len = 2;

	for (size = 1; size <= 9; size++) {
		encode_by_the_book(bytes, size, 0);
		for (avail = 0; avail < size; avail++)
			cr_assert_eq(bbq_frame_header_decode(
					     bytes, avail, &ret_size, &ret_len),
				     -EBADMSG);
	}
	/* Of no bytes, none is looked at. */
	cr_assert_eq(bbq_frame_header_decode(NULL, 0, &ret_size, &ret_len),
		     -EBADMSG);
	cr_assert(ret_size == 1 && ret_len == 2);
}

/* ---- the header in a queue ---- */

static void vector_through_queue(const struct vector *v)
{
	size_t len = (size_t)v->len;
	struct bbq_span span = { NULL, 0 };
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, v->size + len);
	cr_assert_eq(bbq_frame_grant(&q.p, len, &span), 0);
	cr_assert_eq(span.data, q.data + v->size);
	cr_assert_eq(span.len, len);
	if (len > 0)
		memset(span.data, 'x', len);
	cr_assert_eq(q.data[0], STALE, "the header is written by commit");
	cr_assert_eq(bbq_frame_commit(&q.p, len), 0);
	cr_assert_eq(memcmp(q.data, v->bytes, v->size), 0);
	cr_assert_eq(q.words.producer.write, cursor(0, q.capacity));
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	cr_assert_eq(view.data, q.data + v->size);
	cr_assert_eq(view.len, len);
	cr_assert_eq(bbq_frame_release(&q.c), 0);
	cr_assert_eq(q.words.consumer.read, cursor(0, q.capacity));
	close_queue(&q);
}

Test(frames, header_vectors_through_a_queue)
{
	size_t i;

	for (i = 0; i < VECTORS; i++)
		if (vectors[i].len <= BBQ_CAPACITY_MAX - 9 &&
		    vectors[i].len < UINT64_C(1) << 30)
			vector_through_queue(&vectors[i]);
}

Test(frames, wide_header_is_read)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 130);
	cr_assert_eq(bbq_grant(&q.p, 130, &span), 0);
	memset(span.data, 'x', 130);
	memcpy(span.data, "\xfc\x03\x00", 3);
	cr_assert_eq(bbq_commit(&q.p, 130), 0);
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	cr_assert_eq(view.data, q.data + 3);
	cr_assert_eq(view.len, 127);
	close_queue(&q);
}

Test(frames, grant_200_commit_3_keeps_its_two_byte_header)
{
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 210);
	cr_assert_eq(bbq_frame_grant(&q.p, 200, &span), 0);
	cr_assert_eq(span.data, q.data + 2);
	memcpy(span.data, "abc", 3);
	cr_assert_eq(bbq_frame_commit(&q.p, 3), 0);
	cr_assert_eq(memcmp(q.data,
			    "\x0e\x00"
			    "abc\xee",
			    6),
		     0);
	cr_assert_eq(q.words.producer.write, 5);
	pop_frame(&q, "abc");
	cr_assert_eq(q.words.consumer.read, 5);
	close_queue(&q);
}

/* ---- frames ---- */

Test(frames, zero_length_frame_is_a_frame)
{
	struct bbq_span span = { NULL, 0 };
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, 3);
	push_frame(&q, "");
	cr_assert_eq(bbq_frame_grant(&q.p, 1, &span), 0);
	cr_assert_eq(bbq_frame_commit(&q.p, 0), 0);
	push_frame(&q, "");
	cr_assert_eq(bbq_frame_grant(&q.p, 0, &span), -EAGAIN);
	cr_assert_eq(bbq_readable(&q.c), 3);
	cr_assert_eq(memcmp(q.data, "\1\1\1", 3), 0);
	pop_frame(&q, "");
	pop_frame(&q, "");
	pop_frame(&q, "");
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	close_queue(&q);
}

Test(frames, come_one_by_one_and_across_the_wrap)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 16);
	push_frame(&q, "abcd");
	push_frame(&q, "efghij");
	pop_frame(&q, "abcd");
	push_frame(&q, "klmn"); /* 12 + 5 > 16: at the head, exactly */
	cr_assert_eq(q.words.producer.write, cursor(1, 5));
	cr_assert_eq(q.words.producer.last, 12);
	cr_assert_eq(bbq_frame_grant(&q.p, 0, &span), -EAGAIN);
	pop_frame(&q, "efghij");
	pop_frame(&q, "klmn");
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	close_queue(&q);
}

Test(frames, nothing_of_an_open_or_aborted_grant_shows)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 16);
	cr_assert_eq(bbq_frame_grant(&q.p, 5, &span), 0);
	cr_assert_eq(bbq_frame_grant(&q.p, 5, &span), -EBUSY);
	cr_assert_eq(bbq_grant(&q.p, 5, &span), -EBUSY);
	cr_assert_eq(bbq_frame_want(&q.p, 5), -EBUSY);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	cr_assert_eq(bbq_frame_commit(&q.p, 0), -EINVAL);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EAGAIN);
	cr_assert_eq(bbq_frame_grant(&q.p, 15, &span), 0);
	close_queue(&q);
}

Test(frames, grant_is_ended_only_by_its_own_commit)
{
	struct words before;
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 16);
	before = words_of(&q);
	cr_assert_eq(bbq_frame_commit(&q.p, 0), -EINVAL);
	cr_assert_eq(bbq_frame_grant(&q.p, 5, &span), 0);
	cr_assert_eq(bbq_commit(&q.p, 1), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 5), -EINVAL);
	cr_assert_eq(bbq_commit_part(&q.p, 0), -EINVAL);
	cr_assert_eq(bbq_commit_part(&q.p, 1), -EINVAL);
	cr_assert_eq(bbq_frame_commit(&q.p, 6), -EINVAL);
	cr_assert(words_same(words_of(&q), before));
	memcpy(span.data, "abcde", 5);
	cr_assert_eq(bbq_frame_commit(&q.p, 5), 0);
	cr_assert_eq(bbq_frame_commit(&q.p, 5), -EINVAL);
	cr_assert_eq(grant_at(&q, 3), 6);
	cr_assert_eq(bbq_frame_commit(&q.p, 0), -EINVAL);
	cr_assert_eq(bbq_frame_commit(&q.p, 2), -EINVAL);
	cr_assert_eq(bbq_commit(&q.p, 0), 0);
	pop_frame(&q, "abcde");
	close_queue(&q);
}

Test(frames, read_is_ended_only_by_its_own_release)
{
	struct words before;
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, 16);
	cr_assert_eq(bbq_frame_release(&q.c), -EINVAL);
	push_frame(&q, "abc");
	before = words_of(&q);
	cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
	cr_assert_eq(bbq_frame_read(&q.c, &view), -EBUSY);
	cr_assert_eq(bbq_read(&q.c, &view), -EBUSY);
	cr_assert_eq(bbq_release(&q.c, 1), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 4), -EINVAL);
	cr_assert_eq(bbq_release_part(&q.c, 0), -EINVAL);
	cr_assert_eq(bbq_release_part(&q.c, 4), -EINVAL);
	cr_assert_eq(bbq_readable(&q.c), 4);
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_release(&q.c, 0), 0, "the frame is put back");
	cr_assert(words_same(words_of(&q), before));
	cr_assert_eq(bbq_frame_release(&q.c), -EINVAL);
	pop_frame(&q, "abc");
	push_frame(&q, "d");
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	cr_assert_eq(bbq_frame_release(&q.c), -EINVAL);
	cr_assert_eq(bbq_release(&q.c, 0), 0);
	pop_frame(&q, "d");
	close_queue(&q);
}

Test(frames, null_arguments)
{
	struct bbq_view view = { NULL, 0 };
	struct bbq_span span = { NULL, 0 };
	struct queue q;

	open_queue(&q, 16);
	cr_assert_eq(bbq_frame_grant(NULL, 1, &span), -EINVAL);
	cr_assert_eq(bbq_frame_grant(&q.p, 1, NULL), -EINVAL);
	cr_assert_eq(bbq_frame_commit(NULL, 0), -EINVAL);
	cr_assert_eq(bbq_frame_want(NULL, 1), -EINVAL);
	cr_assert_eq(bbq_frame_read(NULL, &view), -EINVAL);
	cr_assert_eq(bbq_frame_read(&q.c, NULL), -EINVAL);
	cr_assert_eq(bbq_frame_release(NULL), -EINVAL);
	cr_assert_eq(bbq_producer_frame_align(NULL, 1), -EINVAL);
	cr_assert_eq(bbq_consumer_frame_align(NULL, 1), -EINVAL);
	close_queue(&q);
}

/* Grant and publish a frame at offset, and check where all of it lies. */
static void place_frame(size_t capacity, size_t align, size_t offset,
			size_t len)
{
	size_t header = len < 128 ? 1 : 2;
	size_t start = offset;
	struct bbq_span span = { NULL, 0 };
	struct bbq_view view = { NULL, 0 };
	struct queue q;
	int error;

	open_at(&q, capacity, 0, offset);
	cr_assert_eq(bbq_producer_frame_align(&q.p, align), 0);
	cr_assert_eq(bbq_consumer_frame_align(&q.c, align), 0);
	error = bbq_frame_grant(&q.p, len, &span);
	if (round_up(offset + header, align) + len > capacity)
		start = 0;
	if (round_up(header, align) + len > capacity) {
		cr_assert_eq(error, -EMSGSIZE);
	} else if (start == 0 && round_up(header, align) + len > offset &&
		   offset > 0) {
		cr_assert_eq(error, -EAGAIN);
	} else {
		cr_assert_eq(error, 0);
		cr_assert_eq(span.data,
			     q.data + start + payload_at(start, header, align));
		cr_assert_eq((uintptr_t)span.data % align, 0);
		cr_assert_eq(bbq_frame_commit(&q.p, len), 0);
		cr_assert_eq(q.words.producer.write,
			     cursor(start != offset,
				    round_up(start + header, align) + len));
		cr_assert_eq(bbq_frame_read(&q.c, &view), 0);
		cr_assert(view.data == span.data && view.len == len);
		cr_assert_eq(bbq_frame_release(&q.c), 0);
		cr_assert_eq(q.words.consumer.read, q.words.producer.write);
	}
	close_queue(&q);
}

Test(frames, every_placement_is_aligned_and_tail_first)
{
	static const size_t capacities[] = { 1, 8, 9, 16, 65, 150 };
	size_t align, capacity, offset, len;

	for (align = 0; align < 3; align++)
		for (capacity = 0; capacity < 6; capacity++)
			for (offset = 0; offset <= capacities[capacity];
			     offset++)
				for (len = 0; len <= capacities[capacity] + 1;
				     len++)
					place_frame(capacities[capacity],
						    aligns[align], offset, len);
}
