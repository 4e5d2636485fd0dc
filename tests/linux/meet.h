/* SPDX-License-Identifier: MIT */
/* Both sides of a channel in one process: one of them in a thread. */
#ifndef TESTS_LINUX_MEET_H
#define TESTS_LINUX_MEET_H

#include <pthread.h>
#include <sys/socket.h>

#include <bbq/channel.h>

#include "linux.h"

/* One side of an agreement: what it does, and what came of it. */
struct side {
	struct bbq_channel *channel;
	bool offers;
	enum bbq_role role;
	struct bbq_config config; /* of who offers */
	size_t capacity_max;	  /* of who takes */
	int64_t timeout_ns;	  /* 0: LONG */
	struct bbq_segment *segment;
	int error;
};

static inline void *side_run(void *arg)
{
	struct side *side = arg;
	int64_t timeout = side->timeout_ns ? side->timeout_ns : LONG;

	side->segment = NULL;
	side->error = side->offers
			      ? bbq_channel_offer(side->channel, side->role,
						  &side->config, timeout,
						  &side->segment)
			      : bbq_channel_take(side->channel, side->role,
						 side->capacity_max, timeout,
						 &side->segment);
	return NULL;
}

/* Both at once. */
static inline void agree(struct side *a, struct side *b)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, side_run, b), 0);
	side_run(a);
	pthread_join(thread, NULL);
}

static inline struct bbq_channel *adopt(int fd)
{
	struct bbq_channel *channel = NULL;

	is(0, bbq_channel_adopt(fd, NULL, &channel));
	close(fd);
	return channel;
}

static inline void channel_pair(struct bbq_channel *ret[2])
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
		     0);
	ret[0] = adopt(fds[0]);
	ret[1] = adopt(fds[1]);
}

/* A sealed queue, its two segments and ends, and the channels of both. */
struct sealed {
	struct bbq_channel *channel[2];
	struct bbq_segment *sending;
	struct bbq_segment *receiving;
	struct bbq_sender sender;
	struct bbq_receiver receiver;
};

static inline void sealed_agree(struct sealed *ret,
				const struct bbq_config *config)
{
	struct side a = {
		.channel = ret->channel[0],
		.offers = true,
		.role = BBQ_ROLE_PRODUCER,
		.config = *config,
	};
	struct side b = {
		.channel = ret->channel[1],
		.role = BBQ_ROLE_CONSUMER,
	};

	agree(&a, &b);
	cr_assert_eq(a.error, 0);
	cr_assert_eq(b.error, 0);
	ret->sending = a.segment;
	ret->receiving = b.segment;
}

static inline void sealed_open(struct sealed *ret, size_t capacity)
{
	const struct bbq_config config = { .capacity = capacity };

	channel_pair(ret->channel);
	sealed_agree(ret, &config);
	is(0, bbq_sender_open(ret->sending, &ret->sender));
	is(0, bbq_receiver_open(ret->receiving, &ret->receiver));
}

static inline void sealed_close(struct sealed *sealed)
{
	bbq_sender_close(&sealed->sender);
	bbq_receiver_close(&sealed->receiver);
	bbq_segment_close(sealed->sending);
	bbq_segment_close(sealed->receiving);
	bbq_channel_close(sealed->channel[0]);
	bbq_channel_close(sealed->channel[1]);
}

#endif /* TESTS_LINUX_MEET_H */
