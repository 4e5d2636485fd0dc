/* SPDX-License-Identifier: MIT */
/*
 * storm.c - two processes at one queue, and everything that befalls processes
 *
 *     linux-storm [SECONDS [SEED]]
 *
 * Two actors (storm-actor.c) move a stream through a segment, while this one,
 * the conductor, does something to one or both of them, each time a moment
 * later:
 *
 *     kill     -9, anywhere: in a claim, in a verb, asleep, stopped
 *     stop     and let go on: soon, or after the peer was replaced meanwhile
 *     leave    asks it to; it closes its role, or abandons it, or just exits
 *     calm     nothing, until both have got on: here a lost wake-up shows,
 *              since half of the actors sleep without slices
 *
 * Whoever is gone is replaced, at once or after a while. After some rounds the
 * stream is ended, has to arrive whole, and the next segment is made: another
 * capacity, bytes or frames, by name or by descriptor.
 *
 * What must hold is checked by the actors, from the notes that both sides make
 * in the ledger (storm.h); when both are gone, also here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "storm.h"
#include "stuck.h"

extern char **environ;

#define BOTH 2

static struct ledger *ledger;
static int ledger_fd;
static struct bbq_segment *segment;
static char name[64]; /* of the segment; empty: a memfd */
static uint64_t seed;
static pid_t pids[2];
static bool stopped[2];
static double finished[2]; /* when; 0: not yet */
static uint64_t lives[2];

static struct {
	unsigned long rounds, kills[3], stops[3], leaves[3], calms, audits;
	unsigned long byte_queues, frame_queues;
	uint64_t bytes, frames, byte_again, frame_again, polls;
	uint64_t sleeps, rings;
	size_t least, most; /* capacity */
} sum;

static const char *const side_names[] = { "sender", "receiver" };

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "storm: %s\nround %lu, seed %llu\n", what, sum.rounds,
		(unsigned long long)seed);
	for (int i = 0; i < 2 && segment; i++) {
		const struct note *note = &ledger->note[i];

		fprintf(stderr, "%s: done %llu, meant %llu, seen %llu\n",
			side_names[i], (unsigned long long)note->done,
			(unsigned long long)note->meant,
			(unsigned long long)note->seen);
	}
	if (segment)
		describe(segment, pids);
	for (int i = 0; i < 2; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	if (name[0])
		bbq_segment_unlink(name);
	_exit(1);
}

#define check(condition) ((condition) ? (void)0 : fail("not so: " #condition))

static void wait_us(uint64_t us)
{
	const struct timespec time = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000,
	};

	if (us > 0)
		nanosleep(&time, NULL);
}

/* ---- actors ------------------------------------------------------------ */

static void start(int side)
{
	char args[4][24];
	char *argv[] = { (char *)ACTOR, (char *)(side ? "recv" : "send"),
			 args[0],	args[1],
			 args[2],	name[0] ? name : args[3],
			 NULL };

	snprintf(args[0], sizeof(args[0]), "%llu",
		 (unsigned long long)++lives[side]);
	snprintf(args[1], sizeof(args[1]), "%llu", (unsigned long long)draw());
	snprintf(args[2], sizeof(args[2]), "%d", ledger_fd);
	snprintf(args[3], sizeof(args[3]), "%d", bbq_segment_fd(segment));
	finished[side] = 0;
	check(posix_spawn(&pids[side], ACTOR, NULL, NULL, argv, environ) == 0);
}

/* One has ended: was that to be expected? */
static void ended(int side, int status)
{
	bool killed = WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL ||
					      WTERMSIG(status) == SIGTERM);

	if (WIFEXITED(status) && WEXITSTATUS(status) == STORM_FINISHED) {
		check(ledger->stop);
		finished[side] = now();
	} else if (!killed &&
		   !(WIFEXITED(status) && WEXITSTATUS(status) == STORM_LEFT)) {
		fprintf(stderr, "storm: the %s ended with status %#x\n",
			side_names[side], (unsigned int)status);
		fail("an actor has found something wrong, or crashed");
	}
}

static void reap(int side)
{
	pid_t pid = pids[side];
	int status;

	check(waitpid(pid, &status, 0) == pid);
	pids[side] = 0;
	stopped[side] = false;
	ended(side, status);
}

/* Whoever has ended meanwhile, by itself. */
static void reap_ended(void)
{
	for (int side = 0; side < 2; side++) {
		siginfo_t info = { .si_pid = 0 };

		if (pids[side] > 0 &&
		    waitid(P_PID, (id_t)pids[side], &info,
			   WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid > 0)
			reap(side);
	}
}

static void go_on(int side)
{
	if (stopped[side])
		kill(pids[side], SIGCONT);
	stopped[side] = false;
}

static bool is_for(int who, int side)
{
	return who == BOTH || who == side;
}

/* ---- what is so when nobody is there ----------------------------------- */

static uint64_t cursor_of(int side)
{
	char *data = bbq_segment_data(segment);
	long page = sysconf(_SC_PAGESIZE);
	const struct bbq_producer_page *producer = (void *)(data - 2 * page);
	const struct bbq_consumer_page *consumer = (void *)(data - page);

	return side == SENDER ? producer->words.write : consumer->words.read;
}

/* Where a dead side is in the stream: its notes, and its cursor. */
static uint64_t position_of(int side)
{
	const struct note *note = &ledger->note[side];

	return note->meant != note->done && cursor_of(side) == note->after
		       ? note->meant
		       : note->done;
}

/* Both are dead: the queue holds what one has sent and the other not had. */
static void audit(void)
{
	uint64_t sent = position_of(SENDER), had = position_of(RECEIVER);
	struct bbq_counters out, in;

	sum.audits++;
	check(bbq_segment_sent(segment, &out) == 0);
	check(bbq_segment_received(segment, &in) == 0);
	if (bbq_segment_mode(segment) == BBQ_MODE_BYTES) {
		check(sent - had == bbq_segment_fill(segment));
		check(out.bytes <= sent && in.bytes <= had);
	} else {
		check((sent == had) == (bbq_segment_fill(segment) == 0));
		check(out.frames <= sent && in.frames <= had);
	}
}

/* ---- rounds ------------------------------------------------------------ */

/* It has finished, and the other does not seem to need it once more. */
static bool is_over(int side)
{
	return finished[side] > 0 &&
	       (finished[!side] > 0 || now() - finished[side] < 0.05);
}

/* Replace whoever is gone, mostly at once. */
static void replace(void)
{
	reap_ended();
	if (!pids[SENDER] && !pids[RECEIVER])
		audit();
	for (int i = 0, first = (int)below(2); i < 2; i++) {
		int side = first ^ i;

		if (pids[side] || is_over(side))
			continue;
		if (one_in(8))
			wait_us(one_in(64) ? 150000 : below(3000));
		start(side);
	}
}

/* The dying one is mostly reaped before its successor starts, but not always. */
static void kill_now(int who)
{
	sum.kills[who]++;
	for (int side = 0; side < 2; side++)
		if (is_for(who, side) && pids[side] > 0) {
			put(&ledger->note[side].doomed, lives[side]);
			kill(pids[side], SIGKILL);
		}
	for (int side = 0; side < 2; side++) {
		pid_t dying = pids[side];
		int status;

		if (!is_for(who, side) || dying == 0)
			continue;
		if (who == BOTH || one_in(2)) {
			reap(side);
			continue;
		}
		stopped[side] = false;
		start(side);
		check(waitpid(dying, &status, 0) == dying);
		ended(side, status);
		finished[side] = 0;
	}
}

/* Half of the time it stays so over the next rounds. */
static void stop_now(int who)
{
	sum.stops[who]++;
	for (int side = 0; side < 2; side++)
		if (is_for(who, side) && pids[side] > 0) {
			kill(pids[side], SIGSTOP);
			stopped[side] = true;
		}
	wait_us(one_in(400) ? 150000 : below(2000));
	for (int side = 0; side < 2; side++)
		if (is_for(who, side) && one_in(2))
			go_on(side);
}

/* SIGTERM again and again: one may come just before a sleep without end. */
static void leave_now(int who)
{
	double begin = now();

	sum.leaves[who]++;
	for (int side = 0; side < 2; side++)
		if (is_for(who, side))
			go_on(side);
	for (;;) {
		bool there = false;

		for (int side = 0; side < 2; side++)
			if (is_for(who, side) && pids[side] > 0) {
				kill(pids[side], SIGTERM);
				there = true;
			}
		if (!there)
			return;
		wait_us(500);
		reap_ended();
		if (now() - begin > STUCK_ANYHOW)
			fail("an actor does not leave");
	}
}

static uint64_t progress(void)
{
	return look(&ledger->note[SENDER].done) * 2 +
	       look(&ledger->note[RECEIVER].done) + lives[0] + lives[1];
}

/* Let them be until both have done something, and the stream has moved. */
static void calm(void)
{
	uint64_t sent = look(&ledger->note[SENDER].done);
	uint64_t had = look(&ledger->note[RECEIVER].done);
	struct stuck s = { .looks = 0 };

	if (ledger->stop)
		return;
	sum.calms++;
	go_on(SENDER);
	go_on(RECEIVER);
	while (look(&ledger->note[SENDER].done) == sent ||
	       look(&ledger->note[RECEIVER].done) == had) {
		wait_us(s.looks > 20 ? 50000 : 300);
		replace();
		if (stuck(&s, progress(), pids))
			fail("nothing moves any more: a wake-up was lost");
	}
}

static void play_round(void)
{
	int who = one_in(3) ? BOTH : (int)below(2);

	sum.rounds++;
	replace();
	wait_us(one_in(8) ? 0 : below(one_in(4) ? 8000 : 1500));
	switch (below(16)) {
	case 0:
		calm();
		break;
	case 1:
	case 2:
	case 3:
		leave_now(who);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		stop_now(who);
		break;
	default:
		kill_now(who);
	}
	for (int side = 0; side < 2; side++)
		if (one_in(2))
			go_on(side);
}

/* ---- segments ---------------------------------------------------------- */

static void make_segment(void)
{
	static const size_t sizes[] = { 64,  65,   100,	 127,	256,
					999, 4096, 4097, 65536, 1 << 20 };
	static const size_t aligns[] = { 1, 8, 64 };
	struct bbq_config config = { .mode = BBQ_MODE_BYTES };
	size_t exponent = 6 + (size_t)below(14);

	/* Half of them of the list, half between 64 and 1 MiB. */
	config.capacity = sizes[below(10)];
	if (one_in(2))
		config.capacity = ((size_t)1 << exponent) +
				  (size_t)below((uint64_t)1 << exponent);
	if (one_in(2)) {
		config.mode = BBQ_MODE_FRAMES;
		config.frame_align = aligns[below(3)];
	}
	name[0] = '\0';
	if (one_in(2)) {
		snprintf(name, sizeof(name), "/bbq-storm-%d", (int)getpid());
		check(bbq_segment_create_named(name, &config, &segment) == 0);
	} else {
		check(bbq_segment_create(&config, &segment) == 0);
		check(fcntl(bbq_segment_fd(segment), F_SETFD, 0) == 0);
	}
	memset(ledger, 0, sizeof(*ledger));
	ledger->key = draw();
	ledger->conductor = getpid();
	for (int side = 0; side < 2; side++) {
		lives[side] = 0;
		finished[side] = 0;
	}
	if (!sum.least || sum.least > config.capacity)
		sum.least = config.capacity;
	if (sum.most < config.capacity)
		sum.most = config.capacity;
}

static void add_up(void)
{
	const struct note *in = &ledger->note[RECEIVER];
	struct bbq_counters sent, received;

	sum.bytes += in->bytes;
	sum.polls += in->polls + ledger->note[SENDER].polls;
	if (bbq_segment_mode(segment) == BBQ_MODE_FRAMES) {
		sum.frame_queues++;
		sum.frames += in->done;
		sum.frame_again += in->again;
	} else {
		sum.byte_queues++;
		sum.byte_again += in->again;
	}
	bbq_segment_sent(segment, &sent);
	bbq_segment_received(segment, &received);
	sum.sleeps += sent.sleeps + received.sleeps;
	sum.rings += sent.rings + received.rings;
}

/* The stream ends where it is, arrives, and leaves nothing behind. */
static void end_segment(void)
{
	struct stuck s = { .looks = 0 };

	__atomic_store_n(&ledger->stop, 1, __ATOMIC_SEQ_CST);
	for (uint64_t n = one_in(2) ? below(4) : 0; n > 0; n--)
		play_round();
	go_on(SENDER);
	go_on(RECEIVER);
	while (finished[SENDER] <= 0 || finished[RECEIVER] <= 0) {
		replace();
		wait_us(s.looks > 20 ? 50000 : 300);
		if (stuck(&s, progress(), pids))
			fail("the stream does not end");
		reap_ended();
	}
	audit();
	check(position_of(SENDER) == position_of(RECEIVER));
	check(bbq_segment_fill(segment) == 0);
	add_up();
	if (name[0]) {
		check(bbq_segment_retire(segment) == 0);
		check(!bbq_segment_has_name(segment));
	}
	bbq_segment_close(segment);
	segment = NULL;
}

static void print_sum(double seconds)
{
	printf("%lu rounds in %.0f s; sender, receiver, both: "
	       "killed %lu %lu %lu, stopped %lu %lu %lu, left %lu %lu %lu\n",
	       sum.rounds, seconds, sum.kills[0], sum.kills[1], sum.kills[2],
	       sum.stops[0], sum.stops[1], sum.stops[2], sum.leaves[0],
	       sum.leaves[1], sum.leaves[2]);
	printf("%lu calms, %lu audits, %lu queues of bytes and %lu of frames, "
	       "of %zu to %zu bytes\n",
	       sum.calms, sum.audits, sum.byte_queues, sum.frame_queues,
	       sum.least, sum.most);
	printf("delivered %llu bytes of payload, %llu frames; again %llu bytes, "
	       "%llu frames\n",
	       (unsigned long long)sum.bytes, (unsigned long long)sum.frames,
	       (unsigned long long)sum.byte_again,
	       (unsigned long long)sum.frame_again);
	printf("%llu sleeps, %llu rings, %llu waits at a descriptor\n",
	       (unsigned long long)sum.sleeps, (unsigned long long)sum.rings,
	       (unsigned long long)sum.polls);
}

int main(int argc, char *argv[])
{
	double seconds = argc > 1 ? atof(argv[1]) : 60;
	double begin = now();

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)(begin * 1e9);
	chance_state = mix(seed);
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	ledger_fd = memfd_create("storm", 0);
	check(ledger_fd >= 0 && ftruncate(ledger_fd, sizeof(*ledger)) == 0);
	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED,
		      ledger_fd, 0);
	check(ledger != MAP_FAILED);
	while (now() - begin < seconds) {
		make_segment();
		for (uint64_t n = 10 + below(100); n > 0; n--)
			play_round();
		end_segment();
	}
	print_sum(now() - begin);
	return 0;
}
