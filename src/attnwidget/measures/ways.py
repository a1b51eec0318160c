"""What measures of a whole way down share: how much each layer mixes, and which tokens can be reached."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from attnwidget.maths import ALL, blind_rows

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.maths import Layer
    from attnwidget.measures.region import Region

_TWO = "it is not defined for {}: a decoder's tokens take from two texts, and a way through one attention is not whole"
ENCODES = MappingProxyType({"cross": _TWO.format("cross-attention"), "decoder": _TWO.format("this decoder")})
"""Measures of ways through one attention alone."""

_BLOCK = 1 << 22  # weights that exist at once: 16 MB


def mixing(layer: Layer) -> Tensor:
    """Return ½ A + ½ I of a layer, A the mean over its heads, (n, n) in float64 (Abnar & Zuidema 2020, section 3).

    Rows are divided by their sums, as in the authors' code: of a token that sees nothing the row is its own.
    """
    heads, n, m = layer.shape
    mean = torch.zeros(n, m, dtype=torch.float64)
    rows = max(1, _BLOCK // (heads * m))
    for start in range(0, n, rows):
        some = slice(start, min(start + rows, n))
        mean[some] = layer.weights(ALL, some, ALL).mean(0).double().cpu()  # (rows, m)
    mean[blind_rows(layer)] = 0
    mean += torch.eye(n, m, dtype=torch.float64)
    return mean / mean.sum(-1, keepdim=True)


def mixings(region: Region) -> Tensor:
    """Return `mixing` of every layer from the first to a region's, (layers, n, n), and keep it."""
    kept, found = region.around.kept, []
    for number, layer in enumerate(region.around.below):
        place = ("mixing", region.attention, number)
        if place not in kept:
            kept[place] = mixing(layer)
        found.append(kept[place])
    return torch.stack(found)


def reached(region: Region) -> Tensor:
    """Say which input tokens a way leads to from each of a region's tokens, bool (heads, queries, keys)."""
    place, kept = ("reached", region.attention, region.layer), region.around.kept
    if place not in kept:
        n = region.whole[1]
        found = torch.eye(n, dtype=torch.bool)
        for layer in region.around.below:
            sees = layer.allowed(ALL, ALL, ALL).any(0).cpu() | torch.eye(n, dtype=torch.bool)  # (n, n)
            found = (sees.float() @ found.float()) > 0
        kept[place] = found
    return kept[place][region.queries.cpu()][:, region.keys.cpu()].expand(region.shape)
