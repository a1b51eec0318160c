"""Chat messages written as one text by the tokenizer's template, and where each turn begins in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.capture.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Chat(NamedTuple):
    """A chat as a model reads it."""

    text: str
    starts: list[int]  # of each message, in characters; and of the turn that is opened
    notices: list[str]


def write_chat(tokenizer: Any, messages: Sequence[Mapping[str, Any]], *, opens: bool) -> Chat:
    """Write messages by the tokenizer's chat template.

    A turn begins where the text of the messages before it ends. Templates may refuse to write those alone, or write
    them otherwise; then it begins where the words of the one before it end.

    Parameters
    ----------
    tokenizer
        With a `chat_template`.
    messages : sequence of mapping
        With "role" and "content"; content is a str, or a list of parts of type "text".
    opens : bool
        Whether the assistant's next turn is opened at the end.

    Raises
    ------
    CaptureError
        If there is no template, it refuses the messages, or they hold something else than text.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise CaptureError(
            "the tokenizer has no chat template, so chat messages cannot be written as its model reads them: set "
            "tokenizer.chat_template, or give the chat as one text"
        )
    words = [_words(message, at) for at, message in enumerate(messages)]
    try:
        text = _write(tokenizer, messages, opens=opens)
    except Exception as error:
        raise CaptureError(f"the tokenizer's chat template refuses these messages: {error}") from error
    starts, notices, end = [0], [], 0
    for at, content in enumerate(words):
        begin = text.find(content, end)
        if begin < 0:
            role = messages[at]["role"]
            notices.append(f"The chat template does not write message {at} ({role}) word for word as it was given.")
        if at:
            before = _shared(tokenizer, messages[:at], text)
            starts.append(before if end <= before <= (len(text) if begin < 0 else begin) else end)
        end = max(starts[-1], end if begin < 0 else begin + len(content))
    if opens:
        starts.append(max(end, _shared(tokenizer, messages, text)))
    return Chat(text, starts, notices)


def _write(tokenizer: Any, messages: Sequence[Mapping[str, Any]], *, opens: bool = False) -> str:
    written = tokenizer.apply_chat_template(
        [dict(one) for one in messages], tokenize=False, add_generation_prompt=opens
    )
    return str(written)


def _shared(tokenizer: Any, messages: Sequence[Mapping[str, Any]], text: str) -> int:
    """Return how far the text is that of these messages alone; -1 if the template refuses them."""
    try:
        alone = _write(tokenizer, messages)
    except Exception:  # noqa: BLE001 - a template may raise anything: that there must be a user's turn, say
        return -1
    pairs = enumerate(zip(alone, text, strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(alone), len(text)))


def _words(message: Mapping[str, Any], at: int) -> str:
    content = message.get("content") or ""  # of a call of a tool there is none
    if not isinstance(content, str):
        kinds = [one.get("type") if isinstance(one, Mapping) else type(one).__name__ for one in content]
        if set(kinds) - {"text"}:
            raise CaptureError(f"message {at} holds {', '.join(map(str, kinds))}: only text can be captured")
        content = "".join(str(one["text"]) for one in content)
    return content.strip()
