"""From one side of a comparison and what is said of the other to that other side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attnwidget import models
from attnwidget.capture.foreign import taken
from attnwidget.comparison.captures import masked, varied, with_adapter
from attnwidget.session.beside import Stand
from attnwidget.session.runner import Loaded
from attnwidget.session.source import Source
from attnwidget.wire.schema import Texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.comparison.sides import Side
    from attnwidget.head_id import HeadId
    from attnwidget.session.runner import Ran, Runner
    from attnwidget.trace import AttentionTrace

    Report = Callable[[str, int, int | None], None]


def stand_of(side: Side, base: Stand, runner: Runner, report: Report | None = None) -> Stand:
    """Run what is to be run for a side, and return it; what it does not say is as of `base`.

    Raises
    ------
    ValueError, OSError
        If it cannot be had; the message says what to do.
    """
    if not side.runs:
        trace = base.trace if side.trace is None else side.trace
        _check_head(side.head, trace)
        own = Stand(trace) if side.trace is not None else base
        return replace(own, name=side.label, head=side.head)
    loaded = _loaded(side, base, report)
    source, texts = _source(side, base)
    ran: Ran = runner.run(texts, report, loaded, source)
    _check_head(side.head, ran.trace)
    return Stand(ran.trace, side.label, ran.texts, loaded, ran.source, ran.seconds, side.head)


def _check_head(head: HeadId | None, trace: AttentionTrace) -> None:
    if head is None:
        return
    name = trace.attentions[-1]
    sizes = trace.n_layers(name), trace.n_heads(name)
    if not (head.layer < sizes[0] and head.head < sizes[1]):
        raise ValueError(f"head {head} does not exist: {sizes[0]} layers × {sizes[1]} heads")


def _loaded(side: Side, base: Stand, report: Report | None) -> Loaded:
    """Return the model of a side, and how it is run."""
    if side.model is None:
        found = _model_of(base)
    elif isinstance(side.model, str) or hasattr(side.model, "__fspath__"):
        tell = None if report is None else lambda at: report(at.stage, at.done, at.total)
        model, tokenizer = models.load_shared(side.model, tokenizer=side.tokenizer, progress=tell)
        found = Loaded(model, tokenizer, is_demo=side.model in models.BUNDLED and side.tokenizer is None)
    else:
        tokenizer = side.tokenizer
        if tokenizer is None and base.loaded is not None and type(side.model) is type(base.loaded.model):
            tokenizer = base.loaded.tokenizer  # a checkpoint of the same model
        found = Loaded(*taken(side.model, tokenizer))
    if side.adapter is not None:
        found = found._replace(model=with_adapter(found.model, on=side.adapter), is_demo=False)
    if side.variant is not None:
        return found._replace(capture=varied(side.variant), is_demo=False)
    return found if side.mask is None else found._replace(capture=masked(side.mask), is_demo=False)


def _model_of(base: Stand) -> Loaded:
    """Return the model that a side was made by."""
    if base.loaded is not None:
        return base.loaded
    try:
        again: Any = base.trace.rerun.get()
        return Loaded(again.model, again.vocabulary.tokenizer)
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f'there is no model to run for the other side ({error}): give one, {{"model": …, "text": …}}, or a trace'
        ) from error


def _source(side: Side, base: Stand) -> tuple[Source, Texts]:
    """Return what a side is made from: its own text, or the other side's."""
    if side.text is None:
        if base.loaded is None:
            source, texts = _read_back(base.trace, is_same=side.model is None)
        elif side.model is None:
            source, texts = base.source, base.texts
        else:  # masks, positions and ids are those of the other tokenizer
            texts, first = base.texts, base.source.first
            is_chat = isinstance(first, list) and bool(first) and isinstance(first[0], Mapping)
            marks = base.source.add_special_tokens
            source = Source(first if is_chat else texts.text, texts.text_target, {}, marks, texts)
    else:
        texts = Texts(text=side.text if isinstance(side.text, str) else "")
        source = Source(side.text, None, {}, None, texts)
    changed = {name: one for name in ("text_pair", "text_target") if isinstance(one := getattr(side, name), str)}
    if changed or side.text_target is not None:
        texts = Texts(**{"text": texts.text, "text_pair": texts.text_pair, "text_target": texts.text_target} | changed)
        target = source.target if side.text_target is None else side.text_target
        source = replace(source, target=target, texts=texts)
    return source, texts


def _read_back(trace: AttentionTrace, *, is_same: bool) -> tuple[Source, Texts]:
    """Return what a trace was made from, as far as it tells: its ids, or for another tokenizer its text."""
    ids = trace.source_ids
    if is_same and ids is not None and min(ids) >= 0:
        beside = {} if trace.segments is None or max(trace.segments) > 1 else {"token_type_ids": trace.segments}
        return Source(ids, (trace.ids or [])[1:] if "cross" in trace.attentions else None, beside), Texts()
    text = "".join(trace.sides(trace.attentions[0])[0].parts)
    target = "".join(trace.sides("decoder")[0].parts) if "decoder" in trace.attentions else ""
    texts = Texts(text=text, text_target=target)
    return Source(text, target, {}, None, texts), texts
