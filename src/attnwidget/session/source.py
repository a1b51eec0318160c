"""What a session was made from: a text; or token ids, a chat, embeddings, which run as given until it is edited."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from attnwidget.capture.encode import read_back
from attnwidget.capture.given import sort_out
from attnwidget.wire.schema import Texts

if TYPE_CHECKING:
    from attnwidget.trace import AttentionTrace

_NAMED = "The text names the embeddings that were given. They run as they are until it is edited."


@dataclass(frozen=True)
class Source:
    """The first argument of a widget, and what goes with it.

    Attributes
    ----------
    first : Any
        As the second argument of `attnwidget.capture`.
    target : Any
        What a decoder is to say: a text, or token ids.
    options : dict
        `attention_mask` and the like, by their names in `attnwidget.capture`: they fit this text only.
    add_special_tokens : bool, optional
        Of this text, and of others that are run later.
    texts : Texts
        How all of it reads, as far as it has run.
    """

    first: Any = ""
    target: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    add_special_tokens: bool | None = None
    texts: Texts = Texts()  # noqa: RUF009 - frozen

    def check(self) -> None:
        """Refuse what cannot be run by any model."""
        sort_out(self.first, self.texts.text_pair or None, add_special_tokens=self.add_special_tokens, **self.options)

    def arguments(self, texts: Texts) -> dict[str, Any]:
        """Return what to capture: what was given wherever it still reads so, else the new texts."""
        is_given = (texts.text, texts.text_pair) == (self.texts.text, self.texts.text_pair)
        target = self.target if texts.text_target == self.texts.text_target else texts.text_target
        return {
            "text": self.first if is_given else texts.text,
            "text_pair": texts.text_pair or None,
            "text_target": None if isinstance(target, str) and not target else target,
            "add_special_tokens": self.add_special_tokens,
            **(self.options if is_given else {}),
        }

    def read(self, trace: AttentionTrace, model: Any, tokenizer: Any, texts: Texts) -> tuple[Source, Texts]:
        """Return this, and the texts that were run, with a text in place of ids and the like; the trace tells of it."""
        now = self.arguments(texts)
        if now["text"] is self.first and not isinstance(self.first, str):
            prompt = _given(trace)
            text, notices = read_back(model, tokenizer, prompt)
            if trace.source_ids is None:
                text, notices = " ".join(trace.source_tokens), [_NAMED]
            texts = msgspec.structs.replace(texts, text=text)
            trace.notices += [one for one in notices if one not in trace.notices]
        if now["text_target"] is self.target and not isinstance(self.target, str | None):
            text, _ = read_back(model, tokenizer, (trace.ids or [])[1:])  # behind the decoder's start
            texts = msgspec.structs.replace(texts, text_target=text)
        is_new = now["text"] is not self.first or now["text_target"] is not self.target
        return (self if is_new else replace(self, texts=texts)), texts


def _given(trace: AttentionTrace) -> list[int] | None:
    """Return the ids of the text without what the model wrote behind it."""
    ids = trace.source_ids
    if ids is None or "self" not in trace.attentions:
        return ids
    return [number for number, is_written in zip(ids, trace.generated, strict=True) if not is_written]
