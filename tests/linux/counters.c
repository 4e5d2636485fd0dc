/* SPDX-License-Identifier: MIT */
/* What the sides count, as an observer sees it, and what a sleeper costs. */
#include <time.h>

#include "linux.h"

TestSuite(counters, .timeout = PATIENCE);

static struct bbq_segment *segment;
static struct bbq_sender s;
static struct bbq_receiver r;
static struct bbq_span span, payload;
static struct bbq_view views[2];
static struct bbq_counters sent, received;

static void open_ends(void)
{
	is(0, bbq_sender_open(segment, &s));
	is(0, bbq_receiver_open(segment, &r));
	s.end.spin = 0;
	r.end.spin = 0;
}

static void end(void)
{
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

static void look(void)
{
	is(0, bbq_segment_sent(segment, &sent));
	is(0, bbq_segment_received(segment, &received));
}

#define counts(side, field, value) cr_assert_eq(side.field, value)

Test(counters, bytes)
{
	segment = make(10);
	open_ends();
	look();
	counts(sent, bytes, 0);
	counts(sent, avoided, 0);
	/* 3 + 2 of 7 granted, an abort, and 1 that wraps. */
	is(0, bbq_sender_grant(&s, 7, 0, &span));
	is(0, bbq_sender_commit_part(&s, 3));
	is(0, bbq_sender_commit(&s, 2));
	is(0, bbq_sender_grant(&s, 5, 0, &span));
	is(0, bbq_sender_commit(&s, 0));
	is(0, bbq_receiver_read(&r, 0, views));
	is(0, bbq_receiver_release_part(&r, 4));
	is(0, bbq_receiver_release(&r, 0));
	look();
	counts(sent, bytes, 5);
	counts(sent, frames, 0);
	counts(sent, avoided, 2);
	counts(received, bytes, 4);
	counts(received, avoided, 1);
	cr_assert_eq(sent.bytes - received.bytes, bbq_segment_fill(segment));
	end();
}

/* A refusal that publishes nothing owes nobody a ring, and avoids none. */
Test(counters, refused)
{
	segment = make(10);
	open_ends();
	is(0, bbq_sender_grant(&s, 10, 0, &span));
	is(0, bbq_sender_commit(&s, 10));
	is(-EAGAIN, bbq_sender_grant(&s, 5, 0, &span)); /* publishes a wrap */
	look();
	counts(sent, refused, 1);
	counts(sent, avoided, 2);
	is(-EAGAIN, bbq_sender_grant(&s, 5, 0, &span));
	look();
	counts(sent, refused, 2);
	counts(sent, avoided, 2);
	end();
}

/* With header and gap; each is a frame, also one of no bytes. */
Test(counters, frames)
{
	size_t before;

	segment = make_frames(100, 8);
	open_ends();
	for (size_t len = 0; len < 3; len++) {
		is(0, bbq_sender_frame_grant(&s, 20, 0, &span));
		is(0, bbq_sender_frame_commit(&s, len));
	}
	is(0, bbq_receiver_frame_read(&r, 0, views));
	is(0, bbq_receiver_frame_release(&r));
	look();
	counts(sent, frames, 3);
	counts(received, frames, 1);
	cr_assert_eq(sent.bytes - received.bytes, bbq_segment_fill(segment));
	is(0, bbq_receiver_read_split(&r, 0, views));
	before = views[0].len;
	is(0, bbq_frame_next(&r.consumer, &views[0], &views[1]));
	is(0, bbq_frame_next(&r.consumer, &views[0], &views[1]));
	is(0, bbq_receiver_frames_release(&r, before, 2));
	is(0, bbq_receiver_release(&r, 0));
	look();
	counts(received, frames, 3);
	counts(received, bytes, sent.bytes);
	is(-EINVAL, bbq_receiver_frames_release(&r, 1, 1));
	is(-EINVAL, bbq_receiver_frames_release(NULL, 1, 1));
	end();
}

/* Frames that are committed together count one by one. */
Test(counters, batches)
{
	size_t before;

	segment = make_frames(100, 8);
	open_ends();
	is(0, bbq_sender_frames_grant(&s, 3, 100, 0, &span));
	before = span.len;
	is(0, bbq_frame_put(&s.producer, &span, 3, &payload));
	is(0, bbq_frame_put(&s.producer, &span, 0, &payload));
	look();
	counts(sent, frames, 0);
	counts(sent, bytes, 0);
	is(0, bbq_sender_frames_commit(&s, before - span.len, 2));
	look();
	counts(sent, frames, 2);
	counts(sent, bytes, before - span.len);
	counts(sent, avoided, 1);
	cr_assert_eq(sent.bytes, bbq_segment_fill(segment));
	/* Nothing is no publication. */
	is(0, bbq_sender_frames_commit(&s, 0, 0));
	is(-EINVAL, bbq_sender_frames_commit(&s, span.len + 1, 1));
	is(0, bbq_sender_commit(&s, 0));
	is(-EINVAL, bbq_sender_frames_commit(&s, 1, 1));
	is(-EINVAL, bbq_sender_frames_commit(NULL, 1, 1));
	look();
	counts(sent, frames, 2);
	counts(sent, avoided, 1);
	end();
}

Test(counters, waits)
{
	segment = make(10);
	open_ends();
	look();
	/* Each claim rings once. */
	counts(sent, rings, 1);
	counts(received, rings, 1);
	is(-EAGAIN, bbq_receiver_read(&r, 0, views));
	is(-ETIMEDOUT, bbq_receiver_read(&r, 1, views));
	/* A sleep through several slices is one. */
	is(-ETIMEDOUT, bbq_receiver_read(&r, 250 * MS, views));
	look();
	counts(received, refused, 3);
	cr_assert_leq(received.sleeps, 2);
	cr_assert_geq(received.sleeps, 1);
	/* The first commit rings for the last ticket, the second does not. */
	send_text(&s, "ab");
	send_text(&s, "cd");
	look();
	counts(sent, rings, 2);
	counts(sent, avoided, 1);
	counts(sent, refused, 0);
	is(-EAGAIN, bbq_sender_grant(&s, 7, 0, &span));
	look();
	counts(sent, refused, 1);
	counts(sent, sleeps, 0);
	end();
}

/* They go on where the last holder of the role stopped. */
Test(counters, lives)
{
	segment = make(10);
	open_ends();
	send_text(&s, "ab");
	recv_text(&r, "ab");
	bbq_sender_abandon(&s);
	bbq_receiver_close(&r);
	open_ends();
	send_text(&s, "abc");
	recv_text(&r, "abc");
	look();
	counts(sent, bytes, 5);
	counts(received, bytes, 5);
	end();
	/* An end that is closed may be notified: nobody hears it. */
	bbq_sender_notify(&s);
	bbq_receiver_notify(&r);
}

/* As docs/format.md has it, by somebody who may only read. */
Test(counters, observer)
{
	const struct bbq_config config = { .capacity = 10 };
	const char *name = own_name("observer");
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const unsigned char *map;
	uint64_t bytes;
	char path[128];
	int fd;

	is(0, bbq_segment_create_named(name, &config, &segment));
	open_ends();
	snprintf(path, sizeof(path), "/dev/shm%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	map = mmap(NULL, 4 * page, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	for (uint64_t i = 1; i <= 5; i++) {
		send_text(&s, "ab");
		memcpy(&bytes, map + page + 512, sizeof(bytes));
		cr_assert_eq(bytes, 2 * i);
		recv_text(&r, "ab");
		memcpy(&bytes, map + 2 * page + 512, sizeof(bytes));
		cr_assert_eq(bytes, 2 * i);
	}
	munmap((void *)map, 4 * page);
	close(fd);
	is(0, bbq_segment_unlink(name));
	end();
}

Test(counters, null)
{
	segment = make(10);
	is(-EINVAL, bbq_segment_sent(NULL, &sent));
	is(-EINVAL, bbq_segment_sent(segment, NULL));
	is(-EINVAL, bbq_segment_received(NULL, &sent));
	is(-EINVAL, bbq_segment_received(segment, NULL));
	bbq_segment_close(segment);
}

/* ---- what sleeping costs ----------------------------------------------- */

static int64_t clock_of(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000 * MS + time.tv_nsec;
}

#define IDLE_SLEEPS 3

/*
 * A side that waits for 4 seconds uses less than a thousandth of them, of all
 * its threads' time. Processor time, so a neighbour can take part in it only by
 * interrupting us; one quiet sleep of a few is enough.
 */
static void idle(void (*sleep)(void))
{
	/* An emulator's time is our own: it translates what is run. */
	const int64_t share = getenv("EMULATOR") ? 50 : 1000;
	int64_t used = 0, passed = 0;

	for (int i = 0; i < IDLE_SLEEPS; i++) {
		used = clock_of(CLOCK_PROCESS_CPUTIME_ID);
		passed = clock_of(CLOCK_MONOTONIC);
		sleep();
		used = clock_of(CLOCK_PROCESS_CPUTIME_ID) - used;
		passed = clock_of(CLOCK_MONOTONIC) - passed;
		if (used * share < passed)
			return;
	}
	cr_assert(false, "%lld of %lld ns are used", (long long)used,
		  (long long)passed);
}

static void sleep_reading(void)
{
	is(-ETIMEDOUT, bbq_receiver_read(&r, 4000 * MS, views));
}

static void sleep_granting(void)
{
	is(-ETIMEDOUT, bbq_sender_grant(&s, 10, 4000 * MS, &span));
}

static void sleep_polling(void)
{
	is(0, bbq_receiver_arm(&r));
	sleep(4);
}

Test(counters, idle)
{
	segment = make(10);
	open_ends();
	r.end.spin = BBQ_SPIN_DEFAULT;
	s.end.spin = BBQ_SPIN_DEFAULT;
	idle(sleep_reading);
	idle(sleep_polling);
	send_text(&s, "a");
	idle(sleep_granting);
	end();
}
