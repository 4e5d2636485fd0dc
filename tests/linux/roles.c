/* SPDX-License-Identifier: MIT */
/* Who has a role, who may have it next, and when a queue is over. */
#include "linux.h"

TestSuite(roles, .timeout = PATIENCE);

/* Both ends of a new segment. */
struct pair {
	struct bbq_segment *segment;
	struct bbq_sender s;
	struct bbq_receiver r;
};

static void pair_open(struct pair *pair, size_t capacity)
{
	pair->segment = make(capacity);
	is(0, bbq_sender_open(pair->segment, &pair->s));
	is(0, bbq_receiver_open(pair->segment, &pair->r));
}

static void pair_close(struct pair *pair)
{
	bbq_sender_close(&pair->s);
	bbq_receiver_close(&pair->r);
	bbq_segment_close(pair->segment);
}

static bool is_free(struct bbq_segment *segment)
{
	struct bbq_sender s;
	struct bbq_receiver r;

	return bbq_sender_open(segment, &s) == 0 &&
	       bbq_receiver_open(segment, &r) == 0;
}

/* ---- one holder -------------------------------------------------------- */

Test(roles, second_claimant_in_this_process)
{
	struct bbq_segment *other;
	struct bbq_sender sender = { .producer.len = 77 };
	struct bbq_receiver receiver = { .consumer.len = 77 };
	struct pair pair;
	size_t fds;

	pair_open(&pair, 100);
	is(0, bbq_segment_attach(bbq_segment_fd(pair.segment), &other));
	fds = open_fds();
	is(-EADDRINUSE, bbq_sender_open(pair.segment, &sender));
	is(-EADDRINUSE, bbq_receiver_open(pair.segment, &receiver));
	is(-EADDRINUSE, bbq_sender_open(other, &sender));
	is(-EADDRINUSE, bbq_receiver_open(other, &receiver));
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(sender.producer.len, 77);
	cr_assert_eq(receiver.consumer.len, 77);
	/* The holders have not noticed. */
	send_text(&pair.s, "still");
	recv_text(&pair.r, "still");
	cr_assert_eq(producer_page(other)->side.lives, 1);
	cr_assert_eq(consumer_page(other)->side.lives, 1);
	bbq_segment_close(other);
	pair_close(&pair);
}

Test(roles, second_claimant_in_another_process)
{
	struct pair pair;
	struct peer peer;

	pair_open(&pair, 100);
	peer_start(&peer, bbq_segment_fd(pair.segment), "sender-taken",
		   "receiver-taken", NULL);
	peer_done(&peer);
	send_text(&pair.s, "still");
	recv_text(&pair.r, "still");
	pair_close(&pair);
}

Test(roles, held_by_another_process)
{
	struct bbq_segment *segment = make(100);
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	struct peer peer;

	peer_start(&peer, bbq_segment_fd(segment), "sender", "receiver", "say",
		   "wait", "close", "say", "wait", NULL);
	peer_await(&peer);
	is(-EADDRINUSE, bbq_sender_open(segment, &sender));
	is(-EADDRINUSE, bbq_receiver_open(segment, &receiver));
	peer_go(&peer);
	peer_await(&peer);
	cr_assert(is_free(segment));
	peer_go(&peer);
	peer_done(&peer);
	bbq_segment_close(segment);
}

/* Closing one end of a segment does not drop the other's lock. */
Test(roles, independent)
{
	struct bbq_segment *other;
	struct bbq_sender sender;
	struct pair pair;

	pair_open(&pair, 100);
	is(0, bbq_segment_attach(bbq_segment_fd(pair.segment), &other));
	bbq_receiver_close(&pair.r);
	bbq_segment_close(other);
	is(-EADDRINUSE, bbq_sender_open(pair.segment, &sender));
	is(-EPIPE, bbq_end_peer(&pair.s.end));
	pair_close(&pair);
}

Test(roles, released_by_close_and_by_abandon)
{
	struct pair pair;

	pair_open(&pair, 100);
	for (int i = 0; i < 10; i++) {
		size_t fds = open_fds();

		if (i % 2) {
			bbq_sender_close(&pair.s);
			bbq_receiver_close(&pair.r);
		} else {
			bbq_sender_abandon(&pair.s);
			bbq_receiver_abandon(&pair.r);
		}
		is(0, bbq_sender_open(pair.segment, &pair.s));
		is(0, bbq_receiver_open(pair.segment, &pair.r));
		cr_assert_eq(open_fds(), fds);
		send_text(&pair.s, "again");
		recv_text(&pair.r, "again");
	}
	cr_assert_eq(producer_page(pair.segment)->side.lives, 11);
	cr_assert_eq(consumer_page(pair.segment)->side.lives, 11);
	pair_close(&pair);
}

/* ---- closed, abandoned, finished --------------------------------------- */

/* Every verb of an end that is over. */
static void sender_is_dead(struct bbq_sender *s)
{
	struct bbq_span span;

	is(-EBADMSG, bbq_sender_grant(s, 1, LONG, &span));
	is(-EBADMSG, bbq_sender_grant_range(s, 1, 2, LONG, &span));
	is(-EBADMSG, bbq_sender_frame_grant(s, 1, LONG, &span));
	is(-EBADMSG, bbq_sender_frames_grant(s, 1, 9, LONG, &span));
	is(-EBADMSG, bbq_sender_frames_commit(s, 1, 1));
	is(-EBADMSG, bbq_sender_wait(s, 1, LONG));
	is(-EBADMSG, bbq_sender_finish(s, LONG));
	is(-EBADMSG, bbq_sender_commit(s, 1));
	is(-EBADMSG, bbq_sender_commit(s, 0));
	is(-EBADMSG, bbq_sender_commit_part(s, 1));
	is(-EBADMSG, bbq_sender_frame_commit(s, 1));
	is(-EBADMSG, bbq_grant(&s->producer, 1, &span));
	is(-EBADMSG, bbq_want(&s->producer, 1));
	cr_assert_eq(bbq_writable(&s->producer), 0);
	cr_assert_neq(bbq_end_peer(&s->end), 0);
	cr_assert_eq(bbq_end_peer_came(&s->end), 0);
	bbq_sender_notify(s);
	bbq_sender_close(s);
	bbq_sender_abandon(s);
}

static void receiver_is_dead(struct bbq_receiver *r)
{
	struct bbq_view views[2];

	is(-EBADMSG, bbq_receiver_read(r, LONG, views));
	is(-EBADMSG, bbq_receiver_read_split(r, LONG, views));
	is(-EBADMSG, bbq_receiver_frame_read(r, LONG, views));
	is(-EBADMSG, bbq_receiver_wait(r, LONG));
	is(-EBADMSG, bbq_receiver_release(r, 1));
	is(-EBADMSG, bbq_receiver_release(r, 0));
	is(-EBADMSG, bbq_receiver_release_part(r, 1));
	is(-EBADMSG, bbq_receiver_frame_release(r));
	is(-EBADMSG, bbq_read(&r->consumer, views));
	cr_assert_eq(bbq_readable(&r->consumer), 0);
	cr_assert_neq(bbq_end_peer(&r->end), 0);
	cr_assert_eq(bbq_end_peer_came(&r->end), 0);
	bbq_receiver_notify(r);
	bbq_receiver_close(r);
	bbq_receiver_abandon(r);
}

Test(roles, closed_ends_are_dead)
{
	struct pair pair;

	for (int i = 0; i < 2; i++) {
		pair_open(&pair, 100);
		(i ? bbq_sender_close : bbq_sender_abandon)(&pair.s);
		(i ? bbq_receiver_close : bbq_receiver_abandon)(&pair.r);
		/* Before and after the segment is gone. */
		sender_is_dead(&pair.s);
		receiver_is_dead(&pair.r);
		bbq_segment_close(pair.segment);
		sender_is_dead(&pair.s);
		receiver_is_dead(&pair.r);
	}
}

Test(roles, sender_closes)
{
	struct bbq_view view;
	struct pair pair;

	pair_open(&pair, 100);
	send_text(&pair.s, "last words");
	bbq_sender_close(&pair.s);
	is(-EPIPE, bbq_end_peer(&pair.r.end));
	see_text(&pair.r, "last words");
	is(0, bbq_receiver_release(&pair.r, 5));
	is(0, bbq_receiver_wait(&pair.r, LONG));
	recv_text(&pair.r, "words");
	for (int i = 0; i < 3; i++) {
		is(-EPIPE, bbq_receiver_read(&pair.r, LONG, &view));
		is(-EPIPE, bbq_receiver_wait(&pair.r, LONG));
	}
	pair_close(&pair);
}

Test(roles, sender_abandons)
{
	struct bbq_view view;
	struct pair pair;

	pair_open(&pair, 100);
	send_text(&pair.s, "words");
	bbq_sender_abandon(&pair.s);
	is(-EOWNERDEAD, bbq_end_peer(&pair.r.end));
	recv_text(&pair.r, "words");
	is(-EOWNERDEAD, bbq_receiver_read(&pair.r, LONG, &view));
	/* A successor goes on; then the receiver is content again. */
	is(0, bbq_sender_open(pair.segment, &pair.s));
	is(0, bbq_end_peer(&pair.r.end));
	send_text(&pair.s, "more");
	recv_text(&pair.r, "more");
	pair_close(&pair);
}

/* A sender learns of it when it has to wait. */
Test(roles, receiver_leaves)
{
	for (int closes = 0; closes < 2; closes++) {
		int gone = closes ? -EPIPE : -EOWNERDEAD;
		struct bbq_span span;
		struct pair pair;

		pair_open(&pair, 10);
		(closes ? bbq_receiver_close : bbq_receiver_abandon)(&pair.r);
		is(gone, bbq_end_peer(&pair.s.end));
		is(0, bbq_sender_grant(&pair.s, 10, LONG, &span));
		is(0, bbq_sender_commit(&pair.s, 10));
		is(gone, bbq_sender_grant(&pair.s, 1, LONG, &span));
		is(gone, bbq_sender_wait(&pair.s, 1, LONG));
		is(gone, bbq_sender_finish(&pair.s, LONG));
		pair_close(&pair);
	}
}

Test(roles, open_grant_is_dropped_by_close)
{
	struct bbq_span span;
	struct pair pair;

	pair_open(&pair, 100);
	send_text(&pair.s, "ab");
	is(0, bbq_sender_grant(&pair.s, 50, LONG, &span));
	memset(span.data, '!', 50);
	bbq_sender_close(&pair.s);
	cr_assert_eq(bbq_segment_fill(pair.segment), 2);
	see_text(&pair.r, "ab");
	bbq_receiver_close(&pair.r);
	/* It was read and not released: the next one reads it again. */
	is(0, bbq_receiver_open(pair.segment, &pair.r));
	recv_text(&pair.r, "ab");
	pair_close(&pair);
}

Test(roles, finish)
{
	struct bbq_span span;
	struct bbq_view view;
	struct pair pair;

	pair_open(&pair, 100);
	send_text(&pair.s, "all");
	is(-EAGAIN, bbq_sender_finish(&pair.s, 0));
	/* It is still there, but for the receiver it is over. */
	is(-EADDRINUSE,
	   bbq_sender_open(pair.segment, &(struct bbq_sender){ 0 }));
	is(-EBADMSG, bbq_sender_grant(&pair.s, 1, LONG, &span));
	is(-ETIMEDOUT, bbq_sender_finish(&pair.s, 1 * MS));
	recv_text(&pair.r, "all");
	is(-EPIPE, bbq_receiver_read(&pair.r, LONG, &view));
	is(-EAGAIN, bbq_sender_finish(&pair.s, 0));
	bbq_receiver_close(&pair.r);
	is(0, bbq_sender_finish(&pair.s, LONG));
	is(0, bbq_sender_finish(&pair.s, 0));
	bbq_sender_close(&pair.s);
	is(-EBADMSG, bbq_sender_finish(&pair.s, 0));
	bbq_segment_close(pair.segment);
}

Test(roles, finish_with_bytes_left)
{
	struct pair pair;

	pair_open(&pair, 100);
	send_text(&pair.s, "some");
	bbq_receiver_close(&pair.r);
	is(-EPIPE, bbq_sender_finish(&pair.s, LONG));
	pair_close(&pair);
}

/* A program may have closed its standard input: the first free fd is 0. */
Test(roles, descriptor_zero)
{
	struct bbq_segment *segment = make(10);
	struct bbq_sender sender;
	int input = dup(0);

	close(0);
	is(0, bbq_sender_open(segment, &sender));
	cr_assert_eq(sender.end.lock_fd, 0);
	is(0, bbq_sender_wait(&sender, 10, 0));
	is(-EAGAIN, bbq_sender_finish(&sender, 0));
	bbq_sender_close(&sender);
	dup2(input, 0);
	close(input);
	bbq_segment_close(segment);
}

/* ---- taking over ------------------------------------------------------- */

/* A sender that takes over waits for a new receiver, not for the old one. */
Test(roles, old_receiver_is_not_missed)
{
	for (int closes = 0; closes < 2; closes++) {
		struct bbq_span span;
		struct pair pair;

		pair_open(&pair, 10);
		bbq_sender_close(&pair.s);
		(closes ? bbq_receiver_close : bbq_receiver_abandon)(&pair.r);
		is(0, bbq_sender_open(pair.segment, &pair.s));
		is(0, bbq_end_peer(&pair.s.end));
		cr_assert_not(bbq_end_peer_came(&pair.s.end));
		send_text(&pair.s, "0123456789");
		is(-ETIMEDOUT, bbq_sender_grant(&pair.s, 1, 1 * MS, &span));
		is(-ETIMEDOUT, bbq_sender_finish(&pair.s, 1 * MS));
		is(0, bbq_receiver_open(pair.segment, &pair.r));
		cr_assert(bbq_end_peer_came(&pair.s.end));
		is(0, bbq_end_peer(&pair.s.end));
		recv_text(&pair.r, "0123456789");
		bbq_receiver_close(&pair.r);
		is(0, bbq_sender_finish(&pair.s, LONG));
		pair_close(&pair);
	}
}

/* But one that is there when it comes is its own. */
Test(roles, present_receiver_is_missed)
{
	struct pair pair;

	pair_open(&pair, 10);
	bbq_sender_close(&pair.s);
	is(0, bbq_sender_open(pair.segment, &pair.s));
	cr_assert(bbq_end_peer_came(&pair.s.end));
	cr_assert(bbq_end_peer_came(&pair.r.end));
	is(0, bbq_end_peer(&pair.r.end));
	bbq_receiver_close(&pair.r);
	is(-EPIPE, bbq_end_peer(&pair.s.end));
	pair_close(&pair);
}

/* A receiver that takes over drains what an old sender left, and is told. */
Test(roles, old_sender_is_told_of)
{
	struct bbq_view view;
	struct pair pair;

	pair_open(&pair, 10);
	send_text(&pair.s, "left");
	bbq_receiver_close(&pair.r);
	bbq_sender_close(&pair.s);
	is(0, bbq_receiver_open(pair.segment, &pair.r));
	recv_text(&pair.r, "left");
	is(-EPIPE, bbq_receiver_read(&pair.r, LONG, &view));
	pair_close(&pair);
}

Test(roles, nobody_has_come_yet)
{
	struct bbq_segment *segment = make(10);
	struct bbq_sender s;
	struct bbq_receiver r;
	struct bbq_view view;

	is(0, bbq_receiver_open(segment, &r));
	is(0, bbq_end_peer(&r.end));
	cr_assert_not(bbq_end_peer_came(&r.end));
	is(-ETIMEDOUT, bbq_receiver_read(&r, 1 * MS, &view));
	is(0, bbq_sender_open(segment, &s));
	cr_assert(bbq_end_peer_came(&r.end));
	cr_assert(bbq_end_peer_came(&s.end));
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

Test(roles, end_null)
{
	is(-EINVAL, bbq_end_peer(NULL));
	cr_assert_eq(bbq_end_peer_came(NULL), 0);
	bbq_sender_close(NULL);
	bbq_receiver_close(NULL);
	bbq_sender_abandon(NULL);
	bbq_receiver_abandon(NULL);
}

Test(roles, verbs_null)
{
	struct bbq_segment *segment = make(10);
	struct bbq_span span;
	struct bbq_view views[2];

	is(-EINVAL, bbq_sender_open(NULL, &(struct bbq_sender){ 0 }));
	is(-EINVAL, bbq_sender_open(segment, NULL));
	is(-EINVAL, bbq_receiver_open(NULL, &(struct bbq_receiver){ 0 }));
	is(-EINVAL, bbq_receiver_open(segment, NULL));
	cr_assert(is_free(segment));
	is(-EINVAL, bbq_sender_wait(NULL, 1, LONG));
	is(-EINVAL, bbq_sender_finish(NULL, LONG));
	is(-EINVAL, bbq_sender_grant(NULL, 1, LONG, &span));
	is(-EINVAL, bbq_sender_grant_range(NULL, 1, 2, LONG, &span));
	is(-EINVAL, bbq_sender_frame_grant(NULL, 1, LONG, &span));
	is(-EINVAL, bbq_sender_frames_grant(NULL, 1, 9, LONG, &span));
	is(-EINVAL, bbq_receiver_wait(NULL, LONG));
	is(-EINVAL, bbq_receiver_read(NULL, LONG, views));
	is(-EINVAL, bbq_receiver_read_split(NULL, LONG, views));
	is(-EINVAL, bbq_receiver_frame_read(NULL, LONG, views));
	is(-EINVAL, bbq_sender_commit(NULL, 1));
	is(-EINVAL, bbq_sender_commit_part(NULL, 1));
	is(-EINVAL, bbq_sender_frame_commit(NULL, 1));
	is(-EINVAL, bbq_receiver_release(NULL, 1));
	is(-EINVAL, bbq_receiver_release_part(NULL, 1));
	is(-EINVAL, bbq_receiver_frame_release(NULL));
	bbq_segment_close(segment);
}

Test(roles, results_null)
{
	struct bbq_segment *frames = make_frames(10, 1);
	struct bbq_sender s;
	struct bbq_receiver r;
	struct pair pair;

	pair_open(&pair, 10);
	is(0, bbq_sender_open(frames, &s));
	is(0, bbq_receiver_open(frames, &r));
	is(-EINVAL, bbq_sender_grant(&pair.s, 1, LONG, NULL));
	is(-EINVAL, bbq_sender_grant_range(&pair.s, 1, 2, LONG, NULL));
	is(-EINVAL, bbq_sender_frame_grant(&s, 1, LONG, NULL));
	is(-EINVAL, bbq_sender_frames_grant(&s, 1, 9, LONG, NULL));
	is(-EINVAL, bbq_receiver_read(&pair.r, LONG, NULL));
	is(-EINVAL, bbq_receiver_read_split(&pair.r, LONG, NULL));
	is(-EINVAL, bbq_receiver_frame_read(&r, LONG, NULL));
	/* None of them has opened anything. */
	send_text(&pair.s, "ok");
	recv_text(&pair.r, "ok");
	pair_close(&pair);
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(frames);
}
