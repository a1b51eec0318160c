"""Variants of attention: each a pure function on the queries, keys and values of any model, and what there is to say.

A new one is a function and a `Variant` in a file of its own here, and its place in `ALL` below.
"""

from typing import get_args

from attnwidget.variants.additive import ADDITIVE, Additive, additive
from attnwidget.variants.bigbird import BIGBIRD, bigbird
from attnwidget.variants.block_sparse import BLOCK_SPARSE, block_sparse
from attnwidget.variants.cache import KVCache, kv_bytes, kv_cache
from attnwidget.variants.core import Attended, Formula, Group, Identity, Option, Source, Symbol, Variant
from attnwidget.variants.cosine import COSINE, cosine
from attnwidget.variants.cost import Cost, Count, Sizes
from attnwidget.variants.differential import DIFFERENTIAL, Differential, differential, lambda_init
from attnwidget.variants.flash import FLASH, Flash, flash
from attnwidget.variants.flash_steps import Step, flash_steps
from attnwidget.variants.gated import GATED, Gated, gated
from attnwidget.variants.grouped_query import GROUPED_QUERY, MULTI_QUERY, Grouped, grouped_query, multi_query
from attnwidget.variants.inputs import Inputs, SmallWeights, from_trace, small_embeddings, small_weights
from attnwidget.variants.latent import LATENT, Latent, compress, from_latent, latent
from attnwidget.variants.linear import LINEAR, Linear, linear
from attnwidget.variants.multi_head import MULTI_HEAD, MultiHead, multi_head
from attnwidget.variants.multiplicative import MULTIPLICATIVE, Multiplicative, multiplicative
from attnwidget.variants.scaled_dot_product import SCALED_DOT_PRODUCT, UNSCALED, scaled_dot_product, unscaled
from attnwidget.variants.sink import SINK, Sunk, sink
from attnwidget.variants.sliding_window import SLIDING_WINDOW, sliding_window
from attnwidget.variants.strided import STRIDED, strided

GROUPS: tuple[str, ...] = get_args(Group)  # in the order of a menu

ALL = (
    SCALED_DOT_PRODUCT,
    UNSCALED,
    ADDITIVE,
    MULTIPLICATIVE,
    COSINE,
    MULTI_HEAD,
    GROUPED_QUERY,
    MULTI_QUERY,
    LATENT,
    SLIDING_WINDOW,
    BLOCK_SPARSE,
    STRIDED,
    BIGBIRD,
    LINEAR,
    DIFFERENTIAL,
    GATED,
    SINK,
    FLASH,
)
"""Every variant, in the order of a menu."""

_BY_NAME = {one.name: one for one in ALL}


def get(name: str) -> Variant:
    """Return a variant by its name.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    found = _BY_NAME.get(name)
    if found is None:
        raise ValueError(f"there is no variant {name!r}; expected one of {', '.join(_BY_NAME)}")
    return found


__all__ = [
    "ADDITIVE",
    "ALL",
    "BIGBIRD",
    "BLOCK_SPARSE",
    "COSINE",
    "DIFFERENTIAL",
    "FLASH",
    "GATED",
    "GROUPED_QUERY",
    "GROUPS",
    "LATENT",
    "LINEAR",
    "MULTIPLICATIVE",
    "MULTI_HEAD",
    "MULTI_QUERY",
    "SCALED_DOT_PRODUCT",
    "SINK",
    "SLIDING_WINDOW",
    "STRIDED",
    "UNSCALED",
    "Additive",
    "Attended",
    "Cost",
    "Count",
    "Differential",
    "Flash",
    "Formula",
    "Gated",
    "Grouped",
    "Identity",
    "Inputs",
    "KVCache",
    "Latent",
    "Linear",
    "MultiHead",
    "Multiplicative",
    "Option",
    "Sizes",
    "SmallWeights",
    "Source",
    "Step",
    "Sunk",
    "Symbol",
    "Variant",
    "additive",
    "bigbird",
    "block_sparse",
    "compress",
    "cosine",
    "differential",
    "flash",
    "flash_steps",
    "from_latent",
    "from_trace",
    "gated",
    "get",
    "grouped_query",
    "kv_bytes",
    "kv_cache",
    "lambda_init",
    "latent",
    "linear",
    "multi_head",
    "multi_query",
    "multiplicative",
    "scaled_dot_product",
    "sink",
    "sliding_window",
    "small_embeddings",
    "small_weights",
    "strided",
    "unscaled",
]
