"""What one forward pass leaves behind: every layer's Q, K, V and mask, and the capture's error."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.rule_mask import RuleMask
from attnwidget.maths import ALL, LeftOut, Mask, QKVLayer, RelativeBias, weighted_sum
from attnwidget.maths.softmax import log_sum_exp, weights

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import nn

    from attnwidget.maths import Layer

_LSE_ERROR = 5e-3  # a kernel rounds: what is off by more is computed again
CHECKED_ROWS = 8  # of every head, spread evenly: recomputed and compared with the model's output


class SeenMask(NamedTuple):
    """A mask as the model made it, read."""

    rule: Mask
    bias: Tensor | None = None  # (1 or heads, n, m), what is added to allowed scores
    forbidden: float = -torch.inf  # what it adds to forbidden scores
    tensor: Tensor | None = None  # the original, kept alive so that its id stays its own


class SeenBias(NamedTuple):
    """A position bias as the model made it, read."""

    bias: Tensor | RelativeBias | None
    tensor: Tensor  # the original, kept alive so that its id stays its own


@dataclass
class Recorder:
    """The layers of one forward pass, per attention, in the order in which they were computed."""

    on_layer: Callable[[int], None] | None = None  # called with the number of layers done
    name_of: Callable[[nn.Module], str] = lambda _: "self"  # of which attention a module is
    wanted: Collection[int] | None = None  # layers to keep, of each attention; None for all
    values: bool = True  # whether to keep V
    is_eager: bool = False  # whether the model is for eager attention alone, which is always given its mask
    layers: dict[str, list[Layer]] = field(default_factory=dict)
    given_error: float | None = None  # of weights that were not recorded here
    _done: int = 0
    _errors: list[Tensor] = field(default_factory=list)
    _masks: dict[int, SeenMask] = field(default_factory=dict)
    _biases: dict[tuple[int, int], SeenBias] = field(default_factory=dict)

    @property
    def max_error(self) -> float | None:
        """Largest |recomputed weights · V − the model's own output|; NaN is not hidden."""
        if not self._errors:
            return self.given_error
        return float(torch.stack([error.cpu().double() for error in self._errors]).max())

    def read_mask(self, mask: Tensor | None, query: Tensor, *, causal: bool) -> SeenMask:
        """Read the mask that a layer got, (1, 1 or heads, n or 1, m). Layers share few of them."""
        if mask is None:
            return SeenMask(Mask(after=0) if causal else Mask())
        if id(mask) not in self._masks:
            self._masks[id(mask)] = _read(mask, query)
        return self._masks[id(mask)]

    def read_bias(self, bias: Tensor, mask: SeenMask) -> Tensor | RelativeBias | None:
        """Read a position bias (1, heads, n, m): its diagonals where they say all, None where it is 0.

        T5's layers share one, so it is read once. What the mask adds comes on top.
        """
        key = id(bias), id(mask.bias)
        if key not in self._biases:
            found: Tensor | RelativeBias | None = mask.bias
            if mask.bias is not None:
                found = bias[0] + mask.bias  # (heads, n, m)
            elif bias.count_nonzero():
                found = RelativeBias.from_dense(bias[0]) or bias[0]
            self._biases[key] = SeenBias(found, bias)
        return self._biases[key].bias

    def add(self, module: nn.Module, output: Tensor, layer: QKVLayer) -> None:
        """Keep a layer, and compare some of its rows with the output (1, n, heads, d_v)."""
        n, values = layer.shape[1], layer.v
        assert values is not None  # noqa: S101 - left out below, not before
        rows = torch.linspace(0, n - 1, min(n, CHECKED_ROWS), device=output.device).round().long()
        scores = layer.scores(ALL, rows, ALL)  # (heads, rows, m)
        if layer.known_lse is not None and not agrees(layer, rows, scores):
            layer = replace(layer, known_lse=None)
        again = weighted_sum(weights(scores, layer.lse.index_select(1, rows)), values)  # (heads, rows, d_v)
        theirs = output[0].index_select(0, rows).transpose(0, 1)  # (heads, rows, d_v)
        difference = (again - theirs).abs()  # (heads, rows, d_v)
        if layer.mask.keep is not None or layer.mask.dense is not None:
            # A row that sees nothing has no weights. Some implementations return a mean there.
            sees = layer.allowed(ALL, rows, ALL).any(-1, keepdim=True)  # (1 or heads, rows, 1)
            difference = difference.masked_fill(~sees, 0)
        self._errors.append(difference.max())
        those = self.layers.setdefault(self.name_of(module), [])
        if self.wanted is None or len(those) in self.wanted:
            q, k, *v = own(layer.q, layer.k, *([values] if self.values else []))
            those.append(replace(layer, q=q, k=k, v=v[0] if v else None, known_lse=layer.lse))
        else:
            those.append(LeftOut(layer.shape, layer.mask))
        self._done += 1
        if self.on_layer is not None:
            self.on_layer(self._done)


def agrees(layer: QKVLayer, rows: Tensor, scores: Tensor) -> bool:
    """Whether the log-sum-exp that a kernel gave is that of the scores, in some rows.

    What a private kernel returns may differ from one version, and one device, to the next.

    Parameters
    ----------
    layer : QKVLayer
        With `known_lse`.
    rows : Tensor
        int64 (rows,).
    scores : Tensor
        (heads, rows, keys).
    """
    assert layer.known_lse is not None  # noqa: S101
    ours = log_sum_exp([scores], sinks=layer.sinks)  # (heads, rows)
    theirs = layer.known_lse.index_select(1, rows)  # (heads, rows)
    theirs = theirs.to(ours).where(ours != -torch.inf, ours)  # of a row that sees nothing any number will do
    return torch.allclose(ours, theirs, rtol=0, atol=_LSE_ERROR, equal_nan=True)


def _read(mask: Tensor, query: Tensor) -> SeenMask:
    if isinstance(mask, RuleMask):
        return SeenMask(mask.rule, tensor=mask)
    if mask.ndim != 4:
        raise UnsupportedModelError(f"expected a mask (1, heads, n, m), got {tuple(mask.shape)}")
    allowed = mask[0].expand(-1, query.shape[2], -1)  # (1 or heads, n, m)
    if mask.dtype == torch.bool:
        return SeenMask(Mask.from_dense(allowed), tensor=mask)
    values, lowest = allowed, torch.finfo(mask.dtype).min
    allowed = values > lowest / 2  # forbidden: −inf, or the lowest number
    bias = values.masked_fill(~allowed, 0)  # (1 or heads, n, m)
    return SeenMask(Mask.from_dense(allowed), bias if bias.count_nonzero() else None, lowest, tensor=mask)


def own(*tensors: Tensor) -> list[Tensor]:
    """Keep tensors by reference, but copy those that would keep a far larger storage alive.

    GPT-2's Q, K and V fill one storage together; GPT-NeoX's V alone would hold on to the
    unrotated Q and K.
    """
    used: dict[int, int] = {}
    for tensor in tensors:
        at = tensor.untyped_storage().data_ptr()
        used[at] = used.get(at, 0) + tensor.numel() * tensor.element_size()
    kept = []
    for tensor in tensors:
        storage = tensor.untyped_storage()
        is_lean = storage.nbytes() <= 1.25 * used[storage.data_ptr()]
        kept.append(tensor if is_lean else tensor.clone())
    return kept
