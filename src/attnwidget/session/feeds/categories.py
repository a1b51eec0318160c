"""The heads on screen, scored off the kernel's main thread, with evidence about the model where there is any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.heads import OTHER, PROBED, all_categories, categorize, known_probe, probe_heads
from attnwidget.session.feeds.base import Feed
from attnwidget.session.jobs import Job, Stopped, later, running_loop, works_at_once
from attnwidget.wire.categories import categories, no_categories
from attnwidget.wire.schema import Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import RLock

    from attnwidget.heads import Category, CategoryTable, HeadProbe
    from attnwidget.session.feeds.base import Shown
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Wired

_PAUSE = 2.0  # seconds
_STEP = 10  # sentences between two messages of progress
_PROBING = "measuring on annotated sentences"


class _Scored(NamedTuple):
    table: CategoryTable
    probe: HeadProbe | None  # evidence that was there already


class CategoriesFeed(Feed):
    """Scores the text on screen, and brings in evidence about the model: at once where it is known, else later.

    Parameters
    ----------
    tell : function
        Called several times for a text.
    own : sequence of Category
        The user's own.
    wants_probe : bool
        Whether to look for evidence about the model.
    lock : RLock, optional
        As of every feed.
    """

    def __init__(
        self, tell: Callable[[Wired], None], own: Sequence[Category], *, wants_probe: bool, lock: RLock | None = None
    ) -> None:
        super().__init__(tell, lock)
        self.own = tuple(own)
        self._wants_probe = wants_probe
        self._begun: tuple[int, str] | None = None
        self.table: CategoryTable | None = None  # with the evidence that was told
        self._table: CategoryTable | None = None
        self._shown: Shown | None = None  # that the table is of
        self._probe_job: Job[HeadProbe] | None = None
        self._probed: Any = None  # the model of that job
        self._no_probe = ""  # why there is none

    @property
    def names(self) -> list[str]:
        """The categories that there are, "Other" last."""
        return [*(one.name for one in all_categories(self.own)), OTHER]

    def forget(self) -> None:
        """Drop the scores; evidence about the model outlives the text."""
        super().forget()
        self._begun = self.table = self._table = self._shown = None

    def settle(self) -> None:
        """Wait for the scores; not for evidence about the model, which may take minutes: say that it is missing."""
        super().settle()
        if self._probe_job is not None:
            self._send("none")

    def close(self) -> None:
        """End whatever runs."""
        self.forget()
        if self._probe_job is not None:
            self._probe_job.stop()

    def begin(self, shown: Shown) -> None:
        """Score a text, on another thread if a kernel is live."""
        attention = shown.selection.attention
        if self._begun == (shown.run, attention):
            return
        self._begun = shown.run, attention
        looks = self._wants_probe and shown.model is not None and attention in PROBED

        def work(job: Job[_Scored]) -> _Scored:
            table = self.score(shown.trace, attention, lambda *_: job.report(""))
            # To compare weights with those that were probed takes a while too.
            return _Scored(table, known_probe(shown.model) if looks else None)

        def finish(job: Job[_Scored]) -> None:
            try:
                scored = job.result()
            except Exception as error:  # noqa: BLE001  (said in the panel: nobody in Python is waiting)
                self._tell(no_categories(shown.trace, attention, shown.run, error))
                return
            self._table, self._shown = scored.table, shown
            self._bring_evidence(shown, scored.probe, looks=looks)

        self._work(work, finish)

    def score(self, trace: AttentionTrace, attention: str, on_layer: Callable[[int, int], None]) -> CategoryTable:
        """Score a text's heads, without evidence about the model."""
        return categorize(trace, attention=attention, categories=self.own, on_layer=on_layer)

    def _bring_evidence(self, shown: Shown, known: HeadProbe | None, *, looks: bool) -> None:
        if shown.model is not self._probed:
            if self._probe_job is not None:
                self._probe_job.stop()
            self._probed, self._probe_job, self._no_probe = shown.model, None, ""
        if not looks:
            self._send("none")
        elif known is not None:
            self._send("done", known)
        elif self._no_probe:
            self._send("failed", message=self._no_probe)
        elif works_at_once():
            self._send("none")
        else:
            self._send("running", message=_PROBING)
            if self._probe_job is None:  # else it is on its way, for an older text
                self._probe_job = Job(
                    lambda job: probe_heads(shown.model, shown.tokenizer, on_progress=_steps(job)),
                    finish=self._finish_probe,
                    report=lambda what, done, total: self._send("running", message=what, done=done, total=total or 0),
                    lock=self._lock,
                    queued=True,
                )
                self._start_later(self._probe_job)

    def _start_later(self, job: Job[HeadProbe]) -> None:
        """Leave the machine to the reader first: nobody waits for evidence, and it takes all cores for seconds."""
        loop = running_loop()

        def start() -> None:
            if job is self._probe_job and not job.stopped:
                job.start()

        if loop is None:
            start()
        else:
            later(_PAUSE, loop, start)

    def _finish_probe(self, job: Job[HeadProbe]) -> None:
        if job is not self._probe_job:
            return  # of the model before
        self._probe_job = None
        try:
            self._send("done", job.result())
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001  (said in the panel; the text's own scores stay)
            self._no_probe = str(error) or type(error).__name__
            self._send("failed", message=self._no_probe)

    def _send(self, state: Any, probe: HeadProbe | None = None, **about: Any) -> None:
        """Send the newest scores, and how far the evidence about the model is."""
        table, shown = self._table, self._shown
        if table is None or shown is None:
            return  # of a newer text, or of another attention: it is on its way
        if shown.selection.attention not in PROBED:
            state, about = "none", {}
        elif probe is not None:
            table = table.with_probe(probe)
        self.table = table
        self._tell(categories(table, shown.selection.attention, shown.run, Probe(state=state, **about)))


def _steps(job: Job[HeadProbe]) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        if done % _STEP == 0:
            job.report(_PROBING, done, total)

    return report
