/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bbq/bbq.h>

static int send_all(struct bbq_sender *sender)
{
	struct bbq_span span;
	int error;

	error = bbq_sender_grant(sender, 64, BBQ_FOREVER, &span);
	if (error)
		return error;
	memcpy(span.data, "hello", 5);
	return bbq_sender_commit(sender, 5);
}

static int receive_all(struct bbq_receiver *receiver)
{
	struct bbq_view view;
	int error;

	do {
		error = bbq_receiver_read(receiver, BBQ_FOREVER, &view);
		if (!error) {
			fwrite(view.data, 1, view.len, stdout);
			error = bbq_receiver_release(receiver, view.len);
		}
	} while (!error || error == -EINTR);
	return error == -EPIPE ? 0 : error; /* closed, and all is read */
}

int main(void)
{
	const struct bbq_config config = { .capacity = 4096 };
	struct bbq_segment *segment;
	struct bbq_sender sender;     /* mostly in one process, */
	struct bbq_receiver receiver; /* and this in another */
	int error;

	error = bbq_segment_create(&config, &segment);
	if (error)
		return 1;
	error = bbq_sender_open(segment, &sender);
	if (!error) {
		error = send_all(&sender);
		bbq_sender_close(&sender);
	}
	if (!error)
		error = bbq_receiver_open(segment, &receiver);
	if (!error) {
		error = receive_all(&receiver);
		bbq_receiver_close(&receiver);
	}
	bbq_segment_close(segment);
	return error ? 1 : 0;
}
