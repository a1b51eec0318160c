"""A transformer block around an attention: what it adds the heads' output to, and what it does with the sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from attnwidget.maths.softmax import product, upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    # tokens (pairs,) and what the heads give them, side by side (pairs, heads × d_v) → the block's output (pairs, d)
    Rest = Callable[[Tensor, Tensor], Tensor]

Order = Literal["before", "after", "inside"]
_VECTORS = 1 << 23  # numbers of transformed vectors that exist at once: 32 MB


@dataclass(frozen=True)
class Norm:
    """A LayerNorm or RMSNorm with every row's scale held at what it is: then it is linear, but for its bias.

    Attributes
    ----------
    gain : Tensor
        (d_model,).
    scale : Tensor
        (n,), one divided by each row's standard deviation, or by its root mean square.
    is_centred : bool
        Whether the mean is taken off first, as a LayerNorm does.
    """

    gain: Tensor
    scale: Tensor
    is_centred: bool

    def __call__(self, vectors: Tensor, rows: Tensor) -> Tensor:
        """Apply it to vectors (rows, …, d_model) that are parts of these rows."""
        if self.is_centred:
            vectors = vectors - vectors.mean(-1, keepdim=True)
        scale = self.scale[rows].view(-1, *[1] * (vectors.ndim - 1))
        return vectors * scale * self.gain


@dataclass(frozen=True)
class Block:
    """What a block does around its attention, found and proven.

    Attributes
    ----------
    given : Tensor
        (n, d_model), the token's own vector that attention's output is added to: the residual stream.
    summed : Tensor
        (n, d_model), the stream with what attention has added to it, as the block goes on with it.
    order : "before", "after" or "inside"
        Where the norm is: "before" attention (its values are made from normed vectors already), so that the sum is
        given + attention; "after" the sum, norm(given + attention); "inside", given + norm(attention).
    norm : Norm, optional
        The latter two's.
    rest : function or str
        From what the heads give some tokens to the block's output; or why that cannot be run again.
    name : str
        The block's, in the model.
    """

    given: Tensor
    summed: Tensor
    order: Order
    norm: Norm | None
    rest: Rest | str
    name: str

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle the numbers; what runs the block stays behind."""
        return vars(self) | {"rest": "the block cannot be run again: this copy has no model"}

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Everything that occupies memory."""
        return (self.given, self.summed, *(() if self.norm is None else (self.norm.gain, self.norm.scale)))

    def parts(
        self, weights: Tensor, values: Tensor, matrix: Tensor, queries: Tensor, keys: Tensor
    ) -> Iterator[tuple[slice, slice, Tensor]]:
        """Write out what each key's token gives each query's vector in `summed`, some pairs at a time.

        The transformed vectors T_i(x_j) of Kobayashi et al. 2021 ("Incorporating Residual and Normalization Layers
        into Analysis of Masked Language Models", equations 7 to 9) and of Ferrando et al. 2022: the sum over the heads
        of α v W_O, with the token's own vector where a token looks at itself, through the norm with its scale held.
        Biases are no token's, and are left out.

        Parameters
        ----------
        weights : Tensor
            (heads, queries, keys), of all heads of the layer.
        values, matrix : Tensor
            (heads, keys, d_v) and (heads, d_v, d_model).
        queries, keys : Tensor
            int64 (queries,) and (keys,), their positions.

        Yields
        ------
        tuple
            Which queries and keys of the tile, and their vectors (queries, keys, d_model).
        """
        heads, width = matrix.shape[0], matrix.shape[-1]
        columns = max(1, min(len(keys), _VECTORS // (2 * heads * width)))
        rows = max(1, _VECTORS // (2 * columns * width))
        given = upcast(self.given)
        for first in range(0, len(keys), columns):
            some_keys = slice(first, min(first + columns, len(keys)))
            written = product(values[:, some_keys], matrix)  # (heads, keys, d_model)
            for start in range(0, len(queries), rows):
                some = slice(start, min(start + rows, len(queries)))
                at = queries[some]
                tile = weights[:, some, some_keys]  # (heads, queries, keys)
                vectors = torch.einsum("hqk,hkd->qkd", tile, written)
                if self.order == "inside":
                    vectors = self._normed(vectors, at)
                itself = (at[:, None] == keys[some_keys]).nonzero()  # (pairs, 2)
                vectors[itself[:, 0], itself[:, 1]] += given[at[itself[:, 0]]]
                if self.order == "after":
                    vectors = self._normed(vectors, at)
                yield some, some_keys, vectors

    def _normed(self, vectors: Tensor, rows: Tensor) -> Tensor:
        return vectors if self.norm is None else self.norm(vectors, rows)
