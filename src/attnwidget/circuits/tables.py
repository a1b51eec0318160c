"""What a head looks for and what it then writes, token by token, of the weights alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.vocabulary import Vocabulary
from attnwidget.circuits.ends import Embedding, embedded, unembedding
from attnwidget.circuits.matrices import LayerWeights, head_weights
from attnwidget.head_id import HeadId
from attnwidget.maths.softmax import upcast
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from torch import Tensor

Row = tuple[str, float]


@dataclass(frozen=True)
class TokenTables(Tabular):
    """One head's circuits at one token.

    Attributes
    ----------
    head : str
        "L3-H5".
    token : str
        Which token.
    looks_for : list of (str, float)
        Where `token` is the query: the keys with the highest scores (QK), before the softmax. Empty where queries and
        keys are no matrix of the stream.
    writes : list of (str, float)
        Where the head looks at `token` with all its weight: what it raises most (OV), in logits before the final norm's
        scale. Empty where values are no matrix of the stream.
    broken : tuple of str
        What of this model these numbers do not tell.
    """

    head: str
    token: str
    looks_for: list[Row]
    writes: list[Row]
    broken: tuple[str, ...]

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        rows = [("looks for", *row) for row in self.looks_for] + [("writes", *row) for row in self.writes]
        return Table(["what", "token", "number"], rows, None, f"{self.head} at {self.token!r}")

    def __repr__(self) -> str:
        lines = [f"{self.head}"]
        if self.looks_for:
            lines.append(f"  {self.token!r} looks for: " + ", ".join(f"{name!r} {n:.2f}" for name, n in self.looks_for))
        if self.writes:
            lines.append(f"  for {self.token!r} writes: " + ", ".join(f"{name!r} {n:+.2f}" for name, n in self.writes))
        return "\n".join([*lines, *(f"{one[0].upper()}{one[1:]}." for one in self.broken)])


def token_tables(
    model: Any,
    head: str | tuple[int, int],
    token: str | int,
    k: int = 10,
    *,
    tokenizer: Any = None,
    embedding: Embedding = "tokens",
) -> TokenTables:
    """Say which tokens a head looks for when it stands at a token, and what it writes when it looks at it.

    The rows of the QK circuit W_E W_Q W_Kᵀ W_Eᵀ and of the OV circuit W_E W_V W_O W_U (Elhage et al. 2021, "A
    mathematical framework for transformer circuits"), with biases. What is read goes through the model's own norm,
    as if the embedding stood alone in the stream; the final norm is folded in without its scale.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With one attention, and a head over its vocabulary.
    head : str or (int, int)
        ``"L3-H5"``.
    token : str or int
        A text that is one token (``" Mary"``), or its id.
    k : int
        How many of each.
    tokenizer : optional
        The model's; by default the one beside its weights.
    embedding : "tokens" or "block 0"
        As of `copying`.

    Raises
    ------
    ValueError
        If there is no such head or token, or the head's matrices could not be proven.
    """
    found = head_weights(model)
    one = HeadId.read(head)
    if not 0 <= one.layer < len(found.layers):
        raise ValueError(f"there is no layer {one.layer}: the model has {len(found.layers)}, from 0")
    layer = found.layers[one.layer]
    if isinstance(layer, str):
        raise ValueError(f"{one}: {layer}")  # noqa: TRY004 - a reason
    if not 0 <= one.head < len(layer.o):
        raise ValueError(f"there is no head {one}: a layer has {len(layer.o)}, from 0")
    vocabulary = Vocabulary(model, tokenizer)
    words = embedded(found, embedding)  # (vocabulary, d_model)
    number = vocabulary.id_of(token) if isinstance(token, str) else token
    if not 0 <= number < len(words):
        raise ValueError(f"token id {number} does not exist: the model has {len(words):,} tokens, from 0")

    def listed(numbers: Tensor) -> list[Row]:
        top = numbers.topk(min(k, len(numbers)))
        names = [vocabulary.spelling(at) for at in top.indices.tolist()]
        return list(zip(names, top.values.tolist(), strict=True))

    read = _normed(layer, words)  # (vocabulary, d_model)
    looks, writes = _scores(layer, one.head, read, number), _written(layer, one.head, read[number])
    return TokenTables(
        str(one),
        vocabulary.spelling(number),
        [] if looks is None else listed(looks),
        [] if writes is None else listed(writes @ unembedding(found, fold=True)),
        found.broken,
    )


def _normed(layer: LayerWeights, words: Tensor) -> Tensor:
    """Put what tokens bring through the norm before the head."""
    if layer.norm is None:
        return words
    with torch.no_grad():
        weight = next(iter(layer.norm.parameters()), words)
        return upcast(layer.norm(words.to(weight))).cpu()


def _scores(layer: LayerWeights, head: int, read: Tensor, at: int) -> Tensor | None:
    """Compute the scores of one query and every token as a key, (vocabulary,)."""
    if layer.q is None or layer.k is None or layer.q_bias is None or layer.k_bias is None:
        return None
    query = read[at] @ layer.q[head] + layer.q_bias[head]  # (d_k,)
    return layer.scale * (read @ (layer.k[head] @ query) + layer.k_bias[head] @ query)


def _written(layer: LayerWeights, head: int, read: Tensor) -> Tensor | None:
    """Compute what the head writes for one key, (d_model,)."""
    if layer.v is None or layer.v_bias is None:
        return None
    return (read @ layer.v[head] + layer.v_bias[head]) @ layer.o[head]
