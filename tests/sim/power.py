#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""power - can the simulator's oracle see?

Each file in bugs/ is a mistake that somebody has made, or could.  For each,
the one source that it changes is compiled anew, a simulator is linked with it,
and seeds are played until one fails.  It counts only when that failure is a
verdict (P1: ..., or an assert of a room), when it comes again, and when the
same seed is fine without the mistake.  A mistake that no seed shows means that
the oracle is too weak, or the weather too mild.

    power.py --build BUILD                 all of them, 100 000 seeds each
    power.py --build BUILD --quick         what CI plays: few seeds each
    power.py --build BUILD --readme        and the table goes into README.md
    power.py --build BUILD NAME...         those

BUILD is where cmake has built zkl_sim.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUGS = os.path.join(HERE, "bugs")
README = os.path.join(HERE, "README.md")
BEGIN = "<!-- made by power.py --readme: begin -->"
END = "<!-- made by power.py --readme: end -->"
SEEDS = 100000
# CI plays what is marked quick: caught within a tenth of these.
QUICK_SEEDS = 5000
FAILED = re.compile(r"^seed (\d+): (.*)$", re.MULTILINE)
VERDICT = re.compile(r"P[1-8]\b")
# What the simulator is made of: no door to the system is among it.
WANTED = re.compile(r"/(zkp|zklockd_pure|zkl_sim)\.dir/|"
                    r"/zklockd_doors.dir/coord_(local\w*|copy|mail)\.c\.o$")


class Bug:
    """
    One file of bugs/:

        What is wrong, in a line or more.
        rule: what it breaks, by the names of DESIGN.md
        quick: yes            CI plays it
        in: daemon/contest.c
        old:
        ...                   exactly once in that file, blanks do not count
        new:
        ...

    in, old and new may come again.
    """

    def __init__(self, name):
        self.name = name
        self.title, self.rule, self.quick = "", "", False
        self.edits = []  # [path, old, new]
        self.texts = {}  # path -> text with the mistake in it
        at = "title"
        with open(os.path.join(BUGS, name + ".bug"), encoding="utf-8") as text:
            for line in text:
                key, _, rest = line.partition(":")
                rest = rest.strip()
                if key == "in" and rest:
                    self.edits.append([rest, "", ""])
                elif key in ("old", "new") and not rest:
                    if key == "old" and self.edits[-1][1]:
                        self.edits.append([self.edits[-1][0], "", ""])
                    at = key
                elif key == "rule" and at == "title":
                    self.rule = rest
                elif key == "quick" and at == "title":
                    self.quick = rest == "yes"
                elif at == "title":
                    self.title = (self.title + " " + line.strip()).strip()
                else:
                    self.edits[-1][1 if at == "old" else 2] += line

    def sources(self):
        """What texts should be; raises ValueError."""
        texts = {}
        for path, old, new in self.edits:
            if path not in texts:
                with open(os.path.join(ROOT, path), encoding="utf-8") as text:
                    texts[path] = text.read()
            pattern = r"\s+".join(re.escape(word) for word in old.split())
            found = len(re.findall(pattern, texts[path]))
            if found != 1:
                raise ValueError(f"{self.name}: its old text is {found} times "
                                 f"in {path}: mend bugs/{self.name}.bug")
            texts[path] = re.sub(pattern, lambda _, to=new: to.strip(),
                                 texts[path])
        return texts


class Build:
    """What cmake has built: how each object was compiled, and where."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.objects = {}  # path in the tree -> (object, words to compile it)
        commands = os.path.join(self.folder, "compile_commands.json")
        with open(commands, encoding="utf-8") as text:
            rows = json.load(text)
        for row in rows:
            words = [word for word in shlex.split(row["command"])
                     if word != "-Werror"]
            made = os.path.join(row["directory"], words[words.index("-o") + 1])
            if WANTED.search(made):
                path = os.path.relpath(row["file"], ROOT)
                self.objects[path] = (made, words)
        some = next(iter(self.objects.values()))[1]
        self.compiler = [word for word in some[:2] if "ccache" not in word][:1]
        self.flags = [word for word in some if word.startswith("-fsanitize")
                      or word in ("-O2", "-g", "-fPIE")]

    def keep(self, folder):
        """Copies of all objects: what is built meanwhile is not looked at."""
        for number, (path, (made, words)) in enumerate(self.objects.items()):
            copy = os.path.join(folder, f"{number}.o")
            shutil.copy(made, copy)
            self.objects[path] = (copy, words)

    def link(self, folder, texts):
        """A simulator with those sources instead."""
        objects = {path: row[0] for path, row in self.objects.items()}
        for path, text in texts.items():
            source = os.path.join(folder, os.path.basename(path))
            with open(source, "w", encoding="utf-8") as out:
                out.write(text)
            objects[path] = source + ".o"
            words = list(self.objects[path][1])
            words[words.index("-o") + 1] = objects[path]
            words[words.index("-c") + 1] = source
            run([word for word in words if "ccache" not in word]
                + ["-w", "-I", os.path.join(ROOT, os.path.dirname(path))])
        sim = os.path.join(folder, "zkl_sim")
        run(self.compiler + self.flags + list(objects.values()) + ["-o", sim])
        return sim


def run(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip() or "cannot run " + words[0])


def play(sim, *options):
    """The seed that failed, and what of; None: none did."""
    done = subprocess.run([sim, "--no-shrink", *options],
                          capture_output=True, text=True, check=False)
    found = FAILED.search(done.stdout)
    if found:
        return int(found.group(1)), found.group(2)
    if done.returncode < 0:
        return 0, f"died of signal {-done.returncode}"
    return None


class Outcome:
    def __init__(self, bug, seed=0, what="", wrong=""):
        self.bug = bug
        self.seed, self.what, self.wrong = seed, what, wrong

    def verdict(self):
        promise = VERDICT.search(self.what)
        return promise.group(0) if promise else "assert"


def judge(bug, found, sims, seeds):
    """sims: with the mistake, and without."""
    if found is None:
        return Outcome(bug, wrong=f"not caught in {seeds} seeds")
    seed, what = found
    aborted = what.startswith("aborted")
    if not seed or not (VERDICT.match(what) or aborted):
        return Outcome(bug, wrong=f"no verdict: seed {seed}: {what}")
    again = ("--from", str(seed), "--seeds", "1")
    if play(sims[0], *again) != found:
        return Outcome(bug, wrong=f"seed {seed} fails differently again")
    if play(sims[1], *again) is not None:
        return Outcome(bug, wrong=f"seed {seed} fails without it too")
    return Outcome(bug, seed, what)


def try_one(build, bug, clean, seeds):
    with tempfile.TemporaryDirectory() as folder:
        try:
            sim = build.link(folder, bug.texts)
        except ValueError as wrong:
            return Outcome(bug, wrong=str(wrong))
        found = play(sim, "--from", "1", "--seeds", str(seeds))
        return judge(bug, found, (sim, clean), seeds)


def table(outcomes):
    rows = ["| mistake | breaks | seeds until caught | by |",
            "|---|---|---:|---|"]
    for one in outcomes:
        rows.append(f"| `{one.bug.name}`: {one.bug.title} | {one.bug.rule} "
                    f"| {one.seed or one.wrong} "
                    f"| {one.verdict() if one.seed else ''} |")
    return "\n".join(rows)


def write_readme(outcomes):
    with open(README, encoding="utf-8") as text:
        before, _, rest = text.read().partition(BEGIN)
    after = rest.partition(END)[2]
    with open(README, "w", encoding="utf-8") as out:
        out.write(f"{before}{BEGIN}\n{table(outcomes)}\n{END}{after}")


def read_options():
    parser = argparse.ArgumentParser(description="seeded mistakes")
    parser.add_argument("--build", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--readme", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if os.environ.get("ZKL_NIGHTLY"):
        options.quick = False
    if not options.seeds:
        options.seeds = QUICK_SEEDS if options.quick else SEEDS
    return options


def main():
    options = read_options()
    names = options.names or sorted(name[:-4] for name in os.listdir(BUGS)
                                    if name.endswith(".bug"))
    bugs = [Bug(name) for name in names]
    # Each must apply, whether it is played or not.
    stale = []
    for bug in bugs:
        try:
            bug.texts = bug.sources()
        except ValueError as wrong:
            stale.append(str(wrong))
    bugs = [bug for bug in bugs if bug.texts]
    if options.quick:
        bugs = [bug for bug in bugs if bug.quick]
    build = Build(options.build)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        build.keep(folder)
        clean = build.link(folder, {})
        for one in pool.map(lambda bug: try_one(build, bug, clean,
                                                options.seeds), bugs):
            outcomes.append(one)
            print(f"{one.bug.name:32} "
                  + (f"seed {one.seed}: {one.what}" if one.seed
                     else f"NOT CAUGHT: {one.wrong}"), flush=True)
    if options.readme:
        write_readme(outcomes)
    for wrong in stale:
        print(wrong)
    caught = sum(bool(one.seed) for one in outcomes)
    print(f"{caught} of {len(outcomes)} caught")
    return 0 if caught == len(outcomes) and not stale else 1


if __name__ == "__main__":
    sys.exit(main())
