/* SPDX-License-Identifier: MIT */
/*
 * sim - what clients say, and what they are told.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_text.h"

/* Longest that a sane client asks to hold anything. */
#define HOLD_MS_MAX 60000

static struct sim_ask *ask_find(struct sim_conn *conn, uint64_t tag)
{
	for (int i = 0; i < conn->asks_end; i++) {
		if (conn->asks[i].tag == tag)
			return &conn->asks[i];
	}
	return NULL;
}

static struct sim_ask *ask_place(struct sim_conn *conn)
{
	struct sim_ask *place = ask_find(conn, 0);

	if (!place && conn->asks_end < SIM_ASKS_MAX)
		place = &conn->asks[conn->asks_end++];
	return place;
}

/* --- saying --- */

static void say(struct sim *sim, struct sim_host *host, int n,
		struct sim_ask ask, const char *words)
{
	const struct hub_peer peer = {
		.pid = 1, .uid = sim_uid(n), .admin = true, .command = "sim"
	};
	struct sim_conn *conn = &host->conns[n];
	struct sim_text line = { .text = "#", .len = 1 };
	struct sim_ask *place;

	if (!host->alive || conn->ended || conn->quits)
		return;
	place = ask_place(conn);
	if (!place)
		return;
	if (!conn->id)
		conn->id = hub_on_open(host->hub, &peer);
	ask.tag = ++sim->tag_last;
	ask.order = ++sim->order_last;
	ask.said_ms = sim_host_ms(sim, host);
	ask.said_us = sim->now_us;
	for (int i = 0; i < SIM_NAMES_MAX; i++) {
		if (sim_asks_for(&ask, i))
			sim_calm_said(host, i);
	}
	*place = ask;
	sim_tell_ask(sim, host, n, &ask);
	sim_text_u64(&line, ask.tag);
	sim_text_add(&line, " ");
	sim_text_add(&line, words);
	sim_note(sim, "h%d.%d > %s", host->number, n, line.text);
	sim_hash(sim, line.text, line.len);
	sim->counts.requests++;
	hub_on_line(host->hub, conn->id, line.text, line.len);
	sim_host_stir(sim, host);
}

static void say_named(struct sim *sim, struct sim_host *host, int n,
		      struct sim_ask ask, const char *verb)
{
	struct sim_text words = { 0 };

	sim_text_add(&words, verb);
	sim_text_add(&words, " ");
	sim_text_add(&words, sim_word(sim, ask.name));
	say(sim, host, n, ask, words.text);
}

struct sim_hold *sim_hold_of(struct sim_host *host, int name, int conn)
{
	return &host->holds[name * SIM_CONNS + conn];
}

/* The end of the connection ends its holds at once (P1). */
static void let_go(struct sim *sim, struct sim_host *host, int n)
{
	for (int i = 0; i < SIM_NAMES_MAX; i++) {
		struct sim_hold *hold = sim_hold_of(host, i, n);

		/* The daemon may read of it behind another's question. */
		if (hold->live)
			sim->left_us[i] = sim->now_us;
		hold->live = false;
		sim_calm_ended(sim, host, i);
	}
}

static void end(struct sim *sim, struct sim_host *host, int n)
{
	struct sim_conn *conn = &host->conns[n];

	if (!host->alive || !conn->id || conn->ended)
		return;
	sim_note(sim, "h%d.%d EOF", host->number, n);
	sim_tell(sim, "eof h%d/c%d", host->number, n);
	hub_on_eof(host->hub, conn->id);
	sim_host_stir(sim, host);
	for (int i = 0; i < SIM_ASKS_MAX; i++)
		sim_many_over(sim, host, &conn->asks[i]);
	for (int i = 0; i < SIM_NAMES_MAX; i++) {
		if (sim_conn_asks(conn, i))
			sim->left_us[i] = sim->now_us;
	}
	memset(conn->asks, 0, sizeof conn->asks);
	let_go(sim, host, n);
	conn->ended = true;
}

static void lock(struct sim *sim, struct sim_host *host,
		 const struct sim_act *act)
{
	struct sim_ask ask = { .act = act->type, .name = act->name };
	struct sim_text words = { 0 };

	sim_text_add(&words, act->type == SIM_ACT_TRY ? "TRYLOCK " : "LOCK ");
	sim_text_add(&words, sim_word(sim, act->name));
	if (act->type == SIM_ACT_LOCK_WAIT) {
		ask.due_ms = sim_host_ms(sim, host) + act->a_ms;
		sim_text_ms(&words, " wait=", act->a_ms);
	}
	if (sim_is_pool(sim, act->name)) {
		ask.slots = sim_pool_wish(sim, act);
		if (ask.slots) {
			sim_text_add(&words, " slots=");
			sim_text_u64(&words, ask.slots);
		}
	} else {
		ask.shared = (act->salt >> 40) % 100 < sim->weather.readers;
		sim_text_add(&words, ask.shared ? " mode=s" : "");
		sim_verbs_bounds(sim, act, &ask, &words);
	}
	/* Mostly about as long as the weather says, sometimes for good. */
	ask.hold_ms =
	    (int64_t)(act->salt % (uint64_t)(2 * sim->weather.hold_ms + 1));
	if ((act->salt >> 32) % 64 == 0)
		ask.hold_ms = HOLD_MS_MAX;
	say(sim, host, act->conn, ask, words.text);
}

/* By id or by token; 0: not by that one. */
static void unlock(struct sim *sim, struct sim_host *host, int n,
		   struct sim_ask ask, uint64_t id, uint64_t token)
{
	struct sim_text words = { 0 };

	sim_text_add(&words, id ? "UNLOCK @" : "UNLOCK ");
	if (id)
		sim_text_u64(&words, id);
	else
		sim_text_add(&words, sim_word(sim, ask.name));
	if (token) {
		sim_text_add(&words, " token=");
		sim_text_u64(&words, token);
	}
	say(sim, host, n, ask, words.text);
}

static void unlock_stale(struct sim *sim, struct sim_host *host,
			 const struct sim_act *act)
{
	struct sim_ask ask = { .act = act->type, .name = act->name };

	/* B13: or by the number of somebody else's hold. */
	for (int n = 0; n < SIM_CONNS && act->salt % 2; n++) {
		const struct sim_hold *hold = sim_hold_of(host, act->name, n);

		if (n == act->conn || !hold->live)
			continue;
		unlock(sim, host, act->conn, ask, hold->id, 0);
		return;
	}
	ask.token = host->conns[act->conn].stale[act->name];
	if (ask.token)
		unlock(sim, host, act->conn, ask, 0, ask.token);
}

static void talk(struct sim *sim, struct sim_host *host,
		 const struct sim_act *act)
{
	static const char *const words[] = { "LIST",       "PING x", "FROB",
					     "STATUS",     "HELP",   "LOCK",
					     "LOCK a x=1", "STATS" };
	struct sim_ask ask = { .act = act->type };

	say(sim, host, act->conn, ask,
	    words[act->salt % (sizeof words / sizeof *words)]);
}

static void quit(struct sim *sim, struct sim_host *host, int n)
{
	struct sim_ask ask = { .act = SIM_ACT_QUIT };

	if (!host->conns[n].id)
		return;
	say(sim, host, n, ask, "QUIT");
	host->conns[n].quits = true;
	sim_tell(sim, "eof h%d/c%d", host->number, n);
	let_go(sim, host, n);
}

void sim_client_act(struct sim *sim, const struct sim_act *act)
{
	struct sim_host *host = &sim->hosts[act->host];
	struct sim_ask ask = { .act = act->type, .name = act->name };
	struct sim_text words = { 0 };

	if (!host->alive)
		return;
	if (act->type <= SIM_ACT_TRY || act->type == SIM_ACT_LOCK_EOF) {
		lock(sim, host, act);
		if (act->type == SIM_ACT_LOCK_EOF)
			end(sim, host, act->conn);
	} else if (act->type == SIM_ACT_UNLOCK) {
		say_named(sim, host, act->conn, ask, "UNLOCK");
	} else if (act->type == SIM_ACT_UNLOCK_STALE) {
		unlock_stale(sim, host, act);
	} else if (act->type == SIM_ACT_CANCEL) {
		say_named(sim, host, act->conn, ask, "CANCEL");
	} else if (sim_is_pool(sim, act->name) &&
		   (act->type == SIM_ACT_SHARE || act->type == SIM_ACT_LOOK ||
		    act->type == SIM_ACT_REVOKE)) {
		return; /* of another kind of lock */
	} else if (act->type == SIM_ACT_SHARE) {
		say_named(sim, host, act->conn, ask, "DOWNGRADE");
	} else if (act->type == SIM_ACT_CHECK) {
		say_named(sim, host, act->conn, ask, "CHECK");
	} else if (act->type == SIM_ACT_TALK) {
		talk(sim, host, act);
	} else if (act->type == SIM_ACT_MANY) {
		if (sim_many_words(sim, act, &ask, &words))
			say(sim, host, act->conn, ask, words.text);
	} else if (act->type >= SIM_ACT_LOOK) {
		if (sim_verbs_words(sim, act, &ask, &words))
			say(sim, host, act->conn, ask, words.text);
	} else if (act->type == SIM_ACT_EOF) {
		end(sim, host, act->conn);
	} else {
		quit(sim, host, act->conn);
	}
}

/* A client has held as long as it wanted. */
void sim_client_release(struct sim *sim, const struct sim_event *event)
{
	struct sim_host *host = &sim->hosts[event->who];
	const struct sim_hold *hold = &host->holds[event->gen];
	struct sim_ask ask = { .act = SIM_ACT_UNLOCK, .name = hold->name };
	uint64_t id, token;

	if (!hold->live || hold->id != event->value)
		return;
	id = hold->token % 3 == 0 ? hold->id : 0;
	token = hold->token % 3 == 1 ? hold->token : 0;
	unlock(sim, host, hold->conn, ask, id, token);
}

static void release_after(struct sim *sim, const struct sim_host *host,
			  const struct sim_hold *hold, int64_t hold_ms)
{
	sim_push(sim, sim->now_us + hold_ms * SIM_MS + 10, SIM_EV_RELEASE,
		 (struct sim_event){ .who = host->number,
				     .gen = (uint32_t)(hold - host->holds),
				     .value = hold->id });
}

/* Who holds lets go, so that everybody must get there. */
void sim_client_heal(struct sim *sim, struct sim_host *host)
{
	for (int i = 0; i < SIM_HOLDS; i++) {
		if (host->holds[i].live)
			release_after(sim, host, &host->holds[i], 1);
	}
}

void sim_client_stats(struct sim *sim, struct sim_host *host)
{
	struct sim_ask ask = { .act = SIM_ACT_TALK };

	host->ephemeral_bytes = UINT64_MAX;
	say(sim, host, 0, ask, "STATS");
	hub_drain(host->hub);
}

/* --- being told --- */

void sim_client_take(struct sim *sim, struct sim_host *host, int n,
		     const struct sim_ask *ask, int name,
		     const struct zkp_grant *grant)
{
	struct sim_hold *hold = sim_hold_of(host, name, n);

	sim->counts.grants++;
	sim->counts.shared += ask->shared;
	if (hold->live && sim_believes(sim, host, hold) && !sim->exempt[name])
		sim_fail(sim, "P1: two holds of %s on h%d.%d", sim_name(name),
			 host->number, n);
	sim_verbs_kept(sim, name, ask->shared);
	*hold = (struct sim_hold){ .live = true,
				   .shared = ask->shared,
				   .slots = ask->slots,
				   .name = name,
				   .id = grant->id,
				   .token = grant->token,
				   .gen = (uint16_t)grant->gen,
				   .conn = n,
				   .until_ms = grant->until_ms,
				   .of_many = ask->act == SIM_ACT_MANY };
	(void)snprintf(hold->node, sizeof hold->node, "%s", grant->node);
	sim_verbs_granted(sim, host, hold, ask, grant);
	sim_tell_grant(sim, host, hold, ask->tag);
	sim_check_grant(sim, host, hold, ask);
	release_after(sim, host, hold, sim->healing ? 1 : ask->hold_ms);
}

static void granted(struct sim *sim, struct sim_host *host, int n,
		    const struct sim_ask *ask, const struct zkp_reply *reply)
{
	struct zkp_grant grant;

	if (!zkp_grant_read(reply, &grant) || ask->act > SIM_ACT_TRY) {
		sim_fail(sim, "P4: h%d.%d was told no proper GRANTED",
			 host->number, n);
		return;
	}
	if (strcmp(grant.mode, ask->shared ? "s" : "x") != 0)
		sim_fail(sim, "P4: h%d.%d: granted in another mode",
			 host->number, n);
	sim_client_take(sim, host, n, ask, ask->name, &grant);
	sim_calm_tickets(sim, host, n, ask);
}

/* From the answer on others may share it. */
static void downgraded(struct sim *sim, struct sim_host *host, int n,
		       const struct sim_ask *ask, const struct zkp_reply *reply)
{
	struct sim_hold *hold = sim_hold_of(host, ask->name, n);
	uint64_t token = 0;

	(void)zkp_reply_u64(reply, "token", &token);
	if (host->conns[n].quits)
		return;
	if (!hold->live || token != hold->token) {
		sim_fail(sim, "P4: h%d.%d: shares what it does not hold",
			 host->number, n);
		return;
	}
	/* It knows no change of mode; this much it had alone. */
	if (!hold->shared)
		sim_tell_end(sim, host, hold, "release");
	sim->counts.shares += !hold->shared;
	hold->shared = true;
}

static void hold_ends(struct sim *sim, struct sim_host *host,
		      struct sim_hold *hold, int name)
{
	hold->live = false;
	host->conns[hold->conn].stale[name] = hold->token;
	sim_calm_ended(sim, host, name);
}

static void released(struct sim *sim, struct sim_host *host, int n,
		     const struct sim_ask *ask, const struct zkp_reply *reply)
{
	int name = sim_name_number(zkp_reply_arg(reply, 0));
	struct sim_hold *hold = name < 0 ? NULL : sim_hold_of(host, name, n);
	uint64_t id = 0;

	(void)zkp_reply_id(reply, "id", &id);
	if (host->conns[n].quits && hold && !hold->live)
		return; /* it let go by that */
	if (!hold || !hold->live || hold->id != id || hold->conn != n) {
		sim_fail(sim, "P4: h%d.%d: RELEASED what it did not hold",
			 host->number, n);
		return;
	}
	if (ask->token && ask->token != hold->token)
		sim_fail(sim, "P1: h%d.%d: an UNLOCK of token %llu ended %llu",
			 host->number, n, (unsigned long long)ask->token,
			 (unsigned long long)hold->token);
	sim_tell_end(sim, host, hold, "release");
	hold_ends(sim, host, hold, name);
}

static void checked(struct sim *sim, struct sim_host *host, int n,
		    const struct sim_ask *ask, const struct zkp_reply *reply)
{
	const struct sim_hold *hold = sim_hold_of(host, ask->name, n);
	bool holds = hold->live;
	uint64_t held = 0, token = 0;
	int64_t until_ms = 0;

	if (!zkp_reply_u64(reply, "held", &held) || host->conns[n].quits)
		return; /* the client let go while this was under way */
	(void)zkp_reply_u64(reply, "token", &token);
	(void)zkp_reply_i64(reply, "until_ms", &until_ms);
	if (held &&
	    (!holds || token != hold->token || until_ms != host->page_ms ||
	     sim_host_ms(sim, host) >= until_ms))
		sim_fail(sim, "P1: h%d.%d: CHECK says held", host->number, n);
	if (!held && holds && sim_believes(sim, host, hold))
		sim_fail(sim, "P1: h%d.%d: CHECK says not held", host->number,
			 n);
}

static void refused(struct sim *sim, struct sim_host *host, int n,
		    const struct sim_ask *ask, const struct zkp_reply *reply)
{
	const struct sim_weather *w = &sim->weather;
	bool roomy = w->tickets_per_conn_max > SIM_NAMES_MAX &&
		     w->ephemeral_bytes_max > 1024 && !w->share;
	bool worn = reply->status == ZKP_ZK && w->worn && sim_asks_for(ask, 0);
	bool wrong = reply->status == ZKP_INTERNAL ||
		     (reply->status == ZKP_ZK && !worn &&
		      !sim_refuse_since(host, ask->said_us)) ||
		     (reply->status == ZKP_LIMIT && roomy) ||
		     (reply->status == ZKP_KIND && !sim_pool_disputed(sim)) ||
		     (reply->status == ZKP_BUSY && ask->act != SIM_ACT_TRY &&
		      !ask->trying);

	if (ask->act == SIM_ACT_MANY)
		wrong |= sim_many_refused(sim, host, n, reply->status);
	sim->counts.refusals++;
	sim->counts.worn += worn;
	sim_calm_refused(sim, host, ask, reply->status);
	if (reply->status == ZKP_LIMIT)
		sim_calm_limited(sim, host, n, ask);
	if (reply->status == ZKP_TIMEOUT)
		wrong = (ask->act != SIM_ACT_LOCK_WAIT &&
			 ask->act != SIM_ACT_LOOK && !ask->due_ms) ||
			sim_host_ms(sim, host) < ask->due_ms;
	if (wrong)
		sim_fail(sim, "P4: h%d.%d: #%llu is refused: %s", host->number,
			 n, (unsigned long long)ask->tag, reply->word);
}

static void doubt(struct sim_host *host, int n, bool suspended)
{
	for (int i = 0; i < SIM_NAMES_MAX; i++)
		sim_hold_of(host, i, n)->suspended = suspended;
}

static void event(struct sim *sim, struct sim_host *host, int n,
		  const struct zkp_reply *reply)
{
	struct sim_hold *hold;
	uint64_t id = 0;
	int name;

	sim_calm_event(sim, host, reply);
	if (strcmp(reply->word, "SUSPENDED") == 0) {
		sim->counts.suspensions++;
		sim_calm_notice(sim, host, true);
		doubt(host, n, true);
		sim_tell(sim, "suspended h%d/c%d", host->number, n);
	} else if (strcmp(reply->word, "RESUMED") == 0) {
		sim->counts.resumes++;
		sim_check_resumed(sim, host);
		sim_calm_notice(sim, host, false);
		doubt(host, n, false);
		sim_tell(sim, "resumed h%d/c%d until=%.3f", host->number, n,
			 (double)sim_host_us(sim, host, host->page_ms) /
			     1000.0);
	} else if (strcmp(reply->word, "DRAINING") == 0) {
		sim_tell(sim, "suspended h%d/c%d", host->number, n);
	} else if (strcmp(reply->word, "LOST") == 0) {
		sim->counts.losses++;
		host->lost = true;
		name = sim_name_number(zkp_reply_arg(reply, 0));
		hold = name < 0 ? NULL : sim_hold_of(host, name, n);
		(void)zkp_reply_id(reply, "id", &id);
		if (!hold || !hold->live || hold->id != id)
			return; /* of a hold that it was never told of */
		sim_calm_notice(sim, host, true);
		sim_check_lost(sim, host, hold, zkp_reply_str(reply, "reason"));
		sim_tell_end(sim, host, hold, "lost");
		hold_ends(sim, host, hold, name);
		hold->kept_until_ms = 0;
	} else if (strcmp(reply->word, "REVOKE") == 0) {
		name = sim_name_number(zkp_reply_arg(reply, 0));
		hold = name < 0 ? NULL : sim_hold_of(host, name, n);
		(void)zkp_reply_id(reply, "id", &id);
		if (hold && hold->live && hold->id == id)
			sim_verbs_revoked(hold, reply);
	}
}

static void queued(struct sim *sim, struct sim_host *host, int n,
		   const struct zkp_reply *reply)
{
	const struct sim_ask *ask =
	    ask_find(&host->conns[n], strtoull(reply->tag, NULL, 10));

	if (!ask || !ask->tag)
		return;
	sim_tell_queued(sim, host, n, ask);
	sim_calm_tickets(sim, host, n, ask);
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
	sim_many_over(sim, host, ask);
	ask->tag = 0;
	if (was.act == SIM_ACT_QUIT)
		let_go(sim, host, n); /* of what it got since, too */
	if (reply->class == ZKP_REPLY_ERR)
		sim_tell_answer(sim, host, n, &was, reply->word);
	if (reply->class == ZKP_REPLY_ERR)
		refused(sim, host, n, &was, reply);
	else if (was.act == SIM_ACT_MANY)
		sim_many_granted(sim, host, n, &was, reply);
	else if (strcmp(reply->word, "GRANTED") == 0)
		granted(sim, host, n, &was, reply);
	else if (strcmp(reply->word, "RELEASED") == 0)
		released(sim, host, n, &was, reply);
	else if (strcmp(reply->word, "FREE") == 0)
		sim_check_free(sim, host, n, &was);
	else if (was.act == SIM_ACT_KICK)
		sim_verbs_kicked(host, reply);
	else if (was.act == SIM_ACT_SHARE)
		downgraded(sim, host, n, &was, reply);
	else if (was.act == SIM_ACT_CHECK)
		checked(sim, host, n, &was, reply);
	conn->rows_len = 0;
	for (int i = 0; i < sim->weather.names; i++) {
		if (i == was.name || sim_asks_for(&was, i))
			sim_calm_ended(sim, host, i);
	}
}

void sim_client_told(struct sim *sim, struct sim_host *host, uint64_t id,
		     char *line)
{
	struct zkp_reply reply;
	int n = 0;

	while (n < SIM_CONNS && host->conns[n].id != id)
		n++;
	if (n == SIM_CONNS) {
		sim_fail(sim, "P5: h%d: told a connection that is closed: %s",
			 host->number, line);
		return;
	}
	sim_note(sim, "h%d.%d < %s%s", host->number, n, line,
		 host->conns[n].ended ? " (nobody reads it)" : "");
	sim_hash(sim, line, strlen(line));
	if (zkp_reply_parse(line, strlen(line), &reply) != ZKP_OK) {
		sim_fail(sim, "P4: h%d.%d: no reply line", host->number, n);
		return;
	}
	if (host->conns[n].ended) {
		/* What was kicked is kicked, be the answer read or not. */
		if (reply.class == ZKP_REPLY_FINAL &&
		    zkp_reply_str(&reply, "grace_ms"))
			sim_verbs_kicked(host, &reply);
		return;
	}
	switch (reply.class) {
	case ZKP_REPLY_ROW:
		sim_many_row(sim, host, n, &reply);
		if (strcmp(zkp_reply_arg(&reply, 0), "ephemeral_bytes") == 0)
			host->ephemeral_bytes =
			    strtoull(zkp_reply_arg(&reply, 1), NULL, 10);
		break;
	case ZKP_REPLY_QUEUED:
		queued(sim, host, n, &reply);
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

	if (conn->id)
		sim_tell(sim, "eof h%d/c%d", host->number, n);
	memset(conn, 0, sizeof *conn);
	let_go(sim, host, n);
}
