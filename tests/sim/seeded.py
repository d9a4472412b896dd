#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Seeded bugs: does the simulator find what it is there for?

seeded.py BUILD [NAME...]   plant each bug of seeded.txt (or those named) in a
                            copy of its file, link a simulator with it, and
                            run seeds until that fails as the bug must.

The build folder must have been built with Ninja; nothing in it is changed.
ZKL_SEEDS bounds the seeds of each bug.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_S = 600
SEEDS = int(os.environ.get("ZKL_SEEDS", "20000"))


class Bug:
    def __init__(self, name):
        self.name = name
        self.file = ""
        self.says = ""
        self.out = []
        self.put = []


def read_bugs(path):
    """Blocks of: "= NAME what it is", "file PATH", "says REGEX", then the
    lines that go ("-") and those that come in their place ("+")."""
    bugs = []
    with open(path, encoding="utf-8") as text:
        for line in text.read().splitlines():
            if line.startswith("= "):
                bugs.append(Bug(line[2:].split(" ", 1)[0]))
            elif line.startswith("file "):
                bugs[-1].file = line[5:]
            elif line.startswith("says "):
                bugs[-1].says = line[5:]
            elif line.startswith("-"):
                bugs[-1].out.append(line[1:])
            elif line.startswith("+"):
                bugs[-1].put.append(line[1:])
    return bugs


def plant(bug, source, to):
    with open(source, encoding="utf-8") as text:
        whole = text.read()
    out = "\n".join(bug.out) + "\n"
    if whole.count(out) != 1:
        raise SystemExit(f"{bug.name}: its lines stand {whole.count(out)} "
                         f"times in {bug.file}, not once")
    with open(to, "w", encoding="utf-8") as text:
        text.write(whole.replace(out, "".join(f"{l}\n" for l in bug.put)))


class Build:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        lines = subprocess.run(["ninja", "-C", self.folder, "-t", "commands",
                                "zkl_sim"], check=True, capture_output=True,
                               text=True).stdout.splitlines()
        self.commands = [line for line in lines if " -c " in line]
        self.link = lines[-1]

    def run(self, words):
        done = subprocess.run(words, cwd=self.folder, capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)

    def make(self, bug, root, folder):
        """A simulator with the bug; its path."""
        source = os.path.join(root, bug.file)
        copy = os.path.join(folder, os.path.basename(bug.file))
        plant(bug, source, copy)
        compiles = [shlex.split(line) for line in self.commands
                    if line.endswith(source)]
        words = compiles[0]
        at = words.index("-o") + 1
        old, words[at] = words[at], os.path.join(folder, "bug.o")
        words[words.index("-c") + 1] = copy
        words = [word for word in words if word != "-Werror"]
        self.run(words)
        link = self.link.replace(old, os.path.join(folder, "bug.o"))
        sim = os.path.join(folder, "sim")
        link = re.sub(r"-o \S*zkl_sim", f"-o {sim}", link)
        self.run(["sh", "-c", link])
        return sim


def hunt(sim, bug):
    """What the simulator says of it; "" when it found nothing."""
    try:
        done = subprocess.run([sim, "--from", "1", "--seeds", str(SEEDS)],
                              capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return "hangs"
    lines = [line for line in done.stdout.splitlines()
             if line.startswith("seed ")]
    return lines[0] if done.returncode and lines else ""


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    root = os.path.dirname(os.path.dirname(HERE))
    build, missed = Build(sys.argv[1]), 0
    bugs = read_bugs(os.path.join(HERE, "seeded.txt"))
    for bug in bugs:
        if len(sys.argv) > 2 and bug.name not in sys.argv[2:]:
            continue
        with tempfile.TemporaryDirectory(prefix="zkl-seeded-") as folder:
            said = hunt(build.make(bug, root, folder), bug)
        found = re.search(bug.says, said) is not None
        missed += not found
        print(f"{'found ' if found else 'MISSED'} {bug.name}: {said}",
              flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
