/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost: every interleaving of a waiting verb with what its peer
 * does, at the granularity of the library's calls into the kernel.
 *
 * The program is linked with --wrap, so that the static library's futexes,
 * membarriers, looks at locks and at the clock come through stage.h. Both ends
 * live in one thread. One end waits; at the n-th such call, for each n, the
 * peer acts, as another process might in that moment. A futex wait that would
 * sleep is never slept: it is checked that there is nothing that the sleeper
 * has not seen; then, if the peer has not acted yet, it acts now and must wake
 * the sleeper.
 *
 * So a lost wake-up is found as such, not as a slow run: in real life the
 * sleep slices repair it after 100 ms.
 */
#include "stage.h"

TestSuite(wakeups, .timeout = PATIENCE);

/* ---- what waits, and what the peer does -------------------------------- */

static int wait_read(void)
{
	return bbq_receiver_read(&r, LONG, views);
}

static int wait_split(void)
{
	return bbq_receiver_read_split(&r, LONG, views);
}

static int wait_readable(void)
{
	return bbq_receiver_wait(&r, LONG);
}

static int wait_frame(void)
{
	return bbq_receiver_frame_read(&r, LONG, views);
}

static int wait_grant(void)
{
	return bbq_sender_grant(&s, 6, LONG, &span);
}

static int wait_range(void)
{
	return bbq_sender_grant_range(&s, 6, 8, LONG, &span);
}

static int wait_room(void)
{
	return bbq_sender_wait(&s, 6, LONG);
}

static int wait_frame_grant(void)
{
	return bbq_sender_frame_grant(&s, 5, LONG, &span);
}

static int wait_frames_grant(void)
{
	return bbq_sender_frames_grant(&s, 5, 9, LONG, &span);
}

static int wait_finish(void)
{
	return bbq_sender_finish(&s, LONG);
}

static void commit(void)
{
	is(0, bbq_grant(&s.producer, 1, &span));
	is(0, bbq_sender_commit(&s, 1));
}

static void commit_part(void)
{
	is(0, bbq_grant(&s.producer, 2, &span));
	is(0, bbq_sender_commit_part(&s, 1));
}

static void commit_frame(void)
{
	is(0, bbq_frame_grant(&s.producer, 0, &span));
	is(0, bbq_sender_frame_commit(&s, 0));
}

static void commit_frames(void)
{
	struct bbq_span payload;

	is(0, bbq_frames_grant(&s.producer, 0, 1, &span));
	is(0, bbq_frame_put(&s.producer, &span, 0, &payload));
	is(0, bbq_sender_frames_commit(&s, 1, 1));
}

/* A refused sender gives up the tail. */
static void want(void)
{
	is(-EAGAIN, bbq_sender_grant(&s, 6, 0, &span));
}

static void want_frame(void)
{
	is(-EAGAIN, bbq_sender_frame_grant(&s, 5, 0, &span));
}

static void release(void)
{
	is(0, bbq_read(&r.consumer, views));
	is(0, bbq_receiver_release(&r, views[0].len));
}

/* Too little for who waits for 6: the ticket is used up all the same. */
static void release_one(void)
{
	is(0, bbq_read(&r.consumer, views));
	is(0, bbq_receiver_release(&r, 1));
}

static void release_part(void)
{
	is(0, bbq_read(&r.consumer, views));
	is(0, bbq_receiver_release_part(&r, views[0].len));
}

static void release_frame(void)
{
	is(0, bbq_frame_read(&r.consumer, views));
	is(0, bbq_receiver_frame_release(&r));
}

/* A read that finds nothing, but steps over the watermark. */
static void step(void)
{
	is(-EAGAIN, bbq_receiver_read(&r, 0, views));
}

static void step_split(void)
{
	is(-EAGAIN, bbq_receiver_read_split(&r, 0, views));
}

static void step_frame(void)
{
	is(-EAGAIN, bbq_receiver_frame_read(&r, 0, views));
}

static void step_waiting(void)
{
	is(-EAGAIN, bbq_receiver_wait(&r, 0));
}

static void close_sender(void)
{
	bbq_sender_close(&s);
}

static void close_receiver(void)
{
	bbq_receiver_close(&r);
}

static void abandon_sender(void)
{
	bbq_sender_abandon(&s);
}

static void abandon_receiver(void)
{
	bbq_receiver_abandon(&r);
}

/* Another process takes the role over, between two looks of the waiter. */
static void replace_sender(void)
{
	bbq_sender_abandon(&s);
	is(0, bbq_sender_open(segment, &s));
}

static void replace_receiver(void)
{
	bbq_receiver_abandon(&r);
	is(0, bbq_receiver_open(segment, &r));
}

static void finish_sender(void)
{
	is(-EAGAIN, bbq_sender_finish(&s, 0));
}

/* ---- scenarios --------------------------------------------------------- */

#define ACTS_MAX 4 /* with the null */

static const struct scenario {
	const char *name;
	int (*wait)(void);
	void (*acts[ACTS_MAX])(void);
	enum bbq_mode mode;
	size_t at;   /* both cursors of the empty queue stand here */
	size_t fill; /* and then so much is committed */
	bool receiver;
	int result;
} scenarios[] = {
	{ .name = "read, commit", wait_read, { commit }, .receiver = 1 },
	{ .name = "split, commit", wait_split, { commit }, .receiver = 1 },
	{ .name = "readable, part",
	  wait_readable,
	  { commit_part },
	  .receiver = 1 },
	{ .name = "frame, commit",
	  wait_frame,
	  { commit_frame },
	  BBQ_MODE_FRAMES,
	  .receiver = 1 },
	{ .name = "frame, frames",
	  wait_frame,
	  { commit_frames },
	  BBQ_MODE_FRAMES,
	  .receiver = 1 },
	{ .name = "read, want, commit",
	  wait_read,
	  { want, commit },
	  .at = 5,
	  .receiver = 1 },
	{ .name = "split, want, commit",
	  wait_split,
	  { want, commit },
	  .at = 5,
	  .receiver = 1 },
	{ .name = "frame, want, commit",
	  wait_frame,
	  { want_frame, commit_frame },
	  BBQ_MODE_FRAMES,
	  .at = 5,
	  .receiver = 1 },
	{ .name = "grant, release", wait_grant, { release }, .fill = 8 },
	{ .name = "grant, bit by bit",
	  wait_grant,
	  { release_one, release_one, release },
	  .fill = 8 },
	{ .name = "range, part", wait_range, { release_part }, .fill = 8 },
	{ .name = "room, release", wait_room, { release }, .fill = 8 },
	{ .name = "frame, release",
	  wait_frame_grant,
	  { release_frame },
	  BBQ_MODE_FRAMES,
	  .fill = 8 },
	{ .name = "frames, release",
	  wait_frames_grant,
	  { release_frame },
	  BBQ_MODE_FRAMES,
	  .fill = 8 },
	{ .name = "frames, step",
	  wait_frames_grant,
	  { step_frame },
	  BBQ_MODE_FRAMES,
	  .at = 5 },
	{ .name = "grant, step", wait_grant, { step }, .at = 5 },
	{ .name = "range, split step", wait_range, { step_split }, .at = 5 },
	{ .name = "room, step", wait_room, { step_waiting }, .at = 5 },
	{ .name = "frame, step",
	  wait_frame_grant,
	  { step_frame },
	  BBQ_MODE_FRAMES,
	  .at = 5 },
	{ .name = "grant, release, step",
	  wait_grant,
	  { release, step },
	  .at = 4,
	  .fill = 1 },
	{ .name = "read, close",
	  wait_read,
	  { close_sender },
	  .receiver = 1,
	  .result = -EPIPE },
	{ .name = "read, finish",
	  wait_read,
	  { finish_sender },
	  .receiver = 1,
	  .result = -EPIPE },
	{ .name = "read, abandon",
	  wait_read,
	  { abandon_sender },
	  .receiver = 1,
	  .result = -EOWNERDEAD },
	{ .name = "grant, close",
	  wait_grant,
	  { close_receiver },
	  .fill = 8,
	  .result = -EPIPE },
	{ .name = "grant, abandon",
	  wait_grant,
	  { abandon_receiver },
	  .fill = 8,
	  .result = -EOWNERDEAD },
	{ .name = "read, successor",
	  wait_read,
	  { replace_sender, commit },
	  .receiver = 1 },
	{ .name = "grant, successor",
	  wait_grant,
	  { replace_receiver, release },
	  .fill = 8 },
	{ .name = "finish, close", wait_finish, { close_receiver } },
	{ .name = "finish, release, close",
	  wait_finish,
	  { release, close_receiver },
	  .fill = 8 },
	{ .name = "finish, close early",
	  wait_finish,
	  { close_receiver },
	  .fill = 8,
	  .result = -EPIPE },
};

static void set_stage(const struct scenario *scene, bool no_barrier)
{
	memset(&stage, 0, sizeof(stage));
	stage.no_barrier = no_barrier;
	segment = scene->mode ? make_frames(8, 1) : make(8);
	is(0, bbq_sender_open(segment, &s));
	is(0, bbq_receiver_open(segment, &r));
	s.end.spin = 0;
	r.end.spin = 0;
	if (scene->mode && scene->at) {
		is(0, bbq_frame_grant(&s.producer, scene->at - 1, &span));
		is(0, bbq_frame_commit(&s.producer, scene->at - 1));
		release_frame();
	} else if (scene->at) {
		advance(&s, &r, scene->at);
	}
	if (scene->mode && scene->fill) {
		is(0, bbq_frame_grant(&s.producer, scene->fill - 1, &span));
		is(0, bbq_frame_commit(&s.producer, scene->fill - 1));
	} else if (scene->fill) {
		is(0, bbq_grant(&s.producer, scene->fill, &span));
		is(0, bbq_commit(&s.producer, scene->fill));
	}
}

static void strike_stage(void)
{
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

/* The scene, with the peer's first act at the call number at. */
static void play(const struct scenario *scene, unsigned int at,
		 unsigned int spin)
{
	int result;

	stage.acts = scene->acts;
	stage.act_at = at;
	stage.blind = scene->wait == wait_finish;
	s.end.spin = spin;
	r.end.spin = spin;
	stage.waiter = scene->receiver ? &r.end : &s.end;
	result = scene->wait();
	stage.waiter = NULL;
	cr_assert_eq(result, scene->result, "%s at %u: %d", scene->name, at,
		     result);
	cr_assert_eq(stage.lost, 0, "%s at %u: lost", scene->name, at);
	cr_assert_eq(stage.unwoken, 0, "%s at %u: not woken", scene->name, at);
}

static void play_all(bool no_barrier, unsigned int spin)
{
	const size_t n = sizeof(scenarios) / sizeof(*scenarios);
	unsigned int slept = 0;

	for (size_t i = 0; i < n; i++) {
		for (unsigned int at = 0; at < 24; at++) {
			set_stage(&scenarios[i], no_barrier);
			play(&scenarios[i], at, spin);
			slept += stage.sleeps;
			strike_stage();
		}
	}
	cr_assert_gt(slept, n);
}

Test(wakeups, with_membarrier)
{
	play_all(false, 0);
	play_all(false, 3);
}

Test(wakeups, with_fences)
{
	play_all(true, 0);
	play_all(true, 3);
}

/* ---- rings ------------------------------------------------------------- */

/* A sleeper costs its waker one ring, however often that commits. */
Test(wakeups, one_ring_a_ticket)
{
	uint32_t bell;

	set_stage(&scenarios[0], false);
	bell = producer_page(segment)->side.bell;
	commit();
	cr_assert_eq(producer_page(segment)->side.bell, bell);
	release();
	for (uint32_t i = 1; i < 4; i++) {
		is(-ETIMEDOUT, bbq_receiver_read(&r, 1, views));
		cr_assert_eq(consumer_page(segment)->side.ticket, i);
		commit();
		cr_assert_eq(producer_page(segment)->side.bell, bell + i);
		commit();
		cr_assert_eq(producer_page(segment)->side.bell, bell + i);
		release();
	}
	/* An abort and a release of nothing publish nothing. */
	is(-ETIMEDOUT, bbq_receiver_read(&r, 1, views));
	bell = producer_page(segment)->side.bell;
	is(0, bbq_grant(&s.producer, 1, &span));
	is(0, bbq_sender_commit(&s, 0));
	cr_assert_eq(producer_page(segment)->side.bell, bell);
	strike_stage();
}

/* By the core verbs nobody is woken, by notify after them somebody is. */
Test(wakeups, notify)
{
	uint32_t bell;

	set_stage(&scenarios[0], false);
	is(-ETIMEDOUT, bbq_receiver_read(&r, 1, views));
	bell = producer_page(segment)->side.bell;
	is(0, bbq_grant(&s.producer, 8, &span));
	is(0, bbq_commit(&s.producer, 8));
	cr_assert_eq(producer_page(segment)->side.bell, bell);
	bbq_sender_notify(&s);
	cr_assert_eq(producer_page(segment)->side.bell, bell + 1);
	is(-ETIMEDOUT, bbq_sender_grant(&s, 1, 1, &span));
	bell = consumer_page(segment)->side.bell;
	is(0, bbq_read(&r.consumer, views));
	is(0, bbq_release(&r.consumer, 8));
	cr_assert_eq(consumer_page(segment)->side.bell, bell);
	bbq_receiver_notify(&r);
	cr_assert_eq(consumer_page(segment)->side.bell, bell + 1);
	strike_stage();
}

/* Who takes over a role wakes a sleeper whom its predecessor did not. */
Test(wakeups, claim)
{
	uint32_t bell;

	set_stage(&scenarios[0], false);
	bbq_sender_abandon(&s);
	is(-EOWNERDEAD, bbq_receiver_read(&r, LONG, views));
	bell = producer_page(segment)->side.bell;
	stage.woken = NULL;
	is(0, bbq_sender_open(segment, &s));
	cr_assert_neq(producer_page(segment)->side.bell, bell);
	cr_assert_eq(stage.woken, &producer_page(segment)->side.bell);
	strike_stage();
}
