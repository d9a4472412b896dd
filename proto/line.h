/* SPDX-License-Identifier: MIT */
/*
 * line - bytes in, whole lines out.
 *
 * LF ends a line, one CR before it is dropped.  A line over the limit is
 * reported once, at the moment when it passes the limit, and swallowed up to
 * its LF; the stream stays in step.  How the bytes are cut into pieces makes
 * no difference.  Looks at no other byte: what a line means is request's and
 * reply's matter.  Reads nothing itself.
 *
 *	zkp_line_init(&reader, buf, sizeof buf, ZKP_LINE_MAX);
 *	space = zkp_line_space(&reader, &size);
 *	n = read(fd, space, size);
 *	zkp_line_filled(&reader, (size_t)n);
 *	while ((got = zkp_line_take(&reader, &line, &len)) != ZKP_LINE_NONE)
 *		...ZKP_LINE_WHOLE: line, len; ZKP_LINE_TOOLONG: say so once...
 *
 * Stopping early (a quota) is fine: take on later.  The inner loop must have
 * reached ZKP_LINE_NONE before zkp_line_space() is certain to give room.
 */
#ifndef PROTO_LINE_H
#define PROTO_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum zkp_line_got {
	ZKP_LINE_NONE, /* no whole line: feed more */
	ZKP_LINE_WHOLE,
	ZKP_LINE_TOOLONG, /* the line in hand passed the limit; said once */
};

/* Private to line.c; public so that it can be embedded.  The buffer is the
 * caller's and must outlive the reader. */
struct zkp_line {
	char *buf;
	size_t size;
	size_t line_max;
	size_t start;    /* first byte not yet handed out */
	size_t scanned;  /* no LF in start .. scanned */
	size_t end;      /* past the last byte */
	bool swallowing; /* inside of a line that was too long */
};

/* size must be at least line_max + ZKP_LINE_END_MAX (assert).  There is no
 * fini: nothing is owned. */
void zkp_line_init(struct zkp_line *reader, char *buf, size_t size,
		   size_t line_max);

/* Where the next bytes go, and how many fit: at least one after
 * ZKP_LINE_NONE.  Ends the life of the line last handed out. */
char *zkp_line_space(struct zkp_line *reader, size_t *size_out);
/* That many bytes were put there. */
void zkp_line_filled(struct zkp_line *reader, size_t len);

/* The same with a copy: how many of the bytes fitted. */
size_t zkp_line_feed(struct zkp_line *reader, const char *bytes, size_t len);

/*
 * The next line, without its end and with a NUL at line[len]; it is the
 * caller's to write in until the next call.  It may hold NULs and any other
 * byte but LF.  line_out and len_out are written for ZKP_LINE_WHOLE only.
 */
enum zkp_line_got zkp_line_take(struct zkp_line *reader, char **line_out,
				size_t *len_out);

/* Bytes of a line that has not ended (also of a swallowed one) are here. */
bool zkp_line_is_partial(const struct zkp_line *reader);

#endif
