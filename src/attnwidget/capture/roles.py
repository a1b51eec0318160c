"""What a module, or a function, is to the way from a part of the model to its logit, and helpers to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable

_GATES = functional.gelu, functional.relu, functional.silu
_IDENTITIES = nn.Dropout, nn.Identity


class Way(Protocol):
    """As much of a `Stream` as functions on the way need."""

    @property
    def leads(self) -> bool:
        """Whether what is computed now is on the way."""

    def held(self, function: Callable[..., Any], x: Tensor, **options: Any) -> Tensor:
        """Lead over an activation."""


class Functions(TorchFunctionMode):
    """Activations that a model calls as functions: RoBERTa's head has one."""

    def __init__(self, stream: Way) -> None:
        super().__init__()
        self._stream = stream

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Hold what is on the way, and run everything else as it is."""
        if func in _GATES and self._stream.leads and args[0].requires_grad:
            return self._stream.held(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def first(returned: Any) -> Tensor:
    """Return a module's first tensor."""
    return cast("Tensor", returned if isinstance(returned, Tensor) else returned[0])


def leads(args: Any, kwargs: Any) -> bool:
    """Whether a call takes what is on the way."""
    return any(isinstance(one, Tensor) and one.requires_grad for one in (*args, *kwargs.values()))


def _own(module: nn.Module) -> list[Tensor]:
    return [one for one in (*module.parameters(recurse=False), *module.buffers(recurse=False)) if one is not None]


def make_ordinary(module: nn.Module) -> None:
    """Copy what was made in inference mode: no way leads over such a matrix."""
    for name, weight in module.named_parameters(recurse=False):
        if weight.is_inference():
            setattr(module, name, nn.Parameter(weight.clone(), requires_grad=False))


def has_matrix(module: nn.Module) -> bool:
    """Whether a module is a matrix, a table or experts: what maps by weights of its own, and not by its parts'."""
    own = any(one.ndim > 1 for one in _own(module)) or hasattr(module, "_packed_params")
    return own and not any(_own(child) for child in module.children())


def is_simple(module: nn.Module) -> bool:
    """Whether a module may be a norm or an activation."""
    return not any(True for _ in module.children()) and not isinstance(module, _IDENTITIES)
