/* SPDX-License-Identifier: MIT */
/* cpus.c - two processors, and what the system took from them */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lat.h"

/* A set for as many processors as the kernel may have; null: no memory. */
static cpu_set_t *allowed_set(size_t *ret_size)
{
	for (size_t cpus = CPU_SETSIZE; cpus <= 1u << 20; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC(cpus);

		*ret_size = CPU_ALLOC_SIZE(cpus);
		if (!set)
			return NULL;
		if (sched_getaffinity(0, *ret_size, set) == 0)
			return set;
		CPU_FREE(set);
	}
	return NULL;
}

/* Does the list, "0,8-11", name the number? */
static bool list_has(const char *list, int number)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		long first = strtol(list, &end, 10), last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (number >= first && number <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

/* Are the two threads of one core? Who does not tell has none. */
static bool siblings(int a, int b)
{
	char path[96], list[256] = "";
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
		 a);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(list, sizeof(list), file))
		list[0] = '\0';
	fclose(file);
	return list_has(list, b);
}

/* The first that is allowed, and the first of another core; else any. */
static void pick(const cpu_set_t *set, size_t size, int ret[2])
{
	int cpus = (int)size * 8;

	ret[0] = -1;
	ret[1] = -1;
	for (int cpu = 0; cpu < cpus; cpu++) {
		if (!CPU_ISSET_S((size_t)cpu, size, set))
			continue;
		if (ret[0] < 0) {
			ret[0] = cpu;
			continue;
		}
		if (ret[1] < 0)
			ret[1] = cpu;
		if (siblings(ret[0], ret[1]) && !siblings(ret[0], cpu))
			ret[1] = cpu;
	}
}

static enum status check(const int cpus[2], const cpu_set_t *set, size_t size)
{
	for (int i = 0; i < 2; i++) {
		if ((size_t)cpus[i] < size * 8 &&
		    CPU_ISSET_S((size_t)cpus[i], size, set))
			continue;
		complain("--cpus: processor %d is not one that this process "
			 "may use",
			 cpus[i]);
		return STATUS_ERROR;
	}
	return STATUS_OK;
}

enum status cpus_choose(const struct options *options, struct lat *lat)
{
	enum status status = STATUS_OK;
	size_t size;
	cpu_set_t *set = allowed_set(&size);

	if (!set) {
		complain("which processors are there: %s", strerror(errno));
		return STATUS_ERROR;
	}
	memcpy(lat->cpus, options->cpus, sizeof(lat->cpus));
	if (lat->cpus[0] >= 0) {
		status = check(lat->cpus, set, size);
	} else {
		pick(set, size, lat->cpus);
		if (lat->cpus[1] < 0) {
			complain("two processors are needed, and this process "
				 "may use only one");
			status = STATUS_ERROR;
		}
	}
	CPU_FREE(set);
	if (status == STATUS_OK)
		lat->siblings = siblings(lat->cpus[0], lat->cpus[1]);
	return status;
}

int cpu_pin(int cpu)
{
	cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
	size_t size = CPU_ALLOC_SIZE((size_t)cpu + 1);
	int error = 0;

	if (!set)
		return -ENOMEM;
	CPU_ZERO_S(size, set);
	CPU_SET_S((size_t)cpu, size, set);
	if (sched_setaffinity(0, size, set) < 0)
		error = -errno;
	CPU_FREE(set);
	return error;
}

/* "cpu3 user nice system idle iowait irq softirq steal ..." */
static bool steal_of(const char *line, int *ret_cpu, uint64_t *ret_ticks)
{
	return sscanf(line, "cpu%d %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
		      ret_cpu, ret_ticks) == 2;
}

uint64_t cpus_steal(const int cpus[2])
{
	FILE *file = fopen("/proc/stat", "re");
	uint64_t sum = 0;
	char line[512];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		uint64_t ticks;
		int cpu;

		if (steal_of(line, &cpu, &ticks) &&
		    (cpu == cpus[0] || cpu == cpus[1]))
			sum += ticks;
	}
	fclose(file);
	return sum;
}

/* "running waiting slices", in ns. Kernels may be built without. */
void taken_so_far(struct taken *ret)
{
	struct rusage usage;
	FILE *file = fopen("/proc/self/schedstat", "re");

	getrusage(RUSAGE_SELF, &usage);
	*ret = (struct taken){ .switches = (uint64_t)usage.ru_nivcsw };
	if (!file)
		return;
	if (fscanf(file, "%*s %" SCNu64, &ret->waited_ns) != 1)
		ret->waited_ns = 0;
	fclose(file);
}

void taken_add(struct taken *sum, const struct taken *from,
	       const struct taken *to)
{
	sum->switches += to->switches - from->switches;
	sum->waited_ns += to->waited_ns - from->waited_ns;
}
