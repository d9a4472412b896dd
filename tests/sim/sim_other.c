/* SPDX-License-Identifier: MIT */
/*
 * sim - others in the tree: strangers that bid in the same queues in the
 * manner of other implementations, an operator who deletes what he should
 * not, the reaper of empty parents.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/layout.h"
#include "sim.h"

/* Longer than any run. */
#define STRANGER_MS 1000000000
/* Between the two writes of a downgrade. */
#define DOWNGRADE_US (300 * SIM_MS)

static void write_as(struct sim *sim, const struct coord_op *op,
		     int64_t session)
{
	(void)coord_tree_write(sim->tree, op, session);
}

static void leave(struct sim *sim, struct sim_stranger *stranger)
{
	struct coord_op op = { .verb = COORD_DELETE, .path = stranger->path };
	size_t parent;
	int name = sim_path_name(stranger->path, &parent);

	sim_note(sim, "a stranger leaves %s", stranger->path);
	if (name >= 0)
		sim->left_us[name] = sim->now_us;
	write_as(sim, &op, 0);
	coord_tree_session_end(sim->tree, stranger->session);
	stranger->path[0] = stranger->old_path[0] = '\0';
}

/* Curator's mutex, its writer, kazoo's lock, Curator's reader. */
static void stranger_name(char *buf, size_t size, uint64_t salt)
{
	static const char *const words[] = { "-lock-", "-__WRIT__", "__lock__",
					     "-__READ__" };
	unsigned high = (unsigned)(salt >> 32), low = (unsigned)salt;
	const char *word = words[salt % 4];

	if (word[0] == '_')
		(void)snprintf(buf, size, "%08x%024x%s", high, low, word);
	else
		(void)snprintf(buf, size, "_c_%08x-0000-4000-8000-%012x%s",
			       high, low, word);
}

static void come(struct sim *sim, struct sim_stranger *stranger,
		 const struct sim_act *act)
{
	struct coord_op op = { .verb = COORD_CREATE, .kind = COORD_CONTAINER };
	struct coord_tree_answer made;
	char name[96], path[192];

	if (layout_kind_keeps_parents(sim->weather.layout))
		op.kind = COORD_PERSISTENT;
	op.path = sim_queue(act->name);
	if (!coord_tree_find(sim->tree, 0, SIM_ROOT))
		return;
	write_as(sim, &op, 0);
	stranger_name(name, sizeof name, act->salt);
	(void)layout_path(sim_queue(act->name), name, path, sizeof path);
	op.path = path;
	op.kind = COORD_EPHEMERAL_SEQUENTIAL;
	stranger->session = coord_tree_session_new(sim->tree, STRANGER_MS);
	coord_tree_session_keep(sim->tree, stranger->session, true);
	made = coord_tree_write(sim->tree, &op, stranger->session);
	(void)snprintf(stranger->path, sizeof stranger->path, "%s", made.path);
	stranger->writer = act->salt % 4 == 1;
	sim->counts.strangers++;
	sim_note(sim, "a stranger bids %s", stranger->path);
}

/* As Curator 5.5 does: a reader with the writer's number, then the writer
 * goes. */
static void downgrade(struct sim *sim, struct sim_stranger *stranger)
{
	struct coord_op op = { .verb = COORD_CREATE, .kind = COORD_EPHEMERAL };
	char path[sizeof stranger->path];
	char *word;

	memcpy(path, stranger->path, sizeof path);
	word = strstr(path, "__WRIT__");
	if (!word)
		return;
	memcpy(word, "__READ__", 8);
	op.path = path;
	write_as(sim, &op, stranger->session);
	memcpy(stranger->old_path, stranger->path, sizeof path);
	memcpy(stranger->path, path, sizeof path);
	stranger->writer = false;
	sim->counts.downgrades++;
	sim_note(sim, "a stranger reads as well: %s", path);
	sim_push(sim, sim->now_us + (int64_t)sim_random(sim, DOWNGRADE_US),
		 SIM_EV_DOWNGRADED,
		 (struct sim_event){ .who = (int)(stranger - sim->strangers),
				     .gen = ++stranger->gen });
}

/* The writer goes; or the reader, and the writer goes on (C2). */
void sim_other_event(struct sim *sim, const struct sim_event *event)
{
	struct sim_stranger *stranger = &sim->strangers[event->who];
	struct coord_op op = { .verb = COORD_DELETE,
			       .path = stranger->old_path };

	if (event->gen != stranger->gen || !*stranger->old_path)
		return;
	if (sim_chance(sim, 2)) {
		op.path = stranger->path;
		write_as(sim, &op, stranger->session);
		memcpy(stranger->path, stranger->old_path,
		       sizeof stranger->path);
		stranger->writer = true;
	} else {
		write_as(sim, &op, stranger->session);
	}
	sim_note(sim, "a stranger stays: %s", stranger->path);
	stranger->old_path[0] = '\0';
}

static const struct coord_tree_node *pick_child(const struct sim *sim, int name,
						uint64_t salt)
{
	const struct coord_tree_node *parent, *child;
	uint64_t len = 0;

	parent = coord_tree_find(sim->tree, 0, sim_queue(name));
	if (!parent)
		return NULL;
	for (child = coord_tree_child_first(parent); child;
	     child = coord_tree_child_next(child))
		len++;
	if (len == 0)
		return NULL;
	child = coord_tree_child_first(parent);
	for (uint64_t n = salt % len; n; n--)
		child = coord_tree_child_next(child);
	return child;
}

/* Deletes a bid by hand.  A bid that waits has no watch on its own node and
 * may be granted much later: its name is exempt from P1 for good. */
static void operate(struct sim *sim, const struct sim_act *act)
{
	const struct coord_tree_node *child =
	    pick_child(sim, act->name, act->salt);
	struct coord_op op = { .verb = COORD_DELETE };
	char path[512];

	if (!child)
		return;
	(void)layout_path(sim_queue(act->name), coord_tree_name(child), path,
			  sizeof path);
	sim_note(sim, "the operator deletes %s", path);
	sim->counts.deletions++;
	op.path = path;
	write_as(sim, &op, 0);
	for (int i = 0; i < SIM_STRANGERS; i++) {
		struct sim_stranger *one = &sim->strangers[i];

		if (strcmp(one->path, path) != 0)
			continue;
		/* The other half of a downgrade stays. */
		memcpy(one->path, one->old_path, sizeof one->path);
		one->writer = *one->old_path != '\0';
		one->old_path[0] = '\0';
	}
	sim->exempt[act->name] = true;
	sim_tell(sim, "exempt - lock=%s", sim_name(act->name));
}

void sim_other_act(struct sim *sim, const struct sim_act *act)
{
	struct sim_stranger *stranger =
	    &sim->strangers[(act->salt >> 16) % SIM_STRANGERS];

	if (sim->leader < 0)
		return; /* they wait for one too */
	if (act->type == SIM_ACT_REAP) {
		sim->counts.reaps++;
		coord_tree_reap(sim->tree);
	} else if (act->type == SIM_ACT_OPERATOR) {
		if (!sim_is_pool(sim, act->name))
			operate(sim, act);
	} else if (act->type == SIM_ACT_DOWNGRADE) {
		if (stranger->writer && *stranger->path)
			downgrade(sim, stranger);
	} else if (*stranger->path) {
		leave(sim, stranger);
	} else if (!sim_is_pool(sim, act->name)) {
		come(sim, stranger, act);
	}
}

/* Under a share prefix the node is others' too: its data is never set, nothing
 * but contenders and a semaphore's two is below it, and kazoo's stays. */
static void check_shared(struct sim *sim, int name)
{
	const struct coord_tree_node *node, *child;
	const char *path = sim_queue(name);

	node = coord_tree_find(sim->tree, 0, path);
	if (!node && sim->heads[name].pzxid &&
	    sim->weather.layout == LAYOUT_KAZOO)
		sim_fail(sim, "P5: kazoo's node %s has gone", path);
	if (!node)
		return;
	if (coord_tree_stat(node).version)
		sim_fail(sim, "P5: the data of %s was set", path);
	for (child = coord_tree_child_first(node); child;
	     child = coord_tree_child_next(child)) {
		const char *word = coord_tree_name(child);

		if (sim_number(word) < 0 && !layout_is_slots(word))
			sim_fail(sim, "P5: %s/%s is nobody's bid", path, word);
	}
}

void sim_other_rest(struct sim *sim)
{
	if (sim->weather.layout == LAYOUT_OWN)
		return;
	coord_tree_reap(sim->tree);
	for (int i = 0; i < sim->weather.names; i++)
		check_shared(sim, i);
}

/* Others have used up the counter of the first name's node; before 2^31 - 1,
 * where it sticks, or at it.  A node that is made anew begins at 0. */
void sim_other_wear(struct sim *sim)
{
	int64_t end = sim->seed & 64 ? INT32_MAX : LAYOUT_SEQ_REFUSE;
	const char *path = sim_queue(0);

	if (!sim->weather.worn || sim->worn)
		return;
	if (!coord_tree_find(sim->tree, 0, path))
		return;
	coord_tree_counter_set(sim->tree, path,
			       (int32_t)(end - (int64_t)(sim->seed % 13)));
	sim->worn = true;
}

void sim_other_heal(struct sim *sim)
{
	for (int i = 0; i < SIM_STRANGERS; i++) {
		if (*sim->strangers[i].path)
			leave(sim, &sim->strangers[i]);
	}
}
