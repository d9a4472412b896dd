#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Semaphores: slots=N, in order, and a name is of one kind."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from wirecase import WireCase  # noqa: E402

LINGER_S = 0.4  # a lock that was in use as such lingers so long, and more


class SlotsTest(WireCase):

    def test_n_hold_and_the_rest_wait_in_order(self):
        name = self.name()
        holders = [self.client(f"h{i}") for i in range(3)]
        grants = [one.lock(name, "slots=3") for one in holders]
        self.assertEqual({grant["slots"] for grant in grants}, {"3"})
        self.assertEqual(len({grant.token for grant in grants}), 3)
        for grant in grants:
            self.assertIn("/leases/", grant["node"])
        waiters = [self.client(f"w{i}") for i in range(3)]
        tags = [one.enqueue(name, "slots=3") for one in waiters]
        for i, freed in enumerate((1, 0, 2)):
            for later in waiters[i:]:
                later.quiet()
            holders[freed].unlock(name)
            self.assertGreater(waiters[i].granted(tags[i]).token,
                               grants[freed].token)

    def test_a_waiter_that_goes_leaves_no_lease(self):
        name = self.name()
        holder, gone, last = (self.client(who) for who in "abc")
        holder.lock(name, "slots=1")
        gone.enqueue(name, "slots=1")
        tag = last.enqueue(name, "slots=1")
        gone.close()
        holder.unlock(name)
        last.granted(tag)

    def test_cancel_timeout_and_try(self):
        name = self.name()
        holder, other = self.client("holder"), self.client("other")
        holder.lock(name, "slots=1")
        other.err(f"TRYLOCK {name} slots=1", "BUSY")
        other.err(f"LOCK {name} slots=1 wait=100ms", "TIMEOUT")
        tag = other.enqueue(name, "slots=1")
        other.ok(f"CANCEL {name}")
        self.assertEqual(other.reply(tag).code, "CANCELLED")
        holder.unlock(name)
        other.ok(f"TRYLOCK {name} slots=1", "GRANTED")

    def test_one_hold_of_a_connection(self):
        name = self.name()
        holder = self.client("holder")
        holder.lock(name, "slots=2")
        holder.err(f"LOCK {name} slots=2", "HELD")
        holder.err(f"LOCK {name}", "HELD")
        holder.err(f"DOWNGRADE {name}", "KIND")
        self.assertEqual(holder.ok(f"CHECK {name}")["held"], "1")
        row = self.client("looker").ok(f"LIST {name}").rows[0]
        self.assertIn(" slots=2 ", row)

    def test_a_name_is_of_one_kind(self):
        name = self.name()
        holder, other = self.client("holder"), self.client("other")
        holder.lock(name, "slots=2")
        other.err(f"LOCK {name} slots=3", "KIND")
        other.err(f"LOCK {name}", "KIND")
        other.err(f"TRYLOCK {name} mode=s", "KIND")
        other.lock(name, "slots=2")  # and nothing was left behind
        lock = name + "/lock"
        holder.lock(lock)
        other.err(f"LOCK {lock} slots=2", "KIND")
        holder.unlock(lock)
        time.sleep(LINGER_S)
        other.lock(lock, "slots=2")
        holder.err(f"LOCK {lock}", "KIND")

    def test_a_killed_holder(self):
        name = self.name()
        holder = proc.Process(
            ["socat", "-T60", f"UNIX:{self.daemon.socket}", "-"],
            stdin=proc.subprocess.PIPE, stdout=proc.subprocess.PIPE)
        holder.stdin.write(f"LOCK {name} slots=1\n".encode())
        holder.stdin.flush()
        self.assertIn(b"GRANTED", holder.stdout.readline())
        waiter = self.client("waiter")
        tag = waiter.enqueue(name, "slots=1")
        holder.kill()
        waiter.granted(tag, 5)


if __name__ == "__main__":
    unittest.main()
