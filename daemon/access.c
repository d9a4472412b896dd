/* SPDX-License-Identifier: MIT */
/* access - see access.h. */
#include "daemon/access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's word for a user that has no number here (another namespace):
 * many people at once, so nobody in particular. */
#define OVERFLOW_UID 65534

/* The group is found by getgrnam_r() in this, its member list included. */
#define GROUP_BYTES_MAX ((size_t)1024 * 1024)

static bool find_group(const char *name, gid_t *gid_out)
{
	struct group group, *found = NULL;
	size_t size = 4096;
	char *buf = NULL, *more;
	int rc = ERANGE;

	while (rc == ERANGE && size <= GROUP_BYTES_MAX) {
		more = realloc(buf, size);
		if (!more)
			break;
		buf = more;
		rc = getgrnam_r(name, &group, buf, size, &found);
		size *= 2;
	}
	if (rc == 0 && found)
		*gid_out = found->gr_gid;
	free(buf);
	return rc == 0 && found;
}

void access_init(struct access *access, const char *admin_group)
{
	memset(access, 0, sizeof *access);
	access->self_uid = geteuid();
	access->has_admin_gid = find_group(
	    admin_group ? admin_group : ACCESS_ADMIN_GROUP, &access->admin_gid);
}

/* Supplementary groups as they were at connect(). */
static bool peer_in_group(int fd, gid_t gid)
{
	socklen_t len = 0;
	gid_t *groups;
	bool found = false;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE || len == 0)
		return false;
	groups = malloc(len);
	if (!groups)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		for (size_t i = 0; i < len / sizeof *groups; i++)
			found = found || groups[i] == gid;
	}
	free(groups);
	return found;
}

static bool is_admin(const struct access *access, int fd,
		     const struct ucred *cred)
{
	if (cred->uid == 0)
		return true;
	if (cred->uid == OVERFLOW_UID)
		return false;
	if (cred->uid == access->self_uid)
		return true;
	if (!access->has_admin_gid)
		return false;
	return cred->gid == access->admin_gid ||
	       peer_in_group(fd, access->admin_gid);
}

/* For people only: the process may have been another one since. */
static void read_command(pid_t pid, char *to, size_t size)
{
	char name[32];
	ssize_t n;
	int fd;

	to[0] = '\0';
	if (pid <= 0)
		return;
	(void)snprintf(name, sizeof name, "/proc/%d/comm", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* gone, or not ours to see */
	n = read(fd, to, size - 1);
	(void)close(fd);
	if (n <= 0)
		n = 1;
	to[n - 1] = '\0'; /* its newline */
}

int access_peer(const struct access *access, int fd, struct hub_peer *peer_out)
{
	struct hub_peer peer = { 0 };
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	/* All ones is how the kernel says that it was never told. */
	if (len != sizeof cred || cred.uid == (uid_t)-1)
		return -EACCES;
	peer.pid = cred.pid;
	peer.uid = cred.uid;
	peer.gid = cred.gid;
	peer.admin = is_admin(access, fd, &cred);
	read_command(cred.pid, peer.command, sizeof peer.command);
	*peer_out = peer;
	return 0;
}
