#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Starting and ending, rows B17 and B19 of the bad-input matrix: odd socket
paths, odd configuration files, two daemons by mistake, signals, systemd's
ways."""
import os
import shutil
import signal
import socket
import stat
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from daemon import Daemon  # noqa: E402

REFUSE_S = 10


def refusal(case, daemon):
    """The daemon must end by itself, not with 0, and say why."""
    daemon.launch()
    code = daemon.process.wait(REFUSE_S)
    case.assertGreater(code, 0, "it should have refused")
    return daemon.log_text()


class B17SocketTest(unittest.TestCase):

    def test_the_socket_is_open_to_all_and_goes_with_us(self):
        daemon = Daemon()
        with daemon:
            mode = os.stat(daemon.socket).st_mode
            self.assertTrue(stat.S_ISSOCK(mode))
            self.assertEqual(stat.S_IMODE(mode), 0o666)
        self.assertFalse(os.path.lexists(daemon.socket))

    def test_a_stale_socket_is_replaced(self):
        daemon = Daemon()
        daemon.start()
        daemon.kill()
        self.assertTrue(os.path.lexists(daemon.socket))
        daemon.start()
        daemon.stop()

    def test_no_other_file_is_ever_replaced(self):
        for kind in ("file", "symlink", "folder"):
            with self.subTest(kind=kind):
                daemon = Daemon()
                precious = f"{daemon.folder}/precious"
                with open(precious, "w", encoding="ascii") as out:
                    out.write("precious")
                if kind == "file":
                    os.rename(precious, daemon.socket)
                    precious = daemon.socket
                elif kind == "symlink":
                    os.symlink(precious, daemon.socket)
                else:
                    os.mkdir(daemon.socket)
                said = refusal(self, daemon)
                self.assertIn(daemon.socket, said)
                with open(precious, encoding="ascii") as back:
                    self.assertEqual(back.read(), "precious")

    def test_a_living_socket_is_not_taken(self):
        with Daemon() as first:
            second = Daemon(host="host2", socket=first.socket)
            refusal(self, second)
            self.assertEqual(first.state(), "dev")

    def test_a_path_too_long(self):
        daemon = Daemon()
        daemon.keys["socket"] = f"{daemon.folder}/{'s' * 120}"
        refusal(self, daemon)

    def test_a_folder_that_is_not_there(self):
        daemon = Daemon()
        daemon.keys["socket"] = f"{daemon.folder}/no/such/sock"
        self.assertIn("/no/such", refusal(self, daemon))


class TwoByMistakeTest(unittest.TestCase):

    def test_one_state_dir_one_daemon(self):
        with Daemon() as first:
            with first.client() as holder:
                token = holder.lock("a").token
                second = Daemon(state_dir=first.keys["state_dir"])
                said = refusal(self, second)
                self.assertIn(first.keys["state_dir"], said)
                self.assertEqual(holder.ok("CHECK a").token, token)
        again = Daemon(state_dir=first.keys["state_dir"])
        again.start()
        again.stop()

    def test_a_dead_ones_state_dir_is_free(self):
        first = Daemon()
        first.start()
        first.kill()
        first.start()
        first.stop()


class B19ConfigTest(unittest.TestCase):

    def check(self, raw, name="zklockd.conf"):
        path = os.path.join(proc.folder("zkl-conf"), name)
        if raw is not None:
            with open(path, "wb") as out:
                out.write(raw)
        return path, proc.run(
            [proc.zklockd(), "--check-config", "--config", path],
            within_s=REFUSE_S)

    def test_a_good_one(self):
        _, done = self.check(b"# a comment\nsession_timeout_ms = 12000\n")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_bad_ones_are_refused_with_their_line(self):
        rows = {
            "unknown key": (b"turns_max = 3\ncolour = red\n", 2),
            "unknown key near a known one": (b"\n\nturn_max = 3\n", 3),
            "not a number": (b"turns_max = many\n", 1),
            "negative": (b"\nturns_max = -1\n", 2),
            "out of range": (b"turns_max = 99999999999999999999\n", 1),
            "above its most": (b"turns_max = 2000000000\n", 1),
            "open string": (b"host = \"open\n", None),
            "open block": (b"host = {\n", None),
            "binary": (bytes(range(256)) * 16, None),
            "NUL": (b"turns_max = 3\n\0\nhost = x\n", None),
            "BOM": (b"\xef\xbb\xbfturns_max = 3\n", 1),
            "bad root": (b"root = \"no-slash\"\n", None),
            "no server": (b"servers = \"\"\n", None),
            "bad server": (b"servers = \"a:b:c:99999\"\n", None),
            "timeout under four ticks": (
                b"session_timeout_ms = 7999\nserver_tick_ms = 2000\n",
                None),
        }
        for what, (raw, line) in rows.items():
            with self.subTest(what):
                path, done = self.check(raw)
                self.assertGreater(done.returncode, 0, "accepted")
                said = done.stderr + done.stdout
                self.assertIn(path, said)
                if line:
                    self.assertRegex(said, rf":{line}\b")

    def test_a_huge_one(self):
        _, done = self.check(b"# " + b"x" * (32 << 20) + b"\n"
                             + b"colour = red\n")
        self.assertGreater(done.returncode, 0)

    def test_a_missing_one_and_a_folder(self):
        path, done = self.check(None)
        self.assertGreater(done.returncode, 0)
        self.assertIn(path, done.stderr)
        done = proc.run([proc.zklockd(), "--check-config", "--config",
                         proc.folder("zkl-conf")], within_s=REFUSE_S)
        self.assertGreater(done.returncode, 0)

    def test_an_unreadable_one(self):
        """As another user when we are root, who may read everything."""
        folder = proc.public_folder()
        program = shutil.copy(proc.zklockd(), folder)
        path = f"{folder}/zklockd.conf"
        with open(path, "w", encoding="ascii") as out:
            out.write("turns_max = 3\n")
        os.chmod(path, 0o000)
        who = {"user": 65534} if os.getuid() == 0 else {}
        done = proc.run([program, "--check-config", "--config", path],
                        cwd="/", **who)
        self.assertGreater(done.returncode, 0)
        self.assertIn(path, done.stderr)

    def test_what_is_printed_can_be_read_back(self):
        _, done = self.check(b"turns_max = 3\n")
        path = os.path.join(proc.folder("zkl-conf"), "printed.conf")
        first = proc.run([proc.zklockd(), "--print-config"])
        self.assertEqual(first.returncode, 0, first.stderr)
        with open(path, "w", encoding="utf-8") as out:
            out.write(first.stdout)
        again = proc.run([proc.zklockd(), "--check-config", "--config",
                          path])
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_the_shipped_one(self):
        path = os.path.join(proc.source_dir(), "conf", "zklockd.conf")
        done = proc.run([proc.zklockd(), "--check-config", "--config",
                         path])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_reload_keeps_the_old_one(self):
        """A broken file at SIGHUP changes nothing and is said."""
        daemon = Daemon()
        with daemon, daemon.client() as holder:
            token = holder.lock("a").token
            with open(daemon.config, "a", encoding="ascii") as out:
                out.write("colour = red\n")
            said = len(daemon.log_text())
            daemon.process.signal(signal.SIGHUP)
            proc.wait_until(lambda: len(daemon.log_text()) > said, 10,
                            "the reload is logged")
            self.assertEqual(holder.ok("CHECK a").token, token)
            self.assertEqual(daemon.state(), "dev")


class SignalsTest(unittest.TestCase):

    def test_stray_signals_end_nothing(self):
        with Daemon() as daemon, daemon.client() as holder:
            token = holder.lock("a").token
            for number in (signal.SIGPIPE, signal.SIGCHLD,
                           signal.SIGWINCH, signal.SIGURG):
                for _ in range(20):
                    daemon.process.signal(number)
            self.assertEqual(holder.ok("CHECK a").token, token)

    def test_int_ends_in_order_too(self):
        daemon = Daemon().start()
        daemon.process.signal(signal.SIGINT)
        self.assertEqual(daemon.process.wait(10), 0)

    def test_term_tells_and_ends(self):
        """lease.md R11 with a holder: DRAINING, nothing new, and the end
        once the holder has let go."""
        daemon = Daemon().start()
        holder, waiter = daemon.client("holder"), daemon.client("waiter")
        holder.lock("a")
        tag = waiter.enqueue("a")
        daemon.process.signal(signal.SIGTERM)
        self.assertIn("grace_ms", holder.event("DRAINING").pairs)
        holder.err("LOCK b", "DRAINING")
        self.assertEqual(waiter.reply(tag).code, "DRAINING")
        holder.unlock("a")
        self.assertEqual(daemon.process.wait(10), 0)

    def test_closed_output_ends_nothing(self):
        """Nobody reads the log: it goes on serving."""
        daemon = Daemon()
        daemon.write_config()
        reader, writer = os.pipe()
        daemon.process = proc.Process(daemon.argv(), stderr=writer,
                                      stdout=writer)
        os.close(writer)
        os.close(reader)
        daemon.process.log = None
        daemon.wait_ready()
        with daemon.client() as client:
            for _ in range(50):
                client.lock("a")
                client.unlock("a")
        self.assertEqual(daemon.process.stop(), 0)


class SystemdTest(unittest.TestCase):

    def test_activation_and_ready(self):
        """systemd-socket-activate hands the socket over, and READY=1
        arrives at the socket that NOTIFY_SOCKET names."""
        folder = proc.folder("zkl-sd")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        notify.bind(f"{folder}/notify")
        notify.settimeout(30)
        daemon = Daemon(
            wrapper=["systemd-socket-activate", "-E", "NOTIFY_SOCKET",
                     f"--listen={folder}/listen"],
            env={"NOTIFY_SOCKET": f"{folder}/notify"})
        daemon.socket = f"{folder}/listen"
        daemon.launch()
        proc.wait_until(lambda: os.path.exists(daemon.socket), 10,
                        "somebody listens")
        daemon.wait_ready()
        said = []
        while not any("READY=1" in text for text in said):
            said.append(notify.recv(4096).decode())
        with daemon.client() as client:
            client.lock("a")
        self.assertFalse(os.path.lexists(daemon.keys["socket"]),
                         "it made a socket of its own")
        daemon.stop()
        self.assertTrue(os.path.lexists(daemon.socket),
                        "the handed socket is not ours to remove")
        notify.settimeout(5)
        while not any("STOPPING=1" in text for text in said):
            said.append(notify.recv(4096).decode())

    def test_the_units_are_sound(self):
        units = os.path.join(proc.source_dir(), "systemd")
        for unit in ("zklockd.socket", "zklockd.service"):
            path = os.path.join(units, unit)
            done = proc.run(["systemd-analyze", "verify", "--man=no",
                             path])
            complaints = [text for text in done.stderr.splitlines()
                          if "zklockd" in text
                          and "is not executable" not in text]
            self.assertEqual(complaints, [])


class EndTest(unittest.TestCase):

    def test_the_end_is_quick_without_holders(self):
        daemon = Daemon().start()
        idle = [daemon.client() for _ in range(50)]
        begin = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - begin, 3)
        for client in idle:
            client.expect_closed()


if __name__ == "__main__":
    unittest.main()
