#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Cuts: a daemon from its server (F1, F2)."""
import time
import unittest

import faultcase
from faultcase import SLACK_S, FaultCase


class CutTest(FaultCase):

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

    def test_f01_cut_from_its_server(self):
        """F1: SUSPENDED before D, another server within 2T/3 + 1 s."""
        h1 = self.hosts[0]
        first = self.range.server_of(h1)
        holder, entry, waiter, tag = self.holder_and_waiter()
        self.island.cut(h1.node, first.node)
        begin = time.monotonic()
        _, told_s = self.suspended(holder, entry)
        self.resumed(holder, entry)
        took_s = time.monotonic() - begin
        self.assertIsNot(self.range.server_of(h1), first)
        self.assertLess(took_s,
                        2 * self.range.session_s / 3 + 1 + SLACK_S)
        self.measured(suspended=told_s, resumed=took_s)
        self.finish(holder, entry, waiter, tag)

    def test_f01_cut_from_every_server(self):
        """F1: LOST at D and not later, and only then the other's grant, no
        later than T + tick + 1 s after the cut."""
        h1 = self.hosts[0]
        holder, entry, waiter, tag = self.holder_and_waiter()
        for server in self.range.servers:
            self.island.cut(h1.node, server.node)
        begin = time.monotonic()
        event, told_s = self.suspended(holder, entry)
        lost = self.lost(holder, entry)
        lost_s = time.monotonic() - begin
        self.assertEqual(lost["reason"], "deadline")
        second = self.hold(waiter, tag=tag)
        took_s = time.monotonic() - begin
        self.assertGreater(second.token, entry.token)
        self.assertGreaterEqual(second.begin_ms, event.until_ms)
        self.assertLess(took_s, self.range.session_s
                        + self.range.keys["server_tick_ms"] / 500 + 1
                        + SLACK_S)
        self.measured(suspended=told_s, lost=lost_s, granted=took_s,
                      margin=(second.begin_ms - event.until_ms) / 1000)
        self.release(waiter, second)


if __name__ == "__main__":
    unittest.main()
