/* SPDX-License-Identifier: MIT */
/*
 * conn - the way out: replies gathered in a turn, written in one piece, kept
 * while the client does not read, up to a cap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/conn_i.h"
#include "daemon/log.h"
#include "daemon/spare.h"

/* The first buffer of a connection: a few replies. */
#define OUT_BYTES_MIN 1024

size_t conn_out_left(const struct conn *conn)
{
	return conn->out.len - conn->out.at;
}

void conn_out_free(struct conn *conn)
{
	if (conn->bulk_end > conn->written)
		conn->conns->counts.listing_bytes -=
		    (size_t)(conn->bulk_end - conn->bulk_begin);
	conn->bulk_begin = conn->bulk_end = 0;
	spare_put(conn->out.buf, conn->out.size);
	memset(&conn->out, 0, sizeof conn->out);
}

/* Of what waits, that which counts against the cap. */
static size_t counted(const struct conn *conn)
{
	uint64_t exempt = 0;

	if (conn->bulk_end > conn->written) {
		exempt = conn->bulk_end - (conn->bulk_begin > conn->written
					       ? conn->bulk_begin
					       : conn->written);
	}
	return conn_out_left(conn) - (size_t)exempt;
}

static bool append(struct conn *conn, const char *bytes, size_t len)
{
	struct conn_out *out = &conn->out;
	size_t size = out->size ? out->size : OUT_BYTES_MIN;
	char *buf;

	if (out->at > 0) {
		memmove(out->buf, out->buf + out->at, out->len - out->at);
		out->len -= out->at;
		out->at = 0;
	}
	while (size - out->len < len)
		size *= 2;
	if (size != out->size) {
		buf = spare_take(size);
		if (!buf)
			return false;
		if (out->len)
			memcpy(buf, out->buf, out->len);
		spare_put(out->buf, out->size);
		out->buf = buf;
		out->size = size;
	}
	memcpy(out->buf + out->len, bytes, len);
	out->len += len;
	return true;
}

static void wrote(struct conn *conn, size_t len)
{
	bool had_bulk = conn->bulk_end > conn->written;

	conn->out.at += len;
	conn->written += len;
	if (had_bulk && conn->bulk_end <= conn->written)
		conn->conns->counts.listing_bytes -=
		    (size_t)(conn->bulk_end - conn->bulk_begin);
	if (conn->out.at == conn->out.len)
		conn_out_free(conn);
}

void conn_out_write(struct conn *conn)
{
	size_t left = conn_out_left(conn);
	ssize_t n;

	if (left == 0 || conn->broken)
		return;
	n = send(conn->fd, conn->out.buf + conn->out.at, left,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		wrote(conn, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		conn_break(conn);
}

void conn_flush_later(struct conn *conn)
{
	if (!conn_link_on(&conn->in_flush))
		conn_list_add(&conn->conns->flush, &conn->in_flush);
}

/* It holds locks perhaps, and does not read that it lost them: its end is
 * the release. */
static void overflow(struct conn *conn)
{
	conn->conns->counts.overflows++;
	log_event(LOG_LEVEL_INFO,
		  "event=conn_overflow conn=%llu uid=%u unread_bytes=%zu",
		  (unsigned long long)conn->id, user_uid(conn->user),
		  conn_out_left(conn));
	conn_break(conn);
}

void conns_send(struct conns *conns, uint64_t id, const char *bytes, size_t len)
{
	struct conn *conn = conn_find(conns, id);

	if (!conn || conn->broken)
		return;
	if (!append(conn, bytes, len)) {
		overflow(conn);
		return;
	}
	conn_flush_later(conn);
	if (counted(conn) <= conns->settings.output_bytes_max)
		return;
	conn_out_write(conn); /* only what the kernel refuses counts */
	if (!conn->broken && counted(conn) > conns->settings.output_bytes_max)
		overflow(conn);
}

/* Half of the cap: the other half is for what must be told. */
static bool has_room(const struct conn *conn, size_t len)
{
	return counted(conn) + len <=
	       conn->conns->settings.output_bytes_max / 2;
}

bool conns_offer(struct conns *conns, uint64_t id, const char *bytes,
		 size_t len)
{
	struct conn *conn = conn_find(conns, id);

	if (!conn || conn->broken)
		return true; /* nobody reads it */
	if (!has_room(conn, len)) {
		conn_out_write(conn); /* only what the kernel refuses counts */
		if (conn->broken)
			return true;
		if (!has_room(conn, len))
			return false;
	}
	conns_send(conns, id, bytes, len);
	return true;
}

bool conns_bulk(struct conns *conns, uint64_t id, const char *bytes, size_t len)
{
	struct conn *conn = conn_find(conns, id);
	uint64_t begin;

	if (!conn || conn->broken)
		return true; /* nobody reads it */
	if (counted(conn) + len <= conns->settings.output_bytes_max) {
		conns_send(conns, id, bytes, len);
		return true;
	}
	conn_out_write(conn);
	if (conn->broken)
		return true;
	if (conn->bulk_end > conn->written ||
	    conns->counts.listing_bytes + len >
		conns->settings.listing_bytes_max)
		return false;
	begin = conn->written + conn_out_left(conn);
	if (!append(conn, bytes, len))
		return false;
	conn->bulk_begin = begin;
	conn->bulk_end = begin + len;
	conns->counts.listing_bytes += len;
	conn_flush_later(conn);
	return true;
}
