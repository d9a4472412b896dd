/* SPDX-License-Identifier: MIT */
/*
 * However a stream is cut, the reader says what a slow and obvious reading of
 * the rules says.  The first bytes choose limit, buffer and cuts.
 */
#include "proto/limits.h"
#include "proto/line.h"
#include "tests/fuzz/fuzz.h"

#define SAID_MAX (64 * 1024)

struct said {
	char text[SAID_MAX];
	size_t len;
};

static void say(struct said *said, char what, const char *line, size_t len)
{
	MUST(said->len + len + 2 <= sizeof said->text);
	said->text[said->len++] = what;
	if (len > 0)
		memcpy(said->text + said->len, line, len);
	said->len += len;
	said->text[said->len++] = '\n';
}

/* The rules, one line at a time, with all of the stream in view. */
static void obvious(struct said *said, const char *bytes, size_t len,
		    size_t line_max)
{
	size_t begin = 0;

	while (begin < len) {
		const char *lf = memchr(bytes + begin, '\n', len - begin);
		size_t end = lf ? (size_t)(lf - bytes) : len;
		size_t line = end - begin;
		/* at the end of the stream too, a CR may still be dropped */
		size_t kept =
		    line > 0 && bytes[end - 1] == '\r' ? line - 1 : line;

		if (kept > line_max || (!lf && line > line_max + 1))
			say(said, '!', NULL, 0);
		else if (lf)
			say(said, '=', bytes + begin, kept);
		begin = end + 1;
	}
}

static void take_all(struct zkp_line *reader, struct said *said)
{
	enum zkp_line_got got;
	char *line = NULL;
	size_t len = 0;

	while ((got = zkp_line_take(reader, &line, &len)) != ZKP_LINE_NONE) {
		if (got == ZKP_LINE_TOOLONG) {
			say(said, '!', NULL, 0);
			continue;
		}
		MUST(len <= reader->line_max && line[len] == '\0');
		say(said, '=', line, len);
		memset(line, '\n',
		       len); /* what is ours to write in harms nobody */
	}
}

static void in_pieces(struct said *said, struct zkp_line *reader,
		      const char *bytes, size_t len, size_t piece)
{
	for (size_t at = 0; at < len;) {
		size_t want = len - at < piece ? len - at : piece;
		size_t fed = zkp_line_feed(reader, bytes + at, want);

		MUST(fed > 0 && fed <= want);
		at += fed;
		take_all(reader, said);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct said expected, got;
	struct zkp_line reader;
	size_t line_max, size, piece;
	char *stream, *buf;

	if (len < 3)
		return 0;
	line_max = 1 + bytes[0] % 32;
	size = line_max + ZKP_LINE_END_MAX + bytes[1] % 64;
	piece = 1 + bytes[2] % 48;
	len -= 3;
	if (len > SAID_MAX / 4)
		len = SAID_MAX / 4;
	stream = fuzz_copy(bytes + 3, len, 0);
	buf = fuzz_copy(stream, 0, size);

	expected.len = 0;
	got.len = 0;
	obvious(&expected, stream, len, line_max);
	zkp_line_init(&reader, buf, size, line_max);
	in_pieces(&got, &reader, stream, len, piece);
	MUST(got.len == expected.len);
	MUST(memcmp(got.text, expected.text, got.len) == 0);
	MUST(zkp_line_is_partial(&reader) ==
	     (len > 0 && stream[len - 1] != '\n'));
	free(stream);
	free(buf);
	return 0;
}
