/* SPDX-License-Identifier: MIT */
/*
 * access - who is at the other end, and whether it is an administrator.
 *
 * The answer is the kernel's (SO_PEERCRED), taken once at accept: the
 * connection is the principal, whoever holds it later.  No answer means no
 * entry.  Nothing that the peer says about itself is looked at.
 */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/hub.h"

/* Members are administrators, as are root and the daemon's own user. */
#define ACCESS_ADMIN_GROUP "zklock-admin"

/* What is needed to judge; looked up once, since the look-up may wait. */
struct access {
	uid_t self_uid;
	gid_t admin_gid;
	bool has_admin_gid; /* there is such a group */
};

/* Looks up the group by name (NULL: ACCESS_ADMIN_GROUP). */
void access_init(struct access *access, const char *admin_group);

/* Ask the kernel about a connected Unix socket.  -errno, and nothing is
 * written, when it does not know: the connection must be closed then. */
int access_peer(const struct access *access, int fd, struct hub_peer *peer_out);

#endif
