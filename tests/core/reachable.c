/* SPDX-License-Identifier: MIT */
/*
 * Which words can an honest queue have? Small capacities have few enough that
 * all of them can be found by doing every operation from every state, and all
 * others, tried one by one, must be refused: at attach, and by handles that
 * are at work.
 */
#include "queue.h"

TestSuite(reachable, .timeout = PATIENCE);

/*
 * Bound: nothing in core.h tells 4 from a larger number, while 4 leaves room
 * for two reads, a gap and a grant on each side of the watermark.
 */
#define LARGEST 4
#define OFFSETS (LARGEST + 1)

/* [is write one lap ahead][write's offset][last][read's offset] */
typedef bool state_set[2][OFFSETS][OFFSETS][OFFSETS];

struct state {
	size_t ahead, write, last, read;
};

struct search {
	size_t capacity;
	state_set found;
	struct state todo[2 * OFFSETS * OFFSETS * OFFSETS];
	size_t count;
	struct queue q; /* words of the state that is looked at */
};

static struct words words_at(bbq_word lap, const struct state *s)
{
	struct words words = { cursor(lap + (bbq_word)s->ahead, s->write),
			       (bbq_word)s->last, cursor(lap, s->read) };
	return words;
}

/* Note the state that q's words are in now. */
static void found(struct search *search)
{
	struct words w = words_of(&search->q);
	bbq_word ahead = (w.write >> BBQ_HALF_BITS) - (w.read >> BBQ_HALF_BITS);
	struct state s = { (size_t)ahead, bbq_offset_(w.write), (size_t)w.last,
			   bbq_offset_(w.read) };

	cr_assert(s.ahead <= 1 && s.write <= search->capacity &&
		  s.last <= search->capacity && s.read <= search->capacity);
	if (search->found[s.ahead][s.write][s.last][s.read])
		return;
	search->found[s.ahead][s.write][s.last][s.read] = true;
	search->todo[search->count++] = s;
}

static void start_from(struct search *search, const struct state *s)
{
	set_words(&search->q, words_at(10, s));
	attach(&search->q); /* which must be accepted */
}

static void produce_all(struct search *search, const struct state *s)
{
	struct queue *q = &search->q;
	struct bbq_span span = { NULL, 0 };
	size_t len, used;

	for (len = 1; len <= search->capacity; len++) {
		for (used = 0; used <= len; used++) {
			start_from(search, s);
			if (bbq_grant(&q->p, len, &span))
				continue;
			cr_assert_eq(bbq_commit(&q->p, used), 0);
			found(search);
		}
		start_from(search, s);
		cr_assert_eq(bbq_want(&q->p, len), 0);
		found(search);
	}
}

static void consume_all(struct search *search, const struct state *s)
{
	struct queue *q = &search->q;
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	size_t used;

	for (used = 0; used <= search->capacity; used++) {
		start_from(search, s);
		if (bbq_read_split(&q->c, parts) == 0 &&
		    used <= parts[0].len + parts[1].len)
			cr_assert_eq(bbq_release(&q->c, used), 0);
		found(search);
		start_from(search, s);
		if (bbq_read(&q->c, parts) == 0 && used <= parts[0].len)
			cr_assert_eq(bbq_release(&q->c, used), 0);
		found(search);
	}
}

static void explore(struct search *search, size_t capacity)
{
	size_t done;

	memset(search, 0, sizeof(*search));
	search->capacity = capacity;
	open_at(&search->q, capacity, 10, 0);
	found(search);
	for (done = 0; done < search->count; done++) {
		const struct state s = search->todo[done];

		produce_all(search, &s);
		consume_all(search, &s);
	}
}

/* In lap differences: -3 is three behind, as laps have no sign. */
static bool is_reachable(const struct search *search, int ahead, size_t write,
			 size_t last, size_t read)
{
	size_t n = search->capacity;

	return ahead >= 0 && ahead <= 1 && write <= n && last <= n &&
	       read <= n && search->found[ahead][write][last][read];
}

/*
 * The watermark of a lap left behind is at least 1: nobody leaves a lap in
 * which nothing was ever published. The words below say otherwise. They name
 * no byte, so attaching to them or not is not a question of safety; the test
 * lap_of_no_bytes_is_refused asks it, and the others leave it alone.
 */
static bool is_lap_of_no_bytes(int ahead, size_t write, size_t last,
			       size_t read)
{
	return ahead == 1 && write == 0 && last == 0 && read == 0;
}

static void try_attach(struct search *search, bbq_word lap, int ahead,
		       size_t write, size_t last, size_t read)
{
	struct queue *q = &search->q;
	struct words words = { cursor(lap + (bbq_word)ahead, write),
			       (bbq_word)last, cursor(lap, read) };
	int expected =
		is_reachable(search, ahead, write, last, read) ? 0 : -EBADMSG;

	if (is_lap_of_no_bytes(ahead, write, last, read))
		return;
	set_words(q, words);
	cr_assert_eq(bbq_producer_init(&q->p, &q->words, q->data, q->capacity),
		     expected, "producer: N %zu, %d laps ahead, %zu %zu %zu",
		     q->capacity, ahead, write, last, read);
	cr_assert_eq(bbq_consumer_init(&q->c, &q->words, q->data, q->capacity),
		     expected, "consumer: N %zu, %d laps ahead, %zu %zu %zu",
		     q->capacity, ahead, write, last, read);
	cr_assert(words_same(words_of(q), words));
}

static void try_all_attach(struct search *search, bbq_word lap)
{
	size_t most = search->capacity + 2;
	size_t write, last, read;
	int ahead;

	for (ahead = -3; ahead <= 4; ahead++)
		for (write = 0; write <= most; write++)
			for (last = 0; last <= most; last++)
				for (read = 0; read <= most; read++)
					try_attach(search, lap, ahead, write,
						   last, read);
}

Test(reachable, attach_accepts_exactly_what_an_honest_queue_can_have)
{
	static struct search search;
	size_t capacity;
	bbq_word lap;

	for (capacity = 1; capacity <= LARGEST; capacity++) {
		explore(&search, capacity);
		for (lap = (bbq_word)-3; lap != 3; lap++)
			try_all_attach(&search, lap);
		close_queue(&search.q);
	}
}

Test(reachable, attach_compares_the_whole_word)
{
	struct queue q;
	int bit;

	open_at(&q, LARGEST, 1, 2);
	for (bit = BBQ_HALF_BITS; bit < BBQ_WORD_BITS; bit++) {
		q.words.producer.last = (bbq_word)1 << bit;
		cr_assert_eq(bbq_producer_init(&q.p, &q.words, q.data, LARGEST),
			     -EBADMSG);
		cr_assert_eq(bbq_consumer_init(&q.c, &q.words, q.data, LARGEST),
			     -EBADMSG);
	}
	q.words.producer.last = 0;
	for (bit = 3; bit < BBQ_WORD_BITS; bit++) {
		q.words.consumer.read = cursor(1, 2) ^ (bbq_word)1 << bit;
		cr_assert_eq(bbq_producer_init(&q.p, &q.words, q.data, LARGEST),
			     -EBADMSG);
		cr_assert_eq(bbq_consumer_init(&q.c, &q.words, q.data, LARGEST),
			     -EBADMSG);
	}
	close_queue(&q);
}

/*
 * A consumer at work in state s finds write one lap `ahead`. What is honest:
 * not before the write that it knows, and in a new lap a watermark not before
 * that either. In the lap that it knows it has no need of a watermark.
 */
static bool write_is_honest(const struct search *search, const struct state *s,
			    int ahead, size_t write, size_t last)
{
	if (ahead == (int)s->ahead)
		return write >= s->write && write <= search->capacity &&
		       (ahead == 0 || write <= s->read);
	return s->ahead == 0 && last >= s->write &&
	       is_reachable(search, ahead, write, last, s->read);
}

static void try_write(struct search *search, const struct state *s, int ahead,
		      size_t write, size_t last)
{
	struct queue *q = &search->q;
	struct bbq_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
	struct words words;
	int error;

	if (is_lap_of_no_bytes(ahead, write, last, s->read))
		return;
	start_from(search, s);
	words = words_of(q);
	words.write = cursor(10 + (bbq_word)ahead, write);
	words.last = (bbq_word)last;
	set_words(q, words);
	error = bbq_read_split(&q->c, parts);
	if (write_is_honest(search, s, ahead, write, last)) {
		cr_assert(error == 0 || error == -EAGAIN);
		return;
	}
	cr_assert_eq(error, -EBADMSG);
	cr_assert(words_same(words_of(q), words));
	start_from(search, s);
	set_words(q, words);
	cr_assert_eq(bbq_readable(&q->c), 0);
	set_words(q, words_at(10, s));
	cr_assert(bbq_readable(&q->c) > 0 || bbq_read(&q->c, parts) == -EAGAIN,
		  "bbq_readable looks and does not kill");
}

Test(reachable, consumer_at_work_refuses_every_other_write)
{
	static struct search search;
	size_t capacity, i, write, last;
	int ahead;

	for (capacity = 1; capacity <= LARGEST; capacity++) {
		explore(&search, capacity);
		for (i = 0; i < search.count; i++)
			for (ahead = -2; ahead <= 3; ahead++)
				for (write = 0; write <= capacity + 1; write++)
					for (last = 0; last <= capacity + 1;
					     last++)
						try_write(&search,
							  &search.todo[i],
							  ahead, write, last);
		close_queue(&search.q);
	}
}

/* The producer's turn: read may move on to write, and not past the data. */
static void try_read(struct search *search, const struct state *s, int laps,
		     size_t read)
{
	struct queue *q = &search->q;
	int ahead = (int)s->ahead - laps;
	bool honest = is_reachable(search, ahead, s->write, s->last, read) &&
		      (laps == 1 || (laps == 0 && read >= s->read));
	struct words words;

	if (is_lap_of_no_bytes(ahead, s->write, s->last, read))
		return;
	start_from(search, s);
	words = words_of(q);
	words.read = cursor(10 + (bbq_word)laps, read);
	set_words(q, words);
	if (!honest)
		cr_assert_eq(bbq_writable(&q->p), 0);
	cr_assert_eq(bbq_want(&q->p, 1), honest ? 0 : -EBADMSG);
	cr_assert(honest || words_same(words_of(q), words));
}

Test(reachable, producer_at_work_refuses_every_other_read)
{
	static struct search search;
	size_t capacity, i, read;
	int laps;

	for (capacity = 1; capacity <= LARGEST; capacity++) {
		explore(&search, capacity);
		for (i = 0; i < search.count; i++)
			for (laps = -2; laps <= 3; laps++)
				for (read = 0; read <= capacity + 1; read++)
					try_read(&search, &search.todo[i], laps,
						 read);
		close_queue(&search.q);
	}
}

Test(reachable, lap_of_no_bytes_is_refused)
{
	struct words words = { cursor(1, 0), 0, cursor(0, 0) };
	struct queue q;

	open_queue(&q, LARGEST);
	set_words(&q, words);
	cr_assert_eq(bbq_producer_init(&q.p, &q.words, q.data, LARGEST),
		     -EBADMSG);
	cr_assert_eq(bbq_consumer_init(&q.c, &q.words, q.data, LARGEST),
		     -EBADMSG);
	close_queue(&q);
}
