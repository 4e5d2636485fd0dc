/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share: taking decisions from the input, and checks. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failure is a crash, which libFuzzer reports with the input that led to it. */
#define check(right)                                                           \
	do {                                                                   \
		if (!(right)) {                                                \
			fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, \
				#right);                                       \
			abort();                                               \
		}                                                              \
	} while (0)

/* ---- the input, which decides everything ------------------------------- */

struct input {
	const uint8_t *at;
	size_t left;
};

static inline bool more(const struct input *input)
{
	return input->left > 0;
}

/* Zeros once it is used up. */
static inline void take(struct input *input, void *ret, size_t len)
{
	size_t some = len < input->left ? len : input->left;

	memset(ret, 0, len);
	if (some > 0)
		memcpy(ret, input->at, some);
	input->at += some;
	input->left -= some;
}

static inline uint8_t take_byte(struct input *input)
{
	uint8_t byte;

	take(input, &byte, sizeof(byte));
	return byte;
}

static inline uint64_t take_word(struct input *input)
{
	uint64_t word;

	take(input, &word, sizeof(word));
	return word;
}

static inline size_t take_below(struct input *input, size_t bound)
{
	uint16_t number;

	take(input, &number, sizeof(number));
	return number % bound;
}

/* A length: most often one that may fit, at times one that never does. */
static inline size_t take_len(struct input *input, size_t capacity)
{
	uint8_t kind = take_byte(input);

	if (kind < 0xf0)
		return kind % (capacity + 2);
	return kind & 1 ? SIZE_MAX - (kind >> 1 & 7) : (size_t)take_word(input);
}

/* What a lie about a word may be: anything, or close to the truth. */
static inline uint64_t take_lie(struct input *input, uint64_t truth,
				uint64_t other, unsigned int half_bits)
{
	uint64_t lap = (uint64_t)1 << half_bits;

	switch (take_byte(input) % 8) {
	case 0:
		return truth + 1;
	case 1:
		return truth - 1;
	case 2:
		return truth + lap;
	case 3:
		return truth - lap;
	case 4:
		return other;
	case 5:
		return truth + take_byte(input) - 128;
	case 6:
		return (truth & ~(lap - 1)) | take_byte(input);
	default:
		return take_word(input);
	}
}

#endif /* TESTS_FUZZ_FUZZ_H */
