"""`capture_module`: the attention of plain PyTorch, `nn.MultiheadAttention` and what is built of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.output import Call, head_outputs, prove
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.temporary import set_temporarily
from attnwidget.capture.twin import twin
from attnwidget.maths import Mask, QKVLayer
from attnwidget.tokens import Tokens, describe
from attnwidget.trace import AttentionTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attnwidget.capture.output import Key
    from attnwidget.trace.projections import Found, Layers


class _FastPath:
    """PyTorch's fused inference path, a switch of the whole process, as an attribute that can be held."""

    @property
    def enabled(self) -> bool:
        return bool(torch.backends.mha.get_fastpath_enabled())

    @enabled.setter
    def enabled(self, is_on: bool) -> None:
        torch.backends.mha.set_fastpath_enabled(is_on)


_FAST_PATH = _FastPath()


def capture_module(
    module: nn.Module,
    *inputs: Any,
    tokens: Sequence[str] | None = None,
    source_tokens: Sequence[str] | None = None,
    **keywords: Any,
) -> AttentionTrace:
    """Run a module of plain PyTorch once and keep every `nn.MultiheadAttention` inside it.

    The module is called as ``module(*inputs, **keywords)``, in eval mode and without gradients, and
    is afterwards as before. Masks are read as PyTorch means them: True forbids, floats are added.

    Parameters
    ----------
    module : torch.nn.Module
        `nn.MultiheadAttention`, `nn.TransformerEncoder`, `nn.TransformerDecoder`, `nn.Transformer`,
        or a model of one's own that contains them.
    *inputs, **keywords
        What the module takes, for one text: a batch of one, or without batch.
    tokens : sequence of str, optional
        The text's tokens, or the target's where there is a source; numbers by default.
    source_tokens : sequence of str, optional
        The tokens that a decoder looks across at.

    Returns
    -------
    AttentionTrace
        Its attentions are "self" alone; or "encoder", "decoder" and "cross", as far as there are
        any, where some keys come from elsewhere than the queries.

    Raises
    ------
    UnsupportedModelError
        If nothing was attended, for a batch of several texts, or with what `nn.MultiheadAttention`
        can add to the keys (`add_bias_kv`, `add_zero_attn`).
    ValueError
        If the tokens do not fit.
    """
    recorder = Recorder()
    crossing: list[bool] = []
    names: list[str] = []

    def record(name: str, part: nn.MultiheadAttention, given: dict[str, Any], result: Tensor) -> None:
        layer, output = _read(part, given, result)
        recorder.add(part, output, layer)
        names.append(name)
        query, key = given["query"], given["key"]
        crossing.append(key is not query and not (key.shape == query.shape and torch.equal(key, query)))

    _run(module, inputs, keywords, record)
    layers = recorder.layers.get("self", [])
    if not layers:
        raise UnsupportedModelError(f"{type(module).__name__} called no nn.MultiheadAttention")
    order = _order(names, crossing)
    parts: dict[str, list[Any]] = {name: [] for name in ("self", "encoder", "decoder", "cross") if name in dict(order)}
    for (name, _), layer in zip(order, layers, strict=True):
        parts[name].append(layer)
    sizes = _sizes(parts)
    target, source = (
        _labels("tokens", tokens, sizes.get("target")),
        _labels("source_tokens", source_tokens, sizes.get("source")),
    )

    def project(kept: Layers, _on_layer: object) -> Found:
        calls: list[Call] = []

        def look(name: str, part: nn.MultiheadAttention, _given: object, result: Tensor) -> None:
            output = _one_text(result, part.batch_first).clone()  # (n, width)
            calls.append(Call(f"{name}.out_proj".removeprefix("."), part.out_proj, output))

        other = twin(module)
        _run(other, inputs, keywords, look)
        return prove(other, head_outputs(kept), {key: [call] for key, call in zip(order, calls, strict=True)}, kept)

    return AttentionTrace(
        parts,
        target,
        source=source if any(crossing) else None,
        model_name=type(module).__name__,
        max_error=recorder.max_error,
        project=project,
    )


def _run(
    module: nn.Module,
    inputs: Sequence[Any],
    keywords: dict[str, Any],
    see: Callable[[str, nn.MultiheadAttention, dict[str, Any], Tensor], None],
) -> None:
    """Run a module once, and show each attention's name, module, what it was given by name, and its result."""
    settings: list[tuple[object, str, Any]] = [(part, "training", False) for part in module.modules()]
    settings.append((_FAST_PATH, "enabled", False))  # it would pass by unseen

    def hook(name: str) -> Callable[..., None]:
        order = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
        return lambda part, args, kwargs, result: see(
            name, part, dict(zip(order, args, strict=False)) | kwargs, result[0]
        )

    with ExitStack() as stack, torch.no_grad(), set_temporarily(settings):
        for name, part in module.named_modules():
            if isinstance(part, nn.MultiheadAttention):
                stack.callback(part.register_forward_hook(hook(name), with_kwargs=True).remove)
        module(*inputs, **keywords)


def _order(names: Sequence[str], crossing: Sequence[bool]) -> list[Key]:
    """Say of which attention each layer is, and which one of it, in the order in which they were computed."""
    order: list[Key] = []
    for name, is_cross in zip(names, crossing, strict=True):
        is_encoder = "encoder" in name.split(".")
        which = "cross" if is_cross else "self" if not any(crossing) else "encoder" if is_encoder else "decoder"
        order.append((which, sum(before == which for before, _ in order)))
    return order


def _labels(argument: str, given: Sequence[str] | None, size: int | None) -> Tokens:
    """Check the tokens of one side, or number them."""
    words = [str(number) for number in range(size or 0)] if given is None else list(given)
    if size is not None and len(words) != size:
        raise ValueError(f"{argument} must have {size} entries, got {len(words)}")
    return describe(words)


def _sizes(parts: dict[str, list[Any]]) -> dict[str, int]:
    sides = {"self": ("target", "target"), "encoder": ("source", "source"), "decoder": ("target", "target")}
    sizes: dict[str, int] = {}
    for name, layers in parts.items():
        for layer in layers:
            for side, size in zip(sides.get(name, ("target", "source")), layer.shape[1:], strict=True):
                if sizes.setdefault(side, size) != size:
                    raise UnsupportedModelError(f"attention over {sizes[side]} and over {size} positions in one pass")
    return sizes


def _read(part: nn.MultiheadAttention, given: dict[str, Any], result: Tensor) -> tuple[QKVLayer, Tensor]:
    """Project as the module does; return the layer, and the heads' output as the module's own result shows it."""
    if part.bias_k is not None or part.add_zero_attn:
        raise UnsupportedModelError("nn.MultiheadAttention with add_bias_kv or add_zero_attn cannot be captured")
    query, key, value = (_one_text(given[name], part.batch_first) for name in ("query", "key", "value"))  # (n, d)
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
    difference = (_one_text(result, part.batch_first) - mine).view(len(query), part.num_heads, -1)  # (n, heads, d)
    return layer, (heads.transpose(0, 1) + difference)[None]  # (1, n, heads, d)


def _one_text(tensor: Tensor, batch_first: bool) -> Tensor:  # noqa: FBT001
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
