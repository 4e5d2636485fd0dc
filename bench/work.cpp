/* SPDX-License-Identifier: MIT */
/* work.cpp - the tables of lengths; see work.h */
#include "work.h"

#include <cmath>
#include <numeric>

namespace bench
{

static Work work(const char *name, size_t (*length)(size_t))
{
	Work made{ name, {}, 0, 0 };

	for (size_t i = 0; i < made.lengths.size(); i++) {
		size_t len = length(i);

		made.lengths[i] = static_cast<uint32_t>(len);
		made.max = len > made.max ? len : made.max;
		made.mean += static_cast<double>(len);
	}
	made.mean /= static_cast<double>(made.lengths.size());
	return made;
}

template <size_t len> static size_t fixed(size_t)
{
	return len;
}

static size_t uniform(size_t i)
{
	return i + 1;
}

static size_t log_uniform(size_t i)
{
	return static_cast<size_t>(
		std::lround(16 * std::pow(256, static_cast<double>(i) / 255)));
}

static size_t two_lengths(size_t i)
{
	return i % 2 ? 120 : 20;
}

const std::vector<Work> &works()
{
	static const std::vector<Work> all{
		work("8", fixed<8>),	     work("64", fixed<64>),
		work("256", fixed<256>),     work("1024", fixed<1024>),
		work("4096", fixed<4096>),   work("65536", fixed<65536>),
		work("1-256", uniform),	     work("16-4096", log_uniform),
		work("20/120", two_lengths),
	};

	return all;
}

bool is_payload(const void *from, size_t len, uint64_t first)
{
	auto *byte = static_cast<const unsigned char *>(from);

	for (size_t i = 0; i < len; i++)
		if (byte[i] != ((first + i / 8) >> (8 * (i % 8)) & 0xff))
			return false;
	return true;
}

} // namespace bench
