"""One `nn.MultiheadAttention`: its queries, keys, values and masks, from what it was given and what it returned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.maths import Mask, QKVLayer

_ORDER = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")


def named(args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what the module was given, by name."""
    return dict(zip(_ORDER, args, strict=False)) | kwargs


def looks_across(given: dict[str, Any]) -> bool:
    """Whether keys come from elsewhere than the queries."""
    query, key = given["query"], given["key"]
    return key is not query and not (key.shape == query.shape and torch.equal(key, query))


def read(part: nn.MultiheadAttention, given: dict[str, Any], result: Tensor) -> tuple[QKVLayer, Tensor]:
    """Project as the module does; return the layer, and the heads' output as the module's own result shows it."""
    if part.bias_k is not None or part.add_zero_attn:
        raise UnsupportedModelError("nn.MultiheadAttention with add_bias_kv or add_zero_attn cannot be captured")
    query, key, value = (one_text(given[name], part.batch_first) for name in ("query", "key", "value"))  # (n, d)
    width = part.embed_dim
    biases = (None,) * 3 if part.in_proj_bias is None else part.in_proj_bias.chunk(3)
    if part.in_proj_weight is not None:
        matrices = part.in_proj_weight.chunk(3)
    else:
        matrices = (part.q_proj_weight, part.k_proj_weight, part.v_proj_weight)
    q, k, v = (
        functional.linear(x, matrix, bias).view(len(x), part.num_heads, -1).transpose(0, 1)  # (heads, n, d_k)
        for x, matrix, bias in zip((query, key, value), matrices, biases, strict=True)
    )
    bias, mask = _read_masks(given, part.num_heads, q.shape[1], k.shape[1])
    layer = QKVLayer(q, k, v, q.shape[-1] ** -0.5, bias=bias, mask=mask)
    # The output is compared after the module's own last projection, whose inverse nobody knows:
    # hand over what the heads made, moved by the difference that the projection shows.
    heads = layer.weights(slice(None), slice(None), slice(None)) @ v.to(torch.promote_types(v.dtype, torch.float32))
    joined = heads.transpose(0, 1).reshape(-1, width).to(v.dtype)  # (n, width)
    mine = functional.linear(joined, part.out_proj.weight, part.out_proj.bias)  # (n, width)
    difference = (one_text(result, part.batch_first) - mine).view(len(query), part.num_heads, -1)  # (n, heads, d)
    return layer, (heads.transpose(0, 1) + difference)[None]  # (1, n, heads, d)


def one_text(tensor: Tensor, batch_first: bool) -> Tensor:  # noqa: FBT001
    """Drop the batch of one, (n, width)."""
    if tensor.ndim == 2:
        return tensor  # (n, width)
    texts = tensor if batch_first else tensor.transpose(0, 1)  # (batch, n, width)
    if len(texts) != 1:
        raise UnsupportedModelError(f"expected one text per pass, got a batch of {len(texts)}")
    return texts[0]


def _read_masks(given: dict[str, Any], heads: int, n: int, m: int) -> tuple[Tensor | None, Mask]:
    """Read PyTorch's two masks: True or −inf forbids, other floats are added."""
    allowed = torch.ones(1, n, m, dtype=torch.bool)  # (1 or heads, n, m)
    bias: Tensor | None = None
    for name, shape in (("key_padding_mask", (1, 1, m)), ("attn_mask", (-1, n, m))):
        mask = given.get(name)
        if mask is None:
            continue
        mask = mask.detach().reshape(shape)  # (1 or heads, 1 or n, m)
        if mask.dtype == torch.bool:
            allowed = allowed.to(mask.device) & ~mask
            continue
        forbidden = mask == -torch.inf
        allowed = allowed.to(mask.device) & ~forbidden
        added = mask.masked_fill(forbidden, 0)
        if added.count_nonzero():
            bias = added if bias is None else bias + added
    if bias is not None:
        bias = bias.expand(-1, n, m)
    return bias, Mask.from_dense(allowed if len(allowed) in {1, heads} else allowed[:1])
