"""What a page carries of a layer: queries, keys and values in few bits, or scores or weights where those are less.

How far the weights that a reader computes from it are from the model's is measured, not estimated.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from attnwidget.export.quantise import bits, exponents_of, quantise, write
from attnwidget.maths import ALL, LeftOut, QKVLayer, RelativeBias
from attnwidget.maths.softmax import log_sum_exp, upcast, weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from attnwidget.export.shared import Shared
    from attnwidget.maths import Layer, WeightsLayer
    from attnwidget.trace import AttentionTrace

SCALE, NAN = 65533, 65534  # of a weight in 16 bits, as in `wire.schema.Ahead`
_ROWS = 1 << 22  # weights that are compared at once
_BIAS = 4  # numbers of a bias that are carried, for each query and key


class Precision(NamedTuple):
    """How finely numbers are written."""

    noise: float
    """Standard deviation of the error of a score."""
    value_bits: float
    """Entropy of a value."""
    most_bits: float
    """Of a query's or key's entry, on average: a layer whose scores are so large that it would take more is coarser."""

    @classmethod
    def of(cls, tokens: int, numbers: int) -> Precision:
        """Choose for a text and all numbers of a page: the longer and the more, the coarser.

        So that a sentence takes up to a megabyte in a model of 12 × 12 heads, and 1,000 tokens up to thirty.
        """
        longest, many, finer, base = next(one for one in _PRECISIONS if tokens <= one[0])
        del longest
        times = min(finer, max(1.0, many / max(1, numbers)))
        more = math.log2(times)
        return cls(base.noise / times, base.value_bits + more, base.most_bits + more)


_PRECISIONS = (  # up to so many tokens; of so many numbers; of fewer up to so much finer
    (32, 550_000, 16.0, Precision(0.0007, 8.2, 9.8)),
    (128, 3_600_000, 8.0, Precision(0.001, 8, 10.6)),
    (math.inf, 27_700_000, 4.0, Precision(0.004, 6.5, 8.6)),
)


def numbers_of(layer: Layer, heads: Sequence[int]) -> int:
    """Count the numbers of queries, keys and values of some heads."""
    if not isinstance(layer, QKVLayer):
        return 0
    _, n, m = layer.shape
    widths = layer.k.shape[-1] + (0 if layer.v is None else layer.v.shape[-1])
    return len(heads) * n * layer.q.shape[-1] + len({layer.group(head) for head in heads}) * m * widths


class Rows(NamedTuple):
    """What a reader of the page has of some rows, (heads, rows, keys)."""

    weights: Tensor
    scores: Tensor | None


class Carried(NamedTuple):
    """A layer as a page has it."""

    about: dict[str, Any]
    raw: bytes
    """To be packed."""
    rows: Callable[[Sequence[int], slice], Rows]
    """From heads and rows to what a reader computes."""
    value_error: float = 0.0
    """Of an entry of a value: the largest difference."""
    values: Tensor | None = None
    """What a reader has of them, (heads, keys, d_v)."""


def carry(
    layer: QKVLayer | WeightsLayer, heads: Sequence[int], shared: Shared, precision: Precision, *, values: bool
) -> Carried | None:
    """Write the chosen heads of a layer in as few bytes as will do; None where only its weights say what it does.

    Parameters
    ----------
    layer : QKVLayer or WeightsLayer
        What is carried.
    heads : sequence of int
        Which.
    shared : Shared
        Where masks and biases are kept, which layers may share.
    precision : Precision
        How finely.
    values : bool
        Whether values are carried, and with them what the breakdown needs.
    """
    if not isinstance(layer, QKVLayer):
        return None
    count, n, m = layer.shape
    groups = sorted({layer.group(head) for head in heads})
    pairs = _pairs(layer, count, n, m)
    plain = layer.bias is None or isinstance(layer.bias, RelativeBias) or layer.bias.numel() <= _BIAS * count * (n + m)
    numbers = (len(heads) * n + len(groups) * m) * layer.q.shape[-1]
    values = values and layer.v is not None
    smaller = not values and int(pairs.sum()) * len(heads) < numbers
    if smaller or not plain:
        return _carry_scores(layer, heads, pairs, shared, precision)
    return _carry_qkv(layer, heads, groups, shared, precision, values=values)


def _carry_qkv(
    layer: QKVLayer, heads: Sequence[int], groups: list[int], shared: Shared, precision: Precision, *, values: bool
) -> Carried | None:
    q = upcast(layer.q[list(heads)]).cpu().transpose(1, 2)  # (heads, d_k, queries)
    k = upcast(layer.k[groups]).cpu().transpose(1, 2)  # (groups, d_k, keys)
    v = upcast(layer.v[groups]).cpu().transpose(1, 2) if values and layer.v is not None else None  # (groups, d_v, keys)
    of = torch.tensor([groups.index(layer.group(head)) for head in heads])  # (heads,)
    size_q, size_k = _size(q), _size(k)  # (heads, d_k), (groups, d_k)
    loudest = torch.stack([size_q[of == group].amax(0) for group in range(len(groups))])  # (groups, d_k)
    # Each dimension adds the same to a score's error: a step is small where what it is multiplied with is large.
    one = math.sqrt(6 / max(1, q.shape[1])) / max(abs(layer.scale), 1e-30)
    step_q, step_k = (precision.noise * one / size.clamp(min=1e-20) for size in (size_k[of], loudest))
    step_v = None if v is None else (_size(v) * 2 ** (2.05 - precision.value_bits)).clamp(min=1e-20)
    count = max(1, q.numel() + k.numel())
    over = (bits(q, step_q) + bits(k, step_k)) / count - precision.most_bits
    coarser = 2 ** max(0.0, over)
    written = [quantise(q, exponents_of(step_q * coarser)), quantise(k, exponents_of(step_k * coarser))]
    if v is not None and step_v is not None:
        written.append(quantise(v, exponents_of(step_v)))
    known = [one for one in written if one is not None]
    if len(known) < len(written):
        return None
    whole_q, whole_k = (torch.zeros(one.shape) for one in (layer.q, layer.k))
    whole_q[list(heads)] = known[0].numbers().transpose(1, 2)
    whole_k[groups] = known[1].numbers().transpose(1, 2)
    bias, sinks = _on_cpu(layer.bias), None if layer.sinks is None else layer.sinks.cpu()
    reader = replace(layer, q=whole_q, k=whole_k, v=None, known_lse=None, bias=bias, sinks=sinks)

    def rows(some: Sequence[int], at: slice) -> Rows:
        which = torch.tensor(list(some))
        return Rows(reader.weights(which, at, ALL), reader.scores(which, at, ALL))

    about = _about(layer, heads, shared) | {
        "kind": "qkv",
        "groups": of.tolist(),
        "keyHeads": len(layer.k),
        "dk": q.shape[1],
        "dv": 0 if v is None else v.shape[1],
        "scale": layer.scale,
        "softcap": layer.softcap,
        "bias": shared.bias(layer.bias),
    }
    off = 0.0 if v is None else _largest(known[2].numbers() - v)
    read = None if v is None else known[2].numbers().transpose(1, 2)[of]  # (heads, keys, d_v)
    return Carried(about, b"".join(map(write, known)), rows, off, read)


def carry_ways(  # noqa: PLR0917 - of what, where, how
    trace: AttentionTrace, attention: str, number: int, heads: Sequence[int], carried: Carried, precision: Precision
) -> tuple[bytes, float]:
    """Write what the measure "contribution" multiplies values with, and say how far its numbers are then off.

    Empty where it cannot be had.
    """
    if carried.values is None or trace.lacks("contribution", attention, layer=number):
        return b"", 0.0
    try:
        ways = trace.value_ways(number, attention=attention)[list(heads)].float().cpu().transpose(1, 2)
    except ValueError:  # the model could not be run again
        return b"", 0.0
    step = (_size(ways) * 2 ** (2.05 - precision.value_bits)).clamp(min=1e-20)  # (heads, d_v)
    written = quantise(ways, exponents_of(step))
    if written is None:
        return b"", 0.0
    off, (_, n, m) = 0.0, trace.layer(number, attention=attention).shape
    lines = max(1, _ROWS // max(1, m * len(heads)))
    for start in range(0, n, lines):
        rows = slice(start, min(start + lines, n))
        read = written.numbers()[..., rows].transpose(1, 2) @ carried.values.transpose(1, 2)  # (heads, rows, keys)
        exact = trace.measure("contribution", number, list(heads), attention=attention, queries=rows).cpu()
        known = exact.masked_fill(exact == -torch.inf, 0)
        off = max(off, _largest(carried.rows(heads, rows).weights * read - known))
    return write(written), off


def _carry_scores(
    layer: QKVLayer, heads: Sequence[int], pairs: Tensor, shared: Shared, precision: Precision
) -> Carried | None:
    where = torch.tensor(list(heads))
    found = layer.scores(where, ALL, ALL).cpu()  # (heads, queries, keys)
    allowed = layer.allowed(where, ALL, ALL).cpu().expand_as(found)
    step = torch.full((len(heads), 1), precision.noise * math.sqrt(12))  # (heads, 1)
    written = quantise(found.masked_fill(~allowed, 0)[:, pairs][:, None], exponents_of(step))  # (heads, 1, pairs)
    if written is None:
        return None
    scores = torch.zeros(found.shape)
    scores[:, pairs] = written.numbers()[:, 0]
    scores.masked_fill_(~allowed, -torch.inf)
    sinks = None if layer.sinks is None else layer.sinks.cpu()[where]
    at = {head: number for number, head in enumerate(heads)}

    def rows(some: Sequence[int], these: slice) -> Rows:
        which = [at[head] for head in some]
        tile = scores[which][:, these]
        return Rows(weights(tile, log_sum_exp([tile], sinks=None if sinks is None else sinks[which])), tile)

    about = _about(layer, heads, shared) | {"kind": "scores"}
    return Carried(about, write(written), rows)


def carry_weights(trace: AttentionTrace, attention: str, number: int, heads: Sequence[int], shared: Shared) -> Carried:
    """Write the weights themselves, in 16 bits each."""
    layer = trace.layer(number, attention=attention)
    assert not isinstance(layer, LeftOut)  # noqa: S101 - it has no weights
    found = trace.weights(number, list(heads), attention=attention).float().cpu()  # (heads, queries, keys)
    codes = (found.clamp(0, 1) * SCALE).round().masked_fill(found.isnan(), NAN).to(torch.int32)
    some = codes[:, _pairs(layer, *layer.shape)].contiguous()  # (heads, pairs)
    planes = b"".join((some >> shift & 255).to(torch.uint8).numpy().tobytes() for shift in (0, 8))
    read = (codes.float() / SCALE).masked_fill(codes == NAN, torch.nan)
    at = {head: number for number, head in enumerate(heads)}
    about = _about(layer, heads, shared) | {"kind": "weights"}
    return Carried(about, planes, lambda which, these: Rows(read[[at[one] for one in which]][:, these], None))


def weights_bytes(layer: QKVLayer | WeightsLayer, heads: Sequence[int]) -> int:
    """Count what `carry_weights` takes, before it is packed."""
    return 2 * len(heads) * int(_pairs(layer, *layer.shape).sum())


class Errors(NamedTuple):
    """How far what a reader computes is from what the model has: the largest difference."""

    weights: float = 0.0
    scores: float = 0.0
    values: float = 0.0
    contributions: float = 0.0

    def worse(self, other: Errors) -> Errors:
        """Take the larger of each."""
        return Errors(*map(max, self, other))


def errors(trace: AttentionTrace, attention: str, number: int, heads: Sequence[int], carried: Carried) -> Errors:
    """Compare every weight, and every score, of a layer's carried heads with the exact one."""
    _, n, m = trace.layer(number, attention=attention).shape
    worst = Errors(values=carried.value_error)
    step = max(1, _ROWS // max(1, m * len(heads)))
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        read = carried.rows(heads, rows)
        exact = trace.weights(number, list(heads), attention=attention, queries=rows).cpu()  # (heads, rows, keys)
        off = _largest(read.weights - exact)
        off_scores = 0.0
        if read.scores is not None:
            scores = trace.scores(number, list(heads), attention=attention, queries=rows).cpu()
            off_scores = _largest(read.scores - scores)
        worst = worst.worse(Errors(off, off_scores))
    return worst


def _largest(difference: Tensor) -> float:
    """Of forbidden pairs, −∞ on both sides, there is none."""
    return float(difference.detach().nan_to_num(0).abs().max()) if difference.numel() else 0.0


def _about(layer: QKVLayer | WeightsLayer, heads: Sequence[int], shared: Shared) -> dict[str, Any]:
    sinks = getattr(layer, "sinks", None)
    return {
        "heads": list(heads),
        "mask": shared.mask(layer.mask, layer.shape),
        "sinks": None if sinks is None else sinks.detach()[list(heads)].tolist(),
    }


def _pairs(layer: QKVLayer | WeightsLayer, count: int, n: int, m: int) -> Tensor:
    """Say which pairs are written, bool (queries, keys): those that may attend, or all where heads differ in that."""
    if layer.mask.dense is not None and layer.mask.dense.ndim == 3:
        return torch.ones(n, m, dtype=torch.bool)
    return layer.allowed(slice(0, min(1, count)), ALL, ALL)[0].cpu()


def _size(numbers: Tensor) -> Tensor:
    return numbers.square().mean(-1).sqrt()


def _on_cpu(bias: Tensor | RelativeBias | None) -> Tensor | RelativeBias | None:
    if isinstance(bias, RelativeBias):
        return RelativeBias(bias.diagonals.cpu(), bias.queries)
    return None if bias is None else bias.cpu()
