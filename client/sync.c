/* SPDX-License-Identifier: MIT */
/*
 * sync - the calls that block until the daemon has answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/library.h"
#include "proto/number.h"

int zkl_check_ask(zklock_client *client, const char *name,
		  const struct zklock_lock_options *options)
{
	char text[ZKLOCK_TEXT_MAX + 1];
	struct zkp_name_fault fault;

	if (options &&
	    (options->size != sizeof *options ||
	     options->wait_ms < ZKLOCK_WAIT_FOREVER ||
	     options->wait_ms > ZKLOCK_WAIT_MAX_MS ||
	     (options->mode != ZKLOCK_MODE_EXCLUSIVE &&
	      options->mode != ZKLOCK_MODE_SHARED) ||
	     options->slots > ZKLOCK_SLOTS_MAX ||
	     (options->slots && options->mode == ZKLOCK_MODE_SHARED) ||
	     options->max_hold_ms < 0 ||
	     options->max_hold_ms > ZKLOCK_WAIT_MAX_MS ||
	     options->min_hold_ms < 0 ||
	     options->min_hold_ms > ZKLOCK_MIN_HOLD_MAX_MS))
		return zkl_fail(client, ZKLOCK_E_INVAL, NULL, NULL);
	if (options && options->note && strlen(options->note) > ZKLOCK_NOTE_MAX)
		return zkl_fail(client, ZKLOCK_E_INVAL, NULL,
				"the note is too long");
	if (zkp_name_check(name, strlen(name), NULL, &fault))
		return ZKLOCK_OK;
	(void)snprintf(text, sizeof text, "byte %zu: %s", fault.byte,
		       fault.why);
	return zkl_fail(client, ZKLOCK_E_NAME, name, text);
}

int zklock_acquire_async(zklock_client *client, const char *name,
			 const struct zklock_lock_options *options,
			 zklock_lock **lock_out)
{
	int ret;

	if (!name || !lock_out)
		return ZKLOCK_E_INVAL;
	ret = zkl_enter(client);
	if (ret)
		return ret;
	ret = zkl_check_ask(client, name, options);
	if (ret == ZKLOCK_OK)
		ret = zkl_ask(client, name, options, false, lock_out);
	return zkl_leave(client, ret);
}

int64_t zkl_ask_until_ms(const zklock_client *client,
			 const struct zklock_lock_options *options)
{
	int64_t wait_ms = options ? options->wait_ms : ZKLOCK_WAIT_FOREVER;

	if (wait_ms == ZKLOCK_WAIT_FOREVER)
		return ZKL_NEVER_MS;
	return zklock_now_ms() + wait_ms + client->reply_timeout_ms;
}

/* The daemon let the time pass without a word: what it still may grant goes
 * back, whenever that is. */
static int abandon(zklock_client *client, zklock_lock *lock, bool waited)
{
	struct zkl_call *call = lock->asking;
	int error = waited ? ZKLOCK_E_TIMEOUT : ZKLOCK_E_NOREPLY;

	(void)zkl_fail(client, error, lock->name,
		       zklock_strerror(ZKLOCK_E_NOREPLY));
	zkl_notes_forget(lock);
	lock->orphan = true;
	zkl_call_free(client, call);
	if (zkl_call_off(lock))
		zkl_cut(client, ZKLOCK_E_DISCONNECTED);
	return error;
}

int zkl_ask_await(zklock_client *client,
		  const struct zklock_lock_options *options, zklock_lock *lock,
		  zklock_lock **lock_out)
{
	struct zkl_call *call = lock->asking;
	int ret = zkl_wait(client, call, zkl_ask_until_ms(client, options));

	if (!call->done)
		return abandon(client, lock, options && options->wait_ms);
	zkl_call_free(client, call);
	lock->quiet = false;
	if (ret)
		zkl_lock_free(lock);
	else
		*lock_out = lock;
	return ret;
}

int zklock_acquire(zklock_client *client, const char *name,
		   const struct zklock_lock_options *options,
		   zklock_lock **lock_out)
{
	zklock_lock *lock;
	int ret;

	if (!name || !lock_out)
		return ZKLOCK_E_INVAL;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	ret = zkl_check_ask(client, name, options);
	if (ret == ZKLOCK_OK)
		ret = zkl_ask(client, name, options, true, &lock);
	if (ret == ZKLOCK_OK)
		ret = zkl_ask_await(client, options, lock, lock_out);
	return zkl_leave(client, ret);
}

int zklock_try(zklock_client *client, const char *name, zklock_lock **lock_out)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;

	options.wait_ms = 0;
	return zklock_acquire(client, name, &options, lock_out);
}

/* ------------------------------------------------------------- with -- */

/* One error says that fn ran and no other does. */
static int not_called(int error)
{
	/* That of a grant which came too late: no answer in time. */
	return error == ZKLOCK_E_LOST ? ZKLOCK_E_NOREPLY : error;
}

int zklock_with(zklock_client *client, const char *name,
		const struct zklock_lock_options *options,
		int (*fn)(zklock_lock *lock, void *userdata), void *userdata)
{
	zklock_lock *lock = NULL;
	int done;
	int ret;

	if (!fn)
		return ZKLOCK_E_INVAL;
	ret = zklock_acquire(client, name, options, &lock);
	if (ret)
		return not_called(ret);
	done = fn(lock, userdata);
	return zklock_release(lock) ? ZKLOCK_E_LOST : done;
}

/* ----------------------------------------------------------------- wait -- */

static int wait_free(zklock_client *client, const char *name,
		     const struct zklock_lock_options *options)
{
	const struct zkl_call like = { .lock = NULL };
	struct zkl_call *call = NULL;
	struct zkp_request rq;
	int ret;

	zkp_request_init(&rq, ZKP_VERB_WAIT);
	rq.name = name;
	rq.wait_ms = options->wait_ms;
	ret = zkl_call_send(client, &rq, &like, &call);
	if (ret)
		return ret;
	ret = zkl_wait(client, call, zkl_ask_until_ms(client, options));
	if (!call->done) {
		(void)zkl_fail(client, ret, name, NULL);
		zkl_call_cancel(client, call);
	}
	zkl_call_free(client, call);
	return ret;
}

int zklock_wait_free(zklock_client *client, const char *name,
		     int64_t timeout_ms)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	int ret;

	if (!name)
		return ZKLOCK_E_INVAL;
	options.wait_ms = timeout_ms;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	ret = zkl_check_ask(client, name, &options);
	if (ret == ZKLOCK_OK)
		ret = wait_free(client, name, &options);
	return zkl_leave(client, ret);
}

/* ---------------------------------------------------------------- check -- */

/* A request about this hold, and no other. */
static int about_hold(zklock_client *client, zklock_lock *lock,
		      enum zkp_verb verb, unsigned flags)
{
	const struct zkl_call like = { .lock = lock };
	struct zkl_call *call = NULL;
	struct zkp_request rq;
	int ret;

	if (lock->state == ZKL_LOCK_LOST)
		return zkl_fail(client, ZKLOCK_E_LOST, lock->name, NULL);
	if (lock->state != ZKL_LOCK_HELD)
		return zkl_fail(client, ZKLOCK_E_NOTHELD, lock->name, NULL);
	zkp_request_init(&rq, verb);
	rq.id = atomic_load(&lock->id);
	rq.token = atomic_load(&lock->token);
	rq.sync = flags & ZKLOCK_CHECK_SYNC;
	ret = zkl_call_send(client, &rq, &like, &call);
	return ret ? ret : zkl_wait_reply(client, call);
}

int zklock_check(zklock_lock *lock, unsigned flags)
{
	zklock_client *client = zklock_lock_client(lock);
	int ret;

	if (flags & ~ZKLOCK_CHECK_SYNC)
		return ZKLOCK_E_INVAL;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	return zkl_leave(client,
			 about_hold(client, lock, ZKP_VERB_CHECK, flags));
}

int zklock_downgrade(zklock_lock *lock)
{
	zklock_client *client = zklock_lock_client(lock);
	int ret = zkl_enter_blocking(client);

	if (ret)
		return ret;
	return zkl_leave(client,
			 about_hold(client, lock, ZKP_VERB_DOWNGRADE, 0));
}

static int adopt(zklock_client *client, const char *name,
		 zklock_lock **lock_out)
{
	struct zkl_call like = { .adopting = true };
	struct zkl_call *call = NULL;
	struct zkp_request rq;
	int ret;

	zkp_request_init(&rq, ZKP_VERB_CHECK);
	rq.name = name;
	like.lock = zkl_lock_new(client, name, NULL);
	if (!like.lock)
		return zkl_fail(client, ZKLOCK_E_NOMEM, name, NULL);
	like.lock->quiet = true;
	ret = zkl_call_send(client, &rq, &like, &call);
	if (ret == ZKLOCK_OK)
		ret = zkl_wait_reply(client, call);
	like.lock->quiet = false;
	if (ret)
		zkl_lock_free(like.lock);
	else
		*lock_out = like.lock;
	return ret;
}

int zklock_adopt(zklock_client *client, const char *name,
		 zklock_lock **lock_out)
{
	int ret;

	if (!name || !lock_out)
		return ZKLOCK_E_INVAL;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	ret = zkl_check_ask(client, name, NULL);
	if (ret == ZKLOCK_OK)
		ret = adopt(client, name, lock_out);
	return zkl_leave(client, ret);
}

int zklock_env_token(uint64_t *token_out)
{
	const char *text = getenv("ZKLOCK_TOKEN");
	uint64_t token;

	if (!token_out)
		return ZKLOCK_E_INVAL;
	if (!text)
		return ZKLOCK_E_NOTFOUND;
	if (!zkp_u64_read(text, (uint64_t)ZKP_TOKEN_MAX, &token) || token == 0)
		return ZKLOCK_E_INVAL;
	*token_out = token;
	return ZKLOCK_OK;
}

/* ------------------------------------------------------------- commands -- */

int zklock_command(zklock_client *client, const char *line,
		   zklock_row_cb callback, void *userdata)
{
	const struct zkl_call like = { .row = callback, .userdata = userdata };
	struct zkl_call *call = NULL;
	int ret;

	if (!line || !*line || *line == '#' || strpbrk(line, "\r\n"))
		return ZKLOCK_E_INVAL;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	if (strlen(line) > ZKLOCK_LINE_MAX)
		ret = zkl_fail(client, ZKLOCK_E_TOOLONG, NULL, NULL);
	else
		ret = zkl_call_send_line(client, line, &like, &call);
	if (ret == ZKLOCK_OK)
		ret = zkl_wait_reply(client, call);
	return zkl_leave(client, ret);
}

static bool row_state(unsigned flags, enum zkp_row_state *state_out)
{
	static const struct {
		unsigned flags;
		enum zkp_row_state state;
	} rows[] = {
		{ 0, ZKP_ROW_ANY },
		{ ZKLOCK_LIST_HELD, ZKP_ROW_HELD },
		{ ZKLOCK_LIST_WAITING, ZKP_ROW_WAITING },
		{ ZKLOCK_LIST_SUSPENDED, ZKP_ROW_SUSPENDED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].flags != flags)
			continue;
		*state_out = rows[i].state;
		return true;
	}
	return false;
}

int zklock_list(zklock_client *client, const char *pattern, unsigned flags,
		zklock_row_cb callback, void *userdata)
{
	char line[ZKP_LINE_MAX + ZKP_LINE_END_MAX];
	struct zkp_request rq;
	struct zkp_out out;

	zkp_request_init(&rq, ZKP_VERB_LIST);
	if (!row_state(flags, &rq.state))
		return ZKLOCK_E_INVAL;
	if (pattern)
		rq.pattern = pattern;
	zkp_out_init(&out, line, sizeof line);
	if (!zkp_request_write(&out, &rq))
		return ZKLOCK_E_TOOLONG;
	line[out.len - 1] = '\0'; /* the LF */
	return zklock_command(client, line, callback, userdata);
}
