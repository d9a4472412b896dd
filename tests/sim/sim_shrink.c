/* SPDX-License-Identifier: MIT */
/*
 * sim - a failing script, made small: acts are left out in ever smaller
 * groups, as long as the run still fails (delta debugging).
 *
 * An act that is left out takes its share of chance with it, and all that
 * comes later has other luck.  So what no longer fails is tried again with
 * some more luck (sim->variant), until a few fail to fail.
 */
#include <string.h>

#include "sim.h"

/* Runs of one smaller script, each with luck of its own. */
#define TRIES 12

/* The kind of a failure is its first word: "P1:", "P5:"... */
static bool same_kind(const char *a, const char *b)
{
	size_t len = strcspn(a, " ");

	return *b && len == strcspn(b, " ") && strncmp(a, b, len) == 0;
}

/* Tries to leave out `len` acts from `at` on that are still in. */
static bool try_without(struct sim *sim, uint64_t seed, bool *out,
			const size_t range[2])
{
	char failure[sizeof sim->failure];
	uint64_t variant = sim->variant;
	bool more[SIM_ACTS_MAX];
	bool any = false;

	memcpy(more, out, sizeof more);
	for (size_t i = range[0]; i < range[0] + range[1]; i++) {
		if (i >= SIM_ACTS_MAX || more[i])
			continue;
		more[i] = true;
		any = true;
	}
	if (!any)
		return false;
	memcpy(failure, sim->failure, sizeof failure);
	for (uint64_t i = 0; i < TRIES; i++) {
		sim->variant = variant + i;
		sim_run(sim, seed, more, false);
		if (!same_kind(failure, sim->failure))
			continue;
		memcpy(out, more, sizeof more);
		return true;
	}
	sim->variant = variant;
	memcpy(sim->failure, failure, sizeof failure);
	return false;
}

int sim_shrink(struct sim *sim, uint64_t seed, bool *out)
{
	bool moved = true;
	int left = 0;
	size_t acts;

	memset(out, 0, SIM_ACTS_MAX * sizeof *out);
	sim_run(sim, seed, out, false);
	acts = (size_t)sim->acts_len;
	while (moved && *sim->failure) {
		moved = false;
		for (size_t len = acts / 2; len > 0; len /= 2) {
			for (size_t at = 0; at < acts; at += len)
				moved |= try_without(sim, seed, out,
						     (size_t[2]){ at, len });
		}
	}
	for (size_t i = 0; i < acts; i++)
		left += !out[i];
	return left;
}
