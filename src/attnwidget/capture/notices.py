"""What a reader should know of a text before trusting its picture: doubled marks, its length, its words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attnwidget.models.files import LEARNT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.tokens import Tokens

# By which a configuration says how long texts may be; where there are several, the first.
_LENGTHS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


def doubled_marks(ids: Sequence[int], added: Sequence[int], names: Sequence[str]) -> tuple[slice, list[str]]:
    """Find marks at either end that a tokenizer has added though the text brings them, as a chat template's does.

    Parameters
    ----------
    ids : sequence of int
        The tokens, the tokenizer's own among them.
    added : sequence of int
        1 for each token that the tokenizer has added, 0 for the text's.
    names : sequence of str
        Each token as the vocabulary writes it.

    Returns
    -------
    slice
        The tokens without those marks.
    list of str
        A sentence for each end where there were any.
    """
    start, stop = 0, len(ids)
    notices: list[str] = []
    if 0 not in added or len(added) != len(ids):
        return slice(start, stop), notices
    first, last = added.index(0), len(added) - added[::-1].index(0)  # of the text: the first, one after the last
    text = list(ids[first:last])
    if first and text[:first] == list(ids[:first]):
        start = first
        notices.append(_not_twice("begins", names[:first]))
    tail = len(ids) - last
    if tail and text[-tail:] == list(ids[last:]) and last - tail >= first:
        stop = last
        notices.append(_not_twice("ends", names[last:]))
    return slice(start, stop), notices


def _not_twice(where: str, marks: Sequence[str]) -> str:
    return f"The text {where} with {' '.join(marks)} already; the tokenizer would have added it a second time."


def beyond_context(config: Any, count: int, what: str = "The text") -> list[str]:
    """Say that a text is longer than the model is configured for; models whose positions end refuse it before.

    Parameters
    ----------
    config : transformers.PreTrainedConfig
        The model's, or of an encoder or a decoder alone.
    count : int
        Tokens.
    what : str
        Of which these are.
    """
    config = config.get_text_config()
    name = next((one for one in _LENGTHS if getattr(config, one, None)), "")
    limit = getattr(config, name, 0)
    # Under ALiBi Falcon's configuration means nothing by it, and XLNet's has −1 for no bound.
    if not isinstance(limit, int) or limit <= 0 or getattr(config, "alibi", False):
        return []
    scaling = getattr(config, "rope_parameters", None) or {}
    factor = scaling.get("factor") or 1
    if scaling.get("rope_type") == "linear" and factor > 1:  # the others count the factor in, or stretch as they go
        limit, name = int(limit * factor), f"{name} × {factor:g}"
    if count <= limit:
        return []
    notice = (
        f"{what} has {count:,} tokens, but the model is configured for {limit:,} ({name}). What is shown is what the "
        "model computes, but it has probably seen no text of this length in training."
    )
    return [notice]


def strange_words(name: str, tokens: Tokens, unknown: str | None) -> list[str]:
    """Say of a bundled model that it does not know the words of a text: most are unknown, or known in pieces only.

    Parameters
    ----------
    name : str
        Of the model.
    tokens : Tokens
        The text's.
    unknown : str, optional
        How the vocabulary writes what it does not have.
    """
    if name not in LEARNT:
        return []
    pieces = Counter(tokens.words)
    unread = {word for word, raw in zip(tokens.words, tokens.raw, strict=True) if raw == unknown}
    own = {word for word, special in zip(tokens.words, tokens.special, strict=True) if not special}
    words = unread | {word for word in own if any(letter.isalpha() for letter in tokens.word_texts[word])}
    strange = [word for word in words if word in unread or pieces[word] > 1]
    if len(strange) * 2 <= len(words):
        return []
    known = len(words) - len(strange)
    notice = (
        f"{name} has learnt {LEARNT[name]}: of the {len(words)} words of this text it knows {known} whole. What is "
        "shown is what it computes, and tells little about such a text. A model that knows the language can be passed "
        "as model=."
    )
    return [notice]
