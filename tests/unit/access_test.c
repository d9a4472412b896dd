/* SPDX-License-Identifier: MIT */
/*
 * access_test - the kernel says who it is, and nobody else does.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/access.h"

#define SOME_UID 4711
#define SOME_GID 4712

static struct access rules;
static int pair[2];

static void begin(void)
{
	access_init(&rules, "no-such-group-anywhere");
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void end(void)
{
	(void)close(pair[0]);
	(void)close(pair[1]);
}

START_TEST(the_peer_is_told_by_the_kernel)
{
	struct hub_peer peer;

	ck_assert(!rules.has_admin_gid);
	ck_assert_int_eq(access_peer(&rules, pair[0], &peer), 0);
	ck_assert_int_eq(peer.pid, getpid());
	ck_assert_uint_eq(peer.uid, geteuid());
	ck_assert_uint_eq(peer.gid, getegid());
	ck_assert(peer.admin); /* the daemon's own user */
	ck_assert_uint_gt(strlen(peer.command), 0);
	ck_assert_ptr_null(strchr(peer.command, '\n'));
}
END_TEST

START_TEST(who_is_not_told_is_refused)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct hub_peer peer = { .pid = 7 };
	int lone = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(access_peer(&rules, file, &peer), -ENOTSOCK);
	ck_assert_int_eq(access_peer(&rules, lone, &peer), -EACCES);
	ck_assert_int_eq(access_peer(&rules, -1, &peer), -EBADF);
	ck_assert_int_eq(peer.pid, 7); /* nothing was written */
	(void)close(lone);
	(void)close(file);
}
END_TEST

/* A socket made by a child of another user; what the rules say of it. */
static struct hub_peer peer_of(uid_t uid, gid_t gid, gid_t extra)
{
	struct hub_peer peer;
	int made[2], status, rc;
	pid_t child;

	ck_assert_int_eq(pipe2(made, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		int two[2];

		if (setgroups(1, &extra) < 0 || setgid(gid) < 0 ||
		    setuid(uid) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, two))
			_exit(1);
		rc = access_peer(&rules, two[0], &peer);
		if (write(made[1], &peer, sizeof peer) != (ssize_t)sizeof peer)
			_exit(3);
		_exit(rc == 0 ? 0 : 4);
	}
	ck_assert_int_eq(read(made[0], &peer, sizeof peer), sizeof peer);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	(void)close(made[0]);
	(void)close(made[1]);
	return peer;
}

START_TEST(others_are_no_administrators)
{
	if (geteuid() != 0)
		return; /* only root can be somebody else */
	ck_assert(!peer_of(SOME_UID, SOME_GID, SOME_GID).admin);
	ck_assert_uint_eq(peer_of(SOME_UID, SOME_GID, SOME_GID).uid, SOME_UID);
}
END_TEST

START_TEST(members_of_the_group_are)
{
	if (geteuid() != 0)
		return;
	rules.has_admin_gid = true;
	rules.admin_gid = SOME_GID;
	ck_assert(peer_of(SOME_UID, SOME_GID, 1).admin); /* primary */
	ck_assert(peer_of(SOME_UID, 1, SOME_GID).admin); /* one of many */
	ck_assert(!peer_of(SOME_UID, 1, 1).admin);
}
END_TEST

START_TEST(the_user_without_a_number_is_nobody)
{
	if (geteuid() != 0)
		return;
	rules.self_uid = 65534;
	ck_assert(!peer_of(65534, 1, 1).admin);
	rules.self_uid = SOME_UID;
	ck_assert(peer_of(SOME_UID, 1, 1).admin);
}
END_TEST

START_TEST(a_group_is_found_by_name)
{
	struct access by_name;

	access_init(&by_name, "root");
	ck_assert(by_name.has_admin_gid);
	ck_assert_uint_eq(by_name.admin_gid, 0);
	ck_assert_uint_eq(by_name.self_uid, geteuid());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, the_peer_is_told_by_the_kernel);
	tcase_add_test(tc, who_is_not_told_is_refused);
	tcase_add_test(tc, others_are_no_administrators);
	tcase_add_test(tc, members_of_the_group_are);
	tcase_add_test(tc, the_user_without_a_number_is_nobody);
	tcase_add_test(tc, a_group_is_found_by_name);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
