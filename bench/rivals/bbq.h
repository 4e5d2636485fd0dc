/* SPDX-License-Identifier: MIT */
/*
 * bbq.h - libbbq, by its public verbs
 *
 *     Frames        one message, one frame: granted, committed, read, released.
 *                   The grant is for the longest message, the commit for this
 *     EagerFrames   the same, with a consumer that looks all the time
 *     FrameBatches  the caller gathers frames in one grant and commits them
 *                   together, and takes all that has come in one read
 *     Bytes         a stream
 *
 * Frames and FrameBatches give the producer a moment when they find nothing
 * (docs/tuning.md).
 */
#ifndef BENCH_RIVALS_BBQ_H
#define BENCH_RIVALS_BBQ_H

#include "machine.h"

#include <algorithm>
#include <bbq/frame.h>

namespace bench
{

/* The words, then the data. */
class Bbq
{
	Shared shared;
	size_t capacity;

      public:
	static bool fits(size_t ring, size_t max)
	{
		return bbq_frame_header_size(max) + max <= ring;
	}

	Bbq(size_t ring, size_t)
	    : shared(sizeof(bbq_buffer) + ring), capacity(ring)
	{
	}

	size_t memory() const
	{
		return capacity;
	}

	void init(bbq_producer *producer)
	{
		require(bbq_producer_init(producer, shared.at<bbq_buffer>(),
					  shared.data() + sizeof(bbq_buffer),
					  capacity) == 0,
			"bbq_producer_init");
	}

	void init(bbq_consumer *consumer)
	{
		require(bbq_consumer_init(consumer, shared.at<bbq_buffer>(),
					  shared.data() + sizeof(bbq_buffer),
					  capacity) == 0,
			"bbq_consumer_init");
	}
};

/* A refusal is either "not now" or an error. */
inline bool bbq_ok(int error)
{
	if (error != 0 && error != -EAGAIN)
		die("libbbq", -error);
	return error == 0;
}

/* What cannot be refused here. */
inline void bbq_must(int error)
{
	if (error != 0)
		die("libbbq", -error);
}

/*
 * A moment for the producer, who meanwhile has the lines for itself: about a
 * microsecond, or in a small ring less, so that it does not run full.
 */
class Moment
{
	static constexpr size_t pauses_most = 64;

	size_t pauses;

      public:
	explicit Moment(size_t ring)
	    : pauses(std::min(pauses_most, ring / 1024))
	{
	}

	void give() const
	{
		for (size_t i = 0; i < pauses; i++)
			relax();
	}
};

template <bool eager> class FramesOf : public Bbq
{
	size_t longest;

      public:
	FramesOf(size_t ring, size_t max) : Bbq(ring, max), longest(max)
	{
	}

	class Producer
	{
		bbq_producer producer;
		size_t longest;

	      public:
		explicit Producer(FramesOf &queue) : longest(queue.longest)
		{
			queue.init(&producer);
		}

		template <class Write> bool put(size_t len, Write write)
		{
			bbq_span span;

			if (!bbq_ok(bbq_frame_grant(&producer, longest,
						    &span))) {
				bbq_must(bbq_frame_want(&producer, longest));
				return false;
			}
			write(span.data);
			bbq_must(bbq_frame_commit(&producer, len));
			return true;
		}

		void flush()
		{
		}
	};

	class Consumer
	{
		bbq_consumer consumer;
		Moment moment;

	      public:
		explicit Consumer(FramesOf &queue) : moment(queue.memory())
		{
			queue.init(&consumer);
		}

		template <class Look> bool get(Look look)
		{
			bbq_view view;

			if (!bbq_ok(bbq_frame_read(&consumer, &view))) {
				if constexpr (!eager)
					moment.give();
				return false;
			}
			look(view.data, view.len);
			bbq_must(bbq_frame_release(&consumer));
			return true;
		}
	};
};

using Frames = FramesOf<false>;
using EagerFrames = FramesOf<true>;

class FrameBatches : public Bbq
{
      public:
	using Bbq::Bbq;

	class Producer
	{
		/* So much is gathered, or an eighth of a smaller ring. */
		static constexpr size_t batch_bytes = 4096;

		bbq_producer producer;
		bbq_span rest{};    /* of the grant */
		size_t granted = 0; /* or none */
		size_t batch;

		bool begin(size_t len)
		{
			if (bbq_ok(bbq_frames_grant(&producer, len, batch,
						    &rest))) {
				granted = rest.len;
				return true;
			}
			bbq_must(bbq_frame_want(&producer, len));
			return false;
		}

		bool next(size_t len, bbq_span *ret)
		{
			return granted > 0 &&
			       bbq_ok(bbq_frame_put(&producer, &rest, len,
						    ret));
		}

	      public:
		explicit Producer(FrameBatches &queue)
		    : batch(std::min(batch_bytes, queue.memory() / 8))
		{
			queue.init(&producer);
		}

		template <class Write> bool put(size_t len, Write write)
		{
			bbq_span span;

			if (!next(len, &span)) {
				flush();
				if (!begin(len))
					return false;
				require(next(len, &span), "no room in a grant");
			}
			write(span.data);
			return true;
		}

		void flush()
		{
			if (granted > 0)
				bbq_must(bbq_commit(&producer,
						    granted - rest.len));
			granted = 0;
		}
	};

	class Consumer
	{
		bbq_consumer consumer;
		bbq_view rest{};
		size_t read = 0;
		Moment moment;

		bool begin()
		{
			if (!bbq_ok(bbq_read(&consumer, &rest))) {
				moment.give();
				return false;
			}
			read = rest.len;
			return true;
		}

	      public:
		explicit Consumer(FrameBatches &queue) : moment(queue.memory())
		{
			queue.init(&consumer);
		}

		template <class Look> bool get(Look look)
		{
			bbq_view frame;

			if (rest.len == 0 && !begin())
				return false;
			bbq_must(bbq_frame_next(&consumer, &rest, &frame));
			look(frame.data, frame.len);
			if (rest.len == 0)
				bbq_must(bbq_release(&consumer, read));
			return true;
		}
	};
};

class Bytes : public Bbq
{
      public:
	using Bbq::Bbq;

	/* A part of the ring at a time, so that both sides have work to do. */
	static size_t part(size_t capacity)
	{
		return std::min(capacity / 4, size_t{ 16384 });
	}

	class Producer
	{
		bbq_producer producer;

	      public:
		explicit Producer(Bytes &queue)
		{
			queue.init(&producer);
		}

		template <class Write> size_t put_some(size_t max, Write write)
		{
			bbq_span span;

			max = std::min(max, part(producer.capacity));
			if (!bbq_ok(bbq_grant_range(&producer, 64, max, &span)))
				return 0;
			write(span.data, span.len);
			bbq_must(bbq_commit(&producer, span.len));
			return span.len;
		}
	};

	class Consumer
	{
		bbq_consumer consumer;

	      public:
		explicit Consumer(Bytes &queue)
		{
			queue.init(&consumer);
		}

		template <class Look> size_t get_some(Look look)
		{
			bbq_view view;

			if (!bbq_ok(bbq_read(&consumer, &view)))
				return 0;
			view.len = std::min(view.len, part(consumer.capacity));
			look(view.data, view.len);
			bbq_must(bbq_release(&consumer, view.len));
			return view.len;
		}
	};
};

} // namespace bench

#endif
