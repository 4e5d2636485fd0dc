/* SPDX-License-Identifier: MIT */
/*
 * fuzz channel: what a stranger says on a channel, and what he passes with it
 *
 * The input is what lies in the socket when we offer a queue or take one: bytes,
 * messages that are nearly right, and descriptors of many kinds, also too many;
 * then the stranger hangs up, so that nobody waits. Whatever it is, there is a
 * documented error or a segment, and no descriptor more than before.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libbbq/channel.h"
#include "fuzz.h"

#define FDS_MAX 12
#define FIRST_FD 3
#define LAST_FD 200

static size_t open_fds(void)
{
	struct stat st;
	size_t n = 0;

	for (int fd = FIRST_FD; fd < LAST_FD; fd++)
		n += fstat(fd, &st) == 0;
	return n;
}

/* ---- what is passed ---------------------------------------------------- */

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

/*
 * A half as the role would make it, but for what the input changes. Its lock is
 * held by a description that stays open: *ret_lock.
 */
static int some_half(struct input *input, uint32_t role, uint64_t capacity,
		     int *ret_lock)
{
	uint8_t wrong = take_byte(input);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = page;
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = role,
		.l_len = 1,
	};
	char path[32];
	int fd = memfd_create("half", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	check(fd >= 0);
	if (role == BBQ_ROLE_PRODUCER && capacity < 1 << 20)
		size += ((size_t)capacity + page - 1) / page * page;
	if (wrong & 1)
		size += take_below(input, 3) * page - page;
	check(ftruncate(fd, (off_t)size) == 0);
	if (!(wrong & 2) && size > 0)
		fallocate(fd, 0, 0, (off_t)size);
	if (!(wrong & 4))
		fcntl(fd, F_OFD_SETLK, &lock);
	fcntl(fd, F_ADD_SEALS, wrong & 8 ? take_byte(input) & 0x1f : SEALS);
	*ret_lock = fd;
	if (wrong & 16)
		return dup(fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int some_fd(struct input *input, uint32_t role, uint64_t capacity,
		   int *ret_lock)
{
	int fds[2];

	*ret_lock = -1;
	switch (take_byte(input) % 8) {
	case 0:
		check(pipe(fds) == 0);
		*ret_lock = fds[1];
		return fds[0];
	case 1:
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	case 2:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 3:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	default:
		return some_half(input, role, capacity, ret_lock);
	}
}

/* ---- what is said ------------------------------------------------------ */

/* Nearly a right one. */
static struct bbq_message some_message(struct input *input)
{
	struct bbq_message message = bbq_message_of(
		(enum bbq_message_kind)(1 + take_byte(input) % 4),
		1 + take_byte(input) % 2);
	uint8_t wrong = take_byte(input);

	if (message.kind == BBQ_MESSAGE_OFFER ||
	    message.kind == BBQ_MESSAGE_ACCEPT) {
		message.capacity = 1000;
		message.frame_align = 1;
		message.page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	}
	if (wrong & 1)
		message.capacity = take_word(input) >> take_byte(input) % 64;
	if (wrong & 2)
		message.mode = take_byte(input) % 3;
	if (wrong & 4)
		message.frame_align = take_byte(input);
	if (wrong & 8)
		message.error = take_byte(input);
	if (wrong & 16)
		((unsigned char *)&message)[take_below(
			input, sizeof(message))] ^= take_byte(input);
	return message;
}

/* What was sent, and must be closed here when all is over. */
struct sent {
	int fds[8 * FDS_MAX];
	size_t count;
};

static void keep(struct sent *sent, int fd)
{
	if (fd >= 0)
		sent->fds[sent->count++] = fd;
}

static void send_some(struct input *input, int socket, struct sent *sent)
{
	struct bbq_message message = some_message(input);
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { &message, sizeof(message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	uint8_t how = take_byte(input);
	size_t count = how % 4 ? 1 : take_below(input, FDS_MAX);
	int fds[FDS_MAX], lock;

	if (how & 64)
		part.iov_len = 1 + take_below(input, sizeof(message));
	if (message.kind != BBQ_MESSAGE_OFFER &&
	    message.kind != BBQ_MESSAGE_ACCEPT && !(how & 32))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		fds[i] = some_fd(input, message.role, message.capacity, &lock);
		check(fds[i] >= 0);
		keep(sent, fds[i]);
		keep(sent, lock);
	}
	if (count > 0) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
	}
	sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- what must hold ---------------------------------------------------- */

static bool documented(int error)
{
	static const int errors[] = {
		0,	     -ETIMEDOUT, -EAGAIN, -EACCES, -EPROTO, -EPIPE,
		-EADDRINUSE, -EMSGSIZE,	 -ENOSPC, -EFBIG,  -ENOMEM,
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (error == errors[i])
			return true;
	}
	return false;
}

/* A segment that came of it can be worked with, and the peer is gone. */
static void use(struct bbq_segment *segment, enum bbq_role role)
{
	struct bbq_sender s;
	struct bbq_receiver r;
	struct bbq_span span;
	struct bbq_view view;

	if (role == BBQ_ROLE_PRODUCER && bbq_sender_open(segment, &s) == 0) {
		if (bbq_grant(&s.producer, 1, &span) == 0) {
			memset(span.data, 1, span.len);
			bbq_sender_commit(&s, 1);
		}
		bbq_sender_close(&s);
	} else if (bbq_receiver_open(segment, &r) == 0) {
		if (bbq_receiver_read(&r, 0, &view) == 0)
			bbq_receiver_release(&r, 1);
		bbq_receiver_close(&r);
	}
	bbq_segment_close(segment);
}

/* What was accepted cannot be cut off any more. */
static void cut_off(const struct sent *sent)
{
	for (size_t i = 0; i < sent->count; i++)
		(void)!ftruncate(sent->fds[i], 0);
}

static void meet(struct input *input, int socket, const struct sent *sent)
{
	uint8_t how = take_byte(input);
	enum bbq_role role = how & 1 ? BBQ_ROLE_PRODUCER : BBQ_ROLE_CONSUMER;
	const struct bbq_config config = { .capacity = 1000 };
	/* As a producer we would have to reserve all that is asked for. */
	size_t most = role == BBQ_ROLE_PRODUCER || how & 4 ? 100000 : 0;
	struct bbq_channel *channel;
	struct bbq_segment *segment = NULL;
	int error;

	check(bbq_channel_adopt(socket, NULL, &channel) == 0);
	for (int i = 0; i < 2; i++) {
		error = how & 2 ? bbq_channel_offer(channel, role, &config, 0,
						    &segment)
				: bbq_channel_take(channel, role, most, 0,
						   &segment);
		check(documented(error));
		check((error == 0) == (segment != NULL));
		cut_off(sent);
		if (segment)
			use(segment, role);
		segment = NULL;
	}
	bbq_channel_close(channel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct sent sent = { .count = 0 };
	size_t before = open_fds();
	int fds[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	for (int i = 0; i < 4 && more(&input); i++)
		send_some(&input, fds[0], &sent);
	shutdown(fds[0], SHUT_WR);
	meet(&input, fds[1], &sent);
	close(fds[0]);
	close(fds[1]);
	while (sent.count > 0)
		close(sent.fds[--sent.count]);
	check(open_fds() == before);
	return 0;
}
