/* SPDX-License-Identifier: MIT */
/*
 * role.c - who is the producer, who the consumer, and is the other one alive
 *
 * Having a role is holding a lock (lock.c). The state word beside it tells a
 * role that was closed from one whose holder died: both have lost the lock,
 * but only the first said so. `lives` counts the holders, so that a sender
 * that takes over a queue waits for a new receiver instead of complaining of
 * the old one.
 *
 * A claim stores the state before the life: who sees the new life sees a
 * state that belongs to it, and who dies in between has never come.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* What a closed end looks at, a peer that never sleeps, and what it counts. */
static const struct bbq_side nobody;
static struct bbq_side nowhere;

static uint32_t load_u32(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store_u32(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

int bbq_end_peer(const struct bbq_end *end)
{
	uint32_t life, state;

	if (!end || end->lock_fd < 0)
		return -EINVAL;
	if (bbq_is_sealed(end->segment))
		return bbq_sealed_peer(end);
	life = load_u32(&end->peer->lives);
	if (life == 0 || life == end->past_life)
		return 0;
	state = load_u32(&end->peer->state);
	if (state == BBQ_STATE_NONE)
		return 0;
	if (state == BBQ_STATE_CLOSED)
		return -EPIPE;
	if (bbq_lock_held(end->lock_fd, end->peer_lock))
		return 0;
	/* It may have closed, or a successor come, since we looked. */
	if (load_u32(&end->peer->state) == BBQ_STATE_CLOSED)
		return -EPIPE;
	return load_u32(&end->peer->lives) == life ? -EOWNERDEAD : 0;
}

int bbq_end_gone(const struct bbq_end *end)
{
	int error = bbq_end_peer(end);

	return error == -EOWNERDEAD && bbq_end_waits(end) ? 0 : error;
}

int bbq_end_peer_came(const struct bbq_end *end)
{
	uint32_t life;

	if (!end || end->lock_fd < 0)
		return 0;
	/* Met when the queue was agreed on. */
	if (bbq_is_sealed(end->segment))
		return 1;
	life = load_u32(&end->peer->lives);
	return life != 0 && life != end->past_life;
}

/* A small ring would run full, or empty, meanwhile. */
static unsigned int linger_default(size_t capacity)
{
	return capacity / 1024 < BBQ_LINGER_DEFAULT
		       ? (unsigned int)(capacity / 1024)
		       : BBQ_LINGER_DEFAULT;
}

/* Take the lock that is the role. */
static int end_claim(struct bbq_end *end, struct bbq_segment *segment,
		     int own_lock, int peer_lock)
{
	int error = bbq_lock_take(end->lock_fd, own_lock);

	if (error)
		return error;
	end->segment = segment;
	end->peer_lock = peer_lock;
	end->spin = BBQ_SPIN_DEFAULT;
	end->linger = linger_default(segment->capacity);
	end->slice_ns = BBQ_SLICE_DEFAULT;
	return 0;
}

static void counters_load(const struct bbq_counters *from,
			  struct bbq_counters *ret)
{
	ret->bytes = bbq_load_relaxed_(&from->bytes);
	ret->frames = bbq_load_relaxed_(&from->frames);
	ret->refused = bbq_load_relaxed_(&from->refused);
	ret->sleeps = bbq_load_relaxed_(&from->sleeps);
	ret->rings = bbq_load_relaxed_(&from->rings);
	ret->avoided = bbq_load_relaxed_(&from->avoided);
}

int bbq_segment_sent(const struct bbq_segment *segment,
		     struct bbq_counters *ret)
{
	if (!segment || !ret)
		return -EINVAL;
	counters_load(&segment->producer->side.count, ret);
	return 0;
}

int bbq_segment_received(const struct bbq_segment *segment,
			 struct bbq_counters *ret)
{
	if (!segment || !ret)
		return -EINVAL;
	counters_load(&segment->consumer->side.count, ret);
	return 0;
}

/* Go on from what the last holder left in the side's words. */
static void end_start(struct bbq_end *end, struct bbq_side *own,
		      const struct bbq_side *peer)
{
	end->own = own;
	end->peer = peer;
	end->bell = load_u32(&own->bell);
	end->ticket = load_u32(&own->ticket);
	end->barrier = bbq_barrier_register();
	end->past_life = load_u32(&peer->lives) - 1;
	store_u32(&own->barrier, end->barrier);
	store_u32(&own->state, BBQ_STATE_OPEN);
	store_u32(&own->lives, load_u32(&own->lives) + 1);
	/* Whom our predecessor served is unknown: wake whoever sleeps. */
	bbq_end_wake(end);
}

/* Behind the gate, the same steps for both roles. */
static int sender_claim(struct bbq_segment *segment, struct bbq_sender *sender)
{
	struct bbq_producer_page *own = segment->producer;
	struct bbq_consumer_page *peer = segment->consumer;
	struct bbq_end *end = &sender->end;
	int error;

	error = end_claim(end, segment, BBQ_LOCK_PRODUCER, BBQ_LOCK_CONSUMER);
	if (error)
		return error;
	error = bbq_producer_attach(&sender->producer, &own->words,
				    &peer->words, segment->data,
				    segment->capacity);
	if (error)
		return error;
	bbq_producer_frame_align(&sender->producer, segment->frame_align);
	end_start(end, &own->side, &peer->side);
	/* A receiver that left before us is not ours to miss. */
	if (!bbq_lock_held(end->lock_fd, end->peer_lock))
		end->past_life = load_u32(&peer->side.lives);
	return 0;
}

static int receiver_claim(struct bbq_segment *segment,
			  struct bbq_receiver *receiver)
{
	struct bbq_consumer_page *own = segment->consumer;
	struct bbq_producer_page *peer = segment->producer;
	struct bbq_end *end = &receiver->end;
	int error;

	error = end_claim(end, segment, BBQ_LOCK_CONSUMER, BBQ_LOCK_PRODUCER);
	if (error)
		return error;
	error = bbq_consumer_attach(&receiver->consumer, &own->words,
				    &peer->words, segment->data,
				    segment->capacity);
	if (error)
		return error;
	bbq_consumer_frame_align(&receiver->consumer, segment->frame_align);
	end_start(end, &own->side, &peer->side);
	return 0;
}

/*
 * Through the gate, with a description of our own: its locks exclude every
 * other claim, also one by another thread of this process. A sealed segment has
 * its lock already, and nobody to exclude; its gate the peer could hold.
 */
static int end_enter(struct bbq_segment *segment, int role, struct bbq_end *end)
{
	int error;

	if (bbq_is_sealed(segment))
		return bbq_sealed_claim(segment, role, &end->lock_fd);
	error = bbq_lock_reopen(segment->fd, &end->lock_fd);
	if (error)
		return error;
	error = bbq_gate_enter(end->lock_fd);
	if (error)
		close(end->lock_fd);
	return error;
}

/* Out of the gate; without a role after an error. */
static int end_entered(const struct bbq_end *end, int error)
{
	bbq_gate_leave(end->lock_fd);
	if (error)
		close(end->lock_fd);
	return error;
}

int bbq_sender_open(struct bbq_segment *segment, struct bbq_sender *ret)
{
	struct bbq_sender sender = { 0 };
	int error;

	if (!segment || !ret)
		return -EINVAL;
	error = end_enter(segment, BBQ_LOCK_PRODUCER, &sender.end);
	if (error)
		return error;
	error = sender_claim(segment, &sender);
	error = end_entered(&sender.end, error);
	if (!error)
		*ret = sender;
	return error;
}

int bbq_receiver_open(struct bbq_segment *segment, struct bbq_receiver *ret)
{
	struct bbq_receiver receiver = { 0 };
	int error;

	if (!segment || !ret)
		return -EINVAL;
	error = end_enter(segment, BBQ_LOCK_CONSUMER, &receiver.end);
	if (error)
		return error;
	error = receiver_claim(segment, &receiver);
	error = end_entered(&receiver.end, error);
	if (!error)
		*ret = receiver;
	return error;
}

bool bbq_end_finish(struct bbq_end *end)
{
	if (load_u32(&end->own->state) == BBQ_STATE_CLOSED)
		return false;
	store_u32(&end->own->state, BBQ_STATE_CLOSED);
	bbq_end_wake(end);
	return true;
}

static void end_leave(struct bbq_end *end, enum bbq_open *open)
{
	if (end->lock_fd < 0)
		return;
	bbq_watch_close(end);
	bbq_end_wake(end);
	close(end->lock_fd);
	*end = (struct bbq_end){
		.lock_fd = -1,
		.own = &nowhere,
		.peer = &nobody,
	};
	*open = BBQ_OPEN_BROKEN;
}

static void end_close(struct bbq_end *end, enum bbq_open *open)
{
	if (end->lock_fd >= 0)
		bbq_end_finish(end);
	end_leave(end, open);
}

void bbq_sender_close(struct bbq_sender *sender)
{
	if (sender)
		end_close(&sender->end, &sender->producer.open);
}

void bbq_receiver_close(struct bbq_receiver *receiver)
{
	if (receiver)
		end_close(&receiver->end, &receiver->consumer.open);
}

void bbq_sender_abandon(struct bbq_sender *sender)
{
	if (sender)
		end_leave(&sender->end, &sender->producer.open);
}

void bbq_receiver_abandon(struct bbq_receiver *receiver)
{
	if (receiver)
		end_leave(&receiver->end, &receiver->consumer.open);
}

/* Does somebody have this role who has not closed it? */
static bool role_taken(const struct bbq_segment *segment,
		       const struct bbq_side *side, int lock)
{
	return load_u32(&side->state) == BBQ_STATE_OPEN &&
	       bbq_lock_held(segment->fd, lock);
}

/* Nobody is to come any more, and nothing is left. */
static bool queue_over(const struct bbq_segment *segment)
{
	return bbq_segment_fill(segment) == 0 &&
	       !(role_taken(segment, &segment->producer->side,
			    BBQ_LOCK_PRODUCER) &&
		 role_taken(segment, &segment->consumer->side,
			    BBQ_LOCK_CONSUMER));
}

/*
 * Behind the gate of this very file: who removes its name, or finds it removed,
 * cannot meet another segment that has been given the name since.
 */
static int name_remove(struct bbq_segment *segment, bool if_over)
{
	int error;

	if (!segment)
		return -EINVAL;
	if (segment->name[0] == '\0' || !bbq_segment_has_name(segment))
		return -ENOENT;
	error = bbq_gate_enter(segment->fd);
	if (error)
		return error;
	if (!bbq_segment_has_name(segment))
		error = -ENOENT;
	else if (if_over && !queue_over(segment))
		error = -EBUSY;
	else
		error = bbq_segment_unlink(segment->name);
	bbq_gate_leave(segment->fd);
	return error;
}

int bbq_segment_retire(struct bbq_segment *segment)
{
	return name_remove(segment, true);
}

int bbq_segment_discard(struct bbq_segment *segment)
{
	return name_remove(segment, false);
}
