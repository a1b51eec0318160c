"""BertViz's views, drawn by this widget: change ``from bertviz import …`` to ``from attnwidget.bertviz import …``.

The functions take what those of bertviz 1.4.1 take. BertViz itself is not needed.
"""

from __future__ import annotations

from attnwidget.bertviz import neuron_view
from attnwidget.bertviz.head_view import head_view
from attnwidget.bertviz.model_view import model_view

__all__ = ["head_view", "model_view", "neuron_view"]
