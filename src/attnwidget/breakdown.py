"""One query's computation in one head, every step as numbers.

The steps are those of Vaswani et al. 2017, "Attention is all you need", section 3.2: products of query and keys,
scale, mask, softmax, weighted sum of the values; then all heads side by side and the projection W_O.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import torch

from attnwidget.maths import ALL, QKVLayer, RelativeBias, positions, resolve, take, weighted_sum
from attnwidget.maths.softmax import product, upcast

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from torch import Tensor

    from attnwidget.maths import Projection

COMBINE = ("mean", "sum")
_COLDEST = 1e-6  # temperature
_LARGEST = 1e30  # of a score set by hand: more would be infinite in float32


@dataclass(frozen=True, eq=False, kw_only=True)
class Breakdown:
    """Every step of one attention computation, for m keys, the forbidden ones included.

    For several queries everything is their mean, or sum: of `products`, `dots` and the like over those queries that
    may see the key. Each query has a softmax of its own, in `parts`; `maximum`, `exponentials` and `total` are then
    None. All tensors are float32, or float64 if the model is; some are the trace's or the model's own memory: do not
    write into them.

    Attributes
    ----------
    attention : str
        "self", "encoder", "decoder" or "cross".
    layer, head : int
        Counted from 0.
    queries : tuple of int
        The tokens that look; usually one.
    combine : str
        "mean" or "sum" of several queries.
    query : Tensor
        (d_k,), as it is multiplied: after any rotation and normalisation. So are the keys.
    keys : Tensor
        (m, d_k).
    products : Tensor
        (m, d_k), query × key, dimension by dimension.
    dots : Tensor
        (m,), the products' sums q·k.
    scale : float
        What the model multiplies them with; usually 1/√d_k.
    scaled : Tensor
        (m,), scale × dots.
    softcap : float, optional
        Bound c of the scores.
    capped : Tensor, optional
        (m,), c · tanh(scaled / c) (Gemma 2).
    bias : Tensor, optional
        (m,), what the model adds for the positions, or with its mask.
    allowed : Tensor
        bool (m,), True where attention is permitted.
    scores : Tensor
        (m,), what goes into the softmax; −inf where forbidden.
    maximum : float, optional
        The largest score, the sink's among them; it is subtracted from all of them first. −inf if every key is hidden.
    exponentials : Tensor, optional
        (m,), exp(scores − maximum).
    total : float, optional
        Their sum, the sink's among them.
    sink_logit : float, optional
        A learned number per head that takes part in the softmax as if it were the score of a key (gpt-oss).
    sink : float, optional
        Its share of the weight, which goes to no key.
    weights : Tensor
        (m,), exponentials / total. They sum to 1, less the sink's share.
    values : Tensor
        (m, d_v).
    weighted_values : Tensor
        (m, d_v), weights × values.
    norms : Tensor
        (m,), their Euclidean lengths (Kobayashi et al. 2020, without W_O).
    head_output : Tensor
        (d_v,), their sum.
    key_head : int
        Which key head this head uses.
    shared_by : tuple of int
        The heads that use it, this one among them; more than one with grouped queries.
    head_outputs : Tensor
        (heads, d_v), of all heads for the same queries: what is put side by side.
    output_weight : Tensor, optional
        (d_v, d_model), this head's slice of W_O.
    output_bias : Tensor, optional
        (d_model,), what the projection adds.
    contribution : Tensor, optional
        (d_model,), head_output · output_weight: what this head writes.
    contributions : Tensor, optional
        (heads, d_model), what each head writes.
    output : Tensor, optional
        (d_model,), the sum of `contributions`, and the bias.
    attention_output : Tensor, optional
        (d_model,), what the model's own attention module returned for these queries.
    max_difference : float, optional
        Largest |output − attention_output|.
    output_name : str
        The module that projects, by its name in the model.
    missing : str
        Why there is no W_O and what follows from it; empty where there is.
    removed : float
        After `what_if`: the weight that the hidden and removed keys would have without that.
    grown : float
        After ``what_if(removed=…)``: the factor by which the other weights grew, so that weights =
        grown × exponentials / total.
    parts : tuple of Breakdown
        Of several queries, each one's own.
    """

    attention: str
    layer: int
    head: int
    queries: tuple[int, ...]
    combine: str
    query: Tensor
    keys: Tensor
    products: Tensor
    dots: Tensor
    scale: float
    scaled: Tensor
    softcap: float | None
    capped: Tensor | None
    bias: Tensor | None
    allowed: Tensor
    scores: Tensor
    maximum: float | None
    exponentials: Tensor | None
    total: float | None
    sink_logit: float | None
    sink: float | None
    weights: Tensor
    values: Tensor
    weighted_values: Tensor
    head_output: Tensor
    key_head: int
    shared_by: tuple[int, ...]
    head_outputs: Tensor
    output_weight: Tensor | None = None
    output_bias: Tensor | None = None
    contributions: Tensor | None = None
    attention_output: Tensor | None = None
    output_name: str = ""
    missing: str = ""
    removed: float = 0.0
    grown: float = 1.0
    parts: tuple[Breakdown, ...] = ()
    _base: Breakdown | None = None  # of a changed one, the model's own

    @property
    def norms(self) -> Tensor:
        """(m,), see above."""
        norms: Tensor = torch.linalg.vector_norm(self.weighted_values, dim=-1)
        return norms

    @property
    def contribution(self) -> Tensor | None:
        """(d_model,), see above."""
        return None if self.contributions is None else self.contributions[self.head]

    @property
    def output(self) -> Tensor | None:
        """(d_model,), see above."""
        if self.contributions is None:
            return None
        summed = self.contributions.sum(0)
        return summed if self.output_bias is None else summed + self.output_bias

    @property
    def max_difference(self) -> float | None:
        """See above."""
        if self.output is None or self.attention_output is None:
            return None
        return float((self.output - self.attention_output).abs().max())

    def what_if(
        self,
        *,
        scaled: bool = True,
        temperature: float = 1.0,
        scores: Mapping[int, float] | None = None,
        masked: Collection[int] = (),
        removed: Collection[int] = (),
    ) -> Breakdown:
        """Compute the head again with something changed; all other heads stay as they are.

        Parameters
        ----------
        scaled : bool
            False: the products go on unscaled.
        temperature : float
            Scores are divided by it: above 1 the weights are more even, below 1 more decided.
        scores : mapping of int to float, optional
            Scores set by hand, by key.
        masked : collection of int
            Keys that are hidden before the softmax.
        removed : collection of int
            Keys that are taken out after it; the others' weights grow to the same sum (a way to read heads that
            rest on their first token: Xiao et al. 2023 call it an attention sink).

        Returns
        -------
        Breakdown
            Its `removed` says how much weight the hidden and removed keys would have without that; `attention_output`
            is still the model's own, so that `max_difference` tells what the change moves. Called on a changed
            breakdown, this starts again from the model's own.

        Raises
        ------
        IndexError
            For a key that does not exist.
        TypeError, ValueError
            For a temperature outside 1e-6 … 1e6, a score that is not a number up to 1e30 (or −inf), or one of a key
            that the mask hides.
        """
        base = self._base or self
        change = Change.read(
            len(base.keys), scaled=scaled, temperature=temperature, scores=scores, masked=masked, removed=removed
        )
        hidden = [key for key in change.scores if not base.allowed[key]]
        if hidden:
            raise ValueError(f"key {hidden[0]} is hidden by the mask and has no score")
        if not base.parts:
            return _changed(base, change)
        return replace(_combine([_changed(part, change) for part in base.parts], base.combine), _base=base)

    def __repr__(self) -> str:
        who = ", ".join(map(str, self.queries))
        ends = (
            f"max_difference={self.max_difference:.1e}"
            if self.output is not None
            else f"ends at the head: {self.missing}"
        )
        return f"Breakdown({self.attention} L{self.layer}-H{self.head}, query {who}, {len(self.keys)} keys, {ends})"


@dataclass(frozen=True)
class Change:
    """What is changed in a head's computation; see `Breakdown.what_if`."""

    scaled: bool
    temperature: float
    scores: dict[int, float]
    masked: tuple[int, ...]
    removed: tuple[int, ...]

    @classmethod
    def read(
        cls,
        m: int,
        *,
        scaled: Any = True,
        temperature: Any = 1,
        scores: Any = None,
        masked: Any = (),
        removed: Any = (),
    ) -> Self:
        """Check what a user, or a browser, wrote about m keys."""
        if not isinstance(scaled, bool):
            raise TypeError(f"scaled must be True or False, got {scaled!r}")
        heat = _finite("temperature", temperature)
        if not _COLDEST <= heat <= 1 / _COLDEST:
            raise ValueError(f"temperature must be a number from {_COLDEST:g} to {1 / _COLDEST:g}, got {temperature!r}")
        if not isinstance(scores, Mapping | None):
            raise TypeError(f"scores must map keys to scores, got {scores!r}")
        # JSON writes the keys of a mapping as text
        named = {int(key) if isinstance(key, str) else key: value for key, value in (scores or {}).items()}
        edits = {key: _finite("a score", value) for key, value in zip(_keys(named, m), named.values(), strict=True)}
        return cls(scaled, heat, edits, _keys(masked, m), _keys(removed, m))


def _keys(wanted: Any, m: int) -> tuple[int, ...]:
    if isinstance(wanted, str | bytes):
        raise TypeError(f"expected a list of keys, got {wanted!r}")
    found, _ = resolve(list(wanted), m, "key")
    return tuple(dict.fromkeys(positions(found, m, torch.device("cpu")).tolist()))


def _finite(what: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if math.isnan(number) or (abs(number) > _LARGEST and number != -math.inf):
        raise ValueError(f"{what} must be a number, not larger than {_LARGEST:g}, got {value!r}")
    return number


def _changed(base: Breakdown, change: Change) -> Breakdown:
    """Compute a single query's head again."""
    factor = base.scale if change.scaled else 1.0
    products = base.dots * factor  # (m,)
    capped = None if base.softcap is None else base.softcap * torch.tanh(products / base.softcap)
    scores = _scores(products if capped is None else capped, base.bias, base.allowed) / change.temperature  # (m,)
    for key, value in change.scores.items():
        scores[key] = value if base.allowed[key] else -torch.inf
    sink = None if base.sink_logit is None else base.sink_logit / change.temperature
    gone = sorted({*change.masked, *change.removed})
    removed = float(_softmax(scores, sink)["weights"][gone].sum()) if gone else 0.0
    for key in change.masked:
        scores[key] = -torch.inf
    soft, grown = _softmax(scores, sink), 1.0
    if change.removed:
        weights: Tensor = soft["weights"]  # (m,)
        left = weights.clone()
        left[list(change.removed)] = 0
        grown = float(weights.sum() / left.sum()) if left.sum() > 0 else 1.0
        soft["weights"] = left * grown
    weighted = soft["weights"][:, None] * base.values  # (m, d_v)
    head_output = weighted.sum(0)  # (d_v,)
    heads, contributions = base.head_outputs.clone(), base.contributions
    heads[base.head] = head_output
    if contributions is not None and base.output_weight is not None:
        contributions = contributions.clone()
        contributions[base.head] = product(head_output, base.output_weight)  # (d_model,)
    return replace(
        base,
        scale=factor,
        scaled=products,
        capped=capped,
        scores=scores,
        **soft,
        weighted_values=weighted,
        head_output=head_output,
        head_outputs=heads,
        contributions=contributions,
        removed=removed,
        grown=grown,
        _base=base,
    )


def break_down(
    layer: QKVLayer,
    number: int,
    head: int,
    queries: Sequence[int],
    *,
    attention: str = "self",
    combine: str = "mean",
    projection: Projection | None = None,
    missing: str = "",
) -> Breakdown:
    """Compute every step; see `AttentionTrace.breakdown`."""
    if combine not in COMBINE:
        raise ValueError(f"combine must be one of {COMBINE}, got {combine!r}")
    if not queries:
        raise ValueError("at least one query is needed")
    about = {"attention": attention, "layer": number, "combine": combine, "missing": missing}
    group = layer.group(head)
    assert layer.v is not None  # noqa: S101 - checked by the trace
    k, v = upcast(layer.k[group]), upcast(layer.v[group])  # (m, d_k), (m, d_v), shared by the queries
    parts = [_one(layer, head, query, (k, v), projection, about) for query in dict.fromkeys(queries)]
    return parts[0] if len(parts) == 1 else _combine(parts, combine)


def _one(  # noqa: PLR0917 - private
    layer: QKVLayer,
    head: int,
    query: int,
    group: tuple[Tensor, Tensor],
    projection: Projection | None,
    about: Mapping[str, Any],
) -> Breakdown:
    row, only = slice(query, query + 1), slice(head, head + 1)
    q = upcast(layer.q[head, query])  # (d_k,)
    k, v = group
    products = q * k  # (m, d_k)
    dots = products.sum(-1)  # (m,)
    scaled = dots * layer.scale
    capped = None if layer.softcap is None else layer.softcap * torch.tanh(scaled / layer.softcap)
    bias = layer.bias
    if isinstance(bias, RelativeBias):
        bias = bias.tile(only, row, ALL)  # (1, 1, m)
    elif bias is not None:
        for dim, index in enumerate((only, row)):
            bias = take(bias, dim, index) if bias.shape[dim] > 1 else bias
    bias = None if bias is None else upcast(bias)[0, 0].expand(len(k))  # (m,)
    allowed = layer.allowed(only, row, ALL)[0, 0]  # (m,)
    logits = _scores(scaled if capped is None else capped, bias, allowed)  # (m,)
    sink = None if layer.sinks is None else float(layer.sinks[head].detach())
    soft = _softmax(logits, sink)
    weighted = soft["weights"][:, None] * v  # (m, d_v)
    head_output = weighted.sum(0)  # (d_v,)
    assert layer.v is not None  # noqa: S101 - checked by the trace
    heads = weighted_sum(layer.weights(ALL, row, ALL), layer.v)[:, 0].clone()  # (heads, d_v)
    heads[head] = head_output
    shared = tuple(one for one in range(layer.shape[0]) if layer.group(one) == layer.group(head))
    return Breakdown(
        **about,
        head=head,
        queries=(query,),
        query=q,
        keys=k,
        products=products,
        dots=dots,
        scale=layer.scale,
        scaled=scaled,
        softcap=layer.softcap,
        capped=capped,
        bias=bias,
        allowed=allowed,
        scores=logits,
        **soft,
        values=v,
        weighted_values=weighted,
        head_output=head_output,
        key_head=layer.group(head),
        shared_by=shared,
        head_outputs=heads,
        **({} if projection is None else _project(projection, heads, head, query)),
        sink_logit=sink,
    )


def _project(projection: Projection, heads: Tensor, head: int, query: int) -> dict[str, Any]:
    weight = projection.weight.to(heads.device)  # (heads, d_v, d_model)
    contributions = torch.stack([product(one, upcast(each)) for one, each in zip(heads, weight, strict=True)])
    return {
        "output_weight": upcast(weight[head]),
        "output_bias": None if projection.bias is None else upcast(projection.bias).to(heads.device),
        "contributions": contributions,  # (heads, d_model)
        "attention_output": upcast(projection.output[query]).to(heads.device),
        "output_name": projection.name,
    }


def _scores(products: Tensor, bias: Tensor | None, allowed: Tensor) -> Tensor:
    added = products if bias is None else products + bias  # (m,)
    return added.masked_fill(~allowed, -torch.inf)


def _softmax(scores: Tensor, sink: float | None) -> dict[str, Any]:
    """Take the softmax apart: its maximum, exponentials, sum and weights."""
    maximum = float(scores.max()) if sink is None else max(float(scores.max()), sink)
    base = 0.0 if maximum == -torch.inf else maximum  # −inf − (−inf) would be NaN
    exponentials = (scores - base).exp()  # (m,)
    total = exponentials.sum()
    drained = None if sink is None else torch.tensor(sink - base, dtype=scores.dtype).exp().to(total)
    total = total if drained is None else total + drained
    return {
        "maximum": maximum,
        "exponentials": exponentials,
        "total": float(total),
        "sink": None if drained is None else float(drained / total),
        "weights": exponentials / total if total != 0 else exponentials,
    }


def _combine(parts: list[Breakdown], how: str) -> Breakdown:
    """Take several queries together."""
    first = parts[0]
    count = len(parts) if how == "mean" else 1

    def over_all(tensors: Sequence[Tensor | None]) -> Tensor | None:
        there = [one for one in tensors if one is not None]
        return torch.stack(there).sum(0) / count if there else None

    allowed = torch.stack([part.allowed for part in parts])  # (queries, m)
    hidden = ~allowed.any(0)  # (m,): from all of them, so that all tell of it
    seeing = (allowed | hidden).sum(0)  # (m,)

    def over_seeing(tensors: Sequence[Tensor | None]) -> Tensor | None:
        """Leave out, for each key, the queries that may not see it."""
        there = [one for one in tensors if one is not None]
        if not there:
            return None
        table = torch.stack(there)  # (queries, m, …)
        sees = (allowed | hidden).view(*allowed.shape, *(1,) * (table.ndim - 2))
        summed = table.masked_fill(~sees, 0).sum(0)
        return summed / seeing.view(-1, *(1,) * (table.ndim - 2)) if how == "mean" else summed

    names = ("products", "dots", "scaled", "capped", "bias", "scores")
    seen: dict[str, Any] = {name: over_seeing([getattr(part, name) for part in parts]) for name in names}
    seen["scores"] = seen["scores"].masked_fill(hidden, -torch.inf)
    linear = ("query", "weights", "weighted_values", "head_output", "head_outputs", "contributions", "attention_output")
    summed: dict[str, Any] = {name: over_all([getattr(part, name) for part in parts]) for name in linear}
    bias = first.output_bias
    sinks = [part.sink for part in parts if part.sink is not None]
    return replace(
        first,
        queries=tuple(query for part in parts for query in part.queries),
        **seen,
        **summed,
        allowed=allowed.any(0),
        maximum=None,
        exponentials=None,
        total=None,
        sink=sum(sinks) / count if sinks else None,
        output_bias=bias if bias is None or how == "mean" else bias * len(parts),
        removed=sum(part.removed for part in parts) / count,
        parts=tuple(parts),
    )
