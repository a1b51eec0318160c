"""A trace handed over to other packages' pictures: BertViz's and CircuitsVis'. Each is imported when asked for."""

from __future__ import annotations

import json
import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.maths import QKVLayer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attnwidget.trace.core import AttentionTrace

BERTVIZ_LIMIT, CIRCUITSVIS_LIMIT = 100_000_000, 30_000_000
"""Bytes of numbers in a page, written as text, beyond which it takes minutes to draw or never does (measured)."""
_NUMBER, _ZERO = 23, 5  # bytes of a weight as text, and of one that is exactly 0

_BERTVIZ_SIDES = {"encoder": ("encoder",), "decoder": ("decoder",), "cross": ("encoder", "decoder")}
_NEURON_COMPUTES = (
    "BertViz's neuron view computes q·k ÷ √{} itself, and this model computes {}: its scores would be wrong; "
    "AttentionWidget(trace, view='breakdown') has every step"
)


def to_bertviz(trace: AttentionTrace, view: str, *, attention: str | None, **options: Any) -> Any:
    """Draw a trace with BertViz; see `AttentionTrace.to_bertviz`."""
    if view not in {"head", "model", "neuron"}:
        raise ValueError(f'view must be "head", "model" or "neuron", got {view!r}')
    if view == "neuron":
        return _neuron(trace, attention, options)
    names = list(trace.attentions) if attention is None else [_name(trace, attention)]
    options = {"prettify_tokens": False} | options  # labels are readable already
    # It writes its numbers twice: its script has a comment in which they stand as well. Pairs are there whole and cut.
    included = _included(trace, names, options.get("include_layers"))
    start = _second_text(trace) if names == ["self"] else None
    _check_size(
        "BertViz",
        BERTVIZ_LIMIT,
        (2 if start is None else 4) * sum(_bytes(trace, name, layer) for name in names for layer in included),
        "fewer layers, include_layers=[0], or another attention"
        if len(names) > 1
        else "fewer layers, include_layers=[0]",
    )
    arguments: dict[str, Any] = {}
    for name in names:
        weights = _weights(trace, name, included)
        if name == "self":
            arguments |= {"attention": weights, "tokens": trace.tokens, "sentence_b_start": start}
            continue
        sides = {"encoder": trace.source_tokens, "decoder": trace.target_tokens}
        arguments |= {f"{side}_tokens": sides[side] for side in _BERTVIZ_SIDES[name]} | {f"{name}_attention": weights}
    draw = getattr(_import("bertviz"), f"{view}_view")
    made = draw(**arguments, **options | {"include_layers": included})
    return _as_text(made, [*trace.source_tokens, *trace.target_tokens])


def _neuron(trace: AttentionTrace, attention: str | None, options: dict[str, Any]) -> Any:
    name = _name(trace, attention)
    queries, keys = trace.sides(name)
    if queries is not keys:
        raise ValueError(f"BertViz's neuron view shows attention within one text, and {name!r} is between two")
    layers = [trace.layer(number, attention=name) for number in trace.kept(name)]
    if len(layers) < trace.n_layers(name):
        raise ValueError("BertViz's neuron view shows all layers, and this trace has some alone (layers=)")
    if not trace.has_qkv:
        raise ValueError(f"BertViz's neuron view needs queries and keys: {trace.missing}")
    start = _second_text(trace)
    # Of a pair each weight is there twice, and each vector three times: among all, and with either text's.
    weights, vectors = (1, 1) if start is None else (2, 3)
    size = weights * sum(_bytes(trace, name, number) for number in range(len(layers)))
    for layer in layers:
        assert isinstance(layer, QKVLayer)  # noqa: S101 - checked above
        heads, n, width = layer.q.shape
        size += vectors * 2 * heads * n * width * _NUMBER
        is_plain = layer.softcap is None and layer.bias is None and layer.sinks is None
        if not is_plain or not math.isclose(layer.scale, width**-0.5, rel_tol=1e-6):
            raise ValueError(_NEURON_COMPUTES.format(width, trace.formula(name)))
    _check_size("BertViz", BERTVIZ_LIMIT, size, "a shorter text")
    module = _import("bertviz.neuron_view")
    found = _by_neuron(trace, name, start)
    kept, module.get_attention = module.get_attention, lambda *_, **__: found
    try:
        # It runs no model: what it would have got from one is here.
        kind, pair = "gpt2" if trace.causal else "bert", None if start is None else "b"
        return _as_text(module.show(None, kind, None, "a", pair, **options), queries.text)
    finally:
        module.get_attention = kept


def _by_neuron(trace: AttentionTrace, name: str, start: int | None) -> dict[str, Any]:
    """Return what BertViz's `neuron_view.get_attention` does, for all tokens and from text to text."""
    labels = trace.sides(name)[0].text
    sides = {"all": slice(None)} if start is None else {"a": slice(start), "b": slice(start, None)}
    pairs = {"all": ("all", "all")} if start is None else {x + y: (x, y) for x in "ab" for y in "ab"}
    if start is not None:
        sides, pairs = {"all": slice(None)} | sides, {"all": ("all", "all")} | pairs
    layers = range(trace.n_layers(name))
    weights = [trace.weights(layer, attention=name) for layer in layers]  # each (heads, n, n)
    both = [[trace.qkv(layer, head, attention=name)[:2] for head in range(trace.n_heads(name))] for layer in layers]
    q, k = ([torch.stack([one[which] for one in heads]) for heads in both] for which in (0, 1))  # each (heads, n, d)
    return {
        pair: {
            "attn": [one[:, sides[x], sides[y]].tolist() for one in weights],
            "left_text": labels[sides[x]],
            "right_text": labels[sides[y]],
            "queries": [one[:, sides[x]].tolist() for one in q],
            "keys": [one[:, sides[y]].tolist() for one in k],
        }
        for pair, (x, y) in pairs.items()
    }


def to_circuitsvis(
    trace: AttentionTrace, layer: int, view: str, *, attention: str | None, heads: Sequence[int] | None, **options: Any
) -> Any:
    """Draw a layer with CircuitsVis; see `AttentionTrace.to_circuitsvis`."""
    if view not in {"heads", "patterns"}:
        raise ValueError(f'view must be "heads" or "patterns", got {view!r}')
    name = _name(trace, attention)
    queries, keys = trace.sides(name)
    if queries is not keys:
        raise ValueError(f"CircuitsVis draws attention within one text, and {name!r} is between two")
    numbers = list(range(trace.n_heads(name)) if heads is None else heads)
    size = _bytes(trace, name, layer) * len(numbers) // trace.n_heads(name)
    _check_size("CircuitsVis", CIRCUITSVIS_LIMIT, size, "fewer heads, heads=[0, 1]")
    weights = trace.weights(layer, numbers, attention=name).cpu()  # (heads, n, n)
    module = _import("circuitsvis.attention")
    if view == "patterns":
        made = module.attention_patterns(tokens=queries.text, attention=weights, **options)
    else:
        at = range(trace.n_layers(name))[layer]
        names = [f"L{at}-H{range(trace.n_heads(name))[head]}" for head in numbers]
        options = {"attention_head_names": names, "mask_upper_tri": trace.causal} | options
        made = module.attention_heads(attention=weights, tokens=queries.text, **options)
    made.local_src, made.cdn_src = (_escaped(one, queries.text) for one in (made.local_src, made.cdn_src))
    return made


def _name(trace: AttentionTrace, attention: str | None) -> str:
    trace.sides(attention)  # raises if there is no such attention, or several without a name
    return trace.attentions[0] if attention is None else attention


def _import(name: str) -> Any:
    package = name.partition(".")[0]
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"{package} is not installed: pip install 'attnwidget[{package}]'") from error


def _included(trace: AttentionTrace, names: Sequence[str], wanted: Iterable[int] | None) -> list[int]:
    """Return the layers that BertViz is to show, the same of every attention."""
    there = [set(trace.kept(name)) for name in names]
    common = sorted(set.intersection(*there))
    if wanted:
        missing = sorted(set(wanted) - set(common))
        if missing:
            raise ValueError(f"include_layers: layer {missing[0]} is not there; there is {common}")
        return list(wanted)
    if not all(one == set(common) for one in there):
        counts = ", ".join(f"{name}: {sorted(one)}" for name, one in zip(names, there, strict=True))
        raise ValueError(
            f"BertViz shows the same layers of every attention, and there are {counts}; "
            f"choose include_layers={common}, or one attention"
        )
    return common


def _weights(trace: AttentionTrace, name: str, included: Sequence[int]) -> list[Any]:
    """Return each layer's weights as a model does, (1, heads, n, m); BertViz does not look at layers it leaves out."""
    count, heads = trace.n_layers(name), trace.n_heads(name)
    nothing = torch.empty(1, heads, 0, 0)
    return [
        trace.weights(layer, attention=name).cpu()[None] if layer in included else nothing for layer in range(count)
    ]


def _second_text(trace: AttentionTrace) -> int | None:
    """Return where the second text of a pair begins."""
    segments = trace.segments
    is_pair = segments is not None and segments == sorted(segments) and {*segments} == {0, 1}
    return segments.index(1) if segments is not None and is_pair else None


def _bytes(trace: AttentionTrace, name: str, layer: int) -> int:
    """Estimate how long a layer's weights are, written as text; nothing is computed for it."""
    found = trace.layer(layer, attention=name)
    heads, n, m = found.shape
    seen = n * (n + 1) // 2 if found.mask.is_causal and n == m else n * m
    return heads * (seen * _NUMBER + (n * m - seen) * _ZERO)


def _check_size(package: str, limit: int, size: int, advice: str) -> None:
    if size > limit:
        raise ValueError(
            f"{package} writes every weight into the page as text, here about {size / 1e6:,.0f} MB, and beyond "
            f"{limit / 1e6:.0f} MB a browser takes minutes or gives up: hand over {advice}; AttentionWidget(trace) "
            "shows a text of any length"
        )


def _as_text(made: Any, tokens: Iterable[str]) -> Any:
    if made is not None:
        made.data = _escaped(made.data, tokens)
    return made


def _escaped(page: str, tokens: Iterable[str]) -> str:
    """Write tokens in a page's script so that none of them ends it: BertViz and CircuitsVis take them as they are."""
    for token in {one for one in tokens if "<" in one}:
        written = json.dumps(token)
        page = page.replace(written, written.replace("<", r"\u003c"))
    return page
