/* SPDX-License-Identifier: MIT */
/*
 * criterion.h - as much of Criterion as the tests use, for cross builds
 *
 * Debian's Criterion is for the machine's own architecture. Here each test runs
 * in a forked child, as there; a failed assertion, a signal or a timeout fails
 * it. One source file a program: this header has its main().
 */
#ifndef TESTS_ARCH_CRITERION_H
#define TESTS_ARCH_CRITERION_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct criterion_test {
	const char *suite;
	const char *name;
	void (*run)(void);
	struct criterion_test *next;
};

static struct criterion_test *criterion_tests;

/* Of the program's one suite; seconds. */
static struct criterion_options {
	unsigned int timeout;
} criterion_options;

#define TestSuite(suite_name, ...) \
	static struct criterion_options criterion_options = { __VA_ARGS__ }

#define Test(suite_name, test_name)                                          \
	static void suite_name##_##test_name(void);                          \
	__attribute__((constructor)) static void criterion_##test_name(void) \
	{                                                                    \
		static struct criterion_test self = {                        \
			.suite = #suite_name,                                \
			.name = #test_name,                                  \
			.run = suite_name##_##test_name,                     \
		};                                                           \
		self.next = criterion_tests;                                 \
		criterion_tests = &self;                                     \
	}                                                                    \
	static void suite_name##_##test_name(void)

static inline _Noreturn void criterion_fail(const char *file, int line,
					    const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	exit(1);
}

/* What a test says besides the condition is for Criterion only. */
#define cr_assert(condition, ...) \
	((condition) ? (void)0 : criterion_fail(__FILE__, __LINE__, #condition))
#define cr_assert_not(condition, ...) cr_assert(!(condition))
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b))
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b))
#define cr_assert_lt(a, b, ...) cr_assert((a) < (b))
#define cr_assert_leq(a, b, ...) cr_assert((a) <= (b))
#define cr_assert_gt(a, b, ...) cr_assert((a) > (b))
#define cr_assert_geq(a, b, ...) cr_assert((a) >= (b))
#define cr_assert_null(pointer, ...) cr_assert((pointer) == NULL)
#define cr_assert_not_null(pointer, ...) cr_assert((pointer) != NULL)

/* Did the test, in a process of its own, end as it should? */
static inline int criterion_passes(const struct criterion_test *test)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(criterion_options.timeout);
		test->run();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fprintf(stderr, "FAILED %s/%s: status %#x\n", test->suite,
			test->name, (unsigned int)status);
	return status == 0;
}

int main(void)
{
	int failed = 0, passed = 0;

	for (struct criterion_test *t = criterion_tests; t; t = t->next) {
		if (criterion_passes(t))
			passed++;
		else
			failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0 || passed == 0;
}

#endif /* TESTS_ARCH_CRITERION_H */
