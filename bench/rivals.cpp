/* SPDX-License-Identifier: MIT */
/* rivals.cpp - the table of those who take part; see rivals.h */
#include "rivals.h"

#include "rivals/bbq.h"
#include "rivals/kernel.h"
#include "rivals/slots.h"

namespace bench
{

/* What it is measured for. */
enum Does { messages = 1, bytes = 2, trips = 4 };

template <class Queue, int does> static Rival rival(const char *name)
{
	Rival made{ name, Queue::fits, nullptr, nullptr, nullptr };

	if constexpr (does & messages)
		made.messages = run_messages<Queue>;
	if constexpr (does & bytes)
		made.bytes = run_bytes<Queue>;
	if constexpr (does & trips)
		made.trips = run_trips<Queue>;
	return made;
}

const std::vector<Rival> &rivals()
{
	static const std::vector<Rival> all{
		rival<Frames, messages | trips>("bbq"),
		rival<FrameBatches, messages>("bbq-batch"),
		rival<Bytes, bytes>("bbq-bytes"),
		rival<Slots, messages | trips>("slots"),
		rival<Pipe, messages | bytes | trips>("pipe"),
		rival<UnixStream, messages | bytes | trips>("unix-stream"),
	};

	return all;
}

} // namespace bench
