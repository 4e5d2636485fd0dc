/* SPDX-License-Identifier: MIT */
/*
 * memory.pml - what the two ends share, and when a store gets there
 *
 * Each end has a store buffer: its stores go to memory one by one, in order,
 * at any later time. That is x86 (total store order). A ticket is stored
 * relaxed, so it may in addition overtake what its end has stored before. A
 * load is one step and finds what is in memory; an end never loads what it
 * stores itself, so no buffer needs to be looked into.
 */

#define P 0 /* the producer's end */
#define C 1 /* the consumer's */
#define PEER(e) (1 - (e))

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
bit mb[2];     /* struct bbq_side's barrier */
bit closed[2]; /* its state */

/* Stored, not yet in memory. A ticket is not in here, see own_ticket. */
#define CURSOR 0
#define LAST 1
#define BELL 2
#define STATE 3
chan buffer[2] = [K] of { byte, byte };

/* The kernel: who sleeps in the futex. */
bit asleep[2];

/* Private to an end: cursor and ticket as stored, the ticket that it served,
 * and the bell that it saw at (c). */
#define NONE 15
byte own[2];
byte own_ticket[2];
byte served[2];
byte seen[2] = NONE;

/* For the asserts only: the latest ticket was rung for; and that is over. */
bit rung[2];
bit spent[2];

/* ---- tickets and bells -------------------------------------------------- */

/*
 * They are only counted up and compared. So a ticket may be counted from the
 * one last served, and a bell from the one last seen: that joins states which
 * differ by a rotation only. The asserts here show that a count never goes
 * once round, so that any larger M, like the 2^32 of the code, behaves as this
 * one.
 */
inline ring_in_memory(e)
{
	if
	:: seen[PEER(e)] != NONE ->
		bell[e] = (bell[e] + 1) % M;
		assert(bell[e] != seen[PEER(e)])
	:: else
	fi
}

inline see_bell(e)
{
	d_step {
		bell[PEER(e)] = 0;
		seen[e] = bell[PEER(e)]
	}
}

inline forget_bell(e)
{
	bell[PEER(e)] = 0;
	seen[e] = NONE
}

inline take_ticket(e)
{
	own_ticket[e] = (own_ticket[e] + 1) % M;
	assert(own_ticket[e] != served[PEER(e)]);
	rung[e] = 0;
	spent[e] = 0
}

/* A sleep is cut short only if few tickets wait to be served: to the waker,
 * many are like two, and the count must not go round. */
#define FEW_TICKETS(e) ((own_ticket[e] + M - served[PEER(e)]) % M < 2)

inline serve(e)
{
	own_ticket[PEER(e)] = (own_ticket[PEER(e)] + M - ticket[PEER(e)]) % M;
	ticket[PEER(e)] = 0;
#ifdef NO_SERVED
	served[e] = M - 1;
#else
	served[e] = ticket[PEER(e)];
#endif
	if
	:: ticket[PEER(e)] == own_ticket[PEER(e)] -> rung[PEER(e)] = 1
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
	:: kind == STATE -> closed[e] = value
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

#define IN_MEMORY(e) (len(buffer[e]) == 0 && ticket[e] == own_ticket[e])

/*
 * A release store is after all that its end has stored: to put a ticket into
 * memory first takes nothing away, since that could have happened just before.
 */
inline store_release(e, what, new)
{
	len(buffer[e]) < K ->
	ticket[e] = own_ticket[e];
	buffer[e]!what,new
}
