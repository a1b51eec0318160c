"""What may be changed in a pass that is made again. Edits are data: `capture` carries them out, on a twin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

Cut = Literal["before", "after", "renormalised"]


@dataclass(frozen=True, eq=False)
class Taken:
    """What the same head computes in a pass without edits: found by making that pass in the same way.

    Attributes
    ----------
    again : Again, optional
        Another text's pass, of as many tokens; None: this text's own.
    mean : bool
        Whether it is the mean over the text's tokens.
    """

    again: Any = None
    mean: bool = False


@dataclass(frozen=True, eq=False)
class HeadOff:
    """A head's output, before W_O, is replaced.

    Attributes
    ----------
    attention, layer, head
        Which one.
    value : Tensor or Taken, optional
        What stands there instead, (queries, d_v) or (d_v,): a mean, or another text's. None: zero.
    queries : tuple of int, or None
        At which positions alone; None: at every one.
    """

    attention: str
    layer: int
    head: int
    value: Tensor | Taken | None = None
    queries: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class EdgeOut:
    """Some queries of a head may not see some keys.

    Attributes
    ----------
    attention, layer, head
        Which one; a head of None is every head of the layer, a layer of None every layer.
    queries, keys : tuple of int, or None
        All pairs of these; None is all.
    how : "before", "after" or "renormalised"
        "before" the softmax: the score is −∞, the weights of the other keys grow, as of a mask. "after" it: the weight
        is 0, and nothing else changes. "renormalised": 0 after it, and the rest divided by what is left; which is what
        "before" comes to, as softmax shares out by the same proportions. A query whose last key is cut reads nothing.
    """

    attention: str
    layer: int | None
    head: int | None
    queries: tuple[int, ...] | None
    keys: tuple[int, ...] | None
    how: Cut = "before"


@dataclass(frozen=True, eq=False)
class ValueIn:
    """The values of a head at some keys are replaced: by those of another text, or of zeros.

    Attributes
    ----------
    attention, layer, head
        Which one; a head of None is every head of the layer.
    keys : tuple of int
        Where.
    value : Tensor or Taken, optional
        (keys, d_v), or (heads, keys, d_v) for every head. None: zero.
    queries : tuple of int, or None
        For which queries alone, so that it is edges that are patched; None: for all.
    """

    attention: str
    layer: int
    head: int | None
    keys: tuple[int, ...]
    value: Tensor | Taken | None = None
    queries: tuple[int, ...] | None = None


Edit = HeadOff | EdgeOut | ValueIn
