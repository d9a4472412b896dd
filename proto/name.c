/* SPDX-License-Identifier: MIT */
/* name - see name.h.  The alphabet is an allow-list: what is not named in it
 * never gets near a znode's path. */
#include "proto/name.h"

#include <string.h>

#include "proto/limits.h"

#define SLASH "%2F"

/* A limit as it stands in a sentence. */
#define TEXT_OF(macro) #macro
#define TEXT(macro)    TEXT_OF(macro)

bool zkp_name_byte(char c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("._:/+,@~-", c) != NULL;
}

/* Why the segment name[0..len) cannot stand between two slashes; or NULL. */
static const char *segment_fault(const char *name, size_t len)
{
	if (len == 0)
		return "a name has no empty segment";
	if (len == 1 && name[0] == '.')
		return "a name has no segment \".\"";
	if (len == 2 && name[0] == '.' && name[1] == '.')
		return "a name has no segment \"..\"";
	return NULL;
}

/* name's bytes are all in the alphabet.  The index of the first bad segment,
 * or len. */
static size_t segments_scan(const char *name, size_t len, const char **why_out)
{
	size_t begin = name[0] == '/' ? 1 : 0;

	while (begin <= len) {
		const char *slash = memchr(name + begin, '/', len - begin);
		size_t end = slash ? (size_t)(slash - name) : len;

		*why_out = segment_fault(name + begin, end - begin);
		if (*why_out)
			return begin;
		begin = end + 1;
	}
	return len;
}

static bool is_zookeeper(const char *name, size_t len)
{
	static const char own[] = "/zookeeper";
	const size_t own_len = sizeof own - 1;

	return len >= own_len && memcmp(name, own, own_len) == 0 &&
	       (len == own_len || name[own_len] == '/');
}

/* The index of the first byte that spoils the name; why_out stays NULL when
 * there is none. */
static size_t scan(const char *name, size_t len, const char **why_out)
{
	*why_out = NULL;
	if (len == 0) {
		*why_out = "a name has at least one byte";
		return 0;
	}
	for (size_t i = 0; i < len && i < ZKP_NAME_MAX; i++) {
		if (!zkp_name_byte(name[i])) {
			*why_out = "a name is made of A-Z a-z 0-9 . _ : / + , "
				   "@ ~ -";
			return i;
		}
	}
	if (len > ZKP_NAME_MAX) {
		*why_out = "a name has at most " TEXT(ZKP_NAME_MAX) " bytes";
		return ZKP_NAME_MAX;
	}
	if (strchr(".@-", name[0])) {
		*why_out = "a name does not begin with \".\" \"@\" \"#\" \"-\"";
		return 0;
	}
	if (is_zookeeper(name, len)) {
		*why_out = "/zookeeper is ZooKeeper's own";
		return 1;
	}
	return segments_scan(name, len, why_out);
}

bool zkp_name_check(const char *name, size_t len, enum zkp_name_kind *kind_out,
		    struct zkp_name_fault *fault_out)
{
	const char *why;
	size_t at = scan(name, len, &why);

	if (why) {
		if (fault_out) {
			fault_out->byte = at + 1;
			fault_out->why = why;
		}
		return false;
	}
	if (kind_out)
		*kind_out = name[0] == '/' ? ZKP_NAME_LITERAL : ZKP_NAME_PLAIN;
	return true;
}

bool zkp_name_encode(const char *name, char *buf, size_t size)
{
	const size_t slash_len = sizeof SLASH - 1;
	enum zkp_name_kind kind;
	size_t len = strlen(name);
	size_t need = 0;
	char *to = buf;

	if (!zkp_name_check(name, len, &kind, NULL) || kind != ZKP_NAME_PLAIN)
		return false;
	for (size_t i = 0; i < len; i++)
		need += name[i] == '/' ? slash_len : 1;
	if (need + 1 > size)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '/') {
			memcpy(to, SLASH, slash_len);
			to += slash_len;
		} else {
			*to++ = name[i];
		}
	}
	*to = '\0';
	return true;
}

bool zkp_name_decode(const char *component, char *buf, size_t size)
{
	const size_t slash_len = sizeof SLASH - 1;
	char name[ZKP_NAME_MAX + 1] = "";
	enum zkp_name_kind kind;
	size_t len = 0;

	while (*component) {
		bool slash = strncmp(component, SLASH, slash_len) == 0;

		if (len == ZKP_NAME_MAX || (!slash && *component == '/'))
			return false;
		name[len] = *component;
		if (slash)
			name[len] = '/';
		len++;
		component += slash ? slash_len : 1;
	}
	if (!zkp_name_check(name, len, &kind, NULL) || kind != ZKP_NAME_PLAIN)
		return false;
	if (len + 1 > size)
		return false;
	memcpy(buf, name, len);
	buf[len] = '\0';
	return true;
}
