#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A tree that others have filled, row B21 of the bad-input matrix: binary data
where words are expected, names that are none, more children than anybody can
sort.  What concerns one lock concerns no other."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from e2ecase import E2eCase  # noqa: E402

CHILDREN_MAX = 65536
BINARY = bytes(range(256)) * 64  # 16 KiB; more than is ever looked at
STRANGER = "_c_11111111-2222-3333-4444-555555555555-lock-"
EPHEMERAL_SEQUENTIAL = 3
HOLDER_MAX = 512  # some of 256 bytes stand escaped


class StuffedTest(E2eCase):

    def setUp(self):
        super().setUp()
        self.one = self.client(self.host("host1"))
        self.witness = self.one.lock("witness")

    def tearDown(self):
        check = self.one.ok("CHECK witness")
        self.assertEqual((check["held"], check.token),
                         ("1", self.witness.token))
        super().tearDown()

    def test_a_holder_whose_words_are_binary(self):
        """Shown escaped and cut, waited for, and served after."""
        self.observer.make_parents(self.parent("a"))
        path, _ = self.observer.create(f"{self.parent('a')}/{STRANGER}",
                                       BINARY, EPHEMERAL_SEQUENTIAL)
        tag = self.one.ask("LOCK a")
        queued = self.one.queued(tag)
        self.assertLess(len(queued["holder"]), HOLDER_MAX)
        self.assertTrue(queued["holder"].isprintable(), queued)
        row = self.one.ok("WHO a").rows[0]
        self.assertTrue(row.isprintable(), row)
        self.observer.delete(path)
        self.one.granted(tag)
        self.one.unlock("a")

    def test_names_that_are_none(self):
        """They stand in no queue, and nobody waits for them."""
        self.observer.make_parents(self.parent("a"))
        paths = [f"{self.parent('a')}/{name}" for name in (
            "x", "-lock-", "-lock-99999999999999999999", "lock-1x",
            "_c_-lock-", "\u202elock", "n" * 900, "__READ__", "%2F")]
        self.observer.create_many(paths)
        self.one.lock("a", within_s=5)
        self.one.unlock("a")
        for path in paths:
            self.observer.delete(path)

    @unittest.skipUnless(os.environ.get("ZKL_NIGHTLY"), "nightly: ten seconds")
    def test_more_children_than_anybody_can_sort(self):
        """Refused with the reason; one fewer, and it is a lock again."""
        self.observer.make_parents(self.parent("a"))
        self.observer.create_many([f"{self.parent('a')}/n{i}"
                                   for i in range(CHILDREN_MAX)])
        refused = self.one.err("LOCK a wait=20s", "ZK")
        self.assertIn("children", refused.text)
        self.wait_queue("a", 0)
        self.observer.delete(f"{self.parent('a')}/n0")
        self.one.lock("a", within_s=20)
        self.one.unlock("a")


if __name__ == "__main__":
    unittest.main()
