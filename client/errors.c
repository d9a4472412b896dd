/* SPDX-License-Identifier: MIT */
/*
 * errors - numbers, words and sentences; what a client remembers of its last.
 *
 * Decides nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/library.h"

int zkl_error_of(enum zkp_status status)
{
	switch (status) { /* no default: a new word must get its number */
	case ZKP_OK:
		return ZKLOCK_OK;
	case ZKP_SYNTAX:
		return ZKLOCK_E_SYNTAX;
	case ZKP_UNKNOWN:
		return ZKLOCK_E_UNKNOWN;
	case ZKP_ARGS:
		return ZKLOCK_E_ARGS;
	case ZKP_NAME:
		return ZKLOCK_E_NAME;
	case ZKP_TOOLONG:
		return ZKLOCK_E_TOOLONG;
	case ZKP_BUSY:
		return ZKLOCK_E_BUSY;
	case ZKP_TIMEOUT:
		return ZKLOCK_E_TIMEOUT;
	case ZKP_CANCELLED:
		return ZKLOCK_E_CANCELLED;
	case ZKP_HELD:
		return ZKLOCK_E_HELD;
	case ZKP_NOTHELD:
		return ZKLOCK_E_NOTHELD;
	case ZKP_NOTFOUND:
		return ZKLOCK_E_NOTFOUND;
	case ZKP_LIMIT:
		return ZKLOCK_E_LIMIT;
	case ZKP_DENIED:
		return ZKLOCK_E_DENIED;
	case ZKP_UNAVAILABLE:
		return ZKLOCK_E_UNAVAILABLE;
	case ZKP_SUSPENDED:
		return ZKLOCK_E_SUSPENDED;
	case ZKP_LOST:
		return ZKLOCK_E_LOST;
	case ZKP_DRAINING:
		return ZKLOCK_E_DRAINING;
	case ZKP_VERSION:
		return ZKLOCK_E_VERSION;
	case ZKP_KIND:
		return ZKLOCK_E_KIND;
	case ZKP_DEADLOCK:
		return ZKLOCK_E_DEADLOCK;
	case ZKP_ZK:
		return ZKLOCK_E_ZK;
	case ZKP_INTERNAL:
		return ZKLOCK_E_INTERNAL;
	}
	return ZKLOCK_E_INTERNAL;
}

/* What only the library finds. */
static const struct {
	int error;
	const char *word;
	const char *sentence;
} own_errors[] = {
	{ ZKLOCK_E_DISCONNECTED, "DISCONNECTED",
	  "the connection to zklockd has ended" },
	{ ZKLOCK_E_NODAEMON, "NODAEMON", "no zklockd listens there" },
	{ ZKLOCK_E_NOREPLY, "NOREPLY", "zklockd did not answer in time" },
	{ ZKLOCK_E_PROTOCOL, "PROTOCOL", "what came back is no reply" },
	{ ZKLOCK_E_FORKED, "FORKED", "the client is of another process" },
	{ ZKLOCK_E_NOMEM, "NOMEM", "out of memory" },
	{ ZKLOCK_E_INVAL, "INVAL", "a bad argument, or not allowed here" },
	{ ZKLOCK_E_SYS, "SYS", "a system call failed" },
};
#define OWN_ERRORS (sizeof own_errors / sizeof *own_errors)

static bool status_of(int error, enum zkp_status *status_out)
{
	for (int i = 0; i < (int)ZKP_STATUS_COUNT; i++) {
		if (zkl_error_of((enum zkp_status)i) != error)
			continue;
		*status_out = (enum zkp_status)i;
		return true;
	}
	return false;
}

const char *zklock_strerror(int error)
{
	enum zkp_status status;

	if (status_of(error, &status))
		return zkp_status_sentence(status);
	for (size_t i = 0; i < OWN_ERRORS; i++) {
		if (own_errors[i].error == error)
			return own_errors[i].sentence;
	}
	return "unknown error";
}

const char *zklock_strerrname(int error)
{
	enum zkp_status status;

	if (status_of(error, &status))
		return zkp_status_word(status);
	for (size_t i = 0; i < OWN_ERRORS; i++) {
		if (own_errors[i].error == error)
			return own_errors[i].word;
	}
	return "?";
}

static const struct {
	enum zklock_reason reason;
	const char *word;
} reasons[] = {
	{ ZKLOCK_REASON_NONE, "" },
	{ ZKLOCK_REASON_DEADLINE, "deadline" },
	{ ZKLOCK_REASON_EXPIRED, "expired" },
	{ ZKLOCK_REASON_DELETED, "deleted" },
	{ ZKLOCK_REASON_KICKED, "kicked" },
	{ ZKLOCK_REASON_MAX_HOLD, "max_hold" },
	{ ZKLOCK_REASON_SHUTDOWN, "shutdown" },
	{ ZKLOCK_REASON_DISCONNECTED, "disconnected" },
	{ ZKLOCK_REASON_OTHER, "other" },
};
#define REASONS (sizeof reasons / sizeof *reasons)

enum zklock_reason zkl_reason_of(const char *word)
{
	for (size_t i = 1; word && i < REASONS; i++) {
		if (strcmp(reasons[i].word, word) == 0)
			return reasons[i].reason;
	}
	return ZKLOCK_REASON_OTHER;
}

const char *zklock_strreason(enum zklock_reason reason)
{
	for (size_t i = 0; i < REASONS; i++) {
		if (reasons[i].reason == reason)
			return reasons[i].word;
	}
	return "other";
}

void zkl_copy(char *buf, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= size)
		len = size - 1;
	if (len)
		memcpy(buf, text, len);
	buf[len] = '\0';
}

/* "somebody else has the lock: held by db2 pid=812 deploy.py" */
static void compose(zklock_client *client)
{
	const struct zklock_failure *f = &client->failure;
	const char *os = f->system_errno ? strerror(f->system_errno) : "";

	(void)snprintf(client->errmsg, sizeof client->errmsg, "%s%s%s%s%s",
		       f->text, *f->holder ? ": held by " : "", f->holder,
		       *os ? ": " : "", os);
}

static void begin_failure(zklock_client *client, int error)
{
	client->failure = (struct zklock_failure)ZKLOCK_FAILURE_INIT;
	client->failure.error = error;
	if (error == ZKLOCK_E_SYS || error == ZKLOCK_E_NODAEMON)
		client->failure.system_errno = errno;
}

int zkl_fail(zklock_client *client, int error, const char *name,
	     const char *text)
{
	struct zklock_failure *f = &client->failure;

	begin_failure(client, error);
	zkl_copy(f->name, sizeof f->name, name);
	zkl_copy(f->text, sizeof f->text, text ? text : zklock_strerror(error));
	compose(client);
	return error;
}

int zkl_fail_reply(zklock_client *client, const struct zkp_reply *reply)
{
	struct zklock_failure *f = &client->failure;
	int error = zkl_error_of(reply->status);

	begin_failure(client, error);
	zkl_copy(f->name, sizeof f->name, zkp_reply_str(reply, "name"));
	zkl_copy(f->holder, sizeof f->holder, zkp_reply_str(reply, "holder"));
	(void)zkp_reply_i64(reply, "held_ms", &f->held_ms);
	(void)zkp_reply_i64(reply, "waited_ms", &f->waited_ms);
	zkl_copy(f->text, sizeof f->text,
		 *reply->text ? reply->text : zklock_strerror(error));
	compose(client);
	return error;
}

const char *zklock_errmsg(const zklock_client *client)
{
	return client ? client->errmsg : "";
}

int zklock_last_failure(zklock_client *client,
			struct zklock_failure *failure_out)
{
	size_t size;
	int ret;

	if (!failure_out || failure_out->size < sizeof(size_t))
		return ZKLOCK_E_INVAL;
	ret = zkl_enter(client);
	if (ret)
		return ret;
	size = failure_out->size;
	if (size > sizeof client->failure)
		size = sizeof client->failure;
	client->failure.size = failure_out->size;
	memcpy(failure_out, &client->failure, size);
	return zkl_leave(client, ZKLOCK_OK);
}
