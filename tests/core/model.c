/* SPDX-License-Identifier: MIT */
/*
 * model [SEED [STEPS]]: random operations on a queue and on the oracle, which
 * must agree after each about results, bytes, rooms and the shared words.
 */
#include <stdio.h>
#include <string.h>

#include <bbq/core.h>
#include <bbq/frame.h>

#include "oracle.h"

#define STEPS_OF_ONE_QUEUE 1500

enum opened {
	NONE,
	BYTES,
	FRAME,
};

static struct model {
	unsigned long long seed, steps, step;
	uint64_t random;
	struct oracle o;
	struct bbq_buffer words;
	struct bbq_producer p;
	struct bbq_consumer c;
	unsigned char *data;
	bool frames;
	bbq_word first_lap;
	enum opened granted, reading;
	struct oracle_grant grant;
	size_t view; /* bytes of the open read that are left */
} m;

static void check(bool right, const char *what, int line)
{
	if (right)
		return;
	fprintf(stderr,
		"model: line %d: %s\n"
		"model: seed %llu, step %llu, capacity %zu, %s, align %zu, "
		"%d-bit words\n",
		line, what, m.seed, m.step, m.o.capacity,
		m.frames ? "frames" : "bytes", m.o.align, BBQ_WORD_BITS);
	exit(1);
}

#define CHECK(right) check(right, #right, __LINE__)

static size_t dice(size_t sides)
{
	m.random ^= m.random << 13;
	m.random ^= m.random >> 7;
	m.random ^= m.random << 17;
	return (size_t)((m.random >> 11) % sides);
}

/* A length: near one of the bounds that matter, or any, or absurd. */
static size_t any_len(void)
{
	size_t bounds[] = { 1,
			    oracle_tail(&m.o),
			    oracle_head(&m.o),
			    m.o.capacity,
			    m.o.capacity / 2,
			    128,
			    oracle_readable(&m.o),
			    SIZE_MAX - 1 };

	if (dice(3))
		return dice(dice(2) ? m.o.capacity + 2 : m.o.capacity / 4 + 2);
	return bounds[dice(8)] - 1 + dice(3);
}

static bbq_word word_at(uint64_t lap, size_t offset)
{
	bbq_word l = (bbq_word)(m.first_lap + (bbq_word)lap);

	return (bbq_word)(l << (BBQ_WORD_BITS / 2)) + (bbq_word)offset;
}

static bbq_word right_write(void)
{
	return word_at(m.o.lap + m.o.count - 1, oracle_newest(&m.o)->end);
}

static bbq_word right_read(void)
{
	return word_at(m.o.lap, m.o.runs[0].begin);
}

static void check_all(void)
{
	CHECK(m.words.producer.write == right_write());
	CHECK(m.words.producer.last == m.o.mark);
	CHECK(m.words.consumer.read == right_read());
	CHECK(bbq_writable(&m.p) == oracle_writable(&m.o));
	CHECK(bbq_readable(&m.c) == oracle_readable(&m.o));
	CHECK(bbq_capacity(&m.p) == m.o.capacity);
}

static void attach_producer(void)
{
	memset(&m.p, 0x5a, sizeof(m.p));
	CHECK(bbq_producer_init(&m.p, &m.words, m.data, m.o.capacity) == 0);
	CHECK(bbq_producer_frame_align(&m.p, m.o.align) == 0);
	m.granted = NONE;
}

static void attach_consumer(void)
{
	memset(&m.c, 0x5a, sizeof(m.c));
	CHECK(bbq_consumer_init(&m.c, &m.words, m.data, m.o.capacity) == 0);
	CHECK(bbq_consumer_frame_align(&m.c, m.o.align) == 0);
	m.reading = NONE;
}

/* ---- producer ---- */

static void step_grant(void)
{
	size_t min = any_len();
	size_t max = dice(2) ? min : any_len();
	struct bbq_span span = { &m, 77 };
	int error, right;

	if (min == 0 || min > max)
		right = -EINVAL;
	else if (m.granted != NONE)
		right = -EBUSY;
	else
		right = oracle_grant_range(&m.o, min, max, &m.grant);
	if (min == max)
		error = bbq_grant(&m.p, min, &span);
	else
		error = bbq_grant_range(&m.p, min, max, &span);
	CHECK(error == right);
	CHECK(error == 0 || (span.data == &m && span.len == 77));
	if (error)
		return;
	CHECK(span.data == m.data + m.grant.start);
	CHECK(span.len == m.grant.len);
	memset(span.data, 0xdd, span.len);
	m.granted = BYTES;
}

static void step_frame_grant(void)
{
	size_t max = any_len();
	struct bbq_span span = { &m, 77 };
	int error, right = -EBUSY;

	if (m.granted == NONE)
		right = oracle_frame_grant(&m.o, max, &m.grant);
	error = bbq_frame_grant(&m.p, max, &span);
	CHECK(error == right);
	CHECK(error == 0 || (span.data == &m && span.len == 77));
	if (error)
		return;
	CHECK(span.data == m.data + m.grant.start + m.grant.payload);
	CHECK(span.len == max && (uintptr_t)span.data % m.o.align == 0);
	memset(m.data + m.grant.start, 0xdd, m.grant.len);
	m.granted = FRAME;
}

static void step_commit(void)
{
	bool part = dice(2);
	size_t used = dice(3) ? dice(m.grant.len + 2) : any_len();
	int right = m.granted == BYTES && used <= m.grant.len ? 0 : -EINVAL;
	size_t i;

	if (m.granted == FRAME && used == 0 && !part)
		right = 0;
	/* The bytes of a grant are written late, like a device would. */
	for (i = 0; right == 0 && i < used; i++)
		m.data[m.grant.start + i] = oracle_byte(m.o.in + i);
	CHECK((part ? bbq_commit_part(&m.p, used) : bbq_commit(&m.p, used)) ==
	      right);
	if (right)
		return;
	oracle_publish(&m.o, &m.grant, used);
	if (!part)
		m.granted = NONE;
}

static void step_frame_commit(void)
{
	size_t max = m.granted == FRAME ? m.grant.len - m.grant.payload : 0;
	size_t used = dice(3) ? dice(max + 2) : any_len();
	unsigned char seed = (unsigned char)dice(256);
	unsigned char *at = m.data + m.grant.start;
	uint64_t header;
	size_t i;

	if (m.granted != FRAME || used > max) {
		CHECK(bbq_frame_commit(&m.p, used) == -EINVAL);
		return;
	}
	for (i = 0; i < used; i++)
		at[m.grant.payload + i] = (unsigned char)(seed + i);
	CHECK(bbq_frame_commit(&m.p, used) == 0);
	header = ((uint64_t)used << 1 | 1) << (m.grant.width - 1);
	for (i = 0; i < m.grant.width; i++)
		CHECK(at[i] == (header >> 8 * i & 0xff));
	oracle_publish_frame(&m.o, &m.grant, used, seed);
	m.granted = NONE;
}

static void step_want(void)
{
	size_t len = any_len();
	size_t tail = len, head = len;
	bool fits = len <= m.o.capacity;
	int right;

	if (m.frames)
		fits = oracle_frame_needs(&m.o, len, &tail, &head);
	if (!m.frames && len == 0)
		right = -EINVAL;
	else if (m.granted != NONE)
		right = -EBUSY;
	else
		right = fits ? 0 : -EMSGSIZE;
	CHECK((m.frames ? bbq_frame_want(&m.p, len) : bbq_want(&m.p, len)) ==
	      right);
	if (right == 0)
		oracle_want(&m.o, tail, head);
}

/* ---- consumer ---- */

static void check_bytes(const struct bbq_view *view, size_t start,
			uint64_t number)
{
	const unsigned char *bytes = view->data;
	size_t i;

	CHECK(bytes == m.data + start);
	for (i = 0; i < view->len; i++)
		CHECK(bytes[i] == oracle_byte(number + i));
}

static const struct oracle_frame *oldest_frame(size_t i)
{
	return &m.o.frames[(m.o.oldest + i) % (ORACLE_CAPACITY + 1)];
}

static void check_frame(const struct bbq_view *view, const unsigned char *at,
			const struct oracle_frame *frame)
{
	const unsigned char *bytes = view->data;
	size_t i;

	CHECK(bytes == at + frame->payload);
	CHECK(view->len == frame->len);
	for (i = 0; i < view->len; i++)
		CHECK(bytes[i] == (unsigned char)(frame->seed + i));
}

/* All frames of a read that shows bytes, part by part. */
static void check_frames(const struct bbq_view *parts, size_t count)
{
	struct bbq_view rest, view = { &m, 77 };
	size_t part, i = 0;

	for (part = 0; part < count; part++) {
		rest = parts[part];
		while (rest.len > 0) {
			const unsigned char *at = rest.data;

			CHECK(i < m.o.frame_count);
			CHECK(bbq_frame_next(&m.c, &rest, &view) == 0);
			check_frame(&view, at, oldest_frame(i));
			CHECK((const unsigned char *)rest.data ==
			      at + oldest_frame(i)->payload + view.len);
			i++;
		}
		CHECK(bbq_frame_next(&m.c, &rest, &view) == -EAGAIN);
	}
}

static void step_read(void)
{
	bool split = dice(2);
	struct bbq_view views[2] = { { &m, 77 }, { &m, 77 } };
	int error, right = -EBUSY;

	if (m.reading == NONE) {
		oracle_step_over(&m.o);
		right = oracle_readable(&m.o) ? 0 : -EAGAIN;
	}
	error = split ? bbq_read_split(&m.c, views) : bbq_read(&m.c, views);
	CHECK(error == right);
	CHECK((error == 0 && split) || views[1].data == &m);
	CHECK(error == 0 || (views[0].data == &m && views[0].len == 77));
	if (error)
		return;
	CHECK(views[0].len == oracle_run_len(&m.o, 0));
	m.view = views[0].len;
	m.reading = BYTES;
	if (split) {
		CHECK(views[1].len == oracle_run_len(&m.o, 1));
		m.view += views[1].len;
	}
	if (m.frames) {
		check_frames(views, split ? 2 : 1);
		return;
	}
	check_bytes(&views[0], m.o.runs[0].begin, m.o.out);
	if (split)
		check_bytes(&views[1], 0, m.o.out + views[0].len);
}

static void step_release(void)
{
	bool part = dice(2);
	size_t used = dice(3) ? dice(m.view + 2) : any_len();
	int right = m.reading == BYTES && used <= m.view ? 0 : -EINVAL;

	CHECK((part ? bbq_release_part(&m.c, used) : bbq_release(&m.c, used)) ==
	      right);
	if (right)
		return;
	oracle_release(&m.o, used);
	m.view -= used;
	if (!part)
		m.reading = NONE;
}

static void pop_frames(size_t count)
{
	m.o.oldest = (m.o.oldest + count) % (ORACLE_CAPACITY + 1);
	m.o.frame_count -= count;
}

/* Of a read that showed many frames, give back some, whole. */
static void step_release_frames(void)
{
	bool part = dice(2);
	size_t most = dice(8), used = 0, count = 0;
	int right = m.reading == BYTES ? 0 : -EINVAL;

	while (right == 0 && count < most && used < m.view) {
		const struct oracle_frame *frame = oldest_frame(count);

		used += frame->payload + frame->len;
		count++;
	}
	if (m.reading == FRAME && !part) {
		CHECK(bbq_release(&m.c, 1 + dice(400)) == -EINVAL);
		right = 0;
	}
	CHECK((part ? bbq_release_part(&m.c, used) : bbq_release(&m.c, used)) ==
	      right);
	if (right)
		return;
	oracle_release(&m.o, used);
	pop_frames(count);
	m.view -= used;
	if (!part)
		m.reading = NONE;
}

static void step_frame_read(void)
{
	struct bbq_view view = { &m, 77 };
	int error, right = -EBUSY;

	if (m.reading == NONE) {
		oracle_step_over(&m.o);
		right = m.o.frame_count ? 0 : -EAGAIN;
	}
	error = bbq_frame_read(&m.c, &view);
	CHECK(error == right);
	CHECK(error == 0 || (view.data == &m && view.len == 77));
	if (error)
		return;
	check_frame(&view, m.data + m.o.runs[0].begin, oldest_frame(0));
	m.view = 0;
	m.reading = FRAME;
}

static void step_frame_release(void)
{
	const struct oracle_frame *frame = &m.o.frames[m.o.oldest];
	int right = m.reading == FRAME ? 0 : -EINVAL;

	CHECK(bbq_frame_release(&m.c) == right);
	if (right)
		return;
	oracle_release(&m.o, frame->payload + frame->len);
	pop_frames(1);
	m.reading = NONE;
}

/* ---- lies and misuse: hurt.h; and the loop ---- */

#include "batch.h"
#include "hurt.h"

static void step_bytes(void)
{
	static void (*const steps[])(void) = {
		step_grant,   step_grant,   step_commit, step_commit, step_read,
		step_release, step_release, step_want,	 step_commit, step_read,
	};

	if (dice(40) == 0)
		step_hurt();
	else if (dice(200) == 0)
		step_frame_commit();
	else
		steps[dice(sizeof(steps) / sizeof(steps[0]))]();
}

static void step_frames(void)
{
	static void (*const steps[])(void) = {
		step_frame_grant,   step_frame_grant, step_frame_commit,
		step_frame_commit,  step_frame_read,  step_frame_release,
		step_frame_release, step_frame_read,  step_want,
		step_batch,
	};

	if (dice(40) == 0)
		step_hurt();
	else if (dice(8) == 0)
		(dice(2) ? step_read : step_release_frames)();
	else if (dice(40) == 0 && m.granted == FRAME)
		CHECK(bbq_commit(&m.p, 1 + dice(400)) == -EINVAL);
	else if (dice(40) == 0 && m.granted == FRAME)
		CHECK(bbq_commit_part(&m.p, dice(400)) == -EINVAL);
	else if (dice(20) == 0 && m.granted == FRAME)
		abort_frame();
	else
		steps[dice(sizeof(steps) / sizeof(steps[0]))]();
}

/* An empty queue somewhere in its life, more often than not near its end. */
static void new_queue(void)
{
	static const size_t aligns[] = { 1, 8, 64 };
	size_t offset;
	void *data = NULL;

	memset(&m.o, 0, sizeof(m.o));
	memset(&m.words, 0, sizeof(m.words));
	memset(&m.grant, 0, sizeof(m.grant));
	m.o.capacity = 1 + dice(dice(3) ? ORACLE_CAPACITY : 12);
	m.frames = dice(2);
	m.o.align = aligns[m.frames ? dice(3) : 0];
	m.first_lap = dice(2) ? (bbq_word)0 - (bbq_word)dice(20)
			      : (bbq_word)dice(100000);
	offset = dice(m.o.capacity + 1);
	m.o.count = 1;
	m.o.runs[0].begin = m.o.runs[0].end = offset;
	m.o.mark = dice(m.o.capacity + 1); /* left over */
	m.words.producer.write = m.words.consumer.read = word_at(0, offset);
	m.words.producer.last = (bbq_word)m.o.mark;
	m.view = 0;
	CHECK(posix_memalign(&data, 64, m.o.capacity) == 0);
	m.data = data;
	memset(m.data, 0xee, m.o.capacity);
	attach_producer();
	attach_consumer();
}

int main(int argc, char **argv)
{
	m.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	m.steps = argc > 2 ? strtoull(argv[2], NULL, 0) : 2000000;
	m.random = m.seed * 0x9e3779b97f4a7c15u | 1;
	while (m.step < m.steps) {
		new_queue();
		do {
			(m.frames ? step_frames : step_bytes)();
			check_all();
			m.step++;
		} while (m.step % STEPS_OF_ONE_QUEUE);
		free(m.data);
	}
	printf("model: seed %llu, %llu steps, %d-bit words: right\n", m.seed,
	       m.step, BBQ_WORD_BITS);
	return 0;
}
