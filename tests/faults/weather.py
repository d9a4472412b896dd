# SPDX-License-Identifier: MIT
"""weather - faults by chance: which, where, when and for how long, all from
one seed, overlapping as they come.

Each kind is a method that chooses and hands back where it strikes, what does
the harm and what ends it (or None when there is nothing to harm just now).
What is done to a process is written into the history, for the checker to know
who could not hear.
"""
import heapq
import random
import signal
import time

# From 0.3 s, which nothing should notice, to well past a session.
_SHORTEST_S, _LONGEST_S = 0.3, 14.0
_END_S = 20  # for an orderly end of a daemon
_GAP_S = 4.0  # between two beginnings, at most


class Weather:
    """folks: the client processes, each with .who, .process and .launch()."""

    def __init__(self, the_range, folks, history, seed):
        self.range = the_range
        self.island = the_range.island
        self.folks = folks
        self.history = history
        self.random = random.Random(seed)
        self.counts = {}
        self.deaths = []
        self._ends = []  # heap of (at_s, number, what, end)
        self._number = 0
        self._busy = set()  # processes that something is done to
        self._next_s = 0.0
        self._kinds = [
            (4, self.cut_servers), (2, self.cut_server_off),
            (6, self.cut_from_server), (5, self.cut_host_off),
            (2, self.pull_the_cable),
            (3, self.stop_server), (3, self.stop_daemon),
            (3, self.stop_clients), (2, self.stop_host),
            (3, self.kill_server), (2, self.kill_daemon),
            (2, self.end_daemon), (2, self.kill_clients),
        ]

    # The run of things.

    def storm(self):
        """The first fault comes now."""
        self._next_s = time.monotonic()

    def turn(self):
        """Whatever is due now; when the next thing is."""
        now_s = time.monotonic()
        while self._ends and self._ends[0][0] <= now_s:
            self._end(heapq.heappop(self._ends))
        if now_s >= self._next_s:
            self._strike()
            self._next_s = time.monotonic() + self.random.random() * _GAP_S
        return min([self._next_s] + [end[0] for end in self._ends[:1]])

    def calm_down(self):
        """All ends at once."""
        while self._ends:
            self._end(heapq.heappop(self._ends))

    def _strike(self):
        kind = self.random.choices(
            [kind for _, kind in self._kinds],
            [weight for weight, _ in self._kinds])[0]
        lasts_s = _SHORTEST_S * (_LONGEST_S / _SHORTEST_S) \
            ** self.random.random()
        chosen = kind()
        if not chosen:
            return
        where, begin, end = chosen
        self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
        self._number += 1
        told = f"{kind.__name__},{where},{lasts_s:.1f}s"
        self.history.line("fault", what=told)
        begin()
        heapq.heappush(self._ends, (time.monotonic() + lasts_s, self._number,
                                    told, end))

    def _end(self, entry):
        _, _, told, end = entry
        end()
        self.history.line("mended", what=told)

    def _pick(self, some, name):
        """One of them that nothing is done to, now ours; or None."""
        free = [one for one in some if name(one) not in self._busy]
        if not free:
            return None
        one = self.random.choice(free)
        self._busy.add(name(one))
        return one

    # Wires.

    def _cut(self, one, other):
        """Both ways, or one; swallowed, or now and then refused."""
        how = self.random.choice(["blackhole", "blackhole", "prohibit"])
        ways = self.random.choice([[(one, other)], [(other, one)],
                                   [(one, other), (other, one)]])

        def part():
            for frm, to in ways:
                self.island.cut_way(frm, to, how)

        def join():
            self.island.join(one, other)
        told = "+".join(f"{frm}-{to}" for frm, to in ways)
        return f"{told},{how}", part, join

    def cut_servers(self):
        one, other = self.random.sample(self.range.servers, 2)
        return self._cut(one.node, other.node)

    def cut_from_server(self):
        host = self.random.choice(self.range.hosts)
        return self._cut(host.node,
                         self.random.choice(self.range.servers).node)

    def _off(self, node, others):
        def part():
            for other in others:
                self.island.cut(node, other.node)

        def join():
            for other in others:
                self.island.join(node, other.node)
        return node, part, join

    def cut_server_off(self):
        server = self.random.choice(self.range.servers)
        return self._off(server.node, [
            one for one in self.range.servers + self.range.hosts
            if one is not server])

    def cut_host_off(self):
        host = self.random.choice(self.range.hosts)
        return self._off(host.node, self.range.servers)

    def pull_the_cable(self):
        node = self.random.choice(self.range.servers + self.range.hosts).node
        return node, lambda: self.island.plug(node, False), \
            lambda: self.island.plug(node, True)

    # Standing still.

    def _stop(self, who, stop, go):
        def begin():
            self.history.line("stop", who)
            stop()

        def end():
            go()
            self.history.line("go", who)
            self._busy.discard(who)
        return who, begin, end

    def stop_server(self):
        server = self._pick(self.range.servers, lambda one: one.node)
        return server and self._stop(server.node, server.freeze, server.thaw)

    def stop_daemon(self):
        host = self._pick(self.range.hosts, lambda one: f"{one.node}/d")
        return host and self._stop(f"{host.node}/d", host.freeze, host.thaw)

    def stop_clients(self):
        folk = self._pick(self.folks, lambda one: one.who)
        return folk and self._stop(folk.who, folk.process.freeze,
                                   folk.process.thaw)

    def stop_host(self):
        """Daemon and clients at one moment, if nothing is done to them."""
        host = self.random.choice(self.range.hosts)
        mine = {f"{host.node}/d"} | {folk.who for folk in self.folks
                                     if folk.host is host}
        if mine & self._busy:
            return None
        self._busy |= mine
        who, begin, end = self._stop(host.node, host.freeze_host,
                                     host.thaw_host)

        def all_end():
            end()
            self._busy -= mine
        return who, begin, all_end

    # Death.

    def kill_server(self):
        server = self._pick(self.range.servers, lambda one: one.node)
        if not server:
            return None

        def back():
            server.launch()
            self._busy.discard(server.node)
        return server.node, server.kill, back

    def kill_daemon(self):
        host = self._pick(self.range.hosts, lambda one: f"{one.node}/d")
        if not host:
            return None

        def kill():
            self.history.line("kill", f"{host.node}/d")
            host.kill()
        return host.node, kill, lambda: self._launch(host)

    def end_daemon(self):
        """SIGTERM; it may take a while over it."""
        host = self._pick(self.range.hosts, lambda one: f"{one.node}/d")
        if not host:
            return None

        def back():
            code = host.process.wait(_END_S)
            if code != 0:
                self.deaths.append(
                    f"died: {host.node}'s daemon, asked to end, with {code}")
            self._launch(host)
        return host.node, lambda: host.process.signal(signal.SIGTERM), back

    def _launch(self, host):
        host.launch()
        self._busy.discard(f"{host.node}/d")

    def kill_clients(self):
        folk = self._pick(self.folks, lambda one: one.who)
        if not folk:
            return None
        was = folk.who

        def kill():
            self.history.line("kill", was)
            folk.process.kill()

        def back():
            folk.launch()
            self._busy.discard(was)
        return was, kill, back

    def ended_by_us(self, host):
        """Whether its daemon is down, or going, because of a fault."""
        return f"{host.node}/d" in self._busy
