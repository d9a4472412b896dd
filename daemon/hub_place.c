/* SPDX-License-Identifier: MIT */
/*
 * hub - places: which znode a lock's name is, and whose names it has below.
 *
 * A plain name is one node below our root.  A literal one is the node it says,
 * below a share prefix that the configuration names; others take part there,
 * so nothing else is ever made below it, and its data is never set.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/hub_i.h"
#include "proto/name.h"

bool hub_place_of(const struct hub *hub, const char *name,
		  struct hub_place *place_out)
{
	char component[ZKP_COMPONENT_MAX + 1];
	const struct layout_share *share;

	if (name[0] == '/') {
		share = layout_share_find(hub->settings.shares,
					  hub->settings.shares_len, name);
		if (!share)
			return false;
		place_out->kind = share->kind;
		(void)snprintf(place_out->parent, sizeof place_out->parent,
			       "%s", name);
		return true;
	}
	if (!zkp_name_encode(name, component, sizeof component))
		return false;
	place_out->kind = LAYOUT_OWN;
	return layout_path(hub->settings.root, component, place_out->parent,
			   sizeof place_out->parent);
}

int64_t hub_place_linger_ms(const struct hub *hub, const char *name)
{
	const struct layout_share *share = NULL;

	if (name[0] == '/')
		share = layout_share_find(hub->settings.shares,
					  hub->settings.shares_len, name);
	return share ? share->linger_ms : 0;
}

static bool refuse(struct hub *hub, uint64_t conn, const struct zkp_request *rq,
		   enum zkp_status status, const char *why)
{
	zkp_err_begin(&hub->out, rq->tag, status);
	zkp_out_str(&hub->out, "name", rq->name);
	(void)zkp_err_end(&hub->out, status, why);
	hub_send(hub, conn);
	return true;
}

static bool refuses_one(struct hub *hub, uint64_t conn,
			const struct zkp_request *rq, const char *name)
{
	struct hub_place place;

	if (hub->settings.shares_len == 0 && name[0] == '/')
		return refuse(hub, conn, rq, ZKP_DENIED,
			      "a name that begins with / is a znode path, "
			      "and no share prefix is configured");
	if (!hub_place_of(hub, name, &place))
		return refuse(hub, conn, rq, ZKP_DENIED,
			      "a name that begins with / is a znode path, "
			      "and must lie directly below a share prefix");
	if (rq->mode == ZKP_MODE_S && place.kind != LAYOUT_OWN &&
	    !layout_kind_shares(place.kind))
		return refuse(hub, conn, rq, ZKP_KIND,
			      "this share's layout is Curator's mutex, which "
			      "knows no readers: curator-rw does");
	if (rq->slots && layout_kind_keeps_parents(place.kind))
		return refuse(hub, conn, rq, ZKP_KIND,
			      "kazoo's semaphores are made otherwise than "
			      "these");
	return false;
}

bool hub_place_refuses(struct hub *hub, uint64_t conn,
		       const struct zkp_request *rq)
{
	bool refused = refuses_one(hub, conn, rq, rq->name);

	for (size_t i = 0; i < rq->more_len && !refused; i++)
		refused = refuses_one(hub, conn, rq, rq->more[i]);
	return refused;
}

/* Every node above path, the path itself not.  They are made to stay. */
void hub_place_make_above(struct hub *hub, const char *path)
{
	struct coord_op op = { .verb = COORD_CREATE, .kind = COORD_PERSISTENT };
	struct hub_op row = { .kind = HUB_OP_ROOT };
	char above[COORD_PATH_MAX];

	for (const char *at = strchr(path + 1, '/'); at;
	     at = strchr(at + 1, '/')) {
		(void)snprintf(above, sizeof above, "%.*s", (int)(at - path),
			       path);
		op.path = above;
		hub_submit(hub, &op, row);
	}
}
