/* SPDX-License-Identifier: MIT */
/*
 * The part of model.c that hurts: calls with arguments that are wrong, peers
 * that lie, handles that are lost. Included there once; it uses its state.
 */

static void abort_frame(void)
{
	CHECK(bbq_commit(&m.p, 0) == 0);
	m.granted = NONE;
}

static void null_producer(void)
{
	struct bbq_span span = { NULL, 0 };

	CHECK(bbq_grant(NULL, 1, &span) == -EINVAL);
	CHECK(bbq_grant(&m.p, 1, NULL) == -EINVAL);
	CHECK(bbq_commit(NULL, 0) == -EINVAL);
	CHECK(bbq_commit_part(NULL, 0) == -EINVAL);
	CHECK(bbq_want(NULL, 1) == -EINVAL);
	CHECK(bbq_writable(NULL) == 0 && bbq_capacity(NULL) == 0);
	CHECK(bbq_frame_grant(NULL, 1, &span) == -EINVAL);
	CHECK(bbq_frame_grant(&m.p, 1, NULL) == -EINVAL);
	CHECK(bbq_frame_commit(NULL, 1) == -EINVAL);
	CHECK(bbq_frame_want(NULL, 1) == -EINVAL);
	CHECK(bbq_producer_frame_align(NULL, 1) == -EINVAL);
	CHECK(bbq_producer_frame_align(&m.p, dice(8) + 65) == -EINVAL);
	if (m.granted != NONE)
		CHECK(bbq_producer_frame_align(&m.p, 1) == -EBUSY);
}

static void null_consumer(void)
{
	struct bbq_view views[2] = { { NULL, 0 }, { NULL, 0 } };

	CHECK(bbq_read(NULL, views) == -EINVAL);
	CHECK(bbq_read(&m.c, NULL) == -EINVAL);
	CHECK(bbq_read_split(NULL, views) == -EINVAL);
	CHECK(bbq_read_split(&m.c, NULL) == -EINVAL);
	CHECK(bbq_release(NULL, 0) == -EINVAL);
	CHECK(bbq_release_part(NULL, 0) == -EINVAL);
	CHECK(bbq_readable(NULL) == 0);
	CHECK(bbq_frame_read(NULL, views) == -EINVAL);
	CHECK(bbq_frame_read(&m.c, NULL) == -EINVAL);
	CHECK(bbq_frame_release(NULL) == -EINVAL);
	CHECK(bbq_frame_next(NULL, &views[0], &views[1]) == -EINVAL);
	CHECK(bbq_frame_next(&m.c, NULL, &views[1]) == -EINVAL);
	CHECK(bbq_frame_next(&m.c, &views[0], NULL) == -EINVAL);
	if (m.reading != BYTES)
		CHECK(bbq_frame_next(&m.c, &views[0], &views[1]) == -EINVAL);
	CHECK(bbq_consumer_frame_align(NULL, 1) == -EINVAL);
	CHECK(bbq_consumer_frame_align(&m.c, dice(6) + 2) == -EINVAL);
	if (m.reading != NONE)
		CHECK(bbq_consumer_frame_align(&m.c, 1) == -EBUSY);
}

static void null_attach(void)
{
	struct bbq_producer_words *pw = &m.words.producer;
	struct bbq_consumer_words *cw = &m.words.consumer;
	struct bbq_producer p;
	struct bbq_consumer c;

	CHECK(bbq_producer_init(&p, NULL, m.data, 1) == -EINVAL);
	CHECK(bbq_consumer_init(&c, NULL, m.data, 1) == -EINVAL);
	CHECK(bbq_producer_attach(NULL, pw, cw, m.data, 1) == -EINVAL);
	CHECK(bbq_producer_attach(&p, NULL, cw, m.data, 1) == -EINVAL);
	CHECK(bbq_producer_attach(&p, pw, NULL, m.data, 1) == -EINVAL);
	CHECK(bbq_producer_attach(&p, pw, cw, NULL, 1) == -EINVAL);
	CHECK(bbq_consumer_attach(NULL, cw, pw, m.data, 1) == -EINVAL);
	CHECK(bbq_consumer_attach(&c, NULL, pw, m.data, 1) == -EINVAL);
	CHECK(bbq_consumer_attach(&c, cw, NULL, m.data, 1) == -EINVAL);
	CHECK(bbq_consumer_attach(&c, cw, pw, NULL, 1) == -EINVAL);
	CHECK(bbq_producer_attach(&p, pw, cw, m.data, 0) == -EINVAL);
	CHECK(bbq_consumer_attach(&c, cw, pw, m.data, 0) == -EINVAL);
	CHECK(bbq_producer_attach(&p, pw, cw, m.data, SIZE_MAX) == -EINVAL);
	CHECK(bbq_consumer_attach(&c, cw, pw, m.data, SIZE_MAX) == -EINVAL);
	if (m.o.capacity > 8) {
		CHECK(bbq_producer_init(&p, &m.words, m.data + 1, 1) != 0 ||
		      bbq_producer_frame_align(&p, 8) == -EINVAL);
		CHECK(bbq_consumer_init(&c, &m.words, m.data + 1, 1) != 0 ||
		      bbq_consumer_frame_align(&c, 64) == -EINVAL);
	}
}

/* A process is gone, in the middle of whatever it did; another goes on. */
static void lose_handle(void)
{
	if (dice(2))
		attach_producer();
	else
		attach_consumer();
}

static void dead_producer(void)
{
	struct bbq_span span = { NULL, 0 };

	CHECK(bbq_writable(&m.p) == 0);
	CHECK(bbq_want(&m.p, 1) == -EBADMSG);
	CHECK(bbq_grant(&m.p, 1, &span) == -EBADMSG);
	CHECK(bbq_frame_grant(&m.p, 0, &span) == -EBADMSG);
	CHECK(bbq_frame_want(&m.p, 0) == -EBADMSG);
	CHECK(bbq_commit(&m.p, 0) == -EBADMSG);
	CHECK(bbq_commit_part(&m.p, 0) == -EBADMSG);
	CHECK(bbq_frame_commit(&m.p, 0) == -EBADMSG);
	CHECK(bbq_producer_frame_align(&m.p, 1) == -EBADMSG);
}

static void dead_consumer(void)
{
	struct bbq_view views[2] = { { NULL, 0 }, { NULL, 0 } };

	CHECK(bbq_readable(&m.c) == 0);
	CHECK(bbq_read(&m.c, views) == -EBADMSG);
	CHECK(bbq_read_split(&m.c, views) == -EBADMSG);
	CHECK(bbq_frame_read(&m.c, views) == -EBADMSG);
	CHECK(bbq_release(&m.c, 0) == -EBADMSG);
	CHECK(bbq_release_part(&m.c, 0) == -EBADMSG);
	CHECK(bbq_frame_release(&m.c) == -EBADMSG);
	CHECK(bbq_frame_next(&m.c, &views[0], &views[1]) == -EBADMSG);
	CHECK(bbq_consumer_frame_align(&m.c, 1) == -EBADMSG);
}

/* A cursor that read can not have: past write, before itself, past last. */
static bbq_word wrong_read(void)
{
	switch (dice(4)) {
	case 0:
		return right_write() + 1 + (bbq_word)dice(3);
	case 1:
		return right_read() - 1;
	case 2:
		if (m.o.count == 2)
			return word_at(m.o.lap, m.o.mark + 1);
		return word_at(m.o.lap + 1, 0);
	default:
		return right_read() - word_at(1, 0) + word_at(0, 0);
	}
}

static void lying_consumer(void)
{
	struct bbq_producer fresh;
	struct bbq_span span = { NULL, 0 };
	int error;

	m.words.consumer.read = right_write() + 1;
	CHECK(bbq_producer_init(&fresh, &m.words, m.data, m.o.capacity) ==
	      -EBADMSG);
	m.words.consumer.read = right_read();
	attach_producer(); /* or what it knew could make the lie a truth */
	m.words.consumer.read = wrong_read();
	CHECK(bbq_writable(&m.p) == 0);
	/* Whichever has to look at the word finds it out. */
	error = dice(2) ? bbq_grant(&m.p, m.o.capacity, &span)
			: bbq_frame_grant(&m.p, 0, &span);
	if (error == 0)
		CHECK(bbq_commit(&m.p, 0) == 0);
	CHECK(bbq_want(&m.p, 1) == -EBADMSG);
	dead_producer();
	m.words.consumer.read = right_read();
	attach_producer();
}

static bbq_word wrong_write(void)
{
	switch (dice(4)) {
	case 0:
		return right_write() - 1 - (bbq_word)dice(3);
	case 1:
		return word_at(m.o.lap + 1, m.o.runs[0].begin + 1);
	case 2:
		if (m.o.count == 1)
			return word_at(m.o.lap, m.o.capacity + 1);
		return word_at(m.o.lap + 2, 0);
	default:
		return word_at(m.o.lap + 2, 0);
	}
}

/* As seen by a handle that knows the truth, and by one that attaches. */
static void lying_producer(void)
{
	struct bbq_view view = { NULL, 0 };
	bool news = m.o.count == 1 && dice(2);

	attach_consumer();
	m.words.producer.write = wrong_write();
	if (news) {
		m.words.producer.write = word_at(m.o.lap + 1, 0);
		m.words.producer.last =
			dice(2) && m.o.runs[0].end > 0
				? (bbq_word)(m.o.runs[0].end - 1)
				: (bbq_word)(m.o.capacity + 1);
	}
	CHECK(bbq_readable(&m.c) == 0);
	if (m.o.in == m.o.out && dice(2) && m.o.count == 1)
		CHECK(bbq_frame_read(&m.c, &view) == -EBADMSG);
	else
		CHECK(bbq_read(&m.c, &view) == -EBADMSG);
	dead_consumer();
	m.words.producer.write = right_write();
	m.words.producer.last = (bbq_word)m.o.mark;
	attach_consumer();
}

/* Words that no handle may attach to, on either side. */
static void impossible_words(void)
{
	struct bbq_producer p;
	struct bbq_consumer c;
	size_t n = m.o.capacity;
	struct bbq_buffer words[] = {
		{ { word_at(0, n + 1), 0 }, { word_at(0, n + 1) } },
		{ { word_at(0, 0), (bbq_word)n + 1 }, { word_at(0, 0) } },
		{ { word_at(1, 0), (bbq_word)n - 1 }, { word_at(0, n) } },
		{ { word_at(2, 0), (bbq_word)n }, { word_at(0, 0) } },
		{ { word_at(0, n + 1), 0 }, { word_at(0, 0) } },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		CHECK(bbq_producer_init(&p, &words[i], m.data, n) == -EBADMSG);
		CHECK(bbq_consumer_init(&c, &words[i], m.data, n) == -EBADMSG);
	}
}

/* A whole buffer of bytes that are no frame, in a queue of its own. */
static void bad_frame(void)
{
	static unsigned char bytes[ORACLE_CAPACITY]
		__attribute__((aligned(64)));
	static const size_t aligns[] = { 1, 8, 64 };
	struct bbq_buffer words = { 0 };
	size_t width = 1 + dice(9), len = 1 + dice(16);
	struct bbq_consumer c;
	struct bbq_view view = { NULL, 0 }, rest = { NULL, 0 };
	int error;

	memset(bytes, dice(2) ? 0xff : 0, sizeof(bytes));
	if (dice(2))
		bytes[8] = (unsigned char)dice(256);
	bytes[0] = (unsigned char)(width < 9 ? 1u << (width - 1) : 0);
	if (width < 8)
		bytes[0] |= (unsigned char)((len & 3) << width);
	words.producer.write = (bbq_word)len;
	CHECK(bbq_consumer_init(&c, &words, bytes, sizeof(bytes)) == 0);
	CHECK(bbq_consumer_frame_align(&c, aligns[dice(3)]) == 0);
	/* Right or wrong, it is never more than what is there. */
	if (dice(2)) {
		CHECK(bbq_read(&c, &rest) == 0);
		error = bbq_frame_next(&c, &rest, &view);
	} else {
		error = bbq_frame_read(&c, &view);
	}
	if (error == 0)
		CHECK((const unsigned char *)view.data + view.len <=
		      bytes + len);
	else
		CHECK(bbq_frame_read(&c, &view) == -EBADMSG);
}

/* Headers wider than any frame of this model. */
static void wide_header(void)
{
	size_t len = (size_t)m.random >> dice(8 * sizeof(size_t));
	size_t width = bbq_frame_header_size(len);
	size_t ret_width, ret_len;
	unsigned char header[9];

	width += dice(10 - width);
	bbq_frame_header_encode(header, width, len);
	CHECK(bbq_frame_header_decode(header, SIZE_MAX, &ret_width, &ret_len) ==
	      0);
	CHECK(ret_width == width && ret_len == len);
	CHECK(bbq_frame_header_decode(header, 0, &ret_width, &ret_len) ==
	      -EBADMSG);
	CHECK(len == 0 || bbq_frame_header_decode(header, len - 1, &ret_width,
						  &ret_len) == -EBADMSG);
}

/* A header that says 2 to the power of bit: is that more than there could be? */
static void one_bit_header(size_t width, unsigned bit)
{
	unsigned at = bit + (width < 9 ? (unsigned)width : 8);
	size_t ret_width = 0, ret_len = 0;
	unsigned char header[9] = { 0 };
	int right = bit < 31 ? 0 : -EBADMSG;

	if (width < 9)
		header[0] = (unsigned char)(1u << (width - 1));
	header[at / 8] |= (unsigned char)(1u << at % 8);
	CHECK(bbq_frame_header_decode(header, 0x7fffffff, &ret_width,
				      &ret_len) == right);
	CHECK(right || (ret_width == width && ret_len == (size_t)1 << bit));
}

/* Where size_t is small, the larger ones do not fit it. */
static void one_bit_headers(void)
{
	size_t width;
	unsigned bit;

	for (width = 1; width <= 9; width++)
		for (bit = 0; bit < (width < 9 ? 7 * width : 64); bit++)
			one_bit_header(width, bit);
}

static void step_hurt(void)
{
	static void (*const steps[])(void) = {
		null_producer, null_consumer,	 null_attach,
		lose_handle,   lying_consumer,	 lying_producer,
		lose_handle,   impossible_words, bad_frame,
		wide_header,   one_bit_headers,
	};

	steps[dice(sizeof(steps) / sizeof(steps[0]))]();
}
