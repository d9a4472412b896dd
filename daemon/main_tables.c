/* SPDX-License-Identifier: MIT */
/* main_tables - see main_tables.h. */
#include "daemon/main_tables.h"

#include "daemon/config.h"
#include "daemon/main_flags.h"
#include "proto/caps.h"
#include "proto/reply.h"
#include "proto/status.h"
#include "proto/verb.h"

static void row(FILE *to, const char *kind, const char *word)
{
	(void)fprintf(to, "%s %s\n", kind, word);
}

void main_tables_dump(FILE *to)
{
	for (size_t i = 0; i < config_keys(); i++)
		row(to, "key", config_key_at(i));
	for (size_t i = 0; main_flags_name(i); i++)
		row(to, "flag", main_flags_name(i));
	for (size_t i = 0; i < zkp_verb_count(); i++)
		row(to, "verb", zkp_verb_at(i)->word);
	for (int i = 0; i < ZKP_KEY_COUNT; i++)
		row(to, "verbkey", zkp_key_word((enum zkp_key)i));
	for (int i = 0; i < ZKP_STATUS_COUNT; i++)
		row(to, "status", zkp_status_word((enum zkp_status)i));
	for (int i = 0; i < ZKP_EVENT_COUNT; i++)
		row(to, "event", zkp_event_word((enum zkp_event)i));
	for (int i = 0; i < ZKP_CAP_COUNT; i++)
		row(to, "cap", zkp_cap_word((enum zkp_cap)i));
}
