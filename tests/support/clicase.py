# SPDX-License-Identifier: MIT
"""clicase - a test case for the command line, with a daemon in --dev mode."""
import json
import os
import subprocess
import unittest

import proc
from daemon import Daemon

# What a wrapper must have done by now, on a loaded machine.
SOON_S = 15
# For scripts that go on "for ever", and may be left alone when a test fails:
# a minute.  The busy one starts no process.
LOOP = "i=0; while [ $((i += 1)) -lt 3000 ]; do sleep 0.02; done"
BUSY_LOOP = "i=0; while [ $((i += 1)) -lt 50000000 ]; do :; done"


def quiet_env(**more):
    """The environment without anything that a wrapper around us said."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith("ZKLOCK_")}
    env.update(more)
    return env


class CliCase(unittest.TestCase):
    """self.daemon, self.zklock(), self.start(), self.client()."""

    keys = {}
    daemon = None

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(**cls.keys).start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def setUp(self):
        self.clients = []
        self.folder = proc.folder("zkl-cli")

    def tearDown(self):
        for client in self.clients:
            client.close()

    def client(self, name="other"):
        client = self.daemon.client(name)
        self.clients.append(client)
        return client

    def argv(self, *words, program=None):
        return [program or proc.zklock(), "-S", self.daemon.socket, *words]

    def zklock(self, *words, code=0, env=None, **kwargs):
        """Run to the end, and the exit code must be this one."""
        done = proc.run(self.argv(*words), env=quiet_env(**(env or {})),
                        start_new_session=True, **kwargs)
        self.assertEqual(done.returncode, code,
                         f"{words}: {done.stdout}{done.stderr}")
        return done

    def start(self, *words, env=None, **kwargs):
        """A wrapper without a terminal, in the background; its standard
        error goes to .log."""
        log = os.path.join(self.folder, f"log{len(os.listdir(self.folder))}")
        kwargs.setdefault("stdout", subprocess.DEVNULL)
        with open(log, "ab") as said:
            return proc.Process(self.argv(*words), log=log,
                                env=quiet_env(**(env or {})),
                                start_new_session=True, stderr=said,
                                **kwargs)

    def path(self, name):
        return os.path.join(self.folder, name)

    def there(self, name, within_s=SOON_S):
        """Wait for a file and hand back what stands in it."""
        path = self.path(name)
        proc.wait_until(lambda: os.path.exists(path)
                        and os.path.getsize(path) > 0, within_s, path)
        with open(path, encoding="utf-8") as text:
            return text.read()

    def queued(self, name, count=1):
        """Wait until so many wait for the lock."""
        client = self.client()
        proc.wait_until(
            lambda: any(f"waiters={count}" in row
                        for row in client.ok(f"LIST {name}").rows),
            SOON_S, f"{count} waiting for {name}")

    def report(self, name="report"):
        return json.loads(self.there(name))


_PF_EXITING = 0x4


def alive(pid):
    """Whether a process may still run a line of its own: one that is ending
    (its descriptors are closed just before it becomes a zombie) cannot."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            words = stat.read().rsplit(b")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return words[0] not in (b"Z", b"X") and not int(words[6]) & _PF_EXITING
