# SPDX-License-Identifier: MIT
"""The README's session, typed at a daemon on a real ZooKeeper: what it shows
is what comes back, but for numbers that differ from run to run."""
import os
import re
import unittest

import e2ecase

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
VERBS = ("LOCK", "TRYLOCK", "UNLOCK", "LIST")


def session():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as page:
        block = re.search(r"```console\n\$ socat[^\n]*\n(.*?)```", page.read(),
                          re.S)
    return block.group(1).splitlines()


def normal(text):
    """Numbers of this run, and who typed."""
    text = re.sub(r'holder="[^"]*"', "holder=WHO", text)
    text = re.sub(r"_c_[0-9a-f-]+-lock-\d+", "NODE", text)
    return re.sub(r"=\d+", "=N", text)


class Readme(e2ecase.E2eCase):
    def test_the_session_by_hand(self):
        client = self.client(self.host("db1"))
        said = 0
        for text in session():
            if text.split()[0] in VERBS:
                client.send(text)
                continue
            told = normal(client.line()).replace(self.root, "/zklock")
            self.assertEqual(told, normal(text))
            said += 1
        self.assertGreater(said, 4)


if __name__ == "__main__":
    unittest.main()
