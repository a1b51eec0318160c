"""Targets looked up in a text: from what a user names to rows and ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.effects.target import Asked, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attnwidget.capture.vocabulary import Vocabulary
    from attnwidget.effects.again import Traced
    from attnwidget.tokens import Tokens
    from attnwidget.trace.predictions import Predicts

_CONTEXT = 3  # tokens that a label names of what stands before
_NO_IDS = "the loss is not known: a token of the text has no id (it was given as embeddings, or put there by tuning)"


class Lookup:
    """One text of one model, in which targets are looked up.

    Parameters
    ----------
    trace : Traced
        Of the text.
    predicts : "next", "place" or None
        Which token a row tells; None where the model has no head, for the reason `missing`.
    vocabulary : Vocabulary
        To look up tokens.
    size : int
        How many tokens it has.
    likeliest : function
        From a row to the id of the token that the model holds likeliest there.
    missing : str
        Why there is no head.
    """

    def __init__(
        self,
        trace: Traced,
        *,
        predicts: Predicts | None,
        vocabulary: Vocabulary,
        size: int,
        likeliest: Callable[[int], int],
        missing: str = "",
    ) -> None:
        self._tokens: Tokens = trace.sides(next(one for one in _SIDES if one in trace.attentions))[0]
        self._predicts, self._missing, self._likeliest = predicts, missing, likeliest
        self._vocabulary, self._size = vocabulary, size

    def __call__(self, target: Target | None) -> Asked:
        """Look up a target; None is the model's default."""
        if target is None:
            target = Target.output() if self._predicts is None else Target.logprob()
        if target.kind == "output":
            row = self._row(target.at)
            return Asked("output", (row,), (), f"change of the last vector of {self._named(row)}")
        if self._predicts is None:
            raise ValueError(f"{self._missing}; the target 'output' needs none")
        if target.kind == "loss":
            return self._loss(target.at)
        row = self._row(target.at)
        ids = tuple(self._id(one) for one in target.tokens) or (self._likeliest(row),)
        names = [self._vocabulary.spelling(one) for one in ids]
        where = self._where(row)
        if target.kind == "difference":
            if ids[0] == ids[1]:
                raise ValueError(f"a difference needs two tokens, got {names[0]!r} twice")
            return Asked("difference", (row,), ids, f"logit({names[0]}) − logit({names[1]}) {where}")
        return Asked("logprob", (row,), ids, f"log p({names[0]}) {where}")

    def _loss(self, at: Sequence[int] | None) -> Asked:
        first = 1 if self._predicts == "next" else 0
        count, ids = len(self._tokens.text), self._tokens.ids
        if at is None:
            told = [one for one in range(first, count) if self._predicts == "next" or not self._tokens.special[one]]
            what = "the text"
        else:
            told = [self._position(one) for one in at]
            what = f"tokens {told[0]} to {told[-1]}" if told else "no token"
            if told and min(told) < first:
                raise ValueError("the first token's loss is not known: nothing stands before it; start at position 1")
        if not told:
            raise ValueError("the loss needs a position at least, and no token is told there")
        if ids is None or any(ids[one] < 0 for one in told):
            raise ValueError(_NO_IDS)
        return Asked("loss", tuple(one - first for one in told), tuple(ids[one] for one in told), f"loss over {what}")

    def _row(self, at: tuple[int, ...] | None) -> int:
        """Return the row that is asked for, or where the model's answer is looked for first."""
        count = len(self._tokens.text)
        if at is not None:
            if len(at) != 1:
                raise ValueError(f"this target is of one position, got {at}")
            return self._position(at[0])
        if self._predicts == "next":
            return count - 1
        marks = self._vocabulary.mask_id if self._predicts == "place" else None
        if marks is not None and self._tokens.ids is not None and marks in self._tokens.ids:
            return self._tokens.ids.index(marks)
        own = [one for one in range(count) if not self._tokens.special[one]]
        return own[-1] if own else count - 1

    def _position(self, at: int) -> int:
        count = len(self._tokens.text)
        if not -count <= at < count:
            raise ValueError(f"position {at} does not exist: the text has {count} tokens, 0 to {count - 1}")
        return at % count

    def _id(self, token: str | int) -> int:
        number = self._vocabulary.id_of(token) if isinstance(token, str) else token
        if not 0 <= number < self._size:
            raise ValueError(f"token id {number} does not exist: the model has {self._size:,} tokens, from 0")
        return number

    def _named(self, row: int) -> str:
        return f"token {row} ({self._tokens.text[row]})"

    def _where(self, row: int) -> str:
        if self._predicts == "place":
            return f"at {self._named(row)}"
        before = "".join(self._tokens.parts[max(0, row + 1 - _CONTEXT) : row + 1]).strip()
        return f"after {before or self._named(row)}"


_SIDES = "self", "decoder", "cross", "encoder"  # the first of these that there is has the tokens that are predicted
