/* SPDX-License-Identifier: MIT */
/*
 * sim - what must not happen where nothing is wrong, and what is owed to
 * others without being asked: bids that linger go, waits end in time, notices
 * come early enough.
 *
 * A seed without any fault is quiet: nobody may be told of a doubt there.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

/* An orderly session is up, and has proven itself, after so many timeouts. */
#define SETTLED 2
/* How long a watch, a delete or a listing may take where nothing is wrong. */
#define SLACK_US (1000 * SIM_MS)
/* A TIMEOUT, when the loop was free to turn. */
#define LATE_MS 5
/* Others have let go for so long: what they have still lingers (R14). */
#define LINGERS_US (100 * SIM_MS)
/* TRYLOCK waits about this long for one that lingers; a millisecond less,
 * as two clocks count it. */
#define GRACE_US (49 * SIM_MS)
/* The least time between notice and the end of a session. */
#define NOTICE_US (10 * SIM_MS)
/* Of writes that are under way no more are said: a delete waits for them. */
#define WRITES_MAX 4

bool sim_held(const struct sim_host *host, int name)
{
	for (int n = 0; n < SIM_CONNS; n++) {
		if (host->holds[name * SIM_CONNS + n].live)
			return true;
	}
	return false;
}

unsigned sim_conn_asks(const struct sim_conn *conn, int name)
{
	unsigned asks = 0;

	for (int i = 0; i < conn->asks_end; i++)
		asks += conn->asks[i].tag && sim_asks_for(&conn->asks[i], name);
	return asks;
}

unsigned sim_asks(const struct sim_host *host, int name)
{
	unsigned asks = 0;

	for (int n = 0; n < SIM_CONNS; n++)
		asks += sim_conn_asks(&host->conns[n], name);
	return asks;
}

bool sim_wanted(const struct sim_host *host, int name)
{
	return sim_held(host, name) || sim_asks(host, name);
}

void sim_calm_said(struct sim_host *host, int name)
{
	host->budgets[name].stirred = false;
	host->budgets[name].idle_us = 0;
}

void sim_calm_ended(struct sim *sim, struct sim_host *host, int name)
{
	if (!host->budgets[name].idle_us && !sim_wanted(host, name))
		host->budgets[name].idle_us = sim->now_us;
}

/* --- R13: an owned bid that serves nobody --- */

/* Does it say anything of that lock just now, or may it not? */
static bool is_speaking(const struct sim_link *link, int name)
{
	unsigned writes = 0;

	for (size_t i = 0; i < link->asked.len; i++) {
		const struct sim_request *row =
		    &link->asked.of[(link->asked.at + i) % SIM_REQUESTS_MAX];

		if (row->names >> name & 1)
			return true;
		writes += row->creates || row->deletes;
	}
	return writes >= WRITES_MAX;
}

static unsigned own_bids(const struct sim *sim, const struct sim_host *host,
			 int name)
{
	int64_t session = sim_session(&host->link);
	const struct coord_tree_node *node, *child;
	unsigned len = 0;

	node = coord_tree_find(sim->tree, 0, sim_queue(name));
	child = node ? coord_tree_child_first(node) : NULL;
	for (; child; child = coord_tree_child_next(child))
		len += coord_tree_stat(child).owner == session;
	return len;
}

void sim_calm_watch(struct sim *sim, struct sim_host *host, const char *path)
{
	size_t parent = 0;
	int name = sim_path_name(path, &parent);
	struct sim_budget *budget;

	sim_note(sim, "h%d hears of %s", host->number, path);
	if (name < 0 || path[parent] != '\0')
		return;
	/* It must know already that nobody wants it; and it lists first where
	 * it makes or has a next bid (R8), whose birth is such an event. */
	budget = &host->budgets[name];
	if (budget->idle_us && budget->idle_us < host->turned_us &&
	    !is_speaking(&host->link, name) && own_bids(sim, host, name) < 2 &&
	    !sim->exempt[name])
		budget->stirred = true;
}

/* Does a bid stand there that serves nobody, and could go? */
static bool is_idle(const struct sim *sim, const struct sim_host *host,
		    int name)
{
	const struct sim_budget *budget = &host->budgets[name];
	const struct coord_tree_node *node;

	if (!budget->idle_us || !*budget->node || !host->link.told_up ||
	    host->stopping || host->page_ms == 0 ||
	    is_speaking(&host->link, name) || sim_refuse_owes(host))
		return false;
	node = coord_tree_find(sim->tree, 0, budget->node);
	return node && coord_tree_stat(node).owner == sim_session(&host->link);
}

/* On a quiet day it hears of whoever comes, or it does not linger. */
static bool is_passing(const struct sim *sim, const struct sim_host *host,
		       int name)
{
	return sim_calm_settled(sim) && !sim->exempt[name] &&
	       own_bids(sim, host, name) < 2 &&
	       sim_budget_passed_ms(sim, name, host->budgets[name].node, true);
}

/* Stirred it goes at once; what another bid's listing has shown, or what is
 * there, its own will show soon. */
static void check_linger(struct sim *sim, struct sim_host *host, int name)
{
	struct sim_budget *budget = &host->budgets[name];

	if (!is_idle(sim, host, name) || (!budget->stirred && !budget->known &&
					  !is_passing(sim, host, name))) {
		budget->owed_us = 0;
		return;
	}
	if (!budget->owed_us)
		budget->owed_us = sim->now_us;
	if (budget->stirred || sim->now_us > budget->owed_us + LINGERS_US)
		sim_fail(sim, "P6: h%d keeps %s for nobody, and %s",
			 host->number, budget->node,
			 budget->stirred ? "has been stirred"
			 : budget->known ? "knows of a waiter"
					 : "does not know of a waiter");
}

/* --- waits that have run out, deletes by hand --- */

static void check_waits(struct sim *sim, const struct sim_host *host)
{
	int64_t now_ms = sim_host_ms(sim, host);

	for (int n = 0; n < SIM_CONNS; n++) {
		if (!host->conns[n].id)
			continue;
		for (int i = 0; i < host->conns[n].asks_end; i++) {
			const struct sim_ask *ask = &host->conns[n].asks[i];

			if (ask->tag &&
			    (ask->act == SIM_ACT_LOCK_WAIT ||
			     ask->act == SIM_ACT_LOOK ||
			     (ask->act == SIM_ACT_MANY && ask->due_ms)) &&
			    ask->said_us < sim->now_us &&
			    ask->said_us > host->paused_us &&
			    now_ms > ask->due_ms + LATE_MS +
					 sim->weather.loop_us / SIM_MS)
				sim_fail(sim,
					 "P4: #%llu should have been told "
					 "TIMEOUT %lld ms ago",
					 (unsigned long long)ask->tag,
					 (long long)(now_ms - ask->due_ms));
		}
	}
}

void sim_calm_turn(struct sim *sim, struct sim_host *host)
{
	for (int i = 0; i < sim->weather.names; i++) {
		/* R21: what has a min_hold stays, be its client gone. */
		if (!sim_is_pool(sim, i) && !sim->weather.bounds)
			check_linger(sim, host, i);
	}
	for (int i = 0; i < SIM_HOLDS && sim->weather.quiet; i++) {
		const struct sim_hold *hold = &host->holds[i];

		if (hold->live && hold->missing_us &&
		    sim->now_us > hold->missing_us + SLACK_US)
			sim_fail(sim, "P3: %s was deleted, and nobody is told",
				 hold->node);
	}
	check_waits(sim, host);
}

/* --- shares --- */

uint32_t sim_uid(int conn)
{
	return 1 + (uint32_t)conn % 2;
}

static unsigned share(const struct sim *sim)
{
	return SIM_TICKETS_MAX * sim->weather.share / 100;
}

/* most: whatever may be a ticket still. */
static unsigned tickets_of(const struct sim_ask *ask, bool most)
{
	if (!ask->tag || ask->act == SIM_ACT_TALK)
		return 0;
	if (ask->act < SIM_ACT_TRY)
		return 1;
	if (!most)
		return 0;
	return ask->many_len > 1 ? ask->many_len : 1;
}

/* What a connection has, as its client knows it, when ask number `order` is
 * answered: at least, or at most. */
static unsigned conn_tickets(const struct sim_host *host, int conn,
			     uint64_t order, bool most)
{
	unsigned tickets = 0;

	for (int i = 0; i < SIM_HOLDS; i++)
		tickets += host->holds[i].live && host->holds[i].conn == conn;
	for (int i = 0; i < SIM_ASKS_MAX; i++) {
		const struct sim_ask *ask = &host->conns[conn].asks[i];

		if (ask->order <= order)
			tickets += tickets_of(ask, most);
	}
	return tickets;
}

/* Likewise its user, on that host. */
static unsigned user_tickets(const struct sim_host *host, int conn,
			     uint64_t order, bool most)
{
	unsigned tickets = 0;

	for (int n = 0; n < SIM_CONNS; n++) {
		if (sim_uid(n) == sim_uid(conn))
			tickets += conn_tickets(host, n, order, most);
	}
	return tickets;
}

/* A lock is asked for once. */
static void check_twice(struct sim *sim, const struct sim_host *host, int conn,
			const struct sim_ask *ask)
{
	for (int i = 0; i < SIM_ASKS_MAX; i++) {
		const struct sim_ask *other = &host->conns[conn].asks[i];

		if (other->tag && other->act < SIM_ACT_TRY &&
		    other->order < ask->order && other->name == ask->name)
			sim_fail(sim, "P4: h%d.%d waits twice for %s",
				 host->number, conn, sim_name(ask->name));
	}
}

void sim_calm_tickets(struct sim *sim, const struct sim_host *host, int conn,
		      const struct sim_ask *ask)
{
	unsigned tickets = conn_tickets(host, conn, ask->order, false);

	if (!sim_is_pool(sim, ask->name))
		check_twice(sim, host, conn, ask);
	if (tickets > sim->weather.tickets_per_conn_max)
		sim_fail(sim, "P7: h%d.%d has %u tickets", host->number, conn,
			 tickets);
	tickets = user_tickets(host, conn, ask->order, false);
	if (sim->weather.share && tickets > share(sim))
		sim_fail(sim, "P8: the user of h%d.%d has %u tickets of %u",
			 host->number, conn, tickets, share(sim));
}

/* Who keeps what it has let go, or was told of a loss, counts for longer than
 * we know. */
void sim_calm_limited(struct sim *sim, const struct sim_host *host, int conn,
		      const struct sim_ask *ask)
{
	const struct sim_weather *w = &sim->weather;
	unsigned more = ask->many_len > 1 ? ask->many_len : 1;
	unsigned has;

	if (!w->share || host->lost ||
	    w->tickets_per_conn_max <= SIM_NAMES_MAX || w->bounds ||
	    w->operator|| !sim_calm_settled(sim))
		return;
	has = user_tickets(host, conn, ask->order, true);
	if (has + more <= share(sim))
		sim_fail(sim,
			 "P8: h%d.%d is refused #%llu, and its user has %u "
			 "tickets of %u",
			 host->number, conn, (unsigned long long)ask->tag, has,
			 share(sim));
}

/* --- refusals and notices on a quiet day --- */

bool sim_calm_settled(const struct sim *sim)
{
	return sim->weather.quiet && !sim->healing &&
	       sim->now_us > SETTLED * sim->weather.timeout_ms * SIM_MS;
}

/* Does nobody but others' lingering bids stand in the way? */
static bool only_lingers(const struct sim *sim, const struct sim_host *host,
			 int name)
{
	if (sim->exempt[name] || sim_is_pool(sim, name) ||
	    sim->weather.bounds || sim_wanted(host, name) ||
	    (sim->left_us[name] &&
	     sim->now_us < sim->left_us[name] + LINGERS_US))
		return false;
	for (int i = 0; i < SIM_STRANGERS; i++) {
		size_t parent;
		const struct sim_stranger *one = &sim->strangers[i];

		if (*one->path && sim_path_name(one->path, &parent) == name)
			return false;
	}
	for (int i = 0; i < sim->weather.hosts; i++) {
		const struct sim_host *other = &sim->hosts[i];
		int64_t idle_us = other->budgets[name].idle_us;

		if (other != host &&
		    (!other->alive || sim_wanted(other, name) ||
		     (idle_us && sim->now_us < idle_us + LINGERS_US)))
			return false;
	}
	return true;
}

void sim_calm_refused(struct sim *sim, struct sim_host *host,
		      const struct sim_ask *ask, enum zkp_status status)
{
	if (ask->act > SIM_ACT_TRY || !sim_calm_settled(sim))
		return;
	if (status == ZKP_SUSPENDED || status == ZKP_UNAVAILABLE)
		sim_fail(sim, "P3: h%d refuses #%llu on a quiet day",
			 host->number, (unsigned long long)ask->tag);
	if (status == ZKP_BUSY && sim->now_us < ask->said_us + GRACE_US &&
	    only_lingers(sim, host, ask->name))
		sim_fail(sim, "P6: h%d calls %s busy, which only lingers",
			 host->number, sim_name(ask->name));
}

void sim_calm_event(struct sim *sim, const struct sim_host *host,
		    const struct zkp_reply *reply)
{
	const char *reason = zkp_reply_str(reply, "reason");
	bool lost = strcmp(reply->word, "LOST") == 0;

	if (!sim->weather.quiet || host->stopping ||
	    !(lost || strcmp(reply->word, "SUSPENDED") == 0))
		return;
	if (!reason ||
	    (strcmp(reason, "deleted") != 0 && strcmp(reason, "kicked") != 0 &&
	     strcmp(reason, "max_hold") != 0))
		sim_fail(sim, "P3: h%d says %s on a quiet day", host->number,
			 reply->word);
}

/* --- how early the notice was --- */

void sim_calm_page(struct sim *sim, struct sim_host *host, int64_t until_ms)
{
	struct sim_session *s = &sim->sessions[host->link.session];

	if (until_ms > 0 && s->id == sim_session(&host->link))
		s->deadline_us = sim_host_us(sim, host, until_ms);
}

void sim_calm_notice(struct sim *sim, const struct sim_host *host, bool doubt)
{
	struct sim_session *s = &sim->sessions[host->link.session];

	if (!doubt)
		s->noticed_us = 0;
	else if (!s->noticed_us)
		s->noticed_us = sim->now_us + host->frozen_us;
}

static unsigned notice_range(int64_t us)
{
	static const int64_t ms[SIM_NOTICES - 1] = { 10,   100,  300,  1000,
						     3000, 6000, 10000 };
	unsigned at = 0;

	while (at < SIM_NOTICES - 1 && us >= ms[at] * SIM_MS)
		at++;
	return at;
}

void sim_calm_expiry(struct sim *sim, int session)
{
	const struct sim_session *s = &sim->sessions[session];
	int64_t notice_us = s->expiry_us - s->noticed_us;

	if (s->deadline_us && s->expiry_us < s->deadline_us + NOTICE_US)
		sim_fail(sim,
			 "P1: a session may end %lld us after its deadline",
			 (long long)(s->expiry_us - s->deadline_us));
	if (!s->noticed_us)
		return; /* nobody held, or its daemon was dead or frozen */
	if (s->noticed_us > s->deadline_us)
		return; /* it was frozen or paused at the deadline */
	sim->counts.notices[notice_range(notice_us)]++;
	if (notice_us < sim->notice_least_us)
		sim->notice_least_us = notice_us;
	if (notice_us < NOTICE_US)
		sim_fail(sim, "P3: the notice came %lld us before the end",
			 (long long)notice_us);
}
