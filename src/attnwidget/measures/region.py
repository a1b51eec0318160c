"""`Region`: the part of one layer that somebody looks at, and all that a measure can compute from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from attnwidget.maths import ALL, Index, Layer, Projection, QKVLayer, positions, take
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

    from torch import Tensor

    from attnwidget.maths import Block
    from attnwidget.measures.beside import Beside

    Key = tuple[str, int]  # an attention, and the number of a layer

KEPT = 1 << 20  # pairs of a layer up to which what took long to compute is kept: 4 MB


@dataclass(frozen=True)
class Around:
    """What a layer's numbers are computed from beside the layer itself, as far as a measure needs it.

    Attributes
    ----------
    below : sequence of Layer
        The layers of the same attention from the first to this one.
    block : Block, optional
        What the layer's block does with what the heads write.
    gradient : Tensor, optional
        (queries, all heads, d_v), of a number that the model says by the heads' outputs.
    direction : Tensor, optional
        (queries, d_model), from what W_O gives at a row to a logit of that row.
    beside : Beside, optional
        Another trace.
    kept : mutable mapping
        Where numbers of whole layers are kept, by whatever a measure names them with.
    """

    below: Sequence[Layer] = ()
    block: Block | None = None
    gradient: Tensor | None = None
    direction: Tensor | None = None
    beside: Beside | None = None
    kept: MutableMapping[object, Tensor] = field(default_factory=dict)


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
    around : Around, optional
        What there is beside the layer.

    Attributes
    ----------
    heads, queries, keys : Tensor
        int64 (heads,), (queries,) and (keys,): which ones these are, counted from 0 in the layer and in the text.
    layer, attention, around
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
        around: Around | None = None,
    ) -> None:
        self.layer, self.attention = layer, attention
        self._source, self._tile = source, tile
        self.around = Around() if around is None else around
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

    @property
    def whole(self) -> tuple[int, int, int]:
        """(heads, queries, keys) of the whole layer."""
        return self._source.shape

    def of_layer(self, queries: Tensor | None = None, keys: Tensor | None = None) -> Region:
        """Return a region of the same layer that has all its heads.

        Parameters
        ----------
        queries, keys : Tensor, optional
            int64 positions in the text; those of this region by default.
        """
        rows, columns = self._tile[1:]
        tile = (ALL, rows if queries is None else queries, columns if keys is None else keys)
        known, around = self._known_norms, self.around
        about = {"layer": self.layer, "attention": self.attention, "projection": self._projection}
        return Region(self._source, tile, **about, known_norms=known, around=around)  # type: ignore[arg-type]

    def block(self) -> Block:
        """Return what the layer's block does with what the heads write."""
        if self.around.block is None:
            raise _not_there("block")
        return self.around.block

    def gradient(self) -> Tensor:
        """Return the gradient of a number that the model says by the heads' outputs, (heads, queries, d_v)."""
        if self.around.gradient is None:
            raise _not_there("gradient")
        heads, queries, _ = self._tile
        found = upcast(take(take(self.around.gradient, 0, queries), 1, heads))  # (queries, heads, d_v)
        return found.transpose(0, 1).to(self.heads.device)

    def direction(self) -> Tensor:
        """Return what a vector that W_O gives at each query is multiplied with to be its share in a logit there.

        (queries, d_model).
        """
        if self.around.direction is None:
            raise _not_there("direction")
        return upcast(take(self.around.direction, 0, self._tile[1])).to(self.queries.device)

    def beside(self) -> Beside:
        """Return the trace that stands beside the one that this is a region of."""
        if self.around.beside is None:
            raise _not_there("beside")
        return self.around.beside

    def once(self, name: str, compute: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Compute one number of each pair, whatever the head, and keep it where the text is short enough.

        Parameters
        ----------
        name : str
            Of the measure.
        compute : function
            From positions (queries,) and (keys,) to their numbers (queries, keys).

        Returns
        -------
        Tensor
            (heads, queries, keys), all heads alike.
        """
        _, n, m = self.whole
        if n * m > KEPT:
            return compute(self.queries, self.keys).expand(self.shape)
        place, kept = (name, self.attention, self.layer), self.around.kept
        if place not in kept:
            kept[place] = torch.full((n, m), torch.nan)
            kept["known", *place] = torch.zeros(n, m, dtype=torch.bool)
        numbers, known = kept[place], kept["known", *place]
        rows, columns = self.queries.cpu(), self.keys.cpu()
        missing = ~known[rows][:, columns]  # (queries, keys)
        if missing.any():
            some, those = rows[missing.any(1)], columns[missing.any(0)]
            found = compute(some.to(self.queries.device), those.to(self.keys.device)).cpu().float()
            numbers[some[:, None], those] = found
            known[some[:, None], those] = True
        wanted: Tensor = numbers[rows][:, columns]  # (queries, keys)
        return wanted.to(self.queries.device).expand(self.shape)

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
