"""Both ends of a circuit: what tokens bring into the stream, and what the stream means to the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from attnwidget.capture.forward import unrecorded
from attnwidget.capture.wrappers import core_of
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from attnwidget.circuits.matrices import HeadWeights

Embedding = Literal["tokens", "block 0"]
_ROWS = 1024  # tokens that are read at once


class _Enough(Exception):  # noqa: N818  (what was wanted is there)
    pass


def embedded(found: HeadWeights, embedding: Embedding) -> Tensor:
    """Return what each token brings into the stream, (vocabulary, d_model).

    "tokens" is the embedding itself; "block 0" what the first block hands on of a text of this token alone, at position
    0 and attending to itself: so GPT-2's first MLP is taken in.
    """
    width = next(one.o.shape[-1] for _, one in found.known)
    if embedding == "tokens":
        if found.embedding.shape[-1] != width:
            raise ValueError(
                f"the embedding is {found.embedding.shape[-1]} wide and the stream {width}: a matrix stands between; "
                'embedding="block 0" takes it in'
            )
        return found.embedding
    if embedding != "block 0":
        raise ValueError(f'embedding must be "tokens" or "block 0", got {embedding!r}')
    return _after_first_block(found)


def unembedding(found: HeadWeights, *, fold: bool) -> Tensor:
    """Return what the stream means to the vocabulary, (d_model, vocabulary), with the final norm's gain folded in."""
    if found.unembedding is None:
        raise ValueError(
            "this model has no head over its vocabulary: load the class that has one (AutoModelForCausalLM or "
            "AutoModelForMaskedLM)"
        )
    if found.unembedding.shape[0] != next(one.o.shape[-1] for _, one in found.known):
        raise ValueError("the unembedding is narrower than the stream: a matrix stands between")
    return found.final.before(found.unembedding) if found.final is not None and fold else found.unembedding


def _after_first_block(found: HeadWeights) -> Tensor:
    rows: list[Tensor] = []

    def keep(_: Any, __: Any, returned: Any) -> None:
        given = returned if isinstance(returned, Tensor) else returned[0]
        rows.append(upcast(given[:, 0]).cpu())  # (tokens, d_model)
        raise _Enough

    hook = found.model.get_submodule(found.first).register_forward_hook(keep)
    ids = torch.arange(len(found.embedding))[:, None]  # (vocabulary, 1)
    device = core_of(found.model).get_input_embeddings().weight.device
    try:
        for some in torch.split(ids.to(device), _ROWS):
            options = {"input_ids": some, "attention_mask": torch.ones_like(some)}
            try:
                with torch.no_grad(), unrecorded(found.model, options):
                    core_of(found.model).base_model(**options)
            except _Enough:
                continue
    finally:
        hook.remove()
    return torch.cat(rows)
