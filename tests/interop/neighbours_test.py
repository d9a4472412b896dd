#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What neighbours do to one another's nodes, step by step: who respects whom,
a writer that steps down, odd children, parents that vanish, and what is seen
of us from outside."""
import os
import re
import select
import subprocess
import sys
import threading
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from kazoo.client import KazooClient  # noqa: E402
from kazoo.exceptions import LockTimeout  # noqa: E402
from kazoo.recipe.lock import Lock, WriteLock  # noqa: E402

import proc  # noqa: E402
import zkwire  # noqa: E402
from arena import CURATOR, Arena  # noqa: E402

BOTH = zkwire.EPHEMERAL | zkwire.SEQUENTIAL
PATIENCE_S = 30
# Long enough that a grant that should not be would have come.
STILL_S = 0.5


def pairs(row):
    return {key: value.strip('"') for key, value in
            re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', row)}


class NeighboursTest(Arena):

    shares = {"/n/curator": "curator", "/n/rw": "curator-rw",
              "/n/kazoo": "kazoo"}
    keys = {"linger_ms": 0}

    def setUp(self):
        self.clients = []
        self.kazoo_client = None

    def tearDown(self):
        for client in self.clients:
            client.close()
        if self.kazoo_client:
            self.kazoo_client.stop()
            self.kazoo_client.close()

    def client(self, host=0):
        made = self.hosts[host].client()
        self.clients.append(made)
        return made

    @property
    def python(self):
        if not self.kazoo_client:
            self.kazoo_client = KazooClient(self.server.address)
            self.kazoo_client.start(PATIENCE_S)
        return self.kazoo_client

    def queue(self, path):
        return sorted(self.observer.children(path), key=lambda one: one[-10:])

    def still_waits(self, client, tag):
        """No grant comes."""
        with self.assertRaises(TimeoutError):
            client.reply(tag, STILL_S)

    def foreign(self, path, stem):
        """A node of a stranger's, in the name of the observer."""
        self.observer.make_parents(path)
        return self.observer.create(f"{path}/{stem}", b"stranger", BOTH)[0]

    # Who respects whom.

    def test_we_respect_everybody(self):
        stems = (f"_c_{uuid.uuid4()}-lock-", f"_c_{uuid.uuid4()}-__WRIT__",
                 f"_c_{uuid.uuid4()}-__READ__",
                 f"{uuid.uuid4().hex}__lock__", f"{uuid.uuid4().hex}__rlock__",
                 f"_c_{uuid.uuid4().hex}-lock-", f"lock-",
                 "x-1000f2a3b4c50001-", "x-72139460215078912-")
        for number, stem in enumerate(stems):
            for prefix in self.shares:
                path = f"{prefix}/respect{number}"
                with self.subTest(stem=stem, path=path):
                    theirs = self.foreign(path, stem)
                    client = self.client()
                    tag = client.enqueue(path)
                    self.observer.delete(theirs)
                    client.granted(tag)
                    client.close()

    def respects(self, lock):
        """Does kazoo wait for us?"""
        try:
            lock.acquire(timeout=STILL_S)
        except LockTimeout:
            return True
        lock.release()
        return False

    def test_kazoo_respects_what_the_manual_says(self):
        for path, kind, patterns, wanted in (
                ("/n/kazoo/k1", Lock, (), True),
                ("/n/kazoo/k2", WriteLock, (), True),
                ("/n/curator/k3", Lock, (), False),
                ("/n/curator/k4", Lock, ("-lock-",), True),
                ("/n/rw/k5", Lock, (), False),
                ("/n/rw/k6", Lock, ("-lock-",), False)):
            with self.subTest(path=path):
                client = self.client()
                client.lock(path)
                lock = kind(self.python, path, "kazoo",
                            extra_lock_patterns=patterns)
                self.assertEqual(self.respects(lock), wanted)
                client.unlock(path)

    def test_kazoos_writer_respects_its_own_spelling_only(self):
        for path in ("/n/curator/k7", "/n/rw/k8"):
            self.client().lock(path)
            self.assertFalse(self.respects(
                WriteLock(self.python, path, "kazoo")))

    def comes_in(self, path, kind):
        """Does Curator get in beside us?"""
        folder = proc.folder("zkl-inside")
        client = self.client()
        client.lock(path)
        other = self.curator(path, folder, kind, hold_ms=1000)
        other.ready()
        other.start()
        try:
            proc.wait_until(lambda: os.listdir(folder), 2 * STILL_S, kind)
            beside = True
        except TimeoutError:
            beside = False
        client.unlock(path)
        proc.wait_until(lambda: os.listdir(folder), PATIENCE_S, "its turn")
        self.assertEqual(other.finish()["errors"], [])
        return beside

    def test_curator_respects_what_the_manual_says(self):
        for path, kind, wanted in (("/n/curator/c1", "mutex", True),
                                   ("/n/curator/c2", "write", False),
                                   ("/n/rw/c3", "mutex", False),
                                   ("/n/rw/c4", "write", True),
                                   ("/n/rw/c5", "read", True),
                                   ("/n/kazoo/c6", "mutex", False),
                                   ("/n/kazoo/c7", "write", False)):
            with self.subTest(path=path, kind=kind):
                self.assertEqual(not self.comes_in(path, kind), wanted)

    def test_only_kazoos_writers_respect_our_readers(self):
        self.client().lock("/n/kazoo/readers", "mode=s")
        self.assertFalse(self.respects(
            Lock(self.python, "/n/kazoo/readers", "kazoo")))
        self.assertTrue(self.respects(
            WriteLock(self.python, "/n/kazoo/readers", "kazoo")))

    # A writer that steps down, as Curator does since 5.5 (C1).

    def step_down(self, mode):
        path = f"/n/rw/down-{mode}"
        writer = self.foreign(path, f"_c_{uuid.uuid4()}-__WRIT__")
        client = self.client()
        tag = client.enqueue(path, f"mode={mode}")
        # The reader that it stays has its writer's number.
        reader, _ = self.observer.create(
            f"{path}/_c_{uuid.uuid4()}-__READ__{writer[-10:]}", b"",
            zkwire.EPHEMERAL)
        self.observer.delete(writer)
        return client, tag, reader

    def test_a_writer_steps_down_and_a_writer_waits_on(self):
        client, tag, reader = self.step_down("x")
        self.still_waits(client, tag)
        self.observer.delete(reader)
        client.granted(tag)

    def test_a_writer_steps_down_and_a_reader_comes_in(self):
        client, tag, reader = self.step_down("s")
        client.granted(tag)
        self.assertIsNotNone(self.observer.exists(reader))
        self.observer.delete(reader)

    # Children that are none of the queue.

    def test_odd_children_are_passed_over(self):
        path = "/n/curator/odd"
        self.observer.make_parents(path)
        odd = ["a", "0", "-", "lock-", "lock-123", "lock-00000000001",
               "x--0000000000", "lock-0000000000x", "__lock__",
               "é-lock", "_c_-lease-0000000000", "a" * 1000]
        for name in odd:
            self.observer.create(f"{path}/{name}", b"\xff\x00\n")
        first, second = self.client(0), self.client(1)
        first.lock(path)
        tag = second.enqueue(path)
        reply = first.ok(f"WHO {path}")
        self.assertEqual(len(reply.rows), 2)
        self.assertEqual(pairs(reply.text)["others"], str(len(odd)))
        first.unlock(path)
        second.granted(tag)
        second.unlock(path)
        for name in odd:
            self.observer.delete(f"{path}/{name}")

    def test_odd_data_is_shown_readably(self):
        path = "/n/curator/data"
        self.observer.make_parents(path)
        node, _ = self.observer.create(
            f"{path}/_c_{uuid.uuid4()}-lock-", b'a"b\xff\x1b[31m\nc', BOTH)
        long_node, _ = self.observer.create(
            f"{path}/{'y' * 1500}lock-", b"z" * 5000, BOTH)
        client = self.client()
        tag = client.enqueue(path)
        rows = self.client().ok(f"WHO {path}").rows
        self.assertEqual([pairs(row)["who"] for row in rows],
                         ["curator", "other", "zklockd"])
        self.assertIn(r'holder="curator a\"b??[31m?c"', rows[0])
        self.observer.delete(node)
        self.observer.delete(long_node)
        client.granted(tag)

    # Parents.

    def test_parents_are_what_the_layout_wants(self):
        client = self.client()
        paths = [f"{prefix}/parent" for prefix in self.shares]
        for path in paths:
            client.lock(path)
            self.assertEqual(self.observer.get(path)[0] or b"", b"")
            client.unlock(path)
        # The server takes containers away once they are empty.
        for path in paths[:2]:
            proc.wait_until(lambda: not self.observer.exists(path),
                            PATIENCE_S, f"{path} is a container")
        self.assertIsNotNone(self.observer.exists("/n/kazoo/parent"))
        for prefix in self.shares:
            self.assertIsNotNone(self.observer.exists(prefix))

    def test_a_parent_that_vanishes_again_and_again(self):
        path = "/n/curator/vanish"
        over = threading.Event()
        gone = []

        def reap():
            with zkwire.Client(self.server.address) as other:
                while not over.is_set():
                    for victim in (path, "/n/curator"):
                        try:
                            other.delete(victim)
                            gone.append(victim)
                        except zkwire.ZkError:
                            pass

        thread = threading.Thread(target=reap)
        thread.start()
        try:
            first, second = self.client(0), self.client(1)
            # Every grant comes, and the reaper finds it empty now and then.
            for cycle in range(2000):
                if cycle >= 50 and len(gone) >= 10:
                    break
                first.lock(path, within_s=PATIENCE_S)
                first.unlock(path)
                second.lock(path, within_s=PATIENCE_S)
                second.unlock(path)
        finally:
            over.set()
            thread.join()
        self.assertGreaterEqual(len(gone), 10)

    # Seen from outside.

    def test_kazoo_reads_our_line(self):
        path = "/n/kazoo/line"
        client = self.client()
        client.ok('HELLO 1 client="deploy 2.1"')
        client.lock(path, 'note="nightly dump"')
        theirs = Lock(self.python, path, "worker7")
        waiter = threading.Thread(target=theirs.acquire)
        waiter.start()
        proc.wait_until(lambda: len(self.queue(path)) == 2, PATIENCE_S,
                        "kazoo queues")
        seen = theirs.contenders()
        self.assertEqual(seen, [
            f"host=host1 pid={os.getpid()} uid={os.getuid()} "
            'cmd="deploy 2.1" note="nightly dump"', "worker7"])
        rows = [pairs(row) for row in self.client(1).ok(f"WHO {path}").rows]
        self.assertEqual([row["who"] for row in rows], ["zklockd", "kazoo"])
        self.assertEqual([row["state"] for row in rows],
                         ["front", "waiting"])
        self.assertEqual(rows[0]["host"], "host1")
        self.assertEqual(rows[0]["note"], "nightly dump")
        self.assertEqual(rows[1]["holder"], "kazoo worker7")
        client.unlock(path)
        waiter.join(PATIENCE_S)
        theirs.release()

    def test_the_shell_of_zookeeper_shows_our_line(self):
        granted = self.client().lock("/n/curator/shell", "note=why")
        shown = subprocess.run(
            ["java", "-cp", CURATOR.replace("slf4j-nop", "slf4j-simple")
             + ":/usr/share/java/commons-cli.jar"
             + ":/usr/share/java/jline2.jar"
             + ":/usr/share/java/jackson-databind.jar"
             + ":/usr/share/java/jackson-core.jar"
             + ":/usr/share/java/jackson-annotations.jar",
             "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
             "org.apache.zookeeper.ZooKeeperMain", "-server",
             self.server.address, "get", granted["node"]],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60, check=False).stdout.decode()
        lines = [line for line in shown.splitlines()
                 if line.startswith("host=")]
        self.assertEqual(len(lines), 1, shown)
        self.assertRegex(lines[0], rf"^host=host1 pid={os.getpid()} "
                         rf"uid={os.getuid()} cmd=\S+ note=why$")

    # The whole cluster.

    def test_who_and_list_over_two_hosts(self):
        first, second = self.client(0), self.client(1)
        first.lock("both/a")
        tag = second.enqueue("both/a", "note=mine")
        second.lock("both/b")
        rows = [pairs(row) for row in first.ok("WHO both/a").rows]
        self.assertEqual([(row["pos"], row["state"], row["host"])
                          for row in rows],
                         [("1", "front", "host1"), ("2", "waiting", "host2")])
        self.assertEqual(rows[1]["note"], "mine")
        for host in (0, 1):
            rows = self.client(host).ok("LIST both/* scope=cluster").rows
            self.assertEqual([row.split(" ")[0] for row in rows],
                             ["both/a", "both/b"])
            shown = [pairs(row) for row in rows]
            self.assertEqual([row["bids"] for row in shown], ["2", "1"])
            self.assertEqual([row["host"] for row in shown],
                             ["host1", "host2"])
        first.unlock("both/a")
        second.granted(tag)

    # Asked to let go.

    @staticmethod
    def hears(client, holder, path):
        client.ok(f"REVOKE {path}")
        return select.select([holder.process.stdout], [], [], 0.5)[0]

    def test_curator_hears_our_revoke(self):
        path = "/n/curator/revocable"
        holder = self.curator(path, proc.folder("zkl-inside"), "revocable",
                              hold_ms=5000)
        holder.ready()
        holder.start()
        proc.wait_until(lambda: self.queue(path), PATIENCE_S, "Curator holds")
        client = self.client()
        tag = client.enqueue(path)
        # Its node is there before it listens: until then it hears nothing.
        proc.wait_until(lambda: self.hears(client, holder, path), PATIENCE_S,
                        "Curator hears of it")
        self.assertEqual(holder.process.stdout.readline(), b"revoked\n")
        self.assertEqual(holder.finish()["errors"], [])
        client.granted(tag, PATIENCE_S)

    def test_we_hear_curators_revoke(self):
        """What its Revoker does is to write this word into the node."""
        client, waiter = self.client(), self.client(1)
        granted = client.lock("/n/curator/asked")
        waiter.enqueue("/n/curator/asked")
        self.observer.set(granted["node"], b"__REVOKE__")
        event = client.event("REVOKE")
        self.assertIn("/n/curator/asked", event.text)
        client.unlock("/n/curator/asked")


if __name__ == "__main__":
    unittest.main()
