/* SPDX-License-Identifier: MIT */
/* hold - see hold.h. */
#include "client/cli/hold.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/clock.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/holder.h"
#include "client/cli/say.h"

/* One attempt to connect: short at first, so that a signal is answered soon,
 * then longer, so that a slow daemon is not asked in vain for ever. */
#define ATTEMPT_MS     250
#define ATTEMPT_MS_MIN 100 /* less would not find a busy one */
#define ATTEMPT_MS_MAX 2000
/* How long to look for the daemon and its ZooKeeper.  Whoever waits for less
 * waits no longer for these either, beyond what a start takes. */
#define SEARCH_MS     10000
#define SEARCH_MS_MIN 1000
/* Between two looks for a daemon, or for its session. */
#define LOOK_MS 100
/* The daemon ends a wait; when it does not, we do, so much later. */
#define LATE_MS 1000

/* Nobody there yet, or nobody who could grant: worth another look. */
static bool may_come(int error)
{
	return error == ZKLOCK_E_NODAEMON || error == ZKLOCK_E_NOREPLY ||
	       error == ZKLOCK_E_DISCONNECTED || error == ZKLOCK_E_DRAINING ||
	       error == ZKLOCK_E_UNAVAILABLE || error == ZKLOCK_E_SUSPENDED;
}

static bool refuse(struct cli_hold *hold, struct cli_fault *fault, int error)
{
	hold->unreachable = may_come(error) && fault->exit != CLI_EXIT_NOPERM;
	hold->outcome = "refused";
	if (fault->exit == CLI_EXIT_UNAVAILABLE)
		hold->outcome = "unavailable";
	if (fault->exit == CLI_EXIT_NOPERM)
		hold->outcome = "denied";
	if (error == ZKLOCK_E_BUSY)
		hold->outcome = "busy";
	if (error == ZKLOCK_E_TIMEOUT)
		hold->outcome = "timeout";
	if (error == ZKLOCK_E_CANCELLED)
		hold->outcome = "cancelled";
	if (error == ZKLOCK_E_LOST)
		hold->outcome = "lost";
	return false;
}

/* A terminating signal has come: nothing to say, 128+n. */
static bool cancelled(struct cli_hold *hold, const struct cli_signals *signals,
		      struct cli_fault *fault)
{
	struct cli_signal one;

	while (cli_signals_next(signals, &one)) {
		if (one.number == SIGTSTP)
			(void)raise(SIGSTOP);
		if (!cli_signal_ends(one.number))
			continue;
		(void)cli_fault_set(fault, CLI_EXIT_SIGNAL + one.number, "%s",
				    "");
		hold->outcome = "cancelled";
		hold->unreachable = false; /* it does not matter any more */
		return true;
	}
	return false;
}

static void nap(const struct cli_signals *signals, int64_t span_ms)
{
	struct pollfd wait = { .fd = signals->fd, .events = POLLIN };

	(void)poll(&wait, 1, span_ms > 0 ? (int)span_ms : 0);
}

static int64_t less(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static bool find_daemon(struct cli_hold *hold, const struct cli_args *args,
			const struct cli_signals *signals, int64_t end_ms,
			struct cli_fault *fault)
{
	int64_t attempt_ms = ATTEMPT_MS;
	int error;

	for (;;) {
		int64_t left_ms = end_ms - cli_clock_ms();

		if (cancelled(hold, signals, fault))
			return false;
		if (left_ms < ATTEMPT_MS_MIN)
			left_ms = ATTEMPT_MS_MIN;
		error = cli_connect_try(args, less(attempt_ms, left_ms),
					&hold->client);
		if (error == ZKLOCK_OK)
			return true;
		left_ms = end_ms - cli_clock_ms();
		if (!may_come(error) || errno == EACCES || left_ms <= 0)
			break;
		nap(signals, less(LOOK_MS, left_ms));
		attempt_ms = less(2 * attempt_ms, ATTEMPT_MS_MAX);
	}
	(void)cli_connect_unreachable(args, error, fault);
	return refuse(hold, fault, error);
}

static bool has_session(zklock_client *client, enum zklock_state *state_out)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;

	if (zklock_info(client, &info) != ZKLOCK_OK)
		return false;
	*state_out = info.state;
	return info.state != ZKLOCK_STATE_CONNECTING &&
	       info.state != ZKLOCK_STATE_SUSPENDED &&
	       info.state != ZKLOCK_STATE_CLOSED;
}

enum found {
	FOUND,
	FOUND_NOT,
	FOUND_GONE, /* the daemon has left meanwhile */
};

static enum found find_session(struct cli_hold *hold,
			       const struct cli_signals *signals,
			       int64_t end_ms, struct cli_fault *fault)
{
	enum zklock_state state = ZKLOCK_STATE_UNKNOWN;

	while (!has_session(hold->client, &state)) {
		int64_t left_ms = end_ms - cli_clock_ms();

		if (cancelled(hold, signals, fault))
			return FOUND_NOT;
		if (left_ms <= 0) {
			(void)cli_fault_set(fault, CLI_EXIT_UNAVAILABLE,
					    "zklockd has no ZooKeeper (it is "
					    "%s). Try: zklock status",
					    zklock_strstate(state));
			(void)refuse(hold, fault, ZKLOCK_E_UNAVAILABLE);
			return FOUND_NOT;
		}
		nap(signals, less(LOOK_MS, left_ms));
		if (zklock_refresh(hold->client) != ZKLOCK_OK)
			return FOUND_GONE;
	}
	return FOUND;
}

static bool find(struct cli_hold *hold, const struct cli_args *args,
		 const struct cli_signals *signals, int64_t end_ms,
		 struct cli_fault *fault)
{
	for (;;) {
		if (!find_daemon(hold, args, signals, end_ms, fault))
			return false;
		switch (find_session(hold, signals, end_ms, fault)) {
		case FOUND:
			return true;
		case FOUND_NOT:
			return false;
		case FOUND_GONE:
			cli_hold_end(hold);
			break;
		}
	}
}

const char *cli_hold_mode(const struct cli_hold *hold)
{
	return zklock_lock_mode(hold->locks[0]) == ZKLOCK_MODE_SHARED ? "s"
								      : "x";
}

bool cli_hold_is_held(const struct cli_hold *hold)
{
	return cli_hold_until_ms(hold) > 0;
}

const char *cli_hold_about(const struct cli_hold *hold)
{
	return hold->about[0] ? hold->about : hold->names->text;
}

static void note_about(struct cli_hold *hold, const char *name)
{
	(void)snprintf(hold->about, sizeof hold->about, "%s", name);
}

void cli_hold_sign(struct cli_args *args, const char *what, const char *names,
		   char text[ZKLOCK_CLIENT_MAX + 1])
{
	/* Not the child's words: they may hold secrets, and this is seen in
	 * the whole cluster. */
	if (args->client)
		return;
	(void)snprintf(text, ZKLOCK_CLIENT_MAX + 1, "%s %s", what, names);
	args->client = text;
}

static int64_t search_ms(const struct cli_args *args)
{
	if (args->connect_timeout_ms != CLI_UNSET)
		return args->connect_timeout_ms;
	if (args->wait_ms == CLI_WAIT_FOREVER_MS || args->wait_ms > SEARCH_MS)
		return SEARCH_MS;
	return args->wait_ms > SEARCH_MS_MIN ? args->wait_ms : SEARCH_MS_MIN;
}

bool cli_hold_connect(struct cli_hold *hold, const struct cli_args *args,
		      const struct cli_signals *signals,
		      struct cli_fault *fault)
{
	hold->begun_ms = cli_clock_ms();
	return find(hold, args, signals, hold->begun_ms + search_ms(args),
		    fault);
}

/* Does ZooKeeper not answer?  Then who has it may have let go since. */
static bool is_silent(struct cli_hold *hold)
{
	enum zklock_state state;

	return zklock_refresh(hold->client) == ZKLOCK_OK &&
	       !has_session(hold->client, &state);
}

/* What the daemon said last about who has it, told to somebody in vain. */
static bool not_had(struct cli_hold *hold, const struct cli_args *args,
		    const struct zklock_event *failed, struct cli_fault *fault)
{
	bool silent = failed->error == ZKLOCK_E_TIMEOUT && failed->text[0] &&
		      is_silent(hold);
	char who[CLI_HOLDER_TEXT] = "";
	char before[48] = "";

	cli_holder_sentence(
	    failed->holder[0] ? failed->holder : hold->waits.holder,
	    failed->held_ms >= 0 ? failed->held_ms : hold->waits.held_ms, who);
	if (hold->waits.pos > 2)
		(void)snprintf(before, sizeof before, "; %u waiting before you",
			       hold->waits.pos - 2);
	if (silent) {
		(void)cli_fault_set(fault, CLI_EXIT_UNAVAILABLE,
				    "cannot get \"%s\": %s%s; ZooKeeper does "
				    "not answer. Try: zklock status",
				    cli_hold_about(hold),
				    who[0] ? who : "the wait ran out", before);
		return refuse(hold, fault, ZKLOCK_E_UNAVAILABLE);
	}
	(void)cli_fault_set(fault, args->conflict_exit,
			    "cannot get \"%s\": %s%s. Try: zklock who %s",
			    cli_hold_about(hold), who[0] ? who : failed->text,
			    before, cli_hold_about(hold));
	fault->expected = true;
	return refuse(hold, fault, failed->error);
}

/* Of several, the one that was refused. */
static void note_failed(struct cli_hold *hold)
{
	struct zklock_failure failure = ZKLOCK_FAILURE_INIT;

	if (hold->client && hold->names->len > 1 &&
	    zklock_last_failure(hold->client, &failure) == ZKLOCK_OK)
		note_about(hold, failure.name);
}

static bool failed(struct cli_hold *hold, const struct cli_args *args,
		   const struct zklock_event *event, struct cli_fault *fault)
{
	int exit = cli_connect_exit(event->error);

	note_failed(hold);
	if (exit == CLI_EXIT_BUSY)
		return not_had(hold, args, event, fault);
	if (event->error == ZKLOCK_E_LOST) /* the grant was read too late */
		exit = args->lost_exit;
	hold->ask_again = may_come(event->error);
	(void)cli_fault_set(
	    fault, exit, "cannot get \"%s\": %s", cli_hold_about(hold),
	    event->text[0] ? event->text : zklock_strerror(event->error));
	return refuse(hold, fault, event->error);
}

static void queued(struct cli_hold *hold, const struct cli_args *args,
		   const struct zklock_event *event)
{
	char who[CLI_HOLDER_TEXT];

	hold->waits.pos = event->pos;
	hold->waits.held_ms = event->held_ms;
	memcpy(hold->waits.holder, event->holder, sizeof hold->waits.holder);
	cli_holder_short(event->holder, event->held_ms, who);
	cli_say_verbose(args, "waiting for %s, %s (you are #%u)",
			zklock_name(event->lock), who, event->pos);
}

enum turn {
	TURN_WAITS,
	TURN_GRANTED,
	TURN_FAILED,
};

static enum turn hear(struct cli_hold *hold, const struct cli_args *args,
		      struct cli_fault *fault)
{
	struct zklock_event event = ZKLOCK_EVENT_INIT;

	while (zklock_next_event(hold->client, &event) == 1) {
		if (event.type == ZKLOCK_EVENT_QUEUED)
			queued(hold, args, &event);
		if (event.type == ZKLOCK_EVENT_GRANTED &&
		    ++hold->granted == hold->asked)
			return TURN_GRANTED;
		if (event.type != ZKLOCK_EVENT_FAILED)
			continue;
		hold->asked = 0; /* the others fail of the same */
		(void)failed(hold, args, &event, fault);
		return TURN_FAILED;
	}
	return TURN_WAITS;
}

/* Until something comes, at most up to end_ms. */
static void doze(struct cli_hold *hold, const struct cli_signals *signals,
		 int64_t end_ms)
{
	struct pollfd wait[] = {
		{ .fd = signals->fd, .events = POLLIN },
		cli_hold_pollfd(hold),
	};
	int64_t left_ms = -1;

	if (end_ms != CLI_NEVER_MS)
		left_ms = end_ms - cli_clock_ms();
	if (end_ms != CLI_NEVER_MS && left_ms < 0)
		left_ms = 0;
	if (left_ms > INT32_MAX)
		left_ms = INT32_MAX;
	(void)poll(wait, 2, (int)left_ms);
}

static bool granted(struct cli_hold *hold, const struct cli_args *args,
		    struct cli_fault *fault)
{
	hold->granted_ms = cli_clock_ms();
	for (unsigned i = 0; i < hold->asked; i++) {
		hold->grants[i] = (struct cli_grant){
			.id = zklock_id(hold->locks[i]),
			.token = zklock_token(hold->locks[i]),
		};
		cli_say_verbose(args, "got \"%s\", token %" PRIu64 "%s",
				hold->names->words[i], hold->grants[i].token,
				zklock_is_dev(hold->locks[i])
				    ? " (--dev: for this host)"
				    : "");
	}
	if (cli_hold_is_held(hold))
		return true;
	hold->outcome = "lost"; /* read too late */
	return cli_fault_set(fault, args->lost_exit,
			     "\"%s\" was lost before the command began",
			     cli_hold_about(hold));
}

/* Until the answer to our wish; end_ms is when the daemon is late with it. */
static bool await(struct cli_hold *hold, const struct cli_args *args,
		  const struct cli_signals *signals, int64_t end_ms,
		  struct cli_fault *fault)
{
	struct zklock_event late = ZKLOCK_EVENT_INIT;

	while (cli_clock_ms() < end_ms) {
		if (cancelled(hold, signals, fault))
			return false;
		(void)zklock_process(hold->client);
		switch (hear(hold, args, fault)) {
		case TURN_GRANTED:
			return granted(hold, args, fault);
		case TURN_FAILED:
			return false;
		case TURN_WAITS:
			break;
		}
		doze(hold, signals, end_ms);
	}
	late.error = args->wait_ms > 0 ? ZKLOCK_E_TIMEOUT : ZKLOCK_E_NOREPLY;
	return failed(hold, args, &late, fault);
}

/* Ask once; wait_end_ms is the caller's, who may have asked before. */
static bool ask(struct cli_hold *hold, const struct cli_args *args,
		const struct cli_signals *signals, int64_t wait_end_ms,
		struct cli_fault *fault)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	char tried[ZKLOCK_NAME_MAX + 32];
	int64_t end_ms = CLI_NEVER_MS;
	int error;

	options.note = args->note;
	options.min_hold_ms = args->min_hold_ms;
	options.max_hold_ms = args->max_hold_ms;
	if (args->shared)
		options.mode = ZKLOCK_MODE_SHARED;
	options.slots = args->slots;
	if (wait_end_ms != CLI_NEVER_MS) {
		options.wait_ms = wait_end_ms - cli_clock_ms();
		if (options.wait_ms < 0 || args->wait_ms == 0)
			options.wait_ms = 0;
		end_ms = wait_end_ms + LATE_MS;
	}
	hold->granted = 0;
	error =
	    zklock_acquire_all_async(hold->client, hold->names->words,
				     hold->names->len, &options, hold->locks);
	if (error == ZKLOCK_OK) {
		hold->asked = hold->names->len;
		return await(hold, args, signals, end_ms, fault);
	}
	note_failed(hold);
	(void)snprintf(tried, sizeof tried, "cannot get \"%.*s\"",
		       ZKLOCK_NAME_MAX, cli_hold_about(hold));
	(void)cli_connect_fault(hold->client, error, tried, fault);
	hold->ask_again = may_come(error);
	return refuse(hold, fault, error);
}

/* As long as at the beginning, but a wait that is over looks for nobody. */
static int64_t search_again(const struct cli_args *args, int64_t wait_end_ms)
{
	int64_t end_ms = cli_clock_ms() + search_ms(args);

	if (wait_end_ms == CLI_NEVER_MS)
		return end_ms;
	return less(end_ms, wait_end_ms + SEARCH_MS_MIN);
}

bool cli_hold_take(struct cli_hold *hold, const struct cli_args *args,
		   const struct cli_signals *signals, struct cli_fault *fault)
{
	int64_t now_ms = cli_clock_ms();
	int64_t search_end_ms = now_ms + search_ms(args);
	int64_t wait_end_ms = CLI_NEVER_MS;

	if (args->wait_ms != CLI_WAIT_FOREVER_MS)
		wait_end_ms = now_ms + args->wait_ms;
	for (;;) {
		hold->waits = (struct cli_waits){ .held_ms = -1 };
		hold->about[0] = '\0';
		hold->ask_again = false;
		hold->unreachable = false;
		if (ask(hold, args, signals, wait_end_ms, fault))
			return true;
		if (!hold->ask_again)
			return false;
		if (hold->waits.pos > 0) /* it was fine up to now */
			search_end_ms = search_again(args, wait_end_ms);
		if (cli_clock_ms() + LOOK_MS >= search_end_ms)
			return false;
		cli_say_verbose(args, "%s; looking for it again", fault->text);
		*fault = (struct cli_fault){ 0 };
		cli_hold_end(hold);
		nap(signals, LOOK_MS);
		if (!find(hold, args, signals, search_end_ms, fault))
			return false;
	}
}

static void note_reason(struct cli_hold *hold, enum zklock_reason reason)
{
	if (!hold->reason[0])
		(void)snprintf(hold->reason, sizeof hold->reason, "%s",
			       zklock_strreason(reason));
}

static void note_revoke(struct cli_hold *hold, const struct zklock_event *event)
{
	(void)snprintf(hold->revoked, sizeof hold->revoked,
		       "\"%s\" is %s by %s%s%s", zklock_name(event->lock),
		       event->until_ms ? "taken away" : "asked for",
		       event->holder[0] ? event->holder : "somebody",
		       event->text[0] ? ": " : "", event->text);
	if (!event->until_ms)
		return;
	note_about(hold, zklock_name(event->lock));
	note_reason(hold, ZKLOCK_REASON_KICKED);
}

enum cli_news cli_hold_news(struct cli_hold *hold)
{
	struct zklock_event event = ZKLOCK_EVENT_INIT;

	(void)zklock_process(hold->client);
	while (zklock_next_event(hold->client, &event) == 1) {
		if (event.type == ZKLOCK_EVENT_SUSPENDED)
			return CLI_NEWS_SUSPENDED;
		if (event.type == ZKLOCK_EVENT_RESUMED)
			return CLI_NEWS_RESUMED;
		if (event.type == ZKLOCK_EVENT_REVOKE) {
			note_revoke(hold, &event);
			return CLI_NEWS_REVOKED;
		}
		if (event.type == ZKLOCK_EVENT_LOST) {
			/* Of a session all are lost: no one of them is told of.
			 */
			if (event.reason == ZKLOCK_REASON_DELETED ||
			    event.reason == ZKLOCK_REASON_KICKED)
				note_about(hold, zklock_name(event.lock));
			note_reason(hold, event.reason);
			return CLI_NEWS_LOST;
		}
		if (event.type == ZKLOCK_EVENT_CLOSED) {
			note_reason(hold, ZKLOCK_REASON_DISCONNECTED);
			return CLI_NEWS_LOST;
		}
	}
	return CLI_NEWS_NONE;
}

int cli_hold_fd(const struct cli_hold *hold)
{
	return hold->client ? zklock_get_fd(hold->client) : -1;
}

struct pollfd cli_hold_pollfd(const struct cli_hold *hold)
{
	struct pollfd wait = { .fd = cli_hold_fd(hold) };

	if (hold->client)
		wait.events = (short)zklock_get_events(hold->client);
	return wait;
}

int64_t cli_hold_until_ms(const struct cli_hold *hold)
{
	int64_t until_ms = hold->asked ? CLI_NEVER_MS : 0;

	for (unsigned i = 0; i < hold->asked; i++)
		until_ms = less(until_ms, zklock_until_ms(hold->locks[i]));
	return until_ms;
}

int64_t cli_hold_max_until_ms(const struct cli_hold *hold)
{
	int64_t until_ms = CLI_NEVER_MS;

	for (unsigned i = 0; i < hold->asked; i++) {
		int64_t one_ms = zklock_max_until_ms(hold->locks[i]);

		if (one_ms)
			until_ms = less(until_ms, one_ms);
	}
	return until_ms;
}

int64_t cli_hold_grace_ms_max(const struct cli_hold *hold)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;

	if (!hold->client || zklock_info(hold->client, &info) != ZKLOCK_OK ||
	    info.session_timeout_ms <= 0)
		return CLI_NEVER_MS;
	return info.session_timeout_ms / 4;
}

void cli_hold_release(struct cli_hold *hold)
{
	hold->released_ms = cli_clock_ms();
	(void)zklock_release_all(hold->locks, hold->asked);
	hold->asked = 0;
}

void cli_hold_end(struct cli_hold *hold)
{
	zklock_close(hold->client);
	hold->client = NULL;
	hold->asked = 0;
}
