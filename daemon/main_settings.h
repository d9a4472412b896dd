/* SPDX-License-Identifier: MIT */
/*
 * main_settings - what each room is told of the configuration.
 */
#ifndef DAEMON_MAIN_SETTINGS_H
#define DAEMON_MAIN_SETTINGS_H

#include <stdbool.h>

#include "daemon/config.h"
#include "daemon/conn.h"
#include "daemon/coord_zk.h"
#include "daemon/hub.h"

/* Bytes of the digest file: user:password. */
#define MAIN_AUTH_MAX 1024

/* Strings are lent by values. */
struct hub_settings main_settings_hub(const struct config_values *values);
struct conns_settings main_settings_conns(const struct config_values *values);
struct coord_zk_settings main_settings_zk(const struct config_values *values);

/* Read auth_file: its first line.  False with a line in the log. */
bool main_settings_auth(const char *path, char auth_out[MAIN_AUTH_MAX]);

#endif
