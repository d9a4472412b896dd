/* SPDX-License-Identifier: MIT */
/*
 * bench_spawn - what the machine itself costs: a new process from fork to its
 * end, and a byte to a neighbour and back.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

void bench_spawn(int argc, char **argv)
{
	struct bench_figures figures = { 0 };
	int n = argc > 1 ? atoi(argv[0]) : 0;
	int64_t start_ns = bench_now_ns();

	if (n < 1)
		bench_die("spawn N COMMAND [ARG...]");
	for (int i = 0; i < n; i++) {
		int64_t begin_ns = bench_now_ns();
		int status;
		pid_t pid;

		errno =
		    posix_spawnp(&pid, argv[1], NULL, NULL, argv + 1, environ);
		if (errno != 0)
			bench_die(argv[1]);
		if (waitpid(pid, &status, 0) != pid || status != 0)
			bench_die("the command failed");
		bench_note(&figures.times, bench_now_ns() - begin_ns);
		figures.cycles++;
	}
	figures.ns = bench_now_ns() - start_ns;
	bench_print(&figures);
}

/* Blocking, a line of the length that a lock's answer has, and back. */
void bench_pingpong(int argc, char **argv)
{
	struct bench_figures figures = { 0 };
	int64_t ns = argc > 0 ? (int64_t)(atof(argv[0]) * 1e9) : 0;
	int64_t start_ns, now_ns, last_ns;
	char line[12] = { 0 };
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		bench_die("socketpair");
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, 9);
		(void)close(ends[0]);
		while (read(ends[1], line, sizeof line) > 0)
			(void)!write(ends[1], line, sizeof line);
		_exit(0);
	}
	(void)close(ends[1]);
	start_ns = last_ns = bench_now_ns();
	do {
		(void)!write(ends[0], line, sizeof line);
		(void)!read(ends[0], line, sizeof line);
		now_ns = bench_now_ns();
		bench_note(&figures.times, now_ns - last_ns);
		last_ns = now_ns;
		figures.cycles++;
	} while (now_ns - start_ns < ns);
	figures.ns = now_ns - start_ns;
	bench_print(&figures);
	(void)close(ends[0]);
	(void)waitpid(pid, NULL, 0);
}
