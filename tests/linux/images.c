/* SPDX-License-Identifier: MIT */
/*
 * images FILE... - segments that earlier versions have left
 *
 * Each file is what golden.c wrote at the time of a layout: two segments, byte
 * by byte. This library attaches to both, and goes on where that one was. One
 * of the other byte order is refused, as is one with a feature bit that nobody
 * knows, though its minor version is higher than ours; a higher minor version
 * alone is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bbq/bbq.h>

#define SIZE (4 * 4096)
#define check(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static const char *file_name = "images";

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "images: %s: line %d: not %s\n", file_name, line, what);
	exit(1);
}

/* The bytes up to the next title, or the end. */
static void read_image(FILE *file, unsigned char image[SIZE])
{
	char line[256];
	unsigned int offset, byte;
	int at, used;

	memset(image, 0, SIZE);
	while (fgets(line, sizeof(line), file) && line[0] != '#') {
		check(sscanf(line, "%x%n", &offset, &at) == 1);
		for (; sscanf(line + at, "%x%n", &byte, &used) == 1;
		     at += used) {
			check(offset < SIZE && byte <= 0xff);
			image[offset++] = (unsigned char)byte;
		}
	}
}

static int attach(const unsigned char image[SIZE], struct bbq_segment **ret)
{
	int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	check(fd >= 0 && write(fd, image, SIZE) == SIZE);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	error = bbq_segment_attach(fd, ret);
	close(fd);
	return error;
}

/* ---- what is in them --------------------------------------------------- */

static void pass_on(struct bbq_segment *segment, const char *text)
{
	struct bbq_sender s;
	struct bbq_receiver r;
	struct bbq_span span;
	struct bbq_view view;

	check(bbq_sender_open(segment, &s) == 0);
	check(bbq_receiver_open(segment, &r) == 0);
	check(bbq_sender_grant(&s, strlen(text), 0, &span) == 0);
	memcpy(span.data, text, strlen(text));
	check(bbq_sender_commit(&s, strlen(text)) == 0);
	check(bbq_receiver_read(&r, 0, &view) == 0);
	check(view.len == strlen(text));
	check(memcmp(view.data, text, view.len) == 0);
	check(bbq_receiver_release(&r, view.len) == 0);
	bbq_receiver_close(&r);
	bbq_sender_close(&s);
}

/* Nobody had come to it. */
static void check_empty(const unsigned char image[SIZE])
{
	struct bbq_segment *segment;

	check(attach(image, &segment) == 0);
	check(bbq_segment_capacity(segment) == 1000);
	check(bbq_segment_mode(segment) == BBQ_MODE_BYTES);
	check(bbq_segment_fill(segment) == 0);
	pass_on(segment, "from a later version");
	bbq_segment_close(segment);
}

static void take_frame(struct bbq_receiver *r, const char *text, size_t len)
{
	struct bbq_view view;

	check(bbq_receiver_frame_read(r, 0, &view) == 0);
	check(view.len == len && memcmp(view.data, text, len) == 0);
	check((uintptr_t)view.data % 8 == 0);
	check(bbq_receiver_frame_release(r) == 0);
}

/* Closed by its sender, with three frames left; see golden.c's print_used. */
static void check_used(const unsigned char image[SIZE])
{
	struct bbq_segment *segment;
	struct bbq_receiver r;
	struct bbq_view view;
	char filler[160];

	memset(filler, 'f', sizeof(filler));
	check(attach(image, &segment) == 0);
	check(bbq_segment_capacity(segment) == 300);
	check(bbq_segment_mode(segment) == BBQ_MODE_FRAMES);
	check(bbq_segment_frame_align(segment) == 8);
	check(bbq_receiver_open(segment, &r) == 0);
	take_frame(&r, filler, sizeof(filler));
	take_frame(&r, "behind", 6);
	take_frame(&r, "on the next lap", 15);
	check(bbq_receiver_frame_read(&r, 0, &view) == -EAGAIN);
	check(bbq_receiver_frame_read(&r, BBQ_FOREVER, &view) == -EPIPE);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

/* ---- versions to come -------------------------------------------------- */

static int attach_changed(const unsigned char image[SIZE], uint16_t minor,
			  uint64_t features, uint64_t hints)
{
	static unsigned char changed[SIZE];
	struct bbq_segment *segment;
	struct bbq_header header;
	int error;

	memcpy(changed, image, SIZE);
	memcpy(&header, image, sizeof(header));
	header.minor = minor;
	header.features = features;
	header.hints = hints;
	memcpy(changed, &header, sizeof(header));
	error = attach(changed, &segment);
	if (!error)
		bbq_segment_close(segment);
	return error;
}

static void check_later(const unsigned char image[SIZE])
{
	const uint16_t later = BBQ_LAYOUT_MINOR + 1;

	check(attach_changed(image, later, 0, 0) == 0);
	check(attach_changed(image, later, 0, UINT64_MAX) == 0);
	for (int bit = 0; bit < 64; bit++)
		check(attach_changed(image, later, UINT64_C(1) << bit, 0) ==
		      -EPROTO);
}

static bool other_byte_order(const unsigned char image[SIZE])
{
	struct bbq_header header;

	memcpy(&header, image, sizeof(header));
	return header.byte_order != BBQ_BYTE_ORDER;
}

static void check_file(FILE *file)
{
	static unsigned char empty[SIZE], used[SIZE];
	struct bbq_segment *segment;
	char line[256];

	/* What it is, and the first title. */
	check(fgets(line, sizeof(line), file) && line[0] == '#');
	check(fgets(line, sizeof(line), file) && line[0] == '#');
	read_image(file, empty);
	read_image(file, used);
	if (other_byte_order(empty)) {
		check(attach(empty, &segment) == -EPROTO);
		check(attach(used, &segment) == -EPROTO);
		return;
	}
	check_empty(empty);
	check_used(used);
	check_later(empty);
	check_later(used);
}

int main(int argc, char *argv[])
{
	check(argc > 1);
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");

		file_name = argv[i];
		check(file != NULL);
		check_file(file);
		fclose(file);
	}
	return 0;
}
