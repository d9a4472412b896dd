/* SPDX-License-Identifier: MIT */
/*
 * config - what the operator may set: one row a key.
 *
 * Parsing, ranges, --print-config, --dump-tables and the tests read the same
 * rows.  It reads the file and the drop-ins beside it (conf.d/, in the order
 * of their names), then what the command line says; the last one wins.  A
 * file with anything odd in it is refused as a whole, with the place and the
 * reason.  It applies nothing and logs nothing.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/layout.h"
#include "daemon/log.h"

#define CONFIG_PATH_DEFAULT "/etc/zklockd/zklockd.conf"
/* Beside the file. */
#define CONFIG_DROPIN_DIR "conf.d"

/* A configuration is a page or two; what is larger was meant for somebody
 * else. */
#define CONFIG_BYTES_MAX   ((size_t)256 * 1024)
#define CONFIG_DROPINS_MAX 64
/* Bytes of a value. */
#define CONFIG_VALUE_MAX 1024
/* Prefixes that are shared with other programs. */
#define CONFIG_SHARES_MAX  64
#define CONFIG_PROBLEM_MAX 512

/* lease.md R10: under four ticks, or two seconds, a third of the session may
 * never be proven. */
#define CONFIG_TIMEOUT_MS_MIN    2000
#define CONFIG_TIMEOUT_TICKS_MIN 4

/*
 * X(TYPE, key, default, least, most, when it may change, for people)
 *
 * Texts have lengths in place of least and most.  Numbers are kept as
 * int64_t, texts as char *.  START: read once; RELOAD: SIGHUP changes
 * it in a running daemon.
 */
#define CONFIG_MAP(X)                                                          \
	X(TEXT, servers, "127.0.0.1:2181", 1, 1000, START,                     \
	  "ZooKeeper servers, host:port,...")                                  \
	X(TEXT, nameserver, "", 0, 64, START,                                  \
	  "address:port of the name server to ask; empty: the system's")       \
	X(TEXT, auth_file, "", 0, 255, START,                                  \
	  "file with user:password for digest authentication; empty: none")    \
	X(BOOL, acl_creator, "false", 0, 1, START,                             \
	  "nodes may be changed by the holder of auth_file only")              \
	X(TEXT, root, "/zklock", 2, 255, START,                                \
	  "node below which all is kept")                                      \
	X(TEXT, host, "", 0, 64, START,                                        \
	  "name of this host in the cluster; empty: the system's")             \
	X(NUMBER, session_timeout_ms, "12000", CONFIG_TIMEOUT_MS_MIN, 600000,  \
	  START, "ZooKeeper session timeout to ask for")                       \
	X(NUMBER, server_tick_ms, "2000", 50, 60000, START,                    \
	  "largest tickTime of any ZooKeeper server")                          \
	X(NUMBER, drift_ppm, "1000", 0, 100000, START,                         \
	  "how far clock rates may differ, in millionths")                     \
	X(NUMBER, requests_max, "1024", 16, 65536, START,                      \
	  "requests under way to ZooKeeper at once")                           \
	X(NUMBER, ephemeral_bytes_max, "786432", 4096, 921600, RELOAD,         \
	  "bytes of paths of our nodes, and likewise of watched ones")         \
	X(TEXT, socket, "/run/zklockd.sock", 2, 106, START,                    \
	  "Unix socket for clients")                                           \
	X(MODE, socket_mode, "0666", 0, 0777, START, "its access mode, octal") \
	X(TEXT, state_dir, "/run/zklockd", 2, 255, START,                      \
	  "folder of the lock file and the lease page")                        \
	X(NUMBER, clients_max, "4096", 1, 65536, RELOAD, "connections")        \
	X(NUMBER, clients_per_uid_max, "1024", 1, 65536, RELOAD,               \
	  "connections of one user; root is exempt")                           \
	X(NUMBER, tickets_max, "65536", 1, 1000000, RELOAD,                    \
	  "locks held and waited for, all connections together")               \
	X(NUMBER, tickets_per_conn_max, "1024", 1, 65536, RELOAD,              \
	  "locks held and waited for by one connection")                       \
	X(NUMBER, uid_share, "75", 1, 100, RELOAD,                             \
	  "percent of what is bounded that one user may have; root: all")      \
	X(NUMBER, unanswered_max, "1024", 1, 65536, RELOAD,                    \
	  "requests of one connection that are not answered yet")              \
	X(NUMBER, output_bytes_max, "65536", 65536, 16777216, RELOAD,          \
	  "replies that one client has not read; more close it")               \
	X(NUMBER, listing_bytes_max, "16777216", 1048576, 1073741824, RELOAD,  \
	  "listings that clients have not read, all together")                 \
	X(NUMBER, turns_max, "64", 1, 1024, RELOAD,                            \
	  "turns here in a row while other hosts wait")                        \
	X(NUMBER, turns_ms, "50", 1, 60000, RELOAD,                            \
	  "time here in a row while other hosts wait")                         \
	X(NUMBER, linger_ms, "200", 0, 60000, RELOAD,                          \
	  "how long a free lock is kept by this host; 0: not at all")          \
	X(NUMBER, try_grace_ms, "50", 0, 10000, RELOAD,                        \
	  "patience of TRYLOCK with a lock that another host keeps free")      \
	X(NUMBER, batch_ops_max, "100", 0, 100, START,                         \
	  "writes for locks in one ZooKeeper transaction; under 2: one each")  \
	X(BOOL, torn_exit, "false", 0, 1, START,                               \
	  "end when another process uses our session")                         \
	X(SINK, log, "stderr", 0, 0, START, "stderr, syslog or journal")       \
	X(LEVEL, log_level, "info", 0, 0, RELOAD,                              \
	  "err, warning, notice, info or debug")

/*
 * X(key, for people)
 *
 * The section that may come many times, `share "/path" { ... }`, and what
 * stands in it.  Read once, at the start.
 */
#define CONFIG_SHARE_MAP(X)                                             \
	X(share, "a path of znodes whose locks other programs use too") \
	X(layout, "whose names they have: curator, curator-rw or kazoo")

#define CONFIG_FIELD_TEXT   char *
#define CONFIG_FIELD_NUMBER int64_t
#define CONFIG_FIELD_BOOL   int64_t
#define CONFIG_FIELD_MODE   int64_t
#define CONFIG_FIELD_SINK   int64_t /* enum log_sink */
#define CONFIG_FIELD_LEVEL  int64_t /* enum log_level */

struct config_values {
#define X(type, key, initial, least, most, change, help) \
	CONFIG_FIELD_##type key;
	CONFIG_MAP(X)
#undef X
};

struct config; /* private to config.c */

/* A word of the command line that sets a key. */
struct config_override {
	const char *origin; /* "-o", "--socket": for people */
	const char *key;
	const char *value;
};

struct config_source {
	const char *path; /* NULL: the default one, which may be missing */
	const struct config_override *overrides;
	size_t overrides_len;
	/* Judges the list of servers: resolve_check() (a room beside). */
	bool (*servers_check)(const char *servers, unsigned *where_out);
};

/* False, with one line for people in problem_out ("file:line: ..."), when
 * something is wrong. */
bool config_load(const struct config_source *source, struct config **config_out,
		 char problem_out[CONFIG_PROBLEM_MAX]);
void config_free(struct config *config); /* NULL is fine */

/* Lent until config_free(); numbers change in config_merge(). */
const struct config_values *config_values(const struct config *config);

/* The shares, in the order of the files; lent until config_free(). */
const struct layout_share *config_shares(const struct config *config,
					 size_t *len_out);

/* Take over from fresh what may change in a running daemon; told() hears of
 * every key that differs, and whether it was taken. */
void config_merge(struct config *config, const struct config *fresh,
		  void (*told)(void *ctx, const char *key, bool taken),
		  void *ctx);

/* Every key, its value and where it came from, in the form of the file. */
void config_print(const struct config *config, FILE *to);

/* The rows of both maps, for those who check the manuals. */
size_t config_keys(void);
const char *config_key_at(size_t index);
const char *config_help_at(size_t index);

#endif
