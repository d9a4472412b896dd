#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A dying node of the old session (T2): the daemon has begun a new session,
on a follower that lags, and its node of the old one still stands in the queue,
with the daemon's own marks on it.  It is nobody's: neither adopted nor passed.
"""
import time
import unittest

from faultcase import SLACK_S, FaultCase, proc, zkwire

LAG_MS = 300
# Long enough for every answer over a link that lags.
LOOK_S = 2.0


class LaggingTest(FaultCase):

    # syncLimit: a follower that is late is not sent away.
    RANGE = {"session_timeout_ms": 8000, "hosts": 2,
             "options": ("syncLimit=20",)}

    @classmethod
    def make_range(cls):
        """z1 is the lowest of three equal ones, so it never leads; h1 knows
        no other."""
        made = super().make_range()
        made.servers[0].lags_behind(made.servers[1:])
        made.hosts[0].through_proxies(made.servers[:1])
        return made

    def setUp(self):
        super().setUp()
        self.h1, self.h2 = self.hosts
        self.z1 = self.range.servers[0]
        self.leader = self.range.wait_leader()
        self.assertIsNot(self.leader, self.z1)
        self.at_leader = self.range.observer(self.leader)
        self.at_z1 = self.range.observer(self.z1)
        self.parent = f"{self.root}/{self.name}"
        self.at_leader.make_parents(self.parent)

    def tearDown(self):
        self.range.mend()
        self.at_leader.close()
        self.at_z1.close()
        super().tearDown()

    def owned_by(self, session):
        """The path of that session's node in the queue."""
        def look():
            for node in zkwire.queue_of(self.at_leader, self.parent):
                stat = self.at_leader.exists(f"{self.parent}/{node}")
                if stat and stat.owner == session:
                    return f"{self.parent}/{node}", stat
            return None
        return proc.wait_until(look, 20, f"a node of 0x{session:x}", 0.02)

    def lapse(self, session):
        """h1 gives its session up; somebody else keeps that alive, so its
        nodes stay until keeper.close()."""
        self.h1.proxies["z1"].cut()
        keeper = self.range.observer(self.leader, 8000, session)
        proc.wait_until(lambda: self.h1.state() == "connecting",
                        self.range.session_s + SLACK_S, "it has lapsed")
        return keeper

    def begins_anew(self, session):
        """A new session, over the follower that lags from now on."""
        self.z1.lag(LAG_MS)
        self.h1.proxies["z1"].heal()
        self.h1.wait_ready("connected", self.range.session_s + 10)
        fresh = self.h1.session_id()
        self.assertNotEqual(fresh, session)
        return fresh

    def dies_late(self, keeper, old):
        """The old session ends at the leader; the last instant at which z1
        still showed its node, and when the leader had none any more."""
        keeper.close()
        proc.wait_until(lambda: not self.at_leader.exists(old), 5,
                        "gone at the leader", 0.005)
        gone_ms = seen_ms = proc.now_ms()
        while True:
            asked_ms = proc.now_ms()
            if not self.at_z1.exists(old):
                return seen_ms, gone_ms
            seen_ms = asked_ms
            time.sleep(0.005)

    def old_node_stands_before(self, tag, first, session, other, entry):
        """Its end, and not before it, grants the new node."""
        old, _ = self.owned_by(session)
        keeper = self.lapse(session)
        fresh = self.begins_anew(session)
        new, stat = self.owned_by(fresh)
        self.release(other, entry)
        time.sleep(LOOK_S)
        self.assertEqual(len(zkwire.queue_of(self.at_leader, self.parent)),
                         2, "the old node was touched")
        seen_ms, gone_ms = self.dies_late(keeper, old)
        second = self.hold(first, tag=tag)
        self.assertGreater(seen_ms, gone_ms, "z1 did not lag")
        self.assertGreaterEqual(second.reply.text.at_ms, seen_ms)
        self.assertEqual(second.reply["node"], new)
        self.assertEqual(second.token >> 43, stat.czxid >> 32)
        self.assertEqual(second.token >> 11 & 0xffffffff,
                         stat.czxid & 0xffffffff)
        self.assertGreater(second.token, entry.token)
        self.measured(shown_too_long=(seen_ms - gone_ms) / 1000)
        self.z1.lag(0)
        self.release(first, second)
        self.assertEqual(self.queue(), [])

    def test_t02_a_waiters_node_of_the_old_session(self):
        """T2: it waited, and everybody knew its node."""
        other, first = self.client(self.h2, "other"), self.client(self.h1)
        entry = self.hold(other)
        session = self.h1.session_id()
        tag = first.enqueue(self.name)
        self.wait_queue(2)
        self.old_node_stands_before(tag, first, session, other, entry)

    def test_t02_a_node_whose_create_was_lost(self):
        """T2: its create was applied and the answer never came: the daemon
        knows of no such node."""
        other, first = self.client(self.h2, "other"), self.client(self.h1)
        entry = self.hold(other)
        session = self.h1.session_id()
        gate = self.h1.proxies["z1"].hold_create()
        tag = first.ask(f"LOCK {self.name}")
        gate.wait()
        self.wait_queue(2)
        self.old_node_stands_before(tag, first, session, other, entry)


if __name__ == "__main__":
    unittest.main()
