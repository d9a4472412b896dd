/* SPDX-License-Identifier: MIT */
/*
 * ten_tasks - one process, ten tasks that want the same lock at once.
 *
 * A connection is an owner, so each task has a client of its own; all of them
 * live in one libevent loop, and nothing polls.  One line for each grant:
 *
 *	task=3 token=17592186046464 granted_ms=2013 released_ms=3014
 *
 * with times since the start.  The exit code is 0 when every task had its
 * turn, the tokens grew and no two turns overlapped.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/zklock.h"

#define TASKS_MAX 1000

struct settings {
	const char *socket;
	const char *name;
	int64_t hold_ms;
	int tasks;
};

struct run {
	struct event_base *base;
	const struct settings *settings;
	int64_t start_ms;
	int64_t released_ms; /* of the turn before */
	uint64_t token;      /* likewise */
	int turns_left;
	bool failed;
};

struct task {
	struct run *run;
	int number;
	zklock_client *client;
	zklock_lock *lock;
	struct event *io;   /* the connection, and the library's timeout */
	struct event *work; /* the end of what the task does with the lock */
	int64_t granted_ms;
	uint64_t token;
};

static int64_t since_start_ms(const struct run *run)
{
	return zklock_now_ms() - run->start_ms;
}

static void fail(struct task *task, const char *what, const char *why)
{
	fprintf(stderr, "task=%d %s: %s\n", task->number, what, why);
	task->run->failed = true;
	(void)event_base_loopbreak(task->run->base);
}

/* What the library wants to be woken for, asked anew after each call. */
static void watch(struct task *task)
{
	int wanted = zklock_get_events(task->client);
	struct timeval span = { 0, 0 };
	struct timespec now;
	uint64_t usec, now_usec;
	bool timed;

	(void)event_del(task->io);
	if (wanted <= 0)
		return;
	timed = zklock_get_timeout(task->client, &usec) == ZKLOCK_OK &&
		usec != UINT64_MAX;
	if (timed) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		now_usec = (uint64_t)now.tv_sec * 1000000 +
			   (uint64_t)now.tv_nsec / 1000;
		usec = usec > now_usec ? usec - now_usec : 0;
		span.tv_sec = (time_t)(usec / 1000000);
		span.tv_usec = (suseconds_t)(usec % 1000000);
	}
	(void)event_add(task->io, timed ? &span : NULL);
}

/* The task has the lock: work, which here is to wait. */
static void begin_turn(struct task *task, const struct zklock_event *ev)
{
	struct run *run = task->run;
	int64_t hold_ms = run->settings->hold_ms;
	struct timeval span = { (time_t)(hold_ms / 1000),
				(suseconds_t)(hold_ms % 1000 * 1000) };

	task->granted_ms = since_start_ms(run);
	task->token = ev->token;
	if (ev->token <= run->token || task->granted_ms < run->released_ms)
		fail(task, "granted", "out of order");
	run->token = ev->token;
	(void)evtimer_add(task->work, &span);
}

static void on_work_done(evutil_socket_t fd, short what, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;
	int ret;

	(void)fd;
	(void)what;
	/* Still ours?  Then the work counted. */
	if (!zklock_is_held(task->lock))
		fail(task, "work", "the lock was lost");
	run->released_ms = since_start_ms(run);
	printf("task=%d token=%" PRIu64 " granted_ms=%" PRId64
	       " released_ms=%" PRId64 "\n",
	       task->number, task->token, task->granted_ms, run->released_ms);
	(void)fflush(stdout);
	ret = zklock_release_async(task->lock);
	if (ret)
		fail(task, "release", zklock_strerror(ret));
	watch(task);
}

static void on_event(const struct zklock_event *ev, void *userdata)
{
	struct task *task = userdata;

	if (ev->type == ZKLOCK_EVENT_GRANTED)
		begin_turn(task, ev);
	else if (ev->type == ZKLOCK_EVENT_FAILED)
		fail(task, "acquire", ev->text);
	else if (ev->type == ZKLOCK_EVENT_LOST)
		fail(task, "lost", zklock_strreason(ev->reason));
	else if (ev->type == ZKLOCK_EVENT_CLOSED)
		fail(task, "connection", ev->text);
	else if (ev->type == ZKLOCK_EVENT_RELEASED &&
		 --task->run->turns_left == 0)
		(void)event_base_loopbreak(task->run->base);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct task *task = arg;

	(void)fd;
	(void)what;
	(void)zklock_process(task->client); /* calls on_event() */
	watch(task);
}

static int start_task(struct task *task)
{
	const struct settings *settings = task->run->settings;
	struct zklock_options options = ZKLOCK_OPTIONS_INIT;
	int ret;

	options.socket = settings->socket;
	options.client = "ten_tasks";
	ret = zklock_open(&task->client, &options);
	if (ret)
		return ret;
	zklock_set_event_cb(task->client, on_event, task);
	task->io = event_new(task->run->base, zklock_get_fd(task->client),
			     EV_READ, on_ready, task);
	task->work = evtimer_new(task->run->base, on_work_done, task);
	if (!task->io || !task->work)
		return ZKLOCK_E_NOMEM;
	ret = zklock_acquire_async(task->client, settings->name, NULL,
				   &task->lock);
	watch(task);
	return ret;
}

static void end_task(struct task *task)
{
	if (task->io)
		event_free(task->io); /* before its descriptor goes */
	if (task->work)
		event_free(task->work);
	zklock_close(task->client);
}

static int run_tasks(const struct settings *settings, struct task *tasks)
{
	struct run run = { .settings = settings,
			   .start_ms = zklock_now_ms(),
			   .turns_left = settings->tasks };
	int ret = ZKLOCK_E_NOMEM;

	run.base = event_base_new();
	if (!run.base)
		goto out;
	for (int i = 0; i < settings->tasks; i++) {
		tasks[i].run = &run;
		tasks[i].number = i;
		ret = start_task(&tasks[i]);
		if (ret)
			goto out;
	}
	(void)event_base_dispatch(run.base);
	printf("tasks=%d total_ms=%" PRId64 "\n",
	       settings->tasks - run.turns_left, since_start_ms(&run));
out:
	if (ret)
		fprintf(stderr, "ten_tasks: %s\n", zklock_strerror(ret));
	for (int i = 0; i < settings->tasks; i++)
		end_task(&tasks[i]);
	if (run.base)
		event_base_free(run.base);
	return ret || run.failed || run.turns_left ? EXIT_FAILURE
						   : EXIT_SUCCESS;
}

/* A whole number from 0 to max; -1 when it is none. */
static int64_t number(const char *text, long long max)
{
	char *end;
	long long value = strtoll(text, &end, 10);

	return *text && !*end && value >= 0 && value <= max ? value : -1;
}

int main(int argc, char **argv)
{
	struct settings settings = { NULL, "ten_tasks", 1000, 10 };
	struct task *tasks;
	int opt, ret;

	while ((opt = getopt(argc, argv, "S:l:m:n:")) != -1) {
		if (opt == 'S')
			settings.socket = optarg;
		else if (opt == 'l')
			settings.name = optarg;
		else if (opt == 'm')
			settings.hold_ms = number(optarg, 3600000);
		else if (opt == 'n')
			settings.tasks = (int)number(optarg, TASKS_MAX);
		else
			settings.tasks = -1;
	}
	if (settings.tasks < 1 || settings.hold_ms < 0 || optind != argc) {
		fprintf(stderr, "usage: ten_tasks [-S socket] [-l lock] "
				"[-m hold_ms] [-n tasks]\n");
		return 64;
	}
	tasks = calloc((size_t)settings.tasks, sizeof *tasks);
	if (!tasks)
		return EXIT_FAILURE;
	ret = run_tasks(&settings, tasks);
	free(tasks);
	return ret;
}
