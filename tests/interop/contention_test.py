#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Locks that are shared with the real kazoo and the real Curator: nobody is
inside beside another, every side gets its part, nothing stays behind."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from arena import Arena  # noqa: E402


class ContentionTest(Arena):

    shares = {"/mix/curator": "curator", "/mix/rw": "curator-rw",
              "/mix/kazoo": "kazoo"}

    def test_curator_mutex(self):
        self.contest("/mix/curator/mutex", ["x", "x"],
                     [(self.curator, "mutex,mutex")])

    def test_kazoo_lock(self):
        self.contest("/mix/kazoo/lock", ["x", "x"],
                     [(self.kazoo, "lock,lock")])

    def test_kazoo_with_a_pattern_at_curators_node(self):
        self.contest("/mix/curator/pattern", ["x", "x"],
                     [(self.kazoo, "lock+,lock+")])

    def test_curator_read_write(self):
        self.contest("/mix/rw/lock", ["x", "s"],
                     [(self.curator, "write,read,read")])

    def test_kazoo_writers_and_our_readers(self):
        self.contest("/mix/kazoo/write", ["x", "s"],
                     [(self.kazoo, "write,write")])

    def test_curator_semaphore(self):
        self.contest("/mix/curator/pool", ["slots=3", "slots=3"],
                     [(self.curator, "semaphore,semaphore,semaphore")],
                     slots=3)


if __name__ == "__main__":
    unittest.main()
