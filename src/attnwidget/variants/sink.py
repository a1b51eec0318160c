"""Attention with a sink: a logit without a key, to which a row may give its weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import log_sum_exp, scores
from attnwidget.variants.attend import attend, prepare
from attnwidget.variants.core import D_K, Attended, Formula, Identity, K, Q, Source, Symbol, V, Variant
from attnwidget.variants.cost import Cost
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class Sunk(Attended):
    """With the sinks' logits, (heads,), and the share of each row that goes to them, (heads, n)."""

    sinks: Tensor
    share: Tensor


def sink(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: float | Tensor = 0.0,
    *,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Sunk:
    """Attend with one more score in every row's softmax, which belongs to no key.

    Cost: that of `scaled_dot_product`. Source: the learnt logit is that of OpenAI 2025 (gpt-oss), arXiv 2508.10925; the
    habit that it answers was named by Xiao et al. 2023, arXiv 2309.17453.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`.
    sinks : float or Tensor
        The extra score, or one for each head, (heads,). 0 adds 1 to the softmax's sum; −∞ is no sink.

    Returns
    -------
    Sunk
        With the sinks' share. Weights of a row add up to 1 less that; a row that sees nothing gives the sink all.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    logits = torch.as_tensor(sinks).to(q)  # () or (heads,)
    if tuple(logits.shape) not in {(), (1,), (len(q),)}:
        raise ValueError(f"sinks must be one number or ({len(q)},), one for each head, got {tuple(logits.shape)}")
    logits = logits.expand(len(q))  # (heads,)
    own = scores(q, k, scale=q.shape[2] ** -0.5 if scale is None else scale)  # (heads, n, m)
    plain = attend(own, v, allowed, logits)
    assert plain.scores is not None  # noqa: S101 - it has one softmax
    total = log_sum_exp([plain.scores], sinks=logits)  # (heads, n)
    share = (logits[:, None] - total.masked_fill(total == -torch.inf, 0)).exp()  # (heads, n)
    return Sunk(plain.output, plain.weights, plain.scores, allowed, logits, share)


def _no_sink(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return sink(q, k, v, -torch.inf).output, scaled_dot_product(q, k, v).output


def _as_a_key(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    nothing = torch.zeros_like(k[:, :1]), torch.zeros_like(v[:, :1])  # a key whose score is 0, a value of zeros
    more = torch.cat([k, nothing[0]], dim=1), torch.cat([v, nothing[1]], dim=1)
    return sink(q, k, v, 0.0).output, scaled_dot_product(q, *more).output


SINK = Variant(
    name="sink",
    label="with a sink",
    group="other than softmax",
    function=sink,
    sentence=(
        "One more score takes part in every softmax and has no key, so that a row may keep its weight for nothing."
    ),
    paragraph=(
        "A softmax must give away all of its 1. Trained models that want a head to rest put it on a first token, a "
        "full stop or [SEP], whose value they keep small: an attention sink. With a logit of its own, learnt for each "
        "head, the model need not misuse a token. Rows then add up to less than 1, and what is missing is the sink's "
        "share."
    ),
    formula=Formula(
        "softmax([{Q} {K}ᵀ / √{d_k}, {s}]) [{V}, 0]",
        (
            Q,
            K,
            D_K,
            Symbol("s", "the sink's score, one for each head, the same for every query"),
            V,
        ),
    ),
    cost=Cost(),
    sees="What the mask allows, and it may look at nothing.",
    cannot="Say why it rests: the sink's score is the same for every query.",
    often_said=(
        "“Attention sink” is used for two things: the habit of trained models to rest on the first token, which "
        "StreamingLLM keeps in its cache for that reason, and this logit, which makes the habit needless."
    ),
    sources=(
        Source("OpenAI", "gpt-oss-120b & gpt-oss-20b Model Card", 2025, "2508.10925"),
        Source("Xiao et al.", "Efficient Streaming Language Models with Attention Sinks", 2023, "2309.17453"),
    ),
    identities=(
        Identity("A sink of −∞ ≡ attention without one.", "scaled_dot_product", _no_sink),
        Identity("A sink of 0 ≡ one more key and value that are all zeros.", "scaled_dot_product", _as_a_key),
    ),
    meanings={"sinks": "the extra score"},
)
