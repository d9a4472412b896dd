# SPDX-License-Identifier: MIT
"""register - who is inside, as files in a folder.

Whoever enters makes its file first and looks around afterwards: of two that
are inside at once at least the later one sees the other, whatever language
it is written in.  Contender.java has the same few lines.
"""
import os


class Register:
    """kind: x alone, r beside other r, n at most slots of them."""

    def __init__(self, folder, slots=0):
        self.folder = folder
        self.slots = slots
        self.overlaps = []

    def enter(self, kind, who):
        path = f"{self.folder}/{kind}-{who}"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        there = os.listdir(self.folder)
        if kind == "r":
            bad = any(not name.startswith("r-") for name in there)
        elif kind == "n":
            bad = len(there) > self.slots
        else:
            bad = len(there) > 1
        if bad:
            self.overlaps.append(" ".join(sorted(there)))
        return path

    @staticmethod
    def leave(path):
        os.unlink(path)
