"""How long each figure takes and how large it is, beside what drawing nothing takes: an empty picture of the same size.

    python benchmarks/figures.py

Processor time, the best of several: another program on the machine does not count.
"""

import time

from attnwidget import capture, figure, load_model
from attnwidget.export import figure as figures
from attnwidget.export import render
from attnwidget.session import Session
from attnwidget.wire.schema import VIEWS, Texts

TEXT = "The animal didn't cross the road because it was too tired"
LONG = "the cat sat on the mat and the dog looked at it " * 90
TIMES = 5


def best(work):
    """Return the least processor time in ms, and what was made."""
    took = []
    for _ in range(TIMES):
        began = time.process_time()
        made = work()
        took.append(1000 * (time.process_time() - began))
    return min(took), made


def empty(svg):
    """A picture of the same size with nothing in it."""
    head = svg[: svg.index(">") + 1]
    return f'{head}<rect width="100%" height="100%" fill="#fff"/></svg>'


def main():
    model, tokenizer = load_model("demo/causal")
    print(f"{'figure':<24}{'SVG':>9}{'bytes':>9}{'PNG ×2':>9}{'bytes':>9}{'empty':>9}{'PDF':>9}{'bytes':>9}")
    for what, text in (("sentence", TEXT), ("1,081 tokens", LONG)):
        trace = capture(model, text, tokenizer=tokenizer)
        for view in VIEWS:
            drawn, one = best(lambda: figure(trace, view=view, heads="L2-H6", width=3.3))  # noqa: B023
            painted, png = best(lambda: one.png(2))  # noqa: B023
            floor, _ = best(lambda: render.png(empty(one.svg), 2))  # noqa: B023
            wrote, pdf = best(one.pdf)
            print(
                f"{what + ', ' + view:<24}{drawn:>6.0f} ms{len(one.svg):>9,}{painted:>6.0f} ms{len(png):>9,}"
                f"{floor:>6.0f} ms{wrote:>6.0f} ms{len(pdf):>9,}"
            )
        session = Session(probe=False)
        session.open(trace, Texts(), None)
        took, (png, _) = best(lambda: figures.output_picture(session))  # noqa: B023
        print(f"{what + ', in the output':<24}{took:>27.0f} ms{len(png):>9,}")


if __name__ == "__main__":
    main()
