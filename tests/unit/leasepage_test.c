/* SPDX-License-Identifier: MIT */
/*
 * leasepage_test - what the daemon publishes is what a client maps, and an
 * old page is never written again.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/leasepage.h"
#include "proto/page.h"

static char dir[32];
static char path[64];

static void begin(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/zkl-page-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/%s", dir, LEASEPAGE_NAME);
}

static void end(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

static struct leasepage *open_page(void)
{
	struct leasepage *page;
	const char *step;

	ck_assert_int_eq(leasepage_open(dir, &page, &step), 0);
	return page;
}

/* As a client does. */
static const unsigned char *map_page(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *map;

	ck_assert_int_ge(fd, 0);
	map = mmap(NULL, ZKP_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	(void)close(fd);
	return map;
}

static uint64_t word_in(const unsigned char *map)
{
	uint64_t word;

	memcpy(&word, map + ZKP_PAGE_WORD_AT, sizeof word);
	return word;
}

START_TEST(a_new_page_promises_nothing)
{
	struct leasepage *page = open_page();
	const unsigned char *map = map_page();
	struct stat st;
	uint64_t id;

	ck_assert_str_eq(leasepage_path(page), path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, ZKP_PAGE_SIZE);
	ck_assert_int_eq(st.st_mode & 07777, 0444);
	ck_assert_uint_eq(word_in(map), 0);
	ck_assert_mem_eq(map + ZKP_PAGE_MAGIC_AT, ZKP_PAGE_MAGIC,
			 ZKP_PAGE_MAGIC_LEN);
	ck_assert_uint_ne(leasepage_id(page), 0);
	memcpy(&id, map + ZKP_PAGE_ID_AT, sizeof id);
	ck_assert_uint_eq(id, leasepage_id(page));
	for (size_t i = ZKP_PAGE_ID_AT + sizeof id; i < ZKP_PAGE_SIZE; i++)
		ck_assert_uint_eq(map[i], 0);
	leasepage_free(page);
}
END_TEST

START_TEST(a_client_sees_what_is_published)
{
	struct leasepage *page = open_page();
	const unsigned char *map = map_page();

	leasepage_set(page, 3, 918273645);
	ck_assert_uint_eq(word_in(map), UINT64_C(3) << 48 | 918273645);
	leasepage_set(page, 3, 0);
	ck_assert_uint_eq(word_in(map), UINT64_C(3) << 48);
	leasepage_set(page, 4, -5); /* never more than was meant */
	ck_assert_uint_eq(word_in(map), UINT64_C(4) << 48);
	leasepage_free(page);
}
END_TEST

START_TEST(an_umask_hides_nothing)
{
	mode_t before = umask(0777);
	struct leasepage *page = open_page();
	struct stat st;

	(void)umask(before);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0444);
	leasepage_free(page);
}
END_TEST

START_TEST(a_successor_leaves_the_old_page_alone)
{
	struct leasepage *old = open_page();
	const unsigned char *map = map_page();
	struct leasepage *fresh;

	leasepage_set(old, 1, 100);
	fresh = open_page();
	leasepage_set(fresh, 1, 999);
	ck_assert_uint_eq(word_in(map), UINT64_C(1) << 48 | 100);
	ck_assert_uint_eq(word_in(map_page()), UINT64_C(1) << 48 | 999);
	leasepage_free(old);
	leasepage_free(fresh);
}
END_TEST

START_TEST(a_successor_reads_the_last_word)
{
	struct leasepage *page = open_page();
	uint64_t word = 7;

	leasepage_set(page, 2, 4711);
	leasepage_free(page); /* the file stays */
	ck_assert_int_eq(leasepage_read(dir, &word), 0);
	ck_assert_uint_eq(zkp_page_gen(word), 2);
	ck_assert_int_eq(zkp_page_deadline_ms(word), 4711);
}
END_TEST

static void put_file(const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	(void)close(fd);
}

START_TEST(what_is_no_page_is_not_believed)
{
	unsigned char bytes[ZKP_PAGE_SIZE] = { 1 };
	uint64_t word = 7;

	ck_assert_int_eq(leasepage_read(dir, &word), -ENOENT);
	put_file("", 0);
	ck_assert_int_eq(leasepage_read(dir, &word), -EINVAL);
	put_file(bytes, sizeof bytes);
	ck_assert_int_eq(leasepage_read(dir, &word), -EINVAL);
	for (size_t i = 0; i < ZKP_PAGE_MAGIC_LEN; i++)
		bytes[ZKP_PAGE_MAGIC_AT + i] = (unsigned char)ZKP_PAGE_MAGIC[i];
	put_file(bytes, ZKP_PAGE_MAGIC_AT + ZKP_PAGE_MAGIC_LEN - 1);
	ck_assert_int_eq(leasepage_read(dir, &word), -EINVAL);
	ck_assert_uint_eq(word, 7);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
	ck_assert_int_eq(leasepage_read(dir, &word), -ELOOP);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_said)
{
	struct leasepage *page = NULL;
	const char *step = NULL;

	ck_assert_int_eq(leasepage_open("/no/such/folder", &page, &step),
			 -ENOENT);
	ck_assert_str_eq(step, "create");
	ck_assert_ptr_null(page);
	leasepage_free(page);
}
END_TEST

START_TEST(what_a_broken_start_left_is_no_obstacle)
{
	char temp[80];

	(void)snprintf(temp, sizeof temp, "%s~", path);
	ck_assert_int_eq(symlink("/etc/passwd", temp), 0);
	leasepage_free(open_page());
	ck_assert_int_eq(access(temp, F_OK), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("leasepage");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_new_page_promises_nothing);
	tcase_add_test(tc, a_client_sees_what_is_published);
	tcase_add_test(tc, an_umask_hides_nothing);
	tcase_add_test(tc, a_successor_leaves_the_old_page_alone);
	tcase_add_test(tc, a_successor_reads_the_last_word);
	tcase_add_test(tc, what_is_no_page_is_not_believed);
	tcase_add_test(tc, a_folder_that_is_not_there_is_said);
	tcase_add_test(tc, what_a_broken_start_left_is_no_obstacle);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
