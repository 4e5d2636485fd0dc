/* SPDX-License-Identifier: MIT */
/*
 * poll.c - a descriptor of an end, for poll, epoll and io_uring
 *
 * The other process knows a bell, which is a futex, and nothing of a
 * descriptor of ours: it could not reach one. So a thread of ours sleeps on
 * the bell, with the steps of wait.c, and makes an eventfd readable. It exists
 * from the first use of the descriptor on, and sleeps in the kernel except
 * when a ring, or the end of a slice, has it look.
 *
 * Arming hands the thread a copy of the end: it decides by its copy of the
 * cursors, and by loads of the peer's, whether there is something to do. From
 * then on tickets are the thread's to give out, until the eventfd has become
 * readable, or until a verb of the end has to sleep or the end is armed again,
 * which takes them back. All of this is behind the lock; the thread sleeps
 * outside of it, and afterwards believes nothing if the turn is another one.
 * No verb that does not have to wait looks at any of it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* How long close lets the thread sleep on before it rouses it once more. */
#define ROUSE_NS 1000000
#define NS_PER_SEC 1000000000

struct bbq_watch {
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change; /* of armed or quit, or of come or gone */
	bool armed;	       /* the thread is to sleep and look */
	bool quit;
	bool come;     /* the thread runs */
	bool gone;     /* the thread has seen it */
	bool lent;     /* tickets are the thread's to give out */
	uint64_t turn; /* how often it was armed or disarmed */
	uint32_t bell; /* seen before the ticket that is out */
	bool sends;
	size_t len;		  /* what a sender waits for */
	struct bbq_end end;	  /* copies, made when it was armed */
	struct bbq_producer room; /* ... of a sender */
	struct bbq_consumer data; /* ... of a receiver */
};

/*
 * A grant would not be refused; or it would, and a want is due, which only the
 * end itself can publish.
 */
static bool room(const struct bbq_watch *watch)
{
	struct bbq_producer copy = watch->room;
	struct bbq_span span;
	int error;

	error = watch->end.segment->mode == BBQ_MODE_FRAMES
			? bbq_frame_grant(&copy, watch->len, &span)
			: bbq_grant(&copy, watch->len, &span);
	return error != -EAGAIN || bbq_same_lap_(copy.write, copy.read);
}

/* Bytes, or a watermark to step over, or words that are impossible. */
static bool data(const struct bbq_watch *watch)
{
	return bbq_load_acquire_(&watch->data.peer->write) != watch->data.write;
}

static bool something_to_do(const struct bbq_watch *watch)
{
	return (watch->sends ? room(watch) : data(watch)) ||
	       bbq_end_gone(&watch->end);
}

/* It fails only when the count would overflow: then it is readable anyway. */
static void make_readable(const struct bbq_watch *watch)
{
	eventfd_write(watch->fd, 1);
}

static void make_unreadable(const struct bbq_watch *watch)
{
	eventfd_t count;

	eventfd_read(watch->fd, &count);
}

static void fire(struct bbq_watch *watch)
{
	make_readable(watch);
	watch->armed = false;
}

/* Behind the lock, but for the sleep. */
static void sleep_once(struct bbq_watch *watch)
{
	const struct bbq_end end = watch->end;
	const uint64_t turn = watch->turn;
	const uint32_t bell = watch->bell;

	pthread_mutex_unlock(&watch->lock);
	bbq_end_sleep(&end, bell, -1);
	pthread_mutex_lock(&watch->lock);
	if (turn != watch->turn)
		return;
	/* The ticket may be served: another one, before the look. */
	watch->bell = bbq_end_announce(&watch->end);
	if (something_to_do(watch))
		fire(watch);
}

static void *watch_run(void *arg)
{
	struct bbq_watch *watch = arg;

	pthread_mutex_lock(&watch->lock);
	watch->come = true;
	pthread_cond_signal(&watch->change);
	while (!watch->quit) {
		if (watch->armed)
			sleep_once(watch);
		else
			pthread_cond_wait(&watch->change, &watch->lock);
	}
	watch->gone = true;
	pthread_cond_signal(&watch->change);
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}

/*
 * Signals are for the threads of the program. What a thread asks of the kernel
 * when it begins is behind us when this returns, so that the program may then
 * forbid itself such things (docs/seccomp.md).
 */
static int thread_start(struct bbq_watch *watch)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&watch->thread, NULL, watch_run, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return -error;
	pthread_mutex_lock(&watch->lock);
	while (!watch->come)
		pthread_cond_wait(&watch->change, &watch->lock);
	pthread_mutex_unlock(&watch->lock);
	return 0;
}

static void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

static int watch_open(struct bbq_end *end)
{
	struct bbq_watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return -ENOMEM;
	watch->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (watch->fd < 0) {
		error = -errno;
		free(watch);
		return error;
	}
	pthread_mutex_init(&watch->lock, NULL);
	condition_init(&watch->change);
	error = thread_start(watch);
	if (error) {
		close(watch->fd);
		free(watch);
		return error == -EAGAIN ? -ENOMEM : error;
	}
	end->watch = watch;
	return 0;
}

void bbq_watch_disarm(struct bbq_end *end)
{
	struct bbq_watch *watch = end->watch;

	if (!watch)
		return;
	pthread_mutex_lock(&watch->lock);
	if (watch->lent)
		end->ticket = watch->end.ticket;
	watch->turn++;
	watch->lent = false;
	watch->armed = false;
	pthread_mutex_unlock(&watch->lock);
}

/* Until the thread is gone. Behind the lock. */
static void thread_end(struct bbq_watch *watch, const struct bbq_end *end)
{
	struct timespec until;

	watch->quit = true;
	pthread_cond_signal(&watch->change);
	/* It may be on its way into the sleep, and a rouse come too early. */
	while (!watch->gone) {
		bbq_end_rouse(end);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += ROUSE_NS;
		if (until.tv_nsec >= NS_PER_SEC) {
			until.tv_nsec -= NS_PER_SEC;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&watch->change, &watch->lock, &until);
	}
}

void bbq_watch_close(struct bbq_end *end)
{
	struct bbq_watch *watch = end->watch;

	if (!watch)
		return;
	bbq_watch_disarm(end);
	pthread_mutex_lock(&watch->lock);
	thread_end(watch, end);
	pthread_mutex_unlock(&watch->lock);
	pthread_join(watch->thread, NULL);
	pthread_cond_destroy(&watch->change);
	pthread_mutex_destroy(&watch->lock);
	close(watch->fd);
	free(watch);
	end->watch = NULL;
}

static int end_fd(struct bbq_end *end)
{
	int error = 0;

	if (end->lock_fd < 0)
		return -EBADMSG;
	if (!end->watch)
		error = watch_open(end);
	return end->watch ? end->watch->fd : error;
}

int bbq_sender_fd(struct bbq_sender *sender)
{
	return sender ? end_fd(&sender->end) : -EINVAL;
}

int bbq_receiver_fd(struct bbq_receiver *receiver)
{
	return receiver ? end_fd(&receiver->end) : -EINVAL;
}

/* The tickets are ours, the eventfd is down, and a ticket is out. */
static int arm_begin(struct bbq_end *end, uint32_t *ret_bell)
{
	int fd = end_fd(end);

	if (fd < 0)
		return fd;
	bbq_watch_disarm(end);
	make_unreadable(end->watch);
	*ret_bell = bbq_end_announce(end);
	return 0;
}

/*
 * What the look after the announcement has found: nothing, then the thread
 * takes over; something, then the eventfd says so at once.
 */
static int arm_end(struct bbq_end *end, uint32_t bell, int error)
{
	struct bbq_watch *watch = end->watch;

	if (error && error != -EAGAIN)
		return error;
	pthread_mutex_lock(&watch->lock);
	watch->turn++;
	watch->end = *end;
	watch->bell = bell;
	watch->lent = true;
	watch->armed = true;
	if (error == 0)
		fire(watch);
	else
		bbq_count_(&end->own->count.sleeps, 1);
	pthread_cond_signal(&watch->change);
	pthread_mutex_unlock(&watch->lock);
	return 0;
}

/* One look. With nobody there, another one: it may have been its last act. */
static int look(const struct bbq_end *end, const struct attempt *attempt)
{
	int gone, error = attempt->run(attempt);

	if (error != -EAGAIN)
		return error;
	gone = bbq_end_gone(end);
	if (!gone)
		return -EAGAIN;
	error = attempt->run(attempt);
	return error == -EAGAIN ? gone : error;
}

int bbq_sender_arm(struct bbq_sender *sender, size_t len)
{
	const struct attempt attempt = {
		.run = bbq_try_room,
		.sender = sender,
		.min = len,
	};
	uint32_t bell;
	int error;

	if (!sender)
		return -EINVAL;
	error = arm_begin(&sender->end, &bell);
	if (error)
		return error;
	error = look(&sender->end, &attempt);
	sender->end.watch->sends = true;
	sender->end.watch->len = len;
	sender->end.watch->room = sender->producer;
	return arm_end(&sender->end, bell, error);
}

int bbq_receiver_arm(struct bbq_receiver *receiver)
{
	const struct attempt attempt = {
		.run = bbq_try_readable,
		.receiver = receiver,
	};
	uint32_t bell;
	int error;

	if (!receiver)
		return -EINVAL;
	error = arm_begin(&receiver->end, &bell);
	if (error)
		return error;
	error = look(&receiver->end, &attempt);
	receiver->end.watch->data = receiver->consumer;
	return arm_end(&receiver->end, bell, error);
}
