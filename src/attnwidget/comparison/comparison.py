"""`Comparison`: what a script asks of two traces side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attnwidget.comparison.divergences import QUERIES, Divergences, divergences
from attnwidget.comparison.steps import StepsBeside, steps_beside
from attnwidget.head_id import HeadId
from attnwidget.trace.ranking import positions_of

if TYPE_CHECKING:
    from attnwidget.comparison.align import Alignment
    from attnwidget.measures.beside import Beside
    from attnwidget.trace import AttentionTrace

    Likely = list[tuple[str, float]]


@dataclass(frozen=True)
class Comparison:
    """Two traces, A and B.

    Attributes
    ----------
    a, b : AttentionTrace
        Each with the other beside it: ``comparison.a.measure("difference", layer)`` is A − B on A's tokens, (heads,
        queries, keys), with −∞ where there is no partner or either side forbids the pair; of `b` it is A − B on B's.
    names : (str, str)
        What they are called: by model, text, mask, whatever sets them apart.
    """

    a: AttentionTrace
    b: AttentionTrace
    names: tuple[str, str]

    @property
    def _beside(self) -> Beside:
        assert self.a.beside is not None  # noqa: S101 - that makes it a comparison
        return self.a.beside

    def _name(self, attention: str | None) -> str:
        return self.a.attentions[0] if attention is None else attention

    def alignment(self, attention: str | None = None) -> Alignment:
        """Return which queries of A and B are partners (where keys are another text's, `Beside.sides` has both).

        Raises
        ------
        ValueError
            If one side has no such attention.
        """
        sides = self._beside.sides(self._name(attention))
        if sides is None:
            raise ValueError(self._beside.why_not(self._name(attention), 0))
        found: Alignment = sides[0]
        return found

    def rank(self, query: Any = None, *, attention: str | None = None, queries: int | None = QUERIES) -> Divergences:
        """Rank all heads by how much they differ between A and B: a table, the most different first.

        Parameters
        ----------
        query : int, str, or a sequence of them; optional
            Compare the rows of these tokens of A only, by position or by what stands there: ``"bank"``.
        attention : str, optional
            Which attention, the first by default.
        queries : int, optional
            Of a longer text, compare only so many aligned rows, evenly spread. None compares all.

        Returns
        -------
        Divergences
            The mean Jensen–Shannon divergence of the aligned rows, in nats: 0 to ln 2.

        Raises
        ------
        ValueError
            If heads cannot be compared, with the reason; or if there is no such token, or it has no partner.
        """
        name = self._name(attention)
        only = positions_of(query, self.a.sides(name)[0])
        return divergences(self.a, self._beside, name, only=only, queries=queries)

    def steps(self, head: Any, query: Any, *, attention: str | None = None) -> StepsBeside:
        """Put a query's numbers in a head, q·k, score and weight of every key, beside those of its partner in B.

        Parameters
        ----------
        head : str or (int, int)
            A's head: ``"L0-H1"``.
        query : int, str, or a sequence of them
            A's query, by position or by what stands there; several are taken together as their mean.
        attention : str, optional
            Which attention, the first by default.

        Returns
        -------
        StepsBeside
            ``difference("scores")`` is A − B, (keys,), with −∞ where there is no partner or either side hides the key.

        Raises
        ------
        ValueError
            If heads cannot be compared, with the reason; or if there is no such token, or it has no partner.
        """
        name = self._name(attention)
        return steps_beside(self.a, name, HeadId.read(head), positions_of(query, self.a.sides(name)[0]) or [0])

    def next_tokens(self, query: int, k: int = 5) -> tuple[Likely, Likely | None]:
        """Return what A's model expects by a row of A, and B's by the row of its partner; None without a partner.

        Raises
        ------
        ValueError
            If there is no such prediction.
        """
        at = range(len(self.a.tokens))[query]
        there = self.alignment(self.a.attentions[-1]).across([at])
        return self.a.next_tokens(at, k), self.b.next_tokens(there[0], k) if there else None

    def __repr__(self) -> str:
        rows = self._beside.sides(self.a.attentions[0])
        count = 0 if rows is None else len(rows[0].pairs)
        sizes = f"{len(self.a.tokens)} and {len(self.b.tokens)}"
        return f"Comparison(A: {self.names[0]}; B: {self.names[1]}; {count} of {sizes} tokens are partners)"
