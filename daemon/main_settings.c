/* SPDX-License-Identifier: MIT */
/* main_settings - see main_settings.h. */
#include "daemon/main_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who looks has an eighth of what may be under way to ZooKeeper. */
#define ASKS_PART 8

struct hub_settings main_settings_hub(const struct config_values *values)
{
	return (struct hub_settings){
		.host = values->host,
		.servers = values->servers,
		.root = values->root,
		.session_timeout_ms = values->session_timeout_ms,
		.server_tick_ms = values->server_tick_ms,
		.turns_ms = values->turns_ms,
		.linger_ms = values->linger_ms,
		.try_grace_ms = values->try_grace_ms,
		.turns_max = (uint32_t)values->turns_max,
		.drift_ppm = (uint32_t)values->drift_ppm,
		.tickets_max = (uint32_t)values->tickets_max,
		.tickets_per_conn_max = (uint32_t)values->tickets_per_conn_max,
		.uid_share = (uint32_t)values->uid_share,
		.unanswered_max = (uint32_t)values->unanswered_max,
		.asks_max = (uint32_t)(values->requests_max / ASKS_PART),
		.ephemeral_bytes_max = (uint32_t)values->ephemeral_bytes_max,
		.batch_ops_max = (uint32_t)values->batch_ops_max,
		.torn_exit = values->torn_exit,
	};
}

struct conns_settings main_settings_conns(const struct config_values *values)
{
	return (struct conns_settings){
		.clients_max = (uint32_t)values->clients_max,
		.clients_per_uid_max = (uint32_t)values->clients_per_uid_max,
		.output_bytes_max = (uint32_t)values->output_bytes_max,
		.listing_bytes_max = (uint32_t)values->listing_bytes_max,
	};
}

struct coord_zk_settings main_settings_zk(const struct config_values *values)
{
	return (struct coord_zk_settings){
		.servers = values->servers,
		.nameserver = *values->nameserver ? values->nameserver : NULL,
		.acl_creator = values->acl_creator,
		.session_timeout_ms = values->session_timeout_ms,
		.ops_in_flight_max = (uint32_t)values->requests_max,
		.watch_bytes_max = (uint32_t)values->ephemeral_bytes_max,
	};
}

/* A password that others can read is none. */
static const char *read_secret(int fd, char *to, size_t size)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "this is not a file";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "others than its owner may use this file";
	n = read(fd, to, size - 1);
	if (n < 0)
		return strerror(errno);
	to[n] = '\0';
	to[strcspn(to, "\r\n")] = '\0';
	if ((size_t)n == size - 1 || !strchr(to, ':') || *to == ':')
		return "one line user:password is wanted";
	return NULL;
}

bool main_settings_auth(const char *path, char auth_out[MAIN_AUTH_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why;

	if (fd < 0) {
		why = strerror(errno);
	} else {
		why = read_secret(fd, auth_out, MAIN_AUTH_MAX);
		(void)close(fd);
	}
	if (why)
		log_event(LOG_LEVEL_ERR,
			  "event=auth_file_refused path=%s error=\"%s\"", path,
			  why);
	return !why;
}
