/* SPDX-License-Identifier: MIT */
/*
 * sim - LOCK of several names (R16): all of them in one moment or none, on
 * bids of their own that were made in one transaction.  What it costs to wait
 * for more than one at a time is judged here; each hold by itself is judged
 * like any other, but for the order of arrival: such bids queue only in the
 * tree.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"
#include "sim_text.h"

/* Of eight such requests: TRYLOCKs, and LOCKs with a limit. */
#define TRYING  1
#define LIMITED 4

bool sim_asks_for(const struct sim_ask *ask, int name)
{
	if (ask->act <= SIM_ACT_TRY || ask->act == SIM_ACT_LOOK ||
	    ask->act == SIM_ACT_LOCK_EOF)
		return ask->name == name;
	for (int i = 0; i < ask->many_len; i++) {
		if (ask->many[i] == name)
			return true;
	}
	return false;
}

bool sim_many_wanted(const struct sim_host *host, int name)
{
	for (int n = 0; n < SIM_CONNS; n++) {
		for (int i = 0; i < host->conns[n].asks_end; i++) {
			const struct sim_ask *ask = &host->conns[n].asks[i];

			if (ask->tag && ask->many_len &&
			    sim_asks_for(ask, name))
				return true;
		}
	}
	return false;
}

bool sim_many_words(struct sim *sim, const struct sim_act *act,
		    struct sim_ask *ask, struct sim_text *words)
{
	const struct sim_weather *w = &sim->weather;
	int locks = w->names - (w->slots != 0);
	unsigned manner = (unsigned)(act->salt >> 8) % 8;
	int most = 2 + (int)(act->salt >> 12 & 1);

	if (locks < 2)
		return false;
	for (int i = 0; i < locks && i < most; i++) {
		int at = act->salt >> 16 & 1 ? locks - 1 - i : i;

		ask->many[ask->many_len++] = (uint8_t)at;
	}
	ask->name = ask->many[0];
	ask->trying = manner < TRYING;
	ask->hold_ms = (int64_t)(act->salt % (uint64_t)(2 * w->hold_ms + 1));
	sim_text_add(words, ask->trying ? "TRYLOCK" : "LOCK");
	for (int i = 0; i < ask->many_len; i++) {
		sim_text_add(words, " ");
		sim_text_add(words, sim_word(sim, ask->many[i]));
	}
	if (ask->trying || manner >= TRYING + LIMITED)
		return true;
	ask->due_ms = sim_host_ms(sim, &sim->hosts[act->host]) + act->a_ms;
	sim_text_ms(words, " wait=", act->a_ms);
	return true;
}

void sim_many_over(struct sim *sim, struct sim_host *host,
		   const struct sim_ask *ask)
{
	for (int i = 0; i < ask->many_len && ask->tag; i++)
		host->budgets[ask->many[i]].several_us =
		    sim->now_us + SIM_SEVERAL_US;
}

void sim_many_row(struct sim *sim, struct sim_host *host, int n,
		  const struct zkp_reply *reply)
{
	struct sim_conn *conn = &host->conns[n];
	const char *node = zkp_reply_str(reply, "node");
	int name = sim_name_number(zkp_reply_arg(reply, 0));
	struct sim_row *row = &conn->rows[conn->rows_len];

	if (name < 0 || !node)
		return; /* of LIST, of STATS */
	if (conn->rows_len == SIM_NAMES_MAX) {
		sim_fail(sim, "P4: h%d.%d: one row too many", host->number, n);
		return;
	}
	row->name = name;
	if (!zkp_reply_id(reply, "id", &row->id) ||
	    !zkp_reply_u64(reply, "token", &row->token))
		return; /* LIST again */
	(void)snprintf(row->node, sizeof row->node, "%s", node);
	conn->rows_len++;
}

/* One transaction has made all of them: else two who want the same in another
 * order wait for each other (C15). */
static void check_together(struct sim *sim, const struct sim_host *host, int n)
{
	const struct sim_conn *conn = &host->conns[n];
	int64_t first_zxid = 0;

	for (int i = 0; i < conn->rows_len; i++) {
		const struct coord_tree_node *node =
		    coord_tree_find(sim->tree, 0, conn->rows[i].node);
		int64_t czxid = node ? coord_tree_stat(node).czxid : 0;

		if (!node)
			return; /* judged as a hold of its own */
		if (i == 0)
			first_zxid = czxid;
		else if (czxid != first_zxid)
			sim_fail(sim,
				 "P5: R16: %s and %s of h%d.%d were not made "
				 "together",
				 conn->rows[0].node, conn->rows[i].node,
				 host->number, n);
	}
}

void sim_many_granted(struct sim *sim, struct sim_host *host, int n,
		      const struct sim_ask *ask, const struct zkp_reply *reply)
{
	struct sim_conn *conn = &host->conns[n];
	struct zkp_grant grant = { .mode = "x" };
	bool whole = conn->rows_len == ask->many_len &&
		     zkp_reply_u64(reply, "gen", &grant.gen) &&
		     zkp_reply_i64(reply, "until_ms", &grant.until_ms) &&
		     zkp_reply_i64(reply, "waited_ms", &grant.waited_ms) &&
		     strcmp(reply->word, "GRANTED") == 0;

	/* Sorted, whatever the order in which they were asked for. */
	for (int i = 0; i < ask->many_len && whole; i++)
		whole = sim_asks_for(ask, conn->rows[i].name) &&
			(i == 0 || conn->rows[i].name > conn->rows[i - 1].name);
	if (!whole) {
		sim_fail(sim, "P4: R16: h%d.%d was granted %d of %d names",
			 host->number, n, conn->rows_len, ask->many_len);
		return;
	}
	sim->counts.several++;
	check_together(sim, host, n);
	for (int i = 0; i < ask->many_len; i++) {
		const struct sim_row *row = &conn->rows[i];

		grant.name = sim_name(row->name);
		grant.id = row->id;
		grant.token = row->token;
		grant.node = row->node;
		sim_client_take(sim, host, n, ask, row->name, &grant);
	}
}

/* Has the connection anything, or does it wait for anything? */
static bool is_busy(const struct sim_host *host, int n)
{
	for (int i = 0; i < SIM_HOLDS; i++) {
		if (host->holds[i].live && host->holds[i].conn == n)
			return true;
	}
	for (int i = 0; i < SIM_ASKS_MAX; i++) {
		const struct sim_ask *ask = &host->conns[n].asks[i];

		if (ask->tag && (ask->act <= SIM_ACT_TRY ||
				 ask->act == SIM_ACT_LOOK || ask->many_len))
			return true;
	}
	return false;
}

bool sim_many_refused(struct sim *sim, struct sim_host *host, int n,
		      enum zkp_status status)
{
	sim->counts.severals_refused++;
	if (host->conns[n].rows_len)
		sim_fail(sim, "P4: R16: h%d.%d: rows before a refusal",
			 host->number, n);
	/* R21: what it had may be kept still. */
	return status == ZKP_DEADLOCK && !is_busy(host, n) &&
	       !sim->weather.bounds && !host->conns[n].quits;
}
