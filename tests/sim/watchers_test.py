#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who watches the simulator: the comparison of hashes can fail, and a failing
script is made small.  What the oracle itself sees is power.py's."""
import os
import re
import subprocess
import tempfile
import unittest

import power

SIM = os.path.join(os.environ["ZKL_BUILD"], "tests/sim/zkl_sim")
# Of a script; most have one to two hundred acts.
ACTS_MAX = 50
SEEDS = 20
LEFT = re.compile(r"^(\d+) acts are left$", re.MULTILINE)
ENOUGH = re.compile(r"^of seed (\d+) (\d+) acts are enough:$", re.MULTILINE)
THEN = re.compile(r"^  and then (.*)$", re.MULTILINE)
ENDED = re.compile(r"^hash [0-9a-f]{16}: (.*)$", re.MULTILINE)
ROW = re.compile(r"^  \[ *[0-9.]+\] act \d+: ", re.MULTILINE)
ACT = re.compile(r"^\[ *[0-9.]+\] act \d+: ", re.MULTILINE)
# One each of what clients are told, of the lease, of the queue, of the end.
MISTAKES = ("token-twice", "lease-revived", "c3-no-listing",
            "c7-left-behind")


def sim(program, *options):
    return subprocess.run([program, *options], check=False,
                          capture_output=True, text=True)


class Replay(unittest.TestCase):
    def test_a_bit_that_is_turned_is_seen_in_every_seed(self):
        for seed in range(1, SEEDS + 1):
            options = ("--from", str(seed), "--replay", "1")
            done = sim(SIM, *options)
            self.assertEqual(done.returncode, 0, done.stdout)
            done = sim(SIM, *options, "--poison-replay")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"seed {seed} does not replay", done.stdout)

    def test_so_it_is_in_the_one_of_a_hundred(self):
        done = sim(SIM, "--from", "1", "--seeds", "2", "--poison-replay")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("seed 1 does not replay", done.stdout)


class Shrinking(unittest.TestCase):
    def shrinks(self, name):
        with tempfile.TemporaryDirectory() as folder:
            bug = power.Bug(name)
            wrong = power.Build(os.environ["ZKL_BUILD"]).link(folder,
                                                              bug.sources())
            seed, what = power.play(wrong, "--from", "1", "--seeds",
                                    str(power.QUICK_SEEDS))
            whole = sim(wrong, "--seed", str(seed))
            small = sim(wrong, "--seed", str(seed), "--shrink")
            many = sim(wrong, "--from", str(max(1, seed - 3)), "--seeds", "9")
        left = int(LEFT.search(small.stdout).group(1))
        self.assertEqual(small.returncode, 1)
        self.assertLessEqual(left, ACTS_MAX, f"seed {seed}: {what}")
        # It is the same promise that is broken, by fewer acts.
        self.assertEqual(ENDED.search(whole.stdout).group(1), what)
        self.assertEqual(ENDED.search(small.stdout).group(1).split()[0],
                         what.split()[0])
        self.assertLessEqual(len(ACT.findall(small.stdout)), left)
        self.assertLess(left, len(ACT.findall(whole.stdout)))
        # Of many, the first one that fails is made small unasked.
        self.assertEqual(many.returncode, 1)
        self.assertEqual(ENOUGH.search(many.stdout).groups(),
                         (str(seed), str(left)))
        self.assertEqual(len(ROW.findall(many.stdout)), left)
        self.assertEqual(THEN.search(many.stdout).group(1).split()[0],
                         what.split()[0])

    def test_failing_scripts_are_made_small(self):
        for name in MISTAKES:
            with self.subTest(mistake=name):
                self.shrinks(name)


if __name__ == "__main__":
    unittest.main()
