"""What the parts of a model write into a target: numbers only, as a pass brings them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    Key = tuple[str, int]  # an attention, and the number of a layer


@dataclass(frozen=True)
class Written:
    """The way from every part of the model to one number of one row, with what is not linear in it held.

    Attributes
    ----------
    logit : float
        The model's own number.
    directions : dict of (attention, layer) to Tensor
        float32 (d_model,): what a vector that this layer's W_O gives at the row is multiplied with, to be its share.
        Of a model that norms last alone it is u/σ of the layers all.
    parts : dict of str to float
        What everything else writes, by name, in the order of the model; also of an attention whose W_O is not known.
    held : tuple of str
        What is held at its value for this row, in words.
    missing : tuple of str
        What could not be proven, and why.
    """

    logit: float
    directions: dict[Key, Tensor]
    parts: dict[str, float]
    held: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
