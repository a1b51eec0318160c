"""Which heads write what they read: the eigenvalues of OV circuits, of the weights alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.circuits.ends import Embedding, embedded, unembedding
from attnwidget.circuits.matrices import head_weights
from attnwidget.head_id import HeadId
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from torch import Tensor

_SHOWN = 10  # rows of the text form
WARNING = (
    "a positive eigenvalue is a direction of tokens that raises itself, no proof that single tokens do: eigenvectors "
    "are not orthogonal (Elhage et al. 2021)"
)


@dataclass(frozen=True)
class Copying(Tabular):
    """How far each head's OV circuit copies: Σ Re λ / Σ |λ|, from −1 to 1.

    Attributes
    ----------
    scores : Tensor
        float32 (layers, heads); NaN where a head's matrices are not known.
    eigenvalues : Tensor
        complex64 (layers, heads, d_v), of W_E W_V W_O W_U, without its zeros.
    embedding : "tokens" or "block 0"
        What stood for W_E.
    broken : tuple of str
        What of this model these numbers do not tell.
    missing : tuple of str
        Which layers are not known, and why.
    """

    scores: Tensor
    eigenvalues: Tensor
    embedding: str
    broken: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def __getitem__(self, head: str) -> float:
        """Return a head's score by its name."""
        return float(self.scores[HeadId.read(head)])

    def to_table(self) -> Table:
        """Return it as rows under named columns, the highest score first."""
        rows = [
            (layer, head, number)
            for layer, line in enumerate(self.scores.tolist())
            for head, number in enumerate(line)
            if number == number  # noqa: PLR0124 - no NaN
        ]
        rows.sort(key=lambda row: -row[2])
        names = [str(HeadId(layer, head)) for layer, head, _ in rows]
        return Table(["layer", "head", "copying"], rows, names, f"copying, Σλ/Σ|λ| of OV circuits; {WARNING}")

    def __repr__(self) -> str:
        table = self.to_table()
        lines = ["copying, Σλ/Σ|λ| of W_E W_V W_O W_U (1: every eigenvalue is positive)"]
        shown = zip(table.index or (), table.rows, strict=True)
        lines += [f"  {name:8}{row[2]:+8.3f}" for _, (name, row) in zip(range(_SHOWN), shown, strict=False)]
        more = ["  …"] if len(table.rows) > _SHOWN else []
        return "\n".join([*lines, *more, f"Warning: {WARNING}.", *map(_sentence, [*self.missing, *self.broken])])


def copying(model: Any, *, embedding: Embedding = "tokens", fold: bool = True) -> Copying:
    """Say of every head how far it writes the tokens that it reads, from the weights alone.

    The score of Elhage et al. 2021, "A mathematical framework for transformer circuits", "Summarizing OV/QK matrices":
    Σλ / Σ|λ| over the eigenvalues of W_E W_V W_O W_U (vocabulary × vocabulary, tokens as rows). That matrix is a
    product A B of (vocabulary × d_v) and (d_v × vocabulary), whose eigenvalues but for zeros are those of B A: so
    d_v × d_v numbers do. The authors warn: the eigenvectors are not orthogonal, and a matrix may have positive
    eigenvalues without any token raising itself.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With one attention, and a head over its vocabulary.
    embedding : "tokens" or "block 0"
        What stands for W_E: the embedding, or what the first block makes of each token alone, which takes in GPT-2's
        first MLP. The first block's own heads then read what they have written.
    fold : bool
        Whether the gains of the norms (and what takes the mean off) are folded in. Their scales never are.

    Raises
    ------
    ValueError
        If the model has no such head, or no head's matrices could be proven.
    """
    found = head_weights(model)
    words, out = embedded(found, embedding), unembedding(found, fold=fold)  # (vocabulary, d), (d, vocabulary)
    size = min(len(words), out.shape[1])  # padded vocabularies
    around = out[:, :size] @ words[:size]  # (d_model, d_model)
    first = found.known[0][1]
    heads, width = first.o.shape[:2]
    values = torch.full((len(found.layers), heads, width), torch.nan, dtype=torch.complex64)
    missing = [f"layer {number}: {one}" for number, one in enumerate(found.layers) if isinstance(one, str)]
    for number, layer in found.known:
        v = layer.reads("v", fold=fold)  # (heads, d_model, d_v)
        if v is None:
            missing.append(f"layer {number}: its values are no matrix of the stream")
            continue
        values[number] = torch.linalg.eigvals(layer.o @ around @ v)  # (heads, d_v)
    scores = values.real.sum(-1) / values.abs().sum(-1)  # (layers, heads)
    return Copying(scores, values, embedding, found.broken, tuple(missing))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
