/* SPDX-License-Identifier: MIT */
/*
 * scribbler SECONDS [SEED] - an honest end beside a peer that scribbles
 *
 * In each round a victim opens one end of a queue and works with it, in one of
 * the ways there are, while the scribbler (scribble.h) writes into all that it
 * can map. Whatever the victim is told must be an error that the header
 * documents, whatever region it gets must lie in the data, where it touches
 * every byte, and it must come back from every call. What it cannot survive,
 * a signal, a report of a sanitizer, or a call without end, is a failure, and
 * is printed with the seed and the round. It is built for ASan and UBSan, and
 * for mutants.sh's sake without them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "scribble.h"

#define check(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

/* Seconds for a round of milliseconds, by when a call surely has no end. */
#define PATIENCE 60
#define ROUND_MS 40
#define REOPENS 200

static uint64_t seed;
static uint64_t round_number;

/* What the victims saw; in memory that they share with us. */
static struct tally {
	uint64_t calls;
	uint64_t moved; /* bytes */
	uint64_t opened;
	uint64_t again; /* -EAGAIN and -ETIMEDOUT */
	uint64_t broken;
	uint64_t gone; /* -EPIPE and -EOWNERDEAD */
	uint64_t other;
} * tally;

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "scribbler: %d: not %s (seed %llu, round %llu)\n", line,
		what, (unsigned long long)seed,
		(unsigned long long)round_number);
	_exit(1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the victim -------------------------------------------------------- */

struct victim {
	struct bbq_segment *segment;
	struct bbq_sender sender;
	struct bbq_receiver receiver;
	const unsigned char *data;
	size_t capacity;
	bool frames;
};

static const int documented[] = {
	-EAGAIN, -ETIMEDOUT, -EPIPE,	-EOWNERDEAD, -EBADMSG,
	-EINTR,	 -EBUSY,     -EMSGSIZE, -EADDRINUSE,
};

/* Every error is one that the caller was told of. True: go on. */
static bool goes_on(int error)
{
	size_t i = 0;

	tally->calls++;
	if (error == 0)
		return true;
	while (i < 9 && documented[i] != error)
		i++;
	check(i < 9);
	if (error == -EAGAIN || error == -ETIMEDOUT)
		tally->again++;
	else if (error == -EBADMSG)
		tally->broken++;
	else if (error == -EPIPE || error == -EOWNERDEAD)
		tally->gone++;
	else
		tally->other++;
	return error != -EBADMSG;
}

/* Not outside, and all of it is there. */
static size_t inside(const struct victim *victim, const void *data, size_t len)
{
	const unsigned char *from = data;
	size_t start = (size_t)(from - victim->data);
	unsigned int sum = 0;

	check(start <= victim->capacity && len <= victim->capacity - start);
	for (size_t i = 0; i < len; i++)
		sum += __atomic_load_n(from + i, __ATOMIC_RELAXED);
	__asm__ volatile("" : : "r"(sum));
	tally->moved += len;
	return len;
}

/* None, or milliseconds. */
static int64_t some_timeout(void)
{
	return one_in(2) ? 0 : (int64_t)below(3) * 1000000;
}

/* A descriptor: it is armed, and polled, and may say anything. */
static bool wait_at(int fd, int armed)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	check(fd >= 0);
	if (!goes_on(armed))
		return false;
	poll(&wait, 1, (int)below(3));
	return true;
}

static bool send_some(struct victim *v)
{
	struct bbq_sender *s = &v->sender;
	struct bbq_span span;
	size_t len = 1 + below(one_in(4) ? v->capacity + 2 : 100);
	int error;

	if (one_in(20))
		return wait_at(bbq_sender_fd(s), bbq_sender_arm(s, len));
	if (one_in(20))
		return goes_on(bbq_sender_wait(s, len, some_timeout()));
	error = v->frames
			? bbq_sender_frame_grant(s, len, some_timeout(), &span)
			: bbq_sender_grant_range(s, 1 + below(len), len,
						 some_timeout(), &span);
	if (error)
		return goes_on(error);
	check(span.len > 0 && span.len <= len);
	inside(v, span.data, span.len);
	memset(span.data, (int)len, span.len);
	len = below(span.len + 1);
	if (one_in(8))
		return goes_on(bbq_sender_commit(s, 0));
	if (v->frames)
		return goes_on(bbq_sender_frame_commit(s, len));
	if (one_in(2) && !goes_on(bbq_sender_commit_part(s, len)))
		return false;
	return goes_on(bbq_sender_commit(s, 0));
}

/* Frames one by one off a whole part. */
static bool take_apart(struct victim *v, const struct bbq_view views[2])
{
	struct bbq_view rest = views[0], frame;
	int error;

	while ((error = bbq_frame_next(&v->receiver.consumer, &rest, &frame)) ==
	       0)
		inside(v, frame.data, frame.len);
	if (error != -EAGAIN)
		return goes_on(error);
	return goes_on(bbq_receiver_frames_release(
		       &v->receiver, views[0].len - rest.len, 1)) &&
	       goes_on(bbq_receiver_release(&v->receiver, 0));
}

static bool receive_split(struct victim *v)
{
	struct bbq_view views[2];
	int error =
		bbq_receiver_read_split(&v->receiver, some_timeout(), views);
	size_t len;

	if (error)
		return goes_on(error);
	check(views[0].len > 0);
	len = inside(v, views[0].data, views[0].len);
	if (views[1].len > 0)
		len += inside(v, views[1].data, views[1].len);
	check(len <= v->capacity);
	if (v->frames)
		return take_apart(v, views);
	return goes_on(bbq_receiver_release_part(&v->receiver,
						 below(len + 1))) &&
	       goes_on(bbq_receiver_release(&v->receiver, 0));
}

static bool receive_frame(struct victim *v)
{
	struct bbq_view view;
	int error =
		bbq_receiver_frame_read(&v->receiver, some_timeout(), &view);

	if (error)
		return goes_on(error);
	inside(v, view.data, view.len);
	return goes_on(one_in(4) ? bbq_receiver_release(&v->receiver, 0)
				 : bbq_receiver_frame_release(&v->receiver));
}

static bool receive_some(struct victim *v)
{
	struct bbq_receiver *r = &v->receiver;
	struct bbq_view view;
	int error;

	if (one_in(20))
		return wait_at(bbq_receiver_fd(r), bbq_receiver_arm(r));
	if (one_in(20))
		return goes_on(bbq_receiver_wait(r, some_timeout()));
	if (one_in(3))
		return receive_split(v);
	if (v->frames)
		return receive_frame(v);
	error = bbq_receiver_read(r, some_timeout(), &view);
	if (error)
		return goes_on(error);
	inside(v, view.data, view.len);
	return goes_on(bbq_receiver_release(r, below(view.len + 1)));
}

/* What tells of the peer and of the queue, to whoever asks. */
static void ask(const struct victim *v, const struct bbq_end *end)
{
	struct bbq_counters counters;

	check(bbq_segment_fill(v->segment) <= v->capacity);
	check(bbq_segment_sent(v->segment, &counters) == 0);
	check(bbq_segment_received(v->segment, &counters) == 0);
	goes_on(bbq_end_peer(end));
	bbq_end_peer_came(end);
}

static void set_up(struct bbq_end *end)
{
	tally->opened++;
	end->spin = (unsigned int)below(3) * 100;
	end->slice_ns = 1 + (int64_t)below(3000000);
	end->wait_peer = one_in(4);
}

static void send_all(struct victim *v, int64_t until)
{
	int error = bbq_sender_open(v->segment, &v->sender);

	if (error) {
		goes_on(error);
		return;
	}
	set_up(&v->sender.end);
	while (now_ms() < until && send_some(v))
		if (one_in(16))
			ask(v, &v->sender.end);
	if (one_in(4))
		goes_on(bbq_sender_finish(&v->sender, some_timeout()));
	if (one_in(2))
		bbq_sender_close(&v->sender);
	else
		bbq_sender_abandon(&v->sender);
}

static void receive_all(struct victim *v, int64_t until)
{
	int error = bbq_receiver_open(v->segment, &v->receiver);

	if (error) {
		goes_on(error);
		return;
	}
	set_up(&v->receiver.end);
	while (now_ms() < until && receive_some(v))
		if (one_in(16))
			ask(v, &v->receiver.end);
	if (one_in(2))
		bbq_receiver_close(&v->receiver);
	else
		bbq_receiver_abandon(&v->receiver);
}

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

/* Work as one of the two, and again after each -EBADMSG, for the round. */
static void be_victim(int fd, bool sends)
{
	int64_t until = now_ms() + ROUND_MS;
	struct victim v = { .segment = NULL };

	for (int i = 0; i < REOPENS && now_ms() < until; i++) {
		/* Its header is the peer's too, but this is checked once. */
		int error = bbq_segment_attach(fd, &v.segment);

		if (error) {
			check(error == -EPROTO || error == -EBUSY);
			tally->other++;
			continue;
		}
		v.data = bbq_segment_data(v.segment);
		v.capacity = bbq_segment_capacity(v.segment);
		v.frames = bbq_segment_mode(v.segment) == BBQ_MODE_FRAMES;
		if (sends)
			send_all(&v, until);
		else
			receive_all(&v, until);
		bbq_segment_close(v.segment);
	}
}

/* In a child of its own; the wait status. */
static int run_victim(int fd, bool sends, uint64_t chance)
{
	int status;
	pid_t pid = fork();

	check(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(PATIENCE);
		chance_state = chance;
		be_victim(fd, sends);
		exit(0); /* LeakSanitizer looks here */
	}
	check(waitpid(pid, &status, 0) == pid);
	return status;
}

static pid_t start_scribbler(const struct scene *scene, uint64_t chance)
{
	pid_t pid = fork();

	check(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		chance_state = chance;
		scribble(scene);
	}
	return pid;
}

static void round_of(uint64_t chance)
{
	struct bbq_segment *segment;
	struct bbq_config config;
	struct scene scene = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	char path[32];
	struct stat st;
	pid_t peer;
	int status;

	chance_state = chance;
	config = some_config();
	check(bbq_segment_create(&config, &segment) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 bbq_segment_fd(segment));
	scene.lock_fd = open(path, O_RDWR | O_CLOEXEC);
	check(scene.lock_fd >= 0 && fstat(scene.lock_fd, &st) == 0);
	scene.map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, scene.lock_fd, 0);
	check(scene.map != MAP_FAILED);
	scene.capacity = config.capacity;
	scene.mode = config.mode;
	scene.frame_align = config.frame_align ? config.frame_align : 1;
	scene.header = one_in(10);
	scene.producer = scene.consumer = true;
	scene.sends = one_in(2);
	if (one_in(4)) {
		close(scene.lock_fd);
		scene.lock_fd = -1;
	}

	peer = start_scribbler(&scene, draw());
	status = run_victim(bbq_segment_fd(segment), !scene.sends, draw());
	check(kill(peer, SIGKILL) == 0);
	check(waitpid(peer, NULL, 0) == peer);
	check(munmap(scene.map, (size_t)st.st_size) == 0);
	if (scene.lock_fd >= 0)
		close(scene.lock_fd);
	bbq_segment_close(segment);
	if (status != 0) {
		fprintf(stderr, "scribbler: a victim ended with status %#x\n",
			(unsigned int)status);
		fail("the victim is unharmed", __LINE__);
	}
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
		round_of(seed * 1000003 + round_number);
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
