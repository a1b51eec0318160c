"""``attnwidget export``: a text's attention as a figure, a page, or a table of numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnwidget.cli.terminal import Steps, checked_output, write
from attnwidget.wire.schema import VIEWS, Save, Status, Texts

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from attnwidget.session import Session

FORMATS = ("svg", "png", "pdf", "csv", "html")  # as in `export.save`, which takes seconds to import
WIDEST = (1, 60)  # inches, as in `export.figure`
_EPILOG = """\
The ending of a file says what it becomes: .svg, .png and .pdf are figures, .html a page to explore in a browser
without a network, .csv the numbers. The bundled models need no network: demo/causal (reads from left to right),
demo/masked (fills gaps), demo/fr-en (translates).

examples:
  attnwidget export "The animal didn't cross the road because it was too tired" -o attention.svg
  attnwidget export "The cat [MASK] on the mat" --model demo/masked --view matrix -o matrix.png
  attnwidget export "the text" --head L2-H6 --query it --width 3.3 -o figure.pdf -o numbers.csv
  cat chapter.txt | attnwidget export - --model gpt2 -o page.html

It ends with 0 when all files are written, with 1 after an error, with 2 when the arguments make no sense.
"""


def add_to(commands: Any) -> ArgumentParser:
    """Add this command to a parser's."""
    from argparse import RawDescriptionHelpFormatter

    parser: ArgumentParser = commands.add_parser(
        "export",
        help="write a text's attention as a figure, a page, or numbers",
        description="Run a model on a text, and write its attention as a figure, a page, or a table of numbers.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", help="what the model reads; - reads it from standard input")
    parser.add_argument(
        *("-o", "--output"), action="append", required=True, metavar="FILE", help="a file to write; may be given again"
    )
    what = parser.add_argument_group("what is run")
    what.add_argument("--model", help="a bundled model, a folder, or a name on the Hugging Face Hub (demo/causal)")
    what.add_argument("--pair", metavar="TEXT", help="a second text, for models that read sentence pairs")
    what.add_argument("--target", metavar="TEXT", help="what an encoder-decoder says; else it writes that itself")
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--view", choices=VIEWS, help="which picture (lines)")
    shown.add_argument("--head", action="append", metavar="L4-H11", help="layer and head; may be given again")
    shown.add_argument("--query", action="append", metavar="TOKEN", help="pin what reads so, or a position: who looks")
    shown.add_argument("--key", action="append", metavar="TOKEN", help="pin what is looked at")
    shown.add_argument("--measure", metavar="NAME", help="weights, scores, norms … as in docs/measures.md (weights)")
    shown.add_argument("--attention", metavar="NAME", help="of an encoder-decoder: encoder, decoder or cross")
    shown.add_argument("--threshold", type=float, metavar="SHARE", help="what is smaller is not drawn (0.02)")
    shown.add_argument("--words", action="store_true", help="merge sub-words")
    looks = parser.add_argument_group("how a figure looks")
    looks.add_argument("--width", type=float, metavar="INCHES", help="3.3 for a column of a paper, 10 for a slide")
    looks.add_argument("--theme", choices=("light", "dark"), default="light")
    looks.add_argument("--transparent", action="store_true", help="no background")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    parser.set_defaults(run=lambda args: run(args, parser))
    return parser


def run(args: Namespace, parser: ArgumentParser) -> int:
    """Run the model once, and write all files."""
    outputs = []
    for name in args.output:
        ending = Path(name).suffix.lower().removeprefix(".")
        if ending not in FORMATS:
            parser.error(f"{name}: a file ends in {', '.join('.' + one for one in FORMATS)}")
        outputs.append((ending, checked_output(name)))
    if args.width is not None and not WIDEST[0] <= args.width <= WIDEST[1]:
        parser.error(f"--width is from {WIDEST[0]} to {WIDEST[1]} inches, not {args.width:g}")
    text = sys.stdin.read().strip() if args.text == "-" else args.text
    if not text.strip():
        parser.error("the text is empty")
    from attnwidget.export.save import save

    tell = Steps(quiet=args.quiet)
    session = _opened(args, text, tell)
    try:
        looks = {"width": args.width, "theme": args.theme, "background": not args.transparent}
        for ending, path in outputs:
            what = f"making {path.name}"

            def alive(done: int = 0, total: int = 0, what: str = what) -> None:
                tell(what, done, total)

            alive()
            _, data = save(session, Save(id="", format=ending, **looks), alive)  # type: ignore[arg-type]
            tell.end()
            write(path, data, quiet=args.quiet)
    finally:
        session.close()
    return 0


def _opened(args: Namespace, text: str, tell: Steps) -> Session:
    """Run the model on the text, and choose what is to be seen of it."""
    tell("starting")
    from attnwidget.session import Session

    chosen = {
        "view": args.view,
        "heads": args.head,
        "queries": args.query and [_place(one) for one in args.query],
        "keys": args.key and [_place(one) for one in args.key],
        "measure": args.measure,
        "attention": args.attention,
        "threshold": args.threshold,
        "words": args.words or None,
    }
    session = Session(options={name: one for name, one in chosen.items() if one is not None})

    def follow(changes: Any) -> None:
        status = changes.get("status")
        if isinstance(status, Status):
            tell(status.message, status.done, status.total)

    session.listener = follow
    session.open(text, Texts(text=text, text_pair=args.pair or "", text_target=args.target or ""), args.model)
    tell("scoring the heads")
    session.complete()  # what a figure colours lines by, and the heads' pictures
    tell.end()
    return session


def _place(named: str) -> int | str:
    """Read a position, or what reads so."""
    return int(named) if named.removeprefix("-").isdecimal() else named
