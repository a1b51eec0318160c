"""Everything small about a run: tokens, counts, sizes, how exact the capture is, and the measures that can be had."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attnwidget import measures
from attnwidget.wire.schema import Matrices, MeasureInfo, Outline, TokenList

if TYPE_CHECKING:
    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace


def outline(trace: AttentionTrace, attention: str, /, **about: Any) -> Outline:
    """Describe one attention of a trace; `about` is what a session knows beside it."""
    queries, keys = trace.sides(attention)
    broken = trace.max_error is not None and math.isnan(trace.max_error)
    return Outline(
        attention=attention,
        attentions=[name for name in trace.attentions if trace.kept(name)],
        queries=_side(trace, queries),
        keys=None if keys is queries else _side(trace, keys),
        layers=trace.n_layers(attention),
        kept=trace.kept(attention),
        heads=trace.n_heads(attention),
        matrices=[_matrices(trace, name) for name in trace.attentions],
        nbytes=trace.nbytes,
        measures=[_measure(trace, attention, name) for name in measures.names()],
        max_error=None if broken else trace.max_error,  # JSON has no NaN
        broken=broken,
        notices=trace.notices,
        **about,
    )


def _side(trace: AttentionTrace, tokens: Tokens) -> TokenList:
    is_own = tokens is trace.sides(trace.attentions[-1])[0]  # the text itself, or with a decoder the target
    return TokenList(
        tokens=tokens.text,
        special=tokens.special,
        words=tokens.words,
        word_texts=tokens.word_texts,
        segments=trace.segments if is_own or trace.segments is None else None,
        generated=trace.generated if is_own else None,
    )


def _matrices(trace: AttentionTrace, attention: str) -> Matrices:
    queries, keys = trace.sides(attention)
    return Matrices(
        attention=attention,
        queries=len(queries.text),
        keys=len(keys.text),
        layers=trace.n_layers(attention),
        heads=trace.n_heads(attention),
    )


def _measure(trace: AttentionTrace, attention: str, name: str) -> MeasureInfo:
    one = measures.get(name)
    return MeasureInfo(
        name=name,
        label=one.label,
        sentence=one.sentence,
        domain=one.domain,
        missing=trace.lacks(name, attention),
    )
