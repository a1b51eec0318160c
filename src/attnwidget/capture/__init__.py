"""One forward pass of a model → `AttentionTrace`: the only room that touches a model's insides."""

import inspect
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import ParamSpec, TypeVar

from attnwidget.capture.batch import capture_batch as record_batch
from attnwidget.capture.errors import (
    CaptureError,
    EmptyTextError,
    MissingTokenizerError,
    TextTooLongError,
    UnsupportedModelError,
)
from attnwidget.capture.plain import capture_module
from attnwidget.capture.run import capture as record
from attnwidget.capture.twin import twin
from attnwidget.trace import AttentionTrace

__all__ = [
    "CaptureError",
    "EmptyTextError",
    "MissingTokenizerError",
    "TextTooLongError",
    "UnsupportedModelError",
    "capture",
    "capture_batch",
    "capture_module",
    "twin",
]


_P = ParamSpec("_P")
_T = TypeVar("_T", AttentionTrace, list[AttentionTrace])


def _aloud(quiet: Callable[_P, _T]) -> Callable[_P, _T]:
    """Warn of what a trace has notices of: nobody may ever look at them. The widget shows them, and records quietly."""

    @wraps(quiet)
    def capture(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        found = quiet(*args, **kwargs)
        traces = found if isinstance(found, list) else [found]
        for notice in dict.fromkeys(notice for trace in traces for notice in trace.notices):
            warnings.warn(notice, stacklevel=2)
        return found

    return capture


capture = _aloud(record)
capture_batch = _aloud(record_batch)


class _CallableModule(ModuleType):
    """Importing this package puts it where `attnwidget.capture`, the function, is expected."""

    __signature__ = inspect.signature(capture)
    __call__ = staticmethod(capture)


__doc__ = capture.__doc__ or ""  # what help(attnwidget.capture) shows
sys.modules[__name__].__class__ = _CallableModule
