/* SPDX-License-Identifier: MIT */
/*
 * locktab told as transcripts: what happened, and what that caused.
 *
 * A play is a line per event: "<ms> <who> <what> ...".  The trace is a line
 * per event with the effects behind the arrow: bid3+ is opened (bid3+s to
 * share), bid3- is left, "c1=OK" answers the request in hand, a token is shown
 * as base.turn.  SLOCK is LOCK with mode=s.
 */
#ifndef TESTS_UNIT_LOCKTAB_PLAY_H
#define TESTS_UNIT_LOCKTAB_PLAY_H

#include <check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab.h"
#include "daemon/token.h"

#define TRACE_MAX 65536

static struct locktab *tab;
static char trace[TRACE_MAX];
static size_t trace_len;

static const struct locktab_limits defaults = { .tickets_max = 100,
						.tickets_per_conn_max = 10,
						.turns_max = 3,
						.turns_ms = 50,
						.linger_ms = 0,
						.try_grace_ms = 20 };

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	trace_len += (size_t)vsnprintf(trace + trace_len, TRACE_MAX - trace_len,
				       format, args);
	va_end(args);
	ck_assert_uint_lt(trace_len, TRACE_MAX);
}

static const char *lost_word(enum locktab_lost lost)
{
	static const char *const words[] = {
		"deadline", "expired", "deleted",
		"shutdown", "kicked",  "max_hold"
	};

	return words[lost];
}

static void say_effect(const struct locktab_effect *fx, uint64_t conn)
{
	const struct locktab_ticket *t = fx->ticket;
	struct locktab_holder holder;

	switch (fx->type) {
	case LOCKTAB_FX_DONE:
		say(" c%" PRIu64 "=%s", conn, zkp_status_word(fx->status));
		if (fx->status == ZKP_DEADLOCK)
			say("(%s)", fx->which);
		break;
	case LOCKTAB_FX_QUEUED:
		locktab_holder(tab, t, &holder);
		say(" c%" PRIu64 " QUEUED %s pos=%u", t->conn, t->name,
		    holder.pos);
		if (holder.ticket)
			say(" by c%" PRIu64, holder.ticket->conn);
		else if (*holder.text)
			say(" by %s", holder.text);
		break;
	case LOCKTAB_FX_GRANTED:
		say(" c%" PRIu64 " GRANTED %s %" PRIu64 ".%" PRIu64, t->conn,
		    t->name, t->token >> 11, t->token & 2047);
		break;
	case LOCKTAB_FX_REFUSED:
		say(" c%" PRIu64 " ERR %s %s", t->conn,
		    zkp_status_word(fx->status), t->name);
		break;
	case LOCKTAB_FX_LOST:
		say(" c%" PRIu64 " LOST %s %s", t->conn, t->name,
		    lost_word(t->lost));
		break;
	case LOCKTAB_FX_FREE:
		say(" c%" PRIu64 " FREE %s", t->conn, t->name);
		break;
	case LOCKTAB_FX_ASKED:
		say(" c%" PRIu64 " ASKED %s", t->conn, t->name);
		break;
	case LOCKTAB_FX_WANTED:
		say(" c%" PRIu64 " WANTED %s +%u", t->conn, t->name,
		    fx->waiters);
		break;
	case LOCKTAB_FX_BID_REVOKE:
		say(" bid%" PRIu64 "?", fx->bid);
		break;
	case LOCKTAB_FX_BID_LOOK:
		say(" bid%" PRIu64 " behind?", fx->bid);
		break;
	case LOCKTAB_FX_REVOKE:
		say(" c%" PRIu64 " REVOKE %s %" PRId64, t->conn, t->name,
		    t->until_ms);
		break;
	case LOCKTAB_FX_MOVED_HELD:
		say(" *HELD %s by c%" PRIu64 " +%u", t->name, t->conn,
		    fx->waiters);
		break;
	case LOCKTAB_FX_MOVED_FREED:
		say(" *FREED %s%s +%u", t->name, fx->lost ? " lost" : "",
		    fx->waiters);
		break;
	case LOCKTAB_FX_MOVED_QUEUE:
		say(" *QUEUE %s +%u", t->name, fx->waiters);
		break;
	case LOCKTAB_FX_BID_OPEN:
		say(" bid%" PRIu64 "+%s", fx->bid,
		    fx->mode == ZKP_MODE_S ? "s" : "");
		break;
	case LOCKTAB_FX_BID_LEAVE:
		say(" bid%" PRIu64 "-", fx->bid);
		break;
	}
}

static void step(struct locktab_event *ev, const char *line)
{
	struct locktab_effect fx;

	say("[%4" PRId64 "]%s ->", ev->now_ms, strchr(line, ' '));
	locktab_step(tab, ev);
	while (locktab_next(tab, &fx))
		say_effect(&fx, ev->conn);
	say("\n");
}

static void play_conn(struct locktab_event *ev, char **word)
{
	ev->conn = strtoull(word[1] + 1, NULL, 10);
	if (strcmp(word[2], "LOCK") == 0 || strcmp(word[2], "SLOCK") == 0 ||
	    strcmp(word[2], "WAIT") == 0) {
		ev->lock.looking = *word[2] == 'W';
		ev->type = LOCKTAB_LOCK;
		ev->lock.mode = *word[2] == 'S' ? ZKP_MODE_S : ZKP_MODE_X;
		ev->lock.name = word[3];
		ev->lock.wait_ms = word[4] ? atoll(word[4]) : -1;
		ev->lock.tag = word[4] && word[5] ? word[5] : "";
		ev->lock.wanted = strcmp(ev->lock.tag, "wanted") == 0;
		if (strncmp(ev->lock.tag, "min=", 4) == 0)
			ev->lock.min_hold_ms = atoll(ev->lock.tag + 4);
		if (strncmp(ev->lock.tag, "max=", 4) == 0)
			ev->lock.max_hold_ms = atoll(ev->lock.tag + 4);
		if (strncmp(ev->lock.tag, "linger=", 7) == 0)
			ev->lock.linger_ms = atoll(ev->lock.tag + 7);
	} else if (strcmp(word[2], "UNLOCK") == 0) {
		ev->type = LOCKTAB_UNLOCK;
		ev->pick.target.name = word[3];
		ev->pick.token = word[4] ? strtoull(word[4], NULL, 10) : 0;
	} else if (strcmp(word[2], "REVOKE") == 0) {
		ev->type = LOCKTAB_REVOKE;
		ev->revoke.name = word[3];
		ev->revoke.admin = word[4] != NULL;
	} else if (strcmp(word[2], "KICK") == 0) {
		ev->type = LOCKTAB_KICK;
		ev->kick.id = strtoull(word[3] + 1, NULL, 10);
		ev->kick.end_ms = word[4] ? atoll(word[4]) : ev->now_ms;
	} else if (strcmp(word[2], "DOWNGRADE") == 0) {
		ev->type = LOCKTAB_DOWNGRADE;
		ev->pick.target.name = word[3];
	} else if (strcmp(word[2], "CANCEL") == 0) {
		ev->type = LOCKTAB_CANCEL;
		if (*word[3] == '#')
			ev->pick.target.tag = word[3] + 1;
		else if (*word[3] == '@')
			ev->pick.target.id = strtoull(word[3] + 1, NULL, 10);
		else
			ev->pick.target.name = word[3];
	} else {
		ck_assert_str_eq(word[2], "GONE");
		ev->type = LOCKTAB_GONE;
	}
}

static enum locktab_behind behind_word(const char *word)
{
	if (!word || strcmp(word, "unknown") == 0)
		return BEHIND_UNKNOWN;
	return strcmp(word, "alone") == 0 ? BEHIND_NOBODY : BEHIND_SOMEBODY;
}

static void play_bid(struct locktab_event *ev, char **word)
{
	ev->bid.bid = strtoull(word[1] + 3, NULL, 10);
	if (strcmp(word[2], "queued") == 0) {
		ev->type = LOCKTAB_BID_QUEUED;
		ev->bid.below = (unsigned)atoi(word[3]);
		ev->bid.holder = word[4];
		ev->bid.kin = word[4] && word[5];
		/* "kin 3 75 alone": bid 3 of ours alone before it; its base to
		 * be; who is behind */
		if (word[4] && word[5] && word[6]) {
			ev->bid.after = strtoull(word[6], NULL, 10);
			ev->bid.base = strtoull(word[7], NULL, 10) << 11;
			ev->bid.after_own = ev->bid.after != 0;
			ev->bid.behind = behind_word(word[8]);
		}
	} else if (strcmp(word[2], "owned") == 0) {
		ev->type = LOCKTAB_BID_OWNED;
		ev->bid.base = strtoull(word[3], NULL, 10) << 11;
		ev->bid.behind = behind_word(word[4]);
		ev->bid.after_own = word[4] && word[5];
	} else if (strcmp(word[2], "sees") == 0) {
		ev->type = LOCKTAB_BID_BEHIND;
		ev->bid.behind = behind_word(word[3]);
	} else if (strcmp(word[2], "stirred") == 0) {
		ev->type = LOCKTAB_BID_STIRRED;
	} else if (strcmp(word[2], "revoked") == 0) {
		ev->type = LOCKTAB_BID_REVOKED;
	} else if (strcmp(word[2], "vanished") == 0) {
		ev->type = LOCKTAB_BID_VANISHED;
	} else {
		ck_assert_str_eq(word[2], "failed");
		ev->type = LOCKTAB_BID_FAILED;
		/* LIMIT: there was no room for it; else "zk" */
		ev->bid.status = word[3] ? ZKP_ZK : ZKP_LIMIT;
	}
}

static void play_world(struct locktab_event *ev, char **word)
{
	if (strcmp(word[1], "up") == 0) {
		ev->type = LOCKTAB_SESSION_UP;
		ev->lease.gen = (uint16_t)atoi(word[2]);
	} else if (strcmp(word[1], "end") == 0) {
		ev->type = LOCKTAB_SESSION_END;
		ev->lease.reason = LOCKTAB_LOST_DEADLINE;
	} else if (strcmp(word[1], "lease") == 0) {
		ev->type = LOCKTAB_LEASE;
		ev->lease.grant_until_ms = atoll(word[2]);
	} else if (strcmp(word[1], "drain") == 0) {
		ev->type = LOCKTAB_DRAIN;
	} else {
		ck_assert_str_eq(word[1], "tick");
		ev->type = LOCKTAB_TICK;
	}
}

static void play_line(char *line)
{
	char copy[256], *word[10] = { NULL }, *rest = NULL;
	struct locktab_event ev = { 0 };
	size_t n = 0;

	(void)snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(line, " ", &rest); w && n < 9;
	     w = strtok_r(NULL, " ", &rest))
		word[n++] = w;
	ev.now_ms = atoll(word[0]);
	if (*word[1] == 'c')
		play_conn(&ev, word);
	else if (strncmp(word[1], "bid", 3) == 0)
		play_bid(&ev, word);
	else
		play_world(&ev, word);
	step(&ev, copy);
}

static void play(const char *script)
{
	char *copy = strdup(script), *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		play_line(line);
	free(copy);
}

static inline void expect(const char *text)
{
	ck_assert_msg(strstr(trace, text) != NULL, "no %s in\n%s", text, trace);
}

static void begin(const struct locktab_limits *limits)
{
	locktab_free(tab);
	tab = locktab_new(limits);
	play("0 up 1\n0 lease 100000\n");
	trace_len = 0;
	trace[0] = '\0';
}

static void setup(void)
{
	begin(&defaults);
}

static void teardown(void)
{
	locktab_free(tab);
	tab = NULL;
}

#endif
