"""``attnwidget page``: a whole notebook as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnwidget.cli.terminal import checked_output, write

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_EPILOG = """\
The page needs no network and no kernel: its widgets show what was last seen, and do all that needs no new pass
through the model. The notebook must have been run; nothing is run here.

example:
  attnwidget page notebook.ipynb -o notebook.html
"""


def add_to(commands: Any) -> ArgumentParser:
    """Add this command to a parser's."""
    from argparse import RawDescriptionHelpFormatter

    parser: ArgumentParser = commands.add_parser(
        "page",
        help="make one offline page of a whole notebook",
        description="Make one offline page of a whole notebook, with its widgets.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("notebook", help="an .ipynb file")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write it (beside the notebook, as .html)")
    parser.set_defaults(run=run)
    return parser


def run(args: Namespace) -> int:
    """Write the page."""
    notebook = Path(args.notebook)
    if not notebook.is_file():
        raise FileNotFoundError(f"there is no notebook {args.notebook}")
    output = checked_output(args.output or str(notebook.with_suffix(".html")))
    from attnwidget.export.notebook import page_of_notebook

    write(output, page_of_notebook(notebook))
    return 0
