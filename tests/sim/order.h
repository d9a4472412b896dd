/* SPDX-License-Identifier: MIT */
/*
 * order - P2: if one grant of a name ended before another began and at least
 * one of the two is exclusive, its token is smaller (R3).
 *
 * The strict form, for all grants alike, is what nobody can promise: a shared
 * bid made early may grant late (C4).
 */
#ifndef TESTS_SIM_ORDER_H
#define TESTS_SIM_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* The largest tokens of grants that have ended. */
struct order {
	uint64_t exclusive, shared;
};

static inline void order_ended(struct order *order, uint64_t token, bool shared)
{
	uint64_t *mark = shared ? &order->shared : &order->exclusive;

	if (token > *mark)
		*mark = token;
}

/* May a grant with that token begin now? */
static inline bool order_fits(const struct order *order, uint64_t token,
			      bool shared, bool strict)
{
	if (token <= order->exclusive)
		return false;
	return (shared && !strict) || token > order->shared;
}

#endif
