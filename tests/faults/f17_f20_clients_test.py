#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients that die (F17), stand still (F18), half-close (F19), and die by
the thousand (F20)."""
import os
import re
import socket
import subprocess
import threading
import time
import unittest

from faultcase import NIGHTLY, SLACK_S, FaultCase, proc

CROWD = 10000 if NIGHTLY else 600
CROWD_LOCKS = CROWD // 4
WRITES = 20  # of latency_ms
STORM = 10000


class Typist:
    """A client in a process of its own on a host, to be killed."""

    def __init__(self, host):
        self.process = host.spawn(
            ["socat", "-t", "600", "-", f"UNIX-CONNECT:{host.socket}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, text):
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def line(self):
        return self.process.stdout.readline().decode().rstrip("\n")


class ClientsTest(FaultCase):

    RANGE = {"hosts": 2, "clients_max": 16384}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        # Each LOCK there is to be a write (latency_ms).
        made.hosts[1].keys["linger_ms"] = 0
        return made

    def typist(self, host, *lines):
        made = Typist(host)
        for text in lines:
            made.say(text)
        return made

    def granted_after(self, killed, waiter, tag):
        """kill -9; how long until the waiter on the other host has it."""
        begin_s = time.monotonic()
        killed.process.kill()
        entry = self.hold(waiter, tag=tag)
        took_s = time.monotonic() - begin_s
        self.assertLess(took_s, 0.05 + SLACK_S)
        self.release(waiter, entry)
        return took_s

    def test_f17_holder_killed(self):
        """F17: its node is deleted in 50 ms and a round trip."""
        killed = self.typist(self.hosts[0], f"LOCK {self.name}")
        self.assertIn("GRANTED", killed.line())
        waiter = self.client(self.hosts[1])
        tag = waiter.enqueue(self.name)
        self.wait_queue(2)
        self.measured(granted=self.granted_after(killed, waiter, tag))
        self.wait_queue(0)

    def test_f17_waiter_killed(self):
        """F17: its node goes, and it is granted nothing."""
        holder = self.client(self.hosts[1])
        entry = self.hold(holder)
        killed = self.typist(self.hosts[0], f"LOCK {self.name}")
        self.assertIn("QUEUED", killed.line())
        self.wait_queue(2)
        begin_s = time.monotonic()
        killed.process.kill()
        self.wait_queue(1)
        self.measured(gone=time.monotonic() - begin_s)
        self.release(holder, entry)
        self.wait_queue(0)

    def test_f17_killed_in_the_pipeline(self):
        """F17: killed with a hundred requests under way: nothing stays."""
        locks = [f"{self.name}.{i}" for i in range(100)]
        killed = self.typist(
            self.hosts[0], "\n".join(f"LOCK {lock}" for lock in locks))
        killed.line()
        killed.process.kill()
        begin_s = time.monotonic()
        proc.wait_until(
            lambda: self.hosts[0].rows("STATUS")["bids"] == "0", 20,
            "no bid is left")
        observer = self.range.observer()
        self.assertEqual([lock for lock in locks if observer.children(
            f"{self.root}/{lock}")], [])
        self.measured(gone=time.monotonic() - begin_s)

    def test_f18_holder_stopped(self):
        """F18: a stopped holder keeps its lock: the connection is the hold.
        Killed, it lets go."""
        stopped = self.typist(self.hosts[0], f"LOCK {self.name}")
        self.assertIn("GRANTED", stopped.line())
        waiter = self.client(self.hosts[1])
        tag = waiter.enqueue(self.name)
        stopped.process.freeze()
        time.sleep(self.range.session_s + 1)
        waiter.quiet()
        self.measured(kept=self.range.session_s + 1,
                      granted=self.granted_after(stopped, waiter, tag))

    def test_f18_max_hold(self):
        """F18: stopped, it keeps its lock for its max_hold and no longer;
        its own clock says so, too."""
        stopped = self.typist(self.hosts[0],
                              f"LOCK {self.name} max_hold=2s")
        until_ms = int(re.search(r"max_until_ms=(\d+)",
                                 stopped.line()).group(1))
        waiter = self.client(self.hosts[1])
        tag = waiter.enqueue(self.name)
        stopped.process.freeze()
        entry = self.hold(waiter, tag=tag)
        self.assertGreaterEqual(entry.begin_ms, until_ms)
        late_s = (entry.begin_ms - until_ms) / 1000
        self.assertLess(late_s, SLACK_S)
        self.measured(granted_after_max_hold=late_s)
        self.release(waiter, entry)
        stopped.process.kill()

    def test_f19_half_close(self):
        """F19: whole lines received are finished, then all is released."""
        client = self.client(self.hosts[0])
        client.send(f"LOCK {self.name}")
        client.expect("GRANTED .*")
        waiter = self.client(self.hosts[1])
        tag = waiter.enqueue(self.name)
        client.send("PING last")
        client.half_close()
        begin_s = time.monotonic()
        entry = self.hold(waiter, tag=tag)
        took_s = time.monotonic() - begin_s
        self.assertEqual(client.expect_closed(), ["OK last"])
        self.assertLess(took_s, 0.05 + SLACK_S)
        self.measured(granted=took_s)
        self.release(waiter, entry)

    # F20: a crowd in one process, killed by one signal.

    def latency_ms(self, client, n=WRITES):
        """A write's round trip, in the middle."""
        took = []
        for i in range(n):
            begin_s = time.monotonic()
            client.lock(f"{self.name}.latency{i % 4}")
            took.append((time.monotonic() - begin_s) * 1000)
            client.unlock(f"{self.name}.latency{i % 4}")
        return sorted(took)[n // 2]

    def transactions(self):
        """How many the ensemble has seen."""
        text = self.range.wait_leader().word("srvr")
        return int(re.search(r"Zxid: (\w+)", text).group(1), 16)

    def test_f20_a_crowd_dies_at_once(self):
        """F20: their bids are deleted, no heartbeat starves, a holder on
        the same host is not even told, and another host is served."""
        h1, h2 = self.hosts
        holder = self.client(h1, "bystander")
        entry = self.hold(holder, lock=f"{self.name}.bystander")
        other = self.client(h2, "other host")
        before_ms = self.latency_ms(other)
        crowd = h1.spawn(
            ["/usr/bin/python3", os.path.join(os.path.dirname(__file__),
                                              "crowd.py"),
             h1.socket, self.name, str(CROWD), str(CROWD_LOCKS)],
            stdout=subprocess.PIPE)
        told = crowd.stdout.readline().decode()
        self.assertRegex(told, f"granted={CROWD_LOCKS} waiting=")
        writes = self.transactions()
        begin_s = time.monotonic()
        crowd.kill()
        during_ms = self.latency_ms(other)
        proc.wait_until(
            lambda: h1.rows("STATUS")["bids"] == "1", 60,
            "only the bystander's bid is left")
        took_s = time.monotonic() - begin_s
        # But for a create and a delete of each LOCK on the other host.
        writes = self.transactions() - writes - 2 * WRITES
        holder.quiet()
        self.still_holds(holder, entry)
        self.measured(crowd=CROWD, bids=CROWD_LOCKS, gone=took_s,
                      transactions=writes, write_before_ms=f"{before_ms:.1f}",
                      write_during_ms=f"{during_ms:.1f}")
        self.assertLess(took_s, CROWD / 1000 + 5 + SLACK_S)
        self.assertLess(during_ms, 2 * before_ms + 100)
        self.assertLess(writes, CROWD_LOCKS // 3, "hardly any left together")
        self.release(holder, entry)

    # And one that only knocks.

    def pour(self, path, enough):
        """Connect and close, until told."""
        while not enough():
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)

    @staticmethod
    def beats(page):
        """Wait until the lease is proven anew."""
        word = page.word()
        proc.wait_until(lambda: page.word() != word, 10, "a beat")

    def longest_beat_s(self, page, threads):
        """The longest time that the page stood still meanwhile."""
        longest_s, word, since_s = 0.0, page.word(), time.monotonic()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.005)
            now_s = time.monotonic()
            longest_s = max(longest_s, now_s - since_s)
            if page.word() != word:
                word, since_s = page.word(), now_s
        return longest_s

    def test_f20_an_accept_storm(self):
        """F20: ten thousand connect and close, for a whole timeout: the
        session is proven as ever, and a holder is not even told."""
        h1 = self.hosts[0]
        holder = self.client(h1)
        entry = self.hold(holder)
        self.beats(holder.page)
        before = int(h1.rows("STATS")["connections_total"])
        end_s = time.monotonic() + self.range.session_s
        counts = [0, 0]

        def knock(number):
            def enough():
                counts[number] += 1
                return counts[number] > STORM // 2 \
                    and time.monotonic() > end_s
            self.pour(h1.socket, enough)

        threads = [threading.Thread(target=knock, args=(number,))
                   for number in range(len(counts))]
        for thread in threads:
            thread.start()
        longest_s = self.longest_beat_s(holder.page, threads)
        holder.quiet()
        self.still_holds(holder, entry)
        came = int(h1.rows("STATS")["connections_total"]) - before
        self.measured(connections=came, longest_beat=longest_s)
        self.assertGreaterEqual(came, STORM)
        # SUSPENDED is said when three beats are missed.
        self.assertLess(longest_s, self.range.session_s / 4)
        self.release(holder, entry)


if __name__ == "__main__":
    unittest.main()
