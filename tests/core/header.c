/* SPDX-License-Identifier: MIT */
/*
 * header: every width of a frame header, with every kind of length and of what
 * is available, against 64-bit arithmetic. It says most where size_t has 32
 * bits (pointer32.sh), and a header can say more than that.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <bbq/frame.h>

#define BYTES_MAX 9 /* of any header, whatever size_t is */

static uint64_t chance = 1;

static uint64_t draw(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance * UINT64_C(0x2545f4914f6cdd1d);
}

/* Near a power of two, or of any size. */
static uint64_t some_number(void)
{
	uint64_t power = UINT64_C(1) << draw() % 64;

	return draw() % 2 ? power + draw() % 5 - 2 : draw() >> draw() % 64;
}

/* The header of `size` bytes for the low bits of len; those that it holds. */
static uint64_t write_header(unsigned char *header, unsigned int size,
			     uint64_t len)
{
	uint64_t word;

	if (size == BYTES_MAX) {
		header[0] = 0;
		for (int i = 0; i < 8; i++)
			header[i + 1] = (unsigned char)(len >> i * 8);
		return len;
	}
	len &= (UINT64_C(1) << 7 * size) - 1;
	word = (len << 1 | 1) << (size - 1);
	for (unsigned int i = 0; i < size; i++)
		header[i] = (unsigned char)(word >> i * 8);
	return len;
}

static bool right(unsigned int size, uint64_t wanted, size_t avail)
{
	unsigned char header[BYTES_MAX];
	uint64_t len = write_header(header, size, wanted);
	size_t ret_size = 77, ret_len = 77;
	int error = bbq_frame_header_decode(header, avail, &ret_size, &ret_len);

	if (size > avail || len > avail)
		return error == -EBADMSG && ret_size == 77 && ret_len == 77;
	return error == 0 && ret_size == size && ret_len == len;
}

int main(void)
{
	for (int i = 0; i < 3000000; i++) {
		unsigned int size = (unsigned int)(1 + draw() % BYTES_MAX);
		uint64_t len = some_number();
		size_t avail = (size_t)(draw() % 4 ? some_number()
						   : len + draw() % 3 - 1);

		if (!right(size, len, avail)) {
			fprintf(stderr,
				"header: wrong: %u bytes that say %llu of %zu\n",
				size, (unsigned long long)len, avail);
			return 1;
		}
	}
	return 0;
}
