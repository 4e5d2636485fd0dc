/* SPDX-License-Identifier: MIT */
/* An end's descriptor in poll, epoll and io_uring: readable when, and only
 * when, there is something to do. */
#if __has_include(<liburing.h>) /* not in cross builds: tests/meson.build */
#include <liburing.h>
#define HAVE_URING 1
#endif
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "linux.h"

TestSuite(polling, .timeout = PATIENCE);

static struct bbq_segment *segment;
static struct bbq_sender s;
static struct bbq_receiver r;
static struct bbq_span span;
static struct bbq_view view;

static void open_ends(void)
{
	is(0, bbq_sender_open(segment, &s));
	is(0, bbq_receiver_open(segment, &r));
}

static void begin(size_t capacity)
{
	segment = make(capacity);
	open_ends();
}

static void end(void)
{
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

/* Is it readable now, or within so many milliseconds? */
static bool readable(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&pollfd, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

/* A slice, and the looks after it, pass without a reason to look up. */
#define stays_quiet(fd) cr_assert_not(readable(fd, 150))
#define becomes_readable(fd) cr_assert(readable(fd, PATIENCE * 1000))

static void send_bytes(size_t len)
{
	is(0, bbq_sender_grant(&s, len, 0, &span));
	memset(span.data, 'x', len);
	is(0, bbq_sender_commit(&s, len));
}

static void recv_bytes(size_t len)
{
	is(0, bbq_receiver_read(&r, 0, &view));
	cr_assert_geq(view.len, len);
	is(0, bbq_receiver_release(&r, len));
}

/* ---- a receiver -------------------------------------------------------- */

Test(polling, data)
{
	int fd;

	begin(100);
	fd = bbq_receiver_fd(&r);
	cr_assert_geq(fd, 0);
	cr_assert_eq(bbq_receiver_fd(&r), fd);
	for (int i = 0; i < 3; i++) {
		is(-EAGAIN, bbq_receiver_read(&r, 0, &view));
		is(0, bbq_receiver_arm(&r));
		stays_quiet(fd);
		send_bytes(3);
		becomes_readable(fd);
		/* Once readable it stays so, until it is armed again. */
		cr_assert(readable(fd, 0));
		recv_bytes(3);
	}
	end();
}

Test(polling, data_that_is_there)
{
	begin(100);
	send_bytes(1);
	is(0, bbq_receiver_arm(&r));
	cr_assert(readable(bbq_receiver_fd(&r), 0));
	recv_bytes(1);
	/* It was readable, and is not any more. */
	is(0, bbq_receiver_arm(&r));
	stays_quiet(bbq_receiver_fd(&r));
	end();
}

Test(polling, frames)
{
	segment = make_frames(64, 8);
	open_ends();
	is(0, bbq_receiver_arm(&r));
	stays_quiet(bbq_receiver_fd(&r));
	is(0, bbq_sender_frame_grant(&s, 0, 0, &span));
	is(0, bbq_sender_frame_commit(&s, 0));
	becomes_readable(bbq_receiver_fd(&r));
	is(0, bbq_receiver_frame_read(&r, 0, &view));
	is(0, bbq_receiver_frame_release(&r));
	end();
}

/* A wrap of no bytes is something to do: to step over the watermark. */
Test(polling, watermark)
{
	begin(8);
	advance(&s, &r, 5);
	is(0, bbq_sender_arm(&s, 6));
	is(0, bbq_receiver_arm(&r));
	becomes_readable(bbq_sender_fd(&s));
	is(0, bbq_sender_grant(&s, 6, 0, &span));
	is(0, bbq_sender_commit(&s, 6));
	becomes_readable(bbq_receiver_fd(&r));
	recv_bytes(6);
	end();
}

/* ---- a sender ---------------------------------------------------------- */

/* Not before there is room for all that is waited for. */
Test(polling, room)
{
	int fd;

	begin(10);
	send_bytes(10);
	fd = bbq_sender_fd(&s);
	is(-EAGAIN, bbq_sender_grant(&s, 4, 0, &span));
	is(0, bbq_sender_arm(&s, 4));
	for (int i = 0; i < 3; i++) {
		recv_bytes(1);
		stays_quiet(fd);
	}
	recv_bytes(1);
	becomes_readable(fd);
	is(0, bbq_sender_grant(&s, 4, 0, &span));
	is(0, bbq_sender_commit(&s, 0));
	end();
}

Test(polling, room_for_a_frame)
{
	segment = make_frames(10, 1);
	open_ends();
	is(0, bbq_sender_frame_grant(&s, 9, 0, &span));
	is(0, bbq_sender_frame_commit(&s, 9));
	is(0, bbq_sender_arm(&s, 9));
	stays_quiet(bbq_sender_fd(&s));
	is(0, bbq_receiver_frame_read(&r, 0, &view));
	is(0, bbq_receiver_frame_release(&r));
	becomes_readable(bbq_sender_fd(&s));
	while (bbq_sender_frame_grant(&s, 9, 0, &span) == -EAGAIN) {
		is(-EAGAIN, bbq_receiver_frame_read(&r, 0, &view));
		is(0, bbq_sender_arm(&s, 9));
		becomes_readable(bbq_sender_fd(&s));
	}
	end();
}

/* Any length up to the capacity, from anywhere, in bounded rounds. */
Test(polling, every_length)
{
	for (size_t len = 1; len <= 8; len++) {
		for (size_t at = 0; at < 8; at++) {
			int rounds = 0;

			begin(8);
			if (at > 0)
				advance(&s, &r, at);
			send_bytes(8 - at);
			while (bbq_sender_grant(&s, len, 0, &span)) {
				is(0, bbq_sender_arm(&s, len));
				while (!bbq_receiver_read(&r, 0, &view))
					bbq_receiver_release(&r, view.len);
				becomes_readable(bbq_sender_fd(&s));
				cr_assert_lt(++rounds, 4);
			}
			end();
		}
	}
}

/* ---- the peer's end ---------------------------------------------------- */

Test(polling, close)
{
	begin(10);
	is(0, bbq_receiver_arm(&r));
	stays_quiet(bbq_receiver_fd(&r));
	bbq_sender_close(&s);
	becomes_readable(bbq_receiver_fd(&r));
	is(-EAGAIN, bbq_receiver_read(&r, 0, &view));
	is(-EPIPE, bbq_receiver_arm(&r));
	is(-EPIPE, bbq_receiver_read(&r, LONG, &view));
	end();
}

/* What was committed before comes first. */
Test(polling, close_with_bytes_left)
{
	begin(10);
	is(0, bbq_receiver_arm(&r));
	send_bytes(1);
	bbq_sender_close(&s);
	becomes_readable(bbq_receiver_fd(&r));
	is(0, bbq_receiver_arm(&r));
	cr_assert(readable(bbq_receiver_fd(&r), 0));
	recv_bytes(1);
	is(-EPIPE, bbq_receiver_arm(&r));
	end();
}

Test(polling, receiver_closes)
{
	begin(10);
	send_bytes(10);
	is(0, bbq_sender_arm(&s, 1));
	stays_quiet(bbq_sender_fd(&s));
	bbq_receiver_close(&r);
	becomes_readable(bbq_sender_fd(&s));
	is(-EPIPE, bbq_sender_arm(&s, 1));
	end();
}

Test(polling, death)
{
	struct peer peer;

	segment = make(10);
	is(0, bbq_receiver_open(segment, &r));
	peer_start(&peer, bbq_segment_fd(segment), "sender", "say", "wait",
		   NULL);
	peer_await(&peer);
	is(0, bbq_receiver_arm(&r));
	stays_quiet(bbq_receiver_fd(&r));
	peer_kill(&peer);
	becomes_readable(bbq_receiver_fd(&r));
	is(-EOWNERDEAD, bbq_receiver_arm(&r));
	is(-EOWNERDEAD, bbq_receiver_read(&r, LONG, &view));
	/* Who waits for a successor is not bothered with it. */
	r.end.wait_peer = 1;
	is(0, bbq_receiver_arm(&r));
	stays_quiet(bbq_receiver_fd(&r));
	is(0, bbq_sender_open(segment, &s));
	stays_quiet(bbq_receiver_fd(&r));
	send_bytes(1);
	becomes_readable(bbq_receiver_fd(&r));
	recv_bytes(1);
	end();
}

/* ---- beside the verbs -------------------------------------------------- */

/* A verb that sleeps takes the tickets back; both are woken. */
Test(polling, verbs_sleep_meanwhile)
{
	struct peer peer;

	segment = make(1);
	is(0, bbq_receiver_open(segment, &r));
	r.end.spin = 0;
	peer_start(&peer, bbq_segment_fd(segment), "sender", "slowly",
		   "ping:2000", NULL);
	for (int i = 0; i < 2000; i++) {
		const char text[2] = { (char)('a' + i % 26), '\0' };

		if (i % 3 < 2)
			is(0, bbq_receiver_arm(&r));
		if (i % 6 == 0)
			becomes_readable(bbq_receiver_fd(&r));
		recv_text(&r, text);
	}
	is(-EOWNERDEAD, bbq_receiver_read(&r, LONG, &view));
	peer_done(&peer);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

Test(polling, with_one_open)
{
	begin(10);
	is(0, bbq_sender_grant(&s, 1, 0, &span));
	is(-EBUSY, bbq_sender_arm(&s, 1));
	is(0, bbq_sender_commit(&s, 1));
	is(0, bbq_receiver_read(&r, 0, &view));
	is(-EBUSY, bbq_receiver_arm(&r));
	is(-EMSGSIZE, bbq_sender_arm(&s, 11));
	is(-EINVAL, bbq_sender_arm(&s, 0));
	end();
}

Test(polling, null_and_closed)
{
	is(-EINVAL, bbq_sender_fd(NULL));
	is(-EINVAL, bbq_receiver_fd(NULL));
	is(-EINVAL, bbq_sender_arm(NULL, 1));
	is(-EINVAL, bbq_receiver_arm(NULL));
	begin(10);
	end();
	is(-EBADMSG, bbq_sender_fd(&s));
	is(-EBADMSG, bbq_receiver_fd(&r));
	is(-EBADMSG, bbq_sender_arm(&s, 1));
	is(-EBADMSG, bbq_receiver_arm(&r));
}

/* It goes with its end, armed or not, slices or not; thread and all. */
Test(polling, leaves_nothing)
{
	size_t fds, threads = entries("/proc/self/task", "");

	begin(10);
	fds = open_fds();
	end();
	for (int i = 0; i < 20; i++) {
		begin(10);
		r.end.slice_ns = i % 3 ? -1 : 1000;
		cr_assert_geq(bbq_sender_fd(&s), 0);
		cr_assert_geq(bbq_receiver_fd(&r), 0);
		if (i % 2)
			is(0, bbq_receiver_arm(&r));
		end();
	}
	begin(10);
	cr_assert_eq(open_fds(), fds);
	end();
	/* A joined thread's entry may still be on its way out. */
	while (entries("/proc/self/task", "") != threads)
		usleep(1000);
}

Test(polling, no_descriptor_left)
{
	struct rlimit limits;

	begin(10);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limits), 0);
	limits.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limits), 0);
	is(-EMFILE, bbq_receiver_fd(&r));
	is(-EMFILE, bbq_receiver_arm(&r));
	limits.rlim_cur = limits.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limits), 0);
	is(0, bbq_receiver_arm(&r));
	end();
}

/* Signals are for the threads of the program, not for ours. */
Test(polling, signals_are_blocked)
{
	char line[256];
	unsigned long long blocked = 0;
	FILE *file;
	char path[64];

	begin(10);
	cr_assert_geq(bbq_receiver_fd(&r), 0);
	for (int tid = getpid() + 1; blocked == 0; tid++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
		file = fopen(path, "re");
		if (!file)
			continue;
		while (fgets(line, sizeof(line), file))
			sscanf(line, "SigBlk: %llx", &blocked);
		fclose(file);
	}
	cr_assert(blocked & 1u << (SIGTERM - 1));
	cr_assert(blocked & 1u << (SIGALRM - 1));
	end();
}

/* ---- epoll and io_uring ------------------------------------------------ */

/* Two queues by one epoll, edge and level. */
Test(polling, epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct bbq_segment *other = make(10);
	struct bbq_sender s2;
	struct bbq_receiver r2;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	begin(10);
	is(0, bbq_sender_open(other, &s2));
	is(0, bbq_receiver_open(other, &r2));
	event.data.u32 = 1;
	cr_assert_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, bbq_receiver_fd(&r),
			       &event),
		     0);
	event.events |= EPOLLET;
	event.data.u32 = 2;
	cr_assert_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, bbq_receiver_fd(&r2),
			       &event),
		     0);
	for (int i = 0; i < 50; i++) {
		is(0, bbq_receiver_arm(&r));
		is(0, bbq_receiver_arm(&r2));
		send_text(i % 2 ? &s : &s2, "a");
		cr_assert_eq(epoll_wait(epoll, &event, 1, PATIENCE * 1000), 1);
		cr_assert_eq(event.data.u32, i % 2 ? 1 : 2);
		recv_text(i % 2 ? &r : &r2, "a");
	}
	close(epoll);
	bbq_sender_close(&s2);
	bbq_receiver_close(&r2);
	bbq_segment_close(other);
	end();
}

#ifdef HAVE_URING
Test(polling, io_uring)
{
	struct io_uring uring;
	struct io_uring_cqe *cqe;

	begin(10);
	is(0, io_uring_queue_init(4, &uring, 0));
	for (int i = 0; i < 50; i++) {
		is(0, bbq_receiver_arm(&r));
		io_uring_prep_poll_add(io_uring_get_sqe(&uring),
				       bbq_receiver_fd(&r), POLLIN);
		cr_assert_eq(io_uring_submit(&uring), 1);
		cr_assert_eq(io_uring_peek_cqe(&uring, &cqe), -EAGAIN);
		send_text(&s, "a");
		is(0, io_uring_wait_cqe(&uring, &cqe));
		cr_assert(cqe->res & POLLIN);
		io_uring_cqe_seen(&uring, cqe);
		recv_text(&r, "a");
	}
	io_uring_queue_exit(&uring);
	end();
}
#endif
