"""What stands around a model: what is called, and the transformers model inside it.

Captured is what the object that was handed over computes when it is called. So that object is called, with whatever
stands around the model, in it and upon it: an adapter, a subclass's own `forward`, hooks. Without its head a model is
called only where nothing else can be between: a class of transformers itself, as it was made.
"""

from __future__ import annotations

import sys
from inspect import Parameter, signature
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedConfig, PreTrainedModel

from attnwidget.capture.errors import UnsupportedModelError

_HANDS_ON = nn.DataParallel, nn.parallel.DistributedDataParallel
_HOOKS = "_forward_hooks", "_forward_pre_hooks"
_SWITCHES = "_active_adapter", "_disable_adapters", "active_adapter", "_adapters_disabled"
_PAST = {"PREFIX_TUNING": "prefix tuning", "CARTRIDGE": "a cartridge"}  # keys of the past, in every layer
_BEFORE = {"PROMPT_TUNING", "P_TUNING", "CPT"}  # the same virtual tokens before every text


def unwrapped(model: Any) -> Any:
    """Take off what only hands its call on to a model: `torch.compile`, `DataParallel`; a hook upon it stays."""
    while isinstance(model, nn.Module) and not _has_hooks(model):
        # not by getattr: adapters hand that on to the model inside them
        inner: Any = model._modules.get("_orig_mod")  # noqa: SLF001 - what torch.compile wraps
        if inner is None and type(model) in _HANDS_ON and "forward" not in vars(model):
            inner = model.module
        if inner is None:
            break
        model = inner
    return model


def core_of(model: Any) -> Any:
    """Return the transformers model that is called in the end: it has the config, the embeddings, the positions."""
    inside = (one for one in model.modules() if isinstance(one, PreTrainedModel))
    return model if isinstance(model, PreTrainedModel) else next(inside, model)


def check_wrapper(model: Any) -> None:
    """Refuse what is no transformers model, and what stands around one and cannot be captured with it."""
    kind = type(model).__name__
    parts = model.named_modules() if isinstance(model, nn.Module) else ()
    inside = [name for name, one in parts if isinstance(one, PreTrainedModel)]
    known = isinstance(model, PreTrainedModel) or is_adapted(model) or "_orig_mod" in inside
    if inside and not known:
        raise TypeError(
            f"model must be a transformers model, got {kind}, which holds one as .{inside[0]}: pass that one to see "
            "what it computes by itself"
        )
    if not inside or not isinstance(core_of(model).config, PreTrainedConfig):
        raise TypeError(f"model must be a transformers model, got {kind}")
    how = _prompting(model)
    if how is None:
        return
    if how.peft_type in _PAST:
        raise UnsupportedModelError(
            f"{kind} with {_PAST[how.peft_type]} gives every layer keys that are no token's, and they cannot be shown; "
            "capture(model.get_base_model(), …) shows the model without it"
        )
    if how.peft_type not in _BEFORE:
        raise UnsupportedModelError(
            f"what {kind} puts before a text with {how.peft_type.value} cannot be named; "
            "capture(model.get_base_model(), …) shows the model without it"
        )


def is_adapted(model: Any) -> bool:
    """Whether this is an adapter of PEFT around a model; if PEFT was never imported, nothing is."""
    return "peft" in sys.modules and any(kind.__module__.startswith("peft.") for kind in type(model).__mro__)


def virtual_tokens(model: Any) -> int:
    """Count the tokens that prompt tuning and its kin put before the text's."""
    how = _prompting(model)
    return 0 if how is None else int(how.num_virtual_tokens)


def is_plain(model: Any) -> bool:
    """Whether a model is one of transformers' own classes, with nothing put upon it but where its weights are."""
    kind = type(model)
    if not isinstance(model, PreTrainedModel) or not kind.__module__.startswith("transformers."):
        return False
    # accelerate sets `forward` to bring weights and inputs to their devices
    is_placed = hasattr(model, "_hf_hook") and getattr(model._old_forward, "__func__", None) is kind.forward  # noqa: SLF001
    code = getattr(kind.forward, "__globals__", {})  # whoever wraps a function copies its name, but not this
    is_own = str(code.get("__name__", "")).startswith("transformers.") and kind.__call__ is nn.Module.__call__
    return is_own and (is_placed or is_watched(model) or "forward" not in vars(model)) and not _has_hooks(model)


def is_watched(module: Any) -> bool:
    """Whether nnsight runs a module's own `forward` for it, to look on where it is asked to."""
    forward = vars(module).get("forward")
    is_theirs = type(forward).__module__.startswith("nnsight.")
    return is_theirs and getattr(forward, "__wrapped__", None) is type(module).forward


def adapter_switches(model: nn.Module) -> list[str]:
    """List which adapters of PEFT are on, in every layer that has some."""
    return [f"{name} {vars(one)[name]}" for one in model.modules() for name in _SWITCHES if name in vars(one)]


def generates(model: Any) -> bool:
    """Whether what a model generates is what it computes when it is called, virtual tokens and all."""
    # PEFT's classes without a task of generation hand the call on to the model inside
    return not virtual_tokens(model) or not model.generate.__qualname__.startswith("PeftModel.")


def entry(model: nn.Module) -> nn.Module:
    """Return what is called: what was handed over; without its head where nothing else can be between.

    So n × vocabulary logits are not computed.
    """
    is_free = "forward" not in vars(model) or is_watched(model)
    return cast("nn.Module", model.base_model) if is_plain(model) and is_free else model


def takes(model: nn.Module, name: str) -> bool:
    """Whether a model can be called with an argument of this name."""
    core = core_of(model)
    called = entry(core) if model is core else core
    parameters = signature(called.forward).parameters
    return name in parameters or any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values())


def names(model: nn.Module, name: str) -> bool:
    """Whether the model itself names an argument: what it takes by ``**kwargs`` it may pass over in silence."""
    return takes(model, name) and name in signature(core_of(model).base_model.forward).parameters


def sparing(model: nn.Module) -> dict[str, Any]:
    """Return arguments that spare a pass what is not looked at: the cache, and the logits where a head is called."""
    core = core_of(model)
    called = entry(model)
    names = signature((called if model is core else core).forward).parameters
    found: dict[str, Any] = {"use_cache": False} if "use_cache" in names else {}
    # what is a user's own may want them all
    if called is model and is_plain(core) and not _has_hooks(model) and "logits_to_keep" in names:
        found["logits_to_keep"] = 1
    return found


class SeenIds(TorchFunctionMode):
    """Follow which token ids a pass looks up, in this thread and without touching the model; refuse others.

    Parameters
    ----------
    model : nn.Module
        What is called inside.
    options : dict
        With what: the ids of the text are among it.

    Raises
    ------
    UnsupportedModelError
        At the end, if other tokens than the text's were looked up: what they are called would be wrong.
    """

    def __init__(self, model: nn.Module, options: dict[str, Any]) -> None:
        super().__init__()
        self._name = type(model).__name__
        self._given = [options[name] for name in ("input_ids", "decoder_input_ids") if name in options]
        self._size = int(getattr(core_of(model).get_input_embeddings(), "num_embeddings", 0))
        self._seen: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function as it is, and look at what it took."""
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "embedding":
            tensors = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
            if any(one.ndim == 2 and len(one) == self._size and one.is_floating_point() for one in tensors):
                self._seen += [one.flatten() for one in tensors if not one.is_floating_point()]  # XLNet turns them
        return func(*args, **kwargs)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Compare, unless the pass has failed already."""
        super().__exit__(kind, *rest)  # type: ignore[no-untyped-call]
        for ids in self._given if kind is None and self._seen else ():
            if not any(torch.equal(one.to(ids), ids.flatten()) for one in self._seen):
                raise UnsupportedModelError(
                    f"{self._name} looks up other tokens than the text's, so what it attends to cannot be named; "
                    "give it the text as it reads it"
                )


def _has_hooks(model: nn.Module) -> bool:
    return any(getattr(model, name, None) for name in _HOOKS)


def _prompting(model: Any) -> Any:
    """Return PEFT's config where it puts virtual tokens before a text."""
    how = getattr(model, "active_peft_config", None) if is_adapted(model) else None
    return how if how is not None and how.is_prompt_learning else None
