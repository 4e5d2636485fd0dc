/* SPDX-License-Identifier: MIT */
/*
 * A whole segment file, as anybody may have made it, given to attach; then both
 * ends of it, with somebody who changes its words and bytes between any two
 * calls. Nothing waits: each verb looks once.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bbq/bbq.h>

#include "fuzz.h"

#define PAGE 4096
#define DATA_MAX (3 * PAGE)
#define STEPS 100

static struct {
	int fd;
	size_t size;	    /* of the file */
	unsigned char *map; /* somebody else's */
	struct bbq_segment *segment;
	struct bbq_sender s;
	struct bbq_receiver r;
	struct bbq_span span;
	struct bbq_view views[2];
} w;

/* ---- the file ---------------------------------------------------------- */

static const struct bbq_header honest = {
	.magic = BBQ_MAGIC,
	.byte_order = BBQ_BYTE_ORDER,
	.major = BBQ_LAYOUT_MAJOR,
	.minor = BBQ_LAYOUT_MINOR,
	.frame_align = 1,
	.page_size = PAGE,
	.word_bits = 64,
	.producer_offset = 1 * PAGE,
	.consumer_offset = 2 * PAGE,
	.data_offset = 3 * PAGE,
};

static size_t whole_pages(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

/* A header that is right, or right but for a few bytes. */
static void make_header(struct input *input, struct bbq_header *header)
{
	static const uint32_t aligns[] = { 1, 8, 64 };
	uint8_t wrong = take_byte(input);

	*header = honest;
	header->mode = take_byte(input) & 1;
	header->capacity = 1 + take_below(input, DATA_MAX);
	if (header->mode == BBQ_MODE_FRAMES)
		header->frame_align = aligns[take_below(input, 3)];
	header->size =
		whole_pages((size_t)(header->data_offset + header->capacity));
	for (wrong = wrong < 0xc0 ? 0 : wrong & 7; wrong > 0; wrong--)
		((unsigned char *)header)[take_below(input, sizeof(*header))] =
			take_byte(input);
}

static size_t true_size(struct input *input, const struct bbq_header *header)
{
	uint8_t kind = take_byte(input);
	size_t size = (size_t)header->size;

	if (kind >= 0xf0)
		size = take_below(input, 8) * PAGE + (kind & 3) - 1;
	return size > 8 * PAGE ? 8 * PAGE : size;
}

static void lie_about(struct input *input, uint64_t *word, uint64_t other)
{
	*word = take_lie(input, *word, other, 32);
}

/* What the file is before anybody of ours sees it. */
static void make_file(struct input *input)
{
	struct bbq_header header;
	size_t at;

	make_header(input, &header);
	w.size = true_size(input, &header);
	w.fd = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	check(w.fd >= 0 && ftruncate(w.fd, (off_t)w.size) == 0);
	if (take_byte(input) < 0xf0)
		check(fcntl(w.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) ==
		      0);
	w.map = NULL;
	if (w.size == 0)
		return;
	w.map = mmap(NULL, w.size, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0);
	check(w.map != MAP_FAILED);
	at = sizeof(header) < w.size ? sizeof(header) : w.size;
	memcpy(w.map, &header, at);
}

/* ---- the words --------------------------------------------------------- */

/* Any word of either page, or a byte of the data or of the header. */
static void lie(struct input *input)
{
	static const size_t words[] = {
		PAGE + offsetof(struct bbq_producer_page, words.write),
		2 * PAGE + offsetof(struct bbq_consumer_page, words.read),
		PAGE + offsetof(struct bbq_producer_page, words.last),
		PAGE + offsetof(struct bbq_producer_page, side.bell),
		PAGE + offsetof(struct bbq_producer_page, side.ticket),
		PAGE + offsetof(struct bbq_producer_page, side.state),
		2 * PAGE + offsetof(struct bbq_consumer_page, side.bell),
		2 * PAGE + offsetof(struct bbq_consumer_page, side.ticket),
		2 * PAGE + offsetof(struct bbq_consumer_page, side.state),
		PAGE + offsetof(struct bbq_producer_page, side.count.bytes),
	};
	size_t which = take_below(input, 16);
	uint64_t *words_of = (void *)w.map;

	if (which < sizeof(words) / sizeof(*words) && w.size >= 3 * PAGE)
		lie_about(input, words_of + words[which] / 8,
			  words_of[words[which % 3] / 8]);
	else if (w.size > 0)
		w.map[take_below(input, w.size)] = take_byte(input);
}

/* ---- the verbs --------------------------------------------------------- */

static int result(int error)
{
	check(error == 0 || error == -EAGAIN || error == -EMSGSIZE ||
	      error == -EBUSY || error == -EINVAL || error == -EBADMSG ||
	      error == -EPIPE || error == -EOWNERDEAD || error == -ETIMEDOUT);
	return error;
}

static void inside(const void *data, size_t len)
{
	const unsigned char *start = data;
	const unsigned char *all = bbq_segment_data(w.segment);
	size_t capacity = bbq_segment_capacity(w.segment);

	check(start >= all && start <= all + capacity);
	check(len <= (size_t)(all + capacity - start));
}

static void look_at(const struct bbq_view *view)
{
	const volatile unsigned char *bytes = view->data;
	size_t i;

	inside(view->data, view->len);
	for (i = 0; i < view->len; i += 61)
		(void)bytes[i];
}

static void send_bytes(struct input *input, size_t capacity)
{
	size_t min = take_len(input, capacity);

	if (!result(bbq_sender_grant_range(&w.s, min, min + 40, 0, &w.span))) {
		inside(w.span.data, w.span.len);
		memset(w.span.data, 'x', w.span.len);
	}
	result(bbq_sender_commit(&w.s, take_len(input, w.span.len)));
}

static void send_frame(struct input *input, size_t capacity)
{
	size_t max = take_len(input, capacity);

	if (!result(bbq_sender_frame_grant(&w.s, max, 0, &w.span))) {
		inside(w.span.data, w.span.len);
		memset(w.span.data, 'x', w.span.len);
	}
	result(bbq_sender_frame_commit(&w.s, take_len(input, w.span.len)));
}

static void receive_bytes(struct input *input)
{
	if (!result(bbq_receiver_read(&w.r, 0, w.views)))
		look_at(&w.views[0]);
	result(bbq_receiver_release(&w.r, take_len(input, w.views[0].len)));
}

static void receive_frames(struct input *input)
{
	struct bbq_view frame;
	size_t frames = 0, before;

	if (take_byte(input) & 1) {
		if (!result(bbq_receiver_frame_read(&w.r, 0, w.views)))
			look_at(&w.views[0]);
		result(bbq_receiver_frame_release(&w.r));
		return;
	}
	if (result(bbq_receiver_read_split(&w.r, 0, w.views)))
		return;
	look_at(&w.views[0]);
	before = w.views[0].len;
	while (!result(bbq_frame_next(&w.r.consumer, w.views, &frame))) {
		look_at(&frame);
		frames++;
	}
	result(bbq_receiver_frames_release(&w.r, before - w.views[0].len,
					   frames));
}

static void others(struct input *input)
{
	struct bbq_counters counters;

	switch (take_byte(input) % 6) {
	case 0:
		result(bbq_sender_wait(&w.s, take_len(input, 99), 0));
		break;
	case 1:
		result(bbq_receiver_wait(&w.r, 0));
		break;
	case 2:
		result(bbq_sender_finish(&w.s, 0));
		break;
	case 3:
		result(bbq_segment_sent(w.segment, &counters));
		check(bbq_segment_fill(w.segment) <=
		      bbq_segment_capacity(w.segment));
		break;
	case 4:
		bbq_sender_abandon(&w.s);
		if (bbq_sender_open(w.segment, &w.s))
			w.s.end.lock_fd = -1;
		break;
	default:
		bbq_receiver_close(&w.r);
		if (bbq_receiver_open(w.segment, &w.r))
			w.r.end.lock_fd = -1;
	}
}

static void use(struct input *input)
{
	size_t capacity = bbq_segment_capacity(w.segment);
	bool frames = bbq_segment_mode(w.segment) == BBQ_MODE_FRAMES;
	int steps;

	for (steps = 0; steps < STEPS && more(input); steps++)
		switch (take_byte(input) % 6) {
		case 0:
			others(input);
			break;
		case 1:
			lie(input);
			break;
		case 2:
		case 3:
			(frames ? send_frame : send_bytes)(input, capacity);
			break;
		default:
			(frames ? receive_frames : receive_bytes)(input);
		}
}

static void use_ends(struct input *input)
{
	if (bbq_sender_open(w.segment, &w.s) == 0) {
		if (bbq_receiver_open(w.segment, &w.r) == 0) {
			use(input);
			bbq_receiver_close(&w.r);
		}
		bbq_sender_close(&w.s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	int error;

	memset(&w, 0, sizeof(w));
	make_file(&input);
	while (take_byte(&input) & 1)
		lie(&input);
	error = bbq_segment_attach(w.fd, &w.segment);
	check(error == 0 || error == -EPROTO);
	if (error == 0) {
		use_ends(&input);
		bbq_segment_close(w.segment);
	}
	if (w.map)
		munmap(w.map, w.size);
	close(w.fd);
	return 0;
}
