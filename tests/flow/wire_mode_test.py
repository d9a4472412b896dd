#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mode=s beside mode=x, DOWNGRADE, and the upgrade that is not given."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from wirecase import WireCase  # noqa: E402


class ModeTest(WireCase):

    def test_readers_share_and_writers_do_not(self):
        name = self.name()
        one, two = self.client("one"), self.client("two")
        writer, late = self.client("writer"), self.client("late")
        first = one.lock(name, "mode=s")
        self.assertEqual(first["mode"], "s")
        self.assertIn("__READ__", first["node"])
        second = two.lock(name, "mode=s")
        self.assertEqual(second["node"], first["node"])  # one bid for both
        self.assertNotEqual(second.token, first.token)
        tag = writer.enqueue(name)
        late_tag = late.enqueue(name, "mode=s")  # behind the writer
        one.unlock(name)
        writer.quiet()
        two.unlock(name)
        alone = writer.granted(tag)
        self.assertEqual(alone["mode"], "x")
        self.assertIn("-lock-", alone["node"])
        self.assertGreater(alone.token, second.token)
        late.quiet()
        writer.unlock(name)
        self.assertGreater(late.granted(late_tag).token, alone.token)

    def test_trylock(self):
        name = self.name()
        one, two = self.client("one"), self.client("two")
        one.lock(name, "mode=s")
        self.assertIn("holder", two.err(f"TRYLOCK {name}", "BUSY").pairs)
        two.ok(f"TRYLOCK {name} mode=s", "GRANTED")
        two.unlock(name)
        one.unlock(name)
        one.lock(name)
        two.err(f"TRYLOCK {name} mode=s", "BUSY")

    def test_downgrade(self):
        name = self.name()
        one, two = self.client("one"), self.client("two")
        held = one.lock(name)
        tag = two.enqueue(name, "mode=s")
        answer = one.ok(f"DOWNGRADE {name} token={held.token}")
        self.assertEqual(answer.args, [name])
        self.assertEqual((answer["mode"], answer.token),
                         ("s", held.token))
        shared = two.granted(tag)
        self.assertEqual(shared["mode"], "s")
        self.assertGreater(shared.token, held.token)
        self.assertEqual(shared["node"], held["node"])  # R5: it stays
        one.ok(f"DOWNGRADE {held.id}")  # twice is fine
        rows = one.ok(f"LIST {name}").rows
        self.assertEqual([" mode=s " in row for row in rows], [True, True])
        one.unlock(name)
        two.unlock(name)
        one.err(f"DOWNGRADE {name}", "NOTHELD")
        one.err(f"DOWNGRADE {name} token=1", "NOTHELD")
        one.err("DOWNGRADE @99999", "NOTHELD")

    def test_no_upgrade(self):
        name = self.name()
        one = self.client("one")
        one.lock(name, "mode=s")
        self.assertIn("UNLOCK it first", one.err(f"LOCK {name}", "HELD").human)
        one.unlock(name)
        one.lock(name)
        self.assertIn("DOWNGRADE",
                      one.err(f"LOCK {name} mode=s", "HELD").human)


if __name__ == "__main__":
    unittest.main()
