# SPDX-License-Identifier: MIT
"""proxy - a TCP proxy between a ZooKeeper client and its server that
misbehaves on request.

It delays, stalls one direction, resets, refuses, dribbles, and it reads the
frames well enough to lose or to hold back exactly one answer.  All chance
comes from the seed.  It never changes a byte.
"""
import asyncio
import random
import socket
import struct
import threading

UP, DOWN = "up", "down"  # towards the server, towards the client
_CREATES = (1, 15, 14)  # create, create2, multi; containers are 19, no bid
_CLOSE = -11
_EVENT = -1  # the xid of a watch event
_STEP_S = 20


class Gate:
    """One awaited frame: hit is set when it is there, open() lets it on."""

    def __init__(self, ops, needle, where, then):
        self.ops = ops
        self.needle = needle
        self.where = where
        self.then = then
        self.hit = threading.Event()
        self._open = None  # an asyncio.Event of the proxy's loop
        self.proxy = None

    def wait(self, within_s=_STEP_S):
        if not self.hit.wait(within_s):
            raise TimeoutError(f"no frame of kind {self.ops} passed")

    def open(self):
        self.proxy._in_loop(self._open.set)


class _Link:
    """One client's connection and its twin to the server."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.ends = {UP: (client[0], server[1]), DOWN: (server[0], client[1])}
        self.awaited = {}  # xid of a request -> its gate
        self.frames = {UP: 0, DOWN: 0}
        self.dead = False
        self.half = None  # set while the client's side is kept silent

    def abort(self):
        """Both ends get a reset, not a goodbye."""
        self.dead = True
        if self.half:
            self.half.set()
        for _, writer in self.ends.values():
            sock = writer.get_extra_info("socket")
            if sock is not None:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
                except OSError:
                    pass
            writer.transport.abort()

    async def pump(self, way):
        reader, writer = self.ends[way]
        try:
            if not self.proxy.frames:
                await self._raw(way, b"")
            while self.proxy.frames and not self.dead:
                head = await reader.readexactly(4)
                size = struct.unpack(">i", head)[0]
                if size < 0 or size > 1 << 26:  # a four-letter word
                    await self._raw(way, head)
                    return
                body = await reader.readexactly(size)
                if await self._frame(way, body):
                    await self._pass_on(way, writer, head + body)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            if not self.dead and not self.half:
                writer.close()

    async def _raw(self, way, head):
        reader, writer = self.ends[way]
        head = head or await reader.read(65536)
        while head:
            await self._pass_on(way, writer, head)
            head = await reader.read(65536)

    async def _pass_on(self, way, writer, raw):
        proxy = self.proxy
        delay_s = proxy.draw_delay_s(way)
        if delay_s:
            await asyncio.sleep(delay_s)
        await proxy.flow[way].wait()
        if proxy.dribbling:
            for i in range(len(raw)):
                writer.write(raw[i:i + 1])
                await writer.drain()
                await asyncio.sleep(0)
            return
        writer.write(raw)
        await writer.drain()

    async def _frame(self, way, body):
        """True when the frame may go on."""
        number = self.frames[way]
        self.frames[way] += 1
        if number == 0 or len(body) < 8:
            return True
        xid, second = struct.unpack_from(">ii", body)
        if way == UP:
            return await self._request(xid, second, body)
        if xid == _EVENT:
            gate = self.proxy.match(_EVENT, body)
            return await self._act(gate) if gate else True
        return await self._answer(xid)

    async def _request(self, xid, operation, body):
        gate = self.proxy.match(operation, body)
        if not gate:
            return True
        if gate.where == UP:
            return await self._act(gate)
        self.awaited[xid] = gate
        return True

    async def _answer(self, xid):
        gate = self.awaited.pop(xid, None)
        return await self._act(gate) if gate else True

    async def _act(self, gate):
        gate.hit.set()
        if gate.then == "reset":
            self.abort()
            return False
        if gate.then == "drop":
            return False
        await gate._open.wait()
        return not self.dead


class Proxy:
    """with Proxy("127.0.0.1:2181") as p: ... connect to p.address
    frames: what flows are a client's frames; else just bytes, as between two
    servers."""

    def __init__(self, target, seed=1, frames=True):
        self.frames = frames
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.random = random.Random(seed)
        self.port = 0
        self.dribbling = False
        self.refusing = False
        self.accepted = 0
        self.delays = {UP: (0, 0), DOWN: (0, 0)}
        self.flow = {}
        self._gates = []
        self._links = set()
        self._tasks = set()
        self._ready = threading.Event()
        self._end = None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), daemon=True)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        self._thread.start()
        if not self._ready.wait(_STEP_S):
            raise TimeoutError("proxy did not start")
        return self

    def stop(self):
        if self._thread.is_alive():
            self._in_loop(self._end.set)
            self._thread.join(_STEP_S)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    async def _main(self):
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        for way in (UP, DOWN):
            self.flow[way] = asyncio.Event()
            self.flow[way].set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for link in list(self._links):
            link.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.accepted += 1
        if self.refusing:
            writer.transport.abort()
            return
        try:
            server = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await asyncio.gather(link.pump(UP), link.pump(DOWN))
            if link.half:
                await link.half.wait()
        finally:
            self._links.discard(link)
            link.abort()

    def _in_loop(self, act):
        """Do it in the proxy's thread, and wait until it is done."""
        done = threading.Event()

        def both():
            act()
            done.set()

        self._loop.call_soon_threadsafe(both)
        done.wait(_STEP_S)

    def draw_delay_s(self, way):
        least_ms, spread_ms = self.delays[way]
        return (least_ms + self.random.random() * spread_ms) / 1000.0

    def match(self, operation, body):
        for gate in self._gates:
            if operation in gate.ops and gate.needle in body:
                self._gates.remove(gate)
                return gate
        return None

    def _gate(self, gate):
        gate.proxy = self
        ready = threading.Event()

        def arm():
            gate._open = asyncio.Event()
            self._gates.append(gate)
            ready.set()

        self._in_loop(arm)
        return gate

    # What a test may ask for.

    def delay(self, least_ms, spread_ms=0, ways=(UP, DOWN)):
        for way in ways:
            self.delays[way] = (least_ms, spread_ms)

    def stall(self, *ways):
        """Nothing flows in these directions (both when none is named)."""
        for way in ways or (UP, DOWN):
            self._in_loop(self.flow[way].clear)

    def flow_again(self):
        for way in (UP, DOWN):
            self._in_loop(self.flow[way].set)

    def reset(self):
        """Every connection dies now; new ones are welcome."""
        self._in_loop(lambda: [link.abort() for link in list(self._links)])

    def cut(self):
        """As reset, and nobody gets in until heal()."""
        self.refusing = True
        self.reset()

    def heal(self):
        self.refusing = False
        self.flow_again()

    def half_open(self):
        """The server's side dies; the client's side just stays silent,
        until reset() or cut()."""
        def part():
            for link in list(self._links):
                link.half = asyncio.Event()
                link.ends[UP][1].transport.abort()
        self._in_loop(part)

    def dribble(self, on=True):
        self.dribbling = on

    def swallow_create(self, needle=b"-lock-"):
        """The next such create is applied, its answer lost, the link
        reset: CONNECTIONLOSS for something that did happen."""
        return self._gate(Gate(_CREATES, needle, DOWN, "reset"))

    def lose_create(self, needle=b"-lock-"):
        """The next such create never reaches the server."""
        return self._gate(Gate(_CREATES, needle, UP, "reset"))

    def hold_create(self, needle=b"-lock-", where=DOWN):
        """Hold back the answer (or, UP, the request) of the next one, and
        everything behind it, until the gate is opened."""
        return self._gate(Gate(_CREATES, needle, where, "hold"))

    def lose_event(self, needle=b"-lock-"):
        """The next watch event of such a node never comes."""
        return self._gate(Gate((_EVENT,), needle, DOWN, "drop"))

    def swallow_delete(self, needle=b"-lock-"):
        return self._gate(Gate((2,), needle, DOWN, "reset"))
