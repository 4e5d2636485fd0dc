/* SPDX-License-Identifier: MIT */
/* What examples/firmware must print: its stream, without a queue. */
#include <stdio.h>

#include "stream.h"

int main(void)
{
	struct stream stream = { .state = STREAM_SEED };
	unsigned char record[STREAM_MAX];
	uint32_t bytes = 0, sum = CHECKSUM_EMPTY;

	for (uint32_t i = 0; i < STREAM_RECORDS; i++) {
		size_t len = stream_fill(&stream, record);

		sum = checksum_add(sum, record, len);
		bytes += (uint32_t)len;
	}
	printf("frames %08x bytes %08x checksum %08x\n", STREAM_RECORDS, bytes,
	       sum);
	return 0;
}
