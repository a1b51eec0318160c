"""The kinds of masks that have a name: what each allows, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_BLOCK = 1024  # rows that random numbers are drawn for at once


@dataclass(frozen=True)
class Preset:
    """A kind of mask, and what it says of itself.

    Attributes
    ----------
    name : str
        By which it is asked for: "window".
    numbers : tuple of str
        What follows the colon: one word for each number.
    lowest : int
        Which no number may be under.
    example : str
        With numbers: "window:4".
    blind : str
        When a row sees nothing in it, in one sentence.
    brief : str
        In a few words, with places for the numbers: "window of {}".
    says : function
        From the numbers to one sentence.
    pairs : function
        From queries (n, 1), keys (1, m) and the numbers to which pairs may attend, bool, broadcast to (n, m).
    optional : tuple of int
        What the last numbers are where they are left out.
    """

    name: str
    numbers: tuple[str, ...]
    lowest: int
    example: str
    blind: str
    brief: str
    says: Callable[..., str]
    pairs: Callable[..., Tensor]
    optional: tuple[int, ...] = ()

    @property
    def form(self) -> str:
        """How it is written: "window:tokens"."""
        asked = len(self.numbers) - len(self.optional)
        words = ",".join(self.numbers[:asked]) + "".join(f"[,{word}]" for word in self.numbers[asked:])
        return f"{self.name}:{words}" if words else self.name


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"


def _local(i: Tensor, j: Tensor, window: int) -> Tensor:
    return (j <= i) & (i - j < window)


def _random(i: Tensor, seen: Tensor, count: int, seed: int) -> Tensor:
    """Add up to `count` keys to every row, drawn from those that it does not see."""
    generator = torch.Generator().manual_seed(seed)
    seen = seen.clone()  # (n, m)
    for start in range(0, len(i), _BLOCK):
        rows = seen[start : start + _BLOCK]  # (rows, m), a view
        drawn = torch.rand(rows.shape, generator=generator).masked_fill(rows, -1)  # (rows, m)
        best, where = drawn.topk(min(count, rows.shape[1]), dim=1)  # (rows, count)
        rows |= torch.zeros_like(rows).scatter(1, where, best >= 0)  # (rows, m)
    return seen


def _bigbird(i: Tensor, j: Tensor, *numbers: int) -> Tensor:
    first, near, drawn, seed = numbers
    seen = (i < first) | (j < first) | ((i - j).abs() <= near)  # (n, m)
    return _random(i, seen, drawn, seed) if drawn else seen


def _says_window(window: int) -> str:
    if window == 1:
        return "Each token sees itself only."
    return f"Each token sees itself and the {_tokens(window - 1)} before it."


def _says_bigbird(*numbers: int) -> str:
    first, near, drawn, seed = numbers
    return (
        f"Global: the first {_tokens(first)} see all and are seen by all. Window: each token sees {near} on either "
        f"side. Random: and {drawn} more, drawn by chance (seed {seed})."
    )


_ITSELF = "Never where there are as many keys as queries: every token sees at least itself."

PRESETS = (
    Preset(
        name="none",
        numbers=(),
        lowest=0,
        example="none",
        blind="Never: every token sees all.",
        brief="nothing hidden",
        says=lambda: "Every token sees every token.",
        pairs=lambda i, j: (i >= 0) & (j >= 0),
    ),
    Preset(
        name="causal",
        numbers=(),
        lowest=0,
        example="causal",
        blind=_ITSELF,
        brief="causal",
        says=lambda: "Each token sees itself and those before it.",
        pairs=lambda i, j: j <= i,
    ),
    Preset(
        name="padding-left",
        numbers=("tokens",),
        lowest=0,
        example="padding-left:2",
        blind="Where all keys are padding; joined with causal, also the rows of the padding.",
        brief="padding of {} on the left",
        says=lambda count: f"Nobody sees the first {_tokens(count)}: they are padding.",
        pairs=lambda i, j, count: (i >= 0) & (j >= count),
    ),
    Preset(
        name="padding-right",
        numbers=("tokens",),
        lowest=0,
        example="padding-right:2",
        blind="Where all keys are padding.",
        brief="padding of {} on the right",
        says=lambda count: f"Nobody sees the last {_tokens(count)}: they are padding.",
        pairs=lambda i, j, count: (i >= 0) & (j < j.shape[1] - count),
    ),
    Preset(
        name="window",
        numbers=("tokens",),
        lowest=1,
        example="window:4",
        blind=_ITSELF,
        brief="window of {}",
        says=_says_window,
        pairs=_local,
    ),
    Preset(
        name="around",
        numbers=("tokens",),
        lowest=0,
        example="around:2",
        blind=_ITSELF,
        brief="{} on either side",
        says=lambda count: f"Each token sees itself and the {_tokens(count)} on either side.",
        pairs=lambda i, j, count: (i - j).abs() <= count,
    ),
    Preset(
        name="prefix",
        numbers=("tokens",),
        lowest=0,
        example="prefix:3",
        blind=_ITSELF,
        brief="prefix of {}",
        says=lambda count: (
            f"Everybody sees the first {_tokens(count)}; beyond them each token sees itself and those before."
        ),
        pairs=lambda i, j, count: (j < count) | (j <= i),
    ),
    Preset(
        name="blocks",
        numbers=("tokens",),
        lowest=1,
        example="blocks:4",
        blind=_ITSELF,
        brief="blocks of {}",
        says=lambda size: f"The text is cut into blocks of {_tokens(size)}; each token sees its own block.",
        pairs=lambda i, j, size: i // size == j // size,
    ),
    Preset(
        name="strided",
        numbers=("tokens",),
        lowest=1,
        example="strided:4",
        blind=_ITSELF,
        brief="strided by {}",
        says=lambda step: (
            f"Each token sees itself and the {_tokens(step)} before it, "
            f"and of those further back {'all' if step == 1 else f'one in {step}'}."
        ),
        pairs=lambda i, j, step: (j <= i) & ((i - j <= step) | ((i - j) % step == 0)),
    ),
    Preset(
        name="bigbird",
        numbers=("global", "each side", "random", "seed"),
        lowest=0,
        example="bigbird:2,2,1",
        blind=_ITSELF,
        brief="BigBird: {} global, {} on each side, {} random",
        says=_says_bigbird,
        pairs=_bigbird,
        optional=(0,),
    ),
)
"""Every kind of mask, in the order of a menu."""
