/* SPDX-License-Identifier: MIT */
/* run.cpp - the part of a sample that all queues have in common; see run.h */
#include "run.h"

#include <algorithm>

namespace bench
{

constexpr size_t phases_warm = 2;
constexpr size_t phases_timed = 5;
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

void produce(Desk &desk, const Send &send)
{
	find_floor(desk.meeting, Side::producer);
	for (size_t phase = 0; phase < phases_warm + phases_timed; phase++) {
		meet(desk.meeting, Side::producer);
		desk.chain.word.store(send(desk.count.word.load()));
		meet(desk.meeting, Side::producer);
	}
	find_floor(desk.meeting, Side::producer);
}

/* Receive so many, and check what all of them add up to. Seconds. */
static double receive_phase(Desk &desk, uint64_t count, const Receive &receive,
			    Received *ret)
{
	desk.count.word.store(count);
	meet(desk.meeting, Side::consumer);
	uint64_t begin = now_ns();
	*ret = receive(count);
	uint64_t end = now_ns();

	meet(desk.meeting, Side::consumer);
	require(ret->chain == desk.chain.word.load(), "a wrong checksum");
	return static_cast<double>(end - begin) / 1e9;
}

template <class T> static T median(std::vector<T> values)
{
	auto middle =
		values.begin() + static_cast<ptrdiff_t>(values.size() / 2);

	std::nth_element(values.begin(), middle, values.end());
	return *middle;
}

void consume(Desk &desk, const Case &c, const Receive &receive)
{
	std::vector<double> messages, bytes, p50, p99;
	uint64_t count = first_count(c);
	Sample sample{};

	sample.before = find_floor(desk.meeting, Side::consumer);
	for (size_t phase = 0; phase < phases_warm + phases_timed; phase++) {
		Received got{};
		double seconds = receive_phase(desk, count, receive, &got);

		if (phase >= phases_warm) {
			sample.seconds += seconds;
			messages.push_back(static_cast<double>(count) /
					   seconds);
			bytes.push_back(static_cast<double>(got.bytes) /
					seconds);
			p50.push_back(got.trip.p50);
			p99.push_back(got.trip.p99);
		}
		count = next_count(c, count, seconds);
	}
	sample.after = find_floor(desk.meeting, Side::consumer);
	sample.messages_per_s = is_stream(c) ? 0 : median(messages);
	sample.bytes_per_s = median(bytes);
	sample.trip = { median(p50), median(p99) };
	sample.ok = true;
	desk.sample = sample;
}

Sample run_sample(const Shared &desk, const std::function<void()> &producer,
		  const std::function<void()> &consumer)
{
	Sample none{};

	return run_pair(producer, consumer, deadline_seconds)
		       ? desk.at<Desk>()->sample
		       : none;
}

} // namespace bench
