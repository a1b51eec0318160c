"""What a model expects at every place of a text: its own head, run for one row at a time.

A whole pass would give n × vocabulary logits, 200 MB for a thousand tokens of GPT-2. So a twin's pass is made once, and
what every module beside the head returned is kept: tensors of (n, d_model). For each row asked for, the model's own
code then runs again over what was kept, with only that row going into the head: whatever a model does on the way, such
as BERT's transformation, T5's factor or Gemma's soft cap, it does itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from attnwidget.capture.returned import tensors_in
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.capture.rerun import Pass

NO_HEAD = (
    "what comes next is not known: {} has no language-model head. Load the class that has one (AutoModelForCausalLM, "
    "AutoModelForMaskedLM or AutoModelForSeq2SeqLM)"
)
_CHANGED = "what comes next is not known any more: the model's weights have changed since"
_ALIKE = 1e-3  # of the largest logit: how near what was kept must come to the whole pass
_ALIKE_HALF = 5e-2  # in half precision


def find_writer(model: nn.Module) -> Any:
    """Return the model, perhaps within a wrapper, that has a head over its vocabulary; None where there is none."""
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            try:
                head = module.get_output_embeddings()  # type: ignore[no-untyped-call]
            except NotImplementedError:
                continue
            if isinstance(head, nn.Module):
                return module
    return None


class NextTokens:
    """The distribution over the vocabulary at each place of a text.

    Parameters
    ----------
    again : Pass
        The pass that the trace is of.
    """

    def __init__(self, again: Pass) -> None:
        self._again = again
        self._rows: _Rows | None = None

    def __call__(self, row: int, k: int) -> list[tuple[str, float]]:
        """Return the k likeliest tokens as a reader sees them, and their probabilities."""
        likely = self.probabilities(row)
        top = likely.topk(min(k, len(likely)))
        return list(zip(self.labels(top.indices.tolist()), top.values.tolist(), strict=True))

    def probabilities(self, row: int) -> Tensor:
        """Return the probability of every token, (vocabulary,)."""
        self._again.check(_CHANGED)
        rows = self._rows or _Rows(self._again.twin(), self._again.options)
        with self._again.running(rows.model):
            logits = rows.logits(row)  # (vocabulary,)
        self._again.check(_CHANGED)  # another thread may be training the model
        self._rows = rows
        return upcast(logits).softmax(-1)

    def labels(self, ids: list[int]) -> list[str]:
        """Return how tokens of the vocabulary read; two that would read the same as the vocabulary writes them."""
        return self._again.vocabulary.labels(ids)

    @property
    def tensors(self) -> list[Tensor]:
        """What is kept of the pass."""
        return [] if self._rows is None else self._rows.tensors


class _Rows:
    """A twin whose head is given one row, and whose other modules return what they returned the first time."""

    def __init__(self, model: nn.Module, options: dict[str, Any]) -> None:
        self.model, self._options, self._row = model, options, 0
        self._tape: list[tuple[nn.Module, Any]] = []  # the modules beside the head, as they were called, and returned
        self._at: int | None = None  # what of it comes next; None while it is written
        self._is_inside = False
        self._is_whole = False  # nothing is kept: every row takes a whole pass
        head = find_writer(model).get_output_embeddings()
        for module in model.modules():
            module.training = False
            config = getattr(module, "config", None)
            if isinstance(config, PreTrainedConfig):  # n × n weights are not to be kept
                config.output_hidden_states = config._output_attentions = False  # noqa: SLF001 - of the twin
        head.register_forward_pre_hook(lambda _, given: (self._only_row(given[0]), *given[1:]) if given else None)
        self._beside = beside(model, head)
        self._plain = [module.forward for module in self._beside]
        for module, plain in zip(self._beside, self._plain, strict=True):
            module.forward = self._kept(module, plain)

    @property
    def tensors(self) -> list[Tensor]:
        """What is kept."""
        return [x for _, returned in self._tape for x in tensors_in(returned)]

    def logits(self, row: int) -> Tensor:
        """Return one row's logits, (vocabulary,)."""
        self._row = row
        if self._is_whole:
            return self._run()
        if self._tape:
            return self._replay()
        whole = self._run()
        try:
            again = self._replay()
        except Exception:  # noqa: BLE001 - whatever it is that this model does between its parts
            again = None
        size = float(whole.nan_to_num(0, 0, 0).abs().max())
        bound = size * (_ALIKE if whole.dtype in {torch.float32, torch.float64} else _ALIKE_HALF)
        if again is None or not torch.allclose(again, whole, rtol=0, atol=bound, equal_nan=True):
            self._is_whole, self._tape = True, []
            for module, plain in zip(self._beside, self._plain, strict=True):
                module.forward = plain
        return whole

    def _run(self) -> Tensor:
        with torch.no_grad():
            found: Tensor = self.model(**self._options)[0]  # (1, 1, vocabulary), or of all rows
        rows = found[0]
        return rows[self._row if len(rows) > 1 else 0]

    def _replay(self) -> Tensor:
        self._at = 0
        try:
            return self._run()
        finally:
            self._at = None

    def _only_row(self, hidden: Tensor) -> Tensor:
        return hidden[..., self._row : self._row + 1, :]  # (1, 1, d_model)

    def _kept(self, module: nn.Module, plain: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._at is not None:
                owner, returned = self._tape[self._at]
                if owner is not module:
                    raise RuntimeError("the model calls its parts in another order")
                self._at += 1
                return returned
            if self._is_inside:
                return plain(*args, **kwargs)
            self._is_inside = True
            try:
                returned = plain(*args, **kwargs)
            finally:
                self._is_inside = False
            if not self._is_whole:
                self._tape.append((module, returned))
            return returned

        return forward


def beside(model: nn.Module, head: nn.Module) -> list[nn.Module]:
    """List the largest modules that the head is no part of."""
    (name,) = [name for name, module in model.named_modules() if module is head]
    found, parent = [], model
    for step in name.split("."):
        found += [child for child in parent.children() if not any(part is head for part in child.modules())]
        parent = parent.get_submodule(step)
    return found
