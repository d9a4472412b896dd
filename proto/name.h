/* SPDX-License-Identifier: MIT */
/*
 * name - names of locks, and how a name is spelled as a znode.
 *
 * A plain name becomes one path component ("/" is written %2F; "%" is not in
 * the alphabet, so the way back is unambiguous).  A name that begins with "/"
 * is a literal znode path: its shape is checked here, whether it is allowed
 * is the daemon's matter.  Never looks at a znode.
 */
#ifndef PROTO_NAME_H
#define PROTO_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum zkp_name_kind {
	ZKP_NAME_PLAIN,
	ZKP_NAME_LITERAL, /* begins with "/" */
};

struct zkp_name_fault {
	size_t
	    byte; /* the offending one, 1 for the first; len + 1 at the end */
	const char *why; /* static text: "..., e.g. a byte outside of ..." */
};

/* May this byte stand in a name?  (Some may not come first.) */
bool zkp_name_byte(char c);

/*
 * Is name[0..len) a lock's name?  True writes kind_out, false writes
 * fault_out; either may be NULL.  name needs no NUL and may hold any bytes.
 */
bool zkp_name_check(const char *name, size_t len, enum zkp_name_kind *kind_out,
		    struct zkp_name_fault *fault_out);

/*
 * A plain, valid name as one path component, NUL-terminated.
 * ZKP_COMPONENT_MAX + 1 bytes are always enough.  False, and nothing written,
 * when it does not fit or the name is not a plain one.
 */
bool zkp_name_encode(const char *name, char *buf, size_t size);

/*
 * The way back: false, and nothing written, when component is not what
 * zkp_name_encode() makes of any name (a foreign node) or does not fit.
 * ZKP_NAME_MAX + 1 bytes are always enough.
 */
bool zkp_name_decode(const char *component, char *buf, size_t size);

#endif
