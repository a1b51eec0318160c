"""What is asked about: one number that the model says of a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from operator import index
from typing import TYPE_CHECKING, Any, Literal, Self

import torch

from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Kind = Literal["logprob", "difference", "loss", "output"]
Token = str | int


@dataclass(frozen=True)
class Target:
    """What is asked about, as a user names it; `logprob`, `difference`, `loss` and `output` make one.

    Attributes
    ----------
    kind : "logprob", "difference", "loss" or "output"
        Which number.
    tokens : tuple of str or int
        Of the vocabulary, as the tokenizer writes them in a text (``" Mary"``), or their ids. None of a `logprob`: the
        token that the model holds likeliest.
    at : tuple of int, or None
        Positions in `AttentionTrace.tokens`, negative ones from the end. None: where the model's answer is looked for
        first, see `attnwidget.effects.resolve`; of a loss, every position.
    """

    kind: Kind
    tokens: tuple[Token, ...] = ()
    at: tuple[int, ...] | None = None

    @classmethod
    def logprob(cls, token: Token | None = None, *, at: int | None = None) -> Self:
        """Ask for the log-probability of a token, in nats: after position `at`, or of a masked one at it."""
        return cls("logprob", () if token is None else (_token(token),), _one(at))

    @classmethod
    def difference(cls, token: Token, against: Token, *, at: int | None = None) -> Self:
        """Ask for a token's logit minus another's, which is the difference of their log-probabilities."""
        return cls("difference", (_token(token), _token(against)), _one(at))

    @classmethod
    def loss(cls, span: slice | Sequence[int] | None = None) -> Self:
        """Ask for the mean of −log p, in nats, of the text's own tokens at some positions: those told, not telling."""
        if isinstance(span, slice):
            span = _listed(span)
        return cls("loss", (), None if span is None else tuple(int(at) for at in span))

    @classmethod
    def output(cls, at: int | None = None) -> Self:
        """Ask for a token's last vector: how far an edit moves it, as a share of its length. It needs no head."""
        return cls("output", (), _one(at))

    @classmethod
    def read(cls, given: Any) -> Target | None:  # noqa: PLR0911 - as many forms
        """Understand what a user may write for short.

        A token is its log-probability, a pair of tokens their difference, a slice the loss over it, "loss" the loss
        over the whole text, "output" the change of the vector; None is None. A mapping is what `to_dict` returns.

        Raises
        ------
        TypeError
            If it is none of these.
        """
        if given is None or isinstance(given, Target):
            return given
        if isinstance(given, slice):
            return cls.loss(given)
        if given == "loss":
            return cls.loss()
        if given == "output":
            return cls.output()
        if isinstance(given, Mapping):
            return cls._of_dict(given)
        if isinstance(given, str | Integral) and not isinstance(given, bool):
            return cls.logprob(given if isinstance(given, str) else int(given))
        if isinstance(given, tuple | list) and len(given) == 2:
            return cls.difference(*given)
        raise TypeError(
            "target must be a token, a pair of tokens, a slice of positions, 'loss', 'output' or an "
            f"attnwidget.Target, got {given!r}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it; `read` takes it back."""
        return {"kind": self.kind, "tokens": list(self.tokens), "at": None if self.at is None else list(self.at)}

    @classmethod
    def _of_dict(cls, given: Mapping[str, Any]) -> Self:
        kind, tokens, at = given.get("kind"), given.get("tokens") or (), given.get("at")
        count = {"logprob": (0, 1), "difference": (2,), "loss": (0,), "output": (0,)}.get(str(kind), ())
        is_listed = all(isinstance(one, list | tuple) for one in (tokens, () if at is None else at))
        if set(given) - {"kind", "tokens", "at"} or not is_listed or len(tokens) not in count:
            raise TypeError(f"this mapping is no target: {dict(given)!r}; attnwidget.Target makes one, see its to_dict")
        return cls(kind, tuple(map(_token, tokens)), None if at is None else tuple(map(index, at)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Asked:
    """A target that has been looked up in a trace: numbers only.

    Attributes
    ----------
    kind : str
        As of `Target`.
    rows : tuple of int
        The positions whose last vectors, or logits, tell.
    ids : tuple of int
        Of the vocabulary: of a log-probability one, of a difference two, of a loss one for each row.
    label : str
        What it is called: "log p( Mary) after bag to".
    """

    kind: Kind
    rows: tuple[int, ...]
    ids: tuple[int, ...] = ()
    label: str = ""

    @property
    def needs_logits(self) -> bool:
        """Whether the model's head has to run."""
        return self.kind != "output"

    def of_logits(self, logits: Tensor) -> Tensor:
        """Compute the number from logits.

        Parameters
        ----------
        logits : Tensor
            (passes, rows, vocabulary), of `rows`.

        Returns
        -------
        Tensor
            (passes,), float32 or float64.
        """
        ids = torch.tensor(self.ids, device=logits.device)
        if self.kind == "difference":
            return upcast(logits[:, 0, ids[0]]) - upcast(logits[:, 0, ids[1]])
        logprobs = upcast(logits).log_softmax(-1)  # (passes, rows, vocabulary)
        of_ids = logprobs.gather(-1, ids.expand(len(logits), -1)[..., None])[..., 0]  # (passes, rows)
        return -of_ids.mean(1) if self.kind == "loss" else of_ids[:, 0]


def _token(given: Any) -> Token:
    if isinstance(given, str) and given:
        return given
    if isinstance(given, Integral) and not isinstance(given, bool):
        return int(given)
    raise TypeError(f"a target's token must be a text of one token or its id, got {given!r}")


def _one(at: int | None) -> tuple[int, ...] | None:
    return None if at is None else (int(at),)


def _listed(span: slice) -> tuple[int, ...]:
    start, stop, step = span.start or 0, span.stop, span.step or 1
    if stop is None or start < 0 or stop < 0:
        raise ValueError(f"a loss's slice needs a start and a stop counted from the text's beginning, got {span}")
    return tuple(range(start, stop, step))
