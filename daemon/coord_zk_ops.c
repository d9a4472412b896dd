/* SPDX-License-Identifier: MIT */
/*
 * coord_zk_ops - rows of operations, and the library's calls and completions.
 *
 * Every accepted operation has a row here until it is answered, so that it is
 * answered exactly once even where the library loses completions (at expiry,
 * at close) or delivers them late: the library is given a number that grows,
 * and a number whose row is gone is ignored.
 */
#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "daemon/coord_copy.h"
#include "daemon/coord_zk_i.h"

/* A node that nobody has: a write to it is committed (as a failure), and
 * changes nothing. */
#define PROBE_PATH "/zookeeper/zklockd/none"

/* The library numbers its calls with an int32 that begins at time(NULL) and
 * has no guard: when it has wrapped and comes to -8 .. -1, answers are taken
 * for pings and events.  Behind -1 it begins at the time again.  A call with a
 * bad path takes a number and sends nothing, so this many calls (more than
 * our count of them may be wrong by) are burnt to jump over that place. */
#define XID_BURN 4096

struct zk_row {
	uint64_t id;  /* the submitter's */
	uint64_t seq; /* ours, once sent */
	int64_t sent_ms;
	struct coord_op op; /* its strings are in the same allocation */
	bool watching;      /* counted by zk_watch_ask() */
	TAILQ_ENTRY(zk_row) in_list;
};

void zk_ops_init(struct coord_zk *zk)
{
	TAILQ_INIT(&zk->ops.sent);
	TAILQ_INIT(&zk->ops.queued);
	TAILQ_INIT(&zk->ops.multis);
}

/* --- numbers --- */

static int64_t xid_left; /* calls until the wrap comes near; 0: unknown */

static void xid_note(struct coord_zk *zk)
{
	if (xid_left == 0)
		xid_left =
		    (INT64_C(1) << 32) - (int64_t)time(NULL) - XID_BURN / 2;
	if (--xid_left > 0)
		return;
	for (int i = 0; i < XID_BURN; i++)
		(void)zoo_aget(zk->link.zh, "", 0, NULL, NULL);
	xid_left = (INT64_C(1) << 32) - (int64_t)time(NULL) - XID_BURN;
	zk_log(zk, COORD_ZK_NOTICE, "event=zk_xid_wrapped");
}

/* A number in a pointer's place; nobody follows it. */
static const void *ticket(const struct coord_zk *zk, uint64_t seq)
{
	uintptr_t number = seq << ZK_SLOT_BITS | zk->slot;
	const void *data;

	_Static_assert(sizeof number == sizeof data, "a pointer has its room");
	memcpy(&data, &number, sizeof data);
	return data;
}

static struct coord_zk *ticket_owner(const void *data)
{
	return zk_instance((uintptr_t)data & (ZK_SLOTS - 1));
}

static uint64_t ticket_seq(const void *data)
{
	return (uintptr_t)data >> ZK_SLOT_BITS;
}

/* --- rows --- */

static struct zk_row *row_new(const struct coord_op *op)
{
	struct zk_row *row = calloc(1, sizeof *row + coord_op_room(op));

	if (!row)
		return NULL;
	row->id = op->id;
	coord_op_copy(&row->op, op, row + 1);
	return row;
}

static void result_post(struct coord_zk *zk, uint64_t id,
			enum coord_result result, int rc)
{
	coord_mailbox_post_result(&zk->mailbox, id, result, rc);
}

/* The row has left its list. */
static void row_end(struct coord_zk *zk, struct zk_row *row, bool well)
{
	if (row->watching)
		zk_watch_answered(zk, row->op.verb, row->op.path, well);
	free(row);
}

static void row_unsend(struct coord_zk *zk, struct zk_row *row)
{
	TAILQ_REMOVE(&zk->ops.sent, row, in_list);
	zk->ops.sent_len--;
}

/* The first of those above the cap, out of its list; NULL: there is none. */
static struct zk_row *row_unqueue(struct coord_zk *zk)
{
	struct zk_row *row = TAILQ_FIRST(&zk->ops.queued);

	if (row) {
		TAILQ_REMOVE(&zk->ops.queued, row, in_list);
		zk->ops.queued_len--;
	}
	return row;
}

void zk_ops_lose(struct coord_zk *zk)
{
	struct zk_row *row;

	while ((row = TAILQ_FIRST(&zk->ops.sent))) {
		row_unsend(zk, row);
		result_post(zk, row->id, COORD_MAYBE, ZCONNECTIONLOSS);
		row_end(zk, row, false);
	}
	while ((row = row_unqueue(zk))) {
		result_post(zk, row->id, COORD_NOT_SENT, ZCONNECTIONLOSS);
		row_end(zk, row, false);
	}
	zk->ops.probe = 0;
}

/* Two thirds of the timeout: by then the library gives a silent server up, and
 * a lost completion is no different. */
int64_t zk_ops_due_ms(const struct coord_zk *zk)
{
	const struct zk_row *row = TAILQ_FIRST(&zk->ops.sent);

	if (!row)
		return INT64_MAX;
	return row->sent_ms + zk->link.timeout_ms * 2 / 3;
}

/* --- answers --- */

enum coord_result zk_result(int rc)
{
	switch (rc) {
	case ZOK:
		return COORD_OK;
	case ZNONODE:
		return COORD_NO_NODE;
	case ZNODEEXISTS:
		return COORD_NODE_EXISTS;
	case ZNOTEMPTY:
		return COORD_NOT_EMPTY;
	case ZBADVERSION:
		return COORD_BAD_VERSION;
	case ZSESSIONEXPIRED:
	case ZCLOSING:
		return COORD_MAYBE;
	}
	/* Above ZAPIERROR are the client's own troubles: the call may have
	 * been applied.  Below it the server said no. */
	return rc > ZAPIERROR ? COORD_MAYBE : COORD_REFUSED;
}

/*
 * The row of a completion, taken from its list, or NULL when there is nothing
 * to answer: it was answered before, or the completion says that the
 * connection has been lost, with all rows.
 */
static struct zk_row *row_take(struct coord_zk *zk, uint64_t seq, int rc)
{
	struct zk_row *row = TAILQ_FIRST(&zk->ops.sent);

	if (!row || row->seq > seq)
		return NULL; /* late: it was answered as lost */
	if (row->seq < seq || zk_result(rc) == COORD_MAYBE) {
		/* Out of order, or broken: the connection is of no use. */
		zk_link_drop(zk);
		zk_on_down(zk);
		return NULL;
	}
	row_unsend(zk, row);
	return row;
}

static struct coord_event answer_of(const struct zk_row *row, int rc)
{
	struct coord_event event = { .type = COORD_EV_ANSWER };

	event.answer.id = row->id;
	event.answer.result = zk_result(rc);
	event.answer.zk_rc = rc;
	return event;
}

struct coord_stat zk_stat(const struct Stat *stat)
{
	return (struct coord_stat){
		.czxid = stat->czxid,
		.mzxid = stat->mzxid,
		.pzxid = stat->pzxid,
		.ctime_ms = stat->ctime,
		.owner = stat->ephemeralOwner,
		.version = stat->version,
		.cversion = stat->cversion,
		.children = stat->numChildren,
	};
}

static void stat_take(struct coord_event *event, const struct Stat *stat)
{
	if (stat)
		event->answer.stat = zk_stat(stat);
}

/* A completion: whose it is, and its answer as far as all have it. */
struct heard {
	struct coord_zk *zk;
	struct zk_row *row;
	struct coord_event event;
};

/* False: there is nothing to answer. */
static bool hear(const void *data, int rc, struct heard *heard_out)
{
	struct coord_zk *zk = ticket_owner(data);
	struct zk_row *row = zk ? row_take(zk, ticket_seq(data), rc) : NULL;

	if (!row)
		return false;
	*heard_out = (struct heard){ zk, row, answer_of(row, rc) };
	return true;
}

static void answer_post(const struct heard *heard)
{
	coord_mailbox_post(&heard->zk->mailbox, &heard->event);
	row_end(heard->zk, heard->row, heard->event.answer.zk_rc == ZOK);
}

static void on_create(int rc, const char *path, const struct Stat *stat,
		      const void *data)
{
	struct heard heard;

	if (!hear(data, rc, &heard))
		return;
	if (rc == ZOK) {
		heard.event.answer.path = path;
		stat_take(&heard.event, stat);
	}
	answer_post(&heard);
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
	struct heard heard;

	if (!hear(data, rc, &heard))
		return;
	if (rc == ZOK)
		stat_take(&heard.event, stat);
	answer_post(&heard);
}

static void on_void(int rc, const void *data)
{
	on_stat(rc, NULL, data);
}

static void on_string(int rc, const char *path, const void *data)
{
	(void)path;
	on_stat(rc, NULL, data);
}

static void on_data(int rc, const char *value, int value_len,
		    const struct Stat *stat, const void *data)
{
	struct heard heard;

	if (!hear(data, rc, &heard))
		return;
	if (rc == ZOK) {
		stat_take(&heard.event, stat);
		if (value && value_len > 0) {
			heard.event.answer.data = value;
			heard.event.answer.data_len = value_len > COORD_DATA_MAX
							  ? COORD_DATA_MAX
							  : (size_t)value_len;
		}
	}
	answer_post(&heard);
}

/* The library has written what it got to the multi's own memory. */
static void on_multi(int rc, const void *data)
{
	struct coord_zk *zk = ticket_owner(data);
	struct zk_multi *multi =
	    zk ? zk_multi_take(zk, ticket_seq(data)) : NULL;
	struct coord_sub subs[COORD_SUBS_MAX];
	struct heard heard;

	if (hear(data, rc, &heard)) {
		zk_multi_answer(multi, subs, &heard.event);
		answer_post(&heard);
	}
	zk_multi_free(multi);
}

static void children_take(struct coord_event *event,
			  const struct String_vector *names)
{
	if (!names || names->count <= 0)
		return;
	if (names->count > COORD_ZK_CHILDREN_MAX) {
		event->answer.result = COORD_REFUSED;
		event->answer.zk_rc = COORD_RC_CHILDREN;
		return;
	}
	event->answer.children = (const char *const *)names->data;
	event->answer.children_len = (size_t)names->count;
}

static void on_children(int rc, const struct String_vector *names,
			const struct Stat *stat, const void *data)
{
	struct heard heard;

	if (!hear(data, rc, &heard))
		return;
	if (rc == ZOK) {
		stat_take(&heard.event, stat);
		children_take(&heard.event, names);
	}
	coord_mailbox_post(&heard.zk->mailbox, &heard.event);
	row_end(heard.zk, heard.row,
		rc == ZOK); /* the watch is armed in any case */
}

/* --- calls --- */

const struct ACL_vector *zk_acl(const struct coord_zk *zk)
{
	return zk->settings.acl_creator ? &ZOO_CREATOR_ALL_ACL
					: &ZOO_OPEN_ACL_UNSAFE;
}

int zk_mode(enum coord_kind kind)
{
	switch (kind) {
	case COORD_PERSISTENT:
		break;
	case COORD_CONTAINER:
		return ZOO_CONTAINER;
	case COORD_EPHEMERAL:
		return ZOO_EPHEMERAL;
	case COORD_EPHEMERAL_SEQUENTIAL:
		return ZOO_EPHEMERAL_SEQUENTIAL;
	}
	return ZOO_PERSISTENT;
}

static int call_create(struct coord_zk *zk, const struct coord_op *op,
		       const void *data)
{
	return zoo_acreate2(zk->link.zh, op->path, op->data,
			    op->data ? (int)op->data_len : -1, zk_acl(zk),
			    zk_mode(op->kind), on_create, data);
}

static int call(struct coord_zk *zk, const struct coord_op *op,
		const void *data)
{
	zhandle_t *zh = zk->link.zh;
	int rc = ZBADARGUMENTS;

	switch (op->verb) {
	case COORD_CREATE:
		rc = call_create(zk, op, data);
		break;
	case COORD_LIST:
		rc = zoo_aget_children2(zh, op->path, op->watch, on_children,
					data);
		break;
	case COORD_GET:
		rc = zoo_aget(zh, op->path, op->watch, on_data, data);
		break;
	case COORD_SET:
		rc = zoo_aset(zh, op->path, op->data,
			      op->data ? (int)op->data_len : -1, -1, on_stat,
			      data);
		break;
	case COORD_DELETE:
		rc = zoo_adelete(zh, op->path, -1, on_void, data);
		break;
	case COORD_SYNC:
		rc = zoo_async(zh, op->path, on_string, data);
		break;
	case COORD_MULTI:
		rc = zk_multi_call(zk, op, on_multi, data);
		break;
	case COORD_CHECK:
		break; /* never by itself */
	}
	return rc;
}

/* The row is in no list; it will be in one, or answered. */
static void row_send(struct coord_zk *zk, struct zk_row *row)
{
	int64_t before_ms = zk_now_ms(zk);
	int rc;

	row->seq = ++zk->ops.seq;
	row->sent_ms = before_ms;
	TAILQ_INSERT_TAIL(&zk->ops.sent, row, in_list);
	zk->ops.sent_len++;
	zk->counts.ops++;
	xid_note(zk);
	zk->in_library = true;
	rc = call(zk, &row->op, ticket(zk, row->seq));
	zk->in_library = false;
	if (rc == ZBADARGUMENTS || rc == ZINVALIDSTATE) {
		bool bad = rc == ZBADARGUMENTS;

		row_unsend(zk, row);
		result_post(zk, row->id, bad ? COORD_REFUSED : COORD_NOT_SENT,
			    rc);
		row_end(zk, row, false);
	} else if (rc != ZOK) {
		zk_link_drop(zk); /* sent or not, nobody knows */
	}
	zk_link_look(zk, before_ms); /* a failed send tells nobody */
}

static void op_take(struct coord_zk *zk, const struct coord_op *op)
{
	struct zk_row *row;

	assert(op->id != 0);
	if (!zk->link.up || zk->phase != ZK_OPEN) {
		result_post(zk, op->id, COORD_NOT_SENT, ZINVALIDSTATE);
		return;
	}
	row = row_new(op);
	if (!row) {
		result_post(zk, op->id, COORD_REFUSED, COORD_RC_NO_MEMORY);
		return;
	}
	if (op->watch && (op->verb == COORD_LIST || op->verb == COORD_GET)) {
		row->watching = zk_watch_ask(zk, op->verb, op->path);
		if (!row->watching) {
			result_post(zk, op->id, COORD_REFUSED,
				    COORD_RC_WATCHES);
			free(row);
			return;
		}
	}
	if (!op->urgent &&
	    (zk->ops.queued_len ||
	     zk->ops.sent_len >= zk->settings.ops_in_flight_max)) {
		TAILQ_INSERT_TAIL(&zk->ops.queued, row, in_list);
		zk->ops.queued_len++;
		return;
	}
	row_send(zk, row);
}

/* The library writes each call at once, in two pieces: hold them back until
 * all are there, so that they leave together. */
static void cork(const struct coord_zk *zk, int on)
{
	if (zk->link.alive && zk->link.fd >= 0)
		(void)setsockopt(zk->link.fd, IPPROTO_TCP, TCP_CORK, &on,
				 sizeof on);
}

void zk_ops_submit(struct coord_zk *zk, const struct coord_op *ops, size_t len)
{
	cork(zk, 1);
	for (size_t i = 0; i < len; i++) {
		if (ops[i].urgent)
			op_take(zk, &ops[i]);
	}
	for (size_t i = 0; i < len; i++) {
		if (!ops[i].urgent)
			op_take(zk, &ops[i]);
	}
	cork(zk, 0);
}

void zk_ops_flush(struct coord_zk *zk)
{
	if (!zk->ops.queued_len)
		return;
	cork(zk, 1);
	while (zk->ops.queued_len &&
	       zk->ops.sent_len < zk->settings.ops_in_flight_max)
		row_send(zk, row_unqueue(zk));
	cork(zk, 0);
}

/* --- the end --- */

static void on_probe(int rc, const struct Stat *stat, const void *data)
{
	struct coord_zk *zk = ticket_owner(data);

	(void)rc;
	(void)stat;
	if (zk && zk->ops.probe == ticket_seq(data))
		zk->link.doomed = true;
}

void zk_ops_probe(struct coord_zk *zk)
{
	int64_t before_ms = zk_now_ms(zk);
	int rc;

	zk->ops.probe = ++zk->ops.seq;
	zk->ops.probe_ms = before_ms;
	xid_note(zk);
	zk->in_library = true;
	rc = zoo_aset(zk->link.zh, PROBE_PATH, NULL, -1, -1, on_probe,
		      ticket(zk, zk->ops.probe));
	zk->in_library = false;
	if (rc != ZOK)
		zk_link_drop(zk);
	zk_link_look(zk, before_ms);
}
