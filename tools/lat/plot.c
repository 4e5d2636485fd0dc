/* SPDX-License-Identifier: MIT */
/*
 * plot.c - the percentiles as curves, in SVG
 *
 * Across: how many of the messages, on a scale that gives each further nine
 * the same room. Up: the time that they did not exceed, a power of ten each.
 * The right end of a curve is its maximum.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lat.h"

#define WIDTH 800
#define HEIGHT 500
#define LEFT 80
#define RIGHT (WIDTH - 50)
#define TOP 70
#define BOTTOM (HEIGHT - 60)
#define SERIES_MAX (WAYS + 1)

/* What is drawn, and where its axes begin and end, in powers of ten. */
struct frame {
	FILE *file;
	const struct series *series[SERIES_MAX];
	unsigned int count;
	int nines; /* the axis across goes from 0 to this many nines */
	int low;   /* the axis up, in powers of ten of ns */
	int high;
};

static const char *const colours[SERIES_MAX] = {
	"#0b62a4", "#c44e00", "#2a8c4a", "#8b3fa0", "#777777",
};

enum status plot_open(const char *path, struct plot *ret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	*ret = (struct plot){ .path = path, .created = fd >= 0 };
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		ret->file = fdopen(fd, "w");
	if (ret->file)
		return STATUS_OK;
	complain("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return STATUS_ERROR;
}

void plot_drop(struct plot *plot)
{
	if (!plot->file)
		return;
	fclose(plot->file);
	plot->file = NULL;
	if (plot->created)
		unlink(plot->path);
}

static double at_x(const struct frame *frame, double nines)
{
	return LEFT + (RIGHT - LEFT) * nines / frame->nines;
}

static double at_y(const struct frame *frame, double ns)
{
	double power = log10(ns < 1 ? 1 : ns);

	return BOTTOM - (BOTTOM - TOP) * (power - frame->low) /
				(frame->high - frame->low);
}

/* So many values of count are not above: how many nines is that? */
static double nines_of(uint64_t seen, uint64_t count)
{
	uint64_t above = seen < count ? count - seen : 1;

	return log10((double)count / (double)above);
}

static void frame_take(struct frame *frame, const struct series *series)
{
	uint64_t min = series->total.min, max = series->total.max;
	int low = (int)floor(log10(min > 0 ? (double)min : 1));
	int high = (int)ceil(log10(max > 1 ? (double)max : 1));
	int nines = (int)ceil(log10((double)series->total.count));

	if (frame->count == 0 || low < frame->low)
		frame->low = low;
	if (high > frame->high)
		frame->high = high;
	if (frame->high <= frame->low)
		frame->high = frame->low + 1;
	if (nines > frame->nines)
		frame->nines = nines;
	frame->series[frame->count++] = series;
}

/* 0, 90, 99, 99.9 ... per cent. */
static void draw_across(const struct frame *frame)
{
	for (int nines = 0; nines <= frame->nines; nines++) {
		double x = at_x(frame, nines);

		fprintf(frame->file,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" "
			"x2=\"%.1f\" y2=\"%d\"/>\n",
			x, TOP, x, BOTTOM);
		fprintf(frame->file,
			"<text x=\"%.1f\" y=\"%d\" "
			"text-anchor=\"middle\">%.*f %%</text>\n",
			x, BOTTOM + 20, nines > 2 ? nines - 2 : 0,
			100 - 100 * pow(10, -nines));
	}
	fprintf(frame->file,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">of the "
		"messages took no longer than</text>\n",
		(LEFT + RIGHT) / 2, BOTTOM + 42);
}

/* 100 ns, 1 us, ... */
static void draw_up(const struct frame *frame)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };

	for (int power = frame->low; power <= frame->high; power++) {
		double y = at_y(frame, pow(10, power));
		int unit = power / 3 < 3 ? power / 3 : 3;

		fprintf(frame->file,
			"<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" "
			"x2=\"%d\" y2=\"%.1f\"/>\n",
			LEFT, y, RIGHT, y);
		fprintf(frame->file,
			"<text x=\"%d\" y=\"%.1f\" "
			"text-anchor=\"end\">%.0f %s</text>\n",
			LEFT - 8, y + 4, pow(10, power - 3 * unit),
			units[unit]);
	}
}

/* Steps: a value holds from where the last ended to where it ends. */
static void draw_curve(const struct frame *frame, unsigned int index)
{
	const struct histogram *h = &frame->series[index]->total;
	uint64_t seen = 0;

	fprintf(frame->file,
		"<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
		"points=\"",
		colours[index]);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t value = histogram_highest(i);
		double y =
			at_y(frame, (double)(value < h->max ? value : h->max));

		if (h->buckets[i] == 0)
			continue;
		fprintf(frame->file, "%.1f,%.1f ",
			at_x(frame, nines_of(seen, h->count)), y);
		seen += h->buckets[i];
		fprintf(frame->file, "%.1f,%.1f ",
			at_x(frame, nines_of(seen, h->count)), y);
	}
	fprintf(frame->file, "\"/>\n");
}

static void draw_legend(const struct frame *frame)
{
	for (unsigned int i = 0; i < frame->count; i++) {
		int x = LEFT + 110 * (int)i;

		fprintf(frame->file,
			"<line x1=\"%d\" y1=\"52\" x2=\"%d\" y2=\"52\" "
			"stroke=\"%s\" stroke-width=\"3\"/>\n",
			x, x + 24, colours[i]);
		fprintf(frame->file, "<text x=\"%d\" y=\"56\">%s</text>\n",
			x + 30, frame->series[i]->name);
	}
}

static void draw_head(const struct frame *frame, const struct lat *lat)
{
	struct noise noise;

	noise_find(lat, &noise);
	fprintf(frame->file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	fprintf(frame->file, "<style>text { font: 12px sans-serif; } "
			     ".title { font-size: 15px; } "
			     ".grid { stroke: #dddddd; }</style>\n"
			     "<rect width=\"100%%\" height=\"100%%\" "
			     "fill=\"white\"/>\n");
	fprintf(frame->file, "<text class=\"title\" x=\"%d\" y=\"28\">", LEFT);
	report_title(frame->file, lat);
	fprintf(frame->file, "%s</text>\n", noise.count > 0 ? " (noisy)" : "");
}

enum status plot_draw(struct plot *plot, const struct lat *lat)
{
	struct frame frame = { .file = plot->file };
	int fd = fileno(plot->file);
	struct stat stat;

	/* What is no file has nothing to be cut off. */
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) &&
	    ftruncate(fd, 0) < 0)
		goto failed;
	for (unsigned int way = 0; way < WAYS; way++) {
		if (options_wants(lat->options, way))
			frame_take(&frame, &lat->ways[way]);
	}
	frame_take(&frame, &lat->floor);
	draw_head(&frame, lat);
	draw_across(&frame);
	draw_up(&frame);
	for (unsigned int i = 0; i < frame.count; i++)
		draw_curve(&frame, i);
	draw_legend(&frame);
	fprintf(plot->file, "</svg>\n");
	if (fflush(plot->file) != 0 || ferror(plot->file))
		goto failed;
	fclose(plot->file);
	plot->file = NULL;
	return STATUS_OK;
failed:
	complain("%s: %s", plot->path, strerror(errno));
	return STATUS_ERROR;
}
