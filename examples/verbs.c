/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <bbq/core.h>

static struct bbq_buffer queue; /* all zero: an empty queue */
static unsigned char bytes[4096];

int main(void)
{
	struct bbq_producer producer;
	struct bbq_consumer consumer;
	struct bbq_span span;
	struct bbq_view view;

	if (bbq_producer_init(&producer, &queue, bytes, sizeof(bytes)) ||
	    bbq_consumer_init(&consumer, &queue, bytes, sizeof(bytes)))
		return 1;
	if (bbq_grant(&producer, 64, &span) == 0) { /* 64 bytes to write */
		memcpy(span.data, "hello\n", 6);
		bbq_commit(&producer, 6); /* the first 6 can be read now */
	}
	if (bbq_read(&consumer, &view) == 0) { /* all that can be read */
		fwrite(view.data, 1, view.len, stdout);
		bbq_release(&consumer, view.len); /* and written again */
	}
	return 0;
}
