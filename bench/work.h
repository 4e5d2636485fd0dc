/* SPDX-License-Identifier: MIT */
/*
 * work.h - what is sent: lengths of messages, and bytes that can be told apart
 *
 * The payload of a message is a run of 64-bit words, first, first + 1, ...,
 * cut to its length. The producer writes it word by word, and the consumer
 * adds all of it up. So each byte is written and read once, and what the sum
 * must be is known without looking at the bytes again.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace bench
{

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "a tail is cut from a little-endian word");

/* Lengths, each of 256 equally likely: chance decides, and cannot be learnt. */
struct Work {
	const char *name;
	std::array<uint32_t, 256> lengths;
	size_t max;
	double mean;
};

/* All of them: six fixed lengths and three mixes. */
const std::vector<Work> &works();

/* Both sides of a sample walk through the same lengths. */
class Lengths
{
	const Work &work;
	uint64_t state = 1;

      public:
	explicit Lengths(const Work &w) : work(w)
	{
	}

	size_t next()
	{
		state = state * 6364136223846793005u + 1442695040888963407u;
		return work.lengths[state >> 56];
	}
};

/* Words may lie anywhere: frames are not aligned. */
inline uint64_t load_word(const unsigned char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

inline void store_word(unsigned char *to, uint64_t word)
{
	memcpy(to, &word, sizeof(word));
}

/* The low `bytes` (0 to 7) bytes of a word. */
inline uint64_t cut_word(uint64_t word, size_t bytes)
{
	return word & ((uint64_t{ 1 } << (8 * bytes)) - 1);
}

/* What the bytes of message number `number` start with. */
inline uint64_t first_word(uint64_t number)
{
	return (number + 1) * 0x9e3779b97f4a7c15u;
}

/* Write a payload. */
inline void fill(void *to, size_t len, uint64_t first)
{
	auto *byte = static_cast<unsigned char *>(to);
	size_t words = len / 8, tail = len % 8;
	uint64_t word = first + words;

	for (size_t i = 0; i < words; i++)
		store_word(byte + 8 * i, first + i);
	if (tail == 0)
		return;
	if (words > 0) { /* one store, over bytes that are right already */
		store_word(byte + len - 8,
			   word << (64 - 8 * tail) | (word - 1) >> (8 * tail));
		return;
	}
	for (size_t i = 0; i < tail; i++)
		byte[i] = static_cast<unsigned char>(word >> (8 * i));
}

/* Add a payload up. */
inline uint64_t sum(const void *from, size_t len)
{
	auto *byte = static_cast<const unsigned char *>(from);
	size_t words = len / 8, tail = len % 8;
	uint64_t total = 0;

	for (size_t i = 0; i < words; i++)
		total += load_word(byte + 8 * i);
	if (tail == 0)
		return total;
	if (words > 0)
		return total + (load_word(byte + len - 8) >> (64 - 8 * tail));
	for (size_t i = 0; i < tail; i++)
		total += uint64_t{ byte[i] } << (8 * i);
	return total;
}

/* What sum() gives for the bytes of fill(). */
inline uint64_t sum_of(size_t len, uint64_t first)
{
	uint64_t words = len / 8;

	return words * first + words * (words - 1) / 2 +
	       cut_word(first + words, len % 8);
}

/* Is each byte what fill() writes? */
bool is_payload(const void *from, size_t len, uint64_t first);

/* The sums of many messages as one number, which depends on their order. */
inline uint64_t chain(uint64_t before, uint64_t message, size_t len)
{
	return (before ^ message) * 0xff51afd7ed558ccdu + len;
}

} // namespace bench

#endif
