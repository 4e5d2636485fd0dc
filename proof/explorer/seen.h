/* SPDX-License-Identifier: MIT */
/* seen.h - the set of states that were explored, by 128 bits of hash. */
#ifndef EXPLORER_SEEN_H
#define EXPLORER_SEEN_H

#include <stdbool.h>
#include <stddef.h>

/* True if the image is new. */
bool seen_add(const void *image, size_t size);
void seen_clear(void);

#endif /* EXPLORER_SEEN_H */
