/* SPDX-License-Identifier: MIT */
/*
 * flags.h - the ring of fixed slots with the news in the slots themselves
 *
 * There are no shared indices: a slot begins with a word that is 0 while the
 * slot is free, and its message's length plus one while it is full. So each
 * side touches only lines that it needs anyway.
 */
#ifndef BENCH_RIVALS_FLAGS_H
#define BENCH_RIVALS_FLAGS_H

#include "machine.h"

namespace bench
{

class Flags
{
	Shared shared;
	size_t stride;
	size_t slots;

	static size_t stride_of(size_t max)
	{
		return (sizeof(uint64_t) + max + 7) / 8 * 8;
	}

	class End
	{
		unsigned char *begin, *end;
		size_t stride;

	      protected:
		unsigned char *slot;

		explicit End(Flags &ring)
		    : begin(ring.shared.data()),
		      end(begin + ring.slots * ring.stride),
		      stride(ring.stride), slot(begin)
		{
		}

		uint64_t flag() const
		{
			return __atomic_load_n(
				reinterpret_cast<uint64_t *>(slot),
				__ATOMIC_ACQUIRE);
		}

		void step(uint64_t flag)
		{
			__atomic_store_n(reinterpret_cast<uint64_t *>(slot),
					 flag, __ATOMIC_RELEASE);
			slot += stride;
			if (slot == end)
				slot = begin;
		}
	};

      public:
	static bool fits(size_t ring, size_t max)
	{
		return ring / stride_of(max) > 0;
	}

	Flags(size_t ring, size_t max)
	    : shared(ring), stride(stride_of(max)), slots(ring / stride)
	{
	}

	size_t memory() const
	{
		return slots * stride;
	}

	class Producer : End
	{
	      public:
		explicit Producer(Flags &ring) : End(ring)
		{
		}

		template <class Write> bool put(size_t len, Write write)
		{
			if (flag() != 0)
				return false;
			write(slot + sizeof(uint64_t));
			step(len + 1);
			return true;
		}

		void flush()
		{
		}
	};

	class Consumer : End
	{
	      public:
		explicit Consumer(Flags &ring) : End(ring)
		{
		}

		template <class Look> bool get(Look look)
		{
			uint64_t full = flag();

			if (full == 0)
				return false;
			look(slot + sizeof(uint64_t), full - 1);
			step(0);
			return true;
		}
	};
};

} // namespace bench

#endif
