#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the README shows as typed by hand is what happens when it is typed."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from daemon import Daemon  # noqa: E402

TYPED = ("LOCK", "TRYLOCK", "UNLOCK", "LIST", "CHECK", "PING", "CANCEL",
         "STATUS", "HELLO", "QUIT")


def shape(text):
    """A line with everything that differs from run to run put aside."""
    text = text.replace(" dev=1", "")
    text = re.sub(r'holder="[^"]*"', 'holder="H"', text)
    text = re.sub(r"_c_[0-9a-f-]+-lock-\d+", "_c_U-lock-S", text)
    return re.sub(r"\d+", "N", text)


def session():
    """The README's conversation: [(what is typed, [what is answered])]."""
    path = os.path.join(proc.source_dir(), "README.md")
    with open(path, encoding="utf-8") as readme:
        block = re.search(r"```console\n(\$ [^\n]*socat[^\n]*\n)(.*?)```",
                          readme.read(), re.S).group(2)
    talk = []
    for text in block.splitlines():
        if text.split(" ")[0] in TYPED:
            talk.append((text, []))
        else:
            talk[-1][1].append(text)
    return talk


class ReadmeTest(unittest.TestCase):

    def test_the_session_typed_by_hand(self):
        talk = session()
        self.assertGreaterEqual(len(talk), 3)
        with Daemon() as daemon, daemon.client() as client:
            for typed, answers in talk:
                client.send(typed)
                for answer in answers:
                    self.assertEqual(shape(client.line()), shape(answer),
                                     f"after {typed!r}")
            client.send("PING end")
            client.expect("OK end")


if __name__ == "__main__":
    unittest.main()
