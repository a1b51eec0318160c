"""The lab without Jupyter: a text, the numbers of a layer, what is looked at, and the board that follows from it."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from attnwidget.lab import attended
from attnwidget.lab import choice as rules
from attnwidget.lab.board import board
from attnwidget.lab.given import Given, check_trace, layers_of, of_layer, small
from attnwidget.lab.knobs import settings
from attnwidget.session.runner import Ran, Runner
from attnwidget.variants import get
from attnwidget.wire.schema import LabIdentity, Status, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from torch import Tensor
    from torch.nn import Module

    from attnwidget.trace import AttentionTrace
    from attnwidget.variants import Attended
    from attnwidget.wire.schema import LabChoice, Wired

    Changes = Mapping[str, Any]  # "text": str, "choice": LabChoice, or the name of a state: its value

_LETTERS = 5000  # of a text: more are more tokens than are drawn, and need not be counted
_READY = Status(state="ready", editable=True)


class LabSession:
    """Everything that the lab is, but for Jupyter.

    Parameters
    ----------
    tokenizer : optional
        The model's.
    **first
        First values of `LabChoice`.

    Attributes
    ----------
    text : str
        What was written.
    choice : LabChoice
        What is looked at.
    states : dict of str to Wired
        What the browser knows, by the names of `wire.schema.LAB_STATES`.
    trace : AttentionTrace or None
        The model on this text; None where small numbers need no model.
    given : Given or None
        q, k, v and mask at hand; None before the first text.
    listener : function
        Called, under the lock, with every change.
    """

    lock = RLock()

    def __init__(self, *, tokenizer: Any = None, **first: Any) -> None:
        self.text = ""
        self.choice = rules.opening()
        self.states: dict[str, Wired | None] = {"board": None, "status": Status(state="loading")}
        self.trace: AttentionTrace | None = None
        self.given: Given | None = None
        self.listener: Callable[[Changes], None] = lambda _: None
        self._first = first  # until there are numbers that they must fit
        self._number = 0  # of the text
        self._model: str | PathLike[str] | Module | None = None
        self._runner = Runner(tokenizer, lambda status: self._tell(status=status), self.lock)
        self._identities: dict[Any, dict[str, list[LabIdentity]]] = {}

    # -- texts --------------------------------------------------------------------------------------------------

    def open(self, text: str, model: str | PathLike[str] | Module | None) -> None:
        """Show a first text; see `AttentionLab` for what it raises."""
        self._model = model
        for name in ("variants", *self._first):  # `chosen` is one of them
            if name in self._first:
                value = rules.checked(name, self._first[name], self.choice)
                self.choice = replace(self.choice, **{name: value})
                if name == "variants" and "chosen" not in self._first:
                    self.choice = replace(self.choice, chosen=value[0])
        self._check_text(text)
        if self.choice.numbers == "small":
            self._show(text, None, self.choice, self._first)
        else:
            self._load(text)

    def run(self, text: str) -> None:
        """Take another text, here and now; on a failure everything stays as it is but the status."""
        try:
            self._check_text(text)
            if self.choice.numbers == "small":
                self._show(text, None, self.choice)
                return
            self._runner.settle()
            self._runner.replace()
            self._adopt(self._runner.run(Texts(text=text)))
        except Exception as error:
            self.fail(error)
            raise

    def start(self, text: str) -> None:
        """Take another text in the background; a failure is told by the status."""
        if self.choice.numbers == "small":
            try:
                self.run(text)
            except ValueError:
                return  # told
            return

        def work(report: Any) -> Ran:
            self._check_text(text)
            return self._runner.run(Texts(text=text), report)

        self._runner.start(work, self._adopt, keeps=self.given is not None)

    def stop(self) -> None:
        """Stop a run in the background."""
        self._runner.stop()

    def settle(self) -> Given:
        """Return the numbers at hand; wait for a model that is loading, and raise if it failed."""
        self._runner.settle()
        if self.given is None:
            raise self._runner.failure or ValueError("there is nothing to show yet")
        return self.given

    def fail(self, error: Exception) -> None:
        """Say what went wrong; the picture stays."""
        self._tell(status=Status(state="error", message=str(error) or type(error).__name__, editable=self._editable))

    @property
    def _editable(self) -> bool:
        return self.choice.numbers == "small" or self._runner.loaded is not None

    @staticmethod
    def _check_text(text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"the lab takes a text, got {type(text).__name__}")
        if not text.strip():
            raise ValueError("the text is empty: write a sentence")
        if len(text) > _LETTERS:
            raise ValueError(f"the lab draws short texts; this one has {len(text)} letters: shorten it")

    def _load(self, text: str) -> None:
        """Get the model, and run it: in the background if it must be downloaded."""
        self._runner.open(self._model, Texts(text=text), self._adopt)
        if self.trace is None:
            self.text = text
            self._tell(text=text, choice=self.choice)

    def _adopt(self, ran: Ran) -> None:
        """Show what the model was run on."""
        check_trace(ran.trace)
        choice, layers = self.choice, layers_of(ran.trace)
        if self.given is None and "layer" not in self._first:
            choice = replace(choice, layer=layers[len(layers) // 2])  # there is more to see than in the first
        self._show(ran.texts.text, ran.trace, choice, self._first)

    # -- what is looked at --------------------------------------------------------------------------------------

    def choose(self, **changes: Any) -> None:
        """Look at something else.

        Raises
        ------
        ValueError, TypeError
            If a value does not fit; the message names what does, and nothing changes.
        """
        with self.lock:
            choice = replace(self.choice, **changes)
            choice = replace(choice, **{name: rules.checked(name, one, choice) for name, one in changes.items()})
            if choice.numbers == "model" and self.trace is None:
                self._bring_model(choice)
            elif set(changes) == {"depth"}:  # all is on screen that is to be said
                self.choice = choice
                self._tell(choice=choice)
            else:
                self._show(self.text, self.trace, choice, changes)

    def checked(self, name: str, value: Any, beside: LabChoice) -> Any:
        """Return a value of `LabChoice` as it is kept, beside others; raises as `choose` does."""
        value = rules.checked(name, value, beside)
        if self.given is None or beside.numbers != self.choice.numbers:
            return value  # what it must fit is not here yet
        return getattr(rules.check_fits([name], replace(beside, **{name: value}), self.given), name)

    def _bring_model(self, choice: LabChoice) -> None:
        """Go from small numbers to the model's."""
        before, self.choice = self.choice, choice
        try:
            if self._runner.loaded is None:
                self._load(self.text)
            else:
                self._adopt(self._runner.run(Texts(text=self.text)))
        except Exception:
            self.choice = before
            self._tell(choice=before)
            raise

    def _given(self, text: str, trace: AttentionTrace | None, choice: LabChoice) -> Given:
        """Return the numbers that a choice is about."""
        if choice.numbers == "small" or trace is None:
            return small(text)
        model = self._runner.loaded and self._runner.loaded.model
        layer = rules.nearest(choice.layer, layers_of(trace))
        return of_layer(trace, layer, getattr(model, "config", None), tuple(trace.notices))

    def _show(
        self, text: str, trace: AttentionTrace | None, choice: LabChoice, changes: Mapping[str, Any] | None = None
    ) -> None:
        """Show a text, as a choice has it; what was just changed must fit, the rest gives way.

        Whatever fails, everything stays as it is.
        """
        with self.lock:
            given = self._given(text, trace, choice)
            choice = rules.fitting(rules.check_fits(changes or (), choice, given), given)
            is_new = text != self.text or trace is not self.trace
            number = self._number + is_new
            known = self._identities.setdefault((number, choice.numbers, choice.layer), {})
            drawn = board(number, text, given, choice, known)
            if is_new:
                self._identities = {(number, choice.numbers, choice.layer): known}
            self.text, self.trace, self.given, self.choice, self._number = text, trace, given, choice, number
            self._first = {}
            self._tell(text=text, choice=choice, board=drawn, status=_READY)

    # -- what Python reads --------------------------------------------------------------------------------------

    def result(self, name: str | None = None) -> Attended:
        """Compute a variant as it is on screen, all heads: the one that is explained, or another by its name."""
        self.settle()
        with self.lock:
            given, choice = self.settle().under(self.choice.mask), self.choice
        variant = get(name or choice.chosen)
        return attended.compute(variant, given, settings(variant, given, choice.options))

    def drawn(self, name: str | None = None) -> Tensor:
        """Return a variant's weights as they are drawn, (n, n), −∞ where the mask forbids the pair."""
        self.settle()
        with self.lock:
            given, choice = self.settle().under(self.choice.mask), self.choice
        variant = get(name or choice.chosen)
        return attended.draw(variant, given, choice.head, settings(variant, given, choice.options)).weights

    def in_words(self, name: str) -> str:
        """Describe what is on screen for readers without the widget."""
        status = self.states["status"]
        if self.given is None:
            return f"{name}({status.message or status.state})" if isinstance(status, Status) else name
        of = f"{self.given.model}, layer {self.choice.layer}" if self.given.model else "small weights"
        labels = ", ".join(get(one).label for one in self.choice.variants)
        return f"{name}({self.text!r}) · {of}, head {self.choice.head} · {labels}"

    def close(self) -> None:
        """Stop what runs in the background."""
        self._runner.drop()

    def _tell(self, **changes: Any) -> None:
        with self.lock:
            for name in self.states.keys() & changes.keys():
                self.states[name] = changes[name]
            self.listener(changes)
