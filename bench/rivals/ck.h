/* SPDX-License-Identifier: MIT */
/*
 * ck.h - Concurrency Kit's ck_ring, of pointers to slots
 *
 * The ring carries a pointer each, as it is used most; the slots lie beside
 * it and are taken in turn. The consumer may still look at one that has left
 * the ring, so there is one slot more than pointers.
 */
#ifndef BENCH_RIVALS_CK_H
#define BENCH_RIVALS_CK_H

#include "machine.h"
#include "rivals/power.h"

#include <ck_pr.h>

/* Written for C, its header returns false where a null pointer is meant. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wkeyword-macro"
#endif
#define false 0
#include <ck_ring.h>
#undef false
#ifdef __clang__
#pragma clang diagnostic pop
#endif

namespace bench
{

class Ck
{
	struct Words {
		ck_ring_t ring;
	};

	Shared shared;
	size_t stride;
	size_t size;
	size_t slots;

	static size_t stride_of(size_t max)
	{
		return (sizeof(uint64_t) + max + 7) / 8 * 8;
	}

	ck_ring_buffer_t *pointers() const
	{
		return shared.at<ck_ring_buffer_t>((sizeof(Words) + 127) / 128 *
						   128);
	}

	unsigned char *first_slot() const
	{
		return reinterpret_cast<unsigned char *>(pointers() + size);
	}

      public:
	static bool fits(size_t, size_t)
	{
		return true;
	}

	Ck(size_t ring, size_t max)
	    : shared(sizeof(Words) + 128 +
		     (power_of_two_slots(ring, max) + 1) *
			     (stride_of(max) + sizeof(ck_ring_buffer_t))),
	      stride(stride_of(max)), size(power_of_two_slots(ring, max)),
	      slots(size + 1)
	{
		ck_ring_init(&shared.at<Words>()->ring,
			     static_cast<unsigned int>(size));
	}

	size_t memory() const
	{
		return slots * stride + size * sizeof(ck_ring_buffer_t);
	}

	class Producer
	{
		ck_ring_t *ring;
		ck_ring_buffer_t *pointers;
		unsigned char *begin, *end, *slot;
		size_t stride;

	      public:
		explicit Producer(Ck &queue)
		    : ring(&queue.shared.at<Words>()->ring),
		      pointers(queue.pointers()), begin(queue.first_slot()),
		      end(begin + queue.slots * queue.stride), slot(begin),
		      stride(queue.stride)
		{
		}

		template <class Write> bool put(size_t len, Write write)
		{
			void *place =
				ck_ring_enqueue_reserve_spsc(ring, pointers);

			if (!place)
				return false;
			*reinterpret_cast<uint64_t *>(slot) = len;
			write(slot + sizeof(uint64_t));
			*static_cast<void **>(place) = slot;
			ck_ring_enqueue_commit_spsc(ring);
			slot += stride;
			if (slot == end)
				slot = begin;
			return true;
		}

		void flush()
		{
		}
	};

	class Consumer
	{
		ck_ring_t *ring;
		ck_ring_buffer_t *pointers;

	      public:
		explicit Consumer(Ck &queue)
		    : ring(&queue.shared.at<Words>()->ring),
		      pointers(queue.pointers())
		{
		}

		template <class Look> bool get(Look look)
		{
			void *slot;

			if (!ck_ring_dequeue_spsc(ring, pointers, &slot))
				return false;
			auto *len = static_cast<uint64_t *>(slot);
			look(len + 1, *len);
			return true;
		}
	};
};

} // namespace bench

#endif
