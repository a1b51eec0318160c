"""`AttentionTrace`: what one forward pass leaves behind, and every number asked of it later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attnwidget.maths import (
    ALL,
    Index,
    Layer,
    QKVLayer,
    layers_from_qkv,
    layers_from_weights,
    resolve,
)
from attnwidget.maths.softmax import upcast
from attnwidget.tokens import Tokens, describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    Positions = int | slice | Sequence[int] | None


class AttentionTrace:
    """The attention of one text in one model, recomputed piece by piece when asked for.

    Made by `attnwidget.capture`, `from_attentions` or `from_qkv`. It keeps Q, K, V and one number
    per row, never layers × heads × n × n weights: a tile costs its own size.

    Layers and heads are counted from 0; negative numbers count from the end. Wherever a method
    takes `head`, `queries` or `keys`, one number drops that dimension.

    Parameters
    ----------
    layers : mapping of str to sequence of layers
        Per attention ("self"), its layers.
    tokens : Tokens
        The text's tokens.
    model_name : str
        A label for display.
    max_error : float, optional
        Largest |difference| between recomputed and the model's own attention output.
    """

    def __init__(
        self,
        layers: Mapping[str, Sequence[Layer]],
        tokens: Tokens,
        *,
        model_name: str = "",
        max_error: float | None = None,
    ) -> None:
        self._layers = {name: list(those) for name, those in layers.items()}
        self._tokens = tokens
        self.model_name = model_name
        self.max_error = max_error

    @classmethod
    def from_attentions(
        cls,
        attentions: Any,
        tokens: Sequence[str],
        *,
        mask: Tensor | Literal["causal"] | None = None,
        model_name: str = "",
    ) -> AttentionTrace:
        """Make a trace from attention weights alone; it has no scores, queries, keys or values.

        Parameters
        ----------
        attentions : sequence of Tensor, or Tensor
            Per layer (heads, n, n) or (1, heads, n, n), in any float dtype; numpy arrays too. As
            transformers returns it under ``output_attentions=True`` with eager attention.
        tokens : sequence of str
            The n tokens.
        mask : "causal" or Tensor, optional
            bool (keys,) or (queries, keys), True where attention is permitted. Weights alone cannot
            tell a forbidden pair from a weight of 0. Without a mask, attention is taken for causal
            if every weight above the diagonal, in every layer and head, is exactly 0, and for
            unmasked otherwise. A weight where the mask forbids it is taken for 0.
        model_name : str
            A label for display.

        Raises
        ------
        ValueError
            If a layer is missing or a shape does not fit the tokens.
        """
        layers = layers_from_weights(attentions, len(tokens), mask)
        return cls({"self": layers}, describe(tokens), model_name=model_name)

    @classmethod
    def from_qkv(  # noqa: PLR0917 - tensors, tokens, mask, scale: the order is promised
        cls,
        q: Any,
        k: Any,
        v: Any,
        tokens: Sequence[str],
        mask: Tensor | Literal["causal"] | None = None,
        scale: float | None = None,
        *,
        model_name: str = "",
    ) -> AttentionTrace:
        """Make a trace from the queries, keys and values of any torch code.

        Parameters
        ----------
        q, k, v : Tensor
            (layers, heads, n, d); `k` and `v` may have fewer heads (grouped-query attention), `v`
            another d. Keys and queries as they are multiplied, after any rotation.
        tokens : sequence of str
            The n tokens.
        mask : "causal" or Tensor, optional
            bool (keys,) or (queries, keys), True where attention is permitted.
        scale : float, optional
            Factor of the products, ``d ** -0.5`` by default.
        model_name : str
            A label for display.

        Raises
        ------
        ValueError
            If shapes do not fit each other or the tokens.
        """
        layers = layers_from_qkv(q, k, v, len(tokens), mask, scale)
        return cls({"self": layers}, describe(tokens), model_name=model_name)

    @property
    def tokens(self) -> list[str]:
        """The tokens as a reader sees them."""
        return list(self._tokens.text)

    @property
    def raw_tokens(self) -> list[str]:
        """The tokens as the vocabulary writes them."""
        return list(self._tokens.raw)

    @property
    def special(self) -> list[bool]:
        """Which tokens are the model's own marks ([CLS], <s>)."""
        return list(self._tokens.special)

    @property
    def words(self) -> list[int]:
        """The number of each token's word, from 0."""
        return list(self._tokens.words)

    @property
    def word_texts(self) -> list[str]:
        """The text's words, each as its tokens joined."""
        return self._tokens.word_texts

    @property
    def attentions(self) -> tuple[str, ...]:
        """The names of the attentions that were captured."""
        return tuple(self._layers)

    @property
    def has_qkv(self) -> bool:
        """Whether scores, queries, keys and values can be had, not only weights."""
        return all(isinstance(one, QKVLayer) for those in self._layers.values() for one in those)

    @property
    def causal(self) -> bool:
        """Whether no query of any layer may see a later key."""
        return all(one.mask.is_causal for those in self._layers.values() for one in those)

    @property
    def nbytes(self) -> int:
        """Bytes of memory the trace keeps alive, each piece of storage counted once."""
        tensors = (x for those in self._layers.values() for one in those for x in one.tensors)
        storages = [x.untyped_storage() for x in tensors if x is not None]
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

    def n_layers(self, attention: str | None = None) -> int:
        """Count the layers of an attention."""
        return len(self._of(attention))

    def n_heads(self, attention: str | None = None) -> int:
        """Count the heads of a layer."""
        return self._of(attention)[0].shape[0]

    def weights(
        self,
        layer: int,
        head: Positions = None,
        *,
        attention: str | None = None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> Tensor:
        """Compute attention weights, after the softmax.

        Parameters
        ----------
        layer : int
            Which layer.
        head, queries, keys : int, slice or list of int, optional
            Which part; everything by default.
        attention : str, optional
            Which of `attentions`, where there are several.

        Returns
        -------
        Tensor
            (heads, queries, keys), float32 (float64 if the model is). 0 where attention is
            forbidden, see `allowed`; NaN where the model has NaN.

        Raises
        ------
        IndexError
            For a layer, head or position that does not exist.
        ValueError
            For an attention that was not captured.
        """
        found, tile, single = self._tile(layer, head, attention, queries, keys)
        return found.weights(*tile)[single]

    def scores(
        self,
        layer: int,
        head: Positions = None,
        *,
        attention: str | None = None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> Tensor:
        """Compute scores, before the softmax: scaled, biased, −inf where attention is forbidden.

        Takes and returns the same as `weights`; a ValueError if the trace has weights only.
        """
        found, tile, single = self._tile(layer, head, attention, queries, keys)
        return _with_qkv(found, "scores").scores(*tile)[single]

    def allowed(
        self,
        layer: int,
        head: Positions = None,
        *,
        attention: str | None = None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> Tensor:
        """Say which pairs may attend: bool, same shape as `weights` of the same arguments."""
        found, tile, single = self._tile(layer, head, attention, queries, keys)
        pairs = found.allowed(*tile)  # (heads or 1, queries, keys)
        heads = range(found.shape[0])[tile[0]] if isinstance(tile[0], slice) else tile[0]
        return pairs.expand(len(heads), -1, -1)[single]

    def qkv(self, layer: int, head: int, *, attention: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return one head's queries (n, d_k), keys (m, d_k) and values (m, d_v).

        Keys and values are those of the head's group where heads share them. They may be the
        trace's own memory: do not write into them.
        """
        found, (heads, *_), (single, *_) = self._tile(layer, head, attention)
        if single != 0 or not isinstance(heads, slice):
            raise TypeError(f"head must be one int, got {head!r}")
        found, number = _with_qkv(found, "queries, keys and values"), heads.start
        group = found.group(number)
        return upcast(found.q[number]), upcast(found.k[group]), upcast(found.v[group])

    def __repr__(self) -> str:
        name = f"{self.model_name}, " if self.model_name else ""
        return (
            f"AttentionTrace({name}{len(self._tokens.text)} tokens, {self.n_layers()} layers × "
            f"{self.n_heads()} heads, {self.nbytes / 1e6:.1f} MB)"
        )

    def _of(self, attention: str | None) -> list[Layer]:
        name = attention
        if name is None and len(self._layers) == 1:
            (name,) = self._layers
        if name not in self._layers:
            raise ValueError(f"attention must be one of {self.attentions}, got {attention!r}")
        return self._layers[name]

    def _tile(
        self,
        layer: int,
        head: Positions,
        attention: str | None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> tuple[Layer, tuple[Index, Index, Index], tuple[int | slice, ...]]:
        """Find the layer, the tile's three indices, and what drops their single dimensions."""
        layers = self._of(attention)
        number, is_one = resolve(layer, len(layers), "layer")
        if not is_one or not isinstance(number, slice):
            raise TypeError(f"layer must be one int, got {layer!r}")
        found = layers[number.start]
        wanted = zip((head, queries, keys), found.shape, ("head", "query", "key"), strict=True)
        (heads, one_head), (rows, one_row), (columns, one_column) = (
            resolve(index, size, name) for index, size, name in wanted
        )
        single = tuple(0 if one else ALL for one in (one_head, one_row, one_column))
        return found, (heads, rows, columns), single


def _with_qkv(layer: Layer, what: str) -> QKVLayer:
    if isinstance(layer, QKVLayer):
        return layer
    raise ValueError(
        f"this trace was made from attention weights and has no {what}: weights do not tell them. "
        "Use attnwidget.capture(model, text) or AttentionTrace.from_qkv"
    )
