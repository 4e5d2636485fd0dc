/* SPDX-License-Identifier: MIT */
/*
 * verbs.h - every verb as a function of its own, for callgrind to count
 *
 * verbs.c has nothing but these: in a file of their own, so that no compiler
 * inlines or specialises them, while the verb itself is inlined as it is in a
 * program that uses it. cost_NAME is bbq_NAME.
 */
#ifndef COST_VERBS_H
#define COST_VERBS_H

#include <bbq/bbq.h>

int cost_grant(struct bbq_producer *producer, size_t len, struct bbq_span *ret);
int cost_commit(struct bbq_producer *producer, size_t used);
int cost_read(struct bbq_consumer *consumer, struct bbq_view *ret);
int cost_release(struct bbq_consumer *consumer, size_t used);

int cost_frame_grant(struct bbq_producer *producer, size_t max,
		     struct bbq_span *ret);
int cost_frame_commit(struct bbq_producer *producer, size_t used);
int cost_frame_read(struct bbq_consumer *consumer, struct bbq_view *ret);
int cost_frame_release(struct bbq_consumer *consumer);

int cost_frames_grant(struct bbq_producer *producer, size_t first, size_t most,
		      struct bbq_span *ret);
int cost_frame_put(struct bbq_producer *producer, struct bbq_span *rest,
		   size_t len, struct bbq_span *ret);
int cost_frame_next(struct bbq_consumer *consumer, struct bbq_view *rest,
		    struct bbq_view *ret);

int cost_sender_grant(struct bbq_sender *sender, size_t len,
		      struct bbq_span *ret);
int cost_sender_commit(struct bbq_sender *sender, size_t used);
int cost_receiver_read(struct bbq_receiver *receiver, struct bbq_view *ret);
int cost_receiver_release(struct bbq_receiver *receiver, size_t used);

int cost_sender_frame_grant(struct bbq_sender *sender, size_t max,
			    struct bbq_span *ret);
int cost_sender_frame_commit(struct bbq_sender *sender, size_t used);
int cost_receiver_frame_read(struct bbq_receiver *receiver,
			     struct bbq_view *ret);
int cost_receiver_frame_release(struct bbq_receiver *receiver);

#endif /* COST_VERBS_H */
