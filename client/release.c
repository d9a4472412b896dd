/* SPDX-License-Identifier: MIT */
/*
 * release - letting go: of a hold or a wait, of many at once, and of one for
 * the next in the same write.
 */
#include "client/library.h"

int zklock_cancel(zklock_lock *lock)
{
	zklock_client *client = zklock_lock_client(lock);
	int ret = zkl_enter(client);

	if (ret)
		return ret;
	if (zkl_is_unseen(lock))
		ret = zkl_take_back(lock);
	else if (lock->state == ZKL_LOCK_HELD || lock->state == ZKL_LOCK_LOST)
		ret = ZKLOCK_E_HELD;
	else if (lock->state == ZKL_LOCK_WAITING && lock->asking)
		ret = zkl_call_off(lock);
	else
		ret = ZKLOCK_E_INVAL;
	return zkl_leave(client, ret);
}

int zkl_lost_error(const zklock_lock *lock)
{
	return lock->lost_reason == ZKLOCK_REASON_DISCONNECTED
		   ? ZKLOCK_E_DISCONNECTED
		   : ZKLOCK_E_LOST;
}

int zklock_release_async(zklock_lock *lock)
{
	zklock_client *client = zklock_lock_client(lock);
	int ret = zkl_enter(client);

	if (ret)
		return ret;
	if (lock->state == ZKL_LOCK_HELD) {
		ret = zkl_unlock(lock, NULL);
	} else if (lock->state == ZKL_LOCK_LOST) {
		zkl_notes_forget(lock);
		zkl_lock_released(lock, zkl_lost_error(lock));
		zkl_thread_kick(client);
	} else {
		ret = ZKLOCK_E_INVAL;
	}
	return zkl_leave(client, ret);
}

/* A wait that nobody wants any more, blocking: when this is over, the name
 * may be asked for again. */
static int release_waiting(zklock_client *client, zklock_lock *lock)
{
	struct zkl_call *call = lock->asking;
	int ret;

	zkl_notes_forget(lock);
	lock->quiet = true;
	ret = zkl_call_off(lock);
	if (ret)
		zkl_cut(client, ZKLOCK_E_DISCONNECTED);
	if (lock->state != ZKL_LOCK_WAITING) {
		zkl_lock_free(lock);
		return ret;
	}
	call->kept = true;
	(void)zkl_wait(client, call,
		       zklock_now_ms() + client->reply_timeout_ms);
	if (call->done)
		zkl_lock_free(lock);
	else
		lock->orphan = true;
	zkl_call_free(client, call);
	return ZKLOCK_OK;
}

/* The object goes, its UNLOCK is on the way: call_out is NULL, and the
 * connection cut, when it cannot be. */
static int unlock_and_free(zklock_lock *lock, struct zkl_call **call_out)
{
	zklock_client *client = lock->client;
	int ret;

	*call_out = NULL;
	lock->quiet = true;
	ret = zkl_unlock(lock, call_out);
	if (ret) /* a hold that cannot be given back by a word */
		zkl_cut(client, ZKLOCK_E_DISCONNECTED);
	zkl_lock_free(lock);
	return ret;
}

static int release_held(zklock_client *client, zklock_lock *lock)
{
	char name[ZKLOCK_NAME_MAX + 1];
	struct zkl_call *call;
	int ret;

	zkl_copy(name, sizeof name, lock->name);
	ret = unlock_and_free(lock, &call);
	if (ret)
		return ret;
	ret = zkl_wait_reply(client, call);
	if (ret == ZKLOCK_E_NOREPLY)
		(void)zkl_fail(client, ret, name, NULL);
	return ret;
}

static int release_lost(zklock_client *client, zklock_lock *lock)
{
	int ret = zkl_fail(client, zkl_lost_error(lock), lock->name, NULL);

	zkl_lock_free(lock);
	return ret;
}

static int release(zklock_client *client, zklock_lock *lock)
{
	if (lock == client->spent)
		return ZKLOCK_E_INVAL;
	switch (lock->state) {
	case ZKL_LOCK_WAITING:
		return release_waiting(client, lock);
	case ZKL_LOCK_HELD:
		return release_held(client, lock);
	case ZKL_LOCK_LOST:
		return release_lost(client, lock);
	case ZKL_LOCK_RELEASING:
		return ZKLOCK_E_INVAL; /* RELEASED or FAILED will end it */
	case ZKL_LOCK_ENDED:
		zkl_lock_free(lock); /* its last event was not taken */
		return ZKLOCK_E_NOTHELD;
	}
	return ZKLOCK_E_INVAL;
}

int zklock_release(zklock_lock *lock)
{
	zklock_client *client = zklock_lock_client(lock);
	int ret;

	if (!lock)
		return ZKLOCK_OK;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	return zkl_leave(client, release(client, lock));
}

/* ---------------------------------------------------------------- of many --
 */

/* UNLOCK of those that are held, in one write: their entries become NULL. */
static int unlock_all(zklock_client *client, zklock_lock **locks, size_t count,
		      struct zkl_call **calls)
{
	int ret = ZKLOCK_OK;
	int one;

	zkl_cork(client);
	for (size_t i = 0; i < count; i++) {
		calls[i] = NULL;
		if (!locks[i] || locks[i]->state != ZKL_LOCK_HELD)
			continue;
		one = unlock_and_free(locks[i], &calls[i]);
		ret = ret ? ret : one;
		locks[i] = NULL;
	}
	zkl_uncork(client);
	return ret;
}

static int release_all(zklock_client *client, zklock_lock **locks, size_t count)
{
	struct zkl_call *calls[ZKLOCK_NAMES_MAX];
	int ret = unlock_all(client, locks, count, calls);
	int one;

	for (size_t i = 0; i < count; i++) {
		one = ZKLOCK_OK;
		if (calls[i])
			one = zkl_wait_reply(client, calls[i]);
		else if (locks[i])
			one = release(client, locks[i]);
		locks[i] = NULL;
		ret = ret ? ret : one;
	}
	return ret;
}

/* False when they are not of one client; client_out is NULL for none. */
static bool client_of(zklock_lock *const *locks, size_t count,
		      zklock_client **client_out)
{
	*client_out = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!locks[i])
			continue;
		if (*client_out && locks[i]->client != *client_out)
			return false;
		*client_out = locks[i]->client;
	}
	return true;
}

int zklock_release_all(zklock_lock **locks, size_t count)
{
	zklock_client *client;
	int ret;

	if (!locks || count > ZKLOCK_NAMES_MAX ||
	    !client_of(locks, count, &client))
		return ZKLOCK_E_INVAL;
	if (!client)
		return ZKLOCK_OK;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	return zkl_leave(client, release_all(client, locks, count));
}

/* ----------------------------------------------------------- for the next --
 */

/* The hold goes, the next is asked for, in one write; then both answers. */
static int exchange(zklock_lock **lock, const char *name,
		    const struct zklock_lock_options *options,
		    int *released_out)
{
	zklock_client *client = (*lock)->client;
	struct zkl_call *unlocking = NULL;
	zklock_lock *next = NULL;
	int ret;

	zkl_cork(client);
	if ((*lock)->state == ZKL_LOCK_HELD)
		*released_out = unlock_and_free(*lock, &unlocking);
	else
		*released_out = release_lost(client, *lock);
	*lock = NULL;
	ret = zkl_ask(client, name, options, true, &next);
	zkl_uncork(client);
	if (ret == ZKLOCK_OK)
		ret = zkl_ask_await(client, options, next, lock);
	if (unlocking) /* answered before: it was asked before */
		*released_out = zkl_wait_reply(client, unlocking);
	return ret;
}

int zklock_release_acquire(zklock_lock **lock, const char *name,
			   const struct zklock_lock_options *options,
			   int *released_out)
{
	char own_name[ZKLOCK_NAME_MAX + 1];
	zklock_client *client;
	int released;
	int ret;

	if (!lock || !*lock)
		return ZKLOCK_E_INVAL;
	client = (*lock)->client;
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	if (*lock == client->spent || ((*lock)->state != ZKL_LOCK_HELD &&
				       (*lock)->state != ZKL_LOCK_LOST))
		return zkl_leave(client, ZKLOCK_E_INVAL);
	if (!name)
		name = (*lock)->name;
	ret = zkl_check_ask(client, name, options);
	if (ret)
		return zkl_leave(client, ret);
	zkl_copy(own_name, sizeof own_name, name); /* it may be the hold's */
	ret = exchange(lock, own_name, options, &released);
	if (released_out)
		*released_out = released;
	return zkl_leave(client, ret);
}
