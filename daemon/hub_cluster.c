/* SPDX-License-Identifier: MIT */
/*
 * hub - what the coordinator is asked for people: WHO, LIST scope=cluster.
 *
 * A question is one listing and some reads for each of its children.  Few are
 * under way at once, over all questions together: whoever waits for a lock
 * never waits behind somebody who looks.  What is read is kept until all of it
 * is there, and said in one piece.  Nothing here watches or writes.
 *
 * A semaphore has two queues below its node, and is asked about both: leases,
 * and behind them who waits at its entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"
#include "proto/glob.h"
#include "proto/name.h"

/* Questions of all connections: each keeps what it has read so far. */
#define QUESTIONS_MAX 16
/* Rows of one answer: a page, about a quarter of a megabyte. */
#define ROWS_MAX 1000
/* Reads under way at once when the settings say nothing. */
#define ASKS_DEFAULT 16
/* What is shown of a stranger's node name. */
#define NODE_SHOWN_MAX 255

/* The question's own listings, of the node and of a semaphore's two; else
 * ITEMS + the index of the item. */
enum { HEAD, LEASES, ENTRIES, ITEMS };

struct hub_item {
	const char *below; /* of a semaphore: which of its two; else NULL */
	char *name;        /* WHO: a node in the queue; LIST: a lock */
	char *front;       /* LIST: who is first there */
	char *words;       /* of the node, or of the first; NULL: none read */
	size_t words_len;
	int64_t ctime_ms; /* the server's clock; 0: not known */
	size_t bids;      /* LIST */
	bool there;
	bool waits; /* WHO: a lease that is not had yet */
};

struct hub_question {
	uint64_t id;
	uint64_t conn; /* 0: it has ended */
	struct user *user;
	bool who; /* else LIST */
	char *tag;
	char *about; /* WHO: the name; LIST: the pattern */
	char *after; /* LIST: only names behind it */
	char parent[COORD_PATH_MAX];
	struct hub_item *items;
	size_t items_len;
	bool listed;   /* all children are there, and sorted */
	size_t asked;  /* items that were asked about */
	size_t others; /* WHO: children that are no contenders */
	size_t more;   /* that the page has no room for */
	unsigned under_way;
	enum zkp_status status;
	TAILQ_ENTRY(hub_question) in_hub;
};

/* Birth and end */

static struct hub_question *question_find(struct hub *hub, uint64_t id)
{
	struct hub_question *q;

	TAILQ_FOREACH(q, &hub->questions, in_hub)
	{
		if (q->id == id)
			return q;
	}
	return NULL;
}

static void question_free(struct hub *hub, struct hub_question *q)
{
	if (q->id) {
		TAILQ_REMOVE(&hub->questions, q, in_hub);
		hub->questions_len--;
		user_give(q->user, USER_QUESTIONS, 1);
	}
	for (size_t i = 0; i < q->items_len; i++) {
		free(q->items[i].name);
		free(q->items[i].front);
		free(q->items[i].words);
	}
	free(q->items);
	free(q->tag);
	free(q->about);
	free(q->after);
	free(q);
}

void hub_cluster_free_all(struct hub *hub)
{
	struct hub_question *q;

	while ((q = TAILQ_FIRST(&hub->questions)))
		question_free(hub, q);
}

/* Its answers still come; then it goes. */
void hub_cluster_conn_gone(struct hub *hub, uint64_t conn)
{
	struct hub_question *q;

	TAILQ_FOREACH(q, &hub->questions, in_hub)
	{
		if (q->conn != conn)
			continue;
		q->conn = 0;
		q->asked = q->items_len;
	}
}

/* Asking */

static void ask(struct hub *hub, struct hub_question *q, enum coord_verb verb,
		const char *path, size_t item)
{
	struct coord_op op = { .verb = verb, .path = path };
	struct hub_op row = { .kind = HUB_OP_ASK, .conn = q->id, .item = item };

	q->under_way++;
	hub->asks++;
	hub_submit(hub, &op, row);
}

/* Where the item's next answer is; false: a stranger's name is so long that
 * there is no asking. */
static bool item_path(const struct hub_question *q, const struct hub_item *item,
		      char path[COORD_PATH_MAX])
{
	char component[ZKP_COMPONENT_MAX + 1];
	const char *name = item->name, *front = item->front;
	const char *below = item->below;
	int n;

	if (!q->who) {
		(void)zkp_name_encode(name, component, sizeof component);
		name = component;
	}
	if (q->who)
		n = snprintf(path, COORD_PATH_MAX, "%s%s%s/%s", q->parent,
			     below ? "/" : "", below ? below : "", name);
	else
		n = snprintf(path, COORD_PATH_MAX, "%s/%s%s%s%s%s", q->parent,
			     name, below ? "/" : "", below ? below : "",
			     front ? "/" : "", front ? front : "");
	return n >= 0 && n < COORD_PATH_MAX;
}

/* A node, or a lock's queue and then the first node in it. */
static void ask_item(struct hub *hub, struct hub_question *q, size_t index)
{
	struct hub_item *item = &q->items[index];
	char path[COORD_PATH_MAX];

	if (item_path(q, item, path))
		ask(hub, q, q->who || item->front ? COORD_GET : COORD_LIST,
		    path, ITEMS + index);
	else
		item->there = true;
}

static bool has_room(const struct hub *hub)
{
	uint32_t most = hub->settings.asks_max;

	return hub->asks < (most ? most : ASKS_DEFAULT);
}

/* First come, first served: the oldest question has all the room it wants. */
static void pump(struct hub *hub)
{
	struct hub_question *q;

	TAILQ_FOREACH(q, &hub->questions, in_hub)
	{
		while (q->listed && q->asked < q->items_len && has_room(hub))
			ask_item(hub, q, q->asked++);
	}
}

static struct hub_question *question_new(const struct zkp_request *rq,
					 uint64_t conn)
{
	struct hub_question *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->conn = conn;
	q->who = rq->verb == ZKP_VERB_WHO;
	q->tag = strdup(rq->tag);
	q->about = strdup(q->who ? rq->name : rq->pattern);
	q->after = strdup(rq->after);
	q->status = ZKP_OK;
	if (q->tag && q->about && q->after)
		return q;
	question_free(NULL, q);
	return NULL;
}

static void begin(struct hub *hub, struct hub_conn *conn,
		  const struct zkp_request *rq, const char *parent)
{
	struct hub_question *q;
	bool fits;

	if (!hub->link_up) {
		hub_err(hub, conn->id, rq->tag,
			hub->session ? ZKP_SUSPENDED : ZKP_UNAVAILABLE,
			"nobody can be asked now");
		return;
	}
	fits = user_fits(conn->user, USER_QUESTIONS, 1, QUESTIONS_MAX);
	q = fits && hub->questions_len < QUESTIONS_MAX
		? question_new(rq, conn->id)
		: NULL;
	if (!q) {
		hub_err_limit(hub, conn->id, rq->tag, "questions",
			      fits ? NULL : HUB_SHARE_TEXT);
		return;
	}
	q->user = conn->user;
	user_take(q->user, USER_QUESTIONS, 1);
	(void)snprintf(q->parent, sizeof q->parent, "%s", parent);
	q->id = ++hub->question_last;
	TAILQ_INSERT_TAIL(&hub->questions, q, in_hub);
	hub->questions_len++;
	hub_unanswered(hub, conn, 1);
	/* A server that lags catches up first: both leave in one flush. */
	ask(hub, q, COORD_SYNC, q->parent, HEAD);
	ask(hub, q, COORD_LIST, q->parent, HEAD);
}

void hub_cluster_who(struct hub *hub, struct hub_conn *conn,
		     const struct zkp_request *rq)
{
	struct hub_place place;

	if (hub_place_refuses(hub, conn->id, rq))
		return;
	(void)hub_place_of(hub, rq->name, &place);
	begin(hub, conn, rq, place.parent);
}

void hub_cluster_list(struct hub *hub, struct hub_conn *conn,
		      const struct zkp_request *rq)
{
	begin(hub, conn, rq, hub->settings.root);
}

/* Answers: everything is taken out before the next operation */

/* A child of the root that is a lock and wanted: its name. */
static bool lock_name(const struct hub_question *q, const char *child,
		      char name[ZKP_NAME_MAX + 1])
{
	return zkp_name_decode(child, name, ZKP_NAME_MAX + 1) &&
	       (!*q->about || zkp_glob_match(q->about, name)) &&
	       strcmp(name, q->after) > 0;
}

static int by_text(const void *a, const void *b)
{
	const struct hub_item *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static bool is_lease(const char *below)
{
	return below && strcmp(below, LAYOUT_SLOTS_LEASES) == 0;
}

static bool parse(const char *below, const char *name,
		  struct layout_child *child_out)
{
	return is_lease(below) ? layout_lease_parse(name, child_out)
			       : layout_child_parse(name, child_out);
}

/* Leases come before the entry's queue. */
static int by_place(const void *a, const void *b)
{
	const struct hub_item *one = a, *other = b;
	struct layout_child left, right;

	if (is_lease(one->below) != is_lease(other->below))
		return is_lease(one->below) ? -1 : 1;
	(void)parse(one->below, one->name, &left);
	(void)parse(other->below, other->name, &right);
	return layout_child_before(&left, &right) ? -1 : 1;
}

/* The children that the question is about; false: no memory. */
static bool take_children(struct hub_question *q, const struct coord_event *ev,
			  const char *below)
{
	char name[ZKP_NAME_MAX + 1];
	struct layout_child child;
	size_t len = ev->answer.children_len;
	struct hub_item *items =
	    realloc(q->items, (q->items_len + len + 1) * sizeof *q->items);

	if (!items)
		return false;
	q->items = items;
	for (size_t i = 0; i < len; i++) {
		const char *one = ev->answer.children[i];

		if (q->who && !parse(below, one, &child)) {
			q->others += below || !layout_is_slots(one);
			continue;
		}
		if (!q->who && !lock_name(q, one, name))
			continue;
		q->items[q->items_len] =
		    (struct hub_item){ .below = below,
				       .name = strdup(q->who ? one : name) };
		if (!q->items[q->items_len].name)
			return false;
		q->items_len++;
	}
	return true;
}

static bool has_slots(const struct coord_event *ev)
{
	for (size_t i = 0; i < ev->answer.children_len; i++) {
		if (layout_is_slots(ev->answer.children[i]))
			return true;
	}
	return false;
}

/* Who waits for a lease has the entry until it gets one, and is shown once. */
static void drop_double(struct hub_question *q)
{
	struct layout_child lease, entry;
	size_t leases = 0;

	while (leases < q->items_len && is_lease(q->items[leases].below))
		leases++;
	if (leases == q->items_len ||
	    !layout_child_parse(q->items[leases].name, &entry) || !entry.kin)
		return;
	for (size_t i = 0; i < leases; i++) {
		(void)layout_lease_parse(q->items[i].name, &lease);
		if (!lease.kin || !layout_uuid_equal(&lease.uuid, &entry.uuid))
			continue;
		q->items[i].waits = true;
		free(q->items[leases].name);
		q->items_len--;
		memmove(q->items + leases, q->items + leases + 1,
			(q->items_len - leases) * sizeof *q->items);
		return;
	}
}

/* A semaphore's two, for WHO; true when they were asked for. */
static bool ask_slots(struct hub *hub, struct hub_question *q)
{
	static const char *const below[] = { LAYOUT_SLOTS_LEASES,
					     LAYOUT_SLOTS_ENTRY };
	char path[COORD_PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		if (!layout_path(q->parent, below[i], path, sizeof path))
			return false;
		ask(hub, q, COORD_LIST, path, LEASES + i);
	}
	return true;
}

/* All children stay sorted; the page is cut off behind them. */
static void on_head(struct hub *hub, struct hub_question *q, uint64_t head,
		    const struct coord_event *ev)
{
	static const char *const below[ITEMS] = {
		[LEASES] = LAYOUT_SLOTS_LEASES,
		[ENTRIES] = LAYOUT_SLOTS_ENTRY,
	};
	bool slots;

	if (ev->answer.result == COORD_OK && !take_children(q, ev, below[head]))
		q->status = ZKP_LIMIT;
	slots = head == HEAD && q->who && has_slots(ev);
	if (q->status != ZKP_OK || (slots && q->conn && ask_slots(hub, q)) ||
	    q->under_way > 0)
		return;
	q->listed = true;
	if (q->items_len)
		qsort(q->items, q->items_len, sizeof *q->items,
		      q->who ? by_place : by_text);
	if (q->who)
		drop_double(q);
	while (q->items_len > ROWS_MAX) {
		free(q->items[--q->items_len].name);
		q->more++;
	}
}

/* LIST: how long the queue is, and who is first in it. */
static void on_queue(struct hub_item *item, const struct coord_event *ev)
{
	struct layout_child child, first;
	const char *front = NULL;
	bool leases = is_lease(item->below);

	for (size_t i = 0; i < ev->answer.children_len; i++) {
		if (!parse(item->below, ev->answer.children[i], &child))
			continue;
		item->bids++;
		if (!front || layout_child_before(&child, &first)) {
			front = child.name;
			first = child;
		}
	}
	item->there = front != NULL;
	item->front = front ? strdup(front) : NULL;
	item->below = !front && !leases && has_slots(ev) ? LAYOUT_SLOTS_LEASES
							 : item->below;
}

static void on_node(struct hub_item *item, const struct coord_event *ev)
{
	if (ev->answer.result == COORD_NO_NODE)
		return; /* it left meanwhile */
	item->there = true;
	if (ev->answer.result != COORD_OK)
		return; /* seen, but not to be read by us */
	item->ctime_ms = ev->answer.stat.ctime_ms;
	item->words = malloc(ev->answer.data_len + 1);
	if (!item->words)
		return;
	if (ev->answer.data_len)
		memcpy(item->words, ev->answer.data, ev->answer.data_len);
	item->words[ev->answer.data_len] = '\0';
	item->words_len = ev->answer.data_len;
}

/* Saying */

static void put_words(struct zkp_out *out, const struct layout_child *child,
		      struct hub_item *item)
{
	struct layout_words words;
	char holder[LAYOUT_HOLDER_MAX];

	layout_holder(child, item->words ? item->words : "", item->words_len,
		      holder, sizeof holder);
	zkp_out_str(out, "holder", holder);
	if (!child->kin || !item->words ||
	    !layout_words_read(item->words, item->words_len, &words))
		return;
	zkp_out_str(out, "host", words.host);
	zkp_out_i64(out, "pid", words.pid);
	zkp_out_u64(out, "uid", words.uid);
	zkp_out_str(out, "cmd", words.command);
	if (*words.note)
		zkp_out_str(out, "note", words.note);
}

/* By the server's clock, which numbered them: ours may differ. */
static void put_age(const struct hub *hub, struct zkp_out *out,
		    const struct hub_item *item)
{
	int64_t age_ms = hub->now_ms + hub->server_ahead_ms - item->ctime_ms;

	if (hub->server_ahead_ms && item->ctime_ms)
		zkp_out_i64(out, "age_ms", age_ms > 0 ? age_ms : 0);
}

static void row_who(struct hub *hub, const struct hub_question *q,
		    struct hub_item *item, size_t pos, bool front)
{
	struct layout_child child;
	struct zkp_out *out = &hub->rows;
	char node[NODE_SHOWN_MAX + 1];

	(void)parse(item->below, item->name, &child);
	(void)snprintf(node, sizeof node, "%s%s%s",
		       item->below ? item->below : "", item->below ? "/" : "",
		       item->name);
	zkp_out_begin(out, q->tag, "-");
	zkp_out_word(out, q->about);
	zkp_out_u64(out, "pos", pos);
	zkp_out_str(out, "state", front ? "front" : "waiting");
	zkp_out_str(out, "who", child.who);
	zkp_out_str(out, "mode",
		    zkp_mode_word(child.reader ? ZKP_MODE_S : ZKP_MODE_X));
	put_words(out, &child, item);
	put_age(hub, out, item);
	zkp_out_str(out, "node", node);
	(void)zkp_out_end(out);
}

static void row_list(struct hub *hub, const struct hub_question *q,
		     struct hub_item *item)
{
	struct layout_child child;
	struct zkp_out *out = &hub->rows;

	(void)parse(item->below, item->front, &child);
	zkp_out_begin(out, q->tag, "-");
	zkp_out_word(out, item->name);
	zkp_out_str(out, "mode",
		    zkp_mode_word(child.reader ? ZKP_MODE_S : ZKP_MODE_X));
	zkp_out_u64(out, "bids", item->bids);
	zkp_out_str(out, "who", child.who);
	put_words(out, &child, item);
	put_age(hub, out, item);
	(void)zkp_out_end(out);
}

/* Rows of those who are still there; how many. */
static size_t say_rows(struct hub *hub, const struct hub_question *q)
{
	struct layout_child child;
	bool alone = false; /* somebody before wants to be */
	size_t rows = 0;

	for (size_t i = 0; i < q->items_len; i++) {
		struct hub_item *item = &q->items[i];

		if (!item->there || !hub_rows_room(hub))
			continue;
		rows++;
		if (!q->who) {
			if (item->front)
				row_list(hub, q, item);
			continue;
		}
		(void)parse(item->below, item->name, &child);
		row_who(hub, q, item, rows,
			item->below ? is_lease(item->below) && !item->waits
				    : rows == 1 || (child.reader && !alone));
		alone = alone || !child.reader;
	}
	return rows;
}

static void say_end(struct hub *hub, const struct hub_question *q, size_t rows)
{
	struct zkp_out *out = &hub->rows;

	zkp_out_begin(out, q->tag, "OK");
	zkp_out_word_u64(out, rows);
	if (q->others)
		zkp_out_u64(out, "others", q->others);
	if (q->more)
		zkp_out_u64(out, "more", q->more);
	if (q->more && !q->who)
		zkp_out_str(out, "next", q->items[q->items_len - 1].name);
	(void)zkp_out_end(out);
}

static void say(struct hub *hub, struct hub_question *q)
{
	struct hub_conn *conn = hub_conn_find(hub, q->conn);
	size_t rows;

	if (!conn)
		return;
	hub_unanswered(hub, conn, -1);
	if (q->status != ZKP_OK) {
		hub_err(hub, q->conn, q->tag, q->status, NULL);
		return;
	}
	hub_rows_begin(hub);
	rows = say_rows(hub, q);
	if (hub_rows_room(hub))
		say_end(hub, q, rows);
	hub_rows_send(hub, q->conn, q->tag);
}

static void on_item(struct hub *hub, struct hub_question *q,
		    const struct hub_op *op, const struct coord_event *ev)
{
	struct hub_item *item = &q->items[op->item - ITEMS];
	bool leases = is_lease(item->below);

	if (op->verb == COORD_GET) {
		on_node(item, ev);
		return;
	}
	if (ev->answer.result == COORD_OK)
		on_queue(item, ev);
	if (q->conn && (item->front || is_lease(item->below) != leases))
		ask_item(hub, q, op->item - ITEMS); /* its place is ours */
}

/* Says what is complete. */
static void finish(struct hub *hub)
{
	struct hub_question *q = TAILQ_FIRST(&hub->questions), *next;

	for (; q; q = next) {
		next = TAILQ_NEXT(q, in_hub);
		if (q->under_way > 0 || q->asked < q->items_len)
			continue;
		say(hub, q);
		question_free(hub, q);
	}
}

void hub_cluster_answer(struct hub *hub, const struct hub_op *op,
			const struct coord_event *ev)
{
	struct hub_question *q = question_find(hub, op->conn);

	hub->asks--;
	q->under_way--;
	if (ev->answer.result == COORD_MAYBE ||
	    ev->answer.result == COORD_NOT_SENT) {
		q->status = ZKP_SUSPENDED;
	} else if (op->item < ITEMS && op->verb == COORD_LIST) {
		on_head(hub, q, op->item, ev);
	} else if (op->item >= ITEMS) {
		on_item(hub, q, op, ev);
	}
	if (!q->conn || q->status != ZKP_OK)
		q->asked = q->items_len;
	pump(hub);
	finish(hub);
}
