/* SPDX-License-Identifier: MIT */
/*
 * hub - P7: room for bids below ephemeral_bytes_max.
 *
 * A session's end writes all of its ephemeral paths in one transaction, so
 * they are counted.  Where one more does not fit, bids that only linger go, the
 * one that has lingered longest first; what asks waits until their deletes have
 * been answered, in order, and so never stands beside them.  ERR LIMIT is for
 * when nobody lingers either.
 *
 * Of a user's own share it is the same, but that what is leaving counts no
 * more.
 *
 * What is kept true: what there is, less what is going, and what waits for it
 * fit together.
 */
#include <assert.h>
#include <stdlib.h>

#include "daemon/hub_i.h"

struct hub_wish {
	struct hub_opening opening;
	UT_hash_handle hh; /* by opening.bid; in the order of asking */
};

static bool fits(const struct hub *hub, size_t bytes)
{
	return hub->ephemeral_bytes + bytes <=
	       hub->settings.ephemeral_bytes_max;
}

/* Will it fit when all that is leaving has gone? */
static bool will_fit(const struct hub *hub, size_t bytes)
{
	return hub->ephemeral_bytes - hub->leaving_bytes + hub->wished_bytes +
		   bytes <=
	       hub->settings.ephemeral_bytes_max;
}

void hub_room_leaving(struct hub *hub, struct hub_bid *bid)
{
	if (bid->leaving)
		return;
	bid->leaving = true;
	hub->leaving_bytes += bid->bytes;
	user_give(bid->user, USER_BYTES, bid->bytes);
	bid->user = NULL;
}

/* One that lingers goes, of that user's (NULL: of all); false: there is none.
 */
static bool shed_one(struct hub *hub, const struct user *user)
{
	uint64_t id = locktab_shed_linger(hub->tab, user, hub->now_ms);
	struct hub_bid *bid;

	if (id == 0)
		return false;
	/* Its delete is an effect that is yet to be carried out. */
	bid = hub_bid_find(hub, id);
	assert(bid);
	hub_room_leaving(hub, bid);
	return true;
}

/* Of its share, to which what it has left counts no more. */
static bool shed_share(struct hub *hub, const struct hub_opening *opening)
{
	while (!user_fits(opening->user, USER_BYTES, opening->bytes,
			  hub->settings.ephemeral_bytes_max)) {
		if (!shed_one(hub, opening->user))
			return false;
	}
	return true;
}

static bool shed(struct hub *hub, size_t bytes)
{
	while (!will_fit(hub, bytes)) {
		if (!shed_one(hub, NULL))
			return false;
	}
	return true;
}

enum hub_room hub_room_ask(struct hub *hub, const struct hub_opening *opening)
{
	struct hub_wish *wish;

	if (!shed_share(hub, opening))
		return HUB_ROOM_NO_SHARE;
	if (!hub->wishes && fits(hub, opening->bytes)) {
		user_take(opening->user, USER_BYTES, opening->bytes);
		return HUB_ROOM_NOW;
	}
	if (!shed(hub, opening->bytes))
		return HUB_ROOM_NONE;
	wish = malloc(sizeof *wish);
	if (!wish)
		return HUB_ROOM_NONE;
	wish->opening = *opening;
	hub->wished_bytes += opening->bytes;
	user_take(opening->user, USER_BYTES, opening->bytes);
	HASH_ADD_ID(hh, hub->wishes, opening.bid, wish);
	return HUB_ROOM_LATER;
}

static void wish_drop(struct hub *hub, struct hub_wish *wish)
{
	hub->wished_bytes -= wish->opening.bytes;
	HASH_DEL(hub->wishes, wish);
	free(wish);
}

/* And its user has those bytes no more. */
static void wish_forget(struct hub *hub, struct hub_wish *wish)
{
	struct user *user = wish->opening.user;
	size_t bytes = wish->opening.bytes;

	wish_drop(hub, wish);
	user_give(user, USER_BYTES, bytes);
}

void hub_room_forget(struct hub *hub, uint64_t bid)
{
	struct hub_wish *wish;

	HASH_FIND_ID(hh, hub->wishes, bid, wish);
	if (wish)
		wish_forget(hub, wish);
}

void hub_room_forget_all(struct hub *hub)
{
	while (hub->wishes)
		wish_forget(hub, hub->wishes);
}

/* The first that waits gets what has become free; what nothing is on its way
 * for, since the cap was lowered meanwhile, is refused. */
void hub_room_tick(struct hub *hub)
{
	struct hub_opening opening;

	while (hub->wishes) {
		opening = hub->wishes->opening;
		if (!fits(hub, opening.bytes) && hub->leaving_bytes > 0)
			return;
		wish_drop(hub, hub->wishes);
		if (fits(hub, opening.bytes)) {
			hub_bid_begin(hub, &opening);
			continue;
		}
		user_give(opening.user, USER_BYTES, opening.bytes);
		hub_bid_refuse(hub, opening.bid, false);
	}
}
