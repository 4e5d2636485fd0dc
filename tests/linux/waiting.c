/* SPDX-License-Identifier: MIT */
/* The waiting verbs between processes and threads: what they wait for. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "linux.h"

TestSuite(waiting, .timeout = PATIENCE);

static struct bbq_segment *segment;
static struct bbq_sender s;
static struct bbq_receiver r;
static struct bbq_span span;
static struct bbq_view views[2];

static void open_ends(void)
{
	is(0, bbq_sender_open(segment, &s));
	is(0, bbq_receiver_open(segment, &r));
	s.end.spin = 0;
	r.end.spin = 0;
}

/* Of the scene before, if there was one, nothing is left. */
static void end(void)
{
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

static void begin(size_t capacity)
{
	segment = make(capacity);
	open_ends();
}

static void begin_frames(size_t capacity)
{
	segment = make_frames(capacity, 1);
	open_ends();
}

static void fill_up(size_t len)
{
	is(0, bbq_sender_grant(&s, len, 0, &span));
	memset(span.data, 'f', len);
	is(0, bbq_sender_commit(&s, len));
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 * MS + time.tv_nsec;
}

/* ---- at once ----------------------------------------------------------- */

Test(waiting, not_at_all)
{
	begin(10);
	is(-EAGAIN, bbq_receiver_read(&r, 0, views));
	is(-EAGAIN, bbq_receiver_read_split(&r, 0, views));
	is(-EAGAIN, bbq_receiver_wait(&r, 0));
	is(0, bbq_sender_wait(&s, 10, 0));
	fill_up(8);
	is(-EAGAIN, bbq_sender_grant(&s, 3, 0, &span));
	is(-EAGAIN, bbq_sender_grant_range(&s, 3, 9, 0, &span));
	is(-EAGAIN, bbq_sender_wait(&s, 3, 0));
	is(0, bbq_receiver_wait(&r, 0));
	/* One look is no sleep: nobody need be woken. */
	cr_assert_eq(producer_page(segment)->side.ticket, 0);
	cr_assert_eq(consumer_page(segment)->side.ticket, 0);
}

Test(waiting, never)
{
	begin(10);
	fill_up(10);
	is(-EMSGSIZE, bbq_sender_grant(&s, 11, BBQ_FOREVER, &span));
	is(-EMSGSIZE, bbq_sender_grant(&s, SIZE_MAX, BBQ_FOREVER, &span));
	is(-EMSGSIZE, bbq_sender_grant_range(&s, 11, 12, BBQ_FOREVER, &span));
	is(-EMSGSIZE, bbq_sender_wait(&s, 11, BBQ_FOREVER));
	is(-EINVAL, bbq_sender_grant(&s, 0, BBQ_FOREVER, &span));
	is(-EINVAL, bbq_sender_grant_range(&s, 0, 1, BBQ_FOREVER, &span));
	is(-EINVAL, bbq_sender_grant_range(&s, 2, 1, BBQ_FOREVER, &span));
	end();
	begin_frames(10);
	is(-EMSGSIZE, bbq_sender_frame_grant(&s, 10, BBQ_FOREVER, &span));
	is(-EMSGSIZE, bbq_sender_frame_grant(&s, SIZE_MAX, BBQ_FOREVER, &span));
	is(-EMSGSIZE, bbq_sender_frames_grant(&s, 10, 10, BBQ_FOREVER, &span));
}

Test(waiting, with_one_open)
{
	begin(10);
	is(0, bbq_sender_grant(&s, 4, BBQ_FOREVER, &span));
	is(-EBUSY, bbq_sender_grant(&s, 1, BBQ_FOREVER, &span));
	is(-EBUSY, bbq_sender_wait(&s, 1, BBQ_FOREVER));
	is(0, bbq_sender_commit(&s, 4));
	is(0, bbq_receiver_read(&r, BBQ_FOREVER, views));
	is(-EBUSY, bbq_receiver_read(&r, BBQ_FOREVER, views));
	is(-EBUSY, bbq_receiver_read_split(&r, BBQ_FOREVER, views));
	is(-EBUSY, bbq_receiver_wait(&r, BBQ_FOREVER));
}

Test(waiting, wrong_kind)
{
	begin(10);
	is(-EINVAL, bbq_sender_frame_grant(&s, 1, BBQ_FOREVER, &span));
	is(-EINVAL, bbq_sender_frames_grant(&s, 1, 9, BBQ_FOREVER, &span));
	is(-EINVAL, bbq_receiver_frame_read(&r, BBQ_FOREVER, views));
	end();
	begin_frames(10);
	is(-EINVAL, bbq_sender_grant(&s, 1, BBQ_FOREVER, &span));
	is(-EINVAL, bbq_sender_grant_range(&s, 1, 2, BBQ_FOREVER, &span));
	is(-EINVAL, bbq_receiver_read(&r, BBQ_FOREVER, views));
	/* A split read of frames is for bbq_frame_next to take apart. */
	is(-EAGAIN, bbq_receiver_read_split(&r, 0, views));
	/* To wait is not to read: it is for both. */
	is(0, bbq_sender_wait(&s, 1, BBQ_FOREVER));
	is(-EAGAIN, bbq_receiver_wait(&r, 0));
}

/* A wait leaves nothing open and takes nothing. */
Test(waiting, leaves_nothing_open)
{
	begin(10);
	is(0, bbq_sender_wait(&s, 10, BBQ_FOREVER));
	is(0, bbq_sender_wait(&s, 10, BBQ_FOREVER));
	fill_up(10);
	is(0, bbq_receiver_wait(&r, BBQ_FOREVER));
	is(0, bbq_receiver_wait(&r, BBQ_FOREVER));
	recv_text(&r, "ffffffffff");
}

/* ---- for a time -------------------------------------------------------- */

/* Call it with a timeout: -ETIMEDOUT, and not before the time. */
#define times_out(ns, call)                      \
	do {                                     \
		int64_t from = now();            \
		is(-ETIMEDOUT, call);            \
		cr_assert_geq(now() - from, ns); \
	} while (0)

Test(waiting, timeouts)
{
	static const int64_t times[] = { 1, 1000, 30 * MS, 150 * MS };

	begin(10);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		int64_t ns = times[i];

		times_out(ns, bbq_receiver_read(&r, ns, views));
		times_out(ns, bbq_receiver_read_split(&r, ns, views));
		times_out(ns, bbq_receiver_wait(&r, ns));
	}
	fill_up(10);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		int64_t ns = times[i];

		times_out(ns, bbq_sender_grant(&s, 1, ns, &span));
		times_out(ns, bbq_sender_grant_range(&s, 1, 5, ns, &span));
		times_out(ns, bbq_sender_wait(&s, 1, ns));
	}
	times_out(MS, bbq_sender_finish(&s, MS));
	end();
	begin_frames(10);
	times_out(MS, bbq_receiver_frame_read(&r, MS, views));
	is(0, bbq_sender_frame_grant(&s, 9, 0, &span));
	is(0, bbq_sender_frame_commit(&s, 9));
	times_out(MS, bbq_sender_frame_grant(&s, 0, MS, &span));
	times_out(MS, bbq_sender_frames_grant(&s, 0, 9, MS, &span));
}

/* The same with the default number of looks before the sleep. */
Test(waiting, timeouts_after_spinning)
{
	begin(10);
	r.end.spin = BBQ_SPIN_DEFAULT;
	times_out(1, bbq_receiver_read(&r, 1, views));
	times_out(MS, bbq_receiver_read(&r, MS, views));
}

/* The longest times are no shorter than others. */
Test(waiting, timeouts_do_not_overflow)
{
	struct peer peer;

	segment = make(10);
	is(0, bbq_receiver_open(segment, &r));
	peer_start(&peer, bbq_segment_fd(segment), "sender", "wait", "send:a",
		   "wait", "send:b", NULL);
	peer_go(&peer);
	is(0, bbq_receiver_read(&r, INT64_MAX, views));
	is(0, bbq_receiver_release(&r, 1));
	peer_go(&peer);
	is(0, bbq_receiver_read(&r, INT64_MIN, views));
	is(0, bbq_receiver_release(&r, 1));
	peer_done(&peer);
}

/* ---- until a signal comes ---------------------------------------------- */

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

/* Signal this thread, again and again, until it has returned. */
static void *annoy(void *main_thread)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (signals >= 0 && signals < 1000000) {
		pthread_kill(*(pthread_t *)main_thread, SIGUSR1);
		nanosleep(&pause, NULL);
		if (signals < 0)
			break;
	}
	return NULL;
}

Test(waiting, interrupted)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), thread;
	sigset_t set;

	begin(10);
	sigaction(SIGUSR1, &action, NULL);
	cr_assert_eq(pthread_create(&thread, NULL, annoy, &self), 0);
	is(-EINTR, bbq_receiver_read(&r, BBQ_FOREVER, views));
	is(-EINTR, bbq_receiver_wait(&r, LONG));
	fill_up(10);
	is(-EINTR, bbq_sender_grant(&s, 1, BBQ_FOREVER, &span));
	is(-EINTR, bbq_sender_finish(&s, LONG));
	/* SA_RESTART makes no difference: it is the caller who decides. */
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	is(-EINTR, bbq_sender_finish(&s, LONG));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signals = -1000000;
	pthread_join(thread, NULL);
	/* Nothing is open, nothing is lost. */
	recv_text(&r, "ffffffffff");
}

/* ---- for the other ----------------------------------------------------- */

/* Until the other process has announced that it goes to sleep. */
static void await_ticket(const uint32_t *ticket, uint32_t seen)
{
	while (__atomic_load_n(ticket, __ATOMIC_RELAXED) == seen)
		usleep(100);
}

Test(waiting, receiver_for_commit)
{
	struct peer peer;

	segment = make(10);
	is(0, bbq_sender_open(segment, &s));
	peer_start(&peer, bbq_segment_fd(segment), "receiver", "slowly",
		   "recv:abc", "recv:de", "read-is:32", NULL);
	await_ticket(&consumer_page(segment)->side.ticket, 0);
	send_text(&s, "abc");
	await_ticket(&consumer_page(segment)->side.ticket, 1);
	is(0, bbq_sender_grant(&s, 5, LONG, &span));
	memcpy(span.data, "de", 2);
	is(0, bbq_sender_commit_part(&s, 2));
	await_ticket(&consumer_page(segment)->side.ticket, 2);
	bbq_sender_close(&s);
	peer_done(&peer);
}

Test(waiting, sender_for_release)
{
	struct peer peer;

	segment = make(4);
	is(0, bbq_receiver_open(segment, &r));
	peer_start(&peer, bbq_segment_fd(segment), "sender", "slowly",
		   "send:abcd", "send:ef", "send:gh", "grant-is:32", NULL);
	await_ticket(&producer_page(segment)->side.ticket, 0);
	recv_text(&r, "abcd");
	await_ticket(&producer_page(segment)->side.ticket, 1);
	is(0, bbq_receiver_read(&r, LONG, views));
	bbq_receiver_close(&r);
	peer_done(&peer);
}

/*
 * The wrap that a waiting sender publishes wakes a sleeping receiver, who
 * steps over the watermark, which wakes the sender: without either, both
 * would sleep on an empty queue. Two processes, each with a want of 6 of 8 at
 * offset 5.
 */
Test(waiting, want_and_step)
{
	struct peer peer;

	segment = make(8);
	open_ends();
	advance(&s, &r, 5);
	bbq_sender_abandon(&s);
	peer_start(&peer, bbq_segment_fd(segment), "sender", "slowly", "say",
		   "wait", "send:123456", "wait", "send:abcdef", "finish",
		   NULL);
	peer_await(&peer);
	peer_go(&peer);
	recv_text(&r, "123456");
	peer_go(&peer);
	recv_text(&r, "abcdef");
	bbq_receiver_close(&r);
	peer_done(&peer);
}

Test(waiting, every_length_up_to_the_capacity)
{
	char step[32] = "send:";
	struct peer peer;

	for (size_t len = 1; len <= 16; len++) {
		for (size_t at = 1; at <= 16; at += 5) {
			segment = make(16);
			open_ends();
			advance(&s, &r, at);
			bbq_sender_abandon(&s);
			memset(step + 5, 'x', len);
			step[5 + len] = '\0';
			peer_start(&peer, bbq_segment_fd(segment), "sender",
				   "say", "slowly", step, "finish", NULL);
			peer_await(&peer);
			recv_text(&r, step + 5);
			bbq_receiver_close(&r);
			peer_done(&peer);
			bbq_segment_close(segment);
		}
	}
}

/* Frames go round the same way. */
Test(waiting, frames)
{
	struct peer peer;

	segment = make_frames(9, 8);
	is(0, bbq_receiver_open(segment, &r));
	peer_start(&peer, bbq_segment_fd(segment), "sender", "slowly",
		   "frame:a", "frame:", "frame:b", "frame:", "finish", NULL);
	for (const char *text = "a b "; *text; text++) {
		size_t len = *text != ' ';

		is(0, bbq_receiver_frame_read(&r, LONG, views));
		cr_assert_eq(views[0].len, len);
		cr_assert(len == 0 || *(const char *)views[0].data == *text);
		is(0, bbq_receiver_frame_release(&r));
	}
	bbq_receiver_close(&r);
	peer_done(&peer);
}

/* Many frames by one read and one release, over the end of the buffer. */
Test(waiting, frames_of_a_split_read)
{
	struct bbq_view frame;
	size_t before;

	begin_frames(16);
	for (int i = 0; i < 4; i++) {
		is(0, bbq_sender_frame_grant(&s, 3, 0, &span));
		memcpy(span.data, "abc", 3);
		is(0, bbq_sender_frame_commit(&s, 3));
		if (i == 2) {
			is(0, bbq_receiver_frame_read(&r, 0, views));
			is(0, bbq_receiver_frame_release(&r));
		}
	}
	is(0, bbq_receiver_read_split(&r, LONG, views));
	before = views[0].len + views[1].len;
	for (int i = 0; i < 3; i++) {
		is(0, bbq_frame_next(&r.consumer, &views[views[0].len == 0],
				     &frame));
		cr_assert_eq(frame.len, 3);
		cr_assert_eq(memcmp(frame.data, "abc", 3), 0);
	}
	cr_assert_eq(views[0].len + views[1].len, 0);
	is(0, bbq_receiver_release(&r, before));
	cr_assert_eq(bbq_segment_fill(segment), 0);
}

#define HAND_OVERS 20000

/* Lock step over one byte, sleeping at every turn, in two processes. */
Test(waiting, ping_pong)
{
	struct peer peer;

	segment = make(1);
	is(0, bbq_receiver_open(segment, &r));
	r.end.spin = 0;
	peer_start(&peer, bbq_segment_fd(segment), "sender", "slowly",
		   "ping:20000", "finish", NULL);
	for (int i = 0; i < HAND_OVERS; i++) {
		const char text[2] = { (char)('a' + i % 26), '\0' };

		recv_text(&r, text);
	}
	bbq_receiver_close(&r);
	peer_done(&peer);
}

/* ---- between threads --------------------------------------------------- */

static void *send_all(void *arg)
{
	struct bbq_span place;

	for (int i = 0; i < HAND_OVERS; i++) {
		if (bbq_sender_grant(&s, 2, LONG, &place))
			return arg;
		memcpy(place.data, "xy", 2);
		if (bbq_sender_commit(&s, 2))
			return arg;
	}
	return bbq_sender_finish(&s, LONG) ? arg : NULL;
}

/* Both ends of one segment in two threads; 2 of 3 bytes wrap each time. */
Test(waiting, two_threads)
{
	pthread_t thread;
	void *failed;

	begin(3);
	cr_assert_eq(pthread_create(&thread, NULL, send_all, &s), 0);
	for (int i = 0; i < HAND_OVERS; i++)
		recv_text(&r, "xy");
	is(-EPIPE, bbq_receiver_read(&r, LONG, views));
	bbq_receiver_close(&r);
	pthread_join(thread, &failed);
	cr_assert_null(failed);
}
