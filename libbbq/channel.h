/* SPDX-License-Identifier: MIT */
/* channel.h - what the files of the channel share. */
#ifndef LIBBBQ_CHANNEL_H
#define LIBBBQ_CHANNEL_H

#include <bbq/channel.h>

#include "internal.h"

/* ---- message.c: docs/format.md, "Channels" ----------------------------- */

#define BBQ_MESSAGE_MAGIC "bbqchan\n"
#define BBQ_MESSAGE_MAJOR 1

enum bbq_message_kind {
	BBQ_MESSAGE_WANT = 1,
	BBQ_MESSAGE_OFFER = 2,
	BBQ_MESSAGE_ACCEPT = 3,
	BBQ_MESSAGE_REFUSE = 4,
};

struct bbq_message {
	char magic[8];
	uint32_t byte_order;
	uint16_t major;
	uint16_t minor;
	uint32_t kind;
	uint32_t role; /* of who sends this message */
	uint64_t capacity;
	uint32_t mode;
	uint32_t frame_align;
	uint32_t page_size;
	uint32_t error; /* of a refusal: an errno value */
	uint64_t features;
	uint64_t reserved; /* 0 */
};

BBQ_AT(bbq_message, magic, 0);
BBQ_AT(bbq_message, byte_order, 8);
BBQ_AT(bbq_message, major, 12);
BBQ_AT(bbq_message, minor, 14);
BBQ_AT(bbq_message, kind, 16);
BBQ_AT(bbq_message, role, 20);
BBQ_AT(bbq_message, capacity, 24);
BBQ_AT(bbq_message, mode, 32);
BBQ_AT(bbq_message, frame_align, 36);
BBQ_AT(bbq_message, page_size, 40);
BBQ_AT(bbq_message, error, 44);
BBQ_AT(bbq_message, features, 48);
BBQ_AT(bbq_message, reserved, 56);
BBQ_LAYOUT_ASSERT(sizeof(struct bbq_message) == 64,
		  "messages changed: bump BBQ_MESSAGE_MAJOR");

/* A message of that kind, about nothing yet. */
struct bbq_message bbq_message_of(enum bbq_message_kind kind, uint32_t role);
/* Send all of it, and fd with it unless that is negative. */
int bbq_message_send(int socket, const struct bbq_message *message, int fd,
		     int64_t deadline);
/*
 * The next message, and its descriptor, or -1. *ret_begun: some of it had come,
 * also when this fails. Nothing stays open after an error.
 */
int bbq_message_receive(int socket, int64_t deadline, struct bbq_message *ret,
			int *ret_fd, bool *ret_begun);
/* Until the socket is ready, or the deadline: -ETIMEDOUT, -EINTR */
int bbq_socket_wait(int socket, short events, int64_t deadline);

/* ---- channel.c --------------------------------------------------------- */

/*
 * A channel of a connected socket, which is taken over, also on failure. If
 * met, who is at its other end is the process that its credentials name.
 */
int bbq_channel_make(int fd, const struct bbq_policy *policy, bool met,
		     struct bbq_channel **ret);

/* ---- sealed.c ---------------------------------------------------------- */

/*
 * Our half of a queue: made, mapped, sealed, its role's lock taken. The segment
 * has a hole where the peer's half belongs, and its fd may be sent.
 */
int bbq_sealed_make(const struct bbq_header *header, enum bbq_role role,
		    struct bbq_segment **ret);
/* Check the peer's half and map it. fd is taken over, also on failure. */
int bbq_sealed_join(struct bbq_segment *segment, int fd);
/* By what the peer's death is to be noticed, besides its lock; copies. */
int bbq_sealed_watch(struct bbq_segment *segment, int socket, int pidfd);

#endif /* LIBBBQ_CHANNEL_H */
