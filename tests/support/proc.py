# SPDX-License-Identifier: MIT
"""proc - processes, ports and folders of a test.

Everything started here is ended here, by its own process id, also when the
test fails, is interrupted or is killed outright (a child asks the kernel to
go with its parent).  It never looks for processes by name.
"""
import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

_PR_SET_PDEATHSIG = 1
# How much a daemon may grow where it should not grow at all: a sanitizer
# keeps freed memory for a while.
RSS_SLACK_KB = 65536 if os.environ.get("ZKL_SANITIZED") else 4096
_END_S = 10  # how long an asked process may take before it is killed
_libc = ctypes.CDLL(None, use_errno=True)
_started = []
_folders = []
_endings = []


def now_ms():
    """CLOCK_BOOTTIME in milliseconds: the clock of every until_ms."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000.0


def build_dir():
    """The build folder, as ctest or the person running the test says."""
    return os.environ.get("ZKL_BUILD", os.path.join(source_dir(), "build"))


def source_dir():
    return os.path.realpath(
        os.path.join(os.path.dirname(__file__), "..", ".."))


def program(name, variable, *places):
    """Path of one of our programs: named by variable, or in the build."""
    path = os.environ.get(variable)
    if path:
        return path
    for place in places:
        path = os.path.join(build_dir(), place, name)
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(
        f"{name}: not under {build_dir()}; build it, or set {variable}")


def zklockd():
    return program("zklockd", "ZKLOCKD", "daemon")


def zklock():
    return program("zklock", "ZKLOCK", "client")


def ten_tasks():
    return program("ten_tasks", "ZKL_TEN_TASKS", "client/examples",
                   "client")


def ten_tasks_py():
    return ["/usr/bin/python3", os.path.join(
        source_dir(), "client", "examples", "ten_tasks.py")]


def folder(prefix="zkl"):
    """A private temporary folder that goes when the test goes."""
    path = tempfile.mkdtemp(prefix=prefix + "-")
    _folders.append(path)
    return path


def public_folder(prefix="zkl"):
    """The same, but every user can get at what is in it, whoever may read
    TMPDIR."""
    path = tempfile.mkdtemp(prefix=prefix + "-", dir="/tmp")
    _folders.append(path)
    os.chmod(path, 0o755)
    return path


_ports_given = set()


def free_port():
    """A TCP port nobody listens on, never given twice by this process."""
    for _ in range(100):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        if port not in _ports_given:
            _ports_given.add(port)
            return port
    raise RuntimeError("no free port found in 100 tries")


def wait_until(question, within_s, what, every_s=0.01):
    """Ask until the answer is true and hand it back; else TimeoutError.

    For things outside the line protocol only (a port, a folder, a tree):
    lines are waited for, not asked for.
    """
    end = time.monotonic() + within_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within_s} s: {what}")
        time.sleep(every_s)


def _child_setup():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One started program.  Start from the main thread: the kernel's
    'go with the parent' is about the thread that forked."""

    def __init__(self, argv, log=None, **kwargs):
        self.log = log
        self._log_file = None
        if log:
            self._log_file = open(log, "ab", buffering=0)
            kwargs.setdefault("stdout", self._log_file)
            kwargs.setdefault("stderr", subprocess.STDOUT)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        self.argv = argv
        self.popen = subprocess.Popen(argv, preexec_fn=_child_setup, **kwargs)
        self.pid = self.popen.pid
        self.frozen = False
        _started.append(self)

    @property
    def stdout(self):
        return self.popen.stdout

    @property
    def stdin(self):
        return self.popen.stdin

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def freeze(self):
        """SIGSTOP, and wait until the kernel says it stands."""
        self.signal(signal.SIGSTOP)
        self.frozen = True
        wait_until(self._stands, 5, f"pid {self.pid} stopped")

    def _stands(self):
        with open(f"/proc/{self.pid}/stat", "rb") as stat:
            return stat.read().rsplit(b")", 1)[1].split()[0] in (b"T", b"Z")

    def thaw(self):
        self.frozen = False
        self.signal(signal.SIGCONT)

    def wait(self, within_s=_END_S):
        """Its exit code (negative: the signal that ended it)."""
        code = self.popen.wait(within_s)
        self._forget()
        return code

    def kill(self):
        """kill -9, and reap."""
        if self.alive():
            self.popen.kill()
        return self.wait()

    def stop(self, within_s=_END_S):
        """SIGTERM, and its exit code; killed when it will not go."""
        if self.frozen:
            self.thaw()
        if self.alive():
            self.popen.terminate()
        try:
            return self.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def _forget(self):
        for pipe in (self.popen.stdin, self.popen.stdout,
                     self.popen.stderr, self._log_file):
            if pipe:
                try:
                    pipe.close()
                except (OSError, RuntimeError):
                    pass  # gone, or somebody reads it right now
        if self in _started:
            _started.remove(self)

    def log_text(self):
        if not self.log:
            return ""
        with open(self.log, "r", encoding="utf-8", errors="replace") as text:
            return text.read()

    def rss_kb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", "rb") as stat:
            words = stat.read().rsplit(b")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def run(argv, within_s=60, **kwargs):
    """Run to the end; CompletedProcess with text output."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(argv, timeout=within_s, text=True,
                          capture_output=True, preexec_fn=_child_setup,
                          check=False, **kwargs)


def threading_write(sock, raw):
    """Write it all from a thread of its own; the started thread."""
    def write():
        try:
            sock.sendall(raw)
        except OSError:
            pass
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def on_end(act):
    """Call it when the test ends, however that comes: after the processes,
    before the folders; the last one first."""
    _endings.append(act)


def end_all():
    """Whatever is still there goes: processes first, then folders."""
    for process in reversed(list(_started)):
        try:
            process.kill()
        except (OSError, subprocess.TimeoutExpired):
            pass
    while _endings:
        _endings.pop()()
    keep = os.environ.get("ZKL_KEEP_FOLDERS")
    while _folders and not keep:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def _asked_to_end(number, _frame):
    try:
        end_all()
    finally:  # unittest would take SystemExit for a failure
        os._exit(128 + number)


atexit.register(end_all)
for _number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, _asked_to_end)
