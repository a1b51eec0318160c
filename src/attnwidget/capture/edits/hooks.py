"""Edits where a model asks nobody for its attention: at the module that takes the heads, before W_O."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor

from attnwidget.effects.edits import HeadOff
from attnwidget.head_id import HeadId
from attnwidget.maths import Projection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from attnwidget.capture.edits.editor import Editor
    from attnwidget.effects.edits import Edit
    from attnwidget.trace.projections import Found


_UNKNOWN = "where its output goes into W_O is not known, as this model's queries, keys and values are not"


def check_at_projections(model: str, edits: Sequence[Edit], found: Found) -> None:
    """Raise ValueError for edits that cannot be made before W_O, of a model of this name."""
    for one in edits:
        if not isinstance(one, HeadOff):
            raise ValueError(  # noqa: TRY004 - a reason
                f"{model} computes attention outside transformers' attention interface: there its heads can be "
                "switched off or replaced, but no links cut and no values put in"
            )
        why = found[one.attention][one.layer]
        if isinstance(why, str):
            name = HeadId(one.layer, one.head)
            raise ValueError(f"{name!s} cannot be switched off: {why or _UNKNOWN}")  # noqa: TRY004


@contextmanager
def before_projections(model: nn.Module, found: Found, editor: Editor) -> Iterator[None]:
    """Let an editor change what goes into every proven W_O of a twin."""
    handles = []
    for name, those in found.items():
        proven = [(number, one) for number, one in enumerate(those) if isinstance(one, Projection)]
        for at, heads in {one.name: len(one.weight) for _, one in proven}.items():
            numbers = [number for number, one in proven if one.name == at]  # several of what runs again and again
            hook = _hook(editor, name, numbers, heads)
            handles.append(model.get_submodule(at).register_forward_pre_hook(hook, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(editor: Editor, name: str, numbers: list[int], heads: int) -> Callable[..., tuple[Any, Any]]:
    def hook(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, Any]:
        if len(numbers) == 1:  # beside it there may be layers whose W_O is not known
            editor.done[name] = numbers[0]
        place = editor.next(name)

        def edited(given: Any) -> Any:
            if not isinstance(given, Tensor):
                return given
            batch = len(editor.rows)
            by_head = given.reshape(batch, -1, heads, given.shape[-1] // heads)  # (batch, n, heads, d_v)
            return editor.edit_heads(place, by_head).reshape(given.shape)

        return tuple(map(edited, args)), {key: edited(one) for key, one in kwargs.items()}

    return hook
