/* SPDX-License-Identifier: MIT */
/*
 * axioms.c - the outcomes that RC11's axioms allow
 *
 * From Lahav, Vafeiadis, Kang, Hur and Dreyer, "Repairing sequential
 * consistency in C/C++11" (PLDI 2017), without read-modify-writes and seq_cst
 * accesses, which libbbq has none of. An execution graph is a set of events
 * with program order sb, reads-from rf, and modification order mo; then
 *
 *     rb  = rf^-1; mo                     a load before the store that it missed
 *     eco = (rf | mo | rb)+
 *     rs  = [W]; (sb, same word)?; [W]    a release sequence
 *     sw  = [rel]; ([F]; sb)?; rs; rf; (sb; [F])?; [acq]
 *     hb  = (sb | sw)+
 *     psc = [Fsc]; (hb | hb; eco; hb); [Fsc]
 *
 * and it is consistent if hb; eco? has no event before itself, and psc and
 * sb | rf have no cycles. A data race is two accesses to the byte by different
 * threads, at least one a store, that hb does not order.
 */
#include <stdlib.h>
#include <string.h>

#include "litmus.h"

#define PLACES (LITMUS_WORDS + 1) /* the last one is the byte */
#define EVENTS (PLACES + LITMUS_THREADS * LITMUS_LENGTH)

struct relation {
	uint32_t row[EVENTS]; /* bit j of row i: i is before j */
};

struct node {
	const struct litmus_instruction *code; /* null: initial store */
	unsigned thread;
	unsigned place;
	bool load;
	bool store;
	bool atomic;
	unsigned value;
};

struct graph {
	const struct litmus *litmus;
	unsigned count;
	struct node node[EVENTS];
	unsigned from[EVENTS]; /* of a load: the store */
	unsigned rank[EVENTS]; /* of a store: in the modification order */
	unsigned length[LITMUS_THREADS]; /* instructions that are done */
	struct litmus_outcomes *outcomes;
};

/* ---- relations ---------------------------------------------------------- */

static void add(struct relation *r, unsigned i, unsigned j)
{
	r->row[i] |= 1u << j;
}

static bool has(const struct relation *r, unsigned i, unsigned j)
{
	return r->row[i] >> j & 1;
}

static struct relation either(const struct relation *a,
			      const struct relation *b)
{
	struct relation r;

	for (unsigned i = 0; i < EVENTS; i++)
		r.row[i] = a->row[i] | b->row[i];
	return r;
}

static struct relation then(const struct relation *a, const struct relation *b)
{
	struct relation r = { { 0 } };

	for (unsigned i = 0; i < EVENTS; i++)
		for (unsigned j = 0; j < EVENTS; j++)
			if (has(a, i, j))
				r.row[i] |= b->row[j];
	return r;
}

static struct relation closure(struct relation r)
{
	for (unsigned k = 0; k < EVENTS; k++)
		for (unsigned i = 0; i < EVENTS; i++)
			if (has(&r, i, k))
				r.row[i] |= r.row[k];
	return r;
}

static bool irreflexive(const struct relation *r)
{
	for (unsigned i = 0; i < EVENTS; i++)
		if (has(r, i, i))
			return false;
	return true;
}

static bool acyclic(const struct relation *r)
{
	struct relation c = closure(*r);

	return irreflexive(&c);
}

/* ---- the axioms --------------------------------------------------------- */

static bool is_fence(const struct node *n)
{
	return !n->load && !n->store;
}

static bool has_order(const struct node *n, enum order order)
{
	enum order own = n->code ? n->code->order : ORDER_RELAXED;

	return own == order || (is_fence(n) && own >= ORDER_ACQ_REL);
}

static bool in_program_order(const struct graph *g, unsigned i, unsigned j)
{
	const struct node *a = &g->node[i], *b = &g->node[j];

	if (!a->code)
		return b->code != NULL;
	return b->code && a->thread == b->thread && a->code < b->code;
}

/* Does what the head publishes, itself or a fence, reach store w? */
static bool releases(const struct graph *g, unsigned head, unsigned w)
{
	if (!has_order(&g->node[head], ORDER_RELEASE) || !g->node[w].atomic)
		return false;
	for (unsigned first = 0; first < g->count; first++) {
		const struct node *n = &g->node[first];

		if (!n->store || !n->atomic || n->place != g->node[w].place)
			continue;
		if (first != w && !in_program_order(g, first, w))
			continue;
		if (first == head || (is_fence(&g->node[head]) &&
				      in_program_order(g, head, first)))
			return true;
	}
	return false;
}

/* Does load r take over, itself or by a fence at tail? */
static bool acquires(const struct graph *g, unsigned r, unsigned tail)
{
	if (!has_order(&g->node[tail], ORDER_ACQUIRE) || !g->node[r].atomic)
		return false;
	return r == tail ||
	       (is_fence(&g->node[tail]) && in_program_order(g, r, tail));
}

static void synchronize(const struct graph *g, unsigned r, struct relation *ret)
{
	for (unsigned i = 0; i < g->count; i++)
		for (unsigned j = 0; j < g->count; j++)
			if (releases(g, i, g->from[r]) && acquires(g, r, j))
				add(ret, i, j);
}

static bool is_seq_cst(const struct node *n)
{
	return n->code && n->code->order == ORDER_SEQ_CST;
}

static struct relation fences_only(const struct graph *g,
				   const struct relation *r)
{
	struct relation ret = { { 0 } };

	for (unsigned i = 0; i < g->count; i++)
		for (unsigned j = 0; j < g->count; j++)
			if (has(r, i, j) && is_seq_cst(&g->node[i]) &&
			    is_seq_cst(&g->node[j]))
				add(&ret, i, j);
	return ret;
}

/* rf | mo | rb, closed. */
static struct relation extended_coherence(const struct graph *g)
{
	struct relation r = { { 0 } };

	for (unsigned i = 0; i < g->count; i++) {
		const struct node *a = &g->node[i];
		unsigned rank = g->rank[a->load ? g->from[i] : i];

		if (is_fence(a))
			continue;
		if (a->load)
			add(&r, g->from[i], i);
		for (unsigned j = 0; j < g->count; j++)
			if (g->node[j].store && g->node[j].place == a->place &&
			    rank < g->rank[j])
				add(&r, i, j);
	}
	return closure(r);
}

static bool has_race(const struct graph *g, const struct relation *hb)
{
	for (unsigned i = 0; i < g->count; i++)
		for (unsigned j = 0; j < g->count; j++) {
			const struct node *a = &g->node[i], *b = &g->node[j];

			if (a->place == LITMUS_WORDS && a->store &&
			    b->place == LITMUS_WORDS && (b->store || b->load) &&
			    a->code && b->code && a->thread != b->thread &&
			    !has(hb, i, j) && !has(hb, j, i))
				return true;
		}
	return false;
}

static bool is_consistent(const struct graph *g, struct relation *ret_hb)
{
	struct relation sb = { { 0 } }, rf = { { 0 } }, sw = { { 0 } };
	struct relation eco, order, psc;

	for (unsigned i = 0; i < g->count; i++) {
		for (unsigned j = 0; j < g->count; j++)
			if (in_program_order(g, i, j))
				add(&sb, i, j);
		if (g->node[i].load) {
			add(&rf, g->from[i], i);
			synchronize(g, i, &sw);
		}
	}
	order = either(&sb, &rf);
	if (!acyclic(&order))
		return false;
	eco = extended_coherence(g);
	order = either(&sb, &sw);
	*ret_hb = closure(order);
	order = then(ret_hb, &eco);
	if (!irreflexive(ret_hb) || !irreflexive(&order))
		return false;
	psc = then(&order, ret_hb);
	psc = either(&psc, ret_hb);
	psc = fences_only(g, &psc);
	return acyclic(&psc);
}

/* ---- all graphs --------------------------------------------------------- */

static bool is_load(const struct litmus_instruction *i)
{
	return i->kind == LITMUS_LOAD || i->kind == LITMUS_LOAD_BYTE;
}

static bool is_kept(const struct graph *g, unsigned t, unsigned n)
{
	if (n >= g->length[t])
		return false;
	for (unsigned later = n + 1; later < g->length[t]; later++)
		if (g->litmus->forget && is_load(&g->litmus->code[t][later]))
			return false;
	return true;
}

static uint64_t last_value(const struct graph *g, unsigned place)
{
	unsigned last = place; /* the initial store */

	for (unsigned i = 0; i < g->count; i++)
		if (g->node[i].store && g->node[i].place == place &&
		    g->rank[i] > g->rank[last])
			last = i;
	return g->node[last].value;
}

static uint64_t outcome_of(const struct graph *g)
{
	unsigned e = PLACES;
	uint64_t outcome = 0;

	for (unsigned t = 0; t < g->litmus->threads; t++) {
		const struct litmus_instruction *i = g->litmus->code[t];

		for (unsigned n = 0; i->kind != LITMUS_END; i++, n++) {
			if (is_load(i))
				outcome = outcome << 4 |
					  (is_kept(g, t, n) ? g->node[e].value
							    : LITMUS_SKIPPED);
			e += n < g->length[t];
		}
	}
	for (unsigned w = 0; w < LITMUS_WORDS; w++)
		outcome = outcome << 4 | last_value(g, w);
	return outcome;
}

static void judge(struct graph *g)
{
	struct relation hb;

	if (!is_consistent(g, &hb))
		return;
	if (has_race(g, &hb))
		g->outcomes->race = true;
	litmus_add_outcome(g->outcomes, outcome_of(g));
}

/* Give each store from event i on every free rank among those of its place. */
static void try_ranks(struct graph *g, unsigned i)
{
	unsigned stores = 0;

	while (i < g->count && !g->node[i].store)
		i++;
	if (i == g->count) {
		judge(g);
		return;
	}
	for (unsigned j = 0; j < g->count; j++)
		stores += g->node[j].store &&
			  g->node[j].place == g->node[i].place;
	for (unsigned rank = 1; rank < stores; rank++) {
		bool taken = false;

		for (unsigned j = 0; j < i; j++)
			taken |= g->node[j].store &&
				 g->node[j].place == g->node[i].place &&
				 g->rank[j] == rank;
		g->rank[i] = rank;
		if (!taken)
			try_ranks(g, i + 1);
	}
}

/* Does the thread go on after that load, or end, as length says? */
static bool fits(const struct graph *g, const struct node *n)
{
	bool last = (unsigned)(n->code - g->litmus->code[n->thread]) + 1 ==
		    g->length[n->thread];
	bool end = last && n->code[1].kind != LITMUS_END;

	return !n->code->only || (n->value + 1 != n->code->only) == end ||
	       (last && n->code[1].kind == LITMUS_END);
}

/* Let each load from event i on read from every store. */
static void try_sources(struct graph *g, unsigned i)
{
	while (i < g->count && !g->node[i].load)
		i++;
	if (i == g->count) {
		try_ranks(g, PLACES);
		return;
	}
	for (unsigned j = 0; j < g->count; j++) {
		if (!g->node[j].store || g->node[j].place != g->node[i].place)
			continue;
		g->from[i] = j;
		g->node[i].value = g->node[j].value;
		if (fits(g, &g->node[i]))
			try_sources(g, i + 1);
	}
}

static void add_node(struct graph *g, unsigned thread,
		     const struct litmus_instruction *code)
{
	bool byte = code->kind == LITMUS_LOAD_BYTE ||
		    code->kind == LITMUS_STORE_BYTE;

	g->node[g->count++] = (struct node){
		.code = code,
		.thread = thread,
		.place = code->kind == LITMUS_FENCE ? PLACES
			 : byte			    ? LITMUS_WORDS
						    : code->word,
		.load = code->kind == LITMUS_LOAD ||
			code->kind == LITMUS_LOAD_BYTE,
		.store = code->kind == LITMUS_STORE ||
			 code->kind == LITMUS_STORE_BYTE,
		.atomic = !byte,
		.value = code->value,
	};
}

/* Every way in which the threads from t on may end early. */
static void try_lengths(struct graph *g, unsigned t)
{
	unsigned count = g->count;

	if (t == g->litmus->threads) {
		try_sources(g, PLACES);
		return;
	}
	for (unsigned n = 0; g->litmus->code[t][n].kind != LITMUS_END; n++) {
		const struct litmus_instruction *code = &g->litmus->code[t][n];

		add_node(g, t, code);
		g->length[t] = n + 1;
		if (code->only || code[1].kind == LITMUS_END)
			try_lengths(g, t + 1);
	}
	g->count = count;
}

void litmus_judge(const struct litmus *litmus, struct litmus_outcomes *ret)
{
	struct graph g;

	memset(&g, 0, sizeof(g));
	g.litmus = litmus;
	g.outcomes = ret;
	ret->race = false;
	ret->count = 0;
	for (unsigned p = 0; p < PLACES; p++) {
		g.node[p].store = true;
		g.node[p].atomic = p < LITMUS_WORDS;
		g.node[p].place = p;
	}
	g.count = PLACES;
	try_lengths(&g, 0);
}
