/* SPDX-License-Identifier: MIT */
/*
 * bbq/frame.h - framed mode: messages with boundaries, over core.h
 *
 * A frame is a header that tells the payload's length, then the payload, in
 * one contiguous piece that one commit publishes and one release gives back:
 *
 *     | header | gap | payload |
 *      1..9     0..   0..
 *
 * Header: 7 bits a byte. n bytes hold a length v of n * 7 bits as the number
 *
 *     (v << 1 | 1) << (n - 1)        little-endian
 *
 * so the count of trailing zero bits in the first byte says how many more
 * there are; nine bytes (first byte 0) hold all 64 bits. A header may be wider
 * than its length needs: a grant picks the width for its maximum, and a short
 * commit does not move the payload.
 *
 * Gap: with a frame alignment of 8 or 64, from the header's end to the next
 * offset that is a multiple of it; its bytes mean nothing. Without, no gap.
 *
 * A queue carries frames or bytes, never both. Rules and errors that are not
 * repeated here: core.h.
 */
#ifndef BBQ_FRAME_H
#define BBQ_FRAME_H

#include "core.h"

#define BBQ_FRAME_HEADER_MAX 9

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The header bytes are in shared memory, so each is accessed once, by a load
 * or store of its own; volatile keeps the compiler from doing it again. They
 * are ordered like the payload, by the cursors.
 */
#ifndef BBQ_OWN_ACCESS
static inline unsigned char bbq_load_byte_(const unsigned char *byte)
{
	return *(const volatile unsigned char *)byte;
}

static inline void bbq_store_byte_(unsigned char *byte, unsigned char value)
{
	*(volatile unsigned char *)byte = value;
}
#endif

/* bbq_frame_header_size of what two bytes cannot say. */
BBQ_COLD size_t bbq_header_size_long_(size_t len)
{
	size_t size = 2;

	len >>= 7;
	while (size < BBQ_FRAME_HEADER_MAX && (len >>= 7) != 0)
		size++;
	return size;
}

/* Bytes of the narrowest header that can say len: 1 to 9. */
BBQ_INLINE size_t bbq_frame_header_size(size_t len)
{
	if (len < 0x80)
		return 1;
	if (len < 0x4000)
		return 2;
	return bbq_header_size_long_(len);
}

/* bbq_frame_header_encode for any size. */
BBQ_COLD void bbq_header_encode_long_(unsigned char *header, size_t size,
				      size_t len)
{
	size_t first = 0;
	size_t i;

	if (size < BBQ_FRAME_HEADER_MAX) {
		first = len << size | (size_t)1 << (size - 1);
		len >>= 8 - size;
	}
	bbq_store_byte_(header, (unsigned char)(first & 0xff));
	for (i = 1; i < size; i++) {
		bbq_store_byte_(header + i, (unsigned char)(len & 0xff));
		len >>= 8;
	}
}

/*
 * Write the header for len into header[0, size). size is between
 * bbq_frame_header_size(len) and BBQ_FRAME_HEADER_MAX.
 */
BBQ_INLINE void bbq_frame_header_encode(unsigned char *header, size_t size,
					size_t len)
{
	if (size > 2) {
		bbq_header_encode_long_(header, size, len);
	} else if (size == 2) {
		bbq_store_byte_(header, (unsigned char)((len << 2 | 2) & 0xff));
		bbq_store_byte_(header + 1, (unsigned char)(len >> 6));
	} else {
		bbq_store_byte_(header, (unsigned char)(len << 1 | 1));
	}
}

/*
 * Read a header from header[0, avail): its size and the length that it says.
 * Each byte is loaded once.
 *
 * -EBADMSG  the header, or the length alone, is more than avail
 */
BBQ_INLINE int bbq_frame_header_decode(const unsigned char *header,
				       size_t avail, size_t *ret_size,
				       size_t *ret_len)
{
	unsigned char first;
	size_t size = 1;
	size_t len = 0;
	size_t i;

	if (avail == 0)
		return -EBADMSG;
	first = bbq_load_byte_(header);
	/* Most frames are short: no loop for them. */
	if (first % 2 == 1) {
		if ((size_t)first / 2 > avail)
			return -EBADMSG;
		*ret_size = 1;
		*ret_len = (size_t)first / 2;
		return 0;
	}
	while (size < BBQ_FRAME_HEADER_MAX && !(first >> (size - 1) & 1))
		size++;
	if (size > avail)
		return -EBADMSG;
	/* From the top down: what is too long is so before it overflows. */
	for (i = size - 1; i > 0; i--) {
		if (len > avail >> 8)
			return -EBADMSG;
		len = len << 8 | bbq_load_byte_(header + i);
	}
	if (size < BBQ_FRAME_HEADER_MAX) {
		if (len > avail >> (8 - size))
			return -EBADMSG;
		len = len << (8 - size) | (size_t)first >> size;
	}
	if (len > avail)
		return -EBADMSG;
	*ret_size = size;
	*ret_len = len;
	return 0;
}

static inline int bbq_align_possible_(const void *data, size_t align)
{
	return (align == 1 || align == 8 || align == 64) &&
	       ((uintptr_t)data & (align - 1)) == 0;
}

/*
 * The alignment of payloads, in bytes: 1 (the default), 8 or 64. It belongs to
 * the queue: both sides say the same, right after attach and before frames.
 *
 * -EINVAL  null, another alignment, or the buffer itself is not aligned
 * -EBUSY   a grant is open
 */
BBQ_INLINE int bbq_producer_frame_align(struct bbq_producer *producer,
					size_t align)
{
	if (!producer || !bbq_align_possible_(producer->data, align))
		return -EINVAL;
	if (producer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(producer->open, -EBUSY);
	producer->frame_align = align;
	return 0;
}

/* The consumer's side of bbq_producer_frame_align; the same errors. */
BBQ_INLINE int bbq_consumer_frame_align(struct bbq_consumer *consumer,
					size_t align)
{
	if (!consumer || !bbq_align_possible_(consumer->data, align))
		return -EINVAL;
	if (consumer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(consumer->open, -EBUSY);
	consumer->frame_align = align;
	return 0;
}

/*
 * Bytes from a frame's start at offset to its payload: header and gap. The
 * alignment is a power of two, and a mask costs less than a division. Without
 * one, what is computed next does not wait for the offset.
 */
static inline size_t bbq_payload_(size_t offset, size_t header, size_t align)
{
	if (align == 1)
		return header;
	return header + ((0 - (offset + header)) & (align - 1));
}

/*
 * What a frame of up to max bytes needs, with the header that this takes.
 * -EMSGSIZE if it can never fit. At offset 0 the gap is smallest in sum with
 * the offset, so what does not fit there fits nowhere.
 */
static inline int bbq_frame_need_(const struct bbq_producer *p, size_t header,
				  size_t max, struct bbq_need *ret)
{
	size_t head = bbq_payload_(0, header, p->frame_align);

	if (head > p->capacity || max > p->capacity - head)
		return -EMSGSIZE;
	/* No overflow: max and the capacity are at most PTRDIFF_MAX. */
	ret->head = head + max;
	ret->here =
		bbq_payload_(bbq_offset_(p->write), header, p->frame_align) +
		max;
	ret->extra = 0;
	return 0;
}

/* bbq_frame_grant of what does not fit at write's offset, for all we know. */
BBQ_COLD int bbq_frame_grant_late_(struct bbq_producer *p, size_t header,
				   size_t max)
{
	struct bbq_need need;
	int error = bbq_frame_need_(p, header, max, &need);

	return error ? error : bbq_open_grant_(p, &need, BBQ_OPEN_FRAME);
}

/*
 * Grant max contiguous bytes for the payload of one frame. The memory is the
 * caller's until bbq_frame_commit, or bbq_commit(producer, 0), which aborts.
 * max == 0 is a grant for an empty frame: ret->data is then not to be used.
 *
 * -EINVAL    null                            -EBUSY    a grant is open
 * -EAGAIN    no room                         -EBADMSG  impossible words
 * -EMSGSIZE  max and its header > capacity
 */
BBQ_INLINE int bbq_frame_grant(struct bbq_producer *producer, size_t max,
			       struct bbq_span *ret)
{
	size_t header, payload, room;
	int error;

	if (!producer || !ret)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(producer->open, -EBUSY);
	header = bbq_frame_header_size(max);
	payload = bbq_payload_(bbq_offset_(producer->write), header,
			       producer->frame_align);
	room = bbq_room_at_write_(producer->capacity, producer->write,
				  producer->read);
	if (payload <= room && max <= room - payload) {
		producer->start = bbq_offset_(producer->write);
		producer->len = payload + max;
		producer->open = BBQ_OPEN_FRAME;
	} else {
		error = bbq_frame_grant_late_(producer, header, max);
		if (error)
			return error;
		payload = producer->len - max;
	}
	producer->frame_header = header;
	producer->frame_payload = payload;
	ret->data = producer->data + producer->start + payload;
	ret->len = max;
	return 0;
}

/*
 * Publish the open frame grant as a frame of `used` bytes and end it; the rest
 * goes back. used == 0 is a frame of length 0. Order: bbq_commit_part.
 *
 * -EINVAL  null, no frame grant open, or used > granted
 */
BBQ_INLINE int bbq_frame_commit(struct bbq_producer *producer, size_t used)
{
	if (!producer)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_FRAME)
		return bbq_misfit_(producer->open, -EINVAL);
	if (used > producer->len - producer->frame_payload)
		return -EINVAL;
	bbq_frame_header_encode(producer->data + producer->start,
				producer->frame_header, used);
	bbq_publish_(producer, producer->frame_payload + used);
	producer->open = BBQ_OPEN_NONE;
	return 0;
}

/* Bytes free from the open grant's start on, by the cached words. */
static inline size_t bbq_room_(const struct bbq_producer *p)
{
	return p->start == bbq_offset_(p->write)
		       ? bbq_room_at_write_(p->capacity, p->write, p->read)
		       : bbq_room_at_head_(p->write, p->read);
}

/*
 * Grant room for several frames, which become readable together: for one of
 * `first` bytes at least, and for more as far as `most` bytes, headers and gaps
 * included, are known to be free. bbq_frame_put takes the frames off ret.
 *
 * It is a byte grant: bbq_commit, given the bytes that the frames take, makes
 * them readable and ends it; given 0, it drops them. bbq_commit_part makes
 * readable what is whole so far, and the rest can be filled further. What is
 * put and not committed is the producer's own, and lost if it dies. So when
 * the consumer sees a frame is the caller's choice: one store for many frames
 * is cheaper for both sides, and the first of them waits for the last.
 *
 * Errors: bbq_frame_grant's, for a frame of `first` bytes.
 */
BBQ_INLINE int bbq_frames_grant(struct bbq_producer *producer, size_t first,
				size_t most, struct bbq_span *ret)
{
	struct bbq_need need;
	size_t room;
	int error;

	if (!producer || !ret)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(producer->open, -EBUSY);
	error = bbq_frame_need_(producer, bbq_frame_header_size(first), first,
				&need);
	if (error)
		return error;
	error = bbq_open_grant_(producer, &need, BBQ_OPEN_BYTES);
	if (error)
		return error;
	room = bbq_room_(producer);
	if (most > room)
		most = room;
	if (most > producer->len)
		producer->len = most;
	ret->data = producer->data + producer->start;
	ret->len = producer->len;
	return 0;
}

/*
 * Put a frame of len bytes at the start of `rest`, which is what is left of a
 * span that bbq_frames_grant gave, and take it off there. The header is written,
 * ret is the payload, for the caller to fill before the commit. The bytes by
 * which rest has become shorter are what to hand to bbq_commit. To shorten or
 * drop the last frame, put the next with rest as it was before.
 *
 * -EINVAL  null, or no byte grant open
 * -EAGAIN  rest is too short for it: commit, and grant anew
 * -EBADMSG the handle is dead
 */
BBQ_INLINE int bbq_frame_put(struct bbq_producer *producer,
			     struct bbq_span *rest, size_t len,
			     struct bbq_span *ret)
{
	unsigned char *data;
	size_t header, payload;

	if (!producer || !rest || !ret)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_BYTES)
		return bbq_misfit_(producer->open, -EINVAL);
	data = (unsigned char *)rest->data;
	header = bbq_frame_header_size(len);
	payload = bbq_payload_((size_t)(data - producer->data), header,
			       producer->frame_align);
	if (payload > rest->len || len > rest->len - payload)
		return -EAGAIN;
	bbq_frame_header_encode(data, header, len);
	ret->data = data + payload;
	ret->len = len;
	rest->data = data + payload + len;
	rest->len -= payload + len;
	return 0;
}

/* bbq_want for a frame of up to max bytes, header included; the same errors. */
BBQ_INLINE int bbq_frame_want(struct bbq_producer *producer, size_t max)
{
	struct bbq_need need;
	int error;

	if (!producer)
		return -EINVAL;
	if (producer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(producer->open, -EBUSY);
	error = bbq_frame_need_(producer, bbq_frame_header_size(max), max,
				&need);
	if (error)
		return error;
	return bbq_want_place_(producer, &need);
}

/*
 * The payload of the frame at the start of view, and how many bytes the whole
 * frame takes. The header is loaded once, and what it says checked against the
 * view; an impossible one is the end of the handle.
 */
static inline int bbq_frame_find_(struct bbq_consumer *c,
				  const struct bbq_view *view,
				  struct bbq_view *ret, size_t *ret_size)
{
	const unsigned char *data = (const unsigned char *)view->data;
	size_t header, len, payload;

	if (bbq_frame_header_decode(data, view->len, &header, &len))
		goto broken;
	payload =
		bbq_payload_((size_t)(data - c->data), header, c->frame_align);
	if (payload > view->len || len > view->len - payload)
		goto broken;
	ret->data = data + payload;
	ret->len = len;
	*ret_size = payload + len;
	return 0;
broken:
	c->open = BBQ_OPEN_BROKEN;
	return -EBADMSG;
}

/* The part in hand is read: step into the next, or look for one. */
BBQ_COLD int bbq_frame_look_(struct bbq_consumer *c)
{
	int error;

	if (bbq_consumer_first_(c) > 0)
		return 0;
	error = bbq_consumer_reload_(c);
	if (error)
		return error;
	return bbq_consumer_first_(c) > 0 ? 0 : -EAGAIN;
}

/*
 * Read the next frame: ret is its payload, whole. It is the caller's to look
 * at until bbq_frame_release, or bbq_release(consumer, 0), after which the
 * same frame is read again.
 *
 * -EINVAL   null               -EBUSY    a read is open
 * -EAGAIN   nothing to read    -EBADMSG  impossible words or frame header
 */
BBQ_INLINE int bbq_frame_read(struct bbq_consumer *consumer,
			      struct bbq_view *ret)
{
	struct bbq_view view;
	size_t size;
	int error;

	if (!consumer || !ret)
		return -EINVAL;
	if (consumer->open != BBQ_OPEN_NONE)
		return bbq_misfit_(consumer->open, -EBUSY);
	/* A frame in hand is enough; look for news only without. */
	view.len =
		bbq_first_len_(consumer->read, consumer->write, consumer->last);
	if (view.len == 0) {
		error = bbq_frame_look_(consumer);
		if (error)
			return error;
		view.len = bbq_first_len_(consumer->read, consumer->write,
					  consumer->last);
	}
	view.data = consumer->data + bbq_offset_(consumer->read);
	error = bbq_frame_find_(consumer, &view, ret, &size);
	if (error)
		return error;
	consumer->len = size;
	consumer->second = 0;
	consumer->open = BBQ_OPEN_FRAME;
	return 0;
}

/*
 * Take the next frame off `rest`, which is what is left of a part that
 * bbq_read or bbq_read_split gave: many frames for one read and one release.
 * The bytes by which rest has become shorter are what to hand to bbq_release.
 * The payload is the caller's to look at until then.
 *
 * -EINVAL   null, or no byte read open     -EAGAIN  rest is empty
 * -EBADMSG  impossible frame header
 */
BBQ_INLINE int bbq_frame_next(struct bbq_consumer *consumer,
			      struct bbq_view *rest, struct bbq_view *ret)
{
	size_t size;
	int error;

	if (!consumer || !rest || !ret)
		return -EINVAL;
	if (consumer->open != BBQ_OPEN_BYTES)
		return bbq_misfit_(consumer->open, -EINVAL);
	if (rest->len == 0)
		return -EAGAIN;
	error = bbq_frame_find_(consumer, rest, ret, &size);
	if (error)
		return error;
	rest->data = (const unsigned char *)rest->data + size;
	rest->len -= size;
	return 0;
}

/*
 * Give back the open frame and end the read. Released once: a second call is
 * refused.
 *
 * -EINVAL  null, or no frame read open
 */
BBQ_INLINE int bbq_frame_release(struct bbq_consumer *consumer)
{
	if (!consumer)
		return -EINVAL;
	if (consumer->open != BBQ_OPEN_FRAME)
		return bbq_misfit_(consumer->open, -EINVAL);
	bbq_consume_(consumer, consumer->len);
	consumer->open = BBQ_OPEN_NONE;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif /* BBQ_FRAME_H */
