/* SPDX-License-Identifier: MIT */
/*
 * coord_zk_drive - coord_zk alone in a loop, driven by lines, for tests with
 * real servers.  It decides nothing: what it is told it does, what it hears it
 * prints, one event a line, behind the time in milliseconds.
 *
 *	coord_zk_drive SERVERS TIMEOUT_MS [key=value...]
 *	    auth=U:P creator=1 nameserver=A:P in_flight=N watch_bytes=N
 *	connect | close | drop | counts
 *	op ID VERB [w] [u] PATH [DATA]      collected ...
 *	op ID multi VERB:PATH[:DATA]...     likewise
 *	go                                  ... and submitted together
 *
 * VERB: persistent container ephemeral sequential list get set delete sync.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/coord_zk.h"

#define OPS_MAX 4096
#define IDS_MAX 1000000
#define TICK_MS 5

static struct event_base *base;
static struct coord *coord;
static struct coord_op ops[OPS_MAX];
static size_t ops_len;
static char input[1 << 20];
static size_t input_len;
static bool open_ids[IDS_MAX]; /* not answered yet */
static size_t open_len;
static bool link_up; /* as far as we have been told */
static int64_t tick_ms;
static int64_t longest_ms;

static int64_t now_ms(void *ctx)
{
	struct timespec ts = { 0 };

	(void)ctx;
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void log_line(void *ctx, enum coord_zk_level level, const char *line)
{
	(void)ctx;
	printf("%" PRId64 " LOG %d %s\n", now_ms(NULL), (int)level, line);
}

static const char *result_word(enum coord_result result)
{
	static const char *const words[] = {
		[COORD_OK] = "ok",
		[COORD_NO_NODE] = "nonode",
		[COORD_NODE_EXISTS] = "exists",
		[COORD_NOT_EMPTY] = "notempty",
		[COORD_BAD_VERSION] = "version",
		[COORD_MAYBE] = "maybe",
		[COORD_NOT_SENT] = "notsent",
		[COORD_REFUSED] = "refused",
	};

	return words[result];
}

/* What coord.h promises of answers, checked where nothing is in between. */
static void account(const struct coord_event *event)
{
	if (event->type == COORD_EV_ATTACHED) {
		if (link_up || open_len)
			printf("%" PRId64 " BROKEN attached: up=%d open=%zu\n",
			       now_ms(NULL), link_up, open_len);
		link_up = true;
	} else if (event->type != COORD_EV_ANSWER) {
		link_up = link_up && event->type == COORD_EV_WATCH;
	} else if (event->answer.id >= IDS_MAX || !open_ids[event->answer.id]) {
		printf("%" PRId64 " BROKEN answered twice or unasked: %" PRIu64
		       "\n",
		       now_ms(NULL), event->answer.id);
	} else {
		open_ids[event->answer.id] = false;
		open_len--;
		if (event->answer.result == COORD_MAYBE && link_up)
			printf("%" PRId64 " BROKEN maybe before DOWN: %" PRIu64
			       "\n",
			       now_ms(NULL), event->answer.id);
	}
}

static void print_answer(const struct coord_event *event)
{
	printf("ANSWER %" PRIu64 " %s rc=%d path=%s czxid=%" PRId64
	       " mzxid=%" PRId64 " owner=0x%" PRIx64
	       " version=%d n=%d data=%.*s children=",
	       event->answer.id, result_word(event->answer.result),
	       event->answer.zk_rc,
	       event->answer.path ? event->answer.path : "",
	       event->answer.stat.czxid, event->answer.stat.mzxid,
	       (uint64_t)event->answer.stat.owner, event->answer.stat.version,
	       event->answer.stat.children, (int)event->answer.data_len,
	       event->answer.data ? event->answer.data : "");
	for (size_t i = 0; i < event->answer.children_len; i++)
		printf("%s%s", i ? "," : "", event->answer.children[i]);
	printf(" failed=%zu subs=", event->answer.failed);
	for (size_t i = 0; i < event->answer.subs_len; i++)
		printf("%s%s:%" PRId64 ":%d", i ? "," : "",
		       event->answer.subs[i].path ? event->answer.subs[i].path
						  : "",
		       event->answer.subs[i].stat.mzxid,
		       event->answer.subs[i].stat.children);
	printf("\n");
}

static void print_event(const struct coord_event *event)
{
	static const char *const watches[] = { "changed", "deleted",
					       "children" };

	account(event);
	printf("%" PRId64 " ", now_ms(NULL));
	switch (event->type) {
	case COORD_EV_ANSWER:
		print_answer(event);
		break;
	case COORD_EV_WATCH:
		printf("WATCH %s %s\n", watches[event->watch.what],
		       event->watch.path);
		break;
	case COORD_EV_LINK_DOWN:
		printf("DOWN\n");
		break;
	case COORD_EV_ATTACHED:
		printf("ATTACHED fresh=%d session=0x%" PRIx64
		       " timeout_ms=%" PRId64 " age_ms=%" PRId64 " server=%s\n",
		       event->attached.fresh, (uint64_t)event->attached.session,
		       event->attached.timeout_ms,
		       now_ms(NULL) - event->attached.connect_ms,
		       event->attached.server);
		break;
	case COORD_EV_EXPIRED:
		printf("EXPIRED\n");
		break;
	case COORD_EV_AUTH_FAILED:
		printf("AUTH_FAILED\n");
		break;
	case COORD_EV_CLOSED:
		printf("CLOSED\n");
		break;
	}
}

static bool verb_read(const char *word, struct coord_op *op)
{
	static const struct {
		const char *word;
		enum coord_verb verb;
		enum coord_kind kind;
	} verbs[] = {
		{ "persistent", COORD_CREATE, COORD_PERSISTENT },
		{ "container", COORD_CREATE, COORD_CONTAINER },
		{ "ephemeral", COORD_CREATE, COORD_EPHEMERAL },
		{ "sequential", COORD_CREATE, COORD_EPHEMERAL_SEQUENTIAL },
		{ "list", COORD_LIST, COORD_PERSISTENT },
		{ "get", COORD_GET, COORD_PERSISTENT },
		{ "set", COORD_SET, COORD_PERSISTENT },
		{ "delete", COORD_DELETE, COORD_PERSISTENT },
		{ "check", COORD_CHECK, COORD_PERSISTENT },
		{ "sync", COORD_SYNC, COORD_PERSISTENT },
		{ "multi", COORD_MULTI, COORD_PERSISTENT },
	};

	for (size_t i = 0; word && i < sizeof verbs / sizeof verbs[0]; i++) {
		if (strcmp(verbs[i].word, word) == 0) {
			op->verb = verbs[i].verb;
			op->kind = verbs[i].kind;
			return true;
		}
	}
	return false;
}

/* VERB:PATH[:DATA]; words live as long as the line. */
static struct coord_op sub_read(char *word)
{
	struct coord_op sub = { 0 };
	char *path = strchr(word, ':');
	char *data;

	if (!path)
		abort();
	*path++ = '\0';
	data = strchr(path, ':');
	if (data)
		*data++ = '\0';
	if (!verb_read(word, &sub))
		abort();
	sub.path = strdup(path);
	sub.data = data ? strdup(data) : NULL;
	sub.data_len = data ? strlen(data) : 0;
	return sub;
}

static void multi_add(struct coord_op op)
{
	struct coord_op *subs = calloc(COORD_SUBS_MAX + 1, sizeof *subs);
	char *word;

	if (!subs)
		abort();
	while ((word = strtok(NULL, " ")) && op.subs_len <= COORD_SUBS_MAX)
		subs[op.subs_len++] = sub_read(word);
	op.path = strdup("/");
	op.subs = subs;
	ops[ops_len++] = op;
}

/* Words are copied; they are freed after go. */
static void op_add(char *rest)
{
	struct coord_op op = { 0 };
	char *word = strtok(rest, " ");

	op.id = word ? strtoull(word, NULL, 10) : 0;
	if (!op.id || !verb_read(strtok(NULL, " "), &op) || ops_len == OPS_MAX)
		abort();
	if (op.verb == COORD_MULTI) {
		multi_add(op);
		return;
	}
	while ((word = strtok(NULL, " "))) {
		if (strcmp(word, "w") == 0) {
			op.watch = true;
		} else if (strcmp(word, "u") == 0) {
			op.urgent = true;
		} else if (!op.path) {
			op.path = strdup(word);
		} else {
			op.data = strdup(word);
			op.data_len = strlen(word);
		}
	}
	ops[ops_len++] = op;
}

static void op_free(const struct coord_op *op)
{
	for (size_t i = 0; i < op->subs_len; i++)
		op_free(&op->subs[i]);
	free((void *)(uintptr_t)op->subs);
	free((void *)(uintptr_t)op->path);
	free((void *)(uintptr_t)op->data);
}

static void go(void)
{
	for (size_t i = 0; i < ops_len; i++) {
		if (ops[i].id >= IDS_MAX || open_ids[ops[i].id])
			abort();
		open_ids[ops[i].id] = true;
	}
	open_len += ops_len;
	coord->ops->submit(coord, ops, ops_len);
	for (size_t i = 0; i < ops_len; i++)
		op_free(&ops[i]);
	ops_len = 0;
}

static void print_counts(void)
{
	struct coord_zk_counts c;

	coord_zk_counts(coord, &c);
	printf("%" PRId64 " COUNTS ops=%" PRIu64 " links=%" PRIu64
	       " attempts=%" PRIu64 " overdue=%" PRIu64
	       " in_flight=%u queued=%u watches=%u watch_bytes=%u"
	       " longest_ms=%" PRId64 " cpu_ms=%ld\n",
	       now_ms(NULL), c.ops, c.links, c.attempts, c.overdue, c.in_flight,
	       c.queued, c.watches, c.watch_bytes, longest_ms,
	       (long)(clock() / (CLOCKS_PER_SEC / 1000)));
	longest_ms = 0;
}

static void pump(void)
{
	struct coord_event event;

	while (coord->ops->next(coord, &event))
		print_event(&event);
	(void)fflush(stdout);
}

/* close() answers what is open, with no LINK_DOWN before. */
static void end_session(void)
{
	link_up = false;
	coord->ops->close(coord);
}

static void command(char *line)
{
	pump(); /* what has happened is known before we act */
	if (strncmp(line, "op ", 3) == 0)
		op_add(line + 3);
	else if (strcmp(line, "go") == 0)
		go();
	else if (strcmp(line, "connect") == 0)
		coord->ops->connect(coord);
	else if (strcmp(line, "close") == 0)
		end_session();
	else if (strcmp(line, "drop") == 0)
		coord->ops->drop_link(coord);
	else if (strcmp(line, "counts") == 0)
		print_counts();
	else
		abort();
}

static void on_input(evutil_socket_t fd, short what, void *ctx)
{
	ssize_t got = read(fd, input + input_len, sizeof input - input_len);
	char *begin = input;
	char *end;

	(void)what;
	(void)ctx;
	if (got <= 0) {
		(void)event_base_loopbreak(base);
		return;
	}
	input_len += (size_t)got;
	while (
	    (end = memchr(begin, '\n', input_len - (size_t)(begin - input)))) {
		*end = '\0';
		command(begin);
		begin = end + 1;
	}
	input_len -= (size_t)(begin - input);
	memmove(input, begin, input_len);
}

/* The longest gap between two ticks that are due every TICK_MS is the longest
 * time for which something held the loop. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	int64_t late_ms = now_ms(NULL) - tick_ms - TICK_MS;

	(void)fd;
	(void)what;
	(void)ctx;
	if (tick_ms && late_ms > longest_ms)
		longest_ms = late_ms;
	tick_ms = now_ms(NULL);
}

static void setting(struct coord_zk_settings *settings, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		abort();
	*value++ = '\0';
	if (strcmp(word, "auth") == 0)
		settings->auth = value;
	else if (strcmp(word, "creator") == 0)
		settings->acl_creator = true;
	else if (strcmp(word, "nameserver") == 0)
		settings->nameserver = value;
	else if (strcmp(word, "in_flight") == 0)
		settings->ops_in_flight_max = (uint32_t)atoi(value);
	else if (strcmp(word, "watch_bytes") == 0)
		settings->watch_bytes_max = (uint32_t)atoi(value);
	else
		abort();
}

int main(int argc, char **argv)
{
	struct coord_zk_settings settings = { .now_ms = now_ms,
					      .log = log_line };
	struct timeval tick = { .tv_usec = TICK_MS * 1000L };
	struct event *ticks;
	struct event *in;

	if (argc < 3)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	settings.servers = argv[1];
	settings.session_timeout_ms = atoi(argv[2]);
	for (int i = 3; i < argc; i++)
		setting(&settings, argv[i]);
	base = event_base_new();
	coord = base ? coord_zk_new(base, &settings) : NULL;
	if (!coord)
		return 2;
	in =
	    event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
	(void)event_add(in, NULL);
	ticks = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	(void)event_add(ticks, &tick);
	while (event_base_loop(base, EVLOOP_ONCE) == 0 &&
	       !event_base_got_break(base))
		pump();
	coord_zk_free(coord);
	event_free(in);
	event_free(ticks);
	event_base_free(base);
	return 0;
}
