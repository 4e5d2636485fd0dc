/* SPDX-License-Identifier: MIT */
/*
 * classics.c - the litmus tests that have names, as the literature has them
 *
 * Rlx, acq, rel: orders; sc: with seq_cst fences. LB's outcome is the one that
 * RC11 forbids on purpose and C11 does not: values out of thin air.
 */
#include "classics.h"

/* clang-format off */
#define X 0
#define Y 1
#define Z 2
#define LD(word) { LITMUS_LOAD, ORDER_RELAXED, word, 0, 0 }
#define LDA(word) { LITMUS_LOAD, ORDER_ACQUIRE, word, 0, 0 }
#define LDIF(word, only) { LITMUS_LOAD, ORDER_RELAXED, word, 0, only + 1 }
#define LDAIF(word, only) { LITMUS_LOAD, ORDER_ACQUIRE, word, 0, only + 1 }
#define ST(word, value) { LITMUS_STORE, ORDER_RELAXED, word, value, 0 }
#define STR(word, value) { LITMUS_STORE, ORDER_RELEASE, word, value, 0 }
#define FENCE(order) { LITMUS_FENCE, ORDER_##order, 0, 0, 0 }
#define SC FENCE(SEQ_CST)
#define LDB { LITMUS_LOAD_BYTE, 0, 0, 0, 0 }
#define STB(value) { LITMUS_STORE_BYTE, 0, 0, value, 0 }
#define END { LITMUS_END, 0, 0, 0, 0 }
#define T(...) { __VA_ARGS__, END }

const struct classic classics[] = {
	{ "MP rlx", "10???", true, { 2, {
		T(ST(X, 1), ST(Y, 1)), T(LD(Y), LD(X)) }, false } },
	{ "MP rel+acq", "10???", false, { 2, {
		T(ST(X, 1), STR(Y, 1)), T(LDA(Y), LD(X)) }, false } },
	{ "MP rel+rlx", "10???", true, { 2, {
		T(ST(X, 1), STR(Y, 1)), T(LD(Y), LD(X)) }, false } },
	{ "MP rlx+acq", "10???", true, { 2, {
		T(ST(X, 1), ST(Y, 1)), T(LDA(Y), LD(X)) }, false } },
	{ "MP fences", "10???", false, { 2, {
		T(ST(X, 1), FENCE(RELEASE), ST(Y, 1)),
		T(LD(Y), FENCE(ACQUIRE), LD(X)) }, false } },
	{ "MP fence+acq", "10???", false, { 2, {
		T(ST(X, 1), FENCE(RELEASE), ST(Y, 1)),
		T(LDA(Y), LD(X)) }, false } },
	{ "MP wrong fences", "10???", true, { 2, {
		T(ST(X, 1), FENCE(ACQUIRE), ST(Y, 1)),
		T(LD(Y), FENCE(RELEASE), LD(X)) }, false } },
	{ "MP sequence", "20???", false, { 2, {
		T(ST(X, 1), STR(Y, 1), ST(Y, 2)), T(LDA(Y), LD(X)) }, false } },
	{ "MP late fence", "10???", true, { 2, {
		T(ST(X, 1), ST(Y, 1), FENCE(RELEASE)), T(LDA(Y), LD(X)) }, false } },
	{ "SB rlx", "00???", true, { 2, {
		T(ST(X, 1), LD(Y)), T(ST(Y, 1), LD(X)) }, false } },
	{ "SB rel+acq", "00???", true, { 2, {
		T(STR(X, 1), LDA(Y)), T(STR(Y, 1), LDA(X)) }, false } },
	{ "SB sc", "00???", false, { 2, {
		T(ST(X, 1), SC, LD(Y)), T(ST(Y, 1), SC, LD(X)) }, false } },
	{ "SB acq_rel fences", "00???", true, { 2, {
		T(ST(X, 1), FENCE(ACQ_REL), LD(Y)),
		T(ST(Y, 1), FENCE(ACQ_REL), LD(X)) }, false } },
	{ "SB sc, one side", "00???", true, { 2, {
		T(ST(X, 1), SC, LD(Y)), T(ST(Y, 1), LD(X)) }, false } },
	{ "LB rlx", "11???", false, { 2, {
		T(LD(X), ST(Y, 1)), T(LD(Y), ST(X, 1)) }, false } },
	{ "LB rel+acq", "11???", false, { 2, {
		T(LDA(X), STR(Y, 1)), T(LDA(Y), STR(X, 1)) }, false } },
	{ "CoRR", "10???", false, { 2, {
		T(ST(X, 1)), T(LD(X), LD(X)) }, false } },
	{ "CoRR two stores", "21???", false, { 2, {
		T(ST(X, 1), ST(X, 2)), T(LD(X), LD(X)) }, false } },
	{ "CoRR two readers", "1221???", false, { 4, {
		T(ST(X, 1)), T(ST(X, 2)),
		T(LD(X), LD(X)), T(LD(X), LD(X)) }, false } },
	{ "CoWW", "1??", false, { 1, {
		T(ST(X, 1), ST(X, 2)) }, false } },
	{ "CoWR", "21??", false, { 2, {
		T(ST(X, 1), LD(X)), T(ST(X, 2)) }, false } },
	{ "CoWR seen", "2???", true, { 2, {
		T(ST(X, 1), LD(X)), T(ST(X, 2)) }, false } },
	{ "CoRW", "22??", false, { 2, {
		T(LD(X), ST(X, 1)), T(ST(X, 2)) }, false } },
	{ "IRIW rlx", "1010???", true, { 4, {
		T(ST(X, 1)), T(ST(Y, 1)),
		T(LD(X), LD(Y)), T(LD(Y), LD(X)) }, false } },
	{ "IRIW rel+acq", "1010???", true, { 4, {
		T(STR(X, 1)), T(STR(Y, 1)),
		T(LDA(X), LDA(Y)), T(LDA(Y), LDA(X)) }, false } },
	{ "IRIW sc", "1010???", false, { 4, {
		T(ST(X, 1)), T(ST(Y, 1)),
		T(LD(X), SC, LD(Y)), T(LD(Y), SC, LD(X)) }, false } },
	{ "2+2W rlx", "11?", true, { 2, {
		T(ST(X, 1), ST(Y, 2)), T(ST(Y, 1), ST(X, 2)) }, false } },
	{ "2+2W rel", "11?", true, { 2, {
		T(STR(X, 1), STR(Y, 2)), T(STR(Y, 1), STR(X, 2)) }, false } },
	{ "2+2W sc", "11?", false, { 2, {
		T(ST(X, 1), SC, ST(Y, 2)), T(ST(Y, 1), SC, ST(X, 2)) }, false } },
	{ "ISA2 rlx", "110???", true, { 3, {
		T(ST(X, 1), ST(Y, 1)), T(LD(Y), ST(Z, 1)),
		T(LD(Z), LD(X)) }, false } },
	{ "ISA2 rel+acq", "110???", false, { 3, {
		T(ST(X, 1), STR(Y, 1)), T(LDA(Y), STR(Z, 1)),
		T(LDA(Z), LD(X)) }, false } },
	{ "ISA2 broken chain", "110???", true, { 3, {
		T(ST(X, 1), STR(Y, 1)), T(LDA(Y), ST(Z, 1)),
		T(LDA(Z), LD(X)) }, false } },
	{ "WRC rlx", "110???", true, { 3, {
		T(ST(X, 1)), T(LD(X), ST(Y, 1)), T(LD(Y), LD(X)) }, false } },
	{ "WRC rel+acq", "110???", false, { 3, {
		T(ST(X, 1)), T(LD(X), STR(Y, 1)), T(LDA(Y), LD(X)) }, false } },
	{ "RWC rel+acq", "100???", true, { 3, {
		T(STR(X, 1)), T(LDA(X), LDA(Y)), T(STR(Y, 1), LDA(X)) }, false } },
	{ "RWC sc", "100???", false, { 3, {
		T(ST(X, 1)), T(LD(X), SC, LD(Y)), T(ST(Y, 1), SC, LD(X)) }, false } },
	{ "W+RWC sc", "100???", false, { 3, {
		T(ST(X, 1), STR(Y, 1)), T(LDA(Y), SC, LD(Z)),
		T(ST(Z, 1), SC, LD(X)) }, false } },
	{ "R rlx", "0?2?", true, { 2, {
		T(ST(X, 1), ST(Y, 1)), T(ST(Y, 2), LD(X)) }, false } },
	{ "R sc", "0?2?", false, { 2, {
		T(ST(X, 1), SC, ST(Y, 1)), T(ST(Y, 2), SC, LD(X)) }, false } },
	{ "S rlx", "11??", true, { 2, {
		T(ST(X, 1), ST(Y, 1)), T(LD(Y), ST(X, 2)) }, false } },
	{ "S rel+acq", "11??", false, { 2, {
		T(ST(X, 1), STR(Y, 1)), T(LDA(Y), ST(X, 2)) }, false } },
	{ "Z6 rel+acq", "10??2", true, { 3, {
		T(ST(X, 1), STR(Y, 1)), T(LDA(Y), ST(Z, 1)),
		T(ST(Z, 2), LD(X)) }, false } },
	/* Outcomes are void where there is a race; here there is none. */
	{ "MP byte rel+acq", "10???", false, { 2, {
		T(STB(1), STR(Y, 1)), T(LDAIF(Y, 1), LDB) }, false } },
	{ "MP byte fences", "10???", false, { 2, {
		T(STB(1), FENCE(RELEASE), ST(Y, 1)),
		T(LDIF(Y, 1), FENCE(ACQUIRE), LDB) }, false } },
	{ "MP byte chain", "110???", false, { 3, {
		T(STB(1), STR(Y, 1)), T(LDAIF(Y, 1), STR(Z, 1)),
		T(LDAIF(Z, 1), LDB) }, false } },
	/* And here there is, which is said by no outcome to look for. */
	{ "MP byte rlx", NULL, true, { 2, {
		T(STB(1), ST(Y, 1)), T(LDAIF(Y, 1), LDB) }, false } },
	{ "MP byte no acquire", NULL, true, { 2, {
		T(STB(1), STR(Y, 1)), T(LDIF(Y, 1), LDB) }, false } },
	{ "MP byte unguarded", NULL, true, { 2, {
		T(STB(1), STR(Y, 1)), T(LDA(Y), LDB) }, false } },
	{ "MP byte late", NULL, true, { 2, {
		T(STR(Y, 1), STB(1)), T(LDAIF(Y, 1), LDB) }, false } },
	/* The fences are in order, and still do not synchronise. */
	{ "SB byte ordered", NULL, true, { 2, {
		T(STB(1), SC, LDIF(X, 0), ST(Z, 1)),
		T(ST(X, 1), SC, LDIF(Z, 1), LDB) }, false } },
	{ "SB byte sc", NULL, true, { 2, {
		T(STB(1), SC, ST(X, 1)), T(SC, LDIF(X, 1), LDB) }, false } },
};
/* clang-format on */

const unsigned classics_count = sizeof(classics) / sizeof(classics[0]);
