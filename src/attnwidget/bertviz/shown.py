"""How BertViz's views are shown: displayed where they are called, and exactly once; or returned as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.display import HTML, display

from attnwidget import hosts
from attnwidget.export.page import frame
from attnwidget.session import Session
from attnwidget.widget import AttentionWidget
from attnwidget.wire.schema import Texts

if TYPE_CHECKING:
    from attnwidget.trace import AttentionTrace


class ShownWidget(AttentionWidget):
    """A widget that was displayed where it was made, as BertViz does it.

    So its call may stand anywhere in a cell, in a loop or in a function. As the value of the same cell it does not
    appear a second time; in any other cell it does.
    """

    _shown_in: int | None = None

    def show(self) -> None:
        """Display it here and now, unless there is no notebook; marimo shows a cell's value alone."""
        if get_ipython() is not None and not hosts.in_marimo():
            self._ipython_display_()
            self._shown_in = _cell()

    def _ipython_display_(self) -> None:
        was_shown, self._shown_in = self._shown_in == _cell(), None
        if not was_shown:
            data, metadata = self._repr_mimebundle_()
            display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]


def _cell() -> int:
    """Return the number of the cell that runs; 0 outside IPython."""
    return getattr(get_ipython(), "execution_count", 0)


def shown(
    source: str | AttentionTrace,
    html_action: str,
    *,
    model: Any = None,
    tokenizer: Any = None,
    text_pair: str | None = None,
    heads_carried: list[tuple[int, int]] | None = None,
    **options: Any,
) -> ShownWidget | HTML:
    """Show a text or a trace.

    Parameters
    ----------
    source, model, tokenizer, text_pair, **options
        As of `AttentionWidget`.
    html_action : "view" or "return"
        Whether to display a widget and return it, or to return HTML that works alone, in a cell and in a file.
    heads_carried : list of (layer, head), optional
        Which heads the HTML carries, all by default.

    Raises
    ------
    ValueError
        For another `html_action`.
    """
    if html_action not in {"view", "return"}:
        raise ValueError(f"'html_action' parameter must be 'view' or 'return', got {html_action!r}")
    if html_action == "view":
        widget = ShownWidget(source, model=model, tokenizer=tokenizer, text_pair=text_pair, **options)
        widget.show()
        return widget
    session = Session(tokenizer=tokenizer, probe=False, options=options)
    texts = Texts(text=source, text_pair=text_pair or "") if isinstance(source, str) else Texts()
    try:
        session.open(source, texts, model)
        session.complete()
        return HTML(f"<div>{frame(session, heads=heads_carried)}</div>")  # type: ignore[no-untyped-call]
    finally:
        session.close()
