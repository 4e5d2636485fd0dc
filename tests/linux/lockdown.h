/* SPDX-License-Identifier: MIT */
/* lockdown.h - the system calls of docs/seccomp.md, as a filter */
#ifndef TESTS_LINUX_LOCKDOWN_H
#define TESTS_LINUX_LOCKDOWN_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define LOCKDOWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define LOCKDOWN_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef SYS_poll
#define LOCKDOWN_POLL                                 \
	{                                             \
		"poll", SYS_poll, -1, 0, false, false \
	}
#else
#define LOCKDOWN_POLL                                   \
	{                                               \
		"ppoll", SYS_ppoll, -1, 0, false, false \
	}
#endif

struct allowed {
	const char *name;
	uint32_t number;
	int argument; /* the one that must have this value; -1: none */
	uint32_t value;
	bool descriptor; /* only with bbq_sender_fd or bbq_receiver_fd */
	bool at_times;	 /* not in every run */
};

static const struct allowed allowed_calls[] = {
	{ "futex", SYS_futex, -1, 0, false, false },
	{ "membarrier", SYS_membarrier, 0, MEMBARRIER_CMD_GLOBAL_EXPEDITED,
	  false, false },
	LOCKDOWN_POLL,
	{ "fcntl", SYS_fcntl, 1, F_OFD_GETLK, false, false },
	{ "close", SYS_close, -1, 0, false, false },
	{ "munmap", SYS_munmap, -1, 0, false, false },
	{ "exit_group", SYS_exit_group, -1, 0, false, false },
	{ "restart_syscall", SYS_restart_syscall, -1, 0, false, false },
	{ "clock_gettime", SYS_clock_gettime, -1, 0, false, true },
	{ "read", SYS_read, -1, 0, true, false },
	{ "write", SYS_write, -1, 0, true, false },
	{ "exit", SYS_exit, -1, 0, true, false },
	{ "madvise", SYS_madvise, -1, 0, true, true },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, -1, 0, true, true },
};

#define ALLOWED_CALLS (sizeof(allowed_calls) / sizeof(*allowed_calls))

static inline size_t allow(struct sock_filter *at, const struct allowed *call)
{
	const struct sock_filter plain[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_filter checked[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->number, 0, 4),
		/* Its lower half: both of these machines are little-endian. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)offsetof(struct seccomp_data, args) +
				 8 * (uint32_t)call->argument),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	if (call->argument < 0) {
		memcpy(at, plain, sizeof(plain));
		return sizeof(plain) / sizeof(*plain);
	}
	memcpy(at, checked, sizeof(checked));
	return sizeof(checked) / sizeof(*checked);
}

/*
 * From here on this process, with all its threads, may make the calls of the table and no other; not
 * even the one named without, if that is not null.
 */
static inline int lockdown(bool descriptor, const char *without)
{
	struct sock_filter steps[8 + 5 * ALLOWED_CALLS] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOCKDOWN_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog filter = { .filter = steps };
	size_t n = 4;

	for (size_t i = 0; i < ALLOWED_CALLS; i++) {
		if ((allowed_calls[i].descriptor && !descriptor) ||
		    (without && strcmp(without, allowed_calls[i].name) == 0))
			continue;
		n += allow(steps + n, &allowed_calls[i]);
	}
	steps[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						  SECCOMP_RET_KILL_PROCESS);
	filter.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0)
		return -errno;
	return 0;
}

#endif /* TESTS_LINUX_LOCKDOWN_H */
