/* SPDX-License-Identifier: MIT */
/*
 * contest - a semaphore: two bids, one after the other, behind one face.
 *
 * The entry is an ordinary exclusive bid in the mutex below `locks`.  Whoever
 * has it puts a lease below `leases` and waits there until fewer than N stand
 * before it; then the entry is left.  That is Curator's
 * InterProcessSemaphoreV2 (InterProcessSemaphoreV2.internalAcquire1Lease), so
 * its acquirers and ours take turns at the same mutex.  It counts all leases
 * and grants itself at N; we count those before ours.  The two agree: when it
 * grants, all that exist are at most N, and when we do, we and all before us.
 *
 * The entry also guards two questions: how many slots there are, which `leases`
 * says, and whether somebody uses the name as a lock.  They are asked in the
 * flush that makes the lease, so they cost no trip.  The number does not stand
 * in the node above, which a lock of that name writes to (R15) before it knows.
 *
 *	ENTRY ---owned---> lease created, number and kind asked
 *	      ---lease among the first N, number and kind right---> OWNED
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/contest_i.h"

/* Marks the openings of the lease among those of both. */
#define LEASE_VISIT (UINT32_C(1) << 31)

struct slots {
	struct contest_setup setup;    /* what the lease will need of it */
	struct contest *entry, *lease; /* NULL: not yet, or gone */
	char *entries, *leases;        /* their parents */
	char number[LAYOUT_NAME_MAX];  /* what `leases` has to say */
	uint32_t visit;                /* questions about it so far */
	bool foreign;     /* others have made it: what it says is theirs */
	bool asked;       /* the entry was ours: the lease began */
	bool redo;        /* the link broke under the questions: ask again */
	bool number_ok;   /* it says our number */
	bool number_none; /* it says nothing yet, or is not there */
	bool kind_ok;     /* nobody bids for the name as a lock */
	bool lease_ok;    /* among the first N */
	bool granted;
	struct contest_effect owned; /* what the lease said of itself */
};

static void relay(struct contest *face, struct contest_effects *fx, size_t from,
		  bool of_lease);

static struct coord_op *ask(struct contest *face, struct contest_effects *fx,
			    enum contest_question question,
			    enum coord_verb verb, const char *path)
{
	struct contest_effect *one = contest_emit(fx, CONTEST_FX_OP);

	one->question = question;
	one->visit = face->slots->visit;
	one->op.verb = verb;
	one->op.path = path;
	return &one->op;
}

static void step_inner(struct contest *face, bool of_lease,
		       const struct contest_event *ev,
		       struct contest_effects *fx)
{
	struct slots *s = face->slots;
	struct contest *inner = of_lease ? s->lease : s->entry;
	size_t from = fx->len;

	if (!inner)
		return;
	contest_queue_step(inner, ev, fx);
	relay(face, fx, from, of_lease);
}

static void leave_both(struct contest *face, struct contest_effects *fx)
{
	const struct contest_event leave = { .type = CONTEST_EV_LEAVE };

	face->leaving = true;
	step_inner(face, true, &leave, fx);
	step_inner(face, false, &leave, fx);
}

static void fail(struct contest *face, enum zkp_status status, const char *why,
		 struct contest_effects *fx)
{
	struct contest_effect *one;

	if (face->leaving)
		return;
	one = contest_emit(fx, CONTEST_FX_FAILED);
	one->status = status;
	one->why = why;
	leave_both(face, fx);
}

/* --- number and kind --- */

static void ask_number_and_kind(struct contest *face,
				struct contest_effects *fx)
{
	struct slots *s = face->slots;

	s->visit++;
	s->redo = !face->link_up;
	s->number_ok = s->kind_ok = s->foreign;
	s->number_none = false;
	if (!face->link_up || s->foreign)
		return;
	(void)ask(face, fx, CONTEST_Q_SLOTS_GET, COORD_GET, s->leases);
	(void)ask(face, fx, CONTEST_Q_SLOTS_KIND, COORD_LIST, face->parent);
}

static void on_number(struct contest *face, const struct coord_event *ev,
		      struct contest_effects *fx)
{
	struct slots *s = face->slots;
	const char *number = s->number;

	if (ev->answer.data_len == 0) {
		s->number_none = true;
	} else if (ev->answer.data_len == strlen(number) &&
		   memcmp(ev->answer.data, number, strlen(number)) == 0) {
		s->number_ok = true;
	} else {
		fail(face, ZKP_KIND, "it has another number of slots", fx);
	}
}

static void on_kind(struct contest *face, const struct coord_event *ev,
		    struct contest_effects *fx)
{
	struct layout_child child;

	for (size_t i = 0; i < ev->answer.children_len; i++) {
		if (layout_child_parse(ev->answer.children[i], &child)) {
			fail(face, ZKP_KIND, "the name is in use as a lock",
			     fx);
			return;
		}
	}
	face->slots->kind_ok = true;
}

static void grant_if_right(struct contest *face, struct contest_effects *fx)
{
	const struct contest_event leave = { .type = CONTEST_EV_LEAVE };
	struct slots *s = face->slots;

	if (s->granted || face->leaving || !s->lease_ok || !s->number_ok ||
	    !s->kind_ok)
		return;
	s->granted = true;
	*contest_emit(fx, CONTEST_FX_OWNED) = s->owned;
	step_inner(face, false, &leave, fx);
}

/* Nobody's number is ours to say: who has the entry is alone.  A lease has to
 * stand there first, or there is nothing to write to. */
static void settle_number(struct contest *face, struct contest_effects *fx)
{
	struct slots *s = face->slots;
	struct coord_op *op;

	if (!s->kind_ok || !s->number_none || face->leaving || !s->lease ||
	    !s->lease->own)
		return;
	s->number_none = false;
	op = ask(face, fx, CONTEST_Q_SLOTS_SET, COORD_SET, s->leases);
	op->data = s->number;
	op->data_len = strlen(s->number);
}

static void heard(struct contest *face, const struct contest_event *ev,
		  struct contest_effects *fx)
{
	switch (ev->question) {
	case CONTEST_Q_SLOTS_GET:
		on_number(face, ev->coord, fx);
		break;
	case CONTEST_Q_SLOTS_KIND:
		on_kind(face, ev->coord, fx);
		break;
	case CONTEST_Q_SLOTS_SET:
		face->slots->number_ok = true;
		break;
	case CONTEST_Q_SLOTS_MAKE:
	case CONTEST_Q_CREATE:
	case CONTEST_Q_LIST:
	case CONTEST_Q_PARENT:
	case CONTEST_Q_SYNC:
	case CONTEST_Q_VERIFY:
	case CONTEST_Q_FIRST:
	case CONTEST_Q_PRED:
	case CONTEST_Q_BEHIND:
	case CONTEST_Q_OWN:
	case CONTEST_Q_WORDS:
	case CONTEST_Q_REVOKE:
	case CONTEST_Q_DELETE:
	case CONTEST_Q_TWIN:
		break;
	}
	settle_number(face, fx);
	grant_if_right(face, fx);
}

static void on_answer(struct contest *face, const struct contest_event *ev,
		      struct contest_effects *fx)
{
	struct slots *s = face->slots;

	/* The node above the mutex: its absence shows in the next answer. */
	if (ev->question == CONTEST_Q_SLOTS_MAKE || ev->visit != s->visit ||
	    s->granted || face->leaving)
		return;
	switch (contest_telling(ev->coord)) {
	case CONTEST_THERE:
		heard(face, ev, fx);
		break;
	case CONTEST_ASK_AGAIN:
		s->redo = true;
		break;
	case CONTEST_ABSENT:
		if (ev->question == CONTEST_Q_SLOTS_GET) {
			s->number_none = true;
			settle_number(face, fx);
			break;
		}
		/* fallthrough */
	case CONTEST_FORBIDDEN:
		fail(face, ZKP_ZK, "the semaphore's node cannot be read", fx);
		break;
	}
}

/* --- the two bids --- */

static void lease_begin(struct contest *face, struct contest_effects *fx)
{
	struct slots *s = face->slots;
	size_t from;

	s->asked = true;
	if (face->leaving)
		return;
	ask_number_and_kind(face, fx);
	from = fx->len;
	s->setup.parent = s->leases;
	s->setup.words = face->words;
	s->lease = contest_queue_new(&s->setup, face->link_up, fx);
	if (!s->lease)
		fail(face, ZKP_LIMIT, "no memory for the lease", fx);
	else
		relay(face, fx, from, true);
}

static void inner_gone(struct contest *face, struct contest_effects *fx,
		       bool of_lease)
{
	struct slots *s = face->slots;
	struct contest **inner = of_lease ? &s->lease : &s->entry;

	contest_free(*inner);
	*inner = NULL;
	if (!s->lease && !s->entry)
		contest_emit(fx, CONTEST_FX_GONE);
}

/* The entry's node is gone although we had it.  While it is all there is, so
 * is the wish; with a lease the count decides, and that stands. */
static void inner_vanished(struct contest *face, struct contest_effects *fx,
			   bool of_lease)
{
	if (!of_lease && face->slots->asked)
		return;
	if (!face->leaving)
		contest_emit(fx, CONTEST_FX_VANISHED);
	leave_both(face, fx);
}

static bool is_guard(const struct contest_effect *one)
{
	return one->question == CONTEST_Q_BEHIND ||
	       one->question == CONTEST_Q_OWN;
}

static void relay_one(struct contest *face, struct contest_effects *fx,
		      const struct contest_effect *one, bool of_lease)
{
	struct slots *s = face->slots;

	switch (one->type) {
	case CONTEST_FX_OP:
		if (!of_lease && is_guard(one))
			break; /* a mutex that is left in a moment */
		*contest_emit(fx, CONTEST_FX_OP) = *one;
		if (!of_lease)
			break;
		fx->fx[fx->len - 1].visit |= LEASE_VISIT;
		/* It was empty and was reaped: what it said has gone too. */
		if (one->question == CONTEST_Q_PARENT && !s->foreign) {
			s->number_ok = false;
			s->number_none = true;
		}
		break;
	case CONTEST_FX_ROOT:
		*contest_emit(fx, CONTEST_FX_ROOT) = *one;
		ask(face, fx, CONTEST_Q_SLOTS_MAKE, COORD_CREATE, face->parent)
		    ->kind = COORD_CONTAINER;
		break;
	case CONTEST_FX_QUEUED:
		*contest_emit(fx, CONTEST_FX_QUEUED) = *one;
		/* Whoever has the entry may be about to give it up. */
		fx->fx[fx->len - 1].kin = !of_lease;
		settle_number(face, fx);
		break;
	case CONTEST_FX_OWNED:
		if (!of_lease) {
			lease_begin(face, fx);
			break;
		}
		s->owned = *one;
		s->lease_ok = true;
		settle_number(face, fx);
		grant_if_right(face, fx);
		break;
	case CONTEST_FX_BEHIND:
		break;
	case CONTEST_FX_REVOKED:
		if (of_lease)
			contest_emit(fx, CONTEST_FX_REVOKED);
		break;
	case CONTEST_FX_VANISHED:
		inner_vanished(face, fx, of_lease);
		break;
	case CONTEST_FX_FAILED:
		fail(face, one->status, one->why, fx);
		break;
	case CONTEST_FX_GONE:
		inner_gone(face, fx, of_lease);
		break;
	}
}

/* What an inner bid has caused, as the face says it. */
static void relay(struct contest *face, struct contest_effects *fx, size_t from,
		  bool of_lease)
{
	struct contest_effect raw[CONTEST_EFFECTS_MAX];
	size_t len = fx->len - from;

	memcpy(raw, fx->fx + from, len * sizeof *raw);
	fx->len = from;
	for (size_t i = 0; i < len; i++)
		relay_one(face, fx, &raw[i], of_lease);
}

/* --- the face --- */

bool contest_slots_begin(struct contest *face,
			 const struct contest_setup *setup,
			 struct contest_effects *fx)
{
	struct slots *s = calloc(1, sizeof *s);
	size_t size = strlen(setup->parent) + sizeof "/" LAYOUT_SLOTS_LEASES;

	if (!s)
		return false;
	face->slots = s;
	s->setup = *setup;
	s->foreign = setup->layout != LAYOUT_OWN;
	if (s->foreign) /* its mutex is one, whatever locks are there */
		s->setup.layout = LAYOUT_CURATOR;
	s->entries = malloc(size);
	s->leases = malloc(size);
	if (!s->entries || !s->leases)
		return false;
	(void)layout_path(setup->parent, LAYOUT_SLOTS_ENTRY, s->entries, size);
	(void)layout_path(setup->parent, LAYOUT_SLOTS_LEASES, s->leases, size);
	layout_slots_write(setup->slots, s->number, sizeof s->number);
	s->setup.parent = s->entries;
	s->setup.slots = 0;
	s->entry = contest_queue_new(&s->setup, face->link_up, fx);
	s->setup.slots = setup->slots;
	if (!s->entry)
		return false;
	relay(face, fx, 0, false);
	return true;
}

static void on_link(struct contest *face, const struct contest_event *ev,
		    struct contest_effects *fx)
{
	struct slots *s = face->slots;

	face->link_up = ev->type == CONTEST_EV_LINK_UP;
	step_inner(face, false, ev, fx);
	step_inner(face, true, ev, fx);
	if (face->link_up && s->redo && s->asked && !s->granted &&
	    !face->leaving)
		ask_number_and_kind(face, fx);
}

void contest_slots_step(struct contest *face, const struct contest_event *ev,
			struct contest_effects *fx)
{
	struct contest_event inner = *ev;

	switch (ev->type) {
	case CONTEST_EV_ANSWER:
		if (ev->question >= CONTEST_Q_SLOTS_MAKE) {
			on_answer(face, ev, fx);
			break;
		}
		inner.visit &= ~LEASE_VISIT;
		step_inner(face, ev->visit & LEASE_VISIT, &inner, fx);
		break;
	case CONTEST_EV_WATCH:
		step_inner(face, false, ev, fx);
		step_inner(face, true, ev, fx);
		break;
	case CONTEST_EV_LINK_DOWN:
	case CONTEST_EV_LINK_UP:
		on_link(face, ev, fx);
		break;
	case CONTEST_EV_LOOK:
		step_inner(face, false, ev, fx);
		break;
	case CONTEST_EV_AGAIN:
		step_inner(face, false, ev, fx);
		step_inner(face, true, ev, fx);
		break;
	case CONTEST_EV_VANISH:
		break; /* of several names, which have no slots */
	case CONTEST_EV_REVOKE:
		break; /* no one holder is in the way */
	case CONTEST_EV_LEAVE:
		leave_both(face, fx);
		break;
	}
}

const char *contest_slots_node(const struct contest *face)
{
	const struct contest *lease = face->slots->lease;

	return lease && lease->own ? lease->own : "";
}

const char *contest_slots_watched(const struct contest *face)
{
	const struct slots *s = face->slots;

	if (s->lease)
		return contest_watched(s->lease);
	return s->entry && !s->asked ? contest_watched(s->entry) : NULL;
}

const struct contest *contest_slots_entry(const struct contest *face)
{
	const struct slots *s = face->slots;

	return s->lease ? NULL : s->entry;
}

void contest_slots_free(struct slots *slots)
{
	if (!slots)
		return;
	contest_free(slots->entry);
	contest_free(slots->lease);
	free(slots->entries);
	free(slots->leases);
	free(slots);
}
