/* SPDX-License-Identifier: MIT */
/*
 * stuck.h - two processes at one queue that do not get on any more
 *
 * A lost wake-up shows as both asleep for good. That is told from a machine
 * which has no time for them by the state that the kernel gives: who waits for
 * a processor is not asleep.
 */
#ifndef TESTS_LINUX_STUCK_H
#define TESTS_LINUX_STUCK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <bbq/bbq.h>

/* Seconds without progress in which every look found both asleep ... */
#define STUCK_ASLEEP 10
/* ... or whatever they were in. */
#define STUCK_ANYHOW 120

struct stuck {
	uint64_t progress;
	double since;	/* of the last progress */
	double awake;	/* when one of them was last seen not asleep */
	unsigned looks; /* since the last progress */
};

static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* R, S, T, Z ... as in proc(5); '?' without such a process. */
static inline char process_state(pid_t pid)
{
	char path[64], line[256] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return '?';
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	end = strrchr(line, ')');
	return end && end[1] == ' ' ? end[2] : '?';
}

/* Look, now and then; progress is any number that changes with it. */
static inline bool stuck(struct stuck *s, uint64_t progress,
			 const pid_t pids[2])
{
	double time = now();

	if (s->looks == 0 || s->progress != progress)
		*s = (struct stuck){ progress, time, time, 0 };
	s->looks++;
	for (int i = 0; i < 2; i++)
		if (pids[i] > 0 && process_state(pids[i]) != 'S')
			s->awake = time;
	return time - s->since > STUCK_ANYHOW || time - s->awake > STUCK_ASLEEP;
}

static inline void describe_side(const char *name, pid_t pid,
				 const struct bbq_side *own,
				 const struct bbq_side *peer)
{
	struct bbq_side copy = *own;

	fprintf(stderr,
		"%s %d: state %c, ticket %u, other's bell %u, membarrier %u, "
		"life %u, role %u, sleeps %llu, rings %llu\n",
		name, (int)pid, pid > 0 ? process_state(pid) : '-', copy.ticket,
		peer->bell, copy.barrier, copy.lives, copy.state,
		(unsigned long long)copy.count.sleeps,
		(unsigned long long)copy.count.rings);
}

/* Who sleeps, and with what in the queue. */
static inline void describe(const struct bbq_segment *segment,
			    const pid_t pids[2])
{
	char *data = bbq_segment_data(segment);
	long page = sysconf(_SC_PAGESIZE);
	const struct bbq_producer_page *p = (void *)(data - 2 * page);
	const struct bbq_consumer_page *c = (void *)(data - page);

	fprintf(stderr,
		"%zu of %zu bytes in the queue; write %u:%u last %u read "
		"%u:%u (lap:offset)\n",
		bbq_segment_fill(segment), bbq_segment_capacity(segment),
		(unsigned)(p->words.write >> 32), (unsigned)p->words.write,
		(unsigned)p->words.last, (unsigned)(c->words.read >> 32),
		(unsigned)c->words.read);
	describe_side("sender", pids[0], &p->side, &c->side);
	describe_side("receiver", pids[1], &c->side, &p->side);
}

#endif /* TESTS_LINUX_STUCK_H */
