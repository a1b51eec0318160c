"""Edits where a model asks nobody for its attention: at the module that takes the heads, before W_O."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor

from attnwidget.maths import Projection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from attnwidget.capture.edits.editor import Editor, Place
    from attnwidget.trace.projections import Found


@contextmanager
def before_projections(model: nn.Module, found: Found, editor: Editor) -> Iterator[None]:
    """Let an editor change what goes into every proven W_O of a twin."""
    handles = [
        model.get_submodule(one.name).register_forward_pre_hook(
            _hook(editor, (name, number), len(one.weight)), with_kwargs=True
        )
        for name, those in found.items()
        for number, one in enumerate(those)
        if isinstance(one, Projection)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(editor: Editor, place: Place, heads: int) -> Callable[..., tuple[Any, Any]]:
    def hook(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, Any]:
        def edited(given: Any) -> Any:
            if not isinstance(given, Tensor):
                return given
            batch = len(editor.rows)
            by_head = given.reshape(batch, -1, heads, given.shape[-1] // heads)  # (batch, n, heads, d_v)
            return editor.edit_output(place, by_head).reshape(given.shape)

        return tuple(map(edited, args)), {name: edited(one) for name, one in kwargs.items()}

    return hook
