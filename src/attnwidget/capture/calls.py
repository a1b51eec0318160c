"""Every call of a model's modules in one pass, as a tree: who called whom, with which vectors of the tokens."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    Keep = Callable[[int, Tensor], Tensor | None]  # of which call, and one of its tensors, to what is kept of it


@dataclass
class Call:
    """One call of a module.

    Attributes
    ----------
    number : int
        Counted in the order in which calls begin; the same in each pass over the same inputs.
    name, module
        Of the module; one may be called several times, as ALBERT's.
    parent : Call, or None
        By whom.
    end : int
        The number of the next call after this one has returned.
    inputs, places : list
        What was kept of the tensors that it was given, and of each the place, or the name, of that argument.
    output : Tensor, or None
        And of the first that it returned.
    given : tuple
        Its arguments, where they were asked for.
    returned : object
        What it returned, the same.
    """

    number: int
    name: str
    module: nn.Module
    parent: Call | None
    end: int = 0
    inputs: list[Tensor] = field(default_factory=list)
    places: list[int | str] = field(default_factory=list)
    output: Tensor | None = None
    given: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    returned: Any = None

    @property
    def ancestors(self) -> list[Call]:
        """Those inside which it was made, the nearest first."""
        found, at = [], self.parent
        while at is not None:
            found.append(at)
            at = at.parent
        return found


@contextmanager
def calls_of(model: nn.Module, keep: Keep, whole: frozenset[int] = frozenset()) -> Iterator[list[Call]]:
    """List the calls of a pass that is made inside.

    Parameters
    ----------
    model : nn.Module
        A twin.
    keep : function
        What to keep of a tensor: a copy, as models add to theirs in place.
    whole : frozenset of int
        Of which calls to keep the arguments, and what was returned.
    """
    made: list[Call] = []
    stack: list[Call] = []

    def begin(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            call = Call(len(made), name, module, stack[-1] if stack else None)
            for place, one in (*enumerate(args), *kwargs.items()):
                kept = keep(call.number, one) if isinstance(one, Tensor) else None
                if kept is not None:
                    call.inputs.append(kept)
                    call.places.append(place)
            if call.number in whole:
                call.given = args, kwargs
            made.append(call)
            stack.append(call)

        return hook

    def end(module: nn.Module, _args: Any, _kwargs: Any, returned: Any) -> None:
        while stack and stack[-1].module is not module:  # it was left by an exception that its caller has caught
            stack.pop().end = len(made)
        call = stack.pop()
        call.end = len(made)
        first = first_tensor(returned)
        call.output = None if first is None else keep(call.number, first)
        if call.number in whole:
            call.returned = returned

    with ExitStack() as hooks, torch.no_grad():
        for name, module in model.named_modules():
            hooks.callback(module.register_forward_pre_hook(begin(name), with_kwargs=True).remove)
            hooks.callback(module.register_forward_hook(end, with_kwargs=True).remove)
        yield made


def first_tensor(returned: Any) -> Tensor | None:
    """Return what a module returned, or the first of several."""
    if isinstance(returned, Tensor):
        return returned
    values = list(returned.values()) if isinstance(returned, dict) else returned
    return first_tensor(values[0]) if isinstance(values, list | tuple) and values else None


def with_first(returned: Any, first: Tensor) -> Any:
    """Return the same with another tensor in the first one's place."""
    if isinstance(returned, Tensor):
        return first
    if isinstance(returned, dict):
        name = next(iter(returned))
        return type(returned)({**returned, name: with_first(returned[name], first)})
    parts = [with_first(returned[0], first), *returned[1:]]
    return type(returned)(*parts) if hasattr(returned, "_fields") else type(returned)(parts)
