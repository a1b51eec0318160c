"""What one forward pass leaves behind, asked for numbers, saved and loaded."""

from attnwidget.trace.core import AttentionTrace

__all__ = ["AttentionTrace"]
