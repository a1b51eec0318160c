"""What Python must know about the host that it runs in."""

from __future__ import annotations

import sys
from typing import Any


def in_marimo() -> bool:
    """Whether the host is marimo: it ends every model with the cell that made it, and only its thread may send."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def is_batch() -> bool:
    """Whether a notebook is run without anybody watching, as nbconvert and papermill do it: nobody can be asked."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    kernel = getattr(shell, "kernel", None)
    parent: dict[str, Any] = getattr(kernel, "get_parent", dict)() or {}
    return parent.get("content", {}).get("allow_stdin") is False
