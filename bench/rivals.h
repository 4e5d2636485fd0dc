/* SPDX-License-Identifier: MIT */
/*
 * rivals.h - who takes part, and what each of them can do
 */
#ifndef BENCH_RIVALS_H
#define BENCH_RIVALS_H

#include "alone.h"
#include "run.h"

namespace bench
{

/* Functions that it has not got are null. */
struct Rival {
	const char *name;
	bool (*fits)(size_t ring, size_t max);
	Sample (*messages)(const Case &);
	Sample (*bytes)(const Case &);
	Sample (*trips)(const Case &);
	double (*held)(size_t ring, const Work &work);
	Alone (*alone)(size_t ring, const Work &work);
};

const std::vector<Rival> &rivals();

} // namespace bench

#endif
