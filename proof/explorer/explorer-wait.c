/* SPDX-License-Identifier: MIT */
/*
 * explorer-wait.c - the event count under RC11: libbbq/wait.c as it is
 *
 * wait.c, verbs.c, bbq.h and core.h are compiled here with the compiler's atomic
 * operations, and the two system calls of wait.c, turned into the explorer's.
 * A sender sends some messages and a receiver receives all their bytes; both
 * sleep when they must. Nobody stops before the last byte is released, so an
 * execution in which both are at rest and one is asleep has lost a wake-up.
 *
 * exit status: 0 nothing wrong, 1 a violation, which is printed, 2 usage
 */
#include <errno.h>
#include <getopt.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "explore.h"

/*
 * A part of wait.c's protocol to leave out, to see that it is missed:
 *     b  the sleeper's fence (not its membarrier)
 *     q  the waker's fence
 *     m  what membarrier does to the other thread
 */
static char left_out;

static uint64_t load(const void *word, int order);
static void store(void *word, uint64_t value, int order);
static void fence(const char *function, int order);
static long system_call(long number, ...);

#define __atomic_load_n(word, order) \
	((__typeof__(*(word) + 0))load(word, order))
#define __atomic_store_n(word, value, order) store(word, value, order)
#define __atomic_thread_fence(order) fence(__func__, order)
#define __atomic_signal_fence(order) ((void)(order))
#define syscall system_call

#include "wait.c"
#include "verbs.c"

#define SENDER 0
#define RECEIVER 1
#define LAST_BYTE 0x80 /* of the last message */
#define FRESH 0x7f

/* What to run. */
struct wait_case {
	unsigned capacity;
	unsigned messages;
	unsigned barrier[2]; /* does that side have membarrier? */
	unsigned timeouts;   /* slices of sleep that end in vain */
	bool whole; /* all of a grant is committed, of a read released */
	bool wake;  /* by bbq_end_wake, which leaves and arrives, not notify */
};

static struct wait_case now;
static bool attaching;
static struct bbq_buffer words;
static struct bbq_side sides[2];
static unsigned char data[MAX_BYTES];

struct sender_side {
	struct bbq_sender sender;
	uint8_t left;
	uint8_t sent;
};

struct receiver_side {
	struct bbq_receiver receiver;
	bool over;
	uint8_t got;
};

/* ---- what wait.c is compiled against ------------------------------------ */

static enum order order_of(int order)
{
	switch (order) {
	case __ATOMIC_RELAXED:
		return ORDER_RELAXED;
	case __ATOMIC_ACQUIRE:
		return ORDER_ACQUIRE;
	case __ATOMIC_RELEASE:
		return ORDER_RELEASE;
	default:
		return ORDER_SEQ_CST;
	}
}

/* Loaded by no other thread, and looked at by nobody: they decide nothing. */
static bool is_counter(const void *word)
{
	const char *at = word;

	for (unsigned side = 0; side < 2; side++) {
		const char *from = (const char *)&sides[side].count;

		if (at >= from && at < from + sizeof(sides[side].count))
			return true;
	}
	return false;
}

static uint64_t load(const void *word, int order)
{
	/* Stored before either side came, and never after. */
	for (unsigned side = 0; side < 2; side++)
		if (word == &sides[side].barrier)
			return now.barrier[side];
	if (attaching || is_counter(word))
		return 0;
	return explore_load(word, order_of(order));
}

static void store(void *word, uint64_t value, int order)
{
	if (is_counter(word))
		return;
	explore_store(word, value, order_of(order));
}

static void fence(const char *function, int order)
{
	bool waker = strcmp(function, "bbq_end_notify") == 0;

	if (left_out != (waker ? 'q' : 'b'))
		explore_fence(order_of(order));
}

static long futex(const uint32_t *word, int operation, uint32_t value)
{
	if (operation == FUTEX_WAKE) {
		explore_futex_wake(word);
		return 0;
	}
	if (operation != FUTEX_WAIT)
		explore_fail("futex operation %d", operation);
	switch (explore_futex_wait(word, value)) {
	case EXPLORE_CHANGED:
		errno = EAGAIN;
		return -1;
	case EXPLORE_TIMEOUT:
		errno = ETIMEDOUT;
		return -1;
	default:
		return 0;
	}
}

static void global_membarrier(int command)
{
	if (command != MEMBARRIER_CMD_GLOBAL_EXPEDITED)
		explore_fail("membarrier command %d", command);
	/* It reaches who is registered, and nobody else. */
	if (left_out == 'm' || !now.barrier[SENDER] || !now.barrier[RECEIVER])
		explore_fence(ORDER_SEQ_CST);
	else
		explore_membarrier();
}

static long system_call(long number, ...)
{
	va_list args;
	long result = 0;

	va_start(args, number);
	if (number == SYS_futex) {
		const uint32_t *word = va_arg(args, const uint32_t *);
		int operation = va_arg(args, int);

		result = futex(word, operation, va_arg(args, uint32_t));
	} else {
		global_membarrier(va_arg(args, int));
	}
	va_end(args);
	return result;
}

/* Nobody dies here, and nobody closes. */
int bbq_end_peer(const struct bbq_end *end)
{
	(void)end;
	return 0;
}

int bbq_end_gone(const struct bbq_end *end)
{
	return bbq_end_peer(end);
}

/* Nobody asks for a descriptor. */
void bbq_watch_disarm(struct bbq_end *end)
{
	(void)end;
}

bool bbq_end_finish(struct bbq_end *end)
{
	(void)end;
	explore_fail("the end of an end");
}

size_t bbq_segment_fill(const struct bbq_segment *segment)
{
	(void)segment;
	explore_fail("a look at the segment");
}

/* ---- the two threads ---------------------------------------------------- */

static void check(int error, const char *call)
{
	if (error)
		explore_fail("%s: error %d", call, -error);
	explore_note("%s: done", call);
}

static int commit(struct bbq_sender *sender, size_t used)
{
	int error;

	if (!now.wake)
		return bbq_sender_commit(sender, used);
	error = bbq_commit(&sender->producer, used);
	bbq_end_wake(&sender->end);
	return error;
}

static int release(struct bbq_receiver *receiver, size_t used)
{
	int error;

	if (!now.wake)
		return bbq_receiver_release(receiver, used);
	error = bbq_release(&receiver->consumer, used);
	bbq_end_wake(&receiver->end);
	return error;
}

static void send_one(struct sender_side *side)
{
	size_t len = 1 + explore_choose(now.capacity, "grant - 1");
	size_t used = now.whole
			      ? len
			      : 1 + explore_choose((unsigned)len, "commit - 1");
	struct bbq_span span = { 0 };

	check(bbq_sender_grant(&side->sender, len, BBQ_FOREVER, &span),
	      "grant");
	side->left--;
	for (size_t i = 0; i < used; i++)
		explore_store_byte(
			(unsigned char *)span.data + i,
			(unsigned char)(side->sent + i +
					(side->left == 0 && i + 1 == used
						 ? LAST_BYTE
						 : 0)));
	side->sent = (uint8_t)(side->sent + used);
	check(commit(&side->sender, used), "commit");
}

static bool sender_step(struct sender_side *side)
{
	if (side->left == 0)
		return false;
	send_one(side);
	return true;
}

static void look_at(struct receiver_side *side, const struct bbq_view *view,
		    size_t used)
{
	for (size_t i = 0; i < used; i++) {
		unsigned char byte = explore_load_byte(
			(const unsigned char *)view->data + i);

		if ((byte & ~LAST_BYTE) != side->got)
			explore_fail("byte %u is %x", side->got, byte);
		side->got++;
		side->over = byte & LAST_BYTE;
	}
}

static void receive_some(struct receiver_side *side)
{
	struct bbq_view view = { 0 };
	size_t used;

	check(bbq_receiver_read(&side->receiver, BBQ_FOREVER, &view), "read");
	used = now.whole
		       ? view.len
		       : 1 + explore_choose((unsigned)view.len, "release - 1");
	look_at(side, &view, used);
	check(release(&side->receiver, used), "release");
}

static bool receiver_step(struct receiver_side *side)
{
	if (side->over)
		return false;
	receive_some(side);
	return true;
}

static bool step(unsigned thread, void *private)
{
	return thread == SENDER ? sender_step(private) : receiver_step(private);
}

static void finish(void *const private[])
{
	const struct sender_side *sender = private[SENDER];
	const struct receiver_side *receiver = private[RECEIVER];

	if (sender->sent != receiver->got)
		explore_fail("%u sent, %u received", sender->sent,
			     receiver->got);
}

/* ---- what is run -------------------------------------------------------- */

/* Capacity, messages, membarrier at sender and receiver, timeouts, ... */
static const struct wait_case quick[] = {
	/* clang-format off */
	{ 1, 1, { 0, 0 }, 1, false, false }, { 1, 2, { 0, 0 }, 1, false, false },
	{ 2, 1, { 0, 0 }, 2, false, false }, { 2, 2, { 0, 0 }, 0, true, false },
	{ 1, 1, { 1, 1 }, 1, false, false }, { 1, 2, { 1, 1 }, 1, false, false },
	{ 2, 1, { 1, 1 }, 2, false, false }, { 2, 2, { 1, 1 }, 0, true, false },
	{ 1, 2, { 1, 0 }, 0, false, false }, { 1, 2, { 0, 1 }, 0, false, false },
	{ 1, 2, { 0, 0 }, 1, false, true }, { 1, 2, { 1, 1 }, 0, false, true },
	{ 0 },
	/* clang-format on */
};

static const struct wait_case full[] = {
	/* clang-format off */
	{ 1, 2, { 0, 0 }, 2, false, false }, { 2, 2, { 0, 0 }, 0, false, false },
	{ 1, 3, { 0, 0 }, 0, false, false }, { 3, 2, { 0, 0 }, 0, true, false }, { 4, 1, { 0, 0 }, 1, false, false },
	{ 1, 2, { 1, 1 }, 2, false, false }, { 2, 2, { 1, 1 }, 0, false, false },
	{ 3, 2, { 1, 1 }, 0, true, false }, { 4, 1, { 1, 1 }, 1, false, false },
	{ 1, 2, { 1, 0 }, 1, false, false }, { 2, 2, { 1, 0 }, 0, false, false },
	{ 1, 2, { 0, 1 }, 1, false, false }, { 2, 2, { 0, 1 }, 0, false, false },
	{ 1, 3, { 0, 0 }, 0, false, true }, { 2, 2, { 1, 1 }, 0, true, true },
	{ 0 },
	/* clang-format on */
};

static const char usage[] =
	"usage: explorer-wait [options]\n"
	"\n"
	"The event count of wait.c under RC11, in a table of bounds.\n"
	"\n"
	"  --full               a longer table\n"
	"  --capacity N         one row instead: so many bytes,\n"
	"  --messages K         so many messages,\n"
	"  --membarrier SIDES   membarrier at the sender (1), receiver (2), both (3),\n"
	"  --timeouts T         so many sleeps that may time out,\n"
	"  --whole              all of a grant committed, of a read released,\n"
	"  --wake               and wakes as who comes and goes does (bbq_end_wake)\n"
	"  --without PART       leave out the sleeper's fence (b), the waker's (q),\n"
	"                       or what membarrier does to the other side (m)\n";

static void open_end(struct bbq_end *end, unsigned side)
{
	end->own = &sides[side];
	end->peer = &sides[1 - side];
	end->barrier = now.barrier[side];
}

/* Both are there before it starts: explorer-queue has them come at any time. */
static void attach(struct sender_side *sender, struct receiver_side *receiver)
{
	attaching = true;
	open_end(&sender->sender.end, SENDER);
	open_end(&receiver->receiver.end, RECEIVER);
	if (bbq_producer_init(&sender->sender.producer, &words, data,
			      now.capacity) ||
	    bbq_consumer_init(&receiver->receiver.consumer, &words, data,
			      now.capacity))
		abort();
	attaching = false;
}

static void set_up(void)
{
	static const char *const names[] = { "sender", "receiver" };
	struct sender_side sender;
	struct receiver_side receiver;

	memset(&sender, 0, sizeof(sender));
	memset(&receiver, 0, sizeof(receiver));
	sender.left = (uint8_t)now.messages;
	attach(&sender, &receiver);
	explore_reset(2);
	explore_names(names);
	explore_word(&words.producer.write, "write", 0);
	explore_word(&words.producer.last, "last", 0);
	explore_word(&words.consumer.read, "read", 0);
	explore_word(&sides[SENDER].bell, "the sender's bell", 0);
	explore_word(&sides[SENDER].ticket, "the sender's ticket", 0);
	explore_word(&sides[RECEIVER].bell, "the receiver's bell", 0);
	explore_word(&sides[RECEIVER].ticket, "the receiver's ticket", 0);
	explore_bytes(data, now.capacity, FRESH);
	explore_private(SENDER, &sender, sizeof(sender));
	explore_private(RECEIVER, &receiver, sizeof(receiver));
}

static bool run_row(const struct wait_case *row, struct explore_result *total)
{
	static const char *const barriers[] = { "fences", "sender", "receiver",
						"both" };
	const struct program program = {
		.threads = 2,
		.private_size = sizeof(union {
			struct sender_side sender;
			struct receiver_side receiver;
		}),
		.step = step,
		.finish = finish,
		.timeouts = row->timeouts,
		.membarrier = row->barrier[SENDER] || row->barrier[RECEIVER],
	};
	struct explore_result result;
	clock_t begin = clock();
	bool fine;

	now = *row;
	set_up();
	fine = explore(&program, &result);
	printf("%-10s %3u %8u %-6s %-6s %8u %11llu %12llu %8llu %7.1f  %s\n",
	       barriers[row->barrier[SENDER] + 2 * row->barrier[RECEIVER]],
	       row->capacity, row->messages, row->whole ? "whole" : "any",
	       row->wake ? "wake" : "notify", row->timeouts, result.states,
	       result.events, result.ends,
	       (double)(clock() - begin) / CLOCKS_PER_SEC,
	       fine ? "ok" : "VIOLATION");
	fflush(stdout);
	total->states += result.states;
	total->events += result.events;
	total->ends += result.ends;
	return fine;
}

static bool run_table(const struct wait_case *row)
{
	struct explore_result total = { 0 };
	unsigned rows = 0;

	printf("membarrier   N messages parts  by     timeouts      states       events"
	       "     ends seconds\n");
	for (; row->capacity; row++, rows++)
		if (!run_row(row, &total))
			return false;
	printf("%u bounds, %llu states, %llu events, %llu ends: no violation\n",
	       rows, total.states, total.events, total.ends);
	return true;
}

static _Noreturn void die_of_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > max)
		die_of_usage();
	return (unsigned)value;
}

static char letter(const char *text)
{
	if (strlen(text) != 1 || !strchr("bqm", *text))
		die_of_usage();
	return *text;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "full", no_argument, NULL, 'F' },
		{ "capacity", required_argument, NULL, 'n' },
		{ "messages", required_argument, NULL, 'k' },
		{ "membarrier", required_argument, NULL, 'b' },
		{ "timeouts", required_argument, NULL, 't' },
		{ "whole", no_argument, NULL, 'W' },
		{ "wake", no_argument, NULL, 'r' },
		{ "without", required_argument, NULL, 'w' },
		{ 0 },
	};
	struct wait_case one[2] = { { .messages = 2 }, { 0 } };
	const struct wait_case *table = quick;
	unsigned barrier;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'F':
			table = full;
			break;
		case 'n':
			one[0].capacity = number(optarg, 8);
			table = one;
			break;
		case 'k':
			one[0].messages = number(optarg, 8);
			break;
		case 'b':
			barrier = number(optarg, 3);
			one[0].barrier[SENDER] = barrier & 1;
			one[0].barrier[RECEIVER] = barrier >> 1;
			break;
		case 't':
			one[0].timeouts = number(optarg, 8);
			break;
		case 'W':
			one[0].whole = true;
			break;
		case 'r':
			one[0].wake = true;
			break;
		case 'w':
			left_out = letter(optarg);
			break;
		default:
			die_of_usage();
		}
	}
	if (optind < argc)
		die_of_usage();
	return run_table(table) ? 0 : 1;
}
