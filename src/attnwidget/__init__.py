"""See what attention inside a Transformer does, live and exact, in a notebook.

Every name is loaded on first use: ``import attnwidget`` costs nothing, and neither torch nor
transformers is imported before something needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from attnwidget.version import __version__

if TYPE_CHECKING:
    from attnwidget import asking, circuits, measures, variants
    from attnwidget.adapters.transformer_lens import from_cache
    from attnwidget.capture import capture, capture_batch, capture_module
    from attnwidget.comparing import compare
    from attnwidget.course import Lesson, lessons
    from attnwidget.effects import Target
    from attnwidget.export.figure import figure
    from attnwidget.export.page import save_html
    from attnwidget.heads import categorize, head_distances, head_report, probe_heads, similar_heads
    from attnwidget.lab.widget import AttentionLab
    from attnwidget.maths import masks
    from attnwidget.models import load_model
    from attnwidget.trace import AttentionTrace
    from attnwidget.widget import AttentionWidget

_HOME = {
    "AttentionLab": "attnwidget.lab.widget",
    "AttentionTrace": "attnwidget.trace",
    "AttentionWidget": "attnwidget.widget",
    "Lesson": "attnwidget.course",
    "Target": "attnwidget.effects",
    "capture": "attnwidget.capture",
    "capture_batch": "attnwidget.capture",
    "capture_module": "attnwidget.capture",
    "categorize": "attnwidget.heads",
    "compare": "attnwidget.comparing",
    "figure": "attnwidget.export.figure",
    "from_cache": "attnwidget.adapters.transformer_lens",
    "head_distances": "attnwidget.heads",
    "head_report": "attnwidget.heads",
    "lessons": "attnwidget.course",
    "load_model": "attnwidget.models",
    "probe_heads": "attnwidget.heads",
    "save_html": "attnwidget.export.page",
    "similar_heads": "attnwidget.heads",
}

# Rooms with a public name of their own.
_ROOMS = {
    "asking": "attnwidget.asking",
    "circuits": "attnwidget.circuits",
    "masks": "attnwidget.maths.masks",
    "measures": "attnwidget.measures",
    "variants": "attnwidget.variants",
}

__all__ = [
    "AttentionLab",
    "AttentionTrace",
    "AttentionWidget",
    "Lesson",
    "Target",
    "__version__",
    "asking",
    "capture",
    "capture_batch",
    "capture_module",
    "categorize",
    "circuits",
    "compare",
    "figure",
    "from_cache",
    "head_distances",
    "head_report",
    "lessons",
    "load_model",
    "masks",
    "measures",
    "probe_heads",
    "save_html",
    "similar_heads",
    "variants",
]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return import_module(_ROOMS[name])
    if name not in _HOME:
        msg = f"module 'attnwidget' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # the submodule `capture` bears the name of its function: keep the function
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
