/* SPDX-License-Identifier: MIT */
/*
 * harness.h - what GenMC needs: handles by member, and choices
 *
 * GenMC runs the program in every way that RC11 allows, but it has no input
 * that it tries all values of. So a choice is a word of its own that a third
 * thread stores 1, 2, ... to, while a relaxed load may see any of its values.
 *
 * It rejects the assignment of structs and memcpy of a variable length, so
 * nothing here copies a handle.
 */
#ifndef GENMC_HARNESS_H
#define GENMC_HARNESS_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#ifndef CAPACITY
#define CAPACITY 3
#endif
#ifndef OPERATIONS
#define OPERATIONS 2 /* of each side */
#endif

#include <bbq/core.h>
#include <bbq/frame.h>

#define CHOICES (2 * 3 * OPERATIONS)
#define GARBAGE 0xff

static struct bbq_buffer queue;
static unsigned char data[CAPACITY] __attribute__((aligned(64)));

/* How many values each choice has, at most. */
static const int choice_max = CAPACITY;
static atomic_int choices[CHOICES];

static void *choose_all(void *unused)
{
	for (int i = 0; i < CHOICES; i++)
		for (int value = 1; value <= choice_max; value++)
			atomic_store_explicit(&choices[i], value,
					      memory_order_relaxed);
	return unused;
}

/* Any number from 0 to max; each choice has an index of its own. */
static size_t choose(int index, size_t max)
{
	int value = atomic_load_explicit(&choices[index], memory_order_relaxed);

	return (size_t)value < max ? (size_t)value : max;
}

static void run(void *(*produce)(void *), void *(*consume)(void *))
{
	pthread_t chooser, producer, consumer;

	pthread_create(&chooser, NULL, choose_all, NULL);
	pthread_create(&producer, NULL, produce, NULL);
	pthread_create(&consumer, NULL, consume, NULL);
	pthread_join(producer, NULL);
	pthread_join(consumer, NULL);
	pthread_join(chooser, NULL);
}

#endif /* GENMC_HARNESS_H */
