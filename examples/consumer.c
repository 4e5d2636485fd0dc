/* SPDX-License-Identifier: MIT */
/*
 * consumer: receive samples from another process
 *
 *     consumer NAME        NAME: a slash and a word
 *
 * Waits for the producer, reads until it has closed, and removes the name.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sample.h"

struct totals {
	uint64_t samples;
	uint64_t last; /* number of the last sample */
	uint64_t sum;  /* of the values */
};

static int complain(const char *what, int error)
{
	fprintf(stderr, "consumer: %s: %s\n", what, strerror(-error));
	return 1;
}

/* Open the segment of that name, waiting until there is one. */
static int wait_for(const char *name, struct bbq_segment **ret)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int error;

	while ((error = bbq_segment_open(name, ret)) == -ENOENT)
		nanosleep(&pause, NULL);
	return error;
}

/* Be the consumer of that name's queue. */
static int start(const char *name, struct bbq_segment **ret_segment,
		 struct bbq_receiver *ret_receiver)
{
	struct bbq_segment *segment;
	int error;

	for (;;) {
		error = wait_for(name, &segment);
		if (error)
			return error;
		error = carries_samples(segment)
				? bbq_receiver_open(segment, ret_receiver)
				: -EPROTO;
		if (error) {
			bbq_segment_close(segment);
			return error;
		}
		/* Its last user may have removed the name meanwhile. */
		if (bbq_segment_has_name(segment))
			break;
		bbq_receiver_abandon(ret_receiver);
		bbq_segment_close(segment);
	}
	*ret_segment = segment;
	return 0;
}

/* The bytes come from another process: look before you use them. */
static int take_sample(const struct bbq_view *view, struct totals *totals)
{
	const struct sample *sample = view->data;

	if (view->len != sizeof(*sample))
		return -EBADMSG;
	totals->samples++;
	totals->last = sample->number;
	totals->sum += sample->value;
	return 0;
}

/* -EPIPE: the producer has closed, and all is read. */
static int receive_all(struct bbq_receiver *receiver, struct totals *totals)
{
	struct bbq_view view;
	int error;

	for (;;) {
		error = bbq_receiver_frame_read(receiver, BBQ_FOREVER, &view);
		if (error == -EINTR)
			continue;
		if (!error)
			error = take_sample(&view, totals);
		if (!error)
			error = bbq_receiver_frame_release(receiver);
		if (error)
			return error;
	}
}

int main(int argc, char **argv)
{
	struct totals totals = { 0 };
	struct bbq_segment *segment;
	struct bbq_receiver receiver;
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: consumer NAME\n");
		return 2;
	}
	error = start(argv[1], &segment, &receiver);
	if (error)
		return complain(argv[1], error);
	do {
		error = receive_all(&receiver, &totals);
		/* -EBUSY: a new producer has just come. There is more. */
	} while ((error == -EPIPE || error == -EOWNERDEAD) &&
		 bbq_segment_retire(segment) == -EBUSY);
	if (error == -EPIPE)
		bbq_receiver_close(&receiver); /* we had it all */
	else
		bbq_receiver_abandon(&receiver);
	bbq_segment_close(segment);
	printf("received %llu samples, the last is number %llu, sum %llu\n",
	       (unsigned long long)totals.samples,
	       (unsigned long long)totals.last, (unsigned long long)totals.sum);
	return error == -EPIPE ? 0 : complain(argv[1], error);
}
