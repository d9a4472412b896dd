/* SPDX-License-Identifier: MIT */
/*
 * descend - everything that CMD started, found through /proc.
 *
 * A group can be left (setsid), a descendant cannot escape: orphans become
 * children of the wrapper, which is their subreaper.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/spawn.h"

struct relation {
	pid_t pid;
	pid_t parent;
	bool ours;
};

struct relations {
	struct relation *rows;
	size_t count;
	size_t room;
};

/* "PID (comm) S PPID ...": comm may hold anything, also ")" and blanks. */
static bool stat_parse(const char *stat, struct relation *row_out)
{
	const char *end = strrchr(stat, ')');
	char *rest = NULL;
	long pid = strtol(stat, NULL, 10);
	long parent;

	if (!end || strlen(end) < 5 || end[2] == 'Z' || end[2] == 'X')
		return false;
	parent = strtol(end + 4, &rest, 10);
	if (rest == end + 4 || pid <= 0)
		return false;
	*row_out =
	    (struct relation){ .pid = (pid_t)pid, .parent = (pid_t)parent };
	return true;
}

static bool stat_read(int proc_fd, const char *pid, struct relation *row_out)
{
	char path[300];
	char stat[512];
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof path, "%s/stat", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, stat, sizeof stat - 1);
	(void)close(fd);
	if (got <= 0)
		return false;
	stat[got] = '\0';
	return stat_parse(stat, row_out);
}

static bool relations_add(struct relations *all, const struct relation *row)
{
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 256;
		struct relation *rows =
		    reallocarray(all->rows, room, sizeof *rows);

		if (!rows)
			return false;
		all->rows = rows;
		all->room = room;
	}
	all->rows[all->count++] = *row;
	return true;
}

static void relations_read(struct relations *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct relation row;

	if (!proc)
		return;
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (stat_read(dirfd(proc), entry->d_name, &row) &&
		    !relations_add(all, &row))
			break;
	}
	(void)closedir(proc);
}

static bool is_ours(const struct relations *all, pid_t parent)
{
	if (parent == getpid())
		return true;
	for (size_t i = 0; i < all->count; i++) {
		if (all->rows[i].pid == parent)
			return all->rows[i].ours;
	}
	return false;
}

unsigned cli_spawn_signal_descendants(int number)
{
	struct relations all = { 0 };
	unsigned found = 0;
	bool more = true;

	relations_read(&all);
	while (more) {
		more = false;
		for (size_t i = 0; i < all.count; i++) {
			struct relation *row = &all.rows[i];

			if (row->ours || !is_ours(&all, row->parent))
				continue;
			row->ours = true;
			more = true;
			found++;
			(void)kill(row->pid, number);
		}
	}
	free(all.rows);
	return found;
}
