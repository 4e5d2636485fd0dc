/* SPDX-License-Identifier: MIT */
/* A step of model.c: a grant of room for frames, some of them, a commit. */
#ifndef TESTS_CORE_BATCH_H
#define TESTS_CORE_BATCH_H

#define BATCH_MAX 6

struct batch {
	struct bbq_span rest;
	struct oracle_frame put[BATCH_MAX]; /* and not committed */
	size_t count;
	size_t bytes; /* that they take */
};

/* The length of the grant: between what the first needs and what there is. */
static bool batch_len_right(size_t len, size_t most)
{
	size_t room = m.grant.start == oracle_newest(&m.o)->end
			      ? oracle_tail(&m.o)
			      : oracle_head(&m.o);

	if (len < m.grant.len || len > room)
		return false;
	return len == m.grant.len || len <= most;
}

static bool batch_put(struct batch *batch, size_t len)
{
	size_t at = m.grant.start + batch->bytes;
	size_t width = oracle_width(len);
	size_t payload = oracle_align(&m.o, at + width) - at;
	size_t left = batch->rest.len;
	bool fits = payload <= left && len <= left - payload;
	unsigned char seed = (unsigned char)dice(256);
	struct bbq_span span = { &m, 77 };

	CHECK(bbq_frame_put(&m.p, &batch->rest, len, &span) ==
	      (fits ? 0 : -EAGAIN));
	if (!fits) {
		CHECK(span.data == &m && span.len == 77);
		CHECK(batch->rest.len == left);
		return false;
	}
	CHECK(span.data == m.data + at + payload && span.len == len);
	CHECK(batch->rest.data == m.data + at + payload + len);
	CHECK(batch->rest.len == left - payload - len);
	for (size_t i = 0; i < len; i++)
		m.data[at + payload + i] = (unsigned char)(seed + i);
	batch->put[batch->count++] =
		(struct oracle_frame){ payload, len, seed };
	batch->bytes += payload + len;
	return true;
}

static void batch_commit(struct batch *batch, bool part)
{
	CHECK((part ? bbq_commit_part(&m.p, batch->bytes)
		    : bbq_commit(&m.p, batch->bytes)) == 0);
	for (size_t i = 0; i < batch->count; i++) {
		m.grant.payload = batch->put[i].payload;
		oracle_publish_frame(&m.o, &m.grant, batch->put[i].len,
				     batch->put[i].seed);
	}
	batch->count = 0;
	batch->bytes = 0;
}

static void step_batch(void)
{
	size_t first = any_len(), most = any_len(), len = first;
	struct batch batch = { .rest = { &m, 77 } };
	int right = m.granted == NONE
			    ? oracle_frame_grant(&m.o, first, &m.grant)
			    : -EBUSY;

	CHECK(bbq_frames_grant(&m.p, first, most, &batch.rest) == right);
	CHECK(right == 0 || (batch.rest.data == &m && batch.rest.len == 77));
	if (right)
		return;
	CHECK(batch.rest.data == m.data + m.grant.start);
	CHECK(batch_len_right(batch.rest.len, most));
	m.grant.len = batch.rest.len;
	memset(batch.rest.data, 0xdd, batch.rest.len);
	for (size_t i = 0; i < BATCH_MAX; i++, len = any_len()) {
		bool fits = batch_put(&batch, len);

		CHECK(fits || i > 0);
		if (dice(8) == 0)
			batch_commit(&batch, true);
	}
	if (dice(4) == 0)
		batch.count = batch.bytes = 0;
	batch_commit(&batch, false);
}

#endif /* TESTS_CORE_BATCH_H */
