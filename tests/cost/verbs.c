/* SPDX-License-Identifier: MIT */
#include "verbs.h"

int cost_grant(struct bbq_producer *producer, size_t len, struct bbq_span *ret)
{
	return bbq_grant(producer, len, ret);
}

int cost_commit(struct bbq_producer *producer, size_t used)
{
	return bbq_commit(producer, used);
}

int cost_read(struct bbq_consumer *consumer, struct bbq_view *ret)
{
	return bbq_read(consumer, ret);
}

int cost_release(struct bbq_consumer *consumer, size_t used)
{
	return bbq_release(consumer, used);
}

int cost_frame_grant(struct bbq_producer *producer, size_t max,
		     struct bbq_span *ret)
{
	return bbq_frame_grant(producer, max, ret);
}

int cost_frame_commit(struct bbq_producer *producer, size_t used)
{
	return bbq_frame_commit(producer, used);
}

int cost_frame_read(struct bbq_consumer *consumer, struct bbq_view *ret)
{
	return bbq_frame_read(consumer, ret);
}

int cost_frame_release(struct bbq_consumer *consumer)
{
	return bbq_frame_release(consumer);
}

int cost_frames_grant(struct bbq_producer *producer, size_t first, size_t most,
		      struct bbq_span *ret)
{
	return bbq_frames_grant(producer, first, most, ret);
}

int cost_frame_put(struct bbq_producer *producer, struct bbq_span *rest,
		   size_t len, struct bbq_span *ret)
{
	return bbq_frame_put(producer, rest, len, ret);
}

int cost_frame_next(struct bbq_consumer *consumer, struct bbq_view *rest,
		    struct bbq_view *ret)
{
	return bbq_frame_next(consumer, rest, ret);
}

int cost_sender_grant(struct bbq_sender *sender, size_t len,
		      struct bbq_span *ret)
{
	return bbq_sender_grant(sender, len, BBQ_FOREVER, ret);
}

int cost_sender_commit(struct bbq_sender *sender, size_t used)
{
	return bbq_sender_commit(sender, used);
}

int cost_receiver_read(struct bbq_receiver *receiver, struct bbq_view *ret)
{
	return bbq_receiver_read(receiver, BBQ_FOREVER, ret);
}

int cost_receiver_release(struct bbq_receiver *receiver, size_t used)
{
	return bbq_receiver_release(receiver, used);
}

int cost_sender_frame_grant(struct bbq_sender *sender, size_t max,
			    struct bbq_span *ret)
{
	return bbq_sender_frame_grant(sender, max, BBQ_FOREVER, ret);
}

int cost_sender_frame_commit(struct bbq_sender *sender, size_t used)
{
	return bbq_sender_frame_commit(sender, used);
}

int cost_receiver_frame_read(struct bbq_receiver *receiver,
			     struct bbq_view *ret)
{
	return bbq_receiver_frame_read(receiver, BBQ_FOREVER, ret);
}

int cost_receiver_frame_release(struct bbq_receiver *receiver)
{
	return bbq_receiver_frame_release(receiver);
}
