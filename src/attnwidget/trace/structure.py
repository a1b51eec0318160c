"""What stands around a model's attention, as far as a pass has shown it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["attention", "cross-attention", "MLP", "part"]


@dataclass(frozen=True)
class Part:
    """A part of a layer, which reads the residual stream and adds to it.

    Attributes
    ----------
    kind : str
        "MLP" where each token goes through it by itself; "part" of what nobody has named.
    before, inside, after : bool
        Where norms stand: x + part(norm(x)), x + norm(part(x)), norm(x + part(x)).
    """

    kind: Kind
    before: bool = False
    inside: bool = False
    after: bool = False


Block = tuple[tuple[Part, ...], ...]
"""A layer's parts, one after the other; those that read the same and are added together stand together."""


@dataclass(frozen=True)
class Stack:
    """The layers of a text's model, or of an encoder, or of a decoder.

    Attributes
    ----------
    blocks : tuple of Block or None
        By layer; None where what stands there could not be proven.
    embedding : tuple of str or None
        What each token's first vector is the sum of: "token", "position", "segment", or another's name.
    first_norm, last_norm : bool
        Whether a norm stands before the first layer, and after the last.
    """

    blocks: tuple[Block | None, ...]
    embedding: tuple[str, ...] | None = None
    first_norm: bool = False
    last_norm: bool = False


@dataclass(frozen=True)
class Structure:
    """All stacks by their attention ("self", "encoder", "decoder"), and which layers turn queries and keys.

    Attributes
    ----------
    rotary : dict of str to tuple of bool
        By attention and layer, as the model's configuration says.
    """

    stacks: dict[str, Stack] = field(default_factory=dict)
    rotary: dict[str, tuple[bool, ...]] = field(default_factory=dict)
