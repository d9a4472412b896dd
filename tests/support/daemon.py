# SPDX-License-Identifier: MIT
"""daemon - one zklockd as a "host": its own folder, socket and log.

Short session timeouts by default, so that expiry is quick: a tick of 500 ms
and a session of 4 s, with servers of zk.py.
"""
import os
import re

import line
import proc

TICK_MS = 500
SESSION_MS = 4000
READY_S = 30


class Daemon:
    """servers: an address list; None means --dev, without ZooKeeper.
    shares: {"/path": "layout"}.  Other keys go into the configuration file
    as they are."""

    def __init__(self, servers=None, host="host1", root="/zklock",
                 wrapper=(), env=None, shares=None, **keys):
        self.dev = servers is None
        self.folder = proc.folder("zkl-" + host)
        self.socket = f"{self.folder}/sock"
        self.wrapper = list(wrapper)
        self.env = env
        self.shares = shares or {}
        self.process = None
        self.log = f"{self.folder}/log"
        self.keys = {
            "socket": self.socket,
            "state_dir": f"{self.folder}/state",
            "host": host,
            "root": root,
            "session_timeout_ms": SESSION_MS,
            "server_tick_ms": TICK_MS,
        }
        if not self.dev:
            self.keys["servers"] = servers
        self.keys.update(keys)
        self.socket = self.keys["socket"]
        os.makedirs(self.keys["state_dir"], mode=0o755, exist_ok=True)

    @property
    def config(self):
        return f"{self.folder}/zklockd.conf"

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as out:
            for key, value in self.keys.items():
                if isinstance(value, str):
                    value = '"' + value.replace('"', '\\"') + '"'
                elif isinstance(value, bool):
                    value = "true" if value else "false"
                out.write(f"{key} = {value}\n")
            for path, layout in self.shares.items():
                out.write(f'share "{path}" {{ layout = {layout} }}\n')

    def argv(self):
        return self.wrapper + [proc.zklockd(), "--config", self.config] \
            + (["--dev"] if self.dev else [])

    def launch(self):
        """Start and do not wait."""
        self.write_config()
        env = dict(os.environ, **(self.env or {}))
        self.process = proc.Process(self.argv(), log=self.log, env=env)
        return self

    def start(self, state=None):
        """Start and wait until it answers in the wished state."""
        self.launch()
        return self.wait_ready(state)

    def wait_ready(self, state=None, within_s=READY_S):
        wished = state or ("dev" if self.dev else "connected")

        def there():
            if not self.process.alive():
                raise ConnectionError(
                    f"{' '.join(self.argv())} ended with "
                    f"{self.process.popen.returncode}:\n"
                    + self.process.log_text()[-3000:])
            return self.state() == wished

        proc.wait_until(there, within_s,
                        f"{self.keys['host']} is {wished} (log: {self.log})")
        return self

    def state(self):
        """Its state word, or '' when nobody answers."""
        try:
            with self.client() as client:
                client.send("")
                found = re.search(r"state=(\w+)", client.line(5))
                return found.group(1) if found else ""
        except (OSError, TimeoutError):
            return ""

    def client(self, name="", **kwargs):
        return line.Line(self.socket, name or self.keys["host"], **kwargs)

    def rows(self, verb):
        """STATUS or STATS as a dictionary."""
        with self.client() as client:
            reply = client.ok(verb)
        return dict(row.split(" ", 1) for row in reply.rows if " " in row)

    def session_id(self):
        """The ZooKeeper session, from HELLO."""
        with self.client() as client:
            return int(client.ok("HELLO 1")["session"], 16)

    def lease_page(self):
        with self.client() as client:
            return line.LeasePage(client.ok("HELLO 1")["lease"])

    def stop(self, within_s=20):
        """SIGTERM, and the exit code must be 0."""
        code = self.process.stop(within_s)
        if code != 0:
            raise AssertionError(
                f"{self.keys['host']} ended with {code}:\n"
                + self.log_text()[-3000:])

    def kill(self):
        self.process.kill()

    def freeze(self):
        self.process.freeze()

    def thaw(self):
        self.process.thaw()

    def log_text(self):
        return self.process.log_text()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process and self.process.alive():
            if kind:
                self.process.kill()
            else:
                self.stop()
