/* SPDX-License-Identifier: MIT */
/* json - see json.h. */
#include "client/cli/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

#define US_PER_S   1000000
#define SPAN_BYTES 40

static void put(struct cli_json *json, const char *text)
{
	if (json->out)
		(void)fputs(text, json->out);
}

static void put_quoted(struct cli_json *json, const char *text)
{
	size_t left = strlen(text);

	put(json, "\"");
	while (left > 0 && json->out) {
		size_t chars = zkp_utf8_len(text, left);

		if (chars == 0)
			put(json, "\\ufffd");
		else if (*text == '"' || *text == '\\')
			(void)fprintf(json->out, "\\%c", *text);
		else if (zkp_byte_is_control(*text))
			(void)fprintf(json->out, "\\u%04x",
				      (unsigned char)*text);
		else
			(void)fwrite(text, 1, chars, json->out);
		chars += chars == 0;
		text += chars;
		left -= chars;
	}
	put(json, "\"");
}

static void put_key(struct cli_json *json, const char *key)
{
	put(json, json->later ? "," : "");
	put(json, json->pretty ? "\n   " : "");
	put_quoted(json, key);
	put(json, json->pretty ? ": " : ":");
	json->later = true;
}

void cli_json_begin(struct cli_json *json, bool pretty)
{
	*json = (struct cli_json){ .pretty = pretty };
	json->out = open_memstream(&json->text, &json->len);
	put(json, "{");
}

char *cli_json_end(struct cli_json *json)
{
	bool failed;

	put(json, json->pretty && json->later ? "\n}" : "}");
	if (!json->out)
		return NULL;
	failed = ferror(json->out) != 0;
	failed = fclose(json->out) != 0 || failed;
	json->out = NULL;
	if (!failed)
		return json->text;
	free(json->text);
	return NULL;
}

void cli_json_text(struct cli_json *json, const char *key, const char *value)
{
	put_key(json, key);
	put_quoted(json, value);
}

void cli_json_number(struct cli_json *json, const char *key, int64_t value)
{
	put_key(json, key);
	if (json->out)
		(void)fprintf(json->out, "%" PRId64, value);
}

/* By whole numbers: no locale has a say in what the point looks like. */
void cli_json_span_us(struct cli_json *json, const char *key, int64_t span_us)
{
	uint64_t us = span_us < 0 ? 0 - (uint64_t)span_us : (uint64_t)span_us;
	char text[SPAN_BYTES];
	size_t len;

	(void)snprintf(text, sizeof text, "%s%" PRIu64 ".%06" PRIu64,
		       span_us < 0 ? "-" : "", us / US_PER_S, us % US_PER_S);
	len = strlen(text);
	while (text[len - 1] == '0' && text[len - 2] != '.')
		text[--len] = '\0';
	put_key(json, key);
	put(json, text);
}

void cli_json_span(struct cli_json *json, const char *key, int64_t span_ms)
{
	cli_json_span_us(json, key, span_ms * 1000);
}

void cli_json_array(struct cli_json *json, const char *key)
{
	put_key(json, key);
	put(json, "[");
	json->later = false;
}

void cli_json_item(struct cli_json *json)
{
	put(json, json->later ? ",{" : "{");
	json->later = false;
}

void cli_json_item_end(struct cli_json *json)
{
	put(json, "}");
	json->later = true;
}

void cli_json_array_end(struct cli_json *json)
{
	put(json, "]");
	json->later = true;
}
