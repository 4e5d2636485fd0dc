/* SPDX-License-Identifier: MIT */
/* storm-receiver.c - what one does that has the receiving end; see storm.c */
#include "storm-actor.h"

/* A read that ends in an error has seen all that a commit has returned for. */
static int read_nothing(int error, uint64_t committed)
{
	last_error = error;
	check(error == -EINTR || at >= committed);
	return error;
}

static void note_seen(uint64_t position)
{
	check(position <= look(&peer->meant));
	if (position > look(&own->seen))
		put(&own->seen, position);
}

static uint64_t read_after(size_t used)
{
	uint64_t read = r.consumer.read;

	return used <= r.consumer.len
		       ? read + used
		       : bbq_next_lap_(read) + (used - r.consumer.len);
}

static void check_bytes(const struct bbq_view views[2], uint64_t from)
{
	check(stream_fits(views[0].data, ledger->key, from, views[0].len));
	check(stream_fits(views[1].data, ledger->key, from + views[0].len,
			  views[1].len));
}

static void release_bytes(size_t used, bool part)
{
	if (used == 0) {
		check(part || bbq_receiver_release(&r, 0) == 0);
		return;
	}
	begin_note(read_after(used), at + used);
	end_note(part ? bbq_receiver_release_part(&r, used)
		      : bbq_receiver_release(&r, used));
	own->bytes += used;
}

static int read_any(struct bbq_view views[2])
{
	uint64_t committed = look(&peer->done);
	int error;

	views[1] = (struct bbq_view){ views[0].data, 0 };
	error = one_in(16) ? wait_by_poll(0) : 0;
	if (!error && one_in(8))
		error = bbq_receiver_wait(&r, any_timeout());
	if (!error && (align || one_in(2)))
		error = bbq_receiver_read_split(&r, any_timeout(), views);
	else if (!error)
		error = bbq_receiver_read(&r, any_timeout(), views);
	return error ? read_nothing(error, committed) : 0;
}

static int recv_bytes_once(void)
{
	struct bbq_view views[2] = { { "", 0 } };
	uint64_t from = at;
	size_t len, take;
	int error = read_any(views);

	if (error)
		return error;
	len = views[0].len + views[1].len;
	check(len > 0 && len <= capacity);
	note_seen(at + len);
	check_bytes(views, from);
	take = one_in(3) ? (size_t)below(len + 1) : len;
	if (take > 1 && one_in(4)) {
		size_t part = 1 + (size_t)below(take - 1);

		release_bytes(part, true);
		take -= part;
		/* What is released may be anything by now. */
		if (part <= views[0].len) {
			views[0].data = (const char *)views[0].data + part;
			views[0].len -= part;
		} else {
			part -= views[0].len;
			views[0].len = 0;
			views[1].data = (const char *)views[1].data + part;
			views[1].len -= part;
		}
		from = at;
	}
	pause_now_and_then();
	check_bytes(views, from);
	release_bytes(take, false);
	return 0;
}

static void check_frame(const struct bbq_view *frame, uint64_t number)
{
	uint64_t key = frame_key(number);

	check(frame->len == frame_len(key, frame_max(capacity, align)));
	check((uintptr_t)frame->data % align == 0);
	check(stream_fits(frame->data, key, 0, frame->len));
}

static int recv_frame_once(void)
{
	uint64_t committed = look(&peer->done);
	struct bbq_view frame;
	int error;

	error = bbq_receiver_frame_read(&r, any_timeout(), &frame);
	if (error)
		return read_nothing(error, committed);
	note_seen(at + 1);
	check_frame(&frame, at);
	pause_now_and_then();
	check_frame(&frame, at);
	if (one_in(16))
		return bbq_receiver_release(&r, 0);
	begin_note(read_after(r.consumer.len), at + 1);
	end_note(bbq_receiver_frame_release(&r));
	own->bytes += frame.len;
	return 0;
}

/* Many frames by one read, and some or all of them by one release. */
static int recv_frames_once(void)
{
	struct bbq_view views[2] = { { "", 0 } };
	size_t used = 0, bytes = 0, frames = 0, limit = SIZE_MAX;
	int error = read_any(views);

	if (error)
		return error;
	if (one_in(4))
		limit = (size_t)below(10);
	for (int i = 0; i < 2; i++) {
		struct bbq_view frame;

		while (frames < limit && views[i].len > 0) {
			size_t rest = views[i].len;

			last_error =
				bbq_frame_next(&r.consumer, &views[i], &frame);
			check(last_error == 0);
			note_seen(at + frames + 1);
			check_frame(&frame, at + frames++);
			used += rest - views[i].len;
			bytes += frame.len;
		}
	}
	pause_now_and_then();
	if (frames > 0) {
		begin_note(read_after(used), at + frames);
		end_note(bbq_receiver_frames_release(&r, used, frames));
		own->bytes += bytes;
	}
	return bbq_receiver_release(&r, 0);
}

int receive_something(void)
{
	if (!align)
		return recv_bytes_once();
	return one_in(2) ? recv_frame_once() : recv_frames_once();
}
