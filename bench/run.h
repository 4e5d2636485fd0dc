/* SPDX-License-Identifier: MIT */
/*
 * run.h - one sample: a queue between two processes, filled, drained, timed
 *
 * A sample has phases: two to warm up, and then twenty that count. Both sides
 * meet before and after each, the consumer takes the time, and how many
 * messages a phase has follows from how long the one before it took. A phase
 * during which the kernel took a core away from one of them is not counted,
 * and another takes its place, up to a bound. A sample's rate is the median.
 * If the count is given, then for a test: there are three phases, and no more.
 *
 * A rival is a class that is made before the fork, with room for `ring` bytes
 * and messages of up to `max`. It says what it can do:
 *
 *     static bool fits(ring, max)        can there be such a one?
 *     size_t memory() const              bytes of queue that it takes
 *     Producer(Rival &), Consumer(Rival &)    made in the process that uses it
 *
 *     messages   bool Producer::put(len, write)   write(to) puts the payload
 *                void Producer::flush()           nothing is kept back
 *                bool Consumer::get(look)         look(from, len)
 *     bytes      size_t Producer::put_some(max, write)    write(to, len)
 *                size_t Consumer::get_some(look)          look(from, len)
 *
 * Both may refuse, and are then called again: false, or 0.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "machine.h"
#include "work.h"

#include <type_traits>

namespace bench
{

struct Case {
	size_t ring;	  /* bytes */
	const Work *work; /* null for a stream of bytes */
	double seconds;	  /* that the timed part should take */
	uint64_t count;	  /* of a phase: messages, or bytes; 0: by the time */
	bool exact;	  /* look at each byte, not at sums only */

	/* Nobody wants to know how fast. */
	bool untimed() const
	{
		return count > 0;
	}
};

struct Sample {
	bool ok;
	double seconds; /* of the phases that count */
	double phases;	/* so many */
	double spoilt;	/* so many do not: a core was taken away */
	double messages_per_s;
	double bytes_per_s; /* of payload */
	Trip trip;	    /* of a message there and one back */
	Floor before;
	Floor after;
};

/* A sample's shared page. */
struct Desk {
	Meeting meeting;
	Lone count; /* what the phase that begins now sends */
	Lone chain; /* of the producer, at the end of a phase */
	Lone taken; /* how often it had its core taken away by then */
	Sample sample;
};

/* What a phase has brought. */
struct Received {
	uint64_t chain;		     /* must be the producer's */
	uint64_t bytes;		     /* of payload */
	std::vector<uint32_t> ticks; /* of each round trip */
};

/* A piece of a stream. */
constexpr size_t piece_bytes = 65536;
/* A round trip carries this much. */
constexpr size_t trip_bytes = 64;

/* What a process knows that sends, or receives, messages of a Work. */
struct Progress {
	Lengths lengths;
	uint64_t number = 0;
	uint64_t chain = 0;
	uint64_t bytes = 0;

	explicit Progress(const Work &work) : lengths(work)
	{
	}
};

template <class Producer>
void send_messages(Producer &producer, Progress &progress, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		size_t len = progress.lengths.next();
		uint64_t first = first_word(progress.number++);
		Patience patience;

		while (!producer.put(len,
				     [=](void *to) { fill(to, len, first); }))
			patience.wait();
		progress.chain = chain(progress.chain, sum_of(len, first), len);
	}
	producer.flush();
}

template <class Consumer>
void receive_messages(Consumer &consumer, Progress &progress, uint64_t count)
{
	auto look = [&](const void *from, size_t len) {
		progress.chain = chain(progress.chain, sum(from, len), len);
		progress.bytes += len;
	};

	for (uint64_t i = 0; i < count; i++) {
		Patience patience;

		while (!consumer.get(look))
			patience.wait();
	}
}

/* The same, and each byte must be right. */
template <class Consumer>
void receive_exactly(Consumer &consumer, Progress &progress, uint64_t count)
{
	auto look = [&](const void *from, size_t len) {
		require(len == progress.lengths.next(), "a wrong length");
		require(is_payload(from, len, first_word(progress.number++)),
			"a wrong byte");
		progress.chain = chain(progress.chain, sum(from, len), len);
		progress.bytes += len;
	};

	for (uint64_t i = 0; i < count; i++) {
		Patience patience;

		while (!consumer.get(look))
			patience.wait();
	}
}

/*
 * A stream of bytes is one payload without end. It comes and goes in parts
 * whose lengths, multiples of 64, are the queue's choice.
 */
struct Stream {
	uint64_t bytes = 0; /* so far */
	uint64_t total = 0; /* the sum */

	uint64_t first() const
	{
		return first_word(0) + bytes / 8;
	}

	void add(uint64_t part, size_t len)
	{
		total += part;
		bytes += len;
	}
};

/* The application writes pieces; what is left of one goes into the next call. */
template <class Producer>
void send_bytes(Producer &producer, Stream &stream, uint64_t count)
{
	auto write = [&](void *to, size_t len) {
		fill(to, len, stream.first());
		stream.add(sum_of(len, stream.first()), len);
	};

	for (uint64_t piece = 0; piece < count; piece += piece_bytes) {
		Patience patience;
		size_t left = piece_bytes;

		while (left > 0) {
			size_t sent = producer.put_some(left, write);

			left -= sent;
			if (sent == 0)
				patience.wait();
		}
	}
}

template <class Consumer>
void receive_bytes(Consumer &consumer, Stream &stream, uint64_t count,
		   bool exact)
{
	uint64_t end = stream.bytes + count;
	Patience patience;
	auto look = [&](const void *from, size_t len) {
		auto *byte = static_cast<const unsigned char *>(from);

		require(load_word(byte) == stream.first(), "bytes are missing");
		require(!exact || is_payload(from, len, stream.first()),
			"a wrong byte");
		stream.add(sum(from, len), len);
	};

	while (stream.bytes < end)
		if (consumer.get_some(look) == 0)
			patience.wait();
}

using Send = std::function<uint64_t(uint64_t count)>; /* gives the chain */
using Receive = std::function<Received(uint64_t count)>;

/* A sample, but for what its queue does. */
void produce(Desk &desk, const Case &c, const Send &send);
void consume(Desk &desk, const Case &c, const Receive &receive);
/* The floor alone: the median trip of two processes that do nothing else. */
double bare_trip_ns();
Sample run_sample(const Shared &desk, const std::function<void()> &producer,
		  const std::function<void()> &consumer);

template <class Rival> Sample run_messages(const Case &c)
{
	Shared shared(sizeof(Desk));
	Desk &desk = *shared.at<Desk>();
	Rival rival(c.ring, c.work->max);

	return run_sample(
		shared,
		[&] {
			typename Rival::Producer producer(rival);
			Progress progress(*c.work);

			produce(desk, c, [&](uint64_t count) {
				send_messages(producer, progress, count);
				return progress.chain;
			});
		},
		[&] {
			typename Rival::Consumer consumer(rival);
			Progress progress(*c.work);

			consume(desk, c, [&](uint64_t count) -> Received {
				progress.bytes = 0;
				if (c.exact)
					receive_exactly(consumer, progress,
							count);
				else
					receive_messages(consumer, progress,
							 count);
				return { progress.chain, progress.bytes, {} };
			});
		});
}

template <class Rival> Sample run_bytes(const Case &c)
{
	Shared shared(sizeof(Desk));
	Desk &desk = *shared.at<Desk>();
	Rival rival(c.ring, piece_bytes);

	return run_sample(
		shared,
		[&] {
			typename Rival::Producer producer(rival);
			Stream stream;

			produce(desk, c, [&](uint64_t count) {
				send_bytes(producer, stream, count);
				return stream.total;
			});
		},
		[&] {
			typename Rival::Consumer consumer(rival);
			Stream stream;

			consume(desk, c, [&](uint64_t count) -> Received {
				receive_bytes(consumer, stream, count, c.exact);
				return { stream.total, count, {} };
			});
		});
}

/* A message there, another back: the consumer of the sample starts them. */
template <class Producer, class Consumer> class Correspondent
{
	Producer &out;
	Consumer &in;

      public:
	Correspondent(Producer &o, Consumer &i) : out(o), in(i)
	{
	}

	void give(uint64_t first)
	{
		Patience patience;

		while (!out.put(trip_bytes,
				[=](void *to) { fill(to, trip_bytes, first); }))
			patience.wait();
		out.flush();
	}

	/* The first word; all bytes have been looked at. */
	uint64_t take()
	{
		Patience patience;
		uint64_t first = 0;
		bool right = false;

		while (!in.get([&](const void *from, size_t len) {
			first = load_word(
				static_cast<const unsigned char *>(from));
			right = len == trip_bytes &&
				sum(from, len) == sum_of(trip_bytes, first);
		}))
			patience.wait();
		require(right, "a wrong message");
		return first;
	}

	std::vector<uint32_t> time(uint64_t count)
	{
		std::vector<uint32_t> ticks(count);
		uint64_t last = now_ticks();

		for (uint64_t i = 0; i < count; i++) {
			give(first_word(i));
			require(take() == first_word(i) + 1, "another message");
			uint64_t now = now_ticks();
			ticks[i] = static_cast<uint32_t>(now - last);
			last = now;
		}
		return ticks;
	}
};

template <class Rival> Sample run_trips(const Case &c)
{
	Shared shared(sizeof(Desk));
	Desk &desk = *shared.at<Desk>();
	Rival there(c.ring, trip_bytes), back(c.ring, trip_bytes);

	return run_sample(
		shared,
		[&] {
			typename Rival::Consumer in(there);
			typename Rival::Producer out(back);
			Correspondent echo(out, in);

			produce(desk, c, [&](uint64_t count) {
				for (uint64_t i = 0; i < count; i++)
					echo.give(echo.take() + 1);
				return count;
			});
		},
		[&] {
			typename Rival::Producer out(there);
			typename Rival::Consumer in(back);
			Correspondent start(out, in);

			consume(desk, c, [&](uint64_t count) -> Received {
				return { count, count * trip_bytes,
					 start.time(count) };
			});
		});
}

} // namespace bench

#endif
