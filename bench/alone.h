/* SPDX-License-Identifier: MIT */
/*
 * alone.h - what each side costs by itself: no line moves between cores
 *
 * One process writes some messages into a ring that has room for them, then
 * reads them, by the same loops as a sample's two processes. What is left of a
 * queue's rate between two cores is the price of the lines.
 */
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include "run.h"

#include <algorithm>

namespace bench
{

/* Nanoseconds a message, the bench's own part included. */
struct Alone {
	double write;
	double read;
};

constexpr size_t alone_turns = 1000;
constexpr uint64_t alone_messages_most = 200;

inline double median_ns(std::vector<uint32_t> &ticks, uint64_t messages)
{
	return percentiles(ticks).p50 / static_cast<double>(messages);
}

template <class Rival> Alone run_alone(size_t ring, const Work &work)
{
	Rival rival(ring, work.max);
	typename Rival::Producer producer(rival);
	typename Rival::Consumer consumer(rival);
	Progress sent(work), received(work);
	/* However a queue cuts its ring up, half of it is there. */
	uint64_t messages =
		std::clamp<uint64_t>(ring / 2 / (work.max + sizeof(uint64_t)),
				     1, alone_messages_most);
	std::vector<uint32_t> write, read;

	for (size_t i = 0; i < alone_turns; i++) {
		uint64_t begin = now_ticks();
		send_messages(producer, sent, messages);
		uint64_t middle = now_ticks();
		receive_messages(consumer, received, messages);
		uint64_t end = now_ticks();

		write.push_back(static_cast<uint32_t>(middle - begin));
		read.push_back(static_cast<uint32_t>(end - middle));
	}
	require(sent.chain == received.chain, "a wrong checksum");
	return { median_ns(write, messages), median_ns(read, messages) };
}

} // namespace bench

#endif
