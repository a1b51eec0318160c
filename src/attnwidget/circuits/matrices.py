"""W_Q, W_K, W_V and W_O of every head, the norms around them, and both ends: found by what goes through, and proven.

No name tells where a model keeps its queries. So it reads some tokens, all at position 0, where rotations turn
nothing; and every column of Q, K and V as the trace has them is looked for among what the model's matrices gave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from attnwidget.capture.labels import BLOCK
from attnwidget.capture.predict import find_writer
from attnwidget.capture.wrappers import core_of, unwrapped
from attnwidget.circuits.watch import Gain, Reading, find_matrix
from attnwidget.maths import QKVLayer
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.circuits.watch import Call
    from attnwidget.maths import Projection

_POSITIONS = re.compile(r"(embed_|_embed|embedding|^|\.)(positions?|wpe)", re.IGNORECASE)
SCALES = "each norm's scale depends on the text, and is left out: only its gain is folded in"
BETWEEN = (
    "what MLPs, positions and other heads add to the stream is left out; GPT-2's first MLP is known to act as a part "
    'of the embedding, which embedding="block 0" takes in'
)


@dataclass(frozen=True)
class LayerWeights:
    """One layer's heads as matrices, float32, of rows from the left: q = x W_Q + b_Q.

    Attributes
    ----------
    q, k, v : Tensor, or None
        (heads, d_model, d_head); where heads share keys and values, each has its group's. None where it is no matrix.
    q_bias, k_bias, v_bias : Tensor, or None
        (heads, d_head).
    o : Tensor
        (heads, d_v, d_model).
    scale : float
        Of the products.
    norm : nn.Module, or None
        What the stream goes through before, (rows, d_model).
    gain : Gain, or None
        The same without its scale.
    """

    q: Tensor | None
    k: Tensor | None
    v: Tensor | None
    q_bias: Tensor | None
    k_bias: Tensor | None
    v_bias: Tensor | None
    o: Tensor
    scale: float
    norm: nn.Module | None
    gain: Gain | None

    def reads(self, which: str, *, fold: bool = True) -> Tensor | None:
        """Return "q", "k" or "v", (heads, d_model, d_head), with the gain of the norm before it folded in."""
        found: Tensor | None = getattr(self, which)
        return found if found is None or self.gain is None or not fold else self.gain.before(found)


@dataclass(frozen=True)
class HeadWeights:
    """All heads of a model as matrices, and its two ends.

    Attributes
    ----------
    model : nn.Module
        A twin of the model.
    layers : list of LayerWeights or str
        Or why a layer's are not known.
    embedding : Tensor
        (vocabulary, d_model), or narrower where a matrix stands behind it.
    unembedding : Tensor, or None
        (d_model, vocabulary); None of a model without a head.
    final : Gain, or None
        The norm before the unembedding, without its scale.
    broken : tuple of str
        What of this model products of weights do not tell.
    first : str
        The name of the first block.
    """

    model: nn.Module
    layers: list[LayerWeights | str]
    embedding: Tensor
    unembedding: Tensor | None
    final: Gain | None
    broken: tuple[str, ...]
    first: str

    @property
    def known(self) -> list[tuple[int, LayerWeights]]:
        """The layers that are known; raises ValueError with the reason if none is."""
        found = [(number, one) for number, one in enumerate(self.layers) if isinstance(one, LayerWeights)]
        if not found:
            raise ValueError(f"no head's matrices are known: {self.layers[0]}")
        return found


def head_weights(model: Any) -> HeadWeights:
    """Find the matrices of every head; a twin of the model reads 24 tokens for it, twice.

    Raises
    ------
    ValueError
        If the model is an encoder–decoder, or computes attention in a way that is not captured with queries and keys.
    """
    model = unwrapped(model)
    if core_of(model).config.is_encoder_decoder:
        raise ValueError("circuits are of models with one attention: of an encoder–decoder pass model.get_encoder()")
    reading, plain = Reading(model, at_zero=True), Reading(model, at_zero=False)
    trace = reading.trace
    if not trace.has_qkv:
        raise ValueError(trace.missing)
    layers: list[LayerWeights | str] = []
    is_turned = is_written_over = False
    first = ""
    for number in range(trace.n_layers()):
        projection, source = trace.projection(number), trace.layer(number)
        if isinstance(projection, str):
            layers.append(projection)
            continue
        assert isinstance(source, QKVLayer)  # noqa: S101 - it has a proven W_O
        block = (BLOCK.match(projection.name) or [""])[0]
        first = first or block.rstrip(".")
        mine, theirs = ([one for one in those.calls if one.name.startswith(block)] for those in (reading, plain))
        found, norm = _layer(source, projection, mine, reading)
        layers.append(found)
        is_behind = norm is None or (number > 0 and not norm.name.startswith(block))  # what the layer before it norms
        wrote = next((one.y for one in mine if one.name == projection.name), None)
        is_written_over |= is_behind or any(wrote is not None and reading.is_norm_of(one, wrote) for one in mine)
        also = plain.trace.layer(number)
        assert isinstance(also, QKVLayer)  # noqa: S101 - as above
        is_turned |= found.q is not None and find_matrix(also.q, theirs, projection.weight.shape[-1]) is None
    writer = find_writer(reading.model)
    head = None if writer is None else writer.get_output_embeddings()
    final = None if reading.last is None else reading.norm_to(reading.last)
    broken = [SCALES, BETWEEN]
    if is_turned:
        broken.append("rotary positions turn queries and keys: what QK says is of two tokens in the same place")
    broken += _broken(reading, layers, head, is_written_over=is_written_over)
    return HeadWeights(
        reading.model,
        layers,
        upcast(core_of(model).get_input_embeddings().weight.detach()).cpu(),
        None if head is None else upcast(head.weight.detach()).cpu().T,
        None if final is None else final[1],
        tuple(broken),
        first,
    )


def _layer(
    source: QKVLayer, projection: Projection, calls: Sequence[Call], reading: Reading
) -> tuple[LayerWeights, Call | None]:
    """Find one layer's matrices among the calls of its block, and the norm before them."""
    heads, width = source.shape[0], projection.weight.shape[-1]
    calls = [one for one in calls if one.name != projection.name]
    with torch.no_grad():
        found = [None if one is None else find_matrix(one, calls, width) for one in (source.q, source.k, source.v)]
    parts: list[Tensor | None] = []
    for one in found:  # each head its group's
        parts += [None, None] if one is None else [part.repeat_interleave(heads // len(part), 0) for part in one[:2]]
    before = next((one[2] for one in reversed(found) if one is not None), None)
    norm = None if before is None else reading.norm_to(before.x)
    q, q_bias, k, k_bias, v, v_bias = parts
    weight = upcast(projection.weight.detach()).cpu()
    run = None if norm is None else norm[0].module
    return (
        LayerWeights(q, k, v, q_bias, k_bias, v_bias, weight, source.scale, run, None if norm is None else norm[1]),
        None if norm is None else norm[0],
    )


def _broken(reading: Reading, layers: list[LayerWeights | str], head: Any, *, is_written_over: bool) -> list[str]:
    """Say what of this model no product of weights tells."""
    told: list[str] = []
    known = [one for one in layers if isinstance(one, LayerWeights)]
    sources = [one for number in range(len(layers)) if isinstance(one := reading.trace.layer(number), QKVLayer)]
    if any(one.q is None or one.k is None for one in known):
        told.append("queries and keys are no matrix of the stream (they are normed, say): QK says nothing here")
    if any(one.v is None for one in known):
        told.append("values are no matrix of the stream: OV says nothing here")
    if any(one.bias is not None for one in sources):
        told.append("a bias by position is added to the scores, and is left out")
    if any(one.softcap for one in sources):
        told.append("scores are capped, which is left out")
    if is_written_over:
        told.append("layers norm what they hand on, or what they write: that is left out, scale and gain")
    modules = list(reading.model.named_modules())
    if any(isinstance(one, nn.Embedding) and _POSITIONS.search(name) for name, one in modules):
        told.append("learned positions are left out of the embedding")
    base = next((name for name, one in modules if one is core_of(reading.model).base_model), "")
    outside = [one for name, one in modules if base and not name.startswith(base) and isinstance(one, nn.Linear)]
    if head is not None and any(one is not head for one in outside):
        told.append("the head's transformation before the unembedding is not linear, and is left out")
    return told
