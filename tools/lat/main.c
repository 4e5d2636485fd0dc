/* SPDX-License-Identifier: MIT */
/* main.c - a run of bbq-lat: two processes, a measurement, a report */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lat.h"

const struct way *const ways[WAYS] = {
	[WAY_BBQ] = &way_bbq,
	[WAY_PIPE] = &way_pipe,
	[WAY_UNIX] = &way_unix,
	[WAY_SLOTS] = &way_slots,
};

volatile sig_atomic_t stopping;
/* The signal that asked for it; SIGCHLD: far has died. */
static volatile sig_atomic_t stop_signal;

void complain(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "bbq-lat: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/*
 * The signal may come between our look at the flag and a call that blocks. So
 * it comes again, as an alarm, which only interrupts.
 */
static void on_stop(int signal)
{
	if (signal != SIGALRM && !stopping) {
		stop_signal = signal;
		stopping = 1;
	}
	alarm(1);
}

/* No SA_RESTART: a signal ends the wait that it finds. */
static void catch_signals(void)
{
	struct sigaction stop = {
		.sa_handler = on_stop,
		.sa_flags = SA_NOCLDSTOP,
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGCHLD, &stop, NULL);
	sigaction(SIGALRM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* A file size limit is an error of the write like any other. */
	sigaction(SIGXFSZ, &ignore, NULL);
}

/* ---- far ---------------------------------------------------------------- */

/* ps and top show what far is at; so do the tests wait for it. */
static void show_job(const struct job *job)
{
	char name[16];

	snprintf(name, sizeof(name), "bbq-lat-%s",
		 job->way == WAYS ? "floor" : ways[job->way]->name);
	prctl(PR_SET_NAME, name);
}

static int far_job(struct lat *lat, uint32_t number)
{
	struct shared *shared = lat->shared;
	struct taken before, after;
	int error;

	while (__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE) != number)
		sched_yield();
	show_job(&shared->job);
	taken_so_far(&before);
	error = shared->job.way == WAYS ? floor_far(lat) : talk_far(lat);
	taken_so_far(&after);
	taken_add(&shared->taken, &before, &after);
	__atomic_store_n(&shared->done, number, __ATOMIC_RELEASE);
	return error;
}

static int attach(struct lat *lat, int out, int in)
{
	int error = 0;

	for (unsigned int way = 0; way < WAYS && !error; way++) {
		lat->hands[way].setup = &lat->options->setup;
		if (options_wants(lat->options, way))
			error = ways[way]->attach(&lat->hands[way],
						  &lat->lanes[way][out],
						  &lat->lanes[way][in]);
	}
	return error;
}

/* Signals may go to both, as Ctrl-C does; near decides. */
static _Noreturn void far_run(struct lat *lat, pid_t near)
{
	int error;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != near)
		_exit(1);
	error = cpu_pin(lat->cpus[1]);
	if (!error)
		error = attach(lat, 1, 0);
	for (uint32_t number = 1; !error; number++)
		error = far_job(lat, number);
	lat->shared->error = error;
	_exit(1);
}

/* ---- near --------------------------------------------------------------- */

static enum status failed(const char *what, int error)
{
	complain("%s: %s", what, strerror(-error));
	return STATUS_ERROR;
}

static enum status create(struct lat *lat)
{
	const struct setup *setup = &lat->options->setup;

	for (unsigned int way = 0; way < WAYS; way++) {
		for (int i = 0; i < 2 && options_wants(lat->options, way);
		     i++) {
			int error =
				ways[way]->create(setup, &lat->lanes[way][i]);

			if (error)
				return failed(ways[way]->name, error);
		}
	}
	return STATUS_OK;
}

static enum status prepare(struct lat *lat)
{
	size_t size = lat->options->setup.size;
	void *map = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (map == MAP_FAILED)
		return failed("shared memory", -errno);
	lat->shared = map;
	lat->message = malloc(size);
	lat->answer = malloc(size);
	if (!lat->message || !lat->answer)
		return failed("a message", -ENOMEM);
	for (size_t i = 0; i < size; i++)
		lat->message[i] = (unsigned char)i;
	memset(lat->answer, 0, size);
	return create(lat);
}

static enum status start_far(struct lat *lat)
{
	pid_t near = getpid();

	lat->far = fork();
	if (lat->far < 0) {
		lat->far = 0;
		return failed("a second process", -errno);
	}
	if (lat->far == 0)
		far_run(lat, near);
	return STATUS_OK;
}

/* From here on, signals do what they do to any program. */
static void release_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_IGN);
}

/* How far has ended; it has, or is about to. */
static int reap_far(struct lat *lat)
{
	int how = 0;

	while (waitpid(lat->far, &how, 0) < 0 && errno == EINTR)
		;
	lat->far = 0;
	return how;
}

/* Far is to be gone before we are. */
static void stop_far(struct lat *lat)
{
	if (lat->far == 0)
		return;
	kill(lat->far, SIGKILL);
	reap_far(lat);
}

static enum status say_far_ended(struct lat *lat)
{
	int how = reap_far(lat);

	if (lat->shared->error)
		return failed("the other process", lat->shared->error);
	if (WIFSIGNALED(how))
		complain("the other process was killed by signal %d",
			 WTERMSIG(how));
	else
		complain("the other process has ended");
	return STATUS_ERROR;
}

/* A queue may tell of the death of far before its signal comes. */
static enum status say_failed(struct lat *lat, int error)
{
	if ((stopping && stop_signal == SIGCHLD) || error == -EOWNERDEAD)
		return say_far_ended(lat);
	if (stopping)
		complain("stopped by signal %d, before there was a result",
			 (int)stop_signal);
	else if (error == -EILSEQ)
		complain("%s: a message has come back changed", lat->failed);
	else
		return failed(lat->failed, error);
	return STATUS_ERROR;
}

static enum status run(struct lat *lat, struct plot *plot)
{
	enum status status = cpus_choose(lat->options, lat);
	int error;

	if (status == STATUS_OK)
		status = prepare(lat);
	if (status == STATUS_OK)
		status = start_far(lat);
	if (status != STATUS_OK)
		return status;
	error = cpu_pin(lat->cpus[0]);
	if (error)
		return failed("pinning to a processor", error);
	error = attach(lat, 0, 1);
	if (error)
		return failed("taking hold of a queue", error);
	error = measure(lat);
	if (error || stopping)
		return say_failed(lat, error);
	release_signals();
	stop_far(lat);
	status = report(lat);
	return status == STATUS_OK && plot->file ? plot_draw(plot, lat)
						 : status;
}

static void finish(struct lat *lat)
{
	const struct setup *setup = &lat->options->setup;

	stop_far(lat);
	for (unsigned int way = 0; way < WAYS; way++) {
		ways[way]->detach(&lat->hands[way]);
		ways[way]->destroy(setup, &lat->lanes[way][0]);
		ways[way]->destroy(setup, &lat->lanes[way][1]);
	}
	measure_free(lat);
	free(lat->message);
	free(lat->answer);
	if (lat->shared)
		munmap(lat->shared, sizeof(struct shared));
	free(lat);
}

static struct lat *begin(const struct options *options)
{
	struct lat *lat = calloc(1, sizeof(*lat));

	if (!lat) {
		failed("memory", -ENOMEM);
		return NULL;
	}
	lat->options = options;
	lat->rounds = plan_rounds(options);
	lat->floor.name = "floor";
	for (unsigned int way = 0; way < WAYS; way++) {
		lat->ways[way].name = ways[way]->name;
		for (int i = 0; i < 2; i++) {
			lat->lanes[way][i].fds[0] = -1;
			lat->lanes[way][i].fds[1] = -1;
		}
	}
	return lat;
}

/*
 * A standard descriptor that came closed would be the next that is opened: a
 * queue would be written over with the report. Hold its place, with what can
 * only be read.
 */
static void hold_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			break;
	}
}

int main(int argc, char **argv)
{
	struct plot plot = { 0 };
	struct options options;
	enum status status;
	struct lat *lat;
	bool over;

	hold_standard_fds();
	status = options_parse(argc, argv, &options, &over);
	if (status != STATUS_OK || over)
		return (int)status;
	lat = begin(&options);
	if (!lat)
		return STATUS_ERROR;
	catch_signals();
	if (options.plot)
		status = plot_open(options.plot, &plot);
	if (status == STATUS_OK)
		status = run(lat, &plot);
	plot_drop(&plot);
	finish(lat);
	return (int)status;
}
