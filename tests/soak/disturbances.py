"""What may happen to a session: a line that is cut, a kernel that is busy, a kernel that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import TimeoutError as LateError

from browser.jupyter import PANEL
from soak.agreement import ASK, agreement
from soak.reader import FIND, SETTLED, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from soak.reader import Reader

SHORT = "The animal didn't cross the road because it was too tired"
PLAIN_TRIES = 5
HIDING = ".leave-out[aria-pressed=true]"
LONG = "word " * 300  # too long for all heads to be sent ahead


def plain(reader: Reader, text: str = SHORT) -> None:
    """Bring a browser and the kernel back to where they began."""
    reader.page.set_viewport_size(SIZE)
    reader.page.mouse.move(0, 0)
    for _ in range(PLAIN_TRIES):  # an example that was chosen just now comes in between
        model = f"() => {{ {FIND} return root.querySelector('.model b')?.textContent === 'demo/causal'; }}"
        if not reader.page.evaluate(model):
            reader.root.get_by_label("Examples").select_option(index=1)  # of the default model
            reader.page.wait_for_function(model, timeout=SETTLED)
        reader.wait("ready error")
        reader.run(
            f"w.what_if, w.text = {{}}, {text!r}\n"
            "w.view, w.words, w.category, w.measure, w.threshold = 'lines', False, None, 'weights', 0.02\n"
            "w.heads, w.queries, w.keys, w.combine = ['L2-H6'], [], [], 'mean'"
        )
        reader.wait("ready error")
        for selector in (HIDING, ".next-button[aria-pressed=true]"):  # known to this browser alone
            for _ in reader.candidates(selector):
                reader.click(selector, 0)
        if reader.picture()["text"].split() == text.split() and reader.page.evaluate(model):
            return


def pressed(reader: Reader, head: str) -> bool:
    return head in reader.picture()["heads"]


def click_head(reader: Reader, head: str) -> None:
    reader.root.locator(f"[data-head={head}]").click(timeout=SETTLED)


def cut_line(first: Reader, second: Reader, dice: Random) -> list[str]:
    """One browser's line is down: what both readers do meanwhile comes together when it is up again."""
    for reader in (first, second):
        plain(reader)
        reader.wait()
    first.cut()
    click_head(first, f"L{dice.randrange(4)}-H{dice.randrange(8)}")  # lost
    second.root.get_by_label("Threshold", exact=True).fill(str(dice.randrange(80) / 100))
    if dice.random() < 0.5:
        second.run("w.text = 'while the line was down the cat slept on'")  # the first never hears of it
    second.wait()
    first.mend()
    return []


def busy_cell(first: Reader, second: Reader, dice: Random) -> list[str]:
    """A long cell runs: a head shows all the same, from what was sent ahead."""
    plain(first)
    found = agreement([first, second], first)  # nothing is on its way any more
    gate = f"go-{dice.randrange(10**9)}"
    first.run(f"import pathlib, time\nwhile not pathlib.Path({gate!r}).exists():\n    time.sleep(0.02)", wait=False)
    chosen = []
    for reader in (first, second):
        head = f"L{dice.randrange(4)}-H{dice.randrange(8)}"
        chosen.append(head)
        click_head(reader, head)
        try:
            reader.wait(timeout=10_000)
        except LateError:
            found.append(f"{reader.name}: {head} while a cell runs: {reader.picture()['state']}, {reader.alert()}")
        if not any(pressed(reader, one) for one in chosen):  # of both readers' the one that came last to the kernel
            found.append(f"{reader.name}: {head} is not shown while a cell runs")
    (first.jupyter.folder / gate).touch()
    first.notebook.wait_idle()
    return found


def killed_kernel(first: Reader, second: Reader, dice: Random, setup: Callable[[Reader], None]) -> list[str]:
    """The kernel dies: both browsers say so and keep their picture; the cell run again brings them back."""
    plain(first, LONG)
    readers = (first, second)
    found = []
    for reader in readers:
        reader.wait()
    first.run("w.heads = ['L3-H7']")
    for reader in readers:
        reader.wait()
        reader.disturbed = True
    before = [reader.picture() for reader in readers]
    first.run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", wait=False)
    for reader, picture in zip(readers, before, strict=True):
        dismiss(reader)
        reader.root.locator(f"[data-head=L0-H{dice.randrange(7)}]").dispatch_event("click")
        try:
            reader.wait("no-kernel")
        except LateError:
            found.append(f"{reader.name}: the kernel is dead: {reader.picture()['state']}, {reader.alert()}")
        now = reader.picture()
        if now["query_labels"] != picture["query_labels"]:
            found.append(f"{reader.name}: the picture went with the kernel")
        dismiss(reader)
    setup(first)
    first.notebook.save()
    second.open()
    second.wait()
    for reader in readers:
        reader.disturbed = False
    return found


def dismiss(reader: Reader) -> None:
    """JupyterLab tells in a dialog that a kernel has died."""
    reader.page.evaluate("""() => document.querySelectorAll(".jp-Dialog button.jp-mod-accept")
      .forEach((button) => button.click())""")


def start(reader: Reader) -> None:
    """Run the widget's cell."""
    reader.page.wait_for_function(
        f"() => {PANEL}.sessionContext.session?.kernel?.connectionStatus === 'connected'", timeout=SETTLED
    )
    reader.notebook.wait_idle()
    reader.notebook.run_cell(0)
    reader.wait()
    reader.run(ASK)
