/* SPDX-License-Identifier: MIT */
/* storm-sender.c - what an actor does that has the sending end; see storm.c */
#include "storm-actor.h"

/* Garbage first, here and there: what is not committed must not be seen. */
static void spoil(const struct bbq_span *span)
{
	if (span->len > 0 && one_in(4))
		memset(span->data, 0xdb, span->len);
}

static uint64_t write_after(size_t size)
{
	uint64_t write = s.producer.write;

	return s.producer.start == bbq_offset_(write)
		       ? write + size
		       : bbq_next_lap_(write) + size;
}

static void commit_bytes(unsigned char **data, size_t used, bool part)
{
	stream_fill(*data, ledger->key, at, used);
	if (used == 0) {
		check(bbq_sender_commit(&s, 0) == 0);
		return;
	}
	begin_note(write_after(used), at + used);
	end_note(part ? bbq_sender_commit_part(&s, used)
		      : bbq_sender_commit(&s, used));
	*data += used;
}

static int send_bytes_once(void)
{
	size_t max = length_of(draw(), capacity);
	size_t min = one_in(2) ? max : 1 + (size_t)below(max);
	struct bbq_span span;
	unsigned char *data;
	size_t used;
	int error;

	error = one_in(16) ? wait_by_poll(min) : 0;
	if (error)
		return error;
	error = one_in(8) ? bbq_sender_wait(&s, min, any_timeout()) : 0;
	if (error)
		return error;
	error = bbq_sender_grant_range(&s, min, max, any_timeout(), &span);
	if (error)
		return error;
	check(span.len >= min && span.len <= max);
	spoil(&span);
	data = span.data;
	used = one_in(4) ? (size_t)below(span.len + 1) : span.len;
	if (used > 1 && one_in(4)) {
		size_t part = 1 + (size_t)below(used - 1);

		commit_bytes(&data, part, true);
		used -= part;
		pause_now_and_then();
	}
	commit_bytes(&data, used, false);
	return 0;
}

static int send_frame_once(void)
{
	size_t max = frame_max(capacity, align);
	size_t len = frame_len(frame_key(at), max);
	size_t room = one_in(4) ? len + (size_t)below(max - len + 1) : len;
	struct bbq_span span;
	int error;

	error = one_in(16) ? wait_by_poll(room) : 0;
	if (error)
		return error;
	error = one_in(8) ? bbq_sender_wait(&s, room, any_timeout()) : 0;
	if (error)
		return error;
	error = bbq_sender_frame_grant(&s, room, any_timeout(), &span);
	if (error)
		return error;
	check(span.len == room && (uintptr_t)span.data % align == 0);
	spoil(&span);
	if (one_in(16))
		return bbq_sender_commit(&s, 0);
	stream_fill(span.data, frame_key(at), 0, len);
	pause_now_and_then();
	begin_note(write_after(s.producer.frame_payload + len), at + 1);
	end_note(bbq_sender_frame_commit(&s, len));
	return 0;
}

int send_something(void)
{
	return align ? send_frame_once() : send_bytes_once();
}

int end_stream(void)
{
	give_notice();
	last_error = bbq_sender_finish(&s, (int64_t)below(20000) * 1000);
	check(last_error == 0 || last_error == -EPIPE ||
	      last_error == -EOWNERDEAD || last_error == -ETIMEDOUT ||
	      last_error == -EINTR || last_error == -EAGAIN);
	if (last_error == 0)
		bbq_sender_close(&s);
	return last_error;
}
