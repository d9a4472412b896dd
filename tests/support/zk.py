# SPDX-License-Identifier: MIT
"""zk - real ZooKeeper servers for tests: one, or an ensemble.

Each runs unprivileged of any service, on free ports, in a temporary folder.
Kept data survives stop, kill and start again.  The tree itself is looked at
with zkwire.
"""
import contextlib
import os
import re
import shutil
import socket

import proc

_JARS = "/usr/share/java"
_START_S = 60  # a JVM on a loaded two-core machine
_FLAGS = (
    "-Xms16m -Xmx192m -Xss512k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "
    "-XX:-UsePerfData -Dorg.slf4j.simpleLogger.defaultLogLevel=warn "
    "-Dzookeeper.jmx.log4j.disable=true -Dzookeeper.forceSync=no "
    "-Dzookeeper.extendedTypesEnabled=true "
    "-Dznode.container.checkIntervalMs=1000"
).split()


def word(port, letters, within_s=2.0, ip="127.0.0.1"):
    """A four-letter word's answer, or '' when nobody answers."""
    try:
        with socket.create_connection((ip, port), within_s) as sock:
            sock.settimeout(within_s)
            sock.sendall(letters.encode())
            parts = []
            while True:
                part = sock.recv(65536)
                if not part:
                    return b"".join(parts).decode("utf-8", "replace")
                parts.append(part)
    except OSError:
        return ""


class Server:
    """One server process; with peers it is a member of an ensemble."""

    def __init__(self, tick_ms=500, options=()):
        self.tick_ms = tick_ms
        self.options = list(options)
        self.port = proc.free_port()
        self.folder = proc.folder("zkl-zk")
        self.my_id = 0
        self.peer_lines = []
        self.process = None
        self.ip = "127.0.0.1"
        self.flags = []  # more of them for the JVM
        self.env = {}
        # Contexts in which it is started, and asked: a network of its own.
        self.there = contextlib.nullcontext
        self.asking = contextlib.nullcontext

    @property
    def address(self):
        return f"{self.ip}:{self.port}"

    def word(self, letters):
        with self.asking():
            return word(self.port, letters, ip=self.ip)

    def _configure(self):
        lines = [
            f"tickTime={self.tick_ms}",
            f"dataDir={self.folder}/data",
            f"clientPort={self.port}",
            f"clientPortAddress={self.ip}",
            "admin.enableServer=false",
            "4lw.commands.whitelist=*",
            "maxClientCnxns=0",
        ]
        os.makedirs(f"{self.folder}/data", exist_ok=True)
        if self.my_id:
            lines += ["initLimit=20", "syncLimit=5"] + self.peer_lines
            with open(f"{self.folder}/data/myid", "w",
                      encoding="ascii") as my_id:
                my_id.write(f"{self.my_id}\n")
        with open(f"{self.folder}/zoo.cfg", "w", encoding="ascii") as cfg:
            cfg.write("\n".join(lines + self.options) + "\n")

    def launch(self):
        """Start the process and do not wait for it to serve."""
        for jar in ("zookeeper.jar", "slf4j-simple.jar"):
            if not os.path.exists(f"{_JARS}/{jar}"):
                raise FileNotFoundError(
                    f"{_JARS}/{jar}: run tests/install.sh")
        self._configure()
        argv = ["java", *_FLAGS, *self.flags, "-cp",
                f"{_JARS}/zookeeper.jar:{_JARS}/slf4j-simple.jar",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                f"{self.folder}/zoo.cfg"]
        with self.there():
            self.process = proc.Process(
                argv, log=f"{self.folder}/server.log", cwd=self.folder,
                env=dict(os.environ, **self.env))
        return self

    def start(self):
        """Start and wait until it serves.  A port lost to someone else
        between choosing and binding is chosen again."""
        for _ in range(5):
            self.launch()
            try:
                return self.wait_ready()
            except ConnectionError:
                if self.my_id or "in use" not in self.process.log_text():
                    raise
                self.port = proc.free_port()
        raise ConnectionError("no port to be had in five tries")

    def mode(self):
        """'standalone', 'leader', 'follower', or '' while not serving."""
        found = re.search(r"^Mode: (\w+)", self.word("srvr"), re.M)
        return found.group(1) if found else ""

    def _ready_or_dead(self):
        if not self.process.alive():
            raise ConnectionError(
                "server ended:\n" + self.process.log_text()[-2000:])
        return self.mode()

    def wait_ready(self):
        proc.wait_until(self._ready_or_dead, _START_S,
                        f"server {self.address} serves "
                        f"(log: {self.process.log})", 0.05)
        return self

    def stop(self):
        """An orderly end; the data stays."""
        if self.process:
            self.process.stop()

    def kill(self):
        self.process.kill()

    def freeze(self):
        self.process.freeze()

    def thaw(self):
        self.process.thaw()

    def wipe(self):
        """Forget all data.  Only while stopped."""
        shutil.rmtree(f"{self.folder}/data", ignore_errors=True)

    def sessions(self):
        """Ids of all sessions the server knows (leader or standalone)."""
        return [int(found, 16) for found in re.findall(
            r"^\t?(0x[0-9a-f]+)(?=:?\s*$)", self.word("dump"), re.M)]

    def connections(self):
        """How many clients are connected, without our own question."""
        return max(0, len(re.findall(
            r"^ /", self.word("cons"), re.M)) - 1)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Ensemble:
    """Three servers, or any odd number.

    route(frm, to, port) may replace the quorum port that member `frm` uses
    for member `to`, so that a proxy can stand between them; it is asked
    once for each pair before the start.
    """

    def __init__(self, size=3, tick_ms=500, route=None, options=()):
        self.servers = [Server(tick_ms, options) for _ in range(size)]
        quorum = [proc.free_port() for _ in self.servers]
        election = [proc.free_port() for _ in self.servers]
        for i, server in enumerate(self.servers):
            server.my_id = i + 1
            for j in range(size):
                port = quorum[j]
                if route and i != j:
                    port = route(i, j, port) or port
                server.peer_lines.append(
                    f"server.{j + 1}=127.0.0.1:{port}:{election[j]}")

    @property
    def address(self):
        return ",".join(server.address for server in self.servers)

    def start(self):
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.wait_ready()
        return self

    def leader(self):
        """The serving leader, or None."""
        for server in self.servers:
            if server.process.alive() and server.mode() == "leader":
                return server
        return None

    def followers(self):
        return [server for server in self.servers
                if server.process.alive() and server.mode() == "follower"]

    def stop(self):
        for server in self.servers:
            if server.process:
                server.process.signal(15)
        for server in self.servers:
            server.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
