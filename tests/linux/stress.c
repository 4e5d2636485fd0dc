/* SPDX-License-Identifier: MIT */
/*
 * stress.c - hand-overs without a net: no spinning, no slices
 *
 *     linux-stress [SECONDS]              for each way of waking, and queue
 *     linux-stress send|recv ...          one of the two processes; spawned
 *
 * With a spin budget of 0 a verb that finds nothing sleeps at once, and with
 * the slices off nothing but its peer's ring wakes it. So a ring that is lost
 * stops both processes for good, and this one, which watches them, says with
 * what. Both ways of waking are tried: membarrier, and fences in processes in
 * which membarrier is refused.
 *
 * Queues of one byte are strictly in turn. In the others lengths are random
 * and either side may come first; their grants over half the capacity need the
 * wrap that a want publishes, and the ring when the receiver steps over it.
 * Now and then a side dawdles for less than a microsecond or two.
 *
 * A missing barrier needs more: a publication within some ten nanoseconds of
 * the other side's look before its sleep, by one who is awake. So in one of
 * the queues the sides lie in ambush, in turn: one does not sleep but watches
 * the other's notes until that has done its part, and must be on its way into
 * the sleep.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refuse.h"
#include "storm.h"
#include "stuck.h"

extern char **environ;

/* What goes on at one queue. */
struct queue {
	const char *name;
	size_t capacity;
	enum bbq_mode mode;
	bool ambushes;
};

static struct ledger *ledger;
static struct bbq_segment *segment;
static size_t capacity;
static bool ambushes;

static void dawdle(void)
{
	if (!ambushes && one_in(4))
		for (volatile uint64_t n = below(1000); n > 0; n--)
			;
}

/*
 * In turn: until the other's position is that, but not for ever. And a moment
 * more for both, or the other would be there first each time.
 */
static void ambush(enum side side, uint64_t at, uint64_t others)
{
	if (!ambushes)
		return;
	for (int i = 0; (at >> 10 & 1) == side && i < 50000; i++)
		if (look(&ledger->note[!side].done) == others)
			break;
	for (volatile uint64_t n = below(256); n > 0; n--)
		;
}

static bool no_more(void)
{
	return __atomic_load_n(&ledger->stop, __ATOMIC_RELAXED);
}

/* ---- the sender -------------------------------------------------------- */

static int send_bytes_until(struct bbq_sender *s, uint64_t *ret)
{
	uint64_t at = 0;

	while (!no_more()) {
		size_t len = 1 + (size_t)below(capacity);
		struct bbq_span span;
		int error;

		ambush(SENDER, at, at);
		error = bbq_sender_grant(s, len, BBQ_FOREVER, &span);
		if (error)
			return error;
		dawdle();
		stream_fill(span.data, 1, at, len);
		error = bbq_sender_commit(s, len);
		if (error)
			return error;
		at += len;
		*ret = at;
		put(&ledger->note[SENDER].done, at);
	}
	return 0;
}

static int send_frames_until(struct bbq_sender *s, uint64_t *ret)
{
	size_t max = frame_max(capacity, 1);

	for (uint64_t k = 0; !no_more();) {
		size_t len = frame_len(k, max);
		struct bbq_span span;
		int error;

		error = bbq_sender_frame_grant(s, len, BBQ_FOREVER, &span);
		if (error)
			return error;
		dawdle();
		stream_fill(span.data, k, 0, len);
		error = bbq_sender_frame_commit(s, len);
		if (error)
			return error;
		*ret = ++k;
		put(&ledger->note[SENDER].done, k);
	}
	return 0;
}

static int run_sender(bool refuses)
{
	struct bbq_sender s;
	uint64_t sent = 0;
	int error = bbq_sender_open(segment, &s);

	if (error)
		return error;
	if (s.end.barrier != !refuses)
		return -ENOSYS;
	s.end.spin = 0;
	s.end.slice_ns = -1;
	error = bbq_segment_mode(segment) == BBQ_MODE_FRAMES
			? send_frames_until(&s, &sent)
			: send_bytes_until(&s, &sent);
	if (!error)
		error = bbq_sender_finish(&s, BBQ_FOREVER);
	bbq_sender_close(&s);
	return error;
}

/* ---- the receiver ------------------------------------------------------ */

static int recv_bytes_until(struct bbq_receiver *r)
{
	uint64_t at = 0;

	for (;;) {
		struct bbq_view view;
		size_t len;
		int error;

		ambush(RECEIVER, at, at + capacity);
		error = bbq_receiver_read(r, BBQ_FOREVER, &view);
		if (error)
			return error;
		if (!stream_fits(view.data, 1, at, view.len))
			return -EILSEQ;
		dawdle();
		len = 1 + (size_t)below(view.len);
		error = bbq_receiver_release(r, len);
		if (error)
			return error;
		at += len;
		put(&ledger->note[RECEIVER].done, at);
	}
}

static int recv_frames_until(struct bbq_receiver *r)
{
	size_t max = frame_max(capacity, 1);
	struct bbq_view view;
	int error;

	for (uint64_t k = 0;;) {
		error = bbq_receiver_frame_read(r, BBQ_FOREVER, &view);
		if (error)
			return error;
		if (view.len != frame_len(k, max) ||
		    !stream_fits(view.data, k, 0, view.len))
			return -EILSEQ;
		dawdle();
		error = bbq_receiver_frame_release(r);
		if (error)
			return error;
		put(&ledger->note[RECEIVER].done, ++k);
	}
}

static int run_receiver(bool refuses)
{
	struct bbq_receiver r;
	int error = bbq_receiver_open(segment, &r);

	if (error)
		return error;
	if (r.end.barrier != !refuses)
		return -ENOSYS;
	r.end.spin = 0;
	r.end.slice_ns = -1;
	error = bbq_segment_mode(segment) == BBQ_MODE_FRAMES
			? recv_frames_until(&r)
			: recv_bytes_until(&r);
	bbq_receiver_close(&r);
	return error == -EPIPE ? 0 : error;
}

/* ---- the processes ----------------------------------------------------- */

static bool map_ledger(int fd)
{
	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	return ledger != MAP_FAILED;
}

/* send|recv, is membarrier refused, in ambush, the ledger, the segment */
static int other(char *argv[])
{
	bool refuses = atoi(argv[2]);
	int error = 0;

	ambushes = atoi(argv[3]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	chance_state = (uint64_t)getpid() << 32;
	if (!map_ledger(atoi(argv[4])))
		error = -errno;
	if (!error && refuses)
		error = refuse_membarrier();
	if (!error)
		error = bbq_segment_attach(atoi(argv[5]), &segment);
	if (!error) {
		capacity = bbq_segment_capacity(segment);
		error = argv[1][0] == 's' ? run_sender(refuses)
					  : run_receiver(refuses);
		bbq_segment_close(segment);
	}
	if (error)
		fprintf(stderr, "stress: %s: %s\n", argv[1], strerror(-error));
	return error != 0;
}

static int start(const char *what, const struct queue *queue, bool refuses,
		 int ledger_fd, pid_t *ret)
{
	char args[4][16];
	char *argv[] = { (char *)"/proc/self/exe",
			 (char *)what,
			 args[0],
			 args[1],
			 args[2],
			 args[3],
			 NULL };

	snprintf(args[0], sizeof(args[0]), "%d", refuses);
	snprintf(args[1], sizeof(args[1]), "%d", queue->ambushes);
	snprintf(args[2], sizeof(args[2]), "%d", ledger_fd);
	snprintf(args[3], sizeof(args[3]), "%d", bbq_segment_fd(segment));
	return posix_spawn(ret, argv[0], NULL, NULL, argv, environ);
}

/* Both have ended, and well. */
static bool ended(pid_t pids[2])
{
	bool both = true;

	for (int i = 0; i < 2; i++) {
		int status = 0;

		if (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) > 0)
			pids[i] = 0;
		if (status != 0) {
			fprintf(stderr, "stress: a side ended with %#x\n",
				(unsigned int)status);
			_exit(1);
		}
		both = both && pids[i] == 0;
	}
	return both;
}

static _Noreturn void fail(const char *what, const pid_t pids[2])
{
	fprintf(stderr, "stress: %s; sent %llu, had %llu\n", what,
		(unsigned long long)ledger->note[SENDER].done,
		(unsigned long long)ledger->note[RECEIVER].done);
	describe(segment, pids);
	for (int i = 0; i < 2; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	_exit(1);
}

/* Let them run for so long, then to their end. */
static void watch(pid_t pids[2], double seconds)
{
	struct stuck s = { .looks = 0 };
	double begin = now();

	while (!ended(pids)) {
		uint64_t progress = look(&ledger->note[SENDER].done) * 2 +
				    look(&ledger->note[RECEIVER].done) +
				    (pids[0] == 0) + (pids[1] == 0);

		usleep(ledger->stop ? 1000 : 100000);
		if (now() - begin > seconds)
			__atomic_store_n(&ledger->stop, 1, __ATOMIC_RELAXED);
		if (stuck(&s, progress, pids))
			fail("nothing moves any more: a wake-up was lost",
			     pids);
	}
}

/* How often each has slept; all of them woke up, or run() had failed. */
static uint64_t print_counters(const char *queue, bool refuses)
{
	struct bbq_counters sent, received;
	uint64_t sleeps;

	bbq_segment_sent(segment, &sent);
	bbq_segment_received(segment, &received);
	sleeps = sent.sleeps + received.sleeps;
	printf("%s, %s: %llu sleeps of the sender, %llu of the receiver\n",
	       refuses ? "fences" : "membarrier", queue,
	       (unsigned long long)sent.sleeps,
	       (unsigned long long)received.sleeps);
	fflush(stdout);
	return sleeps;
}

static uint64_t run(const struct queue *queue, bool refuses, double seconds)
{
	const struct bbq_config config = {
		.capacity = queue->capacity,
		.mode = queue->mode,
	};
	int ledger_fd = memfd_create("stress", 0);
	pid_t pids[2];
	uint64_t sleeps;

	if (ledger_fd < 0 || ftruncate(ledger_fd, sizeof(*ledger)) < 0 ||
	    !map_ledger(ledger_fd) || bbq_segment_create(&config, &segment) ||
	    fcntl(bbq_segment_fd(segment), F_SETFD, 0) < 0 ||
	    start("send", queue, refuses, ledger_fd, &pids[SENDER]) ||
	    start("recv", queue, refuses, ledger_fd, &pids[RECEIVER])) {
		perror("stress");
		_exit(1);
	}
	watch(pids, seconds);
	if (ledger->note[SENDER].done != ledger->note[RECEIVER].done)
		fail("not all has arrived", pids);
	sleeps = print_counters(queue->name, refuses);
	bbq_segment_close(segment);
	munmap(ledger, sizeof(*ledger));
	close(ledger_fd);
	return sleeps;
}

int main(int argc, char *argv[])
{
	static const struct queue queues[] = {
		{ "in turn", 1, BBQ_MODE_BYTES, false },
		{ "in ambush", 1, BBQ_MODE_BYTES, true },
		{ "three bytes", 3, BBQ_MODE_BYTES, false },
		{ "frames", 40, BBQ_MODE_FRAMES, false },
	};
	double seconds;
	uint64_t sleeps = 0;

	if (argc == 6)
		return other(argv);
	seconds = argc > 1 ? atof(argv[1]) : 48;
	for (int i = 0; i < 8; i++)
		sleeps += run(&queues[i / 2], i % 2, seconds / 8);
	printf("%llu sleeps, all of them over\n", (unsigned long long)sleeps);
	return 0;
}
