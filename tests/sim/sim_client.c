/* SPDX-License-Identifier: MIT */
/*
 * sim - what clients say, and what they are told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/reply.h"
#include "sim.h"

const char *sim_name(int name)
{
	static const char *const names[SIM_NAMES] = { "a", "b" };

	return names[name];
}

static int name_number(const char *word)
{
	for (int i = 0; i < SIM_NAMES; i++) {
		if (strcmp(word, sim_name(i)) == 0)
			return i;
	}
	return -1;
}

static struct sim_ask *ask_find(struct sim_conn *conn, uint64_t tag)
{
	for (int i = 0; i < SIM_ASKS_MAX; i++) {
		if (conn->asks[i].tag == tag)
			return &conn->asks[i];
	}
	return NULL;
}

/* Saying */

static void say(struct sim *sim, struct sim_host *host, int n,
		const char *words, int name)
{
	const struct hub_peer peer = { .pid = 1, .uid = 1, .command = "sim" };
	struct sim_conn *conn = &host->conns[n];
	struct sim_ask *ask;
	char line[256];

	if (!conn->id)
		conn->id = hub_on_open(host->hub, &peer);
	ask = ask_find(conn, 0);
	if (!ask)
		return; /* it waits for answers first */
	*ask = (struct sim_ask){ .tag = ++sim->tag_last,
				 .order = ++sim->order_last,
				 .name = name,
				 .trying = strncmp(words, "TRY", 3) == 0 };
	(void)snprintf(line, sizeof line, "#%llu %s",
		       (unsigned long long)ask->tag, words);
	sim_note(sim, "h%d.%d > %s", host->number, n, line);
	sim->counts.requests++;
	hub_on_line(host->hub, conn->id, line, strlen(line));
}

void sim_conn_ends(struct sim *sim, struct sim_host *host, int n)
{
	struct sim_conn *conn = &host->conns[n];

	if (!conn->id)
		return;
	sim_note(sim, "h%d.%d EOF", host->number, n);
	hub_on_eof(host->hub, conn->id);
	/* The end of the connection ends its holds at once (P1). */
	for (int i = 0; i < SIM_NAMES; i++) {
		if (host->holds[i].live && host->holds[i].conn == n)
			host->holds[i].live = false;
	}
	for (int i = 0; i < SIM_ASKS_MAX; i++)
		conn->asks[i].tag = 0;
	conn->id = UINT64_MAX; /* closing: told no more */
}

/* What one client does of what it might. */
static void act(struct sim *sim, struct sim_host *host, int n)
{
	int name = (int)sim_random(sim, SIM_NAMES);
	char words[128];

	if (host->conns[n].id == UINT64_MAX)
		host->conns[n].id = 0; /* a new client in its place */
	switch (sim_random(sim, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		(void)snprintf(words, sizeof words, "LOCK %s", sim_name(name));
		say(sim, host, n, words, name);
		break;
	case 5:
	case 6:
		(void)snprintf(words, sizeof words, "LOCK %s wait=%dms",
			       sim_name(name), (int)sim_random(sim, 2000));
		say(sim, host, n, words, name);
		break;
	case 7:
		(void)snprintf(words, sizeof words, "TRYLOCK %s",
			       sim_name(name));
		say(sim, host, n, words, name);
		break;
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
		(void)snprintf(words, sizeof words, "UNLOCK %s",
			       sim_name(name));
		say(sim, host, n, words, -1);
		break;
	case 13:
		(void)snprintf(words, sizeof words, "CANCEL %s",
			       sim_name(name));
		say(sim, host, n, words, -1);
		break;
	case 14:
		(void)snprintf(words, sizeof words, "CHECK %s%s",
			       sim_name(name),
			       sim_chance(sim, 2) ? " sync=1" : "");
		say(sim, host, n, words, -1);
		break;
	default:
		if (sim_chance(sim, 4))
			sim_conn_ends(sim, host, n);
		else
			say(sim, host, n, sim_chance(sim, 2) ? "LIST" : "FROB",
			    -1);
		break;
	}
}

void sim_client_acts(struct sim *sim, struct sim_host *host)
{
	if (sim_chance(sim, 2))
		act(sim, host, (int)sim_random(sim, SIM_CONNS));
}

/* Who holds lets go, so that everybody must get there. */
void sim_client_heals(struct sim *sim, struct sim_host *host)
{
	char words[64];

	for (int i = 0; i < SIM_NAMES; i++) {
		if (!host->holds[i].live)
			continue;
		(void)snprintf(words, sizeof words, "UNLOCK %s", sim_name(i));
		say(sim, host, host->holds[i].conn, words, -1);
		host->holds[i].live = false; /* it lets go before it asks */
	}
}

/* Being told */

static void granted(struct sim *sim, struct sim_host *host, int n,
		    const struct sim_ask *ask, const struct zkp_reply *reply)
{
	struct sim_hold *hold;
	struct zkp_grant grant;

	if (!zkp_grant_read(reply, &grant) || ask->name < 0) {
		sim_fail(sim, "h%d.%d was told no proper GRANTED", host->number,
			 n);
		return;
	}
	sim->counts.grants++;
	hold = &host->holds[ask->name];
	/* What was there before must have ended: judged before it is. */
	if (hold->live && sim->now_ms < sim_believed_ms(host, hold) &&
	    !sim_exempt(sim, ask->name))
		sim_fail(sim, "P1: two holds of %s on h%d", sim_name(ask->name),
			 host->number);
	*hold = (struct sim_hold){ .live = true,
				   .id = grant.id,
				   .token = grant.token,
				   .gen = (uint16_t)grant.gen,
				   .conn = n,
				   .until_ms = grant.until_ms };
	sim_check_grant(sim, host, ask->name, ask, grant.node);
}

static void ended(struct sim *sim, struct sim_host *host, int n,
		  const struct zkp_reply *reply)
{
	int name = name_number(zkp_reply_arg(reply, 0));
	struct sim_hold *hold = name < 0 ? NULL : &host->holds[name];
	uint64_t id = 0;

	(void)zkp_reply_id(reply, "id", &id);
	if (hold && hold->live && hold->id == id)
		hold->live = false;
	else if (!sim->healing)
		sim_note(sim, "h%d.%d had let go before", host->number, n);
}

static void event(struct sim *sim, struct sim_host *host, int n,
		  const struct zkp_reply *reply)
{
	int name;

	if (strcmp(reply->word, "SUSPENDED") == 0) {
		host->suspended_ms = sim->now_ms;
	} else if (strcmp(reply->word, "RESUMED") == 0) {
		sim->counts.resumes++;
		if (sim->now_ms >= host->page_ms)
			sim_fail(sim, "RESUMED after the deadline on h%d",
				 host->number);
		host->suspended_ms = 0;
	} else if (strcmp(reply->word, "LOST") == 0) {
		sim->counts.losses++;
		name = name_number(zkp_reply_arg(reply, 0));
		if (name >= 0)
			sim_check_lost(sim, host, name,
				       zkp_reply_str(reply, "reason"));
		ended(sim, host, n, reply);
	}
}

static void final(struct sim *sim, struct sim_host *host, int n,
		  const struct zkp_reply *reply)
{
	struct sim_conn *conn = &host->conns[n];
	uint64_t tag = strtoull(reply->tag, NULL, 10);
	struct sim_ask *ask = tag ? ask_find(conn, tag) : NULL;
	struct sim_ask was;

	if (!ask) {
		sim_fail(sim, "P4: h%d.%d: an answer to nothing: #%s %s",
			 host->number, n, reply->tag, reply->word);
		return;
	}
	was = *ask;
	ask->tag = 0;
	if (strcmp(reply->word, "GRANTED") == 0)
		granted(sim, host, n, &was, reply);
	else if (strcmp(reply->word, "RELEASED") == 0)
		ended(sim, host, n, reply);
}

void sim_client_told(struct sim *sim, struct sim_host *host, uint64_t id,
		     char *line)
{
	struct zkp_reply reply;
	int n = 0;

	while (n < SIM_CONNS && host->conns[n].id != id)
		n++;
	if (n == SIM_CONNS)
		return; /* it is gone: nobody reads this */
	sim_note(sim, "h%d.%d < %s", host->number, n, line);
	if (zkp_reply_parse(line, strlen(line), &reply) != ZKP_OK) {
		sim_fail(sim, "h%d.%d: no reply line", host->number, n);
		return;
	}
	switch (reply.class) {
	case ZKP_REPLY_ROW:
	case ZKP_REPLY_QUEUED:
		break;
	case ZKP_REPLY_EVENT:
		event(sim, host, n, &reply);
		break;
	case ZKP_REPLY_ERR:
	case ZKP_REPLY_FINAL:
		final(sim, host, n, &reply);
		break;
	}
}

void sim_client_closed(struct sim *sim, struct sim_host *host, int n)
{
	struct sim_conn *conn = &host->conns[n];

	(void)sim;
	for (int i = 0; i < SIM_ASKS_MAX; i++)
		conn->asks[i].tag = 0;
	for (int i = 0; i < SIM_NAMES; i++) {
		if (host->holds[i].live && host->holds[i].conn == n)
			host->holds[i].live = false;
	}
	conn->id = 0;
}
