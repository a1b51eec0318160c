"""One query's computation in one head, every step as numbers.

The steps are those of Vaswani et al. 2017, "Attention is all you need", section 3.2: products of query and keys,
scale, mask, softmax, weighted sum of the values; then all heads side by side and the projection W_O.
"""

from attnwidget.breakdown.change import Change
from attnwidget.breakdown.combine import COMBINE
from attnwidget.breakdown.compute import break_down
from attnwidget.breakdown.core import Breakdown

__all__ = ["COMBINE", "Breakdown", "Change", "break_down"]
