"""Attention flow: how much can run from a token down to an input token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.maths import max_flow
from attnwidget.measures.base import Measure
from attnwidget.measures.ways import ENCODES, mixings, reached

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Flow(Measure):
    """The maximum flow from a layer's token to an input token, edges bearing ½ A + ½ I.

    Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", section 3, A the mean over the heads.
    """

    name = "flow"
    label = "flow"
    sentence = (
        "How much can run from a token at this layer down to this input token, if each weight is a pipe of that "
        "width. It assumes what rollout assumes."
    )
    domain = "share"
    of = "way"
    needs = frozenset({"below"})
    refuses = ENCODES
    limit = 48
    is_slow = True

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return region.once(self.name, lambda queries, keys: _flows(region, queries, keys))

    def allowed(self, region: Region) -> Tensor:
        """Say which input tokens a way leads to, bool (heads, queries, keys)."""
        return reached(region)


def _flows(region: Region, queries: Tensor, keys: Tensor) -> Tensor:
    """Compute (queries, keys)."""
    capacities = mixings(region).double().numpy()  # (layers, n, n)
    found = [[max_flow(capacities, query, key) for key in keys.tolist()] for query in queries.tolist()]
    return torch.tensor(found).view(len(queries), len(keys))
