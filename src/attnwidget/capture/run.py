"""`capture`: one forward pass of a model, recorded."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.hold import hold
from attnwidget.capture.inputs import prepare
from attnwidget.capture.interface import NAME, recording
from attnwidget.models import describe_model
from attnwidget.trace import AttentionTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_USE_WEIGHTS = (
    'load it with attn_implementation="eager", call it with output_attentions=True, and pass the '
    "weights to attnwidget.AttentionTrace.from_attentions(outputs.attentions, tokens)"
)


def capture(
    model: nn.Module,
    text: str,
    *,
    tokenizer: Any = None,
    attention_mask: Sequence[Any] | Tensor | None = None,
    on_layer: Callable[[int, int], None] | None = None,
) -> AttentionTrace:
    """Run a model once on a text and keep what its attention is recomputed from.

    The pass runs in eval mode, without gradients and without the language-model head, on the
    device where the model is. Afterwards the model is as before, whatever happens.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A decoder-only or encoder-only model.
    text : str
        The text. It must not be longer than the model's table of learned positions; rotary
        positions and ALiBi have no such bound.
    tokenizer : optional
        The model's tokenizer. Without it, the one beside the model's weights on this machine.
    attention_mask : sequence of int or Tensor, optional
        (n,) or (1, n) for the text's n tokens: 1 keeps a token, 0 masks it as padding is masked.
    on_layer : function, optional
        Called after every layer with (layers done, layers in all). What it raises stops the pass.

    Returns
    -------
    AttentionTrace
        Its `max_error` compares recomputed rows of every head with what the model computed. A
        model that mixes attention with other layers has only its attention layers in the trace.

    Raises
    ------
    EmptyTextError
        If the text gives no tokens.
    TextTooLongError
        If the text has more tokens than the model has positions.
    UnsupportedModelError
        If the model has no attention, or attention that cannot be recorded.
    MissingTokenizerError
        If no tokenizer was given or found.
    ValueError
        If `attention_mask` does not fit the text.
    TypeError
        If `model` is no transformers model, or `text` no string.
    """
    whole: Any = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    _check(whole)
    ids, mask, tokens = prepare(whole, text, tokenizer, attention_mask)
    base = whole.base_model  # no head: n × vocabulary logits are not needed
    device = whole.get_input_embeddings().weight.device
    options: dict[str, Any] = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
    if "use_cache" in inspect.signature(base.forward).parameters:
        options["use_cache"] = False
    total = getattr(whole.config.get_text_config(), "num_hidden_layers", 0)
    progress = None if on_layer is None else lambda done: on_layer(done, max(done, total))
    with torch.no_grad(), hold(_settings(whole)), recording(progress) as recorder:
        base(**options)
    if not recorder.layers:
        raise UnsupportedModelError(_why_nothing(whole))
    if total and len(recorder.layers) > total:
        raise UnsupportedModelError(
            f"{type(whole).__name__} computes {len(recorder.layers)} attentions in {total} layers; "
            "which of them make a layer's weights cannot be told"
        )
    shapes = {layer.shape[1:] for layer in recorder.layers}
    if shapes != {(len(tokens.text), len(tokens.text))}:
        raise UnsupportedModelError(
            f"expected attention between the text's {len(tokens.text)} tokens in every layer, "
            f"got (queries, keys) {sorted(shapes)}"
        )
    return AttentionTrace(
        {"self": recorder.layers},
        tokens,
        model_name=describe_model(whole),
        max_error=recorder.max_error,
    )


def _check(model: nn.Module) -> None:
    config = getattr(model, "config", None)
    if not isinstance(model, nn.Module) or not isinstance(config, PreTrainedConfig):
        raise TypeError(f"model must be a transformers model, got {type(model).__name__}")
    kind = type(model).__name__
    if config.is_encoder_decoder:
        raise UnsupportedModelError(
            f"{kind} is an encoder–decoder model; decoder-only and encoder-only models can be "
            "captured. For this one, " + _USE_WEIGHTS.replace("outputs.", "outputs.encoder_")
        )
    is_offloaded = hasattr(model, "hf_device_map")  # accelerate brings such weights in when needed
    if not is_offloaded and any(parameter.is_meta for parameter in model.parameters()):
        raise UnsupportedModelError(
            f"{kind} is on the meta device and has no weights; load it with from_pretrained, "
            'or give it memory with model.to_empty(device="cpu") and initialise it'
        )


def _settings(model: nn.Module) -> Iterator[tuple[object, str, Any]]:
    """List what a capture changes: every config's attention, every module's training flag."""
    for module in model.modules():  # also those that another capture has in eval mode just now
        yield module, "training", False
    configs = [getattr(module, "config", None) for module in model.modules()]
    seen: set[int] = set()
    while configs:
        config = configs.pop()
        if isinstance(config, PreTrainedConfig) and id(config) not in seen:
            seen.add(id(config))
            # what set_attn_implementation sets; the public way warns, and cannot give back None
            yield config, "_attn_implementation_internal", NAME
            configs += [getattr(config, name, None) for name in config.sub_configs]


def _why_nothing(model: nn.Module) -> str:
    kind = type(model).__name__
    names = {type(module).__name__.lower() for module in model.modules()}
    if not any("attention" in name or "attn" in name for name in names):
        return f"{kind} has no attention: none of its modules computes any"
    return f"{kind} does not compute attention through transformers' attention interface; " + _USE_WEIGHTS
