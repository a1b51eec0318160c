"""`AttentionWidget`: traits and dispatch, nothing else."""

from __future__ import annotations

import math
import time
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from traitlets import Bool, CFloat, Dict, Enum, Int, TraitError, Unicode, observe, validate

from attnwidget import front_end, models
from attnwidget.capture import capture
from attnwidget.examples import EXAMPLES, Example, Examples, told
from attnwidget.heads import Category, opening_head
from attnwidget.jobs import Job, Stopped, running_loop
from attnwidget.scoring import Scoring
from attnwidget.synced import SyncedWidget
from attnwidget.trace import AttentionTrace
from attnwidget.traits import Heads, Positions
from attnwidget.walk import COMBINE, Place, Walk, normalised
from attnwidget.wire import payload
from attnwidget.wire.envelope import Envelope, encode_array
from attnwidget.wire.server import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from attnwidget.walk import Breakdown

    _Report = Callable[[str, int, int | None], None]
    _Ran = tuple[AttentionTrace, dict[str, Any], Any, Any]  # with what options, model and tokenizer

# The browser holds the newest value of what it set itself. An echo would arrive late and move the view back; and
# marimo sends the whole state round with every change.
_LIVE = {"sync": True, "echo_update": False}
_OPTIONS = (
    *("layer", "heads", "queries", "keys", "view", "attention", "threshold", "words", "category"),
    *("combine", "what_if"),
)
_SHORT = 64  # tokens, and characters of a text, in the plain-text form
_REPORT_EVERY = 0.25  # seconds between two progress messages, and before the first


class Texts(NamedTuple):
    """What is run; empty where there is none."""

    text: str = ""
    text_pair: str = ""
    text_target: str = ""


T = TypeVar("T")
_TEXTS = Texts._fields
_SIDES = ("queries", "keys")


class AttentionWidget(SyncedWidget):
    """Attention inside a Transformer, drawn live.

    Parameters
    ----------
    source : str, AttentionTrace or Example
        The text to run the model on, attention captured earlier, or one of `examples`.
    text_pair : str, optional
        A second text, for models that read sentence pairs.
    text_target : str, optional
        What an encoder–decoder is to say. Without it the model generates it.
    model : str, path, or model, optional
        A bundled model's name, a local folder, a Hugging Face Hub id, or a loaded transformers model on any device.
        By default the bundled ``"demo/causal"``, which needs no network.
    tokenizer : optional
        The model's tokenizer. Needed with a model object whose own cannot be found on this machine.
    categories : sequence of Category, optional
        Your own kinds of heads, beside the built-in ones.
    probe : bool
        Whether to run the model on annotated sentences and repeated tokens in the background, once for each model, to
        tell its syntactic, induction and duplicate-token heads.
    **options
        First values of `layer`, `heads`, `queries`, `keys`, `view`, `attention`, `threshold`, `words`, `category`,
        `combine`, `what_if`.

    Attributes
    ----------
    text : str
        Setting it runs the model. On a failure the old text and picture stay, and the exception is raised here.
    text_pair, text_target : str
        Empty where there is none. Set like `text`.
    layer : int
        The layer in view. Setting it shows the same heads of that layer.
    heads : list of (layer, head)
        The heads that are drawn, at least one; ``"L4-H11"`` is understood too.
    queries, keys : list of int
        The pinned token positions on either side.
    threshold : float
        Weights below it are not drawn, 0 to 1.
    words : bool
        Merge sub-words: sum over the pieces attended to, mean over the pieces attending.
    category : str or None
        The category that is open in the panel, "Other" among them.
    view : str
        ``"lines"``, or ``"breakdown"``: every step of the first of `heads` for the pinned `queries`.
    combine : str
        How the breakdown takes several queries together: ``"mean"`` or ``"sum"``.
    what_if : dict
        What the breakdown changes: arguments of `Breakdown.what_if`, such as ``{"temperature": 2}``; empty for nothing.
        Scores set by hand go with their head and query.
    attention : str
        ``"self"``; of an encoder–decoder ``"encoder"``, ``"decoder"`` or ``"cross"``, where the queries are the
        target's tokens and the keys the source's.

    Raises
    ------
    TypeError
        For an unknown keyword.
    ValueError, TraitError, OSError
        If the text is empty or too long, a value is out of range, or the model cannot be had; the message says
        what to do.
    """

    text = Unicode().tag(**_LIVE)
    text_pair = Unicode().tag(**_LIVE)
    text_target = Unicode().tag(**_LIVE)
    view = Enum(["lines", "breakdown"], "lines").tag(**_LIVE)
    attention = Unicode("self").tag(**_LIVE)
    layer = Int(0).tag(**_LIVE)
    heads = Heads().tag(**_LIVE)
    queries = Positions().tag(**_LIVE)
    keys = Positions().tag(**_LIVE)
    threshold = CFloat(0.02, min=0, max=1).tag(**_LIVE)
    words = Bool(default_value=False).tag(**_LIVE)
    category = Unicode(None, allow_none=True).tag(**_LIVE)
    combine = Enum(COMBINE, "mean").tag(**_LIVE)
    what_if = Dict().tag(**_LIVE)

    # The wire: set here, read in the browser, kept in a saved notebook.
    _outline = Dict().tag(sync=True)  # tokens and counts of the current run
    _snapshot = Dict().tag(sync=True)  # the weights that must be drawn without a kernel
    _pictures = Dict().tag(sync=True)  # every head's small picture
    _categories = Dict().tag(sync=True)  # every head's scores, and what the categories are
    _breakdown = Dict().tag(sync=True)  # one query's computation, step by step
    _status = Dict({"state": "loading", "message": ""}).tag(sync=True)

    def __init__(
        self,
        source: str | AttentionTrace | Example,
        *,
        text_pair: str | None = None,
        text_target: str | None = None,
        model: str | PathLike[str] | Module | None = None,
        tokenizer: object = None,
        categories: Sequence[Category] = (),
        probe: bool = True,
        **options: Any,
    ) -> None:
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            known = ", ".join((*_TEXTS[1:], "model", "tokenizer", "categories", "probe", *_OPTIONS))
            msg = f"unknown keyword {', '.join(map(repr, unknown))}; known: {known}"
            raise TypeError(msg)
        if not isinstance(source, (str, AttentionTrace, Example)):
            msg = f"the first argument is a text, an AttentionTrace or an Example, not {type(source).__name__}"
            raise TypeError(msg)
        self._trace: AttentionTrace | None = None
        self._shown = Texts()
        self._example: Example | None = None
        self._is_demo = False  # whether the model is a bundled one that this widget loaded
        self._model: Any = None
        self._tokenizer: Any = tokenizer
        self._run = 0
        self._seconds = 0.0  # that the last run took
        self._job: Job[Any] | None = None
        self._failure: Exception | None = None
        self._scoring = Scoring(self._tell_categories, categories, wants_probe=probe)
        self._walk = Walk(self._tell_breakdown)
        self._scored: tuple[Any, Any] = ({}, None)  # what_if, and of which head and queries its scores are
        self._options = options
        super().__init__()
        self.on_msg(self._on_message)
        if not isinstance(source, str) and any(one is not None for one in (model, tokenizer, text_pair, text_target)):
            is_trace = isinstance(source, AttentionTrace)
            what = "attention captured earlier is shown as it is" if is_trace else "an example brings its own"
            msg = f"a model, a tokenizer and more texts go with a text; {what}"
            raise TypeError(msg)
        if isinstance(source, AttentionTrace):
            self._adopt(source, Texts())
        elif isinstance(source, Example):
            self._show(source, self._run_example(source))
        else:
            self._open(Texts(source, text_pair or "", text_target or ""), model)

    @staticmethod
    def examples() -> Examples:
        """Return the sentences that articles explain attention with, and what to look for in the bundled models.

        ``AttentionWidget(AttentionWidget.examples()[0])`` shows one; so does the widget's menu.
        """
        return EXAMPLES

    # -- from a text to a trace ---------------------------------------------------------------------------------

    def _open(self, texts: Texts, model: str | PathLike[str] | Module | None) -> None:
        """Get the model and run it: in the background if it must be downloaded first and a kernel is live."""
        if model is not None and not isinstance(model, (str, PathLike)):
            self._model = model
        else:
            name = models.DEFAULT if model is None else model
            if running_loop() is not None and models.needs_download(name):
                models.resolve(str(name))  # a wrong name, or no network, is an error of this very cell
                self._start(
                    lambda job: self._load_and_capture(job, name, texts), lambda trace: self._adopt(trace, texts)
                )
                return
            self._use(name)
        self._adopt(self._capture(texts), texts)

    def _use(self, name: str | PathLike[str], progress: Callable[[models.Progress], None] | None = None) -> None:
        self._is_demo = name in models.BUNDLED and self._tokenizer is None
        self._model, self._tokenizer = models.load_shared(name, tokenizer=self._tokenizer, progress=progress)

    def _load_and_capture(self, job: Job[AttentionTrace], name: str | PathLike[str], texts: Texts) -> AttentionTrace:
        self._use(name, lambda at: job.report(at.stage, at.done, at.total))
        return self._capture(texts, job.report)

    def _run_example(self, example: Example, report: _Report | None = None) -> _Ran:
        report = report or self._report
        model, tokenizer = models.load_shared(example.model, progress=lambda at: report(at.stage, at.done, at.total))
        trace = self._capture(Texts(example.text), report, (model, tokenizer))
        return trace, example.options(trace), model, tokenizer

    def _show(self, example: Example, ran: _Ran) -> None:
        """Show an example on its own model, which becomes the widget's."""
        trace, options, self._model, self._tokenizer = ran
        self._is_demo = True
        options["threshold"] = min(self.threshold, example.weight / 2)  # what is told of must be drawn
        if self._trace is None:  # what the constructor was asked for goes first
            options = {**({} if "layer" in self._options else options), **self._options}
        self._adopt(trace, Texts(example.text), example, options)

    def _capture(
        self, texts: Texts, report: _Report | None = None, on: tuple[Any, Any] | None = None
    ) -> AttentionTrace:
        model, tokenizer = on or (self._model, self._tokenizer)
        if model is None:
            why = "the model is still loading" if self._job else "this widget shows attention captured earlier"
            msg = f"{why}; it has no model to run a new text"
            raise ValueError(msg)
        report = report or self._report
        begun = reported = time.monotonic()

        def on_layer(done: int, total: int) -> None:
            nonlocal reported
            if time.monotonic() - reported > _REPORT_EVERY:
                report("running the model", done, total)
                reported = time.monotonic()

        trace = capture(
            model,
            texts.text,
            texts.text_pair or None,
            text_target=texts.text_target or None,
            tokenizer=tokenizer,
            on_layer=on_layer,
        )
        self._seconds = time.monotonic() - begun
        return trace

    def _report(self, message: str, done: int, total: int | None) -> None:
        status: dict[str, Any] = {"state": "loading", "message": message, "done": done, "total": total}
        self._status = status

    def _start(self, work: Callable[[Job[T]], T], adopt: Callable[[T], None]) -> None:
        """Work in the background; what was running before is stopped and its result forgotten."""
        if self._job is not None:
            self._job.stop()

        def finish(job: Job[T]) -> None:
            if job is not self._job:
                return  # replaced by a newer text
            self._job = None
            try:
                adopt(job.result())
            except Stopped as stopped:
                if self._trace is None:
                    self._fail(stopped)
                else:
                    self._status = {"state": "ready", "message": "stopped"}
            except Exception as error:  # noqa: BLE001  (shown in the widget: nobody in Python is waiting)
                self._fail(error)

        self._job = Job(work, report=self._report, finish=finish)
        self._job.start()

    def _fail(self, error: Exception) -> None:
        self._failure = error
        message = str(error) or type(error).__name__
        status: dict[str, Any] = {"state": "error", "message": message, "editable": self._model is not None}
        self._status = status

    def _adopt(
        self,
        trace: AttentionTrace,
        texts: Texts,
        example: Example | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Show a new trace, with an example's options. Of the selection, what still makes sense stays."""
        before, self._trace = self._trace, trace
        self._shown, self._example = texts, example
        self._run += 1
        self._scoring.forget()
        self._walk.forget()
        with self.hold_sync():
            self.what_if = {}
            if before is None or options is not None:
                self._settle_options(trace, self._options if options is None else options)
            elif self.attention in before.attentions and self.attention in trace.attentions:
                for side, now, then in zip(
                    _SIDES, trace.sides(self.attention), before.sides(self.attention), strict=True
                ):
                    kept = [at for at in getattr(self, side) if now.text[at : at + 1] == then.text[at : at + 1]]
                    setattr(self, side, kept)
            for name, text in texts._asdict().items():
                setattr(self, name, text)
            self._refresh_outline(trace)
            self._status = {"state": "ready", "message": ""}

    def _refresh_outline(self, trace: AttentionTrace) -> None:
        model = trace.model_name if self._model is None else models.describe_model(self._model)
        config = getattr(self._model, "config", None)
        self._outline = {
            **payload.outline(trace, self.attention),
            "run": self._run,
            "model": model,
            "editable": self._model is not None,
            "translates": bool(getattr(config, "is_encoder_decoder", False)),
            "seconds": self._seconds,
            "demo": {"about": models.ABOUT[model], **told(self._example)} if self._is_demo else None,
        }
        self._refresh_snapshot()
        self._breakdown = {}
        self._refresh_breakdown()

    def _settle_options(self, trace: AttentionTrace, options: Mapping[str, Any]) -> None:
        """Apply the constructor's options or an example's, now that their ranges are known."""
        options = dict(options)
        default = trace.attentions[-1]  # the only one, or of an encoder–decoder the cross-attention
        self.attention = options.pop("attention", default)
        self.queries, self.keys = [], []
        layer, head = opening_head(trace, self.attention)
        self.heads = options.pop("heads", [(options.pop("layer", layer), head)])
        what_if = options.pop("what_if", {})
        for name, value in options.items():
            setattr(self, name, value)
        self.what_if = what_if  # it may be about one head and query

    # -- traits -------------------------------------------------------------------------------------------------

    @validate(*_TEXTS)
    def _run_text(self, proposal: dict[str, Any]) -> str:
        """Run the model before the trait takes the text: on a failure both text and picture stay as they were."""
        text: str = proposal["value"]
        texts = self._shown._replace(**{proposal["trait"].name: text})
        if texts == self._shown:
            return text
        if self._model is None:
            self._settle()  # it is still loading
        elif self._job is not None:
            self._job.stop()  # an older text
            self._job = None
        try:
            self._adopt(self._capture(texts), texts)
        except Exception as error:
            self._fail(error)
            raise TraitError(str(error)) from error
        except BaseException:  # Ctrl-C
            self._status = {"state": "ready", "message": "stopped"}
            raise
        return text

    @validate("attention")
    def _check_attention(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if self._trace is not None and name not in self._trace.attentions:
            msg = f"attention {name!r} is not there: {', '.join(self._trace.attentions)}"
            raise TraitError(msg)
        return name

    @observe("attention")
    def _follow_attention(self, _change: object) -> None:
        """Show another attention: its own tokens and heads, so what was selected is let go where it does not fit."""
        if self._trace is None or not self.heads:
            return
        self._run += 1  # what was asked of the other attention is answered no more
        self._scoring.forget()
        self._walk.forget()
        with self.hold_sync():
            self.what_if = {}
            self.queries, self.keys = [], []
            layers, heads = self._trace.n_layers(self.attention), self._trace.n_heads(self.attention)
            if any(layer >= layers or head >= heads for layer, head in self.heads):
                self.heads = [opening_head(self._trace, self.attention)]
            self._refresh_outline(self._trace)

    @validate("layer")
    def _check_layer(self, proposal: dict[str, Any]) -> int:
        layer: int = proposal["value"]
        if self._trace is not None:
            _check_range("layer", [layer], self._trace.n_layers(self.attention))
        return layer

    @validate("heads")
    def _check_heads(self, proposal: dict[str, Any]) -> list[tuple[int, int]]:
        heads: list[tuple[int, int]] = list(dict.fromkeys(proposal["value"]))
        if self._trace is not None:
            if not heads:
                msg = "heads: at least one (layer, head) is needed"
                raise TraitError(msg)
            _check_range("layer", [layer for layer, _ in heads], self._trace.n_layers(self.attention))
            _check_range("head", [head for _, head in heads], self._trace.n_heads(self.attention))
        return heads

    @validate("category")
    def _check_category(self, proposal: dict[str, Any]) -> str | None:
        name: str | None = proposal["value"]
        known = self._scoring.names
        if name is not None and name not in known:
            msg = f"category {name!r} is not there: {', '.join(known)}"
            raise TraitError(msg)
        return name

    @validate("threshold")
    def _check_threshold(self, proposal: dict[str, Any]) -> float:
        threshold: float = proposal["value"]
        if math.isnan(threshold):
            msg = "threshold must be a number from 0 to 1, not NaN"
            raise TraitError(msg)
        return threshold

    @validate("what_if")
    def _check_what_if(self, proposal: dict[str, Any]) -> dict[str, Any]:
        what_if: dict[str, Any] = proposal["value"]
        if self._trace is None or not what_if:
            return what_if
        try:
            found = normalised(what_if, len(self._trace.sides(self.attention)[1].text))
            if "scores" in found:  # of keys that the query may see
                self._walk.breakdown(self._trace, self._place(), output=False).what_if(scores=found["scores"])
        except (TypeError, ValueError, IndexError) as error:
            raise TraitError(str(error)) from error
        return found

    @validate("queries", "keys")
    def _check_positions(self, proposal: dict[str, Any]) -> list[int]:
        positions: list[int] = list(dict.fromkeys(proposal["value"]))
        if self._trace is not None:
            side = proposal["trait"].name
            count = len(self._trace.sides(self.attention)[_SIDES.index(side)].text)
            _check_range(f"{side}: token", positions, count)
        return positions

    @observe("layer")
    def _follow_layer(self, _change: object) -> None:
        if self.layer not in {layer for layer, _ in self.heads}:
            self.heads = [(self.layer, head) for head in dict.fromkeys(head for _, head in self.heads)]

    @observe("heads")
    def _follow_heads(self, _change: object) -> None:
        layers = [layer for layer, _ in self.heads]
        if layers and self.layer not in layers:
            self.layer = layers[-1]

    @observe("what_if")
    def _place_scores(self, _change: object) -> None:
        self._scored = self.what_if, (self.heads[:1], self.queries)

    @observe("heads", "queries")
    def _drop_scores(self, _change: object) -> None:
        """Scores that were set by hand are of one head and one query."""
        what_if, place = self._scored
        if self.what_if is what_if and "scores" in what_if and place != (self.heads[:1], self.queries):
            self.what_if = {name: value for name, value in what_if.items() if name != "scores"}

    @observe("view", "heads", "queries", "keys", "combine", "what_if")
    def _refresh_breakdown(self, _change: object = None) -> None:
        current = (self._outline.get("run"), self._outline.get("attention")) == (self._run, self.attention)
        if self._trace is not None and self.view == "breakdown" and current:
            self._walk.show(self._trace, self._place())

    @observe("layer", "heads", "words", "view")
    def _refresh_snapshot(self, _change: object = None) -> None:
        """Keep in the saved state what the view shows now."""
        held = self._snapshot
        same = (held.get("run"), held.get("words")) == (self._run, self.words)
        if self._trace is None or (same and set(self.heads) <= set(map(tuple, held["heads"]))):
            return
        selected = self.heads if self.view == "lines" else []  # a large picture that nobody sees is not sent
        heads, array = payload.snapshot(self._trace, self.layer, selected, words=self.words, attention=self.attention)
        self._snapshot = {"run": self._run, "words": self.words, "heads": heads, **(array or {})}

    # -- what Python reads --------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Wait for work in the background."""
        if self._job is not None:
            self._job.settle()

    @property
    def trace(self) -> AttentionTrace:
        """The `AttentionTrace` on screen; waits for a model that is still loading and raises if it failed."""
        self._settle()
        if self._trace is None:
            raise self._failure or Stopped
        return self._trace

    @property
    def tokens(self) -> list[str]:
        """The labels on the queries' side: tokens, or whole words with `words`."""
        attending = self.trace.sides(self.attention)[0]
        return attending.word_texts if self.words else attending.text

    def weights(self) -> Tensor:
        """Return the weights on screen.

        Returns
        -------
        Tensor
            float32, (heads, queries, keys) for `heads` in their order: all tokens, or only the pinned `queries` and
            `keys` where there are any. Forbidden pairs are 0. With `words` the axes are words.
        """
        trace, heads = self.trace, self.heads
        shown = payload.tile(trace, heads, words=self.words, attention=self.attention).clamp(min=0)
        for axis, (side, pinned) in enumerate(
            zip(trace.sides(self.attention), (self.queries, self.keys), strict=True), 1
        ):
            if pinned:
                at = sorted({side.words[one] for one in pinned}) if self.words else pinned
                shown = shown.index_select(axis, torch.tensor(at, device=shown.device))
        return shown

    def breakdown(self) -> Breakdown:
        """Return every step of the computation on screen: of the first of `heads`, for the pinned `queries`.

        Without pinned queries, for the one that the view shows. What `what_if` changes is not in it:
        ``w.breakdown().what_if(temperature=2)``.
        """
        return self._walk.breakdown(self.trace, self._place())

    def _place(self) -> Place:
        pinned = tuple(self.queries), tuple(self.keys)
        return Place(self.attention, self.heads[0], *pinned, self.combine, self.what_if)

    def _tell_breakdown(self, told: dict[str, Any]) -> None:
        self._breakdown = {"run": self._run, **told}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add a text for readers without the widget: a notebook opened elsewhere, a terminal."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": repr(self)}, metadata

    def __repr__(self) -> str:
        if self._trace is None:
            return f"AttentionWidget({self._status['message'] or self._status['state']})"
        text = self.text if len(self.text) < _SHORT else f"{self.text[:_SHORT]}…"
        queries, keys = self._trace.sides(self.attention)
        lines = [f"AttentionWidget({text!r}) · {self._outline['model']} · {len(queries.text)} tokens"]
        if max(len(queries.text), len(keys.text)) <= _SHORT:
            weights = payload.tile(self._trace, self.heads, attention=self.attention)
            lines += payload.strongest(weights, (queries.text, keys.text), self.heads)
        return "\n".join(lines)

    def _get_embed_state(self, drop_defaults: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002
        # embed_minimal_html drops traits that hold their default, the front end's own module among them
        state: dict[str, Any] = super()._get_embed_state(drop_defaults=False)
        return state

    def close(self) -> None:
        """Leave the page; what runs in the background stops."""
        for name in ("_job", "_scoring", "_walk"):  # not there in a widget that could not be made
            work = getattr(self, name, None)
            if work is not None:
                work.stop()
        super().close()

    # -- what the browser asks ----------------------------------------------------------------------------------

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take values from the browser; a wrong one is shown there, and the browser gets the right one back."""
        if self._trace is not None:  # a click may cross a shorter text on the way
            for side, tokens in zip(_SIDES, self._trace.sides(self.attention), strict=True):
                if isinstance(sync_data.get(side), list):
                    kept = [at for at in sync_data[side] if not isinstance(at, int) or at < len(tokens.text)]
                    sync_data = {**sync_data, side: kept}
        try:
            super().set_state(sync_data)
        except TraitError as error:
            self._fail(error)
            self.send_state(list(sync_data))

    def _on_message(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        handlers = {
            "hello": lambda _: {"run": self._run},
            "tile": self._answer_tile,
            "pictures": self._answer_pictures,
            "categories": self._answer_categories,
            "run": self._answer_run,
            "example": self._answer_example,
            "stop": self._answer_stop,
            "code": lambda _: {"data": front_end.packed()},
        }
        self.send(*answer(content, handlers))

    def _drawn(self) -> AttentionTrace:
        """Return the trace on screen, without waiting for the next one: that would stop the kernel."""
        if self._trace is None:
            msg = "nothing has been captured yet"
            raise ValueError(msg)
        return self._trace

    def _answer_tile(self, ask: Mapping[str, Any]) -> Mapping[str, Any]:
        heads = [(int(ask["layer"]), int(ask["head"]))]
        span: dict[str, Any] = {"queries": ask["queries"], "keys": ask["keys"]}
        weights = payload.tile(self._drawn(), heads, words=ask["words"], attention=self.attention, **span)
        return {"run": self._run, **encode_array(weights[0])}

    def _answer_pictures(self, _ask: Mapping[str, Any]) -> Mapping[str, Any]:
        trace, run, attention = self._drawn(), self._run, self.attention

        def finish(job: Job[Envelope | None]) -> None:
            array = job.result()
            if array is not None and run == self._run:
                self._pictures = {"run": run, **array}

        Job(lambda _: payload.pictures(trace, attention, lambda: run == self._run), finish=finish).start()
        return {}

    def _answer_categories(self, _ask: Mapping[str, Any]) -> Mapping[str, Any]:
        self._scoring.begin(self._drawn(), self.attention, self._model, self._tokenizer)
        return {}

    def _tell_categories(self, told: dict[str, Any]) -> None:
        self._categories = {"run": self._run, **told}

    def _answer_run(self, ask: Mapping[str, Any]) -> Mapping[str, Any]:
        texts = Texts(**{name: str(ask.get(name) or "") for name in _TEXTS})
        self._start(lambda job: self._capture(texts, job.report), lambda trace: self._adopt(trace, texts))
        return {}

    def _answer_example(self, ask: Mapping[str, Any]) -> Mapping[str, Any]:
        example = EXAMPLES[str(ask["name"])]
        self._start(lambda job: self._run_example(example, job.report), lambda ran: self._show(example, ran))
        return {}

    def _answer_stop(self, _ask: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._job is not None:
            self._job.stop()
        return {}


def _check_range(what: str, values: list[int], count: int) -> None:
    for value in values:
        if not 0 <= value < count:
            msg = f"{what} {value} is out of range: 0 to {count - 1}"
            raise TraitError(msg)
