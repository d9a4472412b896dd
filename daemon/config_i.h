/* SPDX-License-Identifier: MIT */
/*
 * config_i - what the files of config share.  Nobody else includes it.
 */
#ifndef DAEMON_CONFIG_I_H
#define DAEMON_CONFIG_I_H

#include "daemon/config.h"

enum config_type {
	CONFIG_TEXT,
	CONFIG_NUMBER,
	CONFIG_BOOL,
	CONFIG_MODE,
	CONFIG_SINK,
	CONFIG_LEVEL,
};

enum config_change { CONFIG_START, CONFIG_RELOAD };

struct config_row {
	const char *key;
	enum config_type type;
	size_t at; /* in struct config_values */
	const char *initial;
	int64_t least;
	int64_t most;
	enum config_change change;
	const char *help;
};

/* The order of the map. */
enum {
#define X(type, key, initial, least, most, change, help) CONFIG_ROW_##key,
	CONFIG_MAP(X)
#undef X
	    CONFIG_ROWS
};

extern const struct config_row config_rows[CONFIG_ROWS];

/* Where a value was set; line 0: not in a file. */
struct config_origin {
	char *place;
	int line;
};

struct config {
	struct config_values values;
	struct layout_share shares[CONFIG_SHARES_MAX]; /* paths are ours */
	struct config_origin share_origins[CONFIG_SHARES_MAX];
	size_t shares_len;
	struct config_origin origins[CONFIG_ROWS];
	/* While it is loaded: the line of problem_out, "" as long as all is
	 * well.  The first problem stays. */
	char *problem;
};

/* config.c */
const struct config_row *config_row_find(const char *key);
size_t config_row_index(const struct config_row *row);
void config_problem(struct config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Set a key; false with a problem. */
bool config_set(struct config *config, const struct config_row *row,
		const struct config_origin *origin, const char *text);

/* config_share.c */

/* What a section says, as text; linger NULL: nothing of that. */
struct config_share {
	const char *path, *layout, *linger;
};

/* A share, or another word on one; false with a problem. */
bool config_share_set(struct config *config, const struct config_share *text,
		      const struct config_origin *origin);
void config_share_free_all(struct config *config);
bool config_share_same(const struct config *a, const struct config *b);
void config_share_print(const struct config *config, FILE *to);
/* Do they make sense, beside the root too?  False with a problem. */
bool config_share_judge(struct config *config);

/* config_file.c: one file and its drop-ins; false with a problem. */
bool config_file_read(struct config *config, const char *path, bool must);

/* config_judge.c */

/* "/a/b": every part good, no slash behind the last. */
bool config_path_good(const char *path);
/* Read a value of a row's type; NULL when it is good, else what is wanted. */
const char *config_value_read(const struct config_row *row, const char *text,
			      int64_t *number_out);
/* The word of a value that is not a text, into buf. */
void config_value_word(const struct config_row *row, int64_t number, char *buf,
		       size_t size);
/* Do the values make sense together?  False with a problem. */
bool config_judge(struct config *config, const struct config_source *source);

#endif
