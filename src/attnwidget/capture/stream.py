"""The residual stream of one pass: what every part writes into it, and the way from there to a logit.

Between what a part gives and the logit stand sums, factors and norms: with each norm's scale held at what it is for
the row, all of it is one affine map (Elhage et al. 2021, "A mathematical framework for transformer circuits"). Where
these stand, no name tells. So a twin of the model runs, and PyTorch's own gradients lead from the logit back to what
each part gave: parts are cut off from what they read, so that only the direct way is left, and norms are led over as
what they prove to be (`held`). The gradient of an affine map, times what the part gave, is what it writes.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

from attnwidget.capture.held import Constant, Held
from attnwidget.capture.labels import BLOCK, EMBEDDINGS, Place
from attnwidget.capture.predict import find_writer
from attnwidget.capture.wrappers import core_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attnwidget.effects.written import Key

    Forward = Callable[..., Any]

_GATES = functional.gelu, functional.relu, functional.silu
_IDENTITIES = nn.Dropout, nn.Identity


class Leaf(NamedTuple):
    """What a part gave."""

    place: Place
    key: Key | None  # of an attention's W_O
    given: Tensor  # (1, n, d_model), or (n, d_model)


class Stream:
    """One pass of a twin, in which what is written into the residual stream is caught.

    Parameters
    ----------
    model : nn.Module
        The twin; it is of no other use afterwards.
    projections : mapping of str to sequence of (attention, layer)
        By the name of the module that is W_O, whose it is at each of its calls.
    width : int
        d_model.

    Attributes
    ----------
    leaves : list of Leaf
        In the order of the pass.
    hidden : Tensor, or None
        (1, n, d), what goes into the unembedding.
    last : Tensor, or None
        (1, n, d_model), what the model without its head gives.
    factor, constant : float, Tensor
        What the model makes of the head's logits: times the factor, plus (vocabulary,).
    bends : bool
        Whether it makes something else of them: a soft cap. Then these are 1 and 0.
    """

    def __init__(self, model: nn.Module, projections: Mapping[str, Sequence[Key]], width: int) -> None:
        self.leaves: list[Leaf] = []
        self.hidden: Tensor | None = None
        self.last: Tensor | None = None
        self.factor, self.constant, self.bends = 1.0, torch.zeros(()), False
        self.noted: dict[Place, Tensor] = {}
        self.kinds: dict[Place, str] = {}  # what was held
        self.failed: set[Place] = set()
        self.blocks = 0
        self._model, self._width = model, width
        self._keys = {name: list(keys) for name, keys in projections.items()}
        self._at, self._is_inside = 0, False
        self._logits: Tensor | None = None  # of the first row, as the head gives them
        writer = find_writer(model)
        module = None if writer is None else writer.get_output_embeddings()
        self._unembed: Forward | None = None if module is None else module.forward
        for one in model.modules():  # its norms and its head are asked again after the pass
            one.training = False
        self._watch(module)

    @property
    def nbytes(self) -> int:
        """About how much memory the way back takes: what the parts gave, and twice as much before and after norms."""
        return 3 * sum(leaf.given.nbytes for leaf in self.leaves)

    def begin_with(self, embeddings: Tensor) -> Tensor:
        """Take vectors that were given in place of a text for what a part gave."""
        leaf: Tensor = self._leaf(EMBEDDINGS, embeddings)
        return leaf

    def run(self, call: Callable[[], Any]) -> None:
        """Make the pass; `call` runs the model."""
        with ExitStack() as stack:
            for module in self._without_head():
                stack.callback(module.register_forward_hook(self._see_last).remove)
            stack.enter_context(_Functions(self))
            returned = call()
        if self._logits is not None:
            self._find_after(_first(returned))

    # What is told on the way back

    def forget(self) -> None:
        """Begin anew."""
        self.noted.clear()
        self.kinds.clear()
        self.failed.clear()

    def note(self, place: Place, shares: Tensor) -> None:
        """Keep what a constant writes into the target, (rows,)."""
        self.noted[place] = shares

    def hold(self, place: Place, kind: str) -> None:
        """Keep what was held."""
        self.kinds[place] = kind

    def fail(self, place: Place) -> None:
        """Keep what proved to be neither a norm nor an activation."""
        self.failed.add(place)

    # What a module is to the way

    def _watch(self, head: Any) -> None:
        core = core_of(self._model)
        encoder: Any = core.get_encoder() if core.config.is_encoder_decoder else None
        module: Any
        for name, module in list(self._model.named_modules()):
            if not BLOCK.match(name) and not isinstance(module, nn.Embedding):
                _make_ordinary(module)
            plain = module.forward
            if module is head:
                module.forward = self._head
            elif module is encoder:
                module.forward = self._apart(plain)
            elif name in self._keys:
                module.forward = self._cut(name, plain)
            elif _has_matrix(module):
                module.forward = self._cut(name, plain) if BLOCK.match(name) else self._affine(name, plain)
            elif _is_simple(module):
                module.forward = self._norm(name, plain)
            if (found := BLOCK.match(name)) and found[1] == name:
                module.register_forward_pre_hook(self._begin)

    def _begin(self, *_: Any) -> None:
        self.blocks += not self._is_inside

    def _without_head(self) -> Iterator[nn.Module]:
        """Find the models in this one that have no head: the last of them to return is all but the head."""
        for module in self._model.modules():
            if isinstance(module, PreTrainedModel) and (self._unembed is None or find_writer(module) is None):
                yield module

    def _see_last(self, _: nn.Module, __: Any, returned: Any) -> None:
        self.last = _first(returned)

    def _place(self, name: str) -> Place:
        self._at += 1
        return Place(self._at, name, self.blocks - 1)

    @contextmanager
    def _cut_off(self) -> Iterator[None]:
        """Let nothing lead back to what is computed inside."""
        self._is_inside = True
        try:
            with torch.no_grad():
                yield
        finally:
            self._is_inside = False

    def _apart(self, plain: Forward) -> Forward:
        def forward(*args: Any, **kwargs: Any) -> Any:
            with self._cut_off():
                return plain(*args, **kwargs)

        return forward

    def _cut(self, name: str, plain: Forward) -> Forward:
        """Run a part, and begin anew with what it gives."""

        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._is_inside:
                return plain(*args, **kwargs)
            with self._cut_off():
                given = plain(*args, **kwargs)
            return self._leaf(name, given)

        return forward

    def _leaf(self, name: str, given: Any) -> Any:
        keys = self._keys.get(name)
        is_stream = isinstance(given, Tensor) and given.is_floating_point()
        # inside a block only what is as wide as the stream can be written into it
        if not is_stream or (BLOCK.match(name) and not keys and given.shape[-1] != self._width):
            return given
        leaf = given.detach().requires_grad_()
        self.leaves.append(Leaf(self._place(name), keys.pop(0) if keys else None, leaf))
        return leaf.clone()  # models write into what they are given

    def _affine(self, name: str, plain: Forward) -> Forward:
        """Outside the blocks: look up tokens and positions, or lead over a matrix."""
        cut = self._cut(name, plain)

        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._is_inside or not _leading(args, kwargs):
                return cut(*args, **kwargs)
            given = plain(*args, **kwargs)
            if isinstance(given, Tensor) and not given.requires_grad:  # M2M-100's positions look at a shape
                return self._leaf(name, given)
            if len(args) != 1 or kwargs or not isinstance(given, Tensor):
                return given
            with self._cut_off():
                constant = plain(torch.zeros_like(args[0][:1, :1]))[0, 0]  # (d,)
            return Constant.apply(given, constant, self._place(name), self)  # type: ignore[no-untyped-call]

        return forward

    def _norm(self, name: str, plain: Forward) -> Forward:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._is_inside or len(args) != 1 or kwargs or not _leading(args, kwargs):
                return plain(*args, **kwargs)
            return Held(self._place(name), plain, self)(args[0])

        return forward

    def held(self, function: Forward, x: Tensor, **options: Any) -> Tensor:
        """Lead over an activation that is no module."""
        name = getattr(function, "__name__", "activation")
        return Held(self._place(name), lambda one: cast("Tensor", function(one, **options)), self)(x)

    @property
    def leads(self) -> bool:
        """Whether what is computed now is on the way."""
        return not self._is_inside and torch.is_grad_enabled()

    # The head

    def head(self, x: Tensor) -> Tensor:
        """Run the unembedding of some rows, (1, rows, d), to (1, rows, vocabulary)."""
        assert self._unembed is not None  # noqa: S101 - there is something that goes into it
        self._is_inside = True  # its parts are no places of the way
        try:
            return cast("Tensor", self._unembed(x))
        finally:
            self._is_inside = False

    def _head(self, hidden: Tensor) -> Tensor:
        self.hidden = hidden
        with torch.no_grad():
            logits = self.head(hidden[..., :1, :])  # (1, 1, vocabulary)
        self._logits = logits.detach().requires_grad_()
        return self._logits

    def _find_after(self, returned: Tensor) -> None:
        """Find what the model makes of the head's logits: nothing, a factor (Cohere), a bias (Marian), a soft cap."""
        assert self._logits is not None  # noqa: S101 - checked by the caller
        (slopes,) = torch.autograd.grad(returned.sum(), self._logits)  # (1, 1, vocabulary)
        factor = float(slopes.flatten()[0])
        is_half = slopes.dtype not in {torch.float32, torch.float64}
        self.bends = not torch.allclose(slopes, slopes.flatten()[0], rtol=1e-2 if is_half else 1e-6, atol=0)
        if not self.bends:
            self.factor = factor
            self.constant = (returned - factor * self._logits).detach().flatten()  # (vocabulary,)


class _Functions(TorchFunctionMode):
    """Activations that a model calls as functions: RoBERTa's head has one."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Hold what is on the way, and run everything else as it is."""
        if func in _GATES and self._stream.leads and args[0].requires_grad:
            return self._stream.held(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _first(returned: Any) -> Tensor:
    return cast("Tensor", returned if isinstance(returned, Tensor) else returned[0])


def _leading(args: Any, kwargs: Any) -> bool:
    """Whether a call takes what is on the way."""
    return any(isinstance(one, Tensor) and one.requires_grad for one in (*args, *kwargs.values()))


def _own(module: nn.Module) -> list[Tensor]:
    return [one for one in (*module.parameters(recurse=False), *module.buffers(recurse=False)) if one is not None]


def _make_ordinary(module: nn.Module) -> None:
    """Copy what was made in inference mode: no way leads over such a matrix."""
    for name, weight in module.named_parameters(recurse=False):
        if weight.is_inference():
            setattr(module, name, nn.Parameter(weight.clone(), requires_grad=False))


def _has_matrix(module: nn.Module) -> bool:
    """Whether a module is a matrix, a table or experts: what maps by weights of its own, and not by its parts'."""
    own = any(one.ndim > 1 for one in _own(module)) or hasattr(module, "_packed_params")
    return own and not any(_own(child) for child in module.children())


def _is_simple(module: nn.Module) -> bool:
    """Whether a module may be a norm or an activation."""
    return not any(True for _ in module.children()) and not isinstance(module, _IDENTITIES)
