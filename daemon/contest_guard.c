/* SPDX-License-Identifier: MIT */
/*
 * contest - what is heard while the bid is owned, and Curator's revocation,
 * both ways.
 *
 * Curator's Revoker writes a message into the node of whoever holds the lock;
 * a holder that wants to know watches its own node.  So do we, but only while
 * others are known to wait (R20): a message that came before is found by the
 * first look then, one from somebody who never waits may go unseen.
 */
#include <string.h>

#include "daemon/contest_i.h"

#define REVOKE_MESSAGE "__REVOKE__"
#define REVOKE_BYTES   (sizeof REVOKE_MESSAGE - 1)

static bool is_revoke(const struct coord_event *ev)
{
	return ev->answer.data && ev->answer.data_len == REVOKE_BYTES &&
	       memcmp(ev->answer.data, REVOKE_MESSAGE, REVOKE_BYTES) == 0;
}

/* Our words are put back: listings show who we are, and the next message is
 * seen as well. */
static void revoked(struct contest *c, struct contest_effects *fx)
{
	struct coord_op *op;

	contest_emit(fx, CONTEST_FX_REVOKED);
	op = contest_op(c, fx, CONTEST_Q_WORDS, COORD_SET, c->own);
	op->data = c->words;
	op->data_len = strlen(c->words);
}

/* The watch on our own node, or on the children. */
void contest_guard(struct contest *c, enum contest_question question,
		   const struct coord_event *ev, struct contest_effects *fx)
{
	switch (contest_telling(ev)) {
	case CONTEST_THERE:
		c->watching = true;
		if (question == CONTEST_Q_BEHIND)
			contest_judge_owned(c, ev, fx);
		else if (ev->answer.stat.czxid != c->czxid)
			contest_vanish(c, fx);
		else if (is_revoke(ev))
			revoked(c, fx);
		break;
	case CONTEST_ABSENT:
		contest_vanish(c, fx);
		break;
	case CONTEST_ASK_AGAIN:
		c->redo = true;
		break;
	case CONTEST_FORBIDDEN:
		/* The hold stands without the watch: the lease guards it.  But
		 * whoever comes behind is not seen (R6, R13). */
		c->redo = true;
		contest_emit(fx, CONTEST_FX_BEHIND)->behind = true;
		break;
	}
}

/* A courtesy: lost with the link, it is not said again. */
void contest_revoke(struct contest *c, struct contest_effects *fx)
{
	struct coord_op *op;

	if (c->state != CONTEST_WATCH_PRED || !c->link_up)
		return;
	op = contest_op(c, fx, CONTEST_Q_REVOKE, COORD_SET,
			c->first ? c->first : c->pred);
	op->data = REVOKE_MESSAGE;
	op->data_len = REVOKE_BYTES;
}
