/* SPDX-License-Identifier: MIT */
/*
 * What the contracts need to know of C's arithmetic on bits.
 *
 * Frama-C's provers work with numbers and know next to nothing of masks and
 * shifts. The lemmas below tell them. They are admitted here and proved in
 * bits.smt2, each under the same name, by a solver that works with bits.
 */
#ifndef BBQ_PROOF_MODEL_H
#define BBQ_PROOF_MODEL_H

#include <stdint.h>

/* Offsets in a lap, laps, and cursors: see BBQ_WORD_BITS in core.h. */
#if BBQ_WORD_BITS == 64
#define LAP 0x100000000
#define LAPS 0x100000000
#define WORDS 0x10000000000000000
#else
#define LAP 0x10000
#define LAPS 0x10000
#define WORDS 0x100000000
#endif

#define TWO_64 0x10000000000000000

/*@ // x shifted left or right by k bits.
    logic integer times(integer x, integer k) =
      k == 0 ? x : k == 1 ? 2 * x : k == 2 ? 4 * x : k == 3 ? 8 * x :
      k == 4 ? 16 * x : k == 5 ? 32 * x : k == 6 ? 64 * x :
      k == 7 ? 128 * x : 256 * x;
    logic integer over(integer x, integer k) =
      k == 0 ? x : k == 1 ? x / 2 : k == 2 ? x / 4 : k == 3 ? x / 8 :
      k == 4 ? x / 16 : k == 5 ? x / 32 : k == 6 ? x / 64 :
      k == 7 ? x / 128 : x / 256;

    // Conversion to an unsigned type.
    admit lemma up_32: \forall integer x;
      0 <= x ==> (uint32_t)x == x % 0x100000000;
    admit lemma up_64: \forall integer x;
      0 <= x ==> (uint64_t)x == x % TWO_64;
    admit lemma down_32: \forall integer x;
      -0x100000000 <= x < 0 ==> (uint32_t)x == x + 0x100000000;
    admit lemma down_64: \forall integer x;
      -TWO_64 <= x < 0 ==> (uint64_t)x == x + TWO_64;

    // Masks.
    admit lemma low_3: \forall integer x;
      0 <= x < TWO_64 ==> (x & 7) == x % 8;
    admit lemma low_6: \forall integer x;
      0 <= x < TWO_64 ==> (x & 63) == x % 64;
    admit lemma low_16: \forall integer x;
      0 <= x < 0x100000000 ==> (x & 0xffff) == x % 0x10000;
    admit lemma low_32: \forall integer x;
      0 <= x < TWO_64 ==> (x & 0xffffffff) == x % 0x100000000;
    admit lemma high_7: \forall integer x;
      0 <= x < TWO_64 ==> (x & -0x80) == x - x % 0x80;
    admit lemma high_16: \forall integer x;
      0 <= x < 0x100000000 ==> (x & 0xffff0000) == x - x % 0x10000;
    admit lemma high_32: \forall integer x;
      0 <= x < TWO_64 ==> (x & 0xffffffff00000000) == x - x % 0x100000000;

    // Shifts by up to eight bits.
    admit lemma left: \forall integer x, k;
      0 <= x < TWO_64 && 0 <= k <= 8 ==> (x << k) == times(x, k);
    admit lemma right: \forall integer x, k;
      0 <= x < TWO_64 && 0 <= k <= 8 ==> (x >> k) == over(x, k);
*/

#endif /* BBQ_PROOF_MODEL_H */
