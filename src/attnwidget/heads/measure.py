"""Every head's weight on patterns, its entropy and its peak, from one stream of tiles.

Each pattern's score is the mean, over the queries that have a key in it and a choice, of the weight
on it. Its chance level is what a head gets that spreads evenly over the keys that the mask lets
each query see, and the corrected score is (score − chance) / (1 − chance): 0 for an even spread at
every length, 1 for all weight on the pattern, negative for less than an even spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.heads.patterns import Keys, Offset, Pairs, Pattern, Setting
from attnwidget.maths import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from attnwidget.trace import AttentionTrace

_CELLS = 1 << 22  # weights of a layer's tile: 16 MB
_ENTROPY, _PEAK, _DISTANCE = ".entropy", ".peak", ".distance"  # measured beside the patterns


@dataclass(frozen=True)
class Statistics:
    """What was measured of every head on one text; tensors are float32 (layers, heads), NaN in layers left out."""

    setting: Setting
    raw: dict[str, Tensor]
    """Mean weight on each pattern; NaN where no query has it."""
    chance: dict[str, Tensor]
    """The same of a head that spreads evenly."""
    entropy: Tensor
    """Mean over queries of the entropy over that of an even spread: 1 for an even spread."""
    peak: Tensor
    """Mean over queries of the largest weight, corrected for chance: 0 for an even spread."""
    distance: Tensor
    """Mean distance looked back or ahead, in tokens; NaN between two texts."""
    queries: int
    """How many queries were measured, evenly spread where that is not all."""

    @property
    def is_sampled(self) -> bool:
        """Whether some queries were left out."""
        return self.queries < len(self.setting.queries.text)

    def corrected(self, name: str) -> Tensor:
        """Score of a pattern, corrected for chance, (layers, heads)."""
        chance = self.chance[name]
        return (self.raw[name] - chance) / (1 - chance)


def measure(
    trace: AttentionTrace,
    patterns: Mapping[str, Pattern],
    *,
    attention: str | None = None,
    queries: int | None = None,
    on_layer: Callable[[int, int], None] | None = None,
) -> Statistics:
    """Measure patterns on every head, layer by layer, a block of queries at a time.

    Parameters
    ----------
    trace : AttentionTrace
        Weights on any device; those of one layer's block are held at once.
    patterns : mapping of str to Pattern
        Offsets and pairs need one text on both sides: between two texts they are NaN.
    attention : str, optional
        Which attention, the only one by default.
    queries : int, optional
        Of a text with more than so many, only so many are measured, evenly spread.
    on_layer : function, optional
        Called with (layers done, layers in all) several times a layer; what it raises stops the work.
    """
    name = trace.attentions[0] if attention is None else attention
    setting = Setting.of(trace, name)
    n, m = len(setting.queries.text), len(setting.keys.text)
    kept, layers, heads = trace.kept(name), trace.n_layers(name), trace.n_heads(name)
    sums: list[dict[str, Tensor]] = [{} for _ in range(layers)]
    block = max(1, _CELLS // (heads * m))
    chosen = spread(n, n if queries is None else queries)  # (count,)
    count = len(chosen)
    for done, at in enumerate(torch.split(chosen, block)):
        rows = slice(int(at[0]), int(at[-1]) + 1) if count == n else at.tolist()
        look: _Look | None = None
        for layer in kept:
            weights = trace.weights(layer, attention=name, queries=rows).float()  # (heads, rows, keys)
            allowed = trace.allowed(layer, attention=name, queries=rows).to(weights.device)  # (1 or heads, rows, keys)
            if look is None or look.allowed.device != allowed.device or not torch.equal(look.allowed, allowed):
                look = _Look(setting, patterns, at, allowed)
            for what, part in look.at(weights).items():
                sums[layer][what] = sums[layer][what] + part if what in sums[layer] else part
            if on_layer is not None:
                on_layer((layers * done * block + (layer + 1) * len(at)) // count, layers)
    unknown = torch.full((3, heads), torch.nan)
    whole = {
        what: torch.stack([one.get(what, unknown).cpu() for one in sums])  # (layers, 3, heads)
        for what in {*patterns, _ENTROPY, _PEAK, _DISTANCE}
    }
    mean = {what: (parts[:, 0] / parts[:, 2], parts[:, 1] / parts[:, 2]) for what, parts in whole.items()}
    return Statistics(
        setting,
        raw={what: mean[what][0] for what in patterns},
        chance={what: mean[what][1] for what in patterns},
        entropy=mean[_ENTROPY][0],
        peak=mean[_PEAK][0],
        distance=mean[_DISTANCE][0],
        queries=count,
    )


class _Look:
    """What is looked at in a block of queries under one mask: the same in every layer that has this mask."""

    def __init__(self, setting: Setting, patterns: Mapping[str, Pattern], rows: Tensor, allowed: Tensor) -> None:
        self.allowed = allowed  # (1 or heads, rows, keys)
        device, m = allowed.device, allowed.shape[-1]
        rows = rows.to(device)  # (rows,)
        keys = torch.arange(m, device=device)  # (keys,)
        visible = allowed.sum(-1)  # (1 or heads, rows)
        self.has_choice = visible > 1  # (1 or heads, rows)
        if setting.is_self:  # padding attends, but tells nothing
            self.has_choice = self.has_choice & setting.seen.to(device)[rows]
        self.even = 1 / visible.clamp(min=1)  # (1 or heads, rows), each key's weight in an even spread
        self.most = visible.clamp(min=2).log()  # (1 or heads, rows), the entropy of an even spread
        self.offsets = {what: one for what, one in patterns.items() if isinstance(one, Offset) and setting.is_self}
        at = [rows + one.by for one in self.offsets.values()]
        self.inside = [(one >= setting.first) & (one <= setting.last) for one in at]  # (rows,) for each offset
        self.columns = torch.stack([one.clamp(0, m - 1) for one in at] or [rows], -1)[None]  # (1, rows, offsets)
        pairs = {}  # (rows, keys)
        for what, pattern in patterns.items():
            if isinstance(pattern, Keys):
                pairs[what] = pattern.of(setting).to(device).expand(len(rows), -1)
            elif isinstance(pattern, Pairs) and setting.is_self:
                pairs[what] = pattern.of(setting, rows.to(setting.device)).to(device)
        self.pairs = {what: one for what, one in pairs.items() if one.any()}
        far = [(keys - rows[:, None]).abs()] if setting.is_self else []  # (rows, keys)
        # (rows, keys, pairs): all sums over keys are one product
        self.factors = torch.stack([*self.pairs.values(), *far], -1).float() if self.pairs or far else None
        self.is_self = setting.is_self
        sizes = {what: size for what, size in self._sums(allowed.float()).items() if what in patterns}
        # between two texts there is no second row whose previous token is the first
        late = {
            what: rows >= setting.first + one.from_row if setting.is_self else rows >= 0
            for what, one in patterns.items()
        }
        # where every visible key is in the pattern there is no choice either
        self.used = {what: late[what] & (size > 0) & (size < visible) for what, size in sizes.items()}
        self.chance = {what: size * self.even for what, size in sizes.items()}

    def _sums(self, weights: Tensor) -> dict[str, Tensor]:
        """Sum weights (heads, rows, keys) over each pattern, (heads, rows)."""
        out = {}
        if self.offsets:
            found = weights.gather(2, self.columns.expand(len(weights), -1, -1))  # (heads, rows, offsets)
            for what, inside, one in zip(self.offsets, self.inside, found.unbind(-1), strict=True):
                out[what] = one * inside
        if self.factors is not None:
            summed = (weights.transpose(0, 1) @ self.factors).permute(2, 1, 0)  # (pairs, heads, rows)
            names = [*self.pairs, _DISTANCE] if self.is_self else list(self.pairs)
            out |= zip(names, summed, strict=True)
        return out

    def at(self, weights: Tensor) -> dict[str, Tensor]:
        """Return sums over the block's queries, (3, heads): of the weight, of the chance, and their number."""
        values = self._sums(weights)
        values[_ENTROPY] = torch.special.entr(weights).sum(-1) / self.most  # (heads, rows)
        values[_PEAK] = (weights.amax(-1) - self.even) / (1 - self.even)  # (heads, rows)
        out = {}
        for what, value in values.items():
            used = self.used.get(what, self.has_choice) & self.has_choice  # (1 or heads, rows)
            chance = self.chance.get(what, self.even)  # (1 or heads, rows)
            parts = (value, chance.expand_as(value), used.expand_as(value).float())
            out[what] = torch.stack([part.masked_fill(~used, 0).sum(1) for part in parts])  # (3, heads)
        return out
