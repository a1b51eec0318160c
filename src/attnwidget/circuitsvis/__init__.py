"""CircuitsVis' pictures of attention, drawn by this widget: change ``circuitsvis`` to ``attnwidget.circuitsvis``.

The functions take what those of circuitsvis 1.43 take. CircuitsVis itself is not needed.
"""

from __future__ import annotations

from attnwidget.circuitsvis import attention
from attnwidget.circuitsvis.attention import attention_heads, attention_pattern, attention_patterns

__all__ = ["attention", "attention_heads", "attention_pattern", "attention_patterns"]
