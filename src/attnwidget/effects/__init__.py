"""Effects: what a head, or one of its links, does to what the model says.

A `Target` is what is asked about; `Edit`s are what is changed in a pass that is made again; `Effects` and
`Decomposition` are what comes out. Which model runs, and how, is not known here: see `Again`.
"""

from attnwidget.effects.causal import EffectKind, Enough, effects, patch, without
from attnwidget.effects.direct import contributions, decompose, directions, look_up
from attnwidget.effects.edits import Cut
from attnwidget.effects.plans import Patched
from attnwidget.effects.results import Decomposition, Effects
from attnwidget.effects.target import Asked, Target

__all__ = [
    "Asked",
    "Cut",
    "Decomposition",
    "EffectKind",
    "Effects",
    "Enough",
    "Patched",
    "Target",
    "contributions",
    "decompose",
    "directions",
    "effects",
    "look_up",
    "patch",
    "without",
]
