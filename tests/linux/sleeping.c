/* SPDX-License-Identifier: MIT */
/*
 * A wait, call by call: how often it looks, for how long it sleeps, what it
 * asks of the kernel, with a kernel and a clock that do as the test says.
 */
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#include "../../libbbq/internal.h"
#include "linux.h"

#define NS INT64_C(1000000000)
#define WITHOUT_END (-1)
#define STARTED 1000 /* what the clock shows at first */

TestSuite(sleeping, .timeout = PATIENCE);

/* ---- the kernel and the clock ------------------------------------------ */

static struct {
	bool pretend;
	int64_t now;
	int64_t pass;	       /* how much later it is after a sleep */
	const int *results;    /* of futex waits, in turn: 0 or an errno */
	unsigned int sleeps;   /* futex waits so far */
	int64_t slept[8];      /* how long they were to take, at most */
	unsigned int wakes;    /* futex wakes so far */
	unsigned int barriers; /* membarriers so far */
	int barrier_command;   /* the last one's */
	int barrier_result;    /* 0 or -1 */
} kernel;

static struct bbq_segment *segment;
static struct bbq_sender s;
static struct bbq_receiver r;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

static long fail(int error)
{
	errno = error;
	return -1;
}

static long pretend_wait(const struct timespec *time)
{
	unsigned int turn = kernel.sleeps++;

	cr_assert_lt(turn, 8, "it sleeps again and again");
	kernel.slept[turn] =
		time ? time->tv_sec * NS + time->tv_nsec : WITHOUT_END;
	kernel.now += kernel.pass;
	if (kernel.results[turn])
		return fail(kernel.results[turn]);
	errno = EINTR; /* it means nothing: the call has succeeded */
	return 0;
}

static long futex(const uint32_t *word, int op, int value,
		  const struct timespec *time, const void *other, int mask)
{
	if (!kernel.pretend)
		return __real_syscall(SYS_futex, word, op, value, time, other,
				      mask);
	cr_assert_null(other);
	cr_assert_eq(mask, 0);
	cr_assert_eq(word,
		     op == FUTEX_WAIT ? &r.end.peer->bell : &r.end.own->bell);
	if (op == FUTEX_WAIT)
		return pretend_wait(time);
	cr_assert_eq(op, FUTEX_WAKE);
	cr_assert_null(time);
	kernel.wakes++;
	return 0;
}

static long membarrier(int command, int flags, int cpu)
{
	if (!kernel.pretend)
		return __real_syscall(SYS_membarrier, command, flags, cpu);
	cr_assert_eq(flags, 0);
	cr_assert_eq(cpu, 0);
	kernel.barriers++;
	kernel.barrier_command = command;
	return kernel.barrier_result ? fail(EINVAL) : 0;
}

long __wrap_syscall(long number, ...)
{
	va_list list;
	long result;

	va_start(list, number);
	if (number == SYS_membarrier) {
		int command = va_arg(list, int);
		int flags = va_arg(list, int);

		result = membarrier(command, flags, va_arg(list, int));
	} else {
		const uint32_t *word = va_arg(list, const uint32_t *);
		int op = va_arg(list, int);
		int value = va_arg(list, int);
		const struct timespec *time =
			va_arg(list, const struct timespec *);
		const void *other = va_arg(list, const void *);

		cr_assert_eq(number, SYS_futex);
		result = futex(word, op, value, time, other, va_arg(list, int));
	}
	va_end(list);
	return result;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (!kernel.pretend)
		return __real_clock_gettime(clock, ret);
	cr_assert_eq(clock, CLOCK_MONOTONIC);
	ret->tv_sec = (time_t)(kernel.now / NS);
	ret->tv_nsec = kernel.now % NS;
	return 0;
}

/* ---- what is waited for ------------------------------------------------ */

static unsigned int looks;
static unsigned int found_at; /* the look that finds it; 0: none */
static unsigned int late_at;  /* the look at which it is late; 0: none */

static int look(const struct attempt *attempt)
{
	(void)attempt;
	if (looks + 1 == late_at)
		kernel.now += NS;
	return ++looks == found_at ? 0 : -EAGAIN;
}

static const struct attempt looking = { .run = look };

static void begin(const int *results, int64_t pass)
{
	segment = make(8);
	is(0, bbq_receiver_open(segment, &r));
	kernel.results = results;
	kernel.pass = pass;
	kernel.now = STARTED;
	kernel.pretend = true;
}

static void end(void)
{
	kernel.pretend = false;
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

static size_t sleeps_counted(void)
{
	return (size_t)consumer_page(segment)->side.count.sleeps;
}

/* ---- how often it looks ------------------------------------------------ */

/* Once; once more and as often as is set; once with a ticket out. */
Test(sleeping, looks_before_it_sleeps)
{
	static const int results[] = { EINTR, EINTR };

	begin(results, 0);
	r.end.spin = 3;
	is(-EINTR, bbq_end_wait(&r.end, BBQ_FOREVER, &looking));
	cr_assert_eq(looks, 1 + 1 + 3 + 1);
	cr_assert_eq(kernel.sleeps, 1);
	looks = 0;
	r.end.spin = 0;
	is(-EINTR, bbq_end_wait(&r.end, BBQ_FOREVER, &looking));
	cr_assert_eq(looks, 1 + 1 + 1);
	end();
}

/* The looks of a wait, after so much was released since the one before. */
static unsigned int looks_after(unsigned int releases)
{
	kernel.sleeps = 0;
	looks = 0;
	while (releases-- > 0)
		bbq_receiver_notify(&r);
	is(-EINTR, bbq_end_wait(&r.end, BBQ_FOREVER, &looking));
	return looks;
}

/* Pauses without a look, and no more of them than without a moment. */
Test(sleeping, gives_a_moment_where_much_was_released)
{
	static const int results[] = { EINTR };

	begin(results, 0);
	r.end.spin = 7;
	r.end.linger = 4;
	looks_after(0); /* opening the end may ring */
	cr_assert_eq(looks_after(7), 1 + 1 + 7 + 1);
	cr_assert_eq(looks_after(8), 1 + 1 + 3 + 1);
	cr_assert_eq(looks_after(0), 1 + 1 + 7 + 1);
	cr_assert_eq(looks_after(1000), 1 + 1 + 3 + 1);
	r.end.linger = 7;
	cr_assert_eq(looks_after(8), 1 + 1 + 0 + 1);
	r.end.linger = UINT_MAX;
	cr_assert_eq(looks_after(8), 1 + 1 + 0 + 1);
	r.end.linger = 0;
	cr_assert_eq(looks_after(8), 1 + 1 + 7 + 1);
	end();
}

/* Rings are releases, too. */
Test(sleeping, gives_a_moment_after_rings)
{
	static const int results[] = { EINTR };

	begin(results, 0);
	r.end.spin = 7;
	r.end.linger = 4;
	looks_after(0);
	for (unsigned int i = 0; i < 8; i++)
		bbq_end_wake(&r.end);
	cr_assert_eq(looks_after(0), 1 + 1 + 3 + 1);
	end();
}

/* The third look finds it: with a moment, the one with a ticket out. */
Test(sleeping, tries_a_moment_now_and_then)
{
	unsigned int trials = 0;

	begin(NULL, 0);
	r.end.spin = r.end.linger = 1;
	for (unsigned int i = 0; i < 3 * 1024; i++) {
		uint32_t ticket = r.end.ticket;

		looks = 0;
		found_at = 3;
		is(0, bbq_end_wait(&r.end, BBQ_FOREVER, &looking));
		trials += r.end.ticket != ticket;
		cr_assert_eq(trials, (i + 1) / 1024);
	}
	end();
}

static unsigned int default_moment(size_t capacity)
{
	struct bbq_segment *of = make(capacity);
	unsigned int linger;

	is(0, bbq_sender_open(of, &s));
	linger = s.end.linger;
	bbq_sender_close(&s);
	bbq_segment_close(of);
	return linger;
}

Test(sleeping, has_a_moment_as_long_as_the_ring)
{
	cr_assert_eq(default_moment(1023), 0);
	cr_assert_eq(default_moment(1024), 1);
	cr_assert_eq(default_moment(63 * 1024), 63);
	cr_assert_eq(default_moment(65 * 1024), BBQ_LINGER_DEFAULT);
	cr_assert_eq(default_moment(1 << 20), BBQ_LINGER_DEFAULT);
}

Test(sleeping, finds_it_while_it_looks)
{
	begin(NULL, 0);
	r.end.spin = 3;
	for (found_at = 1; found_at <= 6; found_at++) {
		looks = 0;
		is(0, bbq_end_wait(&r.end, BBQ_FOREVER, &looking));
		cr_assert_eq(looks, found_at);
	}
	cr_assert_eq(kernel.sleeps, 0);
	end();
}

/* Looks to no end do not outlast the time by more than some 65536. */
Test(sleeping, minds_the_time_while_it_looks)
{
	begin(NULL, 0);
	r.end.spin = UINT_MAX;
	late_at = 10;
	is(-ETIMEDOUT, bbq_end_wait(&r.end, NS, &looking));
	cr_assert_leq(looks, 10 + 65536 + 2);
	cr_assert_eq(kernel.sleeps, 0);
	/* Nor does a moment without end. */
	for (unsigned int i = 0; i < 8; i++)
		bbq_receiver_notify(&r);
	r.end.linger = UINT_MAX;
	looks = 0;
	is(-ETIMEDOUT, bbq_end_wait(&r.end, NS, &looking));
	cr_assert_leq(looks, 10 + 65536 + 2);
	/* One that is not late goes on. */
	looks = late_at = 0;
	found_at = 200000;
	is(0, bbq_end_wait(&r.end, NS, &looking));
	is(0, (looks = 0, bbq_end_wait(&r.end, BBQ_FOREVER, &looking)));
	end();
}

/* As before a sleep: what it was woken for may take another moment. */
Test(sleeping, looks_often_when_woken)
{
	static const int results[] = { 0, EINTR };

	begin(results, 0);
	r.end.spin = 3;
	is(-EINTR, bbq_end_wait(&r.end, BBQ_FOREVER, &looking));
	cr_assert_eq(looks, 6 + 1 + 3 + 1);
	cr_assert_eq(sleeps_counted(), 2);
	end();
}

/* The end of a slice is no news. It is still the same sleep. */
Test(sleeping, looks_once_after_a_slice)
{
	static const int results[] = { ETIMEDOUT, ETIMEDOUT, EINTR };

	begin(results, 0);
	r.end.spin = 3;
	is(-EINTR, bbq_end_wait(&r.end, BBQ_FOREVER, &looking));
	cr_assert_eq(looks, 6 + 2 * (1 + 1));
	cr_assert_eq(kernel.sleeps, 3);
	cr_assert_eq(sleeps_counted(), 1);
	end();
}

/* Woken late, but woken: it looks as often as at any other time. */
Test(sleeping, woken_when_the_time_is_over)
{
	static const int results[] = { 0 };

	begin(results, 200);
	r.end.spin = 1;
	found_at = 1 + 2 + 1 + 2;
	is(0, bbq_end_wait(&r.end, 100, &looking));
	cr_assert_eq(kernel.sleeps, 1);
	end();
}

/* ---- for how long ------------------------------------------------------ */

Test(sleeping, in_slices_up_to_the_deadline)
{
	static const int results[] = { ETIMEDOUT, ETIMEDOUT, ETIMEDOUT };

	begin(results, 50);
	r.end.slice_ns = 50;
	is(-ETIMEDOUT, bbq_end_wait(&r.end, 100, &looking));
	cr_assert_eq(kernel.sleeps, 2);
	cr_assert_eq(kernel.slept[0], 50);
	cr_assert_eq(kernel.slept[1], 50);
	end();
}

static int64_t first_sleep(int64_t slice_ns, int64_t timeout_ns)
{
	static const int results[] = { EINTR };

	kernel.sleeps = 0;
	kernel.results = results;
	r.end.slice_ns = slice_ns;
	is(-EINTR, bbq_end_wait(&r.end, timeout_ns, &looking));
	return kernel.slept[0];
}

Test(sleeping, for_the_shorter_of_slice_and_time_left)
{
	begin(NULL, 0);
	cr_assert_eq(first_sleep(50, BBQ_FOREVER), 50);
	cr_assert_eq(first_sleep(50, 30), 30);
	cr_assert_eq(first_sleep(30, 50), 30);
	cr_assert_eq(first_sleep(3 * NS + 7, INT64_MAX), 3 * NS + 7);
	cr_assert_eq(first_sleep(-1, 30), 30);
	cr_assert_eq(first_sleep(-1, BBQ_FOREVER), WITHOUT_END);
	cr_assert_eq(first_sleep(0, 30), 0);
	cr_assert_eq(first_sleep(0, BBQ_FOREVER), 0);
	end();
}

Test(sleeping, not_at_all_at_the_deadline)
{
	static const int results[] = { EINTR };

	begin(results, 0);
	is(-ETIMEDOUT, bbq_end_sleep(&r.end, 0, 0));
	is(-ETIMEDOUT, bbq_end_sleep(&r.end, 0, STARTED));
	cr_assert_eq(kernel.sleeps, 0);
	is(-EINTR, bbq_end_sleep(&r.end, 0, STARTED + 1));
	cr_assert_eq(kernel.slept[0], 1);
	end();
}

/* ---- rings ------------------------------------------------------------- */

Test(sleeping, wakes_whoever_sleeps_on_the_bell)
{
	uint32_t bell;

	begin(NULL, 0);
	bell = r.end.own->bell;
	bbq_end_wake(&r.end);
	cr_assert_eq(kernel.wakes, 1);
	cr_assert_eq(r.end.own->bell, bell + 1);
	cr_assert_eq(r.end.served, r.end.peer->ticket);
	end();
}

/* ---- barriers ---------------------------------------------------------- */

Test(sleeping, registers_for_barriers)
{
	begin(NULL, 0);
	cr_assert_eq(bbq_barrier_register(), 1);
	cr_assert_eq(kernel.barrier_command,
		     MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
	kernel.barrier_result = -1;
	cr_assert_eq(bbq_barrier_register(), 0);
	end();
}

Test(sleeping, asks_for_a_barrier_if_it_is_registered)
{
	begin(NULL, 0);
	r.end.barrier = 0;
	bbq_end_announce(&r.end);
	cr_assert_eq(kernel.barriers, 0);
	r.end.barrier = 1;
	bbq_end_announce(&r.end);
	cr_assert_eq(kernel.barriers, 1);
	cr_assert_eq(kernel.barrier_command, MEMBARRIER_CMD_GLOBAL_EXPEDITED);
	end();
}

/* ---- and with a descriptor armed --------------------------------------- */

static void begin_armed(void)
{
	segment = make(8);
	is(0, bbq_receiver_open(segment, &r));
	is(0, bbq_sender_open(segment, &s));
	r.end.slice_ns = -1;
	is(0, bbq_receiver_arm(&r));
}

/* The thread sleeps without an end, and is roused. */
Test(sleeping, close_rouses_the_thread)
{
	begin_armed();
	bbq_receiver_close(&r);
	bbq_sender_close(&s);
	bbq_segment_close(segment);
}

/* Tickets that the thread has given out are not given out again. */
Test(sleeping, a_wait_takes_the_tickets_back)
{
	const uint32_t *ticket;
	uint32_t first;

	begin_armed();
	ticket = &consumer_page(segment)->side.ticket;
	first = __atomic_load_n(ticket, __ATOMIC_RELAXED);
	bbq_end_wake(&s.end); /* for nothing: the thread takes a new ticket */
	while (__atomic_load_n(ticket, __ATOMIC_RELAXED) == first)
		usleep(100);
	is(-ETIMEDOUT, bbq_receiver_wait(&r, 1));
	cr_assert_eq(__atomic_load_n(ticket, __ATOMIC_RELAXED), first + 2);
	bbq_receiver_close(&r);
	bbq_sender_close(&s);
	bbq_segment_close(segment);
}
