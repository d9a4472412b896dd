/* SPDX-License-Identifier: MIT */
/*
 * connection - a client's beginning and end, and who is at the other side.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/library.h"

#define STRING(number)  STRING_(number)
#define STRING_(number) #number

int zklock_version(void)
{
	return ZKLOCK_VERSION;
}

const char *zklock_version_string(void)
{
	return STRING(ZKLOCK_VERSION_MAJOR) "." STRING(
	    ZKLOCK_VERSION_MINOR) "." STRING(ZKLOCK_VERSION_PATCH);
}

int zkl_enter(zklock_client *client)
{
	if (!client)
		return ZKLOCK_E_INVAL;
	if (getpid() != client->pid)
		return ZKLOCK_E_FORKED;
	/* Taken already by this thread: from inside of a row callback. */
	if (pthread_mutex_lock(&client->mutex) != 0)
		return ZKLOCK_E_INVAL;
	return ZKLOCK_OK;
}

int zkl_leave(zklock_client *client, int result)
{
	(void)pthread_mutex_unlock(&client->mutex);
	return result;
}

int zkl_enter_blocking(zklock_client *client)
{
	int ret = zkl_enter(client);

	if (ret || !client->threaded ||
	    !pthread_equal(pthread_self(), client->thread))
		return ret;
	return zkl_leave(client, ZKLOCK_E_INVAL);
}

/* ---------------------------------------------------------------- HELLO -- */

static const struct {
	enum zklock_state state;
	const char *word;
} states[] = {
	{ ZKLOCK_STATE_UNKNOWN, "unknown" },
	{ ZKLOCK_STATE_CONNECTING, "connecting" },
	{ ZKLOCK_STATE_CONNECTED, "connected" },
	{ ZKLOCK_STATE_SUSPENDED, "suspended" },
	{ ZKLOCK_STATE_DRAINING, "draining" },
	{ ZKLOCK_STATE_DEV, "dev" },
	{ ZKLOCK_STATE_CLOSED, "closed" },
};
#define STATES (sizeof states / sizeof *states)

const char *zklock_strstate(enum zklock_state state)
{
	for (size_t i = 0; i < STATES; i++) {
		if (states[i].state == state)
			return states[i].word;
	}
	return "unknown";
}

static enum zklock_state state_of(const char *word)
{
	for (size_t i = 0; word && i < STATES; i++) {
		if (strcmp(states[i].word, word) == 0)
			return states[i].state;
	}
	return ZKLOCK_STATE_UNKNOWN;
}

void zkl_on_hello(zklock_client *client, const struct zkp_reply *reply)
{
	struct zklock_info *facts = &client->facts;
	uint64_t number = 0;

	facts->state = state_of(zkp_reply_str(reply, "state"));
	if (zkp_reply_u64(reply, "proto", &number) && number <= UINT32_MAX)
		facts->proto = (unsigned)number;
	facts->dev = zkp_reply_u64(reply, "dev", &number) && number == 1;
	(void)zkp_reply_u64(reply, "id", &facts->connection);
	(void)zkp_reply_hex(reply, "session", &facts->session);
	(void)zkp_reply_i64(reply, "timeout_ms", &facts->session_timeout_ms);
	zkl_copy(facts->host, sizeof facts->host, zkp_reply_str(reply, "host"));
	zkl_copy(facts->server, sizeof facts->server,
		 zkp_reply_str(reply, "server"));
	zkl_copy(facts->lease_path, sizeof facts->lease_path,
		 zkp_reply_str(reply, "lease"));
	zkl_copy(facts->caps, sizeof facts->caps, zkp_reply_str(reply, "caps"));
	client->page_id = 0;
	(void)zkp_reply_hex(reply, "lease_id", &client->page_id);
}

/* One HELLO; push asks for the deadline in lines. */
static int say_hello(zklock_client *client, bool push, int64_t deadline_ms)
{
	const struct zkl_call like = { .greeting = client->greeting };
	struct zkl_call *call;
	struct zkp_request rq;
	int ret;

	zkp_request_init(&rq, ZKP_VERB_HELLO);
	rq.client = client->client_name;
	rq.note = client->note;
	rq.lease_push = push;
	ret = zkl_call_send(client, &rq, &like, &call);
	if (ret)
		return ret;
	ret = zkl_wait(client, call, deadline_ms);
	zkl_call_free(client, call);
	return ret;
}

int zkl_hello(zklock_client *client, int64_t deadline_ms)
{
	int ret = say_hello(client, false, deadline_ms);

	if (ret || client->greeted)
		return ret;
	client->greeted = true;
	/* Only now, before there is a lock that reads it. */
	client->facts.lease_mapped = zkl_view_map(
	    client->view, client->facts.lease_path, client->page_id);
	if (client->facts.lease_mapped)
		return ZKLOCK_OK;
	return say_hello(client, true, deadline_ms);
}

/* ----------------------------------------------------------------- open -- */

/* A fresh connection over fd: introduce ourselves.  fd stays the caller's on
 * failure. */
static int begin(zklock_client *client, int fd)
{
	struct zkl_view *view;
	struct timespec ts;
	int ret;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)snprintf(client->prefix, sizeof client->prefix, "z%08" PRIx32 "-",
		       (uint32_t)((uint64_t)ts.tv_sec * 1000000000 +
				  (uint64_t)ts.tv_nsec));
	view = zkl_view_new();
	if (!view)
		return ZKLOCK_E_NOMEM;
	zkl_view_unref(client->view);
	client->view = view;
	client->connection++;
	client->greeted = false;
	ret = zkl_stream_begin(client, fd);
	if (ret)
		return ret;
	client->facts = (struct zklock_info)ZKLOCK_INFO_INIT;
	zkl_copy(client->facts.socket, sizeof client->facts.socket,
		 client->socket_path);
	client->greeting = true; /* nobody else is let in before HELLO */
	ret = zkl_hello(client, client->connect_until_ms);
	client->greeting = false;
	if (ret == ZKLOCK_OK && client->flags & ZKLOCK_F_THREAD &&
	    !client->threaded)
		ret = zkl_thread_start(client);
	return ret;
}

static int copy_string(char **to, const char *from, size_t len_max)
{
	if (strlen(from) > len_max)
		return ZKLOCK_E_INVAL;
	*to = strdup(from);
	return *to ? ZKLOCK_OK : ZKLOCK_E_NOMEM;
}

static int64_t or_default(int64_t given_ms, int64_t default_ms)
{
	return given_ms ? given_ms : default_ms;
}

static int take_strings(zklock_client *client,
			const struct zklock_options *options, bool foreign)
{
	const char *path = options->socket;
	char name[ZKLOCK_CLIENT_MAX + 1];
	int ret;

	zkl_copy(name, sizeof name, program_invocation_short_name);
	if (!path)
		path = secure_getenv("ZKLOCK_SOCKET");
	if (!path || !*path)
		path = ZKLOCK_DEFAULT_SOCKET;
	ret = copy_string(&client->socket_path, foreign ? "" : path, SIZE_MAX);
	if (ret == ZKLOCK_OK)
		ret = copy_string(&client->client_name,
				  options->client ? options->client : name,
				  ZKLOCK_CLIENT_MAX);
	if (ret == ZKLOCK_OK)
		ret = copy_string(&client->note,
				  options->note ? options->note : "",
				  ZKLOCK_NOTE_MAX);
	return ret;
}

static int take_options(zklock_client *client,
			const struct zklock_options *options, bool foreign)
{
	const struct zklock_options defaults = ZKLOCK_OPTIONS_INIT;

	if (!options)
		options = &defaults;
	if (options->size != sizeof *options ||
	    options->connect_timeout_ms < 0 || options->reply_timeout_ms < 0 ||
	    options->connect_timeout_ms > ZKLOCK_WAIT_MAX_MS ||
	    options->reply_timeout_ms > ZKLOCK_WAIT_MAX_MS ||
	    options->flags &
		~(ZKLOCK_F_THREAD | ZKLOCK_F_INHERIT | ZKLOCK_F_TRUSTED))
		return ZKLOCK_E_INVAL;
	client->flags = options->flags;
	client->foreign_fd = foreign;
	client->connect_timeout_ms =
	    or_default(options->connect_timeout_ms, ZKL_CONNECT_TIMEOUT_MS);
	client->reply_timeout_ms =
	    or_default(options->reply_timeout_ms, ZKL_REPLY_TIMEOUT_MS);
	return take_strings(client, options, foreign);
}

static int init_locking(zklock_client *client)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	(void)pthread_mutexattr_init(&mutex);
	(void)pthread_mutexattr_settype(&mutex, PTHREAD_MUTEX_ERRORCHECK);
	(void)pthread_mutex_init(&client->mutex, &mutex);
	(void)pthread_mutexattr_destroy(&mutex);
	(void)pthread_condattr_init(&cond);
	(void)pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&client->changed, &cond);
	(void)pthread_condattr_destroy(&cond);
	client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return client->wake_fd < 0 ? ZKLOCK_E_SYS : ZKLOCK_OK;
}

static zklock_client *client_new(void)
{
	zklock_client *client = calloc(1, sizeof *client);

	if (!client)
		return NULL;
	client->pid = getpid();
	client->fd = -1;
	client->wake_fd = -1;
	client->timer_fd = -1;
	client->closed = true;
	TAILQ_INIT(&client->locks);
	TAILQ_INIT(&client->notes);
	for (size_t i = 0; i < ZKL_BUCKETS; i++)
		LIST_INIT(&client->calls[i]);
	client->failure = (struct zklock_failure)ZKLOCK_FAILURE_INIT;
	client->facts = (struct zklock_info)ZKLOCK_INFO_INIT;
	return client;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/* Memory and descriptors; nothing is said to anybody. */
static void client_free(zklock_client *client)
{
	zklock_lock *lock;
	int saved = errno;

	zkl_calls_cut(client, ZKLOCK_E_DISCONNECTED);
	while ((lock = TAILQ_FIRST(&client->locks)) != NULL)
		zkl_lock_free(lock);
	zkl_view_unref(client->view);
	close_fd(client->fd);
	close_fd(client->wake_fd);
	close_fd(client->timer_fd);
	free(client->in);
	free(client->out);
	free(client->socket_path);
	free(client->client_name);
	free(client->note);
	free(client);
	errno = saved;
}

static int open_any(zklock_client **client_out, int fd,
		    const struct zklock_options *options)
{
	bool foreign = fd >= 0;
	zklock_client *client;
	int ret;

	if (!client_out)
		return ZKLOCK_E_INVAL;
	client = client_new();
	if (!client)
		return ZKLOCK_E_NOMEM;
	ret = take_options(client, options, foreign);
	if (ret == ZKLOCK_OK)
		ret = init_locking(client);
	client->connect_until_ms = zklock_now_ms() + client->connect_timeout_ms;
	if (ret == ZKLOCK_OK && !foreign)
		ret = zkl_connect(client, &fd);
	if (ret == ZKLOCK_OK) {
		client->fd = fd;
		(void)pthread_mutex_lock(&client->mutex);
		ret = zkl_leave(client, begin(client, fd));
	}
	if (ret) {
		if (foreign)
			client->fd = -1;
		client_free(client);
		return ret;
	}
	*client_out = client;
	return ZKLOCK_OK;
}

int zklock_open(zklock_client **client_out,
		const struct zklock_options *options)
{
	return open_any(client_out, -1, options);
}

int zklock_open_fd(zklock_client **client_out, int fd,
		   const struct zklock_options *options)
{
	if (fd < 0)
		return ZKLOCK_E_INVAL;
	return open_any(client_out, fd, options);
}

void zklock_close(zklock_client *client)
{
	if (!client)
		return;
	if (getpid() == client->pid) {
		zkl_thread_stop(client);
		(void)pthread_mutex_lock(&client->mutex);
		/* The daemon must see the end although a child has inherited
		 * the descriptor. */
		if (!client->closed)
			(void)shutdown(client->fd, SHUT_RDWR);
		(void)pthread_mutex_unlock(&client->mutex);
		(void)pthread_mutex_destroy(&client->mutex);
		(void)pthread_cond_destroy(&client->changed);
	}
	client_free(client);
}

/* The mutex is let go while we connect: who waits on the old connection, and
 * the private thread, learn of its end meanwhile. */
static int reconnect(zklock_client *client)
{
	int fd = -1;
	int ret;

	zkl_cut(client, ZKLOCK_E_DISCONNECTED);
	client->connect_until_ms = zklock_now_ms() + client->connect_timeout_ms;
	(void)pthread_mutex_unlock(&client->mutex);
	ret = zkl_connect(client, &fd);
	(void)pthread_mutex_lock(&client->mutex);
	if (ret)
		return zkl_fail(client, ret, NULL, NULL);
	close_fd(client->fd);
	client->fd = fd;
	ret = begin(client, fd);
	if (ret)
		zkl_cut(client, ret);
	zkl_thread_kick(client); /* it knows the old descriptor only */
	return ret;
}

/* Whether somebody else's ended since we were called; waits for one that is
 * under way. */
static bool was_reconnected(zklock_client *client, unsigned ended)
{
	while (client->reconnecting &&
	       atomic_load(&client->reconnects) == ended)
		(void)pthread_cond_wait(&client->changed, &client->mutex);
	return atomic_load(&client->reconnects) != ended;
}

int zklock_reconnect(zklock_client *client)
{
	unsigned ended = client ? atomic_load(&client->reconnects) : 0;
	int ret = zkl_enter_blocking(client);

	if (ret)
		return ret;
	if (client->foreign_fd || (client->dispatching && !client->threaded))
		return zkl_leave(client, ZKLOCK_E_INVAL);
	if (was_reconnected(client, ended))
		return zkl_leave(client, client->reconnected);
	client->reconnecting = true;
	ret = reconnect(client);
	client->reconnecting = false;
	client->reconnected = ret;
	(void)atomic_fetch_add(&client->reconnects, 1);
	(void)pthread_cond_broadcast(&client->changed);
	return zkl_leave(client, ret);
}

/* ---------------------------------------------------------------- facts -- */

int zklock_info(zklock_client *client, struct zklock_info *info_out)
{
	size_t size;
	int ret;

	if (!info_out || info_out->size < sizeof(size_t))
		return ZKLOCK_E_INVAL;
	ret = zkl_enter(client);
	if (ret)
		return ret;
	size = info_out->size;
	if (size > sizeof client->facts)
		size = sizeof client->facts;
	client->facts.size = info_out->size;
	memcpy(info_out, &client->facts, size);
	return zkl_leave(client, ZKLOCK_OK);
}

/* A whole word of a list with commas between. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list) {
		size_t chars = strcspn(list, ",");

		if (chars == len && memcmp(list, word, len) == 0)
			return len > 0;
		list += chars + (list[chars] == ',');
	}
	return false;
}

bool zklock_can(zklock_client *client, const char *cap)
{
	bool can;

	if (!cap || zkl_enter(client) != ZKLOCK_OK)
		return false;
	can = has_word(client->facts.caps, cap);
	(void)zkl_leave(client, ZKLOCK_OK);
	return can;
}

int zklock_refresh(zklock_client *client)
{
	int64_t deadline_ms;
	int ret = zkl_enter_blocking(client);

	if (ret)
		return ret;
	if (client->greeting) /* another thread reconnects */
		return zkl_leave(client, zkl_fail(client, ZKLOCK_E_DISCONNECTED,
						  NULL, NULL));
	deadline_ms = zklock_now_ms() + client->reply_timeout_ms;
	return zkl_leave(client, zkl_hello(client, deadline_ms));
}

void *zklock_client_userdata(const zklock_client *client)
{
	return client ? client->userdata : NULL;
}

void zklock_set_client_userdata(zklock_client *client, void *userdata)
{
	if (client)
		client->userdata = userdata;
}
