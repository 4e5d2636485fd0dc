/* SPDX-License-Identifier: MIT */
/* memory.c - the accesses; the model is described in memory.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static void limit(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "explorer: %s is too small for this program\n", what);
	abort();
}

static void max_to(uint8_t *to, uint8_t from)
{
	if (*to < from)
		*to = from;
}

static void join_seen(const struct memory *m, struct view *to,
		      const struct view *from)
{
	for (unsigned w = 0; w < m->words; w++)
		max_to(&to->seen[w], from->seen[w]);
}

static void join(const struct memory *m, struct view *to,
		 const struct view *from)
{
	join_seen(m, to, from);
	for (unsigned t = 0; t < MAX_THREADS; t++)
		max_to(&to->clock[t], from->clock[t]);
}

/* What thread does from here on is not in the views that it gave away. */
static void tick(struct memory *m, unsigned thread)
{
	uint8_t *clock = &m->viewer[thread].now.clock[thread];

	limit(*clock < UINT8_MAX, "the clock");
	*clock += 1;
	m->viewer[thread].loaded.clock[thread] = *clock;
}

void memory_init(struct memory *memory, unsigned threads)
{
	limit(threads <= MAX_THREADS, "MAX_THREADS");
	memset(memory, 0, sizeof(*memory));
	memory->threads = (uint8_t)threads;
	for (unsigned t = 0; t < threads; t++)
		tick(memory, t);
}

unsigned memory_add_word(struct memory *memory, uint64_t value)
{
	limit(memory->words < MAX_WORDS, "MAX_WORDS");
	memory->word[memory->words].count = 1;
	memory->word[memory->words].message[0].value = value;
	return memory->words++;
}

unsigned memory_add_byte(struct memory *memory, unsigned char value)
{
	limit(memory->bytes < MAX_BYTES, "MAX_BYTES");
	memory->byte[memory->bytes].value = value;
	return memory->bytes++;
}

void memory_copy(struct memory *to, const struct memory *from)
{
	memcpy(to, from, offsetof(struct memory, word));
	for (unsigned w = 0; w < from->words; w++) {
		to->word[w].count = from->word[w].count;
		memcpy(to->word[w].message, from->word[w].message,
		       from->word[w].count * sizeof(struct message));
	}
}

/* ---- words -------------------------------------------------------------- */

unsigned memory_loads(const struct memory *memory, unsigned thread,
		      unsigned word)
{
	return (unsigned)memory->word[word].count -
	       memory->viewer[thread].now.seen[word];
}

unsigned memory_loads_fenced(const struct memory *memory, unsigned thread,
			     unsigned word)
{
	uint8_t seen = memory->viewer[thread].loaded.seen[word];

	max_to(&seen, memory->fences.seen[word]);
	return (unsigned)memory->word[word].count - seen;
}

uint64_t memory_load(struct memory *memory, unsigned thread, unsigned word,
		     enum order order, unsigned choice)
{
	struct viewer *viewer = &memory->viewer[thread];
	unsigned index = memory->word[word].count - 1u - choice;
	const struct message *message = &memory->word[word].message[index];

	assert(choice < memory_loads(memory, thread, word));
	viewer->now.seen[word] = (uint8_t)index;
	max_to(&viewer->loaded.seen[word], (uint8_t)index);
	join(memory, &viewer->loaded, &message->view);
	if (order == ORDER_ACQUIRE)
		join(memory, &viewer->now, &message->view);
	return message->value;
}

unsigned memory_stores(const struct memory *memory, unsigned thread,
		       unsigned word)
{
	return memory_loads(memory, thread, word);
}

void memory_visit(struct memory *memory, visit_view *visit, const void *context)
{
	visit(&memory->fences, context);
	for (unsigned t = 0; t < memory->threads; t++) {
		struct viewer *viewer = &memory->viewer[t];

		visit(&viewer->now, context);
		visit(&viewer->loaded, context);
		visit(&viewer->fenced, context);
		for (unsigned w = 0; w < memory->words; w++)
			visit(&viewer->since[w], context);
	}
	for (unsigned w = 0; w < memory->words; w++)
		for (unsigned i = 0; i < memory->word[w].count; i++)
			visit(&memory->word[w].message[i].view, context);
}

struct place {
	unsigned word;
	unsigned index;
};

static void make_place(struct view *view, const void *context)
{
	const struct place *place = context;

	if (view->seen[place->word] >= place->index)
		view->seen[place->word]++;
}

static void insert(struct memory *m, unsigned w, unsigned index)
{
	struct word *word = &m->word[w];

	limit(word->count < MAX_MESSAGES, "MAX_MESSAGES");
	if (index < word->count) {
		memory_visit(m, make_place, &(struct place){ w, index });
		memmove(&word->message[index + 1], &word->message[index],
			(word->count - index) * sizeof(struct message));
	}
	word->count++;
}

void memory_store(struct memory *memory, unsigned thread, unsigned word,
		  enum order order, uint64_t value, unsigned choice)
{
	struct viewer *viewer = &memory->viewer[thread];
	unsigned index = memory->word[word].count - choice;
	struct message *message = &memory->word[word].message[index];

	assert(choice < memory_stores(memory, thread, word));
	insert(memory, word, index);
	viewer->now.seen[word] = (uint8_t)index;
	max_to(&viewer->loaded.seen[word], (uint8_t)index);
	message->value = value;
	if (order == ORDER_RELEASE) {
		message->view = viewer->now;
		viewer->since[word] = viewer->now;
		tick(memory, thread);
	} else {
		message->view = viewer->fenced;
		join(memory, &message->view, &viewer->since[word]);
		message->view.seen[word] = (uint8_t)index;
	}
}

void memory_fence(struct memory *memory, unsigned thread, enum order order)
{
	struct viewer *viewer = &memory->viewer[thread];

	if (order == ORDER_RELAXED)
		return;
	if (order != ORDER_RELEASE)
		viewer->now = viewer->loaded;
	if (order == ORDER_SEQ_CST) {
		join_seen(memory, &viewer->now, &memory->fences);
		join_seen(memory, &memory->fences, &viewer->now);
		join(memory, &viewer->loaded, &viewer->now);
	}
	if (order != ORDER_ACQUIRE) {
		viewer->fenced = viewer->now;
		tick(memory, thread);
	}
}

/* ---- bytes -------------------------------------------------------------- */

static bool stored_before(const struct byte *byte, unsigned thread,
			  const struct view *view)
{
	return byte->stored == 0 || byte->storer == thread ||
	       byte->stored <= view->clock[byte->storer];
}

bool memory_load_byte(struct memory *memory, unsigned thread, unsigned byte,
		      unsigned char *ret)
{
	struct byte *b = &memory->byte[byte];
	const struct view *now = &memory->viewer[thread].now;

	b->loaded[thread] = now->clock[thread];
	*ret = b->value;
	return stored_before(b, thread, now);
}

bool memory_store_byte(struct memory *memory, unsigned thread, unsigned byte,
		       unsigned char value)
{
	struct byte *b = &memory->byte[byte];
	const struct view *now = &memory->viewer[thread].now;
	bool ordered = stored_before(b, thread, now);

	for (unsigned t = 0; t < memory->threads; t++)
		ordered &= t == thread || b->loaded[t] <= now->clock[t];
	b->value = value;
	b->storer = (uint8_t)thread;
	b->stored = now->clock[thread];
	memset(b->loaded, 0, sizeof(b->loaded));
	return ordered;
}

void memory_join(struct memory *memory, unsigned thread)
{
	struct viewer *viewer = &memory->viewer[thread];

	for (unsigned t = 0; t < memory->threads; t++)
		join(memory, &viewer->now, &memory->viewer[t].now);
	tick(memory, thread);
	join(memory, &viewer->loaded, &viewer->now);
}

uint64_t memory_newest(const struct memory *memory, unsigned word)
{
	return memory->word[word].message[memory->word[word].count - 1].value;
}
