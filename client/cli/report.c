/* SPDX-License-Identifier: MIT */
/* report - see report.h. */
#include "client/cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/exits.h"
#include "client/cli/say.h"
#include "client/cli/signame.h"

#define MS_PER_S 1000.0

int cli_report_open(const struct cli_args *args, struct cli_fault *fault)
{
	int fd = args->report_fd;

	if (args->report) {
		fd = open(args->report,
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd < 0)
			(void)cli_fault_set(fault, CLI_EXIT_USAGE,
					    "--report %s: %s", args->report,
					    strerror(errno));
	} else if (fd != CLI_UNSET) {
		/* Ours alone: the child must not write into it. */
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
			(void)cli_fault_set(fault, CLI_EXIT_USAGE,
					    "--report-fd %d: %s", fd,
					    strerror(errno));
			fd = -1;
		}
	}
	return fd;
}

static void add(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void add_numbers(json_t *object, const struct cli_grant *grant)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, grant->token);
	add(object, "id", json_integer((json_int_t)grant->id));
	add(object, "token", json_integer((json_int_t)grant->token));
	add(object, "token_str", json_string(text));
}

/* Of several, each by its name. */
static json_t *each(const struct cli_report *report)
{
	json_t *array = json_array();
	json_t *object;

	for (unsigned i = 0; i < report->names->len; i++) {
		object = json_object();
		add(object, "name", json_string(report->names->words[i]));
		if (report->grants)
			add_numbers(object, &report->grants[i]);
		(void)json_array_append_new(array, object);
	}
	return array;
}

static void add_grant(json_t *object, const struct cli_report *report)
{
	if (report->names->len > 1)
		add(object, "locks", each(report));
	else if (report->grants)
		add_numbers(object, report->grants);
	if (report->grants)
		add(object, "held_s",
		    json_real((double)report->held_ms / MS_PER_S));
}

static void add_child(json_t *object, const struct cli_report *report)
{
	int status = report->wait_status;

	if (!report->ran)
		return;
	if (WIFSIGNALED(status))
		add(object, "child_signal",
		    json_string(cli_signal_name(WTERMSIG(status))));
	else
		add(object, "child_code", json_integer(WEXITSTATUS(status)));
}

void cli_report_write(int fd, const struct cli_report *report)
{
	json_t *object;
	bool written = false;

	if (fd < 0)
		return;
	object = json_object();
	add(object, "name", json_string(report->names->text));
	add(object, "outcome", json_string(report->outcome));
	add(object, "exit_code", json_integer(report->exit));
	add(object, "waited_s",
	    json_real((double)report->waited_ms / MS_PER_S));
	add_grant(object, report);
	add_child(object, report);
	if (report->reason)
		add(object, "reason", json_string(report->reason));
	if (report->error)
		add(object, "error", json_string(report->error));
	if (object)
		written =
		    json_dumpfd(object, fd,
				JSON_COMPACT | JSON_REAL_PRECISION(12)) == 0 &&
		    write(fd, "\n", 1) == 1;
	json_decref(object);
	if (close(fd) < 0 || !written)
		cli_say_error("the report could not be written: %s",
			      strerror(errno));
}
