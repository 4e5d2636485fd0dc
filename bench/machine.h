/* SPDX-License-Identifier: MIT */
/*
 * machine.h - two processes on two cores, and what the cores are worth
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench
{

/* Say it in one line, and end this process. */
[[noreturn]] void die(const char *what, int error = 0);

inline void require(bool ok, const char *what)
{
	if (!ok)
		die(what);
}

/* Memory that child processes share, all zero. */
class Shared
{
	void *start;
	size_t len;

      public:
	explicit Shared(size_t bytes);
	~Shared();
	Shared(const Shared &) = delete;
	Shared &operator=(const Shared &) = delete;

	unsigned char *data() const
	{
		return static_cast<unsigned char *>(start);
	}

	/* As a T that lies at byte `offset`. */
	template <class T> T *at(size_t offset = 0) const
	{
		return reinterpret_cast<T *>(data() + offset);
	}
};

uint64_t now_ns();

/* The finest clock there is, and nanoseconds per tick of it. */
inline uint64_t now_ticks()
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return now_ns();
#endif
}

double ns_per_tick();

/* What a processor does in a loop that waits for another one. */
inline void relax()
{
#if defined(__x86_64__)
	_mm_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

/*
 * What a side does between two looks at a queue that has nothing for it. Most
 * of it is a look; now and then the other side may need this very core.
 */
class Patience
{
	unsigned int looks = 0;

	static void yield();

      public:
	void wait()
	{
		if (++looks % 4096 == 0)
			yield();
	}
};

/* A word with no neighbours: adjacent lines are fetched in pairs. */
struct alignas(128) Lone {
	std::atomic<uint64_t> word;
};

/* Nanoseconds of a round trip. */
struct Trip {
	double p50;
	double p99;
};

/*
 * What the two cores are worth to each other: the round trip of two bare lines,
 * and what it takes to write a line that the other has read, and to read it
 * there. Cores that share more than others have the same trip, and cheaper
 * lines.
 */
struct Floor {
	Trip trip;
	double line; /* nanoseconds */
};

/* The median and the 99th percentile; sorts what it is given. */
Trip percentiles(std::vector<uint32_t> &ticks);

constexpr size_t floor_bytes = 65536;

/*
 * What the two processes of a sample have in common besides the queue. All
 * zero at the start.
 */
struct Meeting {
	Lone arrived[2];  /* how often each side came to the barrier */
	Lone there, back; /* the bare lines */
	alignas(128) unsigned char block[floor_bytes];
};

enum class Side { producer, consumer };

/* Wait until the other side is here as well. */
void meet(Meeting &meeting, Side side);

/* Both sides call it; what it returns to the producer means nothing. */
Floor find_floor(Meeting &meeting, Side side);

/* Two cores that this process may run on. False if there is only one. */
bool find_cores(std::pair<int, int> *ret);

/*
 * A process of a pair ends at once, without what a program does at its exit.
 * Whoever needs that says so, in this process.
 */
void need_exit();

/*
 * Run the two as processes of their own, each on a core of its own if there
 * are two. False if one of them failed, or did not end within the time.
 */
bool run_pair(const std::function<void()> &producer,
	      const std::function<void()> &consumer, unsigned int seconds);

} // namespace bench

#endif
