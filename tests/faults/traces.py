# SPDX-License-Identifier: MIT
"""traces - what a fault test leaves outside its own processes: namespaces,
cgroups, mounts and folders.  Every name carries the id and the start time of
the process that made it.  A test takes its own away, also when it is asked
to end; what a test that was killed outright left is taken by the next one.
"""
import os
import re
import shutil
import subprocess
import tempfile

import proc

NETNS = "/run/netns"
_PREFIX = "zkl"


def start_ticks(pid):
    """When the process began, by the kernel's count; 0 when it is gone.
    With it a process id names one process for ever."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rsplit(b")", 1)[1].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def our_name():
    """The beginning of every name of this process."""
    return f"{_PREFIX}-{os.getpid()}-{start_ticks(os.getpid())}"


def is_left_over(name):
    """Made by a process of ours that is dead."""
    found = re.match(rf"{_PREFIX}-(\d+)-(\d+)(-|$)", name)
    return bool(found) and \
        start_ticks(int(found.group(1))) != int(found.group(2))


def cgroup_top():
    """Where cgroups of version 2 are mounted, or ''."""
    for words in _mounts():
        if words[2] == "cgroup2":
            return words[1]
    return ""


def _mounts():
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return [line.split() for line in mounts]


def _left_overs(folder):
    if not folder or not os.path.isdir(folder):
        return []
    return [os.path.join(folder, name) for name in os.listdir(folder)
            if is_left_over(name)]


def sweep(folder):
    """Everything of dead tests goes; folder is where they had theirs."""
    for path in _left_overs(NETNS):
        subprocess.run(["ip", "netns", "del", os.path.basename(path)],
                       check=False, capture_output=True)
    for path in _left_overs(cgroup_top()):
        try:
            os.rmdir(path)
        except OSError:
            pass  # somebody of it is still ending
    for path in _left_overs(folder):
        for words in _mounts():
            if words[1].startswith(path + "/"):
                subprocess.run(["fsfreeze", "-u", words[1]], check=False,
                               capture_output=True)
                subprocess.run(["umount", "-l", words[1]], check=False)
        shutil.rmtree(path, ignore_errors=True)


def settle():
    """Sweep, and from now on every folder of this process lies in one that
    is known as its own."""
    folder = tempfile.gettempdir()
    if is_ours(folder):
        return
    sweep(folder)
    tempfile.tempdir = proc.folder(our_name())


def is_ours(folder):
    return os.path.basename(folder).startswith(our_name())
