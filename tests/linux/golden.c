/* SPDX-License-Identifier: MIT */
/*
 * golden.c - the bytes of a segment, against a file
 *
 *     golden FILE      print both segments of below; compare with FILE
 *     golden -w FILE   write FILE anew (only with a new BBQ_LAYOUT_MAJOR)
 *
 * The file is text: for each part its bytes in lines of 16, by their offset,
 * without lines that are all zero. Two words say nothing about the layout but
 * where they are, and are shown as bb: the bells, whose value is the number of
 * wake-ups, and barrier, which depends on the kernel. A big-endian machine has
 * a file of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bbq/bbq.h>

#define PAGE 4096
#define check(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "golden: line %d: %s\n", line, what);
	exit(1);
}

static void print_line(FILE *to, size_t offset, const unsigned char *bytes)
{
	static const unsigned char zero[16];

	if (memcmp(bytes, zero, 16) == 0)
		return;
	fprintf(to, "%05zx ", offset);
	for (int i = 0; i < 16; i++)
		fprintf(to, " %02x", bytes[i]);
	fprintf(to, "\n");
}

static void print_segment(FILE *to, const struct bbq_segment *segment,
			  const char *title)
{
	static unsigned char bytes[4 * PAGE];
	static const uint32_t none; /* no bell rung */
	size_t p = PAGE + offsetof(struct bbq_producer_page, side);
	size_t c = 2 * PAGE + offsetof(struct bbq_consumer_page, side);
	struct stat st;

	check(fstat(bbq_segment_fd(segment), &st) == 0);
	check(st.st_size == sizeof(bytes));
	check(pread(bbq_segment_fd(segment), bytes, sizeof(bytes), 0) ==
	      sizeof(bytes));
	if (memcmp(bytes + p, &none, sizeof(none)) != 0) {
		memset(bytes + p + offsetof(struct bbq_side, bell), 0xbb, 4);
		memset(bytes + p + offsetof(struct bbq_side, barrier), 0xbb, 4);
		memset(bytes + c + offsetof(struct bbq_side, bell), 0xbb, 4);
		memset(bytes + c + offsetof(struct bbq_side, barrier), 0xbb, 4);
	}
	fprintf(to, "# %s\n", title);
	for (size_t i = 0; i < sizeof(bytes); i += 16)
		print_line(to, i, bytes + i);
}

static struct bbq_segment *make(const struct bbq_config *config)
{
	struct bbq_segment *segment;

	check(bbq_segment_create(config, &segment) == 0);
	return segment;
}

static void put_frame(struct bbq_sender *s, size_t max, const char *text)
{
	struct bbq_span span;

	check(bbq_sender_frame_grant(s, max, 0, &span) == 0);
	memcpy(span.data, text, strlen(text));
	check(bbq_sender_frame_commit(s, strlen(text)) == 0);
}

static void take_frame(struct bbq_receiver *r, const char *text)
{
	struct bbq_view view;

	check(bbq_receiver_frame_read(r, 0, &view) == 0);
	check(view.len == strlen(text));
	check(memcmp(view.data, text, view.len) == 0);
	check(bbq_receiver_frame_release(r) == 0);
}

static void print_empty(FILE *to)
{
	const struct bbq_config config = { .capacity = 1000,
					   .page_size = PAGE };
	struct bbq_segment *segment = make(&config);

	print_segment(to, segment, "bytes, capacity 1000: nobody has come");
	bbq_segment_close(segment);
}

/* A sender that has closed, a third receiver that has slept twice. */
static void print_used(FILE *to)
{
	const struct bbq_config config = {
		.capacity = 300,
		.mode = BBQ_MODE_FRAMES,
		.frame_align = 8,
		.page_size = PAGE,
	};
	struct bbq_segment *segment = make(&config);
	struct bbq_sender s;
	struct bbq_receiver r;
	struct bbq_view view;
	char filler[161];

	memset(filler, 'f', 160);
	filler[160] = '\0';
	check(bbq_sender_open(segment, &s) == 0);
	for (int i = 0; i < 3; i++) {
		check(bbq_receiver_open(segment, &r) == 0);
		if (i < 2)
			bbq_receiver_abandon(&r);
	}
	r.end.spin = 0;
	check(bbq_receiver_frame_read(&r, 1, &view) == -ETIMEDOUT);
	check(bbq_receiver_frame_read(&r, 1, &view) == -ETIMEDOUT);
	put_frame(&s, 5, "first");
	put_frame(&s, 200, "wide"); /* two bytes of header */
	put_frame(&s, 0, "");
	put_frame(&s, 230, "it is long enough to show where it lies");
	take_frame(&r, "first");
	take_frame(&r, "wide");
	take_frame(&r, "");
	put_frame(&s, 160, filler);
	take_frame(&r, "it is long enough to show where it lies");
	put_frame(&s, 60, "behind");
	put_frame(&s, 17, "on the next lap");
	bbq_sender_close(&s);
	print_segment(to, segment,
		      "frames aligned to 8, capacity 300: used, and wrapped");
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

static void print_all(FILE *to)
{
	fprintf(to, "# Segments of layout %d, byte by byte; see golden.c.\n",
		BBQ_LAYOUT_MAJOR);
	print_empty(to);
	print_used(to);
}

static int compare(FILE *golden, const char *now)
{
	char line[256];

	for (int n = 1; fgets(line, sizeof(line), golden); n++) {
		if (strncmp(now, line, strlen(line)) != 0) {
			fprintf(stderr, "golden: line %d is not: %s", n, line);
			return 1;
		}
		now += strlen(line);
	}
	return *now != '\0';
}

int main(int argc, char *argv[])
{
	char *now = NULL;
	size_t len;
	FILE *to;
	int error;

	if (argc == 3 && strcmp(argv[1], "-w") == 0) {
		to = fopen(argv[2], "w");
		check(to);
		print_all(to);
		return fclose(to) != 0;
	}
	check(argc == 2);
	to = open_memstream(&now, &len);
	check(to);
	print_all(to);
	check(fclose(to) == 0);
	to = fopen(argv[1], "r");
	check(to);
	error = compare(to, now);
	if (error)
		fputs(now, stderr);
	fclose(to);
	free(now);
	return error;
}
