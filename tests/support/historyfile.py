# SPDX-License-Identifier: MIT
"""historyfile - a history as a file: what happened, one line each.

    <ms> <event> <who> [key=value ...]

<ms> is CLOCK_BOOTTIME in milliseconds, with or without a fraction (virtual
time is as good); <who> is a path as in h1/c3/17 (host, process, client), or
- for nobody; values hold no blanks.  Lines begin with # for remarks.  Several
processes may write a file each: read() sorts them together by time, and keeps
the order of lines of one time.

| event | who | keys | it says |
|---|---|---|---|
| ask | client | lock mode; tag wait try slots several | LOCK is being sent |
| queued | client | lock; tag | QUEUED was read |
| answer | client | lock code; tag | that LOCK was refused or called off |
| grant | client | lock token mode gen until; page node tag slots | GRANTED |
| page | host | page gen until | the lease page shows this since now |
| lease | client | until | * LEASE was read, of the gen of its holds |
| suspended | client | until | * SUSPENDED was read |
| draining | client | | * DRAINING was read: told for good |
| resumed | client | until | * RESUMED was read |
| lost | client | lock token reason | * LOST was read |
| release | client | lock | UNLOCK is being sent |
| eof | client | | its connection is over, or is being closed |
| write | client | lock token taken | the register has answered: 0 or 1 |
| stop go | path | | all below it stands still, goes on; h1/d is h1's daemon |
| kill | path | | all below it is dead |
| node | observer | lock path czxid | a claim is in the tree; czxid is hex |
| left | observer | path | and still there when nobody wants anything |
| exempt | - | lock | an operator deleted a node of it |
| fault | - | what | from here on something is broken |
| mended | - | what | that is whole again; something else may not be |
| heal | - | what | from here on everything is whole |
| end | - | | the run is over |

tag tells the asks of one client for one lock apart; without it there is one
at a time.  Who writes asks down writes down all of them.  wait is in
milliseconds; try=1 is TRYLOCK; slots is a semaphore's N; several=1 is one name
of LOCK a b.

page names one daemon's life (a new daemon makes a new page and counts gens
from 1 again): a hold follows the page of its own page and gen, also when that
takes back what GRANTED said; until=0, or a newer gen, ends such holds, and a
GRANTED that is read after that begins none.  A history without pages says
`lease` or nothing.

    /usr/bin/python3 tests/support/historyfile.py --session 4000 --tick 500 \\
        FILE...

checks such files, prints the verdict, and exits with 1 if a promise was
broken.
"""
import argparse
import os
import sys

import history
import proc

# What a loaded two-core machine may add before a waiter counts as stuck.
SLACK_MS = 3000.0
_SHOWN = 10  # findings of a kind
_BUCKETS_MS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


class Writer:
    """One process's file.  Each line is in the kernel when line() returns:
    a killed process has written all that it had seen."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND
                           | os.O_CLOEXEC, 0o644)

    def line(self, event, who="-", at_ms=None, **keys):
        at_ms = proc.now_ms() if at_ms is None else at_ms
        words = "".join(f" {key}={value}" for key, value in keys.items())
        os.write(self._fd, f"{at_ms:.3f} {event} {who}{words}\n".encode())
        return at_ms


def lines_of(paths):
    """(ms, event, who, keys) of all of them, in order of time."""
    found = []
    for path in paths:
        with open(path, encoding="utf-8") as text:
            for raw in text:
                words = raw.split()
                if words and not words[0].startswith("#"):
                    found.append((float(words[0]), words[1], words[2],
                                  words[3:]))
    found.sort(key=lambda line: line[0])
    for at_ms, event, who, pairs in found:
        yield at_ms, event, who, dict(pair.split("=", 1) for pair in pairs)


def _key(keys):
    return keys["lock"], keys.get("tag")


class Reader:
    """Lines in order of time into a history."""

    def __init__(self):
        self.history = history.History()
        self._holding = {}  # client -> {lock: hold}
        self._asking = {}  # client -> {(lock, tag): ask}
        self._askers = set()  # clients that have written asks down
        self._pages = {}  # (host, page, gen) -> its deadline
        self._fell = set()  # those of them that were taken back
        self._gens = {}  # (host, page) -> the newest gen
        self._on_page = {}  # the same -> open holds

    def read(self, lines):
        for at_ms, event, who, keys in lines:
            act = getattr(self, "_" + event, None)
            if not act:
                raise ValueError(f"{at_ms}: no such event: {event}")
            act(at_ms, who, keys)
        return self.history

    # Asks and holds.

    def _ask(self, at_ms, who, keys):
        ask = self.history.asked(keys["lock"], who, at_ms)
        ask.mode = keys.get("mode", "x")
        ask.several = keys.get("several") == "1"
        ask.patient = "wait" not in keys and keys.get("try") != "1"
        if "wait" in keys:
            ask.wait_ms = float(keys["wait"])
        if "slots" in keys:
            ask.slots = int(keys["slots"])
        self._askers.add(who)
        self._asking.setdefault(who, {})[_key(keys)] = ask

    def _queued(self, at_ms, who, keys):
        ask = self._asking.get(who, {}).get(_key(keys))
        if ask and ask.queued_ms is None:
            ask.queued_ms = at_ms

    def _answered(self, at_ms, who, keys):
        ask = self._asking.get(who, {}).pop(_key(keys), None)
        if ask:
            ask.end_ms = at_ms
        elif who in self._askers:
            self.history.odd_answers.append(
                f"answered, but not asked, or before: {keys['lock']} "
                f"tag={keys.get('tag', '-')} for {who} at {at_ms:.1f}")
        return ask

    def _answer(self, at_ms, who, keys):
        ask = self._answered(at_ms, who, keys)
        if ask:
            ask.timed_out = keys.get("code") == "TIMEOUT"

    def _grant(self, at_ms, who, keys):
        ask = self._answered(at_ms, who, keys)
        hold = self.history.granted(
            keys["lock"], who, int(keys["token"]), at_ms,
            float(keys["until"]), keys.get("mode", "x"))
        hold.node = keys.get("node", "")
        if "slots" in keys:
            hold.slots = int(keys["slots"])
        if ask:
            ask.hold = hold
        hold.page = (who.split("/")[0], keys.get("page", ""),
                     keys.get("gen", ""))
        self._as_the_page_says(hold)
        self._holding.setdefault(who, {})[hold.name] = hold
        self._on_page.setdefault(hold.page, {})[id(hold)] = hold

    def _as_the_page_says(self, hold):
        """It may have moved between the writing of GRANTED and its reading:
        onwards, or back because the daemon is to end."""
        until_ms = self._pages.get(hold.page, 0.0)
        newest = self._gens.get(hold.page[:2], 0)
        if hold.page in self._fell:
            hold.until_ms = until_ms
        self.history.extended(hold, until_ms)
        if hold.page[2].isdigit() and int(hold.page[2]) < newest:
            hold.until_ms = 0.0

    def _over(self, hold, how, at_ms):
        self.history.ended(hold, how, at_ms)
        self._on_page.get(hold.page, {}).pop(id(hold), None)

    def _gone(self, who, lock, how, at_ms):
        hold = self._holding.get(who, {}).pop(lock, None)
        if hold:
            self._over(hold, how, at_ms)

    def _release(self, at_ms, who, keys):
        self._gone(who, keys["lock"], history.RELEASED, at_ms)

    def _lost(self, at_ms, who, keys):
        self._gone(who, keys["lock"], history.LOST, at_ms)

    def _eof(self, at_ms, who, _keys=None):
        for hold in self._holding.pop(who, {}).values():
            self._over(hold, history.EOF, at_ms)
        for ask in self._asking.pop(who, {}).values():
            ask.end_ms = at_ms

    # Deadlines and notices.

    def _page(self, at_ms, who, keys):
        page = (who, keys["page"], keys["gen"])
        until_ms = float(keys["until"])
        if until_ms < self._pages.get(page, 0.0):
            self._fell.add(page)
        self._pages[page] = until_ms
        self._gens[page[:2]] = int(keys["gen"])
        for hold in list(self._on_page.get(page, {}).values()):
            if until_ms:
                hold.until_ms = until_ms
            else:
                self._over(hold, history.LOST, at_ms)

    def _lease(self, _at_ms, who, keys):
        for hold in self._holding.get(who, {}).values():
            self.history.extended(hold, float(keys["until"]))

    def _suspended(self, at_ms, who, keys):
        for hold in self._holding.get(who, {}).values():
            if hold.suspended_ms is None:
                self.history.suspended(hold, at_ms)
            if hold.page not in self._pages and "until" in keys:
                hold.until_ms = float(keys["until"])

    def _draining(self, at_ms, who, _keys):
        for hold in self._holding.get(who, {}).values():
            self.history.told_for_good(hold, at_ms)

    def _resumed(self, _at_ms, who, keys):
        for hold in self._holding.get(who, {}).values():
            self.history.resumed(hold, float(keys["until"]))

    # The register and the observer.

    def _write(self, at_ms, who, keys):
        self.history.wrote(keys["lock"], who, int(keys["token"]),
                           keys["taken"] == "1", at_ms)

    def _node(self, _at_ms, _who, keys):
        self.history.nodes[keys["path"]] = int(keys["czxid"], 16)

    def _left(self, _at_ms, _who, keys):
        self.history.left.append(keys["path"])

    # What was done to them.

    def _stop(self, at_ms, who, _keys):
        self.history.stopped(who, at_ms)

    def _go(self, at_ms, who, _keys):
        self.history.went_on(who, at_ms)

    def _kill(self, at_ms, who, _keys):
        self._go(at_ms, who, _keys)
        for client in set(self._holding) | set(self._asking):
            if client.startswith(who + "/"):
                self._eof(at_ms, client)

    def _fault(self, at_ms, _who, _keys):
        self.history.calm.end(at_ms)

    def _mended(self, _at_ms, _who, _keys):
        """For readers."""

    def _heal(self, at_ms, _who, _keys):
        self.history.calm.begin(at_ms)

    def _exempt(self, _at_ms, _who, keys):
        self.history.exempt.add(keys["lock"])

    def _end(self, at_ms, _who, _keys):
        self.history.finished_ms = at_ms


def read(paths):
    return Reader().read(lines_of(paths))


class Verdict:
    """All checks of one history, as figures and as findings."""

    def __init__(self, seen, session_ms, tick_ms, slack_ms=SLACK_MS):
        self.seen = seen
        self.holds = seen.holds
        findings = seen.check()
        self.overlaps = [one for one in findings if "overlap" in one]
        self.inversions = [one for one in findings
                           if one.startswith(("token fell", "token twice",
                                              "token out"))]
        self.disagreements = seen.disagreements()
        self.late = seen.late_notices()
        self.refused = seen.wrongly_refused()
        self.stuck = seen.stuck(session_ms + tick_ms + 1000 + slack_ms)
        self.orphans = seen.left_behind()
        self.answers = seen.answers(slack_ms)
        self.overtaken = seen.overtaken()

    def findings(self):
        return [finding for kind in self.kinds() for finding in kind]

    def kinds(self):
        return (self.overlaps, self.inversions, self.late, self.stuck,
                self.orphans, self.refused, self.disagreements, self.answers,
                self.overtaken)

    def line(self):
        late_writes = sum(not taken for *_, taken in self.seen.writes)
        stall = max([one[0] for one in self.stalls()[:1]], default=0.0)
        calm = max([one[0] for one in self.stalls(self.seen.calm)[:1]],
                   default=0.0)
        return (f"grants={len(self.holds)} overlaps={len(self.overlaps)} "
                f"inversions={len(self.inversions)} "
                f"late_notices={len(self.late)} stuck={len(self.stuck)} "
                f"orphans={len(self.orphans)} "
                f"longest_stall_s={stall / 1000:.1f} "
                f"longest_calm_stall_s={calm / 1000:.1f} "
                f"register_writes={len(self.seen.writes)} "
                f"late_writes_refused={late_writes} "
                f"wrongly_refused={len(self.refused)} "
                f"witnessed={self.seen.witnessed()} "
                f"disagreements={len(self.disagreements)} "
                f"wrong_answers={len(self.answers)} "
                f"overtaken={len(self.overtaken)}")

    def stalls(self, within=None):
        return history.stalls(self.seen.asks, self.holds, within)

    def tell(self, out=sys.stdout):
        pairs = history.margins(self.holds)
        print("\n".join(histogram(
            "notice -> grant elsewhere",
            [told for told, _ in pairs if told is not None])), file=out)
        print("\n".join(histogram(
            "end of the hold -> grant elsewhere",
            [ended for _, ended in pairs])), file=out)
        for what, within in (("", None), (" while all was well",
                                          self.seen.calm)):
            for length_ms, begin_ms, name in self.stalls(within)[:1]:
                print(f"longest stall{what}: {length_ms / 1000:.1f} s of "
                      f"{name} from {begin_ms:.0f} on", file=out)
        for kind in self.kinds():
            for finding in kind[:_SHOWN]:
                print(f"  {finding}", file=out)
            if len(kind) > _SHOWN:
                print(f"  ... and {len(kind) - _SHOWN} more", file=out)
        print(f"verdict: {self.line()}", file=out, flush=True)


def histogram(title, values_ms):
    """Lines that show how they are spread."""
    values = sorted(values_ms)
    if not values:
        return [f"{title}: none"]
    lines = [f"{title}: {len(values)} times, least {values[0]:.1f} ms, "
             f"median {values[len(values) // 2]:.1f} ms, "
             f"most {values[-1]:.1f} ms"]
    edges = [-history.FOREVER, *_BUCKETS_MS, history.FOREVER]
    for low, high in zip(edges, edges[1:]):
        count = sum(low <= value < high for value in values)
        if count:
            label = f"< {high}" if low < 0 else f">= {low}"
            bar = "#" * max(1, round(40 * count / len(values)))
            lines.append(f"  {label:>8} ms {count:6d} {bar}")
    return lines


def main():
    words = argparse.ArgumentParser(description="check a history")
    words.add_argument("--session", type=float, required=True,
                       metavar="MS", help="the session timeout T")
    words.add_argument("--tick", type=float, required=True, metavar="MS")
    words.add_argument("--slack", type=float, default=SLACK_MS, metavar="MS",
                       help="added to T + tick + 1 s (default %(default)s)")
    words.add_argument("files", nargs="+")
    asked = words.parse_args()
    verdict = Verdict(read(asked.files), asked.session, asked.tick,
                      asked.slack)
    verdict.tell()
    return 1 if verdict.findings() else 0


if __name__ == "__main__":
    sys.exit(main())
