"""A session: a widget without Jupyter. It holds the model, traces, the selection, and feeds that compute."""

from __future__ import annotations

from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

import torch
from msgspec import structs

from attnwidget import models
from attnwidget.comparison.sides import Side
from attnwidget.effects import Target
from attnwidget.examples import EXAMPLES, KINDS, Example
from attnwidget.head_id import HeadId
from attnwidget.maths import masks
from attnwidget.session import selection as rules
from attnwidget.session.against import stand_of
from attnwidget.session.beside import B, Pair, Stand, across
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
from attnwidget.session.jobs import Stopped, at_once
from attnwidget.session.otherwise import AS_THE_MODEL, Otherwise, Wish
from attnwidget.session.question import question
from attnwidget.session.questions import Questions
from attnwidget.session.runner import Ran, Runner
from attnwidget.session.source import Source
from attnwidget.session.unchanged import first_change
from attnwidget.tokens.labels import encodable
from attnwidget.trace import AttentionTrace
from attnwidget.trace.masked import why_not
from attnwidget.wire import tiles
from attnwidget.wire.masks import mask_shown
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
    from attnwidget.comparison import Comparison, StepsBeside
    from attnwidget.effects import Decomposition, Effects
    from attnwidget.heads import Category, CategoryTable

    Report = Callable[[str, int, int | None], None]
    Changes = Mapping[str, Any]  # "texts": Texts, "selection": Selection, or the name of a state: its value or None

MAIN = "main"
BESIDE = "beside"  # what it is compared with
AS_IS = "as it is"  # the trace of the model with all its heads and its own mask, while another is on screen
_SHORT_WORK = 2048  # tokens of a text for which somebody may wait until all of it is drawn and scored
_SHORT = 64  # tokens, and characters of a text, in the plain-text form


_OTHERWISE = (
    "heads cannot be off, nor another mask be on, while two things are compared: switch them on again, go back to the "
    "model's own mask, or compare with the trace that trace.without(…) or trace.with_mask(…) returns"
)
_OWN_MASK = "the model’s own mask"


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
    against : optional
        What the first text is compared with; as of `compare`.
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
        The one on screen is "main"; others may stand beside it. While heads are off, or another mask is put on, "as it
        is" is the one of the model without that; while two things are compared, "beside" is the one that is not on
        screen.
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
        against: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._against = against
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
        asked = "difference" if self._options.get("measure") == "difference" and self._options.pop("measure") else None
        self._side = self._options.pop("side", asked)  # until there are two
        self._opens = False  # here and now
        self._example: Example | None = None
        self._seconds = 0.0
        self._changed_from: int | None = None
        self._runner = Runner(tokenizer, lambda status: self._tell(status=status), self.lock, generate)
        self._categories = CategoriesFeed(self._filler("categories"), categories, wants_probe=probe, lock=self.lock)
        self._breakdown = BreakdownFeed(self._filler("breakdown"), self.lock)
        self.effects_feed = EffectsFeed(self._filler("effects"), self.lock)
        self.links_feed = LinksFeed(self._filler("links"), self.lock)
        self._otherwise = Otherwise(
            self._show_otherwise, self._as_before, self._runner.report, self._runner.rest, self.lock
        )
        self.questions = Questions(self)
        self._pair: Pair | None = None
        self._own_beside = False  # B is the model under its own mask, beside the other one
        self._left: tuple[Selection, Selection] | None = (
            None  # what was pinned on the side before, and what became of it
        )
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
        """The trace of the model as it is: the one on screen, unless heads are off or another mask is put on."""
        return self.traces.get(AS_IS, self.trace)

    @property
    def comparison(self) -> Comparison | None:
        """What is compared; None where nothing is."""
        with self.lock:
            return None if self._pair is None else self._pair.comparison

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
        self._otherwise.settle()
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
        lines = [f"{name}({text!r}) · {self.model_name} · {len(queries.text)} tokens"]
        off, mask, _ = self._otherwise.now
        if off:
            lines.append(f"without {', '.join(map(str, off))}")
        if mask is not None:
            lines.append(f"other mask: {masks.brief(mask)}, {self._otherwise.now.reach}")
        if self._pair is not None:
            shown = {"a": "A is shown", "b": "B is shown", "difference": "A − B is shown; below, A"}[now.side]
            lines.append("compared: A {} · B {} · {}".format(*self._pair.names, shown))
        if max(len(queries.text), len(keys.text)) <= _SHORT:
            weights = tiles.tile(trace, now.heads, attention=now.attention)  # (heads, queries, keys)
            lines += strongest(weights, (queries.text, keys.text), now.heads, writes=writes)
        return encodable("\n".join(lines))

    @property
    def model_name(self) -> str:
        """What the model on screen is called."""
        if self.model is not None:
            return models.describe_model(self.model)
        return "" if self.trace is None else self.trace.model_name

    def standing(self) -> Stand:
        """Return what is on screen, of the model as it is: nothing switched off, its own mask."""
        assert self.whole is not None  # noqa: S101 - asked only once there is one
        return replace(self._standing, trace=self.whole)

    def score(self, trace: AttentionTrace, attention: str) -> CategoryTable:
        """Score the heads of a trace, or return the scores on screen if they are those."""
        is_shown = trace is self.trace and attention == self.selection.attention
        known = self._categories.table if is_shown else None
        return known or self._categories.score(trace, attention, lambda *_: None)

    def breakdown(self) -> Breakdown:
        """Compute the steps on screen, nothing changed."""
        return self._breakdown.breakdown(*self._looked_at())

    def breakdown_beside(self) -> StepsBeside | None:
        """Return what B has beside the steps on screen; None where they are not compared."""
        return self._breakdown.beside(*self._looked_at())

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
        self._opens = True
        try:
            self._open(source, texts, model)
            if self.trace is not None and self._against is not None:
                self.compare(self._against)
            elif isinstance(source, Example) and source.against is not None:
                self.compare(source.against)
            elif self._against is None and self._side not in {None, "a"}:
                raise OptionError(f"side {self._side!r} takes something to compare with: against=…")
        finally:
            self._opens = False

    def _open(
        self,
        source: str | AttentionTrace | Example | Source,
        texts: Texts,
        model: str | PathLike[str] | Module | None,
    ) -> None:
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

    def put_back(self, stand: Stand) -> None:
        """Show again what was on screen before."""
        with self.lock:
            if self._pair is not None and self._pair.there.trace is stand.trace:
                self.select(side="a" if self._pair.is_second else "b")
                return
            self._end_comparison()
            if self._runner.loaded is not None:
                self._runner.replace()
            self._runner.source = stand.source
            self._adopt(Ran(stand.trace, stand.texts, stand.seconds, stand.loaded))

    def stop(self) -> None:
        """Stop a run in the background."""
        with self.lock:
            if self._otherwise.has_reported:
                self._otherwise.drop()
                self._as_before()
                return
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
        if example.against is not None and not self._opens:
            self.start_comparing(example.against)

    def _adopt(self, ran: Ran, example: Example | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Show a new trace, with an example's options. Of the selection, what still makes sense stays."""
        with self.lock:
            renews = options is None and not self._own_beside  # beside another mask it is run again anyway
            before, pair, changed = self.trace, self._renewed(ran) if renews else None, None
            trace = ran.trace if pair is None else pair.traces[0]
            if before is None or options is not None:
                wanted = self._options if options is None else options
                try:
                    selection = rules.opening(self.selection, trace, wanted, self.category_names)
                    self._check_scores(trace, selection)
                    _check_mask(trace, selection)
                except (ValueError, TypeError, IndexError) as error:
                    raise OptionError(str(error)) from error
            else:
                selection = rules.kept(self.selection, before, trace)
                selection = structs.replace(selection, side="a" if pair is None else pair.side_of(selection))
                if ran.texts == self.texts:  # the same once more
                    changed = self._changed_from
                elif ran.loaded is None:  # the same model
                    changed = first_change(before, trace, selection.attention, selection.heads, selection.queries)
            self._runner.loaded = ran.loaded or self._runner.loaded
            self._otherwise.drop()
            self._otherwise.now = AS_THE_MODEL
            follows = None if pair is None or pair.there.texts != self.texts else pair.there
            self.traces = {MAIN: trace} if pair is None else {MAIN: trace, BESIDE: pair.traces[1]}
            self._pair, self._left = pair, None
            self._own_beside = self._own_beside and selection.mask is not None
            self._example, self._seconds, self._changed_from = example, ran.seconds, changed
            self._move(selection, texts=ran.texts, status=Status(state="ready"))
            self._switch()
            if follows is not None:
                self._follow_text(follows)
            if before is None and self._against is not None and not self._opens:
                self.start_comparing(self._against)

    def _switch(self) -> None:
        """Compute the text without the heads that are to be off, under the mask that is wished for; or as it is."""
        if self.whole is not None:
            self._otherwise.want(Wish.of(self.selection), self.whole, self.selection.attention)

    def _show_otherwise(self, wish: Wish, trace: AttentionTrace) -> None:
        """Show the text as it was computed otherwise; what the model makes of it stays beside it, as "as it is"."""
        assert self.whole is not None  # noqa: S101 - it was run before
        whole = self.whole
        self.traces |= {AS_IS: whole, MAIN: trace}
        if wish == AS_THE_MODEL:
            del self.traces[AS_IS]
        self._otherwise.now = wish
        self._changed_from = None
        failed = getattr(self.states["status"], "state", "") == "error"
        is_news = failed or self._otherwise.has_reported
        if self._own_beside and wish.mask is not None:
            self._stand(self._own_pair())
            return
        if self._own_beside:
            self._own_beside, self._pair, self._left = False, None, None
            del self.traces[BESIDE]
        self._move(self._drawable(trace), **({"status": Status(state="ready")} if is_news else {}))

    def _drawable(self, trace: AttentionTrace) -> Selection:
        """Return the selection with a measure that this trace has."""
        now = self.selection
        return rules.chosen(now, trace, measure="weights") if trace.lacks(now.measure, now.attention) else now

    def compare_masks(self) -> None:
        """Put the model under its own mask beside the other one, and show the difference."""
        with self.lock:
            self.settled()
            if self._otherwise.now.mask is None:
                raise ValueError("no other mask is on: put one on first")
            if self._own_beside:
                return
            self._own_beside = True
            self._stand(self._own_pair())
            self.select(side="difference")

    def _own_pair(self) -> Pair:
        """Return what is on screen, under another mask, and the model under its own."""
        whole, trace, wish = self.whole, self.trace, self._otherwise.now
        assert whole is not None  # noqa: S101 - it was run before
        assert trace is not None  # noqa: S101
        here = replace(self._standing, trace=trace, name=f"{masks.brief(wish.mask)}, {wish.reach}")
        return Pair(here, replace(here, trace=whole, name=_OWN_MASK))

    def _as_before(self, error: Exception | None = None) -> None:
        """Go back to what is on screen, since it is not computed otherwise; say why."""
        off, mask, mode = self._otherwise.now
        modes = {} if mask is None else {"mask_mode": mode}
        self.selection = structs.replace(self.selection, off=list(off), mask=mask, **modes)
        self._tell(selection=self.selection)
        if error is not None:
            self.fail(error)

    # -- another side -------------------------------------------------------------------------------------------

    def put_beside(self, trace: AttentionTrace | None, name: str = "", why: str = "", **about: Any) -> None:
        """Compare what is on screen with another trace, whatever it came from; every view can draw the difference.

        Parameters
        ----------
        trace : AttentionTrace, or None
            It becomes B, and what is on screen A. None: nothing is compared any more, and A is on screen.
        name : str
            What it is called, where neither its model nor its text says it: "window:4".
        why : str
            What sets the two apart, as a sentence for the reader.
        **about
            What else a `Stand` has.

        Raises
        ------
        ValueError
            If nothing is on screen yet, or heads are off.
        """
        with self.lock:
            if trace is None:
                self._end_comparison()
            else:
                self._put(Stand(trace, name, **about), why, opens=False)

    def compare(self, other: Any, report: Report | None = None) -> None:
        """Run what another side takes, here and now, and put it beside A; `None` stops comparing."""
        if other is None:
            self.put_beside(None)
            return
        side = Side.read(other)
        self.settled()
        self._put(stand_of(side, self._first, self._runner, report))

    def start_comparing(self, other: Any) -> None:
        """Do the same in the background."""
        side, first = Side.read(other), self._first
        self._runner.start(lambda report: stand_of(side, first, self._runner, report), self._put, keeps=True)

    def _put(self, other: Stand, why: str = "", *, opens: bool = True) -> None:
        """Put one beside A, and if it `opens` show the difference where there is one."""
        with self.lock:
            if self.trace is None:
                raise ValueError("nothing has been captured yet")
            if self._otherwise.now != AS_THE_MODEL or Wish.of(self.selection) != AS_THE_MODEL:
                raise ValueError(_OTHERWISE)
            self._end_comparison()
            first, heads = self._standing, self.selection.heads
            if other.head is not None:
                first = replace(first, name=_named(heads), head=heads[0])
            self._stand(Pair(first, other, why))
            wanted, self._side = self._side, None
            if wanted is not None:
                self.select(side=self.checked("side", wanted, self.selection))
            elif opens and not self.trace.lacks("difference", self.selection.attention):
                self.select(side="difference", **self._most_different())

    def _most_different(self) -> dict[str, Any]:
        """Return the head to open on, where nobody has chosen one: it has most to show."""
        chosen = self._example is not None or {"heads", "layer"} & {*self._options}
        if not self._opens or chosen or self.comparison is None:
            return {}
        rank = self.comparison.rank(attention=self.selection.attention)
        return {"heads": [HeadId.read(rank.heads[0])]} if rank.values[0] > 0 else {}

    @property
    def _first(self) -> Stand:
        """A, as far as it is known."""
        return self._pair.there if self._pair is not None and self._pair.is_second else self._standing

    @property
    def _standing(self) -> Stand:
        """What is on screen, as one side."""
        assert self.trace is not None  # noqa: S101 - asked only once there is one
        runner = self._runner
        was = Stand(self.trace) if self._pair is None else self._pair.here
        return replace(was, texts=self.texts, loaded=runner.loaded, source=runner.source, seconds=self._seconds)

    def _renewed(self, ran: Ran) -> Pair | None:
        """Return the pair with what was run in the place of what is on screen; None where nothing is compared."""
        if self._pair is None:
            return None
        here, there = replace(self._pair.here, trace=ran.trace, texts=ran.texts), self._pair.there
        if there.trace is self._pair.here.trace:  # head against head
            there = replace(there, trace=ran.trace, texts=ran.texts)
        return replace(self._pair, here=here, there=there)

    def _follow_text(self, other: Stand) -> None:
        """Run the other side on the text on screen: both sides had one text before."""
        texts, loaded = self.texts, other.loaded
        if loaded is not None and texts != other.texts:
            self._runner.start(
                lambda report: self._runner.run(texts, report, loaded, other.source), self._replace_there, keeps=True
            )

    def _replace_there(self, ran: Ran) -> None:
        with self.lock:
            if self._pair is not None:
                there = replace(self._pair.there, trace=ran.trace, texts=ran.texts, seconds=ran.seconds)
                self._stand(replace(self._pair, here=self._standing, there=there))

    def _name_head(self) -> None:
        """Head against head: the one on screen is the one that is meant."""
        pair, heads = self._pair, self.selection.heads
        if pair is None or pair.here.head is None or pair.here.name == _named(heads):
            return
        self._pair = pair.moved(replace(pair.here, name=_named(heads), head=heads[0]))
        self.traces[BESIDE] = self._pair.traces[1]
        self._tell(outline=self.outline())

    def _stand(self, pair: Pair | None, selection: Selection | None = None) -> None:
        """Show one side of a pair."""
        selection = self.selection if selection is None else selection
        if pair is not None:
            here = pair.here
            self.traces[MAIN], self.traces[BESIDE] = pair.traces
            self._runner.loaded, self._runner.source, self._seconds = here.loaded, here.source, here.seconds
            selection = structs.replace(selection, side=pair.side_of(selection))
            trace = self.traces[MAIN]
            if selection.measure == "difference" and trace.lacks("difference", selection.attention):
                selection = rules.chosen(selection, trace, measure="weights")
        self._pair, self._changed_from = pair, None
        texts = self.texts if pair is None else pair.here.texts
        self._move(selection, texts=texts, status=Status(state="ready"))

    def _turn(self, selection: Selection, pinned: Mapping[str, Any] | None = None) -> None:
        """Put the other side on screen, and what is pinned there."""
        assert self._pair is not None  # noqa: S101 - checked
        pair = self._pair.moved(self._standing).turned()
        moved = across(selection, pair)
        if self._left is not None and _pinned(selection) == _pinned(self._left[1]):
            before = self._left[0]
            moved = structs.replace(moved, queries=before.queries, keys=before.keys)
        moved = structs.replace(moved, **rules.within(pinned or {}, pair.here.trace, moved.attention))
        self._left = structs.replace(selection, queries=self.selection.queries, keys=self.selection.keys), moved
        self._stand(pair, moved)

    def _end_comparison(self) -> None:
        """Show A alone."""
        if self._pair is None:
            return
        if self._pair.is_second:
            self._turn(self.selection)
        self._own_beside = False
        drawn = "weights" if self.selection.measure == "difference" else self.selection.measure
        self.traces[MAIN] = self._pair.here.trace
        del self.traces[BESIDE]
        self._left = None
        self._stand(None, structs.replace(self.selection, side="a", measure=drawn))

    def add_trace(self, name: str, trace: AttentionTrace) -> None:
        """Keep another trace beside the main one; requests name it."""
        if name in {MAIN, AS_IS, BESIDE}:
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
        if self.trace is None:
            return value
        trace = self._seen_on(beside.side) if name in rules.SIDES else self.trace
        found = rules.checked(name, value, trace, beside.attention, self.category_names)
        if name in {"off", "mask"} and found and self._pair is not None and not (self._own_beside and name == "mask"):
            raise ValueError(_OTHERWISE)
        if name == "what_if":
            self._check_scores(trace, structs.replace(beside, what_if=found))
        if name in {"mask", "mask_mode"}:
            _check_mask(self.whole or trace, structs.replace(beside, **{name: found}))
        if name == "target":
            self._check_target(structs.replace(beside, target=found))
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
        if self.trace is None:
            return values
        return rules.within(values, self._seen_on(values.get("side", self.selection.side)), self.selection.attention)

    def _seen_on(self, side: str) -> AttentionTrace:
        """Return the trace whose tokens are seen on a side."""
        is_other = self._pair is not None and (side == B) != self._pair.is_second
        return self.traces[BESIDE if is_other else MAIN]

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
                values = self.within(structs.asdict(selection))
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
                self.selection = structs.replace(self.selection, **values)
                return
            if self._own_beside and values.get("attention", self.selection.attention) != self.selection.attention:
                self._end_comparison()  # the other attention is under its own mask
            selection = rules.chosen(self.selection, self.trace, **values)
            if self._pair is not None and (selection.side == B) != self._pair.is_second:
                self._turn(selection, {side: values[side] for side in rules.SIDES if side in values})
                return
            if selection.attention != self.selection.attention:
                if self._otherwise.now != AS_THE_MODEL:
                    self._otherwise.now = AS_THE_MODEL
                    self.traces[MAIN] = self.traces.pop(AS_IS)
                self._otherwise.drop()
                self._move(selection)
                return
            switches = Wish.of(selection) != Wish.of(self.selection)
            if selection.target != self.selection.target and self._aim(selection.target):
                self._move(selection)  # numbers of pairs on screen, or at hand, were about the other target
                if switches:
                    self._switch()
                return
            self.selection = selection
            self._tell(selection=selection, **self._new_measures())
            self._name_head()
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
            if self.questions.asked:
                self.tell_posed()
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
        return Shown(self.run_number, self.trace, self.selection, model, tokenizer, as_is, self._otherwise.now.off)

    def outline(self, attention: str | None = None) -> Outline:
        """Describe the run, by the attention on screen or another."""
        trace, loaded = self.trace, self._runner.loaded
        name_of = self.selection.attention if attention is None else attention
        assert trace is not None  # noqa: S101
        name = self.model_name
        config = getattr(self.model, "config", None)
        demo = loaded is not None and loaded.is_demo
        off, mask, mode = self._otherwise.now if name_of == self.selection.attention else AS_THE_MODEL
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
            off=list(off),
            mask=None if mask is None else mask_shown(trace, name_of, mask, mode),
            names=() if self._pair is None else self._pair.names,
            why="" if self._pair is None else self._pair.why,
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
        self._otherwise.settle()
        if max(len(side.text) for side in self.trace.sides(self.selection.attention)) <= _SHORT_WORK:
            with self.lock, at_once():
                self.begin()
                for feed in self._feeds.values():
                    feed.settle()  # what had begun in the background

    def close(self) -> None:
        """End what runs in the background."""
        self._runner.drop()
        self._otherwise.drop()
        for feed in self._feeds.values():
            feed.close()

    # -- telling ------------------------------------------------------------------------------------------------

    def tell_posed(self) -> None:
        """Tell what is asked, and how it was answered."""
        self._tell(posed=self.questions.state())

    def _filler(self, name: str) -> Callable[[Wired], None]:
        return lambda state: self._tell(**{name: state})

    def _tell(self, **changes: Any) -> None:
        with self.lock:
            self.states |= {name: one for name, one in changes.items() if name not in {"texts", "selection"}}
            self.listener(changes)


def _check_mask(whole: AttentionTrace, selection: Selection) -> None:
    """Raise if the mask cannot be put on, as far as that is known beforehand."""
    if selection.mask is None:
        return
    queries, keys = whole.sides(selection.attention)
    masks.read(selection.mask, len(queries.text), len(keys.text))
    reason = why_not(whole, selection.attention, selection.mask_mode)
    if reason:
        raise ValueError(f"no other mask can be put on: {reason}")


def _named(heads: Sequence[HeadId]) -> str:
    return ", ".join(map(str, heads))


def _pinned(selection: Selection) -> tuple[Any, ...]:
    return selection.attention, selection.queries, selection.keys


def _menu(model: str, shown: Example | None) -> Demo:
    return Demo(
        about=models.ABOUT[model],
        examples=[ExampleName(name=one.name, group=KINDS[one.model]) for one in EXAMPLES],
        shown=None if shown is None else ShownExample(name=shown.name, look=shown.look),
    )
