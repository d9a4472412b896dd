# SPDX-License-Identifier: MIT
"""range - three real ZooKeeper servers and three daemons, each in a network
of its own, and every way to do them harm.

    with Range() as r:
        holder = r.hosts[0].client()
        holder.lock("a")
        r.island.cut("h1", r.server_of(r.hosts[0]).node)
        holder.event("SUSPENDED")

Servers are z1 z2 z3 and hosts h1 h2 h3 on the island.  Whatever a fault needs
is put back by r.mend(): cuts, stopped processes, killed servers and daemons.
Everything made here goes when the range is closed, also after an abort.
"""
import contextlib
import functools
import os
import shutil
import subprocess
import time

import freezer
import island
import proc
import proxy
import traces
import zk
import zkwire
from daemon import SESSION_MS, TICK_MS, Daemon

CLIENT_PORT, QUORUM_PORT, ELECTION_PORT = 2181, 2888, 3888
SERVE_S = 60  # election and a JVM on a loaded two-core machine
_FAKETIME = "/usr/lib/{}/faketime/libfaketime.so.1"
# More heap than this no test tree needs; three of them start at once.
_HEAP = ["-Xmx128m"]


class Server(zk.Server):
    """One member; node is its name on the island."""

    def __init__(self, net, number, tick_ms, options=()):
        super().__init__(tick_ms, options)
        self.node = f"z{number}"
        self.my_id = number
        self.ip = net.address(self.node)
        self.port = CLIENT_PORT
        self.flags = list(_HEAP)
        self.there = functools.partial(net.inside, self.node)
        self.asking = net.inside
        self.uplinks = []
        self._mounted = self._stalled = False
        self._clock = None

    # Its place in the ensemble: a follower that hears its leader late.

    def lags_behind(self, leaders):
        """Its way to each of those, should they lead, goes through proxies
        (election, too).  Before the start; then lag()."""
        own = [text for text in self.peer_lines
               if text.startswith(f"server.{self.my_id}=")]
        for other in leaders:
            ports = []
            for port in (QUORUM_PORT, ELECTION_PORT):
                with self.there():
                    link = proxy.Proxy(f"{other.ip}:{port}",
                                       frames=False).start()
                proc.on_end(link.stop)
                self.uplinks.append(link)
                ports.append(link.port)
            own.append(f"server.{other.my_id}=127.0.0.1"
                       f":{ports[0]}:{ports[1]}")
        self.peer_lines = own

    def lag(self, delay_ms):
        """What its leader says comes so much later, up to twice that."""
        for link in self.uplinks:
            link.delay(delay_ms, ways=(proxy.DOWN,))

    # Its wall clock.  Before the start.

    def own_clock(self):
        self._clock = Clock(self.folder)
        self.env = dict(self.env, **self._clock.env)

    def step_clock(self, offset_s):
        self._clock.step(offset_s)

    # Its disk.

    def own_disk(self, size_kb):
        """A disk of that size for its data, empty.  Only while stopped."""
        os.makedirs(f"{self.folder}/data", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k",
                        "zkl-disk", f"{self.folder}/data"], check=True)
        self._mounted = True
        proc.on_end(self.give_disk_back)

    def give_disk_back(self):
        self.go_on_disk()
        if self._mounted:
            subprocess.run(["umount", "-l", f"{self.folder}/data"],
                           check=False)
            self._mounted = False

    def own_image(self, size_kb):
        """A disk that can stall: ext4 in a file.  Only while stopped.  Why
        there is none, or ''."""
        os.makedirs(f"{self.folder}/data", exist_ok=True)
        image = f"{self.folder}/image"
        with open(image, "wb") as out:
            out.truncate(size_kb * 1024)
        for argv in (["mkfs.ext4", "-q", "-m", "0", image],
                     ["mount", "-o", "loop", image, f"{self.folder}/data"]):
            try:
                done = proc.run(argv)
            except FileNotFoundError as error:
                return str(error)
            if done.returncode != 0:
                return done.stderr.strip()
        self._mounted = True
        proc.on_end(self.give_disk_back)
        return ""

    def stall_disk(self):
        """No write and no fsync comes back before go_on_disk()."""
        subprocess.run(["fsfreeze", "-f", f"{self.folder}/data"], check=True)
        self._stalled = True

    def go_on_disk(self):
        if self._stalled:
            subprocess.run(["fsfreeze", "-u", f"{self.folder}/data"],
                           check=False)
            self._stalled = False

    def fill_disk(self):
        """Not a byte more fits."""
        with open(f"{self.folder}/data/filler", "wb", 0) as out:
            with contextlib.suppress(OSError):
                while True:
                    out.write(bytes(4096))

    def free_disk(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.folder}/data/filler")

    def save(self):
        """A copy of its data, for restore().  Only while stopped."""
        shutil.rmtree(f"{self.folder}/saved", ignore_errors=True)
        shutil.copytree(f"{self.folder}/data", f"{self.folder}/saved")

    def restore(self):
        self.wipe()
        shutil.copytree(f"{self.folder}/saved", f"{self.folder}/data")


class Host(Daemon):
    """One host: a daemon, and whatever else is started on it."""

    def __init__(self, net, node, servers, **keys):
        super().__init__(servers, host=node, **keys)
        self.node = node
        self.net = net
        self.group = freezer.Group(node)
        self.proxies = []
        self._clock = None

    def launch(self):
        with self.net.inside(self.node):
            super().launch()
        self.group.add(self.process)
        return self

    def spawn(self, argv, **kwargs):
        """Another process of this host; a frozen host freezes it too."""
        with self.net.inside(self.node):
            process = proc.Process(argv, **kwargs)
        self.group.add(process)
        return process

    def freeze_host(self):
        self.group.freeze()

    def thaw_host(self):
        self.group.thaw()

    def server(self):
        """The address its session is served from, by STATUS."""
        return self.rows("STATUS")["server"]

    # The proxy: a misbehaving wire to every server.  Before the start.

    def through_proxies(self, servers, seed=1):
        """Its way to each server leads through a proxy, by the server's
        node name: host.proxies["z1"].stall(proxy.DOWN)."""
        self.proxies = {}
        with self.net.inside(self.node):
            for server in servers:
                self.proxies[server.node] = proxy.Proxy(
                    server.address, seed).start()
        self.keys["servers"] = ",".join(
            link.address for link in self.proxies.values())
        return self

    # Its wall clock.  Before the start.

    def own_clock(self):
        self._clock = Clock(self.folder)
        self.env = dict(self.env or {}, **self._clock.env)
        return self

    def step_clock(self, offset_s):
        self._clock.step(offset_s)


class Clock:
    """A wall clock that can be set; CLOCK_BOOTTIME and MONOTONIC stay."""

    def __init__(self, folder):
        self._file = f"{folder}/clock"
        self.step(0)
        library = _FAKETIME.format(os.uname().machine + "-linux-gnu")
        if not os.path.exists(library):
            raise FileNotFoundError(
                f"{library}: run tests/install.sh (Debian's libfaketime)")
        self.env = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": self._file,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Or waits of a JVM end before their time, again and again.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def step(self, offset_s):
        """The clock shows this much more (or less) than the true one."""
        with open(self._file + ".new", "w", encoding="ascii") as out:
            out.write(f"{offset_s:+d}\n")
        os.rename(self._file + ".new", self._file)


class Range:
    """servers and hosts: how many.  Other keys are the daemons' own; the
    hosts are started by start() (all of them) or one by one."""

    def __init__(self, servers=3, hosts=3, tick_ms=TICK_MS, options=(),
                 **keys):
        keys.setdefault("session_timeout_ms", SESSION_MS)
        keys.setdefault("server_tick_ms", tick_ms)
        self.keys = keys
        traces.settle()
        names = [f"z{i + 1}" for i in range(servers)]
        self.island = island.Island(
            names + [f"h{i + 1}" for i in range(hosts)])
        self.servers = [Server(self.island, i + 1, tick_ms, options)
                        for i in range(servers)]
        for server in self.servers:
            server.peer_lines = [
                f"server.{other.my_id}={other.ip}:{QUORUM_PORT}"
                f":{ELECTION_PORT}" for other in self.servers]
        self.hosts = [Host(self.island, f"h{i + 1}", self.address, **keys)
                      for i in range(hosts)]
        self._observers = []

    @property
    def address(self):
        return ",".join(server.address for server in self.servers)

    @property
    def session_s(self):
        return self.keys["session_timeout_ms"] / 1000

    # Life.

    def start_servers(self):
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.wait_ready()
        return self

    def start(self):
        self.start_servers()
        for host in self.hosts:
            host.launch()
        for host in self.hosts:
            host.wait_ready()
        return self

    def close(self):
        """Hosts in order, servers without ceremony."""
        self.island.heal()
        for observer in self._observers:
            observer.drop()
        for host in self.hosts:
            self._stop_host(host)
        for server in self.servers:
            server.go_on_disk()
            if server.process:
                server.process.kill()
            for link in server.uplinks:
                link.stop()
            server.give_disk_back()
        self.island.close()

    @staticmethod
    def _stop_host(host):
        host.thaw_host()
        if host.process and host.process.alive():
            host.process.thaw()
            host.process.stop(30)
        for link in host.proxies and host.proxies.values():
            link.stop()
        host.group.close()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # Who is who.

    def named(self, node):
        """The server or host of that name."""
        return next(one for one in self.servers + self.hosts
                    if one.node == node)

    def leader(self):
        return next((server for server in self.servers
                     if server.process.alive()
                     and server.mode() == "leader"), None)

    def wait_leader(self, within_s=SERVE_S):
        return proc.wait_until(self.leader, within_s, "a leader", 0.05)

    def followers(self):
        return [server for server in self.servers
                if server.process.alive() and server.mode() == "follower"]

    def server_of(self, host):
        """The server that the host's session is attached to."""
        address = host.server()
        if host.proxies:
            address = next(server.address for server in self.servers
                           if host.proxies[server.node].address == address)
        return next(server for server in self.servers
                    if server.address == address)

    def place(self, host, server):
        """The host's session is moved to that server (by refusing it all
        others for a while).  No hold may be open meanwhile."""
        others = [other for other in self.servers if other is not server]
        for other in others:
            self.island.cut(host.node, other.node, "prohibit")
        proc.wait_until(lambda: host.state() == "connected"
                        and self.server_of(host) is server,
                        3 * self.session_s + 10,
                        f"{host.node} on {server.node}")
        for other in others:
            self.island.join(host.node, other.node)
        return server

    # Independent eyes.

    def observer(self, server=None, timeout_ms=10000, session_id=0):
        """A ZooKeeper client of ours beside the router, never cut off."""
        with self.island.inside():
            made = zkwire.Client((server or self.servers[0]).address,
                                 timeout_ms, session_id)
        self._observers.append(made)
        return made

    def serves(self, within_s=20):
        """Whether a stranger is given a session by any server."""
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            for server in self.servers:
                try:
                    self.observer(server).close()
                except (OSError, zkwire.ZkError):
                    continue
                return True
        return False

    # Putting things back.

    def mend(self):
        """Everything heals, everybody runs and is connected."""
        self.island.heal()
        for node in self.servers + self.hosts:
            self.island.plug(node.node, True)
        for server in self.servers:
            server.go_on_disk()
            server.free_disk()
            server.lag(0)
            if server.process.alive():
                server.thaw()
            else:
                server.launch()
        for host in self.hosts:
            host.thaw_host()
            for link in host.proxies and host.proxies.values():
                link.heal()
            if host.process and host.process.alive():
                host.thaw()
            elif host.process:
                host.launch()
        for server in self.servers:
            server.wait_ready()
        for host in self.hosts:
            if host.process:
                host.wait_ready("connected", SERVE_S)
