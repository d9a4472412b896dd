/* SPDX-License-Identifier: MIT */
/*
 * sim - P6's budget (R6): once a host has been told of a waiter behind its
 * bid, it serves turns_max turns and turns_ms at most.
 *
 * What it was told is what passed between coordinator and hub.  Bids of one
 * host that follow each other in the queue are one period.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

/* On a quiet day an owner has heard of a waiter by then: its watch or its
 * listing, asked for a little late, and a turn of its loop. */
#define KNOWN_MS 700

/* Ten digits at the end are all that a queue goes by; -1: none. */
int64_t sim_number(const char *name)
{
	size_t len = strlen(name);
	int64_t number = 0;

	if (len < 10)
		return -1;
	for (const char *at = name + len - 10; *at; at++) {
		if (*at < '0' || *at > '9')
			return -1;
		number = number * 10 + (*at - '0');
	}
	return number;
}

bool sim_before(const char *name, const char *other)
{
	return sim_number(name) >= 0 && sim_number(name) < sim_number(other);
}

bool sim_reads(const char *name)
{
	return strstr(name, "__READ__") || strstr(name, "__rlock__");
}

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* Was it in the last listing? */
static bool shows(const struct sim_budget *budget, const char *child)
{
	for (const char *at = budget->listing; *at; at += strlen(at) + 1) {
		if (strcmp(at, child) == 0)
			return true;
	}
	return false;
}

/* At the leader, now; NULL: it has gone. */
static const struct coord_tree_node *node_of(const struct sim *sim, int name,
					     const char *child)
{
	char path[256];

	(void)layout_path(sim_queue(name), child, path, sizeof path);
	return coord_tree_find(sim->tree, 0, path);
}

/* Did another bid of that daemon stand in it (that has gone)?  Then it may have
 * been that one's listing. */
static bool shows_another(const struct sim *sim,
			  const struct sim_budget *budget, int name,
			  const char *child, bool gone)
{
	struct layout_child own, other;

	if (!layout_child_parse(child, &own))
		return false;
	for (const char *at = budget->listing; *at; at += strlen(at) + 1) {
		if (strcmp(at, child) != 0 && layout_child_parse(at, &other) &&
		    layout_uuid_akin(&own.uuid, &other.uuid) &&
		    !(gone && node_of(sim, name, at)))
			return true;
	}
	return false;
}

/* Is it somebody else's, behind ours, and must it wait for ours?  One that has
 * gone, or is of our own, proves nothing. */
static bool waits_behind(const struct sim *sim, const struct sim_host *host,
			 int name, const char *own_path, const char *child)
{
	const struct coord_tree_node *node;

	if (!sim_before(name_of(own_path), child) ||
	    (sim_reads(own_path) && sim_reads(child)))
		return false;
	node = node_of(sim, name, child);
	return node && coord_tree_stat(node).owner != sim_session(&host->link);
}

/* Does such a one stand in the last listing? */
static bool foreign_behind(const struct sim *sim, const struct sim_host *host,
			   int name, const char *own_path)
{
	const struct sim_budget *budget = &host->budgets[name];

	if (!shows(budget, name_of(own_path)))
		return false;
	for (const char *at = budget->listing; *at; at += strlen(at) + 1) {
		if (waits_behind(sim, host, name, own_path, at))
			return true;
	}
	return false;
}

/* And is it one of those of the listing before?  Who came later has not been
 * passed by yet. */
static bool still_behind(const struct sim *sim, const struct sim_host *host,
			 int name, const struct coord_event *ev)
{
	const struct sim_budget *budget = &host->budgets[name];

	for (size_t i = 0; i < ev->answer.children_len; i++) {
		const char *child = ev->answer.children[i];

		if (shows(budget, child) &&
		    waits_behind(sim, host, name, budget->node, child))
			return true;
	}
	return false;
}

/* Has the bid that the host serves on been given up already? */
static bool is_leaving(const struct sim_link *link, int name)
{
	for (size_t i = 0; i < link->asked.len; i++) {
		const struct sim_request *row =
		    &link->asked.of[(link->asked.at + i) % SIM_REQUESTS_MAX];

		if (row->deletes && row->names >> name & 1)
			return true;
	}
	return false;
}

/* R11: before it looks for a lost create, a host writes to a name that has no
 * number.  That listing looks for one node, and tells of nobody else. */
bool sim_budget_searches(const struct sim_link *link,
			 const struct sim_request *row)
{
	const struct sim_requests *asked = &link->asked;
	const struct sim_request *before =
	    &asked->of[(asked->at + asked->len - 1) % SIM_REQUESTS_MAX];

	return asked->len && row->verb == COORD_LIST &&
	       before->verb == COORD_DELETE && !before->deletes &&
	       before->name == row->name;
}

/* Does a client of this host hold it now? */
/* A listing that was asked for again is not looked at. */
static bool is_listing(const struct sim_link *link, int name)
{
	for (size_t i = 0; i < link->asked.len; i++) {
		const struct sim_request *row =
		    &link->asked.of[(link->asked.at + i) % SIM_REQUESTS_MAX];

		if (row->verb == COORD_LIST && row->name == name)
			return true;
	}
	return false;
}

void sim_budget_listed(struct sim *sim, struct sim_host *host, int name,
		       const struct coord_event *ev)
{
	struct sim_budget *budget = &host->budgets[name];
	size_t len = 0;
	bool behind, still;

	/* Nor is one that was refused and is to be asked for. */
	if (is_listing(&host->link, name) || sim_refuse_owes(host))
		return;
	/* R16: a bid of several names lists for itself alone, and what that
	 * shows the other bids of the host are not told. */
	if (sim_many_wanted(host, name))
		budget->several_us = sim->now_us + SIM_SEVERAL_US;
	if (sim->now_us < budget->several_us)
		return;
	still = *budget->node && still_behind(sim, host, name, ev);
	for (size_t i = 0; i < ev->answer.children_len; i++) {
		const char *child = ev->answer.children[i];
		size_t size = strlen(child) + 1;

		if (len + size + 1 > sizeof budget->listing)
			break;
		memcpy(budget->listing + len, child, size);
		len += size;
	}
	budget->listing[len] = '\0';
	/* One bid is enough then: of two, one is of somebody who has gone. */
	budget->astray = !sim_held(host, name) && sim_asks(host, name) < 2;
	if (!*budget->node)
		return;
	behind = foreign_behind(sim, host, name, budget->node);
	if (behind && !(budget->known && still)) {
		budget->turns = 0;
		budget->since_ms = sim_host_ms(sim, host);
		/* R10: its bid serves nobody any more, the next one does not
		 * serve yet.  However long that takes, it is no time in which
		 * anybody was served past the waiter: the milliseconds begin
		 * with the next grant. */
		budget->between =
		    is_leaving(&host->link, name) || !sim_held(host, name);
	}
	budget->known = behind;
}

/* Did the last listing show somebody between the two bids of ours?  Then the
 * second has its turn from that one, and a period of its own; readers hold
 * beside the first in the queue, so that who that is says nothing of them. */
static bool parted(const struct sim *sim, const struct sim_host *host, int name,
		   const char *from, const char *to)
{
	int64_t session = sim_session(&host->link);
	const struct coord_tree_node *node;

	for (const char *at = host->budgets[name].listing; *at;
	     at += strlen(at) + 1) {
		if (!sim_before(name_of(from), at) ||
		    !sim_before(at, name_of(to)))
			continue;
		node = node_of(sim, name, at);
		if (!node || coord_tree_stat(node).owner != session)
			return true;
	}
	return false;
}

/* Since when, by the ensemble's clock, has somebody of another session stood
 * behind that node who must wait for it, whatever its host was told of that?
 * 0: nobody does. */
int64_t sim_budget_passed_ms(const struct sim *sim, int name, const char *path,
			     bool shared)
{
	const struct coord_tree_node *own, *child;
	int64_t since_ms = 0, ctime_ms;

	own = coord_tree_find(sim->tree, 0, path);
	child = coord_tree_find(sim->tree, 0, sim_queue(name));
	child = child && own ? coord_tree_child_first(child) : NULL;
	for (; child; child = coord_tree_child_next(child)) {
		if (!sim_before(coord_tree_name(own), coord_tree_name(child)) ||
		    coord_tree_stat(child).owner ==
			coord_tree_stat(own).owner ||
		    (shared && sim_reads(coord_tree_name(child))))
			continue;
		ctime_ms = coord_tree_stat(child).ctime_ms;
		if (!since_ms || ctime_ms < since_ms)
			since_ms = ctime_ms;
	}
	return since_ms;
}

/* For how long has the host served its own past somebody? */
static int64_t passed_ms(const struct sim *sim, const struct sim_budget *budget,
			 const struct sim_hold *hold)
{
	int64_t since_ms =
	    sim_budget_passed_ms(sim, hold->name, hold->node, hold->shared);

	if (since_ms && since_ms < budget->passing_ms)
		since_ms = budget->passing_ms;
	return since_ms ? coord_tree_now_ms(sim->tree) - since_ms : 0;
}

/* On a quiet day a host knows of others soon, or does not look. */
static void check_looked(struct sim *sim, const struct sim_host *host,
			 const struct sim_hold *hold)
{
	int64_t passed;

	if (!sim_calm_settled(sim) || sim->exempt[hold->name] || hold->of_many)
		return;
	passed = passed_ms(sim, &host->budgets[hold->name], hold);
	if (passed > sim->weather.turns_ms + KNOWN_MS)
		sim_fail(sim,
			 "P6: h%d serves its own of %s past somebody for %lld "
			 "ms, and does not know",
			 host->number, sim_name(hold->name), (long long)passed);
}

void sim_budget_grant(struct sim *sim, struct sim_host *host,
		      const struct sim_hold *hold)
{
	int name = hold->name;
	struct sim_budget *budget = &host->budgets[name];
	const struct sim_weather *w = &sim->weather;
	uint64_t reign = sim->heads[name].reign;
	int64_t session = sim_session(&host->link);
	int64_t now_ms = sim_host_ms(sim, host);
	bool again = strcmp(budget->node, hold->node) == 0;
	bool same =
	    again || (*budget->node && budget->reign == reign &&
		      budget->session == session &&
		      !parted(sim, host, name, budget->node, hold->node));
	bool behind;

	if (!again)
		budget->passing_ms = 0;
	else if (!budget->passing_ms)
		budget->passing_ms = coord_tree_now_ms(sim->tree);
	if (again) {
		sim->counts.local_turns++;
		check_looked(sim, host, hold);
	} else {
		sim->counts.handovers++;
	}
	/* What another bid's listing shows the one that serves is told, but not
	 * one that begins, nor by one that was being left. */
	behind = foreign_behind(sim, host, name, hold->node) &&
		 ((same && !budget->astray) ||
		  !shows_another(sim, budget, name, name_of(hold->node), same));
	if (!same || !budget->known || !behind) {
		budget->turns = 0;
		budget->since_ms = now_ms;
	}
	if (budget->between && !again)
		budget->since_ms = now_ms;
	budget->between = false;
	memcpy(budget->node, hold->node, sizeof budget->node);
	budget->reign = reign;
	budget->session = session;
	budget->known = behind;
	/* After an operator's deed a listing may have been asked for by a bid
	 * that is no more: nobody is told by that. */
	if (!behind || host->frozen_us || sim->exempt[name])
		return;
	if (++budget->turns > w->turns_max)
		sim_fail(sim, "P6: h%d takes turn %u of %s, %u are allowed",
			 host->number, budget->turns, sim_name(name),
			 w->turns_max);
	if (budget->turns > 1 && now_ms - budget->since_ms >= w->turns_ms)
		sim_fail(sim, "P6: h%d serves %s for %lld ms past a waiter",
			 host->number, sim_name(name),
			 (long long)(now_ms - budget->since_ms));
}

/* Whose is the first in the queue, and has that changed? */
static void look(struct sim *sim, int name)
{
	struct sim_head *head = &sim->heads[name];
	const struct coord_tree_node *parent, *child, *first = NULL;
	int64_t owner, pzxid;

	parent = coord_tree_find(sim->tree, 0, sim_queue(name));
	pzxid = parent ? coord_tree_stat(parent).pzxid : 0;
	if (pzxid == head->pzxid)
		return;
	head->pzxid = pzxid;
	child = parent ? coord_tree_child_first(parent) : NULL;
	for (; child; child = coord_tree_child_next(child)) {
		if (sim_number(coord_tree_name(child)) >= 0 &&
		    (!first || sim_before(coord_tree_name(child),
					  coord_tree_name(first))))
			first = child;
	}
	owner = first ? coord_tree_stat(first).owner : 0;
	if (owner != head->owner)
		head->reign++;
	head->owner = owner;
}

void sim_budget_tree(struct sim *sim)
{
	for (int i = 0; i < sim->weather.names; i++)
		look(sim, i);
}
