#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bench - rounds of workloads, medians of the ratios within a round.

The workloads of a group run in turn, round after round, so that a slow
minute of the machine falls on all of them.  A rate by itself says little
here; a ratio of two that ran beside each other does.  Run by run.sh.
"""
import argparse
import json
import os
import platform
import statistics
import sys
import time

import picture
import proc
from stand import HERE, Stand
from workloads import GROUPS

README = os.path.join(HERE, "README.md")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def wishes():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0,
                        help="of one workload")
    parser.add_argument("--daemon", help="another build of zklockd")
    parser.add_argument("--json", help="where to put every figure")
    parser.add_argument("--write", action="store_true",
                        help="table and picture into tests/bench/README.md;"
                        " of a run of all groups only")
    parser.add_argument("groups", nargs="*", metavar="GROUP",
                        choices=[[], *GROUPS], default=[])
    wish = parser.parse_args()
    if wish.daemon and not os.access(wish.daemon, os.X_OK):
        parser.error(f"--daemon {wish.daemon}: no program is there")
    if wish.write and wish.groups:
        parser.error("--write is for a run of all groups: the table says of "
                     "all rows when and on what they were measured")
    return wish


def one_round(stand, group, number, wish):
    """Every workload once: name -> figures.  Odd rounds go backwards."""
    jobs = GROUPS[group][0]
    figures = {}
    for name, job in jobs if number % 2 == 0 else reversed(jobs):
        began = time.monotonic()
        figures[name] = job(stand, wish.seconds)
        print(f"   {group} {number + 1}/{wish.rounds}  {name:20} "
              f"{figures[name].get('rate', 0):12.1f}/s  "
              f"({time.monotonic() - began:.1f} s)", flush=True)
    return figures


def judged(group, rounds):
    """One row a goal: median, least and most of the ratio."""
    rows = []
    for goal in GROUPS[group][1]:
        ratios = [goal.ratio(figures) for figures in rounds]
        value = statistics.median(ratios)
        rows.append({
            "goal": goal.number, "what": goal.what, "sense": goal.sense,
            "median": value, "least": min(ratios), "most": max(ratios),
            "must": goal.must, "summit": goal.summit,
            "verdict": "" if goal.must is None and goal.summit is None
            else goal.verdict(value)})
    return rows


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.4f}"


def rates(group, rounds):
    """One row a workload: the median of what it came to."""
    for name, _ in GROUPS[group][0]:
        def middle(key, name=name):
            return statistics.median(
                figures[name].get(key, 0) for figures in rounds)
        yield {"group": group, "name": name, "rate": middle("rate"),
               "p50_us": middle("p50_us"), "p99_us": middle("p99_us")}


def table(rows):
    yield ("| goal | what | median | least | most | must | summit | |",
           "|---|---|---:|---:|---:|---:|---:|---|")
    for row in rows:
        yield (f"| {row['goal']} | {row['what']} | {number(row['median'])} | "
               f"{number(row['least'])} | {number(row['most'])} | "
               f"{bound(row, 'must')} | {bound(row, 'summit')} | "
               f"{row['verdict']} |",)


def bound(row, key):
    return "-" if row[key] is None \
        else f"{'≥' if row['sense'] == '>=' else '≤'} {number(row[key])}"


def rate_table(rows):
    yield ("| group | workload | a second | p50 µs | p99 µs |",
           "|---|---|---:|---:|---:|")
    for row in rows:
        yield (f"| {row['group']} | {row['name']} | {number(row['rate'])} | "
               f"{number(row['p50_us'])} | {number(row['p99_us'])} |",)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as text:
        cores = text.read().count("processor\t")
    return f"{cores} cores, Linux {platform.release().split('-')[0]}"


def write_readme(rows, rated, wish):
    with open(README, encoding="utf-8") as text:
        page = text.read()
    lines = [f"{time.strftime('%Y-%m-%d', time.gmtime())}, {machine()}, "
             f"{wish.rounds} rounds of {wish.seconds:g} s.", "",
             "![ratios](bench.svg)", ""]
    lines += [line for part in table(rows) for line in part]
    lines += ["", "Medians of what each came to, for orientation only:", ""]
    lines += [line for part in rate_table(rated) for line in part]
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    with open(README, "w", encoding="utf-8") as text:
        text.write(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail)
    draw(rows, HERE)


def draw(rows, folder):
    path = os.path.join(folder, "bench.svg")
    with open(path, "w", encoding="utf-8") as text:
        text.write(picture.bars(rows))
    return path


def write_json(rows, measured, wish):
    with open(wish.json, "w", encoding="utf-8") as out:
        json.dump({"machine": machine(), "rounds": measured, "goals": rows},
                  out, indent=1)


def main():
    wish = wishes()
    groups = wish.groups or list(GROUPS)
    stand = Stand(wish.daemon)
    measured, rows, rated, drawn = {}, [], [], ""
    for at, group in enumerate(groups):
        print(f"== {group} ({at + 1} of {len(groups)})", flush=True)
        measured[group] = [one_round(stand, group, i, wish)
                           for i in range(wish.rounds)]
        rows += judged(group, measured[group])
        rated += rates(group, measured[group])
        # Now and not at the end: the next group may fail.
        drawn = draw(rows, os.environ.get("BENCH_WORK", proc.build_dir()))
        if wish.json:
            write_json(rows, measured, wish)
    print("\n".join(line for part in table(rows) for line in part))
    if wish.write:
        write_readme(rows, rated, wish)
    print(f"The picture: {drawn}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
