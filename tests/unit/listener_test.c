/* SPDX-License-Identifier: MIT */
/*
 * listener_test - the socket is made without taking anybody else's, and a
 * flood of connects costs neither descriptors nor the processor.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "conn_world.h"
#include "daemon/listener.h"

static char dir[32];
static struct sockaddr_un addr;
static struct listener *listener;
static struct access rules;

static void listener_begin(void)
{
	begin();
	(void)snprintf(dir, sizeof dir, "/tmp/zkl-sock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	addr.sun_family = AF_UNIX;
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s/sock", dir);
	access_init(&rules, NULL);
	listener = NULL;
}

static void listener_end(void)
{
	char command[64];

	listener_free(listener);
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
	end();
}

static int listen_at(struct listener **listener_out)
{
	const struct listener_settings at = { .path = addr.sun_path,
					      .mode = 0640,
					      .fd = -1 };

	return listener_open(base, &at, &rules, conns, listener_out);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

START_TEST(it_listens_with_its_mode_and_goes)
{
	struct stat st;
	int fd;

	ck_assert_int_eq(listen_at(&listener), 0);
	ck_assert_int_eq(stat(addr.sun_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	fd = dial();
	ck_assert_int_ge(fd, 0);
	say(fd, "PING\n");
	settle();
	ck_assert_str_eq(hub.told, "1<PING ");
	listener_free(listener);
	listener = NULL;
	ck_assert_int_eq(access(addr.sun_path, F_OK), -1);
}
END_TEST

START_TEST(a_stale_socket_is_replaced_a_living_one_is_not)
{
	struct listener *second = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	log_level_set((enum log_level)0); /* quiet: it will complain */
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof addr),
			 0);
	(void)close(fd); /* never listened: stale */
	ck_assert_int_eq(listen_at(&listener), 0);
	ck_assert_int_eq(listen_at(&second), -EADDRINUSE);
	ck_assert_ptr_null(second);
	ck_assert_int_ge(dial(), 0);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
	struct stat st;
	int fd = open(addr.sun_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	log_level_set((enum log_level)0);
	(void)close(fd);
	ck_assert_int_eq(listen_at(&listener), -EEXIST);
	ck_assert_int_eq(lstat(addr.sun_path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(a_successors_socket_is_not_removed)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(listen_at(&listener), 0);
	ck_assert_int_eq(unlink(addr.sun_path), 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof addr),
			 0);
	listener_free(listener);
	listener = NULL;
	ck_assert_int_eq(access(addr.sun_path, F_OK), 0);
	(void)close(fd);
}
END_TEST

START_TEST(a_flood_of_connects_is_taken_in_pieces)
{
	struct listener_counts seen;

	settings.clients_max = 200;
	conns_reload(conns, &settings);
	ck_assert_int_eq(listen_at(&listener), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_ge(dial(), 0);
	turn();
	listener_counts(listener, &seen);
	ck_assert_uint_eq(seen.accepted, LISTENER_ACCEPTS_PER_TURN);
	turns(10);
	listener_counts(listener, &seen);
	ck_assert_uint_eq(seen.accepted, 100);
}
END_TEST

#define FDS_MAX 64

/* Until there is not one left. */
static void use_up_fds(void)
{
	struct rlimit limit;
	int fd;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = FDS_MAX;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0);
}

START_TEST(out_of_descriptors_they_are_told_and_it_rests)
{
	struct rlimit limit;
	int fds[3];

	log_level_set((enum log_level)0);
	ck_assert_int_eq(listen_at(&listener), 0);
	for (int i = 0; i < 3; i++)
		fds[i] = dial();
	use_up_fds();
	turn();
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(strstr(heard(fds[i]), "ERR LIMIT "));
		ck_assert(is_closed(fds[i]));
	}
	ck_assert_uint_eq(hub.last, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fds[0] = dial();
	turn();
	ck_assert_uint_eq(hub.last, 0);           /* it rests */
	(void)event_base_loop(base, EVLOOP_ONCE); /* the rest ends */
	turns(2);
	ck_assert_uint_eq(hub.last, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("listener");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, listener_begin, listener_end);
	tcase_add_test(tc, it_listens_with_its_mode_and_goes);
	tcase_add_test(tc, a_stale_socket_is_replaced_a_living_one_is_not);
	tcase_add_test(tc, what_is_no_socket_is_left_alone);
	tcase_add_test(tc, a_successors_socket_is_not_removed);
	tcase_add_test(tc, a_flood_of_connects_is_taken_in_pieces);
	tcase_add_test(tc, out_of_descriptors_they_are_told_and_it_rests);
	suite_add_tcase(suite, tc);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
