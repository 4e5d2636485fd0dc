/* SPDX-License-Identifier: MIT */
/*
 * settle.c - one form for all memories that behave alike
 *
 * A message older than what every thread that still runs has seen can never be
 * loaded, and nothing can be stored before it. It is dropped, and a view that
 * pointed to it points to the oldest that is left: joined into the view of
 * such a thread, either changes nothing.
 *
 * Clocks are only compared with the clocks of byte accesses. An access that
 * happens before the present of all others can never race again and is
 * forgotten. Of a thread's clock only those values are told apart that an
 * access has, and its present one; they are numbered in order.
 */
#include <string.h>

#include "memory.h"

/* ---- messages ----------------------------------------------------------- */

struct drop {
	unsigned words;
	uint8_t count[MAX_WORDS];
};

static void drop_from_view(struct view *view, const void *context)
{
	const struct drop *drop = context;

	for (unsigned w = 0; w < drop->words; w++) {
		uint8_t seen = view->seen[w];
		uint8_t count = drop->count[w];

		view->seen[w] = seen > count ? (uint8_t)(seen - count) : 0;
	}
}

static void drop_messages(struct memory *m, unsigned mask)
{
	struct drop drop = { .words = m->words };
	bool any = false;

	for (unsigned w = 0; w < m->words; w++) {
		drop.count[w] = (uint8_t)(m->word[w].count - 1);
		for (unsigned t = 0; t < m->threads; t++)
			if (mask >> t & 1 &&
			    m->viewer[t].now.seen[w] < drop.count[w])
				drop.count[w] = m->viewer[t].now.seen[w];
		any |= drop.count[w] > 0;
	}
	if (!any)
		return;
	for (unsigned w = 0; w < m->words; w++) {
		struct word *word = &m->word[w];

		word->count = (uint8_t)(word->count - drop.count[w]);
		memmove(word->message, word->message + drop.count[w],
			word->count * sizeof(struct message));
	}
	memory_visit(m, drop_from_view, &drop);
}

/* ---- clocks ------------------------------------------------------------- */

static void forget_accesses(struct memory *m, unsigned mask, unsigned thread)
{
	uint8_t known = UINT8_MAX;

	for (unsigned t = 0; t < m->threads; t++)
		if (t != thread && mask >> t & 1 &&
		    m->viewer[t].now.clock[thread] < known)
			known = m->viewer[t].now.clock[thread];
	for (unsigned b = 0; b < m->bytes; b++) {
		struct byte *byte = &m->byte[b];

		if (byte->loaded[thread] <= known)
			byte->loaded[thread] = 0;
		if (byte->storer == thread && byte->stored <= known) {
			byte->stored = 0;
			byte->storer = 0;
		}
	}
}

struct ranks {
	unsigned thread;
	uint8_t rank[UINT8_MAX + 1];
};

static void rank_view(struct view *view, const void *context)
{
	const struct ranks *ranks = context;
	uint8_t *clock = &view->clock[ranks->thread];

	*clock = ranks->rank[*clock];
}

static void rank_clock(struct memory *m, unsigned thread)
{
	unsigned now = m->viewer[thread].now.clock[thread];
	struct ranks ranks;
	uint8_t rank = 0;
	bool used[UINT8_MAX + 1];

	memset(used, 0, now + 1u);
	used[now] = true;
	for (unsigned b = 0; b < m->bytes; b++) {
		used[m->byte[b].loaded[thread]] = true;
		if (m->byte[b].storer == thread)
			used[m->byte[b].stored] = true;
	}
	ranks.thread = thread;
	ranks.rank[0] = 0;
	for (unsigned c = 1; c <= now; c++)
		ranks.rank[c] = used[c] ? ++rank : rank;
	memory_visit(m, rank_view, &ranks);
	for (unsigned b = 0; b < m->bytes; b++) {
		struct byte *byte = &m->byte[b];

		byte->loaded[thread] = ranks.rank[byte->loaded[thread]];
		if (byte->storer == thread)
			byte->stored = ranks.rank[byte->stored];
	}
}

void memory_settle(struct memory *memory, unsigned threads_mask)
{
	if (threads_mask == 0)
		return;
	drop_messages(memory, threads_mask);
	for (unsigned t = 0; t < memory->threads; t++) {
		forget_accesses(memory, threads_mask, t);
		rank_clock(memory, t);
	}
}

/* ---- the image ---------------------------------------------------------- */

struct image {
	unsigned char *at;
	unsigned words;
	unsigned threads;
};

static void put(struct image *image, const void *data, size_t len)
{
	memcpy(image->at, data, len);
	image->at += len;
}

static void put_view(struct image *image, const struct view *view)
{
	put(image, view->seen, image->words);
	put(image, view->clock, image->threads);
}

static void put_viewer(struct image *image, const struct viewer *viewer)
{
	put_view(image, &viewer->now);
	put_view(image, &viewer->loaded);
	put_view(image, &viewer->fenced);
	for (unsigned w = 0; w < image->words; w++)
		put_view(image, &viewer->since[w]);
}

size_t memory_image(const struct memory *memory, unsigned char *ret)
{
	struct image image = { ret, memory->words, memory->threads };

	put_view(&image, &memory->fences);
	for (unsigned t = 0; t < memory->threads; t++)
		put_viewer(&image, &memory->viewer[t]);
	put(&image, memory->byte, memory->bytes * sizeof(struct byte));
	for (unsigned w = 0; w < memory->words; w++) {
		const struct word *word = &memory->word[w];

		put(&image, &word->count, sizeof(word->count));
		for (unsigned i = 0; i < word->count; i++) {
			const struct message *message = &word->message[i];

			put(&image, &message->value, sizeof(message->value));
			put_view(&image, &message->view);
		}
	}
	return (size_t)(image.at - ret);
}
