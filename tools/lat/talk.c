/* SPDX-License-Identifier: MIT */
/*
 * talk.c - what the two processes do in a sample
 *
 * Near sends, and far sends back; or far does not, and then takes the time. A
 * message that was due at a time counts from then, and not from when it could
 * be sent: if either side is held up, all messages that are due meanwhile
 * show it, as they would show it to who waits for them. Near stores how many
 * messages there are before it sends the last one, so far finds the number
 * there when it has taken that one.
 */
#include <errno.h>
#include <string.h>

#include "lat.h"

/* Far takes near's time: both read one clock of one machine. */
static uint64_t elapsed(int64_t from, int64_t to)
{
	return to > from ? (uint64_t)(to - from) : 0;
}

/* The time that the message counts from; not before it has come. */
static int64_t await(const struct pace *pace, int64_t begin, uint64_t number)
{
	int64_t due;

	if (pace->interval <= 0)
		return clock_ns();
	due = begin + (int64_t)((double)number * pace->interval);
	while (clock_ns() < due && !stopping)
		;
	return due;
}

static void stamp(struct lat *lat, int64_t value)
{
	memcpy(lat->message, &value, sizeof(value));
}

static int exchange(struct lat *lat, const struct way *way, struct hand *hand)
{
	int error = way->send(hand, lat->message);

	if (!error && lat->shared->job.reply)
		error = way->recv(hand, lat->answer);
	return error;
}

/* What has come back must be what was sent, every byte of it. */
static bool changed(const struct lat *lat)
{
	return lat->shared->job.reply &&
	       memcmp(lat->message, lat->answer, lat->options->setup.size) != 0;
}

/* -EILSEQ: a message has come back changed. */
int talk_near(struct lat *lat, const struct pace *pace, struct histogram *ret)
{
	const struct job *job = &lat->shared->job;
	const struct way *way = ways[job->way];
	struct hand *hand = &lat->hands[job->way];
	int64_t begin = clock_ns(), now = begin;
	bool last = false;

	for (uint64_t i = 0; !last; i++) {
		int64_t from;
		int error;

		last = i + 1 == pace->count || now - begin >= pace->ns;
		if (last)
			__atomic_store_n(&lat->shared->last, i + 1,
					 __ATOMIC_RELEASE);
		stamp(lat, (int64_t)i);
		from = await(pace, begin, i);
		if (job->one_way)
			stamp(lat, from);
		error = exchange(lat, way, hand);
		now = clock_ns();
		if (error || stopping)
			return error ? error : -EINTR;
		if (changed(lat))
			return -EILSEQ;
		if (!job->one_way)
			histogram_add(ret, elapsed(from, now));
	}
	return 0;
}

/* Take a message, and the time that it was under way. */
static int receive(struct lat *lat, const struct way *way, struct hand *hand)
{
	int error = way->recv(hand, lat->message);
	int64_t now = clock_ns();
	int64_t from;

	if (error)
		return error;
	memcpy(&from, lat->message, sizeof(from));
	histogram_add(&lat->shared->histogram, elapsed(from, now));
	return lat->shared->job.reply ? way->send(hand, lat->message) : 0;
}

int talk_far(struct lat *lat)
{
	const struct job *job = &lat->shared->job;
	const struct way *way = ways[job->way];
	struct hand *hand = &lat->hands[job->way];
	uint64_t n = 0;
	int error = 0;

	do {
		error = job->one_way ? receive(lat, way, hand)
				     : way->echo(hand);
		n++;
	} while (!error &&
		 n < __atomic_load_n(&lat->shared->last, __ATOMIC_ACQUIRE));
	return error;
}
