"""Where a rule's words and predicates are looked up: in a trace, or, to check their form, nowhere."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attnwidget.asking.predicates import Predicate
from attnwidget.head_id import HeadId
from attnwidget.maths import masks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from attnwidget.heads import CategoryTable
    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace

_MOST_DRAWN = 64  # tokens: of longer texts nobody paints a mask pair by pair
Group = list[Any]


class Look:
    """Looks up in one attention of a trace.

    Parameters
    ----------
    trace : AttentionTrace
        What is on screen.
    attention : str
        Which of its attentions.
    table : function
        Returns the heads' scores; it is called only if a category is asked for.
    beside : mapping, optional
        Of a comparison where to look on a side that a rule names.
    """

    _beside: Mapping[str, Look] = MappingProxyType({})

    def __init__(
        self,
        trace: AttentionTrace,
        attention: str,
        table: Callable[[], CategoryTable],
        beside: Mapping[str, Look] = _beside,
    ) -> None:
        self.trace, self.attention, self._table, self._beside = trace, attention, table, beside

    def of(self, side: Any) -> Look:
        """Return where to look for a rule about a side."""
        return self._beside.get(str(side), self)

    def tokens(self, name: str, item: Any) -> list[Group]:
        """Return positions that a number, a word or a predicate means, each with what is as good: its word's pieces.

        Raises
        ------
        ValueError, IndexError, TypeError
            If there is no such token.
        """
        predicate = Predicate.read(item)
        side = self._sides[name]
        if predicate is None:
            return [side.where(item)]
        head, given = HeadId.read(predicate.given[0]), self._one(predicate, "keys" if name == "queries" else "queries")
        if (predicate.name == "strongest") != (name == "keys"):
            raise ValueError(f"{predicate} names {'keys' if name == 'queries' else 'queries'}, not {name}")
        self._check(head)
        at = {"queries" if name == "keys" else "keys": given}
        tile = self.trace.weights(head.layer, [head.head], attention=self.attention, **at)  # (1, queries, keys)
        numbers = tile[0].mean(0) if name == "keys" else tile[0].sum(1)  # of several pieces as the widget takes them
        found = [side.words[at] for at in _top(numbers, predicate.k)]
        return [[at for at, one in enumerate(side.words) if one == word] for word in dict.fromkeys(found)]

    def heads(self, item: Any) -> list[Group]:
        """Return heads that a name or a predicate means.

        Raises
        ------
        ValueError, KeyError, IndexError, TypeError
            If there is no such head, token or category.
        """
        predicate = Predicate.read(item)
        if predicate is None:
            head = HeadId.read(item)
            self._check(head)
            return [[list(head)]]
        if predicate.name == "heads_of":
            found = self._table().heads(predicate.given[0])
            if not found:
                raise ValueError(f"{predicate}: no head here is of this kind")
            return [[list(HeadId.read(one))] for one in found]
        if predicate.name != "top_heads":
            raise ValueError(f"{predicate} names tokens, not heads")
        query, key = self._place(predicate.given[0]), self._place(predicate.given[1])
        rank = self.trace.rank(query, key, attention=self.attention)
        return [[list(HeadId.read(rank.heads[at]))] for at in _top(rank.values, predicate.k)]

    def painted(self, mask: str) -> list[list[int]] | None:
        """Return a mask with a name as rows of 1 and 0, as somebody may paint it; None where that is too large."""
        n, m = (len(side.text) for side in self._sides.values())
        made = masks.read(mask, n, m)
        return made.int().tolist() if max(n, m) <= _MOST_DRAWN else None

    @property
    def _sides(self) -> dict[str, Tokens]:
        return dict(zip(("queries", "keys"), self.trace.sides(self.attention), strict=True))

    def _one(self, predicate: Predicate, side: str) -> list[int]:
        """Return the pieces of the one word that is given."""
        found, tokens = self._sides[side].where(self._place(predicate.given[1])), self._sides[side]
        if len({tokens.words[at] for at in found}) > 1:
            raise ValueError(f"{predicate}: {predicate.given[1]!r} stands in several places; give a position: {found}")
        return found

    @staticmethod
    def _place(given: str) -> int | str:
        return int(given) if given.isdecimal() else given

    def _check(self, head: HeadId) -> None:
        layers, heads = self.trace.n_layers(self.attention), self.trace.n_heads(self.attention)
        if head.layer >= layers or head.head >= heads:
            raise IndexError(f"there is no head {head}: {layers} layers of {heads} heads")


class Nowhere(Look):
    """Finds whatever is well formed."""

    def __init__(self) -> None:
        """There is nothing to look in."""

    def tokens(self, name: str, item: Any) -> list[Group]:
        """Check the form."""
        predicate = Predicate.read(item)
        if predicate is None and not isinstance(item, str | int):
            raise TypeError(f"expected positions (integers) or words (strings), got {item!r}")
        if predicate is not None and predicate.name != ("strongest" if name == "keys" else "looking_most"):
            raise ValueError(f"{predicate} does not name {name}")
        if predicate is not None:
            HeadId.read(predicate.given[0])
        return [[0]]

    def heads(self, item: Any) -> list[Group]:
        """Check the form."""
        predicate = Predicate.read(item)
        if predicate is not None and predicate.name not in {"heads_of", "top_heads"}:
            raise ValueError(f"{predicate} names tokens, not heads")
        return [[[0, 0] if predicate else list(HeadId.read(item))]]

    def painted(self, mask: str) -> list[list[int]] | None:
        """Check the form."""
        masks.brief(mask)
        return None


def _top(numbers: Tensor, k: int) -> list[int]:
    """Return where the k largest are, and those that equal the last of them; none that is forbidden or no number."""
    known = [(float(one), at) for at, one in enumerate(numbers.tolist()) if one == one and one > 0]  # noqa: PLR0124
    ranked = sorted(known, key=lambda one: (-one[0], one[1]))
    if not ranked:
        raise ValueError("nothing there has a weight")
    last = ranked[min(k, len(ranked)) - 1][0]
    return [at for value, at in ranked if value >= last]
