#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A short soak, and what it relies on itself; ZKL_NIGHTLY=1 asks for thirty
minutes and another seed every day (the seed is printed)."""
import os
import sys
import tempfile
import time
import unittest

import faultcase
import proc
import soak_clients

MINUTES = 30 if faultcase.NIGHTLY else 1.5
SEED = int(time.time()) // 86400 if faultcase.NIGHTLY else 11


class RegisterTest(unittest.TestCase):

    def test_a_smaller_token_is_refused(self):
        """Whoever brings it: the file is one for all processes."""
        with tempfile.NamedTemporaryFile() as file:
            one = soak_clients.Register(file.name, ["a", "b"])
            other = soak_clients.Register(file.name, ["b", "a"])
            self.assertTrue(one.write("a", 5))
            self.assertTrue(other.write("a", 5))
            self.assertTrue(other.write("b", 4))
            self.assertIs(one.write("a", 4), False)
            self.assertTrue(other.write("a", 6))
            self.assertIs(one.write("a", 5), False)


class SoakTest(unittest.TestCase):

    def test_every_promise_is_kept(self):
        here = os.path.dirname(os.path.abspath(__file__))
        done = proc.run(
            ["/usr/bin/python3", f"{here}/soak.py", "--minutes", str(MINUTES),
             "--seed", str(SEED)], within_s=MINUTES * 60 + 600)
        print(done.stdout, done.stderr, file=sys.stderr)
        self.assertEqual(done.returncode, 0)
        self.assertIn("overlaps=0", done.stdout)


if __name__ == "__main__":
    unittest.main()
