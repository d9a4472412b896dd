#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a socket can carry beside bytes, rows B11, B12 and B16 of the
bad-input matrix: descriptors, credentials, urgent bytes, nothing at all; and a
socket that was passed on.  The daemon reads bytes, and nothing else has a
meaning."""
import array
import os
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from wirecase import WireCase  # noqa: E402

SCM_MAX_FD = 253  # the kernel's own, a message
MESSAGES = 64
FORGED_UID = 54321


class B11DescriptorsTest(WireCase):

    def test_descriptors_are_dropped(self):
        """As many as a message can carry, again and again: none stays open
        in the daemon, and the lines they came with are read."""
        client = self.client()
        client.ok("PING before")
        before = self.daemon.process.fds()
        reader, writer = os.pipe()
        passed = array.array("i", [writer] * SCM_MAX_FD)
        for at in range(MESSAGES):
            client.sock.sendmsg(
                [b"PING m%d\n" % at],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
            client.expect(f"OK m{at}")
        self.assertEqual(self.daemon.process.fds(), before)
        os.close(writer)
        os.set_blocking(reader, False)
        self.assertEqual(os.read(reader, 1), b"", "somebody keeps the pipe")
        os.close(reader)
        self.in_step(client)

    def test_descriptors_in_the_middle_of_a_line(self):
        client = self.client()
        with open("/dev/null", "rb") as null:
            for part in (b"PI", b"NG wh", b"ole\n"):
                client.sock.sendmsg(
                    [part], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                              array.array("i", [null.fileno()] * 3))])
        client.expect("OK whole")
        self.in_step(client)


class B12OddMessagesTest(WireCase):

    @unittest.skipUnless(os.getuid() == 0, "only root may claim another uid")
    def test_claimed_credentials_mean_nothing(self):
        """Who asks is what the kernel said when the connection came."""
        client, name = self.client(), self.name()
        claim = struct.pack("iII", os.getpid(), FORGED_UID, FORGED_UID)
        client.sock.sendmsg(
            [b"#c LOCK %s\n" % name.encode()],
            [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, claim)])
        client.granted("#c")
        row = client.ok(f"LIST {name}").rows[0]
        self.assertIn(f"uid={os.getuid()} ", row + " ")
        self.assertNotIn(str(FORGED_UID), row)
        client.unlock(name)

    def test_messages_of_no_bytes(self):
        client = self.client()
        for _ in range(1000):
            client.sock.send(b"")
            client.sock.sendmsg([b"", b""])
        self.in_step(client)

    def test_an_urgent_byte(self):
        """Where the kernel has such for this kind of socket: the lines
        around it are answered, and nobody waits."""
        client = self.client()
        client.send("PING before")
        try:
            client.sock.send(b"!", socket.MSG_OOB)
        except OSError as error:
            self.skipTest(f"MSG_OOB: {error}")
        client.expect("OK before")
        other = self.client("other")
        self.in_step(other)

    def test_it_will_not_read(self):
        """shutdown(RD): what is said to it fails, which ends it and its
        holds; nobody else notices."""
        client, name = self.client(), self.name()
        client.lock(name)
        client.sock.shutdown(socket.SHUT_RD)
        client.sock.sendall(b"PING x\n" * 100)
        other = self.client("other")
        tag = other.ask(f"LOCK {name}")
        client.close()
        other.granted(tag)
        other.unlock(name)
        proc.wait_until(lambda: other.ok(f"LIST {name}").rows == [], 5,
                        "nothing is left of it")


class B16PassedOnTest(WireCase):

    public = True

    def passed_on(self, uid):
        """A connection that a process of uid has made, in our hands."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                os.setuid(uid)
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(self.daemon.socket)
                socket.send_fds(theirs, [b"x"], [sock.fileno()])
            finally:
                os._exit(0)
        try:
            _, fds, _, _ = socket.recv_fds(ours, 1, 1)
            os.waitpid(pid, 0)
        finally:
            ours.close()
            theirs.close()
        sock = socket.socket(fileno=fds[0])
        sock.settimeout(10)
        self.addCleanup(sock.close)
        return sock

    @unittest.skipUnless(os.getuid() == 0, "needs root to be another uid")
    def test_the_connection_is_who_made_it(self):
        """Root with somebody's connection is that somebody: no KICK.  Its
        hold is that one's, whose process has gone, and ends with it."""
        sock, name = self.passed_on(65534), self.name()
        holder, waiter = self.client("holder"), self.client("waiter")
        granted = holder.lock(self.name("-root"))
        sock.sendall(f"KICK {granted.id}\n".encode())
        self.assertRegex(sock.recv(4096).decode(), "^ERR DENIED")
        sock.sendall(f"LOCK {name}\n".encode())
        self.assertRegex(sock.recv(4096).decode(), "^GRANTED")
        row = waiter.ok(f"LIST {name}").rows[0]
        self.assertIn("uid=65534 ", row)
        tag = waiter.enqueue(name)
        sock.close()
        waiter.granted(tag)


if __name__ == "__main__":
    unittest.main()
