"""Which head does what."""

from attnwidget.heads.opening import opening_head

__all__ = ["opening_head"]
