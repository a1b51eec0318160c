"""Tiles of a measure as the browser draws them: what it asks for, what a saved page carries, what is sent ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget import maths, measures
from attnwidget.head_id import HeadId
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import Ahead, Snapshot, TileReply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection, Tile

SAVED_BYTES = 900_000  # what a saved notebook carries of numbers: 1.2 MB there, which leaves room for the rest
AHEAD_BYTES = 4 << 20  # all heads are sent ahead up to here
AHEAD_SCALE, AHEAD_NAN, AHEAD_FORBIDDEN = 65533, 65534, 65535


def tile(
    trace: AttentionTrace,
    heads: Sequence[tuple[int, int]],
    *,
    measure: str = "weights",
    queries: tuple[int, int] | None = None,
    keys: tuple[int, int] | None = None,
    words: bool = False,
    attention: str | None = None,
) -> Tensor:
    """Compute a measure for several heads over a rectangle of pairs.

    Parameters
    ----------
    trace : AttentionTrace
        Where the numbers come from.
    heads : sequence of (layer, head)
        In the order of the result.
    measure : str
        Which number of a pair.
    queries, keys : (start, stop), optional
        Ranges of token positions, or of word numbers with `words`. All by default.
    words : bool
        Merge sub-words (`maths.merge_words`).
    attention : str, optional
        Which attention, the first by default.

    Returns
    -------
    Tensor
        float32, (heads, queries, keys); −inf where the mask forbids the pair.
    """
    attending, attended = trace.sides(attention)
    rows, row_words = _positions(attending, queries, words=words)
    columns, column_words = _positions(attended, keys, words=words)
    by_head: dict[tuple[int, int], Tensor] = {}
    for layer in sorted({layer for layer, _ in heads}):
        chosen = [head for at, head in heads if at == layer]
        # Layers may be on several devices, and what is shown is small.
        where: dict[str, Any] = {"attention": attention, "queries": rows, "keys": columns}
        numbers = trace.measure(measure, layer, chosen, **where).cpu()  # (chosen, rows, columns)
        if words:
            over_keys = measures.get(measure).over_keys
            allowed = trace.allowed(layer, chosen, **where).cpu()  # (chosen, rows, columns)
            numbers, _ = maths.merge_words(numbers, allowed, row_words, column_words, over_keys=over_keys)
        by_head |= {(layer, head): one.float() for head, one in zip(chosen, numbers, strict=True)}
    return torch.stack([by_head[layer, head] for layer, head in heads])


def tile_reply(
    trace: AttentionTrace, attention: str, ask: Tile, run: int, _alive: Callable[..., None]
) -> tuple[TileReply, bytes]:
    """Answer with a tile of one head."""
    numbers = tile(
        trace,
        [(ask.layer, ask.head)],
        measure=ask.measure,
        queries=ask.queries,
        keys=ask.keys,
        words=ask.words,
        attention=attention,
    )  # (1, queries, keys)
    array = pack(numbers[0])
    return TileReply(run=run, dtype=array["dtype"], shape=array["shape"]), array["data"]


def _positions(tokens: Tokens, span: tuple[int, int] | None, *, words: bool) -> tuple[slice, list[int]]:
    """Token positions of a range of tokens or words, and each one's word number counted from the range's first."""
    count = len(tokens.word_texts if words else tokens.text)
    start, stop = span or (0, count)
    if not 0 <= start < stop <= count:
        raise ValueError(f"{start} to {stop} is no range of {count} {'words' if words else 'tokens'}")
    if not words:
        return slice(start, stop), []
    inside = [position for position, word in enumerate(tokens.words) if start <= word < stop]
    return slice(inside[0], inside[-1] + 1), [tokens.words[position] - start for position in inside]


def snapshot(trace: AttentionTrace, selection: Selection, run: int, wanted: Sequence[tuple[int, int]]) -> Snapshot:
    """Return what a notebook saved now must carry to be drawn without a kernel.

    That is the current layer of a short text, the wanted heads of a longer one, their weights in 16 bits if that is
    what it takes, nothing of a long one.
    """
    words, measure, attention = selection.words, selection.measure, selection.attention
    about: dict[str, Any] = {"run": run, "measure": measure, "words": words}
    n, m = (len(side.word_texts if words else side.text) for side in trace.sides(attention))
    layer = [(selection.layer, head) for head in range(trace.n_heads(attention))]
    whole, alone = list(dict.fromkeys([*wanted, *layer])), list(wanted)
    for heads, is_packed in ((whole, False), (alone, False), *([(alone, True)] if measure == "weights" else [])):
        if heads and (2 if is_packed else 4) * n * m * len(heads) <= SAVED_BYTES:
            numbers = tile(trace, heads, measure=measure, words=words, attention=attention)
            array = pack(_in_16_bits(numbers) if is_packed else numbers)
            return Snapshot(heads=[HeadId(*head) for head in heads], **about, **array)
    return Snapshot(heads=[], **about)


def _in_16_bits(weights: Tensor) -> Tensor:
    """Write weights, −∞ where forbidden, as `wire.schema.Ahead` says."""
    packed = (weights.clamp(0, 1) * AHEAD_SCALE).round()
    packed = packed.masked_fill(weights.isnan(), AHEAD_NAN).masked_fill(weights == -torch.inf, AHEAD_FORBIDDEN)
    return packed.to(torch.uint16)


def fits_ahead(trace: AttentionTrace, attention: str) -> bool:
    """Whether all heads of a text are few enough to be sent ahead."""
    n, m = (len(side.text) for side in trace.sides(attention))
    return 2 * n * m * len(trace.kept(attention)) * trace.n_heads(attention) <= AHEAD_BYTES


def ahead(trace: AttentionTrace, attention: str, run: int, alive: Callable[[], None]) -> Ahead:
    """Pack every head's weights into 16 bits each; `alive` is called before each layer and may raise."""
    layers, kept = [], trace.kept(attention)
    for layer in kept:
        alive()
        weights = trace.measure("weights", layer, attention=attention).float().cpu()  # (heads, n, m)
        layers.append(_in_16_bits(weights))
    return Ahead(run=run, attention=attention, layers=kept, **pack(torch.stack(layers)))
