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

/* Pauses without a look at the clock and at whether the peer is there. */
#define PAUSES_AT_MOST 65536u
/* So many publications since the last wait, and a moment pays. */
#define MOMENT_PAYS 8
/* Of so many waits for which it does not, one is a trial. */
#define MOMENT_TRIAL 1024

/* The kernel's timespec for SYS_futex, whatever libc's time_t is. */
struct futex_time {
	long sec;
	long nsec;
};

/* For no longer than ns nanoseconds; negative: until it is woken. */
static int futex_wait(const uint32_t *word, uint32_t value, int64_t ns)
{
	struct futex_time time = {
		.sec = (long)(ns / NS_PER_SEC),
		.nsec = (long)(ns % NS_PER_SEC),
	};

	if (syscall(SYS_futex, word, FUTEX_WAIT, value, ns < 0 ? NULL : &time,
		    NULL, 0) < 0)
		return -errno;
	return 0;
}

static void futex_wake(const uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int64_t bbq_now_ns(void)
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

/*
 * No fence: it rings whatever the ticket, so that one not seen costs one more
 * ring later. A sleeper whose (c) has seen the bell sees what was stored before
 * it, since (s) releases and (c) acquires; any other finds the bell moved.
 */
void bbq_end_wake(struct bbq_end *end)
{
	bbq_end_ring(end,
		     __atomic_load_n(&end->peer->ticket, __ATOMIC_RELAXED));
}

void bbq_end_ring(struct bbq_end *end, uint32_t ticket)
{
	end->served = ticket;
	__atomic_store_n(&end->own->bell, ++end->bell, __ATOMIC_RELEASE);
	futex_wake(&end->own->bell);
	bbq_count_(&end->own->count.rings, 1);
}

/* Steps (c), (a), (b). */
uint32_t bbq_end_announce(struct bbq_end *end)
{
	uint32_t bell = __atomic_load_n(&end->peer->bell, __ATOMIC_ACQUIRE);

	__atomic_store_n(&end->own->ticket, ++end->ticket, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (end->barrier)
		membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
	return bell;
}

/* Step (e). */
int bbq_end_sleep(const struct bbq_end *end, uint32_t bell, int64_t deadline)
{
	int64_t ns = end->slice_ns;

	if (deadline >= 0) {
		int64_t left = deadline - bbq_now_ns();

		if (left <= 0)
			return -ETIMEDOUT;
		ns = ns < 0 || left < ns ? left : ns;
	}
	return futex_wait(&end->peer->bell, bell, ns);
}

/* Whoever sleeps by bbq_end_sleep on this end looks up. */
void bbq_end_rouse(const struct bbq_end *end)
{
	futex_wake(&end->peer->bell);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield");
#endif
}

static void relax_often(unsigned int pauses)
{
	while (pauses-- > 0)
		relax();
}

/*
 * How many pauses the peer shall have before the next look. If this end has
 * published often since it last waited, then the peer is at work, and gets on
 * faster while nobody looks. If not, the peer most likely waits for what this
 * end does next; or nothing gathers because nobody gives a moment, and so one
 * wait in some hundreds is a trial.
 */
static unsigned int moment(struct bbq_end *end)
{
	const struct bbq_counters *count = &end->own->count;
	bbq_word published = bbq_load_relaxed_(&count->avoided) +
			     bbq_load_relaxed_(&count->rings);
	bool pays = published - end->published >= MOMENT_PAYS;
	unsigned int most =
		end->spin < PAUSES_AT_MOST ? end->spin : PAUSES_AT_MOST;

	end->published = published;
	if (!pays && ++end->alone % MOMENT_TRIAL != 0)
		return 0;
	return end->linger < most ? end->linger : most;
}

int64_t bbq_deadline(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns < 0)
		return -1;
	now = bbq_now_ns();
	return timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
}

static bool over(int64_t deadline)
{
	return deadline >= 0 && bbq_now_ns() >= deadline;
}

/*
 * Look, and then after each of so many pauses. An end that hardly ever sleeps
 * still minds the time, and its peer's death, once in a millisecond or so; what
 * follows finds out which.
 */
static int attempt_often(const struct bbq_end *end, int64_t deadline,
			 const struct attempt *attempt, unsigned int pauses)
{
	int error = attempt->run(attempt);

	while (error == -EAGAIN && pauses-- > 0) {
		relax();
		error = attempt->run(attempt);
		if (pauses % PAUSES_AT_MOST == PAUSES_AT_MOST - 1 &&
		    (over(deadline) || bbq_end_gone(end)))
			break;
	}
	return error;
}

/* The time is over, or a peer is gone: what came just before still counts. */
static int last_look(const struct attempt *attempt, int error)
{
	int again = attempt->run(attempt);

	return again == -EAGAIN ? error : again;
}

/* Look, and announce the sleep, and look again, and sleep; until it is so. */
static int sleep_until(struct bbq_end *end, int64_t deadline,
		       const struct attempt *attempt)
{
	int error = -EAGAIN;
	int slept = 0;

	while (error == -EAGAIN) {
		uint32_t bell = bbq_end_announce(end);

		error = attempt->run(attempt);
		if (error != -EAGAIN)
			break;
		error = bbq_end_gone(end);
		if (error)
			return last_look(attempt, error);
		/* A sleep that goes on for another slice is still one. */
		if (slept != -ETIMEDOUT)
			bbq_count_(&end->own->count.sleeps, 1);
		slept = bbq_end_sleep(end, bell, deadline);
		if (slept == -ETIMEDOUT && over(deadline))
			return last_look(attempt, -ETIMEDOUT);
		if (slept == -EINTR)
			return -EINTR;
		error = attempt_often(end, deadline, attempt,
				      slept ? 0 : end->spin);
	}
	return error;
}

int bbq_end_wait(struct bbq_end *end, int64_t timeout_ns,
		 const struct attempt *attempt)
{
	int error = attempt->run(attempt);

	return error == -EAGAIN ? bbq_end_refused(end, timeout_ns, attempt)
				: error;
}

int bbq_end_refused(struct bbq_end *end, int64_t timeout_ns,
		    const struct attempt *attempt)
{
	unsigned int pauses;
	int64_t deadline;
	int error;

	bbq_count_(&end->own->count.refused, 1);
	if (timeout_ns == 0)
		return -EAGAIN;
	deadline = bbq_deadline(timeout_ns);
	pauses = moment(end);
	relax_often(pauses);
	error = attempt_often(end, deadline, attempt, end->spin - pauses);
	if (error != -EAGAIN)
		return error;
	bbq_watch_disarm(end);
	return sleep_until(end, deadline, attempt);
}
