/* SPDX-License-Identifier: MIT */
/* json - see json.h.  What memory is not there for is left out, and the end
 * says so. */
#include "client/cli/json.h"

#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

#define US_PER_S 1000000.0
/* As many as any number of microseconds below thirty years needs. */
#define DIGITS 15

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static void add(struct cli_json *json, const char *key, json_t *value)
{
	json_t *object = json->item ? json->item : json->object;

	if (json_object_set_new(object, key, value) < 0)
		json->failed = true;
}

/* The library takes whole characters only. */
static json_t *string_of(const char *text)
{
	size_t left = strlen(text), len = 0;
	char *clean = malloc(left * (sizeof replacement - 1) + 1);
	json_t *string;

	if (!clean)
		return NULL;
	while (left > 0) {
		size_t chars = zkp_utf8_len(text, left);
		const char *from = chars ? text : replacement;
		size_t bytes = chars ? chars : sizeof replacement - 1;

		memcpy(clean + len, from, bytes);
		len += bytes;
		chars += chars == 0;
		text += chars;
		left -= chars;
	}
	string = json_stringn(clean, len);
	free(clean);
	return string;
}

void cli_json_begin(struct cli_json *json, bool pretty)
{
	*json = (struct cli_json){ .object = json_object(), .pretty = pretty };
}

char *cli_json_end(struct cli_json *json)
{
	size_t flags = json->pretty ? JSON_INDENT(3) : JSON_COMPACT;
	char *text = NULL;

	if (!json->failed)
		text = json_dumps(json->object,
				  flags | JSON_REAL_PRECISION(DIGITS));
	json_decref(json->object);
	json->object = NULL;
	return text;
}

void cli_json_text(struct cli_json *json, const char *key, const char *value)
{
	add(json, key, string_of(value));
}

void cli_json_number(struct cli_json *json, const char *key, int64_t value)
{
	add(json, key, json_integer(value));
}

void cli_json_span_us(struct cli_json *json, const char *key, int64_t span_us)
{
	add(json, key, json_real((double)span_us / US_PER_S));
}

void cli_json_span(struct cli_json *json, const char *key, int64_t span_ms)
{
	cli_json_span_us(json, key, span_ms * 1000);
}

void cli_json_array(struct cli_json *json, const char *key)
{
	json->array = json_array();
	add(json, key, json->array);
}

void cli_json_item(struct cli_json *json)
{
	json->item = json_object();
	if (json_array_append_new(json->array, json->item) < 0)
		json->failed = true;
}

void cli_json_item_end(struct cli_json *json)
{
	json->item = NULL;
}

void cli_json_array_end(struct cli_json *json)
{
	json->array = NULL;
}
