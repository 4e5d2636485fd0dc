/* SPDX-License-Identifier: MIT */
/* sample.h - what producer.c and consumer.c send to each other */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdint.h>

#include <bbq/bbq.h>

/* One frame. It lives in the queue itself: frames are aligned for it. */
struct sample {
	uint64_t number; /* 1, 2, 3, ... */
	uint64_t value;
};

#define SAMPLE_ALIGN 8

/* Is this a queue of samples? The other process may be any program. */
static inline int carries_samples(const struct bbq_segment *segment)
{
	return bbq_segment_mode(segment) == BBQ_MODE_FRAMES &&
	       bbq_segment_frame_align(segment) == SAMPLE_ALIGN;
}

#endif /* SAMPLE_H */
