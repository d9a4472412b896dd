# SPDX-License-Identifier: MIT
"""soak_watch - eyes that depend on no daemon: what the lease pages show, and
which claims stand in the tree, made by which transaction.

It looks every few milliseconds and writes what is new into a history file.
Whatever it misses it misses; it says nothing that it has not seen.

    soak_watch.py HISTORY ADDRESSES ROOT HOST=PAGE... -- LOCK...
"""
import mmap
import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import historyfile  # noqa: E402
import zkwire  # noqa: E402

_PAGE_EVERY_S = 0.005
_TREE_EVERY_S = 0.1
_FILE_EVERY = 10  # looks at the page, for one whether it is another file
# A server that stands still is left for the next one after so long.
_CALL_S = 2.0


class Page:
    """One host's lease page; a new daemon moves a new file over it."""

    def __init__(self, host, path, history):
        self.host = host
        self._path = path
        self._history = history
        self._map = None
        self._number = 0
        self._word = 0
        self._looks = 0

    def _open(self):
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            number = os.fstat(fd).st_ino
            if number != self._number:
                self._map = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
                self._number, self._word = number, 0
        finally:
            os.close(fd)

    def look(self):
        if self._looks % _FILE_EVERY == 0:
            self._open()
        self._looks += 1
        if not self._map:
            return
        word = struct.unpack_from("=Q", self._map, 0)[0]
        if word != self._word:
            self._word = word
            self._history.line("page", self.host, page=self._number,
                               gen=word >> 48, until=word & ((1 << 48) - 1))


class Tree:
    """The claims for some locks, by one server or the next."""

    def __init__(self, history, addresses, root, locks):
        self._history = history
        self._addresses = addresses
        self._parents = {lock: f"{root}/{lock}" for lock in locks}
        self._known = {lock: set() for lock in locks}

    def run(self):
        turn = 0
        while True:
            address = self._addresses[turn % len(self._addresses)]
            turn += 1
            try:
                eyes = zkwire.Client(address)
            except Exception:  # any way to be refused: the next one
                time.sleep(_TREE_EVERY_S)
                continue
            try:
                while True:
                    self._look(eyes)
                    time.sleep(_TREE_EVERY_S)
            except Exception:
                eyes.drop()

    def _look(self, eyes):
        for lock, parent in self._parents.items():
            nodes = set(eyes.children(parent))
            for node in nodes - self._known[lock]:
                stat = eyes.exists(f"{parent}/{node}")
                if stat:
                    self._history.line(
                        "node", "watch", lock=lock, path=f"{parent}/{node}",
                        czxid=hex(stat.czxid), owner=hex(
                            stat.owner & ((1 << 64) - 1)))
            self._known[lock] = nodes


def main(argv):
    zkwire._CALL_S = _CALL_S
    history = historyfile.Writer(argv[0])
    rest = argv[3:]
    split = rest.index("--")
    pages = [Page(*pair.split("=", 1), history) for pair in rest[:split]]
    tree = Tree(history, argv[1].split(","), argv[2], rest[split + 1:])
    threading.Thread(target=tree.run, daemon=True).start()
    while True:
        for page in pages:
            page.look()
        time.sleep(_PAGE_EVERY_S)


if __name__ == "__main__":
    main(sys.argv[1:])
