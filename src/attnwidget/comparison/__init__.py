"""Two traces side by side: which tokens are partners, how much each head differs, what either is called."""

from attnwidget.comparison.align import Alignment, align
from attnwidget.comparison.beside import Beside
from attnwidget.comparison.comparison import Comparison
from attnwidget.comparison.divergences import Divergences, divergences
from attnwidget.comparison.names import name_both
from attnwidget.comparison.steps import StepsBeside, steps_beside

__all__ = [
    "Alignment",
    "Beside",
    "Comparison",
    "Divergences",
    "StepsBeside",
    "align",
    "divergences",
    "name_both",
    "steps_beside",
]
