/* SPDX-License-Identifier: MIT */
/*
 * mode - how a lock is wanted: alone, or together with others who read.
 *
 * One word for the line, for a bid's node and for a ticket.  It knows nothing
 * of who gets what.
 */
#ifndef PROTO_MODE_H
#define PROTO_MODE_H

enum zkp_mode {
	ZKP_MODE_X, /* exclusive: nobody beside it */
	ZKP_MODE_S, /* shared: others may hold it shared */
};

/* "x" or "s". */
const char *zkp_mode_word(enum zkp_mode mode);

#endif
