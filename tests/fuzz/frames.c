/* SPDX-License-Identifier: MIT */
/*
 * A consumer over bytes that anybody may have written: frame headers, and
 * whole streams of frames, read one by one and many at a time.
 */
#include <bbq/core.h>
#include <bbq/frame.h>

#include "fuzz.h"

#define CAPACITY_MAX 512

struct frame {
	size_t start;
	size_t len;
};

/* Cut off at each length: it says what it says, or that it is impossible. */
static void decode_prefixes(const uint8_t *bytes, size_t len)
{
	size_t avail;

	for (avail = 0; avail <= len && avail <= 12; avail++) {
		unsigned char *copy = malloc(avail);
		size_t size = 0, payload = 0;

		check(copy || avail == 0);
		if (avail)
			memcpy(copy, bytes, avail);
		if (!bbq_frame_header_decode(copy, avail, &size, &payload))
			check(size >= 1 && size <= avail && payload <= avail);
		free(copy);
	}
}

static void encode_and_decode(struct input *input)
{
	size_t len = (size_t)take_word(input) >> take_below(input, 64);
	size_t width = bbq_frame_header_size(len);
	size_t size, got;

	for (; width <= BBQ_FRAME_HEADER_MAX; width++) {
		unsigned char *header = malloc(width);

		check(header);
		bbq_frame_header_encode(header, width, len);
		check(!bbq_frame_header_decode(header, SIZE_MAX, &size, &got));
		check(size == width && got == len);
		free(header);
	}
}

static void open_consumer(struct bbq_consumer *consumer,
			  struct bbq_buffer *words, const unsigned char *data,
			  size_t capacity, size_t align)
{
	check(!bbq_consumer_init(consumer, words, data, capacity));
	check(!bbq_consumer_frame_align(consumer, align));
}

static size_t one_by_one(struct bbq_consumer *consumer, struct frame *frames)
{
	struct bbq_view view;
	size_t count = 0;

	while (bbq_frame_read(consumer, &view) == 0) {
		const unsigned char *payload = view.data;

		check(payload >= consumer->data);
		frames[count].start = (size_t)(payload - consumer->data);
		frames[count].len = view.len;
		check(frames[count].start <= consumer->capacity);
		check(view.len <= consumer->capacity - frames[count].start);
		check((uintptr_t)payload % consumer->frame_align == 0);
		count++;
		check(bbq_frame_release(consumer) == 0);
	}
	return count;
}

/* The same frames, by one read and bbq_frame_next. */
static void many_at_a_time(struct bbq_consumer *consumer,
			   const struct frame *frames, size_t count)
{
	struct bbq_view parts[2], view;
	size_t found = 0, part;

	if (bbq_read_split(consumer, parts))
		return;
	for (part = 0; part < 2; part++)
		while (bbq_frame_next(consumer, &parts[part], &view) == 0) {
			check(found < count);
			check(view.data ==
			      consumer->data + frames[found].start);
			check(view.len == frames[found].len);
			found++;
		}
	check(found == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t aligns[] = { 1, 8, 64 };
	struct input input = { data, size };
	struct frame frames[CAPACITY_MAX];
	struct bbq_consumer consumer;
	struct bbq_buffer words, copy;
	size_t align = aligns[take_below(&input, 3)];
	size_t start, capacity, count;
	void *memory = NULL;

	encode_and_decode(&input);
	start = take_below(&input, CAPACITY_MAX);
	decode_prefixes(input.at, input.left);
	capacity = input.left;
	if (capacity == 0 || capacity > CAPACITY_MAX || start > capacity)
		return 0;
	check(posix_memalign(&memory, 64, capacity) == 0);
	memcpy(memory, input.at, capacity);
	memset(&words, 0, sizeof(words));
	words.consumer.read = (bbq_word)start;
	words.producer.last = (bbq_word)capacity;
	words.producer.write = bbq_next_lap_(0) + (bbq_word)start;
	copy = words;
	open_consumer(&consumer, &words, memory, capacity, align);
	count = one_by_one(&consumer, frames);
	open_consumer(&consumer, &copy, memory, capacity, align);
	many_at_a_time(&consumer, frames, count);
	free(memory);
	return 0;
}
