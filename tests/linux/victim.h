/* SPDX-License-Identifier: MIT */
/*
 * victim.h - an honest end that minds what it is given; see scribbler.c
 *
 * It works in one of the ways there are, and fails if a region is not inside
 * the data, or an error is none that the header documents.
 */
#ifndef TESTS_LINUX_VICTIM_H
#define TESTS_LINUX_VICTIM_H

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "scribble.h"

#define check(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static uint64_t seed;
static uint64_t round_number;

/* What the victims saw; in memory that they share with us. */
static struct tally {
	uint64_t calls;
	uint64_t moved; /* bytes */
	uint64_t opened;
	uint64_t again; /* -EAGAIN and -ETIMEDOUT */
	uint64_t broken;
	uint64_t gone; /* -EPIPE and -EOWNERDEAD */
	uint64_t other;
} * tally;

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "scribbler: %d: not %s (seed %llu, round %llu)\n", line,
		what, (unsigned long long)seed,
		(unsigned long long)round_number);
	_exit(1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the victim -------------------------------------------------------- */

struct victim {
	bool sealed; /* nobody else can write what is this end's */
	struct bbq_segment *segment;
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	const unsigned char *data;
	size_t capacity;
	bool frames;
};

static const int documented[] = {
	-EAGAIN, -ETIMEDOUT, -EPIPE,	-EOWNERDEAD, -EBADMSG,
	-EINTR,	 -EBUSY,     -EMSGSIZE, -EADDRINUSE,
};

/* Every error is one that the caller was told of. True: go on. */
static bool goes_on(int error)
{
	size_t i = 0;

	tally->calls++;
	if (error == 0)
		return true;
	while (i < 9 && documented[i] != error)
		i++;
	check(i < 9);
	if (error == -EAGAIN || error == -ETIMEDOUT)
		tally->again++;
	else if (error == -EBADMSG)
		tally->broken++;
	else if (error == -EPIPE || error == -EOWNERDEAD)
		tally->gone++;
	else
		tally->other++;
	return error != -EBADMSG;
}

/* Not outside, and all of it is there. */
static size_t inside(const struct victim *victim, const void *data, size_t len)
{
	const unsigned char *from = data;
	size_t start = (size_t)(from - victim->data);
	unsigned int sum = 0;

	check(start <= victim->capacity && len <= victim->capacity - start);
	for (size_t i = 0; i < len; i++)
		sum += __atomic_load_n(from + i, __ATOMIC_RELAXED);
	__asm__ volatile("" : : "r"(sum));
	tally->moved += len;
	return len;
}

/* None, or milliseconds. */
static int64_t some_timeout(void)
{
	return one_in(2) ? 0 : (int64_t)below(3) * 1000000;
}

/* A descriptor: it is armed, and polled, and may say anything. */
static bool wait_at(int fd, int armed)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	check(fd >= 0);
	if (!goes_on(armed))
		return false;
	poll(&wait, 1, (int)below(3));
	return true;
}

/*
 * While this end does nothing, nothing that is its own changes: its page, and
 * the data if it sends. What was compared, in two copies.
 */
static void check_unchanged(const struct victim *v, bool sends)
{
	static unsigned char before[2][70000];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const unsigned char *own = v->data - (sends ? 2 : 1) * page;

	memcpy(before[0], own, page);
	memcpy(before[1], v->data, sends ? v->capacity : 0);
	usleep((unsigned int)below(2000));
	check(memcmp(before[0], own, page) == 0);
	check(memcmp(before[1], v->data, sends ? v->capacity : 0) == 0);
}

static bool send_some(struct victim *v)
{
	struct bbq_sender *s = &v->sender;
	struct bbq_span span;
	size_t len = 1 + below(one_in(4) ? v->capacity + 2 : 100);
	int error;

	if (one_in(20))
		return wait_at(bbq_sender_fd(s), bbq_sender_arm(s, len));
	if (one_in(20))
		return goes_on(bbq_sender_wait(s, len, some_timeout()));
	error = v->frames
			? bbq_sender_frame_grant(s, len, some_timeout(), &span)
			: bbq_sender_grant_range(s, 1 + below(len), len,
						 some_timeout(), &span);
	if (error)
		return goes_on(error);
	check(span.len > 0 && span.len <= len);
	inside(v, span.data, span.len);
	memset(span.data, (int)len, span.len);
	len = below(span.len + 1);
	if (one_in(8))
		return goes_on(bbq_sender_commit(s, 0));
	if (v->frames)
		return goes_on(bbq_sender_frame_commit(s, len));
	if (one_in(2) && !goes_on(bbq_sender_commit_part(s, len)))
		return false;
	return goes_on(bbq_sender_commit(s, 0));
}

/* Frames one by one off a whole part. */
static bool take_apart(struct victim *v, const struct bbq_view views[2])
{
	struct bbq_view rest = views[0], frame;
	int error;

	while ((error = bbq_frame_next(&v->receiver.consumer, &rest, &frame)) ==
	       0)
		inside(v, frame.data, frame.len);
	if (error != -EAGAIN)
		return goes_on(error);
	return goes_on(bbq_receiver_frames_release(
		       &v->receiver, views[0].len - rest.len, 1)) &&
	       goes_on(bbq_receiver_release(&v->receiver, 0));
}

static bool receive_split(struct victim *v)
{
	struct bbq_view views[2];
	int error =
		bbq_receiver_read_split(&v->receiver, some_timeout(), views);
	size_t len;

	if (error)
		return goes_on(error);
	check(views[0].len > 0);
	len = inside(v, views[0].data, views[0].len);
	if (views[1].len > 0)
		len += inside(v, views[1].data, views[1].len);
	check(len <= v->capacity);
	if (v->frames)
		return take_apart(v, views);
	return goes_on(bbq_receiver_release_part(&v->receiver,
						 below(len + 1))) &&
	       goes_on(bbq_receiver_release(&v->receiver, 0));
}

static bool receive_frame(struct victim *v)
{
	struct bbq_view view;
	int error =
		bbq_receiver_frame_read(&v->receiver, some_timeout(), &view);

	if (error)
		return goes_on(error);
	inside(v, view.data, view.len);
	return goes_on(one_in(4) ? bbq_receiver_release(&v->receiver, 0)
				 : bbq_receiver_frame_release(&v->receiver));
}

static bool receive_some(struct victim *v)
{
	struct bbq_receiver *r = &v->receiver;
	struct bbq_view view;
	int error;

	if (one_in(20))
		return wait_at(bbq_receiver_fd(r), bbq_receiver_arm(r));
	if (one_in(20))
		return goes_on(bbq_receiver_wait(r, some_timeout()));
	if (one_in(3))
		return receive_split(v);
	if (v->frames)
		return receive_frame(v);
	error = bbq_receiver_read(r, some_timeout(), &view);
	if (error)
		return goes_on(error);
	inside(v, view.data, view.len);
	return goes_on(bbq_receiver_release(r, below(view.len + 1)));
}

/* What tells of the peer and of the queue, to whoever asks. */
static void ask(const struct victim *v, const struct bbq_end *end)
{
	struct bbq_counters counters;

	check(bbq_segment_fill(v->segment) <= v->capacity);
	check(bbq_segment_sent(v->segment, &counters) == 0);
	check(bbq_segment_received(v->segment, &counters) == 0);
	goes_on(bbq_end_peer(end));
	bbq_end_peer_came(end);
}

static void look_around(const struct victim *v, const struct bbq_end *end,
			bool sends)
{
	if (one_in(16))
		ask(v, end);
	/* A descriptor has a thread of ours that may store a ticket. */
	if (v->sealed && !end->watch && one_in(16))
		check_unchanged(v, sends);
}

static void set_up(struct bbq_end *end)
{
	tally->opened++;
	end->spin = (unsigned int)below(3) * 100;
	end->slice_ns = 1 + (int64_t)below(3000000);
	end->wait_peer = one_in(4);
}

static void send_all(struct victim *v, int64_t until)
{
	int error = bbq_sender_open(v->segment, &v->sender);

	if (error) {
		goes_on(error);
		return;
	}
	set_up(&v->sender.end);
	while (now_ms() < until && send_some(v))
		look_around(v, &v->sender.end, true);
	if (one_in(4))
		goes_on(bbq_sender_finish(&v->sender, some_timeout()));
	if (one_in(2))
		bbq_sender_close(&v->sender);
	else
		bbq_sender_abandon(&v->sender);
}

static void receive_all(struct victim *v, int64_t until)
{
	int error = bbq_receiver_open(v->segment, &v->receiver);

	if (error) {
		goes_on(error);
		return;
	}
	set_up(&v->receiver.end);
	while (now_ms() < until && receive_some(v))
		look_around(v, &v->receiver.end, false);
	if (one_in(2))
		bbq_receiver_close(&v->receiver);
	else
		bbq_receiver_abandon(&v->receiver);
}

#endif /* TESTS_LINUX_VICTIM_H */
