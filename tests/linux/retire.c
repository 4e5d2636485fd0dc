/* SPDX-License-Identifier: MIT */
/* Removing the name of a queue that is over, and the gate around it. */
#include "linux.h"

TestSuite(retire, .timeout = PATIENCE);

static const struct bbq_config config = { .capacity = 10 };

struct named {
	char name[64];
	struct bbq_segment *segment;
	struct bbq_sender s;
	struct bbq_receiver r;
};

static void named_open(struct named *n, const char *tag)
{
	strcpy(n->name, own_name(tag));
	is(0, bbq_segment_create_named(n->name, &config, &n->segment));
	is(0, bbq_sender_open(n->segment, &n->s));
	is(0, bbq_receiver_open(n->segment, &n->r));
}

static void named_close(struct named *n)
{
	bbq_sender_close(&n->s);
	bbq_receiver_close(&n->r);
	bbq_segment_close(n->segment);
	bbq_segment_unlink(n->name);
	cr_assert_eq(own_names(), 0);
}

static void stays(struct named *n)
{
	is(-EBUSY, bbq_segment_retire(n->segment));
	cr_assert(bbq_segment_has_name(n->segment));
	cr_assert_eq(own_names(), 1);
}

static void goes(struct named *n)
{
	is(0, bbq_segment_retire(n->segment));
	cr_assert_not(bbq_segment_has_name(n->segment));
	cr_assert_eq(own_names(), 0);
	is(-ENOENT, bbq_segment_retire(n->segment));
}

Test(retire, both_alive)
{
	struct named n;

	named_open(&n, "alive");
	stays(&n);
	/* What was tried changed nothing: it goes on. */
	send_text(&n.s, "on");
	recv_text(&n.r, "on");
	named_close(&n);
}

Test(retire, sender_closed)
{
	struct named n;

	named_open(&n, "closed");
	send_text(&n.s, "rest");
	bbq_sender_close(&n.s);
	stays(&n);
	recv_text(&n.r, "rest");
	goes(&n);
	named_close(&n);
}

/* A sender that has finished still holds the role, and is no obstacle. */
Test(retire, sender_finished)
{
	struct named n;

	named_open(&n, "finished");
	is(-EAGAIN, bbq_sender_finish(&n.s, 0));
	goes(&n);
	bbq_receiver_close(&n.r);
	is(0, bbq_sender_finish(&n.s, LONG));
	named_close(&n);
}

Test(retire, either_died)
{
	struct named n;

	named_open(&n, "sdied");
	bbq_sender_abandon(&n.s);
	goes(&n);
	named_close(&n);
	named_open(&n, "rdied");
	bbq_receiver_abandon(&n.r);
	goes(&n);
	named_close(&n);
}

Test(retire, receiver_closed_with_bytes_left)
{
	struct named n;

	named_open(&n, "left");
	send_text(&n.s, "left");
	bbq_receiver_close(&n.r);
	stays(&n);
	named_close(&n);
}

/* Closed and taken up again. */
Test(retire, taken_up_again)
{
	struct bbq_sender second;
	struct named n;

	named_open(&n, "again");
	bbq_sender_close(&n.s);
	is(0, bbq_sender_open(n.segment, &second));
	stays(&n);
	bbq_sender_close(&second);
	goes(&n);
	named_close(&n);
}

/* By another process, which finds out that the name is gone. */
Test(retire, other_process_sees_it)
{
	struct named n;
	struct peer peer;

	named_open(&n, "other");
	bbq_sender_close(&n.s);
	peer_start(&peer, bbq_segment_fd(n.segment), "sender", "say", "wait",
		   "close", "say", "wait", NULL);
	peer_await(&peer);
	stays(&n);
	peer_go(&peer);
	peer_await(&peer);
	goes(&n);
	peer_go(&peer);
	peer_done(&peer);
	named_close(&n);
}

/* The name may stand for another segment by now: that one stays. */
Test(retire, name_of_another)
{
	struct bbq_segment *second;
	struct named n;

	named_open(&n, "reuse");
	is(0, bbq_segment_unlink(n.name));
	is(0, bbq_segment_create_named(n.name, &config, &second));
	bbq_sender_close(&n.s);
	is(-ENOENT, bbq_segment_retire(n.segment));
	cr_assert(bbq_segment_has_name(second));
	bbq_segment_close(second);
	named_close(&n);
}

/* ---- the gate ---------------------------------------------------------- */

static int gate(int fd, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = BBQ_LOCK_GATE,
		.l_len = 1,
	};

	return fcntl(fd, F_OFD_SETLK, &lock);
}

/* Somebody sits in the gate: everything that changes roles is -EBUSY. */
Test(retire, blocked_gate)
{
	int fd = memfd_create("gate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct bbq_segment *blocker, *third;
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	struct named n;

	named_open(&n, "gate");
	bbq_sender_close(&n.s);
	is(0, bbq_segment_open(n.name, &blocker));
	cr_assert_eq(gate(bbq_segment_fd(blocker), F_WRLCK), 0);
	is(-EBUSY, bbq_sender_open(n.segment, &sender));
	is(-EBUSY, bbq_receiver_open(n.segment, &receiver));
	is(-EBUSY, bbq_segment_retire(n.segment));
	is(-EBUSY, bbq_segment_open(n.name, &third));
	is(-EBUSY, bbq_segment_attach(bbq_segment_fd(n.segment), &third));
	cr_assert_eq(own_names(), 1);
	cr_assert_eq(gate(bbq_segment_fd(blocker), F_UNLCK), 0);
	goes(&n);
	cr_assert_eq(gate(fd, F_WRLCK), 0);
	is(-EBUSY, bbq_segment_create_fd(fd, &config, &third));
	cr_assert_eq(gate(fd, F_UNLCK), 0);
	is(0, bbq_segment_create_fd(fd, &config, &third));
	bbq_segment_close(third);
	bbq_segment_close(blocker);
	named_close(&n);
}

/* The gate is for a moment; nobody is left in it. */
Test(retire, gate_is_left)
{
	struct bbq_segment *other;
	struct bbq_sender sender;
	struct named n;

	named_open(&n, "leave");
	is(0, bbq_segment_open(n.name, &other));
	for (int i = 0; i < 7; i++) {
		if (i == 1)
			is(-EADDRINUSE, bbq_sender_open(n.segment, &sender));
		if (i == 2)
			stays(&n);
		if (i == 3)
			bbq_sender_close(&n.s);
		if (i == 4)
			is(0, bbq_sender_open(n.segment, &n.s));
		if (i == 5)
			bbq_sender_abandon(&n.s);
		if (i == 6)
			goes(&n);
		cr_assert_eq(gate(bbq_segment_fd(other), F_WRLCK), 0);
		cr_assert_eq(gate(bbq_segment_fd(other), F_UNLCK), 0);
	}
	bbq_segment_close(other);
	named_close(&n);
}

/* A claim is behind the gate also for ends of one struct bbq_segment. */
Test(retire, gate_within_one_segment)
{
	struct bbq_sender sender;
	struct named n;

	named_open(&n, "one");
	bbq_sender_close(&n.s);
	/* As another thread in the middle of bbq_segment_retire would. */
	cr_assert_eq(gate(bbq_segment_fd(n.segment), F_WRLCK), 0);
	is(-EBUSY, bbq_sender_open(n.segment, &sender));
	cr_assert_eq(gate(bbq_segment_fd(n.segment), F_UNLCK), 0);
	named_close(&n);
}

/* ---- whatever is left -------------------------------------------------- */

/* Bytes are left, both ends live; the name goes, and the queue works on. */
Test(retire, discard)
{
	struct bbq_segment *memfd = make(10);
	struct named n;

	named_open(&n, "discard");
	send_text(&n.s, "left");
	stays(&n);
	is(0, bbq_segment_discard(n.segment));
	cr_assert_eq(own_names(), 0);
	recv_text(&n.r, "left");
	is(-ENOENT, bbq_segment_discard(n.segment));
	is(-ENOENT, bbq_segment_discard(memfd));
	is(-EINVAL, bbq_segment_discard(NULL));
	bbq_segment_close(memfd);
	named_close(&n);
}

/* The name has been given to another segment since: that is not ours. */
Test(retire, discard_is_not_for_successors)
{
	struct bbq_segment *successor;
	struct named n;

	named_open(&n, "successor");
	is(0, bbq_segment_unlink(n.name));
	is(0, bbq_segment_create_named(n.name, &config, &successor));
	is(-ENOENT, bbq_segment_discard(n.segment));
	is(-ENOENT, bbq_segment_retire(n.segment));
	cr_assert(bbq_segment_has_name(successor));
	cr_assert_eq(own_names(), 1);
	bbq_segment_close(successor);
	named_close(&n);
}
