/* SPDX-License-Identifier: MIT */
/*
 * verbs.h - libbbq's verbs that wait, over a segment, as programs use them
 *
 * What it costs, beside the bare verbs of core.h and frame.h, that either side
 * would sleep, be woken, and notice that the other has died. Everything is as
 * it is unless set: they look for a while before they sleep. SpinVerbs never
 * sleep.
 */
#ifndef BENCH_RIVALS_VERBS_H
#define BENCH_RIVALS_VERBS_H

#include "rivals/bbq.h"

#include <bbq/bbq.h>
#include <climits>

namespace bench
{

template <bool sleeps> class VerbsOf
{
	bbq_segment *segment;

	/* A process of its own cannot use what it has inherited. */
	bbq_segment *attach() const
	{
		bbq_segment *own = nullptr;

		bbq_must(bbq_segment_attach(bbq_segment_fd(segment), &own));
		return own;
	}

      public:
	static bool fits(size_t ring, size_t max)
	{
		return Bbq::fits(ring, max);
	}

	VerbsOf(size_t ring, size_t)
	{
		bbq_config config{};

		config.capacity = ring;
		config.mode = BBQ_MODE_FRAMES;
		bbq_must(bbq_segment_create(&config, &segment));
	}
	~VerbsOf()
	{
		bbq_segment_close(segment);
	}
	VerbsOf(const VerbsOf &) = delete;
	VerbsOf &operator=(const VerbsOf &) = delete;

	class Producer
	{
		bbq_segment *segment;
		bbq_sender sender;

	      public:
		explicit Producer(VerbsOf &queue) : segment(queue.attach())
		{
			bbq_must(bbq_sender_open(segment, &sender));
			if (!sleeps)
				sender.end.spin = UINT_MAX;
		}
		~Producer()
		{
			bbq_sender_close(&sender);
			bbq_segment_close(segment);
		}
		Producer(const Producer &) = delete;
		Producer &operator=(const Producer &) = delete;

		template <class Write> bool put(size_t len, Write write)
		{
			bbq_span span;

			bbq_must(bbq_sender_frame_grant(&sender, len,
							BBQ_FOREVER, &span));
			write(span.data);
			bbq_must(bbq_sender_frame_commit(&sender, len));
			return true;
		}

		void flush()
		{
		}
	};

	class Consumer
	{
		bbq_segment *segment;
		bbq_receiver receiver;

	      public:
		explicit Consumer(VerbsOf &queue) : segment(queue.attach())
		{
			bbq_must(bbq_receiver_open(segment, &receiver));
			if (!sleeps)
				receiver.end.spin = UINT_MAX;
		}
		~Consumer()
		{
			bbq_receiver_close(&receiver);
			bbq_segment_close(segment);
		}
		Consumer(const Consumer &) = delete;
		Consumer &operator=(const Consumer &) = delete;

		template <class Look> bool get(Look look)
		{
			bbq_view view;

			bbq_must(bbq_receiver_frame_read(&receiver, BBQ_FOREVER,
							 &view));
			look(view.data, view.len);
			bbq_must(bbq_receiver_frame_release(&receiver));
			return true;
		}
	};
};

using Verbs = VerbsOf<true>;
using SpinVerbs = VerbsOf<false>;

} // namespace bench

#endif
