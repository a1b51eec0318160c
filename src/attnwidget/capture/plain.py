"""`capture_module`: the attention of plain PyTorch, `nn.MultiheadAttention` and `scaled_dot_product_attention`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from attnwidget.capture import multihead
from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.output import Call, head_outputs, looking, prove
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.sdpa import SdpaWatch
from attnwidget.capture.temporary import set_temporarily
from attnwidget.capture.twin import twin
from attnwidget.capture.wrappers import unwrapped
from attnwidget.tokens import Tokens, describe
from attnwidget.trace import AttentionTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attnwidget.capture.output import Key
    from attnwidget.maths import QKVLayer
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
    """Run a module of plain PyTorch once and keep every attention inside it.

    Seen is every `nn.MultiheadAttention`, and every call of `torch.nn.functional.scaled_dot_product_attention`
    by whatever module. The module is called as ``module(*inputs, **keywords)``, in eval mode, without gradients and
    without dropout, and is afterwards as before. Masks are read as each of the two means them.

    Parameters
    ----------
    module : torch.nn.Module
        `nn.MultiheadAttention`, `nn.TransformerEncoder`, `nn.TransformerDecoder`, `nn.Transformer`,
        a model of one's own that contains them, or any that calls `scaled_dot_product_attention` on queries
        (1, heads, n, d) or (heads, n, d), grouped ones (`enable_gqa`) among them.
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
        any, where some keys come from elsewhere than the queries. Of `scaled_dot_product_attention` that is told
        by their number, and by names: of the module ("cross_attn"), or of a second tensor that it was given
        (`context`, `memory`, `encoder_hidden_states`). `max_error` compares with what each attention returned.

    Raises
    ------
    UnsupportedModelError
        If nothing was attended, for a batch of several texts, or with what `nn.MultiheadAttention`
        can add to the keys (`add_bias_kv`, `add_zero_attn`).
    ValueError
        If the tokens do not fit.
    """
    module = unwrapped(module)
    recorder = Recorder()
    crossing: list[bool] = []
    names: list[str] = []

    def keep(seen: Seen) -> None:
        recorder.add(seen.module, seen.heads, seen.layer)
        names.append(seen.name)
        crossing.append(seen.crosses)

    _run(module, inputs, keywords, keep)
    layers = recorder.layers.get("self", [])
    if not layers:
        raise UnsupportedModelError(
            f"{type(module).__name__} called neither nn.MultiheadAttention nor "
            "torch.nn.functional.scaled_dot_product_attention; what else computes attention cannot be seen: pass its "
            "queries, keys and values to AttentionTrace.from_qkv"
        )
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
        other = twin(module)
        heads = head_outputs(kept)
        calls: dict[Key, list[Call]] = {key: [] for key in heads}
        keys = iter(order)

        def look(seen: Seen) -> None:
            key = next(keys)
            if seen.projection is not None and key in calls:
                calls[key].append(seen.projection)

        # nn.MultiheadAttention calls no module for its projection, and is told apart by what it returned
        theirs = {key: one for key, one in heads.items() if names[order.index(key)] not in own_projection}
        with looking(other, theirs, calls, narrow=True):
            _run(other, inputs, keywords, look)
        return prove(other, heads, calls, kept)

    own_projection = {name for name, part in module.named_modules() if isinstance(part, nn.MultiheadAttention)}
    return AttentionTrace(
        parts,
        target,
        source=source if any(crossing) else None,
        model_name=type(module).__name__,
        max_error=recorder.max_error,
        project=project,
    )


class Seen(NamedTuple):
    """One attention of a pass."""

    name: str  # of the module that computed it
    module: nn.Module
    layer: QKVLayer
    heads: Tensor  # (1, n, heads, d_v), what the heads made
    crosses: bool  # whether keys come from elsewhere than the queries
    projection: Call | None = None  # where no module is called for it


def _run(module: nn.Module, inputs: Sequence[Any], keywords: dict[str, Any], see: Callable[[Seen], None]) -> None:
    """Run a module once, in eval mode and without gradients, and show each attention as it is computed."""
    settings: list[tuple[object, str, Any]] = [(part, "training", False) for part in module.modules()]
    settings += [
        (part, "_compiled_call_impl", None)
        for part in module.modules()
        if vars(part).get("_compiled_call_impl") is not None
    ]
    settings.append((_FAST_PATH, "enabled", False))  # it would pass by unseen
    watch = SdpaWatch(
        lambda name, part, layer, heads, crosses: see(Seen(name, part, layer, heads, crosses)), list(module.buffers())
    )

    def hook(name: str) -> Callable[..., None]:
        def seen(part: nn.MultiheadAttention, args: Any, kwargs: dict[str, Any], result: Any) -> None:
            given = multihead.named(args, kwargs)
            layer, heads = multihead.read(part, given, result[0])
            output = multihead.one_text(result[0], part.batch_first).clone()  # (n, width)
            call = Call(f"{name}.out_proj".removeprefix("."), part.out_proj, output)
            see(Seen(name, part, layer, heads, multihead.looks_across(given), call))

        return seen

    with ExitStack() as stack, torch.no_grad(), set_temporarily(settings):
        for name, part in module.named_modules():
            if isinstance(part, nn.MultiheadAttention):
                stack.callback(part.register_forward_hook(hook(name), with_kwargs=True).remove)
            for handle in watch.follow(name, part):
                stack.callback(handle.remove)
        stack.enter_context(watch)
        module(*inputs, **keywords)


def _order(names: Sequence[str], crossing: Sequence[bool]) -> list[Key]:
    """Say of which attention each layer is, and which one of it, in the order in which they were computed."""
    order: list[Key] = []
    for name, is_cross in zip(names, crossing, strict=True):
        is_encoder = any(part.lower().startswith("enc") for part in name.split("."))
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
