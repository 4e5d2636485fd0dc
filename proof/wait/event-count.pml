/* SPDX-License-Identifier: MIT */
/*
 * event-count.pml - the steps of the waker and the sleeper, life and death
 *
 * What is proved of them is in check() and in the asserts where they sleep and
 * ring. The letters are those of wait.pml. DATA and ROOM, what the consumer and
 * the producer sleep for, as memory has it, come from there.
 */

/* From (p) until it has rung or need not, or dead: it owes a look or a ring. */
bit busy[2];
/* Alive, but will never do anything again. */
bit stopped[2];

/* Asleep, the reason is gone, and nobody is about to ring. */
#define LOST_C (asleep[C] && DATA && !busy[P])
#define LOST_P (asleep[P] && ROOM && !busy[C])

inline check()
{
	assert(!LOST_C);
	assert(!LOST_P);
	assert(!(asleep[P] && asleep[C]))
}

inline done(e)
{
	d_step { busy[e] = 0; check() }
}

proctype drain(byte e)
{
end:
	do
	:: d_step {
		len(buffer[e]) > 0 -> oldest_to_memory(e);
		check()
	   }
	:: d_step { ticket[e] != own_ticket[e] -> ticket[e] = own_ticket[e] }
	od
}

/* ---- waker -------------------------------------------------------------- */

#define PUBLISH(e, to) /* (p) */ \
	atomic { \
		store_release(e, CURSOR, to); \
		own[e] = to; \
		busy[e] = 1 \
	}

inline ring(e)
{
	/* futex_wake has a full barrier before it looks for sleepers. */
#ifdef WAKE_FIRST
	d_step { flush(e); asleep[PEER(e)] = 0 };
	buffer[e]!BELL,0;
#else
	buffer[e]!BELL,0;			  /* (s) */
	d_step { flush(e); asleep[PEER(e)] = 0 }; /* (t) */
#endif
	d_step {
		if
		:: served[e] == own_ticket[PEER(e)] -> spent[PEER(e)] = 1
		:: else
		fi
	}
}

inline notify(e)
{
	/* (q) */
#if defined(MIXED)
	if
	:: mb[e] && mb[PEER(e)]
	:: else -> d_step { flush(e) }
	fi;
#elif !defined(MEMBARRIER) && !defined(NO_Q)
	d_step { flush(e) };
#endif
	/* (r) */
	if
	:: atomic {
		ticket[PEER(e)] != served[e] ->
		/* At most one ring a ticket. */
		assert(ticket[PEER(e)] != own_ticket[PEER(e)] ||
			!rung[PEER(e)]);
		serve(e)
	   };
		ring(e)
	:: ticket[PEER(e)] == served[e]
	fi;
	done(e)
}

/* bbq_end_wake: ring, whatever the ticket; no fence, so it may be an old one. */
inline wake(e)
{
	d_step { serve(e) };
	ring(e)
}

/* ---- sleeper ------------------------------------------------------------ */

inline barrier(e) /* (b) */
{
#ifndef NO_B
	d_step { flush(e) };
#if defined(MIXED)
	if
	:: mb[e] && mb[PEER(e)] -> d_step { flush(PEER(e)); check() }
	:: else
	fi;
#elif defined(MEMBARRIER) && !defined(NO_PEER_FLUSH)
	d_step { flush(PEER(e)); check() };
#endif
#endif
	skip
}

inline announce_sleep(e)
{
#if !defined(TICKET_FIRST) && !defined(BELL_LAST)
	see_bell(e); /* (c) */
#endif
	d_step { take_ticket(e) }; /* (a) */
	barrier(e)
#ifdef TICKET_FIRST
	; see_bell(e)
#endif
}

/*
 * (e): compare and sleep is one step of the kernel. Who sleeps must be owed a
 * ring for this ticket; and to sleep for ever is right only if the peer has
 * stopped and there is no reason to wake up.
 */
inline futex_wait(e)
{
#ifdef BELL_LAST
	see_bell(e);
#endif
	if
#ifdef NO_C
	:: atomic {
#else
	:: atomic {
		bell[PEER(e)] == seen[e] ->
#endif
		assert(!spent[e]);
		asleep[e] = 1;
		check()
	   };
		if
		:: asleep[e] == 0
		:: stopped[PEER(e)] && IN_MEMORY(P) && IN_MEMORY(C) &&
		   !REASON(e) ->
			/* A successor may wake it. */
end_asleep:
			asleep[e] == 0
#ifdef SLICES
		:: d_step { FEW_TICKETS(e) -> asleep[e] = 0 }
#endif
		fi
#ifndef NO_C
	:: bell[PEER(e)] != seen[e]
#endif
	fi;
	d_step { forget_bell(e) }
}

/* ---- life and death ----------------------------------------------------- */

/* role.c's end_start; the role's lock orders it after its predecessor. */
inline claim(e)
{
	d_step { IN_MEMORY(e) -> own[e] = cursor[e]; closed[e] = 0 };
#ifdef MIXED
	if
	:: mb[e] = 1
#if MIXED == 1
	:: mb[e] == 0
#else
	:: mb[e] = 0
#endif
	fi;
#if MIXED == 3
	d_step { flush(PEER(e)); check() };
#endif
#endif
#ifdef NO_CLAIM_RING
	d_step { serve(e) };
#else
	wake(e);
#endif
	done(e)
}

inline die(e)
{
	kill[e] = 0;
	asleep[e] = 0;
	stopped[e] = 0;
	busy[e] = 1; /* to ring is its successor's now */
	forget_bell(e)
}

bit kill[2];
byte deaths[2];

proctype killer(byte e)
{
end:
	do
	:: atomic {
		deaths[e] < DEATHS ->
		deaths[e]++;
		if
		:: kill[e] = 1
#ifdef LIVE
		:: true /* fairness must not force it */
#endif
		fi
	   }
	od
}

inline stop(e)
{
	atomic { stopped[e] = 1; check() };
end_stop:
	false
}

inline close(e)
{
	atomic { store_release(e, STATE, 1); busy[e] = 1 };
#ifndef NO_CLOSE_RING
	wake(e);
#endif
	done(e)
}

/* Between two verbs, an end may also leave it at that. */
inline between_verbs(e)
{
	if
	:: true
#ifndef LIVE
	:: stop(e)
#endif
#ifdef CLOSE
	:: close(e); stop(e)
#endif
	fi
}
