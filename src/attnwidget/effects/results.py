"""What was found: effects of edits, and the decomposition of a logit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.head_id import HeadId
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from attnwidget.effects.target import Asked

_SHOWN = 10  # rows of the text form


@dataclass(frozen=True)
class Effects(Tabular):
    """What happens to a target when a head is edited, head by head: the largest change first, either way.

    `to_pandas` has a row a head: layer, head, attention, effect, and what else is known of each.

    Attributes
    ----------
    target : Asked
        What was asked about.
    kind, value : str
        How: "ablate" with "zero", "mean" or the other text's name; "patch"; "attribution"; "decompose".
    protocol : str
        The same in one sentence.
    base : float
        The target as the model is.
    attentions, heads : list of str
        Of each: "self" and "L3-H5".
    effects : Tensor
        float32 (heads,): the target with the edit minus `base`; of a decomposition what the head writes into it. NaN
        where it was not computed.
    unit : str
        "nats", "logits" or "share of its length".
    others : mapping of str to Tensor
        Further columns, (heads,): the same by another method.
    stopped : bool
        Whether its user ended it before all heads were run.
    """

    target: Asked
    kind: str
    value: str
    protocol: str
    base: float
    attentions: list[str]
    heads: list[str]
    effects: Tensor
    unit: str = "nats"
    others: Mapping[str, Tensor] = field(default_factory=dict)
    stopped: bool = False

    def __len__(self) -> int:
        return len(self.heads)

    def __getitem__(self, head: str) -> float:
        """Return a head's effect by its name, of the first attention that has it."""
        name = str(HeadId.read(head))
        if name not in self.heads:
            raise KeyError(f"there is no head {name} here")
        return float(self.effects[self.heads.index(name)])

    def grid(self, attention: str | None = None) -> Tensor:
        """Return the effects of one attention as (layers, heads), NaN where there is none."""
        which = self.attentions[0] if attention is None else attention
        found = [
            (HeadId.read(name), float(one))
            for name, of, one in zip(self.heads, self.attentions, self.effects.tolist(), strict=True)
            if of == which
        ]
        if not found:
            raise ValueError(f"attention must be one of {tuple(dict.fromkeys(self.attentions))}, got {attention!r}")
        grid = torch.full((1 + max(one.layer for one, _ in found), 1 + max(one.head for one, _ in found)), torch.nan)
        for one, number in found:
            grid[one] = number
        return grid

    def rank_correlation(self, other: Effects) -> float:
        """Say how alike two tables order the heads that both know: Spearman's rank correlation, from −1 to 1.

        Of an attribution and the passes that it estimates it tells what the estimate is worth. NaN for fewer than two
        heads, or where all of one table are equal.
        """
        theirs = dict(zip(zip(other.attentions, other.heads, strict=True), other.effects.tolist(), strict=True))
        mine = zip(zip(self.attentions, self.heads, strict=True), self.effects.tolist(), strict=True)
        pairs = [(number, theirs[head]) for head, number in mine if head in theirs]
        known = torch.tensor([pair for pair in pairs if not any(map(math.isnan, pair))], dtype=torch.float64)
        if len(known) < 2:
            return math.nan
        ranks = torch.stack([_ranks(column) for column in known.T])  # (2, heads)
        return float(torch.corrcoef(ranks)[0, 1])

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        ids = [HeadId.read(name) for name in self.heads]
        columns: dict[str, Sequence[Any]] = {
            "layer": [one.layer for one in ids],
            "head": [one.head for one in ids],
            "attention": self.attentions,
            "effect": self.effects.tolist(),
            **{name: column.tolist() for name, column in self.others.items()},
        }
        return Table([*columns], [*zip(*columns.values(), strict=True)], self.heads, self._about)

    @property
    def _about(self) -> str:
        return f"{self.target.label}: {self.base:.4f} {self.unit}; {self.protocol}"

    def __repr__(self) -> str:
        lines = [self._about]
        several = len(set(self.attentions)) > 1
        shown = zip(self.heads, self.attentions, self.effects.tolist(), strict=True)
        for _, (name, of, number) in zip(range(_SHOWN), shown, strict=False):
            said = "   not run" if math.isnan(number) else f"{number:+10.4f}"
            lines.append(f"  {name:8}{said}{f'  {of}' if several else ''}")
        return "\n".join([*lines, *(["  …"] if len(self) > _SHOWN else [])])


def _ranks(numbers: Tensor) -> Tensor:
    """Return each number's rank, equal ones sharing the mean of theirs, (count,)."""
    below, equal = ((numbers[None] < numbers[:, None]).sum(1), (numbers[None] == numbers[:, None]).sum(1))
    return below.double() + (equal - 1) / 2


@dataclass(frozen=True)
class Decomposition(Tabular):
    """A logit, or a difference of two, as the sum of what every part of the model writes into it.

    The final norm is linear once its scale is held at what it is for this row, so every part's share is a number, and
    the shares add up (Elhage et al. 2021; "direct logit attribution").

    `to_pandas` has a row a part: part, layer, head, attention, contribution.

    Attributes
    ----------
    target : Asked
        Of one row: its logit, or difference of logits, or the length of its last vector.
    heads : Tensor
        float32 (layers, heads), of `attention`; NaN where a layer's W_O could not be proven.
    attention : str
        Of which attention `heads` are: "self" or "decoder".
    cross : Tensor, or None
        Of an encoder–decoder the heads of its cross-attention, (layers, heads).
    parts : dict of str to float
        Everything else, by name, in the order of the model: "embedding", "position", "L0 MLP", "L0 attention bias",
        "final norm bias", "head bias", or "not proven".
    total : float
        The sum of all.
    logit : float
        The model's own.
    missing : tuple of str
        What could not be proven, and why; empty where the sum is complete.
    held : tuple of str
        What is held at its value for this row, so that the way to the logit is linear, in words.
    """

    target: Asked
    heads: Tensor
    attention: str
    parts: dict[str, float]
    total: float
    logit: float
    cross: Tensor | None = None
    missing: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """|total − logit|."""
        return abs(self.total - self.logit)

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        found = {self.attention: self.heads} | ({} if self.cross is None else {"cross": self.cross})
        rows: list[tuple[Any, ...]] = [
            (str(HeadId(layer, head)), layer, head, name, number)
            for name, grid in found.items()
            for layer, line in enumerate(grid.tolist())
            for head, number in enumerate(line)
        ]
        rows += [(name, None, None, None, number) for name, number in self.parts.items()]
        about = f"{self.target.label}: {self.logit:.4f}, the sum of what each part writes into it"
        return Table(["part", "layer", "head", "attention", "contribution"], rows, None, about)

    def __repr__(self) -> str:
        names = {self.attention: "", "cross": " (cross)"} if self.cross is not None else {}
        rows = sorted(self.to_table().rows, key=lambda row: -abs(row[4]) if row[4] == row[4] else 0.0)
        lines = [f"{self.target.label}: {self.logit:.4f} = {self.total:.4f} in {len(rows)} parts"]
        lines += [f"  {row[0] + names.get(row[3], ''):22}{row[4]:+10.4f}" for row in rows[:_SHOWN]]
        return "\n".join([*lines, *(["  …"] if len(rows) > _SHOWN else []), *self.missing])
