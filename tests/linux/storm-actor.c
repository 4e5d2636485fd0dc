/* SPDX-License-Identifier: MIT */
/*
 * storm-actor.c - one of the two processes in a storm; see storm.c
 *
 *     storm-actor send|recv LIFE SEED LEDGER-FD FD|/NAME
 *
 * claims the role, works out from its predecessor's notes and its own cursor
 * where the stream goes on, and goes on, until it is killed, told to leave
 * (SIGTERM), or the stream is over. Everything that it does, lengths, verbs,
 * waits, pauses, is by chance. What it checks:
 *
 *     sender    its cursor is where the notes say: as before the publication
 *               that was under way, or as after it
 *     receiver  the same; each byte is the stream's at its position; nothing
 *               is read that no commit was called for; a read does not find
 *               the queue empty while a commit has returned; what a read
 *               shows stays as it is until the release
 *     both      no peer is reported dead or gone that has its role
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "refuse.h"
#include "storm-actor.h"

#define US INT64_C(1000)

struct ledger *ledger;
struct note *own, *peer;
uint64_t at;
size_t capacity;
size_t align;
struct bbq_sender s;
struct bbq_receiver r;
int last_error;

static enum side side;
static uint64_t life;
static struct bbq_segment *segment;
static volatile sig_atomic_t leaving;

/* For the whole life. */
static struct {
	unsigned int spin;
	int wait_peer;
	int64_t slice_ns;
	bool refuses; /* membarrier */
} habits;

_Noreturn void actor_fail(const char *what, const char *file, int line)
{
	fprintf(stderr,
		"%s:%d: not so: %s\n"
		"%s, life %llu, capacity %zu, align %zu, at %llu, error %d\n",
		file, line, what, side == SENDER ? "sender" : "receiver",
		(unsigned long long)life, capacity, align,
		(unsigned long long)at, last_error);
	give_notice();
	_exit(STORM_WRONG);
}

static void leave(int number)
{
	(void)number;
	leaving = 1;
}

static struct bbq_end *end(void)
{
	return side == SENDER ? &s.end : &r.end;
}

static uint64_t cursor(void)
{
	return side == SENDER ? s.producer.write : r.consumer.read;
}

static void nap(void)
{
	if (one_in(2))
		usleep((useconds_t)below(300));
}

void pause_now_and_then(void)
{
	if (one_in(64))
		usleep((useconds_t)below(2000));
}

/* ---- notes ------------------------------------------------------------- */

void begin_note(uint64_t after, uint64_t meant)
{
	put(&own->before, cursor());
	put(&own->after, after);
	put(&own->meant, meant);
}

void end_note(int error)
{
	last_error = error;
	check(error == 0);
	check(cursor() == look(&own->after));
	at = look(&own->meant);
	put(&own->done, at);
}

/*
 * Where the predecessor was. Between publications, the cursor may have wrapped
 * without a byte: a want, or a step over the watermark.
 */
static void resume(void)
{
	uint64_t before = look(&own->before), after = look(&own->after);
	uint64_t done = look(&own->done), meant = look(&own->meant);

	if (meant == done) {
		check(cursor() == after || cursor() == bbq_next_lap_(after) ||
		      cursor() == before);
	} else if (cursor() == after) {
		put(&own->done, meant);
	} else {
		check(cursor() == before);
		put(&own->meant, done);
	}
	put(&own->after, cursor());
	at = look(&own->done);
	check(side == SENDER || at <= look(&own->seen));
	if (side == RECEIVER) {
		own->again += look(&own->seen) - at;
		put(&own->seen, at);
	}
}

/* ---- the role ---------------------------------------------------------- */

static bool has_role(uint64_t present)
{
	return present & 1;
}

static void open_role(void)
{
	int error;

	for (;;) {
		error = side == SENDER ? bbq_sender_open(segment, &s)
				       : bbq_receiver_open(segment, &r);
		/* The predecessor is dying; a process was stopped in the gate. */
		if (error != -EADDRINUSE && error != -EBUSY)
			break;
		if (leaving)
			_exit(STORM_LEFT);
		usleep((useconds_t)below(200));
	}
	last_error = error;
	check(error == 0);
	check(end()->barrier == !habits.refuses);
	end()->spin = habits.spin;
	end()->wait_peer = habits.wait_peer;
	end()->slice_ns = habits.slice_ns;
	resume();
	if (look(&own->present) >> 32 != life)
		put(&own->present, life << 32);
	put(&own->present, look(&own->present) + 1);
}

void give_notice(void)
{
	if (has_role(look(&own->present)))
		put(&own->present, look(&own->present) + 1);
}

static void close_role(void)
{
	give_notice();
	if (side == SENDER && one_in(2))
		bbq_sender_close(&s);
	else if (side == SENDER)
		bbq_sender_abandon(&s);
	else if (one_in(2))
		bbq_receiver_close(&r);
	else
		bbq_receiver_abandon(&r);
}

/* The library says that the peer, who was `before`, is not there. */
static void peer_gone(uint64_t before)
{
	uint64_t present = look(&peer->present);

	/* Doomed afterwards: a life that is killed is doomed first. */
	check(!(has_role(before) && present == before &&
		look(&peer->doomed) < before >> 32));
	if (one_in(8))
		leaving = 1;
	else if (one_in(4)) {
		close_role();
		open_role();
	} else {
		nap();
	}
}

int64_t any_timeout(void)
{
	if (one_in(4))
		return 0;
	return one_in(3) ? (int64_t)below(2000) * US : BBQ_FOREVER;
}

int wait_by_poll(size_t len)
{
	int fd = side == SENDER ? bbq_sender_fd(&s) : bbq_receiver_fd(&r);
	struct pollfd entry = { .fd = fd, .events = POLLIN };
	int error;

	check(fd >= 0);
	error = side == SENDER ? bbq_sender_arm(&s, len) : bbq_receiver_arm(&r);
	if (error)
		return error;
	own->polls++;
	if (poll(&entry, 1, one_in(2) ? -1 : (int)below(3)) > 0)
		check(entry.revents == POLLIN);
	return 0;
}

/* ---- a life ------------------------------------------------------------ */

static bool stream_over(void)
{
	return __atomic_load_n(&ledger->stop, __ATOMIC_SEQ_CST);
}

/* 0 once the stream is over, -EAGAIN to go on. */
static int act(bool over)
{
	uint64_t present = look(&peer->present);

	if (over && side == SENDER) {
		if (end_stream() == 0)
			return 0;
		nap();
		return -EAGAIN;
	}
	last_error = side == SENDER ? send_something() : receive_something();
	if (last_error == -EPIPE && over) {
		bbq_receiver_close(&r);
		return 0;
	}
	if (last_error == -EOWNERDEAD || last_error == -EPIPE) {
		check(last_error == -EPIPE || !habits.wait_peer);
		peer_gone(present);
		return -EAGAIN;
	}
	check(last_error == 0 || last_error == -EAGAIN ||
	      last_error == -ETIMEDOUT || last_error == -EINTR);
	if (last_error == -EAGAIN)
		nap();
	return -EAGAIN;
}

static int live(void)
{
	while (!leaving)
		if (act(stream_over()) == 0)
			return STORM_FINISHED;
	return STORM_LEFT;
}

/* Claims are short; some actors make many, so that some die in one. */
static void claim_often(void)
{
	uint64_t claims = one_in(8) ? below(200) : 0;

	while (claims-- > 0 && !leaving) {
		open_role();
		close_role();
	}
	open_role();
}

static void choose_habits(void)
{
	habits.spin = one_in(3) ? BBQ_SPIN_DEFAULT : (unsigned)below(64);
	habits.wait_peer = one_in(2);
	habits.slice_ns = one_in(2) ? -1 : (int64_t)below(100000) * US + US;
	habits.refuses = one_in(4);
	if (habits.refuses)
		check(refuse_membarrier() == 0);
}

/* The segment by its name or its descriptor. */
static void open_segment(const char *place)
{
	do {
		last_error = place[0] == '/' ? bbq_segment_open(place, &segment)
					     : bbq_segment_attach(atoi(place),
								  &segment);
		/* The peer may be stopped in the gate, for as long as we stay. */
	} while (last_error == -EBUSY && !leaving);
	if (last_error == -EBUSY)
		_exit(STORM_LEFT);
	check(last_error == 0);
	capacity = bbq_segment_capacity(segment);
	if (bbq_segment_mode(segment) == BBQ_MODE_FRAMES)
		align = bbq_segment_frame_align(segment);
}

static void open_ledger(int fd)
{
	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	check(ledger != MAP_FAILED);
	own = &ledger->note[side];
	peer = &ledger->note[!side];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != ledger->conductor)
		_exit(STORM_LEFT);
}

int main(int argc, char *argv[])
{
	const struct sigaction action = { .sa_handler = leave };
	int status;

	if (argc != 6)
		return 2;
	sigaction(SIGTERM, &action, NULL);
	side = argv[1][0] == 's' ? SENDER : RECEIVER;
	life = strtoull(argv[2], NULL, 10);
	chance_state = strtoull(argv[3], NULL, 10);
	open_ledger(atoi(argv[4]));
	choose_habits();
	open_segment(argv[5]);
	claim_often();
	status = live();
	if (status == STORM_LEFT) {
		/* With a word or without, and the grant or read still open. */
		give_notice();
		if (one_in(2))
			close_role();
		_exit(STORM_LEFT);
	}
	bbq_segment_close(segment);
	/*
	 * Not by return: a search for leaks stops the process by ptrace, and
	 * hangs for ever if the conductor stops it, too, at that moment.
	 */
	_exit(status);
}
