"""How a number that the model says changes with what each head gives: one pass forward and one backward.

The gradient by an attention weight is that by the head's output times the value, ∂y/∂α_ij = ∂y/∂o_i · v_j, as
o_i = Σ_j α_ij v_j. So no weights are written out for it, and a tile is computed from (n, heads, d_v) numbers a layer.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from attnwidget.capture.output import head_outputs
from attnwidget.capture.predict import find_writer
from attnwidget.maths import Projection

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from attnwidget.effects import Asked
    from attnwidget.trace.projections import Found, Layers
    from attnwidget.trace.second import FoundGradients

_CHANGED = "the gradient is not known: the model has changed since this text was captured"
_NOT_PASSED = "the gradient is not known: W_O of this layer is not given its heads in a pass that is differentiated"


def find_gradients(
    model: nn.Module, options: dict[str, Any], asked: Asked, layers: Layers, projections: Found
) -> FoundGradients:
    """Differentiate a number that a model says by every head's output.

    Parameters
    ----------
    model : nn.Module
        A twin, with its head.
    options : dict
        What the model takes.
    asked : Asked
        The number, of logits.
    layers, projections : dict
        Of a trace.

    Returns
    -------
    dict of str to list
        As `layers`, (n, heads, d_v) each; a reason where it is not known.
    """
    heads = head_outputs(layers)
    reached: dict[tuple[str, int], Tensor] = {}
    found: FoundGradients = {
        name: [one if isinstance(one, str) else _NOT_PASSED for one in those] for name, those in projections.items()
    }

    def probing(name: str) -> Callable[..., Any]:
        keys = [
            (part, number)
            for part, those in projections.items()
            for number, one in enumerate(those)
            if isinstance(one, Projection) and one.name == name
        ]

        def hook(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
            taken = given[0].detach()
            free = (key for key in keys if key not in reached)
            wanted = next((key for key in free if heads[key].distance(taken) < math.inf), None)
            if wanted is None:
                return None
            probe = torch.zeros_like(given[0], requires_grad=True)
            reached[wanted] = probe
            return given[0] + probe, *given[1:]

        return hook

    names = {one.name for those in projections.values() for one in those if isinstance(one, Projection)}
    for module in model.modules():
        module.training = False
    head = find_writer(model).get_output_embeddings()
    rows = list(asked.rows)
    with ExitStack() as hooks, torch.enable_grad():
        for name in names:
            hooks.callback(model.get_submodule(name).register_forward_pre_hook(probing(name)).remove)
        hooks.callback(head.register_forward_pre_hook(lambda _, given: (given[0][..., rows, :], *given[1:])).remove)
        logits = model(**options)[0]  # (1, rows, vocabulary)
        if not reached:
            raise ValueError(_CHANGED)
        number = asked.of_logits(logits)[0]
        gradients = torch.autograd.grad(number, [*reached.values()], allow_unused=True)
    for (part, at), gradient in zip(reached, gradients, strict=True):
        one = projections[part][at]
        assert isinstance(one, Projection)  # noqa: S101 - only such were probed
        by_head = reached[part, at] if gradient is None else gradient  # zeros: nothing leads from here to the number
        found[part][at] = by_head.detach().reshape(-1, *one.weight.shape[:2])  # (n, heads, d_v)
    return found
