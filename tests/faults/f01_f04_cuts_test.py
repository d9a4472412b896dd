#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Cuts: a daemon from its server, both ways (F1) and one way (F2); its
server from the leader (F3); the leader it is attached to from all others
(F4)."""
import time
import unittest

from faultcase import SLACK_S, FaultCase

TICK_MS = 500
SYNC_LIMIT = 4  # ticks until a cut-off server notices by itself


class CutCase(FaultCase):

    def holder_and_waiter(self):
        """h1 holds, h2 waits."""
        holder = self.client(self.hosts[0], "holder")
        waiter = self.client(self.hosts[1], "waiter")
        entry = self.hold(holder)
        return holder, entry, waiter, waiter.enqueue(self.name)

    def finish(self, holder, entry, waiter, tag):
        """The hold outlived the fault: it is released, and the waiter is
        granted next, with a larger token."""
        self.still_holds(holder, entry)
        self.release(holder, entry)
        second = self.hold(waiter, tag=tag)
        self.assertGreater(second.token, entry.token)
        self.release(waiter, second)

    def moves_on(self, harm):
        """h1 is told in time and finds another server within 2T/3 + 1 s;
        harm is done to (h1, its server) in between."""
        h1 = self.hosts[0]
        first = self.range.server_of(h1)
        holder, entry, waiter, tag = self.holder_and_waiter()
        harm(h1.node, first.node)
        begin_s = time.monotonic()
        _, told_s = self.suspended(holder, entry)
        self.resumed(holder, entry)
        took_s = time.monotonic() - begin_s
        self.assertIsNot(self.range.server_of(h1), first)
        self.assertLess(took_s,
                        2 * self.range.session_s / 3 + 1 + SLACK_S)
        self.measured(suspended=told_s, resumed=took_s)
        self.finish(holder, entry, waiter, tag)
        return took_s


class CutTest(CutCase):

    # The servers notice a cut after 2 s, then elect: T bridges that.
    RANGE = {"session_timeout_ms": 8000, "tick_ms": TICK_MS,
             "options": (f"syncLimit={SYNC_LIMIT}",)}

    def test_f01_cut_from_its_server(self):
        """F1: SUSPENDED before D, another server within 2T/3 + 1 s."""
        self.moves_on(self.island.cut)

    def test_f01_cable_pulled(self):
        """F1: the same with the cable out for T/4: every server is gone at
        once, told to the host by its kernel; and back."""
        h1 = self.hosts[0]
        holder, entry, waiter, tag = self.holder_and_waiter()
        self.island.plug(h1.node, False)
        self.suspended(holder, entry)
        time.sleep(self.range.session_s / 4)
        self.island.plug(h1.node, True)
        begin_s = time.monotonic()
        self.resumed(holder, entry)
        self.measured(resumed=time.monotonic() - begin_s)
        self.finish(holder, entry, waiter, tag)

    def test_f01_cut_from_every_server(self):
        """F1: LOST at D and not later, and only then the other's grant, no
        later than T + 2 ticks + 1 s after the cut."""
        h1 = self.hosts[0]
        holder, entry, waiter, tag = self.holder_and_waiter()
        for server in self.range.servers:
            self.island.cut(h1.node, server.node)
        begin_s = time.monotonic()
        event, told_s = self.suspended(holder, entry)
        lost = self.lost(holder, entry)
        lost_s = time.monotonic() - begin_s
        self.assertEqual(lost["reason"], "deadline")
        self.assertLess(entry.end_ms - event.until_ms, SLACK_S * 1000)
        second = self.hold(waiter, tag=tag)
        took_s = time.monotonic() - begin_s
        self.assertGreater(second.token, entry.token)
        self.assertGreaterEqual(second.begin_ms, event.until_ms)
        self.assertLess(took_s, self.range.session_s + 2 * TICK_MS / 1000
                        + 1 + SLACK_S)
        self.measured(suspended=told_s, lost=lost_s, granted=took_s,
                      margin=(second.begin_ms - event.until_ms) / 1000)
        self.release(waiter, second)

    def test_f02_one_way_to_its_server(self):
        """F2: what h1 says is lost, what it is told arrives."""
        self.moves_on(self.island.cut_way)

    def test_f02_one_way_from_its_server(self):
        """F2: what h1 says arrives, what it is told is lost."""
        self.moves_on(lambda host, server:
                      self.island.cut_way(server, host))

    def test_f04_leader_cut_from_its_quorum(self):
        """F4: the leader it is attached to cannot commit any more:
        SUSPENDED; RESUMED under a new leader, same token."""
        h1 = self.hosts[0]
        leader = self.range.wait_leader()
        self.range.place(h1, leader)
        others = [server for server in self.range.servers
                  if server is not leader]

        def cut(_, server):
            for other in others:
                self.island.cut(server, other.node)

        self.moves_on(cut)
        self.assertIn(self.range.wait_leader(), others)


class FollowerTest(CutCase):

    # A follower that notices nothing by itself for 8 s.
    RANGE = {"session_timeout_ms": 8000, "tick_ms": TICK_MS, "hosts": 2,
             "options": ("syncLimit=16",)}

    def test_f03_follower_cut_from_its_leader(self):
        """F3: the follower goes on answering reads and pings, and proves
        nothing: SUSPENDED on a link that is up, then another server, while
        an ordinary client still reads."""
        h1 = self.hosts[0]
        follower = self.range.place(h1, self.range.followers()[0])
        leader = self.range.wait_leader()
        ordinary = self.range.observer(follower)
        before = len(h1.log_text())
        took_s = self.moves_on(lambda _, server:
                               self.island.cut(server, leader.node))
        # By the missing beats: an answer is overdue after 2T/3 only.
        self.assertLess(took_s, self.range.session_s / 2)
        story = h1.log_text()[before:]
        self.assertLess(story.index("event=suspended"),
                        story.index("event=link_down"))
        ordinary.exists(self.root)
        ordinary.drop()


if __name__ == "__main__":
    unittest.main()
