/* SPDX-License-Identifier: MIT */
/* The verbs of frames as functions, for run.sh to see how large they are. */
#include <bbq/frame.h>

int frame_grant(struct bbq_producer *p, size_t max, struct bbq_span *ret)
{
	return bbq_frame_grant(p, max, ret);
}

int frame_commit(struct bbq_producer *p, size_t used)
{
	return bbq_frame_commit(p, used);
}

int frame_read(struct bbq_consumer *c, struct bbq_view *ret)
{
	return bbq_frame_read(c, ret);
}

int frame_release(struct bbq_consumer *c)
{
	return bbq_frame_release(c);
}
