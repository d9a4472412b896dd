/* SPDX-License-Identifier: MIT */
/*
 * config - what a value may be, each by itself and all of them together.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_i.h"
#include "proto/number.h"
#include "proto/utf8.h"

/* Words of the types that are words. */
struct word {
	const char *word;
	int64_t number;
};

static const struct word bools[] = {
	{ "false", 0 }, { "true", 1 }, { "no", 0 }, { "yes", 1 },
	{ "off", 0 },   { "on", 1 },   { NULL, 0 },
};

static const struct word sinks[] = {
	{ "stderr", LOG_SINK_STDERR },
	{ "syslog", LOG_SINK_SYSLOG },
	{ "journal", LOG_SINK_JOURNAL },
	{ NULL, 0 },
};

static const struct word levels[] = {
	{ "err", LOG_LEVEL_ERR },       { "warning", LOG_LEVEL_WARNING },
	{ "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },   { NULL, 0 },
};

static const struct word *words_of(enum config_type type)
{
	switch (type) {
	case CONFIG_BOOL:
		return bools;
	case CONFIG_SINK:
		return sinks;
	case CONFIG_LEVEL:
		return levels;
	case CONFIG_TEXT:
	case CONFIG_NUMBER:
	case CONFIG_MODE:
		break;
	}
	return NULL;
}

/* Each by itself */

static const char *read_text(const struct config_row *row, const char *text)
{
	size_t len = strlen(text);
	size_t n;

	if ((int64_t)len < row->least)
		return *text ? "this is too short" : "this must not be empty";
	if ((int64_t)len > row->most)
		return "this is too long";
	for (; len > 0; text += n, len -= n) {
		n = zkp_utf8_len(text, len);
		if (n == 0 || !zkp_utf8_is_showable(text, n))
			return "this has bytes that no text should have";
	}
	return NULL;
}

static const char *read_mode(const struct config_row *row, const char *text,
			     int64_t *number_out)
{
	int64_t mode = 0;
	size_t len = strlen(text);

	if (len == 0 || len > 4 || strspn(text, "01234567") != len)
		return "this wants octal digits, such as 0660";
	for (; *text; text++)
		mode = mode * 8 + (*text - '0');
	if (mode < row->least || mode > row->most)
		return "this wants access bits only, at most 0777";
	*number_out = mode;
	return NULL;
}

static const char *read_word(const struct config_row *row, const char *text,
			     int64_t *number_out)
{
	for (const struct word *w = words_of(row->type); w->word; w++) {
		if (strcmp(w->word, text) == 0) {
			*number_out = w->number;
			return NULL;
		}
	}
	return row->type == CONFIG_BOOL   ? "this wants true or false"
	       : row->type == CONFIG_SINK ? "this wants stderr, syslog or "
					    "journal"
					  : "this wants err, warning, notice, "
					    "info or debug";
}

const char *config_value_read(const struct config_row *row, const char *text,
			      int64_t *number_out)
{
	int64_t number;

	switch (row->type) {
	case CONFIG_TEXT:
		return read_text(row, text);
	case CONFIG_NUMBER:
		if (!zkp_i64_read(text, &number))
			return "this wants a plain decimal number";
		if (number < row->least || number > row->most)
			return "this is out of range";
		*number_out = number;
		return NULL;
	case CONFIG_MODE:
		return read_mode(row, text, number_out);
	case CONFIG_BOOL:
	case CONFIG_SINK:
	case CONFIG_LEVEL:
		break;
	}
	return read_word(row, text, number_out);
}

void config_value_word(const struct config_row *row, int64_t number, char *buf,
		       size_t size)
{
	const struct word *w = words_of(row->type);

	if (row->type == CONFIG_MODE) {
		(void)snprintf(buf, size, "%04" PRIo64, (uint64_t)number);
		return;
	}
	for (; w && w->word; w++) {
		if (w->number == number) {
			(void)snprintf(buf, size, "%s", w->word);
			return;
		}
	}
	(void)snprintf(buf, size, "%" PRId64, number);
}

/* All together */

/* Where a key was set, its name, and what is wrong with it. */
static bool refuse(struct config *config, size_t row, const char *why)
{
	const struct config_origin *origin = &config->origins[row];
	const char *place = origin->place ? origin->place : "default";

	if (origin->line)
		config_problem(config, "%s:%d: %s: %s", place, origin->line,
			       config_rows[row].key, why);
	else
		config_problem(config, "%s: %s: %s", place,
			       config_rows[row].key, why);
	return false;
}

static bool judge_host(struct config *config)
{
	const char *host = config->values.host;

	if (!*host)
		return refuse(config, CONFIG_ROW_host,
			      "the system has no host name, so give one");
	for (const char *at = host; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
			return refuse(config, CONFIG_ROW_host,
				      "letters, digits, '.', '_' and '-' "
				      "only: it is part of a node's name");
	}
	return true;
}

static bool good_part(const char *part, size_t len)
{
	return len > 0 && !(len == 1 && part[0] == '.') &&
	       !(len == 2 && part[0] == '.' && part[1] == '.');
}

bool config_path_good(const char *path)
{
	size_t len;

	if (*path != '/')
		return false;
	while (*path == '/') {
		path++;
		len = strcspn(path, "/");
		if (!good_part(path, len))
			return false;
		path += len;
	}
	return true;
}

static bool judge_root(struct config *config)
{
	const char *root = config->values.root;
	size_t len;

	if (!config_path_good(root))
		return refuse(config, CONFIG_ROW_root,
			      "a znode path such as \"/zklock\" is wanted: no "
			      "slash at its end, no empty, . or .. part");
	len = strcspn(root + 1, "/");
	if (len == strlen("zookeeper") &&
	    strncmp(root + 1, "zookeeper", len) == 0)
		return refuse(config, CONFIG_ROW_root,
			      "/zookeeper is ZooKeeper's own");
	return true;
}

static bool judge_servers(struct config *config,
			  const struct config_source *source)
{
	unsigned where = 0;
	char why[160];

	if (!source->servers_check ||
	    source->servers_check(config->values.servers, &where))
		return true;
	(void)snprintf(why, sizeof why,
		       "\"host:port,host:port...\" is wanted; look at byte %u",
		       where + 1);
	return refuse(config, CONFIG_ROW_servers, why);
}

static bool judge_timeout(struct config *config)
{
	const struct config_values *v = &config->values;
	int64_t least_ms = CONFIG_TIMEOUT_TICKS_MIN * v->server_tick_ms;
	size_t row = CONFIG_ROW_session_timeout_ms;
	char why[240];

	if (v->session_timeout_ms >= least_ms)
		return true;
	/* The one that somebody set is the one to point at. */
	if (!config->origins[row].place)
		row = CONFIG_ROW_server_tick_ms;
	(void)snprintf(why, sizeof why,
		       "a session of %" PRId64 " ms is under four ticks of "
		       "the servers (%" PRId64 " ms), too short to be proven "
		       "in time: raise it, or set server_tick_ms to their "
		       "tickTime",
		       v->session_timeout_ms, least_ms);
	return refuse(config, row, why);
}

static bool judge_paths(struct config *config)
{
	const struct config_values *v = &config->values;

	if (*v->socket != '/')
		return refuse(config, CONFIG_ROW_socket,
			      "an absolute path is wanted");
	if (*v->state_dir != '/')
		return refuse(config, CONFIG_ROW_state_dir,
			      "an absolute path is wanted");
	if (*v->auth_file && *v->auth_file != '/')
		return refuse(config, CONFIG_ROW_auth_file,
			      "an absolute path is wanted");
	if (v->acl_creator && !*v->auth_file)
		return refuse(config, CONFIG_ROW_acl_creator,
			      "this needs an auth_file: nobody would be the "
			      "creator");
	return true;
}

bool config_judge(struct config *config, const struct config_source *source)
{
	return judge_host(config) && judge_root(config) &&
	       judge_servers(config, source) && judge_timeout(config) &&
	       judge_paths(config) && config_share_judge(config);
}
