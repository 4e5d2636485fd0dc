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
 * One step of the model is one access to shared memory, or one system call.
 * When a store gets to memory is memory.pml's. README.md says what all this
 * covers, what it does not, and why these bounds.
 *
 * Bounds: N (capacity), K (entries of a store buffer), M (tickets and bells
 * count modulo M), DEATHS (how often each end may be killed, at any step, and
 * claimed again). Switches:
 *     MEMBARRIER     (q) is nothing, (b) empties both ends' buffers
 *     MIXED          each life of an end has membarrier or has not:
 *                    1 who comes after one that has it, has it
 *                    2 any order
 *                    3 any order, and what the peer stored before a claim is
 *                      in memory after it
 *     CLOSE          an end may be closed, which is looked at in (d)
 *     SLICES         a sleep may end by itself, a wait be given up, a grant or
 *                    a read be ended with nothing
 *     LIVE           nobody stops for good; for the ltl properties
 * Mutants, each of which must fail:
 *     NO_Q NO_B NO_D NO_C    leave out the step
 *     NO_STEP_RING           the consumer steps over the watermark silently
 *     NO_WANT_RING           so does the producer when it gives up the tail
 *     NO_WANT                it does not give up the tail
 *     NO_CLAIM_RING          a successor does not ring
 *     NO_CLOSE_RING          who closes does not ring
 *     NO_STATE               (d) does not look whether the peer has closed
 *     NO_PEER_FLUSH          (b) fences its own side only, (q) is nothing
 *     NO_SERVED              the waker does not remember whom it rang for
 *     TICKET_FIRST           (a) (b) (c) (d) (e)
 *     BELL_LAST              (a) (b) (d) (c) (e)
 *     WAKE_FIRST             (t) before (s)
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

#include "memory.pml"

/* The length that the producer has been asked for; 0: nothing. */
byte need;

/* Room for a grant at write's offset, at the head; core.h's bbq_find_place_ */
#define SAME_LAP(a, b) (LAP(a) == LAP(b))
#define HERE(read) ((SAME_LAP(own[P], read) -> N : OFF(read)) - OFF(own[P]))
#define HEAD(read) (SAME_LAP(own[P], read) -> OFF(read) : 0)
/* HERE(read) >= need || HEAD(read) >= need, in words that ltl takes */
#define FITS(read) \
	(OFF(read) >= OFF(own[P]) + need || \
	 (SAME_LAP(own[P], read) && \
	  (OFF(own[P]) + need <= N || OFF(read) >= need)))

/* What a sleeper waits for is there, in memory. */
#define ROOM (FITS(cursor[C]) || closed[C])
#define DATA \
	(closed[P] || \
	 (SAME_LAP(own[C], cursor[P]) && OFF(cursor[P]) > OFF(own[C])) || \
	 (!SAME_LAP(own[C], cursor[P]) && \
	  (last > OFF(own[C]) || OFF(cursor[P]) > 0)))
#define REASON(e) (e == P -> ROOM : DATA)

#include "event-count.pml"

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
		between_verbs(P);
		atomic { CHOOSE(need, N) };
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
#ifndef NO_WANT
		if
		:: atomic {
			!FITS(cursor[C]) && LAP(cursor[C]) == LAP(own[P]) &&
			len(buffer[P]) < K ->
			busy[P] = 1;
			buffer[P]!LAST,OFF(own[P])
		   };
			PUBLISH(P, NEXT(own[P]));
#ifdef NO_WANT_RING
			done(P)
#else
			notify(P)
#endif
		:: FITS(cursor[C]) || LAP(cursor[C]) != LAP(own[P])
		fi;
#endif
		if
		:: again ->
#if defined(CLOSE) && !defined(NO_STATE)
			if
			:: closed[C] -> stop(P)
			:: else
			fi;
#endif
wait:
			again = 0;
			futex_wait(P);
#ifdef SLICES
			if
			:: goto give_up
			:: true
			fi
#endif
		:: else ->
			announce_sleep(P);
#ifdef NO_D
			goto wait;
#endif
			again = 1
		fi;
		goto look;
commit:
		atomic { forget_bell(P); again = 0; need = 0 };
#ifdef SLICES
		if
		:: goto give_up
		:: true
		fi;
#endif
		if
		:: head ->
			buffer[P]!LAST,OFF(own[P]);
			PUBLISH(P, NEXT(own[P]) + used)
		:: else ->
			PUBLISH(P, own[P] + used)
		fi;
		d_step { used = 0; head = 0 };
		notify(P);
#ifdef SLICES
give_up:
		atomic { need = 0; used = 0; head = 0 };
#endif
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
		between_verbs(C);
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
				goto release
			   }
			:: last <= OFF(own[C]) ->
				/* Step over the watermark. */
				PUBLISH(C, NEXT(own[C]));
#ifdef NO_STEP_RING
				done(C)
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
			goto release
		   }
		:: else
		fi;
		write = 0;
		if
		:: again ->
#if defined(CLOSE) && !defined(NO_STATE)
			if
			:: closed[P] -> stop(C)
			:: else
			fi;
#endif
wait:
			again = 0;
			futex_wait(C);
#ifdef SLICES
			if
			:: goto idle
			:: true
			fi
#endif
		:: else ->
			announce_sleep(C);
#ifdef NO_D
			goto wait;
#endif
			again = 1
		fi;
		goto look;
release:
		atomic { forget_bell(C); again = 0; used = 0 };
#ifdef SLICES
		if
		:: goto give_up
		:: true
		fi;
#endif
		PUBLISH(C, write);
		notify(C);
#ifdef SLICES
give_up:
#endif
		write = 0;
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
