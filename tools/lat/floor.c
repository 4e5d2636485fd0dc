/* SPDX-License-Identifier: MIT */
/*
 * floor.c - the machine's floor: two bare cache lines
 *
 * Near stores a number that far waits for on one line; far stores it on the
 * other, where near waits for it. No message between two processors can be
 * faster. One way, far takes the time, and the number is the time of the store.
 *
 * The pause between two looks makes it faster, not slower: without, the line
 * is asked for so often that the store to it has to wait.
 */
#include <errno.h>

#include "lat.h"

static int64_t load_line(const int64_t *line)
{
	return __atomic_load_n(line, __ATOMIC_ACQUIRE);
}

static void store_line(int64_t *line, int64_t value)
{
	__atomic_store_n(line, value, __ATOMIC_RELEASE);
}

int floor_near(struct lat *lat, const struct pace *pace, struct histogram *ret)
{
	struct shared *shared = lat->shared;
	int64_t begin = clock_ns(), now = begin;
	int64_t value = load_line(&shared->there);
	bool last = false;

	for (uint64_t i = 0; !last; i++) {
		int64_t from;

		last = i + 1 == pace->count || now - begin >= pace->ns;
		if (last)
			__atomic_store_n(&shared->last, i + 1,
					 __ATOMIC_RELEASE);
		from = clock_ns();
		/* Some clocks stand still for longer than a round trip. */
		value = from > value ? from : value + 1;
		store_line(&shared->there, value);
		while (load_line(&shared->back) != value) {
			if (stopping)
				return -EINTR;
			relax();
		}
		now = clock_ns();
		if (!shared->job.one_way)
			histogram_add(ret, (uint64_t)(now - from));
	}
	return 0;
}

int floor_far(struct lat *lat)
{
	struct shared *shared = lat->shared;
	int64_t value = load_line(&shared->back);
	uint64_t n = 0;

	do {
		int64_t next;

		while ((next = load_line(&shared->there)) == value)
			relax();
		value = next;
		if (shared->job.one_way) {
			int64_t now = clock_ns();

			histogram_add(&shared->histogram,
				      now > value ? (uint64_t)(now - value)
						  : 0);
		}
		store_line(&shared->back, value);
		n++;
	} while (n < __atomic_load_n(&shared->last, __ATOMIC_ACQUIRE));
	return 0;
}
