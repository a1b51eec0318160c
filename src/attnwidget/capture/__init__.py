"""One forward pass of a model → `AttentionTrace`: the only room that touches a model's insides."""

import inspect
import sys
from types import ModuleType
from typing import Any

from attnwidget.capture.errors import (
    CaptureError,
    EmptyTextError,
    MissingTokenizerError,
    TextTooLongError,
    UnsupportedModelError,
)
from attnwidget.capture.plain import capture_module
from attnwidget.capture.run import capture
from attnwidget.capture.twin import twin
from attnwidget.trace import AttentionTrace

__all__ = [
    "CaptureError",
    "EmptyTextError",
    "MissingTokenizerError",
    "TextTooLongError",
    "UnsupportedModelError",
    "capture",
    "capture_module",
    "twin",
]


class _CallableModule(ModuleType):
    """Importing this package puts it where `attnwidget.capture`, the function, is expected."""

    __signature__ = inspect.signature(capture)

    def __call__(self, *args: Any, **kwargs: Any) -> AttentionTrace:
        return capture(*args, **kwargs)


__doc__ = capture.__doc__ or ""  # what help(attnwidget.capture) shows
sys.modules[__name__].__class__ = _CallableModule
