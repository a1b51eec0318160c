"""What goes through a model's modules while it reads a few tokens, and which matrix a column came out of."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from attnwidget.capture import capture
from attnwidget.capture.held import as_norm
from attnwidget.capture.output import affine_maps
from attnwidget.capture.twin import twin
from attnwidget.capture.wrappers import core_of, names
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attnwidget.trace import AttentionTrace

PROBES = 24  # tokens that are read
_ALIKE = 1e-4  # of the largest number: how near a column must come to what a matrix gave
_ALIKE_HALF = 3e-2  # in half precision


class Call(NamedTuple):
    """A module that made of each row another."""

    name: str
    module: nn.Module
    x: Tensor  # (n, d)
    y: Tensor  # (n, out)


class Gain(NamedTuple):
    """A norm without its scale: x → (x − its mean) ∘ gain, or without the mean."""

    gain: Tensor  # (d_model,)
    is_centred: bool

    def before(self, reads: Tensor) -> Tensor:
        """Fold it into what reads the stream behind it, (…, d_model, k)."""
        scaled = self.gain[:, None] * reads
        return scaled - scaled.mean(-2, keepdim=True) if self.is_centred else scaled


class Reading:
    """A twin that has read some tokens.

    Parameters
    ----------
    model : nn.Module
        The user's own.
    at_zero : bool
        Whether all of them stand at position 0, where rotations turn nothing; of models that take positions.
    """

    def __init__(self, model: nn.Module, *, at_zero: bool) -> None:
        self.model = twin(model)
        size = core_of(model).get_input_embeddings().weight.shape[0]
        ids = torch.randint(0, size, (PROBES,), generator=torch.Generator().manual_seed(0)).tolist()
        self.takes_positions = names(model, "position_ids")
        options: dict[str, Any] = {"position_ids": [0] * PROBES} if at_zero and self.takes_positions else {}
        self.calls: list[Call] = []
        self.last: Tensor | None = None  # (n, d_model)
        with ExitStack() as stack:
            for name, module in list(self.model.named_modules())[1:]:  # a hook upon the whole would call its head
                stack.callback(module.register_forward_hook(self._look(name), with_kwargs=True).remove)
            base = core_of(self.model).base_model
            stack.callback(base.register_forward_hook(self._see_last).remove)
            self.trace: AttentionTrace = capture(self.model, ids, tokens=[str(one) for one in ids], **options)

    def norm_to(self, y: Tensor) -> tuple[Call, Gain] | None:
        """Return the norm that gave these rows, (n, d), if one did."""
        for call in reversed(self.calls):
            if call.x.shape == call.y.shape == y.shape and torch.equal(call.y, y) and not torch.equal(call.x, y):
                with torch.no_grad():
                    norm = as_norm(call.module, upcast(call.x), upcast(y), y.dtype)
                if norm is not None:
                    length = upcast(call.x - call.x.mean(-1, keepdim=True) * norm.is_centred).square().mean(-1).sqrt()
                    return call, Gain((norm.scales * length[:, None]).mean(0).cpu(), norm.is_centred)
        return None

    @staticmethod
    def is_norm_of(call: Call, x: Tensor) -> bool:
        """Whether a call is a norm of these rows, (n, d)."""
        if call.x.shape != x.shape or call.y.shape != x.shape or not torch.equal(call.x, x):
            return False
        with torch.no_grad():
            return not torch.equal(call.y, x) and as_norm(call.module, upcast(x), upcast(call.y), x.dtype) is not None

    def _look(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
            given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
            if len(given) == 1 and isinstance(result, Tensor) and _is_rows(given[0]) and _is_rows(result):
                self.calls.append(Call(name, module, _rows(given[0]), _rows(result)))

        return hook

    def _see_last(self, _: nn.Module, __: Any, returned: Any) -> None:
        self.last = _rows(returned if isinstance(returned, Tensor) else returned[0])


def find_matrix(wanted: Tensor, calls: Sequence[Call], width: int) -> tuple[Tensor, Tensor, Call] | None:
    """Find the matrix that gives queries, keys or values.

    Parameters
    ----------
    wanted : Tensor
        (heads, n, d_head).
    calls : sequence of Call
        Among these.
    width : int
        d_model: what the matrix reads.

    Returns
    -------
    tuple, or None
        (heads, d_model, d_head), its bias (heads, d_head), and the module's call.
    """
    heads, n, size = wanted.shape
    columns = upcast(wanted).transpose(0, 1).reshape(n, -1)  # (n, heads × d_head)
    bound = (_ALIKE if wanted.dtype in {torch.float32, torch.float64} else _ALIKE_HALF) * float(columns.abs().max())
    for call in calls:
        if call.x.shape[-1] != width or call.y.shape[-1] < columns.shape[1]:
            continue
        given = upcast(call.y)  # (n, out)
        near = torch.nn.functional.normalize(columns, dim=0).T @ torch.nn.functional.normalize(given, dim=0)
        at = near.abs().argmax(1)  # (heads × d_head,)
        chosen = given[:, at]  # (n, heads × d_head)
        factor = ((columns * chosen).sum(0) / chosen.square().sum(0)).median()  # some scale the queries first
        if not (columns - factor * chosen).abs().max() <= bound:
            continue
        for weight, bias in affine_maps(call.module, width, call.y[None]):
            part = factor * upcast(weight)[:, at]  # (d_model, heads × d_head)
            added = torch.zeros_like(part[0]) if bias is None else factor * upcast(bias)[at]
            if (upcast(call.x) @ part + added - columns).abs().max() <= bound:
                by_head = part.reshape(width, heads, size).transpose(0, 1)
                return by_head.cpu(), added.reshape(heads, size).cpu(), call
    return None


def _is_rows(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.ndim > 1 and tensor.numel() == PROBES * tensor.shape[-1]


def _rows(tensor: Tensor) -> Tensor:
    """Copy (1, n, d) as (n, d): models write into what they are given."""
    return tensor.detach().reshape(-1, tensor.shape[-1]).clone()
