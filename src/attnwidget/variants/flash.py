"""Flash attention: the exact numbers tile by tile, and the bytes that it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.variants.attend import prepare
from attnwidget.variants.core import D_K, Attended, Formula, Identity, Source, Symbol, Variant
from attnwidget.variants.cost import PLAIN_CACHE, PLAIN_MULTIPLICATIONS, Cost, Count
from attnwidget.variants.flash_steps import flash_steps
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike
    from attnwidget.variants.cost import Sizes


@dataclass(frozen=True, eq=False)
class Flash(Attended):
    """With what was counted. `weights` and `scores` are None: they never exist as a whole.

    Attributes
    ----------
    lse : Tensor
        (heads, n), each row's log-sum-exp, from which the backward pass computes tiles again.
    tiles : tuple
        (queries, keys, skipped) of each step.
    read, written : int
        Bytes moved between the large, slow memory and the small, fast one.
    plain_bytes : int
        What attention that writes scores and weights out would move.
    """

    lse: Tensor
    tiles: tuple[tuple[range, range, bool], ...]
    read: int
    written: int
    plain_bytes: int


def flash(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    block_q: int = 64,
    block_k: int = 64,
    *,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Flash:
    """Attend tile by tile, without ever having all scores: the same numbers as `scaled_dot_product`.

    Cost: heads · n · m · (d_k + d_v) multiplications, and heads · block_q · block_k scores at once. Source: Dao et al.
    2022, section 3.1, arXiv 2205.14135, with the order of loops of Dao 2023, arXiv 2307.08691; the running softmax is
    Milakov and Gimelshein's, 2018, arXiv 1805.02867.

    Parameters
    ----------
    q, k, v, mask, scale, block_q, block_k
        As of `flash_steps`.

    Returns
    -------
    Flash
        Exact outputs, and what was moved.
    """
    itemsize = q.element_size()
    operands = prepare(q, k, v, mask)
    (heads, n, d_k), m, d_v = operands[0].shape, operands[1].shape[1], operands[2].shape[2]
    output = operands[0].new_zeros(heads, n, d_v)  # (heads, n, d_v)
    lse = operands[0].new_full((heads, n), -torch.inf)  # (heads, n)
    read = written = 0
    tiles = []
    for step in flash_steps(q, k, v, block_q=block_q, block_k=block_k, mask=operands[3], scale=scale):
        read, written = read + step.read, written + step.written
        tiles.append((step.queries, step.keys, step.skipped))
        if step.last:
            rows = slice(step.queries.start, step.queries.stop)
            output[:, rows], lse[:, rows] = step.output, step.maximum + step.total.log()
    plain = heads * ((n + m) * d_k + 4 * n * m + (m + n) * d_v) * itemsize
    return Flash(output, None, None, operands[3], lse, tuple(tiles), read, written, plain)


def _moved(s: Sizes) -> int:
    blocks = -(-s.n // s.block_q)
    return s.heads * (s.n * s.d_k + blocks * s.m * (s.d_k + s.d_v) + s.n * (s.d_v + 1)) * s.itemsize


def _exact(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return flash(q, k, v, 3, 4).output, scaled_dot_product(q, k, v).output  # tiles that need not divide n


FLASH = Variant(
    name="flash",
    label="flash attention",
    group="how it runs",
    function=flash,
    sentence="The same attention, computed tile by tile, so that the n × m scores never exist as a whole.",
    paragraph=(
        "A graphics processor multiplies faster than its large memory can bring numbers. Flash attention loads a block "
        "of queries, and then keys and values block by block; of each row it keeps the largest score so far, the sum "
        "of exponentials so far, and the output so far. When a larger score comes, sum and output are multiplied down "
        "by e^(old maximum − new maximum). After the last tile the output is the exact one. Scores and weights are "
        "never written to memory, which is where the time and the n × m numbers went."
    ),
    formula=Formula(
        "{μ} = max({μ'}, max {S}), {l} = e^({μ'} − {μ}) {l'} + Σ e^({S} − {μ}), "
        "{O} = e^({μ'} − {μ}) {O'} + e^({S} − {μ}) {V}; at the end {O} / {l}, with {S} = {Q} {K}ᵀ / √{d_k}",
        (
            Symbol("μ", "largest score of a row so far", "(rows)"),
            Symbol("μ'", "the same before this tile", "(rows)"),
            Symbol("S", "scores of the tile", "(rows, columns)"),
            Symbol("l", "sum of the exponentials so far", "(rows)"),
            Symbol("l'", "the same before this tile", "(rows)"),
            Symbol("O", "output so far, not yet divided", "(rows, d_v)"),
            Symbol("O'", "the same before this tile", "(rows, d_v)"),
            Symbol("V", "values of the tile's keys", "(columns, d_v)"),
            Symbol("Q", "the block of queries", "(rows, d_k)"),
            Symbol("K", "the tile's keys", "(columns, d_k)"),
            D_K,
        ),
    ),
    cost=Cost(
        PLAIN_MULTIPLICATIONS,
        Count("heads · block_q · block_k", lambda s: s.heads * s.block_q * s.block_k),
        PLAIN_CACHE,
        (
            (
                "bytes moved",
                Count(
                    "heads · (n · d_k + ⌈n / block_q⌉ · m · (d_k + d_v) + n · (d_v + 1)) · itemsize",
                    _moved,
                ),
            ),
            (
                "bytes moved where scores and weights are written out",
                Count(
                    "heads · ((n + m) · d_k + 4 · n · m + (m + n) · d_v) · itemsize",
                    lambda s: s.heads * ((s.n + s.m) * (s.d_k + s.d_v) + 4 * s.n * s.m) * s.itemsize,
                ),
            ),
        ),
    ),
    sees="Exactly what the scaled dot product sees.",
    cannot="Show its weights: it never has them. Whoever wants to look must compute them once more, as here.",
    often_said=(
        "It is often listed as a variant, or as an approximation. It is neither: the result is the same but for "
        "rounding. “Memory-efficient” is right of the scores; time still grows with the square of the length, and the "
        "keys and values kept while writing are as many as before."
    ),
    sources=(
        Source(
            "Dao et al.",
            "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness",
            2022,
            "2205.14135",
        ),
        Source(
            "Dao",
            "FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning",
            2023,
            "2307.08691",
        ),
        Source("Milakov and Gimelshein", "Online normalizer calculation for softmax", 2018, "1805.02867"),
    ),
    identities=(Identity("Tiled, with a running softmax ≡ exact.", "scaled_dot_product", _exact),),
    meanings={"block_q": "queries in a tile", "block_k": "keys in a tile"},
)
