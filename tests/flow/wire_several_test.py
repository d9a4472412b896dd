#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""LOCK of several names: all or none."""
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from wirecase import WireCase  # noqa: E402


class SeveralTest(WireCase):

    def names(self):
        return [f"{self.name()}/{letter}" for letter in "abc"]

    def all_of(self, client, names, *pairs):
        """LOCK of all: its rows by name, and the final line."""
        final = client.ok(" ".join(["LOCK", *names, *pairs]), "GRANTED")
        return self.rows(final), final

    def rows(self, final):
        return {row.split()[0]: dict(pair.split("=", 1)
                                     for pair in row.split()[1:])
                for row in final.rows}

    def test_all_at_once(self):
        names = self.names()
        one = self.client("one")
        rows, final = self.all_of(one, reversed(names))
        self.assertEqual(list(rows), names)  # sorted, whatever was asked
        self.assertEqual(final.args, ["3"])
        self.assertEqual(len({row["id"] for row in rows.values()}), 3)
        two = self.client("two")
        for name in names:
            two.err(f"TRYLOCK {name}", "BUSY")
            self.assertIn(f"/{name.replace('/', '%2F')}/",
                          rows[name]["node"])
        one.unlock(names[1])  # each by itself
        self.assertGreater(two.lock(names[1]).token,
                           int(rows[names[1]]["token"]))
        two.err(f"TRYLOCK {names[0]}", "BUSY")

    def test_none_until_all_are_free(self):
        names = self.names()
        one, two, three = (self.client(who) for who in "xyz")
        one.lock(names[2])
        tag = two.ask("LOCK " + " ".join(names))
        two.queued(tag)
        late = three.enqueue(names[0])  # behind, in its queue
        one.unlock(names[2])
        self.assertEqual(two.granted(tag).args, ["3"])
        three.quiet()
        for name in names:
            two.unlock(name)
        three.granted(late)

    def test_crosswise(self):
        """Two that want the same in another order, often."""
        names, done = self.names(), []

        def work(client, wanted):
            for _ in range(30):
                client.ok("LOCK " + " ".join(wanted), "GRANTED")
                for name in wanted:
                    client.unlock(name)
            done.append(client)

        threads = [threading.Thread(target=work,
                                    args=(self.client(who), wanted))
                   for who, wanted in (("one", names),
                                       ("two", names[::-1]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(len(done), 2)

    def test_cancel_timeout_try_and_end(self):
        names = self.names()
        holder, other = self.client("holder"), self.client("other")
        holder.lock(names[1])
        words = " ".join(names)
        other.err(f"TRYLOCK {words}", "BUSY")
        other.err(f"LOCK {words} wait=80ms", "TIMEOUT")
        tag = other.ask(f"LOCK {words}")
        other.queued(tag)
        other.ok(f"CANCEL {names[2]}")
        self.assertEqual(other.reply(tag).code, "CANCELLED")
        gone = self.client("gone")
        gone.queued(gone.ask(f"LOCK {words}"))
        gone.close()
        other.lock(names[0])  # nobody stands there any more
        other.lock(names[2])

    def test_who_has_something_is_told(self):
        names = self.names()
        one = self.client("one")
        one.lock(names[0])
        one.err(f"LOCK {names[1]} {names[2]}", "DEADLOCK")
        one.unlock(names[0])
        self.all_of(one, names)
        one.err(f"LOCK {names[0]}", "HELD")

    def test_one_name_said_twice_is_one(self):
        name = self.names()[0]
        one = self.client("one")
        self.assertEqual(
            one.ok(f"LOCK {name} {name}", "GRANTED").args, [name])

    def test_bad(self):
        one = self.client("one")
        one.err("LOCK a b mode=s", "ARGS")
        one.err("LOCK a b slots=2", "ARGS")
        one.err("LOCK a ..", "NAME")
        one.err("LOCK a /b", "DENIED")
        one.err("LOCK " + " ".join(f"n{i}" for i in range(17)), "ARGS")
        self.all_of(one, [f"many{i:02}" for i in range(16)])


if __name__ == "__main__":
    unittest.main()
