"""A twin of a model: modules and settings of its own, the same weights.

A capture sets attributes of the model for its time: the training flag, which attention the config names, code that is
not compiled. What runs in the background, while its user may be training the model in the next cell, runs on a twin.

Copied is what a pass could set or be led by: modules, configs, the containers in their attributes, and code that is
bound to a module (methods, wrapped `forward`s, hooks). Tensors and everything else, such as whatever a user has hung
onto the model, are shared.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict, defaultdict
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any, TypeVar, cast

import torch
from torch import nn
from transformers import GenerationConfig, PreTrainedConfig

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.wrappers import is_watched, unwrapped

M = TypeVar("M", bound=nn.Module)

_CODE = FunctionType, MethodType, partial
_LIBRARIES = (
    "accelerate.hooks",
    "bitsandbytes.autograd",
    "transformer_lens.",
)  # they keep the state of a pass in objects beside the modules


def twin(model: M) -> M:
    """Copy a model's modules; all parameters and buffers stay shared, and no memory is copied.

    Of what `torch.compile` made, the twin has the code as it was before.

    Parameters
    ----------
    model : nn.Module
        It may be in use by other threads, and is not touched.

    Raises
    ------
    UnsupportedModelError
        If a part cannot be copied: the model can then be run in the foreground only.
    """
    whole = cast("M", unwrapped(model))
    copies = _Copies(whole)
    try:
        copy: M = copies.of(whole)
    except Exception as error:
        raise UnsupportedModelError(_why(whole, "it", f" ({error})")) from error
    for name, module in copy.named_modules():
        if not copies.has(module):  # TorchScript keeps its attributes where no copy can have its own
            raise UnsupportedModelError(_why(whole, f"its part {name or type(module).__name__}"))
    return copy


def _why(model: nn.Module, what: str, error: str = "") -> str:
    return (
        f"{type(model).__name__} cannot be run in the background: {what} cannot be copied without its weights{error}. "
        "Use the model as it was before torch.jit, or without what was hung onto it"
    )


class _Copies:
    """Copies that refer to each other as the originals do."""

    def __init__(self, model: nn.Module) -> None:
        self._parts = {id(part) for part in model.modules()}
        self._made: dict[int, tuple[Any, Any]] = {}  # by the original's id: the original, kept alive, and its copy
        self._objects: set[int] = set()  # the ids of copied modules and the like

    def has(self, copy: Any) -> bool:
        """Whether a module is one of these copies."""
        return id(copy) in self._objects

    def of(self, value: Any) -> Any:  # noqa: PLR0911 - each kind its own way
        """Copy what stands in an attribute, if a pass could set it or be led by it; else share it."""
        kind = type(value)
        if id(value) in self._made:
            return self._made[id(value)][1]
        if kind in weakref.ProxyTypes:  # TransformerLens: to a module around this one
            return self._proxy(value)
        if isinstance(value, (nn.Module, PreTrainedConfig, GenerationConfig)) or kind.__module__.startswith(_LIBRARIES):
            return self._object(value)
        if kind in {dict, OrderedDict, defaultdict}:
            # In one step, as other threads may write into it: so the copy can be walked through.
            copy = self._keep(value, value.copy())
            copy.update([(key, self.of(one)) for key, one in copy.items()])
            return copy
        if kind is list:
            copy = self._keep(value, value.copy())
            copy[:] = [self.of(one) for one in copy]
            return copy
        if kind is tuple:
            return tuple([self.of(one) for one in value])
        return self._code(value) if kind in _CODE else value.copy() if kind is set else value

    def _keep(self, value: Any, copy: Any) -> Any:
        self._made[id(value)] = value, copy
        return copy

    def _object(self, value: Any) -> Any:
        if not hasattr(value, "__dict__") or isinstance(value, torch.jit.ScriptModule):
            return value
        copy = self._keep(value, object.__new__(type(value)))
        self._objects.add(id(copy))
        state = vars(value).copy()
        state.pop("_compiled_call_impl", None)  # by Module.compile: it runs the original
        if is_watched(value):
            state.pop("forward")  # it runs the original
        vars(copy).update({name: self.of(one) for name, one in state.items()})
        return copy

    def _proxy(self, value: Any) -> Any:
        """Let a proxy stand for the twin of what it stands for."""
        meant = value.__init__.__self__
        copy = self.of(meant)
        return value if copy is meant else self._keep(value, weakref.proxy(copy))

    def _code(self, value: Any) -> Any:
        """Bind code to the twin's modules; what else it has at hand is its user's, and shared."""
        if isinstance(value, nn.Module):
            return self.of(value)
        if type(value) not in _CODE:
            return value
        if id(value) in self._made:
            return self._made[id(value)][1]
        if isinstance(value, MethodType):
            owner = self._code(value.__self__)
            return value if owner is value.__self__ else MethodType(self._code(value.__func__), owner)
        if isinstance(value, partial):
            words = {name: self._code(one) for name, one in value.keywords.items()}
            copy = partial(self._code(value.func), *[self._code(one) for one in value.args], **words)
            vars(copy).update({name: self._code(one) for name, one in vars(value).items()})
            return self._keep(value, copy)
        plain = getattr(value, "_torchdynamo_orig_callable", None)  # by torch.compile: it runs the original
        return self._function(value) if plain is None else self._code(plain)

    def _named(self, function: FunctionType) -> dict[str, Any]:
        """Return the twins of what a function knows by name: the model, its parts, and their methods."""
        known = {name: function.__globals__.get(name) for name in function.__code__.co_names}
        owners = {name: getattr(one, "__self__", one) for name, one in known.items()}
        return {name: self._code(known[name]) for name, one in owners.items() if id(one) in self._parts}

    def _function(self, value: FunctionType) -> FunctionType:
        """Copy a function if its closure leads to a module, or a name in its file or notebook to the model itself."""
        cells = value.__closure__ or ()
        named = self._named(value)
        if not cells and not named:
            return value
        closure = tuple(CellType() for _ in cells)
        names = {**value.__globals__, **named} if named else value.__globals__
        copy = FunctionType(value.__code__, names, value.__name__, value.__defaults__, closure)
        self._keep(value, copy)
        is_led = bool(named)
        for cell, mine in zip(cells, closure, strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # nothing yet
                continue
            mine.cell_contents = self._code(content)
            is_led |= mine.cell_contents is not content and mine.cell_contents is not copy
        if not is_led:
            return cast("FunctionType", self._keep(value, value))
        copy.__kwdefaults__ = value.__kwdefaults__
        vars(copy).update({name: self._code(one) for name, one in vars(value).items()})
        return copy
