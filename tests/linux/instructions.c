/* SPDX-License-Identifier: MIT */
/*
 * instructions.c - a process that dies after any instruction, and who succeeds
 *
 * A child plays scripts of operations and is single-stepped through them. The
 * segment is copied after each instruction of the program's own text (core.h,
 * frame.h, the Linux layer, the test's calls of them), and after those of libc
 * that have changed it; and on each copy a successor takes the role that was
 * at work, with the other end as it is at that moment, then successors take
 * both. They must find
 *
 *     what had been committed and not released before the operation, or after
 *     it: nothing else, and never before it again once it was after it
 *     room for a grant of any length, and their way through two laps more
 *
 * A sleeper is let sleep; the peer then does what it waits for, or something
 * else, as the script says. Nothing depends on how long anything takes.
 *
 * A plain main, since Criterion and ptrace do not go together.
 *
 * usage: linux-instructions [EVERY [FILE]]
 *     EVERY  take over only after each EVERYth instruction that has changed
 *            nothing; always after one that has
 *     FILE   where to write the addresses of the instructions stepped through
 */
#include <elf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "scripts.h"
#include "successor.h"

/* The program's own text, as the linker has it. */
extern const char __executable_start[], etext[];

static const struct script *script;
static unsigned long every = 1;
static unsigned char *stepped; /* per byte of the text */

static struct {
	unsigned long own; /* instructions */
	unsigned long libc;
	unsigned long points; /* copies taken over */
	unsigned long states; /* changes of the segment */
	unsigned long successors;
} run, total;

static _Noreturn void fail(const char *what, int line)
{
	const struct op *op = &script->ops[world->at];

	fprintf(stderr,
		"%s, operation %zu (%s, %zu) %s, point %lu: %d: not %s\n",
		script->name, world->at, op->verb ? op->verb->name : "end",
		op->len, world->inside ? "in progress" : "done", run.points,
		line, what);
	bbq_segment_unlink(own_name);
	bbq_segment_unlink(other_name);
	_exit(1);
}

/* ---- the child --------------------------------------------------------- */

/* What the tracer looks at; no part of the operation moves across. */
static __attribute__((noinline)) void mark(bool inside)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&world->inside, inside, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void expect(const struct op *op, int error)
{
	if (error == op->error)
		return;
	fprintf(stderr, "%s: error %d\n", op->verb->name, error);
	fail("the error that the script expects", __LINE__);
}

static void on_signal(int number)
{
	(void)number;
}

static _Noreturn void child(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (; script->ops[world->at].verb; world->at++) {
		const struct op *op = &script->ops[world->at];

		if (op->by == PEER)
			raise(SIGSTOP);
		if (op->by != CHILD)
			continue;
		mark(true);
		world->error = op->verb->run(op);
		mark(false);
		expect(op, world->error);
	}
	_exit(0);
}

/* ---- the tracer -------------------------------------------------------- */

static bool was_inside;
static size_t acted;   /* what the peer has done of what comes next */
static bool woken;     /* it has, and the child has not moved since */
static uint32_t slept; /* the ticket at the beginning of the operation */

/* Where the child is. */
static const char *position(void)
{
	struct user_regs_struct regs;
	struct iovec io = { .iov_base = &regs, .iov_len = sizeof(regs) };

	check(ptrace(PTRACE_GETREGSET, world->child, NT_PRSTATUS, &io) == 0);
#if defined(__x86_64__)
	return (const char *)regs.rip;
#elif defined(__i386__)
	return (const char *)regs.eip;
#else
	return (const char *)regs.pc;
#endif
}

static const struct bbq_end *end_at_work(void)
{
	return script->ops[world->at].verb->role == SENDER ? &world->s.end
							   : &world->r.end;
}

/* The models follow the child into its operation, and out. */
static void follow(void)
{
	const struct op *op = &script->ops[world->at];

	if (world->inside == was_inside)
		return;
	was_inside = world->inside;
	if (was_inside) {
		model_apply(&world->after, op);
		slept = end_at_work()->ticket;
		acted = world->at;
	} else {
		if (world->error)
			world->after = world->before;
		world->before = world->after;
		check(script->ops[acted + 1].by < ASLEEP);
	}
	moved = false;
}

/* The tracer's part of the script. */
static void act(const struct op *op)
{
	expect(op, op->verb->run(op));
	model_apply(&world->before, op);
	model_apply(&world->after, op);
}

/* Is the child's next wake-up the script's? */
static bool must_wake(void)
{
	const struct op *next = &script->ops[acted + 1];

	if (!world->inside || woken || !next->verb || next->by < ASLEEP)
		return false;
	return next->by == ASLEEP || end_at_work()->ticket - slept > 3;
}

/* In a system call that does not end for now. */
static bool sleeps(void)
{
	char path[64], line[256] = "";
	const char *name_end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)world->child);
	file = fopen(path, "re");
	check(file != NULL);
	check(fgets(line, sizeof(line), file) != NULL);
	fclose(file);
	name_end = strrchr(line, ')');
	check(name_end != NULL);
	return name_end[1] == ' ' && name_end[2] == 'S';
}

/* Until the child has stopped; it may need to be woken for that. */
static int await(void)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (must_wake()) {
		sigtimedwait(&set, NULL, &pause);
		if (waitpid(world->child, &status, WNOHANG) == world->child)
			return status;
		if (!sleeps())
			continue;
		act(&script->ops[++acted]);
		woken = true;
	}
	check(waitpid(world->child, &status, 0) == world->child);
	return status;
}

/* One instruction further; false at the end. */
static bool advance(int *deliver)
{
	int status;

	check(ptrace(PTRACE_SINGLESTEP, world->child, NULL,
		     (void *)(long)*deliver) == 0);
	status = await();
	woken = false;
	*deliver = 0;
	if (WIFEXITED(status)) {
		check(WEXITSTATUS(status) == 0);
		return false;
	}
	check(WIFSTOPPED(status));
	follow();
	if (WSTOPSIG(status) == SIGSTOP)
		act(&script->ops[world->at]);
	else if (WSTOPSIG(status) == SIGUSR1)
		*deliver = SIGUSR1;
	else
		check(WSTOPSIG(status) == SIGTRAP);
	return true;
}

/* Successors: for the role at work, or for each; and for both. */
static void try_point(void)
{
	enum role role = script->ops[world->at].verb
				 ? script->ops[world->at].verb->role
				 : NEITHER;

	if (!world->inside)
		role = NEITHER;
	run.points++;
	if (other_name[0])
		check_other();
	take_over(NEITHER);
	if (role != RECEIVER && lives(RECEIVER))
		take_over(RECEIVER);
	if (role != SENDER && lives(SENDER))
		take_over(SENDER);
}

static void look(void)
{
	const char *pc = position();
	bool own = pc >= __executable_start && pc < etext;
	bool changed = memcmp(snapshot, own_pages, pages_size) != 0;

	if (own) {
		stepped[pc - __executable_start] = 1;
		run.own++;
	} else {
		run.libc++;
	}
	if (changed) {
		memcpy(snapshot, own_pages, pages_size);
		run.states++;
	}
	if (changed || (own && run.own % every == 0))
		try_point();
}

static void start(void)
{
	pid_t pid;
	int status;

	memset(world, 0, sizeof(*world));
	world->s.end.lock_fd = -1;
	world->r.end.lock_fd = -1;
	was_inside = false;
	acted = 0;
	pid = fork();
	check(pid >= 0);
	if (pid == 0)
		child();
	world->child = pid;
	check(waitpid(world->child, &status, 0) == world->child);
	check(WIFSTOPPED(status));
	check(ptrace(PTRACE_SETOPTIONS, world->child, NULL,
		     (void *)PTRACE_O_EXITKILL) == 0);
}

static void report(const char *what)
{
	printf("%-18s %7lu instructions, %6lu of libc: %7lu points, "
	       "%5lu states, %7lu successors\n",
	       what, run.own, run.libc, run.points, run.states, run.successors);
}

static void make_segment(const struct bbq_config *config)
{
	own_name[0] = other_name[0] = '\0';
	if (!script->named) {
		check(bbq_segment_create(config, &segment) == 0);
		return;
	}
	snprintf(own_name, sizeof(own_name), "/bbq-instructions-%d",
		 (int)getpid());
	snprintf(other_name, sizeof(other_name), "/bbq-instructions-%d-other",
		 (int)getpid());
	check(bbq_segment_create_named(own_name, config, &segment) == 0);
}

static void play_script(void)
{
	const struct bbq_config config = {
		.capacity = script->capacity,
		.mode = script->frame_align ? BBQ_MODE_FRAMES : BBQ_MODE_BYTES,
		.frame_align = script->frame_align,
	};
	int deliver = 0;

	memset(&run, 0, sizeof(run));
	successors = 0;
	make_segment(&config);
	copy_open(&config);
	start();
	while (advance(&deliver))
		look();
	/* The peer's own; the child's have gone with it. */
	copy_close();
	bbq_segment_close(segment);
	run.successors = successors;
	report(script->name);
	total.own += run.own;
	total.libc += run.libc;
	total.points += run.points;
	total.states += run.states;
	total.successors += run.successors;
}

static size_t distinct(const char *file)
{
	FILE *out = file ? fopen(file, "we") : NULL;
	size_t n = 0;

	check(!file || out);
	for (size_t i = 0; i < (size_t)(etext - __executable_start); i++) {
		if (!stepped[i])
			continue;
		n++;
		if (out)
			fprintf(out, "%zx\n", i);
	}
	if (out)
		check(fclose(out) == 0);
	return n;
}

int main(int argc, char *argv[])
{
	sigset_t set;

	if (argc > 1)
		every = strtoul(argv[1], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stepped = calloc(1, (size_t)(etext - __executable_start));
	if (world == MAP_FAILED || !stepped || every == 0)
		return 2;
	scripts_make_random();
	for (script = scripts; script->name; script++)
		play_script();
	script = scripts;
	run = total;
	report("all");
	printf("%zu different instructions\n",
	       distinct(argc > 2 ? argv[2] : NULL));
	free(stepped);
	return 0;
}
