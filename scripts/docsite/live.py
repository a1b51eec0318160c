"""Live widgets: cells are run while the site is built, and each widget becomes a page that needs no kernel."""

from __future__ import annotations

import ast
import contextlib
import html
import io
import json
import re
import textwrap
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

from ipywidgets.embed import dependency_state

from attnwidget import AttentionLab, AttentionWidget
from attnwidget.export.notebook import say_that_it_is_a_page, with_manager
from attnwidget.export.page import contents
from attnwidget.export.page_file import code, html_of

CODE = "attnwidget.js"  # what all of them share
FOLDER = "live"
WITHIN = re.compile(r"weights differ from the model's by at most ([\d.e-]*\d)")
_MOST = 40  # lines of an output
_FRAME = (Path(__file__).parent / "static" / "framed.js").read_text(encoding="utf-8")
_SAVED = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' blob:;
 style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>body {{ margin: 0; padding: 12px; }}</style>
<script>{frame}</script>
<body>
<main>
<script type="application/vnd.jupyter.widget-state+json">{states}</script>
<script type="application/vnd.jupyter.widget-view+json">{view}</script>
</main>
</body>
</html>
"""


class Live:
    """Writes the pages of widgets.

    Parameters
    ----------
    folder : path
        What becomes the site's root.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._folder.mkdir(parents=True)
        # The pages are UTF-16: a mark says that this is not.
        (self._folder / CODE).write_text(f"{_FRAME}\n{code()}", encoding="utf-8-sig")
        self.count = 0

    def frame(self, widget: AttentionWidget, page: str, caption: str = "") -> str:
        """Save what a widget shows, and return the figure that shows it on a page of the site."""
        widget.trace  # noqa: B018 - waits for the model
        session = widget._session  # noqa: SLF001
        session.complete()
        carried = contents(session)
        text = " ".join(carried.text.split())
        heads = ", ".join(f"L{layer}-H{head}" for layer, head in widget.heads[:4])
        off = WITHIN.search(next(iter(carried.data["attentions"].values()))["outline"]["page"])
        near = f"; weights differ from the model’s by at most {off[1]}" if off else ""
        said = f"{_inline(caption)} Live, without a kernel{near}."
        return self._figure(html_of(carried, beside=CODE), page, f"{heads} on “{text[:60]}”", said)

    def lab(self, lab: AttentionLab, page: str) -> str:
        """Save what a lab shows, and return the figure that shows it on a page of the site."""
        states = deepcopy(dependency_state([lab], drop_defaults=False))
        for one in states.values():
            say_that_it_is_a_page(one)
        title = "variants of attention side by side"
        parts = {"states": {"state": states}, "view": {"model_id": lab.model_id}}
        # Nothing in it can end the script that it stands in.
        written = {name: json.dumps(one).replace("<", "\\u003c") for name, one in parts.items()}
        body = with_manager(_SAVED.format(title=title, frame=_FRAME, **written))
        said = "Live, without a kernel: what takes another run of the model is for a notebook."
        return self._figure(body.encode(), page, title, said)

    def _figure(self, body: bytes, page: str, title: str, said: str) -> str:
        self.count += 1
        name = f"{page.removesuffix('.md').replace('/', '-')}-{self.count}.html"
        (self._folder / name).write_bytes(body)
        src = "../" * page.count("/") + f"{FOLDER}/{name}"
        return (
            f'\n\n<figure class="live">\n<iframe src="{src}" title="Live widget: {html.escape(title)}" loading="lazy">'
            f'</iframe>\n<figcaption>{said.strip()} <a href="{src}">Open it alone</a></figcaption>\n</figure>\n\n'
        )


class Cells:
    """Runs the cells of one page, one after the other, and says what each shows."""

    def __init__(self, live: Live, page: str) -> None:
        self._live, self._page = live, page
        self.space: dict[str, Any] = {"__name__": page}

    def run(self, source: str, *, caption: str = "", quiet: bool = False) -> str:
        """Run a cell, and return what it shows as Markdown."""
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        said, value = io.StringIO(), None
        with contextlib.redirect_stdout(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(tree, self._page, "exec"), self.space)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), self._page, "eval"), self.space)
        if isinstance(value, AttentionWidget):
            return self._live.frame(value, self._page, caption)
        if isinstance(value, AttentionLab):
            return self._live.lab(value, self._page)
        return "" if quiet else shown(said.getvalue(), value)


def shown(said: str, value: Any) -> str:
    """Return what a cell prints and what it ends in, as Markdown."""
    parts = [said.rstrip()] if said.strip() else []
    as_html = getattr(value, "_repr_html_", None)
    table = as_html() if as_html else None
    if value is not None and not table:
        parts.append(repr(value))
    lines = "\n".join(parts).splitlines()
    if len(lines) > _MOST:
        lines = [*lines[:_MOST], f"… {len(lines) - _MOST} lines more"]
    text = "\n".join(lines)
    block = f"\n\n```{{code-block}} text\n:class: output\n\n{text}\n```\n\n" if text else ""
    return block + (f'\n\n<div class="output table">{_in_one_block(table)}</div>\n\n' if table else "")


def _in_one_block(table: str) -> str:
    """Leave out what would end a block of HTML in Markdown: an empty line."""
    return "\n".join(line for line in textwrap.dedent(table).splitlines() if line.strip())


def _inline(text: str) -> str:
    """Return a line of text, with `code` in it, as HTML."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
