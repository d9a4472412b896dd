/* SPDX-License-Identifier: MIT */
/*
 * user - how much each user has of what is bounded for all together.
 *
 * A limit for everybody is one that anybody can use up.  So of each, a user may
 * have a share; what is left is for the others (P8).  Root is exempt: it could
 * stop the daemon as well.
 *
 * Pure.  A NULL user is nobody's: it may have everything, and nothing counts.
 */
#ifndef DAEMON_USER_H
#define DAEMON_USER_H

#include <stdbool.h>
#include <stdint.h>

struct users; /* private to user.c */
struct user;

enum user_thing {
	USER_LOCKS,     /* tickets: held, waited for, lost */
	USER_MIN_HOLDS, /* of them, with a min_hold */
	USER_BYTES,     /* of the paths of bids that it opened */
	USER_WATCHERS,
	USER_QUESTIONS, /* about the cluster, under way */
	/* Of these there is no share: */
	USER_CONNS,   /* connections that still may do something */
	USER_BIDS,    /* that it opened */
	USER_LINGERS, /* of them */
};
#define USER_THINGS (USER_LINGERS + 1)

/* percent: 1 to 100, or 0 for all.  NULL when memory is not to be had. */
struct users *users_new(unsigned percent);
/* Also of those that still have something. */
void users_free(struct users *users);
/* How many there are now. */
unsigned users_len(const struct users *users);
void users_set_share(struct users *users, unsigned percent);
unsigned users_share(const struct users *users); /* 1 to 100 */

/* NULL when it has nothing. */
const struct user *user_find(const struct users *users, uint32_t uid);
/* A connection of that user comes, and goes; a user is there for as long as it
 * has a connection or anything else.  NULL when memory is not to be had. */
struct user *user_join(struct users *users, uint32_t uid);
void user_part(struct user *user);

/* May it have so many more of that thing, of which there are max for all? */
bool user_fits(const struct user *user, enum user_thing thing, uint64_t more,
	       uint64_t max);
uint32_t user_uid(const struct user *user);
uint64_t user_has(const struct user *user, enum user_thing thing);
void user_take(struct user *user, enum user_thing thing, uint64_t len);
/* What it has taken before; the user may be gone then. */
void user_give(struct user *user, enum user_thing thing, uint64_t len);

#endif
