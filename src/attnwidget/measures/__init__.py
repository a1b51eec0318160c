"""Measures: one number of a pair (query, key) in one head, one file for each kind.

A new one is a subclass of `Measure` in a file of its own here, and its place in `BUILT_IN` below. One's own needs no
file here: ``attnwidget.measures.register``.
"""

from attnwidget.measures.base import Measure, evaluate
from attnwidget.measures.norms import Norms
from attnwidget.measures.region import Region
from attnwidget.measures.registry import Registry
from attnwidget.measures.scores import Scores
from attnwidget.measures.weights import Weights

BUILT_IN = (Weights(), Scores(), Norms())  # in the order of the menu
_REGISTRY = Registry(BUILT_IN)

register = _REGISTRY.register
get = _REGISTRY.get
names = _REGISTRY.names

__all__ = ["BUILT_IN", "Measure", "Region", "evaluate", "get", "names", "register"]
