"""A whole notebook as one page: nbconvert's HTML, its widgets alive, nothing loaded from anywhere."""

from __future__ import annotations

import re
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnwidget.wire.schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from nbformat import NotebookNode

_MANAGER = Path(__file__).parents[1] / "static" / "notebook.js"
_VIEW, _STATE = (f"application/vnd.jupyter.widget-{kind}+json" for kind in ("view", "state"))
_BOXES = {"BoxModel", "HBoxModel", "VBoxModel"}
_MATH = re.compile(r"\$[^$\n]+\$|\\\(|\\\[|\$\$|\\begin\{")
_FAR_IMAGE = re.compile(r"""<img\b[^>]*\bsrc\s*=\s*["']?(?:https?:)?//""", re.IGNORECASE)

# What nbconvert's own page loads from the network is left away; the closed network is the browser's to keep.
_TEMPLATE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:;
 style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; font-src data:; form-action 'none';
 base-uri 'none'">
{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block body_footer -%}
{%- if resources.attnwidget.notes %}
<footer style="margin: 2em 8px 2em 72px; border-top: 1px solid #ccc; font: 13px/1.4 sans-serif; color: #616161">
{%- for note in resources.attnwidget.notes %}
<p style="margin: 6px 0">{{ note | e }}</p>
{%- endfor %}
</footer>
{%- endif %}
{{ super() }}
{%- endblock -%}
"""


def page_of_notebook(notebook: str | PathLike[str] | NotebookNode, *, title: str | None = None) -> bytes:
    """Return a notebook as one HTML page that opens from disk and asks no network for anything.

    It is nbconvert's own page. Widgets that were saved with their state are alive as far as they carry their numbers;
    of the others the saved picture or text stands in, and the foot of the page says so, as of all else that a page
    without network leaves out.

    Parameters
    ----------
    notebook : str, path or NotebookNode
        A notebook's file, or what `nbformat.read` makes of it, which stays as it is.
    title : str, optional
        The page's title. By default the notebook's own, or its file's name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no notebook.
    ImportError
        Without nbconvert; the message says how to install it.
    """
    try:
        import nbformat
        from nbconvert import HTMLExporter
    except ImportError as error:
        raise ImportError("a notebook's page is made with nbconvert: pip install 'attnwidget[page]'") from error
    if isinstance(notebook, nbformat.NotebookNode):
        path = None
        node = nbformat.convert(deepcopy(notebook), 4)  # type: ignore[no-untyped-call]
    else:
        path = Path(notebook)
        node = _read(path)
    notes = [*_keep_what_can_be_drawn(node), *_left_out(node)]
    name = title or node.metadata.get("title") or (path.stem if path else "Notebook")
    node.metadata["title"] = str(name)
    exporter = HTMLExporter(raw_template=_TEMPLATE, embed_images=True)  # type: ignore[no-untyped-call]
    resources = {"attnwidget": {"notes": notes}, "metadata": {"path": str(path.parent) if path else ""}}
    page, _ = exporter.from_notebook_node(node, resources)
    return with_manager(page).encode("utf-8", "backslashreplace")


def _read(path: Path) -> NotebookNode:
    import nbformat

    try:
        node: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except OSError:
        raise
    except Exception as error:  # nbformat raises of many kinds
        raise ValueError(f"{path.name} is not a Jupyter notebook: {error}") from error
    if not isinstance(node.get("cells"), list):
        raise ValueError(f"{path.name} is not a Jupyter notebook: it has no cells")  # noqa: TRY004
    return node


def _outputs(node: NotebookNode) -> Iterator[NotebookNode]:
    for cell in node.cells:
        yield from cell.get("outputs", [])


def _keep_what_can_be_drawn(node: NotebookNode) -> Iterator[str]:
    """Take the views out of outputs that nobody could draw, so that what stands beside them is shown; return notes."""
    widgets = node.metadata.get("widgets", {}).get(_STATE, {})
    states = widgets.get("state", {}) if isinstance(widgets, dict) else {}
    counts: Counter[str] = Counter()
    for output in _outputs(node):
        view = output.get("data", {}).get(_VIEW)
        if view is None:
            continue
        name = view.get("model_id", "") if isinstance(view, dict) else ""
        if "image/png" in output["data"] and _is_empty(states.get(name)):
            kind = "empty"
        elif _is_drawn(name, states):
            kind = "alive"
        else:
            kind = "foreign" if name in states else "bare"
        counts[kind] += 1
        if kind != "alive":
            del output["data"][_VIEW]
    if counts["alive"]:
        for one in states.values():
            say_that_it_is_a_page(one)
    else:
        node.metadata.pop("widgets", None)
    return _notes(**counts)


def _notes(*, alive: int = 0, empty: int = 0, bare: int = 0, foreign: int = 0) -> Iterator[str]:
    """Say how many widgets are drawn, and why others are not."""
    if alive:
        yield (
            f"{_count(alive, 'widget')} of this page {_are(alive)} drawn from the saved notebook, without a kernel: "
            "what was not saved needs the notebook itself, opened and run in Jupyter."
        )
    if empty:
        yield (
            f"Of {_count(empty, 'widget')} the text is too long for a notebook to hold what is drawn: the picture of "
            "the output stands in. A page of its own carries it: w.save_html."
        )
    if bare:
        yield (
            f"Of {_count(bare, 'widget')} the notebook holds no state, so that the picture or text of the output "
            "stands in. JupyterLab saves it with Settings → Save Widget State Automatically; then run, save and make "
            "the page again."
        )
    if foreign:
        yield f"{_count(foreign, 'widget')} of other libraries cannot be drawn here: the output's text stands in."


def _is_drawn(name: str, states: Mapping[str, Any], within: tuple[str, ...] = ()) -> bool:
    one = states.get(name)
    if not isinstance(one, dict) or not isinstance(one.get("state"), dict) or name in within:
        return False
    if isinstance(one["state"].get("_esm"), str):
        return True
    children = one["state"].get("children")
    if one.get("model_name") not in _BOXES or not isinstance(children, list) or not children:
        return False
    return all(_is_drawn(str(child).removeprefix("IPY_MODEL_"), states, (*within, name)) for child in children)


def _is_empty(one: Any) -> bool:
    """Whether a widget of ours would stand there without a picture: the state of a long text holds no weights."""
    state = one.get("state") if isinstance(one, dict) else None
    snapshot = state.get("_snapshot") if isinstance(state, dict) else None
    if not isinstance(state, dict) or not isinstance(snapshot, dict):
        return False
    return VIEWS.get(state.get("view", "")) == "tiles" and not snapshot.get("heads")


def say_that_it_is_a_page(one: Any) -> None:
    """Have a widget of ours offer nothing that takes a kernel."""
    state = one["state"] if isinstance(one, dict) and isinstance(one.get("state"), dict) else {}
    outline, status = state.get("_outline"), state.get("_status")
    if isinstance(outline, dict) and outline:
        outline |= {"editable": False, "demo": None, "page": "Numbers here are the model's own."}
    if "_board" in state and isinstance(status, dict):  # the lab
        status["editable"] = False


def _left_out(node: NotebookNode) -> Iterator[str]:
    """Yield what the page lacks of the notebook because nothing is loaded."""
    markdown = "\n".join(cell.source for cell in node.cells if cell.cell_type == "markdown")
    data = [output.get("data", {}) for output in _outputs(node)]
    if _MATH.search(re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.DOTALL)) or any(
        "text/latex" in one for one in data
    ):
        yield "Formulas stand as they were written: what sets them is loaded from the network."
    if "```mermaid" in markdown or any("text/vnd.mermaid" in one for one in data):
        yield "Diagrams stand as they were written: what draws them is loaded from the network."
    texts = "\n".join([markdown, *(str(one.get("text/html", "")) for one in data)])
    if _FAR_IMAGE.search(texts) or re.search(r"!\[[^\]]*\]\((?:https?:)?//", texts):
        yield "Pictures that are on the network are left out."


def with_manager(page: str) -> str:
    """Put the manager in last, when everything that it looks for is there."""
    if f'type="{_VIEW}"' not in page:
        return page
    before, _, after = page.rpartition("</html>")
    script = _MANAGER.read_text(encoding="utf-8").replace("</", "<\\/")
    return f"{before}<script>{script}</script>\n</html>{after}"


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
