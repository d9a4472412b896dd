#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""WHO and LIST scope=cluster over the coordinator in memory: rows, pages,
what is left out, and that nobody waits behind a question."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from wirecase import WireCase  # noqa: E402

BATCH = 100  # LOCKs in flight: their answers are read then
PAGE = 1000  # ROWS_MAX of hub_cluster.c


def pairs(row):
    """key=value of a row, quotes taken off."""
    return {key: value.strip('"') for key, value in
            re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', row)}


class WhoTest(WireCase):

    keys = {"shares": {"/py": "kazoo"}, "tickets_max": 8192,
            "tickets_per_conn_max": 8192, "linger_ms": 0}

    def test_the_holder_is_shown(self):
        name = self.name()
        client = self.client()
        client.ok('HELLO 1 client="deploy 2.1"')
        granted = client.lock(name, 'note="a b"')
        reply = self.client().ok(f"WHO {name}")
        self.assertEqual(len(reply.rows), 1)
        row = reply.rows[0]
        self.assertTrue(row.startswith(f"{name} pos=1 state=front "
                                       "who=zklockd mode=x holder="), row)
        shown = pairs(row)
        self.assertEqual(shown["host"], "host1")
        self.assertEqual(shown["pid"], str(os.getpid()))
        self.assertEqual(shown["uid"], str(os.getuid()))
        self.assertEqual(shown["cmd"], "deploy 2.1")
        self.assertEqual(shown["note"], "a b")
        self.assertLess(int(shown["age_ms"]), 60000)
        self.assertTrue(granted["node"].endswith("/" + shown["node"]))
        self.assertEqual(reply.text.split(" ", 1)[1], "OK 1")

    def test_nobody_and_nothing(self):
        client = self.client()
        self.assertEqual(client.ok("WHO never/seen").rows, [])
        client.err("WHO /elsewhere/x", "DENIED")
        client.lock("/py/held")
        self.assertEqual(len(client.ok("WHO /py/held").rows), 1)

    def test_a_semaphore(self):
        """Leases first; who waits for one has the entry and is shown once;
        behind it who waits at the entry."""
        name = self.name()
        clients = [self.client() for _ in range(4)]
        for client in clients[:2]:
            client.ok('HELLO 1 client="holder"')
            client.lock(name, "slots=2")
        clients[2].enqueue(name, "slots=2")
        tag = clients[3].enqueue(name, "slots=2")
        client = self.client()

        def shown():
            reply = client.ok(f"WHO {name}")
            return [(row["state"], row["node"].split("/")[0])
                    for row in map(pairs, reply.rows)], reply.text
        wanted = [("front", "leases"), ("front", "leases"),
                  ("waiting", "leases"), ("waiting", "locks")]
        proc.wait_until(lambda: shown()[0] == wanted, 10,
                        f"{wanted}, not {shown()}")
        self.assertEqual(shown()[1].split(" ", 1)[1], "OK 4")
        rows = client.ok(f"LIST {name} scope=cluster").rows
        self.assertEqual(len(rows), 1, rows)
        self.assertTrue(rows[0].startswith(f"{name} mode=x bids=3 "
                                           "who=zklockd holder="), rows)
        for one in clients[:3]:
            one.close()
        clients[3].granted(tag)
        proc.wait_until(lambda: shown()[0] == wanted[:1], 10, "one is left")
        clients[3].unlock(name)
        proc.wait_until(lambda: not shown()[0], 10, "nobody is left")
        self.assertEqual(client.ok(f"LIST {name} scope=cluster").rows, [])

    def test_readers_in_front(self):
        name = self.name()
        first = self.client()
        first.lock(name, "mode=s")
        writer = self.client()
        writer.enqueue(name)
        late = self.client()
        late.enqueue(name, "mode=s")
        rows = [pairs(row) for row in self.client().ok(f"WHO {name}").rows]
        self.assertEqual(
            [(row["mode"], row["state"]) for row in rows],
            [("s", "front"), ("x", "waiting")][:len(rows)])
        self.assertEqual([row["pos"] for row in rows],
                         [str(i + 1) for i in range(len(rows))])

    def test_a_reply_keeps_its_tag(self):
        name = self.name()
        client = self.client()
        client.lock(name)
        client.send(f"#a WHO {name}", "#b PING", f"#c WHO {name}")
        lines = [client.line() for _ in range(5)]
        for tag, count in (("#a", 2), ("#b", 1), ("#c", 2)):
            self.assertEqual(len([one for one in lines
                                  if one.startswith(tag + " ")]), count)

    def test_the_cluster_is_listed_by_name(self):
        client = self.client()
        names = ["zoo/b", "zoo/a", "zoo/c"]
        for name in names:
            client.lock(name)
        gone = self.client()
        gone.lock("zoo/d")
        gone.unlock("zoo/d")
        self.client().enqueue("zoo/b")
        reply = client.ok("LIST zoo/* scope=cluster")
        rows = [row for row in reply.rows if not row.startswith("zoo/d ")]
        self.assertEqual([row.split(" ")[0] for row in rows], sorted(names))
        shown = pairs(rows[0])
        self.assertEqual(shown["bids"], "1")
        self.assertEqual(shown["who"], "zklockd")
        self.assertEqual(shown["host"], "host1")
        reply = client.ok("LIST zoo/* scope=cluster after=zoo/a")
        self.assertEqual(reply.rows[0].split(" ")[0], "zoo/b")
        self.assertEqual(client.ok("LIST zo scope=cluster").rows, [])

    def test_what_is_bad(self):
        client = self.client()
        client.err("LIST scope=cluster state=held", "ARGS")
        client.err("LIST after=a", "ARGS")
        client.err("LIST scope=world", "ARGS")
        client.err("WHO", "ARGS")
        client.err("WHO a b", "ARGS")

    def test_pages(self):
        client = self.client()
        count = PAGE + 234
        names = [f"page/{i:05}" for i in range(count)]
        for begin in range(0, count, BATCH):
            for tag in [client.ask(f"LOCK {name}")
                        for name in names[begin:begin + BATCH]]:
                client.granted(tag)
        seen, after = [], ""
        answers = 0
        while True:
            reply = client.ok(f"LIST page/* scope=cluster{after}")
            answers += 1
            seen += [row.split(" ")[0] for row in reply.rows]
            more = pairs(reply.text).get("next")
            if not more:
                break
            self.assertEqual(more, seen[-1])
            self.assertEqual(pairs(reply.text)["more"],
                             str(count - len(seen)))
            after = f" after={more}"
        self.assertEqual(answers, 2)
        self.assertEqual(seen, names)

    def test_too_many_questions(self):
        """Sixteen at once, and the seventeenth is told so; others are not
        held up."""
        asker = self.client()
        asker.send(*(f"#q{i} LIST scope=cluster" for i in range(40)))
        asker.send("#p PING")
        done = [asker.reply(f"#q{i}") for i in range(40)]
        asker.reply("#p")
        good = [reply for reply in done if reply.word == "OK"]
        bad = [reply for reply in done if reply.word == "ERR"]
        self.assertGreaterEqual(len(good), 1)
        for reply in bad:
            self.assertEqual(reply.code, "LIMIT")
            self.assertIn(reply["which"], ("questions", "output"))

    def test_who_asks_and_goes(self):
        for _ in range(20):
            client = self.client()
            client.send(*(f"#q{i} LIST scope=cluster" for i in range(10)))
            client.close()
        client = self.client()
        proc.wait_until(
            lambda: client.call("WHO witness/hold").word == "OK", 20,
            "questions of the dead are gone")


if __name__ == "__main__":
    unittest.main()
