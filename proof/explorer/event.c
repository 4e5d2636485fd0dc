/* SPDX-License-Identifier: MIT */
/* event.c - what each kind of event does to a state. */
#include <stdlib.h>

#include "state.h"

bool event_is_local(const struct program *program, const struct event *event)
{
	switch (event->kind) {
	case EVENT_CHOOSE:
		return true;
	case EVENT_STORE:
	case EVENT_LOAD_BYTE:
	case EVENT_STORE_BYTE:
		return !program->plain && !program->membarrier;
	case EVENT_FENCE:
		return !program->plain && !program->membarrier &&
		       event->order != ORDER_SEQ_CST;
	default:
		return false;
	}
}

unsigned event_ways(const struct state *state, unsigned thread)
{
	const struct thread *t = &state->thread[thread];
	const struct memory *memory = &state->memory;
	unsigned place = t->pending.place;

	switch (t->pending.kind) {
	case EVENT_LOAD:
		return memory_loads(memory, thread, place);
	case EVENT_STORE:
		return memory_stores(memory, thread, place);
	case EVENT_CHOOSE:
		return place;
	case EVENT_SLEEP:
		if (t->phase == PHASE_RUNNING)
			return memory_loads_fenced(memory, thread, place);
		return 1;
	default:
		return 1;
	}
}

/*
 * A full barrier in the caller, in each other thread, and in the caller. With
 * two threads that is what membarrier(2) promises: at some moment between its
 * start and its end the other thread passes through one.
 */
static void membarrier(struct memory *memory, const struct program *program,
		       unsigned thread)
{
	memory_fence(memory, thread, ORDER_SEQ_CST);
	for (unsigned t = 0; t < program->threads; t++)
		if (t != thread)
			memory_fence(memory, t, ORDER_SEQ_CST);
	memory_fence(memory, thread, ORDER_SEQ_CST);
}

/*
 * The kernel holds a lock over "load the word, compare, be asleep" and over
 * "wake who is asleep", with a full barrier before each. The one that comes
 * second sees what the other did.
 */
static bool futex_wait(struct state *s, unsigned thread,
		       const struct event *event, unsigned way, uint64_t *ret)
{
	struct thread *t = &s->thread[thread];
	enum phase before = t->phase;

	t->phase = PHASE_RUNNING;
	if (before == PHASE_WOKEN) {
		*ret = EXPLORE_WOKEN;
		return true;
	}
	if (before == PHASE_ASLEEP) {
		s->timeouts--;
		*ret = EXPLORE_TIMEOUT;
		return true;
	}
	memory_fence(&s->memory, thread, ORDER_SEQ_CST);
	*ret = EXPLORE_CHANGED;
	if (memory_load(&s->memory, thread, event->place, ORDER_RELAXED, way) !=
	    event->value)
		return true;
	t->phase = PHASE_ASLEEP;
	return false;
}

static void futex_wake(struct state *s, const struct program *program,
		       unsigned thread, unsigned word)
{
	memory_fence(&s->memory, thread, ORDER_SEQ_CST);
	for (unsigned t = 0; t < program->threads; t++)
		if (s->thread[t].phase == PHASE_ASLEEP &&
		    s->thread[t].pending.place == word)
			s->thread[t].phase = PHASE_WOKEN;
}

static uint64_t load_byte(struct memory *memory, unsigned thread, unsigned byte)
{
	unsigned char value;

	if (!memory_load_byte(memory, thread, byte, &value))
		explore_fail("data race: loads byte %u", byte);
	return value;
}

static void store_byte(struct memory *memory, unsigned thread,
		       const struct event *event)
{
	if (!memory_store_byte(memory, thread, event->place,
			       (unsigned char)event->value))
		explore_fail("data race: stores byte %u", event->place);
}

bool event_happen(struct state *state, const struct program *program,
		  unsigned thread, const struct event *event, unsigned way,
		  uint64_t *ret)
{
	struct memory *memory = &state->memory;

	*ret = 0;
	switch (event->kind) {
	case EVENT_LOAD:
		*ret = memory_load(memory, thread, event->place, event->order,
				   way);
		break;
	case EVENT_STORE:
		memory_store(memory, thread, event->place, event->order,
			     event->value, way);
		break;
	case EVENT_FENCE:
		memory_fence(memory, thread, event->order);
		break;
	case EVENT_LOAD_BYTE:
		*ret = load_byte(memory, thread, event->place);
		break;
	case EVENT_STORE_BYTE:
		store_byte(memory, thread, event);
		break;
	case EVENT_CHOOSE:
		*ret = way;
		break;
	case EVENT_MEMBARRIER:
		membarrier(memory, program, thread);
		break;
	case EVENT_SLEEP:
		return futex_wait(state, thread, event, way, ret);
	case EVENT_WAKE:
		futex_wake(state, program, thread, event->place);
		break;
	default:
		abort();
	}
	return true;
}
