"""The heads on screen, scored off the kernel's main thread, and what is sent of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.heads import OTHER, PROBED, all_categories, categorize, known_probe, probe_heads
from attnwidget.jobs import Job, Stopped
from attnwidget.wire import payload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attnwidget.heads import Category, CategoryTable, HeadProbe
    from attnwidget.trace import AttentionTrace

_WHOLE = 2048  # tokens; of longer texts
_QUERIES = 512  # so many are scored
_STEP = 10  # sentences between two messages of progress
_PROBING = "measuring on annotated sentences"


class Scoring:
    """Scores the text on screen, and brings in evidence about the model: at once where it is known, else later.

    Parameters
    ----------
    tell : function
        Called on the main thread with what the browser gets, several times for a text.
    categories : sequence of Category
        The user's own.
    wants_probe : bool
        Whether to look for evidence about the model.
    """

    def __init__(
        self, tell: Callable[[dict[str, Any]], None], categories: Sequence[Category], *, wants_probe: bool
    ) -> None:
        self._tell = tell
        self._own = tuple(categories)
        self._wants_probe = wants_probe
        self._turn = 0  # what was begun in an earlier one is answered no more
        self._table: CategoryTable | None = None
        self._attention = "self"
        self._probe_job: Job[HeadProbe] | None = None
        self._probed: Any = None  # the model of that job
        self._no_probe = ""  # why there is none

    @property
    def names(self) -> list[str]:
        """The categories that there are, "Other" last."""
        return [*(one.name for one in all_categories(self._own)), OTHER]

    def forget(self) -> None:
        """Drop the scores: another text, or another attention, is on screen."""
        self._turn += 1
        self._table = None

    def stop(self) -> None:
        """End what runs."""
        self.forget()
        if self._probe_job is not None:
            self._probe_job.stop()

    def begin(self, trace: AttentionTrace, attention: str, model: Any, tokenizer: Any) -> None:
        """Score a text, on another thread if a kernel is live; `model` is None where there is none."""
        turn = self._turn

        def alive(*_: int) -> None:
            if turn != self._turn:
                raise Stopped

        def finish(job: Job[CategoryTable]) -> None:
            if turn != self._turn:
                return
            try:
                self._table, self._attention = job.result(), attention
            except Exception as error:  # noqa: BLE001  (said in the panel: nobody in Python is waiting)
                self._tell(payload.no_categories(trace, attention, error))
            else:
                self._probe(model, tokenizer)

        is_long = len(trace.sides(attention)[0].text) > _WHOLE
        options: dict[str, Any] = {"categories": self._own, "queries": _QUERIES if is_long else None}
        Job(lambda _: categorize(trace, attention=attention, on_layer=alive, **options), finish=finish).start()

    def _probe(self, model: Any, tokenizer: Any) -> None:
        if model is not self._probed:
            if self._probe_job is not None:
                self._probe_job.stop()
            self._probed, self._probe_job, self._no_probe = model, None, ""
        if not self._wants_probe or model is None or self._attention not in PROBED:
            self._send("none")
            return
        found = known_probe(model)
        if found is not None:
            self._send("done", found)
            return
        if self._no_probe:
            self._send("failed", message=self._no_probe)
            return
        self._send("running", message=_PROBING)
        if self._probe_job is None:  # else it is on its way, for an older text
            self._probe_job = Job(
                lambda job: probe_heads(model, tokenizer, on_progress=_steps(job)),
                finish=self._finish_probe,
                report=lambda what, done, total: self._send("running", message=what, done=done, total=total or 0),
                queued=True,
            )
            self._probe_job.start()

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

    def _send(self, state: str, probe: HeadProbe | None = None, **about: Any) -> None:
        """Send the newest scores, and how far the evidence about the model is."""
        table = self._table
        if table is None:
            return  # of a newer text, or of another attention: it is on its way
        if self._attention not in PROBED:
            state, about = "none", {}
        elif probe is not None:
            table = table.with_probe(probe)
        self._tell(payload.categories(table, {"state": state, "message": "", "done": 0, "total": 0, **about}))


def _steps(job: Job[HeadProbe]) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        if done % _STEP == 0:
            job.report(_PROBING, done, total)

    return report
