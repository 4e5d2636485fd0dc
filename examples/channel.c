/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bbq/channel.h>

static int send_all(struct bbq_segment *segment)
{
	struct bbq_sender sender;
	struct bbq_span span;
	int error = bbq_sender_open(segment, &sender);

	if (error)
		return error;
	error = bbq_sender_grant(&sender, 5, BBQ_FOREVER, &span);
	if (!error) {
		memcpy(span.data, "hello", 5);
		error = bbq_sender_commit(&sender, 5);
	}
	if (!error)
		error = bbq_sender_finish(&sender, BBQ_FOREVER);
	bbq_sender_close(&sender);
	return error;
}

static int receive_all(struct bbq_segment *segment)
{
	struct bbq_receiver receiver;
	struct bbq_view view;
	int error = bbq_receiver_open(segment, &receiver);

	if (error)
		return error;
	while ((error = bbq_receiver_read(&receiver, BBQ_FOREVER, &view)) ==
	       0) {
		fwrite(view.data, 1, view.len, stdout);
		bbq_receiver_release(&receiver, view.len);
	}
	bbq_receiver_close(&receiver);
	return error == -EPIPE ? 0 : error; /* closed, and all is read */
}

/* It is not trusted. In a program of its own, this would be after exec. */
static int helper(struct bbq_channel *channel)
{
	struct bbq_segment *segment;
	int error = bbq_channel_take(channel, BBQ_ROLE_CONSUMER, 65536,
				     BBQ_FOREVER, &segment);

	if (error)
		return error;
	error = receive_all(segment);
	bbq_segment_close(segment);
	return error;
}

static int service(struct bbq_channel *channel)
{
	const struct bbq_config config = { .capacity = 4096 };
	struct bbq_segment *segment;
	int error = bbq_channel_offer(channel, BBQ_ROLE_PRODUCER, &config,
				      BBQ_FOREVER, &segment);

	if (error)
		return error;
	error = send_all(segment);
	bbq_segment_close(segment);
	return error;
}

int main(void)
{
	struct bbq_channel *channel;
	int fds[2], error, status = 0;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return 1;
	child = fork();
	if (child < 0)
		return 1;
	close(fds[child == 0]);
	error = bbq_channel_adopt(fds[child != 0], NULL, &channel);
	close(fds[child != 0]);
	if (error)
		return 1;
	error = child ? service(channel) : helper(channel);
	bbq_channel_close(channel);
	if (child)
		waitpid(child, &status, 0);
	return error || status ? 1 : 0;
}
