"""``attnwidget demo``: the notebooks that come along, opened in JupyterLab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnwidget.cli.terminal import say

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_FIRST = "00-start.ipynb"
_FOLDER = "attnwidget-demo"
_EPILOG = f"""\
The notebooks are written into a folder, by default {_FOLDER} where you are; those that stand there already are left
as they are. JupyterLab runs until you press Ctrl-C.

examples:
  attnwidget demo
  attnwidget demo ~/notebooks --port 9000
  attnwidget demo --no-browser        print the address only, on a server, say

The environment variables PORT and NO_BROWSER=1 do the same as the options.
"""


def add_to(commands: Any) -> ArgumentParser:
    """Add this command to a parser's."""
    from argparse import RawDescriptionHelpFormatter

    parser: ArgumentParser = commands.add_parser(
        "demo",
        help="open the start page in JupyterLab",
        description="Open the start page in JupyterLab: it leads to a first look, the lessons, and your own model.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", default=_FOLDER, help="where to write the notebooks")
    parser.add_argument("--port", type=int, default=None, help="of the server (8888, or the next that is free)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.set_defaults(run=run)
    return parser


def run(args: Namespace) -> int:
    """Write the notebooks, and start JupyterLab on them."""
    folder = Path(args.folder)
    for source in notebooks():
        copy_missing(source, folder)
    if find_spec("jupyterlab") is None:
        say(
            f"error: JupyterLab is not installed here: pip install 'attnwidget[demo]', or open {folder / _FIRST} in "
            "a Jupyter, VS Code or marimo that you have"
        )
        return 1
    port = args.port or os.environ.get("PORT") or 8888
    no_browser = args.no_browser or os.environ.get("NO_BROWSER", "0") not in {"", "0"}
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    command = [
        *(sys.executable, "-m", "jupyterlab", f"--port={port}", "--log-level=WARN"),
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{_FIRST}",
        *("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly"),
        *(["--no-browser"] if no_browser else []),
        *(["--allow-root"] if is_root else []),
    ]
    say(f"opening {folder / _FIRST} in JupyterLab; Ctrl-C ends it")
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603 - our own command line
    except KeyboardInterrupt:  # Jupyter has heard it as well
        return 0


def notebooks() -> list[Path]:
    """Return the notebooks that came with this package, or stand beside it in a clone."""
    package = Path(__file__).parents[1]
    folder = next((one for one in (package / "notebooks", package.parents[1] / "notebooks") if one.is_dir()), None)
    found = [] if folder is None else sorted(one for one in folder.iterdir() if one.suffix in {".ipynb", ".py"})
    if not found:
        raise FileNotFoundError("the notebooks did not come along with this installation: install attnwidget again")
    return found


def copy_missing(source: Path, folder: Path) -> None:
    """Copy a notebook, unless one of its name is there: somebody may have worked on it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / source.name).exists():
        shutil.copyfile(source, folder / source.name)
