"""One forward pass of a model under a recorder, whatever the way in which it computes attention."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedConfig

from attnwidget.capture import eager
from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.interface import NAME, recording
from attnwidget.capture.support import text_tower, uses_interface, why_nothing
from attnwidget.capture.temporary import set_temporarily
from attnwidget.capture.wrappers import SeenIds, core_of, entry, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from torch import nn

    from attnwidget.capture.recorder import Recorder
    from attnwidget.capture.rows import Rows
    from attnwidget.maths import Layer

IMPLEMENTATION = "_attn_implementation_internal"  # where a config names the attention function
_CROSS = re.compile(r"cross|encdec|encoder_attn|enc_attn", re.IGNORECASE)


def forward(model: Any, options: dict[str, Any], recorder: Recorder) -> dict[str, list[Layer]]:
    """Run a model once, in eval mode and without gradients, and return the layers of each attention.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        It is changed for the time of the pass: what runs in the background passes a twin.
    options : dict
        What the model takes.
    recorder : Recorder
        What keeps the layers.

    Raises
    ------
    UnsupportedModelError
        If there is nothing to see; or if the model fails before its first attention, and has a part that reads texts.
    """
    try:
        return _forward(model, options, recorder)
    except UnsupportedModelError:
        raise
    except Exception as error:
        is_masks = options["attention_mask"].ndim == 4  # one of pairs is the likelier reason
        tower = "" if recorder.layers or is_masks else text_tower(model)
        if not tower:
            raise
        raise UnsupportedModelError(f"{type(model).__name__} cannot be run on a text alone ({error}){tower}") from error


def _forward(model: Any, options: dict[str, Any], recorder: Recorder) -> dict[str, list[Layer]]:
    if uses_interface(model):
        run_recorded(model, options, recorder)
        if recorder.layers:
            return recorder.in_order()
    reason = why_nothing(model)
    if reason:
        raise UnsupportedModelError(reason)
    called, seen = entry(model), _watched(model, options)
    with torch.no_grad(), set_temporarily(settings(model, "eager")), _recording(model, recorder), seen:
        found, recorder.given_error = eager.run(called, options, values=recorder.values)
    if recorder.on_layer is not None:
        recorder.on_layer(sum(map(len, found.values())))
    return eager.leave_out(found, recorder.wanted)


def run_recorded(model: Any, options: dict[str, Any], recorder: Recorder | Rows) -> None:
    """Run a model that asks transformers for its attention function, of one text or of several rows."""
    with (
        torch.no_grad(),
        set_temporarily(settings(model, NAME)),
        _recording(model, recorder),
        _watched(model, options),
    ):
        entry(model)(**options)


@contextmanager
def unrecorded(model: Any, options: dict[str, Any]) -> Iterator[None]:
    """Let a twin compute as in a capture, and record nothing."""
    name = NAME if uses_interface(model) else "eager"
    with set_temporarily(settings(model, name)), _recording(model, None), _watched(model, options):
        yield


def _recording(model: Any, recorder: Recorder | Rows | None) -> AbstractContextManager[None]:
    return recording(recorder, is_eager=is_eager(model))


def is_eager(model: Any) -> bool:
    """Whether a model is for eager attention alone."""
    return not getattr(core_of(model), "_supports_sdpa", True)


def _watched(model: Any, options: dict[str, Any]) -> AbstractContextManager[object]:
    return nullcontext() if is_plain(model) else SeenIds(model, options)


def attention_names(model: Any) -> Callable[[nn.Module], str]:
    """Return what tells of which attention a module of this model is."""
    core = core_of(model)
    if not core.config.is_encoder_decoder:
        return lambda _: "self"
    encoder = {id(module) for module in core.get_encoder().modules()}
    cross = {id(module) for name, module in core.named_modules() if _CROSS.search(name.removeprefix("encoder_decoder"))}
    return lambda module: "encoder" if id(module) in encoder else "cross" if id(module) in cross else "decoder"


def settings(model: nn.Module, implementation: str) -> Iterator[tuple[object, str, Any]]:
    """List what a capture changes: attention in every config, the training flag, compiled code."""
    for module in model.modules():  # also those that another capture has in eval mode just now
        yield module, "training", False
        # compiled code was traced with other attention, and would record nothing
        if vars(module).get("_compiled_call_impl") is not None:
            yield module, "_compiled_call_impl", None
        plain = getattr(vars(module).get("forward"), "_torchdynamo_orig_callable", None)
        if plain is not None:
            yield module, "forward", plain
    configs = [getattr(module, "config", None) for module in model.modules()]
    seen: set[int] = set()
    while configs:
        config = configs.pop()
        if isinstance(config, PreTrainedConfig) and id(config) not in seen:
            seen.add(id(config))
            # what set_attn_implementation sets; the public way warns, and cannot give back None
            yield config, IMPLEMENTATION, implementation
            configs += [getattr(config, name, None) for name in config.sub_configs]
