/* SPDX-License-Identifier: MIT */
/* trace.c - see trace.h. A line an event. */
#include <inttypes.h>
#include <stdio.h>

#include "trace.h"

static bool on;

static const char *const order_name[] = {
	"relaxed", "acquire", "release", "acq_rel", "seq_cst",
};

void trace_on(void)
{
	on = true;
}

void trace_off(void)
{
	on = false;
}

bool trace_is_on(void)
{
	return on;
}

static void print_begin(const struct event *event)
{
	const char *order = order_name[event->order];

	switch (event->kind) {
	case EVENT_LOAD:
		printf("load %s, %s", word_name(event->place), order);
		break;
	case EVENT_STORE:
		printf("store %s, %s: %" PRIx64, word_name(event->place), order,
		       event->value);
		break;
	case EVENT_FENCE:
		printf("fence %s", order);
		break;
	case EVENT_LOAD_BYTE:
		printf("load byte %u", event->place);
		break;
	case EVENT_STORE_BYTE:
		printf("store byte %u: %" PRIx64, event->place, event->value);
		break;
	case EVENT_CHOOSE:
		printf("%s", event->what);
		break;
	case EVENT_MEMBARRIER:
		printf("membarrier");
		break;
	case EVENT_SLEEP:
		printf("futex wait on %s while it is %" PRIx64 "\n",
		       word_name(event->place), event->value);
		break;
	case EVENT_WAKE:
		printf("futex wake on %s", word_name(event->place));
		break;
	}
}

static void print_end(unsigned thread, const struct event *event,
		      uint64_t value)
{
	static const char *const slept[] = { "woken", "it is not", "timeout" };

	switch (event->kind) {
	case EVENT_LOAD:
	case EVENT_LOAD_BYTE:
	case EVENT_CHOOSE:
		printf(": %" PRIx64, value);
		break;
	case EVENT_SLEEP:
		printf("  %-12s   ... %s", thread_name(thread), slept[value]);
		break;
	}
}

void trace_begin(unsigned thread, const struct event *event)
{
	if (!on)
		return;
	printf("  %-12s ", thread_name(thread));
	print_begin(event);
}

void trace_end(unsigned thread, const struct event *event, uint64_t value)
{
	if (!on)
		return;
	print_end(thread, event, value);
	putchar('\n');
}

void trace_killed(unsigned thread)
{
	if (on)
		printf("  %-12s killed; a successor attaches\n",
		       thread_name(thread));
}

void trace_note(unsigned thread, const char *format, va_list args)
{
	printf("  %-12s   (", thread_name(thread));
	vprintf(format, args);
	printf(")\n");
}

void trace_violation(unsigned thread, const char *format, va_list args)
{
	printf("\n  VIOLATION, %s: ", thread_name(thread));
	vprintf(format, args);
	putchar('\n');
}
