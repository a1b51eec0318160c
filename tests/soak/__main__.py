"""Thousands of random interactions in JupyterLab, with two browsers on one kernel: `make soak`.

The same seed throws the same dice. Ends with what the pages held at the start, in the middle and at the end, and with
what went wrong; the exit status says whether anything did.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from random import Random

from playwright.sync_api import Error, sync_playwright
from playwright.sync_api import TimeoutError as LateError

from browser.chromium import launch
from browser.jupyter import serve
from soak.actions import ACTIONS
from soak.agreement import agreement
from soak.disturbances import SHORT, busy_cell, cut_line, killed_kernel, plain, start
from soak.reader import Counts, Reader

STEPS = int(os.environ.get("SOAK_STEPS", "2000"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
ONLY = [name for name in os.environ.get("SOAK_ONLY", "").split(",") if name]
CHECKED = 25  # steps between two looks at whether all agree
GROWTH = 1.1  # from the start to the end that is no leak; measured are 2 %: a kernel that dies leaves a little behind
FILE = "soak.ipynb"
CELL = f"from attnwidget import AttentionWidget\nw = AttentionWidget({SHORT!r}, heads=['L2-H6'])\nw"


class Soak:
    """One run."""

    def __init__(self, first: Reader, second: Reader) -> None:
        self.first = first
        self.second = second
        self.dice = Random(SEED)
        self.found: list[str] = []
        self.done: Counter[str] = Counter()
        self.idle: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.checks = 0
        self.counts: dict[str, dict[str, Counts]] = {}

    def at(self, step: int, what: str) -> None:
        """Note something wrong."""
        self.found.append(f"step {step}: {what}")
        print(self.found[-1], flush=True)

    def act(self, step: int) -> None:
        """Let one reader do one thing, and wait until the picture stands."""
        reader = self.first if self.dice.random() < 0.7 else self.second
        names = ONLY or list(ACTIONS)
        [name] = self.dice.choices(names, [ACTIONS[one][0] for one in names])
        begun = time.monotonic()
        did = False
        try:
            with suppress(LateError):  # the other browser has just taken away what was to be used
                did = ACTIONS[name][1](reader, self.dice)
            (self.done if did else self.idle)[name] += 1
            reader.wait("ready error")
        except Error as error:
            self.at(
                step, f"{reader.name}: {name}: {str(error).splitlines()[0]} · {reader.alert()} · {reader.picture()}"
            )
        if "Run the" in (said := reader.alert()) or reader.picture()["state"] == "error":
            self.at(step, f"{reader.name}: {name}: alert {said!r}")
            reader.nth("[data-tab][aria-selected=true]", 0).press("Escape")
        self.seconds[name] += time.monotonic() - begun

    def check(self, step: int) -> None:
        """See whether all agree, and what the consoles say."""
        self.checks += 1
        for one in agreement([self.first, self.second], self.first):
            self.at(step, one)
        for reader in (self.first, self.second):
            for one in reader.errors:
                self.at(step, f"{reader.name}: {one}")
            reader.errors.clear()

    def count(self, when: str, step: int) -> None:
        """Bring both pages back to where they began, and count what they hold."""
        for reader in (self.first, self.second):
            plain(reader)
        self.check(step)
        self.counts[when] = {reader.name: reader.count() for reader in (self.first, self.second)}
        print(f"{when} of {STEPS}: {self.counts[when]}", flush=True)

    def disturb(self, step: int) -> None:
        """At fixed points of the way."""
        share = lambda *at: step in {int(STEPS * one) for one in at}  # noqa: E731
        if share(0.15, 0.4, 0.8):
            happens = cut_line
        elif share(0.25, 0.7):
            happens = busy_cell
        elif share(0.6):
            happens = lambda *given: killed_kernel(*given, start)  # noqa: E731
        else:
            return
        try:
            for one in happens(self.first, self.second, self.dice):
                self.at(step, one)
        except Error as error:
            self.at(step, f"disturbance: {error}")
        self.check(step)

    def run(self) -> None:
        """Go all the way."""
        for step in range(100):  # what is made once is made
            self.act(-step)
        self.count("0", 0)
        for step in range(1, STEPS + 1):
            self.act(step)
            if not ONLY:
                self.disturb(step)
            if step % CHECKED == 0:
                self.check(step)
            if step % max(STEPS // 4, 1) == 0:
                self.count(str(step), step)
        for name in ("first", "second"):
            before, after = self.counts["0"][name], self.counts[str(STEPS)][name]
            for what in ("nodes", "listeners", "heap"):
                if getattr(after, what) > GROWTH * getattr(before, what):
                    self.at(STEPS, f"{name}: {what} grew from {getattr(before, what)} to {getattr(after, what)}")

    def report(self, seconds: float) -> None:
        """Print the tables."""
        print(f"\n{STEPS} steps, seed {SEED}, {seconds:.0f} s, {self.checks} checks\n")
        print("| step | browser | DOM nodes | in the page | with JupyterLab's keys | listeners | heap |")
        print("|---|---|---|---|---|---|---|")
        for when, both in self.counts.items():
            for name, one in both.items():
                held = " | ".join(f"{count:,}" for count in (one.nodes, one.attached, one.with_keys, one.listeners))
                print(f"| {when} | {name} | {held} | {one.heap / 1e6:.1f} MB |")
        print("\n| what | done | nothing to do it with | s each |")
        print("|---|---|---|---|")
        for name in ACTIONS:
            both = self.done[name] + self.idle[name]
            print(f"| {name} | {self.done[name]} | {self.idle[name]} | {self.seconds[name] / max(both, 1):.2f} |")
        for reader in (self.first, self.second):
            for said, times in Counter(reader.hosts_own).items():
                print(f"JupyterLab's own, while disturbed ({reader.name}, {times}×): {said[:160]}")
        print(f"\n{len(self.found)} faults")
        for one in self.found:
            print(one)


def main() -> int:
    """Run it and return the exit status."""
    begun = time.monotonic()
    with serve() as jupyter, sync_playwright() as playwright:
        browser = launch(playwright)
        jupyter.write(FILE, CELL)
        first = Reader(browser, jupyter, "first", FILE)
        start(first)
        first.notebook.save()
        second = Reader(browser, jupyter, "second", FILE)
        second.wait()
        soak = Soak(first, second)
        try:
            soak.run()
        finally:
            soak.report(time.monotonic() - begun)
        browser.close()
    return 1 if soak.found else 0


if __name__ == "__main__":
    sys.exit(main())
