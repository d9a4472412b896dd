/* SPDX-License-Identifier: MIT */
/*
 * coord_mail - see the header.  A mail's strings stand behind it in the same
 * allocation: first the array of child pointers, then the bytes.
 */
#include "daemon/coord_mail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A spare carries any path that may come here, or any data. */
#define SPARE_ROOM (COORD_PATH_MAX + 1)

_Static_assert(COORD_DATA_MAX < SPARE_ROOM, "a spare carries any data");
_Static_assert(_Alignof(struct coord_sub) <= _Alignof(const char *),
	       "sub-answers may stand where the pointers do");

struct coord_mail {
	struct coord_mail *next;
	size_t room; /* bytes behind the mail */
	bool spare;  /* goes back to the box's spares */
	struct coord_event event;
	const char *room_begin[]; /* pointers first: they ask for alignment */
};

/* From one to the next in their block, aligned. */
#define SPARE_SIZE                                 \
	((sizeof(struct coord_mail) + SPARE_ROOM + \
	  _Alignof(struct coord_mail) - 1) /       \
	 _Alignof(struct coord_mail) * _Alignof(struct coord_mail))

static struct coord_mail *mail_alloc(size_t room)
{
	struct coord_mail *mail = malloc(sizeof *mail + room);

	if (!mail)
		return NULL;
	*mail = (struct coord_mail){ .room = room };
	return mail;
}

static size_t size_of_string(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static size_t room_of(const struct coord_event *event)
{
	size_t room = 0;

	switch (event->type) {
	case COORD_EV_ANSWER:
		room =
		    size_of_string(event->answer.path) + event->answer.data_len;
		for (size_t i = 0; i < event->answer.children_len; i++)
			room += sizeof(char *) +
				strlen(event->answer.children[i]) + 1;
		for (size_t i = 0; i < event->answer.subs_len; i++)
			room += sizeof *event->answer.subs +
				size_of_string(event->answer.subs[i].path);
		break;
	case COORD_EV_WATCH:
		room = size_of_string(event->watch.path);
		break;
	case COORD_EV_ATTACHED:
		room = size_of_string(event->attached.server);
		break;
	case COORD_EV_LINK_DOWN:
	case COORD_EV_EXPIRED:
	case COORD_EV_AUTH_FAILED:
	case COORD_EV_CLOSED:
		break;
	}
	return room;
}

/* Copies len bytes to *at, moves it on and returns where they are now. */
static const char *put(char **at, const char *bytes, size_t len)
{
	char *copy = *at;

	if (!bytes)
		return NULL;
	memcpy(copy, bytes, len);
	*at += len;
	return copy;
}

static const char *put_string(char **at, const char *s)
{
	return put(at, s, size_of_string(s));
}

/* A multi's answer has neither children, path nor data. */
static void fill_subs(struct coord_mail *mail, const struct coord_event *from)
{
	size_t len = from->answer.subs_len;
	struct coord_sub *subs = (struct coord_sub *)(void *)mail->room_begin;
	char *at = (char *)(subs + len);

	for (size_t i = 0; i < len; i++) {
		subs[i] = from->answer.subs[i];
		subs[i].path = put_string(&at, from->answer.subs[i].path);
	}
	mail->event.answer.subs = subs;
}

static void fill_answer(struct coord_mail *mail, const struct coord_event *from)
{
	size_t len = from->answer.children_len;
	const char **children = mail->room_begin;
	char *at = (char *)(mail->room_begin + len);

	for (size_t i = 0; i < len; i++)
		children[i] = put_string(&at, from->answer.children[i]);
	mail->event.answer.children = len ? children : NULL;
	mail->event.answer.path = put_string(&at, from->answer.path);
	mail->event.answer.data =
	    put(&at, from->answer.data, from->answer.data_len);
}

static void fill(struct coord_mail *mail, const struct coord_event *from)
{
	char *at = (char *)mail->room_begin;

	mail->event = *from;
	switch (from->type) {
	case COORD_EV_ANSWER:
		if (from->answer.subs_len)
			fill_subs(mail, from);
		else
			fill_answer(mail, from);
		break;
	case COORD_EV_WATCH:
		mail->event.watch.path = put_string(&at, from->watch.path);
		break;
	case COORD_EV_ATTACHED:
		mail->event.attached.server =
		    put_string(&at, from->attached.server);
		break;
	case COORD_EV_LINK_DOWN:
	case COORD_EV_EXPIRED:
	case COORD_EV_AUTH_FAILED:
	case COORD_EV_CLOSED:
		break;
	}
}

/* No memory: what can be said of the event within a spare. */
static struct coord_mail *spare_take(struct coord_mailbox *box,
				     const struct coord_event *event)
{
	struct coord_event small = *event;
	struct coord_mail *mail = box->spares;

	if (!mail)
		abort(); /* an answer must not be lost: see the header */
	box->spares = mail->next;
	mail->next = NULL;
	if (room_of(event) > mail->room) {
		assert(event->type == COORD_EV_ANSWER);
		small.answer.result =
		    event->answer.subs_len ? COORD_MAYBE : COORD_REFUSED;
		small.answer.zk_rc = COORD_RC_NO_MEMORY;
		small.answer.path = NULL;
		small.answer.children = NULL;
		small.answer.children_len = 0;
		small.answer.data = NULL;
		small.answer.data_len = 0;
		small.answer.subs = NULL;
		small.answer.subs_len = 0;
	}
	fill(mail, &small);
	return mail;
}

static void mail_free(struct coord_mailbox *box, struct coord_mail *mail)
{
	if (!mail)
		return;
	if (!mail->spare) {
		free(mail);
		return;
	}
	mail->next = box->spares;
	box->spares = mail;
}

bool coord_mailbox_init(struct coord_mailbox *box)
{
	*box = (struct coord_mailbox){ 0 };
	box->spare_block = malloc(COORD_MAIL_SPARES * SPARE_SIZE);
	if (!box->spare_block)
		return false;
	for (size_t i = 0; i < COORD_MAIL_SPARES; i++) {
		struct coord_mail *mail =
		    (void *)(box->spare_block + i * SPARE_SIZE);

		*mail = (struct coord_mail){ .room = SPARE_ROOM,
					     .spare = true,
					     .next = box->spares };
		box->spares = mail;
	}
	return true;
}

void coord_mailbox_fini(struct coord_mailbox *box)
{
	coord_mailbox_release(box);
	coord_mailbox_clear(box);
	free(box->spare_block);
	box->spares = NULL;
	box->spare_block = NULL;
}

void coord_mailbox_post(struct coord_mailbox *box,
			const struct coord_event *event)
{
	struct coord_mail *mail = mail_alloc(room_of(event));

	if (mail)
		fill(mail, event);
	else
		mail = spare_take(box, event);
	if (box->last)
		box->last->next = mail;
	else
		box->first = mail;
	box->last = mail;
	box->len++;
}

void coord_mailbox_post_result(struct coord_mailbox *box, uint64_t id,
			       enum coord_result result, int zk_rc)
{
	struct coord_event event = { .type = COORD_EV_ANSWER };

	event.answer.id = id;
	event.answer.result = result;
	event.answer.zk_rc = zk_rc;
	coord_mailbox_post(box, &event);
}

void coord_mailbox_post_type(struct coord_mailbox *box,
			     enum coord_event_type type)
{
	coord_mailbox_post(box, &(struct coord_event){ .type = type });
}

static struct coord_mail *first_take(struct coord_mailbox *box)
{
	struct coord_mail *mail = box->first;

	if (!mail)
		return NULL;
	box->first = mail->next;
	if (!box->first)
		box->last = NULL;
	box->len--;
	return mail;
}

bool coord_mailbox_next(struct coord_mailbox *box,
			struct coord_event *event_out)
{
	coord_mailbox_release(box);
	box->shown = first_take(box);
	if (!box->shown)
		return false;
	*event_out = box->shown->event;
	return true;
}

void coord_mailbox_release(struct coord_mailbox *box)
{
	mail_free(box, box->shown);
	box->shown = NULL;
}

bool coord_mailbox_peek(const struct coord_mailbox *box,
			struct coord_event *event_out)
{
	if (!box->first)
		return false;
	*event_out = box->first->event;
	return true;
}

void coord_mailbox_clear(struct coord_mailbox *box)
{
	while (box->first)
		mail_free(box, first_take(box));
}
