/* SPDX-License-Identifier: MIT */
/*
 * steps.c - what a peer sees of a claim, after every single instruction
 *
 * A child takes over a role and is single-stepped through it, while this
 * process, which holds the other role, looks at it after each instruction. A
 * plain main, since Criterion and ptrace do not go together.
 *
 *     a sender, over a receiver that claims after another one closed, or died:
 *         the old one is not held against the sender: 0, at every step
 *     a receiver, over a first sender: 0, at every step
 *     a receiver, over a sender that takes over from one that closed (died):
 *         -EPIPE (-EOWNERDEAD), then 0, and never back
 *     and whichever it is, the child killed at a hundred places on the way:
 *         the role is free at once, and the queue's bytes are all there
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bbq/bbq.h>

#define check(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static const char *scene_name;
static unsigned long step;

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "%d: %s, step %lu: not %s\n", line, scene_name, step,
		what);
	_exit(1);
}

static struct bbq_segment *segment;
static struct bbq_sender s;
static struct bbq_receiver r;

enum before {
	NOBODY,
	CLOSED,
	DIED,
};

static void send_some(void)
{
	struct bbq_span span;

	check(bbq_sender_grant(&s, 4, 0, &span) == 0);
	memcpy(span.data, "some", 4);
	check(bbq_sender_commit(&s, 4) == 0);
}

/* This process holds the sender (or the receiver); the other role is free. */
static void set_scene(bool sends, enum before before)
{
	const struct bbq_config config = { .capacity = 100 };

	check(bbq_segment_create(&config, &segment) == 0);
	s.end.lock_fd = -1;
	r.end.lock_fd = -1;
	if (sends) {
		if (before != NOBODY) {
			check(bbq_receiver_open(segment, &r) == 0);
			if (before == CLOSED)
				bbq_receiver_close(&r);
			else
				bbq_receiver_abandon(&r);
		}
		check(bbq_sender_open(segment, &s) == 0);
		send_some();
		return;
	}
	check(bbq_receiver_open(segment, &r) == 0);
	if (before != NOBODY) {
		check(bbq_sender_open(segment, &s) == 0);
		send_some();
		if (before == CLOSED)
			bbq_sender_close(&s);
		else
			bbq_sender_abandon(&s);
	}
}

/* In the child: claim the role that this process does not have. */
static _Noreturn void claim(bool sends)
{
	struct bbq_segment *own;
	int error;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	error = bbq_segment_attach(bbq_segment_fd(segment), &own);
	if (error)
		_exit(2);
	raise(SIGSTOP);
	if (sends)
		error = bbq_receiver_open(own, &r);
	else
		error = bbq_sender_open(own, &s);
	raise(SIGSTOP);
	_exit(error != 0);
}

/* One instruction further; false once the claim is done. */
static bool advance(pid_t pid)
{
	int status;

	check(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
	check(waitpid(pid, &status, 0) == pid);
	check(WIFSTOPPED(status));
	step++;
	return WSTOPSIG(status) == SIGTRAP;
}

static pid_t start(bool sends)
{
	pid_t pid = fork();
	int status;

	check(pid >= 0);
	if (pid == 0)
		claim(sends);
	check(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	step = 0;
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	check(waitpid(pid, NULL, 0) == pid);
}

/* What this process's end hears of its peer. */
static int heard(bool sends)
{
	return bbq_end_peer(sends ? &s.end : &r.end);
}

static int first_of(bool sends, enum before before)
{
	if (sends || before == NOBODY)
		return 0;
	return before == CLOSED ? -EPIPE : -EOWNERDEAD;
}

/* Look after each instruction; returns how many there were. */
static unsigned long watch(bool sends, enum before before)
{
	int first = first_of(sends, before);
	bool came = false;
	pid_t pid;

	set_scene(sends, before);
	pid = start(sends);
	while (advance(pid)) {
		int error = heard(sends);

		came = came || error != first;
		/* A state without its life yet: -EPIPE is now -EOWNERDEAD? */
		check(error == (came ? 0 : first));
	}
	check(heard(sends) == 0);
	stop(pid);
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
	return step;
}

/* The child is gone: take its place, and find all bytes. */
static void take_over(bool sends)
{
	struct bbq_view view;
	int error;

	check(bbq_segment_fill(segment) == 4);
	if (sends) {
		error = heard(true);
		check(error == 0 || error == -EOWNERDEAD);
		check(bbq_receiver_open(segment, &r) == 0);
	} else {
		check(bbq_sender_open(segment, &s) == 0);
	}
	check(heard(sends) == 0);
	check(bbq_receiver_read(&r, 0, &view) == 0);
	check(view.len == 4 && memcmp(view.data, "some", 4) == 0);
	check(bbq_receiver_release(&r, 4) == 0);
	send_some();
	check(bbq_receiver_read(&r, 0, &view) == 0 && view.len == 4);
}

static void kill_at(bool sends, enum before before, unsigned long at)
{
	pid_t pid;

	set_scene(sends, before);
	pid = start(sends);
	while (step < at && advance(pid))
		;
	stop(pid);
	take_over(sends);
	bbq_sender_close(&s);
	bbq_receiver_close(&r);
	bbq_segment_close(segment);
}

static void run(const char *name, bool sends, enum before before,
		unsigned int kills)
{
	unsigned long steps;

	scene_name = name;
	steps = watch(sends, before);
	/* Of a first sender there are no bytes to find. */
	if (!sends && before == NOBODY)
		kills = 0;
	for (unsigned int i = 0; i < kills; i++)
		kill_at(sends, before, (i + 1) * steps / kills);
	printf("%s: %lu steps, %u kills\n", name, steps, kills);
}

int main(int argc, char *argv[])
{
	unsigned int kills = argc > 1 ? (unsigned int)atoi(argv[1]) : 100;

	run("first receiver", true, NOBODY, kills);
	run("receiver after one that closed", true, CLOSED, kills);
	run("receiver after one that died", true, DIED, kills);
	run("first sender", false, NOBODY, kills);
	run("sender after one that closed", false, CLOSED, kills);
	run("sender after one that died", false, DIED, kills);
	return 0;
}
