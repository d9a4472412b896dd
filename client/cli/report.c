/* SPDX-License-Identifier: MIT */
/* report - see report.h. */
#include "client/cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/exits.h"
#include "client/cli/json.h"
#include "client/cli/say.h"
#include "client/cli/signame.h"

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

static void add_numbers(struct cli_json *json, const struct cli_grant *grant)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, grant->token);
	cli_json_number(json, "id", (int64_t)grant->id);
	cli_json_number(json, "token", (int64_t)grant->token);
	cli_json_text(json, "token_str", text);
}

/* Of several, each by its name. */
static void add_each(struct cli_json *json, const struct cli_report *report)
{
	cli_json_array(json, "locks");
	for (unsigned i = 0; i < report->names->len; i++) {
		cli_json_item(json);
		cli_json_text(json, "name", report->names->words[i]);
		if (report->grants)
			add_numbers(json, &report->grants[i]);
		cli_json_item_end(json);
	}
	cli_json_array_end(json);
}

static void add_grant(struct cli_json *json, const struct cli_report *report)
{
	if (report->names->len > 1)
		add_each(json, report);
	else if (report->grants)
		add_numbers(json, report->grants);
	if (report->grants)
		cli_json_span(json, "held_s", report->held_ms);
}

static void add_child(struct cli_json *json, const struct cli_report *report)
{
	int status = report->wait_status;

	if (!report->ran)
		return;
	if (WIFSIGNALED(status))
		cli_json_text(json, "child_signal",
			      cli_signal_name(WTERMSIG(status)));
	else
		cli_json_number(json, "child_code", WEXITSTATUS(status));
}

static char *report_text(const struct cli_report *report)
{
	struct cli_json json;

	cli_json_begin(&json, false);
	cli_json_text(&json, "name", report->names->text);
	cli_json_text(&json, "outcome", report->outcome);
	cli_json_number(&json, "exit_code", report->exit);
	cli_json_span(&json, "waited_s", report->waited_ms);
	add_grant(&json, report);
	add_child(&json, report);
	if (report->reason)
		cli_json_text(&json, "reason", report->reason);
	if (report->error)
		cli_json_text(&json, "error", report->error);
	return cli_json_end(&json);
}

void cli_report_write(int fd, const struct cli_report *report)
{
	bool written = false;
	char *text;

	if (fd < 0)
		return;
	text = report_text(report);
	if (text)
		written = dprintf(fd, "%s\n", text) > 0;
	free(text);
	if (close(fd) < 0 || !written)
		cli_say_error("the report could not be written: %s",
			      strerror(errno));
}
