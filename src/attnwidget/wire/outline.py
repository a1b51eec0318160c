"""Everything small about a run: tokens, counts, sizes, how exact the capture is, and the measures that can be had."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attnwidget import measures
from attnwidget.heads.table import LONG, SAMPLED
from attnwidget.tokens.decoder import with_start
from attnwidget.version import __version__
from attnwidget.wire.schema import Comparison, Matrices, MeasureInfo, Outline
from attnwidget.wire.tokens import token_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.measures.beside import Beside
    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import TokenList


_ENCODES = "the encoder reads the text and writes nothing: choose the decoder's attention, or cross-attention"
_DECODES = "decoder", "cross"  # whose queries are a decoder's tokens


def outline(
    trace: AttentionTrace, attention: str, /, names: Sequence[str] = (), why: str = "", **about: Any
) -> Outline:
    """Describe one attention of a trace; `about` is what a session knows beside it.

    `names` and `why` are of what stands beside it; see `wire.schema.Comparison`.
    """
    (queries, keys), writes = shown_sides(trace, attention)
    broken = trace.max_error is not None and math.isnan(trace.max_error)
    is_encoder = attention == "encoder"
    own = trace.sides(trace.attentions[-1])[0]  # the text itself, or with a decoder the target
    are_own = [side is own for side in trace.sides(attention)]
    return Outline(
        version=__version__,
        formula=trace.formula(attention),
        attention=attention,
        attentions=[name for name in trace.attentions if trace.kept(name)],
        queries=_side(trace, queries, is_own=are_own[0], writes=writes),
        keys=None if keys is queries else _side(trace, keys, is_own=are_own[1]),
        layers=trace.n_layers(attention),
        kept=trace.kept(attention),
        heads=trace.n_heads(attention),
        matrices=[_matrices(trace, name) for name in trace.attentions],
        nbytes=trace.nbytes,
        scored=SAMPLED if len(queries.text) > LONG else None,
        measures=[_measure(trace, attention, name) for name in measures.names() if _is_offered(trace, name)],
        max_error=None if broken else trace.max_error,  # JSON has no NaN
        broken=broken,
        notices=trace.notices,
        predicts=None if is_encoder else trace.predictions.predicts,
        predicts_nothing=_ENCODES if is_encoder else trace.predictions.missing,
        comparison=None if trace.beside is None else comparison(trace, trace.beside, attention, names, why),
        **about,
    )


def comparison(
    trace: AttentionTrace, beside: Beside, attention: str, names: Sequence[str] = (), why: str = ""
) -> Comparison:
    """Describe what stands beside a trace."""
    other, sides = beside.other, beside.sides(attention)
    (queries, keys), writes = shown_sides(other, attention if sides else other.attentions[-1])
    return Comparison(
        names=list(names) or ["A", "B"],
        why=why,
        shown="b" if beside.is_second else "a",
        head=beside.head,
        missing=trace.lacks("difference", attention),
        queries=[] if sides is None else sides[0].stretches,
        keys=None if keys is queries or sides is None else sides[1].stretches,
        other_queries=token_list(queries, writes=writes),
        other_keys=None if keys is queries else token_list(keys),
        predicts=None if attention == "encoder" else other.predictions.predicts,
    )


def shown_sides(trace: AttentionTrace, attention: str) -> tuple[tuple[Tokens, Tokens], bool]:
    """Return the queries and the keys as a reader is shown them, and whether each query's row writes the next token."""
    queries, keys = trace.sides(attention)
    if attention not in _DECODES:
        return (queries, keys), False
    named = with_start(queries)
    return (named, named if keys is queries else keys), True


def _side(trace: AttentionTrace, tokens: Tokens, *, is_own: bool, writes: bool = False) -> TokenList:
    return token_list(
        tokens,
        segments=trace.segments if is_own or trace.segments is None else None,
        generated=trace.generated if is_own else None,
        writes=writes,
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


def _is_offered(trace: AttentionTrace, name: str) -> bool:
    """Whether a measure belongs into a menu: a difference only where something stands beside."""
    return trace.beside is not None or "beside" not in measures.get(name).needs


def _measure(trace: AttentionTrace, attention: str, name: str) -> MeasureInfo:
    one = measures.get(name)
    return MeasureInfo(
        name=name,
        of=one.of,
        label=one.label,
        sentence=one.sentence,
        domain=one.domain,
        below=one.below,
        above=one.above,
        missing=trace.lacks(name, attention),
    )
