/* SPDX-License-Identifier: MIT */
/* line - see line.h.  Each byte is looked at once, however it arrives. */
#include "proto/line.h"

#include <assert.h>
#include <string.h>

#include "proto/limits.h"

void zkp_line_init(struct zkp_line *reader, char *buf, size_t size,
		   size_t line_max)
{
	assert(size >= line_max + ZKP_LINE_END_MAX);
	memset(reader, 0, sizeof *reader);
	reader->buf = buf;
	reader->size = size;
	reader->line_max = line_max;
}

char *zkp_line_space(struct zkp_line *reader, size_t *size_out)
{
	if (reader->start > 0) {
		memmove(reader->buf, reader->buf + reader->start,
			reader->end - reader->start);
		reader->end -= reader->start;
		reader->scanned -= reader->start;
		reader->start = 0;
	}
	*size_out = reader->size - reader->end;
	return reader->buf + reader->end;
}

void zkp_line_filled(struct zkp_line *reader, size_t len)
{
	assert(len <= reader->size - reader->end);
	reader->end += len;
}

size_t zkp_line_feed(struct zkp_line *reader, const char *bytes, size_t len)
{
	size_t size;
	char *space = zkp_line_space(reader, &size);

	if (len > size)
		len = size;
	if (len > 0)
		memcpy(space, bytes, len);
	zkp_line_filled(reader, len);
	return len;
}

/* Everything before "at" has been dealt with. */
static void move_on(struct zkp_line *reader, size_t at)
{
	reader->start = at;
	reader->scanned = at;
}

/* No LF is here: may the line still turn out short enough?  One byte more
 * than the limit may be a CR that its LF takes away. */
static bool may_fit(const struct zkp_line *reader)
{
	size_t len = reader->end - reader->start;

	if (len <= reader->line_max)
		return true;
	return len == reader->line_max + 1 &&
	       reader->buf[reader->end - 1] == '\r';
}

static enum zkp_line_got hand_out(struct zkp_line *reader, size_t lf,
				  char **line_out, size_t *len_out)
{
	char *line = reader->buf + reader->start;
	size_t len = lf - reader->start;

	move_on(reader, lf + 1);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len > reader->line_max)
		return ZKP_LINE_TOOLONG;
	line[len] = '\0';
	*line_out = line;
	*len_out = len;
	return ZKP_LINE_WHOLE;
}

/* The index of the next LF at or after scanned, or end. */
static size_t find_lf(const struct zkp_line *reader)
{
	const char *from = reader->buf + reader->scanned;
	const char *lf = memchr(from, '\n', reader->end - reader->scanned);

	return lf ? (size_t)(lf - reader->buf) : reader->end;
}

enum zkp_line_got zkp_line_take(struct zkp_line *reader, char **line_out,
				size_t *len_out)
{
	size_t lf = find_lf(reader);

	if (reader->swallowing && lf < reader->end) {
		reader->swallowing = false;
		move_on(reader, lf + 1);
		lf = find_lf(reader);
	}
	if (reader->swallowing) {
		move_on(reader, reader->end);
		return ZKP_LINE_NONE;
	}
	if (lf < reader->end)
		return hand_out(reader, lf, line_out, len_out);
	reader->scanned = reader->end;
	if (may_fit(reader))
		return ZKP_LINE_NONE;
	reader->swallowing = true;
	move_on(reader, reader->end);
	return ZKP_LINE_TOOLONG;
}

bool zkp_line_is_partial(const struct zkp_line *reader)
{
	return reader->swallowing || reader->end > reader->start;
}
