#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Names that are znode paths: only directly below a prefix that is shared,
spelled in its layout, and readers only where the layout has them."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from wirecase import WireCase  # noqa: E402

UUID = r"_c_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
HEX = r"[0-9a-f]{32}"


class ShareTest(WireCase):

    keys = {"shares": {"/app/deep/locks": "curator", "/rw": "curator-rw",
                       "/py": "kazoo", "/brief": "curator linger_ms = 0"},
            "linger_ms": 60000}

    def node(self, name, *more):
        granted = self.client().lock(name, *more)
        self.assertTrue(granted["node"].startswith(name + "/"), granted)
        return granted["node"][len(name) + 1:]

    def test_each_layout_has_its_spelling(self):
        for name, more, shape in (
                ("/app/deep/locks/a", (), UUID + r"-lock-\d{10}"),
                ("/rw/a", (), UUID + r"-__WRIT__\d{10}"),
                ("/rw/b", ("mode=s",), UUID + r"-__READ__\d{10}"),
                ("/py/a", (), HEX + r"__lock__\d{10}"),
                ("/py/b", ("mode=s",), HEX + r"__rlock__\d{10}")):
            with self.subTest(name=name):
                self.assertRegex(self.node(name, *more),
                                 re.compile(shape + r"\Z"))

    def lingering(self):
        return int(self.daemon.rows("STATS")["lingering"])

    def test_a_prefix_has_a_linger_of_its_own(self):
        client = self.client()
        for name, more in (("/brief/a", 0), ("/rw/linger", 1)):
            before = self.lingering()
            client.lock(name)
            client.unlock(name)
            self.assertEqual(self.lingering(), before + more, name)

    def test_a_name_below_the_root_is_as_ever(self):
        granted = self.client().lock("app/deep/locks/a")
        self.assertRegex(granted["node"],
                         r"^/zklock/app%2Fdeep%2Flocks%2Fa/" + UUID +
                         r"-lock-\d{10}\Z")

    def test_elsewhere_is_denied(self):
        client = self.client()
        for name in ("/app/deep", "/app/deep/locks", "/app/deep/locksa",
                     "/app/deep/locks/a/b", "/app/deep/other/a", "/rwa/b",
                     "/r/a", "/zklock/a", "/a"):
            with self.subTest(name=name):
                reply = client.err(f"TRYLOCK {name}", "DENIED")
                self.assertEqual(reply["name"], name)

    def test_what_is_no_path_is_no_name(self):
        client = self.client()
        for name in ("/py/..", "/py/../rw", "/py/.", "/py/", "//py/a",
                     "/zookeeper/quota", "/"):
            with self.subTest(name=name):
                client.err(f"LOCK {name}", "NAME")

    def test_a_mutex_has_no_readers(self):
        client = self.client()
        client.err("LOCK /app/deep/locks/r mode=s", "KIND")
        client.err("TRYLOCK /app/deep/locks/r mode=s", "KIND")
        client.lock("/app/deep/locks/r")

    def test_readers_share_and_exclude(self):
        for name in ("/rw/shared", "/py/shared"):
            first, second, third = (self.client(), self.client(),
                                    self.client())
            first.lock(name, "mode=s")
            second.lock(name, "mode=s")
            third.err(f"TRYLOCK {name}", "BUSY")
            first.unlock(name)
            second.unlock(name)
            third.lock(name)

    def test_the_other_verbs_take_such_names(self):
        client = self.client()
        granted = client.lock("/py/verbs", "note=why")
        self.assertEqual(client.ok("CHECK /py/verbs")["held"], "1")
        rows = client.ok("LIST /py/*").rows
        self.assertIn(f"/py/verbs mode=x state=held id={granted.id}",
                      " ".join(rows))
        client.unlock("/py/verbs")
        client.err("UNLOCK /py/verbs", "NOTHELD")


class NoShareTest(WireCase):

    def test_without_a_share_every_path_is_denied(self):
        client = self.client()
        reply = client.err("LOCK /app/locks/a", "DENIED")
        self.assertEqual(reply["name"], "/app/locks/a")


if __name__ == "__main__":
    unittest.main()
