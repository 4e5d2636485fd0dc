/* SPDX-License-Identifier: MIT */
/*
 * producer: send samples to another process
 *
 *     producer NAME COUNT        NAME: a slash and a word
 *
 * Makes the queue, or goes on with the one that a producer before it has left
 * behind. Start consumer before or after it. Kill either one with kill -9 at
 * any moment: the other learns of it and ends, and a new consumer is given all
 * samples that were committed and not released.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

static const struct bbq_config config = {
	.capacity = 65536,
	.mode = BBQ_MODE_FRAMES,
	.frame_align = SAMPLE_ALIGN,
};

static int complain(const char *what, int error)
{
	fprintf(stderr, "producer: %s: %s\n", what, strerror(-error));
	return 1;
}

/* Make the segment of that name, or open it if it is there. */
static int make_or_open(const char *name, struct bbq_segment **ret)
{
	int error;

	do {
		error = bbq_segment_create_named(name, &config, ret);
		if (error == -EEXIST)
			error = bbq_segment_open(name, ret);
	} while (error == -ENOENT); /* removed between the two */
	return error;
}

/* Be the producer of that name's queue. */
static int start(const char *name, struct bbq_segment **ret_segment,
		 struct bbq_sender *ret_sender)
{
	struct bbq_segment *segment;
	int error;

	for (;;) {
		error = make_or_open(name, &segment);
		if (error)
			return error;
		error = carries_samples(segment)
				? bbq_sender_open(segment, ret_sender)
				: -EPROTO;
		if (error) {
			bbq_segment_close(segment);
			return error;
		}
		/* The last consumer may have removed the name meanwhile. */
		if (bbq_segment_has_name(segment))
			break;
		bbq_sender_abandon(ret_sender);
		bbq_segment_close(segment);
	}
	*ret_segment = segment;
	return 0;
}

/* Build one sample where the consumer will read it. Nothing is copied. */
static int send_sample(struct bbq_sender *sender, uint64_t number)
{
	struct bbq_span span;
	struct sample *sample;
	int error;

	do {
		error = bbq_sender_frame_grant(sender, sizeof(*sample),
					       BBQ_FOREVER, &span);
	} while (error == -EINTR);
	if (error)
		return error;
	sample = span.data;
	sample->number = number;
	sample->value = number * number;
	return bbq_sender_frame_commit(sender, sizeof(*sample));
}

static int send_all(struct bbq_sender *sender, uint64_t count)
{
	int error = 0;

	for (uint64_t i = 1; !error && i <= count; i++)
		error = send_sample(sender, i);
	if (error)
		return error;
	/* That was all. Wait until the consumer has had it. */
	do {
		error = bbq_sender_finish(sender, BBQ_FOREVER);
	} while (error == -EINTR);
	return error;
}

int main(int argc, char **argv)
{
	struct bbq_segment *segment;
	struct bbq_sender sender;
	uint64_t count;
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: producer NAME COUNT\n");
		return 2;
	}
	count = strtoull(argv[2], NULL, 10);
	error = start(argv[1], &segment, &sender);
	if (error)
		return complain(argv[1], error);
	error = send_all(&sender, count);
	if (error)
		bbq_sender_abandon(&sender); /* do not say "that was all" */
	else
		bbq_sender_close(&sender);
	bbq_segment_close(segment);
	if (error)
		return complain(argv[1], error);
	printf("sent %llu samples\n", (unsigned long long)count);
	return 0;
}
