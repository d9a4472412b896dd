/* SPDX-License-Identifier: MIT */
/*
 * config - reading files: the whole file at once, judged as text, then parsed
 * by libconfuse, one value at a time.
 *
 * libconfuse's hooks carry no context, so the file in hand is kept in a
 * variable of this file: one thread, and no call from within a call.
 */
#include <confuse.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_i.h"
#include "proto/utf8.h"

static struct {
	struct config *config;
	const char *path;
	bool set[CONFIG_ROWS]; /* by this file */
	int layout_line;       /* of the share in hand; 0: none yet */
	int linger_line;       /* likewise */
} reading;

/* Text */

/* Comments become blanks: libconfuse counts the lines of a comment more than
 * once, and a wrong line number is worse than none. */
static void blank_comments(char *text)
{
	char quote = '\0';

	for (char *at = text; *at; at++) {
		if (quote) {
			if (*at == '\\' && at[1])
				at++;
			else if (*at == quote)
				quote = '\0';
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (*at == '#') {
			for (; *at && *at != '\n'; at++)
				*at = ' ';
			if (!*at)
				return;
		}
	}
}

/* libconfuse takes the end of the file for the end of a section.  The text is
 * without its comments. */
static bool check_braces(struct config *config, const char *path,
			 const char *text)
{
	int line = 1, open_line = 0;
	char quote = '\0';

	for (; *text; text++) {
		line += *text == '\n';
		if (quote && *text == '\\' && text[1])
			line += *++text == '\n';
		else if (quote)
			quote = *text == quote ? '\0' : quote;
		else if (*text == '"' || *text == '\'')
			quote = *text;
		else if (*text == '{')
			open_line = line;
		else if (*text == '}')
			open_line = 0;
	}
	if (open_line)
		config_problem(config, "%s:%d: this { is never closed", path,
			       open_line);
	return !open_line;
}

static bool check_bytes(struct config *config, const char *path,
			const char *text, size_t len)
{
	static const char bom[] = "\xef\xbb\xbf";
	int line = 1;
	size_t n;

	if (len >= 3 && memcmp(text, bom, 3) == 0) {
		config_problem(config,
			       "%s:1: this begins with a byte order mark: "
			       "save it as plain UTF-8",
			       path);
		return false;
	}
	for (; len > 0; text += n, len -= n) {
		n = zkp_utf8_len(text, len);
		if (n == 0 ||
		    (zkp_byte_is_control(*text) && !strchr("\t\r\n", *text)) ||
		    *text == '\0') {
			config_problem(config,
				       "%s:%d: the byte 0x%02x is not text",
				       path, line, (unsigned char)*text);
			return false;
		}
		line += *text == '\n';
	}
	return true;
}

static char *read_all(int fd, size_t *len_out)
{
	char *text = malloc(CONFIG_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text && n > 0 && len <= CONFIG_BYTES_MAX) {
		n = read(fd, text + len, CONFIG_BYTES_MAX + 1 - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (text && n < 0) {
		free(text);
		return NULL;
	}
	*len_out = len;
	return text;
}

/* Why an open file is none of ours; NULL when it is. */
static const char *judge_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "this is not a file";
	if (st.st_mode & S_IWOTH)
		return "everybody may write this file";
	return NULL;
}

/* The file as a NUL-terminated text; NULL with a problem, or when it is
 * missing and may be. */
static char *slurp(struct config *config, const char *path, bool must)
{
	/* NONBLOCK: a pipe in its place must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	char *text = NULL;
	size_t len = 0;

	if (fd < 0 && errno == ENOENT && !must)
		return NULL;
	why = fd < 0 ? strerror(errno) : judge_file(fd);
	if (!why) {
		text = read_all(fd, &len);
		if (!text)
			why = strerror(errno);
	}
	if (fd >= 0)
		(void)close(fd);
	if (text && len > CONFIG_BYTES_MAX)
		why = "this file is far too large for a configuration";
	if (why)
		config_problem(config, "%s: %s", path, why);
	if (why || !text || !check_bytes(config, path, text, len)) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* libconfuse */

static void on_error(cfg_t *cfg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static const char *in_our_words(const char *format)
    __attribute__((format_arg(1)));

/* libconfuse says what it missed; where its words leave open what to do, ours
 * stand for them. */
static const char *in_our_words(const char *format)
{
	if (strcmp(format, "no such option '%s'") == 0)
		return "there is no key %s: zklockd.conf(5) has them all";
	if (strcmp(format, "premature end of file") == 0)
		return "the file ends here: a value, or the quote that closes "
		       "one, is missing";
	return format;
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[CONFIG_PROBLEM_MAX / 2];

	(void)vsnprintf(text, sizeof text, in_our_words(format), args);
	config_problem(reading.config, "%s:%d: %s", reading.path,
		       cfg ? cfg->line : 0, text);
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct config_row *row = config_row_find(cfg_opt_name(opt));
	char path[PATH_MAX];
	struct config_origin origin = { .place = path, .line = cfg->line };
	size_t index = config_row_index(row);

	(void)snprintf(path, sizeof path, "%s", reading.path);
	if (reading.set[index]) {
		config_problem(reading.config,
			       "%s:%d: %s is set in line %d already",
			       reading.path, cfg->line, row->key,
			       reading.config->origins[index].line);
		return -1;
	}
	reading.set[index] = true;
	return config_set(reading.config, row, &origin, cfg_opt_getstr(opt))
		   ? 0
		   : -1;
}

/* In a share: said once; on_share() takes it. */
static int note_inside(const cfg_t *cfg, cfg_opt_t *opt, int *line)
{
	if (*line) {
		config_problem(
		    reading.config, "%s:%d: %s is set in line %d already",
		    reading.path, cfg->line, cfg_opt_name(opt), *line);
		return -1;
	}
	*line = cfg->line;
	return 0;
}

static int on_layout(cfg_t *cfg, cfg_opt_t *opt)
{
	return note_inside(cfg, opt, &reading.layout_line);
}

static int on_linger(cfg_t *cfg, cfg_opt_t *opt)
{
	return note_inside(cfg, opt, &reading.linger_line);
}

/* Behind the closing brace of a share. */
static int on_share(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	char path[PATH_MAX];
	struct config_origin origin = { .place = path, .line = cfg->line };
	const struct config_share text = {
		.path = cfg_title(section),
		.layout = cfg_getstr(section, "layout"),
		.linger = cfg_getstr(section, "linger_ms"),
	};

	(void)snprintf(path, sizeof path, "%s", reading.path);
	if (reading.layout_line)
		origin.line = reading.layout_line;
	reading.layout_line = reading.linger_line = 0;
	return config_share_set(reading.config, &text, &origin) ? 0 : -1;
}

/* Every key is a string to libconfuse: what a number may look like is judged
 * in one place, here and on the command line alike. */
static cfg_t *new_parser(cfg_opt_t options[CONFIG_ROWS + 2])
{
	cfg_opt_t inside[] = { CFG_STR("layout", NULL, CFGF_NONE),
			       CFG_STR("linger_ms", NULL, CFGF_NONE),
			       CFG_END() };
	const cfg_opt_t share = CFG_SEC(
	    "share", inside, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	const cfg_opt_t end = CFG_END();
	cfg_t *cfg;

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		const cfg_opt_t one =
		    CFG_STR(config_rows[i].key, NULL, CFGF_NONE);

		options[i] = one;
	}
	options[CONFIG_ROWS] = share;
	options[CONFIG_ROWS + 1] = end;
	cfg = cfg_init(options, CFGF_NONE);
	if (!cfg)
		return NULL;
	(void)cfg_set_error_function(cfg, on_error);
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		(void)cfg_set_validate_func(cfg, config_rows[i].key, on_value);
	(void)cfg_set_validate_func(cfg, "share", on_share);
	(void)cfg_set_validate_func(cfg, "share|layout", on_layout);
	(void)cfg_set_validate_func(cfg, "share|linger_ms", on_linger);
	return cfg;
}

static bool parse(struct config *config, const char *path, char *text)
{
	cfg_opt_t options[CONFIG_ROWS + 2];
	cfg_t *cfg = new_parser(options);
	bool good;

	if (!cfg) {
		config_problem(config, "%s: out of memory", path);
		return false;
	}
	memset(&reading, 0, sizeof reading);
	reading.config = config;
	reading.path = path;
	blank_comments(text);
	good = check_braces(config, path, text) &&
	       cfg_parse_buf(cfg, text) == CFG_SUCCESS && !*config->problem;
	if (!good) /* unless somebody said more */
		config_problem(config, "%s: this cannot be read", path);
	(void)cfg_free(cfg);
	return good;
}

static bool read_one(struct config *config, const char *path, bool must)
{
	char *text = slurp(config, path, must);
	bool good = text ? parse(config, path, text) : !*config->problem;

	free(text);
	return good;
}

/* Drop-ins */

static int is_dropin(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".conf") == 0;
}

/* By bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_dropin(struct config *config, const char *dir,
			const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof path) {
		config_problem(config, "%s: the path is too long", dir);
		return false;
	}
	return read_one(config, path, true);
}

static bool read_dropins(struct config *config, const char *dir)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_dropin, by_name);
	bool good = true;

	if (n < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return true;
		config_problem(config, "%s: %s", dir, strerror(errno));
		return false;
	}
	if (n > CONFIG_DROPINS_MAX) {
		config_problem(config, "%s: more than %d files", dir,
			       CONFIG_DROPINS_MAX);
		good = false;
	}
	for (int i = 0; i < n; i++) {
		good = good && read_dropin(config, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return good;
}

bool config_file_read(struct config *config, const char *path, bool must)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path + 1) : 0;
	char dir[PATH_MAX];
	int n =
	    snprintf(dir, sizeof dir, "%.*s" CONFIG_DROPIN_DIR, dir_len, path);

	if (n < 0 || (size_t)n >= sizeof dir) {
		config_problem(config, "%s: the path is too long", path);
		return false;
	}
	return read_one(config, path, must) && read_dropins(config, dir);
}
