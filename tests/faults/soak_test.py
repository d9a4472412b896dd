#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A short soak; ZKL_NIGHTLY=1 asks for thirty minutes and another seed every
day (the seed is printed)."""
import os
import sys
import time
import unittest

import faultcase
import proc

MINUTES = 30 if faultcase.NIGHTLY else 1.5
SEED = int(time.time()) // 86400 if faultcase.NIGHTLY else 11


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
