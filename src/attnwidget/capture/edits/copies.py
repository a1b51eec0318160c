"""Copies of one text in one pass of a twin, each with edits of its own; only the rows that tell go into the head."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig

from attnwidget.capture.edits.blocks import Blocks
from attnwidget.capture.edits.editor import Editor
from attnwidget.capture.forward import attention_names
from attnwidget.capture.predict import find_writer
from attnwidget.capture.wrappers import entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.capture.edits.editor import Kept, Sources
    from attnwidget.capture.rerun import Pass
    from attnwidget.effects.edits import Edit
    from attnwidget.effects.target import Asked


class Copies:
    """A twin that is run with edits.

    Parameters
    ----------
    again : Pass
        The pass that is made again.
    asked : Asked
        Which rows tell, and whether it is their logits or their last vectors.
    """

    def __init__(self, again: Pass, asked: Asked) -> None:
        self._again, self._asked = again, asked
        self._model = again.twin(is_edited=True)
        self._names = attention_names(self._model)
        self._editor = Editor([()])
        self._is_cut = False  # whether the head was given the rows alone
        for module in self._model.modules():
            module.training = False
            config = getattr(module, "config", None)
            if isinstance(config, PreTrainedConfig):  # n × n weights are not to be made
                config.output_hidden_states = config._output_attentions = False  # noqa: SLF001 - of the twin
        self.blocks = Blocks(self._model, lambda: self._editor.done)
        writer = find_writer(self._model) if asked.needs_logits else None
        if writer is not None:
            writer.get_output_embeddings().register_forward_pre_hook(self._only_rows)

    def run(
        self,
        rows: Sequence[Sequence[Edit]],
        *,
        sources: Sources | None = None,
        kept: Kept | None = None,
        with_gradient: bool = False,
    ) -> Tensor:
        """Run one copy of the text for each list of edits.

        Returns
        -------
        Tensor
            (copies, rows, vocabulary) of logits, or (copies, rows, d_model) of last vectors.
        """
        self._again.check()
        self._is_cut = False
        editor = Editor([[*self._again.edits, *one] for one in rows], self._names, sources=sources, kept=kept)
        self._editor = editor
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(mode=False))
            stack.enter_context(torch.set_grad_enabled(with_gradient))
            stack.enter_context(self._again.editing(self._model, editor))
            called = self._model if self._asked.needs_logits else entry(self._model)
            found: Tensor = called(**self._options(len(rows)))[0]  # (copies, n or rows, …)
        self._again.check()  # another thread may be training the model
        return found if self._is_cut else found[:, list(self._asked.rows)]

    def _options(self, count: int) -> dict[str, Any]:
        return {name: _copied(value, count) for name, value in self._again.options.items() if name != "logits_to_keep"}

    def _only_rows(self, _: object, given: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if not given:
            return None
        self._is_cut = True
        return given[0][:, list(self._asked.rows)], *given[1:]  # (copies, rows, d_model)


def _copied(value: Any, count: int) -> Any:
    """Return what a model is given of one text, (1, …), for so many copies of it."""
    if not isinstance(value, Tensor) or len(value) != 1:
        return value
    value = value.clone() if value.is_inference() else value  # else no gradient could be taken
    return value.expand(count, *value.shape[1:])
