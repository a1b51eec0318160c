"""Measures: one number of a pair (query, key) in one head, one file for each kind.

A new one is a subclass of `Measure` in a file of its own here, and its place in `BUILT_IN` below. One's own needs no
file here: ``attnwidget.measures.register``.
"""

from attnwidget.measures.alti import Alti
from attnwidget.measures.base import Measure, evaluate
from attnwidget.measures.block_norms import BlockNorms
from attnwidget.measures.contribution import Contribution
from attnwidget.measures.difference import Difference
from attnwidget.measures.flow import Flow
from attnwidget.measures.gradients import Gradients
from attnwidget.measures.norms import Norms
from attnwidget.measures.region import Around, Region
from attnwidget.measures.registry import Registry
from attnwidget.measures.rollout import Rollout
from attnwidget.measures.scores import Scores
from attnwidget.measures.value_zeroing import ValueZeroing
from attnwidget.measures.weights import Weights

# in the order of the menu
_HEAD = Weights(), Scores(), Norms(), Contribution(), Gradients()
_LAYER = BlockNorms(), Alti(), ValueZeroing()
_WAY = Rollout(), Flow()
BUILT_IN = (*_HEAD, *_LAYER, *_WAY, Difference())
_REGISTRY = Registry(BUILT_IN)

register = _REGISTRY.register
get = _REGISTRY.get
names = _REGISTRY.names

__all__ = ["BUILT_IN", "Around", "Measure", "Region", "evaluate", "get", "names", "register"]
