/* SPDX-License-Identifier: MIT */
/*
 * two-process.c - a numbered stream between two real processes, through each
 * kind of segment, in bytes and in frames, through small and large queues
 *
 *     two-process [MIB]          the whole table, with streams of about MIB
 *     two-process send|recv ...  the other process; spawned
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "peer.h"
#include "stream.h"

/* How the two come by one segment. */
enum kind {
	MEMFD,	   /* bbq_segment_create, fd inherited */
	MADE_FD,   /* a memfd of ours, bbq_segment_create_fd by the sender */
	NAMED,	   /* the sender makes the name */
	NAMED_LATE /* the same, and the receiver is there first */
};

static const char *const kind_names[] = { "memfd", "create_fd", "named",
					  "named, late" };

struct run {
	enum kind kind;
	size_t align; /* 0: bytes */
	size_t capacity;
	uint64_t total; /* bytes or frames */
	unsigned int spin;
};

static char name[64];

static struct bbq_config config_of(const struct run *run)
{
	return (struct bbq_config){
		.capacity = run->capacity,
		.mode = run->align ? BBQ_MODE_FRAMES : BBQ_MODE_BYTES,
		.frame_align = run->align,
	};
}

static int do_send(struct bbq_segment *segment, const struct run *run)
{
	struct bbq_sender s;
	int error = bbq_sender_open(segment, &s);

	if (error)
		return error;
	s.end.spin = run->spin;
	error = run->align ? send_frames(&s, run->align, run->total)
			   : send_bytes(&s, run->total);
	bbq_sender_close(&s);
	return error;
}

static int do_recv(struct bbq_segment *segment, const struct run *run)
{
	struct bbq_receiver r;
	int error = bbq_receiver_open(segment, &r);

	if (error)
		return error;
	r.end.spin = run->spin;
	error = run->align ? recv_frames(&r, run->align, run->total)
			   : recv_bytes(&r, run->total);
	bbq_receiver_close(&r);
	return error;
}

/* Wait for what the other process makes. */
static int open_late(bool by_name, struct bbq_segment **ret)
{
	int error;

	for (int i = 0; i < 60000; i++) {
		error = by_name ? bbq_segment_open(name, ret)
				: bbq_segment_attach(3, ret);
		if (error != -ENOENT && error != -EPROTO)
			return error;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

/* The spawned process: send or receive as the arguments say. */
static int other(char *argv[])
{
	const struct run run = {
		.kind = (enum kind)atoi(argv[2]),
		.align = strtoul(argv[3], NULL, 10),
		.capacity = strtoul(argv[4], NULL, 10),
		.total = strtoull(argv[5], NULL, 10),
		.spin = (unsigned int)atoi(argv[6]),
	};
	const struct bbq_config config = config_of(&run);
	bool sends = strcmp(argv[1], "send") == 0;
	struct bbq_segment *segment;
	int error;

	snprintf(name, sizeof(name), "%s", argv[7]);
	if (sends && run.kind == MADE_FD)
		error = bbq_segment_create_fd(3, &config, &segment);
	else if (sends && run.kind == NAMED_LATE)
		error = bbq_segment_create_named(name, &config, &segment);
	else
		error = open_late(run.kind == NAMED || run.kind == NAMED_LATE,
				  &segment);
	if (!error) {
		error = sends ? do_send(segment, &run) : do_recv(segment, &run);
		bbq_segment_close(segment);
	}
	if (error)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-error));
	return error != 0;
}

static int spawn_other(const struct run *run, bool sends, int fd,
		       struct peer *peer)
{
	char args[5][24];
	char *other_program = getenv("OTHER");
	char *argv[] = { other_program ? other_program
				       : program_invocation_name,
			 (char *)(sends ? "send" : "recv"),
			 args[0],
			 args[1],
			 args[2],
			 args[3],
			 args[4],
			 name,
			 NULL };

	snprintf(args[0], sizeof(args[0]), "%d", (int)run->kind);
	snprintf(args[1], sizeof(args[1]), "%zu", run->align);
	snprintf(args[2], sizeof(args[2]), "%zu", run->capacity);
	snprintf(args[3], sizeof(args[3]), "%llu",
		 (unsigned long long)run->total);
	snprintf(args[4], sizeof(args[4]), "%u", run->spin);
	return -peer_spawn(peer, fd, argv);
}

/* This process receives; for a made or late one the other one makes it. */
static int receive_from_other(const struct run *run, int fd, struct peer *peer)
{
	struct bbq_segment *segment;
	int error = spawn_other(run, true, fd, peer);

	if (!error && run->kind == MADE_FD) {
		while ((error = bbq_segment_attach(fd, &segment)) == -EPROTO)
			usleep(100);
	} else if (!error) {
		error = open_late(true, &segment);
	}
	if (!error) {
		error = do_recv(segment, run);
		if (!error && run->kind == NAMED_LATE)
			error = bbq_segment_retire(segment);
		bbq_segment_close(segment);
	}
	return error;
}

static int send_to_other(const struct run *run, struct peer *peer)
{
	const struct bbq_config config = config_of(run);
	struct bbq_segment *segment;
	int error;

	error = run->kind == MEMFD
			? bbq_segment_create(&config, &segment)
			: bbq_segment_create_named(name, &config, &segment);
	if (error)
		return error;
	error = spawn_other(run, false, bbq_segment_fd(segment), peer);
	if (!error)
		error = do_send(segment, run);
	if (!error && run->kind == NAMED)
		error = bbq_segment_retire(segment);
	bbq_segment_close(segment);
	return error;
}

static int do_run(const struct run *run)
{
	struct peer peer = { .pid = -1 };
	int fd = -1;
	int error;

	if (run->kind == MADE_FD)
		fd = memfd_create("two", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (run->kind == MADE_FD || run->kind == NAMED_LATE)
		error = receive_from_other(run, fd, &peer);
	else
		error = send_to_other(run, &peer);
	if (fd >= 0)
		close(fd);
	if (peer.pid > 0 && error)
		peer_kill(&peer);
	else if (peer.pid > 0 && peer_reap(&peer) != 0)
		error = -ECHILD;
	if (error)
		fprintf(stderr, "%s, align %zu, capacity %zu, spin %u: %s\n",
			kind_names[run->kind], run->align, run->capacity,
			run->spin, strerror(-error));
	return error;
}

/* So much through a queue of that capacity: small ones sleep a lot. */
static uint64_t total_of(size_t capacity, size_t align, uint64_t mib)
{
	uint64_t bytes = mib << 20;
	uint64_t hand_overs = mib << 13;
	uint64_t mean = capacity / 8 + 1;

	if (bytes > hand_overs * mean)
		bytes = hand_overs * mean;
	return align ? bytes / mean : bytes;
}

static int run_all(uint64_t mib)
{
	static const size_t capacities[] = { 1, 64, 120, 4097, 65536, 1 << 20 };
	static const size_t aligns[] = { 0, 1, 8, 64 };
	int runs = 0;

	snprintf(name, sizeof(name), "/bbq-two-process-%d", (int)getpid());
	for (size_t a = 0; a < 4; a++) {
		for (size_t c = 0; c < 6; c++, runs++) {
			struct run run = {
				.kind = (enum kind)(runs % 4),
				.align = aligns[a],
				.capacity = capacities[c],
				.spin = runs % 3 ? BBQ_SPIN_DEFAULT : 0,
			};

			if (run.align > run.capacity ||
			    (run.align && run.capacity == 1))
				continue;
			run.total = total_of(run.capacity, run.align, mib);
			for (int i = 0; i < 2; i++) {
				if (do_run(&run))
					return 1;
				run.kind = (run.kind + 1) % 4;
			}
		}
	}
	return 0;
}

int main(int argc, char *argv[])
{
	if (argc == 8)
		return other(argv);
	return run_all(argc > 1 ? strtoull(argv[1], NULL, 10) : 4);
}
