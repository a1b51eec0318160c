"""From a text to a trace: the model, its runs in the foreground and in the background, their progress and their end."""

from __future__ import annotations

import threading
import time
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from attnwidget import models
from attnwidget.capture.foreign import taken
from attnwidget.capture.generation import check_writes, read_options
from attnwidget.capture.run import capture
from attnwidget.capture.twin import twin
from attnwidget.hosts import is_batch
from attnwidget.session.jobs import Job, Stopped, running_loop
from attnwidget.session.source import Source
from attnwidget.wire.schema import Status, Texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

    from torch.nn import Module

    from attnwidget.capture.generation import Generate
    from attnwidget.examples import Example
    from attnwidget.trace import AttentionTrace

    Report = Callable[[str, int, int | None], None]

T = TypeVar("T")

REPORT_EVERY = 0.25  # seconds between two reports of progress, and before the first
_SHOWN = 90  # characters of what is being written


class Loaded(NamedTuple):
    """A model, ready to run."""

    model: Any
    tokenizer: Any
    is_demo: bool = False  # a bundled one that was loaded here
    is_example: bool = False  # an example's own: nobody has asked it to write
    capture: Callable[..., AttentionTrace] | None = None  # how it is run, if not as usual


class Ran(NamedTuple):
    """What a run gave."""

    trace: AttentionTrace
    texts: Texts
    seconds: float
    loaded: Loaded | None = None  # the model, where it is another than before
    source: Source = Source()  # as far as it has been read


class Runner:
    """Runs a model on texts, one run at a time: a newer one replaces an older.

    Parameters
    ----------
    tokenizer : optional
        The user's own.
    tell : function
        Called with every `Status`.
    lock : RLock
        Held while one run takes the place of another, and while one ends.
    generate : int, mapping or GenerationConfig
        What the model adds to every text, or how it writes a target; as of `capture`.
    """

    def __init__(self, tokenizer: Any, tell: Callable[[Status], None], lock: RLock, generate: Generate = 0) -> None:
        self._generate = generate
        self._writes = bool(read_options(generate))  # raises what there is to raise
        self._enough: threading.Event | None = None  # while the model writes: set, it ends with what there is
        self.loaded: Loaded | None = None
        self.source = Source()
        self._tokenizer = tokenizer
        self._tell = tell
        self._lock = lock
        self._job: Job[Any] | None = None
        self._opened = False  # a model was asked for: no trace is shown that was captured elsewhere
        self.failure: BaseException | None = None  # why there is no first picture

    # -- models -------------------------------------------------------------------------------------------------

    def open(self, model: str | PathLike[str] | Module | None, texts: Texts, adopt: Callable[[Ran], None]) -> None:
        """Get the model and run it: in the background if it must be downloaded first and a kernel is live.

        Raises
        ------
        ModelUnavailable
            For a wrong name, or no network: an error of this very call, wherever the rest happens.
        """
        self._opened = True
        if model is not None and not isinstance(model, (str, PathLike)):
            self.loaded = Loaded(*taken(model, self._tokenizer))
        else:
            name = models.DEFAULT if model is None else model
            if running_loop() is not None and models.needs_download(name):
                models.resolve(str(name))
                self.start(lambda report: self._load_and_run(name, texts, report), adopt, keeps=False)
                return
            # In a plain script nobody draws what is told, but somebody may read it.
            self.loaded = self._load(name, self.report if running_loop() is None else None)
        if self._writes and running_loop() is not None and not is_batch():
            check_writes(self.loaded.model, self._generate)
            # It may take long, and on screen one sees the text grow, and can stop it.
            self.start(lambda report: self.run(texts, report), adopt, keeps=False)
        else:
            adopt(self.run(texts))

    def _load(self, name: str | PathLike[str], report: Report | None = None) -> Loaded:
        tell = None if report is None else lambda at: report(at.stage, at.done, at.total)
        model, tokenizer = models.load_shared(name, tokenizer=self._tokenizer, progress=tell)
        return Loaded(model, tokenizer, is_demo=name in models.BUNDLED and self._tokenizer is None)

    def _load_and_run(self, name: str | PathLike[str], texts: Texts, report: Report) -> Ran:
        loaded = self._load(name, report)
        try:
            return self.run(texts, report, loaded)._replace(loaded=loaded)
        except Exception:
            self.loaded = loaded  # another text may be tried
            raise

    # -- runs ---------------------------------------------------------------------------------------------------

    def run(
        self,
        texts: Texts,
        report: Report | None = None,
        loaded: Loaded | None = None,
        source: Source | None = None,
        generate: Generate | None = None,
    ) -> Ran:
        """Run the model once, on this thread; on what the first text was made from, as long as it still reads so.

        With `generate`, in place of what is wanted of all texts.

        On any other thread than the main one, where a user's cell may be using the model at this moment, a twin of it
        runs.
        """
        loaded, given = loaded or self.loaded, source or self.source
        if loaded is None:
            why = (
                "this widget shows attention captured earlier"
                if not self._opened
                else "the model is still loading"
                if self.failure is None
                else f"the model could not be had ({_said(self.failure)})"
            )
            raise ValueError(f"{why}; there is no model to run a new text")
        report = report or self.report
        begun = reported = time.monotonic()
        enough = threading.Event()

        def on_layer(done: int, total: int) -> None:
            nonlocal reported
            self._forget(enough)
            if time.monotonic() - reported > REPORT_EVERY:
                report("running the model", done, total)
                reported = time.monotonic()

        def on_token(written: str, count: int, most: int) -> bool:
            nonlocal reported
            if time.monotonic() - reported > REPORT_EVERY:
                report(f"writing token {count + 1} of up to {most}: {_end_of(written)}", count, most)
                reported = time.monotonic()
                self._enough = enough  # from now on one sees what a stop would keep
            return enough.is_set()

        is_main = threading.current_thread() is threading.main_thread()
        try:
            trace = (loaded.capture or capture)(
                loaded.model if is_main else twin(loaded.model),
                **given.arguments(texts),
                tokenizer=loaded.tokenizer,
                generate=self._wanted(loaded, texts) if generate is None else generate,
                on_layer=on_layer,
                on_token=on_token,
            )
        finally:
            self._forget(enough)
        read, texts = given.read(trace, loaded.model, loaded.tokenizer, texts)
        if source is None:
            self.source = read
        return Ran(trace, texts, time.monotonic() - begun, source=read)

    def _wanted(self, loaded: Loaded, texts: Texts) -> Generate:
        """Return what is to be written: nothing where it is given, or by an example's model that cannot."""
        cannot = loaded.is_example and not loaded.model.can_generate()
        return 0 if texts.text_target or cannot else self._generate

    def _forget(self, enough: threading.Event) -> None:
        """Nothing is written any more, unless a newer run writes already."""
        if self._enough is enough:
            self._enough = None

    def run_example(self, example: Example, report: Report | None = None) -> Ran:
        """Load an example's own model and run it."""
        report = report or self.report
        model, tokenizer = models.load_shared(example.model, progress=lambda at: report(at.stage, at.done, at.total))
        loaded = Loaded(model, tokenizer, is_demo=True, is_example=True)
        return self.run(Texts(text=example.text), report, loaded, Source(), generate=0)._replace(loaded=loaded)

    def start(self, work: Callable[[Report], T], adopt: Callable[[T], None], *, keeps: bool) -> None:
        """Work in the background; what was running before is stopped and its result forgotten.

        Parameters
        ----------
        work : function
            Takes a function to report progress to.
        adopt : function
            Gets what that returned; what it raises is told like a failure of the run.
        keeps : bool
            Whether a picture stands that stays when the run is stopped.
        """

        def finish(job: Job[T]) -> None:
            if job is not self._job:
                return  # replaced by a newer text
            self._job = None
            try:
                adopt(job.result())
            except Exception as error:  # noqa: BLE001  (shown in the widget: nobody in Python is waiting)
                if not keeps:
                    self.failure = error
                if keeps and isinstance(error, Stopped):
                    self.halt()
                else:
                    self.fail(error)
            except BaseException:  # Ctrl-C
                self.halt()
                raise

        with self._lock:
            self.drop()
            job = self._job = Job(lambda job: work(job.report), report=self.report, finish=finish, lock=self._lock)
        job.start()

    def stop(self) -> None:
        """Ask what runs to end; a model that writes ends with what it has written."""
        enough = self._enough
        if enough is None or enough.is_set():
            self.drop()
        else:
            enough.set()

    def drop(self) -> None:
        """Ask what runs to end, whatever it has done."""
        job = self._job  # another thread may be ending it
        if job is not None:
            job.stop()

    def replace(self) -> None:
        """Stop what runs, and forget it: something newer is coming."""
        with self._lock:
            self.drop()
            self._job = None

    def settle(self) -> None:
        """Wait for what runs."""
        job = self._job
        if job is not None:
            job.settle()

    def report(self, message: str, done: int, total: int | None) -> None:
        """Tell how far a run is."""
        has_model = self.loaded is not None
        self._tell(Status(state="loading", message=message, done=done, total=total, editable=has_model))

    def rest(self) -> None:
        """Tell that nothing runs, and the picture stands."""
        self._tell(Status(state="ready"))

    def halt(self) -> None:
        """Tell that a run was stopped, and that the picture before it stays."""
        self._tell(Status(state="ready", message="stopped"))

    def fail(self, error: Exception) -> None:
        """Tell why there is no new picture."""
        self._tell(Status(state="error", message=_said(error), editable=self.loaded is not None))


def _end_of(text: str) -> str:
    """Return the end of a text on one line, as much as there is room for."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"…{text[-_SHOWN:]}"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
