/* SPDX-License-Identifier: MIT */
/* spawn - see spawn.h. */
#include "client/cli/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/exits.h"

static bool exec_fault(const char *command, int error, struct cli_fault *fault)
{
	if (error == ENOENT)
		return cli_fault_set(fault, CLI_EXIT_NOTFOUND,
				     "cannot run %s: command not found",
				     command);
	return cli_fault_set(fault, CLI_EXIT_NOEXEC, "cannot run %s: %s",
			     command, strerror(error));
}

/* Become CMD; errno says why not. */
static void become(const struct cli_spawn *spawn)
{
	for (size_t i = 0; i < 2; i++) {
		if (spawn->keep_fds[i] >= 0 &&
		    fcntl(spawn->keep_fds[i], F_SETFD, 0) < 0)
			return;
	}
	(void)sigprocmask(SIG_SETMASK, spawn->mask, NULL);
	(void)execvp(spawn->argv[0], spawn->argv);
}

static _Noreturn void be_child(const struct cli_spawn *spawn, pid_t parent,
			       int tell_fd)
{
	int error;

	if (spawn->own_group)
		(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* it was killed before the prctl */
		_exit(CLI_EXIT_SIGNAL + SIGTERM);
	become(spawn);
	error = errno;
	(void)!write(tell_fd, &error, sizeof error);
	_exit(CLI_EXIT_NOTFOUND);
}

/*
 * By vfork: to copy even this small a process costs as much as to take a lock.
 * The child runs in our memory until it is CMD, while we stand still; it
 * changes nothing there but its own part of the stack, and errno.  We have no
 * signal handlers that could run in it.
 */
static pid_t start_child(const struct cli_spawn *spawn, pid_t parent,
			 int tell_fd)
{
	pid_t child = vfork(); /* NOLINT(clang-analyzer-security.*) */

	if (child == 0)
		be_child(spawn, parent, tell_fd); /* NOLINT(*-unix.Vfork) */
	return child;
}

pid_t cli_spawn(const struct cli_spawn *spawn, struct cli_fault *fault)
{
	const char *step = "pipe";
	pid_t parent = getpid();
	pid_t child;
	ssize_t got;
	int tell[2];
	int error = 0;

	if (pipe2(tell, O_CLOEXEC) < 0)
		goto fail;
	step = "fork";
	child = start_child(spawn, parent, tell[1]);
	if (child < 0)
		goto fail_close;
	if (spawn->own_group) /* here too: whoever comes first */
		(void)setpgid(child, child);
	(void)close(tell[1]);
	do {
		got = read(tell[0], &error, sizeof error);
	} while (got < 0 && errno == EINTR);
	(void)close(tell[0]);
	if (got != (ssize_t)sizeof error)
		return child;
	(void)waitpid(child, NULL, 0);
	(void)exec_fault(spawn->argv[0], error, fault);
	return -1;

fail_close:
	error = errno;
	(void)close(tell[0]);
	(void)close(tell[1]);
	errno = error;
fail:
	(void)cli_fault_set(fault, CLI_EXIT_OSERR, "cannot run %s: %s: %s",
			    spawn->argv[0], step, strerror(errno));
	return -1;
}

void cli_spawn_exec(const struct cli_spawn *spawn, struct cli_fault *fault)
{
	become(spawn);
	(void)exec_fault(spawn->argv[0], errno, fault);
}

void cli_spawn_adopt_orphans(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1L);
}

void cli_spawn_signal(pid_t child, bool own_group, int number)
{
	if (!own_group || kill(-child, number) < 0)
		(void)kill(child, number);
}
