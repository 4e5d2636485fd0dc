/* SPDX-License-Identifier: MIT */
/*
 * dpdk.h - DPDK's rte_ring by its zero-copy interface
 *
 *     Dpdk        one slot at a time
 *     DpdkBurst   up to 32 slots: the producer fills all that it has got before
 *                 any can be read, the consumer looks at all before any is free
 */
#ifndef BENCH_RIVALS_DPDK_H
#define BENCH_RIVALS_DPDK_H

#include "machine.h"
#include "rivals/power.h"

#include <rte_ring.h>
#include <rte_ring_peek_zc.h>

namespace bench
{

template <unsigned int burst> class DpdkOf
{
	Shared shared;
	unsigned int stride;
	unsigned int slots;

	static unsigned int stride_of(size_t max)
	{
		return static_cast<unsigned int>((sizeof(uint64_t) + max + 7) /
						 8 * 8);
	}

	rte_ring *ring() const
	{
		return shared.at<rte_ring>();
	}

	/* Slots that are in hand, of one ring in one or two parts. */
	class Hand
	{
		rte_ring_zc_data parts;
		unsigned int stride;

	      protected:
		rte_ring *ring;
		unsigned int count = 0;
		unsigned int next = 0;

		explicit Hand(DpdkOf &queue)
		    : stride(queue.stride), ring(queue.ring())
		{
		}

		rte_ring_zc_data *take()
		{
			next = 0;
			return &parts;
		}

		unsigned int slot_bytes() const
		{
			return stride;
		}

		unsigned char *slot()
		{
			bool first = next < parts.n1;
			unsigned int i = first ? next : next - parts.n1;
			void *part = first ? parts.ptr1 : parts.ptr2;

			next++;
			return static_cast<unsigned char *>(part) +
			       size_t{ i } * stride;
		}
	};

      public:
	static bool fits(size_t, size_t)
	{
		return true;
	}

	/* One of its slots stays empty. */
	DpdkOf(size_t bytes, size_t max)
	    : shared(sizeof(rte_ring) +
		     power_of_two_slots(bytes, max) * stride_of(max)),
	      stride(stride_of(max)),
	      slots(static_cast<unsigned int>(power_of_two_slots(bytes, max)))
	{
		require(rte_ring_init(ring(), "bench", slots,
				      RING_F_SP_ENQ | RING_F_SC_DEQ) == 0,
			"rte_ring_init");
	}

	size_t memory() const
	{
		return size_t{ slots } * stride;
	}

	class Producer : Hand
	{
		using Hand::count;
		using Hand::next;
		using Hand::ring;

		bool begin()
		{
			count = rte_ring_enqueue_zc_burst_elem_start(
				ring, this->slot_bytes(), burst, this->take(),
				nullptr);
			return count > 0;
		}

	      public:
		explicit Producer(DpdkOf &queue) : Hand(queue)
		{
		}

		template <class Write> bool put(size_t len, Write write)
		{
			if (next == count && !begin())
				return false;
			unsigned char *slot = this->slot();
			*reinterpret_cast<uint64_t *>(slot) = len;
			write(slot + sizeof(uint64_t));
			if (next == count)
				flush();
			return true;
		}

		void flush()
		{
			if (next > 0)
				rte_ring_enqueue_zc_elem_finish(ring, next);
			count = next = 0;
		}
	};

	class Consumer : Hand
	{
		using Hand::count;
		using Hand::next;
		using Hand::ring;

		bool begin()
		{
			count = rte_ring_dequeue_zc_burst_elem_start(
				ring, this->slot_bytes(), burst, this->take(),
				nullptr);
			return count > 0;
		}

	      public:
		explicit Consumer(DpdkOf &queue) : Hand(queue)
		{
		}

		template <class Look> bool get(Look look)
		{
			if (next == count && !begin())
				return false;
			unsigned char *slot = this->slot();
			look(slot + sizeof(uint64_t),
			     *reinterpret_cast<uint64_t *>(slot));
			if (next == count) {
				rte_ring_dequeue_zc_elem_finish(ring, count);
				count = next = 0;
			}
			return true;
		}
	};
};

using Dpdk = DpdkOf<1>;
using DpdkBurst = DpdkOf<32>;

} // namespace bench

#endif
