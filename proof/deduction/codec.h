/* SPDX-License-Identifier: MIT */
/*
 * What the proof of the codec's values needs to know, for headers of WIDTH
 * bytes. prove.py defines WIDTH, and these powers of two:
 *
 *     HALF   2^(WIDTH - 1)        LOW    2^WIDTH
 *     REST   2^(8 - WIDTH)        LIMIT  2^(7 * WIDTH), 2^64 for nine bytes
 *
 * Admitted lemmas: as in model.h, proved in bits.smt2.
 */
#ifndef BBQ_PROOF_CODEC_H
#define BBQ_PROOF_CODEC_H

#define TWO_64 0x10000000000000000

/*@ // The format: a first byte, and the number that the others are, say v.
    predicate says(integer first, integer rest, integer v) =
      WIDTH == 9 ? first == 0 && rest == v
                 : first + 0x100 * rest == HALF * (2 * v + 1);

    // The first byte says that there are WIDTH.
    predicate begins(integer first) =
      WIDTH == 9 ? first == 0 : first % LOW == HALF;

    logic integer length(integer first, integer rest) =
      WIDTH == 9 ? rest : REST * rest + first / LOW;

    // What is read of a header is what was written, and nothing else is.
    lemma round_trip: \forall integer first, rest, v;
      0 <= first < 0x100 && 0 <= rest && says(first, rest, v) ==>
      begins(first) && length(first, rest) == v;
    lemma says_its_length: \forall integer first, rest;
      0 <= first < 0x100 && 0 <= rest && begins(first) ==>
      says(first, rest, length(first, rest));

    // The bytes from i + 1 on, as a number; in memory ...
    logic integer byte(unsigned char *header, integer k) =
      k < WIDTH ? header[k] : 0;
    logic integer top(unsigned char *header, integer i) =
      byte(header, i + 1) + 0x100 * byte(header, i + 2) +
      0x10000 * byte(header, i + 3) + 0x1000000 * byte(header, i + 4) +
      0x100000000 * byte(header, i + 5) + 0x10000000000 * byte(header, i + 6) +
      0x1000000000000 * byte(header, i + 7) +
      0x100000000000000 * byte(header, i + 8);

    // ... and as they were loaded, the first byte by load number `load`, then
    // the others from the last one down.
    logic integer byte_got(integer load, integer k) =
      k < WIDTH ? got(load + WIDTH - k) : 0;
    logic integer top_got(integer load, integer i) =
      byte_got(load, i + 1) + 0x100 * byte_got(load, i + 2) +
      0x10000 * byte_got(load, i + 3) + 0x1000000 * byte_got(load, i + 4) +
      0x100000000 * byte_got(load, i + 5) +
      0x10000000000 * byte_got(load, i + 6) +
      0x1000000000000 * byte_got(load, i + 7) +
      0x100000000000000 * byte_got(load, i + 8);

    // x shifted left by k bytes.
    logic integer bytes(integer x, integer k) =
      k == 0 ? x : k == 1 ? 0x100 * x : k == 2 ? 0x10000 * x :
      k == 3 ? 0x1000000 * x : k == 4 ? 0x100000000 * x :
      k == 5 ? 0x10000000000 * x : k == 6 ? 0x1000000000000 * x :
      k == 7 ? 0x100000000000000 * x : TWO_64 * x;

    // x shifted right by k bits.
    logic integer over(integer x, integer k) =
      k == 0 ? x : k == 1 ? x / 2 : k == 2 ? x / 4 : k == 3 ? x / 8 :
      k == 4 ? x / 16 : k == 5 ? x / 32 : k == 6 ? x / 64 :
      k == 7 ? x / 128 : x / 256;

    admit lemma up_64: \forall integer x;
      0 <= x ==> (uint64_t)x == x % TWO_64;
    admit lemma low_1: \forall integer x; 0 <= x < TWO_64 ==> (x & 1) == x % 2;
    admit lemma low_8: \forall integer x;
      0 <= x < TWO_64 ==> (x & 0xff) == x % 0x100;
    admit lemma right: \forall integer x, k;
      0 <= x < TWO_64 && 0 <= k <= 8 ==> (x >> k) == over(x, k);
    admit lemma left_low: \forall integer x;
      0 <= x < TWO_64 && WIDTH < 9 ==> (x << WIDTH) == LOW * x;
    admit lemma left_rest: \forall integer x;
      0 <= x < TWO_64 && WIDTH < 9 ==> (x << (8 - WIDTH)) == REST * x;
    admit lemma left_8: \forall integer x;
      0 <= x < TWO_64 ==> (x << 8) == 0x100 * x;
    // Bits that do not meet. Frama-C puts the two in an order of its own.
    predicate apart(integer x, integer y, integer power) =
      0 <= x < TWO_64 && 0 <= y < TWO_64 &&
      ((x % power == 0 && y < power) || (y % power == 0 && x < power));
    admit lemma join_low: \forall integer x, y;
      apart(x, y, LOW) ==> (x | y) == x + y;
    admit lemma join_rest: \forall integer x, y;
      apart(x, y, REST) ==> (x | y) == x + y;
    admit lemma join_8: \forall integer x, y;
      apart(x, y, 0x100) ==> (x | y) == x + y;
*/

#endif /* BBQ_PROOF_CODEC_H */
