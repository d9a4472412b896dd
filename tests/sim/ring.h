/* SPDX-License-Identifier: MIT */
/*
 * ring - requests of one connection that are not answered, in order.
 */
#ifndef TESTS_SIM_RING_H
#define TESTS_SIM_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/coord.h"

#define SIM_REQUESTS_MAX 512

struct sim_request {
	uint64_t id;
	enum coord_verb verb;
	int name;              /* LIST: of the lock; -1: other */
	bool creates, deletes; /* bids */
	bool searches;         /* LIST: for a create that was lost (R11) */
	uint8_t names;         /* a bit for each lock that it writes in */
	int zk_rc;             /* its server says no to it; 0: it does not */
};

/* A ring. */
struct sim_requests {
	struct sim_request of[SIM_REQUESTS_MAX];
	size_t at, len;
};

static inline struct sim_request *sim_ring_put(struct sim_requests *ring)
{
	assert(ring->len < SIM_REQUESTS_MAX);
	return &ring->of[(ring->at + ring->len++) % SIM_REQUESTS_MAX];
}

static inline struct sim_request *sim_ring_first(struct sim_requests *ring)
{
	assert(ring->len);
	return &ring->of[ring->at];
}

static inline void sim_ring_drop(struct sim_requests *ring)
{
	assert(ring->len);
	ring->at = (ring->at + 1) % SIM_REQUESTS_MAX;
	ring->len--;
}

/* 0: there is none. */
static inline uint64_t sim_ring_last_id(const struct sim_requests *ring)
{
	size_t last = (ring->at + ring->len - 1) % SIM_REQUESTS_MAX;

	return ring->len ? ring->of[last].id : 0;
}

/* The request of that id, taken out; the order of the others stays. */
static inline bool sim_ring_take(struct sim_requests *ring, uint64_t id,
				 struct sim_request *out)
{
	for (size_t i = 0; i < ring->len; i++) {
		size_t at = (ring->at + i) % SIM_REQUESTS_MAX;

		if (ring->of[at].id != id)
			continue;
		*out = ring->of[at];
		for (; i > 0; i--) {
			size_t to = (ring->at + i) % SIM_REQUESTS_MAX;
			size_t from = (ring->at + i - 1) % SIM_REQUESTS_MAX;

			ring->of[to] = ring->of[from];
		}
		sim_ring_drop(ring);
		return true;
	}
	return false;
}

#endif
