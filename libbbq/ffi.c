/* SPDX-License-Identifier: MIT */
/*
 * Every inline function of the public headers as a real symbol, for callers
 * that cannot include C: other languages' foreign function interfaces.
 */
#define BBQ_INLINE __attribute__((visibility("default")))

#include <bbq/bbq.h>
#include <bbq/channel.h>
