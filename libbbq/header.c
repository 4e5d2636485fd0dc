/* SPDX-License-Identifier: MIT */
/*
 * header.c - what a segment's header says
 *
 * Capacity, mode, alignment and page size decide: there is one header for them.
 * Of a header that was found only these are taken, after a look at each. All
 * else must be what this library would have written, but for the fields that
 * may say anything (docs/format.md): minor, hints, reserved.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static bool page_size_possible(uint64_t size)
{
	return size >= BBQ_PAGE_SIZE_MIN && size <= BBQ_PAGE_SIZE_MAX &&
	       (size & (size - 1)) == 0;
}

static bool frame_align_possible(enum bbq_mode mode, uint64_t align)
{
	return align == 1 ||
	       (mode == BBQ_MODE_FRAMES && (align == 8 || align == 64));
}

/* The one header for such a segment: everything else follows from these. */
static struct bbq_header header_for(uint64_t capacity, uint32_t mode,
				    uint32_t frame_align, uint32_t page_size)
{
	struct bbq_header header = {
		.byte_order = BBQ_BYTE_ORDER,
		.major = BBQ_LAYOUT_MAJOR,
		.minor = BBQ_LAYOUT_MINOR,
		.capacity = capacity,
		.mode = mode,
		.frame_align = frame_align,
		.page_size = page_size,
		.word_bits = BBQ_WORD_BITS,
		.producer_offset = page_size,
		.consumer_offset = 2 * (uint64_t)page_size,
		.data_offset = 3 * (uint64_t)page_size,
	};
	uint64_t pages = (capacity + page_size - 1) / page_size;

	memcpy(header.magic, BBQ_MAGIC, sizeof(header.magic));
	header.size = header.data_offset + pages * page_size;
	return header;
}

int bbq_header_from_config(const struct bbq_config *config,
			   struct bbq_header *ret)
{
	size_t align, page_size;

	if (!config || !bbq_capacity_possible_(config->capacity))
		return -EINVAL;
	align = config->frame_align ? config->frame_align : 1;
	page_size = config->page_size ? config->page_size
				      : (size_t)sysconf(_SC_PAGESIZE);
	if ((config->mode != BBQ_MODE_BYTES &&
	     config->mode != BBQ_MODE_FRAMES) ||
	    !frame_align_possible(config->mode, align) ||
	    !page_size_possible(page_size))
		return -EINVAL;
	*ret = header_for(config->capacity, config->mode, (uint32_t)align,
			  (uint32_t)page_size);
	return 0;
}

bool bbq_header_possible(const struct bbq_header *header)
{
	struct bbq_header expect;

	if (memcmp(header->magic, BBQ_MAGIC, sizeof(header->magic)) != 0 ||
	    header->byte_order != BBQ_BYTE_ORDER ||
	    header->major != BBQ_LAYOUT_MAJOR ||
	    (header->features & ~(uint64_t)BBQ_FEATURES_KNOWN) != 0 ||
	    header->mode > BBQ_MODE_FRAMES ||
	    !frame_align_possible((enum bbq_mode)header->mode,
				  header->frame_align) ||
	    !page_size_possible(header->page_size) || header->capacity == 0 ||
	    header->capacity > BBQ_CAPACITY_MAX)
		return false;
	expect = header_for(header->capacity, header->mode, header->frame_align,
			    header->page_size);
	return header->word_bits == expect.word_bits &&
	       header->producer_offset == expect.producer_offset &&
	       header->consumer_offset == expect.consumer_offset &&
	       header->data_offset == expect.data_offset &&
	       header->size == expect.size;
}
