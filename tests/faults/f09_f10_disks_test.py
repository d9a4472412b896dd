#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Disks of servers: an fsync that takes seconds (F9), a disk that is full
(F10).  A stalled disk is a file system in a file, frozen; where no loop
device is to be had, F9 is skipped, and says so."""
import time
import unittest

from faultcase import NIGHTLY, SLACK_S, FaultCase, proc

FSYNC_S = 5.0 if NIGHTLY else 2.5
IMAGE_KB = 48 * 1024
DISK_KB = 24 * 1024


class SlowDiskTest(FaultCase):
    """F9.  Every server's log is on a disk that can be made to stall."""

    RANGE = {"session_timeout_ms": 6000, "hosts": 2}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        for server in made.servers:
            server.flags += ["-Dzookeeper.preAllocSize=1024",
                             "-Dzookeeper.forceSync=yes"]
            reason = server.own_image(IMAGE_KB)
            if reason:
                made.close()
                raise unittest.SkipTest(f"F9 is not shown here: {reason}")
        return made

    def test_f09_fsync_takes_seconds(self):
        """F9: the disks of two servers of three stall: told before D,
        nothing is granted wrongly, and it goes on by itself."""
        holder, waiter = self.client(self.hosts[0]), self.client(self.hosts[1])
        entry = self.hold(holder)
        tag = waiter.enqueue(self.name)
        slow = self.range.servers[:2]
        for server in slow:
            server.stall_disk()
        begin_s = time.monotonic()
        try:
            _, told_s = self.suspended(holder, entry)
            asked = self.client(self.hosts[1], "meanwhile")
            tag_free = asked.ask(f"LOCK {self.name}.free")
            time.sleep(max(0, begin_s + FSYNC_S - time.monotonic()))
            # Nothing is granted that no quorum has on disk.
            asked.sync()
            self.assertNotIn("GRANTED", "".join(asked.transcript))
        finally:
            for server in slow:
                server.go_on_disk()
        stalled_s = time.monotonic() - begin_s
        self.settle(holder, entry)
        free = self.hold(asked, tag=tag_free, lock=f"{self.name}.free")
        took_s = time.monotonic() - begin_s
        self.measured(stalled=stalled_s, suspended=told_s,
                      written_after=took_s, how=entry.how)
        self.release(asked, free)
        if entry.how == "open":
            self.release(holder, entry)
        second = self.hold(waiter, tag=tag, within_s=60)
        self.assertGreater(second.token, entry.token)
        self.release(waiter, second)

    def settle(self, holder, entry):
        """RESUMED or LOST, whichever the length of the stall asks for."""
        end_s = time.monotonic() + 2 * self.range.session_s + SLACK_S
        while time.monotonic() < end_s:
            holder.sync()
            for event in holder.events:
                if event.word == "LOST":
                    self.lost(holder, entry)
                    return
                if event.word == "RESUMED":
                    self.resumed(holder, entry)
                    return
            time.sleep(0.05)
        self.fail("neither RESUMED nor LOST")


class FullDiskTest(FaultCase):
    """F10.  Two servers of three, the leader among them."""

    RANGE = {"session_timeout_ms": 6000, "hosts": 2}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        for server in made.servers:
            server.flags += ["-Dzookeeper.preAllocSize=64"]
            server.own_disk(DISK_KB)
        return made

    def test_f10_disks_full(self):
        """F10: no quorum can write: SUSPENDED before D, LOST at D; room
        made and servers started, it goes on by itself."""
        holder, waiter = self.client(self.hosts[0]), self.client(self.hosts[1])
        entry = self.hold(holder)
        tag = waiter.enqueue(self.name)
        leader = self.range.wait_leader()
        full = [leader, self.range.followers()[0]]
        begin_s = time.monotonic()
        for server in full:
            server.fill_disk()
        # The log has a little room left: write until it has none.
        self.write_until_refused()
        self.suspended(holder, entry)
        lost = self.lost(holder, entry)
        self.assertEqual(lost["reason"], "deadline")
        lost_s = time.monotonic() - begin_s
        asked = self.client(self.hosts[1], "asks")
        reply = asked.call(f"TRYLOCK {self.name}.free")
        self.assertIn(reply.code, ("UNAVAILABLE", "SUSPENDED"))
        for server in full:
            server.free_disk()
            server.process.kill()
            server.launch()
        for server in full:
            server.wait_ready()
        begin_s = time.monotonic()
        second = self.hold(waiter, tag=tag, within_s=60)
        self.assertGreater(second.token, entry.token)
        self.measured(lost=lost_s, granted=time.monotonic() - begin_s)
        self.release(waiter, second)

    def write_until_refused(self):
        """Beats alone would fill 64 KiB too, but take their time."""
        writer = self.client(self.hosts[1], "writer")
        writer.send("\n".join(
            f"LOCK {self.name}.{i}.{'x' * 200} wait=100ms"
            for i in range(900)))


if __name__ == "__main__":
    unittest.main()
