/* SPDX-License-Identifier: MIT */
/*
 * refuse.h - a process without membarrier
 *
 * As in a container whose seccomp profile does not know it: from here on the
 * call is -ENOSYS, and the library, not told, falls back to its fences.
 */
#ifndef TESTS_LINUX_REFUSE_H
#define TESTS_LINUX_REFUSE_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* 0 or -errno; before the process has a second thread. */
static inline int refuse_membarrier(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {
		.len = sizeof(steps) / sizeof(*steps),
		.filter = steps,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
		return -errno;
	return 0;
}

#endif /* TESTS_LINUX_REFUSE_H */
