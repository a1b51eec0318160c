"""The lab: one sentence through variants of attention, side by side."""

from attnwidget.lab.session import LabSession

__all__ = ["LabSession"]
