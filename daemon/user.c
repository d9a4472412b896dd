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
	uint32_t uid;
	uint64_t refs; /* of user_join() */
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

unsigned users_share(const struct users *users)
{
	return users->percent;
}

/* Whoever has many subordinate uids chooses among them: a keyed table. */
static struct user *find(const struct users *users, uint32_t uid)
{
	struct user *user;

	HASH_FIND(hh, users->by_uid, &uid, sizeof uid, user);
	return user;
}

const struct user *user_find(const struct users *users, uint32_t uid)
{
	return find(users, uid);
}

struct user *user_join(struct users *users, uint32_t uid)
{
	struct user *user = find(users, uid);

	if (!user) {
		user = calloc(1, sizeof *user);
		if (!user)
			return NULL;
		user->users = users;
		user->uid = uid;
		HASH_ADD(hh, users->by_uid, uid, sizeof user->uid, user);
	}
	user->refs++;
	return user;
}

static void forget_idle(struct user *user)
{
	if (user->refs)
		return;
	for (unsigned i = 0; i < USER_THINGS; i++) {
		if (user->has[i])
			return;
	}
	forget(user);
}

void user_part(struct user *user)
{
	assert(user->refs);
	user->refs--;
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

uint32_t user_uid(const struct user *user)
{
	return user->uid;
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
