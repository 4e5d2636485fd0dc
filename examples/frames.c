/* SPDX-License-Identifier: MIT */
/*
 * frames: messages with boundaries - grant 64, commit 32, read 32
 *
 * A producer often knows only an upper bound when it must say where the data
 * goes: a packet of at most 64 bytes, a line of at most 64. It is granted 64
 * and the header, and commits what has come. The consumer gets whole frames,
 * each as long as it was committed. core.h and frame.h are all that it takes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bbq/frame.h>

#define FRAME_MAX 64

static struct bbq_buffer queue;
static unsigned char memory[256];

/* What a device would do: fill some of the memory that it is given. */
static size_t receive(void *data, size_t max, size_t len, char letter)
{
	if (len > max)
		len = max;
	memset(data, letter, len);
	return len;
}

static int produce(struct bbq_producer *producer, size_t len, char letter)
{
	struct bbq_span span;
	int error;

	error = bbq_frame_grant(producer, FRAME_MAX, &span);
	if (error)
		return error;
	printf("granted %zu, ", span.len);
	len = receive(span.data, span.len, len, letter);
	printf("committed %zu\n", len);
	return bbq_frame_commit(producer, len);
}

/* All frames that are there. */
static int consume(struct bbq_consumer *consumer)
{
	struct bbq_view view;
	int error;

	printf("%zu bytes to read, headers included\n", bbq_readable(consumer));
	while ((error = bbq_frame_read(consumer, &view)) == 0) {
		printf("read %zu: \"%.*s\"\n", view.len, (int)view.len,
		       (const char *)view.data);
		error = bbq_frame_release(consumer);
		if (error)
			return error;
	}
	return error == -EAGAIN ? 0 : error;
}

int main(void)
{
	struct bbq_producer producer;
	struct bbq_consumer consumer;
	struct bbq_span span;
	int error;

	error = bbq_producer_init(&producer, &queue, memory, sizeof(memory));
	if (!error)
		error = bbq_consumer_init(&consumer, &queue, memory,
					  sizeof(memory));
	if (!error)
		error = produce(&producer, 32, 'a');
	/* A frame of no bytes is a frame. */
	if (!error)
		error = produce(&producer, 0, '-');
	/* A grant that comes to nothing is given back: no frame. */
	if (!error)
		error = bbq_frame_grant(&producer, FRAME_MAX, &span);
	if (!error)
		error = bbq_commit(&producer, 0);
	if (!error)
		error = produce(&producer, 5, 'b');
	if (!error)
		error = consume(&consumer);
	if (error)
		fprintf(stderr, "frames: %s\n", strerror(-error));
	return error ? 1 : 0;
}
