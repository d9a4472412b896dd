#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Time: wall clocks that jump (F11), a host that stands still as a whole
(F12), a daemon that does (F13).  After a stop nothing stale may be said."""
import subprocess
import time
import unittest

from faultcase import NIGHTLY, SLACK_S, FaultCase, proc

STEPS_S = (3600, -3600, 7, -7, 90000) if NIGHTLY else (3600, -3600)
STOPS_S = (1, 3, 10, 60) if NIGHTLY else (1, 8)


class ClockTest(FaultCase):
    """F11.  The clocks of h1 and of one server step; CLOCK_BOOTTIME and the
    server's nanoTime do not."""

    RANGE = {"session_timeout_ms": 6000, "hosts": 2}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        made.hosts[0].own_clock()
        for server in made.servers:
            server.own_clock()
        return made

    def test_f11_wall_clocks_step(self):
        """F11: no SUSPENDED, no LOST, no other server, and hand-overs go on
        with growing tokens."""
        h1, h2 = self.hosts
        holder, other = self.client(h1), self.client(h2)
        kept = self.hold(holder, lock=f"{self.name}.kept")
        for process in [h1.process] + [server.process for server
                                       in self.range.servers]:
            with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
                self.assertIn("libfaketime", maps.read())
        stats = h1.rows("STATS")
        wall = [self.wall_of(h1)]
        for step_s in STEPS_S:
            h1.step_clock(step_s)
            for server in self.range.servers:
                server.step_clock(-step_s)
            wall.append(self.wall_of(h1))
            for one, two in ((holder, other), (other, holder)):
                entry = self.hold(one)
                tag = two.enqueue(self.name)
                self.release(one, entry)
                second = self.hold(two, tag=tag)
                self.assertGreater(second.token, entry.token)
                self.release(two, second)
            time.sleep(self.range.session_s / 3)
        holder.quiet()
        self.still_holds(holder, kept)
        after = h1.rows("STATS")
        self.assertEqual(after["disconnects_total"],
                         stats["disconnects_total"])
        self.assertNotIn("event=suspended", h1.log_text())
        # The clock did step, or this test has shown nothing.
        jumps = [b - a for a, b in zip(wall, wall[1:])]
        self.assertGreater(min(abs(jump) for jump in jumps), 10)
        self.measured(steps=len(STEPS_S), disconnects=0)
        self.release(holder, kept)
        for server in self.range.servers:
            server.step_clock(0)

    @staticmethod
    def wall_of(host):
        """The wall clock that the host's processes see."""
        done = subprocess.run(["date", "+%s"], text=True, check=True,
                              env=dict(host.env), capture_output=True)
        return int(done.stdout)


class StillTest(FaultCase):
    """F12 and F13."""

    RANGE = {"session_timeout_ms": 6000}

    def setUp(self):
        super().setUp()
        self.h1, self.h2 = self.hosts[:2]
        self.holder = self.client(self.h1, "holder")
        self.waiter = self.client(self.h2, "waiter")
        self.entry = self.hold(self.holder)
        self.tag = self.waiter.enqueue(self.name)
        self.behind = self.client(self.h1, "behind")
        self.behind_tag = self.behind.enqueue(self.name)

    def stand_still(self, stop):
        """h1 stops; until when its holder may go on believing."""
        stop()
        deadline_ms = self.holder.page.word()[1]
        self.history.extended(self.entry, deadline_ms)
        self.entry.watched = False  # nobody writes anything while it stands
        self.behind.send("PING early")
        self.said_before = {client: len(client.transcript)
                            for client in self.clients}
        return deadline_ms

    def said(self, client):
        """Lines to that client since the stop."""
        return [text for text in
                client.transcript[self.said_before[client]:]
                if text.startswith("< ")]

    def short(self, stop, go):
        """Shorter than the lease lasts: nothing happens."""
        deadline_ms = self.stand_still(stop)
        time.sleep(STOPS_S[0])
        go()
        self.assertLess(proc.now_ms(), deadline_ms)
        proc.wait_until(lambda: self.h1.state() == "connected", 10, "back")
        self.still_holds(self.holder, self.entry)
        self.release(self.holder, self.entry)
        self.serve_both()

    def just_past(self, stop, go):
        """Until a tenth of a second past D: nobody else has it yet, and
        the session may still live, but the hold is over and stays so."""
        deadline_ms = self.stand_still(stop)
        time.sleep(max(0, deadline_ms + 100 - proc.now_ms()) / 1000)
        go()
        lost = self.lost(self.holder, self.entry, 10)
        self.assertEqual(lost["reason"], "deadline")
        self.serve_both()
        self.assertNotIn("RESUMED", "".join(self.said(self.holder)))
        self.measured(told_after_d=(lost.at_ms - deadline_ms) / 1000)

    def serve_both(self):
        """Whether h1 has heard of the other host before the end of the
        hold decides who comes next: both are right."""
        waiting = {self.waiter: self.tag, self.behind: self.behind_tag}
        end_s = time.monotonic() + 30
        while waiting and time.monotonic() < end_s:
            for client, tag in list(waiting.items()):
                client.sync()
                if client._done.get(tag):
                    self.release(client, self.hold(client, tag=tag))
                    del waiting[client]
        self.assertFalse(waiting, "not served")

    def long(self, stop, go, stop_s):
        """Longer than T: the other host is granted meanwhile, after the
        deadline that clients can read by themselves."""
        begin_s = time.monotonic()
        deadline_ms = self.stand_still(stop)
        second = self.hold(self.waiter, tag=self.tag)
        self.assertGreaterEqual(second.begin_ms, deadline_ms)
        self.assertGreater(second.token, self.entry.token)
        time.sleep(max(0, begin_s + stop_s - time.monotonic()))
        go()
        went_ms = proc.now_ms()
        lost = self.lost(self.holder, self.entry, 10)
        self.assertIn(lost["reason"], ("deadline", "expired"))
        # Nothing stale before the first truth: LOST was the first line.
        said = self.said(self.holder)
        self.assertRegex(said[0], "LOST|SUSPENDED")
        self.assertRegex(said[-1], "LOST")
        self.assertNotIn("RESUMED", "".join(said))
        self.assertNotIn("GRANTED", "".join(self.said(self.behind)))
        self.measured(stopped=float(stop_s), margin=(
            second.begin_ms - deadline_ms) / 1000,
                      told_after=(proc.now_ms() - went_ms) / 1000)
        self.release(self.waiter, second)
        third = self.hold(self.behind, tag=self.behind_tag,
                          within_s=30 + stop_s)
        self.assertGreater(third.token, second.token)
        self.release(self.behind, third)
        self.assertLess(time.monotonic() - begin_s,
                        stop_s + 2 * self.range.session_s + SLACK_S)

    def test_f12_host_frozen_briefly(self):
        """F12: every process of the host at once, for 1 s."""
        self.short(self.h1.freeze_host, self.h1.thaw_host)

    def test_f12_host_frozen_past_its_lease(self):
        """F12: for longer than T, as a virtual machine paused: the first
        thing after it is LOST, and no stale line goes out."""
        sleeper = self.h1.spawn(["/bin/sleep", "600"])
        self.long(self.h1.freeze_host, self.h1.thaw_host, STOPS_S[1])
        sleeper.kill()
        self.measured(freezer=self.h1.group.kind)

    def test_f13_daemon_stopped_briefly(self):
        """F13: SIGSTOP of the daemon alone, for 1 s."""
        self.short(self.h1.freeze, self.h1.thaw)

    def test_f13_daemon_stopped_just_past_its_lease(self):
        """F13: D has passed, the session has not ended: LOST all the same,
        and never RESUMED."""
        self.just_past(self.h1.freeze, self.h1.thaw)

    def test_f13_daemon_stopped_past_its_lease(self):
        """F13: clients see the page's deadline pass by themselves; after
        SIGCONT no stale line leaves the process."""
        for stop_s in STOPS_S[1:]:
            self.long(self.h1.freeze, self.h1.thaw, stop_s)
            if stop_s is not STOPS_S[-1]:
                self.entry = self.hold(self.holder)
                self.tag = self.waiter.enqueue(self.name)
                self.behind_tag = self.behind.enqueue(self.name)


if __name__ == "__main__":
    unittest.main()
