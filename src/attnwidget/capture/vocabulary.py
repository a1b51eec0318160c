"""A model's vocabulary as a reader writes and reads it: from a text to its one token, and from ids to labels."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attnwidget.capture.errors import MissingTokenizerError
from attnwidget.capture.inputs import find_tokenizer, names_of
from attnwidget.tokens import describe, scheme_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

_SHOWN = 8  # pieces of a text that an error names


class Vocabulary:
    """Tokens by name, of a model whose tokenizer may have to be looked for.

    Parameters
    ----------
    model : nn.Module
        Beside whose weights the tokenizer lies.
    tokenizer : optional
        Instead of that one.
    """

    def __init__(self, model: nn.Module, tokenizer: Any = None) -> None:
        self._model, self._tokenizer = model, tokenizer

    @property
    def tokenizer(self) -> Any:
        """The tokenizer; None where there is none."""
        if self._tokenizer is None:
            with suppress(MissingTokenizerError):
                self._tokenizer = find_tokenizer(self._model)
        return self._tokenizer

    @property
    def mask_id(self) -> int | None:
        """The id of the mask token, if there is one."""
        found = getattr(self.tokenizer, "mask_token_id", None)
        return None if found is None else int(found)

    def labels(self, ids: Sequence[int]) -> list[str]:
        """Write tokens as a reader sees them; two that would read the same, as the vocabulary does."""
        tokenizer = self.tokenizer
        if tokenizer is None:  # the text was given by its ids, and so it is shown
            return names_of(None, ids)
        scheme, special, raw = scheme_of(tokenizer), set(tokenizer.all_special_ids), names_of(tokenizer, ids)
        labels = [
            describe([token], scheme=scheme, special=[number in special]).text[0]  # each by itself: they are no text
            for token, number in zip(raw, ids, strict=True)
        ]
        # A vocabulary may have a word twice, with and without the space before it.
        return [mine if labels.count(mine) == 1 else theirs for mine, theirs in zip(labels, raw, strict=True)]

    def spelling(self, number: int) -> str:
        """Write a token with the space before it, if it has one, as a target names it."""
        (label,), (raw,) = self.labels([number]), names_of(self.tokenizer, [number])
        starts = scheme_of(self.tokenizer) in {"byte", "sentencepiece"} if self.tokenizer is not None else False
        return f" {label}" if starts and raw.startswith(("Ġ", "▁")) and len(raw) > 1 else label

    def id_of(self, text: str) -> int:
        """Return the number of the one token that a text is.

        Raises
        ------
        ValueError
            If it is none, or several: with its pieces, and with the spelling that would be one.
        """
        if self.tokenizer is None:
            raise ValueError(f"{text!r} cannot be looked up: this model has no tokenizer here; give the token's id")
        found = self._pieces(text)
        if len(found) == 1:
            return found[0]
        vocabulary = self.tokenizer.get_vocab()
        if text in vocabulary:  # as the vocabulary writes it: "##ing", "[MASK]"
            return int(vocabulary[text])
        if not found:
            raise ValueError(f"{text!r} is no token of this model: its tokenizer does not know it")
        names = names_of(self.tokenizer, found)
        pieces = ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
        other = text[1:] if text.startswith(" ") else f" {text}"
        hint = f"; {other!r} is one" if other.strip() and len(self._pieces(other)) == 1 else ""
        raise ValueError(
            f"{text!r} is {len(found)} tokens of this model ({pieces}), and a target is one{hint}. Spaces count; an id "
            "may be given in place of a text"
        )

    def _pieces(self, text: str) -> list[int]:
        """Return the ids of a text; none where the tokenizer does not know it."""
        found = [int(one) for one in self.tokenizer.encode(text, add_special_tokens=False)]
        names = names_of(self.tokenizer, found)
        # SentencePiece writes the space before the first word by itself, and a space that is there on top of it
        if len(found) > 1 and names[0] == "▁":
            found, names = found[1:], names[1:]
        elif len(found) > 1 and text.startswith(" ") and scheme_of(self.tokenizer) == "sentencepiece":
            shorter = [int(one) for one in self.tokenizer.encode(text[1:], add_special_tokens=False)]
            if names_of(self.tokenizer, shorter)[0].startswith("▁"):
                found = shorter
        unknown = self.tokenizer.unk_token_id
        is_lost = unknown is not None and unknown in found and text != self.tokenizer.unk_token
        return [] if is_lost else found
