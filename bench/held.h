/* SPDX-License-Identifier: MIT */
/*
 * held.h - how much payload a ring holds, for each byte of memory it takes
 *
 * One process fills the ring until it refuses a message, then takes half of
 * what is in it, and fills it again: so the ring is refused at all of its
 * places, and not only where it is full from the start on. What counts is the
 * mean, over all refusals, of the payload that is in it.
 */
#ifndef BENCH_HELD_H
#define BENCH_HELD_H

#include "work.h"

#include <deque>

namespace bench
{

constexpr int refusals = 1000;

/* Bytes of payload per byte of ring. */
template <class Rival> double run_held(size_t ring, const Work &work)
{
	Rival rival(ring, work.max);
	typename Rival::Producer producer(rival);
	typename Rival::Consumer consumer(rival);
	Lengths lengths(work);
	std::deque<size_t> inside;
	size_t held = 0, next = lengths.next();
	double sum = 0;

	for (int i = 0; i < refusals; i++) {
		while (producer.put(next, [](void *) {})) {
			inside.push_back(next);
			held += next;
			next = lengths.next();
		}
		sum += static_cast<double>(held);
		for (size_t left = inside.size() / 2 + 1; left > 0; left--) {
			consumer.get([](const void *, size_t) {});
			held -= inside.front();
			inside.pop_front();
		}
	}
	return sum / refusals / static_cast<double>(rival.memory());
}

} // namespace bench

#endif
