"""Compute every step of one head for some queries of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.breakdown.combine import COMBINE
from attnwidget.breakdown.combine import combine as take_together
from attnwidget.breakdown.core import Breakdown
from attnwidget.breakdown.stages import scores_of, softmax_of
from attnwidget.maths import ALL, QKVLayer, RelativeBias, take, weighted_sum
from attnwidget.maths.softmax import product, upcast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from attnwidget.maths import Projection


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
    return parts[0] if len(parts) == 1 else take_together(parts, combine)


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
    bias = layer.bias
    if isinstance(bias, RelativeBias):
        bias = bias.tile(only, row, ALL)  # (1, 1, m)
    elif bias is not None:
        for dim, index in enumerate((only, row)):
            bias = take(bias, dim, index) if bias.shape[dim] > 1 else bias
    bias = None if bias is None else upcast(bias)[0, 0].expand(len(k))  # (m,)
    allowed = layer.allowed(only, row, ALL)[0, 0]  # (m,)
    capped, logits = scores_of(scaled, layer.softcap, bias, allowed)  # (m,)
    sink = None if layer.sinks is None else float(layer.sinks[head].detach())
    soft = softmax_of(logits, sink)
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
    weight, theirs = projection.weight.to(heads.device), projection.output  # (heads, d_v, d_model), (n, d_model)
    contributions = torch.stack([product(one, upcast(each)) for one, each in zip(heads, weight, strict=True)])
    return {
        "output_weight": upcast(weight[head]),
        "output_bias": None if projection.bias is None else upcast(projection.bias).to(heads.device),
        "contributions": contributions,  # (heads, d_model)
        "attention_output": None if theirs is None else upcast(theirs[query]).to(heads.device),
        "output_name": projection.name,
    }
