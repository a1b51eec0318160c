"""The one place where a model is taken that may be another library's object.

Whose an object is, its class says. The file for that library is imported only then: the room of those files is above
this one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.capture.errors import UnsupportedModelError

if TYPE_CHECKING:
    from types import ModuleType


class _Library(NamedTuple):
    classes: str  # what the name of their module begins with
    file: str  # in `attnwidget.adapters`
    runs: bool = False  # whether the models make passes of their own


_LIBRARIES = (
    _Library("transformers.pipelines.", "pipelines"),
    _Library("nnsight.", "nnsight"),
    _Library("transformer_lens.", "transformer_lens", runs=True),
)
_REFUSED = {
    "vllm.": (
        "{} keeps its keys in pages of its own and returns no attention; take queries and keys from a worker, as "
        "docs/other-libraries.md shows, and pass them to AttentionTrace.from_qkv; or capture the same weights loaded "
        "by transformers"
    ),
}


def taken(model: Any, tokenizer: Any = None) -> tuple[Any, Any]:
    """Return the model that an object of another library is about, and its tokenizer; others as they are.

    Raises
    ------
    UnsupportedModelError
        For an object whose attention cannot be had; the message says what can.
    """
    names = _modules(model)
    for library, why in _REFUSED.items():
        if any(name.startswith(library) for name in names):
            raise UnsupportedModelError(why.format(type(model).__name__))
    found = _library_of(model)
    return (model, tokenizer) if found is None else _file(found).take(model, tokenizer)


def runner_of(model: Any) -> ModuleType | None:
    """Return the file whose `run` captures a model that makes passes of its own; None for models of transformers."""
    found = _library_of(model)
    return _file(found) if found is not None and found.runs else None


def _library_of(model: Any) -> _Library | None:
    names = _modules(model)
    return next((one for one in _LIBRARIES if any(name.startswith(one.classes) for name in names)), None)


def _modules(model: Any) -> list[str]:
    """Name the modules of an object's classes, each ending in a dot so that a library's own name counts too."""
    return [f"{kind.__module__}." for kind in type(model).__mro__]


def _file(library: _Library) -> ModuleType:
    return import_module(f"attnwidget.adapters.{library.file}")
