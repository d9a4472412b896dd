/* SPDX-License-Identifier: MIT */
/*
 * json - one object, written member by member.
 *
 * Writes only, and nothing deeper than an array of objects.  The one room that
 * knows the JSON library.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct cli_json {
	json_t *object;
	json_t *array; /* in the object, and open; NULL: none */
	json_t *item;  /* in the array, and open; NULL: none */
	bool pretty;   /* a line for each member */
	bool failed;   /* no memory for something of it */
};

/* "{" and on; cli_json_end() must follow. */
void cli_json_begin(struct cli_json *json, bool pretty);
/* "}": the object, without a line end, for free(); NULL: no memory. */
char *cli_json_end(struct cli_json *json);

/* Bytes that are no UTF-8 become U+FFFD. */
void cli_json_text(struct cli_json *json, const char *key, const char *value);
void cli_json_number(struct cli_json *json, const char *key, int64_t value);
/* Seconds, with a point; in milliseconds, or in microseconds. */
void cli_json_span(struct cli_json *json, const char *key, int64_t span_ms);
void cli_json_span_us(struct cli_json *json, const char *key, int64_t span_us);

/* "key":[ then {...} for each item, then ]. */
void cli_json_array(struct cli_json *json, const char *key);
void cli_json_item(struct cli_json *json);
void cli_json_item_end(struct cli_json *json);
void cli_json_array_end(struct cli_json *json);

#endif
