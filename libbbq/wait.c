/* SPDX-License-Identifier: MIT */
/*
 * wait.c - an event count a direction: sleep on a bell, ring for a ticket
 *
 *     sleeper (either end)                 waker (the other end)
 *       load bell       peer page  (c)       store cursor            (p)
 *       store ticket    own page   (a)       fence, or nothing       (q)
 *       barrier                    (b)       load ticket   peer page (r)
 *       look at the queue          (d)       if it is new:
 *       futex wait on the bell     (e)         store bell  own page  (s)
 *                                              futex wake            (t)
 *
 * Of (a) before (d) and (p) before (r) at least one must see the other: then
 * either the sleeper finds what it waits for, or the waker finds the ticket
 * and rings. That takes a full barrier between (a) and (d) and one between (p)
 * and (r). The second would be paid at every commit; so where both processes
 * are registered, the sleeper's (b) is membarrier(GLOBAL_EXPEDITED), Linux
 * 4.16, which puts a full barrier into every registered process that runs at
 * the moment, and (q) is only a compiler barrier. Elsewhere both are fences.
 *
 * A ring between (c) and (e) is not lost: the bell has moved and (e) returns
 * at once. So (c) comes before (a): a ring for this ticket always moves the
 * bell under the sleeper, also one for a (p) that (d) sees and that is not
 * enough, a release of less than is waited for. Were it not so, the sleeper
 * would go to sleep on a ticket that is served already, and no later (p) would
 * wake it. Tickets are served once each, so a sleeper costs its peer one
 * system call, however often it commits.
 *
 * A sleep is cut into slices, between which the sleeper looks whether the
 * peer still lives. FUTEX_WAIT works on a read-only mapping of the bell. Never
 * FUTEX_PRIVATE: the word is shared between processes.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define NS_PER_SEC INT64_C(1000000000)
#define SLICE_NS INT64_C(100000000)

/* The kernel's timespec for SYS_futex, whatever libc's time_t is. */
struct futex_time {
	long sec;
	long nsec;
};

static int futex_wait(const uint32_t *word, uint32_t value, int64_t ns)
{
	struct futex_time time = {
		.sec = (long)(ns / NS_PER_SEC),
		.nsec = (long)(ns % NS_PER_SEC),
	};

	if (syscall(SYS_futex, word, FUTEX_WAIT, value, &time, NULL, 0) < 0)
		return -errno;
	return 0;
}

static void futex_wake(const uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

static int membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

uint32_t bbq_barrier_register(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0;
}

void bbq_end_wake(struct bbq_end *end)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bbq_end_ring(end,
		     __atomic_load_n(&end->peer->ticket, __ATOMIC_RELAXED));
}

void bbq_end_ring(struct bbq_end *end, uint32_t ticket)
{
	end->served = ticket;
	__atomic_store_n(&end->own->bell, ++end->bell, __ATOMIC_RELEASE);
	futex_wake(&end->own->bell);
}

/* Steps (c), (a), (b): what the bell showed before our ticket was out. */
static uint32_t announce_sleep(struct bbq_end *end)
{
	uint32_t bell = __atomic_load_n(&end->peer->bell, __ATOMIC_ACQUIRE);

	__atomic_store_n(&end->own->ticket, ++end->ticket, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (end->barrier)
		membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
	return bell;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield");
#endif
}

/* What is waited for: tried until it returns something else than -EAGAIN. */
struct attempt {
	int (*run)(const struct attempt *);
	struct bbq_sender *sender;
	struct bbq_receiver *receiver;
	size_t min;
	size_t max;
	void *ret;
};

static int attempt_often(const struct attempt *attempt, unsigned int times)
{
	int error = attempt->run(attempt);

	while (error == -EAGAIN && times-- > 0) {
		relax();
		error = attempt->run(attempt);
	}
	return error;
}

/* Sleep until the bell is rung, but no longer than a slice or the deadline. */
static int sleep_slice(const struct bbq_end *end, uint32_t bell,
		       int64_t deadline)
{
	int64_t ns = SLICE_NS;

	if (deadline >= 0) {
		int64_t left = deadline - now_ns();

		if (left <= 0)
			return -ETIMEDOUT;
		ns = left < ns ? left : ns;
	}
	return futex_wait(&end->peer->bell, bell, ns);
}

static int64_t deadline_of(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns < 0)
		return -1;
	now = now_ns();
	return timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
}

static int end_wait(struct bbq_end *end, int64_t timeout_ns,
		    const struct attempt *attempt)
{
	int64_t deadline;
	uint32_t bell;
	int error = attempt->run(attempt);

	if (error != -EAGAIN || timeout_ns == 0)
		return error;
	deadline = deadline_of(timeout_ns);
	error = attempt_often(attempt, end->spin);
	while (error == -EAGAIN) {
		bell = announce_sleep(end);
		error = attempt->run(attempt);
		if (error != -EAGAIN)
			break;
		error = bbq_end_peer(end);
		if (error) {
			/* It may have published just before it went. */
			int again = attempt->run(attempt);

			return again == -EAGAIN ? error : again;
		}
		error = sleep_slice(end, bell, deadline);
		if (error == -ETIMEDOUT && deadline >= 0 &&
		    now_ns() >= deadline)
			return attempt->run(attempt) == 0 ? 0 : -ETIMEDOUT;
		if (error == -EINTR)
			return -EINTR;
		error = attempt_often(attempt, error ? 0 : end->spin);
	}
	return error;
}

/* ---- what can be waited for -------------------------------------------- */

/* A refused sender wants; a wrap that this publishes may free the receiver. */
static int sender_want(struct bbq_sender *sender,
		       int (*want)(struct bbq_producer *, size_t), size_t len)
{
	bbq_word before = sender->producer.write;
	int error = want(&sender->producer, len);

	if (sender->producer.write != before)
		bbq_sender_notify(sender);
	return error ? error : -EAGAIN;
}

static int try_grant(const struct attempt *a)
{
	int error =
		bbq_grant_range(&a->sender->producer, a->min, a->max, a->ret);

	return error == -EAGAIN ? sender_want(a->sender, bbq_want, a->min)
				: error;
}

static int try_frame_grant(const struct attempt *a)
{
	int error = bbq_frame_grant(&a->sender->producer, a->max, a->ret);

	return error == -EAGAIN ? sender_want(a->sender, bbq_frame_want, a->max)
				: error;
}

static int try_room(const struct attempt *a)
{
	if (a->sender->producer.open == BBQ_OPEN_NONE &&
	    bbq_writable(&a->sender->producer) >= a->min)
		return 0;
	return sender_want(a->sender, bbq_want, a->min);
}

static int try_closed(const struct attempt *a)
{
	int error = bbq_end_peer(&a->sender->end);

	if (error == -EPIPE && bbq_segment_fill(a->sender->end.segment) == 0)
		return 0;
	return error ? error : -EAGAIN;
}

/* Stepping over the watermark frees space: the sender may wait for that. */
static int receiver_stepped(struct bbq_receiver *receiver, bbq_word before,
			    int error)
{
	if (receiver->consumer.read != before)
		bbq_receiver_notify(receiver);
	return error;
}

static int try_read(const struct attempt *a)
{
	bbq_word before = a->receiver->consumer.read;

	return receiver_stepped(a->receiver, before,
				bbq_read(&a->receiver->consumer, a->ret));
}

static int try_read_split(const struct attempt *a)
{
	bbq_word before = a->receiver->consumer.read;

	return receiver_stepped(a->receiver, before,
				bbq_read_split(&a->receiver->consumer, a->ret));
}

static int try_frame_read(const struct attempt *a)
{
	bbq_word before = a->receiver->consumer.read;

	return receiver_stepped(a->receiver, before,
				bbq_frame_read(&a->receiver->consumer, a->ret));
}

static int try_readable(const struct attempt *a)
{
	struct bbq_view view;
	struct attempt read = { .receiver = a->receiver, .ret = &view };
	int error = try_read(&read);

	return error ? error : bbq_release(&a->receiver->consumer, 0);
}

/* ---- the waiting verbs ------------------------------------------------- */

static int sender_do(const struct attempt *attempt, int64_t timeout_ns)
{
	if (attempt->sender->end.lock_fd < 0)
		return -EBADMSG;
	return end_wait(&attempt->sender->end, timeout_ns, attempt);
}

static int receiver_do(const struct attempt *attempt, int64_t timeout_ns)
{
	if (attempt->receiver->end.lock_fd < 0)
		return -EBADMSG;
	return end_wait(&attempt->receiver->end, timeout_ns, attempt);
}

/* Does the queue carry what the verb is for? A closed end's says nothing. */
static bool carries(const struct bbq_end *end, enum bbq_mode mode)
{
	return !end->segment || end->segment->mode == mode;
}

int bbq_sender_wait(struct bbq_sender *sender, size_t len, int64_t timeout_ns)
{
	const struct attempt attempt = {
		.run = try_room,
		.sender = sender,
		.min = len,
	};

	return sender ? sender_do(&attempt, timeout_ns) : -EINVAL;
}

int bbq_sender_finish(struct bbq_sender *sender, int64_t timeout_ns)
{
	const struct attempt attempt = {
		.run = try_closed,
		.sender = sender,
	};

	if (!sender)
		return -EINVAL;
	if (sender->end.lock_fd < 0)
		return -EBADMSG;
	if (bbq_end_finish(&sender->end))
		sender->producer.open = BBQ_OPEN_BROKEN;
	return sender_do(&attempt, timeout_ns);
}

int bbq_receiver_wait(struct bbq_receiver *receiver, int64_t timeout_ns)
{
	const struct attempt attempt = {
		.run = try_readable,
		.receiver = receiver,
	};

	return receiver ? receiver_do(&attempt, timeout_ns) : -EINVAL;
}

int bbq_sender_grant_range(struct bbq_sender *sender, size_t min, size_t max,
			   int64_t timeout_ns, struct bbq_span *ret)
{
	const struct attempt attempt = {
		.run = try_grant,
		.sender = sender,
		.min = min,
		.max = max,
		.ret = ret,
	};

	if (!sender || !carries(&sender->end, BBQ_MODE_BYTES))
		return -EINVAL;
	return sender_do(&attempt, timeout_ns);
}

int bbq_sender_grant(struct bbq_sender *sender, size_t len, int64_t timeout_ns,
		     struct bbq_span *ret)
{
	return bbq_sender_grant_range(sender, len, len, timeout_ns, ret);
}

int bbq_sender_frame_grant(struct bbq_sender *sender, size_t max,
			   int64_t timeout_ns, struct bbq_span *ret)
{
	const struct attempt attempt = {
		.run = try_frame_grant,
		.sender = sender,
		.max = max,
		.ret = ret,
	};

	if (!sender || !carries(&sender->end, BBQ_MODE_FRAMES))
		return -EINVAL;
	return sender_do(&attempt, timeout_ns);
}

static int receiver_verb(int (*run)(const struct attempt *),
			 struct bbq_receiver *receiver, enum bbq_mode mode,
			 int64_t timeout_ns, void *ret)
{
	const struct attempt attempt = {
		.run = run,
		.receiver = receiver,
		.ret = ret,
	};

	if (!receiver || !carries(&receiver->end, mode))
		return -EINVAL;
	return receiver_do(&attempt, timeout_ns);
}

int bbq_receiver_read(struct bbq_receiver *receiver, int64_t timeout_ns,
		      struct bbq_view *ret)
{
	return receiver_verb(try_read, receiver, BBQ_MODE_BYTES, timeout_ns,
			     ret);
}

int bbq_receiver_read_split(struct bbq_receiver *receiver, int64_t timeout_ns,
			    struct bbq_view ret[2])
{
	/* Frames too: bbq_frame_next takes them apart. */
	const struct attempt attempt = {
		.run = try_read_split,
		.receiver = receiver,
		.ret = ret,
	};

	return receiver ? receiver_do(&attempt, timeout_ns) : -EINVAL;
}

int bbq_receiver_frame_read(struct bbq_receiver *receiver, int64_t timeout_ns,
			    struct bbq_view *ret)
{
	return receiver_verb(try_frame_read, receiver, BBQ_MODE_FRAMES,
			     timeout_ns, ret);
}
