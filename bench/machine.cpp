/* SPDX-License-Identifier: MIT */
/* machine.cpp - processes, cores, clocks; see machine.h */
#include "machine.h"
#include "work.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench
{

void die(const char *what, int error)
{
	fprintf(stderr, "bench: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	_exit(1);
}

Shared::Shared(size_t bytes) : len(bytes)
{
	start = mmap(nullptr, len, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (start == MAP_FAILED)
		die("shared memory", errno);
}

Shared::~Shared()
{
	munmap(start, len);
}

uint64_t now_ns()
{
	timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1000000000u +
	       static_cast<uint64_t>(now.tv_nsec);
}

/* Once per program: twenty milliseconds by both clocks. */
double ns_per_tick()
{
	static const double ratio = [] {
		uint64_t ns = now_ns(), ticks = now_ticks();

		while (now_ns() - ns < 20000000)
			;
		ticks = now_ticks() - ticks;
		return static_cast<double>(now_ns() - ns) /
		       static_cast<double>(ticks);
	}();

	return ratio;
}

void Patience::yield()
{
	sched_yield();
}

Trip percentiles(std::vector<uint32_t> &ticks)
{
	auto at = [&](size_t rank) {
		std::nth_element(ticks.begin(),
				 ticks.begin() + static_cast<ptrdiff_t>(rank),
				 ticks.end());
		return ticks[rank] * ns_per_tick();
	};

	return { at(ticks.size() / 2), at(ticks.size() * 99 / 100) };
}

/* Wait for the other side to store `value`. */
static void await(const std::atomic<uint64_t> &word, uint64_t value)
{
	Patience patience;

	while (word.load(std::memory_order_acquire) < value)
		patience.wait();
}

void meet(Meeting &meeting, Side side)
{
	auto &own = meeting.arrived[side == Side::consumer].word;
	auto &other = meeting.arrived[side == Side::producer].word;
	uint64_t times = own.load(std::memory_order_relaxed) + 1;

	own.store(times, std::memory_order_release);
	await(other, times);
}

/* The producer's part of so many trips: back comes what went there. */
template <class Before>
static void echo(Meeting &meeting, uint64_t trips, Before before)
{
	uint64_t begin = meeting.back.word.load(std::memory_order_relaxed);

	for (uint64_t i = begin + 1; i <= begin + trips; i++) {
		before();
		await(meeting.there.word, i);
		meeting.back.word.store(i, std::memory_order_release);
	}
}

/* The consumer's; what each took. */
template <class After>
static std::vector<uint32_t> call(Meeting &meeting, uint64_t trips, After after)
{
	uint64_t begin = meeting.there.word.load(std::memory_order_relaxed);
	std::vector<uint32_t> ticks(trips);
	uint64_t last = now_ticks();

	for (uint64_t i = 0; i < trips; i++) {
		meeting.there.word.store(begin + 1 + i,
					 std::memory_order_release);
		await(meeting.back.word, begin + 1 + i);
		after();
		uint64_t now = now_ticks();
		ticks[i] = static_cast<uint32_t>(now - last);
		last = now;
	}
	return ticks;
}

Floor find_floor(Meeting &meeting, Side side)
{
	constexpr uint64_t trips = 2000, blocks = 25;
	constexpr double lines = floor_bytes / 64;

	meet(meeting, side);
	if (side == Side::producer) {
		echo(meeting, trips, [] {});
		echo(meeting, blocks,
		     [&] { fill(meeting.block, floor_bytes, 1); });
		return {};
	}
	auto bare = call(meeting, trips, [] {});
	auto full = call(meeting, blocks, [&] {
		require(sum(meeting.block, floor_bytes) ==
				sum_of(floor_bytes, 1),
			"a wrong block");
	});
	Trip trip = percentiles(bare);
	return { trip, (percentiles(full).p50 - trip.p50) / lines };
}

bool find_cores(std::pair<int, int> *ret)
{
	std::vector<int> cores;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity", errno);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cores.push_back(cpu);
	if (cores.size() < 2)
		return false;
	*ret = { cores[0], cores[1] };
	return true;
}

static bool exit_needed;

void need_exit()
{
	exit_needed = true;
}

static pid_t start(const std::function<void()> &side, int core)
{
	fflush(nullptr); /* or the child writes it, too */
	pid_t parent = getpid(), pid = fork();
	cpu_set_t set;

	if (pid < 0)
		die("fork", errno);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (core >= 0 && sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity", errno);
	side();
	if (exit_needed)
		exit(0);
	_exit(0);
}

/* Has it ended? Then *pid is 0, and *ok false if it ended badly. */
static void look_after(pid_t *pid, bool *ok)
{
	int status;

	if (*pid == 0 || waitpid(*pid, &status, WNOHANG) == 0)
		return;
	*pid = 0;
	*ok = *ok && status == 0;
}

bool run_pair(const std::function<void()> &producer,
	      const std::function<void()> &consumer, unsigned int seconds)
{
	constexpr timespec slice{ 1, 0 };
	std::pair<int, int> cores{ -1, -1 };
	sigset_t set, old;
	bool ok = true;

	find_cores(&cores);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	uint64_t deadline = now_ns() + uint64_t{ seconds } * 1000000000;
	pid_t pids[2] = { start(producer, cores.first),
			  start(consumer, cores.second) };
	for (;;) {
		for (pid_t &pid : pids)
			look_after(&pid, &ok);
		if (pids[0] == 0 && pids[1] == 0)
			break;
		ok = ok && now_ns() < deadline;
		for (pid_t pid : pids)
			if (pid && !ok)
				kill(pid, SIGKILL);
		sigtimedwait(&set, nullptr, &slice);
	}
	sigprocmask(SIG_SETMASK, &old, nullptr);
	return ok;
}

} // namespace bench
