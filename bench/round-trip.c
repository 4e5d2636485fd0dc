/* SPDX-License-Identifier: MIT */
/*
 * round-trip.c - what waiting costs: one byte there and one byte back
 *
 * Two processes hand a byte to and fro, over two queues or two pipes, in four
 * ways by turns:
 *
 *     poll     both only ever look, and never sleep: the floor
 *     spin     the library's default: look for a while, then sleep
 *     sleep    look once, then sleep: each hand-over wakes the other
 *     pipe     the same exchange by read and write on pipes
 *
 * Machines are noisy, and a lone time says little. So the four take turns,
 * each turn gives its median time of a round trip, and what counts is the
 * median over all turns of the ratios within one turn: spin to poll, and sleep
 * to pipe.
 *
 *     round-trip [TURNS [TRIPS]]        defaults: 25 turns of 4000 trips
 */
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bbq/bbq.h>

enum way { POLL, SPIN, SLEEP, PIPE, WAYS };

static const char *const way_names[WAYS] = { "poll", "spin", "sleep", "pipe" };

/* One direction: a queue, or a pipe. */
struct lane {
	struct bbq_segment *segment;
	int pipe[2];
};

static struct lane there, back;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "round-trip: %s\n", what);
	exit(1);
}

static void check(int ok, const char *what)
{
	if (!ok)
		die(what);
}

static void lane_open(struct lane *lane)
{
	const struct bbq_config config = { .capacity = 64 };

	check(bbq_segment_create(&config, &lane->segment) == 0, "segment");
	check(pipe(lane->pipe) == 0, "pipe");
}

/* A process of its own cannot use what it has inherited. */
static struct bbq_segment *own_segment(const struct lane *lane)
{
	struct bbq_segment *segment = NULL;

	check(bbq_segment_attach(bbq_segment_fd(lane->segment), &segment) == 0,
	      "attach");
	return segment;
}

/* What a process has in hand: where it sends, and where it receives. */
struct hands {
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	int out;
	int in;
};

static void hands_open(struct hands *hands, const struct lane *out,
		       const struct lane *in)
{
	check(bbq_sender_open(own_segment(out), &hands->sender) == 0, "sender");
	check(bbq_receiver_open(own_segment(in), &hands->receiver) == 0,
	      "receiver");
	hands->out = out->pipe[1];
	hands->in = in->pipe[0];
}

static void hands_close(struct hands *hands)
{
	struct bbq_segment *out = hands->sender.end.segment;
	struct bbq_segment *in = hands->receiver.end.segment;

	bbq_sender_close(&hands->sender);
	bbq_receiver_close(&hands->receiver);
	bbq_segment_close(out);
	bbq_segment_close(in);
}

static void hands_set(struct hands *hands, enum way way)
{
	static const unsigned int spins[] = {
		[POLL] = UINT_MAX,
		[SPIN] = BBQ_SPIN_DEFAULT,
		[SLEEP] = 0,
		[PIPE] = 0,
	};

	hands->sender.end.spin = spins[way];
	hands->receiver.end.spin = spins[way];
}

static void give(struct hands *hands, enum way way, unsigned char byte)
{
	struct bbq_span span;

	if (way == PIPE) {
		check(write(hands->out, &byte, 1) == 1, "write");
		return;
	}
	check(bbq_sender_grant(&hands->sender, 1, BBQ_FOREVER, &span) == 0,
	      "grant");
	*(unsigned char *)span.data = byte;
	check(bbq_sender_commit(&hands->sender, 1) == 0, "commit");
}

static unsigned char take(struct hands *hands, enum way way)
{
	struct bbq_view view;
	unsigned char byte;

	if (way == PIPE) {
		check(read(hands->in, &byte, 1) == 1, "read");
		return byte;
	}
	check(bbq_receiver_read(&hands->receiver, BBQ_FOREVER, &view) == 0,
	      "receive");
	byte = *(const unsigned char *)view.data;
	check(bbq_receiver_release(&hands->receiver, 1) == 0, "release");
	return byte;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int compare_ratios(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median time of a round trip, in nanoseconds. */
static int64_t measure(struct hands *hands, enum way way, unsigned int trips,
		       int64_t *times)
{
	hands_set(hands, way);
	for (unsigned int i = 0; i < trips; i++) {
		int64_t begin = now_ns();

		give(hands, way, (unsigned char)i);
		check(take(hands, way) == (unsigned char)i, "a wrong byte");
		times[i] = now_ns() - begin;
	}
	qsort(times, trips, sizeof(*times), compare_times);
	return times[trips / 2];
}

/* The other process: whatever comes goes back, in the same way. */
static _Noreturn void echo(unsigned int turns, unsigned int trips)
{
	struct hands hands;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hands_open(&hands, &back, &there);
	for (unsigned int turn = 0; turn < turns; turn++) {
		for (enum way way = POLL; way < WAYS; way++) {
			hands_set(&hands, way);
			for (unsigned int i = 0; i < trips; i++)
				give(&hands, way, take(&hands, way));
		}
	}
	hands_close(&hands);
	_exit(0);
}

/* Each process on a processor of its own, if there are two. */
static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void report(const char *what, double *ratios, unsigned int turns)
{
	qsort(ratios, turns, sizeof(*ratios), compare_ratios);
	printf("%s: %.2f (median of %u turns; %.2f to %.2f)\n", what,
	       ratios[turns / 2], turns, ratios[turns / 10],
	       ratios[turns - 1 - turns / 10]);
}

static unsigned int number(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);

	check(value > 0 && value <= 10000000, "a number above 0 is needed");
	return (unsigned int)value;
}

int main(int argc, char **argv)
{
	unsigned int turns = argc > 1 ? number(argv[1]) : 25;
	unsigned int trips = argc > 2 ? number(argv[2]) : 4000;
	int64_t *times = calloc(trips, sizeof(*times));
	double *spin = calloc(turns, sizeof(*spin));
	double *sleep = calloc(turns, sizeof(*sleep));
	struct hands hands;
	int status;
	pid_t pid;

	check(times && spin && sleep, "no memory");
	lane_open(&there);
	lane_open(&back);
	pid = fork();
	check(pid >= 0, "fork");
	pin(pid == 0);
	if (pid == 0)
		echo(turns, trips);
	hands_open(&hands, &there, &back);
	for (unsigned int turn = 0; turn < turns; turn++) {
		int64_t median[WAYS];

		for (enum way way = POLL; way < WAYS; way++) {
			median[way] = measure(&hands, way, trips, times);
			printf("%s %6lld ns%s", way_names[way],
			       (long long)median[way],
			       way < WAYS - 1 ? "   " : "\n");
		}
		spin[turn] = (double)median[SPIN] / (double)median[POLL];
		sleep[turn] = (double)median[SLEEP] / (double)median[PIPE];
	}
	check(waitpid(pid, &status, 0) == pid && status == 0, "the other one");
	report("spin / poll", spin, turns);
	report("sleep / pipe", sleep, turns);
	hands_close(&hands);
	bbq_segment_close(there.segment);
	bbq_segment_close(back.segment);
	free(times);
	free(spin);
	free(sleep);
	return 0;
}
