/* SPDX-License-Identifier: MIT */
/*
 * boost.h - Boost.Lockfree's spsc_queue, of slots
 *
 * Its elements have one size, known to the compiler, so there is a queue for
 * each longest message. push() copies what it is given; but a push of a range
 * makes the element from whatever the range holds, and here that is a message
 * that writes itself into its place. consume_one() looks without copying.
 */
#ifndef BENCH_RIVALS_BOOST_H
#define BENCH_RIVALS_BOOST_H

#include "machine.h"

#include <boost/lockfree/spsc_queue.hpp>
#include <new>

namespace bench
{

/* Gives what it was given: the queue allocates once, when it is made. */
template <class T> struct OnePlace {
	using value_type = T;

	void *place;

	explicit OnePlace(void *p) : place(p)
	{
	}
	template <class U>
	explicit OnePlace(const OnePlace<U> &other) : place(other.place)
	{
	}

	T *allocate(size_t)
	{
		return static_cast<T *>(place);
	}
	void deallocate(T *, size_t)
	{
	}
};

template <class Write> struct Message {
	size_t len;
	Write &write;
};

/* Nobody tells the compiler the length, so it cannot warn of a wrong one. */
inline unsigned char *plain(unsigned char *payload)
{
	asm("" : "+r"(payload));
	return payload;
}

template <size_t max> struct BoostSlot {
	uint64_t len;
	unsigned char payload[max];

	BoostSlot() = default;
	template <class Write>
	explicit BoostSlot(const Message<Write> &message) : len(message.len)
	{
		message.write(plain(payload));
	}
};

template <size_t max> class BoostOf
{
	using Slot = BoostSlot<max>;
	using Queue = boost::lockfree::spsc_queue<
		Slot, boost::lockfree::allocator<OnePlace<Slot>>>;

	static constexpr size_t slots_at = (sizeof(Queue) + 127) / 128 * 128;

	Shared shared;
	size_t slots;
	Queue *queue;

      public:
	/* One slot of what it has stays empty; it takes one more for that. */
	BoostOf(size_t ring, size_t)
	    : shared(slots_at + ring), slots(ring / sizeof(Slot)),
	      queue(new (shared.data()) Queue(
		      slots - 1, OnePlace<Slot>(shared.data() + slots_at)))
	{
	}
	/* Not destroyed: its memory goes, and it has none of its own. */

	static bool fits(size_t ring, size_t)
	{
		return ring / sizeof(Slot) > 1;
	}

	size_t memory() const
	{
		return slots * sizeof(Slot);
	}

	class Producer
	{
		Queue &queue;

	      public:
		explicit Producer(BoostOf &ring) : queue(*ring.queue)
		{
		}

		template <class Write> bool put(size_t len, Write write)
		{
			const Message<Write> message{ len, write };

			return queue.push(&message, &message + 1) != &message;
		}

		void flush()
		{
		}
	};

	class Consumer
	{
		Queue &queue;

	      public:
		explicit Consumer(BoostOf &ring) : queue(*ring.queue)
		{
		}

		template <class Look> bool get(Look look)
		{
			auto one = [&](const Slot &slot) {
				look(slot.payload, slot.len);
			};

			return queue.consume_one(one);
		}
	};
};

} // namespace bench

#endif
