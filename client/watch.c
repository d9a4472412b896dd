/* SPDX-License-Identifier: MIT */
/*
 * watch - news of the host's locks, handed over line by line.
 *
 * They belong to no lock object and are not kept: a program that watches
 * gives a callback, and hears each line in the turn that reads it.
 */
#include <string.h>

#include "client/library.h"

static bool is_news(const char *text)
{
	char word[ZKP_VERB_MAX + 1];
	size_t len = strcspn(text, " ");
	enum zkp_event event;

	if (len >= sizeof word)
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	return zkp_event_find(word, &event) &&
	       (event == ZKP_EVENT_HELD || event == ZKP_EVENT_FREED ||
		event == ZKP_EVENT_QUEUE || event == ZKP_EVENT_DROPPED);
}

bool zkl_watch_line(zklock_client *client, const char *line)
{
	if (strncmp(line, "* ", 2) != 0 || !is_news(line + 2))
		return false;
	if (client->watch &&
	    client->watch(ZKLOCK_LINE_EVENT, line + 2, client->watch_userdata))
		client->watch = NULL;
	return true;
}

static int set_callback(zklock_client *client, zklock_row_cb callback,
			void *userdata)
{
	int ret = zkl_enter_blocking(client);

	if (ret)
		return ret;
	client->watch = callback;
	client->watch_userdata = userdata;
	return zkl_leave(client, ZKLOCK_OK);
}

int zklock_watch(zklock_client *client, const char *pattern,
		 zklock_row_cb callback, void *userdata)
{
	char line[ZKP_LINE_MAX + ZKP_LINE_END_MAX];
	struct zkp_request rq;
	struct zkp_out out;
	int ret;

	zkp_request_init(&rq, callback ? ZKP_VERB_WATCH : ZKP_VERB_UNWATCH);
	if (pattern && callback)
		rq.pattern = pattern;
	zkp_out_init(&out, line, sizeof line);
	if (!zkp_request_write(&out, &rq))
		return ZKLOCK_E_TOOLONG;
	line[out.len - 1] = '\0'; /* the LF */
	/* News may stand behind the OK in one and the same read. */
	ret = set_callback(client, callback, userdata);
	if (ret == ZKLOCK_OK)
		ret = zklock_command(client, line, NULL, NULL);
	if (ret && callback)
		(void)set_callback(client, NULL, NULL);
	return ret;
}
