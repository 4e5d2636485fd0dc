/* SPDX-License-Identifier: MIT */
/*
 * seen.c - a hash set with open addressing
 *
 * A state is kept as 128 bits of hash, so two states may be taken for one:
 * with 10^8 of them, the odds of that ever happening are under 10^-22.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"

__extension__ typedef unsigned __int128 wide;

struct hash {
	uint64_t low; /* 0, 0: free */
	uint64_t high;
};

static struct hash *table;
static size_t capacity;
static size_t used;

static uint64_t mix(uint64_t a, uint64_t b)
{
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two independent multiply-and-fold hashes, eight bytes at a time. */
static struct hash hash_of(const unsigned char *data, size_t size)
{
	uint64_t low = 0x9e3779b97f4a7c15u ^ size;
	uint64_t high = 0xd1b54a32d192ed03u + size;

	while (size > 0) {
		size_t part = size < 8 ? size : 8;
		uint64_t value = 0;

		memcpy(&value, data, part);
		low = mix(low ^ value, 0xa0761d6478bd642fu);
		high = mix(high + value, 0xe7037ed1a0b428dbu) + low;
		data += part;
		size -= part;
	}
	low = mix(low ^ 0x8ebc6af09c88c6e3u, high | 1);
	high = mix(high, 0x589965cc75374cc3u) ^ low;
	return (struct hash){ low, high | 1 };
}

static struct hash *slot_of(const struct hash *hash)
{
	size_t i = hash->low & (capacity - 1);

	while (table[i].high != 0 &&
	       (table[i].low != hash->low || table[i].high != hash->high))
		i = (i + 1) & (capacity - 1);
	return &table[i];
}

static void grow(void)
{
	struct hash *old = table;
	size_t count = capacity;

	capacity = capacity ? capacity * 2 : 1u << 16;
	table = calloc(capacity, sizeof(*table));
	if (!table) {
		fprintf(stderr, "explorer: no memory for %zu states\n",
			capacity);
		exit(2);
	}
	for (size_t i = 0; i < count; i++)
		if (old[i].high != 0)
			*slot_of(&old[i]) = old[i];
	free(old);
}

bool seen_add(const void *image, size_t size)
{
	struct hash hash = hash_of(image, size);
	struct hash *slot;

	if (used >= capacity / 4 * 3)
		grow();
	slot = slot_of(&hash);
	if (slot->high != 0)
		return false;
	*slot = hash;
	used++;
	return true;
}

void seen_clear(void)
{
	free(table);
	table = NULL;
	capacity = 0;
	used = 0;
}
