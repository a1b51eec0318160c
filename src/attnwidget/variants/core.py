"""What every variant returns, and what it says of itself as data that a view can show."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal

import torch

from attnwidget.maths.masks import blind

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.variants.cost import Cost
    from attnwidget.variants.inputs import Inputs

ONE_TEXT = "It goes by how far apart two tokens of one text are; between two texts there is no such distance."

Group = Literal["scores", "heads", "sparsity", "other than softmax", "how it runs"]


@dataclass(frozen=True, eq=False)
class Attended:
    """What a variant computes.

    Attributes
    ----------
    output : Tensor
        (heads, n, d_v), float32, or float64 if an operand is that.
    weights : Tensor or None
        (heads, n, m), 0 where the mask forbids; None where the variant never has them.
    scores : Tensor or None
        (heads, n, m) before the softmax, −∞ where the mask forbids; None where there is no one softmax.
    allowed : Tensor
        bool (1 or heads, n, m), which pairs may attend.
    """

    output: Tensor
    weights: Tensor | None
    scores: Tensor | None
    allowed: Tensor

    @property
    def blind(self) -> list[int]:
        """The rows that may attend to nothing, in any head; their weights and outputs are 0."""
        return blind(self.allowed)


@dataclass(frozen=True)
class Symbol:
    """A symbol of a formula: how it is written, what it means, its shape ("" for a number)."""

    symbol: str
    meaning: str
    shape: str = ""


@dataclass(frozen=True)
class Formula:
    """A formula, its symbols marked: "softmax({Q} {K}ᵀ) {V}"."""

    marked: str
    symbols: tuple[Symbol, ...]

    @property
    def text(self) -> str:
        """The formula as it is read."""
        return re.sub(r"[{}]", "", self.marked)

    @property
    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """The formula cut where symbols begin and end: (text, whether it is a symbol)."""
        parts = re.split(r"\{(.*?)\}", self.marked)
        return tuple((part, bool(at % 2)) for at, part in enumerate(parts) if part)


@dataclass(frozen=True)
class Source:
    """The paper that a variant comes from."""

    authors: str
    title: str
    year: int
    arxiv: str

    def __str__(self) -> str:
        return f"{self.authors} {self.year}, “{self.title}”, arXiv {self.arxiv}"


@dataclass(frozen=True)
class Identity:
    """Two ways to the same numbers.

    Attributes
    ----------
    sentence : str
        What equals what.
    other : str
        The name of the variant that it is tied to; its own where both sides are.
    sides : function
        From q, k and v in float64 to the two tensors.
    """

    sentence: str
    other: str
    sides: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

    def difference(self, q: Tensor, k: Tensor, v: Tensor) -> float:
        """Compute both sides in float64 and return the largest |difference|.

        Parameters
        ----------
        q, k, v : Tensor
            (heads, n, d_k), (key heads, m, d_k), (key heads, m, d_v).

        Returns
        -------
        float
            0 for nothing to compare; NaN where one side only has no number.
        """
        one, other = self.sides(*(x.detach().to(torch.float64) for x in (q, k, v)))
        apart = (one - other).abs()  # of any shape
        same = (one == other) | (one.isnan() & other.isnan())  # ∞ − ∞, NaN − NaN
        return float(apart.masked_fill(same, 0).max()) if apart.numel() else 0.0


@dataclass(frozen=True)
class Option:
    """Something that a reader can set: the keyword, what it means, and its default."""

    name: str
    meaning: str
    default: Any


@dataclass(frozen=True)
class Variant:
    """A way to attend: its function, and everything that is to be said of it.

    Attributes
    ----------
    name, label : str
        The function's name, and what a menu calls it.
    group : str
        Of which kind it is; see `GROUPS`.
    function : function
        Called with q, k, v and keywords, all of them optional; returns an `Attended`.
    sentence, paragraph : str
        The first two depths of explanation; `formula` is the third.
    formula : Formula
        With its symbols.
    cost : Cost
        What it takes, as functions of the sizes.
    sees, cannot : str
        What it can see, and what it cannot.
    often_said : str
        Where popular texts simplify, and what is so.
    sources : tuple of Source
        The first is where it comes from.
    identities : tuple of Identity
        What ties it to the others.
    meanings : dict
        Of its function's own keywords.
    one_text : bool
        Whether it counts positions of one text, so that it has no meaning between two (cross-attention).
    """

    _: KW_ONLY
    name: str
    label: str
    group: Group
    function: Callable[..., Attended]
    sentence: str
    paragraph: str
    formula: Formula
    cost: Cost
    sees: str
    cannot: str
    often_said: str
    sources: tuple[Source, ...]
    identities: tuple[Identity, ...]
    meanings: dict[str, str]
    one_text: bool = False

    @property
    def depths(self) -> tuple[str, str, str]:
        """Three depths of explanation: a sentence, a paragraph, the formula with its symbols."""
        symbols = "; ".join(
            f"{one.symbol}: {one.meaning}{f', {one.shape}' if one.shape else ''}" for one in self.formula.symbols
        )
        return self.sentence, self.paragraph, f"{self.formula.text}. {symbols}."

    def why_not(self, inputs: Inputs) -> str:
        """Say why it has no meaning for these inputs; empty if it has."""
        return ONE_TEXT if self.one_text and inputs.across else ""

    @property
    def options(self) -> tuple[Option, ...]:
        """What a reader can set, beside the mask and the scale."""
        known = signature(self.function).parameters
        found = ((name, meaning, known[name].default) for name, meaning in self.meanings.items())
        return tuple(Option(name, meaning, None if at is Parameter.empty else at) for name, meaning, at in found)


Q = Symbol("Q", "queries: what each token that looks asks for", "(heads, n, d_k)")
K = Symbol("K", "keys: what each token offers to be found by", "(heads, m, d_k)")
V = Symbol("V", "values: what each token hands over when it is attended to", "(heads, m, d_v)")
D_K = Symbol("d_k", "length of a query and of a key")
ROWS_Q = Symbol("q", "the query of the token that looks", "(d_k)")
ROWS_K = Symbol("k", "the key of the token looked at", "(d_k)")
VASWANI = Source("Vaswani et al.", "Attention Is All You Need", 2017, "1706.03762")
