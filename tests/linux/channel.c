/* SPDX-License-Identifier: MIT */
/* Two that meet over a channel agree on a queue, or learn why not. */
#include <poll.h>
#include <sys/un.h>

#include "meet.h"

TestSuite(channel, .timeout = PATIENCE);

static void trade(struct sealed *sealed, const char *text)
{
	send_text(&sealed->sender, text);
	recv_text(&sealed->receiver, text);
}

Test(channel, bytes_go_over_a_sealed_queue)
{
	size_t fds = open_fds();
	struct sealed sealed;

	sealed_open(&sealed, 10);
	cr_assert_eq(bbq_segment_capacity(sealed.sending), 10);
	cr_assert_eq(bbq_segment_capacity(sealed.receiving), 10);
	cr_assert_eq(bbq_segment_has_name(sealed.sending), 0);
	for (int i = 0; i < 1000; i++)
		trade(&sealed, i % 2 ? "four" : "five.");
	cr_assert_eq(bbq_segment_fill(sealed.receiving), 0);
	sealed_close(&sealed);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(shared_maps(), 0);
}

Test(channel, every_role_and_mode_from_either_side)
{
	static const size_t aligns[] = { 0, 1, 8, 64 };

	for (size_t i = 0; i < 16; i++) {
		struct bbq_channel *pair[2];
		enum bbq_role role =
			i & 1 ? BBQ_ROLE_PRODUCER : BBQ_ROLE_CONSUMER;
		struct side a, b;

		channel_pair(pair);
		a = (struct side){
			.channel = pair[i >> 1 & 1],
			.offers = true,
			.role = role,
			.config = { .capacity = 12345,
				    .mode = BBQ_MODE_FRAMES,
				    .frame_align = aligns[i / 4] },
		};
		b = (struct side){
			.channel = pair[!(i >> 1 & 1)],
			.role = BBQ_ROLE_PRODUCER + BBQ_ROLE_CONSUMER - role,
			.capacity_max = 12345,
		};
		agree(&a, &b);
		cr_assert_eq(a.error, 0);
		cr_assert_eq(b.error, 0);
		cr_assert_eq(bbq_segment_mode(b.segment), BBQ_MODE_FRAMES);
		cr_assert_eq(bbq_segment_frame_align(b.segment),
			     aligns[i / 4] ? aligns[i / 4] : 1);
		cr_assert_eq(bbq_segment_capacity(b.segment), 12345);
		bbq_segment_close(a.segment);
		bbq_segment_close(b.segment);
		bbq_channel_close(pair[0]);
		bbq_channel_close(pair[1]);
	}
}

/* Two queues on one channel, offered by turns: a duplex pair. */
Test(channel, duplex_pair)
{
	const struct bbq_config config = { .capacity = 100 };
	struct sealed there, back;

	channel_pair(there.channel);
	back.channel[0] = there.channel[1];
	back.channel[1] = there.channel[0];
	sealed_agree(&there, &config);
	sealed_agree(&back, &config);
	is(0, bbq_sender_open(there.sending, &there.sender));
	is(0, bbq_sender_open(back.sending, &back.sender));
	is(0, bbq_receiver_open(there.receiving, &there.receiver));
	is(0, bbq_receiver_open(back.receiving, &back.receiver));
	trade(&there, "question");
	trade(&back, "answer");
	bbq_sender_close(&back.sender);
	bbq_receiver_close(&back.receiver);
	bbq_segment_close(back.sending);
	bbq_segment_close(back.receiving);
	trade(&there, "one of them lives on");
	sealed_close(&there);
}

/* The channels are closed before the queue is used: it does not need them. */
Test(channel, queue_outlives_its_channel)
{
	struct sealed sealed;

	sealed_open(&sealed, 10);
	bbq_channel_close(sealed.channel[0]);
	bbq_channel_close(sealed.channel[1]);
	sealed.channel[0] = sealed.channel[1] = NULL;
	trade(&sealed, "bytes");
	is(0, bbq_end_peer(&sealed.sender.end));
	is(0, bbq_end_peer(&sealed.receiver.end));
	sealed_close(&sealed);
}

Test(channel, each_role_is_opened_once_and_by_its_side)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_receiver receiver;
	struct bbq_sender sender;
	struct sealed sealed;

	channel_pair(sealed.channel);
	sealed_agree(&sealed, &config);
	is(-EADDRINUSE, bbq_receiver_open(sealed.sending, &receiver));
	is(-EADDRINUSE, bbq_sender_open(sealed.receiving, &sender));
	is(0, bbq_sender_open(sealed.sending, &sealed.sender));
	is(0, bbq_receiver_open(sealed.receiving, &sealed.receiver));
	is(-EADDRINUSE, bbq_receiver_open(sealed.sending, &receiver));
	is(-EADDRINUSE, bbq_sender_open(sealed.sending, &sender));
	is(-EADDRINUSE, bbq_sender_open(sealed.receiving, &sender));
	bbq_sender_close(&sealed.sender);
	is(-EADDRINUSE, bbq_sender_open(sealed.sending, &sender));
	sealed_close(&sealed);
}

/* ---- the other end is gone --------------------------------------------- */

Test(channel, closed_peer_is_told_from_one_that_left)
{
	struct bbq_span span;
	struct bbq_view view;
	struct sealed sealed;

	sealed_open(&sealed, 10);
	send_text(&sealed.sender, "last");
	bbq_sender_close(&sealed.sender);
	recv_text(&sealed.receiver, "last");
	is(-EPIPE, bbq_receiver_read(&sealed.receiver, LONG, &view));
	sealed_close(&sealed);

	sealed_open(&sealed, 10);
	send_text(&sealed.sender, "last");
	bbq_sender_abandon(&sealed.sender);
	recv_text(&sealed.receiver, "last");
	/* Nobody can take its place, so nobody is waited for. */
	sealed.receiver.end.wait_peer = 1;
	is(-EOWNERDEAD, bbq_receiver_read(&sealed.receiver, LONG, &view));
	sealed_close(&sealed);

	sealed_open(&sealed, 10);
	send_text(&sealed.sender, "0123456789");
	bbq_receiver_abandon(&sealed.receiver);
	sealed.sender.end.wait_peer = 1;
	is(-EOWNERDEAD, bbq_sender_grant(&sealed.sender, 1, LONG, &span));
	is(-EOWNERDEAD, bbq_sender_finish(&sealed.sender, LONG));
	sealed_close(&sealed);
}

/* It never opened its end: its half of the segment holds the role. */
Test(channel, peer_that_never_opens_its_end)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_view view;
	struct sealed sealed;

	channel_pair(sealed.channel);
	sealed_agree(&sealed, &config);
	is(0, bbq_receiver_open(sealed.receiving, &sealed.receiver));
	cr_assert_eq(bbq_end_peer_came(&sealed.receiver.end), 1);
	is(-ETIMEDOUT, bbq_receiver_read(&sealed.receiver, 1, &view));
	bbq_segment_close(sealed.sending);
	is(-EOWNERDEAD, bbq_receiver_read(&sealed.receiver, LONG, &view));
	bbq_receiver_close(&sealed.receiver);
	bbq_segment_close(sealed.receiving);
	bbq_channel_close(sealed.channel[0]);
	bbq_channel_close(sealed.channel[1]);
}

/* The descriptor of an end is its own: nothing of it was passed. */
Test(channel, descriptor_of_a_sealed_end)
{
	struct pollfd pollfd = { .events = POLLIN };
	struct bbq_view view;
	struct sealed sealed;

	sealed_open(&sealed, 10);
	pollfd.fd = bbq_receiver_fd(&sealed.receiver);
	cr_assert_geq(pollfd.fd, 0);
	for (int i = 0; i < 3; i++) {
		is(0, bbq_receiver_arm(&sealed.receiver));
		cr_assert_eq(poll(&pollfd, 1, 0), 0);
		send_text(&sealed.sender, "bytes");
		cr_assert_eq(poll(&pollfd, 1, PATIENCE * 1000), 1);
		recv_text(&sealed.receiver, "bytes");
	}
	is(0, bbq_receiver_arm(&sealed.receiver));
	bbq_sender_abandon(&sealed.sender);
	cr_assert_eq(poll(&pollfd, 1, PATIENCE * 1000), 1);
	is(-EOWNERDEAD, bbq_receiver_read(&sealed.receiver, 0, &view) == -EAGAIN
				? bbq_receiver_arm(&sealed.receiver)
				: 0);
	sealed_close(&sealed);
}

/* The channel says so at once, whatever lock is still held. */
Test(channel, hang_up_is_a_death)
{
	struct bbq_view view;
	struct sealed sealed;

	sealed_open(&sealed, 10);
	send_text(&sealed.sender, "bytes");
	cr_assert_eq(shutdown(bbq_channel_fd(sealed.channel[0]), SHUT_RDWR), 0);
	is(-EOWNERDEAD, bbq_end_peer(&sealed.receiver.end));
	recv_text(&sealed.receiver, "bytes");
	is(-EOWNERDEAD, bbq_receiver_read(&sealed.receiver, LONG, &view));
	sealed_close(&sealed);
}

static void peer_of_listener(struct peer *peer, const char *address,
			     struct bbq_listener **ret, const char *steps[4])
{
	static char connect[128];

	snprintf(connect, sizeof(connect), "connect:%s", address);
	is(0, bbq_listener_open(address, ret));
	peer_start_bare(peer, -1, connect, steps[0], steps[1], steps[2],
			steps[3], NULL);
}

/* The peer is killed, a zombie still, in the middle of its work. */
static void kill_a_peer(bool zombie)
{
	const char *steps[4] = { "take:producer", "sender", "send:bytes",
				 "wait" };
	struct side here = {
		.offers = true,
		.role = BBQ_ROLE_CONSUMER,
		.config = { .capacity = 100 },
	};
	struct bbq_credentials who;
	struct bbq_listener *listener;
	struct bbq_receiver receiver;
	struct bbq_view view;
	struct peer peer;

	peer_of_listener(&peer, own_name("socket"), &listener, steps);
	is(0, bbq_listener_accept(listener, NULL, LONG, &here.channel));
	is(0, bbq_channel_peer(here.channel, &who));
	cr_assert_eq(who.pid, peer.pid);
	cr_assert_eq(who.uid, geteuid());
	cr_assert_eq(who.gid, getegid());
	side_run(&here);
	cr_assert_eq(here.error, 0);
	is(0, bbq_receiver_open(here.segment, &receiver));
	see_text(&receiver, "bytes");
	is(0, bbq_receiver_release(&receiver, 0));
	is(0, bbq_end_peer(&receiver.end));
	if (zombie)
		peer_make_zombie(&peer);
	else
		peer_kill(&peer);
	recv_text(&receiver, "bytes");
	is(-EOWNERDEAD, bbq_receiver_read(&receiver, LONG, &view));
	if (zombie)
		peer_reap(&peer);
	bbq_receiver_close(&receiver);
	bbq_segment_close(here.segment);
	bbq_channel_close(here.channel);
	bbq_listener_close(listener);
}

Test(channel, peer_is_killed)
{
	size_t fds = open_fds();

	cr_assert_eq(chdir("/tmp"), 0);
	kill_a_peer(false);
	kill_a_peer(true);
	cr_assert_eq(open_fds(), fds);
}

/* Its child holds on to all that it had: the process itself is gone. */
Test(channel, peer_is_killed_and_its_child_lives)
{
	const char *steps[4] = { "take:producer", "sender", "child", "wait" };
	struct side here = {
		.offers = true,
		.role = BBQ_ROLE_CONSUMER,
		.config = { .capacity = 100 },
	};
	struct bbq_listener *listener;
	struct bbq_receiver receiver;
	struct bbq_view view;
	struct peer peer;

	peer_of_listener(&peer, "@bbq-test-child", &listener, steps);
	is(0, bbq_listener_accept(listener, NULL, LONG, &here.channel));
	side_run(&here);
	is(0, bbq_receiver_open(here.segment, &receiver));
	peer_await(&peer);
	is(0, bbq_end_peer(&receiver.end));
	peer_make_zombie(&peer);
	is(-EOWNERDEAD, bbq_receiver_read(&receiver, LONG, &view));
	bbq_receiver_close(&receiver);
	bbq_segment_close(here.segment);
	bbq_channel_close(here.channel);
	bbq_listener_close(listener);
	peer_reap(&peer);
}

/* A pair that a process has inherited; the other side takes and sends. */
Test(channel, socketpair_across_exec)
{
	struct side here = {
		.offers = true,
		.role = BBQ_ROLE_CONSUMER,
		.config = { .capacity = 7, .mode = BBQ_MODE_FRAMES },
	};
	struct bbq_receiver receiver;
	struct bbq_view view;
	struct peer peer;
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
		     0);
	peer_start_bare(&peer, fds[1], "adopt:3", "take:producer", "sender",
			"frame:one", "frame:two", "frame:three", "finish",
			NULL);
	close(fds[1]);
	here.channel = adopt(fds[0]);
	side_run(&here);
	cr_assert_eq(here.error, 0);
	is(0, bbq_receiver_open(here.segment, &receiver));
	for (int i = 0; i < 3; i++) {
		is(0, bbq_receiver_frame_read(&receiver, LONG, &view));
		is(0, bbq_receiver_frame_release(&receiver));
	}
	is(-EPIPE, bbq_receiver_frame_read(&receiver, LONG, &view));
	bbq_receiver_close(&receiver);
	peer_done(&peer);
	bbq_segment_close(here.segment);
	bbq_channel_close(here.channel);
}

/* ---- no agreement ------------------------------------------------------ */

static void disagree(struct side a, struct side b, int of_a, int of_b)
{
	size_t fds = open_fds();
	struct bbq_channel *pair[2];

	channel_pair(pair);
	a.channel = pair[0];
	b.channel = pair[1];
	agree(&a, &b);
	cr_assert_eq(a.error, of_a, "%d", a.error);
	cr_assert_eq(b.error, of_b, "%d", b.error);
	cr_assert_null(a.segment);
	cr_assert_null(b.segment);
	bbq_channel_close(pair[0]);
	bbq_channel_close(pair[1]);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(shared_maps(), 0);
}

Test(channel, two_that_want_what_cannot_be)
{
	const struct side offers = {
		.offers = true,
		.role = BBQ_ROLE_PRODUCER,
		.config = { .capacity = 1000 },
	};
	struct side other = { .role = BBQ_ROLE_PRODUCER };

	disagree(offers, other, -EADDRINUSE, -EADDRINUSE);
	other.offers = true;
	other.config.capacity = 5;
	disagree(offers, other, -EADDRINUSE, -EADDRINUSE);
	other.role = BBQ_ROLE_CONSUMER;
	disagree(offers, other, -EPROTO, -EPROTO);
	other.offers = false;
	other.capacity_max = 999;
	disagree(offers, other, -EMSGSIZE, -EMSGSIZE);
}

Test(channel, two_that_both_take)
{
	const struct side a = { .role = BBQ_ROLE_CONSUMER };
	struct side b = a;

	disagree(a, b, -EADDRINUSE, -EADDRINUSE);
	b.role = BBQ_ROLE_PRODUCER;
	disagree(a, b, -EPROTO, -EPROTO);
}

/* ---- time -------------------------------------------------------------- */

Test(channel, nobody_comes_and_nobody_speaks)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *segment = NULL;
	struct bbq_channel *pair[2], *none = NULL;
	struct bbq_listener *listener;

	is(0, bbq_listener_open("@bbq-test-nobody", &listener));
	is(-EAGAIN, bbq_listener_accept(listener, NULL, 0, &none));
	is(-ETIMEDOUT, bbq_listener_accept(listener, NULL, MS, &none));
	cr_assert_null(none);
	bbq_listener_close(listener);

	channel_pair(pair);
	is(-EAGAIN,
	   bbq_channel_offer(pair[0], BBQ_ROLE_PRODUCER, &config, 0, &segment));
	is(-EPIPE,
	   bbq_channel_offer(pair[0], BBQ_ROLE_PRODUCER, &config, 0, &segment));
	bbq_channel_close(pair[0]);
	bbq_channel_close(pair[1]);
	channel_pair(pair);
	is(-ETIMEDOUT, bbq_channel_offer(pair[0], BBQ_ROLE_PRODUCER, &config,
					 MS, &segment));
	bbq_channel_close(pair[0]);
	/* The offer has come, and who made it has gone. */
	is(-EPROTO,
	   bbq_channel_take(pair[1], BBQ_ROLE_CONSUMER, 0, LONG, &segment));
	is(-EPIPE,
	   bbq_channel_take(pair[1], BBQ_ROLE_CONSUMER, 0, LONG, &segment));
	bbq_channel_close(pair[1]);
	cr_assert_null(segment);
	cr_assert_eq(shared_maps(), 0);
}

Test(channel, taking_may_be_tried_again)
{
	const struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *segment = NULL;
	struct sealed sealed;

	channel_pair(sealed.channel);
	for (int i = 0; i < 3; i++) {
		is(-EAGAIN,
		   bbq_channel_take(sealed.channel[1], BBQ_ROLE_CONSUMER, 0, 0,
				    &segment));
		is(-ETIMEDOUT,
		   bbq_channel_take(sealed.channel[1], BBQ_ROLE_CONSUMER, 0, MS,
				    &segment));
		is(-EINVAL,
		   bbq_channel_take(sealed.channel[1], BBQ_ROLE_PRODUCER, 0, 0,
				    &segment));
	}
	sealed_agree(&sealed, &config);
	is(0, bbq_sender_open(sealed.sending, &sealed.sender));
	is(0, bbq_receiver_open(sealed.receiving, &sealed.receiver));
	trade(&sealed, "bytes");
	sealed_close(&sealed);
}

Test(channel, arguments_that_make_no_sense)
{
	struct bbq_config config = { .capacity = 10 };
	struct bbq_segment *segment = NULL;
	struct bbq_channel *pair[2];

	channel_pair(pair);
	is(-EINVAL,
	   bbq_channel_offer(NULL, BBQ_ROLE_PRODUCER, &config, 0, &segment));
	is(-EINVAL,
	   bbq_channel_offer(pair[0], (enum bbq_role)0, &config, 0, &segment));
	is(-EINVAL,
	   bbq_channel_offer(pair[0], (enum bbq_role)3, &config, 0, &segment));
	is(-EINVAL,
	   bbq_channel_offer(pair[0], BBQ_ROLE_PRODUCER, NULL, 0, &segment));
	is(-EINVAL,
	   bbq_channel_offer(pair[0], BBQ_ROLE_PRODUCER, &config, 0, NULL));
	config.page_size = 2 * (size_t)sysconf(_SC_PAGESIZE);
	is(-EINVAL,
	   bbq_channel_offer(pair[0], BBQ_ROLE_PRODUCER, &config, 0, &segment));
	config = (struct bbq_config){ .capacity = 0 };
	is(-EINVAL,
	   bbq_channel_offer(pair[0], BBQ_ROLE_PRODUCER, &config, 0, &segment));
	is(-EINVAL, bbq_channel_take(NULL, BBQ_ROLE_CONSUMER, 0, 0, &segment));
	is(-EINVAL,
	   bbq_channel_take(pair[1], (enum bbq_role)7, 0, 0, &segment));
	is(-EINVAL, bbq_channel_take(pair[1], BBQ_ROLE_CONSUMER, 0, 0, NULL));
	is(-EINVAL, bbq_channel_peer(NULL, NULL));
	is(-EINVAL, bbq_channel_fd(NULL));
	bbq_channel_close(NULL);
	/* None of this has been noticed by the other side. */
	is(-EAGAIN,
	   bbq_channel_take(pair[1], BBQ_ROLE_CONSUMER, 0, 0, &segment));
	bbq_channel_close(pair[0]);
	bbq_channel_close(pair[1]);
}
