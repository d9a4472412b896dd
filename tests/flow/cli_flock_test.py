#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zkflock beside the real flock(1): the same words, the same codes."""
import os
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import CliCase, quiet_env  # noqa: E402


class FlockTest(CliCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = proc.folder("zkl-flock")
        cls.zkflock = os.path.join(folder, "zkflock")
        os.symlink(proc.zklock(), cls.zkflock)
        cls.flock = shutil.which("flock")

    def env(self):
        return quiet_env(ZKLOCK_SOCKET=self.daemon.socket)

    def both(self, *words, code):
        """Both programs, and the same exit code."""
        path = os.path.join(self.folder, "file")
        words = [path if word == "FILE" else word for word in words]
        outputs = []
        for program in (self.flock, self.zkflock):
            done = proc.run([program, *words], env=self.env())
            self.assertEqual(done.returncode, code,
                             f"{program} {words}: {done.stderr}")
            outputs.append(done.stdout)
        self.assertEqual(outputs[0], outputs[1])

    def test_codes_and_output(self):
        self.both("FILE", "echo", "-n", "hello", code=0)
        self.both("FILE", "echo", "a", "--", "b", code=0)
        self.both("FILE", "sh", "-c", "exit 42", code=42)
        self.both("FILE", "-c", "exit 43", code=43)
        self.both("-x", "FILE", "--command", "echo x; exit 5", code=5)
        self.both("-e", "-n", "-w", "3", "FILE", "true", code=0)
        self.both("-o", "FILE", "true", code=0)
        self.both("--close", "--nonblock", "FILE", "true", code=0)
        self.both("-F", "FILE", "sh", "-c", "exit 6", code=6)
        self.both("--no-fork", "--nb", "FILE", "true", code=0)
        self.both("-E", "9", "--timeout", "2.5", "FILE", "true", code=0)
        self.both("--conflict-exit-code", "9", "--wait", "1", "FILE",
                  "true", code=0)
        self.both("--nosuch", "FILE", "true", code=64)
        self.both("-F", "-o", "FILE", "true", code=64)

    def test_conflicts(self):
        path = os.path.join(self.folder, "file")
        holders = [proc.Process([program, "-F", path, "sleep", "60"],
                                env=self.env())
                   for program in (self.flock, self.zkflock)]
        client = self.client()
        proc.wait_until(lambda: client.ok("LIST").rows, 10, "it holds")
        proc.wait_until(
            lambda: proc.run([self.flock, "-n", path, "true"]).returncode,
            10, "flock holds")
        self.both("-n", "FILE", "true", code=1)
        self.both("-n", "-E", "12", "FILE", "true", code=12)
        self.both("-w", "0.2", "FILE", "true", code=1)
        self.both("-w", "0", "FILE", "true", code=1)
        for holder in holders:
            holder.stop()
        begin = time.monotonic()
        self.both("-w", "5", "FILE", "true", code=0)
        self.assertLess(time.monotonic() - begin, 5)

    def test_the_name(self):
        done = proc.run([self.zkflock, "//var/lock/job.lock", "env"],
                        env=self.env())
        self.assertIn("ZKLOCK_NAME=var/lock/job.lock\n", done.stdout)

    def test_unlock_does_nothing(self):
        done = proc.run([self.zkflock, "-u", "a", "echo", "ran"],
                        env=self.env())
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))

    def test_verbose(self):
        done = proc.run([self.zkflock, "--verbose", "a", "true"],
                        env=self.env())
        self.assertIn('got "a"', done.stderr)

    def test_shared(self):
        client = self.daemon.client()
        client.lock("shared", "mode=s")
        for words, code in ((["-s", "-n"], 0), (["-n"], 1)):
            done = proc.run([self.zkflock, *words, "shared", "true"],
                            env=self.env())
            self.assertEqual(done.returncode, code, done.stderr)
        client.close()

    def test_what_cannot_be(self):
        for words, what in ((["9"], "zklock hold"), (["a"], "command"),
                            ([], "command")):
            with self.subTest(words=words):
                done = proc.run([self.zkflock, *words], env=self.env())
                self.assertEqual(done.returncode, 64, done.stderr)
                self.assertIn(what, done.stderr)

    def test_help_and_version(self):
        text = proc.run([self.zkflock, "--help"]).stdout
        for line in subprocess.run([self.flock, "--help"], check=True,
                                   capture_output=True,
                                   text=True).stdout.splitlines():
            if line.startswith(" -") or line.startswith("     --"):
                option = line.split()[0].rstrip(",")
                self.assertIn(option, text)
        self.assertRegex(proc.run([self.zkflock, "-V"]).stdout,
                         r"^zkflock \d")


if __name__ == "__main__":
    unittest.main()
