/* SPDX-License-Identifier: MIT */
/*
 * bbq/bbq.h - the Linux library: segments, roles, waiting
 *
 * A segment is shared memory with a queue in it: a memfd, or POSIX shared
 * memory with a name. A process that opens its sending end holds the producer
 * (struct bbq_sender), one that opens its receiving end the consumer (struct
 * bbq_receiver). Each end carries the core handle of core.h, so the four verbs
 * of core.h and frame.h work on it as they stand; the verbs below add to them
 * what two processes need: they wait, and they wake.
 *
 *     bbq_sender_grant     bbq_grant that waits for room
 *     bbq_sender_commit    bbq_commit that wakes a sleeping receiver
 *     bbq_receiver_read    bbq_read that waits for bytes
 *     bbq_receiver_release bbq_release that wakes a sleeping sender
 *
 * and likewise for parts, split reads and frames. They make no system call
 * unless they have to sleep or the peer sleeps. Who uses the core verbs on an
 * end says so with bbq_sender_notify or bbq_receiver_notify afterwards.
 *
 * Functions return 0 or a negative errno value and leave out parameters alone
 * on failure. Nothing here prints, exits, or installs a signal handler. An end
 * is used by one thread at a time; the two ends, in one process or in two, are
 * independent. Ends and segments do not survive fork: the child must not touch
 * them, and what it inherits keeps the role taken until it closes or execs.
 *
 * Signals: a handler that runs while a verb sleeps ends it with -EINTR, with
 * SA_RESTART too; nothing has changed. One that runs before the sleep is not
 * noticed: who must not miss it waits with a timeout, or by ppoll for the end's
 * descriptor. A handler may use ends that what it interrupts does not use,
 * except for bbq_*_fd, bbq_*_arm and bbq_*_close, which take locks of libc.
 *
 * Errors of this layer, besides those of core.h:
 *     -EPIPE       the peer closed its end (for a receiver: and all is read)
 *     -EOWNERDEAD  the peer died (for a receiver: and all is read)
 *     -ETIMEDOUT   the time is over
 *     -EINTR       a signal handler ran while waiting; call again
 *     -EADDRINUSE  the role has a living holder
 *     -EPROTO      not a segment that this library can use; nothing touched
 */
#ifndef BBQ_BBQ_H
#define BBQ_BBQ_H

#include "core.h"
#include "frame.h"
#include "layout.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BBQ_API __attribute__((visibility("default")))

/* ---- segments ---------------------------------------------------------- */

struct bbq_segment;

/* How to make a segment. Zero in all but capacity means the default. */
struct bbq_config {
	size_t capacity;    /* bytes, 1 to BBQ_CAPACITY_MAX */
	enum bbq_mode mode; /* default: bytes */
	size_t frame_align; /* of frames: 1 (default), 8 or 64 */
	size_t page_size;   /* default: this machine's */
};

/*
 * Make a segment in a memfd: no name, gone when the last process lets go of
 * it. Its memory is reserved here, so that no access can fail later, and its
 * size is sealed. Pass bbq_segment_fd to the other process.
 *
 * *ret is the caller's, to bbq_segment_close. Cost: system calls, and one
 * page fault a page.
 *
 * -EINVAL  null, or a config that makes no sense     -ENOMEM
 * -ENOSPC  no room in memory                         -EMFILE, -ENFILE
 * -EFBIG   more than RLIMIT_FSIZE
 */
BBQ_API int bbq_segment_create(const struct bbq_config *config,
			       struct bbq_segment **ret);

/*
 * Make a segment as POSIX shared memory, mode 0600. name is as for shm_open:
 * a slash, then 1 to 254 bytes without one. It appears complete or not at all.
 * A name outlives its processes until it is unlinked.
 *
 * As bbq_segment_create, and
 * -EEXIST        the name is taken     -EACCES  /dev/shm is not writable
 * -ENAMETOOLONG
 */
BBQ_API int bbq_segment_create_named(const char *name,
				     const struct bbq_config *config,
				     struct bbq_segment **ret);

/*
 * Make a segment in a file that the caller has made: an empty memfd that
 * allows sealing. fd stays the caller's and need not stay open.
 *
 * As bbq_segment_create, and
 * -EEXIST  the file is not empty     -EPERM  it cannot be sealed
 */
BBQ_API int bbq_segment_create_fd(int fd, const struct bbq_config *config,
				  struct bbq_segment **ret);

/*
 * Open the segment of that name. *ret is the caller's, to bbq_segment_close.
 *
 * -ENOENT  no such name     -EPROTO     -EACCES     -EINVAL     -ENOMEM
 * -EBUSY   another process has held the gate for a second
 */
BBQ_API int bbq_segment_open(const char *name, struct bbq_segment **ret);

/*
 * Open the segment in fd, which was inherited or received. fd stays the
 * caller's and need not stay open. Needs /proc. Checks type, size and seals
 * before anything is mapped.
 *
 * -EBADF     -EPROTO     -EACCES  fd may not be written     -ENOMEM
 * -EBUSY     another process has held the gate for a second
 */
BBQ_API int bbq_segment_attach(int fd, struct bbq_segment **ret);

/* Unmap and forget a segment; its ends must be closed. Null is fine. */
BBQ_API void bbq_segment_close(struct bbq_segment *segment);

/* Remove a name. Whoever has the segment open keeps it. -ENOENT, -EINVAL */
BBQ_API int bbq_segment_unlink(const char *name);

/*
 * Remove the name of a segment whose queue is over. The caller holds one of
 * the roles; if the other is open and alive, or closed and taken up again, or
 * bytes are left in the queue, nothing happens. No process can be between
 * opening the name and claiming a role unnoticed: it finds that the segment
 * has lost its name (bbq_segment_has_name) after it has claimed.
 *
 * -EBUSY   the queue is not over     -ENOENT  the segment has no name
 */
BBQ_API int bbq_segment_retire(struct bbq_segment *segment);

/*
 * Remove the name of a segment, whatever is left in it and whoever has it open.
 * Unlike bbq_segment_unlink, never that of another one, which has been given
 * the name since.
 *
 * -ENOENT  the segment has no name     -EBUSY  the gate is held for a second
 */
BBQ_API int bbq_segment_discard(struct bbq_segment *segment);

/* Is there still a name for the segment? Memfds never have one. */
BBQ_API int bbq_segment_has_name(const struct bbq_segment *segment);

/* The segment's own file descriptor, to pass on; valid until it is closed. */
BBQ_API int bbq_segment_fd(const struct bbq_segment *segment);
/* Bytes of data. */
BBQ_API size_t bbq_segment_capacity(const struct bbq_segment *segment);
BBQ_API enum bbq_mode bbq_segment_mode(const struct bbq_segment *segment);
BBQ_API size_t bbq_segment_frame_align(const struct bbq_segment *segment);
/* The mapped data, for registering it with a device or an io_uring. */
BBQ_API void *bbq_segment_data(const struct bbq_segment *segment);
/*
 * Map all of the segment into this process now, so that the first lap through
 * the queue makes no page faults. Changes no byte; each process does it for
 * itself. Cost: about a quarter of a millisecond for a MiB.
 *
 * -EINVAL  null, or a Linux before 5.14
 */
BBQ_API int bbq_segment_prefault(struct bbq_segment *segment);
/* Bytes published and not released, by the shared words; a snapshot. */
BBQ_API size_t bbq_segment_fill(const struct bbq_segment *segment);
/*
 * What the sending (the receiving) side has done so far: layout.h says what
 * each counter counts. A snapshot, each counter by itself; needs no role.
 * Only the verbs of this header count, not those of core.h. -EINVAL  null
 */
BBQ_API int bbq_segment_sent(const struct bbq_segment *segment,
			     struct bbq_counters *ret);
BBQ_API int bbq_segment_received(const struct bbq_segment *segment,
				 struct bbq_counters *ret);

/* ---- ends -------------------------------------------------------------- */

/* Looks at the queue before a sleep, by default: some tens of microseconds. */
#define BBQ_SPIN_DEFAULT 2000u
/* Pauses of a moment for the peer, by default: less than a microsecond. */
#define BBQ_LINGER_DEFAULT 64u
/* The longest sleep between two looks at whether the peer lives. */
#define BBQ_SLICE_DEFAULT INT64_C(100000000)

struct bbq_watch; /* poll.c's, of an end that has a descriptor */

/*
 * What both ends have in common. The first four may be set at any time when
 * no verb of the end runs; the rest is private.
 *
 * spin       how often a verb that finds nothing looks again before it sleeps;
 *            BBQ_SPIN_DEFAULT unless set. UINT_MAX hardly ever sleeps, 0 does
 *            at once. Of 65536 looks, one is also at the time, and at whether
 *            the peer is there.
 * linger     how many of these looks it leaves out at first, where messages
 *            come (or are taken) by the dozen: a moment in which the peer gets
 *            on, and its cursor stays where it is written, for more messages a
 *            second. Where they come one by one there is no moment, but for a
 *            trial in a thousand waits. BBQ_LINGER_DEFAULT, or one for each
 *            KiB of a smaller queue, unless set; 0 is never, 65536 the most.
 * wait_peer  not 0: waits do not end with -EOWNERDEAD when the peer dies, they
 *            go on until a successor has come, or until the time is over. A
 *            peer that closes still ends them: it said that this was all.
 * slice_ns   nanoseconds after which a sleeper looks whether its peer lives:
 *            BBQ_SLICE_DEFAULT unless set. Negative: never; a peer that dies
 *            is then not noticed by who sleeps already.
 */
struct bbq_end {
	unsigned int spin;
	unsigned int linger;
	int wait_peer;
	int64_t slice_ns;
	struct bbq_segment *segment;
	struct bbq_side *own;
	const struct bbq_side *peer;
	struct bbq_watch *watch;
	int lock_fd;	    /* whose lock is the role; -1 when closed */
	int peer_lock;	    /* the byte that the peer locks */
	uint32_t past_life; /* of the peer: one that was over before us */
	uint32_t served;    /* the peer's ticket that was last rung for */
	uint32_t bell;	    /* as stored in own */
	uint32_t ticket;    /* as stored in own */
	uint32_t barrier;   /* as stored in own */
	uint32_t alone;	    /* waits with little published before */
	bbq_word published; /* how often, up to the last wait */
};

struct bbq_sender {
	struct bbq_producer producer;
	struct bbq_end end;
};

struct bbq_receiver {
	struct bbq_consumer consumer;
	struct bbq_end end;
};

/*
 * Timeouts are in nanoseconds. Negative: none. 0: one look at the queue, and
 * none at the peer, then -EAGAIN.
 */
#define BBQ_FOREVER (-1)

/*
 * Claim the producer of a segment and go on from where its last holder was.
 * One process at a time holds it; the kernel frees it when the holder dies,
 * however it dies. The segment must stay open until the end is closed.
 *
 * -EADDRINUSE  -EBADMSG  words that no queue can have  -EMFILE  -EINVAL
 * -EBUSY       another process has held the gate for a second
 */
BBQ_API int bbq_sender_open(struct bbq_segment *segment,
			    struct bbq_sender *ret);
/* Claim the consumer; likewise. */
BBQ_API int bbq_receiver_open(struct bbq_segment *segment,
			      struct bbq_receiver *ret);

/*
 * End a role for good: the peer gets -EPIPE, a receiver once it has read all
 * that was committed. Wakes it. An open grant or read is dropped, and every
 * later verb of this end is -EBADMSG (or -EINVAL, for an argument that is null
 * or 0 where it must not be). A second call, or null, does nothing.
 */
BBQ_API void bbq_sender_close(struct bbq_sender *sender);
BBQ_API void bbq_receiver_close(struct bbq_receiver *receiver);

/*
 * Give up a role as if the process had died: the peer gets -EOWNERDEAD. For
 * a sender that cannot say "this was all", or a receiver whose place another
 * will take.
 */
BBQ_API void bbq_sender_abandon(struct bbq_sender *sender);
BBQ_API void bbq_receiver_abandon(struct bbq_receiver *receiver);

/* 0 if the peer is alive or has not come yet, else -EPIPE or -EOWNERDEAD. */
BBQ_API int bbq_end_peer(const struct bbq_end *end);
/* Has anybody ever had the peer's role? */
BBQ_API int bbq_end_peer_came(const struct bbq_end *end);

/* ---- wake and wait ----------------------------------------------------- */

/*
 * So much more of what this side counts. Only this side stores the word, and
 * it is read back from there, which no other own word is: a peer that scribbles
 * on it spoils a number that nobody acts upon. Relaxed, since no other word
 * depends on it, and an observer may load it at any time.
 */
static inline void bbq_count_(bbq_word *word, size_t more)
{
	bbq_store_relaxed_(word, bbq_load_relaxed_(word) + (bbq_word)more);
}

/* Ring for the peer's ticket. The slow half of notify: one system call. */
BBQ_API void bbq_end_ring(struct bbq_end *end, uint32_t ticket);

/*
 * After a publication: wake the peer if it sleeps. The look at the ticket must
 * not come before the store of the cursor. Where the sleeper runs a membarrier
 * on us before it looks again, program order is enough; else a fence.
 */
BBQ_INLINE void bbq_end_notify(struct bbq_end *end)
{
	uint32_t ticket;

	if (end->barrier &&
	    __atomic_load_n(&end->peer->barrier, __ATOMIC_RELAXED))
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	else
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ticket = __atomic_load_n(&end->peer->ticket, __ATOMIC_RELAXED);
	if (ticket != end->served)
		bbq_end_ring(end, ticket);
	else
		bbq_count_(&end->own->count.avoided, 1);
}

/* So much was committed or released: count it, and wake the peer. */
static inline void bbq_end_moved_(struct bbq_end *end, size_t bytes,
				  size_t frames)
{
	bbq_count_(&end->own->count.bytes, bytes);
	if (frames > 0)
		bbq_count_(&end->own->count.frames, frames);
	bbq_end_notify(end);
}

BBQ_INLINE void bbq_sender_notify(struct bbq_sender *sender)
{
	bbq_end_notify(&sender->end);
}

BBQ_INLINE void bbq_receiver_notify(struct bbq_receiver *receiver)
{
	bbq_end_notify(&receiver->end);
}

/*
 * Wait until a grant of len bytes (in a queue of frames: a frame grant) would
 * succeed, or a read would. They leave nothing open. timeout_ns as above.
 *
 * 0, -EMSGSIZE, -EPIPE, -EOWNERDEAD, -ETIMEDOUT, -EINTR, -EBADMSG, -EBUSY
 */
BBQ_API int bbq_sender_wait(struct bbq_sender *sender, size_t len,
			    int64_t timeout_ns);
BBQ_API int bbq_receiver_wait(struct bbq_receiver *receiver,
			      int64_t timeout_ns);
/*
 * Say that nothing more will come, then wait until the receiver has released
 * everything and closed its end. The role stays taken until bbq_sender_close;
 * grants are -EBADMSG from here on. May be called again after -ETIMEDOUT, -EAGAIN
 * or -EINTR. -EPIPE: it closed with bytes left in the queue.
 */
BBQ_API int bbq_sender_finish(struct bbq_sender *sender, int64_t timeout_ns);

/*
 * The verbs of core.h and frame.h, waiting for up to timeout_ns. A refused
 * grant is followed by bbq_want, so that any length up to the capacity is
 * granted once the receiver has drained the queue. -EINVAL also for bytes in
 * a queue of frames, and the reverse; but bbq_receiver_read_split reads frames
 * too, for bbq_frame_next to take apart. What is there to be read is read before
 * -EPIPE or -EOWNERDEAD; a sender learns of them when it has to wait.
 */
BBQ_API int bbq_sender_grant(struct bbq_sender *sender, size_t len,
			     int64_t timeout_ns, struct bbq_span *ret);
BBQ_API int bbq_sender_grant_range(struct bbq_sender *sender, size_t min,
				   size_t max, int64_t timeout_ns,
				   struct bbq_span *ret);
BBQ_API int bbq_sender_frame_grant(struct bbq_sender *sender, size_t max,
				   int64_t timeout_ns, struct bbq_span *ret);
BBQ_API int bbq_sender_frames_grant(struct bbq_sender *sender, size_t first,
				    size_t most, int64_t timeout_ns,
				    struct bbq_span *ret);
BBQ_API int bbq_receiver_read(struct bbq_receiver *receiver, int64_t timeout_ns,
			      struct bbq_view *ret);
BBQ_API int bbq_receiver_read_split(struct bbq_receiver *receiver,
				    int64_t timeout_ns, struct bbq_view ret[2]);
BBQ_API int bbq_receiver_frame_read(struct bbq_receiver *receiver,
				    int64_t timeout_ns, struct bbq_view *ret);

/*
 * A descriptor to wait for in poll, epoll or io_uring, beside others. It is
 * an eventfd, non-blocking, made by the first call and the end's own: it goes
 * with the end. Wait for it to be readable, and do not read it. An end without
 * one costs nothing; with one, a thread that sleeps for it (all its signals
 * blocked) and, at each wake-up, this thread's run.
 *
 * -EBADMSG  the end is closed     -EMFILE, -ENFILE, -ENOMEM     -EINVAL  null
 */
BBQ_API int bbq_sender_fd(struct bbq_sender *sender);
BBQ_API int bbq_receiver_fd(struct bbq_receiver *receiver);

/*
 * Arm the descriptor, when a verb with a timeout of 0 has returned -EAGAIN. It
 * becomes readable once there is something to do, at once if there is already:
 * a grant of len bytes (in a queue of frames: a frame grant) or a read will
 * not be refused, the peer has closed or died, its words are impossible. Then
 * call the verb again, and if that is -EAGAIN, arm again: a sender may have
 * been woken only to give up the tail, and who is gone is told of here. The
 * descriptor becomes readable for one time. Meanwhile the end may be used; a
 * publication of its own, or a sleep, makes the arming void.
 *
 * Cost: some system calls. -EPIPE, -EOWNERDEAD  there is nothing to wait for
 * -EMSGSIZE, -EBUSY, -EBADMSG, -EINVAL as of the verb, and of bbq_sender_fd
 */
BBQ_API int bbq_sender_arm(struct bbq_sender *sender, size_t len);
BBQ_API int bbq_receiver_arm(struct bbq_receiver *receiver);

/* The verbs that end a grant or a read, waking a peer that sleeps. */
BBQ_INLINE int bbq_sender_commit(struct bbq_sender *sender, size_t used)
{
	int error;

	if (!sender)
		return -EINVAL;
	error = bbq_commit(&sender->producer, used);
	if (!error && used > 0)
		bbq_end_moved_(&sender->end, used, 0);
	return error;
}

BBQ_INLINE int bbq_sender_commit_part(struct bbq_sender *sender, size_t used)
{
	int error;

	if (!sender)
		return -EINVAL;
	error = bbq_commit_part(&sender->producer, used);
	if (!error && used > 0)
		bbq_end_moved_(&sender->end, used, 0);
	return error;
}

BBQ_INLINE int bbq_sender_frame_commit(struct bbq_sender *sender, size_t used)
{
	int error;

	if (!sender)
		return -EINVAL;
	error = bbq_frame_commit(&sender->producer, used);
	if (!error)
		bbq_end_moved_(&sender->end,
			       sender->producer.frame_payload + used, 1);
	return error;
}

/*
 * bbq_sender_commit_part of the `used` bytes that `frames` frames take, as
 * bbq_frame_put told: the same, and the frames are counted. The grant ends with
 * bbq_sender_commit(sender, 0).
 */
BBQ_INLINE int bbq_sender_frames_commit(struct bbq_sender *sender, size_t used,
					size_t frames)
{
	int error;

	if (!sender)
		return -EINVAL;
	error = bbq_commit_part(&sender->producer, used);
	if (!error && used > 0)
		bbq_end_moved_(&sender->end, used, frames);
	return error;
}

BBQ_INLINE int bbq_receiver_release(struct bbq_receiver *receiver, size_t used)
{
	int error;

	if (!receiver)
		return -EINVAL;
	error = bbq_release(&receiver->consumer, used);
	if (!error && used > 0)
		bbq_end_moved_(&receiver->end, used, 0);
	return error;
}

BBQ_INLINE int bbq_receiver_release_part(struct bbq_receiver *receiver,
					 size_t used)
{
	int error;

	if (!receiver)
		return -EINVAL;
	error = bbq_release_part(&receiver->consumer, used);
	if (!error && used > 0)
		bbq_end_moved_(&receiver->end, used, 0);
	return error;
}

BBQ_INLINE int bbq_receiver_frame_release(struct bbq_receiver *receiver)
{
	size_t size;
	int error;

	if (!receiver)
		return -EINVAL;
	size = receiver->consumer.len;
	error = bbq_frame_release(&receiver->consumer);
	if (!error)
		bbq_end_moved_(&receiver->end, size, 1);
	return error;
}

/*
 * bbq_receiver_release_part of the `used` bytes that `frames` frames take, as
 * bbq_frame_next told: the same, and the frames are counted.
 */
BBQ_INLINE int bbq_receiver_frames_release(struct bbq_receiver *receiver,
					   size_t used, size_t frames)
{
	int error;

	if (!receiver)
		return -EINVAL;
	error = bbq_release_part(&receiver->consumer, used);
	if (!error && used > 0)
		bbq_end_moved_(&receiver->end, used, frames);
	return error;
}

#ifdef __cplusplus
}
#endif

#endif /* BBQ_BBQ_H */
