/* SPDX-License-Identifier: MIT */
/*
 * inprocess: two threads, one queue in static memory, the four verbs of core.h
 *
 * The producer sends records of changing length as a stream of bytes; the
 * consumer checks each byte. Nothing here needs libbbq to be linked, nor an
 * operating system: the threads could be an interrupt handler and a main loop.
 * The core verbs do not wait, so each side says what it does when it has to.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bbq/core.h>

#define TOTAL 4000000
#define RECORD_MAX 700

static struct bbq_buffer queue; /* all zero: an empty queue */
static unsigned char memory[1024];

/* Without its other side, neither thread comes to an end. */
static _Noreturn void die(const char *who, int error)
{
	fprintf(stderr, "inprocess: %s: %s\n", who, strerror(-error));
	exit(1);
}

/* The byte at a position of the stream. */
static unsigned char byte_at(size_t position)
{
	return (unsigned char)(position % 251);
}

/* A record of len bytes, from a position of the stream on. */
static int send_record(struct bbq_producer *producer, size_t position,
		       size_t len)
{
	struct bbq_span span;
	int error;

	while ((error = bbq_grant(producer, len, &span)) == -EAGAIN) {
		/*
		 * A refusal changes nothing. bbq_want says that we are going
		 * to wait for this length: without it, more than half of the
		 * capacity could be refused for ever.
		 */
		error = bbq_want(producer, len);
		if (error)
			return error;
		sched_yield();
	}
	if (error)
		return error;
	for (size_t i = 0; i < len; i++)
		((unsigned char *)span.data)[i] = byte_at(position + i);
	return bbq_commit(producer, len);
}

static void *produce(void *arg)
{
	struct bbq_producer *producer = arg;
	size_t position = 0;
	int error = 0;

	while (!error && position < TOTAL) {
		size_t len = 1 + position % RECORD_MAX;

		if (len > TOTAL - position)
			len = TOTAL - position;
		error = send_record(producer, position, len);
		position += len;
	}
	if (error)
		die("producer", error);
	return NULL;
}

/* The bytes must be those that the producer sent, in order. */
static int check(const struct bbq_view *view, size_t position)
{
	for (size_t i = 0; i < view->len; i++) {
		if (((const unsigned char *)view->data)[i] !=
		    byte_at(position + i))
			return -EIO;
	}
	return 0;
}

static int consume(struct bbq_consumer *consumer)
{
	struct bbq_view view;
	size_t position = 0;
	int error = 0;

	while (!error && position < TOTAL) {
		error = bbq_read(consumer, &view);
		if (error == -EAGAIN) {
			sched_yield();
			error = 0;
			continue;
		}
		if (!error)
			error = check(&view, position);
		if (!error) {
			position += view.len;
			error = bbq_release(consumer, view.len);
		}
	}
	return error;
}

int main(void)
{
	struct bbq_producer producer;
	struct bbq_consumer consumer;
	pthread_t thread;
	int error;

	error = bbq_producer_init(&producer, &queue, memory, sizeof(memory));
	if (!error)
		error = bbq_consumer_init(&consumer, &queue, memory,
					  sizeof(memory));
	if (!error)
		error = -pthread_create(&thread, NULL, produce, &producer);
	if (error)
		die("start", error);
	error = consume(&consumer);
	if (error)
		die("consumer", error);
	error = -pthread_join(thread, NULL);
	if (error)
		die("join", error);
	printf("%d bytes through a queue of %zu\n", TOTAL, sizeof(memory));
	return 0;
}
