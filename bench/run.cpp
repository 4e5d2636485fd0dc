/* SPDX-License-Identifier: MIT */
/* run.cpp - the part of a sample that all queues have in common; see run.h */
#include "run.h"

#include <algorithm>
#include <sys/resource.h>

namespace bench
{

constexpr size_t phases_warm = 2;
constexpr size_t phases_timed = 20;
/* With so many, one that was spoilt may count no more. */
constexpr size_t phases_all = 3 * phases_timed;
constexpr size_t phases_untimed = 3;
/* More than this is not sent for a warm-up. */
constexpr uint64_t warm_bytes = 1 << 22;
/* Longer than this, and it is not a slow queue but one that stands still. */
constexpr unsigned int deadline_seconds = 60;

static bool is_stream(const Case &c)
{
	return c.work == nullptr;
}

/* Whole pieces, if it is a stream. */
static uint64_t whole(const Case &c, uint64_t count)
{
	uint64_t unit = is_stream(c) ? piece_bytes : 1;

	return std::max(count / unit, uint64_t{ 1 }) * unit;
}

/* The ring once round and a bit, or what a slow one can do. */
static uint64_t first_count(const Case &c)
{
	auto bytes = static_cast<double>(std::min(2 * c.ring, warm_bytes));

	if (c.count)
		return whole(c, c.count);
	if (is_stream(c))
		return whole(c, 4 * c.ring);
	return std::clamp<uint64_t>(static_cast<uint64_t>(bytes / c.work->mean),
				    200, 4000);
}

/* By the rate of the phase before; more of it with care. */
static uint64_t next_count(const Case &c, uint64_t count, double seconds)
{
	double factor = c.seconds / phases_timed / seconds;

	if (c.count)
		return count;
	return whole(c, static_cast<uint64_t>(static_cast<double>(count) *
					      std::min(factor, 10.0)));
}

/* How often the kernel has given our core to someone else, unasked. */
static uint64_t taken_away()
{
	rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return static_cast<uint64_t>(usage.ru_nivcsw);
}

static Floor floor_of(Desk &desk, const Case &c, Side side)
{
	return c.untimed() ? Floor{} : find_floor(desk.meeting, side);
}

void produce(Desk &desk, const Case &c, const Send &send)
{
	floor_of(desk, c, Side::producer);
	for (;;) {
		meet(desk.meeting, Side::producer);
		uint64_t count = desk.count.word.load();
		if (count == 0)
			break;
		desk.chain.word.store(send(count));
		desk.taken.word.store(taken_away());
		meet(desk.meeting, Side::producer);
	}
	floor_of(desk, c, Side::producer);
}

template <class T> static T median(std::vector<T> values)
{
	auto middle =
		values.begin() + static_cast<ptrdiff_t>(values.size() / 2);

	std::nth_element(values.begin(), middle, values.end());
	return *middle;
}

/* The consumer's part of all phases, and what they amount to. */
class Phases
{
	Desk &desk;
	const Case &c;
	const Receive &receive;
	std::vector<double> messages, bytes;
	std::vector<uint32_t> ticks;
	Sample sample{};

	/* Both sides': it only grows. */
	uint64_t taken() const
	{
		return taken_away() + desk.taken.word.load();
	}

	void add(const Received &got, uint64_t count, double seconds)
	{
		sample.phases++;
		sample.seconds += seconds;
		messages.push_back(static_cast<double>(count) / seconds);
		bytes.push_back(static_cast<double>(got.bytes) / seconds);
		ticks.insert(ticks.end(), got.ticks.begin(), got.ticks.end());
	}

	/* Receive so many, and check what all of them add up to. Seconds. */
	double pass(uint64_t count, Received *ret)
	{
		desk.count.word.store(count);
		meet(desk.meeting, Side::consumer);
		uint64_t begin = now_ns();
		*ret = receive(count);
		uint64_t end = now_ns();

		meet(desk.meeting, Side::consumer);
		require(ret->chain == desk.chain.word.load(),
			"a wrong checksum");
		return static_cast<double>(end - begin) / 1e9;
	}

      public:
	Phases(Desk &d, const Case &k, const Receive &r)
	    : desk(d), c(k), receive(r)
	{
	}

	void go()
	{
		double wished = c.untimed() ? phases_untimed : phases_timed;
		size_t warm = c.untimed() ? 0 : phases_warm;
		uint64_t count = first_count(c), before = 0;

		for (size_t i = 0; sample.phases < wished; i++) {
			Received got{};
			double seconds = pass(count, &got);
			bool clean = taken() == before || c.untimed();

			if (i >= warm && (clean || i >= phases_all))
				add(got, count, seconds);
			else if (i >= warm)
				sample.spoilt++;
			before = taken();
			count = next_count(c, count, seconds);
		}
		desk.count.word.store(0);
		meet(desk.meeting, Side::consumer);
	}

	Sample result()
	{
		sample.messages_per_s = is_stream(c) ? 0 : median(messages);
		sample.bytes_per_s = median(bytes);
		if (!ticks.empty())
			sample.trip = percentiles(ticks);
		sample.ok = true;
		return sample;
	}
};

void consume(Desk &desk, const Case &c, const Receive &receive)
{
	Phases phases(desk, c, receive);
	Floor before = floor_of(desk, c, Side::consumer);

	phases.go();
	desk.sample = phases.result();
	desk.sample.before = before;
	desk.sample.after = floor_of(desk, c, Side::consumer);
}

Sample run_sample(const Shared &desk, const std::function<void()> &producer,
		  const std::function<void()> &consumer)
{
	Sample none{};

	return run_pair(producer, consumer, deadline_seconds)
		       ? desk.at<Desk>()->sample
		       : none;
}

double bare_trip_ns()
{
	Shared shared(sizeof(Desk));
	Desk &desk = *shared.at<Desk>();

	require(run_pair([&] { find_floor(desk.meeting, Side::producer); },
			 [&] {
				 desk.sample.before = find_floor(
					 desk.meeting, Side::consumer);
			 },
			 deadline_seconds),
		"a process failed");
	return desk.sample.before.trip.p50;
}

} // namespace bench
