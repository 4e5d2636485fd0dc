/* SPDX-License-Identifier: MIT */
/* rivals.cpp - the table of those who take part; see rivals.h */
#include "rivals.h"
#include "held.h"

#include "rivals/bbq.h"
#include "rivals/boost.h"
#include "rivals/ck.h"
#include "rivals/dpdk.h"
#include "rivals/flags.h"
#include "rivals/iceoryx.h"
#include "rivals/jack.h"
#include "rivals/kernel.h"
#include "rivals/mirror.h"
#include "rivals/slots.h"
#include "rivals/verbs.h"

namespace bench
{

/* What it is measured for. */
enum Does { messages = 1, bytes = 2, trips = 4, held = 8, alone = 16 };

template <class Queue, int does> static Rival rival(const char *name)
{
	Rival made{ name,    Queue::fits, nullptr, nullptr,
		    nullptr, nullptr,	  nullptr };

	if constexpr (does & messages)
		made.messages = run_messages<Queue>;
	if constexpr (does & bytes)
		made.bytes = run_bytes<Queue>;
	if constexpr (does & trips)
		made.trips = run_trips<Queue>;
	if constexpr (does & held)
		made.held = run_held<Queue>;
	if constexpr (does & alone)
		made.alone = run_alone<Queue>;
	return made;
}

/* The one among Boost's queues whose slots have the size. */
static Sample run_boost(const Case &c)
{
	switch (c.work->max) {
	case 8:
		return run_messages<BoostOf<8>>(c);
	case 64:
		return run_messages<BoostOf<64>>(c);
	case 120:
		return run_messages<BoostOf<120>>(c);
	case 256:
		return run_messages<BoostOf<256>>(c);
	case 1024:
		return run_messages<BoostOf<1024>>(c);
	case 4096:
		return run_messages<BoostOf<4096>>(c);
	default:
		return run_messages<BoostOf<65536>>(c);
	}
}

static bool boost_fits(size_t ring, size_t max)
{
	return ring / (max + sizeof(uint64_t)) > 1;
}

const std::vector<Rival> &rivals()
{
	static const std::vector<Rival> all{
		rival<Frames, messages | trips | held | alone>("bbq"),
		rival<EagerFrames, messages | trips>("bbq-eager"),
		rival<Verbs, messages | trips>("bbq-verbs"),
		rival<SpinVerbs, trips>("bbq-spin"),
		rival<FrameBatches, messages | alone>("bbq-batch"),
		rival<Bytes, bytes>("bbq-bytes"),
		rival<Slots, messages | trips | held | alone>("slots"),
		rival<Flags, messages | trips | held | alone>("flags"),
		rival<Mirror, messages | bytes | trips | held | alone>(
			"mirror"),
		{ "boost", boost_fits, run_boost, nullptr,
		  run_trips<BoostOf<64>>, nullptr, nullptr },
		rival<Ck, messages | trips | held | alone>("ck"),
		rival<Dpdk, messages | trips | held | alone>("dpdk"),
		rival<DpdkBurst, messages | alone>("dpdk-burst"),
		rival<Jack, messages | bytes | trips | held | alone>("jack"),
		rival<Iceoryx, messages | trips>("iceoryx"),
		rival<Pipe, messages | bytes | trips>("pipe"),
		rival<UnixStream, messages | bytes | trips>("unix-stream"),
		rival<UnixSeqpacket, messages | trips>("unix-seqpacket"),
		rival<PosixQueue, messages | trips>("posix-mq"),
	};

	return all;
}

} // namespace bench
