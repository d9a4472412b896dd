# SPDX-License-Identifier: MIT
"""stand - what tests/bench measures on: private servers, the daemons, and
one way to run a driver.

Servers are started when a workload first asks for them and end with the
program.  ZooKeeper runs as it would in earnest: data on disk, every
transaction synced, a heap and a compiler that are not starved.
"""
import json
import os
import subprocess

import proc
import zk
from daemon import Daemon

JARS = "/usr/share/java/"
CURATOR = ":".join(JARS + jar for jar in (
    "curator-recipes.jar", "curator-framework.jar", "curator-client.jar",
    "zookeeper.jar", "zookeeper-jute.jar", "guava.jar", "failureaccess.jar",
    "slf4j-api.jar", "slf4j-nop.jar", "netty-all.jar", "netty-handler.jar",
    "netty-common.jar", "netty-buffer.jar", "netty-transport.jar"))
ZK_JVM = ["-Xmx768m", "-XX:TieredStopAtLevel=4", "-Dzookeeper.forceSync=yes",
          "-Dznode.container.checkIntervalMs=60000"]
HERE = os.path.dirname(os.path.abspath(__file__))
LAST_CPU = max(os.sched_getaffinity(0))


class Stand:

    def __init__(self, zklockd=None):
        self.folder = proc.folder("zkl-bench")
        self.peers = os.environ.get("BENCH_PEERS", "")
        self.made = {}
        if zklockd:
            os.environ["ZKLOCKD"] = zklockd

    def get(self, name, make):
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    # servers

    def zookeeper(self):
        def make():
            server = zk.Server(tick_ms=2000)
            server.flags = ZK_JVM
            return server.start()
        return self.get("zk", make)

    def servers(self):
        return self.zookeeper().address

    def redis(self):
        return self.get("redis", lambda: self._beside(
            "redis", [self.peers + "/redis-server", "--port", "0", "--save",
                      "", "--appendonly", "no", "--dir", self.folder,
                      "--unixsocket"]))

    def floor(self):
        return self.get("floor", lambda: self._beside(
            "floor", [bench(), "floor"]))

    def _beside(self, name, argv):
        """A server whose last word is its Unix socket: its process."""
        sock = f"{self.folder}/{name}"
        process = proc.Process(argv + [sock], log=f"{sock}.log")
        proc.wait_until(lambda: os.path.exists(sock), 20, f"{name} serves")
        process.socket = sock
        return process

    def etcd(self):
        return self.get("etcd", self._etcd)

    def _etcd(self):
        client, peer = proc.free_port(), proc.free_port()
        url, peer_url = (f"http://127.0.0.1:{port}" for port in (client, peer))
        proc.Process([self.peers + "/etcd/usr/bin/etcd", "--data-dir",
                      self.folder + "/etcd", "--listen-client-urls", url,
                      "--advertise-client-urls", url, "--listen-peer-urls",
                      peer_url, "--initial-advertise-peer-urls", peer_url,
                      "--initial-cluster", "default=" + peer_url],
                     log=self.folder + "/etcd.log")
        proc.wait_until(lambda: zk.word(client, "GET /health HTTP/1.0\r\n\r\n")
                        .find('"true"') > 0, 30, "etcd serves", 0.2)
        return f"127.0.0.1:{client}"

    # daemons

    def daemon(self, name="warm", **keys):
        """A host that stays; name it by what is special about it."""
        return self.get("daemon " + name,
                        lambda: self.host(name, **keys).start())

    def host(self, name, **keys):
        """A new one, not started: for a workload of its own."""
        return Daemon(
            self.servers(), host=name, root="/bench-" + name.split("-")[0],
            session_timeout_ms=12000, server_tick_ms=2000,
            clients_max=12000, clients_per_uid_max=12000, **keys)

    # drivers

    def c(self, *words, pin=()):
        """A driver in C; pin: processes that share one core with it."""
        return self._run([bench(), *words], pin)

    def kazoo(self, *words):
        folder = proc.folder("zkl-kazoo")
        return self._run(["/usr/bin/python3", HERE + "/peer_kazoo.py",
                          words[0], self.servers(), *words[1:]],
                         env={"BENCH_FOLDER": folder})

    def asyncio(self, *words):
        return self._run(["/usr/bin/python3", HERE + "/ten_asyncio.py",
                          *words])

    def curator(self, *words):
        return self._run(["java", "-Xss512k", "-cp",
                          self.peers + ":" + CURATOR, "PeerCurator",
                          words[0], self.servers(), *words[1:]])

    def etcd_mutex(self, *words):
        return self._run([self.peers + "/peer_etcd", words[0], self.etcd(),
                          *words[1:]])

    def _run(self, argv, pin=(), env=None):
        argv = [str(word) for word in argv]
        everywhere = os.sched_getaffinity(0)
        for process in pin:
            os.sched_setaffinity(process.pid, {LAST_CPU})
        if pin:
            argv = ["taskset", "-c", str(LAST_CPU)] + argv
        try:
            done = proc.run(argv, 180, env=dict(os.environ, **(env or {})))
        finally:
            for process in pin:
                os.sched_setaffinity(process.pid, everywhere)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)} ended with "
                               f"{done.returncode}:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def start(self, *words):
        """A driver that goes on beside others: its process."""
        return proc.Process([bench(), *[str(word) for word in words]],
                            stdout=subprocess.PIPE, stdin=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)

    def transactions(self):
        """The last zxid: the difference is what was written between."""
        text = zk.word(self.zookeeper().port, "srvr")
        return int(text.split("Zxid: ")[1].split()[0], 16)

    def requests(self):
        text = zk.word(self.zookeeper().port, "srvr")
        return int(text.split("Received: ")[1].split()[0])


def bench():
    return proc.program("zkl_bench", "ZKL_BENCH", "tests/bench")


def cpu_ns(process):
    """What a process has spent on processors so far."""
    with open(f"/proc/{process.pid}/schedstat", encoding="ascii") as text:
        return int(text.read().split()[0])
