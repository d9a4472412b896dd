#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The checker that judges real clusters judges simulated ones as well: it has
nothing against what the simulator finds fine, and sees what is wrong."""
import os
import re
import subprocess
import tempfile
import unittest

import historyfile
import power

SEEDS = 2000 if os.environ.get("ZKL_NIGHTLY") else 200
# With a mistake in it nearly each one has something.
BAD_SEEDS = 20
# Virtual time: a machine that is busy adds nothing.
SLACK_MS = 1000.0
SIM = os.path.join(os.environ["ZKL_BUILD"], "tests/sim/zkl_sim")
WEATHER = re.compile(r"# session_ms=(\d+) tick_ms=(\d+) ghosts_ms=(\d+)")


def histories(sim, folder, seeds):
    """Plays so many seeds, whether they fail or not; the verdicts."""
    at = 1
    while at <= seeds:
        subprocess.run([sim, "--no-shrink", "--from", str(at), "--seeds",
                        str(seeds - at + 1), "--history", folder + "/"],
                       check=False, capture_output=True)
        played = sorted(map(int, os.listdir(folder)))
        if not played or played[-1] < at:
            raise AssertionError(f"seed {at} leaves no history")
        at = played[-1] + 1
    for seed in played:
        path = os.path.join(folder, str(seed))
        with open(path, encoding="utf-8") as text:
            session_ms, tick_ms, ghosts_ms = map(
                float, WEATHER.match(text.readline()).groups())
        # A host finds a ghost in its way once in a session's time.
        yield seed, historyfile.Verdict(historyfile.read([path]), session_ms,
                                        tick_ms, SLACK_MS + ghosts_ms)


class Histories(unittest.TestCase):
    def test_what_is_fine_is_fine(self):
        grants = seen = 0
        with tempfile.TemporaryDirectory() as folder:
            for seed, verdict in histories(SIM, folder, SEEDS):
                # A bid deleted by hand: P2 has its exception too.
                wrong = [one for one in verdict.findings()
                         if not verdict.seen.exempt
                         or not one.startswith("token fell")]
                self.assertEqual(wrong, [], f"seed {seed}")
                grants += len(verdict.holds)
                seen += 1
        self.assertEqual(seen, SEEDS)
        self.assertGreater(grants, 10 * SEEDS)

    def flags(self, name, what):
        with tempfile.TemporaryDirectory() as made, \
                tempfile.TemporaryDirectory() as folder:
            bug = power.Bug(name)
            sim = power.Build(os.environ["ZKL_BUILD"]).link(made,
                                                            bug.sources())
            findings = [one for _, verdict in histories(sim, folder, BAD_SEEDS)
                        for one in verdict.findings()]
        self.assertTrue([one for one in findings if what in one], findings)

    def test_two_holders_are_seen(self):
        self.flags("listing-not-looked-at", "overlap")

    def test_one_slot_too_many_is_seen(self):
        self.flags("slots-one-too-many", "more than")

    def test_who_is_overtaken_is_seen(self):
        self.flags("last-come-first", "overtaken")

    def test_a_token_given_twice_is_seen(self):
        self.flags("token-twice", "token")


if __name__ == "__main__":
    unittest.main()
