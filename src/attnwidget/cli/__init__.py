"""The command line: ``attnwidget demo``, ``attnwidget export``, ``attnwidget page``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attnwidget.cli import demo, export, page
from attnwidget.cli.terminal import say
from attnwidget.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ABOUT = "See what attention inside a Transformer does, live and exact."
_EXAMPLES = """\
examples:
  attnwidget demo
      open the first notebook in JupyterLab
  attnwidget export "The animal didn't cross the road because it was too tired" -o attention.svg
      draw a sentence with the bundled model, without a network
  attnwidget page notebook.ipynb -o notebook.html
      make one page of a whole notebook, to be mailed

`attnwidget COMMAND --help` says more of each.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Its name and arguments; by default those of this process.

    Returns
    -------
    int
        0 where all went well, 1 after an error, 2 where the arguments make no sense, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="attnwidget", description=_ABOUT, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"attnwidget {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (demo, export, page):
        one = command.add_to(commands)
        one.add_argument("--debug", action="store_true", help="show where in the code an error came from")
    given = sys.argv[1:] if argv is None else list(argv)
    if not given:
        parser.print_help()
        return 0
    try:
        args = parser.parse_args(given)
    except SystemExit as end:  # after --help and --version, or what argparse could not read
        return int(end.code or 0)
    with _libraries_quiet(args.debug):
        try:
            code: int = args.run(args)
        except SystemExit as end:  # arguments that make no sense together
            return int(end.code or 0)
        except KeyboardInterrupt:
            say("stopped")
            return 130
        except Exception as error:
            if args.debug:
                raise
            say(f"error: {_in_a_line(error)}")
            return 1
    return code


@contextmanager
def _libraries_quiet(debug: bool) -> Iterator[None]:  # noqa: FBT001
    """Let warnings be lines of ours, and what libraries log stay away unless somebody wants to see all."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # how far a download is, we say
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.showwarning = _tell  # type: ignore[assignment]
        if not debug:
            logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _tell(message: Warning | str, category: type[Warning], *_: object) -> None:
    if not issubclass(category, (DeprecationWarning, FutureWarning)):  # those are for authors of code
        say(f"note: {' '.join(str(message).split())}")


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
