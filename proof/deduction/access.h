/* SPDX-License-Identifier: MIT */
/*
 * The accesses to shared memory, as the proof sees them: contracts without
 * bodies, in place of those in core.h and frame.h (BBQ_OWN_ACCESS).
 *
 * A word that the peer owns can be anything at any time: a load has no ensures
 * clause, so each call gives any value at all, related to no other.
 *
 * A byte of a frame header likewise. The loads of bytes are numbered in the
 * order in which they happen: bbq_loads is the number of the next one, from(n)
 * is the address that number n went to and got(n) what it brought, of which
 * nothing is known.
 */
#ifndef BBQ_PROOF_ACCESS_H
#define BBQ_PROOF_ACCESS_H

#include <stddef.h>
#include <stdint.h>

#define BBQ_OWN_ACCESS

#if BBQ_WORD_BITS == 64
#define BBQ_PROOF_WORD uint64_t
#else
#define BBQ_PROOF_WORD uint32_t
#endif

/*@ requires \valid_read(word);
    assigns \nothing; */
BBQ_PROOF_WORD bbq_load_acquire_(const BBQ_PROOF_WORD *word);

/*@ requires \valid_read(word);
    assigns \nothing; */
BBQ_PROOF_WORD bbq_load_relaxed_(const BBQ_PROOF_WORD *word);

/*@ requires \valid(word);
    assigns *word;
    ensures *word == value; */
void bbq_store_release_(BBQ_PROOF_WORD *word, BBQ_PROOF_WORD value);

/*@ requires \valid(word);
    assigns *word;
    ensures *word == value; */
void bbq_store_relaxed_(BBQ_PROOF_WORD *word, BBQ_PROOF_WORD value);

/*@ axiomatic Loads {
      logic integer got(integer n);
      logic unsigned char *from(integer n);
    } */

/* So wide that it never comes round. */
/*@ ghost unsigned long long bbq_loads; */

/*@ requires \valid_read(byte);
    assigns bbq_loads;
    ensures \result == got(\old(bbq_loads));
    ensures byte == from(\old(bbq_loads));
    ensures bbq_loads == \old(bbq_loads) + 1; */
unsigned char bbq_load_byte_(const unsigned char *byte);

/*@ requires \valid(byte);
    assigns *byte;
    ensures *byte == value; */
void bbq_store_byte_(unsigned char *byte, unsigned char value);

#endif /* BBQ_PROOF_ACCESS_H */
