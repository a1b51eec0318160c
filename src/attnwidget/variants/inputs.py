"""What a variant is shown on: a layer of a trace, or small weights whose numbers can be read."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol

import torch

from attnwidget.maths import QKVLayer
from attnwidget.maths.softmax import upcast
from attnwidget.maths.tile import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.maths import Layer
    from attnwidget.variants.core import Attended, Variant


class Trace(Protocol):
    """What is asked of an `AttentionTrace`."""

    def layer(self, number: int, *, attention: str | None = None) -> Layer: ...  # noqa: D102
    def lacks(self, name: str, attention: str | None = None, *, layer: int | None = None) -> str: ...  # noqa: D102
    def sides(self, attention: str | None = None) -> tuple[Any, Any]: ...  # noqa: D102
    @property
    def attentions(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Inputs:
    """A layer's own operands.

    Attributes
    ----------
    q, k, v : Tensor
        (heads, n, d_k), (key heads, m, d_k), (key heads, m, d_v), as the model multiplies them: after rotation (RoPE)
        and whatever normalisation it has. float32, or float64 if the model's are that.
    allowed : Tensor
        bool (1 or heads, n, m), the model's own mask, which goes where a variant takes `mask`.
    scale : float
        The model's own factor of the products.
    queries, keys : tuple of str
        The tokens on either side.
    across : bool
        Whether these are two texts (cross-attention): variants with `one_text` have no meaning then.
    notices : tuple of str
        What this layer does beside, and no variant here does.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    allowed: Tensor
    scale: float
    queries: tuple[str, ...]
    keys: tuple[str, ...]
    across: bool
    notices: tuple[str, ...]

    def attend(self, variant: Variant, **options: Any) -> Attended:
        """Call a variant's function on q, k and v, with the mask, the layer's scale where it takes one, and options."""
        scale = {"scale": self.scale} if "scale" in signature(variant.function).parameters else {}
        return variant.function(self.q, self.k, self.v, mask=self.allowed, **scale, **options)


def from_trace(trace: Trace, layer: int, *, attention: str | None = None) -> Inputs:
    """Take a layer's queries, keys, values and mask out of a trace.

    Parameters
    ----------
    trace : AttentionTrace
        With queries, keys and values.
    layer : int
        Its number, negative from the end.
    attention : str, optional
        Which of the trace's attentions, where there are several: "encoder", "decoder" or "cross".

    Returns
    -------
    Inputs
        The layer's operands.

    Raises
    ------
    IndexError
        If there is no such layer.
    ValueError
        If the trace has no queries, keys and values there, or the attention has to be named.
    """
    found = trace.layer(layer, attention=attention)
    reason = trace.lacks("scores", attention, layer=layer) or trace.lacks("norms", attention, layer=layer)
    if not isinstance(found, QKVLayer) or found.v is None:
        raise ValueError(reason or "this layer has no queries, keys and values")
    does = {
        "a bias of positions is added to the scores": found.bias is not None,
        "scores are bounded by a soft cap": found.softcap is not None,
        "an attention sink takes part in the softmax": found.sinks is not None,
    }
    asked, offered = trace.sides(attention)
    return Inputs(
        upcast(found.q),
        upcast(found.k),
        upcast(found.v),
        found.allowed(ALL, ALL, ALL),
        found.scale,
        tuple(asked.text),
        tuple(offered.text),
        across=asked is not offered,
        notices=tuple(f"In this model {what}; the variants leave that out." for what, is_so in does.items() if is_so),
    )


@dataclass(frozen=True, eq=False)
class SmallWeights:
    """Projections of a layer small enough to be shown: `w_query`, `w_key`, `w_value`, (heads, d_model, d_k) each.

    Every number has one digit after the point, so that what is shown is what is computed with.
    """

    w_query: Tensor
    w_key: Tensor
    w_value: Tensor

    def qkv(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return q, k and v, (heads, n, d_k) each, of tokens x (n, d_model)."""
        return x @ self.w_query.to(x), x @ self.w_key.to(x), x @ self.w_value.to(x)


def small_weights(d_model: int = 8, heads: int = 2, seed: int = 0) -> SmallWeights:
    """Make W_Q, W_K and W_V for whoever has no model; nobody trained them.

    Parameters
    ----------
    d_model : int
        Length of a token's vector, a multiple of `heads`.
    heads : int
        Number of heads, each d_model / heads wide.
    seed : int
        Of the random numbers.

    Raises
    ------
    ValueError
        If the sizes are not positive, or `heads` does not divide `d_model`.
    """
    if heads < 1 or d_model < 1 or d_model % heads:
        raise ValueError(f"d_model must be a multiple of heads, both above 0, got {d_model} and {heads}")
    return SmallWeights(*small_numbers((3, heads, d_model, d_model // heads), seed))


def small_embeddings(tokens: Sequence[str], d_model: int = 8, seed: int = 0) -> Tensor:
    """Give every token a vector, (n, d_model); the same token has the same one wherever it stands, in any text.

    There are no positions in it. Every number has one digit after the point.
    """
    rows = [small_numbers((d_model,), _number(token, seed)) for token in tokens]  # n × (d_model,)
    return torch.stack(rows) if rows else torch.empty(0, d_model)


def small_numbers(shape: tuple[int, ...], seed: int) -> Tensor:
    """Draw numbers between −1 and 1 with one digit after the point, float32; the same for the same seed."""
    drawn = torch.randint(-10, 11, shape, generator=torch.Generator().manual_seed(seed))
    return drawn / 10


def _number(token: str, seed: int) -> int:
    """Return a number of a token that is the same in every process, as that of `hash` is not."""
    return int.from_bytes(blake2b(f"{seed} {token}".encode(errors="surrogatepass"), digest_size=6).digest())
