/* SPDX-License-Identifier: MIT */
/*
 * config - see config.h.  Here: the rows, setting them, showing them.
 * config_file.c reads files, config_judge.c judges values, config_share.c is
 * about the section that may come many times.
 */
#include "daemon/config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_i.h"

const struct config_row config_rows[CONFIG_ROWS] = {
#define X(type_, key_, initial_, least_, most_, change_, help_) \
	{                                                       \
		.key = #key_,                                   \
		.type = CONFIG_##type_,                         \
		.at = offsetof(struct config_values, key_),     \
		.initial = initial_,                            \
		.least = least_,                                \
		.most = most_,                                  \
		.change = CONFIG_##change_,                     \
		.help = help_,                                  \
	},
	CONFIG_MAP(X)
#undef X
};

const struct config_row *config_row_find(const char *key)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		if (strcmp(config_rows[i].key, key) == 0)
			return &config_rows[i];
	}
	return NULL;
}

size_t config_row_index(const struct config_row *row)
{
	return (size_t)(row - config_rows);
}

void config_problem(struct config *config, const char *format, ...)
{
	va_list args;

	if (*config->problem)
		return;
	va_start(args, format);
	(void)vsnprintf(config->problem, CONFIG_PROBLEM_MAX, format, args);
	va_end(args);
}

/* Values */

static const char *text_of(const struct config *config,
			   const struct config_row *row)
{
	const void *at = (const char *)&config->values + row->at;

	assert(row->type == CONFIG_TEXT);
	return *(char *const *)at;
}

static int64_t number_of(const struct config *config,
			 const struct config_row *row)
{
	const void *at = (const char *)&config->values + row->at;

	assert(row->type != CONFIG_TEXT);
	return *(const int64_t *)at;
}

static char **text_place(struct config *config, const struct config_row *row)
{
	void *at = (char *)&config->values + row->at;

	assert(row->type == CONFIG_TEXT);
	return at;
}

static void put_number(struct config *config, const struct config_row *row,
		       int64_t number)
{
	void *at = (char *)&config->values + row->at;

	assert(row->type != CONFIG_TEXT);
	*(int64_t *)at = number;
}

static bool put_text(struct config *config, const struct config_row *row,
		     const char *text)
{
	char **place = text_place(config, row);
	char *copy = strdup(text);

	if (!copy) {
		config_problem(config, "out of memory");
		return false;
	}
	free(*place);
	*place = copy;
	return true;
}

static void tell_bad(struct config *config, const struct config_row *row,
		     const struct config_origin *origin, const char *why)
{
	char place[CONFIG_PROBLEM_MAX / 2];

	if (origin->line)
		(void)snprintf(place, sizeof place, "%s:%d", origin->place,
			       origin->line);
	else
		(void)snprintf(place, sizeof place, "%s",
			       origin->place ? origin->place : "default");
	if (row->type == CONFIG_NUMBER)
		config_problem(config, "%s: %s: %s: %lld to %lld", place,
			       row->key, why, (long long)row->least,
			       (long long)row->most);
	else
		config_problem(config, "%s: %s: %s", place, row->key, why);
}

static bool set_origin(struct config *config, const struct config_row *row,
		       const struct config_origin *origin)
{
	struct config_origin *mine = &config->origins[config_row_index(row)];
	char *place = origin->place ? strdup(origin->place) : NULL;

	if (origin->place && !place) {
		config_problem(config, "out of memory");
		return false;
	}
	free(mine->place);
	mine->place = place;
	mine->line = origin->line;
	return true;
}

bool config_set(struct config *config, const struct config_row *row,
		const struct config_origin *origin, const char *text)
{
	int64_t number = 0;
	const char *why = config_value_read(row, text, &number);

	if (why) {
		tell_bad(config, row, origin, why);
		return false;
	}
	if (!set_origin(config, row, origin))
		return false;
	if (row->type == CONFIG_TEXT)
		return put_text(config, row, text);
	put_number(config, row, number);
	return true;
}

/* Loading */

static bool set_defaults(struct config *config)
{
	const struct config_origin nowhere = { NULL, 0 };

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		if (!config_set(config, &config_rows[i], &nowhere,
				config_rows[i].initial))
			return false;
	}
	return true;
}

static bool set_override(struct config *config,
			 const struct config_override *override)
{
	const struct config_row *row = config_row_find(override->key);
	char place[64];
	const struct config_origin origin = { .place = place };

	(void)snprintf(place, sizeof place, "%s", override->origin);
	if (!row) {
		config_problem(config,
			       "%s: there is no key %s: zklockd.conf(5) has "
			       "them all",
			       override->origin, override->key);
		return false;
	}
	return config_set(config, row, &origin, override->value);
}

static bool set_host(struct config *config)
{
	char name[CONFIG_VALUE_MAX];

	if (*config->values.host)
		return true;
	if (gethostname(name, sizeof name) < 0)
		return true; /* judged later */
	name[sizeof name - 1] = '\0';
	return put_text(config, &config_rows[CONFIG_ROW_host], name);
}

static bool load(struct config *config, const struct config_source *source)
{
	const char *path = source->path ? source->path : CONFIG_PATH_DEFAULT;

	if (!set_defaults(config) ||
	    !config_file_read(config, path, source->path != NULL))
		return false;
	for (size_t i = 0; i < source->overrides_len; i++) {
		if (!set_override(config, &source->overrides[i]))
			return false;
	}
	return set_host(config) && config_judge(config, source);
}

bool config_load(const struct config_source *source, struct config **config_out,
		 char problem_out[CONFIG_PROBLEM_MAX])
{
	struct config *config = calloc(1, sizeof *config);

	problem_out[0] = '\0';
	if (!config) {
		(void)snprintf(problem_out, CONFIG_PROBLEM_MAX,
			       "out of memory");
		return false;
	}
	config->problem = problem_out;
	if (!load(config, source)) {
		config_free(config);
		return false;
	}
	config->problem = NULL;
	*config_out = config;
	return true;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		free(config->origins[i].place);
		if (config_rows[i].type == CONFIG_TEXT)
			free(*text_place(config, &config_rows[i]));
	}
	config_share_free_all(config);
	free(config);
}

const struct config_values *config_values(const struct config *config)
{
	return &config->values;
}

/* Changing */

static const struct {
	const char *key;
	const char *help;
} section_keys[] = {
#define X(key_, help_) { #key_, help_ },
	CONFIG_SHARE_MAP(X)
#undef X
};

#define SECTION_KEYS (sizeof section_keys / sizeof *section_keys)

static bool same(const struct config *a, const struct config *b,
		 const struct config_row *row)
{
	if (row->type == CONFIG_TEXT)
		return strcmp(text_of(a, row), text_of(b, row)) == 0;
	return number_of(a, row) == number_of(b, row);
}

void config_merge(struct config *config, const struct config *fresh,
		  void (*told)(void *ctx, const char *key, bool taken),
		  void *ctx)
{
	const struct config_row *row;

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		row = &config_rows[i];
		if (same(config, fresh, row))
			continue;
		if (row->change == CONFIG_RELOAD)
			put_number(config, row, number_of(fresh, row));
		told(ctx, row->key, row->change == CONFIG_RELOAD);
	}
	if (!config_share_same(config, fresh))
		told(ctx, section_keys[0].key, false);
}

/* Showing */

static void print_quoted(const char *text, FILE *to)
{
	(void)fputc('"', to);
	for (; *text; text++) {
		if (strchr("\"\\$", *text))
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
	(void)fputc('"', to);
}

void config_print(const struct config *config, FILE *to)
{
	const struct config_origin *origin;
	const struct config_row *row;
	char word[32];

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		row = &config_rows[i];
		origin = &config->origins[i];
		(void)fprintf(to, "%s = ", row->key);
		if (row->type == CONFIG_TEXT) {
			print_quoted(text_of(config, row), to);
		} else {
			config_value_word(row, number_of(config, row), word,
					  sizeof word);
			(void)fputs(word, to);
		}
		if (origin->line)
			(void)fprintf(to, "  # %s:%d\n", origin->place,
				      origin->line);
		else
			(void)fprintf(to, "  # %s\n",
				      origin->place ? origin->place
						    : "default");
	}
	config_share_print(config, to);
}

size_t config_keys(void)
{
	return CONFIG_ROWS + SECTION_KEYS;
}

const char *config_key_at(size_t index)
{
	if (index < CONFIG_ROWS)
		return config_rows[index].key;
	index -= CONFIG_ROWS;
	return index < SECTION_KEYS ? section_keys[index].key : NULL;
}

const char *config_help_at(size_t index)
{
	if (index < CONFIG_ROWS)
		return config_rows[index].help;
	index -= CONFIG_ROWS;
	return index < SECTION_KEYS ? section_keys[index].help : NULL;
}
