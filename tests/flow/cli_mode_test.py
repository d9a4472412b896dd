#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zklock -s: who reads shares, who writes waits."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clicase import CliCase  # noqa: E402


class ModeTest(CliCase):

    def test_readers_run_together_and_a_writer_does_not(self):
        other = self.client()
        other.lock("a", "mode=s")
        done = self.zklock("run", "-s", "-n", "a", "--", "sh", "-c",
                           "echo $ZKLOCK_MODE")
        self.assertEqual(done.stdout, "s\n")
        self.zklock("run", "-n", "a", "--", "true", code=75)
        other.unlock("a")
        done = self.zklock("run", "-n", "-s", "-x", "a", "--", "sh", "-c",
                           "echo $ZKLOCK_MODE")
        self.assertEqual(done.stdout, "x\n")

    def test_hold_says_its_mode(self):
        other = self.client()
        other.lock("a", "mode=s")
        done = self.zklock("hold", "--shared", "a", stdin=subprocess.DEVNULL)
        self.assertIn(" mode=s ", done.stdout)


if __name__ == "__main__":
    unittest.main()
