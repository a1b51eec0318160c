"""On which numbers variants are shown: a layer of a trace, or small weights that can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.maths.masks import explain, preset
from attnwidget.variants import Inputs, SmallWeights, from_trace, small_embeddings, small_weights

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.trace import AttentionTrace

MOST = 64  # tokens: more make no matrix that can be read three in a row
D_MODEL, HEADS = 8, 4  # of the small weights
OWN, NONE = "", "none"
MASKS = (OWN, NONE, "causal", "prefix:2", "blocks:4", "padding-left:2", "causal+padding-left:2")


@dataclass(frozen=True, eq=False)
class Given:
    """What all variants get.

    Attributes
    ----------
    inputs : Inputs
        q, k, v, mask and scale.
    layers : list of int
        The layers that could be chosen.
    model : str
        What the model is called; empty for small weights.
    config : object, optional
        The model's.
    writes : bool
        Whether tokens see none behind them, so that the model can write: then it keeps keys and values.
    small : tuple, optional
        The tokens' vectors (n, d_model) and the weights.
    notices : tuple of str
        What a reader should know.
    """

    inputs: Inputs
    layers: tuple[int, ...]
    model: str = ""
    config: Any = None
    writes: bool = False
    small: tuple[Tensor, SmallWeights] | None = None
    notices: tuple[str, ...] = ()

    @property
    def heads(self) -> int:
        """Number of query heads."""
        return len(self.inputs.q)

    @property
    def n(self) -> int:
        """Number of tokens."""
        return int(self.inputs.q.shape[1])

    def under(self, mask: str) -> Given:
        """Return the same with a mask by its name in the place of the model's own."""
        if mask == OWN:
            return self
        return replace(self, inputs=replace(self.inputs, allowed=preset(mask, self.n)[None]))

    def says(self, mask: str) -> str:
        """Say what a mask does here."""
        if mask != OWN:
            return explain(mask, self.n)
        allowed = self.inputs.allowed
        known = next((name for name in (NONE, "causal") if bool((allowed == preset(name, self.n)).all())), None)
        if self.small is not None:
            return "No mask: every token sees every token."
        if known is None:
            return "What this layer of the model allows."
        return f"This layer's own: {explain(known, self.n)[0].lower()}{explain(known, self.n)[1:]}"


def of_layer(trace: AttentionTrace, layer: int, config: Any, notices: tuple[str, ...] = ()) -> Given:
    """Take a layer of a trace."""
    inputs = from_trace(trace, layer)
    here = {name: getattr(inputs, name).cpu() for name in ("q", "k", "v", "allowed")}  # few numbers, some in float64
    inputs = replace(inputs, **here)
    usual = inputs.q.shape[2] ** -0.5
    if abs(inputs.scale - usual) > 1e-6 * usual:
        told = f"This layer multiplies its products with {inputs.scale:.4g} where the formulas divide by √d_k"
        notices += (f"{told}; the variants that have a scale do as the layer does.",)
    writes = not bool(inputs.allowed.triu(1).any())
    notices += inputs.notices
    return Given(inputs, layers_of(trace), trace.model_name, config, writes, notices=notices)


def layers_of(trace: AttentionTrace) -> tuple[int, ...]:
    """Return the layers that have queries, keys and values."""
    lacks = [
        trace.lacks("scores", layer=layer) or trace.lacks("norms", layer=layer) for layer in range(trace.n_layers())
    ]
    return tuple(layer for layer, why in enumerate(lacks) if not why)


def check_trace(trace: AttentionTrace) -> None:
    """Refuse what cannot be shown.

    Raises
    ------
    ValueError
        If the model reads one text and says another, the text is too long, or no layer has queries, keys and values.
    """
    if trace.attentions != ("self",):
        raise ValueError(
            "this model reads one text and says another; the lab takes models of one text, such as 'demo/causal', "
            "'demo/masked', or numbers='small', which needs no model"
        )
    check_length(len(trace.tokens))
    if not layers_of(trace):
        why = trace.lacks("scores") or trace.lacks("norms")
        raise ValueError(f"{why} numbers='small' needs no model.")


def small(text: str) -> Given:
    """Make numbers for a text without a model: words, each with a small vector, and small weights."""
    words = words_of(text)
    if not words:
        raise ValueError("the text is empty: write a sentence")
    check_length(len(words))
    x, weights = small_embeddings(words, D_MODEL), small_weights(D_MODEL, HEADS)  # (n, d_model)
    q, k, v = weights.qkv(x)  # (heads, n, d_k) each
    allowed = torch.ones(1, len(words), len(words), dtype=torch.bool)  # (1, n, n)
    tokens = tuple(words)
    inputs = Inputs(q, k, v, allowed, q.shape[2] ** -0.5, tokens, tokens, across=False, notices=())
    return Given(inputs, (), small=(x, weights))


def words_of(text: str) -> list[str]:
    """Cut a text into words and signs."""
    return re.findall(r"\w+(?:[’']\w+)*|[^\w\s]", text)


def check_length(count: int) -> None:
    """Refuse a text that makes no readable matrix."""
    if count > MOST:
        raise ValueError(f"the lab draws texts of up to {MOST} tokens, this one has {count}: shorten it")
