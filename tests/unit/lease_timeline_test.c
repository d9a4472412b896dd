/* SPDX-License-Identifier: MIT */
/*
 * lease, second by second: what each party believes and when, in the five
 * cases of daemon/DESIGN.md.  The tables there are what this program prints
 * (--print); when the lease's figures move and the page does not, it fails.
 *
 * T = 12 s, G = 2 s, a beat every second; answers take 10 ms; the follower's
 * touches reach the leader every second, at .4; the holder is `zklock run`
 * with its grace of 2 s.  Time 0 is just before a beat: the worst instant.
 */
#include <assert.h>
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/lease.h"

#define T_MS      12000
#define TICK_MS   2000
#define ANSWER_MS 10
#define GRACE_MS  2000
#define PING_MS   1000
#define PING_AT   400
#define WARM_MS   60000 /* of a quiet time before 0 */
/* From D to the instant before which nothing can have expired. */
#define MARGIN_MS (LEASE_MARGIN_MS + 1 + T_MS * 2 / 1000)
#define ROWS_MAX  64
#define PENDING   32

static struct lease *lease;
static int64_t now_ms; /* 0: the instant of the fault */

static struct answer {
	struct lease_mark mark;
	enum lease_evidence kind;
	int64_t at_ms;
} pending[PENDING];
static unsigned pending_len;

static struct row {
	int64_t at_ms;
	unsigned order;
	char text[96];
} rows[ROWS_MAX];
static unsigned rows_len;

static bool answering, running, telling; /* server, daemon, transcript */
static bool beats;                       /* tell of these too */
static int64_t told_ms;                  /* the last deadline published */
static int64_t leader_ms;                /* when the leader ends the session */
static bool holding;

static void note(int64_t at_ms, const char *who, const char *form, ...)
    __attribute__((format(printf, 3, 4)));

static void note(int64_t at_ms, const char *who, const char *form, ...)
{
	struct row *row = &rows[rows_len];
	va_list args;
	int n;

	if (!telling)
		return;
	assert(rows_len < ROWS_MAX);
	row->at_ms = at_ms;
	row->order = rows_len++;
	n = snprintf(row->text, sizeof row->text, "%-7s ", who);
	va_start(args, form);
	(void)vsnprintf(row->text + n, sizeof row->text - (size_t)n, form,
			args);
	va_end(args);
}

/* One decimal, downwards: a deadline is never shown later than it is. */
static const char *s(int64_t ms)
{
	static char text[8][24];
	static unsigned at;
	char *out = text[at++ % 8];

	(void)snprintf(out, sizeof text[0], "%lld.%lld", (long long)(ms / 1000),
		       (long long)(ms % 1000 / 100));
	return out;
}

static void ask(enum lease_evidence kind, const char *what)
{
	struct lease_mark mark = lease_sent(lease, now_ms);

	if (beats)
		note(now_ms, "daemon", "%s", what);
	if (!answering)
		return;
	assert(pending_len < PENDING);
	pending[pending_len++] = (struct answer){ .mark = mark,
						  .kind = kind,
						  .at_ms = now_ms + ANSWER_MS };
}

static void effects(void)
{
	struct lease_effect fx;

	while (lease_next(lease, &fx)) {
		switch (fx.type) {
		case LEASE_FX_SYNC:
			ask(LEASE_SYNC, "beat: sync (k)");
			break;
		case LEASE_FX_SET:
			ask(LEASE_WRITE, "its answer; setData (m)");
			break;
		case LEASE_FX_READ:
			ask(LEASE_READ, "nothing else was asked: a read (j)");
			break;
		case LEASE_FX_DROP_LINK:
			note(now_ms, "daemon",
			     "shuts its socket down, tries the next server");
			lease_link_down(lease, now_ms);
			pending_len = 0;
			break;
		case LEASE_FX_MOVED:
			told_ms = lease_deadline_ms(lease);
			if (beats)
				note(now_ms, "daemon",
				     "m committed: D = %s, in the page",
				     s(told_ms));
			break;
		case LEASE_FX_SUSPENDED:
			note(now_ms, "daemon", "SUSPENDED, D = %s",
			     s(lease_deadline_ms(lease)));
			break;
		case LEASE_FX_RESUMED:
			note(now_ms, "daemon",
			     "a write committed: RESUMED, D "
			     "= %s",
			     s(lease_deadline_ms(lease)));
			break;
		case LEASE_FX_LOST:
			note(now_ms, "daemon",
			     "the page is cleared, LOST reason=deadline");
			break;
		case LEASE_FX_FAREWELL:
		case LEASE_FX_CLOSE:
		case LEASE_FX_CONNECT:
		case LEASE_FX_SHORT:
			break;
		}
	}
}

/* The leader hears of the session by the answer to its PING. */
static void leader(void)
{
	if (answering && (now_ms + WARM_MS) % PING_MS == PING_AT)
		leader_ms =
		    ((now_ms + WARM_MS + T_MS) / TICK_MS + 1) * TICK_MS -
		    WARM_MS;
	if (now_ms == leader_ms)
		note(now_ms, "leader",
		     "ends the session; the next host is granted");
}

static void holder(void)
{
	if (!holding)
		return;
	if (now_ms == told_ms - GRACE_MS)
		note(now_ms, "holder", "zklock run: TERM to its child");
	if (now_ms < told_ms)
		return;
	note(now_ms, "holder", "KILL, and exit 79; is_held is false");
	note(now_ms + MARGIN_MS, "leader",
	     "the earliest end of the session that was not ruled out");
	holding = false;
}

static void step(void)
{
	leader();
	if (running) {
		for (unsigned i = 0; i < pending_len; i++) {
			struct answer one = pending[i];

			if (one.at_ms != now_ms)
				continue;
			lease_answered(lease, &one.mark, one.kind, true,
				       now_ms);
			pending[i--] = pending[--pending_len];
			effects();
		}
		if (now_ms >= lease_wake_ms(lease))
			lease_tick(lease, now_ms);
		effects();
	}
	holder();
	now_ms++;
}

static void until(int64_t ms)
{
	while (now_ms < ms)
		step();
}

static void attach(bool fresh)
{
	lease_attached(lease,
		       &(struct lease_attach){ .session = 1,
					       .timeout_ms = T_MS,
					       .connect_ms = now_ms,
					       .fresh = fresh },
		       now_ms);
	effects();
}

/* A lock has been held for a minute when the tale begins. */
static void begin(void)
{
	const struct lease_settings settings = { .timeout_ms = T_MS,
						 .tick_ms = TICK_MS,
						 .drift_ppm = 1000 };

	lease = lease_new(&settings);
	pending_len = rows_len = 0;
	telling = beats = false;
	answering = running = holding = true;
	now_ms = -WARM_MS;
	attach(true);
	lease_busy(lease, true, now_ms);
	until(0);
	telling = true;
}

/* The five */

static void quiet_day(void)
{
	note(0, "holder", "holds, D = %s", s(told_ms));
	beats = true;
	until(1100);
}

static void cut_follower(void)
{
	answering = false;
	note(0, "all", "the server is cut off from its leader; D = %s",
	     s(told_ms));
	until(13000);
}

static void cut_follower_and_another(void)
{
	answering = false;
	note(0, "all", "the server is cut off from its leader; D = %s",
	     s(told_ms));
	until(2100);
	answering = true;
	note(now_ms, "daemon", "attached to another server");
	attach(false);
	until(3000);
}

static void dead_leader(void)
{
	answering = false;
	note(0, "all", "the leader dies, all servers hang up; D = %s",
	     s(told_ms));
	lease_link_down(lease, now_ms);
	effects();
	until(2000);
	note(now_ms, "leader", "a new one: every session has its full T again");
	leader_ms = (14000 + TICK_MS) / TICK_MS * TICK_MS;
	note(now_ms, "daemon", "attached again; not yet proven");
	answering = true;
	attach(false);
	until(3000);
}

static void frozen_daemon(void)
{
	running = answering = false;
	note(0, "all", "the daemon is stopped; D = %s", s(told_ms));
	until(20000);
	running = true;
	note(now_ms, "daemon", "goes on; first of all it looks at the clock");
	lease_tick(lease, now_ms);
	effects();
}

/* The daemon proves on; what the holder reads when it wakes is the page. */
static void frozen_client(void)
{
	holding = false; /* it does nothing */
	note(0, "all", "the holder is stopped; D = %s", s(told_ms));
	until(20000);
	note(now_ms, "holder", "goes on; the page says D = %s: held all along",
	     s(told_ms));
	until(21000);
	note(now_ms, "all",
	     "the holder is stopped again, and the server cut "
	     "off; D = %s",
	     s(told_ms));
	answering = false;
	until(34100);
	note(now_ms, "holder",
	     "goes on; the page is cleared: is_held is "
	     "false since %s",
	     s(told_ms));
}

static const struct tale {
	const char *title;
	void (*tell)(void);
} tales[] = {
	{ "a quiet day", quiet_day },
	{ "a cut follower, and no other server", cut_follower },
	{ "a cut follower, and another server", cut_follower_and_another },
	{ "a dead leader", dead_leader },
	{ "a frozen daemon", frozen_daemon },
	{ "a frozen client", frozen_client },
};

#define TALES (int)(sizeof tales / sizeof *tales)

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void tell(const struct tale *tale, char *buf, size_t size)
{
	int n;

	begin();
	tale->tell();
	lease_free(lease);
	qsort(rows, rows_len, sizeof *rows, by_time);
	n = snprintf(buf, size, "```\n%s\n", tale->title);
	for (unsigned i = 0; i < rows_len; i++)
		n += snprintf(buf + n, size - (size_t)n, "%5s  %s\n",
			      s(rows[i].at_ms), rows[i].text);
	(void)snprintf(buf + n, size - (size_t)n, "```\n");
}

static const char *design(void)
{
	static char text[128 * 1024];
	FILE *file = fopen(ZKL_SOURCE_DIR "/daemon/DESIGN.md", "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof text - 1, file);
	text[len] = '\0';
	(void)fclose(file);
	return text;
}

START_TEST(lease_second_by_second)
{
	char block[8192];

	tell(&tales[_i], block, sizeof block);
	ck_assert_msg(strstr(design(), block) != NULL,
		      "DESIGN.md does not say:\n%s", block);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("lease_timeline");
	TCase *tc = tcase_create("tales");
	SRunner *runner = srunner_create(suite);
	char block[8192];
	int failed;

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		for (int i = 0; i < TALES; i++) {
			tell(&tales[i], block, sizeof block);
			(void)printf("%s\n", block);
		}
		srunner_free(runner);
		return EXIT_SUCCESS;
	}
	tcase_add_loop_test(tc, lease_second_by_second, 0, TALES);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
