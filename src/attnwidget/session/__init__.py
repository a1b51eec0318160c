"""A widget without Jupyter: the model, traces, the selection, and what computes behind the picture."""

from attnwidget.session.session import MAIN, OptionError, Session

__all__ = ["MAIN", "OptionError", "Session"]
