"""Grouped-query and multi-query attention: several query heads share keys and values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnwidget.variants.attend import prepare, with_each_head
from attnwidget.variants.core import D_K, Attended, Formula, Identity, Q, Source, Symbol, Variant
from attnwidget.variants.cost import PLAIN_ACTIVATIONS, PLAIN_MULTIPLICATIONS, Cost, Count
from attnwidget.variants.multi_head import multi_head
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike

AINSLIE = Source(
    "Ainslie et al.",
    "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
    2023,
    "2305.13245",
)


@dataclass(frozen=True, eq=False)
class Grouped(Attended):
    """With what is shared.

    Attributes
    ----------
    groups : tuple of int
        Of every query head, its group.
    keys, values : Tensor
        (groups, m, d_k) and (groups, m, d_v), what each group shares.
    """

    groups: tuple[int, ...]
    keys: Tensor
    values: Tensor


def grouped_query(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    groups: int | None = None,
    *,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Grouped:
    """Attend with keys and values that neighbouring heads share: the mean of the group's own.

    Cost: heads · n · m · (d_k + d_v) multiplications, as with keys of one's own; groups · m · (d_k + d_v) numbers to
    keep instead of heads · m · (d_k + d_v). Source: Ainslie et al. 2023, section 2, arXiv 2305.13245.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`. k and v may be shared already.
    groups : int, optional
        How many heads have keys, a divisor of the number of query heads; half of them by default, or 1.

    Returns
    -------
    Grouped
        With the groups and what they share.

    Raises
    ------
    ValueError
        If `groups` does not divide the number of heads.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    heads = len(q)
    groups = (1 if heads % 2 else heads // 2) if groups is None else groups
    if groups < 1 or heads % groups:
        fitting = ", ".join(str(count) for count in range(1, heads + 1) if heads % count == 0)
        raise ValueError(f"groups must divide the {heads} heads evenly, one of {fitting}; got {groups}")
    keys, values = _pooled(k, heads, groups), _pooled(v, heads, groups)  # (groups, m, d_k), (groups, m, d_v)
    plain = scaled_dot_product(q, keys, values, mask=allowed, scale=scale)
    belongs = tuple(head * groups // heads for head in range(heads))
    return Grouped(plain.output, plain.weights, plain.scores, allowed, belongs, keys, values)


def multi_query(q: Tensor, k: Tensor, v: Tensor, *, mask: MaskLike = None, scale: float | None = None) -> Grouped:
    """Attend with one set of keys and values for all heads: the mean of theirs.

    Cost: heads · n · m · (d_k + d_v) multiplications; m · (d_k + d_v) numbers to keep. Source: Shazeer 2019, section
    3, arXiv 1911.02150; pooled as by Ainslie et al. 2023, section 2.1.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`.
    """
    return grouped_query(q, k, v, 1, mask=mask, scale=scale)


def _pooled(x: Tensor, heads: int, groups: int) -> Tensor:
    """Take the mean over each group of heads, (groups, m, d) from (key heads, m, d)."""
    if len(x) == groups:
        return x
    return with_each_head(x, heads).view(groups, heads // groups, *x.shape[1:]).mean(1)  # (groups, m, d)


def _as_many(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return grouped_query(q, k, v, len(q)).output, multi_head(q, k, v).output


def _one_group(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return grouped_query(q, k, v, 1).output, _mean_of_all(q, k, v)


def _mean_of_all(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend with the mean of all keys and values, written out for every head."""
    means = [x.mean(0, keepdim=True).expand(len(q), -1, -1) for x in (k, v)]  # (heads, m, d_k), (heads, m, d_v)
    return scaled_dot_product(q, *means).output


def _shared_copies(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return multi_query(q, k, v).output, _mean_of_all(q, k, v)


_KEYS = Symbol("K_g", "keys that the group shares: the mean of its heads' keys", "(m, d_k)")
_VALUES = Symbol("V_g", "values that the group shares: the mean of its heads' values", "(m, d_v)")

GROUPED_QUERY = Variant(
    name="grouped_query",
    label="grouped-query",
    group="heads",
    function=grouped_query,
    sentence="Heads keep their own queries, but neighbours share keys and values.",
    paragraph=(
        "While a model writes, it keeps the keys and values of all tokens before; reading them is what takes the time. "
        "With groups there are fewer: 32 query heads with 8 groups keep a quarter. To turn a trained multi-head model "
        "into one, the paper takes the mean of each group’s W_K and W_V, which (without a norm in between) is the mean "
        "of its keys and values, and trains on for a twentieth of the time. Here nothing is trained on, so the weights "
        "show what is lost before that."
    ),
    formula=Formula(
        "softmax({Q} {K_g}ᵀ / √{d_k}) {V_g}",
        (Q, _KEYS, D_K, _VALUES),
    ),
    cost=Cost(
        PLAIN_MULTIPLICATIONS,
        PLAIN_ACTIVATIONS,
        Count("groups · m · (d_k + d_v)", lambda s: s.groups * s.m * (s.d_k + s.d_v)),
    ),
    sees="What multi-head attention sees.",
    cannot="Have keys of its own in each head: heads of a group differ by what they ask only.",
    often_said=(
        "“A balance of efficiency and quality” is right. What is saved is memory and its reading while writing; the "
        "number of multiplications of attention stays the same."
    ),
    sources=(AINSLIE,),
    identities=(
        Identity("As many groups as heads ≡ multi-head.", "multi_head", _as_many),
        Identity("One group ≡ multi-query.", "multi_query", _one_group),
    ),
    meanings={"groups": "how many sets of keys and values there are"},
)

MULTI_QUERY = Variant(
    name="multi_query",
    label="multi-query",
    group="heads",
    function=multi_query,
    sentence="All heads share one set of keys and values.",
    paragraph=(
        "The extreme of sharing: each head asks its own question, and all look through the same keys and take from the "
        "same values. A model with 32 heads keeps a 32nd of the numbers while it writes. Trained so from the start, "
        "models lose a little; pooled from a multi-head model without training, as here, they lose much."
    ),
    formula=Formula(
        "softmax({Q} {K}ᵀ / √{d_k}) {V}",
        (
            Q,
            Symbol("K", "the one set of keys: the mean of all heads' keys", "(m, d_k)"),
            D_K,
            Symbol("V", "the one set of values: the mean of all heads' values", "(m, d_v)"),
        ),
    ),
    cost=Cost(
        PLAIN_MULTIPLICATIONS,
        PLAIN_ACTIVATIONS,
        Count("m · (d_k + d_v)", lambda s: s.m * (s.d_k + s.d_v)),
    ),
    sees="What multi-head attention sees.",
    cannot="Let two heads take different things from one token: there is one value for all.",
    often_said=(
        "“Efficient inference” is right of writing token by token, which waits for memory. Reading a prompt takes as "
        "many multiplications as before."
    ),
    sources=(
        Source("Shazeer", "Fast Transformer Decoding: One Write-Head is All You Need", 2019, "1911.02150"),
        AINSLIE,
    ),
    identities=(
        Identity("One shared set ≡ multi-head with a copy of that set in every head.", "multi_head", _shared_copies),
    ),
    meanings={},
)
