"""Models outside transformers' attention interface: their own weights, and Q, K, V where they prove right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.operands import OperandRecorder, Operands, scales
from attnwidget.capture.recorder import own
from attnwidget.capture.wrappers import core_of, is_plain, virtual_tokens
from attnwidget.maths import ALL, Layer, LeftOut, Mask, QKVLayer, WeightsLayer, weighted_sum

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor, nn

_TOLERANCE = 1e-5  # of weights in float32; others by their rounding
_OUTPUTS = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}


def run(
    base: nn.Module, options: dict[str, Any], *, values: bool = True
) -> tuple[dict[str, list[Layer]], float | None]:
    """Run a model once under eager attention, and keep its weights; Q, K and V where they prove right.

    The proof: the weights recomputed from what was seen equal the model's own, in every layer. The
    second result is the largest |difference| that this makes in the heads' output.
    """
    device = options["attention_mask"].device
    with OperandRecorder() as operands:
        outputs = base(**options, output_attentions=True, return_dict=True)
    several = "decoder_input_ids" in options
    names = _OUTPUTS if several else {"self": "attentions"}
    found: dict[str, list[Tensor]] = {}
    for name, attribute in names.items():
        weights = getattr(outputs, attribute, None)
        if not weights or any(one is None or one.ndim != 4 or one.shape[0] != 1 for one in weights):
            raise UnsupportedModelError(
                f"{type(base).__name__} computes attention outside transformers' attention interface, and returns no "
                f"weights (1, heads, queries, keys) of {name} under output_attentions=True"
            )
        found[name] = [one[0] for one in weights]  # (heads, n, m)
    mask = options["attention_mask"].to(device)
    before = found[next(iter(found))][0].shape[-1] - mask.shape[-1]
    if mask.ndim == 2 and before and before == virtual_tokens(base):
        mask = torch.cat([mask.new_ones(1, before), mask], 1)  # (1, virtual tokens + n)
    layers: dict[str, list[Layer]] = {}
    for name, those in found.items():
        given = mask if name in {"self", "encoder", "cross"} else torch.ones_like(options["decoder_input_ids"])
        rules = _rules(base, those, given, is_cross=name == "cross")
        knows = is_plain(core_of(base))  # what else is put around or upon a model may attend by a mask of its own
        layers[name] = [_zero_blind(one, rule, may_be_blind=knows) for one, rule in zip(those, rules, strict=True)]
    if not several and len(operands.found) == len(layers["self"]):
        proven = [_prove(one, seen) for one, seen in zip(layers["self"], operands.found, strict=True)]
        whole = [one for one in proven if one is not None]
        if len(whole) == len(proven):
            errors = [_error(one, proof) for one, proof in zip(layers["self"], whole, strict=True)]
            layers["self"] = [one if values else replace(one, v=None) for one in whole]
            return layers, max(errors)
    return layers, None


def leave_out(layers: dict[str, list[Layer]], wanted: Collection[int] | None) -> dict[str, list[Layer]]:
    """Drop the layers that are not wanted."""
    return {
        name: [
            one if wanted is None or number in wanted else LeftOut(one.shape, one.mask)
            for number, one in enumerate(those)
        ]
        for name, those in layers.items()
    }


def _rules(base: nn.Module, weights: list[Tensor], mask: Tensor, *, is_cross: bool) -> list[Mask]:
    """Find which pairs may attend: from the mask that was given, the model's own windows, and zeros."""
    config: Any = core_of(base).config
    n, m = weights[0].shape[1:]
    window = int(getattr(config, "window_size", 0) or 0)
    kinds = list(getattr(config, "attention_layers", ()))  # GPT-Neo, whose own mask holds in any case
    own_rules = [
        Mask(
            before=window - 1 if number < len(kinds) and kinds[number] == "local" else None, after=0 if kinds else None
        )
        for number in range(len(weights))
    ]
    rows, columns = (torch.arange(size, device=mask.device) for size in (n, m))
    if mask.ndim == 4:
        pairs = mask[0] > torch.finfo(mask.dtype).min / 2  # (1 or heads, n, n)
        return [Mask.from_dense(pairs & rule.allowed(rows, columns)) for rule in own_rules]
    keep = mask[0].bool()  # (m,)
    if len(keep) != m:
        return [Mask()] * len(weights)  # padded to whole blocks: refused later, by its shape
    kept = None if bool(keep.all()) else keep
    # A padded query may spread its weight anywhere: it tells nothing about the rule.
    sure = slice(None) if is_cross else keep
    causal = n == m > 1 and not is_cross and not any(one.triu(1)[:, sure].count_nonzero() for one in weights)
    if config.model_type == "xlnet" and kept is not None:  # where padding sees itself
        itself = torch.eye(n, dtype=torch.bool, device=keep.device)
        return [Mask(dense=kept | itself)] * len(weights)
    return [Mask(rule.before, 0 if causal else None, kept) for rule in own_rules]


def _zero_blind(weights: Tensor, rule: Mask, *, may_be_blind: bool) -> WeightsLayer:
    """Forbid everything to a row that spreads its weight over forbidden keys: it may attend to nothing."""
    _, n, m = weights.shape
    rows, columns = (torch.arange(size, device=weights.device) for size in (n, m))
    allowed = rule.allowed(rows, columns)  # (1 or heads, n, m)
    astray = weights.masked_fill(allowed, 0).ne(0).any(-1).any(0)  # (n,)
    sees = allowed & ~astray[:, None]  # (1 or heads, n, m)
    if not torch.equal(sees, allowed):
        is_blind = bool((allowed.any(-1) & astray).any())
        if is_blind and not may_be_blind:
            raise UnsupportedModelError(
                "the model attends to tokens that the attention_mask hides, so which pairs may attend cannot be told; "
                "capture it without attention_mask"
            )
        rule = Mask.from_dense(sees) if is_blind else rule
    return WeightsLayer(weights * sees, rule)


def _error(layer: Layer, proof: QKVLayer) -> float:
    assert proof.v is not None  # noqa: S101 - not yet left out
    difference = proof.weights(ALL, ALL, ALL) - layer.weights(ALL, ALL, ALL)  # (heads, n, m)
    return float(weighted_sum(difference, proof.v).abs().max())


def _prove(layer: Layer, seen: Operands) -> QKVLayer | None:
    """Return the layer with Q, K and V if they recompute the model's weights."""
    assert isinstance(layer, WeightsLayer)  # noqa: S101 - made above
    heads, n, m = layer.shape
    shapes = seen.q.ndim == seen.k.ndim == seen.v.ndim == 3 and seen.q.shape[:2] == (heads, n)
    if (
        not shapes
        or not seen.added
        or seen.k.shape[1] != m
        or heads % seen.k.shape[0]
        or seen.v.shape[0] != seen.k.shape[0]
    ):
        return None
    q, k, v = own(seen.q, seen.k, seen.v)
    given = layer.given
    bound = _TOLERANCE if given.dtype in {torch.float32, torch.float64} else 4 * torch.finfo(given.dtype).eps
    for scale, added in zip(scales(q.shape[-1]), seen.added, strict=True):
        plain = QKVLayer(q, k, v, scale, mask=layer.mask)
        for found in (plain, replace(plain, bias=added)):
            again = found.weights(ALL, ALL, ALL)  # (heads, n, m)
            if float((again - given).abs().max()) <= bound:
                return found
    return None
