/* SPDX-License-Identifier: MIT */
/*
 * A peer that writes anything: what no honest queue can show is refused, kills
 * the handle, and is never followed outside the buffer.
 */
#include "queue.h"

TestSuite(hostile, .timeout = PATIENCE);

/* ---- a dead handle ---- */

/* Every call of a dead producer: refused, and nothing is touched. */
static void dead_producer(struct queue *q)
{
	unsigned char *data = malloc(q->capacity);
	struct words before = words_of(q);
	struct bbq_span span = { data, 77 };

	cr_assert_not_null(data);
	memcpy(data, q->data, q->capacity);
	cr_assert_eq(bbq_grant(&q->p, 1, &span), -EBADMSG);
	cr_assert_eq(bbq_grant(&q->p, SIZE_MAX, &span), -EBADMSG);
	cr_assert_eq(bbq_grant(&q->p, 0, &span), -EINVAL);
	cr_assert_eq(bbq_grant_range(&q->p, 1, 2, &span), -EBADMSG);
	cr_assert_eq(bbq_commit(&q->p, 0), -EBADMSG);
	cr_assert_eq(bbq_commit(&q->p, 1), -EBADMSG);
	cr_assert_eq(bbq_commit_part(&q->p, 0), -EBADMSG);
	cr_assert_eq(bbq_commit_part(&q->p, 1), -EBADMSG);
	cr_assert_eq(bbq_want(&q->p, 1), -EBADMSG);
	cr_assert_eq(bbq_want(&q->p, SIZE_MAX), -EBADMSG);
	cr_assert_eq(bbq_want(&q->p, 0), -EINVAL);
	cr_assert_eq(bbq_frame_grant(&q->p, 0, &span), -EBADMSG);
	cr_assert_eq(bbq_frame_commit(&q->p, 0), -EBADMSG);
	cr_assert_eq(bbq_frame_want(&q->p, 0), -EBADMSG);
	cr_assert_eq(bbq_producer_frame_align(&q->p, 1), -EBADMSG);
	cr_assert_eq(bbq_writable(&q->p), 0);
	cr_assert(span.data == data && span.len == 77);
	cr_assert(words_same(words_of(q), before));
	cr_assert_eq(memcmp(data, q->data, q->capacity), 0);
	free(data);
}

static void dead_consumer(struct queue *q)
{
	struct words before = words_of(q);
	struct bbq_view views[2] = { { q, 77 }, { q, 77 } };

	cr_assert_eq(bbq_read(&q->c, views), -EBADMSG);
	cr_assert_eq(bbq_read(&q->c, NULL), -EINVAL);
	cr_assert_eq(bbq_read_split(&q->c, views), -EBADMSG);
	cr_assert_eq(bbq_release(&q->c, 0), -EBADMSG);
	cr_assert_eq(bbq_release(&q->c, 1), -EBADMSG);
	cr_assert_eq(bbq_release_part(&q->c, 0), -EBADMSG);
	cr_assert_eq(bbq_release_part(&q->c, 1), -EBADMSG);
	cr_assert_eq(bbq_frame_read(&q->c, views), -EBADMSG);
	cr_assert_eq(bbq_frame_release(&q->c), -EBADMSG);
	cr_assert_eq(bbq_consumer_frame_align(&q->c, 1), -EBADMSG);
	cr_assert_eq(bbq_readable(&q->c), 0);
	cr_assert(views[0].data == q && views[0].len == 77);
	cr_assert(views[1].data == q && views[1].len == 77);
	cr_assert(words_same(words_of(q), before));
}

/* ---- every class of lie, one by one ---- */

/* The consumer says read; the producer of 3..6 in lap 5 finds it out. */
static void read_is_a_lie(struct words honest, bbq_word read)
{
	struct bbq_span span = { NULL, 77 };
	struct words hurt = honest;
	struct queue q;
	int verb;

	hurt.read = read;
	for (verb = 0; verb < 3; verb++) {
		open_with(&q, 8, honest);
		set_words(&q, hurt);
		cr_assert_eq(bbq_writable(&q.p), 0);
		if (verb == 0)
			cr_assert_eq(bbq_grant(&q.p, 8, &span), -EBADMSG);
		else if (verb == 1)
			cr_assert_eq(bbq_want(&q.p, 1), -EBADMSG);
		else
			cr_assert_eq(bbq_frame_grant(&q.p, 7, &span), -EBADMSG);
		cr_assert(words_same(words_of(&q), hurt));
		cr_assert(span.data == NULL && span.len == 77);
		set_words(&q, honest); /* too late */
		dead_producer(&q);
		close_queue(&q);
	}
}

Test(hostile, read_cursor_of_the_same_lap)
{
	struct words honest = { cursor(5, 6), 8, cursor(5, 3) };

	read_is_a_lie(honest, cursor(5, 2)); /* backwards */
	read_is_a_lie(honest, cursor(5, 7)); /* past write */
	read_is_a_lie(honest, cursor(5, 9)); /* out of the buffer */
	read_is_a_lie(honest, cursor(5, BBQ_OFFSET_MASK));
	read_is_a_lie(honest, cursor(6, 3)); /* a lap ahead */
	read_is_a_lie(honest, cursor(4, 6)); /* a lap behind */
	read_is_a_lie(honest, cursor(7, 3));
	read_is_a_lie(honest, cursor(3, 3));
	read_is_a_lie(honest, cursor(5, 3) + (BBQ_ONE_LAP << 1));
	read_is_a_lie(honest, 0);
	read_is_a_lie(honest, (bbq_word)-1);
}

Test(hostile, read_cursor_of_the_lap_before)
{
	struct words honest = { cursor(5, 2), 7, cursor(4, 4) };

	read_is_a_lie(honest, cursor(4, 3)); /* backwards */
	read_is_a_lie(honest, cursor(4, 8)); /* past the watermark */
	read_is_a_lie(honest, cursor(4, 9));
	read_is_a_lie(honest, cursor(5, 3)); /* past write */
	read_is_a_lie(honest, cursor(6, 0));
	read_is_a_lie(honest, cursor(3, 7));
	read_is_a_lie(honest, cursor(4, BBQ_OFFSET_MASK));
	read_is_a_lie(honest, 0);
}

/* The producer says write and last; each verb of the consumer finds it out. */
static void write_is_a_lie(struct words honest, bbq_word write, bbq_word last)
{
	struct bbq_view views[2] = { { NULL, 77 }, { NULL, 77 } };
	struct words hurt = { write, last, honest.read };
	struct queue q;
	int verb;

	for (verb = 0; verb < 3; verb++) {
		open_with(&q, 8, honest);
		set_words(&q, hurt);
		cr_assert_eq(bbq_readable(&q.c), 0);
		if (verb == 0)
			cr_assert_eq(bbq_read(&q.c, views), -EBADMSG);
		else if (verb == 1)
			cr_assert_eq(bbq_read_split(&q.c, views), -EBADMSG);
		else if (honest.write == honest.read)
			cr_assert_eq(bbq_frame_read(&q.c, views), -EBADMSG);
		else
			cr_assert_eq(bbq_read(&q.c, views), -EBADMSG);
		cr_assert(words_same(words_of(&q), hurt));
		cr_assert(views[0].len == 77 && views[1].len == 77);
		set_words(&q, honest);
		dead_consumer(&q);
		close_queue(&q);
	}
}

Test(hostile, write_cursor_of_the_same_lap)
{
	struct words empty = { cursor(5, 4), 2, cursor(5, 4) };
	struct words honest = { cursor(5, 6), 2, cursor(5, 4) };

	write_is_a_lie(empty, cursor(5, 3), 2); /* backwards */
	write_is_a_lie(honest, cursor(5, 5), 2);
	write_is_a_lie(honest, cursor(5, 9), 2); /* out of the buffer */
	write_is_a_lie(empty, cursor(5, BBQ_OFFSET_MASK), 2);
	write_is_a_lie(honest, cursor(6, 5), 8); /* past read */
	write_is_a_lie(honest, cursor(7, 0), 8); /* two laps ahead */
	write_is_a_lie(empty, cursor(4, 8), 8);
	write_is_a_lie(honest, cursor(3, 6), 8);
	write_is_a_lie(honest, 0, 0);
	write_is_a_lie(honest, (bbq_word)-1, 8);
}

Test(hostile, write_cursor_of_the_next_lap)
{
	struct words honest = { cursor(6, 2), 7, cursor(5, 4) };

	write_is_a_lie(honest, cursor(6, 1), 7); /* backwards */
	write_is_a_lie(honest, cursor(5, 7), 7);
	write_is_a_lie(honest, cursor(6, 5), 7); /* past read */
	write_is_a_lie(honest, cursor(7, 2), 7);
	write_is_a_lie(honest, cursor(6, 9), 7);
}

Test(hostile, watermark_of_a_new_lap)
{
	struct words empty = { cursor(5, 4), 2, cursor(5, 4) };
	struct words honest = { cursor(5, 6), 2, cursor(5, 4) };

	write_is_a_lie(honest, cursor(6, 2), 5); /* below bytes shown */
	write_is_a_lie(empty, cursor(6, 2), 3);
	write_is_a_lie(honest, cursor(6, 2), 9); /* out of the buffer */
	write_is_a_lie(empty, cursor(6, 2), (bbq_word)-1);
	write_is_a_lie(honest, cursor(6, 2), BBQ_ONE_LAP + 6);
	write_is_a_lie(empty, cursor(6, 4), cursor(5, 6));
}

Test(hostile, watermark_is_loaded_once_a_lap)
{
	struct words honest = { cursor(6, 2), 7, cursor(5, 4) };
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	struct queue q;

	/* Changed after the consumer took it over: without effect. */
	open_with(&q, 8, honest);
	q.words.producer.last = 1000;
	cr_assert_eq(bbq_readable(&q.c), 5);
	q.words.producer.last = 8;
	cr_assert_eq(bbq_read_split(&q.c, parts), 0);
	cr_assert_eq(parts[0].len, 3);
	close_queue(&q);

	/* And the producer goes by what it knows, not by what it reads. */
	open_with(&q, 8, honest);
	q.words.producer.last = 4;
	q.words.producer.write = 77;
	q.words.consumer.read = cursor(5, 7);
	cr_assert_eq(grant_at(&q, 5), 2);
	cr_assert_eq(bbq_commit(&q.p, 1), 0);
	cr_assert_eq(q.words.producer.write, cursor(6, 3));
	close_queue(&q);
}

Test(hostile, own_words_are_never_read_back_by_the_consumer)
{
	struct bbq_view view = { NULL, 0 };
	struct queue q;

	open_queue(&q, 8);
	push_string(&q, "abcdef");
	q.words.consumer.read = 5;
	pop_string(&q, "abcdef");
	cr_assert_eq(q.words.consumer.read, 6);
	q.words.consumer.read = 99;
	cr_assert_eq(bbq_read(&q.c, &view), -EAGAIN);
	push_string(&q, "gh");
	cr_assert_eq(bbq_read(&q.c, &view), 0);
	cr_assert(view.data == q.data + 6 && view.len == 2);
	close_queue(&q);
}

/* ---- a peer that scribbles between any two calls ---- */

static uint64_t dice_state;

static size_t dice(size_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (size_t)(dice_state % sides);
}

/* Near the truth most of the time, or nobody would get far. */
static bbq_word scribble(bbq_word truth)
{
	bbq_word small = (bbq_word)dice(4);

	switch (dice(8)) {
	case 0:
		return truth + small;
	case 1:
		return truth - small;
	case 2:
		return truth + BBQ_ONE_LAP + small;
	case 3:
		return (truth & ~BBQ_OFFSET_MASK) + BBQ_ONE_LAP + small;
	case 4:
		return truth - BBQ_ONE_LAP + small;
	case 5:
		return (bbq_word)(dice_state * 0x9e3779b97f4a7c15u);
	case 6:
		return small;
	default:
		return truth;
	}
}

static void inside(const struct queue *q, const void *data, size_t len)
{
	size_t at = (size_t)((const unsigned char *)data - q->data);

	cr_assert_leq(at, q->capacity);
	cr_assert_leq(len, q->capacity - at);
}

static void hurt_producer(struct queue *q)
{
	struct bbq_span span = { NULL, 0 };
	size_t len = 1 + dice(q->capacity);
	int error = 0;

	if (dice(3))
		q->words.consumer.read = scribble(q->c.read);
	switch (dice(4)) {
	case 0:
		error = bbq_grant_range(&q->p, len, len + dice(9), &span);
		break;
	case 1:
		error = bbq_frame_grant(&q->p, len - 1, &span);
		break;
	case 2:
		error = bbq_want(&q->p, len);
		len = bbq_writable(&q->p);
		cr_assert_leq(len, q->capacity);
		break;
	default:
		cr_assert_leq(bbq_writable(&q->p), q->capacity);
		return;
	}
	if (error == 0 && q->p.open != BBQ_OPEN_NONE) {
		inside(q, span.data, span.len);
		memset(span.data, (int)dice(256), span.len);
		error = q->p.open == BBQ_OPEN_FRAME
				? bbq_frame_commit(&q->p, dice(span.len + 1))
				: bbq_commit(&q->p, dice(span.len + 1));
		cr_assert_eq(error, 0);
	}
	if (error == -EBADMSG)
		cr_assert_eq(bbq_grant(&q->p, 1, &span), -EBADMSG);
}

static void hurt_consumer(struct queue *q)
{
	struct bbq_view views[2] = { { NULL, 0 }, { NULL, 0 } };
	unsigned sum = 0;
	size_t i, part;
	int error;

	if (dice(3))
		q->words.producer.write = scribble(q->p.write);
	if (dice(3))
		q->words.producer.last = scribble(q->p.last);
	q->data[dice(q->capacity)] = (unsigned char)dice(256);
	cr_assert_leq(bbq_readable(&q->c), q->capacity);
	switch (dice(3)) {
	case 0:
		error = bbq_read(&q->c, views);
		break;
	case 1:
		error = bbq_read_split(&q->c, views);
		break;
	default:
		error = bbq_frame_read(&q->c, views);
	}
	for (part = 0; error == 0 && part < 2; part++) {
		if (views[part].data)
			inside(q, views[part].data, views[part].len);
		for (i = 0; i < views[part].len; i++)
			sum += ((const unsigned char *)views[part].data)[i];
	}
	cr_assert_leq(sum, 255 * q->capacity);
	if (error == 0 && q->c.open == BBQ_OPEN_FRAME)
		cr_assert_eq(bbq_frame_release(&q->c), 0);
	else if (error == 0)
		cr_assert_eq(bbq_release(&q->c,
					 dice(views[0].len + views[1].len + 1)),
			     0);
}

/* Make the words true again where a handle is alive, fresh where none is. */
static void recover(struct queue *q)
{
	if (q->p.open == BBQ_OPEN_BROKEN || q->c.open == BBQ_OPEN_BROKEN) {
		bbq_word lap = (bbq_word)dice(3) - 1;
		size_t at = dice(q->capacity + 1);
		struct words words = { cursor(lap, at), 0, cursor(lap, at) };

		set_words(q, words);
		attach(q);
	}
}

/* A new handle over whatever the peer left, if it is taken at all. */
static void attach_hurt(struct queue *q)
{
	struct bbq_producer p = q->p;
	struct bbq_consumer c = q->c;

	q->words.consumer.read = scribble(q->c.read);
	q->words.producer.write = q->p.write;
	if (bbq_producer_init(&p, &q->words, q->data, q->capacity) == 0)
		q->p = p;
	q->words.consumer.read = q->c.read;
	q->words.producer.write = scribble(q->p.write);
	q->words.producer.last = scribble(q->p.last);
	if (bbq_consumer_init(&c, &q->words, q->data, q->capacity) == 0)
		q->c = c;
	q->words.producer.write = q->p.write;
	q->words.producer.last = q->p.last;
}

Test(hostile, scribbling_is_never_followed_outside_the_buffer)
{
	static const size_t aligns[] = { 1, 8, 64 };
	size_t capacity, step, align;
	struct queue q;

	dice_state = 88172645463325252u;
	for (capacity = 1; capacity <= 140; capacity += 1 + capacity / 16) {
		open_queue(&q, capacity);
		for (step = 0; step < 8000; step++) {
			recover(&q);
			align = aligns[dice(3)];
			bbq_producer_frame_align(&q.p, align);
			bbq_consumer_frame_align(&q.c, align);
			if (dice(2))
				hurt_producer(&q);
			else
				hurt_consumer(&q);
			if (dice(16) == 0)
				attach_hurt(&q);
		}
		close_queue(&q);
	}
}
