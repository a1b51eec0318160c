"""What the browser draws, cut out of a trace: its outline, tiles of weights, small pictures, the saved snapshot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from attnwidget import maths
from attnwidget.wire.envelope import Envelope, encode_array
from attnwidget.wire.protocol import FORBIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from attnwidget.trace import AttentionTrace

PICTURE_SIZE = 16  # cells a side of a head's small picture
PICTURE_ROWS = 512  # beyond so many tokens the pictures are drawn from evenly spread queries
LAYER_BYTES = 1 << 20  # a saved notebook carries the whole current layer up to here
HEADS_BYTES = 4 << 20  # and the selected heads alone up to here


def outline(trace: AttentionTrace) -> dict[str, Any]:
    """Everything small about a trace: tokens, words, counts and the exactness of the capture."""
    broken = trace.max_error is not None and math.isnan(trace.max_error)
    return {
        "tokens": trace.tokens,
        "special": trace.special,
        "words": trace.words,
        "wordTexts": trace.word_texts,
        "layers": trace.n_layers(),
        "heads": trace.n_heads(),
        # JSON has no NaN
        "maxError": None if broken else trace.max_error,
        "broken": broken,
    }


def tile(
    trace: AttentionTrace,
    heads: Sequence[tuple[int, int]],
    *,
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
    queries, keys : (start, stop), optional
        Ranges of token positions, or of word numbers with `words`. All by default.
    words : bool
        Merge sub-words (`maths.merge_words`).

    Returns
    -------
    Tensor
        float32, (heads, queries, keys); `FORBIDDEN` where the mask forbids the pair.
    """
    rows, row_words = _positions(trace, queries, words=words)
    columns, column_words = _positions(trace, keys, words=words)
    out = []
    for layer in sorted({layer for layer, _ in heads}):
        chosen = [head for at, head in heads if at == layer]
        # Layers may be on several devices, and what is shown is small.
        weights = trace.weights(layer, chosen, queries=rows, keys=columns).cpu()  # (chosen, rows, columns)
        allowed = trace.allowed(layer, chosen, queries=rows, keys=columns).cpu()  # (chosen, rows, columns)
        if words:
            weights, allowed = maths.merge_words(weights, allowed, row_words, column_words)
        marked = weights.float().masked_fill(~allowed, FORBIDDEN)
        out += [((layer, head), one) for head, one in zip(chosen, marked, strict=True)]
    by_head = dict(out)
    return torch.stack([by_head[head] for head in heads])


def _positions(trace: AttentionTrace, span: tuple[int, int] | None, *, words: bool) -> tuple[slice, list[int]]:
    """Token positions of a range of tokens or words, and each one's word number counted from the range's first."""
    if not words:
        start, stop = span or (0, len(trace.tokens))
        return slice(start, stop), []
    start, stop = span or (0, trace.words[-1] + 1)
    inside = [position for position, word in enumerate(trace.words) if start <= word < stop]
    return slice(inside[0], inside[-1] + 1), [trace.words[position] - start for position in inside]


def snapshot(
    trace: AttentionTrace, layer: int, selected: Sequence[tuple[int, int]], *, words: bool
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
    n = trace.words[-1] + 1 if words else len(trace.tokens)
    whole = list(dict.fromkeys([*selected, *((layer, head) for head in range(trace.n_heads()))]))
    for heads, limit in ((whole, LAYER_BYTES), (list(selected), HEADS_BYTES)):
        if 4 * n * n * len(heads) <= limit:
            return heads, encode_array(tile(trace, heads, words=words))
    return [], None


def pictures(trace: AttentionTrace, alive: Callable[[], bool] = lambda: True) -> Envelope | None:
    """Every head's pattern as a small picture, pooled by maximum so that no single strong pair is lost.

    Parameters
    ----------
    trace : AttentionTrace
        Texts beyond `PICTURE_ROWS` tokens are pooled over that many evenly spread queries.
    alive : function
        Asked before each layer; the work stops once it says False.

    Returns
    -------
    Envelope or None
        uint8, (layers, heads, rows, columns): 0 where forbidden, else 1 + 254 × weight. None if stopped.
    """
    n = len(trace.tokens)
    rows = torch.linspace(0, n - 1, min(n, PICTURE_ROWS)).round().long().tolist() if n > PICTURE_ROWS else slice(0, n)
    layers = []
    for layer in range(trace.n_layers()):
        if not alive():
            return None
        pooled, allowed = maths.max_pool(
            trace.weights(layer, queries=rows), trace.allowed(layer, queries=rows), PICTURE_SIZE
        )  # (heads, size, size)
        layers.append((1 + 254 * pooled.nan_to_num()).round().masked_fill(~allowed, 0).to(torch.uint8).cpu())
    return encode_array(torch.stack(layers))


def strongest(weights: Tensor, labels: Sequence[str], heads: Sequence[tuple[int, int]], count: int = 3) -> list[str]:
    """Name the strongest pairs in plain text, for readers whom no picture reaches.

    A query's link to itself is left out, and so are the rows that see one key only: their weight is 1 by necessity.

    Parameters
    ----------
    weights : Tensor
        (heads, queries, keys) as `tile` gives them.
    labels : sequence of str
        One for each query and key.
    heads : sequence of (layer, head)
        Of which the weights are.
    count : int
        How many pairs at most, over all heads.
    """
    telling = (weights > FORBIDDEN).sum(-1, keepdim=True) > 1  # (heads, queries, 1)
    telling = telling & ~torch.eye(weights.shape[1], dtype=torch.bool)  # (heads, queries, keys)
    ranked = weights.nan_to_num(FORBIDDEN).masked_fill(~telling, FORBIDDEN).flatten()
    top = ranked.topk(min(count, ranked.numel()))
    lines = []
    for value, at in zip(top.values.tolist(), top.indices.tolist(), strict=True):
        number, query, key = (int(one) for one in torch.unravel_index(torch.tensor(at), weights.shape))
        layer, head = heads[number]
        if value > 0:
            lines.append(f"L{layer}-H{head} {labels[query]} → {labels[key]} {value:.4f}")
    return lines
