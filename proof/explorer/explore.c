/* SPDX-License-Identifier: MIT */
/*
 * explore.c - depth-first search over all executions
 *
 * A state is the memory, and for each thread its private data as of the start
 * of its present step, the values that the step has got so far, and the event
 * that it is about to do. From a state, each thread that can go on does its
 * event, in every way that the memory allows, and runs to its next event.
 *
 * Pruning, all of it argued for in README.md: a state that was explored is not
 * explored again; memory_settle makes states equal that behave alike; and when
 * the event of some thread commutes with whatever the others may do before it
 * (event_is_local), no other thread need go first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"
#include "state.h"
#include "trace.h"

#define MAX_DEPTH 8192
#define NOT_GIVEN UINT8_MAX

enum stop { STOP_BEGIN, STOP_EVENT, STOP_ASLEEP, STOP_KILLED, STOP_FAILED };

/* The thread that runs. */
static struct {
	struct state *state;
	unsigned thread;
	unsigned next; /* value of the log to be given again */
	unsigned way;  /* how the pending event goes; NOT_GIVEN: has gone */
	bool killed;   /* instead of the pending event */
	bool finish;   /* no thread: program->finish */
	jmp_buf out;
	_Alignas(16) unsigned char private[MAX_PRIVATE];
} run;

static const struct program *program;
static struct explore_result result;
static struct state *level[MAX_DEPTH];
static struct {
	uint8_t thread;
	uint8_t way;
} path[MAX_DEPTH];

/* ---- running a thread --------------------------------------------------- */

static void limit(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "explorer: %s\n", what);
	abort();
}

static bool may_be_killed(const struct state *s, const struct event *event)
{
	return s->deaths > 0 && event->kind != EVENT_CHOOSE;
}

/* With nothing to decide: the search need not hear of it. */
static bool at_once(const struct state *s, unsigned thread)
{
	const struct event *event = &s->thread[thread].pending;

	return event_is_local(program, event) && !may_be_killed(s, event) &&
	       event_ways(s, thread) == 1;
}

static uint64_t give_again(const struct thread *t, const struct event *event)
{
	const struct logged *logged = &t->log[run.next++];

	limit(logged->kind == event->kind, "a step does not repeat itself");
	return logged->value;
}

static void remember(struct thread *t, const struct event *event,
		     uint64_t value)
{
	limit(t->count < MAX_LOG, "MAX_LOG is too small for this program");
	t->log[t->count].kind = event->kind;
	t->log[t->count].value = value;
	t->count++;
	run.next++;
}

static uint64_t do_now(const struct event *event, unsigned way)
{
	uint64_t value;

	result.events++;
	if (run.finish || run.state->thread[run.thread].phase == PHASE_RUNNING)
		trace_begin(run.thread, event);
	if (!event_happen(run.state, program, run.thread, event, way, &value))
		longjmp(run.out, STOP_ASLEEP);
	trace_end(run.thread, event, value);
	return value;
}

uint64_t explore_event(const struct event *event)
{
	struct thread *t = &run.state->thread[run.thread];
	unsigned way = run.way;
	uint64_t value;

	if (run.finish)
		return do_now(event, 0);
	if (run.next < t->count)
		return give_again(t, event);
	if (run.killed)
		longjmp(run.out, STOP_KILLED);
	if (way == NOT_GIVEN) {
		t->pending = *event;
		if (!at_once(run.state, run.thread))
			longjmp(run.out, STOP_EVENT);
		way = 0;
	}
	run.way = NOT_GIVEN;
	value = do_now(event, way);
	remember(t, event, value);
	return value;
}

/* Is this the first time that the step comes by here? */
static bool is_news(void)
{
	return run.finish || (run.next == run.state->thread[run.thread].count &&
			      run.way == NOT_GIVEN && !run.killed);
}

void explore_note(const char *format, ...)
{
	va_list args;

	if (!trace_is_on() || !is_news())
		return;
	va_start(args, format);
	trace_note(run.thread, format, args);
	va_end(args);
}

void explore_fail(const char *format, ...)
{
	va_list args;

	if (trace_is_on()) {
		va_start(args, format);
		trace_violation(run.thread, format, args);
		va_end(args);
	}
	longjmp(run.out, STOP_FAILED);
}

/* Steps, up to an event that the search must decide on. */
static void run_steps(struct thread *t)
{
	memcpy(run.private, t->private, program->private_size);
	while (program->step(run.thread, run.private)) {
		memcpy(t->private, run.private, program->private_size);
		t->count = 0;
		run.next = 0;
	}
	t->phase = PHASE_DONE;
}

static void succeed(struct thread *t, unsigned thread)
{
	trace_killed(thread);
	program->revive(thread, run.private);
	memcpy(t->private, run.private, program->private_size);
	t->count = 0;
	run.state->deaths--;
}

/* False: a violation. */
static bool run_thread(struct state *s, unsigned thread, unsigned way)
{
	struct thread *t = &s->thread[thread];

	run.state = s;
	run.thread = thread;
	run.way = way;
	run.finish = false;
	run.killed = way != NOT_GIVEN && way == event_ways(s, thread);
	for (;;) {
		run.next = 0;
		switch ((enum stop)setjmp(run.out)) {
		case STOP_BEGIN:
			run_steps(t);
			return true;
		case STOP_KILLED:
			succeed(t, thread);
			run.killed = false;
			run.way = NOT_GIVEN;
			break;
		case STOP_FAILED:
			return false;
		default:
			return true;
		}
	}
}

/* Every thread is at its end, or asleep for good. */
static bool run_finish(struct state *s)
{
	void *private[MAX_THREADS];

	result.ends++;
	run.state = s;
	run.thread = program->threads;
	run.finish = true;
	memory_join(&s->memory, run.thread);
	if (setjmp(run.out) != 0)
		return false;
	for (unsigned t = 0; t < program->threads; t++) {
		if (s->thread[t].phase != PHASE_DONE)
			explore_fail("%s sleeps for ever", thread_name(t));
		private[t] = s->thread[t].private;
	}
	if (program->finish)
		program->finish(private);
	return true;
}

uint64_t explore_final(const void *word)
{
	return explore_load(word, ORDER_RELAXED);
}

/* ---- the search --------------------------------------------------------- */

static void copy_state(struct state *to, const struct state *from)
{
	to->deaths = from->deaths;
	to->timeouts = from->timeouts;
	for (unsigned i = 0; i < program->threads; i++) {
		struct thread *t = &to->thread[i];
		const struct thread *f = &from->thread[i];

		t->phase = f->phase;
		t->count = f->count;
		t->pending = f->pending;
		memcpy(t->private, f->private, program->private_size);
		memcpy(t->log, f->log, f->count * sizeof(f->log[0]));
	}
	memory_copy(&to->memory, &from->memory);
}

static bool is_new(const struct state *s)
{
	static unsigned char image[sizeof(struct state)];
	size_t size = memory_image(&s->memory, image);

	if (program->plain)
		return true;
	image[size++] = s->deaths;
	image[size++] = s->timeouts;
	for (unsigned i = 0; i < program->threads; i++) {
		const struct thread *t = &s->thread[i];

		image[size++] = t->phase;
		image[size++] = t->count;
		memcpy(image + size, t->private, program->private_size);
		size += program->private_size;
		for (unsigned v = 0; v < t->count; v++, size += 8)
			memcpy(image + size, &t->log[v].value, 8);
	}
	return seen_add(image, size);
}

static bool can_go(const struct state *s, unsigned thread)
{
	uint8_t phase = s->thread[thread].phase;

	return phase == PHASE_RUNNING || phase == PHASE_WOKEN ||
	       (phase == PHASE_ASLEEP && s->timeouts > 0);
}

static void settle(struct state *s)
{
	unsigned mask = 0;

	for (unsigned t = 0; t < program->threads; t++)
		if (s->thread[t].phase != PHASE_DONE)
			mask |= 1u << t;
	if (!program->plain)
		memory_settle(&s->memory, mask);
}

/* A thread whose event is local, or program->threads. */
static unsigned local_thread(const struct state *s)
{
	for (unsigned t = 0; t < program->threads; t++)
		if (s->thread[t].phase == PHASE_RUNNING &&
		    event_is_local(program, &s->thread[t].pending))
			return t;
	return program->threads;
}

static struct state *state_at(unsigned depth)
{
	limit(depth < MAX_DEPTH, "MAX_DEPTH is too small for this program");
	if (!level[depth])
		level[depth] = malloc(sizeof(struct state));
	limit(level[depth] != NULL, "no memory");
	return level[depth];
}

static unsigned ways_to_go(const struct state *s, unsigned thread)
{
	return event_ways(s, thread) +
	       may_be_killed(s, &s->thread[thread].pending);
}

/* Print the execution that is now in path. */
static void explain(unsigned depth)
{
	struct state *s = state_at(depth);
	bool fine = true;

	if (program->quiet)
		return;
	trace_on();
	copy_state(s, &initial);
	for (unsigned t = 0; t < program->threads && fine; t++)
		fine = run_thread(s, t, NOT_GIVEN);
	for (unsigned i = 0; i < depth && fine; i++) {
		settle(s);
		fine = run_thread(s, path[i].thread, path[i].way);
	}
	if (fine)
		run_finish(s);
	trace_off();
}

static bool search(unsigned depth);

static bool search_thread(unsigned depth, unsigned thread)
{
	unsigned ways = ways_to_go(level[depth], thread);

	for (unsigned way = 0; way < ways; way++) {
		struct state *next = state_at(depth + 1);

		path[depth].thread = (uint8_t)thread;
		path[depth].way = (uint8_t)way;
		copy_state(next, level[depth]);
		if (!run_thread(next, thread, way)) {
			explain(depth + 1);
			return false;
		}
		settle(next);
		if (!search(depth + 1))
			return false;
	}
	return true;
}

static bool search_end(unsigned depth)
{
	struct state *end = state_at(depth + 1);

	copy_state(end, level[depth]);
	if (run_finish(end))
		return true;
	explain(depth);
	return false;
}

static bool search(unsigned depth)
{
	const struct state *s = level[depth];
	unsigned local = local_thread(s);
	bool end = true;

	/* In the middle of a step, few other ways lead to the same place. */
	if (local < program->threads && s->thread[local].count > 0)
		return search_thread(depth, local);
	if (!is_new(s))
		return true;
	result.states++;
	if (local < program->threads)
		return search_thread(depth, local);
	for (unsigned t = 0; t < program->threads; t++) {
		if (!can_go(s, t))
			continue;
		end = false;
		if (!search_thread(depth, t))
			return false;
	}
	return end ? search_end(depth) : true;
}

bool explore(const struct program *the_program, struct explore_result *ret)
{
	struct state *s = state_at(0);
	bool fine = true;

	program = the_program;
	memset(&result, 0, sizeof(result));
	initial.deaths = (uint8_t)program->deaths;
	initial.timeouts = (uint8_t)program->timeouts;
	memcpy(s, &initial, sizeof(*s));
	for (unsigned t = 0; t < program->threads && fine; t++)
		fine = run_thread(s, t, NOT_GIVEN);
	if (fine) {
		settle(s);
		fine = search(0);
	} else {
		explain(0);
	}
	seen_clear();
	*ret = result;
	return fine;
}
