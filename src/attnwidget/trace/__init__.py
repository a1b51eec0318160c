"""What one forward pass leaves behind, asked for numbers, saved and loaded."""

from attnwidget.trace.core import AttentionTrace
from attnwidget.trace.store import TraceFileError

__all__ = ["AttentionTrace", "TraceFileError"]
