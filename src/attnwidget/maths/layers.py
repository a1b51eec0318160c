"""One layer of attention, asked for tiles: from Q, K and V, or from weights that were given."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch

from attnwidget.maths.bias import RelativeBias
from attnwidget.maths.mask import Mask
from attnwidget.maths.softmax import log_sum_exp, scores, upcast, weights
from attnwidget.maths.tile import ALL, Index, positions, take

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

_BLOCK = 1 << 22  # scores that may exist at once while the log-sum-exp is computed: 16 MB


@dataclass(frozen=True)
class QKVLayer:
    """What one layer's weights are recomputed from.

    Attributes
    ----------
    q : Tensor
        (heads, queries, d_k), with every rotation and normalisation applied.
    k : Tensor
        (key heads, keys, d_k).
    v : Tensor, optional
        (key heads, keys, d_v); None where values were left out.
    scale : float
        Factor of the products.
    softcap : float, optional
        Bound of the scores (Gemma 2).
    bias : Tensor or RelativeBias, optional
        Added to the scores, broadcast to (heads, queries, keys).
    mask : Mask
        Which pairs may attend.
    sinks : Tensor, optional
        (heads,), a logit without a key in every row's softmax (gpt-oss).
    known_lse : Tensor, optional
        (heads, queries), the rows' log-sum-exp where a kernel has computed it already.
    """

    q: Tensor
    k: Tensor
    v: Tensor | None
    scale: float
    _: KW_ONLY
    softcap: float | None = None
    bias: Tensor | RelativeBias | None = None
    mask: Mask = field(default_factory=Mask)
    sinks: Tensor | None = None
    known_lse: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(heads, queries, keys)."""
        return self.q.shape[0], self.q.shape[1], self.k.shape[1]

    @property
    def device(self) -> torch.device:
        """Where a tile is computed."""
        return self.q.device

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """Everything that occupies memory."""
        lse = self.__dict__.get("_sums", self.known_lse)
        bias = self.bias.diagonals if isinstance(self.bias, RelativeBias) else self.bias
        return self.q, self.k, self.v, bias, self.mask.keep, self.mask.dense, self.sinks, lse

    @cached_property
    def _sums(self) -> Tensor:
        """The rows' log-sum-exp as far as it is known, (heads, queries); NaN where it is not."""
        if self.known_lse is not None:
            return self.known_lse
        heads, n, _ = self.shape
        dtype = torch.float64 if self.q.dtype == torch.float64 else torch.float32
        with torch.inference_mode(mode=False):  # it is filled later, wherever that may be
            return torch.full((heads, n), torch.nan, dtype=dtype, device=self.q.device)

    @property
    def lse(self) -> Tensor:
        """Log-sum-exp of every row, (heads, queries)."""
        return self._lse(ALL, ALL)

    def _lse(self, heads: Index, queries: Index) -> Tensor:
        """Log-sum-exp of some rows, (heads, queries), computed once for each."""
        known = take(take(self._sums, 0, heads), 1, queries)  # (heads, queries)
        if self.known_lse is not None or not known.isnan().any():
            return known
        count, n, m = self.shape
        which, rows = positions(heads, count, known.device), positions(queries, n, known.device)
        missing = rows[known.isnan().any(0)]  # (rows,)
        columns = min(m, max(1024, _BLOCK // (len(which) * max(1, len(missing)))))
        for some in torch.split(missing, max(1, _BLOCK // (len(which) * columns))):
            first, stop = self.mask.reach(some, m)
            spans = [slice(at, min(at + columns, stop)) for at in range(first, max(stop, first + 1), columns)]
            self._keep_sums(heads, some, (self.scores(heads, some, span) for span in spans))
        return take(take(self._sums, 0, heads), 1, queries)

    def _keep_sums(self, heads: Index, rows: Tensor, blocks: Iterable[Tensor]) -> None:
        """Keep the log-sum-exp of some rows, from all their scores (heads, rows, keys)."""
        which = positions(heads, self.shape[0], self._sums.device)  # (heads,)
        sinks = None if self.sinks is None else self.sinks[which]
        self._sums[which[:, None], rows] = log_sum_exp(blocks, sinks=sinks)  # (heads, rows)

    def known_sums(self, head: int, queries: Tensor) -> Tensor:
        """Log-sum-exp of some rows of a head, (queries,); NaN where it is not known yet."""
        return self._sums[head].index_select(0, queries.to(self._sums.device))

    def remember(self, head: int, queries: Tensor, lse: Tensor) -> None:
        """Keep the log-sum-exp of some rows of a head, (queries,), that was computed elsewhere."""
        if self.known_lse is None:
            self._sums[head, queries.to(self._sums.device)] = lse.to(self._sums)

    def group(self, head: int) -> int:
        """Return the key head that a query head uses."""
        return head * self.k.shape[0] // self.q.shape[0]

    def allowed(self, heads: Index, queries: Index, keys: Index) -> Tensor:
        """Return which pairs of a tile may attend, bool (heads or 1, queries, keys)."""
        _, n, m = self.shape
        return self.mask.allowed(positions(queries, n, self.device), positions(keys, m, self.device), heads)

    def scores(self, heads: Index, queries: Index, keys: Index) -> Tensor:
        """Compute a tile's scores, (heads, queries, keys)."""
        q = take(take(self.q, 0, heads), 1, queries)  # (heads, queries, d_k)
        k = take(self.k, 1, keys)  # (key heads, keys, d_k)
        if q.shape[0] != self.q.shape[0] or not isinstance(heads, slice):
            chosen = positions(heads, self.q.shape[0], k.device)  # (heads,)
            k = k.index_select(0, chosen * k.shape[0] // self.q.shape[0])  # (heads, keys, d_k)
        bias = self.bias
        if isinstance(bias, RelativeBias):
            bias = bias.tile(heads, queries, keys)  # (heads, queries, keys)
        elif bias is not None:
            for dim, index in enumerate((heads, queries, keys)):
                bias = take(bias, dim, index) if bias.shape[dim] > 1 else bias
        return scores(
            q,
            k,
            scale=self.scale,
            softcap=self.softcap,
            bias=bias,
            allowed=self.allowed(heads, queries, keys),
        )

    def values(self, heads: Index, keys: Index) -> Tensor | None:
        """Return the values that each of these heads uses, its group's, (heads, keys, d_v); None if left out."""
        if self.v is None:
            return None
        groups = positions(heads, self.shape[0], self.v.device) * self.v.shape[0] // self.shape[0]  # (heads,)
        return upcast(take(self.v, 1, keys).index_select(0, groups))  # (heads, keys, d_v)

    def weights(self, heads: Index, queries: Index, keys: Index) -> Tensor:
        """Compute a tile's weights, (heads, queries, keys)."""
        tile = self.scores(heads, queries, keys)  # (heads, queries, keys)
        if self.known_lse is None and isinstance(keys, slice):
            _, n, m = self.shape
            rows = positions(queries, n, self._sums.device)  # (queries,)
            first, stop = self.mask.reach(rows, m)
            seen = range(*keys.indices(m))
            is_whole = seen.step == 1 and seen.start <= first and stop <= seen.stop and tile.numel() > 0
            if is_whole and take(take(self._sums, 0, heads), 1, queries).isnan().any():
                self._keep_sums(heads, rows, [tile])
        return weights(tile, self._lse(heads, queries))


@dataclass(frozen=True)
class WeightsLayer:
    """Weights as they were given, (heads, queries, keys), and which pairs may attend."""

    given: Tensor
    mask: Mask = field(default_factory=Mask)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(heads, queries, keys)."""
        heads, n, m = self.given.shape
        return heads, n, m

    @property
    def device(self) -> torch.device:
        """Where a tile is computed."""
        return self.given.device

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """Everything that occupies memory."""
        return self.given, self.mask.keep, self.mask.dense

    def allowed(self, heads: Index, queries: Index, keys: Index) -> Tensor:
        """Return which pairs of a tile may attend, bool (heads or 1, queries, keys)."""
        _, n, m = self.shape
        return self.mask.allowed(positions(queries, n, self.device), positions(keys, m, self.device), heads)

    def weights(self, heads: Index, queries: Index, keys: Index) -> Tensor:
        """Return a tile's weights, (heads, queries, keys); 0 where the mask forbids, as in every trace."""
        tile = upcast(take(take(take(self.given, 0, heads), 1, queries), 2, keys))
        return tile.masked_fill(~self.allowed(heads, queries, keys), 0)


LEFT_OUT = "this layer was left out of the trace (layers=)"


@dataclass(frozen=True)
class LeftOut:
    """A layer that was not to be kept: its shape and its mask."""

    shape: tuple[int, int, int]
    mask: Mask = field(default_factory=Mask)

    tensors: ClassVar[tuple[None, ...]] = ()

    @property
    def device(self) -> torch.device:
        """Where its mask is said."""
        return torch.device("cpu") if self.mask.dense is None else self.mask.dense.device

    def allowed(self, heads: Index, queries: Index, keys: Index) -> Tensor:
        """Return which pairs of a tile may attend, bool (heads or 1, queries, keys)."""
        _, n, m = self.shape
        return self.mask.allowed(positions(queries, n, self.device), positions(keys, m, self.device), heads)

    def weights(self, *_: Index) -> Tensor:
        """Refuse, and say why."""
        raise ValueError(LEFT_OUT)


Layer = QKVLayer | WeightsLayer | LeftOut


def blind_rows(layer: Layer) -> list[int]:
    """Return the queries that may attend to nothing, in any head."""
    _, n, m = layer.shape
    rule = layer.mask
    free = (rule.before is None or rule.before >= 0) and (rule.after is None or rule.after >= 0)
    if rule.keep is None and rule.dense is None and free and n <= m:
        return []  # every query sees at least itself
    rows = max(1, _BLOCK // m)
    sees = [
        layer.allowed(ALL, slice(row, min(row + rows, n)), ALL).any(-1).any(0)  # (rows,)
        for row in range(0, n, rows)
    ]
    return [] if not sees else (~torch.cat(sees)).nonzero()[:, 0].tolist()
