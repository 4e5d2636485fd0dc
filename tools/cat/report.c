/* SPDX-License-Identifier: MIT */
/* report.c - what bbq-cat says on stderr */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cat.h"

#define REPORT_NS (NS_PER_SEC / 2)

int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* Leave the progress line standing and begin a new one. */
static void end_line(struct cat *cat)
{
	if (cat->progress_line)
		fputc('\n', stderr);
	cat->progress_line = false;
}

void report_error(struct cat *cat, const char *format, ...)
{
	va_list args;

	end_line(cat);
	fprintf(stderr, "bbq-cat: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* bytes with a binary prefix, in as many characters as it takes. */
static const char *human(double bytes, char text[32])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.2f %s", bytes,
		 units[unit]);
	return text;
}

static double rate(uint64_t bytes, int64_t ns)
{
	return ns > 0 ? (double)bytes * (double)NS_PER_SEC / (double)ns : 0;
}

/* s as a JSON string. */
static void json_string(const char *s)
{
	fputc('"', stderr);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(stderr, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(stderr, "\\u%04x", c);
		else
			fputc(c, stderr);
	}
	fputc('"', stderr);
}

static void json_head(const struct cat *cat, const char *event)
{
	fprintf(stderr, "{\"event\":\"%s\",\"role\":\"%s\",\"name\":", event,
		cat->options->send ? "send" : "recv");
	json_string(cat->options->name);
	fprintf(stderr, ",\"bytes\":%" PRIu64, cat->counts.bytes);
}

static void progress_json(struct cat *cat, double speed, size_t fill)
{
	json_head(cat, "progress");
	fprintf(stderr, ",\"bytes_per_second\":%.0f,\"fill\":%zu", speed, fill);
	fprintf(stderr, ",\"capacity\":%zu}\n",
		bbq_segment_capacity(cat->segment));
}

static void progress_text(struct cat *cat, double speed, size_t fill)
{
	size_t capacity = bbq_segment_capacity(cat->segment);
	char total[32], per_second[32];
	bool terminal = isatty(STDERR_FILENO);

	fprintf(stderr, "%s%s  %s/s  fill %3.0f %%%s", terminal ? "\r" : "",
		human((double)cat->counts.bytes, total),
		human(speed, per_second),
		capacity ? 100.0 * (double)fill / (double)capacity : 0.0,
		terminal ? "\033[K" : "\n");
	cat->progress_line = terminal;
}

static void progress(struct cat *cat, int64_t now, uint64_t bytes, int64_t ns)
{
	size_t fill = bbq_segment_fill(cat->segment);
	double speed = rate(bytes, ns);

	if (cat->options->json)
		progress_json(cat, speed, fill);
	else
		progress_text(cat, speed, fill);
	cat->reported_ns = now;
	cat->reported_bytes = cat->counts.bytes;
}

void report_progress(struct cat *cat)
{
	int64_t now;

	if (!cat->options->progress)
		return;
	now = clock_ns();
	if (now - cat->reported_ns >= REPORT_NS)
		progress(cat, now, cat->counts.bytes - cat->reported_bytes,
			 now - cat->reported_ns);
}

static void end_json(const struct cat *cat, enum status status, int64_t ns)
{
	json_head(cat, "end");
	fprintf(stderr,
		",\"lines\":%" PRIu64 ",\"dropped_bytes\":%" PRIu64
		",\"dropped_lines\":%" PRIu64,
		cat->counts.lines, cat->counts.dropped_bytes,
		cat->counts.dropped_lines);
	fprintf(stderr,
		",\"seconds\":%.6f,\"bytes_per_second\":%.0f,\"io\":\"%s\","
		"\"status\":%d}\n",
		(double)ns / (double)NS_PER_SEC, rate(cat->counts.bytes, ns),
		io_name(&cat->io), status);
}

void report_end(struct cat *cat, enum status status)
{
	int64_t now = clock_ns();
	int64_t ns = now - cat->started_ns;

	if (cat->options->progress && !cat->options->json)
		progress(cat, now, cat->counts.bytes, ns);
	end_line(cat);
	if (cat->options->json)
		end_json(cat, status, ns);
	else if (cat->options->drop && cat->options->lines)
		fprintf(stderr,
			"bbq-cat: dropped %" PRIu64 " lines (%" PRIu64
			" bytes)\n",
			cat->counts.dropped_lines, cat->counts.dropped_bytes);
	else if (cat->options->drop)
		fprintf(stderr, "bbq-cat: dropped %" PRIu64 " bytes\n",
			cat->counts.dropped_bytes);
}
