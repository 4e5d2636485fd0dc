/* SPDX-License-Identifier: MIT */
/*
 * threads.c - both ends in two threads over one mapping, for ThreadSanitizer,
 * which sees nothing between two mappings
 *
 *     threads [N]     about N hand-overs through each queue
 *
 * Payloads are plain memory, filled by one thread and checked by the other:
 * a store that is not ordered by a cursor is a race. The queues are small, so
 * that both ends sleep and ring; and both roles are claimed at the same time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "stream.h"

struct run {
	struct bbq_segment *segment;
	size_t align; /* 0: bytes */
	uint64_t total;
	unsigned int spin;
};

static void *sending(void *arg)
{
	const struct run *run = arg;
	struct bbq_sender s;
	int error = bbq_sender_open(run->segment, &s);

	if (!error) {
		s.end.spin = run->spin;
		error = run->align ? send_frames(&s, run->align, run->total)
				   : send_bytes(&s, run->total);
		bbq_sender_close(&s);
	}
	return (void *)(intptr_t)error;
}

static void *receiving(void *arg)
{
	const struct run *run = arg;
	struct bbq_receiver r;
	int error = bbq_receiver_open(run->segment, &r);

	if (!error) {
		r.end.spin = run->spin;
		error = run->align ? recv_frames(&r, run->align, run->total)
				   : recv_bytes(&r, run->total);
		bbq_receiver_close(&r);
	}
	return (void *)(intptr_t)error;
}

/* 0 if both threads came to a good end. */
static int do_run(size_t capacity, struct run *run)
{
	const struct bbq_config config = {
		.capacity = capacity,
		.mode = run->align ? BBQ_MODE_FRAMES : BBQ_MODE_BYTES,
		.frame_align = run->align,
	};
	pthread_t sender, receiver;
	void *sent, *received;

	if (bbq_segment_create(&config, &run->segment))
		return 1;
	pthread_create(&receiver, NULL, receiving, run);
	pthread_create(&sender, NULL, sending, run);
	pthread_join(sender, &sent);
	pthread_join(receiver, &received);
	bbq_segment_close(run->segment);
	if (sent || received)
		fprintf(stderr, "capacity %zu, align %zu: sent %d, got %d\n",
			capacity, run->align, (int)(intptr_t)sent,
			(int)(intptr_t)received);
	return sent || received;
}

/* ---- by descriptors: two more threads, which look at the cursors ------- */

static int wait_for(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return fd < 0 ? fd : poll(&pollfd, 1, -1) < 0 ? -errno : 0;
}

static void *polled_sending(void *arg)
{
	const struct run *run = arg;
	struct bbq_sender s;
	struct bbq_span span;
	int error = bbq_sender_open(run->segment, &s);

	for (uint64_t i = 0; !error && i < run->total;) {
		error = bbq_sender_grant(&s, 2, 0, &span);
		if (error == -EAGAIN) {
			error = bbq_sender_arm(&s, 2);
			if (!error)
				error = wait_for(bbq_sender_fd(&s));
		} else if (!error) {
			((unsigned char *)span.data)[0] = (unsigned char)i;
			((unsigned char *)span.data)[1] = 0;
			error = bbq_sender_commit(&s, 2);
			i++;
		}
	}
	bbq_sender_close(&s);
	return (void *)(intptr_t)error;
}

static void *polled_receiving(void *arg)
{
	const struct run *run = arg;
	struct bbq_receiver r;
	struct bbq_view view;
	int error = bbq_receiver_open(run->segment, &r);
	uint64_t got = 0;

	while (!error) {
		error = bbq_receiver_read(&r, 0, &view);
		if (error == -EAGAIN) {
			error = bbq_receiver_arm(&r);
			if (!error)
				error = wait_for(bbq_receiver_fd(&r));
			continue;
		}
		for (size_t i = 0; !error && i < view.len; i++, got++) {
			if (((const unsigned char *)view.data)[i] !=
			    (got % 2 ? 0 : (unsigned char)(got / 2)))
				error = -EILSEQ;
		}
		if (!error)
			error = bbq_receiver_release(&r, view.len);
	}
	bbq_receiver_close(&r);
	return (void *)(intptr_t)(error == -EPIPE && got == 2 * run->total
					  ? 0
					  : error);
}

static int do_polled_run(size_t capacity, uint64_t total)
{
	const struct bbq_config config = { .capacity = capacity };
	struct run run = { .total = total };
	pthread_t sender, receiver;
	void *sent, *received;

	if (bbq_segment_create(&config, &run.segment))
		return 1;
	pthread_create(&receiver, NULL, polled_receiving, &run);
	pthread_create(&sender, NULL, polled_sending, &run);
	pthread_join(sender, &sent);
	pthread_join(receiver, &received);
	bbq_segment_close(run.segment);
	if (sent || received)
		fprintf(stderr, "polled, capacity %zu: sent %d, got %d\n",
			capacity, (int)(intptr_t)sent, (int)(intptr_t)received);
	return sent || received;
}

int main(int argc, char *argv[])
{
	static const size_t capacities[] = { 1, 2, 3, 17, 120, 4096 };
	static const size_t aligns[] = { 0, 1, 8, 64 };
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	int failed = 0;

	for (size_t c = 0; c < 6 && !failed; c++) {
		for (size_t a = 0; a < 4 && !failed; a++) {
			struct run run = {
				.align = aligns[a],
				.spin = (unsigned int)a * 50,
				.total = n,
			};

			if (run.align > capacities[c])
				continue;
			if (!run.align)
				run.total = n * (capacities[c] / 8 + 1);
			failed = do_run(capacities[c], &run);
		}
	}
	for (size_t c = 1; c < 6 && !failed; c++)
		failed = do_polled_run(capacities[c], n);
	return failed;
}
