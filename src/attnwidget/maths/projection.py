"""How a layer's heads become its output: W_O, and what the model's own module made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Projection:
    """The output projection of one layer, concat(heads) · W_O + b (Vaswani et al. 2017, section 3.2.2).

    Attributes
    ----------
    weight : Tensor
        (heads, d_v, d_model), each head's slice of W_O.
    bias : Tensor, optional
        (d_model,).
    output : Tensor
        (queries, d_model), what the model's own module returned.
    name : str
        That module's name in the model.
    version : int
        Of `weight`, which is the model's own memory: it counts writes into it.
    """

    weight: Tensor
    bias: Tensor | None
    output: Tensor
    name: str
    version: int = 0

    @property
    def is_current(self) -> bool:
        """Whether the weight is still what it was."""
        return version_of(self.weight) == self.version

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """Everything that occupies memory."""
        return self.weight, self.bias, self.output


def version_of(weight: Tensor) -> int:
    """Count the writes into a tensor's memory; those made in inference mode are not counted."""
    return 0 if weight.is_inference() else weight._version  # noqa: SLF001 - PyTorch tells it nowhere else
