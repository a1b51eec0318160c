"""The reference: a line ``::: attnwidget.capture`` in a page stands for what the docstrings say of it.

``::: attnwidget export --help`` stands for what that command says of itself.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from importlib import import_module

NAMED = re.compile(r"^::: (?P<name>[\w.]+)$", re.MULTILINE)
HELP = re.compile(r"^::: attnwidget (?P<args>[\w -]*--help)$", re.MULTILINE)


def found(name: str) -> object:
    """Return what a name stands for."""
    module, _, rest = name.rpartition(".")
    try:
        return getattr(import_module(module), rest)
    except ModuleNotFoundError:
        return getattr(found(module), rest)


def directive(name: str) -> str:
    """Return what Sphinx writes a name's docstring by."""
    thing = found(name)
    if inspect.isclass(thing):
        kind, options = "class", ["members", "inherited-members: HasTraits, tuple, Enum, Widget, Tabular"]
        if issubclass(thing, BaseException):
            kind, options = "exception", []
    elif callable(thing):
        kind, options = "function", []
    elif inspect.ismodule(thing):
        kind, options = "module", []
    else:
        kind, options = "data", ["no-value"]
    lines = "".join(f"   :{one.partition(':')[0]}:{one.partition(':')[2]}\n" for one in options)
    return f"```{{eval-rst}}\n.. auto{kind}:: {name}\n{lines}```"


def written_out(text: str) -> str:
    """Return a page with each name in the place of its line."""
    return HELP.sub(lambda line: help_of(line["args"].split()), NAMED.sub(lambda line: directive(line["name"]), text))


def help_of(args: list[str]) -> str:
    """Return what a command says of itself."""
    command = [sys.executable, "-m", "attnwidget", *args]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"COLUMNS": "80"})
    return f"```text\n{said.stdout.strip()}\n```"


def names_in(text: str) -> set[str]:
    """Return the names that a page writes out."""
    return {line["name"] for line in NAMED.finditer(text)}
