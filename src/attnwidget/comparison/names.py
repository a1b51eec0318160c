"""What two sides of a comparison are called, so that a reader can tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnwidget.trace import AttentionTrace

    One = tuple[str, AttentionTrace, str]  # its own name, if it has one; the trace; its text

_SHORT = 40  # characters of a text that a name has
_NEAR = 8  # characters that texts may have in common at their beginning and still be named from there


def name_both(a: One, b: One) -> tuple[str, str]:
    """Name two sides by what sets them apart.

    By models, where these differ: two of one name by a short hash of their weights. By texts, where these differ. Else,
    and besides, by what each was called.
    """
    models = _models(a[1], b[1])
    texts = _texts(a, b)
    found = []
    for nth, (own, *_) in enumerate((a, b)):
        parts = [own, models[nth], texts[nth]] if own else [models[nth], texts[nth]]
        found.append(" · ".join(part for part in parts if part))
    if any(found):
        found = [one or "as it is" for one in found]
    return found[0] or "A", found[1] or "B"


def _models(a: AttentionTrace, b: AttentionTrace) -> tuple[str, str]:
    """Return the models' names; empty where it is one model."""
    same = a.model_name == b.model_name
    if same and a.fingerprint == b.fingerprint:
        return "", ""
    return _model(a, same=same), _model(b, same=same)


def _model(trace: AttentionTrace, *, same: bool) -> str:
    name = trace.model_name or "a model without a name"
    return f"{name} #{trace.fingerprint or 'unknown weights'}" if same else name


def _texts(a: One, b: One) -> tuple[str, str]:
    """Return the texts in quotes, from a little before where they begin to differ; empty where they are the same."""
    one, other = (text or "".join(trace.sides(trace.attentions[0])[0].parts) for _, trace, text in (a, b))
    one, other = " ".join(one.split()), " ".join(other.split())
    if one == other:
        return "", ""
    start = _start(one, other)
    return _quoted(one, start), _quoted(other, start)


def _start(one: str, other: str) -> int:
    """Return where the word before the first difference begins; 0 where that is near."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    words = one[:same].split(" ")
    start = len(" ".join(words[:-2])) + 1 if len(words) > 2 else 0
    return start if start > _NEAR else 0


def _quoted(text: str, start: int) -> str:
    text = f"…{text[start:]}" if start else text
    return f"“{text if len(text) <= _SHORT else text[: _SHORT - 1].rstrip() + '…'}”"
