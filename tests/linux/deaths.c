/* SPDX-License-Identifier: MIT */
/* kill -9 of either side, at rest: what survives, and what the other hears. */
#include <limits.h>

#include "linux.h"

TestSuite(deaths, .timeout = PATIENCE);

static struct bbq_segment *segment;
static struct bbq_sender s;
static struct bbq_receiver r;

static void begin(size_t capacity)
{
	segment = make(capacity);
}

static void begin_receiving(size_t capacity)
{
	begin(capacity);
	is(0, bbq_receiver_open(segment, &r));
}

static void begin_sending(size_t capacity)
{
	begin(capacity);
	is(0, bbq_sender_open(segment, &s));
}

Test(deaths, roles_of_a_killed_process_are_free)
{
	struct peer peer;

	begin(100);
	for (int i = 0; i < 5; i++) {
		peer_start(&peer, bbq_segment_fd(segment), "sender", "receiver",
			   "say", "wait", NULL);
		peer_await(&peer);
		is(-EADDRINUSE, bbq_sender_open(segment, &s));
		peer_kill(&peer);
		is(0, bbq_sender_open(segment, &s));
		is(0, bbq_receiver_open(segment, &r));
		send_text(&s, "on");
		recv_text(&r, "on");
		bbq_sender_close(&s);
		bbq_receiver_close(&r);
	}
}

/* Not reaped, so its pid lives on; its locks do not. */
Test(deaths, roles_of_a_zombie_are_free)
{
	struct bbq_view view;
	struct peer peer;

	begin_receiving(100);
	peer_start(&peer, bbq_segment_fd(segment), "sender", "send:rest", "say",
		   "wait", NULL);
	peer_await(&peer);
	is(0, bbq_end_peer(&r.end));
	peer_make_zombie(&peer);
	cr_assert_eq(kill(peer.pid, 0), 0);
	is(-EOWNERDEAD, bbq_end_peer(&r.end));
	recv_text(&r, "rest");
	is(-EOWNERDEAD, bbq_receiver_read(&r, LONG, &view));
	is(0, bbq_sender_open(segment, &s));
	is(0, bbq_end_peer(&r.end));
	peer_reap(&peer);
}

Test(deaths, of_the_sender)
{
	struct bbq_view view;
	struct peer peer;

	begin_receiving(100);
	/* Two commits, and a grant that is never committed. */
	peer_start(&peer, bbq_segment_fd(segment), "sender", "send:one ",
		   "send:two", "grant:40", "say", "wait", NULL);
	peer_await(&peer);
	peer_kill(&peer);
	cr_assert_eq(bbq_segment_fill(segment), 7);
	recv_text(&r, "one two");
	is(-EOWNERDEAD, bbq_receiver_read(&r, LONG, &view));
	is(-EOWNERDEAD, bbq_receiver_wait(&r, LONG));
	/* The next sender goes on where committed bytes end. */
	is(0, bbq_sender_open(segment, &s));
	send_text(&s, "three");
	recv_text(&r, "three");
}

/* The receiver sleeps when it happens. */
Test(deaths, of_the_sender_noticed_asleep)
{
	struct bbq_view view;
	struct peer peer;

	begin_receiving(100);
	r.end.spin = 0;
	peer_start(&peer, bbq_segment_fd(segment), "sender", "say", "wait",
		   "send:x", NULL);
	peer_await(&peer);
	is(-ETIMEDOUT, bbq_receiver_read(&r, 1 * MS, &view));
	/* It writes one byte, and ends without closing its role. */
	peer_go(&peer);
	recv_text(&r, "x");
	is(-EOWNERDEAD, bbq_receiver_read(&r, LONG, &view));
	peer_done(&peer);
}

/* Who never sleeps, and so never asks before a sleep, notices all the same. */
Test(deaths, of_the_sender_while_looking)
{
	struct bbq_view view;
	struct peer peer;

	begin_receiving(100);
	r.end.spin = UINT_MAX;
	peer_start(&peer, bbq_segment_fd(segment), "sender", "say", "wait",
		   NULL);
	peer_await(&peer);
	is(-ETIMEDOUT, bbq_receiver_read(&r, 1 * MS, &view));
	peer_kill(&peer);
	is(-EOWNERDEAD, bbq_receiver_read(&r, BBQ_FOREVER, &view));
}

Test(deaths, of_the_receiver)
{
	struct bbq_span span;
	struct peer peer;

	begin_sending(10);
	send_text(&s, "0123456789");
	/* It releases four, and has the rest open when it dies. */
	peer_start(&peer, bbq_segment_fd(segment), "receiver", "recv:0123",
		   "see:456789", "say", "wait", NULL);
	peer_await(&peer);
	peer_kill(&peer);
	is(0, bbq_sender_grant(&s, 4, LONG, &span));
	memcpy(span.data, "abcd", 4);
	is(0, bbq_sender_commit(&s, 4));
	is(-EOWNERDEAD, bbq_sender_grant(&s, 1, LONG, &span));
	is(-EOWNERDEAD, bbq_end_peer(&s.end));
	/* What was read and not released is delivered again. */
	is(0, bbq_receiver_open(segment, &r));
	is(0, bbq_end_peer(&s.end));
	recv_text(&r, "456789");
	recv_text(&r, "abcd");
}

/* Both die, and both are replaced, over and over. */
Test(deaths, of_both)
{
	char send[16], recv[16];
	struct peer peer;

	begin(24);
	is(0, bbq_sender_open(segment, &s));
	send_text(&s, "m-0");
	bbq_sender_abandon(&s);
	for (int i = 0; i < 20; i++) {
		snprintf(recv, sizeof(recv), "recv:m-%d", i % 10);
		snprintf(send, sizeof(send), "send:m-%d", (i + 1) % 10);
		peer_start(&peer, bbq_segment_fd(segment), "receiver", recv,
			   "sender", send, "grant:7", "say", "wait", NULL);
		peer_await(&peer);
		peer_kill(&peer);
	}
	is(0, bbq_receiver_open(segment, &r));
	recv_text(&r, "m-0");
	cr_assert_eq(bbq_segment_fill(segment), 0);
}

/* A sender that takes over waits for a receiver to come. */
Test(deaths, new_sender_waits_for_a_new_receiver)
{
	struct bbq_span span;
	struct peer peer;

	begin(10);
	peer_start(&peer, bbq_segment_fd(segment), "sender", "receiver",
		   "send:0123456789", "say", "wait", NULL);
	peer_await(&peer);
	peer_kill(&peer);
	is(0, bbq_sender_open(segment, &s));
	is(0, bbq_end_peer(&s.end));
	is(-ETIMEDOUT, bbq_sender_grant(&s, 1, 1 * MS, &span));
	peer_start(&peer, bbq_segment_fd(segment), "receiver",
		   "recv:0123456789", "recv:A", "read-is:32", "close", NULL);
	is(0, bbq_sender_grant(&s, 1, LONG, &span));
	*(char *)span.data = 'A';
	is(0, bbq_sender_commit(&s, 1));
	is(0, bbq_sender_finish(&s, LONG));
	peer_done(&peer);
	bbq_sender_close(&s);
}

/* Frames: whole ones or none. */
Test(deaths, in_the_middle_of_a_frame)
{
	struct bbq_span span;
	struct bbq_view view;
	struct peer peer;

	segment = make_frames(64, 8);
	is(0, bbq_receiver_open(segment, &r));
	peer_start(&peer, bbq_segment_fd(segment), "sender", "frame:first",
		   "frame:", "say", "wait", NULL);
	peer_await(&peer);
	peer_kill(&peer);
	is(0, bbq_sender_open(segment, &s));
	is(0, bbq_sender_frame_grant(&s, 20, LONG, &span));
	bbq_sender_abandon(&s);
	is(0, bbq_receiver_frame_read(&r, LONG, &view));
	cr_assert_eq(view.len, 5);
	cr_assert_eq(memcmp(view.data, "first", 5), 0);
	is(0, bbq_receiver_frame_release(&r));
	is(0, bbq_receiver_frame_read(&r, LONG, &view));
	cr_assert_eq(view.len, 0);
	is(0, bbq_receiver_frame_release(&r));
	is(-EOWNERDEAD, bbq_receiver_frame_read(&r, LONG, &view));
}

/* The peer's clean end, over the process boundary. */
Test(deaths, none)
{
	struct bbq_view view;
	struct peer peer;

	begin_receiving(10);
	peer_start(&peer, bbq_segment_fd(segment), "sender", "send:0123456789",
		   "send:abc", "finish", "close", NULL);
	recv_text(&r, "0123456789");
	recv_text(&r, "abc");
	is(-EPIPE, bbq_receiver_read(&r, LONG, &view));
	bbq_receiver_close(&r);
	peer_done(&peer);
}

/* Exiting without a word is dying, too. */
Test(deaths, by_exit)
{
	struct bbq_view view;
	struct peer peer;

	begin_receiving(10);
	peer_start(&peer, bbq_segment_fd(segment), "sender", "send:bye", NULL);
	recv_text(&r, "bye");
	is(-EOWNERDEAD, bbq_receiver_read(&r, LONG, &view));
	peer_done(&peer);
}

/*
 * A claimant that dies between storing its state and its life has never come:
 * its peer goes on waiting for one that does.
 */
Test(deaths, in_the_middle_of_a_first_claim)
{
	begin_receiving(10);
	producer_page(segment)->side.state = BBQ_STATE_OPEN;
	cr_assert_not(bbq_end_peer_came(&r.end));
	is(0, bbq_end_peer(&r.end));
}

/* ---- waiting for a successor ------------------------------------------- */

/* The receiver outlives three senders, and hears of none of their deaths. */
Test(deaths, receiver_waits_for_successors)
{
	struct bbq_view view;
	char text[] = "send:a";
	struct peer peer;

	begin_receiving(100);
	r.end.wait_peer = 1;
	r.end.spin = 0;
	for (int i = 0; i < 3; i++) {
		text[5] = (char)('a' + i);
		peer_start(&peer, bbq_segment_fd(segment), "sender", text,
			   "say", "wait", NULL);
		peer_await(&peer);
		peer_kill(&peer);
		recv_text(&r, text + 5);
		is(-EOWNERDEAD, bbq_end_peer(&r.end));
		is(-ETIMEDOUT, bbq_receiver_read(&r, 1 * MS, &view));
	}
	/* The next one wakes it out of its sleep. */
	peer_start(&peer, bbq_segment_fd(segment), "sender", "send:d", "close",
		   NULL);
	recv_text(&r, "d");
	/* Who closes has said that this was all. */
	is(-EPIPE, bbq_receiver_read(&r, LONG, &view));
	peer_done(&peer);
}

/* The sender's bytes are delivered by whoever comes, in the end. */
Test(deaths, sender_waits_for_successors)
{
	struct bbq_span span;
	struct peer peer;

	begin_sending(10);
	s.end.wait_peer = 1;
	s.end.spin = 0;
	send_text(&s, "0123456789");
	for (int i = 0; i < 3; i++) {
		peer_start(&peer, bbq_segment_fd(segment), "receiver",
			   "see:0123", "say", "wait", NULL);
		peer_await(&peer);
		peer_kill(&peer);
		is(-ETIMEDOUT, bbq_sender_grant(&s, 1, 1 * MS, &span));
		is(-ETIMEDOUT, bbq_sender_wait(&s, 1, 1 * MS));
	}
	peer_start(&peer, bbq_segment_fd(segment), "receiver",
		   "recv:0123456789", "recv:A", "say", "wait", NULL);
	is(0, bbq_sender_grant(&s, 1, LONG, &span));
	*(char *)span.data = 'A';
	is(0, bbq_sender_commit(&s, 1));
	peer_await(&peer);
	peer_kill(&peer);
	/* It is dead, but has had everything: nobody need come. */
	is(-EOWNERDEAD, bbq_sender_finish(&s, LONG));
	bbq_sender_close(&s);
}

Test(deaths, finish_waits_for_a_successor)
{
	struct peer peer;

	begin_sending(10);
	s.end.wait_peer = 1;
	send_text(&s, "rest");
	peer_start(&peer, bbq_segment_fd(segment), "receiver", "see:rest",
		   "say", "wait", NULL);
	peer_await(&peer);
	peer_kill(&peer);
	is(-ETIMEDOUT, bbq_sender_finish(&s, 1 * MS));
	peer_start(&peer, bbq_segment_fd(segment), "receiver", "recv:rest",
		   "read-is:32", "close", NULL);
	is(0, bbq_sender_finish(&s, LONG));
	peer_done(&peer);
}

/* One byte is as good a reason as many; a closed receiver is none. */
Test(deaths, finish_waits_for_the_last_byte)
{
	struct peer peer;

	begin_sending(10);
	s.end.wait_peer = 1;
	send_text(&s, "r");
	peer_start(&peer, bbq_segment_fd(segment), "receiver", "say", "wait",
		   NULL);
	peer_await(&peer);
	peer_kill(&peer);
	is(-EAGAIN, bbq_sender_finish(&s, 0));
	is(0, bbq_receiver_open(segment, &r));
	bbq_receiver_close(&r);
	is(-EPIPE, bbq_sender_finish(&s, 0));
	bbq_sender_close(&s);
}
