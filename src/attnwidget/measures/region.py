"""`Region`: the part of one layer that somebody looks at, and all that a measure can compute from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.maths import ALL, Index, Layer, Projection, QKVLayer, positions, take
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from torch import Tensor

    Key = tuple[str, int]  # an attention, and the number of a layer


class Region:
    """Some heads, queries and keys of one layer. Everything is computed when it is asked for, and anew each time.

    What is returned may be the trace's or the model's own memory: do not write into it.

    Parameters
    ----------
    source : Layer
        The layer.
    tile : tuple of slice or Tensor
        Its heads, queries and keys that are looked at; all by default.
    layer : int
        The layer's number.
    attention : str
        "self", "encoder", "decoder" or "cross".
    projection : Projection, optional
        The layer's W_O, where it is known.
    known_norms : mutable mapping, optional
        Where `value_norms` of whole layers are kept, by attention and number of the layer.

    Attributes
    ----------
    heads, queries, keys : Tensor
        int64 (heads,), (queries,) and (keys,): which ones these are, counted from 0 in the layer and in the text.
    layer, attention
        As above.
    """

    def __init__(
        self,
        source: Layer,
        tile: tuple[Index, Index, Index] = (ALL, ALL, ALL),
        *,
        layer: int = 0,
        attention: str = "self",
        projection: Projection | None = None,
        known_norms: MutableMapping[Key, Tensor] | None = None,
    ) -> None:
        self.layer, self.attention = layer, attention
        self._source, self._tile = source, tile
        self._projection = projection
        self._known_norms = {} if known_norms is None else known_norms
        self.heads, self.queries, self.keys = (
            positions(index, size, source.device) for index, size in zip(tile, source.shape, strict=True)
        )

    @property
    def shape(self) -> torch.Size:
        """(heads, queries, keys)."""
        return torch.Size((len(self.heads), len(self.queries), len(self.keys)))

    def allowed(self) -> Tensor:
        """Which pairs may attend, bool (heads, queries, keys)."""
        return self._source.allowed(*self._tile).expand(self.shape)

    def weights(self) -> Tensor:
        """After the softmax, (heads, queries, keys); 0 where attention is forbidden."""
        return self._source.weights(*self._tile)

    def scores(self) -> Tensor:
        """Before the softmax: scaled, biased, (heads, queries, keys); −∞ where attention is forbidden."""
        return self._with("scores").scores(*self._tile)

    def values(self) -> Tensor:
        """Values, (heads, keys, d_v): those of the head's group where heads share them."""
        heads, _, keys = self._tile
        found = self._with("values").values(heads, keys)
        if found is None:
            raise _not_there("values")
        return found

    def output_weight(self) -> Tensor:
        """Each head's slice of W_O, (heads, d_v, d_model)."""
        weight = self._projected().weight  # (all heads, d_v, d_model)
        return upcast(take(weight, 0, self._tile[0])).to(self.heads.device)

    def value_norms(self) -> Tensor:
        """‖v · W_O‖ of each key, (heads, keys): how long what a head would write is if it saw this key alone.

        Computed once for the whole layer, and kept by the trace.
        """
        projection, source = self._projected(), self._with("values")
        if source.v is None:
            raise _not_there("values")
        key = self.attention, self.layer
        if key not in self._known_norms:
            self._known_norms[key] = projection.value_norms(source.v)  # (all heads, all keys)
        return take(take(self._known_norms[key], 0, self._tile[0]), 1, self._tile[2])

    def _with(self, need: str) -> QKVLayer:
        if not isinstance(self._source, QKVLayer):
            raise _not_there(need)
        return self._source

    def _projected(self) -> Projection:
        if self._projection is None:
            raise _not_there("output")
        return self._projection


def _not_there(need: str) -> ValueError:
    return ValueError(f'this layer comes without; a measure that computes from this has "{need}" among its `needs`')
