"""A session: a widget without Jupyter. It holds the model, traces, the selection, and feeds that compute."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import torch

from attnwidget import models
from attnwidget.effects import Target
from attnwidget.examples import EXAMPLES, KINDS, Example
from attnwidget.session import selection as rules
from attnwidget.session.feeds import (
    AheadFeed,
    BreakdownFeed,
    CategoriesFeed,
    EffectsFeed,
    Feed,
    LinksFeed,
    OutcomeFeed,
    PicturesFeed,
    Shown,
    SnapshotFeed,
)
from attnwidget.session.heads_off import HeadsOff
from attnwidget.session.jobs import Stopped, at_once
from attnwidget.session.question import question
from attnwidget.session.runner import Ran, Runner
from attnwidget.session.source import Source
from attnwidget.session.unchanged import first_change
from attnwidget.tokens.labels import encodable
from attnwidget.trace import AttentionTrace
from attnwidget.wire import tiles
from attnwidget.wire.outline import outline, shown_sides
from attnwidget.wire.replies import Replies
from attnwidget.wire.schema import (
    Demo,
    EffectKind,
    ExampleName,
    GotoEvent,
    Outline,
    Selection,
    SelectionEvent,
    ShownExample,
    Stamp,
    Status,
    Texts,
    Wired,
)
from attnwidget.wire.strongest import strongest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

    from torch import Tensor
    from torch.nn import Module

    from attnwidget.breakdown import Breakdown
    from attnwidget.capture.generation import Generate
    from attnwidget.effects import Decomposition, Effects
    from attnwidget.head_id import HeadId
    from attnwidget.heads import Category, CategoryTable

    Changes = Mapping[str, Any]  # "texts": Texts, "selection": Selection, or the name of a state: its value or None

MAIN = "main"
AS_IS = "as it is"  # the trace of the model with all its heads, while some are off
_SHORT_WORK = 2048  # tokens of a text for which somebody may wait until all of it is drawn and scored
_SHORT = 64  # tokens, and characters of a text, in the plain-text form


class OptionError(ValueError):
    """A first value does not fit what was captured."""


class Session:
    """Everything that a widget is, but for Jupyter.

    Parameters
    ----------
    tokenizer : optional
        The model's.
    categories : sequence of Category
        The user's own.
    probe : bool
        Whether to look for evidence about the model.
    generate : int, mapping or GenerationConfig
        What the model writes, after every text or as a target; as of `capture`.
    options : mapping
        First values of `Selection`.

    Attributes
    ----------
    texts : Texts
        What was run.
    selection : Selection
        What of it is looked at.
    states : dict of str to Wired
        What the browser knows, by the names of `wire.schema.STATES`.
    traces : dict of str to AttentionTrace
        The one on screen is "main"; others may stand beside it. While heads are off, "as it is" is the one of the
        model with all of them.
    lock : RLock
        Held while anything of a session changes; requests may come on any thread. One for all sessions, since linked
        widgets change each other.
    seen : dict of str to int
        The newest change of the selection that came from each browser.
    replies : Replies
        What browsers were told of this run, for the next that asks the same.
    listener : function
        Called, under the lock, with every change.
    """

    lock = RLock()

    def __init__(
        self,
        *,
        tokenizer: Any = None,
        categories: Sequence[Category] = (),
        probe: bool = True,
        generate: Generate = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.texts = Texts()
        self.selection = Selection()
        self.states: dict[str, Wired | None] = {"status": Status(state="loading")}
        self.traces: dict[str, AttentionTrace] = {}
        self.run_number = 0
        self.listener: Callable[[Changes], None] = lambda _: None
        self.seen: dict[str, int] = {}
        self.replies = Replies()
        self.in_batch = False  # no browser will ever ask: whatever there is to see is made at once
        self._options = dict(options or {})
        self._example: Example | None = None
        self._seconds = 0.0
        self._changed_from: int | None = None
        self._runner = Runner(tokenizer, lambda status: self._tell(status=status), self.lock, generate)
        self._categories = CategoriesFeed(self._filler("categories"), categories, wants_probe=probe, lock=self.lock)
        self._breakdown = BreakdownFeed(self._filler("breakdown"), self.lock)
        self.effects_feed = EffectsFeed(self._filler("effects"), self.lock)
        self.links_feed = LinksFeed(self._filler("links"), self.lock)
        self._off = HeadsOff(self._without, self._with_all, self.lock)
        self._feeds: dict[str, Feed] = {
            "snapshot": SnapshotFeed(self._filler("snapshot"), self.lock),
            "breakdown": self._breakdown,
            "pictures": PicturesFeed(self._filler("pictures"), self.lock),
            "categories": self._categories,
            "ahead": AheadFeed(self._filler("ahead"), self.lock),
            "effects": self.effects_feed,
            "outcome": OutcomeFeed(self._filler("outcome"), self.lock),
            "links": self.links_feed,
        }

    # -- what is there ------------------------------------------------------------------------------------------

    @property
    def trace(self) -> AttentionTrace | None:
        """The trace on screen; None before the first."""
        return self.traces.get(MAIN)

    @property
    def whole(self) -> AttentionTrace | None:
        """The trace of the model with all its heads: the one on screen, unless some are off."""
        return self.traces.get(AS_IS, self.trace)

    @property
    def model(self) -> Any:
        """The model, or None."""
        return self._runner.loaded and self._runner.loaded.model

    @property
    def category_names(self) -> list[str]:
        """The categories that there are, "Other" last."""
        return self._categories.names

    @property
    def own_categories(self) -> tuple[Category, ...]:
        """The user's own categories."""
        return self._categories.own

    def settled(self) -> AttentionTrace:
        """Return the trace on screen; wait for a model that is still loading, and raise if it failed."""
        self._runner.settle()
        if self.trace is None:
            raise self._runner.failure or Stopped
        self._off.settle()
        return self.trace

    def _looked_at(self) -> tuple[AttentionTrace, Selection]:
        self.settled()
        with self.lock:  # the two belong together
            return self.traces[MAIN], self.selection

    def weights(self) -> Tensor:
        """Compute the weights on screen, (heads, queries, keys); see `AttentionWidget.weights`."""
        trace, now = self._looked_at()
        shown = tiles.tile(trace, now.heads, words=now.words, attention=now.attention)  # (heads, queries, keys)
        shown = shown.masked_fill(shown == -torch.inf, 0)
        for axis, (side, name) in enumerate(zip(trace.sides(now.attention), rules.SIDES, strict=True), 1):
            pinned = getattr(now, name)
            if pinned:
                at = sorted({side.words[one] for one in pinned}) if now.words else pinned
                shown = shown.index_select(axis, torch.tensor(at, device=shown.device))
        return shown

    def in_words(self, name: str) -> str:
        """Describe what is on screen for readers without the widget: a notebook opened elsewhere, a terminal."""
        trace, now, status = self.trace, self.selection, self.states["status"]
        if trace is None:
            return f"{name}({status.message or status.state})" if isinstance(status, Status) else name
        text = self.texts.text if len(self.texts.text) < _SHORT else f"{self.texts.text[:_SHORT]}…"
        (queries, keys), writes = shown_sides(trace, now.attention)
        lines = [f"{name}({text!r}) · {self._model_name} · {len(queries.text)} tokens"]
        if self._off.now:
            lines.append(f"without {', '.join(map(str, self._off.now))}")
        if max(len(queries.text), len(keys.text)) <= _SHORT:
            weights = tiles.tile(trace, now.heads, attention=now.attention)  # (heads, queries, keys)
            lines += strongest(weights, (queries.text, keys.text), now.heads, writes=writes)
        return encodable("\n".join(lines))

    @property
    def _model_name(self) -> str:
        if self.model is not None:
            return models.describe_model(self.model)
        return "" if self.trace is None else self.trace.model_name

    def breakdown(self) -> Breakdown:
        """Compute the steps on screen, nothing changed."""
        return self._breakdown.breakdown(*self._looked_at())

    def effects(self) -> Effects:
        """Compute every head's effect, as the view shows it."""
        self.settled()
        with self.lock:
            shown = self._shown
        return self.effects_feed.on_screen(shown)

    def decomposition(self) -> Decomposition:
        """Decompose the logit that is asked about."""
        trace, now = self._looked_at()
        whole = self.whole or trace
        return whole.decompose(question(now, whole))

    def categories(self, alive: Callable[..., None] = lambda *_: None) -> CategoryTable:
        """Return the heads' scores on screen, or score them here where nobody has yet; `alive` is called on the way."""
        trace, now = self._looked_at()
        return self._categories.table or self._categories.score(trace, now.attention, alive)

    # -- another text -------------------------------------------------------------------------------------------

    def open(
        self,
        source: str | AttentionTrace | Example | Source,
        texts: Texts,
        model: str | PathLike[str] | Module | None,
    ) -> None:
        """Show a first text, a trace or an example; see `AttentionWidget` for what it raises."""
        if isinstance(source, Source):
            self._runner.source = source
        if isinstance(source, AttentionTrace):
            self._adopt(Ran(source, Texts(), 0.0))
        elif isinstance(source, Example):
            self._show(source, self._runner.run_example(source))
        else:
            self._runner.open(model, texts, self._adopt)
            with self.lock:
                if self.trace is None:  # it runs in the background: on screen stands what it runs on
                    self.texts = texts
                    self._tell(texts=texts)

    def run(self, texts: Texts) -> None:
        """Run the model on new texts, here and now; on a failure everything stays as it is but the status."""
        if self._runner.loaded is None:
            self._runner.settle()  # it is still loading
        else:
            self._runner.replace()
        try:
            self._adopt(self._runner.run(texts))
        except Exception as error:
            self._runner.fail(error)
            raise
        except BaseException:  # Ctrl-C
            self._runner.halt()
            raise

    def start(self, texts: Texts) -> None:
        """Run the model on new texts in the background."""
        keeps = self.trace is not None
        self._runner.start(lambda report: self._runner.run(texts, report), self._adopt, keeps=keeps)

    def start_example(self, example: Example) -> None:
        """Show an example on its own model, in the background."""
        keeps = self.trace is not None
        self._runner.start(
            lambda report: self._runner.run_example(example, report), lambda ran: self._show(example, ran), keeps=keeps
        )

    def stop(self) -> None:
        """Stop a run in the background."""
        self._runner.stop()

    def fail(self, error: Exception) -> None:
        """Say what went wrong; the picture stays."""
        self._runner.fail(error)

    def _show(self, example: Example, ran: Ran) -> None:
        options = example.options(ran.trace)
        options["threshold"] = min(self.selection.threshold, example.weight / 2)  # what is told of must be drawn
        if self.trace is None:  # what the constructor was asked for goes first
            options = {**({} if "layer" in self._options else options), **self._options}
        self._adopt(ran, example, options)
        self._runner.source = Source()  # ids that were given are another model's

    def _adopt(self, ran: Ran, example: Example | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Show a new trace, with an example's options. Of the selection, what still makes sense stays."""
        with self.lock:
            before, trace, changed = self.trace, ran.trace, None
            if before is None or options is not None:
                wanted = self._options if options is None else options
                try:
                    selection = rules.opening(self.selection, trace, wanted, self.category_names)
                    self._check_scores(trace, selection)
                except (ValueError, TypeError, IndexError) as error:
                    raise OptionError(str(error)) from error
            else:
                selection = rules.kept(self.selection, before, trace)
                if ran.texts == self.texts:  # the same once more
                    changed = self._changed_from
                elif ran.loaded is None:  # the same model
                    changed = first_change(before, trace, selection.attention, selection.heads, selection.queries)
            self._runner.loaded = ran.loaded or self._runner.loaded
            self._off.drop()
            self._off.now = []
            self.traces.pop(AS_IS, None)
            self.traces[MAIN] = trace
            self._example, self._seconds, self._changed_from = example, ran.seconds, changed
            self._move(selection, texts=ran.texts, status=Status(state="ready"))
            self._switch()

    def _switch(self) -> None:
        """Run the text again without the heads that are to be off, or with all of them."""
        if self.whole is not None:
            self._off.want(self.selection.off, self.whole, self.selection.attention)

    def _without(self, off: list[HeadId], trace: AttentionTrace) -> None:
        """Show the text as the model computes it without some heads."""
        assert self.whole is not None  # noqa: S101 - it was run before
        whole = self.whole
        self.traces |= {AS_IS: whole, MAIN: trace}
        if not off:
            del self.traces[AS_IS]
        self._off.now = off
        self._changed_from = None
        failed = getattr(self.states["status"], "state", "") == "error"
        self._move(self.selection, **({"status": Status(state="ready")} if failed else {}))

    def _with_all(self, error: Exception) -> None:
        """Go back to the heads that are on, since it cannot be run otherwise; say why."""
        self.selection = msgspec.structs.replace(self.selection, off=self._off.now)
        self._tell(selection=self.selection)
        self.fail(error)

    def add_trace(self, name: str, trace: AttentionTrace) -> None:
        """Keep another trace beside the main one; requests name it."""
        if name in {MAIN, AS_IS}:
            raise ValueError(f"{name!r} is the trace on screen: run a text instead")
        with self.lock:
            self.traces[name] = trace
            self.replies.forget()

    # -- another selection --------------------------------------------------------------------------------------

    def checked(self, name: str, value: Any, beside: Selection) -> Any:
        """Return a value of the selection in the form that it is kept in; raise if there is no such thing.

        Parameters
        ----------
        name : str
            Of the value.
        value : Any
            What somebody wants.
        beside : Selection
            What else is chosen at the same time.
        """
        trace = self.trace
        if trace is None:
            return value
        found = rules.checked(name, value, trace, beside.attention, self.category_names)
        if name == "what_if":
            self._check_scores(trace, msgspec.structs.replace(beside, what_if=found))
        if name == "target":
            self._check_target(msgspec.structs.replace(beside, target=found))
        return found

    def _check_target(self, selection: Selection) -> None:
        """Raise if there is no such target in the text on screen; of a trace without a model nothing is known."""
        whole = self.whole
        if whole is None or selection.target is None or whole.rerun.missing:
            return
        whole.rerun.get().resolve(whole, question(selection, whole))

    def _check_scores(self, trace: AttentionTrace, selection: Selection) -> None:
        """Raise if scores are set by hand of keys that the query may not see."""
        if "scores" in selection.what_if:
            whole = self._breakdown.breakdown(trace, selection, output=False)
            whole.what_if(scores=selection.what_if["scores"])

    def within(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return what a browser sends without the token positions that are no more."""
        return values if self.trace is None else rules.within(values, self.trace, self.selection.attention)

    def goto(self, position: int | str, side: str = "query") -> GotoEvent:
        """Return what tells browsers to bring a place into sight; see `AttentionWidget.goto`."""
        trace = self.settled()
        with self.lock:
            tokens = trace.side(side, self.selection.attention)
            if isinstance(position, str):
                found = tokens.find(position)
                if not found:
                    raise ValueError(f"{position!r} is nowhere in the text; `trace.find` looks by the same rule")
                at = found[0][0]
            else:
                (at,) = tokens.where(position)
            return GotoEvent(run=self.run_number, side="key" if side == "key" else "query", token=at)

    def take(self, selection: Selection, by: Stamp) -> SelectionEvent:
        """Choose all that a browser has chosen; raise if something is not there."""
        with self.lock:
            if not self.has_seen(by):
                values = self.within(msgspec.structs.asdict(selection))
                wanted = Selection(**values)
                self.select(**{name: self.checked(name, value, wanted) for name, value in values.items()})
            return self.confirmed(by)

    @property
    def step(self) -> int | None:
        """The written token whose row is pinned, and nothing else; see `AttentionWidget.step`."""
        return None if self.trace is None else rules.step_of(self.selection, self.trace)

    def step_to(self, position: int | None) -> dict[str, Any]:
        """Return what to choose so that the writing of a token is looked at, or none; raise if nobody wrote it."""
        trace = self.settled()
        with self.lock:
            return rules.step_to(position, self.selection, trace)

    def has_seen(self, by: Stamp) -> bool:
        """Whether a browser's choice has come before: what it sends twice may be outdated the second time."""
        return by.count <= self.seen.get(by.client, 0)

    def confirmed(self, by: Stamp) -> SelectionEvent:
        """Note whose choice the selection is, and return what all browsers are to know."""
        self.seen[by.client] = max(by.count, self.seen.get(by.client, 0))
        return SelectionEvent(run=self.run_number, by=by, selection=self.selection)

    def select(self, **values: Any) -> None:
        """Choose something else; the values are `checked` ones."""
        with self.lock:
            if self.trace is None:
                self._options |= values
                self.selection = msgspec.structs.replace(self.selection, **values)
                return
            selection = rules.chosen(self.selection, self.trace, **values)
            if selection.attention != self.selection.attention:
                if self._off.now:
                    self._off.now = []
                    self.traces[MAIN] = self.traces.pop(AS_IS)
                self._off.drop()
                self._move(selection)
                return
            switches = selection.off != self.selection.off
            if selection.target != self.selection.target and self._aim(selection.target):
                self._move(selection)  # numbers of pairs on screen, or at hand, were about the other target
                if switches:
                    self._switch()
                return
            self.selection = selection
            self._tell(selection=selection, **self._new_measures())
            for feed in self._feeds.values():
                feed.follow(self._shown)
            if switches:
                self._switch()

    def _aim(self, target: dict[str, Any] | None) -> bool:
        """Let the measures that are about a target be about this one; say whether any was computed of another."""
        was_used = False
        for trace in self.traces.values():
            was_used |= trace.uses_target
            trace.target = Target.read(target)
        return was_used

    def _move(self, selection: Selection, **changes: Any) -> None:
        """Go over to another run, or to another attention: what was computed for the last one is dropped.

        Whatever fails or is interrupted on the way, the listener learns what has changed until then.
        """
        self.run_number += 1  # what was asked of the other is answered no more
        self.replies.forget()
        self.selection = selection
        if selection.target is not None:  # a trace may come with its own
            self._aim(selection.target)
        self.texts = changes.get("texts", self.texts)
        gathered: list[Changes] = []
        listener, self.listener = self.listener, gathered.append  # one message for all
        try:
            for feed in self._feeds.values():
                feed.forget()
            self._tell(**changes, selection=selection, breakdown=None)
            self._tell(outline=self.outline())
            for feed in self._feeds.values():
                feed.follow(self._shown)
        finally:
            self.listener = listener
            listener({name: value for one in gathered for name, value in one.items()})
        if self.in_batch:
            self.complete()

    @property
    def _shown(self) -> Shown:
        assert self.trace is not None  # noqa: S101 - asked only once there is one
        loaded = self._runner.loaded
        model, tokenizer = (None, None) if loaded is None else (loaded.model, loaded.tokenizer)
        as_is = self.traces.get(AS_IS)
        return Shown(self.run_number, self.trace, self.selection, model, tokenizer, as_is, tuple(self._off.now))

    def outline(self, attention: str | None = None) -> Outline:
        """Describe the run, by the attention on screen or another."""
        trace, loaded = self.trace, self._runner.loaded
        name_of = self.selection.attention if attention is None else attention
        assert trace is not None  # noqa: S101
        name = self._model_name
        config = getattr(self.model, "config", None)
        demo = loaded is not None and loaded.is_demo
        return outline(
            trace,
            name_of,
            run=self.run_number,
            trace=MAIN,
            model=name,
            revision=str(getattr(config, "_commit_hash", None) or ""),
            editable=loaded is not None,
            seconds=self._seconds,
            translates=bool(getattr(config, "is_encoder_decoder", False)),
            changed_from=None if name_of == "encoder" else self._changed_from,
            demo=_menu(name, self._example) if demo else None,
            off=self._off.now if name_of == self.selection.attention else [],
        )

    def _new_measures(self) -> dict[str, Wired]:
        """Return an outline to tell, if a measure is drawn that was registered after the last one."""
        last = self.states.get("outline")
        known = {one.name for one in last.measures} if isinstance(last, Outline) else set()
        return {} if self.selection.measure in known else {"outline": self.outline()}

    # -- what can wait ------------------------------------------------------------------------------------------

    def begin(self, *names: str) -> None:
        """Make what can wait until the first drawing; all of it without names."""
        with self.lock:
            if self.trace is None:
                raise ValueError("nothing has been captured yet")
            for name in names or self._feeds:
                self._feeds[name].begin(self._shown)

    def ask_effects(self, kind: EffectKind, value: Literal["zero", "mean"]) -> None:
        """Compute another kind of effect."""
        with self.lock:
            self.settled()
            self.effects_feed.ask(self._shown, kind, value)

    def ask_cuts(self) -> None:
        """Cut the pinned pair's link in one head at a time."""
        with self.lock:
            self.settled()
            self.links_feed.cut(self._shown)

    def stop_effects(self) -> None:
        """End the computing of effects and cuts; what is there stays."""
        self.effects_feed.stop()
        self.links_feed.stop()

    def complete(self) -> None:
        """Make at once whatever takes no long work, for a page that has no kernel; of what is missing it says so."""
        if self.trace is None:
            return
        self._off.settle()
        if max(len(side.text) for side in self.trace.sides(self.selection.attention)) <= _SHORT_WORK:
            with self.lock, at_once():
                self.begin()
                for feed in self._feeds.values():
                    feed.settle()  # what had begun in the background

    def close(self) -> None:
        """End what runs in the background."""
        self._runner.drop()
        self._off.drop()
        for feed in self._feeds.values():
            feed.close()

    # -- telling ------------------------------------------------------------------------------------------------

    def _filler(self, name: str) -> Callable[[Wired], None]:
        return lambda state: self._tell(**{name: state})

    def _tell(self, **changes: Any) -> None:
        with self.lock:
            self.states |= {name: one for name, one in changes.items() if name not in {"texts", "selection"}}
            self.listener(changes)


def _menu(model: str, shown: Example | None) -> Demo:
    return Demo(
        about=models.ABOUT[model],
        examples=[ExampleName(name=one.name, group=KINDS[one.model]) for one in EXAMPLES],
        shown=None if shown is None else ShownExample(name=shown.name, look=shown.look),
    )
