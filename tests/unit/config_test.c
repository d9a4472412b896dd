/* SPDX-License-Identifier: MIT */
/*
 * config_test - what is written is what holds, and what is odd is refused
 * with its place.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"

static char dir[32];
static char path[64];
static char problem[CONFIG_PROBLEM_MAX];
static struct config *config;

static void begin(void)
{
	char name[64];

	(void)snprintf(dir, sizeof dir, "/tmp/zkl-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/zklockd.conf", dir);
	(void)snprintf(name, sizeof name, "%s/conf.d", dir);
	ck_assert_int_eq(mkdir(name, 0755), 0);
	config = NULL;
}

static void end(void)
{
	char command[80];

	config_free(config);
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void put_bytes(const char *name, const char *bytes, size_t len)
{
	char full[128];
	FILE *to;

	(void)snprintf(full, sizeof full, "%s/%s", dir, name);
	to = fopen(full, "we");
	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(fwrite(bytes, 1, len, to), len);
	ck_assert_int_eq(fclose(to), 0);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static bool judge_servers(const char *servers, unsigned *where_out)
{
	if (strchr(servers, ':'))
		return true;
	*where_out = 4;
	return false;
}

static bool load_with(const struct config_override *overrides, size_t len)
{
	const struct config_source source = { .path = path,
					      .overrides = overrides,
					      .overrides_len = len,
					      .servers_check = judge_servers };

	config_free(config);
	config = NULL;
	return config_load(&source, &config, problem);
}

static const struct config_values *loaded(const char *text)
{
	put("zklockd.conf", text);
	ck_assert_msg(load_with(NULL, 0), "%s: %s", text, problem);
	ck_assert_str_eq(problem, "");
	return config_values(config);
}

/* The problem must begin with the file and the line, and hold a word. */
static void refused_bytes(const char *bytes, size_t len, int line,
			  const char *word)
{
	char place[128];

	put_bytes("zklockd.conf", bytes, len);
	ck_assert_msg(!load_with(NULL, 0), "accepted: %s", bytes);
	ck_assert_ptr_null(config);
	(void)snprintf(place, sizeof place, "%s:%d: ", path, line);
	ck_assert_msg(strncmp(problem, place, strlen(place)) == 0,
		      "%s: not at %s", problem, place);
	ck_assert_msg(strstr(problem, word), "%s: not about %s", problem, word);
}

static void refused(const char *text, int line, const char *word)
{
	refused_bytes(text, strlen(text), line, word);
}

START_TEST(nothing_said_is_the_defaults)
{
	const struct config_values *v = loaded("");

	ck_assert_str_eq(v->servers, "127.0.0.1:2181");
	ck_assert_str_eq(v->root, "/zklock");
	ck_assert_str_eq(v->socket, "/run/zklockd.sock");
	ck_assert_str_eq(v->state_dir, "/run/zklockd");
	ck_assert_str_ne(v->host, "");
	ck_assert_int_eq(v->session_timeout_ms, 12000);
	ck_assert_int_eq(v->server_tick_ms, 2000);
	ck_assert_int_eq(v->socket_mode, 0666);
	ck_assert_int_eq(v->turns_max, 64);
	ck_assert_int_eq(v->turns_ms, 50);
	ck_assert_int_eq(v->linger_ms, 200);
	ck_assert_int_eq(v->clients_max, 4096);
	ck_assert_int_eq(v->clients_per_uid_max, 1024);
	ck_assert_int_eq(v->ephemeral_bytes_max, 786432);
	ck_assert_int_eq(v->log, LOG_SINK_STDERR);
	ck_assert_int_eq(v->log_level, LOG_LEVEL_INFO);
}
END_TEST

START_TEST(every_form_of_a_value)
{
	const struct config_values *v =
	    loaded("# a comment with \"quotes' in it\n"
		   "servers = \"zk1:2181,zk2:2181\" # behind\n"
		   "  host='db-1.example'\n"
		   "root = /a/b.c/d\n"
		   "socket_mode = 0600\n"
		   "turns_max = 1024\n"
		   "linger_ms = 0\n"
		   "log = journal\n"
		   "log_level = debug\n"
		   "auth_file = /etc/secret\n"
		   "acl_creator = yes\n");

	ck_assert_str_eq(v->servers, "zk1:2181,zk2:2181");
	ck_assert_str_eq(v->host, "db-1.example");
	ck_assert_str_eq(v->root, "/a/b.c/d");
	ck_assert_int_eq(v->socket_mode, 0600);
	ck_assert_int_eq(v->turns_max, 1024);
	ck_assert_int_eq(v->linger_ms, 0);
	ck_assert_int_eq(v->log, LOG_SINK_JOURNAL);
	ck_assert_int_eq(v->log_level, LOG_LEVEL_DEBUG);
	ck_assert_int_eq(v->acl_creator, 1);
}
END_TEST

START_TEST(an_environment_variable_is_filled_in)
{
	ck_assert_int_eq(setenv("ZKL_TEST_DIR", "/run/creds", 1), 0);
	ck_assert_str_eq(
	    loaded("auth_file = \"${ZKL_TEST_DIR}/zk\"\n")->auth_file,
	    "/run/creds/zk");
}
END_TEST

START_TEST(what_is_odd_is_refused_with_its_line)
{
	refused("turns_max = 3\ncolour = red\n", 2, "no key colour");
	refused("turns_max =\n", 2, "value");
	refused("host = \"open\n", 2, "quote");
	refused("# one\n# two\n\n# four\nturn_max = 3\n", 5, "turn_max");
	refused("turns_max = many\n", 1, "turns_max");
	refused("\nturns_max = -1\n", 2, "1 to 1024");
	refused("turns_max = 0\n", 1, "1 to 1024");
	refused("turns_max = 1025\n", 1, "1 to 1024");
	refused("turns_max = 0x10\n", 1, "decimal");
	refused("turns_max = 010\n", 1, "decimal");
	refused("turns_max = 1e2\n", 1, "decimal");
	refused("turns_max = 3s\n", 1, "decimal");
	refused("turns_max = \"\"\n", 1, "decimal");
	refused("turns_max = 99999999999999999999\n", 1, "turns_max");
	refused("turns_max = 18446744073709551619\n", 1, "turns_max");
	refused("turns_max 3\n", 1, "equal sign");
	refused("turns_max += 3\n", 1, "turns_max");
	refused("turns_max = 1 2\n", 1, "2");
	refused("turns_max = 3\n\nturns_max = 4\n", 3, "line 1");
	refused("}\n", 1, "brace");
	refused("host = {\n", 1, "{");
	refused("include(\"/etc/passwd\")\n", 1, "include");
	refused("socket_mode = 0999\n", 1, "octal");
	refused("socket_mode = 4755\n", 1, "0777");
	refused("log = paper\n", 1, "stderr");
	refused("log_level = loud\n", 1, "warning");
	refused("acl_creator = maybe\n", 1, "true or false");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused)
{
	refused_bytes("a\0b", 3, 1, "0x00");
	refused_bytes("turns_max = 3\n\0\nhost = x", 24, 2, "0x00");
	refused("\xef\xbb\xbfturns_max = 3\n", 1, "byte order mark");
	refused("# ok\n# \x1b[2J\n", 2, "0x1b");
	refused("host = \"\xff\"\n", 1, "0xff");
}
END_TEST

START_TEST(values_that_do_not_go_together_are_refused)
{
	refused("\nsession_timeout_ms = 7999\n", 2, "four ticks");
	refused("server_tick_ms = 3001\n", 1, "tickTime");
	refused("session_timeout_ms = 1999\n", 1, "2000 to");
	(void)loaded("session_timeout_ms = 8000\n");
	(void)loaded("session_timeout_ms = 2000\nserver_tick_ms = 500\n");
	refused("root = no-slash\n", 1, "root");
	refused("root = \"/\"\n", 1, "root");
	refused("root = /a/\n", 1, "slash");
	refused("root = /a//b\n", 1, "empty");
	refused("root = /a/../b\n", 1, "..");
	refused("root = /a/./b\n", 1, "root");
	refused("root = /zookeeper/x\n", 1, "/zookeeper");
	(void)loaded("root = /zookeepers\n");
	refused("host = \"a/b\"\n", 1, "host");
	refused("servers = nocolon\n", 1, "byte 5");
	refused("servers = \"\"\n", 1, "empty");
	refused("socket = relative\n", 1, "absolute");
	refused("state_dir = relative\n", 1, "absolute");
	refused("acl_creator = true\n", 1, "auth_file");
}
END_TEST

START_TEST(texts_have_a_longest)
{
	char text[256];
	int n = snprintf(text, sizeof text, "socket = /%0106d\n", 1);

	ck_assert_int_gt(n, 0);
	refused(text, 1, "too long");
	(void)snprintf(text, sizeof text, "socket = /%0105d\n", 1);
	(void)loaded(text);
}
END_TEST

START_TEST(files_that_are_none)
{
	char *big;

	ck_assert(!load_with(NULL, 0)); /* missing */
	ck_assert_ptr_nonnull(strstr(problem, path));
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert(!load_with(NULL, 0));
	ck_assert_ptr_nonnull(strstr(problem, "not a file"));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	ck_assert(!load_with(NULL, 0)); /* and does not hang */
	ck_assert_ptr_nonnull(strstr(problem, "not a file"));
	ck_assert_int_eq(unlink(path), 0);
	big = malloc(CONFIG_BYTES_MAX + 1);
	ck_assert_ptr_nonnull(big);
	memset(big, '\n', CONFIG_BYTES_MAX + 1);
	put_bytes("zklockd.conf", big, CONFIG_BYTES_MAX);
	ck_assert(load_with(NULL, 0));
	put_bytes("zklockd.conf", big, CONFIG_BYTES_MAX + 1);
	ck_assert(!load_with(NULL, 0));
	ck_assert_ptr_nonnull(strstr(problem, "too large"));
	free(big);
	put("zklockd.conf", "");
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert(!load_with(NULL, 0));
	ck_assert_ptr_nonnull(strstr(problem, "everybody may write"));
}
END_TEST

START_TEST(drop_ins_come_in_the_order_of_their_names)
{
	const struct config_values *v;

	put("conf.d/20-b.conf", "turns_ms = 20\nlinger_ms = 20\n");
	put("conf.d/10-a.conf", "turns_ms = 10\nturns_max = 10\n");
	put("conf.d/notes.txt", "this is not one");
	put("conf.d/.hidden.conf", "nor is this");
	v = loaded("turns_max = 1\nlinger_ms = 1\nclients_max = 1\n");
	ck_assert_int_eq(v->turns_ms, 20);
	ck_assert_int_eq(v->linger_ms, 20);
	ck_assert_int_eq(v->turns_max, 10);
	ck_assert_int_eq(v->clients_max, 1);
	put("conf.d/30-c.conf", "\n\ncolour = red\n");
	ck_assert(!load_with(NULL, 0));
	ck_assert_ptr_nonnull(strstr(problem, "conf.d/30-c.conf:3: "));
}
END_TEST

START_TEST(the_command_line_wins)
{
	const struct config_override good[] = {
		{ "-o", "turns_max", "7" },
		{ "--socket", "socket", "/tmp/s" },
	};
	const struct config_override bad[] = { { "-o", "turns_max", "0" } };
	const struct config_override unknown[] = { { "-o", "colour", "red" } };

	put("zklockd.conf", "turns_max = 3\n");
	ck_assert_msg(load_with(good, 2), "%s", problem);
	ck_assert_int_eq(config_values(config)->turns_max, 7);
	ck_assert_str_eq(config_values(config)->socket, "/tmp/s");
	ck_assert(!load_with(bad, 1));
	ck_assert_ptr_nonnull(strstr(problem, "-o: turns_max: "));
	ck_assert(!load_with(unknown, 1));
	ck_assert_ptr_nonnull(strstr(problem, "-o: there is no key colour"));
}
END_TEST

static char *printed(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	config_print(config, to);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

START_TEST(what_is_printed_reads_back_the_same)
{
	char origin[128];
	char *first, *again;

	(void)loaded("\nturns_max = 3\nnameserver = \"q\\\"\\\\ \\${HOME}\"\n"
		     "socket_mode = 0600\nlog = syslog\n");
	ck_assert_str_eq(config_values(config)->nameserver, "q\"\\ ${HOME}");
	first = printed();
	(void)snprintf(origin, sizeof origin, "turns_max = 3  # %s:2\n", path);
	ck_assert_ptr_nonnull(strstr(first, origin));
	ck_assert_ptr_nonnull(strstr(first, "turns_ms = 50  # default\n"));
	ck_assert_ptr_nonnull(strstr(first, "socket_mode = 0600  # "));
	(void)loaded(first);
	again = printed();
	for (char *at = first, *be = again; *at && *be;) {
		size_t len = strcspn(at, "#");

		ck_assert_mem_eq(at, be, len); /* the origin differs */
		at += strcspn(at, "\n") + 1;
		be += strcspn(be, "\n") + 1;
	}
	free(first);
	free(again);
}
END_TEST

static char told[1024];

static void note(void *ctx, const char *key, bool taken)
{
	size_t len = strlen(told);

	(void)ctx;
	(void)snprintf(told + len, sizeof told - len, "%s%c ", key,
		       taken ? '+' : '-');
}

START_TEST(a_merge_takes_what_may_change)
{
	struct config *running;
	const struct config_values *v;

	(void)loaded("turns_max = 3\nroot = /a\n");
	running = config;
	config = NULL;
	v = config_values(running);
	(void)loaded("turns_max = 4\nroot = /b\nlog_level = err\n");
	told[0] = '\0';
	config_merge(running, config, note, NULL);
	ck_assert_str_eq(told, "root- turns_max+ log_level+ ");
	ck_assert_int_eq(v->turns_max, 4);
	ck_assert_int_eq(v->log_level, LOG_LEVEL_ERR);
	ck_assert_str_eq(v->root, "/a");
	told[0] = '\0';
	config_merge(running, running, note, NULL);
	ck_assert_str_eq(told, "");
	config_free(running);
}
END_TEST

START_TEST(every_row_has_a_name_and_a_sentence)
{
	ck_assert_uint_gt(config_keys(), 20);
	for (size_t i = 0; i < config_keys(); i++) {
		ck_assert_uint_gt(strlen(config_key_at(i)), 0);
		ck_assert_uint_gt(strlen(config_help_at(i)), 0);
	}
	ck_assert_ptr_null(config_key_at(config_keys()));
}
END_TEST

/* The shipped file explains every key, and shows the defaults. */
START_TEST(the_shipped_file_shows_the_defaults)
{
	char *bare, *full, text[32768];
	FILE *from = fopen(ZKL_SOURCE_DIR "/conf/zklockd.conf", "re");
	size_t len;

	ck_assert_ptr_nonnull(from);
	len = fread(text, 1, sizeof text - 1, from);
	ck_assert_int_eq(fclose(from), 0);
	text[len] = '\0';
	(void)loaded(text);
	bare = printed();
	for (char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (at[0] == '#' && at[1] >= 'a' && at[1] <= 'z')
			at[0] = ' ';
	}
	(void)loaded(text);
	full = printed();
	for (char *at = full, *be = bare; *at && *be;) {
		size_t n = strcspn(at, "#");

		ck_assert_mem_eq(at, be, n);
		at += strcspn(at, "\n") + 1;
		be += strcspn(be, "\n") + 1;
	}
	/* All but the host were set by it. */
	ck_assert_ptr_null(strstr(full, "# default"));
	free(bare);
	free(full);
}
END_TEST

/* Shares */

static const struct layout_share *share_at(size_t i)
{
	size_t len;
	const struct layout_share *shares = config_shares(config, &len);

	return i < len ? &shares[i] : NULL;
}

START_TEST(shares_are_sections)
{
	(void)loaded("share \"/app/locks\" { layout = curator } # why\n"
		     "share '/py' {\n  # }\n  layout = kazoo\n"
		     "  linger_ms = 0\n}\n"
		     "share \"/pyr\" { layout = \"curator-rw\"\n"
		     "linger_ms = 60000 }\n"
		     "turns_max = 7\n");
	ck_assert_str_eq(share_at(0)->path, "/app/locks");
	ck_assert_int_eq(share_at(0)->kind, LAYOUT_CURATOR);
	ck_assert_str_eq(share_at(1)->path, "/py");
	ck_assert_int_eq(share_at(1)->kind, LAYOUT_KAZOO);
	ck_assert_str_eq(share_at(2)->path, "/pyr");
	ck_assert_int_eq(share_at(2)->kind, LAYOUT_CURATOR_RW);
	ck_assert_ptr_null(share_at(3));
	ck_assert_int_eq(share_at(0)->linger_ms, 0);
	ck_assert_int_eq(share_at(1)->linger_ms, LAYOUT_LINGER_OFF);
	ck_assert_int_eq(share_at(2)->linger_ms, 60000);
	ck_assert_int_eq(config_values(config)->turns_max, 7);
}
END_TEST

START_TEST(odd_shares_are_refused_with_their_line)
{
	static const struct {
		const char *text;
		int line;
		const char *word;
	} rows[] = {
		{ "\nshare \"/a\" { }\n", 2, "layout" },
		{ "share \"/a\" { layout = go }\n", 1, "curator-rw" },
		{ "share \"/a\" { layout = own }\n", 1, "kazoo" },
		{ "share \"/a\" { layout = Kazoo }\n", 1, "kazoo" },
		{ "share \"/a\" { layout = kazoo\nlayout = kazoo }\n", 2,
		  "line 1" },
		{ "share \"/a\" { layouts = kazoo }\n", 1, "layouts" },
		{ "share \"/a\" { layout = kazoo\nlinger_ms = 60001 }\n", 1,
		  "60000" },
		{ "share \"/a\" { layout = kazoo\nlinger_ms = soon }\n", 1,
		  "60000" },
		{ "share \"/a\" { layout = kazoo\nlinger_ms = 1\n"
		  "linger_ms = 2 }\n",
		  3, "line 2" },
		{ "share \"/a\" { linger_ms = 1 }\n", 1, "layout" },
		{ "share { layout = kazoo }\n", 1, "title" },
		{ "share = \"/a\"\n", 1, "title" },
		{ "layout = kazoo\n", 1, "layout" },
		{ "\n\nshare \"/a\" { layout = kazoo\n\n", 3, "closed" },
		{ "share \"/a\" { layout = kazoo }\n}\n", 2, "brace" },
		{ "share \"/a\" { layout = kazoo }\n"
		  "share \"/a\" { layout = kazoo }\n",
		  2, "/a" },
		{ "share \"\" { layout = kazoo }\n", 1, "slash" },
		{ "share \"/\" { layout = kazoo }\n", 1, "slash" },
		{ "share \"a\" { layout = kazoo }\n", 1, "slash" },
		{ "share \"/a/\" { layout = kazoo }\n", 1, "slash" },
		{ "share \"/a//b\" { layout = kazoo }\n", 1, "empty" },
		{ "share \"/a/../b\" { layout = kazoo }\n", 1, ".." },
		{ "share \"/a/./b\" { layout = kazoo }\n", 1, ".." },
		{ "share \"/a b\" { layout = kazoo }\n", 1, "A-Z" },
		{ "share \"/zookeeper\" { layout = kazoo }\n", 1, "own" },
		{ "share \"/zookeeper/a\" { layout = kazoo }\n", 1, "own" },
		{ "share \"/zklock\" { layout = kazoo }\n", 1, "root" },
		{ "share \"/zklock/a\" { layout = kazoo }\n", 1, "root" },
		{ "root = \"/a/b\"\nshare \"/a\" { layout = kazoo }\n", 2,
		  "root" },
		{ "share \"/a/b\" { layout = kazoo }\n"
		  "share \"/a\" { layout = kazoo }\n",
		  2, "inside" },
		{ "share \"/a\" { layout = kazoo }\n"
		  "share \"/a/b/c\" { layout = kazoo }\n",
		  2, "inside" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		refused(rows[i].text, rows[i].line, rows[i].word);
}
END_TEST

START_TEST(shares_have_a_most)
{
	char text[8192];
	size_t len = 0;

	for (int i = 0; i <= CONFIG_SHARES_MAX; i++)
		len +=
		    (size_t)snprintf(text + len, sizeof text - len,
				     "share \"/s%d\" { layout = kazoo }\n", i);
	refused(text, CONFIG_SHARES_MAX + 1, "64");
	text[strlen(text) - strlen("share \"/s64\" { layout = kazoo }\n")] =
	    '\0';
	(void)loaded(text);
	ck_assert_str_eq(share_at(CONFIG_SHARES_MAX - 1)->path, "/s63");
}
END_TEST

START_TEST(a_share_has_room_for_a_name)
{
	char text[512], name[300];

	memset(name, 'a', sizeof name);
	(void)snprintf(text, sizeof text,
		       "share \"/%.252s\" { layout = kazoo }\n", name);
	(void)loaded(text);
	(void)snprintf(text, sizeof text,
		       "share \"/%.253s\" { layout = kazoo }\n", name);
	refused(text, 1, "short");
}
END_TEST

START_TEST(a_later_file_says_another_layout)
{
	char *text;

	put("conf.d/b.conf", "share \"/a\" { layout = curator-rw }\n"
			     "share \"/b\" { layout = kazoo }\n");
	(void)loaded("share \"/a\" { layout = kazoo }\n");
	ck_assert_int_eq(share_at(0)->kind, LAYOUT_CURATOR_RW);
	ck_assert_str_eq(share_at(1)->path, "/b");
	ck_assert_ptr_null(share_at(2));
	text = printed();
	ck_assert_ptr_nonnull(
	    strstr(text, "share \"/a\" { layout = curator-rw }  # "));
	ck_assert_ptr_nonnull(strstr(text, "conf.d/b.conf:1\n"));
	/* And it reads back the same. */
	put("conf.d/b.conf", "");
	(void)loaded(text);
	ck_assert_int_eq(share_at(0)->kind, LAYOUT_CURATOR_RW);
	ck_assert_int_eq(share_at(1)->kind, LAYOUT_KAZOO);
	free(text);
}
END_TEST

static void told_share(void *ctx, const char *key, bool taken)
{
	ck_assert_str_eq(key, "share");
	ck_assert(!taken);
	++*(int *)ctx;
}

START_TEST(other_shares_want_a_restart)
{
	struct config *running;
	int heard = 0;

	(void)loaded("share \"/a\" { layout = kazoo }\n");
	running = config;
	config = NULL;
	(void)loaded("share \"/a\" { layout = kazoo }\n");
	config_merge(running, config, told_share, &heard);
	ck_assert_int_eq(heard, 0);
	(void)loaded("share \"/a\" { layout = curator }\n");
	config_merge(running, config, told_share, &heard);
	ck_assert_int_eq(heard, 1);
	(void)loaded("");
	config_merge(running, config, told_share, &heard);
	ck_assert_int_eq(heard, 2);
	config_free(running);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, nothing_said_is_the_defaults);
	tcase_add_test(tc, every_form_of_a_value);
	tcase_add_test(tc, an_environment_variable_is_filled_in);
	tcase_add_test(tc, what_is_odd_is_refused_with_its_line);
	tcase_add_test(tc, bytes_that_are_no_text_are_refused);
	tcase_add_test(tc, values_that_do_not_go_together_are_refused);
	tcase_add_test(tc, texts_have_a_longest);
	tcase_add_test(tc, files_that_are_none);
	tcase_add_test(tc, drop_ins_come_in_the_order_of_their_names);
	tcase_add_test(tc, the_command_line_wins);
	tcase_add_test(tc, what_is_printed_reads_back_the_same);
	tcase_add_test(tc, a_merge_takes_what_may_change);
	tcase_add_test(tc, every_row_has_a_name_and_a_sentence);
	tcase_add_test(tc, the_shipped_file_shows_the_defaults);
	tcase_add_test(tc, shares_are_sections);
	tcase_add_test(tc, odd_shares_are_refused_with_their_line);
	tcase_add_test(tc, shares_have_a_most);
	tcase_add_test(tc, a_share_has_room_for_a_name);
	tcase_add_test(tc, a_later_file_says_another_layout);
	tcase_add_test(tc, other_shares_want_a_restart);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
