/* SPDX-License-Identifier: MIT */
/*
 * Both sides of a queue, and somebody who changes its shared words and bytes
 * between any two calls. Until the first lie everything must arrive; after it
 * nothing may be touched outside of the queue, and no call may give an error
 * that is not documented.
 */
#include <bbq/core.h>
#include <bbq/frame.h>

#include "fuzz.h"

#define CAPACITY_MAX 96
#define STEPS 300

static struct {
	struct bbq_buffer words;
	struct bbq_producer p;
	struct bbq_consumer c;
	unsigned char *data;
	size_t capacity;
	bool frames;
	size_t align;
	bool honest;
	uint8_t sent, received; /* the next byte's value */
	struct bbq_span granted;
	struct bbq_view reading[2];
} q;

/* What a call may return while nobody has lied, and what it may otherwise. */
static int result(int error)
{
	check(error == 0 || error == -EAGAIN || error == -EMSGSIZE ||
	      error == -EBUSY || error == -EINVAL || error == -EBADMSG);
	check(error != -EBADMSG || !q.honest);
	return error;
}

static void inside(const void *data, size_t len)
{
	const unsigned char *start = data;

	check(start >= q.data && start <= q.data + q.capacity);
	check(len <= (size_t)(q.data + q.capacity - start));
}

/* ---- the producer ------------------------------------------------------ */

static void got_span(int error)
{
	if (result(error))
		return;
	inside(q.granted.data, q.granted.len);
	if (q.frames)
		check((uintptr_t)q.granted.data % q.align == 0);
}

static void grant(struct input *input)
{
	size_t min = take_len(input, q.capacity);
	size_t max = min;

	if (q.frames) {
		got_span(bbq_frame_grant(&q.p, min, &q.granted));
		return;
	}
	if (take_byte(input) & 1)
		max = take_len(input, q.capacity);
	got_span(bbq_grant_range(&q.p, min, max, &q.granted));
}

static void fill(size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		((unsigned char *)q.granted.data)[i] =
			(unsigned char)(q.sent + i);
}

static void commit(struct input *input)
{
	size_t used = take_len(input, q.p.len);
	bool part = take_byte(input) & 1;
	int error;

	if (q.p.open != BBQ_OPEN_BYTES && q.p.open != BBQ_OPEN_FRAME) {
		result(bbq_commit(&q.p, used));
		result(bbq_commit_part(&q.p, used));
		result(bbq_frame_commit(&q.p, used));
		return;
	}
	if (used <= q.granted.len)
		fill(used);
	if (q.frames)
		error = used & 1 ? bbq_commit(&q.p, 0)
				 : bbq_frame_commit(&q.p, used);
	else
		error = part ? bbq_commit_part(&q.p, used)
			     : bbq_commit(&q.p, used);
	if (result(error) || (q.frames && used & 1))
		return;
	check(used <= q.granted.len);
	q.sent = (uint8_t)(q.sent + used);
	q.granted.data = (unsigned char *)q.granted.data + used;
	q.granted.len -= used;
}

static void want(struct input *input)
{
	size_t len = take_len(input, q.capacity);

	result(q.frames ? bbq_frame_want(&q.p, len) : bbq_want(&q.p, len));
	check(bbq_writable(&q.p) <= q.capacity);
}

/* ---- the consumer ------------------------------------------------------ */

static void look_at(const struct bbq_view *view, uint8_t first)
{
	const unsigned char *bytes = view->data;
	size_t i;

	inside(view->data, view->len);
	for (i = 0; i < view->len; i++)
		if (q.honest)
			check(bytes[i] == (unsigned char)(first + i));
}

static void read_bytes(bool split)
{
	q.reading[1].len = 0;
	if (result(split ? bbq_read_split(&q.c, q.reading)
			 : bbq_read(&q.c, q.reading)))
		return;
	check(q.reading[0].len + q.reading[1].len <= q.capacity);
	look_at(&q.reading[0], q.received);
	if (q.reading[1].len)
		look_at(&q.reading[1],
			(uint8_t)(q.received + q.reading[0].len));
}

static void read_frame(void)
{
	if (result(bbq_frame_read(&q.c, q.reading)))
		return;
	check((uintptr_t)q.reading[0].data % q.align == 0);
	look_at(&q.reading[0], q.received);
}

static void read_some(struct input *input)
{
	if (q.frames)
		read_frame();
	else
		read_bytes(take_byte(input) & 1);
}

static void release(struct input *input)
{
	size_t used = take_len(input, q.c.len + q.c.second);
	bool part = take_byte(input) & 1;

	if (q.frames) {
		size_t len = q.reading[0].len;

		if (!result(bbq_frame_release(&q.c)))
			q.received = (uint8_t)(q.received + len);
		return;
	}
	if (!result(part ? bbq_release_part(&q.c, used)
			 : bbq_release(&q.c, used)))
		q.received = (uint8_t)(q.received + used);
}

static void look(struct input *input)
{
	(void)input;
	check(bbq_readable(&q.c) <= q.capacity);
	check(bbq_capacity(&q.p) == q.capacity);
}

/* ---- deaths and lies --------------------------------------------------- */

static void attach_producer(struct input *input)
{
	(void)input;
	if (result(bbq_producer_init(&q.p, &q.words, q.data, q.capacity)) == 0)
		check(!bbq_producer_frame_align(&q.p, q.align));
	else
		q.p.open = BBQ_OPEN_BROKEN;
}

static void attach_consumer(struct input *input)
{
	(void)input;
	if (result(bbq_consumer_init(&q.c, &q.words, q.data, q.capacity)) == 0)
		check(!bbq_consumer_frame_align(&q.c, q.align));
	else
		q.c.open = BBQ_OPEN_BROKEN;
}

static void lie(struct input *input)
{
	bbq_word *const words[] = { &q.words.producer.write,
				    &q.words.producer.last,
				    &q.words.consumer.read };
	size_t which = take_below(input, 4);

	q.honest = false;
	if (which == 3)
		q.data[take_below(input, q.capacity)] = take_byte(input);
	else
		*words[which] = (bbq_word)take_lie(input, *words[which],
						   *words[(which + 2) % 3],
						   BBQ_HALF_BITS);
}

static void step(struct input *input)
{
	static void (*const moves[])(struct input *) = {
		grant, commit, grant, commit, read_some,       release,
		grant, commit, want,  look,   read_some,       release,
		lie,   lie,    lie,   lie,    attach_producer, attach_consumer,
	};

	moves[take_byte(input) % (sizeof(moves) / sizeof(*moves))](input);
}

static bool open_queue(struct input *input)
{
	static const size_t aligns[] = { 1, 8, 64 };
	uint8_t kind = take_byte(input);
	void *memory = NULL;
	bbq_word start;

	memset(&q, 0, sizeof(q));
	q.honest = true;
	q.frames = kind & 1;
	q.align = q.frames ? aligns[kind / 2 % 3] : 1;
	q.capacity = 1 + take_below(input, CAPACITY_MAX);
	start = (bbq_word)(take_below(input, q.capacity + 1)) |
		(bbq_word)(kind & 0x80 ? ~BBQ_OFFSET_MASK : 0);
	q.words.producer.write = q.words.consumer.read = start;
	check(posix_memalign(&memory, 64, q.capacity) == 0);
	q.data = memory;
	memset(q.data, 0, q.capacity);
	attach_producer(input);
	attach_consumer(input);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	int steps;

	open_queue(&input);
	for (steps = 0; steps < STEPS && more(&input); steps++)
		step(&input);
	free(q.data);
	return 0;
}
