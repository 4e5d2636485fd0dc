/* SPDX-License-Identifier: MIT */
/*
 * recv.c - queue to output
 *
 * Bytes are written straight from reads, and released once they are written:
 * a receiver that dies leaves them to the next one.
 */
#include <errno.h>
#include <string.h>

#include "cat.h"

/* Why the receiving is over. */
enum end {
	END_CLOSED, /* the sender closed, and all is read */
	END_DIED,   /* the sender died, and all is read */
	END_STOP,   /* a signal */
	END_OUTPUT, /* whoever reads our output has had enough */
	END_ERROR,  /* said already */
};

/*
 * Write the region out. Each piece that is written is told to *done, in order,
 * for it to release what is behind it.
 */
static bool write_region(struct cat *cat, const struct iovec parts[2],
			 void (*done)(struct cat *, size_t), enum end *ret)
{
	io_start(&cat->io, parts);
	while (!io_finished(&cat->io)) {
		ssize_t n;

		report_progress(cat);
		/* Also after a write: a signal cuts one short that blocks. */
		if (stop_signals)
			io_cancel(&cat->io);
		n = io_next(&cat->io, TICK_MS);
		if (n > 0) {
			done(cat, (size_t)n);
			cat->counts.bytes += (uint64_t)n;
			continue;
		}
		if (n == -EAGAIN || n == -EINTR)
			continue;
		*ret = n == -EPIPE	 ? END_OUTPUT
		       : n == -ECANCELED ? END_STOP
					 : END_ERROR;
		if (*ret == END_ERROR)
			report_error(cat, "stdout: %s", strerror((int)-n));
		return false;
	}
	return true;
}

static struct iovec vec_of(const struct bbq_view *view)
{
	return (struct iovec){ (void *)view->data, view->len };
}

/* ---- bytes ------------------------------------------------------------- */

static void bytes_written(struct cat *cat, size_t n)
{
	bbq_receiver_release_part(&cat->receiver, n);
}

static bool write_bytes(struct cat *cat, const struct bbq_view parts[2],
			enum end *ret)
{
	const struct iovec region[2] = { vec_of(&parts[0]), vec_of(&parts[1]) };
	bool more = write_region(cat, region, bytes_written, ret);

	bbq_receiver_release(&cat->receiver, 0);
	return more;
}

/* ---- frames ------------------------------------------------------------ */

/*
 * Small frames are gathered into one write; each is released when all of it
 * is written, so that one which is cut off is delivered again, and no other.
 */
#define BATCH_BYTES ((size_t)64 << 10)
#define BATCH_FRAMES 1024

static struct batch {
	size_t count;
	size_t released;
	size_t bytes;	/* of payload gathered */
	size_t written; /* of them */
	struct {
		size_t end;  /* of its payload in the batch */
		size_t size; /* of the frame in the queue */
	} frame[BATCH_FRAMES];
	char data[BATCH_BYTES];
} batch;

/* What is written is behind us: release the frames that are complete. */
static void frames_written(struct cat *cat, size_t n)
{
	batch.written += n;
	while (batch.released < batch.count &&
	       batch.frame[batch.released].end <= batch.written) {
		bbq_receiver_release_part(&cat->receiver,
					  batch.frame[batch.released].size);
		batch.released++;
		cat->counts.lines++;
	}
}

/*
 * Take frames off rest while they fit. A frame that is too large for any batch
 * makes one by itself, and *ret_large is its payload.
 */
static int gather(struct cat *cat, struct bbq_view rest,
		  struct bbq_view *ret_large)
{
	struct bbq_view frame;
	size_t before;
	int error;

	batch.count = batch.released = batch.bytes = batch.written = 0;
	while (batch.count < BATCH_FRAMES && ret_large->len == 0) {
		before = rest.len;
		error = bbq_frame_next(&cat->receiver.consumer, &rest, &frame);
		if (error)
			return error == -EAGAIN ? 0 : error;
		if (frame.len > BATCH_BYTES - batch.bytes) {
			if (batch.count > 0)
				return 0;
			*ret_large = frame;
		} else {
			memcpy(batch.data + batch.bytes, frame.data, frame.len);
		}
		batch.bytes += frame.len;
		batch.frame[batch.count].end = batch.bytes;
		batch.frame[batch.count].size = before - rest.len;
		batch.count++;
	}
	return 0;
}

static bool write_frames(struct cat *cat, const struct bbq_view *part,
			 enum end *ret)
{
	struct iovec region[2] = { { batch.data, 0 }, { NULL, 0 } };
	struct bbq_view large = { NULL, 0 };
	bool more;

	if (gather(cat, *part, &large)) {
		report_error(cat, "%s: the queue is damaged: impossible frame",
			     cat->options->name);
		*ret = END_ERROR;
		return false;
	}
	region[0].iov_len = batch.bytes;
	if (large.len > 0)
		region[0] = vec_of(&large);
	frames_written(cat, 0);
	more = write_region(cat, region, frames_written, ret);
	bbq_receiver_release(&cat->receiver, 0);
	return more;
}

/* ---- the queue --------------------------------------------------------- */

/* A wait on the queue came back with error. False: go on waiting. */
static bool wait_over(struct cat *cat, int error, enum end *ret)
{
	if (error == -EPIPE || error == -EOWNERDEAD) {
		*ret = error == -EPIPE ? END_CLOSED : END_DIED;
		return true;
	}
	if (error != -ETIMEDOUT && error != -EINTR) {
		report_error(cat, "%s: %s", cat->options->name,
			     error == -EBADMSG ? "the queue is damaged"
					       : strerror(-error));
		*ret = END_ERROR;
		return true;
	}
	error = cat_tick(cat, &cat->receiver.end);
	if (error == -EINTR)
		*ret = END_STOP;
	/* --wait-peer: of one that died, and has no successor. */
	if (error == -ETIMEDOUT && bbq_end_peer_came(&cat->receiver.end)) {
		*ret = END_DIED;
	} else if (error == -ETIMEDOUT) {
		report_error(cat, "%s: no sender, and --timeout is over",
			     cat->options->name);
		*ret = END_ERROR;
	}
	return error != 0;
}

/* Move what can be read next. */
static bool recv_some(struct cat *cat, enum end *ret)
{
	struct bbq_view parts[2];
	int error = bbq_receiver_read_split(&cat->receiver, TICK_NS, parts);

	if (error)
		return !wait_over(cat, error, ret);
	return bbq_segment_mode(cat->segment) == BBQ_MODE_FRAMES
		       ? write_frames(cat, &parts[0], ret)
		       : write_bytes(cat, parts, ret);
}

/*
 * The queue is over: remove its name. -EBUSY: a new sender has taken it up in
 * this very moment, and there is more to come.
 */
static bool retire(struct cat *cat)
{
	return bbq_segment_retire(cat->segment) != -EBUSY;
}

static enum end recv_all(struct cat *cat)
{
	enum end end = END_STOP;

	while (!stop_signals && recv_some(cat, &end))
		;
	return end;
}

enum status recv_run(struct cat *cat)
{
	enum end end;

	do {
		end = recv_all(cat);
	} while ((end == END_CLOSED || end == END_DIED) && !retire(cat));

	switch (end) {
	case END_OUTPUT:
		/* Nobody wants the rest: leave no name behind for it. */
		queue_discard(cat);
		bbq_receiver_close(&cat->receiver);
		return STATUS_OK;
	case END_STOP:
		/* If nobody is there, and nothing left: leave no name. */
		if (bbq_end_peer(&cat->receiver.end))
			retire(cat);
		bbq_receiver_close(&cat->receiver);
		return STATUS_OK;
	case END_CLOSED:
		bbq_receiver_close(&cat->receiver);
		return STATUS_OK;
	case END_DIED:
		report_error(cat,
			     "%s: the sender died; what it committed is "
			     "delivered",
			     cat->options->name);
		return STATUS_PEER_DIED;
	case END_ERROR:
		break;
	}
	return STATUS_ERROR;
}
