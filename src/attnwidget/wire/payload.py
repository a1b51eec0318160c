"""What the browser draws, cut out of a trace: its outline, tiles of weights, small pictures, the saved snapshot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from attnwidget import maths
from attnwidget.wire.envelope import Envelope, encode_array
from attnwidget.wire.protocol import FORBIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from attnwidget.heads import CategoryTable
    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace

PICTURE_SIZE = 16  # cells a side of a head's small picture
PICTURE_ROWS = 512  # beyond so many tokens the pictures are drawn from evenly spread queries
LAYER_BYTES = 1 << 20  # a saved notebook carries the whole current layer up to here
HEADS_BYTES = 4 << 20  # and the selected heads alone up to here


def outline(trace: AttentionTrace, attention: str) -> dict[str, Any]:
    """Everything small about one attention of a trace: tokens, words, counts and the exactness of the capture."""
    queries, keys = trace.sides(attention)
    broken = trace.max_error is not None and math.isnan(trace.max_error)
    return {
        "attention": attention,
        "attentions": list(trace.attentions),
        "queries": _side(trace, queries),
        "keys": None if keys is queries else _side(trace, keys),  # None: the same tokens
        "layers": trace.n_layers(attention),
        "heads": trace.n_heads(attention),
        # JSON has no NaN
        "maxError": None if broken else trace.max_error,
        "broken": broken,
    }


def _side(trace: AttentionTrace, tokens: Tokens) -> dict[str, Any]:
    is_own = tokens is trace.sides(trace.attentions[-1])[0]  # the text itself, or with a decoder the target
    return {
        "tokens": tokens.text,
        "special": tokens.special,
        "words": tokens.words,
        "wordTexts": tokens.word_texts,
        "segments": trace.segments if is_own or trace.segments is None else None,
        "generated": trace.generated if is_own else None,
    }


def tile(
    trace: AttentionTrace,
    heads: Sequence[tuple[int, int]],
    *,
    attention: str | None = None,
    queries: tuple[int, int] | None = None,
    keys: tuple[int, int] | None = None,
    words: bool = False,
) -> Tensor:
    """Weights of some heads over a rectangle of queries and keys, forbidden pairs marked.

    Parameters
    ----------
    trace : AttentionTrace
        Where the weights come from.
    heads : sequence of (layer, head)
        In the order wanted.
    attention : str, optional
        Which attention, the first by default.
    queries, keys : (start, stop), optional
        Ranges of token positions, or of word numbers with `words`. All by default.
    words : bool
        Merge sub-words (`maths.merge_words`).

    Returns
    -------
    Tensor
        float32, (heads, queries, keys); `FORBIDDEN` where the mask forbids the pair.
    """
    attending, attended = trace.sides(attention)
    rows, row_words = _positions(attending, queries, words=words)
    columns, column_words = _positions(attended, keys, words=words)
    out = []
    for layer in sorted({layer for layer, _ in heads}):
        chosen = [head for at, head in heads if at == layer]
        # Layers may be on several devices, and what is shown is small.
        where: dict[str, Any] = {"attention": attention, "queries": rows, "keys": columns}
        weights = trace.weights(layer, chosen, **where).cpu()  # (chosen, rows, columns)
        allowed = trace.allowed(layer, chosen, **where).cpu()  # (chosen, rows, columns)
        if words:
            weights, allowed = maths.merge_words(weights, allowed, row_words, column_words)
        marked = weights.float().masked_fill(~allowed, FORBIDDEN)
        out += [((layer, head), one) for head, one in zip(chosen, marked, strict=True)]
    by_head = dict(out)
    return torch.stack([by_head[head] for head in heads])


def _positions(tokens: Tokens, span: tuple[int, int] | None, *, words: bool) -> tuple[slice, list[int]]:
    """Token positions of a range of tokens or words, and each one's word number counted from the range's first."""
    if not words:
        start, stop = span or (0, len(tokens.text))
        return slice(start, stop), []
    start, stop = span or (0, len(tokens.word_texts))
    inside = [position for position, word in enumerate(tokens.words) if start <= word < stop]
    return slice(inside[0], inside[-1] + 1), [tokens.words[position] - start for position in inside]


def snapshot(
    trace: AttentionTrace,
    layer: int,
    selected: Sequence[tuple[int, int]],
    *,
    words: bool,
    attention: str | None = None,
) -> tuple[list[tuple[int, int]], Envelope | None]:
    """Return what a notebook saved now must carry to be drawn without a kernel.

    That is the current layer of a short text, the selected heads of a longer one, nothing of a long one.

    Returns
    -------
    heads : list of (layer, head)
        Which heads the array holds.
    array : Envelope or None
        float32, (heads, queries, keys).
    """
    n, m = (len(side.word_texts if words else side.text) for side in trace.sides(attention))
    whole = list(dict.fromkeys([*selected, *((layer, head) for head in range(trace.n_heads(attention)))]))
    for heads, limit in ((whole, LAYER_BYTES), (list(selected), HEADS_BYTES)):
        if heads and 4 * n * m * len(heads) <= limit:
            return heads, encode_array(tile(trace, heads, words=words, attention=attention))
    return [], None


def pictures(
    trace: AttentionTrace, attention: str | None = None, alive: Callable[[], bool] = lambda: True
) -> Envelope | None:
    """Every head's pattern as a small picture, pooled by maximum so that no single strong pair is lost.

    Parameters
    ----------
    trace : AttentionTrace
        Texts beyond `PICTURE_ROWS` tokens are pooled over that many evenly spread queries.
    attention : str, optional
        Which attention, the first by default.
    alive : function
        Asked before each layer; the work stops once it says False.

    Returns
    -------
    Envelope or None
        uint8, (layers, heads, rows, columns): 0 where forbidden, else 1 + 254 × weight. None if stopped.
    """
    n, m = (len(side.text) for side in trace.sides(attention))
    rows = torch.linspace(0, n - 1, min(n, PICTURE_ROWS)).round().long().tolist() if n > PICTURE_ROWS else range(n)

    def tiles_of(layer: int) -> Callable[[slice, slice], tuple[Tensor, Tensor]]:
        def tile(heads: slice, queries: slice) -> tuple[Tensor, Tensor]:
            chosen = rows[queries]
            at = slice(chosen.start, chosen.stop) if isinstance(chosen, range) else chosen  # a slice takes a view
            where: dict[str, Any] = {"attention": attention, "queries": at}
            return trace.weights(layer, heads, **where), trace.allowed(layer, heads, **where)

        return tile

    layers = []
    for layer in range(trace.n_layers(attention)):
        if not alive():
            return None
        shape = trace.n_heads(attention), len(rows), m
        pooled, allowed = maths.max_pool_tiles(tiles_of(layer), shape, PICTURE_SIZE)  # (heads, size, size)
        layers.append((1 + 254 * pooled.nan_to_num()).round().masked_fill(~allowed, 0).to(torch.uint8).cpu())
    return encode_array(torch.stack(layers))


def categories(table: CategoryTable, probe: Mapping[str, Any]) -> dict[str, Any]:
    """Write every head's scores and what the categories are; `probe` says how far the evidence of the model is."""
    return {
        "list": [
            {
                "name": one.name,
                "meaning": one.meaning,
                "threshold": one.threshold,
                "chance": table.chance.get(one.name),
                "source": table.sources[one.name],
                "colour": one.colour,
                "notes": table.notes.get(one.name),
            }
            for one in table.categories
        ],
        "warning": table.warning,
        "probe": dict(probe),
        **encode_array(table.scores),
    }


def no_categories(trace: AttentionTrace, attention: str, why: Exception) -> dict[str, Any]:
    """Say that the heads could not be scored."""
    scores = torch.empty(0, trace.n_layers(attention), trace.n_heads(attention))
    probe = {"state": "none", "message": "", "done": 0, "total": 0}
    warning = f"the heads could not be scored: {str(why) or type(why).__name__}"
    return {"list": [], "warning": warning, "probe": probe, **encode_array(scores)}


def strongest(
    weights: Tensor, labels: tuple[Sequence[str], Sequence[str]], heads: Sequence[tuple[int, int]], count: int = 3
) -> list[str]:
    """Name the strongest pairs in plain text, for readers whom no picture reaches.

    A query's link to itself is left out, and so are the rows that see one key only: their weight is 1 by necessity.

    Parameters
    ----------
    weights : Tensor
        (heads, queries, keys) as `tile` gives them.
    labels : pair of sequences of str
        One for each query, and one for each key; the same sequence twice within one text.
    heads : sequence of (layer, head)
        Of which the weights are.
    count : int
        How many pairs at most, over all heads.
    """
    telling = (weights > FORBIDDEN).sum(-1, keepdim=True) > 1  # (heads, queries, 1)
    queries, keys = labels
    if queries is keys:
        telling = telling & ~torch.eye(weights.shape[1], dtype=torch.bool)  # (heads, queries, keys)
    ranked = weights.nan_to_num(FORBIDDEN).masked_fill(~telling, FORBIDDEN).flatten()
    top = ranked.topk(min(count, ranked.numel()))
    lines = []
    for value, at in zip(top.values.tolist(), top.indices.tolist(), strict=True):
        number, query, key = (int(one) for one in torch.unravel_index(torch.tensor(at), weights.shape))
        layer, head = heads[number]
        if value > 0:
            lines.append(f"L{layer}-H{head} {queries[query]} → {keys[key]} {value:.4f}")
    return lines
