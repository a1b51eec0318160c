"""Where a head of some kind looks: the keys of every query, as a pattern that weights are summed over."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace


_BLOCK = 256  # tokens


@dataclass(frozen=True)
class Setting:
    """The text that patterns are found in."""

    queries: Tokens
    keys: Tokens
    is_self: bool  # both are one text, so that positions can be compared
    is_causal: bool
    first: int  # of the keys that anybody sees: padding is none
    last: int
    seen: Tensor  # which keys those are, bool (keys,)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def of(cls, trace: AttentionTrace, attention: str) -> Setting:
        """Describe one attention of a trace."""
        queries, keys = trace.sides(attention)
        is_self = queries is keys
        n, m = len(queries.text), len(keys.text)
        where: dict[str, Any] = {"attention": attention}
        if is_self:  # a token's own neighbourhood sees it, if anybody does
            blocks = [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]
            seen = torch.cat([trace.allowed(0, 0, queries=one, keys=one, **where).any(0) for one in blocks])  # (keys,)
        else:
            seen = trace.allowed(0, 0, queries=[0, n - 1], **where).any(0)  # (keys,)
        at = seen.nonzero()[:, 0].tolist() or [0, m - 1]
        first, last = at[0], at[-1]
        is_causal = is_self and not trace.allowed(0, 0, queries=slice(0, last), keys=last, **where).any()
        return cls(queries, keys, is_self, bool(is_causal), first, last, seen, seen.device)

    @cached_property
    def kinds(self) -> Tensor:
        """A number for each key's vocabulary entry, the same for the same token, (keys,)."""
        numbers: dict[str, int] = {}
        listed = [numbers.setdefault(token, len(numbers)) for token in self.keys.raw]
        return torch.tensor(listed, device=self.device)

    @cached_property
    def marks(self) -> Tensor:
        """Which keys are special tokens or punctuation, but not the first, bool (keys,)."""
        found = [
            special or all(unicodedata.category(letter)[0] in "PS" for letter in text.strip())
            for text, special in zip(self.keys.text, self.keys.special, strict=True)
        ]
        marks = torch.tensor(found, device=self.device)
        marks[self.first] = False
        return marks


@dataclass(frozen=True)
class Offset:
    """One key for each query: `by` positions on, or back where it is negative."""

    by: int
    from_row: int = 0  # counted from the first visible key


@dataclass(frozen=True)
class Keys:
    """The same keys for every query."""

    of: Callable[[Setting], Tensor]  # bool (keys,)
    from_row: int = 0


@dataclass(frozen=True)
class Pairs:
    """Any set of pairs."""

    of: Callable[[Setting, Tensor], Tensor]  # rows (queries,) → bool (queries, keys)
    from_row: int = 0


Pattern = Offset | Keys | Pairs


def only(setting: Setting, position: int) -> Tensor:
    """Mark one key, bool (keys,)."""
    found = torch.zeros(len(setting.keys.text), dtype=torch.bool, device=setting.device)
    found[position] = True
    return found


def duplicates(setting: Setting, rows: Tensor) -> Tensor:
    """Find earlier occurrences of the query's token; without a causal mask, other ones: bool (queries, keys)."""
    kinds = setting.kinds
    at = torch.arange(len(kinds), device=kinds.device)  # (keys,)
    apart = at < rows[:, None] if setting.is_causal else at != rows[:, None]  # (queries, keys)
    return (kinds[rows][:, None] == kinds) & apart


def after_duplicates(setting: Setting, rows: Tensor) -> Tensor:
    """Find what followed the query's token elsewhere; never the query itself: bool (queries, keys)."""
    shifted = torch.zeros(len(rows), len(setting.kinds), dtype=torch.bool, device=setting.device)  # (queries, keys)
    shifted[:, 1:] = duplicates(setting, rows)[:, :-1]
    shifted[torch.arange(len(rows), device=rows.device), rows] = False
    return shifted
