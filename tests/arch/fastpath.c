/* SPDX-License-Identifier: MIT */
/* Each verb once, as a function of its own: for code.sh to look at, and for
 * tests/firmware to see how large it is. */
#include <bbq/core.h>

int fast_grant(struct bbq_producer *p, size_t len, struct bbq_span *ret);
int fast_commit(struct bbq_producer *p, size_t used);
int fast_read(struct bbq_consumer *c, struct bbq_view *ret);
int fast_release(struct bbq_consumer *c, size_t used);

int fast_grant(struct bbq_producer *p, size_t len, struct bbq_span *ret)
{
	return bbq_grant(p, len, ret);
}

int fast_commit(struct bbq_producer *p, size_t used)
{
	return bbq_commit(p, used);
}

int fast_read(struct bbq_consumer *c, struct bbq_view *ret)
{
	return bbq_read(c, ret);
}

int fast_release(struct bbq_consumer *c, size_t used)
{
	return bbq_release(c, used);
}
