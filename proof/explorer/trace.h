/* SPDX-License-Identifier: MIT */
/* trace.h - an execution on stdout, for people. Silent unless it is on. */
#ifndef EXPLORER_TRACE_H
#define EXPLORER_TRACE_H

#include <stdarg.h>

#include "state.h"

void trace_on(void);
void trace_off(void);
bool trace_is_on(void);
/* What a thread is about to do, and what it got. */
void trace_begin(unsigned thread, const struct event *event);
void trace_end(unsigned thread, const struct event *event, uint64_t value);
void trace_killed(unsigned thread);
void trace_note(unsigned thread, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
void trace_violation(unsigned thread, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

#endif /* EXPLORER_TRACE_H */
