/* SPDX-License-Identifier: MIT */
/*
 * loop - when the stream is looked at: in the program's own loop, while a call
 * waits, or in the private thread.
 *
 * The private thread waits without the mutex and does each turn with it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client/library.h"

/* ------------------------------------------------------------- own loop -- */

int zklock_get_fd(zklock_client *client)
{
	int ret = zkl_enter(client);

	return ret ? ret : zkl_leave(client, client->fd);
}

static short events_of(const zklock_client *client)
{
	if (client->closed)
		return 0;
	return (short)(client->out_len ? POLLIN | POLLOUT : POLLIN);
}

int zklock_get_events(zklock_client *client)
{
	int ret = zkl_enter(client);

	return ret ? ret : zkl_leave(client, events_of(client));
}

int zklock_get_timeout(zklock_client *client, uint64_t *usec_out)
{
	int64_t left_ms, wake_ms;
	struct timespec ts;
	int ret;

	if (!usec_out)
		return ZKLOCK_E_INVAL;
	ret = zkl_enter(client);
	if (ret)
		return ret;
	wake_ms = zkl_locks_wake_ms(client);
	*usec_out = UINT64_MAX;
	if (wake_ms != ZKL_NEVER_MS) {
		left_ms = wake_ms - zklock_now_ms();
		(void)clock_gettime(CLOCK_MONOTONIC, &ts);
		*usec_out =
		    (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
		if (left_ms > 0)
			*usec_out += (uint64_t)left_ms * 1000;
	}
	return zkl_leave(client, ZKLOCK_OK);
}

int zklock_process(zklock_client *client)
{
	bool did;
	int ret = zkl_enter(client);

	if (ret)
		return ret;
	if (client->flags & ZKLOCK_F_THREAD)
		return zkl_leave(client, ZKLOCK_E_INVAL);
	did = zkl_pump(client);
	did = zkl_dispatch(client) || did;
	return zkl_leave(client, client->closed ? client->close_error : did);
}

int zklock_wakeup(zklock_client *client)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t n;

	if (!client)
		return ZKLOCK_E_INVAL;
	if (getpid() != client->pid)
		return ZKLOCK_E_FORKED;
	atomic_store(&client->woken, true);
	/* A full counter wakes as well. */
	n = write(client->wake_fd, &one, sizeof one);
	(void)n;
	errno = saved;
	return ZKLOCK_OK;
}

/* -------------------------------------------------------------- waiting -- */

static void drain_wake(zklock_client *client)
{
	uint64_t count;
	ssize_t n = read(client->wake_fd, &count, sizeof count);

	(void)n; /* nothing in it is as good */
}

/* A span for poll(), rounded up so that the moment has come when it ends. */
static int poll_ms(int64_t until_ms)
{
	int64_t left_ms;

	if (until_ms == ZKL_NEVER_MS)
		return -1;
	left_ms = until_ms - zklock_now_ms();
	if (left_ms <= 0)
		return 0;
	/* Once an hour is no work, and it fits. */
	return left_ms < 3600000 ? (int)left_ms + 1 : 3600000;
}

/* Sleep until the socket, a deadline or the moment.  woken: zklock_wakeup()
 * counts too. */
static void sleep_own(zklock_client *client, int64_t until_ms, bool woken)
{
	int64_t wake_ms = zkl_locks_wake_ms(client);
	struct pollfd fds[2] = {
		{ .fd = client->closed ? -1 : client->fd,
		  .events = events_of(client) },
		{ .fd = woken ? client->wake_fd : -1, .events = POLLIN },
	};

	if (wake_ms < until_ms)
		until_ms = wake_ms;
	if (client->greeting) /* others may look, and are told of the old end */
		(void)pthread_mutex_unlock(&client->mutex);
	(void)poll(fds, 2, poll_ms(until_ms)); /* a signal: look again */
	if (client->greeting)
		(void)pthread_mutex_lock(&client->mutex);
	if (fds[1].revents)
		drain_wake(client);
}

/* Sleep until the private thread has done a turn, or the moment. */
static void sleep_changed(zklock_client *client, int64_t until_ms)
{
	int span_ms = poll_ms(until_ms);
	struct timespec ts;

	if (span_ms < 0) {
		(void)pthread_cond_wait(&client->changed, &client->mutex);
		return;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += span_ms / 1000;
	ts.tv_nsec += (long)(span_ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	(void)pthread_cond_timedwait(&client->changed, &client->mutex, &ts);
}

/* What waits for a lock waits for long; a listing may be long as well. */
static int64_t patience_ms(const zklock_client *client,
			   const struct zkl_call *call, int64_t deadline_ms)
{
	if (call->command && call->queued)
		return ZKL_NEVER_MS;
	if (call->heard_ms &&
	    call->heard_ms + client->reply_timeout_ms > deadline_ms)
		return call->heard_ms + client->reply_timeout_ms;
	return deadline_ms;
}

int zkl_wait(zklock_client *client, struct zkl_call *call, int64_t deadline_ms)
{
	bool own = !client->threaded || client->greeting;
	int64_t until_ms;

	for (;;) {
		if (own)
			(void)zkl_pump(client);
		if (call->done)
			return call->result;
		until_ms = patience_ms(client, call, deadline_ms);
		if (zklock_now_ms() >= until_ms)
			return zkl_fail(client, ZKLOCK_E_NOREPLY, NULL, NULL);
		if (own)
			sleep_own(client, until_ms, false);
		else
			sleep_changed(client, until_ms);
	}
}

int zkl_wait_reply(zklock_client *client, struct zkl_call *call)
{
	int ret =
	    zkl_wait(client, call, zklock_now_ms() + client->reply_timeout_ms);

	zkl_call_free(client, call);
	return ret;
}

/* One look: 1 an event, below 0 the end, 0 go on. */
static int poll_once(zklock_client *client, unsigned dispatched)
{
	if (!client->threaded) {
		(void)zkl_pump(client);
		(void)zkl_dispatch(client);
	}
	if (client->dispatched != dispatched ||
	    (!client->callback && !TAILQ_EMPTY(&client->notes)))
		return 1;
	return client->closed ? client->close_error : 0;
}

static bool woken(zklock_client *client, unsigned wakeups)
{
	if (client->threaded)
		return client->wakeups != wakeups;
	return atomic_exchange(&client->woken, false);
}

int zklock_poll(zklock_client *client, int64_t timeout_ms)
{
	int64_t until_ms = ZKL_NEVER_MS;
	unsigned dispatched, wakeups;
	int ret = zkl_enter_blocking(client);

	if (ret)
		return ret;
	if (timeout_ms < ZKLOCK_WAIT_FOREVER ||
	    timeout_ms > ZKLOCK_WAIT_MAX_MS ||
	    (client->dispatching && !client->threaded))
		return zkl_leave(client, ZKLOCK_E_INVAL);
	if (timeout_ms != ZKLOCK_WAIT_FOREVER)
		until_ms = zklock_now_ms() + timeout_ms;
	dispatched = client->dispatched;
	wakeups = client->wakeups_seen;
	while ((ret = poll_once(client, dispatched)) == 0) {
		if (woken(client, wakeups) || zklock_now_ms() >= until_ms)
			break;
		if (client->threaded)
			sleep_changed(client, until_ms);
		else
			sleep_own(client, until_ms, true);
	}
	client->wakeups_seen = client->wakeups;
	return zkl_leave(client, ret);
}

/* ------------------------------------------------------- private thread -- */

void zkl_thread_kick(zklock_client *client)
{
	const uint64_t one = 1;
	ssize_t n;

	if (!client->threaded || pthread_equal(pthread_self(), client->thread))
		return;
	n = write(client->wake_fd, &one, sizeof one);
	(void)n;
}

/* The timer runs on CLOCK_BOOTTIME: it is on time after a sleep of the
 * machine too. */
static void set_timer(zklock_client *client)
{
	int64_t wake_ms = zkl_locks_wake_ms(client);
	struct itimerspec at = { 0 };

	if (wake_ms != ZKL_NEVER_MS) {
		if (wake_ms < 1)
			wake_ms = 1; /* 0 would switch it off */
		at.it_value.tv_sec = (time_t)(wake_ms / 1000);
		at.it_value.tv_nsec = (long)(wake_ms % 1000) * 1000000;
	}
	(void)timerfd_settime(client->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void sleep_thread(zklock_client *client)
{
	struct pollfd fds[3] = {
		{ .fd = client->closed || client->greeting ? -1 : client->fd,
		  .events = events_of(client) },
		{ .fd = client->wake_fd, .events = POLLIN },
		{ .fd = client->timer_fd, .events = POLLIN },
	};

	set_timer(client);
	(void)pthread_mutex_unlock(&client->mutex);
	(void)poll(fds, 3, -1);
	(void)pthread_mutex_lock(&client->mutex);
	if (fds[1].revents)
		drain_wake(client);
	if (atomic_exchange(&client->woken, false))
		client->wakeups++;
}

static void *run(void *arg)
{
	zklock_client *client = arg;
	bool more;

	(void)pthread_mutex_lock(&client->mutex);
	while (!client->stopping) {
		if (!client->greeting)
			(void)zkl_pump(client);
		(void)pthread_cond_broadcast(&client->changed);
		more = zkl_dispatch(client);
		(void)pthread_cond_broadcast(&client->changed);
		if (!more && !client->stopping)
			sleep_thread(client);
	}
	(void)pthread_mutex_unlock(&client->mutex);
	return NULL;
}

int zkl_thread_start(zklock_client *client)
{
	sigset_t all, old;
	int err;

	if (client->timer_fd < 0)
		client->timer_fd =
		    timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (client->timer_fd < 0)
		return ZKLOCK_E_SYS;
	client->stopping = false;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&client->thread, NULL, run, client);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		errno = err;
		return ZKLOCK_E_SYS;
	}
	client->threaded = true;
	return ZKLOCK_OK;
}

void zkl_thread_stop(zklock_client *client)
{
	bool threaded;

	(void)pthread_mutex_lock(&client->mutex);
	threaded = client->threaded;
	client->stopping = true;
	zkl_thread_kick(client);
	(void)pthread_mutex_unlock(&client->mutex);
	if (threaded)
		(void)pthread_join(client->thread, NULL);
	client->threaded = false;
}
