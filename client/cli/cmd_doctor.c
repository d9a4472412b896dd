/* SPDX-License-Identifier: MIT */
/*
 * cmd_doctor - what is wrong here, in plain words, each with a command that
 * helps.  It looks and asks; it changes nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/clock.h"
#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"
#include "client/cli/table.h"

/* A healthy daemon answers a PING in well under a millisecond. */
#define ANSWER_MS_SLOW 50

#define DETAIL_BYTES  512
#define SERVERS_BYTES (DETAIL_BYTES / 2)
#define TRY_BYTES     256

enum grade {
	GRADE_OK = CLI_EXIT_OK,
	GRADE_LOOK = CLI_EXIT_NO,
	GRADE_BROKEN = CLI_EXIT_BROKEN,
};

static const struct cli_column columns[] = {
	{ "RESULT", "result", "result", CLI_CELL_TEXT, true },
	{ "CHECK", "check", "check", CLI_CELL_TEXT, true },
	{ "DETAIL", "detail", "detail", CLI_CELL_TEXT, true },
	{ "TRY", "try", "try", CLI_CELL_TEXT, true },
	{ 0 },
};

/* One look at one thing. */
struct finding {
	const char *check;
	enum grade grade;
	char detail[DETAIL_BYTES];
	char try[TRY_BYTES];
};

struct visit {
	const struct cli_args *args;
	struct cli_table *table;
	zklock_client *client;
	struct zklock_info info;
	enum grade worst;
};

static const char *finding_get(void *closure, const char *key)
{
	const struct finding *finding = closure;

	if (strcmp(key, "check") == 0)
		return finding->check;
	if (strcmp(key, "detail") == 0)
		return finding->detail;
	if (strcmp(key, "try") == 0)
		return finding->grade == GRADE_OK ? "" : finding->try;
	switch (finding->grade) {
	case GRADE_OK:
		return "ok";
	case GRADE_LOOK:
		return "look";
	case GRADE_BROKEN:
		return "broken";
	}
	return "";
}

/* Each check fills one finding; false when the rest makes no sense. */
typedef bool (*check_fn)(struct visit *visit, struct finding *finding);

static void detail(struct finding *finding, enum grade grade,
		   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void detail(struct finding *finding, enum grade grade,
		   const char *format, ...)
{
	va_list args;

	finding->grade = grade;
	va_start(args, format);
	(void)vsnprintf(finding->detail, sizeof finding->detail, format, args);
	va_end(args);
}

static bool check_socket(struct visit *visit, struct finding *finding)
{
	const char *path = cli_connect_path(visit->args);
	struct stat about;

	(void)snprintf(finding->try, sizeof finding->try,
		       "systemctl start zklockd.socket");
	if (stat(path, &about) < 0)
		detail(finding, GRADE_BROKEN, "%s: %s", path, strerror(errno));
	else if (!S_ISSOCK(about.st_mode))
		detail(finding, GRADE_BROKEN, "%s is no socket", path);
	else
		detail(finding, GRADE_OK, "%s", path);
	return finding->grade == GRADE_OK;
}

static bool check_daemon(struct visit *visit, struct finding *finding)
{
	int error = cli_connect_try(visit->args, CLI_REPLY_MS, &visit->client);
	int reason = errno;

	if (error == ZKLOCK_OK) {
		(void)zklock_info(visit->client, &visit->info);
		detail(finding, GRADE_OK, "%s on %s answers",
		       visit->info.server, visit->info.host);
		return true;
	}
	(void)snprintf(finding->try, sizeof finding->try,
		       "systemctl status zklockd");
	if (reason == EACCES)
		(void)snprintf(finding->try, sizeof finding->try,
			       "ls -l %.200s", cli_connect_path(visit->args));
	detail(finding, GRADE_BROKEN, "%s%s%s", zklock_strerror(error),
	       error == ZKLOCK_E_NODAEMON ? ": " : "",
	       error == ZKLOCK_E_NODAEMON ? strerror(reason) : "");
	return false;
}

static bool check_answer(struct visit *visit, struct finding *finding)
{
	int64_t begun_ms = cli_clock_ms();
	int error = zklock_command(visit->client, "PING", NULL, NULL);
	int64_t took_ms = cli_clock_ms() - begun_ms;

	(void)snprintf(finding->try, sizeof finding->try, "zklock stats");
	if (error != ZKLOCK_OK)
		detail(finding, GRADE_BROKEN, "%s", zklock_strerror(error));
	else
		detail(finding,
		       took_ms > ANSWER_MS_SLOW ? GRADE_LOOK : GRADE_OK,
		       "a PING took %d ms", (int)took_ms);
	return error == ZKLOCK_OK;
}

static bool check_version(struct visit *visit, struct finding *finding)
{
	bool same = strcmp(visit->info.server, "zklockd/" ZKLOCKD_VERSION) == 0;

	(void)snprintf(finding->try, sizeof finding->try,
		       "systemctl restart zklockd");
	detail(finding, same ? GRADE_OK : GRADE_LOOK,
	       "zklock %s, libzklock %s, %s", ZKLOCKD_VERSION,
	       zklock_version_string(), visit->info.server);
	return true;
}

/* "- servers 127.0.0.1:2181" */
static int take_servers(enum zklock_line kind, const char *line, void *userdata)
{
	char *servers = userdata;

	if (kind == ZKLOCK_LINE_ROW && strncmp(line, "servers ", 8) == 0)
		(void)zklock_row_word(line, 1, servers, SERVERS_BYTES);
	return 0;
}

static bool check_session(struct visit *visit, struct finding *finding)
{
	const struct zklock_info *info = &visit->info;
	char servers[SERVERS_BYTES] = "";

	(void)snprintf(finding->try, sizeof finding->try,
		       "journalctl -u zklockd -n 50, or its log");
	switch (info->state) {
	case ZKLOCK_STATE_CONNECTED:
		detail(finding, GRADE_OK, "session 0x%llx, timeout %d ms",
		       (unsigned long long)info->session,
		       (int)info->session_timeout_ms);
		break;
	case ZKLOCK_STATE_DEV:
		(void)snprintf(finding->try, sizeof finding->try,
			       "zklockd without --dev");
		detail(finding, GRADE_LOOK,
		       "--dev: locks hold on this host only");
		break;
	case ZKLOCK_STATE_UNKNOWN:
	case ZKLOCK_STATE_CONNECTING:
	case ZKLOCK_STATE_SUSPENDED:
	case ZKLOCK_STATE_DRAINING:
	case ZKLOCK_STATE_CLOSED:
		if (zklock_command(visit->client, "STATUS", take_servers,
				   servers) != ZKLOCK_OK)
			servers[0] = '\0';
		detail(finding, GRADE_BROKEN, "the daemon is %s; ZooKeeper: %s",
		       zklock_strstate(info->state), servers);
		break;
	}
	return true;
}

static bool check_page(struct visit *visit, struct finding *finding)
{
	const struct zklock_info *info = &visit->info;

	(void)snprintf(finding->try, sizeof finding->try, "ls -l %.200s",
		       info->lease_path);
	if (info->lease_mapped) {
		detail(finding, GRADE_OK, "%s", info->lease_path);
	} else if (info->lease_path[0]) {
		detail(finding, GRADE_LOOK,
		       "%s cannot be mapped: deadlines come by the "
		       "connection only",
		       info->lease_path);
	} else {
		(void)snprintf(finding->try, sizeof finding->try,
			       "zklock status");
		detail(finding, GRADE_LOOK, "the daemon names none");
	}
	return true;
}

static const struct {
	const char *name;
	check_fn look;
} checks[] = {
	{ "socket", check_socket },   { "daemon", check_daemon },
	{ "answer", check_answer },   { "versions", check_version },
	{ "session", check_session }, { "lease page", check_page },
};

static bool visit_all(struct visit *visit)
{
	bool go_on = true;

	for (size_t i = 0; go_on && i < sizeof checks / sizeof checks[0]; i++) {
		struct finding finding = { .check = checks[i].name };

		go_on = checks[i].look(visit, &finding);
		if (finding.grade > visit->worst)
			visit->worst = finding.grade;
		if (!cli_table_add(visit->table, finding_get, &finding))
			return false;
	}
	return cli_table_print(visit->table);
}

int cmd_doctor(struct cli_args *args, int argc, char **argv)
{
	struct visit visit = { .args = args, .info = ZKLOCK_INFO_INIT };
	struct cli_fault fault = { 0 };

	(void)argc;
	(void)argv;
	visit.table = cli_table_new("checks", columns, args, &fault);
	if (visit.table && !visit_all(&visit))
		(void)cli_fault_set(&fault, CLI_EXIT_OSERR, "out of memory");
	cli_table_free(visit.table);
	zklock_close(visit.client);
	return fault.exit ? cli_say_fault(args, &fault) : (int)visit.worst;
}
