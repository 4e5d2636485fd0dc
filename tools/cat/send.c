/* SPDX-License-Identifier: MIT */
/*
 * send.c - input to queue
 *
 * Bytes are read straight into grants. Lines are read into memory of our own,
 * because where a frame ends is known only then, and copied into frames.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cat.h"

#define SCRATCH_SIZE ((size_t)64 << 10)

/* Why the sending is over. */
enum end {
	END_INPUT, /* all is read */
	END_STOP,  /* a signal */
	END_PEER,  /* the receiver closed or died */
	END_ERROR, /* said already */
};

static const char *input_name(const struct cat *cat)
{
	return cat->options->file ? cat->options->file : "stdin";
}

static enum end end_error(struct cat *cat, const char *what, int error)
{
	report_error(cat, "%s: %s", what, strerror(-error));
	return END_ERROR;
}

/* A signal: nobody waits for a receiver that is not there. */
static bool worth_waiting(const struct cat *cat)
{
	return stop_signals == 0 ||
	       (stop_signals == 1 && bbq_end_peer_came(&cat->sender.end) &&
		bbq_end_peer(&cat->sender.end) != -EOWNERDEAD);
}

/*
 * A wait on the queue came back with error. 0: go on waiting. Else the end,
 * said where it is an error.
 */
static bool wait_over(struct cat *cat, int error, enum end *ret)
{
	if (error == -EPIPE || error == -EOWNERDEAD) {
		*ret = END_PEER;
		return true;
	}
	if (error != -ETIMEDOUT && error != -EAGAIN && error != -EINTR) {
		*ret = end_error(cat, cat->options->name, error);
		return true;
	}
	error = cat_tick(cat, &cat->sender.end);
	if (error == -EINTR)
		*ret = END_STOP;
	/* --wait-peer: of one that died, and has no successor. */
	if (error == -ETIMEDOUT && bbq_end_peer_came(&cat->sender.end)) {
		*ret = END_PEER;
	} else if (error == -ETIMEDOUT) {
		report_error(cat, "%s: no receiver, and --timeout is over",
			     cat->options->name);
		*ret = END_ERROR;
	}
	return error != 0;
}

/* Looked at once a tick: it is a system call, and the input may be fast. */
static bool receiver_gone(struct cat *cat)
{
	int64_t now = clock_ns();

	if (now - cat->looked_ns < TICK_NS)
		return false;
	cat->looked_ns = now;
	return cat_peer_gone(cat, &cat->sender.end) != 0;
}

/* Between reads, also of input that never pauses: is there a point in more? */
static void read_tick(struct cat *cat)
{
	report_progress(cat);
	if (stop_signals || receiver_gone(cat))
		io_cancel(&cat->io);
}

/* The next bytes of input into the region. 0 and *ret: there are no more. */
static ssize_t read_more(struct cat *cat, enum end *ret)
{
	for (;;) {
		ssize_t n;

		read_tick(cat);
		n = io_next(&cat->io, TICK_MS);
		if (n > 0)
			return n;
		if (n == -EAGAIN || n == -EINTR)
			continue;
		if (n == 0)
			*ret = END_INPUT;
		else if (n == -ECANCELED)
			*ret = stop_signals ? END_STOP : END_PEER;
		else
			*ret = end_error(cat, input_name(cat), (int)n);
		return 0;
	}
}

static void start_part(struct cat *cat, void *data, size_t len)
{
	const struct iovec parts[2] = { { .iov_base = data, .iov_len = len } };

	io_start(&cat->io, parts);
}

/* ---- bytes ------------------------------------------------------------- */

/* Fill the open grant. */
static bool fill_grant(struct cat *cat, const struct bbq_span *span,
		       enum end *ret)
{
	bool more = true;

	start_part(cat, span->data, span->len);
	while (more && !io_finished(&cat->io)) {
		ssize_t n = read_more(cat, ret);

		more = n > 0;
		bbq_sender_commit_part(&cat->sender, (size_t)n);
		cat->counts.bytes += (uint64_t)n;
	}
	bbq_sender_commit(&cat->sender, 0);
	return more;
}

/* Bytes read while there was no room: what finds room now goes, the rest not.*/
static void send_or_drop(struct cat *cat, const char *data, size_t len)
{
	struct bbq_span span;

	while (len > 0 &&
	       bbq_sender_grant_range(&cat->sender, 1, len, 0, &span) == 0) {
		memcpy(span.data, data, span.len);
		bbq_sender_commit(&cat->sender, span.len);
		cat->counts.bytes += span.len;
		data += span.len;
		len -= span.len;
	}
	cat->counts.dropped_bytes += len;
}

/* --drop, and no room: keep the input moving. */
static bool read_scratch(struct cat *cat, char *scratch, enum end *ret)
{
	ssize_t n;

	start_part(cat, scratch, SCRATCH_SIZE);
	while (!io_finished(&cat->io)) {
		n = read_more(cat, ret);
		if (n == 0)
			return false;
		send_or_drop(cat, scratch + cat->io.done - (size_t)n,
			     (size_t)n);
		if (bbq_writable(&cat->sender.producer) > 0 &&
		    !cat->io.addressed)
			break;
	}
	return true;
}

static enum end send_bytes(struct cat *cat)
{
	static char scratch[SCRATCH_SIZE];
	int64_t timeout = cat->options->drop ? 0 : TICK_NS;
	struct bbq_span span;
	enum end end = END_ERROR;

	for (;;) {
		int error = bbq_sender_grant_range(&cat->sender, 1, SIZE_MAX,
						   timeout, &span);

		if (error == 0) {
			if (!fill_grant(cat, &span, &end))
				return end;
		} else if (error == -EAGAIN && cat->options->drop) {
			if (!read_scratch(cat, scratch, &end))
				return end;
		} else if (wait_over(cat, error, &end)) {
			return end;
		}
	}
}

/* ---- lines ------------------------------------------------------------- */

/* Input that has been read and not yet been sent as lines. */
struct text {
	char *data;
	size_t len;
	size_t size;
	size_t searched; /* so much of it has no newline */
	bool skipping;	 /* --drop: in a line that is too long */
};

static bool text_reserve(struct text *text)
{
	size_t size = text->size ? text->size * 2 : SCRATCH_SIZE;
	char *data;

	if (text->size - text->len >= SCRATCH_SIZE / 2)
		return true;
	data = realloc(text->data, size);
	if (!data)
		return false;
	text->data = data;
	text->size = size;
	return true;
}

static bool drop_line(struct cat *cat, size_t len)
{
	cat->counts.dropped_lines++;
	cat->counts.dropped_bytes += len;
	return true;
}

static bool line_too_long(struct cat *cat, enum end *ret)
{
	report_error(cat,
		     "%s: line %" PRIu64
		     " does not fit into a queue of %zu bytes "
		     "(--capacity)",
		     input_name(cat),
		     cat->counts.lines + cat->counts.dropped_lines + 1,
		     bbq_segment_capacity(cat->segment));
	*ret = END_ERROR;
	return false;
}

/*
 * What was read is sent, also after a signal: as long as there is a receiver
 * to make room for it.
 */
static bool send_line(struct cat *cat, const char *line, size_t len,
		      enum end *ret)
{
	int64_t timeout = cat->options->drop ? 0 : TICK_NS;
	struct bbq_span span;
	int error;

	while ((error = bbq_sender_frame_grant(&cat->sender, len, timeout,
					       &span)) != 0) {
		if (cat->options->drop &&
		    (error == -EAGAIN || error == -EMSGSIZE))
			return drop_line(cat, len);
		if (error == -EMSGSIZE)
			return line_too_long(cat, ret);
		if (wait_over(cat, error, ret) &&
		    !(*ret == END_STOP && worth_waiting(cat)))
			return false;
	}
	memcpy(span.data, line, len);
	bbq_sender_frame_commit(&cat->sender, len);
	cat->counts.lines++;
	cat->counts.bytes += len;
	report_progress(cat);
	return true;
}

/* The rest of a line whose beginning was too long already. */
static size_t skip_line(struct cat *cat, struct text *text)
{
	char *newline = memchr(text->data, '\n', text->len);
	size_t len = newline ? (size_t)(newline + 1 - text->data) : text->len;

	cat->counts.dropped_bytes += len;
	if (newline) {
		cat->counts.dropped_lines++;
		text->skipping = false;
	}
	return len;
}

/* Send the complete lines; what is left moves to the front. */
static bool send_text(struct cat *cat, struct text *text, enum end *ret)
{
	char *limit = text->data + text->len;
	char *line = text->data;
	char *from = line + text->searched;
	char *newline;
	bool more = true;

	if (text->skipping) {
		line += skip_line(cat, text);
		from = line;
	}
	while (more && from < limit &&
	       (newline = memchr(from, '\n', (size_t)(limit - from)))) {
		from = newline + 1;
		more = send_line(cat, line, (size_t)(from - line), ret);
		if (more)
			line = from;
	}
	text->len = (size_t)(limit - line);
	memmove(text->data, line, text->len);
	text->searched = more ? text->len : 0;
	/* A line that has no end in sight, and will not fit with one. */
	if (!more || text->len <= bbq_segment_capacity(cat->segment))
		return more;
	if (!cat->options->drop)
		return line_too_long(cat, ret);
	text->skipping = true;
	text->len -= skip_line(cat, text);
	text->searched = 0;
	return true;
}

static bool read_text(struct cat *cat, struct text *text, enum end *ret)
{
	ssize_t n;

	if (!text_reserve(text)) {
		*ret = end_error(cat, input_name(cat), -ENOMEM);
		return false;
	}
	start_part(cat, text->data + text->len, text->size - text->len);
	while (!io_finished(&cat->io)) {
		n = read_more(cat, ret);
		if (n == 0)
			break;
		text->len += (size_t)n;
		/* A stream may pause here: send what is complete. */
		if (!cat->io.addressed)
			return send_text(cat, text, ret);
	}
	if (!send_text(cat, text, ret))
		return false;
	return io_finished(&cat->io);
}

/* The last line may have no newline; a stop sends what was read of it. */
static void send_last(struct cat *cat, struct text *text, enum end *end)
{
	enum end last = END_ERROR;

	if (*end != END_INPUT && *end != END_STOP)
		return;
	if (text->skipping) {
		cat->counts.dropped_lines++;
	} else if (text->len > 0 && text->searched == text->len) {
		if (send_line(cat, text->data, text->len, &last))
			text->len = 0;
		else
			*end = last;
	}
	if (*end == END_STOP)
		cat->unsent = text->len;
}

static enum end send_lines(struct cat *cat)
{
	struct text text = { 0 };
	enum end end = END_INPUT;

	while (read_text(cat, &text, &end))
		;
	send_last(cat, &text, &end);
	free(text.data);
	return end;
}

/* ---- the end ----------------------------------------------------------- */

static enum status peer_gone(struct cat *cat, int error)
{
	size_t left = bbq_segment_fill(cat->segment);

	report_error(cat, "%s: the receiver %s; %zu bytes were not delivered",
		     cat->options->name, error == -EPIPE ? "closed" : "died",
		     left);
	return error == -EPIPE ? STATUS_ERROR : STATUS_PEER_DIED;
}

/*
 * Stopped, or out of time: what is left, and where. Nobody gets what is left in
 * a queue over a socket.
 */
static enum status left_behind(struct cat *cat)
{
	size_t left = bbq_segment_fill(cat->segment);
	const char *where =
		cat->over_socket ? "were not delivered" : "wait in the queue";

	if (cat->unsent > 0)
		report_error(cat,
			     "%s: stopped; %zu bytes that were read are lost, "
			     "%zu bytes %s",
			     cat->options->name, cat->unsent, left, where);
	else if (left > 0)
		report_error(cat, "%s: %s; %zu bytes %s", cat->options->name,
			     cat->over_socket ? "stopped" : "no receiver", left,
			     where);
	return cat->unsent > 0 || left > 0 ? STATUS_ERROR : STATUS_OK;
}

/* All is committed: wait until it is delivered. */
static enum status finish(struct cat *cat)
{
	int error = bbq_sender_finish(&cat->sender, 0);

	while (error == -EAGAIN || error == -ETIMEDOUT || error == -EINTR) {
		int tick = cat_tick(cat, &cat->sender.end);

		if (tick == -ETIMEDOUT || !worth_waiting(cat))
			break;
		error = bbq_sender_finish(&cat->sender, TICK_NS);
	}
	/* --wait-peer, and no successor came. */
	if (error && bbq_end_peer(&cat->sender.end) == -EOWNERDEAD)
		error = -EOWNERDEAD;
	if (error == -EPIPE || error == -EOWNERDEAD)
		return peer_gone(cat, error);
	return left_behind(cat);
}

enum status send_run(struct cat *cat)
{
	enum end end = cat->options->lines ? send_lines(cat) : send_bytes(cat);
	enum status status = STATUS_ERROR;

	switch (end) {
	case END_INPUT:
	case END_STOP:
		status = finish(cat);
		break;
	case END_PEER:
		status = peer_gone(cat, bbq_end_peer(&cat->sender.end));
		break;
	case END_ERROR:
		break;
	}
	/* Nothing left in it, and nobody there: leave no name behind. */
	bbq_segment_retire(cat->segment);
	if (end == END_INPUT || end == END_STOP)
		bbq_sender_close(&cat->sender);
	else
		bbq_sender_abandon(&cat->sender);
	return status;
}
