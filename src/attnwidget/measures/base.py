"""`Measure`: what a measure says of itself and computes, and what is done to every measure alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor

from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from attnwidget.head_id import HeadId
    from attnwidget.measures.region import Region

Domain = Literal["share", "positive", "real", "signed"]
OverKeys = Literal["sum", "logsumexp"]
Of = Literal["head", "layer", "way"]


class Measure(ABC):
    """One number of a pair (query, key) in one head. A subclass sets the attributes and computes `tile`.

    Attributes
    ----------
    name : str
        One word, by which the measure is asked for: "weights".
    label : str
        What a menu calls one such number: "weight".
    sentence : str
        What it is, in one plain sentence.
    domain : "share", "positive", "real" or "signed"
        What numbers there can be: 0 … 1, 0 … ∞ or −∞ … ∞. Scales and legends follow it. A "real" number says
        something beside its neighbours only, as a score does. A "signed" one says something by itself: 0 is none, its
        size is how much, its sign in which direction; what counts as strong is its size, and sums of it mean something.
    needs : set of str
        What the trace must have: "scores" (queries and keys), "values", "output" (values and W_O, for which a trace
        runs the model once more), "block" (what the layer's block adds the heads' output to, and its norm), "rest"
        (that block, to be run again), "gradient" (of a number that the model says) and "direction" (from W_O to a
        logit), which take further passes and bring "output" along; "below" (every layer below, too); "beside" (another
        trace, which this one is compared with). Nothing by default: the weights and the mask are always there.
    of : "head", "layer" or "way"
        Whose number it is: a head's own; all heads' of a layer together; or that of the whole way from a layer's token
        down to the input tokens. The latter two are the same in all heads of a layer.
    refuses : mapping of str to str
        Attentions for which it is not defined, and why not.
    limit : int, or None
        Of how many tokens a text may be at most.
    is_slow : bool
        Whether it takes long, so that it is computed apart from what else is to be answered.
    over_keys : "sum" or "logsumexp"
        How the pieces of a word that is attended to are taken together when sub-words are merged. Over the pieces
        that attend it is the mean.
    below, above : str
        Of a signed measure what numbers below and above 0 do, in a word or two: "lowers", "raises".
    """

    name: ClassVar[str]
    label: ClassVar[str]
    sentence: ClassVar[str]
    domain: ClassVar[Domain]
    needs: ClassVar[AbstractSet[str]] = frozenset()
    over_keys: ClassVar[OverKeys] = "sum"
    of: ClassVar[Of] = "head"
    refuses: ClassVar[Mapping[str, str]] = MappingProxyType({})
    limit: ClassVar[int | None] = None
    is_slow: ClassVar[bool] = False
    below: ClassVar[str] = "below 0"
    above: ClassVar[str] = "above 0"

    @property
    def has_signs(self) -> bool:
        """Whether numbers may be below 0."""
        return self.domain in {"real", "signed"}

    @property
    def adds_up(self) -> bool:
        """Whether sums mean something: a forbidden pair then counts as 0, and else enters no mean."""
        return self.domain != "real"

    def strength(self, numbers: Tensor) -> Tensor:
        """Return what numbers are put in order by, the strongest last: of a signed measure their size, else themselves.

        −∞ stands for what is forbidden, and for what is no number.
        """
        known = numbers.nan_to_num(-torch.inf, neginf=-torch.inf)
        return known.abs().masked_fill(known == -torch.inf, -torch.inf) if self.domain == "signed" else known

    def whose(self, head: HeadId) -> str:
        """Name whose number it is: "L3-H5", or of a number that all heads of a layer have "all heads of L3"."""
        if self.of == "head":
            return str(head)
        return f"all heads of {'L0 to ' if self.of == 'way' and head.layer else ''}L{head.layer}"

    def apart(self, heads: Sequence[HeadId]) -> list[HeadId]:
        """Return those heads whose numbers are their own: of a number of a layer one head of each."""
        if self.of == "head":
            return list(heads)
        return [one for at, one in enumerate(heads) if one.layer not in {other.layer for other in heads[:at]}]

    def why_not(self, attention: str, queries: int, keys: int) -> str:
        """Say why it is not defined for an attention, or a text of this length; empty where it is."""
        reason = self.refuses.get(attention, "")
        if not reason and self.limit is not None and max(queries, keys) > self.limit:
            return f"{self.label} is for at most {self.limit:,} tokens, and this text has {max(queries, keys):,}"
        return reason

    def allowed(self, region: Region) -> Tensor:
        """Say which pairs there can be a number of, bool (heads, queries, keys): those that the mask permits."""
        return region.allowed()

    @abstractmethod
    def tile(self, region: Region) -> Tensor:
        """Compute the measure for a part of a layer.

        Parameters
        ----------
        region : Region
            The part.

        Returns
        -------
        Tensor
            (heads, queries, keys) of the region. What stands at forbidden pairs does not count: they become −∞.
            NaN stays, and means that the model computed no number.
        """


def evaluate(measure: Measure, region: Region) -> Tensor:
    """Compute a measure's tile, and put −∞ where attention is forbidden.

    Returns
    -------
    Tensor
        (heads, queries, keys), float32, or float64 if the measure computes that.

    Raises
    ------
    TypeError
        If the measure returns no tensor.
    ValueError
        If it returns one of another shape.
    """
    tile: Any = measure.tile(region)
    if not isinstance(tile, Tensor):
        raise TypeError(f"measure {measure.name!r} must return a torch.Tensor, got {type(tile).__name__}")
    if tile.shape != region.shape:
        raise ValueError(
            f"measure {measure.name!r} must return the region's (heads, queries, keys), {tuple(region.shape)}, "
            f"got shape {tuple(tile.shape)}"
        )
    return torch.where(measure.allowed(region).to(tile.device), upcast(tile.detach()), -torch.inf)
