/* SPDX-License-Identifier: MIT */
/*
 * sim - holds with a longest and a shortest time, WAIT, KICK, REVOKE, WATCH:
 * what clients say, and what must be true of the answers.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"
#include "sim_text.h"

/* Bounds of a hold that are met, and missed, within a run. */
#define MAX_HOLD_MS 1500
#define MIN_HOLD_MS 400

void sim_verbs_bounds(struct sim *sim, const struct sim_act *act,
		      struct sim_ask *ask, struct sim_text *words)
{
	if ((act->salt >> 48) % 100 >= sim->weather.bounds)
		return;
	if (act->salt >> 60 & 1) {
		ask->min_hold_ms = 1 + (int64_t)(act->salt >> 20) % MIN_HOLD_MS;
		sim_text_ms(words, " min_hold=", ask->min_hold_ms);
	}
	if (act->salt >> 61 & 1) {
		ask->max_hold_ms = ask->min_hold_ms + 1 +
				   (int64_t)(act->salt >> 10) % MAX_HOLD_MS;
		sim_text_ms(words, " max_hold=", ask->max_hold_ms);
	}
	sim_text_add(words, act->salt >> 62 & 1 ? " wanted=1" : "");
}

/* Somebody's hold on this host, by chance. */
static uint64_t some_id(const struct sim_host *host, uint64_t salt)
{
	for (unsigned i = 0; i < SIM_HOLDS; i++) {
		const struct sim_hold *hold =
		    &host->holds[(salt + i) % SIM_HOLDS];

		if (hold->live)
			return hold->id;
	}
	return 0;
}

bool sim_verbs_words(struct sim *sim, const struct sim_act *act,
		     struct sim_ask *ask, struct sim_text *words)
{
	struct sim_host *host = &sim->hosts[act->host];
	uint64_t id = some_id(host, act->salt);

	if (act->type == SIM_ACT_LOOK) {
		ask->due_ms = sim_host_ms(sim, host) + act->a_ms;
		sim_text_add(words, "WAIT ");
		sim_text_add(words, sim_word(sim, act->name));
		sim_text_ms(words, " wait=", act->a_ms);
	} else if (act->type == SIM_ACT_KICK && id) {
		sim_text_add(words, "KICK @");
		sim_text_u64(words, id);
	} else if (act->type == SIM_ACT_REVOKE) {
		sim_text_add(words, "REVOKE ");
		sim_text_add(words, sim_word(sim, act->name));
	} else if (act->type == SIM_ACT_WATCH) {
		sim_text_add(words, act->salt % 3 ? "WATCH" : "UNWATCH");
	} else {
		return false;
	}
	return true;
}

/* What GRANTED says of the bounds that were asked for. */
void sim_verbs_granted(struct sim *sim, const struct sim_host *host,
		       struct sim_hold *hold, const struct sim_ask *ask,
		       const struct zkp_grant *grant)
{
	int64_t granted_ms = ask->said_ms + grant->waited_ms; /* or later */

	hold->max_until_ms = grant->max_until_ms;
	hold->session = host->link.session;
	if (ask->min_hold_ms)
		hold->kept_until_ms = granted_ms + ask->min_hold_ms;
	if (!ask->max_hold_ms != !grant->max_until_ms ||
	    (ask->max_hold_ms &&
	     grant->max_until_ms < granted_ms + ask->max_hold_ms))
		sim_fail(
		    sim, "P4: R17: h%d.%d: max_until_ms=%lld, asked at %lld",
		    host->number, hold->conn, (long long)grant->max_until_ms,
		    (long long)ask->said_ms);
}

/* R21: nobody else is granted what is kept, as long as its session lives. */
void sim_verbs_kept(struct sim *sim, int name, bool shared)
{
	for (int i = 0; i < sim->weather.hosts * SIM_HOLDS; i++) {
		struct sim_host *at = &sim->hosts[i / SIM_HOLDS];
		const struct sim_hold *hold = &at->holds[i % SIM_HOLDS];

		if (hold->name != name || !hold->kept_until_ms ||
		    sim->exempt[name] || (shared && hold->shared) ||
		    !at->alive || at->stopping ||
		    at->link.session != hold->session ||
		    at->page_gen != hold->gen ||
		    sim_host_ms(sim, at) >= at->page_ms ||
		    sim_host_ms(sim, at) >= hold->kept_until_ms)
			continue;
		sim_fail(
		    sim, "P1: R21: %s is granted, but kept on h%d until %lld",
		    sim_name(name), at->number, (long long)hold->kept_until_ms);
	}
}

/* * REVOKE: from now on its client believes no longer than that. */
void sim_verbs_revoked(struct sim_hold *hold, const struct zkp_reply *reply)
{
	int64_t until_ms = 0;

	if (!zkp_reply_i64(reply, "max_until_ms", &until_ms))
		return;
	hold->kicked = true;
	if (!hold->max_until_ms || until_ms < hold->max_until_ms)
		hold->max_until_ms = until_ms;
}

void sim_verbs_kicked(struct sim_host *host, const struct zkp_reply *reply)
{
	uint64_t id = 0;

	(void)zkp_reply_id(reply, "id", &id);
	for (int i = 0; i < SIM_HOLDS; i++) {
		if (host->holds[i].id == id && !host->holds[i].live)
			host->holds[i].kept_until_ms = 0;
	}
}

/* True when the reason is one of ours, and judged. */
bool sim_verbs_lost(struct sim *sim, const struct sim_host *host,
		    const struct sim_hold *hold, const char *reason)
{
	bool kicked = strcmp(reason, "kicked") == 0;

	if (!kicked && strcmp(reason, "max_hold") != 0)
		return false;
	if (!hold->max_until_ms || kicked != hold->kicked ||
	    sim_host_ms(sim, host) < hold->max_until_ms)
		sim_fail(sim,
			 "P3: R17: LOST on h%d (%s), but not over until %lld",
			 host->number, reason, (long long)hold->max_until_ms);
	return true;
}
