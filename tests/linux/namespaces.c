/* SPDX-License-Identifier: MIT */
/*
 * Two processes that hardly see each other: other users, other PID namespaces,
 * other mounts. A channel joins them; a named segment does not. Needs root.
 */
#include "meet.h"

TestSuite(namespaces, .timeout = PATIENCE);

struct place {
	const char *const *steps; /* how to get there */
	size_t count;
};

#define AT_PLACE(...)                                                  \
	{                                                              \
		(const char *const[]){ __VA_ARGS__ },                  \
			sizeof((const char *const[]){ __VA_ARGS__ }) / \
				sizeof(const char *)                   \
	}

static const struct place users = AT_PLACE("user:1000");
static const struct place pids = AT_PLACE("namespace:pid");
static const struct place mounts = AT_PLACE("namespace:mount");
static const struct place all =
	AT_PLACE("namespace:mount", "namespace:pid", "user:1000");
static const struct place here = { NULL, 0 };

static void start(struct peer *peer, const struct place *place,
		  const char *const steps[])
{
	char *argv[PEER_STEPS_MAX + 3] = { (char *)PEER, (char *)"-" };
	size_t n = 2;

	cr_assert_eq(geteuid(), 0, "this test needs root, to unshare");
	for (size_t i = 0; i < place->count; i++)
		argv[n++] = (char *)place->steps[i];
	for (size_t i = 0; steps[i]; i++)
		argv[n++] = (char *)steps[i];
	cr_assert_eq(peer_spawn(peer, -1, argv), 0);
}

static char directory[] = "/tmp/bbq-test-XXXXXX";
static char listening[128], connecting[128];

/* An address that both reach: a path outside of what is mounted anew. */
static void address_make(bool abstract)
{
	if (abstract) {
		snprintf(listening, sizeof(listening), "listen:@bbq-test-ns-%d",
			 (int)getpid());
	} else {
		cr_assert_not_null(mkdtemp(directory));
		cr_assert_eq(chmod(directory, 0777), 0);
		snprintf(listening, sizeof(listening), "listen:%s/socket",
			 directory);
	}
	snprintf(connecting, sizeof(connecting), "connect%s",
		 strchr(listening, ':'));
}

/* A question and an answer over two queues of one channel, then the end. */
static void talk(const struct place *a, const struct place *b, bool abstract)
{
	const char *const sends[] = { listening, "offer:producer",
				      "sender",	 "send:question",
				      "finish",	 NULL };
	const char *const recvs[] = { connecting,   "take:consumer",
				      "receiver",   "recv:question",
				      "read-is:32", "close",
				      NULL };
	struct peer one, two;

	address_make(abstract);
	start(&one, a, sends);
	start(&two, b, recvs);
	peer_done(&one);
	peer_done(&two);
	if (!abstract)
		cr_assert_eq(rmdir(directory), 0);
	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
}

Test(namespaces, two_users)
{
	talk(&users, &here, false);
	talk(&here, &users, false);
	talk(&here, &users, true);
}

Test(namespaces, two_pid_namespaces)
{
	talk(&pids, &pids, false);
	talk(&here, &pids, true);
}

Test(namespaces, two_mount_namespaces)
{
	talk(&mounts, &mounts, false);
	talk(&mounts, &here, true);
}

Test(namespaces, everything_at_once)
{
	talk(&all, &all, false);
	talk(&all, &here, true);
}

/* Killed where the other cannot even name its pid. */
static void die(const struct place *a, const struct place *b)
{
	const char *const sends[] = { listening, "offer:producer",
				      "sender",	 "send:question",
				      "say",	 "wait",
				      NULL };
	const char *const recvs[] = {
		connecting, "take:consumer", "receiver", "recv:question",
		"say",	    "read-is:130", /* EOWNERDEAD */
		NULL
	};
	struct peer one, two;

	address_make(true);
	start(&one, a, sends);
	start(&two, b, recvs);
	peer_await(&one);
	peer_await(&two);
	peer_kill(&one);
	peer_done(&two);
}

Test(namespaces, deaths)
{
	_Static_assert(EOWNERDEAD == 130 && EPIPE == 32, "the steps say so");
	die(&here, &here);
	die(&pids, &here);
	die(&pids, &pids);
	die(&all, &all);
}

/* A name is for one user, and for one mount of /dev/shm. */
Test(namespaces, named_segment_is_not_for_all)
{
	const struct bbq_config config = { .capacity = 100 };
	const char *name = own_name("closed");
	struct bbq_segment *segment = NULL;
	char denied[128], missing[128];
	const char *const steps[][2] = { { denied, NULL }, { missing, NULL } };
	struct peer peer;

	snprintf(denied, sizeof(denied), "open-is:%d:%s", EACCES, name);
	snprintf(missing, sizeof(missing), "open-is:%d:%s", ENOENT, name);
	is(0, bbq_segment_create_named(name, &config, &segment));
	start(&peer, &users, steps[0]);
	peer_done(&peer);
	start(&peer, &mounts, steps[1]);
	peer_done(&peer);
	is(0, bbq_segment_unlink(name));
	bbq_segment_close(segment);
}
