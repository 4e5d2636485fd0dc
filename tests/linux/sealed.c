/* SPDX-License-Identifier: MIT */
/*
 * What a peer can do with the half that it was sent: read it. Everything else
 * is tried here, by root, with the descriptor as it came and opened anew.
 */
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "wire.h"

TestSuite(sealed, .timeout = PATIENCE);

#define CAPACITY 20000

/* A queue of the library's, and what its peer has got. */
struct victim {
	struct bbq_channel *channel;
	struct bbq_segment *segment;
	struct bbq_sender sender;
	struct half half; /* of the peer */
	int socket;
	int fd; /* the victim's half */
	size_t size;
	unsigned char *before; /* its bytes */
};

static void victim_open(struct victim *victim, enum bbq_role role)
{
	const struct bbq_config config = { .capacity = CAPACITY };
	int other = PRODUCER + CONSUMER - (int)role;
	const struct wire_message want = wire_message(WANT, (uint32_t)other, 0);
	const struct wire_message accept =
		wire_message(ACCEPT, (uint32_t)other, CAPACITY);
	struct wire_message offer;

	*victim = (struct victim){
		.half = { .role = other, .size = half_size(other, CAPACITY) },
		.size = half_size((int)role, CAPACITY),
	};
	half_make(&victim->half);
	victim->channel = wire_open(&victim->socket);
	wire_say(victim->socket, &want, -1);
	wire_say(victim->socket, &accept, victim->half.fd);
	is(0, bbq_channel_offer(victim->channel, role, &config, LONG,
				&victim->segment));
	victim->fd = wire_hear(victim->socket, &offer);
	cr_assert_eq(offer.kind, OFFER);
	if (role == BBQ_ROLE_PRODUCER) {
		is(0, bbq_sender_open(victim->segment, &victim->sender));
		send_text(&victim->sender, "what must not change");
	}
	victim->before = malloc(victim->size);
	cr_assert_not_null(victim->before);
	cr_assert_eq(pread(victim->fd, victim->before, victim->size, 0),
		     (ssize_t)victim->size);
}

static void victim_close(struct victim *victim)
{
	if (victim->sender.end.segment)
		bbq_sender_close(&victim->sender);
	bbq_segment_close(victim->segment);
	bbq_channel_close(victim->channel);
	half_close(&victim->half);
	close(victim->socket);
	close(victim->fd);
	free(victim->before);
}

/* Not a byte of it, nor its length. */
static void unchanged(const struct victim *victim, const char *what)
{
	unsigned char *now = malloc(victim->size);
	struct stat st;

	(void)what; /* not every assertion prints */
	cr_assert_not_null(now);
	cr_assert_eq(fstat(victim->fd, &st), 0);
	cr_assert_eq(st.st_size, (off_t)victim->size, "%s", what);
	cr_assert_geq((size_t)st.st_blocks * 512, victim->size, "%s", what);
	cr_assert_eq(pread(victim->fd, now, victim->size, 0),
		     (ssize_t)victim->size);
	cr_assert_eq(memcmp(now, victim->before, victim->size), 0, "%s", what);
	free(now);
}

/* It fails, whatever for, and nothing has happened. */
#define FAILS(victim, attack)                             \
	do {                                              \
		errno = 0;                                \
		cr_assert_lt((long)(attack), 0, #attack); \
		unchanged(victim, #attack);               \
	} while (0)

static long map_result(void *map)
{
	return map == MAP_FAILED ? -1 : 0;
}

static void attack_maps(const struct victim *victim, int fd)
{
	static const int protections[] = { PROT_WRITE, PROT_READ | PROT_WRITE,
					   PROT_READ | PROT_WRITE | PROT_EXEC };
	void *map = mmap(NULL, victim->size, PROT_READ, MAP_SHARED, fd, 0);

	cr_assert_neq(map, MAP_FAILED);
	for (size_t i = 0; i < 3; i++) {
		FAILS(victim, mprotect(map, victim->size, protections[i]));
		FAILS(victim,
		      map_result(mmap(NULL, victim->size, protections[i],
				      MAP_SHARED, fd, 0)));
		FAILS(victim,
		      map_result(mmap(NULL, victim->size, protections[i],
				      MAP_SHARED_VALIDATE, fd, 0)));
	}
	FAILS(victim, madvise(map, victim->size, MADV_REMOVE));
	FAILS(victim, madvise(map, victim->size, MADV_POPULATE_WRITE));
	/* The kernel as the writer: into the mapping of who asks. */
	FAILS(victim, pread(victim->half.fd, map, 1, 0));
	/* What only this process sees. */
	madvise(map, victim->size, MADV_DONTNEED);
	madvise(map, victim->size, MADV_PAGEOUT);
	unchanged(victim, "MADV_DONTNEED");
	munmap(map, victim->size);
	map = mmap(NULL, victim->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		   0);
	cr_assert_neq(map, MAP_FAILED);
	memset(map, 'x', victim->size);
	unchanged(victim, "MAP_PRIVATE");
	munmap(map, victim->size);
}

static void attack_length(const struct victim *victim, int fd)
{
	static const int modes[] = {
		0,
		FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE,
	};
	off_t page = (off_t)sysconf(_SC_PAGESIZE);
	off_t size = (off_t)victim->size;

	FAILS(victim, ftruncate(fd, 0));
	FAILS(victim, ftruncate(fd, size - 1));
	FAILS(victim, ftruncate(fd, size + 1));
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		FAILS(victim, fallocate(fd, modes[i], 0,
					modes[i] > 1 ? page : size + page));
	FAILS(victim, half_reopen(fd, O_RDWR | O_TRUNC));
	FAILS(victim, half_reopen(fd, O_RDONLY | O_TRUNC));
}

static void attack_bytes(const struct victim *victim, int fd)
{
	struct iovec part = { (void *)"attack", 6 };
	off_t from = 0, to = 0;
	int pipes[2], file;

	FAILS(victim, write(fd, "attack", 6));
	FAILS(victim, pwrite(fd, "attack", 6, 0));
	FAILS(victim, pwrite(fd, "attack", 6, (off_t)victim->size));
	FAILS(victim, writev(fd, &part, 1));
	FAILS(victim, pwritev2(fd, &part, 1, 0, RWF_APPEND));
	file = memfd_create("attack", MFD_CLOEXEC);
	cr_assert_eq(write(file, "attack", 6), 6);
	FAILS(victim, sendfile(fd, file, &from, 6));
	FAILS(victim, copy_file_range(file, &from, fd, &to, 6, 0));
	close(file);
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	cr_assert_eq(write(pipes[1], "attack", 6), 6);
	FAILS(victim, splice(pipes[0], NULL, fd, &to, 6, SPLICE_F_NONBLOCK));
	close(pipes[0]);
	close(pipes[1]);
}

/* Further seals would keep the victim from its own; its lock is its life. */
static void attack_seals_and_locks(const struct victim *victim, int fd)
{
	static const int seals[] = { F_SEAL_WRITE, F_SEAL_SEAL,
				     F_SEAL_FUTURE_WRITE };
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_len = 3,
	};

	for (size_t i = 0; i < 3; i++)
		FAILS(victim, fcntl(fd, F_ADD_SEALS, seals[i]));
	FAILS(victim, fcntl(fd, F_OFD_SETLK, &lock));
	lock.l_type = F_RDLCK;
	FAILS(victim, fcntl(fd, F_OFD_SETLK, &lock));
	lock.l_type = F_WRLCK;
	FAILS(victim, fcntl(fd, F_SETLK, &lock));
	/* To let go of what one does not hold does nothing. */
	lock.l_type = F_UNLCK;
	fcntl(fd, F_OFD_SETLK, &lock);
	fcntl(fd, F_SETLK, &lock);
	lock.l_type = F_WRLCK;
	cr_assert_eq(fcntl(victim->fd, F_OFD_GETLK, &lock), 0);
	cr_assert_eq(lock.l_type, F_WRLCK);
}

static void attack(const struct victim *victim, int fd)
{
	attack_maps(victim, fd);
	attack_length(victim, fd);
	attack_bytes(victim, fd);
	attack_seals_and_locks(victim, fd);
}

/* As it was sent, then opened anew in each way that works. */
static void attack_all(enum bbq_role role)
{
	static const int flags[] = { O_RDONLY, O_RDWR, O_RDWR | O_APPEND,
				     O_RDONLY | O_NOATIME };
	struct victim victim;
	struct stat st;

	victim_open(&victim, role);
	cr_assert_eq(fcntl(victim.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_eq(fcntl(victim.fd, F_GET_SEALS), HALF_SEALS);
	cr_assert_eq(fstat(victim.fd, &st), 0);
	cr_assert_eq(st.st_mode, S_IFREG | 0400);
	attack(&victim, victim.fd);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		int fd = half_reopen(victim.fd, flags[i]);

		if (fd < 0)
			continue;
		attack(&victim, fd);
		close(fd);
	}
	/* With all the rights that its owner can give itself. */
	cr_assert_eq(fchmod(victim.fd, 0777), 0);
	attack(&victim, victim.fd);
	if (victim.sender.end.segment) {
		is(0, bbq_end_peer(&victim.sender.end));
		send_text(&victim.sender, "still at work");
	}
	victim_close(&victim);
}

Test(sealed, nobody_changes_a_producers_half)
{
	attack_all(BBQ_ROLE_PRODUCER);
}

Test(sealed, nobody_changes_a_consumers_half)
{
	attack_all(BBQ_ROLE_CONSUMER);
}

/* Its reserved memory stays, also if its own writer wants to give it back. */
Test(sealed, owner_cannot_take_its_memory_back)
{
	struct sealed sealed;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *data;

	sealed_open(&sealed, 3 * page);
	data = bbq_segment_data(sealed.sending);
	cr_assert_lt(madvise(data, page, MADV_REMOVE), 0);
	cr_assert_lt(madvise(data - 2 * page, page, MADV_REMOVE), 0);
	sealed_close(&sealed);
}

/* Of a queue, each side has the one half to write and the other to read. */
Test(sealed, rights_of_each_page)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sealed sealed;
	char *send, *recv;

	sealed_open(&sealed, 3 * page);
	send = (char *)producer_page(sealed.sending) - page;
	recv = (char *)producer_page(sealed.receiving) - page;
	cr_assert_lt(mprotect(send + 2 * page, page, PROT_WRITE), 0);
	cr_assert_lt(mprotect(recv + page, page, PROT_WRITE), 0);
	for (size_t i = 3; i < 6; i++)
		cr_assert_lt(mprotect(recv + i * page, page,
				      PROT_READ | PROT_WRITE),
			     0);
	/* No header: there is nothing at all. */
	cr_assert_eq(mprotect(send, page, PROT_NONE), 0);
	cr_assert_eq(mprotect(send + page, page, PROT_READ | PROT_WRITE), 0);
	cr_assert_eq(mprotect(recv + 2 * page, page, PROT_READ | PROT_WRITE),
		     0);
	sealed_close(&sealed);
}

/* What is passed is not a segment that the others could attach to. */
/* The own half to write, the peer's to read; nothing of either changes. */
Test(sealed, prefaulted)
{
	const enum bbq_role roles[] = { BBQ_ROLE_PRODUCER, BBQ_ROLE_CONSUMER };

	for (int i = 0; i < 2; i++) {
		struct victim victim;

		victim_open(&victim, roles[i]);
		is(0, bbq_segment_prefault(victim.segment));
		unchanged(&victim, "prefault");
		victim_close(&victim);
	}
}

Test(sealed, half_is_no_segment)
{
	struct bbq_segment *segment = NULL;
	struct victim victim;

	victim_open(&victim, BBQ_ROLE_PRODUCER);
	is(-EPROTO, bbq_segment_attach(victim.fd, &segment));
	is(-EPROTO,
	   bbq_segment_attach(bbq_segment_fd(victim.segment), &segment));
	is(-ENOENT, bbq_segment_retire(victim.segment));
	is(-ENOENT, bbq_segment_discard(victim.segment));
	cr_assert_null(segment);
	victim_close(&victim);
}

/* ---- words in the peer's half ------------------------------------------ */

static int grant_after(uint64_t read)
{
	struct victim victim;
	struct bbq_span span;
	int error;

	victim_open(&victim, BBQ_ROLE_PRODUCER);
	*(volatile uint64_t *)victim.half.map = read;
	error = bbq_sender_grant(&victim.sender, CAPACITY, MS, &span);
	victim_close(&victim);
	return error;
}

/* 20 bytes have been sent: what a consumer may say of them, and what not. */
Test(sealed, cursors_of_the_peer)
{
	is(-ETIMEDOUT, grant_after(0));
	is(-ETIMEDOUT, grant_after(1));
	is(-ETIMEDOUT, grant_after(20));
	is(-EBADMSG, grant_after(21));
	is(-EBADMSG, grant_after(CAPACITY + 1));
	is(-EBADMSG, grant_after(UINT32_MAX));
	is(-EBADMSG, grant_after(UINT64_C(1) << 32));
	is(-EBADMSG, grant_after(UINT64_C(2) << 32));
	is(-EBADMSG, grant_after(UINT64_MAX));
}

/* Bell, ticket, barrier, state, lives: a wrong opinion, and no more. */
Test(sealed, other_words_of_the_peer)
{
	static const size_t offsets[] = { 128, 256, 260, 384, 388 };
	static const uint32_t values[] = { 1, 2, 77, UINT32_MAX };
	const size_t n = sizeof(offsets) / sizeof(*offsets);

	for (size_t i = 0; i < n * 4; i++) {
		volatile uint32_t *word;
		struct victim victim;
		struct bbq_span span;
		int expected = -ETIMEDOUT;

		victim_open(&victim, BBQ_ROLE_PRODUCER);
		word = (void *)((char *)victim.half.map + offsets[i / 4]);
		*word = values[i % 4];
		if (offsets[i / 4] == 384 && values[i % 4] == BBQ_STATE_CLOSED)
			expected = -EPIPE;
		is(expected,
		   bbq_sender_grant(&victim.sender, CAPACITY, MS, &span));
		victim_close(&victim);
	}
}

/* ---- what there is no memory for --------------------------------------- */

Test(sealed, no_memory_for_it)
{
	const struct bbq_config config = { .capacity = 1 << 20 };
	const struct rlimit small = { 1 << 16, 1 << 16 };
	struct bbq_segment *segment = NULL;
	struct bbq_channel *channel;
	size_t fds = open_fds();
	int socket;

	channel = wire_open(&socket);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	is(-EFBIG, bbq_channel_offer(channel, BBQ_ROLE_PRODUCER, &config, MS,
				     &segment));
	cr_assert_null(segment);
	bbq_channel_close(channel);
	close(socket);
	cr_assert_eq(open_fds(), fds);
	cr_assert_eq(shared_maps(), 0);
}

/* ---- the bytes of docs/format.md --------------------------------------- */

static void hear_exactly(int socket, const unsigned char *bytes)
{
	unsigned char got[64];

	cr_assert_eq(recv(socket, got, sizeof(got), MSG_WAITALL), 64);
	for (size_t i = 0; i < sizeof(got); i++)
		cr_assert_eq(got[i], bytes[i], "byte %zu: %02x", i, got[i]);
}

/* In the byte order of the machine. */
static void store(unsigned char *at, uint64_t value, size_t len)
{
	const uint16_t two = (uint16_t)value;
	const uint32_t four = (uint32_t)value;

	memcpy(at,
	       len == 2	  ? (const void *)&two
	       : len == 4 ? (const void *)&four
			  : (const void *)&value,
	       len);
}

Test(sealed, messages_byte_by_byte)
{
	const struct bbq_config config = {
		.capacity = 0x01020304,
		.mode = BBQ_MODE_FRAMES,
		.frame_align = 64,
	};
	unsigned char bytes[64] = "bbqchan\n";
	struct bbq_segment *segment = NULL;
	struct bbq_channel *channel;
	int socket;

	store(bytes + 8, 0x01020304, 4);
	store(bytes + 12, 1, 2);
	store(bytes + 16, WANT, 4);
	store(bytes + 20, CONSUMER, 4);
	channel = wire_open(&socket);
	is(-EAGAIN,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 0, 0, &segment));
	hear_exactly(socket, bytes);
	bbq_channel_close(channel);
	close(socket);

	store(bytes + 16, OFFER, 4);
	store(bytes + 20, PRODUCER, 4);
	store(bytes + 24, 0x01020304, 8);
	store(bytes + 32, 1, 4);
	store(bytes + 36, 64, 4);
	store(bytes + 40, (uint64_t)sysconf(_SC_PAGESIZE), 4);
	channel = wire_open(&socket);
	is(-EAGAIN,
	   bbq_channel_offer(channel, BBQ_ROLE_PRODUCER, &config, 0, &segment));
	hear_exactly(socket, bytes);
	bbq_channel_close(channel);
	close(socket);
}

/* Who offers gets an ACCEPT, or why not. */
Test(sealed, answers_byte_by_byte)
{
	const struct wire_message offer = wire_message(OFFER, PRODUCER, 300);
	const struct wire_message want = wire_message(WANT, CONSUMER, 0);
	struct half half = {
		.role = PRODUCER,
		.size = half_size(PRODUCER, 300),
	};
	struct bbq_segment *segment = NULL;
	struct wire_message answer;
	struct bbq_channel *channel;
	int socket, fd;

	half_make(&half);
	channel = wire_open(&socket);
	wire_say(socket, &offer, half.fd);
	is(0,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 300, LONG, &segment));
	cr_assert_eq(wire_hear(socket, &answer), -1);
	cr_assert_eq(memcmp(&answer, &want, sizeof(want)), 0);
	fd = wire_hear(socket, &answer);
	cr_assert_geq(fd, 0);
	cr_assert_eq(answer.kind, ACCEPT);
	cr_assert_eq(answer.role, CONSUMER);
	cr_assert_eq(answer.capacity, 300);
	close(fd);
	bbq_segment_close(segment);
	wire_say(socket, &offer, half.fd);
	is(-EMSGSIZE,
	   bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 299, LONG, &segment));
	cr_assert_eq(wire_hear(socket, &answer), -1);
	cr_assert_eq(answer.kind, WANT);
	cr_assert_eq(wire_hear(socket, &answer), -1);
	cr_assert_eq(answer.kind, REFUSE);
	cr_assert_eq(answer.error, EMSGSIZE);
	bbq_channel_close(channel);
	close(socket);
	half_close(&half);
}
