#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""WATCH: news of locks, and who does not read them loses news and nothing
else."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import SOON_S, CliCase  # noqa: E402
from wirecase import WireCase  # noqa: E402

WATCHERS_MAX = 64
OUTPUT_BYTES = 65536  # output_bytes_max, of which half may be news


class WatchTest(WireCase):

    def watcher(self, pattern):
        watcher = self.client("watcher")
        watcher.ok(f"WATCH {pattern}")
        return watcher

    def test_a_life_of_a_lock(self):
        name = self.name()
        watcher = self.watcher(f"{name}*")
        first, second = self.client("first"), self.client("second")
        granted = first.lock(name, "note=why")
        held = watcher.event("HELD")
        self.assertEqual(held.args[0], name)
        self.assertEqual(held.id, granted.id)
        self.assertEqual(held.token, granted.token)
        self.assertEqual((held["pid"], held["note"], held["waiters"]),
                         (str(os.getpid()), "why", "0"))
        tag = second.enqueue(name)
        self.assertEqual(watcher.event("QUEUE")["waiters"], "1")
        first.unlock(name)
        freed = watcher.event("FREED")
        self.assertEqual((freed.id, freed["reason"], freed["waiters"]),
                         (granted.id, "released", "1"))
        self.assertEqual(watcher.event("HELD").id, second.granted(tag).id)
        second.close()  # its end is news as well
        self.assertEqual(watcher.event("FREED")["reason"], "released")

    def test_who_gives_up_is_news(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        owner.lock(name)
        tag = waiter.enqueue(name)
        watcher = self.watcher(name)
        waiter.ok(f"CANCEL {tag}")
        self.assertEqual(watcher.event("QUEUE")["waiters"], "0")

    def test_only_what_matches_and_until_unwatch(self):
        name = self.name()
        watcher = self.watcher(f"{name}-a")
        other = self.client()
        other.lock(f"{name}-b")
        other.lock(f"{name}-a")
        self.assertEqual(watcher.event("HELD").args[0], f"{name}-a")
        watcher.ok(f"WATCH {name}-c")  # in place of the first
        other.lock(f"{name}-c")
        other.unlock(f"{name}-a")
        other.lock(f"{name}-d")
        self.assertEqual(watcher.event("HELD").args[0], f"{name}-c")
        watcher.quiet()
        watcher.ok("UNWATCH")
        watcher.ok("UNWATCH")  # twice is fine
        other.unlock(f"{name}-c")
        watcher.quiet()

    def test_watchers_are_bounded(self):
        crowd = [self.watcher("none") for _ in range(WATCHERS_MAX)]
        late = self.client("late")
        self.assertEqual(late.err("WATCH", "LIMIT")["which"], "watchers")
        crowd[0].close()
        proc.wait_until(lambda: late.call("WATCH").word == "OK", 15,
                        "room for one more")

    def test_a_slow_watcher_loses_news_and_no_hold(self):
        """Past half of the cap lines are left out, and counted; the hold of
        the one that does not read stays what it is."""
        name = self.name()
        watcher = self.client("watcher", receive_buffer=4096)
        token = watcher.lock(f"{name}-mine").token
        watcher.ok(f"WATCH {name}")
        worker = self.client("worker")
        rounds = 3000
        for _ in range(rounds):
            worker.lock(name)
            worker.unlock(name)
        self.assertGreater(int(self.daemon.rows("STATS")[
            "watch_lines_dropped_total"]), 0)
        told = dropped = 0
        while told + dropped < 2 * rounds:
            word, *args = watcher.line().split(" ")[1:]
            told += word in ("HELD", "FREED")
            dropped += int(args[0]) if word == "DROPPED" else 0
        self.assertEqual(told + dropped, 2 * rounds)
        self.assertLess(told * 60, OUTPUT_BYTES)  # what the kernel had, too
        self.assertEqual(watcher.ok(f"CHECK {name}-mine").token, token)
        worker.lock(name)
        self.assertEqual(watcher.event("HELD").args[0], name)


class WatchCommandTest(CliCase):

    def follow(self, *words):
        out = self.path("out")
        with open(out, "wb") as said:
            process = self.start(*words, stdout=said)
        proc.wait_until(
            lambda: self.daemon.rows("STATS")["watchers"] != "0",
            SOON_S, "it watches")
        return process, out

    def lines(self, path, count):
        def read():
            with open(path, encoding="utf-8") as text:
                return text.read().splitlines()
        proc.wait_until(lambda: len(read()) >= count, SOON_S,
                        f"{count} lines")
        return read()

    def test_lines_for_people(self):
        process, out = self.follow("watch", "seen*")
        client = self.client()
        token = client.lock("seen").token
        client.lock("unseen")
        client.unlock("seen")
        held, freed = self.lines(out, 2)
        self.assertRegex(held, r"^\d{4}-\d\d-\d\dT\S+ HELD   seen held by "
                               rf"host1:.*, token {token}$")
        self.assertRegex(freed, r"FREED  seen released after \d")
        self.assertEqual(process.stop(), -15)

    def test_lines_for_programs(self):
        process, out = self.follow("--json", "watch")
        client = self.client()
        granted = client.lock("json", 'note="a \\"b\\""')
        client.unlock("json")
        held, freed = [json.loads(line) for line in self.lines(out, 2)]
        self.assertEqual(held["event"], "HELD")
        self.assertEqual(held["token"], granted.token)
        self.assertEqual(held["note"], 'a "b"')
        self.assertEqual(f"@{held['id']}", granted.id)
        self.assertEqual(freed["reason"], "released")
        self.assertLess(freed["held_s"], 60)
        self.assertEqual(process.stop(), -15)

    def test_nobody_takes_the_lines(self):
        process = self.start("watch", stdout=subprocess.PIPE)
        process.popen.stdout.close()
        proc.wait_until(
            lambda: self.daemon.rows("STATS")["watchers"] != "0",
            SOON_S, "it watches")
        self.client().lock("pipe")
        self.assertIn(process.popen.wait(SOON_S), (-13, 71))


if __name__ == "__main__":
    unittest.main()
