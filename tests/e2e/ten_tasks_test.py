#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The scenario it began with: one process, ten tasks, one lock, one second
each, from C and from asyncio, on a real ZooKeeper."""
import os
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

TASKS, HOLD_MS = 10, 1000
# The aim is 100 ms; this only tells a busy machine from polling.
OVERHEAD_MS = 1000


class TenTasksTest(E2eCase):

    def programs(self):
        return {"C": [proc.ten_tasks()], "asyncio": proc.ten_tasks_py()}

    def test_the_socket_of_the_environment(self):
        """Without -S, as the library has it."""
        host = self.host()
        for name, program in self.programs().items():
            with self.subTest(program=name):
                done = proc.run(program + ["-m", "1", "-n", "2"],
                                env={**os.environ,
                                     "ZKLOCK_SOCKET": host.socket})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.wait_queue("ten_tasks", 0)

    def ten(self, program):
        host = self.host()
        done = proc.run(program + ["-S", host.socket, "-m", str(HOLD_MS),
                                   "-n", str(TASKS)])
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [dict((key, int(value)) for key, value
                     in re.findall(r"(\w+)=(\d+)", text))
                for text in done.stdout.splitlines()]
        total_ms = rows.pop()["total_ms"]
        self.assertEqual({row["task"] for row in rows}, set(range(TASKS)))
        tokens = [row["token"] for row in rows]
        self.assertEqual(tokens, sorted(set(tokens)))
        for sooner, later in zip(rows, rows[1:]):
            self.assertLessEqual(sooner["released_ms"],
                                 later["granted_ms"])
        self.assertGreaterEqual(total_ms, TASKS * HOLD_MS)
        self.assertLess(total_ms, TASKS * HOLD_MS + OVERHEAD_MS)
        self.wait_queue("ten_tasks", 0)  # after its linger

    def test_in_c(self):
        self.ten(self.programs()["C"])

    def test_in_asyncio(self):
        self.ten(self.programs()["asyncio"])

    def test_both_at_once_on_two_hosts(self):
        """Twenty tasks of two processes take turns at one lock."""
        running = []
        for i, program in enumerate(self.programs().values()):
            host = self.host(f"host{i + 1}")
            running.append(proc.Process(
                program + ["-S", host.socket, "-m", "100"],
                stdout=subprocess.PIPE))
        outputs = [process.stdout.read().decode() for process in running]
        self.assertEqual([process.wait() for process in running], [0, 0])
        tokens = [[int(token) for token in re.findall(r"token=(\d+)", out)]
                  for out in outputs]
        for own in tokens:
            self.assertEqual(own, sorted(own))
        self.assertEqual(len(set(tokens[0] + tokens[1])), 2 * TASKS)

    def test_a_killed_task(self):
        """kill -9 of the process whose task holds: the next process has
        the lock at once."""
        host = self.host()
        for kind, program in self.programs().items():
            with self.subTest(kind):
                first = proc.Process(
                    program + ["-S", host.socket, "-m", "60000", "-n", "1",
                               "-l", kind], stdout=subprocess.PIPE)
                client = self.client(host)
                proc.wait_until(lambda: len(
                    client.ok(f"LIST {kind}").rows) == 1, 10, "it holds")
                tag = client.enqueue(kind)
                begin = time.monotonic()
                first.kill()
                client.granted(tag)
                self.assertLess(time.monotonic() - begin, 0.5)
                client.unlock(kind)


if __name__ == "__main__":
    unittest.main()
