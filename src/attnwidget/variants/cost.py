"""What a variant takes, as formulas in words and as functions of the sizes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    """How large one layer's attention is, and the settings of a variant that change what it takes.

    Attributes
    ----------
    n, m : int
        Number of queries and of keys.
    d_k, d_v : int
        Length of a query and key, of a value.
    heads, key_heads : int
        Number of query heads, and of heads that have keys and values of their own.
    groups : int
        Key heads of grouped-query attention.
    hidden : int
        Units of additive attention.
    rank, d_rope : int
        Length of the latent, and of the rotated part that is kept beside it.
    window, each_side, block, stride, tokens_global, random : int
        Of the sparse variants.
    block_q, block_k : int
        Of flash attention's tiles.
    itemsize : int
        Bytes of a number.
    """

    n: int
    m: int
    d_k: int
    d_v: int
    heads: int
    key_heads: int
    _: KW_ONLY
    groups: int = 2
    hidden: int = 8
    rank: int = 4
    d_rope: int = 0
    window: int = 4
    block: int = 4
    stride: int = 4
    tokens_global: int = 2
    each_side: int = 2
    random: int = 1
    block_q: int = 64
    block_k: int = 64
    itemsize: int = 4

    @classmethod
    def of(cls, q: Tensor, k: Tensor, v: Tensor, **settings: Any) -> Self:
        """Read the sizes of q (heads, n, d_k), k (key heads, m, d_k) and v (key heads, m, d_v)."""
        heads, n, d_k = q.shape
        settings = {"itemsize": q.element_size()} | settings
        return cls(n, k.shape[1], d_k, v.shape[2], heads, k.shape[0], **settings)


@dataclass(frozen=True)
class Count:
    """A number that follows from the sizes: the formula as it is read, and the function that computes it."""

    text: str
    count: Callable[[Sizes], int]

    def __call__(self, sizes: Sizes) -> int:
        """Compute it."""
        return self.count(sizes)


PLAIN_MULTIPLICATIONS = Count("heads · n · m · (d_k + d_v)", lambda s: s.heads * s.n * s.m * (s.d_k + s.d_v))
PLAIN_ACTIVATIONS = Count("heads · n · m", lambda s: s.heads * s.n * s.m)
PLAIN_CACHE = Count("key_heads · m · (d_k + d_v)", lambda s: s.key_heads * s.m * (s.d_k + s.d_v))


@dataclass(frozen=True)
class Cost:
    """What a variant takes in one layer.

    Attributes
    ----------
    multiplications : Count
        Of the matrix products from q, k and v to the heads' outputs. The projections before and after, the softmax
        and divisions are left out.
    activations : Count
        Numbers that exist at once beside operands and output.
    cache : Count
        Numbers that a model keeps to write one token more after `m`.
    also : tuple
        What else is worth counting: (what, Count).
    """

    multiplications: Count = PLAIN_MULTIPLICATIONS
    activations: Count = PLAIN_ACTIVATIONS
    cache: Count = PLAIN_CACHE
    also: tuple[tuple[str, Count], ...] = ()


def sparse(text: str, pairs: Callable[[Sizes], int], cache: Count = PLAIN_CACHE) -> Cost:
    """Return the cost of a variant that computes some pairs only.

    Parameters
    ----------
    text : str
        How many pairs there are, in words.
    pairs : function
        Counts them.
    cache : Count
        What is kept, if that is less.
    """
    return Cost(
        Count(f"heads · pairs · (d_k + d_v), with pairs = {text}", lambda s: s.heads * pairs(s) * (s.d_k + s.d_v)),
        Count(f"heads · pairs, with pairs = {text}", lambda s: s.heads * pairs(s)),
        cache,
        (("pairs", Count(text, pairs)),),
    )
