/* SPDX-License-Identifier: MIT */
/* main_state - see main_state.h. */
#include "daemon/main_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Clients map the lease page in it. */
#define DIR_MODE  0755
#define LOCK_MODE 0644

/* Who is here, for people who look; nothing reads it. */
static void sign(int fd, const char *host)
{
	if (ftruncate(fd, 0) == 0)
		(void)dprintf(fd, "pid=%d host=%s\n", (int)getpid(), host);
}

/* Made by us it is open to clients, whatever the umask; found, it is as its
 * owner wants it. */
static int make_dir(const char *dir)
{
	if (mkdir(dir, DIR_MODE) == 0)
		return chmod(dir, DIR_MODE);
	return errno == EEXIST ? 0 : -1;
}

int main_state_open(const char *dir, const char *host, const char **step_out)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/" MAIN_STATE_LOCK, dir);
	int fd, rc;

	*step_out = "path";
	if (n < 0 || (size_t)n >= sizeof path)
		return -ENAMETOOLONG;

	*step_out = "mkdir";
	if (make_dir(dir) < 0)
		return -errno;

	*step_out = "open";
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
	if (fd < 0)
		return -errno;

	*step_out = "lock";
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = -errno;
		(void)close(fd);
		return rc;
	}
	sign(fd, host);
	return fd;
}
