#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zklock run and hold with several names: all or none, and one lost is all
lost."""
import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import CliCase, SOON_S  # noqa: E402

ALL_WORDS = "$ZKLOCK_NAME|$ZKLOCK_ID|$ZKLOCK_TOKEN|$ZKLOCK_NODE|$ZKLOCK_HELD"


class SeveralTest(CliCase):

    def setUp(self):
        super().setUp()
        self.a, self.b = self.id() + ".a", self.id() + ".b"

    def free(self, *names):
        """Nobody has any of them, and nobody waits."""
        other = self.client()
        for name in names:
            other.ok(f"TRYLOCK {name}", "GRANTED")
        other.close()

    def grant_of(self, name):
        for row in self.client().ok("LIST").rows:
            if row.startswith(name + " ") and "state=held" in row:
                return row
        self.fail(f"{name} is not held")

    def waited_for(self, name):
        client = self.client()
        proc.wait_until(
            lambda: any(row.startswith(name + " ")
                        for row in client.ok("LIST state=waiting").rows),
            SOON_S, f"somebody waits for {name}")

    def test_the_command_is_told_of_each(self):
        done = self.zklock("run", self.b, self.a, self.b, "--", "sh", "-c",
                           f'echo "{ALL_WORDS}"')
        names, ids, tokens, nodes, held = done.stdout.strip().split("|")
        self.assertEqual(names, f"{self.b} {self.a}")
        self.assertEqual(held, f"{self.b}:{self.a}")
        self.assertEqual(len(set(ids.split())), 2)
        self.assertEqual(len(tokens.split()), 2)
        self.assertRegex(nodes, rf"/{self.b}/\S+ \S+/{self.a}/\S+$")
        self.free(self.a, self.b)

    def test_check_finds_each_in_the_environment(self):
        check = " ".join(self.argv("check", "-v"))
        done = self.zklock(
            "run", self.a, self.b, "--", "sh", "-c",
            f'set -e; for it in {self.a} {self.b} $(printf "@%s " '
            f'$ZKLOCK_ID); do {check} $it; done')
        self.assertEqual(done.stderr.count(" is held: @"), 4, done.stderr)

    def test_one_that_is_not_free_keeps_all(self):
        other = self.client()
        other.lock(self.b)
        done = self.zklock("run", "-n", self.a, self.b, "--", "touch",
                           self.path("ran"), code=75)
        self.assertIn(f'cannot get "{self.b}": held by ', done.stderr)
        self.assertIn(f"zklock who {self.b}", done.stderr)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.free(self.a)
        done = self.zklock("run", "-w", "100ms", self.a, self.b, "--", "true",
                           code=75)
        self.free(self.a)

    def test_waiting_holds_none_of_them(self):
        other = self.client()
        other.lock(self.b)
        run = self.start("run", "-v", self.a, self.b, "--", "touch",
                         self.path("ran"))
        self.waited_for(self.b)
        run.signal(signal.SIGTERM)
        self.assertEqual(run.wait(SOON_S), 128 + signal.SIGTERM)
        self.free(self.a)
        run = self.start("run", self.a, self.b, "--", "sh", "-c",
                         f"echo yes >{self.path('ran')}")
        self.waited_for(self.b)
        other.unlock(self.b)
        self.assertEqual(run.wait(SOON_S), 0)
        self.assertEqual(self.there("ran"), "yes\n")
        self.free(self.a, self.b)

    def test_one_lost_is_all_lost(self):
        run = self.start("run", "--report", self.path("report"), self.a,
                         self.b, "--", "sh", "-c",
                         f"echo in >{self.path('in')}; exec sleep 60")
        self.there("in")
        row = self.grant_of(self.b)
        kicked = [word for word in row.split() if word.startswith("id=")][0]
        self.zklock("kick", kicked[3:])
        self.assertEqual(run.wait(SOON_S), 79)
        report = self.report()
        self.assertEqual(report["outcome"], "lost")
        self.assertEqual(report["reason"], "kicked")
        self.assertEqual(report["name"], f"{self.a} {self.b}")
        self.assertEqual([lock["name"] for lock in report["locks"]],
                         [self.a, self.b])
        self.assertNotIn("token", report)
        for lock in report["locks"]:
            self.assertEqual(str(lock["token"]), lock["token_str"])
        self.assertIn(f'"{self.b}"', run.log_text())
        self.free(self.a)

    def test_hold_says_a_line_for_each(self):
        hold = self.start("hold", self.a, self.b, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
        for name in (self.a, self.b):
            line = hold.stdout.readline().decode()
            self.assertRegex(line, rf"HELD {name} id=@\d+ token=\d+ mode=x ")
        other = self.client()
        other.err(f"TRYLOCK {self.a}", "BUSY")
        other.err(f"TRYLOCK {self.b}", "BUSY")
        hold.stdin.close()
        self.assertEqual(hold.wait(SOON_S), 0)
        self.free(self.a, self.b)
        done = self.zklock("-J", "hold", self.a, self.b,
                           stdin=subprocess.DEVNULL)
        self.assertEqual([json.loads(line)["name"]
                          for line in done.stdout.splitlines()],
                         [self.a, self.b])

    def test_hold_ends_when_one_is_lost(self):
        hold = self.start("hold", self.a, self.b, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
        hold.stdout.readline()
        row = self.grant_of(self.a)
        kicked = [word for word in row.split() if word.startswith("id=")][0]
        self.zklock("kick", kicked[3:])
        self.assertEqual(hold.wait(SOON_S), 79)
        self.free(self.b)

    def test_what_a_parent_has_is_not_asked_for_again(self):
        run = " ".join(self.argv("run"))
        inner = f'{run} %s {self.a} {self.b} -- sh -c "echo \\$ZKLOCK_HELD"'
        self.zklock("run", self.a, "--", "sh", "-c", inner % "", code=64)
        done = self.zklock("run", self.a, "--", "sh", "-c",
                           inner % "--nested join")
        self.assertEqual(done.stdout, f"{self.a}:{self.b}\n")
        done = self.zklock("run", self.a, self.b, "--", "sh", "-c",
                           inner % "--nested join")
        self.assertEqual(done.stdout, f"{self.a}:{self.b}\n")

    def test_words(self):
        for words in (["-s", "a", "b", "--", "true"],
                      ["--slots", "2", "a", "b", "--", "true"],
                      ["a", "-n", "b", "--", "true"],
                      ["a", "npm", "test", "--", "--grep", "x"],
                      ["a", "b", "--"],
                      [*(f"n{i}" for i in range(17)), "--", "true"]):
            with self.subTest(words=words):
                done = self.zklock("run", *words, code=64)
                self.assertNotEqual(done.stderr, "")
        done = self.zklock("run", "a", "npm", "test", "--", "--grep", "x",
                           code=64)
        self.assertIn("a -- npm", done.stderr)
        done = self.zklock("run", "a", "..", "--", "true", code=64)
        self.assertIn('cannot get "..": byte 1', done.stderr)
        self.zklock("run", "-c", "exit 3", "a", "b", "--", code=3)
        self.zklock("run", *(f"n{i}" for i in range(16)), "--", "true")


if __name__ == "__main__":
    unittest.main()
