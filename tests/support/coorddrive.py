# SPDX-License-Identifier: MIT
"""coorddrive - coord_zk alone, driven by lines (tests/e2e/coord_zk_drive.c).

The driver checks what coord.h promises of answers (each exactly once, all of
a connection before the next ATTACHED); a breach fails the test at its end.
"""
import queue
import subprocess
import threading
import time

import proc

_STEP_S = 20


class Sub:
    """The answer of one sub-operation of a multi."""

    def __init__(self, text):
        self.path, mzxid, children = text.split(":")
        self.mzxid = int(mzxid)
        self.children_n = int(children)


class Answer:
    def __init__(self, words):
        self.id = int(words[0])
        self.result = words[1]
        fields = dict(word.split("=", 1) for word in words[2:])
        self.rc = int(fields["rc"])
        self.path = fields["path"]
        self.czxid = int(fields["czxid"])
        self.mzxid = int(fields["mzxid"])
        self.owner = int(fields["owner"], 16)
        self.children_n = int(fields["n"])
        self.data = fields["data"]
        self.children = [name for name in fields["children"].split(",")
                         if name]
        self.failed = int(fields["failed"])
        self.subs = [Sub(text) for text in fields["subs"].split(",") if text]


class Drive:
    """with Drive(address, 4000) as d: d.connect() ..."""

    def __init__(self, servers, timeout_ms=4000, *options):
        program = proc.program("coord_zk_drive", "ZKL_COORD_ZK_DRIVE",
                               "tests/e2e")
        self.process = proc.Process(
            [program, servers, str(timeout_ms), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=None, text=True)
        self._lines = queue.Queue()
        self.log = []
        self.heard = []  # everything but answers and logs, in order
        self.open = set()  # ids not answered yet
        self.broken = []  # promises that were
        self.session = 0
        self.next_id = 1
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def say(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()

    # --- hearing ---

    def _account(self, line, words):
        if words[1] == "BROKEN":
            self.broken.append(line)
        elif words[1] == "ANSWER":
            self.open.discard(int(words[2]))
        elif words[1] == "LOG":
            self.log.append(line)

    def next(self, within_s=_STEP_S):
        """The next event's words, without the time; None at the end."""
        end = time.monotonic() + within_s
        while True:
            left = end - time.monotonic()
            try:
                line = self._lines.get(timeout=max(0, left))
            except queue.Empty:
                raise TimeoutError(
                    f"no event within {within_s} s; log: {self.log[-5:]}; "
                    f"heard: {self.heard[-5:]}") from None
            if line is None:
                return None
            words = line.split(" ")
            self._account(line, words)
            if words[1] not in ("LOG", "BROKEN"):
                return words[1:]

    def until(self, kind, within_s=_STEP_S):
        """The next event of a kind; what comes before goes to heard."""
        end = time.monotonic() + within_s
        while True:
            words = self.next(max(0, end - time.monotonic()))
            if words is None:
                raise ConnectionError("the driver ended")
            if words[0] == kind:
                return words
            self.heard.append(words)

    def attached(self, within_s=_STEP_S):
        """Wait for ATTACHED: its fields."""
        words = self.until("ATTACHED", within_s)
        fields = dict(word.split("=", 1) for word in words[1:])
        self.session = int(fields["session"], 16)
        return fields

    def answers(self, count, within_s=_STEP_S):
        """The next answers, in the order in which they came."""
        end = time.monotonic() + within_s
        return [Answer(self.until("ANSWER", end - time.monotonic())[1:])
                for _ in range(count)]

    # --- saying ---

    def connect(self):
        self.say("connect")

    def begin(self):
        self.connect()
        return self.attached()

    def submit(self, *ops):
        """Operations in one submission: (verb, path, ...words)."""
        lines = []
        ids = []
        for op in ops:
            lines.append(f"op {self.next_id} " + " ".join(op))
            self.open.add(self.next_id)
            ids.append(self.next_id)
            self.next_id += 1
        self.say(*lines, "go")
        return ids

    def do(self, *ops):
        """Submit and wait for the answers."""
        self.submit(*ops)
        return self.answers(len(ops))

    def counts(self):
        self.say("counts")
        return {key: int(value) for key, value in
                (word.split("=") for word in self.until("COUNTS")[1:])}

    def close(self):
        self.say("close")
        self.until("CLOSED")

    def end(self):
        """The driver's exit code, having read all that it still said."""
        self.process.stdin.close()
        while self.next() is not None:
            pass
        self._thread.join(_STEP_S)
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        if kind or not self.process.alive():
            self.process.kill()
            return
        code = self.end()
        if code or self.broken:
            raise AssertionError(f"exit {code}, broken: {self.broken}")
