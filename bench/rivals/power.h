/* SPDX-License-Identifier: MIT */
/*
 * power.h - how many slots a ring gets whose size must be a power of two
 *
 * As many as have room for `ring` bytes of payload. The lengths and what the
 * power of two wants come on top of that, in the rival's favour.
 */
#ifndef BENCH_RIVALS_POWER_H
#define BENCH_RIVALS_POWER_H

#include <cstddef>

namespace bench
{

inline size_t power_of_two_slots(size_t ring, size_t max)
{
	size_t slots = 1;

	while (slots * max < ring)
		slots *= 2;
	return slots;
}

} // namespace bench

#endif
