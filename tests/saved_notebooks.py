"""Notebooks as they lie on disk after somebody saved them, made without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
from ipywidgets.embed import embed_data

if TYPE_CHECKING:
    from ipywidgets import Widget

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


def notebook_of(*shown: Widget | dict[str, Any] | str, state: bool = True) -> nbformat.NotebookNode:
    """Make a notebook: of each widget a cell that shows it, of other data a cell with that output, of text Markdown."""
    widgets = [one for one in shown if not isinstance(one, (str, dict))]
    saved = embed_data(views=widgets)["manager_state"] if widgets else {"state": {}}
    cells = []
    for one in shown:
        if isinstance(one, str):
            cells.append(nbformat.v4.new_markdown_cell(one))
            continue
        data = one if isinstance(one, dict) else _bundle(one)
        output = nbformat.v4.new_output("execute_result", data, execution_count=1)
        cells.append(nbformat.v4.new_code_cell("show()", outputs=[output], execution_count=1))
    metadata: dict[str, Any] = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    if state and widgets:
        metadata["widgets"] = {STATE: saved}
    return nbformat.from_dict(nbformat.v4.new_notebook(cells=cells, metadata=metadata))


def _bundle(widget: Widget) -> dict[str, Any]:
    data = widget._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    return {name: one for name, one in data.items() if one is not None}
