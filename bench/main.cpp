/* SPDX-License-Identifier: MIT */
/*
 * main.cpp - bbq-bench: libbbq and its rivals, by Google Benchmark
 *
 * Machines are noisy, and what can be compared are samples that lie close
 * together. So a round goes through all cases, and in each case through all
 * rivals, in another order each time; a sample is one repetition of one
 * benchmark, of manual time. What was measured is in the counters, the bare
 * lines before and after in each of them. report.py makes sense of it.
 *
 *     bbq-bench [--rounds=N] [--ms=N] [--ring=BYTES]... [--seed=N]
 *               [--near=NS [--patience=S]] BENCHMARK-OPTION...
 *
 * --near waits before each sample until the round trip of two bare lines is
 * shorter than that; after --patience seconds of waiting in all, it stops.
 */
#include "rivals.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <sched.h>

using namespace bench;

struct Options {
	unsigned long rounds = 3;
	unsigned long ms = 20;
	unsigned long seed = 1;
	unsigned long near = 0;	     /* ns; 0: any */
	unsigned long patience = 60; /* seconds that may pass until they are */
	std::vector<size_t> rings{ 1024, 4096, 65536, 1048576 };
	std::vector<size_t> chosen; /* instead of these, if any */
};

using Run = Sample (*)(const Case &);

static void count(benchmark::State &state, const std::string &when,
		  const Floor &floor)
{
	state.counters[when + "_p50"] = floor.trip.p50;
	state.counters[when + "_p99"] = floor.trip.p99;
	state.counters[when + "_line"] = floor.line;
}

static void count(benchmark::State &state, const Sample &sample)
{
	auto &counters = state.counters;

	count(state, "before", sample.before);
	count(state, "after", sample.after);
	counters["spoilt"] = sample.spoilt;
	counters["bytes_per_s"] = sample.bytes_per_s;
	counters["messages_per_s"] = sample.messages_per_s;
	counters["trip_p50"] = sample.trip.p50;
	counters["trip_p99"] = sample.trip.p99;
}

/* Wait until the cores are near each other. False: not in the time given. */
static bool come_near(const Options &options)
{
	static uint64_t waited;
	constexpr uint64_t pause_ns = 100000000;

	while (options.near && bare_trip_ns() >= options.near) {
		timespec pause{ 0, pause_ns };

		if ((waited += pause_ns) > options.patience * 1000000000)
			return false;
		nanosleep(&pause, nullptr);
	}
	return true;
}

static void measure(benchmark::State &state, Run run, const Case &c,
		    unsigned long round, const Options &options)
{
	for (auto _ : state) {
		if (!come_near(options)) {
			state.SkipWithError("the cores are too far apart");
			break;
		}
		Sample sample = run(c);

		if (!sample.ok) {
			state.SkipWithError("a process failed");
			break;
		}
		state.SetIterationTime(sample.seconds);
		count(state, sample);
	}
	state.counters["round"] = static_cast<double>(round);
}

/* One benchmark; report.py takes its name apart. */
static void add_benchmark(const std::string &kind, size_t ring,
			  const Rival &rival,
			  const std::function<void(benchmark::State &)> &run)
{
	std::string name =
		kind + "/ring:" + std::to_string(ring) + "/" + rival.name;

	benchmark::RegisterBenchmark(name.c_str(), run)
		->UseManualTime()
		->Iterations(1);
}

/* One kind of case, for all rivals that can do it, by chance. */
class Round
{
	const Options &options;
	unsigned long number;
	std::mt19937_64 chance;

      public:
	Round(const Options &o, unsigned long n)
	    : options(o), number(n), chance(o.seed * 1000 + n)
	{
	}

	void add(const std::string &kind, Case c, Run Rival::*run, size_t max)
	{
		std::vector<Rival> field;

		c.seconds = static_cast<double>(options.ms) / 1000;
		for (const Rival &rival : rivals())
			if (rival.*run && rival.fits(c.ring, max))
				field.push_back(rival);
		std::shuffle(field.begin(), field.end(), chance);
		for (const Rival &rival : field)
			add_benchmark(
				kind, c.ring, rival,
				[=, one = rival.*run, round = number,
				 &all = options](benchmark::State &state) {
					measure(state, one, c, round, all);
				});
	}
};

static void register_round(const Options &options, unsigned long number)
{
	static const Work &trip = works()[1];
	Round round(options, number);

	for (size_t ring : options.rings) {
		for (const Work &work : works())
			if (ring >= 4 * work.max)
				round.add(std::string("messages/") + work.name,
					  { ring, &work, 0, 0, false },
					  &Rival::messages, work.max);
		if (ring >= piece_bytes)
			round.add("bytes", { ring, nullptr, 0, 0, false },
				  &Rival::bytes, 64);
	}
	round.add("trips", { 65536, &trip, 0, 0, false }, &Rival::trips,
		  trip_bytes);
}

/* What one process can say, in next to no time: once for all rounds. */
template <class Result>
static void register_single(const std::string &kind, const Options &options,
			    Result (*Rival::*run)(size_t, const Work &),
			    void (*count)(benchmark::State &, Result))
{
	auto measure = [=](benchmark::State &state, const Rival &rival,
			   size_t ring, const Work &work) {
		for (auto _ : state) {
			uint64_t begin = now_ns();

			count(state, (rival.*run)(ring, work));
			state.SetIterationTime(
				static_cast<double>(now_ns() - begin) / 1e9);
		}
	};

	for (size_t ring : options.rings)
		for (const Work &work : works())
			for (const Rival &rival : rivals()) {
				if (ring < 4 * work.max || !(rival.*run) ||
				    !rival.fits(ring, work.max))
					continue;
				add_benchmark(kind + "/" + work.name, ring,
					      rival,
					      [=, &rival, &work](auto &state) {
						      measure(state, rival,
							      ring, work);
					      });
			}
}

static void count_held(benchmark::State &state, double held)
{
	state.counters["payload_per_byte"] = held;
}

static void count_alone(benchmark::State &state, Alone alone)
{
	state.counters["write_ns"] = alone.write;
	state.counters["read_ns"] = alone.read;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	require(end != text && *end == '\0' && value > 0,
		"an option needs a number above 0");
	return value;
}

/* Our own options; what is left is Google Benchmark's. */
static bool take_option(Options &options, const std::string &text)
{
	size_t equals = text.find('=');
	std::string name = text.substr(0, equals);
	const char *value =
		equals == std::string::npos ? "" : text.c_str() + equals + 1;

	if (name == "--rounds")
		options.rounds = number(value);
	else if (name == "--ms")
		options.ms = number(value);
	else if (name == "--seed")
		options.seed = number(value);
	else if (name == "--near")
		options.near = number(value);
	else if (name == "--patience")
		options.patience = number(value);
	else if (name == "--ring")
		options.chosen.push_back(number(value));
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	std::pair<int, int> cores;
	std::vector<char *> rest{ argv[0] };
	Options options;

	require(find_cores(&cores),
		"two cores are needed, and this process may use one only");
	for (int i = 1; i < argc; i++)
		if (!take_option(options, argv[i]))
			rest.push_back(argv[i]);
	if (!options.chosen.empty())
		options.rings = options.chosen;
	int left = static_cast<int>(rest.size());
	benchmark::Initialize(&left, rest.data());
	if (benchmark::ReportUnrecognizedArguments(left, rest.data()))
		return 2;
	/* Neighbours do not disturb then. It takes a right that few have. */
	sched_param first{};
	first.sched_priority = sched_get_priority_min(SCHED_FIFO);
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		fprintf(stderr,
			"bbq-bench: not in real time (%s), so other "
			"processes may disturb\n",
			strerror(errno));
	ns_per_tick();
	register_single("held", options, &Rival::held, count_held);
	register_single("alone", options, &Rival::alone, count_alone);
	for (unsigned long round = 1; round <= options.rounds; round++)
		register_round(options, round);
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
