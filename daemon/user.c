/* SPDX-License-Identifier: MIT */
/*
 * user - see the header.
 */
#include "daemon/user.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/hash.h"
#include <uthash.h>

#define ROOT_UID 0

struct user {
	struct users *users;
	uint64_t uid;
	uint64_t conns;
	uint64_t has[USER_THINGS];
	UT_hash_handle hh;
};

struct users {
	unsigned percent;
	struct user *by_uid;
};

struct users *users_new(unsigned percent)
{
	struct users *users = calloc(1, sizeof *users);

	if (users)
		users_set_share(users, percent);
	return users;
}

static void forget(struct user *user)
{
	HASH_DELETE(hh, user->users->by_uid, user);
	free(user);
}

void users_free(struct users *users)
{
	if (!users)
		return;
	while (users->by_uid)
		forget(users->by_uid);
	free(users);
}

unsigned users_len(const struct users *users)
{
	return HASH_COUNT(users->by_uid);
}

void users_set_share(struct users *users, unsigned percent)
{
	users->percent = percent == 0 ? 100 : percent;
}

struct user *user_join(struct users *users, uint32_t uid)
{
	uint64_t key = uid;
	struct user *user;

	HASH_FIND_ID(hh, users->by_uid, key, user);
	if (!user) {
		user = calloc(1, sizeof *user);
		if (!user)
			return NULL;
		user->users = users;
		user->uid = uid;
		HASH_ADD_ID(hh, users->by_uid, uid, user);
	}
	user->conns++;
	return user;
}

static void forget_idle(struct user *user)
{
	if (user->conns)
		return;
	for (unsigned i = 0; i < USER_THINGS; i++) {
		if (user->has[i])
			return;
	}
	forget(user);
}

void user_part(struct user *user)
{
	assert(user->conns);
	user->conns--;
	forget_idle(user);
}

bool user_fits(const struct user *user, enum user_thing thing, uint64_t more,
	       uint64_t max)
{
	uint64_t share;

	if (!user || user->uid == ROOT_UID)
		return true;
	share = max * user->users->percent / 100;
	if (share == 0)
		share = 1; /* a share of one is that one */
	return user->has[thing] + more <= share;
}

uint64_t user_has(const struct user *user, enum user_thing thing)
{
	return user ? user->has[thing] : 0;
}

void user_take(struct user *user, enum user_thing thing, uint64_t len)
{
	if (user)
		user->has[thing] += len;
}

void user_give(struct user *user, enum user_thing thing, uint64_t len)
{
	if (!user)
		return;
	assert(user->has[thing] >= len);
	user->has[thing] -= len;
	forget_idle(user);
}
