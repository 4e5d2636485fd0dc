/* SPDX-License-Identifier: MIT */
/* flicker NAME: make and remove a named segment until stdin says enough. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bbq/bbq.h>

int main(int argc, char *argv[])
{
	const struct bbq_config config = {
		.capacity = 5000,
		.mode = BBQ_MODE_FRAMES,
		.frame_align = 64,
	};
	struct pollfd enough = { .fd = 0, .events = POLLIN };

	if (argc != 2 || write(1, "", 1) != 1)
		return 2;
	while (poll(&enough, 1, 0) == 0) {
		struct bbq_segment *segment;
		int error =
			bbq_segment_create_named(argv[1], &config, &segment);

		if (error) {
			fprintf(stderr, "flicker: %s\n", strerror(-error));
			return 1;
		}
		bbq_segment_close(segment);
		if (bbq_segment_unlink(argv[1]))
			return 1;
	}
	return 0;
}
