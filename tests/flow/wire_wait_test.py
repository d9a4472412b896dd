#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""WAIT: when a lock is free, told to those who do not want it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clicase import SOON_S, CliCase  # noqa: E402
from wirecase import WireCase  # noqa: E402


class WaitTest(WireCase):

    def test_free_locks_are_free(self):
        client = self.client()
        for pairs in ("", " wait=0", " wait=5s"):
            reply = client.ok(f"WAIT {self.name()}{pairs}", "FREE")
            self.assertEqual(reply.args[0], self.name())
        self.assertEqual(client.ok(f"LIST {self.name()}").rows, [])

    def test_it_waits_for_the_end_and_takes_nothing(self):
        name = self.name()
        owner, looker = self.client("owner"), self.client("looker")
        waiter = self.client("waiter")
        granted = owner.lock(name)
        tag = looker.ask(f"WAIT {name}")
        self.assertEqual(looker.queued(tag)["pos"], "2")
        later = waiter.enqueue(name)
        looker.quiet()
        owner.unlock(granted.id)
        self.assertEqual(looker.reply(tag).word, "FREE")
        waiter.granted(later)
        looker.err(f"UNLOCK {name}", "NOTHELD")

    def test_it_ends_in_time_or_by_wish(self):
        name = self.name()
        owner, looker = self.client("owner"), self.client("looker")
        owner.lock(name)
        looker.err(f"WAIT {name} wait=0", "BUSY")
        reply = looker.err(f"WAIT {name} wait=20ms", "TIMEOUT")
        self.assertRegex(reply["holder"], r"host1 pid=\d+")
        tag = looker.ask(f"WAIT {name}")
        looker.queued(tag)
        looker.err(f"WAIT {name}", "HELD")
        looker.ok(f"CANCEL {tag}")
        self.assertEqual(looker.reply(tag).code, "CANCELLED")
        owner.err(f"WAIT {name}", "HELD")

    def test_it_is_no_obstacle(self):
        name = self.name()
        owner, looker = self.client("owner"), self.client("looker")
        owner.lock(name)
        looker.queued(looker.ask(f"WAIT {name}"))
        owner.unlock(name)
        owner.ok(f"TRYLOCK {name}", "GRANTED")


class CommandTest(CliCase):

    def test_it_waits(self):
        self.zklock("wait", "free")
        client = self.client()
        client.lock("taken")
        done = self.zklock("wait", "-n", "taken", code=75)
        self.assertIn('"taken" is not free: held by host1', done.stderr)
        self.zklock("wait", "-w", "50ms", "-E", "3", "taken", code=3)
        done = self.zklock("wait", "-q", "-n", "taken", code=75)
        self.assertEqual(done.stderr, "")
        waiting = self.start("wait", "taken")
        looker = self.client()
        while "state=waiting" not in "".join(looker.ok("LIST taken").rows):
            self.assertTrue(waiting.alive())
        client.unlock("taken")
        self.assertEqual(waiting.popen.wait(SOON_S), 0)

    def test_what_is_no_name(self):
        self.zklock("wait", "a b", code=64)


if __name__ == "__main__":
    unittest.main()
