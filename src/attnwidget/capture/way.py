"""The way from a logit back to what every part of the model gave: directions, and shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attnwidget.effects.target import Asked
from attnwidget.effects.written import Written
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attnwidget.capture.labels import Labels
    from attnwidget.capture.stream import Stream
    from attnwidget.effects.written import Key

_ALIKE = 1e-4  # of the largest part: how near the sum must come, and the head to a matrix
_ALIKE_HALF = 5e-2  # in half precision
_ROWS = 64  # whose logits there are at once
SOFT_CAP = "the model bends its logits afterwards (a soft cap): decomposed is the logit before that"
REST = "not proven: what was found does not add up to the model's own number; what is left is a part of its own"
MIXED = (
    "the direct way to this target could not be told from what attention reads: this model computes attention in a way "
    "that cannot be cut off"
)
NORMS = "every norm's scale on the way is held at what it is for this row"
GATES = "the head's activation, which is not linear, is held as a gate: each number keeps its factor of this row"


class Question:
    """What is asked of a stream: a logit, a difference of two, or the length of the last vector.

    Parameters
    ----------
    stream : Stream
        The pass.
    asked : Asked
        Of kind "logprob", "difference" or "output".

    Raises
    ------
    ValueError
        If the pass did not come by what is asked about.
    """

    def __init__(self, stream: Stream, asked: Asked) -> None:
        self._stream = stream
        self._ids, self._signs = list(asked.ids), torch.tensor([1.0, -1.0][: len(asked.ids)])
        self.is_output = asked.kind == "output"
        self.missing: list[str] = []
        end = stream.last if self.is_output else stream.hidden
        if end is None or not end.requires_grad:
            raise ValueError("the direct way to this target could not be found: nothing of the model leads to it")
        self.end = end

    def at(self, row: int) -> tuple[float, float, Tensor]:
        """Return the model's own number at a row, its constant, and what the row is multiplied with, (d,)."""
        x = self.end.detach()[0, row]  # (d,)
        if self.is_output:
            length = upcast(x).norm()
            return float(length), 0.0, upcast(x) / length
        rows = torch.stack([x, torch.zeros_like(x), 2 * x]).requires_grad_()  # (3, d): it is a matrix, and a bias
        logits = self._stream.head(rows[None])[0]  # (3, vocabulary)
        numbers = upcast(logits[:, self._ids]) @ self._signs.to(logits.device)  # (3,)
        u = torch.autograd.grad(numbers[0], rows)[0][0]  # (d,)
        number, bias, twice = numbers.tolist()
        if abs(twice + bias - 2 * number) > _bound(self._stream) * max(map(abs, (number, bias, twice))):
            self.missing.append("the unembedding is not proven: it does not map the last vector by a matrix and a bias")
        constant = self._stream.factor * bias
        if self._stream.constant.ndim:
            constant += float(upcast(self._stream.constant[self._ids]) @ self._signs.to(self._stream.constant.device))
        own = constant + self._stream.factor * (number - bias)
        return own, constant, self._stream.factor * upcast(u)

    def likeliest(self) -> Tensor:
        """Return what each row is multiplied with to be the logit of the token that is likeliest there, (1, n, d).

        Raises
        ------
        ValueError
            If the head is not proven to be a matrix and a bias.
        """
        self.at(0)
        if self.missing:
            raise ValueError(self.missing[0])
        rows = torch.split(self.end.detach()[0], _ROWS)  # (rows, d) each
        return torch.cat([self._likeliest(some) for some in rows])[None]

    def _likeliest(self, x: Tensor) -> Tensor:
        """Return the same of some rows, (rows, d) as they are."""
        assert self._stream.head is not None  # noqa: S101 - there is something that goes into it
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            logits = self._stream.head(x[None])[0]  # (rows, vocabulary)
            told = self._stream.factor * upcast(logits.detach()) + self._stream.constant  # (rows, vocabulary)
            (u,) = torch.autograd.grad(logits.gather(1, told.argmax(1, keepdim=True)).sum(), x)
        return self._stream.factor * u


def directions(stream: Stream, asked: Asked | None) -> dict[Key, Tensor]:
    """Lead a target back to every W_O that is known: what a vector given there is multiplied with, at every row.

    None is the logit of the token that is likeliest at each row. Returns (n, d_model) of each, float32.
    """
    question = Question(stream, Asked("logprob", (0,), (0,)) if asked is None else asked)
    if asked is None:
        ends = question.likeliest()
    elif question.is_output:
        ends = question.end.detach()
        ends = ends / torch.linalg.vector_norm(ends, dim=-1, keepdim=True)  # (1, n, d)
    else:  # of every row the same, as it is a matrix
        ends = question.at(asked.rows[0])[2].to(question.end).expand_as(question.end)
    leaves = [leaf for leaf in stream.leaves if leaf.key is not None]
    found = _back(question.end, [leaf.given for leaf in leaves], ends)
    return {
        leaf.key: upcast(grad.reshape(-1, grad.shape[-1]))
        for leaf, grad in zip(leaves, found, strict=True)
        if leaf.key is not None
    }


def written(stream: Stream, labels: Labels, asked: Asked, biases: Mapping[Key, Tensor]) -> Written:
    """Say what every part writes into a target; of heads only the directions, as they are told from the trace.

    `biases` are those of every W_O that has one.
    """
    (row,) = asked.rows
    question = Question(stream, asked)
    logit, constant, u = question.at(row)
    ends = torch.zeros_like(question.end)  # (1, n, d)
    ends[0, row] = u.to(ends)
    stream.forget()
    found = _back(question.end, [leaf.given for leaf in stream.leaves], ends)
    ways: dict[Key, Tensor] = {}
    shares: list[tuple[int, str, float]] = []  # in the order of the pass
    sums = [constant]  # with an attention as one
    for leaf, grad in zip(stream.leaves, found, strict=True):
        direction = _of_row(grad, row)  # (d,)
        if not direction.count_nonzero():
            continue
        sums.append(float(direction @ _of_row(leaf.given.detach(), row)))
        if leaf.key is None:
            shares.append((leaf.place.at, labels.part(leaf.place), sums[-1]))
        else:
            ways[leaf.key] = direction
            if leaf.key in biases:
                name = f"{labels.part(leaf.place, leaf.key)} bias"
                shares.append((leaf.place.at, name, float(upcast(biases[leaf.key]).to(direction) @ direction)))
        if grad.count_nonzero() > direction.count_nonzero():
            raise ValueError(MIXED)
    for place, noted in stream.noted.items():
        sums.append(float(noted.sum()))
        shares.append((place.at, labels.constant(place), sums[-1]))
    parts: dict[str, float] = {}
    for _, name, share in sorted(shares):
        parts[name] = parts.get(name, 0.0) + share
    if constant:
        parts["head bias"] = constant
    missing = list(question.missing)
    missing += [f"not proven: {place.name} is neither a norm nor an activation" for place in sorted(stream.failed)]
    rest = logit - sum(sums)
    if abs(rest) > _bound(stream) * max(map(abs, [*sums, logit])):
        parts["not proven"] = rest
        missing.append(REST)
    return Written(logit, ways, parts, _held(stream, asked), tuple(missing))


def _held(stream: Stream, asked: Asked) -> tuple[str, ...]:
    kinds = set(stream.kinds.values())
    bends = stream.bends and asked.kind != "output"
    return (*[NORMS] * ("norm" in kinds), *[GATES] * ("activation" in kinds), *[SOFT_CAP] * bends)


def _of_row(given: Tensor, row: int) -> Tensor:
    """Return a row of (1, n, d) or (n, d), as (d,)."""
    rows = given.reshape(-1, given.shape[-1])
    return upcast(rows[row if len(rows) > 1 else 0])  # one for all: it is added to every row


def _back(end: Tensor, leaves: list[Tensor], ends: Tensor) -> list[Tensor]:
    """Lead back what a target makes of the rows at the end, to every leaf."""
    found = torch.autograd.grad(end, leaves, ends, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if grad is None else grad for leaf, grad in zip(leaves, found, strict=True)]


def _bound(stream: Stream) -> float:
    is_half = any(leaf.given.dtype not in {torch.float32, torch.float64} for leaf in stream.leaves)  # autocast's, too
    return _ALIKE_HALF if is_half else _ALIKE
