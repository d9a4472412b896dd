#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What was there is gone: a host that reboots (F39), an ensemble that is
started with data of yesterday (F40)."""
import os
import shutil
import time
import unittest

from faultcase import SLACK_S, FaultCase, proc

LATER = 40  # transactions that the restored data does not have


class RebootTest(FaultCase):

    RANGE = {"session_timeout_ms": 6000, "hosts": 2}

    def test_f39_host_reboots(self):
        """F39: everything on the host dies at once and its state folder is
        gone: its locks are free within T + 2 ticks, its old session is
        never used again."""
        h1, h2 = self.hosts
        holder, waiter = self.client(h1), self.client(h2)
        entry = self.hold(holder)
        tag = waiter.enqueue(self.name)
        session = h1.session_id()
        self.island.isolate(h1.node)  # a power cut says no goodbye
        h1.kill()
        begin_s = time.monotonic()
        self.extend(holder, entry)
        entry.watched = False
        shutil.rmtree(h1.keys["state_dir"])
        os.makedirs(h1.keys["state_dir"], mode=0o755)
        self.island.heal()
        h1.start()
        self.assertNotEqual(h1.session_id(), session)
        self.assertNotIn("predecessor_fenced", h1.log_text())
        again = self.client(h1)
        tag_again = again.enqueue(self.name)
        second = self.hold(waiter, tag=tag)
        took_s = time.monotonic() - begin_s
        self.assertGreaterEqual(second.begin_ms, entry.until_ms)
        self.assertLess(took_s, self.range.session_s + 1 + SLACK_S)
        self.measured(granted=took_s)
        self.release(waiter, second)
        third = self.hold(again, tag=tag_again)
        self.assertGreater(third.token, second.token)
        self.release(again, third)


class YesterdayTest(FaultCase):

    # A fresh ensemble whose server ids do not change.  Each LOCK and UNLOCK
    # is to be a transaction that gets lost.
    RANGE = {"session_timeout_ms": 6000, "hosts": 2, "linger_ms": 0}

    def test_f40_older_data(self):
        """F40: all servers come back with older data: zxids begin again
        from lower numbers.  Whoever holds is told, and no token is smaller
        than one given before."""
        h1, h2 = self.hosts
        holder, waiter = self.client(h1), self.client(h2)
        for server in self.range.servers:
            server.stop()
        for server in self.range.servers:
            server.save()
        self.range.start_servers()
        for host in self.hosts:
            host.wait_ready("connected", 60)
        self.forget(holder, waiter)
        largest = 0
        # Elections between: the epoch of the lost time is higher, too.
        for _ in range(2):
            for _ in range(LATER):
                reply = holder.lock(self.name)
                largest = max(largest, reply.token)
                holder.unlock(self.name)
            self.elect(*self.hosts)
        entry = self.hold(holder)
        tag = waiter.enqueue(self.name)
        self.assertGreater(entry.token, largest)
        for server in self.range.servers:
            server.kill()
        for server in self.range.servers:
            server.restore()
        begin_s = time.monotonic()
        self.suspended(holder, entry)
        self.range.start_servers()
        lost = self.lost(holder, entry, 60)
        answer = waiter.reply(tag, 60)
        took_s = time.monotonic() - begin_s
        self.assertEqual((answer.word, answer.code), ("ERR", "ZK"))
        self.assertIn("older data", answer.human)
        self.assertIn("event=zxid_went_back", h2.log_text())
        self.measured(lost=lost["reason"], refused=took_s)
        self.catch_up(h2, waiter, entry)

    def catch_up(self, host, client, entry):
        """Every election raises the epoch: soon tokens are larger again."""
        elections = 0
        while True:
            reply = client.call(f"LOCK {self.name}", 60)
            if reply.word == "GRANTED":
                break
            self.assertEqual(reply.code, "ZK")
            self.assertLess(elections, 6)
            elections += 1
            self.elect(host)
        self.assertGreater(reply.token, entry.token)
        self.measured(elections=elections, token_before=entry.token,
                      token_after=reply.token)
        client.unlock(self.name)

    def elect(self, *hosts):
        """A new leader, and everybody connected again."""
        leader = self.range.wait_leader()
        leader.stop()
        leader.launch().wait_ready()
        for host in hosts:
            host.wait_ready("connected", 60)

    def forget(self, *clients):
        """Nothing held meanwhile was promised: drop what was said."""
        for client in clients:
            client.sync()
            client.events.clear()


if __name__ == "__main__":
    unittest.main()
