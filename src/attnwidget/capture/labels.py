"""What the parts of a model are called that write into its residual stream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from attnwidget.capture.wrappers import core_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from attnwidget.effects.written import Key

BLOCK = re.compile(r"(.*?\.\d+)(?:\.|$)")  # "model.layers.3" of "model.layers.3.mlp.down_proj"
EMBEDDINGS = "inputs_embeds"  # in place of a module's name, where these were given
_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
_CROSS = re.compile(r"cross|encdec|encoder_attn|enc_attn", re.IGNORECASE)
_POSITION = re.compile(r"position|wpe|pos_emb", re.IGNORECASE)
_TYPE = re.compile(r"type|segment", re.IGNORECASE)


class Place(NamedTuple):
    """A call of a module: where it stands in the pass."""

    at: int  # in the order of the calls
    name: str  # the module's
    block: int  # how many blocks had begun before it, minus 1


class Labels:
    """Names of parts: by W_O, where it is known, and else by the modules' names.

    Parameters
    ----------
    model : nn.Module
        The model.
    layers : mapping of int to int
        By a block's number in the order of the pass, the layer of the trace that it is.
    """

    def __init__(self, model: nn.Module, layers: Mapping[int, int]) -> None:
        base, words = core_of(model).base_model, core_of(model).get_input_embeddings()
        named = list(model.named_modules())
        names = {id(module): name for name, module in named}
        self._base = names.get(id(base), "")
        weight = getattr(words, "weight", None)  # a decoder may have a module of its own for the same table
        self._words = {EMBEDDINGS, names.get(id(words))} | {
            name for name, one in named if getattr(one, "weight", 0) is weight
        }
        self._layers = layers

    def layer(self, place: Place) -> str:
        """Name the layer of a call in a block."""
        return f"L{self._layers[place.block]}" if place.block in self._layers else f"block {place.block}"

    def part(self, place: Place, key: Key | None = None) -> str:
        """Name what gives a vector."""
        if key is not None:
            return f"L{key[1]} {'cross-attention' if key[0] == 'cross' else 'attention'}"
        if BLOCK.match(place.name):
            kind = "attention" if _ATTENTION.search(place.name) else "MLP"
            if kind == "attention" and _CROSS.search(place.name):
                kind = "cross-attention"
            return f"{self.layer(place)} {kind}"
        if place.block < 0:
            kinds = {"position": _POSITION, "token type": _TYPE}
            found = (kind for kind, known in kinds.items() if known.search(place.name.rpartition(".")[2]))
            return "embedding" if place.name in self._words else next(found, place.name)
        return place.name

    def constant(self, place: Place) -> str:
        """Name the bias of a norm, or of a matrix, on the way."""
        if BLOCK.match(place.name):
            return f"{self.layer(place)} norm bias"
        if place.block < 0:
            return "embedding norm bias"
        is_inside = not self._base or place.name.startswith(f"{self._base}.")
        return "final norm bias" if is_inside else "head transform bias"
