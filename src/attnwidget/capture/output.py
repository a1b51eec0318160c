"""The output projection W_O of every layer: found by what goes into it, and proven on what comes out.

After the attention function a model puts the heads' outputs side by side and hands them to a module. Which one that
is, its name does not tell. So the pass is made once more, and every module is looked at whose only tensor equals the
heads' outputs as the trace recomputes them. The outermost of them is W_O and its bias if it proves to be an affine map:
that takes in adapters (LoRA) around a projection, and leaves out gates and norms. What cannot be proven has a reason.
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from attnwidget.capture.recorder import CHECKED_ROWS
from attnwidget.capture.temporary import set_temporarily
from attnwidget.maths import ALL, Projection, QKVLayer, blind_rows, weighted_sum
from attnwidget.maths.projection import version_of
from attnwidget.maths.softmax import product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attnwidget.trace.projections import Found, Layers

    Key = tuple[str, int]  # an attention, and the number of a layer

_ALIKE = 1e-3  # of the largest number: how near inputs and outputs must be
_ALIKE_HALF = 5e-2  # in half precision


class Call(NamedTuple):
    """A module that may be a layer's output projection, and what it returned, (queries, d_model)."""

    name: str
    module: nn.Module
    output: Tensor


class HeadOutputs:
    """One layer's heads side by side at a few rows: by them the module that takes them is known."""

    def __init__(self, layer: QKVLayer) -> None:
        blind = set(blind_rows(layer))  # what is made of these is nobody's rule
        rows = torch.tensor([row for row in range(layer.shape[1]) if row not in blind], dtype=torch.long)
        spread = torch.linspace(0, len(rows) - 1, min(len(rows), CHECKED_ROWS)).round().long()
        assert layer.v is not None  # noqa: S101 - checked by the caller
        self.rows, self.n = rows[spread], layer.shape[1]
        heads = weighted_sum(layer.weights(ALL, self.rows, ALL), layer.v).cpu()  # (heads, rows, d_v)
        self.count, self.joined = len(heads), heads.transpose(0, 1).flatten(1)  # (rows, heads × d_v)
        self.bound = _ALIKE if layer.v.dtype in {torch.float32, torch.float64} else _ALIKE_HALF

    def distance(self, given: Tensor) -> float:
        """How far a module's input is from these heads, all of them and nothing else; infinite if it is not them."""
        width = self.joined.shape[1]
        if given.shape[-1] != width or given.numel() != self.n * width or not len(self.rows):
            return math.inf
        found = self._distance(self._at_rows(given.reshape(self.n, width)), self.joined)
        return found if found <= self.bound else math.inf

    def prove(self, calls: Sequence[Call]) -> Projection | str:
        """Return the module's matrix and bias, if it is an affine map of these heads; else why not."""
        if not len(self.rows):
            return "W_O cannot be told: the mask hides every key from every query"
        if self.joined.isnan().any():
            return "W_O cannot be told: what the heads computed is not a number"
        if not calls:
            return (
                "no module could be proven to be W_O: none takes the heads as they are, for this model does more with "
                "them first, or has changed since"
            )
        call = min(calls, key=lambda one: len(one.name))
        if any(one.name != call.name and not one.name.startswith(f"{call.name}.") for one in calls):
            return "no module could be proven to be W_O: several take the heads"
        for weight, bias in affine_maps(call.module, self.joined.shape[1], call.output):
            if self.gives(weight, bias, call.output):
                by_head = weight.reshape(self.count, -1, weight.shape[1])  # (heads, d_v, d_model)
                return Projection(by_head, bias, call.output, call.name, version_of(weight))
        return f"no module could be proven to be W_O: {call.name} takes the heads, but does not only project them"

    def gives(self, weight: Tensor, bias: Tensor | None, output: Tensor) -> bool:
        """Whether a matrix (heads × d_v, d_model) and a bias make of these heads what was returned, (n, d_model)."""
        mine = product(self.joined, weight.to("cpu", self.joined.dtype))  # (rows, d_model)
        return self._distance(mine if bias is None else mine + bias.to(mine), self._at_rows(output)) <= self.bound

    def _at_rows(self, tensor: Tensor) -> Tensor:
        return tensor.index_select(0, self.rows.to(tensor.device)).to("cpu", self.joined.dtype)

    @staticmethod
    def _distance(mine: Tensor, theirs: Tensor) -> float:
        """Largest |difference|, as a share of the largest number."""
        found = float((mine - theirs).abs().max() / theirs.abs().max().clamp(min=torch.finfo(theirs.dtype).tiny))
        return math.inf if math.isnan(found) else found


def find_projections(model: nn.Module, run: Callable[[], object], layers: Layers) -> Found:
    """Run a model once more and find every layer's output projection.

    Parameters
    ----------
    model : nn.Module
        Whose modules are looked at: a twin, as hooks are put on it that no other thread may meet half made.
    run : function
        The very pass that the layers are of, on this model.
    layers : mapping of str to sequence of layers
        Of a trace.

    Returns
    -------
    dict of str to list
        As `layers`; a reason where no module could be found, or proven.
    """
    heads = head_outputs(layers)
    calls: dict[Key, list[Call]] = {key: [] for key in heads}
    with looking(model, heads, calls):
        run()
    return prove(model, heads, calls, layers)


@contextmanager
def looking(
    model: nn.Module, heads: Mapping[Key, HeadOutputs], calls: dict[Key, list[Call]], *, narrow: bool = False
) -> Iterator[None]:
    """Put every call of a module that takes a layer's heads, and nothing else, to that layer's `calls`.

    Where `narrow`, modules that make fewer numbers of them too: without a config nobody knows the model's width.
    """
    width = getattr(getattr(model, "config", None), "hidden_size", None)

    def look(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
            given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
            if len(given) != 1 or not isinstance(result, Tensor):
                return
            if not narrow and result.shape[-1] < given[0].shape[-1] and result.shape[-1] != width:
                return  # an adapter's or a gate's narrow half
            away, key = min(((one.distance(given[0]), key) for key, one in heads.items()), default=(math.inf, ("", 0)))
            if away < math.inf:
                # a copy, as models add to it in place
                calls[key].append(Call(name, module, result.detach().reshape(heads[key].n, -1).clone()))

        return hook

    with ExitStack() as stack, torch.no_grad():
        for name, module in model.named_modules():
            if next(module.parameters(), None) is not None or hasattr(module, "_packed_params"):  # quantised
                stack.callback(module.register_forward_hook(look(name), with_kwargs=True).remove)
        yield


def head_outputs(layers: Layers) -> dict[Key, HeadOutputs]:
    """Compute the heads of every layer that has queries, keys and values."""
    return {
        (name, number): HeadOutputs(layer)
        for name, those in layers.items()
        for number, layer in enumerate(those)
        if isinstance(layer, QKVLayer) and layer.v is not None
    }


def prove(model: nn.Module, heads: Mapping[Key, HeadOutputs], calls: Mapping[Key, list[Call]], layers: Layers) -> Found:
    """Say of each layer's calls which is its output projection."""
    with torch.no_grad(), set_temporarily((module, "training", False) for module in model.modules()):
        proven = {key: one.prove(calls[key]) for key, one in heads.items()}
    return {name: [proven.get((name, number), "") for number in range(len(those))] for name, those in layers.items()}


def affine_maps(module: nn.Module, width: int, output: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Say how a module may map: by its own matrix; and by what it makes of every direction, whatever it is."""
    is_linear, is_conv = (type(module).forward is kind.forward for kind in (nn.Linear, Conv1D))  # GPT-2's
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    # a quantised weight may look like a matrix, but can only be multiplied
    is_plain = isinstance(weight, Tensor) and not hasattr(weight, "__tensor_flatten__")
    if (is_linear or is_conv) and weight is not None and is_plain and weight.is_floating_point() and not weight.is_meta:
        yield (weight.detach().T if is_linear else weight.detach()), None if bias is None else bias.detach()
    device = getattr(getattr(module, "_hf_hook", None), "execution_device", None)  # accelerate brings weights there
    options: dict[str, Any] = {"dtype": output.dtype, "device": output.device if device is None else device}
    try:
        constant = module(torch.zeros(1, 1, width, **options))[0, 0]  # (d_model,)
        yield (module(torch.eye(width, **options)[None])[0] - constant), constant
    except Exception:  # noqa: BLE001 - it wants something else: then it is not a map of the heads alone
        return
