/* SPDX-License-Identifier: MIT */
/*
 * slots.h - the ring of fixed slots, as it is written well
 *
 * A slot has room for the longest message and its length. Each side keeps its
 * own index and a copy of the other's, looks at the other's only when the copy
 * is not enough, and stores its own on a line where nobody else stores.
 */
#ifndef BENCH_RIVALS_SLOTS_H
#define BENCH_RIVALS_SLOTS_H

#include "machine.h"

namespace bench
{

class Slots
{
	struct Words {
		Lone head; /* slots ever filled */
		Lone tail; /* slots ever emptied */
	};

	Shared shared;
	size_t stride;
	size_t slots;

	static size_t stride_of(size_t max)
	{
		return (sizeof(uint64_t) + max + 7) / 8 * 8;
	}

	/* One side's view: an index, where its slot lies, and the copy. */
	class End
	{
		unsigned char *begin, *end;
		size_t stride;

	      protected:
		Words *words;
		uint64_t slots;
		unsigned char *slot;
		uint64_t own = 0;
		uint64_t other = 0;

		explicit End(Slots &ring)
		    : begin(ring.shared.data() + sizeof(Words)),
		      end(begin + ring.slots * ring.stride),
		      stride(ring.stride), words(ring.shared.at<Words>()),
		      slots(ring.slots), slot(begin)
		{
		}

		void step(std::atomic<uint64_t> &word)
		{
			slot += stride;
			if (slot == end)
				slot = begin;
			word.store(++own, std::memory_order_release);
		}
	};

      public:
	static bool fits(size_t ring, size_t max)
	{
		return ring / stride_of(max) > 0;
	}

	Slots(size_t ring, size_t max)
	    : shared(sizeof(Words) + ring), stride(stride_of(max)),
	      slots(ring / stride)
	{
	}

	size_t memory() const
	{
		return slots * stride;
	}

	class Producer : End
	{
	      public:
		explicit Producer(Slots &ring) : End(ring)
		{
		}

		template <class Write> bool put(size_t len, Write write)
		{
			if (own - other == slots) {
				other = words->tail.word.load(
					std::memory_order_acquire);
				if (own - other == slots)
					return false;
			}
			*reinterpret_cast<uint64_t *>(slot) = len;
			write(slot + sizeof(uint64_t));
			step(words->head.word);
			return true;
		}

		void flush()
		{
		}
	};

	class Consumer : End
	{
	      public:
		explicit Consumer(Slots &ring) : End(ring)
		{
		}

		template <class Look> bool get(Look look)
		{
			if (own == other) {
				other = words->head.word.load(
					std::memory_order_acquire);
				if (own == other)
					return false;
			}
			look(slot + sizeof(uint64_t),
			     *reinterpret_cast<uint64_t *>(slot));
			step(words->tail.word);
			return true;
		}
	};
};

} // namespace bench

#endif
