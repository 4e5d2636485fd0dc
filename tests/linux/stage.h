/* SPDX-License-Identifier: MIT */
/*
 * stage.h - between the library and the kernel; see wakeups.c
 *
 * The linker's --wrap sends the static library's calls here. enter() counts
 * them, and lets the peer act at the chosen one.
 */
#ifndef TESTS_LINUX_STAGE_H
#define TESTS_LINUX_STAGE_H

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>

#include "linux.h"

static struct bbq_segment *segment;
static struct bbq_sender s;
static struct bbq_receiver r;
static struct bbq_span span;
static struct bbq_view views[2];

/* ---- the stage --------------------------------------------------------- */

static struct {
	void (*const *acts)(void); /* what the peer does, in turn, then null */
	const struct bbq_end *waiter;
	unsigned int calls;   /* so far */
	unsigned int act_at;  /* the first act comes at this one */
	unsigned int acted;   /* acts so far */
	unsigned int sleeps;  /* that would have slept */
	unsigned int lost;    /* of those, with news unseen */
	unsigned int unwoken; /* acts on a sleeper that did not wake it */
	bool blind;	      /* the waiter does not look at cursors */
	bool inside;	      /* an act: its own calls do not count */
	bool no_barrier;      /* membarrier is not to be had */
	const uint32_t *woken;
} stage;

static void act(void)
{
	void (*next)(void) = stage.acts ? stage.acts[stage.acted] : NULL;

	if (!next)
		return;
	stage.inside = true;
	stage.acted++;
	next();
	stage.inside = false;
}

static void enter(void)
{
	if (stage.waiter && !stage.inside && stage.calls++ == stage.act_at &&
	    stage.acted == 0)
		act();
}

/* Has the peer published, or gone, without the waiter having seen it? */
static bool news(void)
{
	if (bbq_end_peer(stage.waiter))
		return true;
	if (stage.blind)
		return false;
	if (stage.waiter == &r.end)
		return producer_page(segment)->words.write != r.consumer.write;
	return consumer_page(segment)->words.read != s.producer.read;
}

/* The waiter would sleep here, or find the bell rung. */
static long pretend_wait(const uint32_t *word, uint32_t value)
{
	cr_assert_eq(word, &stage.waiter->peer->bell);
	if (__atomic_load_n(word, __ATOMIC_RELAXED) != value) {
		errno = EAGAIN;
		return -1;
	}
	stage.sleeps++;
	stage.inside = true;
	stage.lost += news();
	stage.inside = false;
	if (!stage.acts || !stage.acts[stage.acted]) {
		errno = EINTR; /* or it would wait for ever */
		return -1;
	}
	stage.woken = NULL;
	act();
	if (stage.woken != word || *word == value)
		stage.unwoken++;
	return 0;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

long __wrap_syscall(long number, ...)
{
	const uint32_t *word;
	va_list list;
	long first;
	int op, value;

	va_start(list, number);
	if (number == SYS_membarrier) {
		first = va_arg(list, int);
		va_end(list);
		enter();
		if (!stage.no_barrier)
			return __real_syscall(number, first, 0, 0);
		errno = ENOSYS;
		return -1;
	}
	cr_assert_eq(number, SYS_futex);
	word = va_arg(list, const uint32_t *);
	op = va_arg(list, int);
	value = va_arg(list, int);
	va_end(list);
	if (op == FUTEX_WAKE) {
		cr_assert_gt(value, 0);
		stage.woken = word;
		return 0;
	}
	cr_assert_eq(op, FUTEX_WAIT);
	enter();
	return pretend_wait(word, (uint32_t)value);
}

/* Before and after the look at the peer's lock. */
int __wrap_fcntl64(int fd, int command, ...)
{
	va_list list;
	void *arg;
	int error;

	va_start(list, command);
	arg = va_arg(list, void *);
	va_end(list);
	if (command != F_OFD_GETLK)
		return __real_fcntl64(fd, command, arg);
	enter();
	error = __real_fcntl64(fd, command, arg);
	enter();
	return error;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	enter();
	return __real_clock_gettime(clock, ret);
}

#endif /* TESTS_LINUX_STAGE_H */
