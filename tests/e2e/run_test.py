#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zklock run on two hosts: no lost update among two hundred processes, exact
exit codes, a child that is stopped before anybody else runs."""
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import zkwire  # noqa: E402
from daemon import SESSION_MS  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

PROCESSES = 200
LATEST_S = 180


def zklock(host, *words):
    return [proc.zklock(), "-S", host.socket, *words]


class CounterTest(E2eCase):

    def test_no_lost_update(self):
        """Read, wait a little, write back one more: two hundred at once,
        half of them on each host."""
        hosts = [self.host("host1"), self.host("host2")]
        folder = proc.folder("zkl-counter")
        counter = f"{folder}/counter"
        with open(counter, "w", encoding="ascii") as out:
            out.write("0\n")
        script = ('read -r n <"$1"; sleep 0.01; echo $((n + 1)) >"$1"; '
                  'echo "$ZKLOCK_TOKEN" >>"$1.tokens"')
        running = [
            subprocess.Popen(
                zklock(hosts[i % 2], "run", "counter", "--", "sh", "-c",
                       script, "sh", counter),
                stdin=subprocess.DEVNULL)
            for i in range(PROCESSES)]
        try:
            end = time.monotonic() + LATEST_S
            codes = [process.wait(max(0, end - time.monotonic()))
                     for process in running]
        finally:
            for process in running:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        self.assertEqual(codes, [0] * PROCESSES)
        with open(counter, encoding="ascii") as back:
            self.assertEqual(int(back.read()), PROCESSES)
        with open(f"{counter}.tokens", encoding="ascii") as back:
            tokens = [int(text) for text in back]
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertEqual(len(tokens), PROCESSES)


class RunTest(E2eCase):

    def setUp(self):
        super().setUp()
        self.one = self.host("host1")

    def run_it(self, *words, **kwargs):
        return proc.run(zklock(self.one, *words), **kwargs)

    def test_exit_codes(self):
        for command, code in ((["true"], 0), (["sh", "-c", "exit 7"], 7),
                              (["sh", "-c", "kill -9 $$"], 137),
                              (["/no/such/program"], 127),
                              (["/etc/passwd"], 126)):
            with self.subTest(command=command):
                done = self.run_it("run", "a", "--", *command)
                self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(self.run_it("run", "--bad-option").returncode, 64)
        self.assertEqual(self.run_it("run", "a%b", "true").returncode, 64)

    def test_a_daemon_that_is_not_there(self):
        done = proc.run([proc.zklock(), "-S", "/no/such/socket", "run",
                         "--connect-timeout", "200ms", "a", "--", "true"])
        self.assertEqual(done.returncode, 69, done.stderr)

    def test_busy_and_too_late(self):
        holder = self.client(self.one)
        holder.lock("a")
        for words, code in ((["-n"], 75), (["-w", "0.2"], 75),
                            (["-n", "-E", "3"], 3)):
            with self.subTest(words=words):
                done = self.run_it("run", *words, "a", "--", "true")
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(f"pid {os.getpid()}",
                              done.stderr.replace("pid=", "pid "))

    def test_too_late_and_nobody_answers(self):
        """Who had it may have let go since: it is not busy but unavailable,
        and said."""
        holder = self.client(self.one)
        holder.lock("a")
        begin = time.monotonic()
        wrapper = subprocess.Popen(
            zklock(self.one, "run", "-w", str(SESSION_MS / 1000), "a", "--",
                   "true"),
            stderr=subprocess.PIPE, text=True)
        without = subprocess.Popen(
            zklock(self.one, "run", "-w", str(SESSION_MS / 1000),
                   "--if-unavailable", "run", "a", "--", "sh", "-c",
                   "exit 3"), stderr=subprocess.DEVNULL)
        proc.wait_until(
            lambda: "waiters=2" in holder.ok("LIST a").rows[0], 10, "queued")
        self.server.freeze()
        try:
            said = wrapper.communicate(timeout=30)[1]
            self.assertEqual(without.wait(30), 3)
        finally:
            self.server.thaw()
        self.assertEqual(wrapper.returncode, 69, said)
        self.assertGreater(time.monotonic() - begin, SESSION_MS / 1000 - 0.1)
        self.assertIn("ZooKeeper does not answer", said)
        self.assertIn(f"pid {os.getpid()}", said.replace("pid=", "pid "))
        self.wait_queue("a", 0)  # the hold was lost meanwhile

    def test_what_the_child_is_told(self):
        done = self.run_it(
            "run", "a/b", "--", "sh", "-c",
            'echo "$ZKLOCK_NAME $ZKLOCK_MODE $ZKLOCK_TOKEN $ZKLOCK_HOST '
            '$ZKLOCK_NODE"')
        name, mode, token, host, node = done.stdout.split()
        self.assertEqual((name, mode, host), ("a/b", "x", "host1"))
        self.assertTrue(node.startswith(self.parent("a/b") + "/"))
        self.assertGreater(int(token), 0)

    def test_a_killed_wrapper_frees_the_lock(self):
        """kill -9 of zklock run: its child goes, and the other host has
        the lock at once."""
        two = self.host("host2")
        wrapper = proc.Process(zklock(self.one, "run", "a", "--",
                                      "sleep", "60"))
        proc.wait_until(lambda: self.queue("a"), 10, "it holds")
        waiter = self.client(two)
        tag = waiter.enqueue("a")
        begin = time.monotonic()
        wrapper.kill()
        waiter.granted(tag)
        self.assertLess(time.monotonic() - begin, 2)
        waiter.unlock("a")

    def test_a_signal_while_waiting(self):
        holder = self.client(self.one)
        holder.lock("a")
        wrapper = proc.Process(zklock(self.one, "run", "a", "--", "true"))
        other = self.client(self.one)
        proc.wait_until(
            lambda: "waiters=1" in other.ok("LIST a").rows[0], 10, "queued")
        wrapper.signal(signal.SIGTERM)
        self.assertIn(wrapper.wait(5), (128 + signal.SIGTERM,
                                        -signal.SIGTERM))
        proc.wait_until(
            lambda: "waiters=0" in other.ok("LIST a").rows[0], 10, "gone")

    def test_a_lost_lock_stops_the_child(self):
        """The session ends under it: TERM at once, exit 79."""
        folder = proc.folder("zkl-lost")
        wrapper = proc.Process(
            zklock(self.one, "run", "a", "--", "sh", "-c",
                   f"trap 'echo term >{folder}/said; exit 0' TERM; "
                   f"echo up >{folder}/up; "
                   "while :; do sleep 0.05; done"))
        proc.wait_until(lambda: os.path.exists(f"{folder}/up"), 10, "up")
        zkwire.expire(self.server.address, self.one.session_id())
        self.assertEqual(wrapper.wait(10), 79)
        self.assertTrue(os.path.exists(f"{folder}/said"))

    def test_a_frozen_daemon_stops_the_child_in_time(self):
        """Nobody tells it anything: its own clock does, before the other
        host is granted."""
        two = self.host("host2")
        folder = proc.folder("zkl-frozen")
        wrapper = proc.Process(
            zklock(self.one, "run", "a", "--", "sh", "-c",
                   f"echo $$ >{folder}/new; mv {folder}/new {folder}/up; "
                   "exec sleep 60"))
        proc.wait_until(lambda: os.path.exists(f"{folder}/up"), 10, "up")
        with open(f"{folder}/up", encoding="ascii") as up:
            child = int(up.read())
        waiter = self.client(two)
        tag = waiter.enqueue("a")
        self.wait_queue("a", 2)
        self.one.freeze()
        proc.wait_until(lambda: not os.path.exists(f"/proc/{child}"), 10,
                        "the child is gone")
        waiter.quiet()  # the other host was not granted before
        waiter.granted(tag, 15)
        self.assertEqual(wrapper.wait(10), 79)
        self.one.thaw()
        waiter.unlock("a")

    def test_two_never_run_at_once(self):
        """A witness file that must not be there twice."""
        two = self.host("host2")
        folder = proc.folder("zkl-once")
        script = (f"mkdir {folder}/in || exit 9; sleep 0.02; "
                  f"rmdir {folder}/in")
        running = [proc.Process(zklock(host, "run", "a", "--", "sh", "-c",
                                       script))
                   for host in (self.one, two) * 15]
        self.assertEqual([process.wait(60) for process in running],
                         [0] * 30)


class HoldTest(E2eCase):

    def test_hold_until_its_input_ends(self):
        one = self.host("host1")
        holder = proc.Process(zklock(one, "hold", "a"),
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
        self.assertIn(b"a", holder.stdout.readline())
        client = self.client(one)
        client.err("TRYLOCK a", "BUSY")
        tag = client.enqueue("a")
        holder.stdin.close()
        client.granted(tag)
        self.assertEqual(holder.wait(5), 0)
        client.unlock("a")


class LookTest(E2eCase):

    def test_list_status_check_ping(self):
        one = self.host("host1")
        client = self.client(one)
        granted = client.lock("backup")
        done = proc.run(zklock(one, "list"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^NAME +MODE")
        self.assertRegex(done.stdout, r"(?m)^backup +x +held")
        done = proc.run(zklock(one, "--json", "list"))
        self.assertIn(str(granted.token), done.stdout)
        self.assertIn("connected", proc.run(zklock(one, "status")).stdout)
        self.assertEqual(proc.run(zklock(one, "ping")).returncode, 0)
        self.assertEqual(proc.run(zklock(one, "version")).returncode, 0)
        # We are its parent, so what we hold it may call its own.
        self.assertEqual(
            proc.run(zklock(one, "check", "backup")).returncode, 0)
        self.assertEqual(
            proc.run(zklock(one, "check", "other")).returncode, 1)


if __name__ == "__main__":
    unittest.main()
