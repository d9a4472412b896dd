#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who may end a hold, rows B13 and B14 of the bad-input matrix: only its
owner, only this grant, and never more of them than allowed."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from line import Reply  # noqa: E402
from wirecase import WireCase  # noqa: E402


class B13OwnerTest(WireCase):

    def test_another_connection_cannot_release(self):
        name = self.name()
        owner, other = self.client("owner"), self.client("other")
        granted = owner.lock(name)
        for text in (f"UNLOCK {name}", f"UNLOCK {granted.id}",
                     f"UNLOCK {name} token={granted.token}",
                     f"UNLOCK {granted.id} token={granted.token}"):
            with self.subTest(text=text):
                reply = other.call(text)
                self.assertIn(reply.code, ("NOTHELD", "NOTFOUND"), reply)
        self.assertEqual(owner.ok(f"CHECK {name}")["held"], "1")

    def test_a_stale_token_frees_nothing(self):
        name = self.name()
        owner = self.client()
        old = owner.lock(name)
        owner.unlock(name, f"token={old.token}")
        new = owner.lock(name)
        self.assertGreater(new.token, old.token)
        owner.err(f"UNLOCK {name} token={old.token}", "NOTHELD")
        owner.err(f"UNLOCK {old.id}", "NOTHELD")
        self.assertEqual(owner.ok(f"CHECK {name}").token, new.token)
        owner.unlock(new.id, f"token={new.token}")

    def test_never_held_and_twice(self):
        name = self.name()
        owner = self.client()
        owner.err(f"UNLOCK {name}", "NOTHELD")
        owner.lock(name)
        owner.unlock(name)
        owner.err(f"UNLOCK {name}", "NOTHELD")

    def test_the_wrong_case_is_another_name(self):
        name = self.name("-x")
        owner = self.client()
        owner.lock(name)
        owner.err(f"UNLOCK {name.upper()}", "NOTHELD")
        owner.unlock(name)

    def test_a_wait_is_not_a_hold(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        owner.lock(name)
        tag = waiter.enqueue(name)
        waiter.err(f"UNLOCK {name}", "NOTHELD")
        owner.unlock(name)
        waiter.granted(tag)

    def test_nobody_cancels_for_another(self):
        name = self.name()
        owner = self.client("owner")
        owner.lock(name)
        waiter, other = self.client("waiter"), self.client("other")
        tag = waiter.enqueue(name)
        other.err(f"CANCEL {tag}", "NOTFOUND")
        other.err(f"CANCEL {name}", "NOTFOUND")
        owner.unlock(name)
        waiter.granted(tag)

    def test_byte_by_byte(self):
        name = self.name()
        self.converse(f"UNLOCK {name}\nLOCK {name}\n",
                      "ERR NOTHELD.*", f"GRANTED {name} .*")


class B13UidTest(WireCase):

    public = True

    def asks(self, line, uid):
        """The answer to somebody else's line, from a child of ours."""
        script = ("import socket, sys\n"
                  "s = socket.socket(socket.AF_UNIX)\n"
                  "s.connect(sys.argv[1])\n"
                  "s.sendall(sys.argv[2].encode() + b'\\n')\n"
                  "print(s.makefile().readline())\n")
        done = proc.run(["/usr/bin/python3", "-c", script,
                         self.daemon.socket, line], user=uid)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    @unittest.skipUnless(os.getuid() == 0, "needs root to be another uid")
    def test_a_token_is_checked_for_its_own_uid(self):
        """Who knows id and token was given them, if it is of that uid; root
        is no exception, for this is no question of an administrator."""
        name = self.name()
        owner = self.client("owner")
        granted = owner.lock(name)
        check = f"CHECK {granted.id} token={granted.token}"
        self.assertIn("held=1", self.asks(check, 0))
        self.assertEqual(self.asks(check, 65534), "OK held=0 reason=notheld")
        theirs = proc.Process(
            ["socat", "-", f"UNIX-CONNECT:{self.daemon.socket}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=65534)
        theirs.stdin.write(f"LOCK {name}/theirs\n".encode())
        theirs.stdin.flush()
        granted = Reply(theirs.stdout.readline().decode().strip())
        check = f"CHECK {granted.id} token={granted.token}"
        self.assertIn("held=1", self.asks(check, 65534))
        self.assertEqual(owner.ok(check)["held"], "0")
        theirs.kill()


class B14TwiceTest(WireCase):

    def test_twice_on_one_connection(self):
        name = self.name()
        owner = self.client()
        granted = owner.lock(name)
        reply = owner.err(f"LOCK {name}", "HELD")
        self.assertEqual(reply.id, granted.id)
        owner.err(f"TRYLOCK {name}", "HELD")
        waiter = self.client("waiter")
        tag = waiter.enqueue(name)
        waiter.err(f"LOCK {name}", "HELD")
        owner.unlock(name)
        waiter.granted(tag)

    def test_in_one_write(self):
        name = self.name()
        client = self.client()
        client.send(f"#1 LOCK {name}", f"#2 LOCK {name}")
        client.granted("#1")
        self.assertEqual(client.reply("#2").code, "HELD")


class B14ManyTest(WireCase):

    # The daemon's own default is looked up, not assumed.
    NAMES = 100000

    def test_names_of_one_connection_are_bounded(self):
        """100 000 names in one stream: what fits is granted, the rest is
        ERR LIMIT, and everything is answered."""
        client = self.client()
        outcome = {"GRANTED": 0, "LIMIT": 0}

        def pour():
            sent = 0
            while sent < self.NAMES:
                batch = range(sent, min(sent + 500, self.NAMES))
                client.send(*[f"#{i} LOCK {self.name()}/{i}"
                              for i in batch])
                for i in batch:
                    reply = client.reply(f"#{i}", 60)
                    outcome[reply.code or reply.word] += 1
                sent += len(batch)

        self.watched(pour, 100)
        self.assertEqual(sum(outcome.values()), self.NAMES)
        self.assertEqual(outcome["GRANTED"], 1024)
        reply = client.err(f"LOCK {self.name()}/more", "LIMIT")
        self.assertIn(reply["which"], ("locks", "waiters"))

        client.unlock(f"{self.name()}/0")
        client.lock(f"{self.name()}/again")
        client.err(f"LOCK {self.name()}/more", "LIMIT")

    def test_all_of_it_comes_back(self):
        """A budget that was spent and returned can be spent again."""
        for _ in range(3):
            client = self.client()
            client.send(*[f"#{i} LOCK {self.name()}/{i}"
                          for i in range(1024)])
            for i in range(1024):
                client.granted(f"#{i}")
            client.err(f"LOCK {self.name()}/more", "LIMIT")
            client.close()


if __name__ == "__main__":
    unittest.main()
