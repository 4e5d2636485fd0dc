/* SPDX-License-Identifier: MIT */
/* access.c - what a program is set up with, and what its steps may call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

struct state initial;

static const void *word_address[MAX_WORDS];
static const char *word_names[MAX_WORDS];
static const unsigned char *bytes;
static const char *const *thread_names;

void explore_reset(unsigned threads)
{
	memset(&initial, 0, sizeof(initial));
	/* One more: finish runs as a thread of its own. */
	memory_init(&initial.memory, threads + 1);
	bytes = NULL;
	thread_names = NULL;
}

void explore_word(const void *address, const char *name, uint64_t value)
{
	unsigned word = memory_add_word(&initial.memory, value);

	word_address[word] = address;
	word_names[word] = name;
}

void explore_bytes(const unsigned char *address, size_t count,
		   unsigned char value)
{
	bytes = address;
	for (size_t i = 0; i < count; i++)
		memory_add_byte(&initial.memory, value);
}

void explore_names(const char *const threads[])
{
	thread_names = threads;
}

void explore_private(unsigned thread, const void *data, size_t size)
{
	memcpy(initial.thread[thread].private, data, size);
}

const char *word_name(unsigned word)
{
	return word_names[word];
}

const char *thread_name(unsigned thread)
{
	static char name[16];

	if (thread + 1u == initial.memory.threads)
		return "afterwards";
	if (thread_names)
		return thread_names[thread];
	snprintf(name, sizeof(name), "thread %u", thread);
	return name;
}

static uint8_t word_of(const void *address)
{
	for (uint8_t w = 0; w < initial.memory.words; w++)
		if (word_address[w] == address)
			return w;
	explore_fail("an access to a word that is not shared");
}

static uint8_t byte_of(const unsigned char *address)
{
	size_t offset = (size_t)((uintptr_t)address - (uintptr_t)bytes);

	if (offset >= initial.memory.bytes)
		explore_fail("an access outside of the buffer");
	return (uint8_t)offset;
}

/* ---- accesses ----------------------------------------------------------- */

uint64_t explore_load(const void *word, enum order order)
{
	return explore_event(&(struct event){
		.kind = EVENT_LOAD,
		.order = (uint8_t)order,
		.place = word_of(word),
	});
}

void explore_store(void *word, uint64_t value, enum order order)
{
	explore_event(&(struct event){
		.kind = EVENT_STORE,
		.order = (uint8_t)order,
		.place = word_of(word),
		.value = value,
	});
}

void explore_fence(enum order order)
{
	explore_event(&(struct event){
		.kind = EVENT_FENCE,
		.order = (uint8_t)order,
	});
}

unsigned char explore_load_byte(const unsigned char *byte)
{
	return (unsigned char)explore_event(&(struct event){
		.kind = EVENT_LOAD_BYTE,
		.place = byte_of(byte),
	});
}

void explore_store_byte(unsigned char *byte, unsigned char value)
{
	explore_event(&(struct event){
		.kind = EVENT_STORE_BYTE,
		.place = byte_of(byte),
		.value = value,
	});
}

unsigned explore_choose(unsigned count, const char *what)
{
	if (count == 0 || count > MAX_CHOICES)
		explore_fail("%u ways to choose \"%s\"", count, what);
	if (count == 1)
		return 0;
	return (unsigned)explore_event(&(struct event){
		.kind = EVENT_CHOOSE,
		.place = (uint8_t)count,
		.what = what,
	});
}

void explore_membarrier(void)
{
	explore_event(&(struct event){ .kind = EVENT_MEMBARRIER });
}

enum explore_sleep explore_futex_wait(const void *word, uint64_t value)
{
	return (enum explore_sleep)explore_event(&(struct event){
		.kind = EVENT_SLEEP,
		.place = word_of(word),
		.value = value,
	});
}

void explore_futex_wake(const void *word)
{
	explore_event(&(struct event){
		.kind = EVENT_WAKE,
		.place = word_of(word),
	});
}
