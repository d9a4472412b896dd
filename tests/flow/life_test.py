#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The daemon's life around the locks: exit codes, reload, a second signal,
systemd's watchdog, a log nobody reads, no descriptors, a full disk."""
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from daemon import Daemon  # noqa: E402


class ExitCodeTest(unittest.TestCase):
    """zklockd(8) promises them, the unit relies on them."""

    def code(self, *words):
        return proc.run([proc.zklockd(), *words], within_s=10)

    def launched(self, daemon):
        return daemon.launch().process.wait(10)

    def test_usage(self):
        for words in (["--nonsense"], ["word"], ["--config"],
                      ["-o", "turns_max"], ["--dev=1"]):
            with self.subTest(words=words):
                done = self.code(*words)
                self.assertEqual(done.returncode, 64, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_shown(self):
        for words in (["--help"], ["--version"], ["--dump-tables"],
                      ["--print-config"], ["--check-config"]):
            with self.subTest(words=words):
                done = self.code(*words)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stderr, "")

    def test_configuration(self):
        done = self.code("-o", "turns_max=0", "--check-config")
        self.assertEqual(done.returncode, 78)
        self.assertIn("turns_max", done.stderr)

    def test_socket(self):
        daemon = Daemon()
        os.mkdir(daemon.socket)
        self.assertEqual(self.launched(daemon), 69)

    def test_state(self):
        daemon = Daemon()
        daemon.keys["state_dir"] = "/dev/null/no-folder"
        self.assertEqual(self.launched(daemon), 73)
        self.assertIn("/dev/null/no-folder", daemon.log_text())

    def test_already_running(self):
        with Daemon() as first:
            second = Daemon(state_dir=first.keys["state_dir"])
            self.assertEqual(self.launched(second), 75)

    def test_a_second_signal_ends_at_once(self):
        daemon = Daemon().start()
        holder = daemon.client("holder")
        holder.lock("a")
        daemon.process.signal(signal.SIGTERM)
        holder.event("DRAINING")
        daemon.process.signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(2), 1)

    def test_auth_file_for_everybody(self):
        daemon = Daemon(servers="127.0.0.1:1")
        secret = f"{daemon.folder}/secret"
        with open(secret, "w", encoding="ascii") as out:
            out.write("user:password\n")
        daemon.keys["auth_file"] = secret
        os.chmod(secret, 0o644)
        self.assertEqual(self.launched(daemon), 78)
        self.assertIn(secret, daemon.log_text())
        self.assertNotIn("password", daemon.log_text())


class ReloadTest(unittest.TestCase):

    def reload(self, daemon, until):
        """SIGHUP, and the log from then on, once it shows what we want."""
        before = len(daemon.log_text())
        daemon.process.signal(signal.SIGHUP)
        proc.wait_until(lambda: re.search(until, daemon.log_text()[before:]),
                        10, until)
        return daemon.log_text()[before:]

    def test_limits_change_and_holds_stay(self):
        daemon = Daemon(tickets_per_conn_max=2)
        with daemon, daemon.client() as client:
            token = client.lock("a").token
            client.lock("b")
            client.err("LOCK c", "LIMIT")
            daemon.keys["tickets_per_conn_max"] = 3
            daemon.keys["root"] = "/other"
            daemon.write_config()
            said = self.reload(daemon, "event=reloaded")
            self.assertIn("event=reload key=tickets_per_conn_max", said)
            self.assertIn("event=reload_needs_restart key=root", said)
            client.lock("c")
            client.err("LOCK d", "LIMIT")
            self.assertEqual(client.ok("CHECK a").token, token)

    def test_a_drop_in_is_seen(self):
        daemon = Daemon()
        with daemon:
            os.mkdir(f"{daemon.folder}/conf.d")
            with open(f"{daemon.folder}/conf.d/10-x.conf", "w",
                      encoding="ascii") as out:
                out.write("tickets_per_conn_max = 1\n")
            self.reload(daemon, "event=reloaded")
            with daemon.client() as client:
                client.lock("a")
                client.err("LOCK b", "LIMIT")

    def test_what_is_refused_names_its_place(self):
        daemon = Daemon()
        with daemon:
            with open(daemon.config, "a+", encoding="ascii") as out:
                out.write("turns_max = many\n")
                out.seek(0)
                lines = len(out.readlines())
            said = self.reload(daemon, "event=reload_refused")
            self.assertIn(f"{daemon.config}:{lines}: turns_max", said)
            self.assertEqual(daemon.state(), "dev")


class NotifyTest(unittest.TestCase):

    def setUp(self):
        folder = proc.folder("zkl-sd")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.notify.bind(f"{folder}/notify")
        self.notify.settimeout(20)
        self.env = {"NOTIFY_SOCKET": f"{folder}/notify"}

    def hear(self, pattern):
        """The next message that matches."""
        while True:
            text = self.notify.recv(4096).decode()
            if re.search(pattern, text):
                return text

    def test_ready_status_reload_stopping(self):
        daemon = Daemon(env=self.env).start()
        self.hear("^READY=1$")
        with daemon.client() as holder:
            holder.lock("a")
            self.hear("^STATUS=dev to memory, 1 held, 0 waiting$")
            daemon.process.signal(signal.SIGHUP)
            self.assertRegex(self.hear("RELOADING=1"),
                             "MONOTONIC_USEC=[0-9]+")
            self.hear("^READY=1$")
        daemon.stop()
        self.hear("^STOPPING=1$")

    def test_the_watchdog_is_fed_while_the_loop_goes_round(self):
        self.env["WATCHDOG_USEC"] = "200000"
        daemon = Daemon(env=self.env).start()
        begin = time.monotonic()
        for _ in range(5):
            self.hear("^WATCHDOG=1$")
        self.assertLess(time.monotonic() - begin, 2)
        daemon.stop()


class LogTest(unittest.TestCase):

    def test_a_log_that_nobody_reads_stops_nothing(self):
        """F34: the pipe is full, the locks go on; what was dropped is
        told once somebody reads again."""
        reader, writer = os.pipe()
        daemon = Daemon(log_level="debug")
        daemon.write_config()
        daemon.process = proc.Process(daemon.argv(), stderr=writer,
                                      stdout=writer)
        os.close(writer)
        daemon.wait_ready()
        with daemon.client() as client:
            for _ in range(3000):
                daemon.process.signal(signal.SIGHUP)
                client.lock("a")
                client.unlock("a")
        os.set_blocking(reader, False)
        text = b""
        deadline = time.monotonic() + 10
        while b"event=log_dropped" not in text:
            self.assertLess(time.monotonic(), deadline, text[-300:])
            daemon.process.signal(signal.SIGHUP)
            time.sleep(0.01)
            try:
                text += os.read(reader, 1 << 20)
            except BlockingIOError:
                pass
        self.assertEqual(daemon.process.stop(), 0)
        os.close(reader)


class ScarcityTest(unittest.TestCase):

    def test_no_descriptors(self):
        """F33: a holder is unaffected, newcomers are told, the processor
        rests, and it goes on as soon as there are some again."""
        daemon = Daemon(wrapper=["sh", "-c", "ulimit -n 40; exec \"$@\"",
                                 "sh"], clients_max=16)
        with daemon, daemon.client("holder") as holder:
            holder.lock("a")
            pid = daemon.process.pid
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (20, 20))
            crowd = [daemon.client(f"c{i}") for i in range(15)]
            told = 0
            for client in crowd:
                try:
                    client.send("PING x")
                    told += client.line(5).startswith("ERR LIMIT")
                except OSError:
                    told += 1
            self.assertGreater(told, 0)
            before_s = daemon.process.cpu_s()
            waiting = daemon.client("waiting")
            time.sleep(0.5)
            self.assertLess(daemon.process.cpu_s() - before_s, 0.1)
            holder.unlock("a")
            holder.lock("a")
            waiting.close()
            for client in crowd:
                client.close()
            proc.wait_until(lambda: daemon.state() == "dev", 2, "back")

    @unittest.skipUnless(os.getuid() == 0, "needs root to mount")
    def test_a_full_disk_at_start(self):
        """No page of memory that would be gone at the first touch."""
        folder = proc.folder("zkl-full")
        done = proc.run(["unshare", "-m", "sh", "-c", (
            f"mount -t tmpfs -o size=8k zkl {folder} && "
            f"head -c 8k /dev/zero >{folder}/full; "
            f"exec {proc.zklockd()} --dev -s {folder}/s "
            f"--state-dir={folder}")])
        self.assertEqual(done.returncode, 73, done.stderr)
        self.assertIn("No space left", done.stderr)

    def test_standard_descriptors_closed(self):
        """The socket does not become standard error."""
        daemon = Daemon()
        daemon.write_config()
        daemon.process = proc.Process(
            ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *daemon.argv()],
            stderr=subprocess.DEVNULL)
        daemon.process.log = None
        daemon.wait_ready()
        for number in range(3):
            self.assertEqual(
                os.readlink(f"/proc/{daemon.process.pid}/fd/{number}"),
                "/dev/null")
        self.assertEqual(daemon.process.stop(), 0)


if __name__ == "__main__":
    unittest.main()
