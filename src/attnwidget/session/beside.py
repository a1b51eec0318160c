"""Two sides of a comparison: which of them is on screen, and what of a selection is meant on the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import structs

from attnwidget.comparison import Beside, Comparison, name_both
from attnwidget.session import selection as rules
from attnwidget.session.source import Source
from attnwidget.wire.schema import Texts

if TYPE_CHECKING:
    from attnwidget.head_id import HeadId
    from attnwidget.session.runner import Loaded
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection

A, B, DIFFERENCE = "a", "b", "difference"


@dataclass(frozen=True)
class Stand:
    """One side: a trace, and what it was made from.

    Attributes
    ----------
    trace : AttentionTrace
        Of this side alone.
    name : str
        What it is called; empty where only the model and the text say it.
    texts : Texts
        What the text boxes show of it.
    loaded : Loaded, optional
        Its model; None where other texts cannot be run here.
    source : Source
        What was given.
    seconds : float
        How long the model took.
    head : HeadId, optional
        The one head that is compared; by default each with the one in the same place.
    """

    trace: AttentionTrace
    name: str = ""
    texts: Texts = Texts()  # noqa: RUF009 - frozen
    loaded: Loaded | None = None
    source: Source = Source()  # noqa: RUF009 - frozen
    seconds: float = 0.0
    head: HeadId | None = None


@dataclass(frozen=True)
class Pair:
    """Both sides.

    Attributes
    ----------
    here, there : Stand
        The side on screen, and the other.
    why : str
        What sets them apart, in words.
    is_second : bool
        Whether B is on screen.
    """

    here: Stand
    there: Stand
    why: str = ""
    is_second: bool = False

    @cached_property
    def traces(self) -> tuple[AttentionTrace, AttentionTrace]:
        """The one on screen and the other, each with the other beside it."""
        here, there = self.here, self.there
        seen = Beside(here.trace, there.trace, is_second=self.is_second, head=there.head)
        return here.trace.with_beside(seen), there.trace.with_beside(seen.turned(here.trace, here.head))

    @cached_property
    def names(self) -> tuple[str, str]:
        """What A and B are called."""
        first, second = (self.there, self.here) if self.is_second else (self.here, self.there)
        return name_both(*((one.name, one.trace, one.texts.text) for one in (first, second)))

    @property
    def comparison(self) -> Comparison:
        """What a script asks of both."""
        here, there = self.traces
        return Comparison(there, here, self.names) if self.is_second else Comparison(here, there, self.names)

    def turned(self) -> Pair:
        """Put the other side on screen."""
        return Pair(self.there, self.here, self.why, not self.is_second)

    def moved(self, here: Stand) -> Pair:
        """Put something else in the place of what is on screen."""
        return replace(self, here=here)

    def side_of(self, selection: Selection) -> str:
        """Return the side that a selection shows on this screen."""
        return B if self.is_second else DIFFERENCE if selection.measure == DIFFERENCE else A


def across(selection: Selection, pair: Pair) -> Selection:
    """Return what of a selection is meant on the side that comes on screen: pins without a partner are let go.

    Parameters
    ----------
    selection : Selection
        Of the side before.
    pair : Pair
        With the new side on screen.
    """
    trace, old = pair.traces
    name, values = selection.attention, dict[str, Any](what_if={})
    if name not in rules.attentions(trace):
        name = rules.attentions(trace)[-1]
        values |= {"attention": name, "queries": [], "keys": []}
    sides = getattr(old.beside, "sides", lambda _: None)(name)
    if "queries" not in values and sides is not None:
        values |= {side: one.across(getattr(selection, side)) for side, one in zip(rules.SIDES, sides, strict=True)}
    if pair.here.head is not None:
        values |= {"heads": [pair.here.head], "layer": pair.here.head.layer}
    if selection.measure not in {DIFFERENCE, "weights"} and trace.lacks(selection.measure, name):
        values["measure"] = "weights"
    return rules.with_heads_of(structs.replace(selection, **values), trace)
