# SPDX-License-Identifier: MIT
"""freezer - all processes of a host stand still at one moment, as a virtual
machine does that is paused.

A cgroup of version 2 is frozen by the kernel in one step.  Where none can be
made (a container's are often read-only) the processes get SIGSTOP one after
the other; Group.kind says which it is.
"""
import os
import signal

import proc
import traces


class Group:
    """The processes of one host."""

    _made = 0

    def __init__(self, node):
        self._members = []
        self._path = ""
        Group._made += 1
        top = traces.cgroup_top()
        path = os.path.join(
            top, f"{traces.our_name()}-{Group._made}-{node}")
        try:
            if top:
                os.mkdir(path)
                self._path = path
                self._write("cgroup.freeze", "0")
        except OSError:
            self._drop()
        proc.on_end(self.close)

    @property
    def kind(self):
        return "cgroup" if self._path else "SIGSTOP"

    def _write(self, file, text):
        with open(f"{self._path}/{file}", "w", encoding="ascii") as out:
            out.write(text)

    def _drop(self):
        if self._path:
            try:
                os.rmdir(self._path)
            except OSError:
                pass
            self._path = ""

    def add(self, process):
        self._members = [one for one in self._members if one.alive()]
        self._members.append(process)
        if self._path:
            self._write("cgroup.procs", f"{process.pid}\n")

    def _stands(self):
        with open(f"{self._path}/cgroup.events", encoding="ascii") as events:
            return "frozen 1" in events.read()

    def freeze(self):
        if self._path:
            self._write("cgroup.freeze", "1")
            proc.wait_until(self._stands, 5, f"{self._path} stands")
            return
        for process in self._members:
            process.signal(signal.SIGSTOP)
        for process in self._members:
            if process.alive():
                process.freeze()

    def thaw(self):
        if self._path:
            self._write("cgroup.freeze", "0")
            return
        for process in self._members:
            if process.frozen:
                process.thaw()

    def close(self):
        """Gone; again is harmless."""
        if self._path:
            self.thaw()
            try:
                proc.wait_until(lambda: not self._members_left(), 5,
                                "the group is empty")
            except TimeoutError:
                pass
        self._drop()

    def _members_left(self):
        with open(f"{self._path}/cgroup.procs", encoding="ascii") as procs:
            return procs.read().strip()
