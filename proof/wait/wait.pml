/* SPDX-License-Identifier: MIT */
/*
 * wait.pml - the event count of libbbq/wait.c, both directions, no timeouts
 *
 *     sleeper (either end)                 waker (the other end)
 *       load bell       peer page  (c)       store cursor            (p)
 *       store ticket    own page   (a)       fence, or nothing       (q)
 *       barrier                    (b)       load ticket   peer page (r)
 *       look at the queue          (d)       if it is new:
 *       futex wait on the bell     (e)         store bell  own page  (s)
 *                                              futex wake            (t)
 *
 * One step of the model is one access to shared memory. A side's stores go to
 * its store buffer and from there to memory, in order, at any later time; but
 * a ticket, stored relaxed, may overtake what its side stored before. A fence
 * empties the buffer. README.md says what this covers and what it does not.
 *
 * Switches: N (capacity), K (entries of a store buffer), M (tickets and bells
 * count modulo M);
 *     MEMBARRIER     (q) is nothing, (b) empties both sides' buffers
 *     MIXED          each life of an end may or may not have membarrier;
 *                    MIXED=1: one that has it is followed by one that has it
 *     DEATHS         how often each end may be killed, at any step, and
 *                    claimed again
 *     LIVE           nobody stops for good; for the two ltl properties
 *     ABSOLUTE       do not rotate tickets and bells (see below)
 * Mutants:
 *     NO_Q NO_B NO_D NO_STEP_RING NO_WANT_RING NO_CLAIM_RING
 *     NO_PEER_FLUSH  (b) fences its own side only, though (q) is nothing
 *     TICKET_FIRST   (a) (b) (c) (d) (e)
 *     BELL_LAST      (a) (b) (d) (c) (e)
 *     WAKE_FIRST     (t) before (s)
 */
#ifndef N
#define N 2
#endif
#ifndef K
#define K 2
#endif
#ifndef M
#define M 8
#endif
#ifndef DEATHS
#define DEATHS 0
#endif

#define P 0 /* the producer's end */
#define C 1 /* the consumer's */

/*
 * A cursor is lap * 8 + offset. One bit of lap is enough: a side's view of the
 * other's cursor is never further away than the next lap.
 */
#define LAP(cursor) ((cursor) >> 3)
#define OFF(cursor) ((cursor) & 7)
#define NEXT(cursor) (((cursor) ^ 8) & 8)

/* Memory. An index is the end that stores it. */
byte cursor[2];
byte last;
byte bell[2];
byte ticket[2];
bit mb[2];

/* Stored, not yet in memory. */
#define CURSOR 0
#define LAST 1
#define BELL 2
chan buffer[2] = [K] of { byte, byte };

/* Private to an end: its cursor and ticket as stored, what it served, what
 * bell it saw at (c), and for what length the producer waits. */
#define NONE 15
byte own[2];
byte own_ticket[2];
byte served[2];
byte seen[2] = NONE;
byte need;

/* The kernel: who sleeps in the futex. */
bit asleep[2];

/* For the properties only. busy: between (p) and the end of notify. spent:
 * the ring for the latest ticket is over and done. */
bit busy[2];
bit stopped[2];
bit rung[2];
bit spent[2];

bit kill[2];
byte deaths[2];

/* Room for a grant at write's offset, at the head; core.h's bbq_find_place_ */
#define HERE(read) \
	((LAP(own[P]) == LAP(read) -> N : OFF(read)) - OFF(own[P]))
#define HEAD(read) (LAP(own[P]) == LAP(read) -> OFF(read) : 0)
#define FITS(read) (HERE(read) >= need || HEAD(read) >= need)

/* What a sleeper waits for is there, in memory. */
#define ROOM FITS(cursor[C])
#define DATA \
	(LAP(own[C]) == LAP(cursor[P]) -> OFF(cursor[P]) > OFF(own[C]) : \
		(last > OFF(own[C]) || OFF(cursor[P]) > 0))

/* Asleep, the reason is gone, and nobody is about to ring. */
#define LOST_C (asleep[C] && DATA && !busy[P])
#define LOST_P (asleep[P] && ROOM && !busy[C])

inline check()
{
	assert(!LOST_C);
	assert(!LOST_P);
	assert(!(asleep[P] && asleep[C]))
}

/*
 * Tickets and bells are only counted up and compared. So a ticket may be
 * counted from the one last served, and a bell from the one last seen: that
 * joins states which differ by a rotation only. The asserts here show that a
 * count never goes once round, so that any larger M, like the 2^32 of the
 * code, behaves as this one.
 */
inline ring_in_memory(e)
{
#ifdef ABSOLUTE
	bell[e] = (bell[e] + 1) % M;
	assert(bell[e] != seen[1 - e])
#else
	if
	:: seen[1 - e] != NONE ->
		bell[e] = (bell[e] + 1) % M;
		assert(bell[e] != seen[1 - e])
	:: else
	fi
#endif
}

inline see_bell(e) /* (c) */
{
	d_step {
#ifndef ABSOLUTE
		bell[1 - e] = 0;
#endif
		seen[e] = bell[1 - e]
	}
}

inline forget_bell(e)
{
#ifndef ABSOLUTE
	bell[1 - e] = 0;
#endif
	seen[e] = NONE
}

inline serve(e)
{
	served[e] = ticket[1 - e];
#ifndef ABSOLUTE
	own_ticket[1 - e] = (own_ticket[1 - e] + M - served[e]) % M;
	ticket[1 - e] = 0;
	served[e] = 0;
#endif
	if
	:: ticket[1 - e] == own_ticket[1 - e] -> rung[1 - e] = 1
	:: else
	fi
}

/* ---- store buffers ------------------------------------------------------ */

byte kind, value; /* scratch, always 0 between steps */

inline oldest_to_memory(e)
{
	buffer[e]?kind,value;
	if
	:: kind == CURSOR -> cursor[e] = value
	:: kind == LAST -> last = value
	:: kind == BELL -> ring_in_memory(e)
	fi;
	kind = 0;
	value = 0
}

/* A full barrier in the course of end e. */
inline flush(e)
{
	do
	:: len(buffer[e]) > 0 -> oldest_to_memory(e)
	:: else -> break
	od;
	ticket[e] = own_ticket[e]
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

/* A store of the cursor, release: after all that its side has stored. */
#define PUBLISH(e, to) \
	atomic { \
		len(buffer[e]) < K -> \
		ticket[e] = own_ticket[e]; \
		buffer[e]!CURSOR,to; \
		own[e] = to; \
		busy[e] = 1 \
	}

/* ---- waker -------------------------------------------------------------- */

inline ring(e)
{
#ifdef WAKE_FIRST
	d_step { flush(e); asleep[1 - e] = 0 };
	buffer[e]!BELL,0;
#else
	buffer[e]!BELL,0; /* (s) */
	/* (t): futex_wake has a full barrier before it looks for sleepers */
	d_step { flush(e); asleep[1 - e] = 0 };
#endif
	d_step {
		if
		:: served[e] == own_ticket[1 - e] -> spent[1 - e] = 1
		:: else
		fi
	}
}

inline notify(e)
{
	/* (q) */
#if defined(MIXED)
	if
	:: mb[e] && mb[1 - e]
	:: else -> d_step { flush(e) }
	fi;
#elif !defined(MEMBARRIER) && !defined(NO_Q)
	d_step { flush(e) };
#endif
	/* (r) */
	if
	:: atomic {
		ticket[1 - e] != served[e] ->
		/* At most one ring a ticket. */
		assert(ticket[1 - e] != own_ticket[1 - e] || !rung[1 - e]);
		serve(e)
	   };
		ring(e)
	:: ticket[1 - e] == served[e]
	fi;
	d_step { busy[e] = 0; check() }
}

/* ---- sleeper ------------------------------------------------------------ */

inline store_ticket(e) /* (a) */
{
	d_step {
		own_ticket[e] = (own_ticket[e] + 1) % M;
		assert(own_ticket[e] != served[1 - e]);
		rung[e] = 0;
		spent[e] = 0
	}
}

inline barrier(e) /* (b) */
{
#ifndef NO_B
	d_step { flush(e) };
#if defined(MIXED)
	if
	:: mb[e] && mb[1 - e] -> d_step { flush(1 - e); check() }
	:: else
	fi;
#elif defined(MEMBARRIER) && !defined(NO_PEER_FLUSH)
	d_step { flush(1 - e); check() };
#endif
#endif
	skip
}

inline announce_sleep(e)
{
#if defined(TICKET_FIRST)
	store_ticket(e);
	barrier(e);
	see_bell(e)
#elif defined(BELL_LAST)
	store_ticket(e);
	barrier(e)
#else
	see_bell(e);
	store_ticket(e);
	barrier(e)
#endif
}

/* (e): compare and sleep is one step of the kernel. */
inline futex_wait(e)
{
#ifdef BELL_LAST
	see_bell(e);
#endif
	if
	:: atomic {
		bell[1 - e] == seen[e] ->
		/* The peer owes a ring for this ticket. */
		assert(!spent[e]);
		asleep[e] = 1;
		check()
	   };
		if
		:: asleep[e] == 0
		:: stopped[1 - e] && len(buffer[P]) + len(buffer[C]) == 0 &&
		   !(e == P -> ROOM : DATA) ->
			/* Rightly asleep; a successor may wake it. */
end_asleep:
			asleep[e] == 0
		fi
	:: bell[1 - e] != seen[e]
	fi;
	d_step { forget_bell(e) }
}

/* ---- life and death ----------------------------------------------------- */

/* role.c's end_start; the role's lock orders it after its predecessor. */
inline claim(e)
{
	d_step {
		len(buffer[e]) == 0 && ticket[e] == own_ticket[e] ->
		own[e] = cursor[e]
	};
#ifdef MIXED
	if
	:: mb[e] = 1
#if MIXED == 1
	:: mb[e] == 0
#else
	:: mb[e] = 0
#endif
	fi;
#endif
	d_step { serve(e) };
#ifndef NO_CLAIM_RING
	ring(e);
#endif
	d_step { busy[e] = 0; check() }
}

inline die(e)
{
	kill[e] = 0;
	asleep[e] = 0;
	stopped[e] = 0;
	busy[e] = 1;
	forget_bell(e)
}

proctype killer(byte e)
{
end:
	do
	:: atomic { deaths[e] < DEATHS -> deaths[e]++; kill[e] = 1 }
	od
}

inline stop(e)
{
	atomic { stopped[e] = 1; check() };
end_stop:
	false
}

/* variable is one of 1 to max. */
#define CHOOSE(variable, max) \
	variable = 1; \
	do \
	:: variable < (max) -> variable++ \
	:: break \
	od

/* ---- the two ends ------------------------------------------------------- */

proctype producer()
{
	byte used;
	bit head;  /* the grant is at the head */
	bit again; /* this look is (d) */

life:
	{
		claim(P);
idle:
		if
		:: atomic { CHOOSE(need, N) }
#ifndef LIVE
		:: stop(P)
#endif
		fi;
look:
		/* grant, of need bytes and up to all that is free there */
		if
		:: atomic {
			HERE(cursor[C]) >= need ->
			CHOOSE(used, HERE(cursor[C]));
			goto commit
		   }
		:: atomic {
			HERE(cursor[C]) < need && HEAD(cursor[C]) >= need ->
			CHOOSE(used, HEAD(cursor[C]));
			head = 1;
			goto commit
		   }
		:: !FITS(cursor[C])
		fi;
		/* want */
		if
		:: atomic {
			!FITS(cursor[C]) && LAP(cursor[C]) == LAP(own[P]) &&
			len(buffer[P]) < K ->
			busy[P] = 1
		   };
			buffer[P]!LAST,OFF(own[P]);
			PUBLISH(P, NEXT(own[P]));
#ifdef NO_WANT_RING
			d_step { busy[P] = 0; check() }
#else
			notify(P)
#endif
		:: FITS(cursor[C]) || LAP(cursor[C]) != LAP(own[P])
		fi;
		if
		:: again ->
wait:
			again = 0;
			futex_wait(P)
		:: else ->
			announce_sleep(P);
			again = 1;
#ifdef NO_D
			goto wait
#endif
		fi;
		goto look;
commit:
		atomic { forget_bell(P); again = 0; need = 0 };
		if
		:: head ->
			buffer[P]!LAST,OFF(own[P]);
			PUBLISH(P, NEXT(own[P]) + used)
		:: else ->
			PUBLISH(P, own[P] + used)
		fi;
		d_step { used = 0; head = 0 };
		notify(P);
		goto idle
	} unless {
		d_step {
			kill[P] == 1 -> die(P);
			need = 0;
			used = 0;
			head = 0;
			again = 0
		}
	};
	goto life
}

proctype consumer()
{
	byte used;
	byte write; /* as loaded */
	bit again;

life:
	{
		claim(C);
idle:
		if
		:: true
#ifndef LIVE
		:: stop(C)
#endif
		fi;
look:
		write = cursor[P]; /* B */
		if
		:: LAP(write) == LAP(own[C]) -> skip
		:: else ->
			/* F */
			if
			:: atomic {
				last > OFF(own[C]) ->
				/* A split read may release both parts. */
				CHOOSE(used, last - OFF(own[C]) + OFF(write));
				write = (used <= last - OFF(own[C]) ->
					own[C] + used :
					NEXT(own[C]) + used -
						(last - OFF(own[C])));
				used = 0;
				goto release
			   }
			:: last <= OFF(own[C]) ->
				/* Step over the watermark. */
				PUBLISH(C, NEXT(own[C]));
#ifdef NO_STEP_RING
				d_step { busy[C] = 0; check() }
#else
				notify(C)
#endif
			fi
		fi;
		if
		:: atomic {
			OFF(write) > OFF(own[C]) ->
			CHOOSE(used, OFF(write) - OFF(own[C]));
			write = own[C] + used;
			used = 0;
			goto release
		   }
		:: else
		fi;
		write = 0;
		if
		:: again ->
wait:
			again = 0;
			futex_wait(C)
		:: else ->
			announce_sleep(C);
			again = 1;
#ifdef NO_D
			goto wait
#endif
		fi;
		goto look;
release:
		atomic { forget_bell(C); again = 0 };
		PUBLISH(C, write);
		write = 0;
		notify(C);
		goto idle
	} unless {
		d_step {
			kill[C] == 1 -> die(C);
			used = 0;
			write = 0;
			again = 0
		}
	};
	goto life
}

init {
	atomic {
		seen[P] = NONE;
		seen[C] = NONE;
		run drain(P);
		run drain(C);
		run producer();
		run consumer();
#if DEATHS > 0
		run killer(P);
		run killer(C)
#endif
	}
}

#ifdef LIVE
/* A sleeper whose reason is gone is woken. */
ltl woken {
	[] ((asleep[C] && DATA) -> <> !asleep[C]) &&
	[] ((asleep[P] && ROOM) -> <> !asleep[P])
}
/* Any length up to N is granted in the end, and nobody sleeps for ever. */
ltl granted { ([] <> (need == 0)) && ([] <> !asleep[C]) }
#endif
