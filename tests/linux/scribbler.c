/* SPDX-License-Identifier: MIT */
/*
 * scribbler SECONDS [SEED] - an honest end beside a peer that scribbles
 *
 * In each round a victim (victim.h) opens one end of a queue and works with it
 * in one of the ways there are, while a scribbler (scribble.h) writes into all
 * that it can map. Whatever the victim is told must be an error that the header
 * documents, whatever region it gets must lie in the data, where it touches
 * every byte, and it must come back from every call. In a sealed segment, not
 * one byte of its own half may change while it does nothing.
 *
 * A signal, a report of a sanitizer, or a call without end is a failure too.
 * Each is printed with the seed and the round.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <bbq/channel.h>

#include "victim.h"

/* Seconds for a round of milliseconds, by when a call surely has no end. */
#define PATIENCE 60
#define ROUND_MS 40
#define REOPENS 200

/* ---- a round ----------------------------------------------------------- */

static const size_t capacities[] = { 1, 2, 13, 100, 120, 1000, 4096, 65000 };

static struct bbq_config some_config(void)
{
	const size_t aligns[] = { 1, 8, 64 };
	struct bbq_config config = { .capacity = capacities[below(8)] };

	if (one_in(2)) {
		config.mode = BBQ_MODE_FRAMES;
		config.frame_align = aligns[below(3)];
	}
	return config;
}

static void work(struct victim *v, bool sends, int64_t until)
{
	v->data = bbq_segment_data(v->segment);
	v->capacity = bbq_segment_capacity(v->segment);
	v->frames = bbq_segment_mode(v->segment) == BBQ_MODE_FRAMES;
	if (sends)
		send_all(v, until);
	else
		receive_all(v, until);
	bbq_segment_close(v->segment);
}

/* A child that ends with us; 0 in the child. */
static pid_t start(uint64_t chance)
{
	pid_t pid = fork();

	check(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		chance_state = chance;
	}
	return pid;
}

/* The victim comes to its end by itself; the scribbler never does. */
static void await(pid_t victim, pid_t scribbler)
{
	int status;

	check(waitpid(victim, &status, 0) == victim);
	kill(scribbler, SIGKILL);
	check(waitpid(scribbler, NULL, 0) == scribbler);
	if (status != 0) {
		fprintf(stderr, "scribbler: a victim ended with status %#x\n",
			(unsigned int)status);
		fail("the victim is unharmed", __LINE__);
	}
}

/* ---- durable: both write all of one segment ---------------------------- */

/* Work as one of the two, and again after each -EBADMSG, for the round. */
static _Noreturn void durable_victim(struct bbq_segment *inherited, bool sends)
{
	int64_t until = now_ms() + ROUND_MS;
	struct victim v = { .segment = NULL };
	int fd = fcntl(bbq_segment_fd(inherited), F_DUPFD_CLOEXEC, 0);

	check(fd >= 0);
	bbq_segment_close(inherited);
	alarm(PATIENCE);
	for (int i = 0; i < REOPENS && now_ms() < until; i++) {
		/* Its header is the peer's too, but this is checked once. */
		int error = bbq_segment_attach(fd, &v.segment);

		if (error) {
			check(error == -EPROTO || error == -EBUSY);
			tally->other++;
			continue;
		}
		work(&v, sends, until);
	}
	exit(0); /* LeakSanitizer looks here */
}

/* All of the segment, as the scribbler maps it. */
static struct scene durable_scene(const struct bbq_segment *segment,
				  const struct bbq_config *config)
{
	struct scene scene = {
		.page = (size_t)sysconf(_SC_PAGESIZE),
		.capacity = config->capacity,
		.mode = config->mode,
		.frame_align = config->frame_align ? config->frame_align : 1,
		.header = one_in(10),
		.producer = true,
		.consumer = true,
		.sends = one_in(2),
	};
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 bbq_segment_fd(segment));
	scene.lock_fd = open(path, O_RDWR | O_CLOEXEC);
	check(scene.lock_fd >= 0);
	scene.map = mmap(NULL, 3 * scene.page + scene.capacity,
			 PROT_READ | PROT_WRITE, MAP_SHARED, scene.lock_fd, 0);
	check(scene.map != MAP_FAILED);
	return scene;
}

static void durable_round(void)
{
	const struct bbq_config config = some_config();
	struct bbq_segment *segment;
	struct scene scene;
	pid_t victim, scribbler;

	check(bbq_segment_create(&config, &segment) == 0);
	scene = durable_scene(segment, &config);
	scribbler = start(draw());
	if (scribbler == 0)
		scribble(&scene);
	victim = start(draw());
	if (victim == 0)
		durable_victim(segment, !scene.sends);
	await(victim, scribbler);
	munmap(scene.map, 3 * scene.page + scene.capacity);
	close(scene.lock_fd);
	bbq_segment_close(segment);
}

/* ---- sealed: each writes its own half ---------------------------------- */

/* Agree on a queue with whoever is at the other end of the socket. */
static int meet(int fd, bool sends, bool offers,
		const struct bbq_config *config, struct bbq_segment **ret)
{
	enum bbq_role role = sends ? BBQ_ROLE_PRODUCER : BBQ_ROLE_CONSUMER;
	const int64_t timeout = INT64_C(20) * 1000000000;
	struct bbq_channel *channel;
	int error;

	check(bbq_channel_adopt(fd, NULL, &channel) == 0);
	error = offers ? bbq_channel_offer(channel, role, config, timeout, ret)
		       : bbq_channel_take(channel, role, 0, timeout, ret);
	bbq_channel_close(channel);
	return error;
}

static _Noreturn void sealed_victim(int fd, bool sends, bool offers,
				    const struct bbq_config *config)
{
	struct victim v = { .sealed = true };

	alarm(PATIENCE);
	check(meet(fd, sends, offers, config, &v.segment) == 0);
	work(&v, sends, now_ms() + ROUND_MS);
	exit(0);
}

static _Noreturn void sealed_scribbler(int fd, bool sends, bool offers,
				       const struct bbq_config *config)
{
	struct scene scene = {
		.page = (size_t)sysconf(_SC_PAGESIZE),
		.sealed = true,
		.producer = sends,
		.consumer = !sends,
		.sends = sends,
		.lock_fd = -1,
	};
	struct bbq_segment *segment;

	check(meet(fd, sends, offers, config, &segment) == 0);
	scene.map = (unsigned char *)bbq_segment_data(segment) - 3 * scene.page;
	scene.capacity = bbq_segment_capacity(segment);
	scene.mode = bbq_segment_mode(segment);
	scene.frame_align = bbq_segment_frame_align(segment);
	scribble(&scene);
}

static void sealed_round(void)
{
	const struct bbq_config config = some_config();
	bool sends = one_in(2), offers = one_in(2);
	pid_t victim, scribbler;
	int fds[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	scribbler = start(draw());
	if (scribbler == 0) {
		close(fds[0]);
		sealed_scribbler(fds[1], !sends, !offers, &config);
	}
	victim = start(draw());
	if (victim == 0) {
		close(fds[1]);
		sealed_victim(fds[0], sends, offers, &config);
	}
	close(fds[0]);
	close(fds[1]);
	await(victim, scribbler);
}

int main(int argc, char *argv[])
{
	int64_t end;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: scribbler SECONDS [SEED]\n");
		return 2;
	}
	seed = argc > 2 ? (uint64_t)strtoull(argv[2], NULL, 0)
			: (uint64_t)getpid();
	end = now_ms() + strtoll(argv[1], NULL, 0) * 1000;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(tally != MAP_FAILED);
	while (now_ms() < end) {
		chance_state = seed * 1000003 + round_number;
		if (one_in(2))
			sealed_round();
		else
			durable_round();
		round_number++;
	}
	printf("%llu rounds: %llu calls, %llu bytes, opened %llu times; "
	       "not now %llu, impossible %llu, peer gone %llu, other %llu\n",
	       (unsigned long long)round_number,
	       (unsigned long long)tally->calls,
	       (unsigned long long)tally->moved,
	       (unsigned long long)tally->opened,
	       (unsigned long long)tally->again,
	       (unsigned long long)tally->broken,
	       (unsigned long long)tally->gone,
	       (unsigned long long)tally->other);
	/* Nothing of it may have been for nothing. */
	check(tally->moved > 0 && tally->broken > 0 && tally->again > 0);
	return 0;
}
