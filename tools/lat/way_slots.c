/* SPDX-License-Identifier: MIT */
/*
 * way_slots.c - a ring of slots, written as well as one can
 *
 * Each message has a slot of its own, in whole cache lines. Both cursors count
 * messages, lie on lines of their own, and are cached by the other side. Who
 * may sleep does so by futex on the other side's cursor: he says that he waits,
 * fences, looks again, and sleeps; the other stores its cursor, fences, and
 * looks whether he waits.
 *
 *     writer                           reader
 *       fill the slot                    load head        (B) acquire
 *       store head       (A) release     use the slot
 *       load tail        (D) acquire     store tail       (C) release
 *
 * (A) pairs with (B), (C) with (D).
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "way.h"

#define LINE 64u

/* What one side stores. */
struct slots_side {
	uint32_t cursor __attribute__((aligned(128)));
	uint32_t waits __attribute__((aligned(128)));
};

struct slots {
	struct slots_side writer;
	struct slots_side reader;
	unsigned char data[] __attribute__((aligned(128)));
};

static size_t slot_size(const struct setup *setup)
{
	return (setup->size + LINE - 1) / LINE * LINE;
}

/* No more than a cursor can tell apart. */
static uint32_t slot_count(const struct setup *setup)
{
	return (uint32_t)(setup->capacity / slot_size(setup));
}

static bool fits(const struct setup *setup)
{
	return slot_count(setup) > 0;
}

static int create(const struct setup *setup, struct lane *ret)
{
	void *map =
		mmap(NULL, sizeof(struct slots) + setup->capacity,
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	ret->slots = map;
	return 0;
}

static void destroy(const struct setup *setup, struct lane *lane)
{
	if (lane->slots)
		munmap(lane->slots, sizeof(struct slots) + setup->capacity);
	lane->slots = NULL;
}

static int attach(struct hand *hand, const struct lane *out,
		  const struct lane *in)
{
	const struct slots_end end = {
		.count = slot_count(hand->setup),
		.slot = slot_size(hand->setup),
	};

	hand->out = end;
	hand->out.ring = out->slots;
	hand->in = end;
	hand->in.ring = in->slots;
	return 0;
}

static void detach(struct hand *hand)
{
	(void)hand;
}

static long futex(const uint32_t *word, int what, uint32_t value)
{
	return syscall(SYS_futex, word, what, value, NULL, NULL, 0);
}

static uint32_t load_cursor(const struct slots_side *side) /* B, D */
{
	return __atomic_load_n(&side->cursor, __ATOMIC_ACQUIRE);
}

static void store_cursor(struct slots_side *side, uint32_t cursor) /* A, C */
{
	__atomic_store_n(&side->cursor, cursor, __ATOMIC_RELEASE);
}

static void wake(const struct setup *setup, struct slots_side *own,
		 const struct slots_side *other)
{
	if (setup->waiting == WAIT_SPIN)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&other->waits, __ATOMIC_RELAXED))
		futex(&own->cursor, FUTEX_WAKE, 1);
}

static void sleep_once(struct slots_side *own, const struct slots_side *other,
		       uint32_t seen)
{
	__atomic_store_n(&own->waits, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load_cursor(other) == seen)
		futex(&other->cursor, FUTEX_WAIT, seen);
	__atomic_store_n(&own->waits, 0, __ATOMIC_RELAXED);
}

/* Wait until the other side's cursor is not what it was seen to be. */
static int await(const struct setup *setup, struct slots_side *own,
		 const struct slots_side *other, uint32_t *seen)
{
	unsigned int looks =
		setup->waiting == WAIT_SLEEP ? 0 : BBQ_SPIN_DEFAULT;
	uint32_t now;

	while ((now = load_cursor(other)) == *seen) {
		if (stopping)
			return -EINTR;
		if (setup->waiting == WAIT_SPIN || looks-- > 0) {
			relax();
			continue;
		}
		sleep_once(own, other, *seen);
		looks = setup->waiting == WAIT_SLEEP ? 0 : BBQ_SPIN_DEFAULT;
	}
	*seen = now;
	return 0;
}

static unsigned char *slot(const struct slots_end *end)
{
	return end->ring->data + end->index * end->slot;
}

static void step(struct slots_end *end)
{
	end->own++;
	if (++end->index == end->count)
		end->index = 0;
}

static int await_room(struct hand *hand)
{
	struct slots_end *out = &hand->out;

	if (out->own - out->peer < out->count)
		return 0;
	return await(hand->setup, &out->ring->writer, &out->ring->reader,
		     &out->peer);
}

static int await_message(struct hand *hand)
{
	struct slots_end *in = &hand->in;

	if (in->peer != in->own)
		return 0;
	return await(hand->setup, &in->ring->reader, &in->ring->writer,
		     &in->peer);
}

static void publish(struct hand *hand)
{
	struct slots_end *out = &hand->out;

	step(out);
	store_cursor(&out->ring->writer, out->own);
	wake(hand->setup, &out->ring->writer, &out->ring->reader);
}

static void give_back(struct hand *hand)
{
	struct slots_end *in = &hand->in;

	step(in);
	store_cursor(&in->ring->reader, in->own);
	wake(hand->setup, &in->ring->reader, &in->ring->writer);
}

static int send(struct hand *hand, const void *message)
{
	int error = await_room(hand);

	if (error)
		return error;
	memcpy(slot(&hand->out), message, hand->setup->size);
	publish(hand);
	return 0;
}

static int recv(struct hand *hand, void *message)
{
	int error = await_message(hand);

	if (error)
		return error;
	memcpy(message, slot(&hand->in), hand->setup->size);
	give_back(hand);
	return 0;
}

static int echo(struct hand *hand)
{
	int error = await_room(hand);

	if (!error)
		error = await_message(hand);
	if (error)
		return error;
	memcpy(slot(&hand->out), slot(&hand->in), hand->setup->size);
	publish(hand);
	give_back(hand);
	return 0;
}

const struct way way_slots = {
	.name = "slots",
	.fits = fits,
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.detach = detach,
	.send = send,
	.recv = recv,
	.echo = echo,
};
