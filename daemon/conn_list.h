/* SPDX-License-Identifier: MIT */
/*
 * conn_list - connections in a row, each in several rows at once.
 *
 * A connection knows by the link whether it is in a row, and leaves it in one
 * step whichever it is.  Owns nothing.
 */
#ifndef DAEMON_CONN_LIST_H
#define DAEMON_CONN_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

struct conn_link {
	struct conn_link *prev; /* NULL: in no row */
	struct conn_link *next;
	struct conn *conn; /* whose link it is */
};

/* A ring through its head, whose conn is NULL. */
struct conn_list {
	struct conn_link head;
};

static inline void conn_list_init(struct conn_list *list)
{
	list->head.prev = list->head.next = &list->head;
	list->head.conn = NULL;
}

static inline bool conn_link_on(const struct conn_link *link)
{
	return link->prev;
}

/* At the end; it must be in no row. */
static inline void conn_list_add(struct conn_list *list, struct conn_link *link)
{
	link->prev = list->head.prev;
	link->next = &list->head;
	link->prev->next = link;
	list->head.prev = link;
}

/* Nothing happens when it is in no row. */
static inline void conn_link_off(struct conn_link *link)
{
	if (!link->prev)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

/* NULL when there is none. */
static inline struct conn *conn_list_first(const struct conn_list *list)
{
	return list->head.next->conn;
}

static inline struct conn *conn_link_next(const struct conn_link *link)
{
	return link->next->conn;
}

/* All of from, which is empty then; whatever was in to is not there any
 * more: it must be empty. */
static inline void conn_list_take(struct conn_list *to, struct conn_list *from)
{
	conn_list_init(to);
	if (!from->head.next->conn)
		return;
	to->head.next = from->head.next;
	to->head.prev = from->head.prev;
	to->head.next->prev = &to->head;
	to->head.prev->next = &to->head;
	conn_list_init(from);
}

#endif
