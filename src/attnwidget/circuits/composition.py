"""Which heads read what which others wrote: composition, of the weights alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from attnwidget.circuits.matrices import head_weights
from attnwidget.head_id import HeadId
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.circuits.matrices import LayerWeights

Kind = Literal["q", "k", "v"]
_SHOWN = 10  # rows of the text form
_READS = {"q": "queries", "k": "keys", "v": "values"}


@dataclass(frozen=True)
class Composition(Tabular):
    """How much more of what one head writes another's queries, keys or values read than chance would have it.

    Attributes
    ----------
    q, k, v : Tensor
        float32 (layers, heads, layers, heads): of a writing head, then of a reading head in a later layer; minus
        `baseline`. NaN where there is no such pair, or a matrix is not known.
    baseline : float
        What heads of random orientation have: 1/√d_model.
    broken : tuple of str
        What of this model these numbers do not tell.
    missing : tuple of str
        Which layers are not known, and why.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    baseline: float
    broken: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def of(self, writes: str, reads: str, kind: Kind = "k") -> float:
        """Return the number of one pair of heads by their names."""
        if kind not in _READS:
            raise ValueError(f'kind must be "q", "k" or "v", got {kind!r}')
        tensor: Tensor = getattr(self, kind)
        return float(tensor[(*HeadId.read(writes), *HeadId.read(reads))])

    def to_table(self) -> Table:
        """Return it as rows under named columns, the strongest first."""
        rows = []
        for kind in _READS:
            tensor: Tensor = getattr(self, kind)
            known = (~tensor.isnan()).nonzero()  # (pairs, 4)
            numbers = tensor[tuple(known.T)].tolist()
            rows += [
                (str(HeadId(*at[:2])), str(HeadId(*at[2:])), kind, number)
                for at, number in zip(known.tolist(), numbers, strict=True)
            ]
        rows.sort(key=lambda row: -row[3])
        return Table(["writes", "reads", "by", "composition"], rows, None, f"composition minus {self.baseline:.4f}")

    def __repr__(self) -> str:
        rows = self.to_table().rows
        lines = [f"composition, minus that of random orientation (1/√d_model = {self.baseline:.4f})"]
        lines += [f"  {row[0]:8} → {_READS[row[2]]:8} of {row[1]:8}{row[3]:+8.4f}" for row in rows[:_SHOWN]]
        more = ["  …"] if len(rows) > _SHOWN else []
        return "\n".join([*lines, *more, *(f"{one[0].upper()}{one[1:]}." for one in [*self.missing, *self.broken])])


def composition(model: Any, *, fold: bool = True) -> Composition:
    """Compute the Q-, K- and V-composition of every pair of heads in different layers, from the weights alone.

    Elhage et al. 2021, "A mathematical framework for transformer circuits", "Decomposing attention head composition",
    with rows from the left: ‖W_OV¹ W_QK²‖ / (‖W_OV¹‖ ‖W_QK²‖) for queries, ‖W_OV¹ W_QK²ᵀ‖ … for keys and
    ‖W_OV¹ W_OV²‖ … for values, all Frobenius norms, with W_OV = W_V W_O and W_QK = W_Q W_Kᵀ. None of these d × d
    matrices is made: ‖A B‖ is that of the small factors of A and B (their QR decompositions).

    The baseline is in closed form: for a random orientation R, E‖A R B‖² = ‖A‖² ‖B‖² / d, whatever A and B are; so it
    is 1/√d_model. (The authors sample random matrices of the same shape, which comes to the same.)

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With one attention.
    fold : bool
        Whether the gain of the norm before the reading head (and what takes the mean off) is folded in.

    Raises
    ------
    ValueError
        If no head's matrices could be proven.
    """
    found = head_weights(model)
    known = found.known
    heads, width = known[0][1].o.shape[0], known[0][1].o.shape[-1]
    count = len(found.layers)
    missing = [f"layer {number}: {one}" for number, one in enumerate(found.layers) if isinstance(one, str)]
    grids = {kind: torch.full((count, heads, count, heads), torch.nan) for kind in _READS}
    for number, writer in known:
        if writer.v is None:
            missing.append(f"layer {number}: its values are no matrix of the stream")
            continue
        left = _short(writer.reads("v", fold=fold)) @ writer.o  # (heads, d_v, d_model): as long as W_V W_O
        for later, reader in known:
            if later <= number:
                continue
            for kind, grid in grids.items():
                sides = _sides(reader, kind, fold=fold)
                if sides is not None:
                    grid[number, :, later] = _ratio(left, *sides)
    baseline = width**-0.5
    q, k, v = (grid - baseline for grid in grids.values())
    return Composition(q, k, v, baseline, found.broken, tuple(missing))


def _sides(reader: LayerWeights, kind: str, *, fold: bool) -> tuple[Tensor, Tensor] | None:
    """Return what reads the stream, (heads, d_model, d_head), and the small factor of what is behind it."""
    if kind == "v":
        v = reader.reads("v", fold=fold)
        return None if v is None else (v, _short(reader.o.transpose(-1, -2)))
    q, k = reader.reads("q", fold=fold), reader.reads("k", fold=fold)
    if q is None or k is None:
        return None
    return (q, _short(k)) if kind == "q" else (k, _short(q))


def _short(tall: Tensor | None) -> Tensor:
    """Return R of (…, d_model, k) = Q R, (…, k, k): as long as it in every direction."""
    assert tall is not None  # noqa: S101 - checked by the caller
    short: Tensor = torch.linalg.qr(tall, mode="r").R
    return short


def _ratio(left: Tensor, reads: Tensor, behind: Tensor) -> Tensor:
    """Compute ‖L M Bᵀ‖ / (‖L‖ ‖M Bᵀ‖) of every pair, (writing heads, reading heads)."""
    circuit = reads @ behind.transpose(-1, -2)  # (heads, d_model, k): as long as the whole circuit
    both = torch.einsum("wvd,rdk->wrvk", left, circuit)  # (writing heads, reading heads, d_v, k)
    lengths = torch.linalg.matrix_norm(left)[:, None] * torch.linalg.matrix_norm(circuit)[None]
    found: Tensor = torch.linalg.matrix_norm(both) / lengths
    return found
