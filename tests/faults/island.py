# SPDX-License-Identifier: MIT
"""island - a small network of its own: one namespace a node, one router in
the middle, and nothing of it to be seen in the machine's own network.

Cuts are made in the router, for one direction of one pair, by policy rules:
a blackhole swallows silently, as a dead cable does; a prohibit is refused at
once.  Several islands can stand side by side.
"""
import contextlib
import ctypes
import os
import subprocess
import threading

import proc
import traces

_CLONE_NEWNET = 0x40000000
_NET = "10.77.0"
_ROUTER = 254
_PREF = 100  # of our rules, before the tables are looked at
_libc = ctypes.CDLL(None, use_errno=True)
_made = 0


class NoIsland(RuntimeError):
    """What is missing, and what to do about it."""


def _ip(*words, netns="", lines=None):
    argv = ["ip"] + (["-n", netns] if netns else [])
    argv += ["-batch", "-"] if lines else list(words)
    done = subprocess.run(argv, text=True, capture_output=True, check=False,
                          input="\n".join(lines) + "\n" if lines else None)
    if done.returncode != 0:
        raise NoIsland(
            f"{' '.join(argv)}: {done.stderr.strip()}\n"
            "The fault tests make network namespaces: they want root, a "
            "kernel with veth and policy rules, and iproute2.")


def _set_netns(fd):
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


class Island:
    """Island(["z1", "z2", "h1"]): every node has an address and reaches
    every other, until it is cut."""

    def __init__(self, nodes):
        global _made
        if os.geteuid() != 0:
            raise NoIsland("the fault tests make network namespaces: "
                           "run them as root")
        traces.settle()
        _made += 1
        self._name = f"{traces.our_name()}-{_made}"
        self._numbers = {node: i + 1 for i, node in enumerate(nodes)}
        self._rules = {}  # (from, to) -> how it is cut
        self._lock = threading.Lock()
        self._spaces = []
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        proc.on_end(self.close)

    def _space(self, node):
        return f"{self._name}-{node or 'router'}"

    def _make(self):
        for node in ["", *self._numbers]:
            _ip("netns", "add", self._space(node))
            self._spaces.append(self._space(node))
        router = ["link set lo up"]
        for node, number in self._numbers.items():
            router += [
                f"link add {node} type veth peer name eth0 "
                f"netns {self._space(node)}",
                f"address add {_NET}.{_ROUTER}/32 dev {node}",
                f"link set {node} up",
                f"route add {_NET}.{number}/32 dev {node}",
            ]
        _ip(netns=self._space(""), lines=router)
        for node, number in self._numbers.items():
            _ip(netns=self._space(node), lines=[
                "link set lo up",
                "link set eth0 up",
                f"address add {_NET}.{number}/32 dev eth0",
                f"route add {_NET}.{_ROUTER}/32 dev eth0",
                f"route add default via {_NET}.{_ROUTER}",
            ])
        with self.inside():
            for switch, value in (("ip_forward", 1),
                                  ("conf/all/rp_filter", 0),
                                  ("conf/all/send_redirects", 0)):
                with open(f"/proc/sys/net/ipv4/{switch}", "w",
                          encoding="ascii") as out:
                    out.write(f"{value}\n")

    def address(self, node):
        """Its address; the router's for ''."""
        return f"{_NET}.{self._numbers[node] if node else _ROUTER}"

    @contextlib.contextmanager
    def inside(self, node=""):
        """This thread is in the node's network (the router's for ''), and
        so is every socket, process and thread that it makes meanwhile."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            there = os.open(f"{traces.NETNS}/{self._space(node)}", os.O_RDONLY)
            try:
                _set_netns(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _set_netns(home)
        finally:
            os.close(home)

    # Cuts.  Thread-safe: faults may overlap.

    def cut_way(self, frm, to, how="blackhole"):
        """Nothing of `frm` gets to `to` any more; the way back stays.
        blackhole: in silence.  prohibit: the sender is told at once."""
        with self._lock:
            self._open_way(frm, to)
            _ip("rule", "add", *self._rule(frm, to, how),
                netns=self._space(""))
            self._rules[frm, to] = how

    def open_way(self, frm, to):
        with self._lock:
            self._open_way(frm, to)

    def _rule(self, frm, to, how):
        return ["from", self.address(frm), "to", self.address(to), how,
                "pref", str(_PREF)]

    def _open_way(self, frm, to):
        how = self._rules.pop((frm, to), None)
        if how:
            _ip("rule", "del", *self._rule(frm, to, how),
                netns=self._space(""))

    def cut(self, one, other, how="blackhole"):
        """Both ways."""
        self.cut_way(one, other, how)
        self.cut_way(other, one, how)

    def join(self, one, other):
        self.open_way(one, other)
        self.open_way(other, one)

    def isolate(self, node, how="blackhole"):
        """From everybody."""
        for other in self._numbers:
            if other != node:
                self.cut(node, other, how)

    def heal(self):
        """Whatever was cut, or unplugged, is whole again."""
        with self._lock:
            for frm, to in list(self._rules):
                self._open_way(frm, to)

    def plug(self, node, there):
        """Its only cable, in or out: out is ENETUNREACH for the node."""
        _ip("link", "set", node, "up" if there else "down",
            netns=self._space(""))
        if there:  # the kernel forgot the route with the cable
            _ip("route", "replace", f"{self.address(node)}/32", "dev", node,
                netns=self._space(""))

    def close(self):
        """Gone without a trace; again is harmless."""
        while self._spaces:
            subprocess.run(["ip", "netns", "del", self._spaces.pop()],
                           check=False, capture_output=True)
