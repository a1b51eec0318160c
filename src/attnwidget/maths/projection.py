"""How a layer's heads become its output: W_O, and what the model's own module made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.maths.softmax import product, upcast

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = 1 << 14  # keys that are projected at once


@dataclass(frozen=True)
class Projection:
    """The output projection of one layer, concat(heads) · W_O + b (Vaswani et al. 2017, section 3.2.2).

    Attributes
    ----------
    weight : Tensor
        (heads, d_v, d_model), each head's slice of W_O.
    bias : Tensor, optional
        (d_model,).
    output : Tensor, optional
        (queries, d_model), what the model's own module returned; None where nobody has seen it.
    name : str
        That module's name in the model.
    version : int
        Of `weight`, which is the model's own memory: it counts writes into it.
    """

    weight: Tensor
    bias: Tensor | None
    output: Tensor | None
    name: str
    version: int = 0

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle whether the weight is current: the writes into a copy count from its own start."""
        return vars(self) | {"version": self.is_current}

    def __setstate__(self, state: dict[str, Any]) -> None:
        version = version_of(state["weight"]) if state["version"] else -1
        vars(self).update(state | {"version": version})

    @property
    def is_current(self) -> bool:
        """Whether the weight is still what it was."""
        return version_of(self.weight) == self.version

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """Everything that occupies memory."""
        return self.weight, self.bias, self.output

    def value_norms(self, values: Tensor) -> Tensor:
        """Measure what each head would write for each key if it gave it all its weight; see `value_norms`.

        Parameters
        ----------
        values : Tensor
            (value heads, keys, d_v); neighbouring heads share one where there are fewer (grouped queries).

        Returns
        -------
        Tensor
            (heads, keys), float32, or float64 if the values are.
        """
        groups = [head * len(values) // len(self.weight) for head in range(len(self.weight))]
        return torch.stack([value_norms(values[at], one) for at, one in zip(groups, self.weight, strict=True)])


def value_norms(values: Tensor, weight: Tensor) -> Tensor:
    """Measure what one head would write for each key if it gave it all its weight, ‖v · W_O‖.

    The ‖f(x)‖ of Kobayashi et al. 2020, "Attention is not only a weight", section 2.2, as v = x W_V + b_V.
    With Wᵀ = Q R, whose Q keeps lengths, ‖v W‖ = ‖v Rᵀ‖: d_v × d_v numbers take the place of d_v × d_model, and no
    key's projection is ever written out.

    Parameters
    ----------
    values : Tensor
        (keys, d_v).
    weight : Tensor
        (d_v, d_model), the head's slice of W_O.

    Returns
    -------
    Tensor
        (keys,), float32, or float64 if the values are.
    """
    blocks = torch.split(values, _BLOCK)  # each (keys of the block, d_v)
    # on the CPU, as not every device factorises
    short = torch.linalg.qr(upcast(weight).cpu().T, mode="r").R.T.to(upcast(blocks[0]))  # (d_v, up to d_v)
    return torch.cat([torch.linalg.vector_norm(product(upcast(v), short), dim=-1) for v in blocks])


def version_of(weight: Tensor) -> int:
    """Count the writes into a tensor's memory; those made in inference mode are not counted."""
    return 0 if weight.is_inference() else weight._version  # noqa: SLF001 - PyTorch tells it nowhere else
