/* SPDX-License-Identifier: MIT */
#include "daemon/token.h"

_Static_assert(20 + TOKEN_COUNTER_BITS + TOKEN_TURN_BITS == 63,
	       "a token fills a positive 64-bit integer");

bool token_base(int64_t czxid, uint64_t *base_out)
{
	/* The two halves keep their order and stay side by side. */
	if (czxid <= 0 || czxid >> TOKEN_COUNTER_BITS >= TOKEN_EPOCH_END)
		return false;
	*base_out = (uint64_t)czxid << TOKEN_TURN_BITS;
	return true;
}
