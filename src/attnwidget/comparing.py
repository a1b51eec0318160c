"""`compare`: two things side by side, in one call."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import Any

from attnwidget.comparison.captures import masked, with_adapter
from attnwidget.comparison.sides import Side
from attnwidget.models import DEFAULT, load_shared
from attnwidget.widget import AttentionWidget


def compare(a: Any, b: Any, *, text: Any = None, **options: Any) -> AttentionWidget:
    """Show two things side by side: A, B, and the difference A − B in every view.

    Tokens that stand in both texts are partners: a diff keeps them, and of two tokenizers those that stand for the same
    characters. What has no partner is shown on its own side and never subtracted.

    Parameters
    ----------
    a, b
        Each a text, a trace, a model (an object, a bundled name, a folder), another mask (a name such as
        ``"window:4"``, or a bool matrix), ``"adapter on"`` or ``"adapter off"``, a head (``"L2-H6"``), or a mapping of
        these: ``{"model": model, "text": text}``, or ``{"variant": "cosine"}`` (see `attnwidget.variants`). What `b`
        does not say is as in `a`.
    text : optional
        Of both, where neither says it.
    **options
        Of `AttentionWidget`: `model`, `tokenizer`, `text_pair`, `side`, `heads`, `view` ….

    Returns
    -------
    AttentionWidget
        On the difference, where there is one and no `side` is asked for; its `comparison` ranks the heads.

    Raises
    ------
    ValueError, TypeError, OSError
        As of `AttentionWidget`; the message says what to do.

    Examples
    --------
    >>> compare("He sat on the bank of the river", "He took a loan from the bank")
    >>> compare(before, model, text="The cat sat")  # a checkpoint against another
    """
    first, second = Side.read(a), Side.read(b)
    if first.trace is None and first.text is None:
        first = replace(first, text=second.text if text is None else text)
    options = {"heads": first.head, **options} if first.head is not None else options
    if first.trace is not None:
        return AttentionWidget(first.trace, against=second, **options)
    if first.text is None:
        raise TypeError("there is no text: compare(a, b, text=…), or a side that has one")
    given = {name: getattr(first, name) for name in ("model", "tokenizer", "text_pair", "text_target")}
    options = {**options, **{name: one for name, one in given.items() if one is not None}}
    if first.adapter is None and first.mask is None:
        return AttentionWidget(first.text, against=second, **options)
    model, tokenizer = _loaded(options.pop("model", None), options.pop("tokenizer", None))
    if first.adapter is not None:
        model = with_adapter(model, on=first.adapter)
    if first.mask is None:
        return AttentionWidget(first.text, model=model, tokenizer=tokenizer, against=second, **options)
    trace = masked(first.mask)(model, text=first.text, tokenizer=tokenizer)
    return AttentionWidget(trace, against=second, **options)


def _loaded(model: Any, tokenizer: Any) -> tuple[Any, Any]:
    if model is None or isinstance(model, str | PathLike):
        return load_shared(DEFAULT if model is None else model, tokenizer=tokenizer)
    return model, tokenizer
