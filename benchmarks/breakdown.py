"""How long until the steps of another head are seen, in a real JupyterLab, at 1,024 tokens.

The model is GPT-2 with random weights (12 layers × 12 heads), the query its last token. A head is clicked; the clock
stops when the widget is "ready" and two frames have gone by, which is when its pixels are on the screen. The floor is
the same way with nothing to compute or draw: a click in an empty widget that sets a trait, whose echo from the kernel
is waited for. Prints one markdown table: the median head of a dozen, in the median of three rounds.
"""

import argparse
import sys
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where browser is a folder; here it is a file
from first_drawing import READY, RUN_CELL, Subject, measure

from browser.jupyter import serve

CLICKS = 12
ROUNDS = 3

FLOOR = Subject(
    name="floor: a trait to the kernel and back",
    set_up='''
import anywidget
import traitlets

class Echo(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) {
        el.id = "echo";
        el.onclick = () => { model.set("sent", model.get("sent") + 1); model.save_changes(); };
        model.on("change:back", () => { el.textContent = model.get("back"); });
    } }"""
    sent = traitlets.Int(0).tag(sync=True)
    back = traitlets.Int(0).tag(sync=True)

    @traitlets.observe("sent")
    def _echo(self, change):
        self.back = change.new
''',
    cell="Echo()",
    steps={
        "first drawing": (RUN_CELL, "document.querySelector('#echo')"),
        **{
            f"head {one}": (
                "document.querySelector('#echo').click()",
                f"document.querySelector('#echo').textContent === '{one}'",
            )
            for one in range(1, CLICKS + 1)
        },
    },
)
OURS = Subject(
    name="attnwidget, another head",
    set_up="from attnwidget import AttentionWidget",
    cell='AttentionWidget(text, model=model, tokenizer=tokenizer, view="breakdown", queries=[len(words) - 1])',
    steps={
        "first drawing": (RUN_CELL, f"{READY} && deep('[data-projected=ready]')"),
        **{
            f"head {one}": (
                f"deep('[data-head=L{one % 12}-H{11 - one % 12}]').click()",
                f"deep('[data-head=L{one % 12}-H{11 - one % 12}][aria-pressed=true]') && {READY}",
            )
            for one in range(1, CLICKS + 1)
        },
    },
)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=1024)
    tokens = parser.parse_args().tokens
    print(f"| {tokens:,} tokens | median | slowest |\n|---|---:|---:|")
    with sync_playwright() as playwright, serve() as jupyter:
        for subject in (FLOOR, OURS):
            rounds = [measure(playwright, jupyter, subject, tokens) for _ in range(ROUNDS)]
            spent = [[1000 * found[f"head {one}"] for one in range(1, CLICKS + 1)] for found in rounds]
            middle, slowest = (median(how(one) for one in spent) for how in (median, max))
            print(f"| {subject.name} | {middle:.0f} ms | {slowest:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
