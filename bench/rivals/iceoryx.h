/* SPDX-License-Identifier: MIT */
/*
 * iceoryx.h - iceoryx: a publisher that waits, and one subscriber
 *
 * The memory is that of its daemon, iox-roudi, in pools of chunks. What can be
 * made equal is how many messages are on the way at a time: as many as the
 * ring would hold, and 256 at most, which is its own limit. Chunks are loaned
 * and looked at in place.
 */
#ifndef BENCH_RIVALS_ICEORYX_H
#define BENCH_RIVALS_ICEORYX_H

#include <cstddef>
#include <memory>
#include <string>

#include "machine.h"

#include <iceoryx_posh/mepoo/chunk_header.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>

namespace bench
{

class Iceoryx
{
	std::string topic;
	size_t messages;

	iox::capro::ServiceDescription service() const;

      public:
	static bool fits(size_t, size_t)
	{
		return true;
	}

	Iceoryx(size_t ring, size_t max);

	class Producer
	{
		std::unique_ptr<iox::popo::UntypedPublisher> publisher;

	      public:
		explicit Producer(Iceoryx &queue);

		template <class Write> bool put(size_t len, Write write)
		{
			auto loan = publisher->loan(static_cast<uint32_t>(len));

			if (loan.has_error())
				return false;
			write(loan.value());
			publisher->publish(loan.value());
			return true;
		}

		void flush()
		{
		}
	};

	class Consumer
	{
		std::unique_ptr<iox::popo::UntypedSubscriber> subscriber;

	      public:
		explicit Consumer(Iceoryx &queue);

		template <class Look> bool get(Look look)
		{
			auto chunk = subscriber->take();

			if (chunk.has_error())
				return false;
			auto *header = iox::mepoo::ChunkHeader::fromUserPayload(
				chunk.value());
			look(chunk.value(), header->userPayloadSize());
			subscriber->release(chunk.value());
			return true;
		}
	};
};

} // namespace bench

#endif
