"""`head_report`: every head's scores over a corpus of any size."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from tqdm.auto import tqdm

from attnwidget.capture.foreign import taken
from attnwidget.capture.support import check
from attnwidget.heads.categories import Category, all_categories
from attnwidget.heads.corpus.kept import KeptScores
from attnwidget.heads.corpus.parquet import ScoreRows
from attnwidget.heads.corpus.running import Running
from attnwidget.heads.corpus.scorer import Ask, Evidence, Scored, Scorer
from attnwidget.heads.corpus.texts import SkippedText, given_texts, peeked, windows
from attnwidget.heads.report import HeadReport

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

LISTED = 100  # skipped texts that a report lists; the others it counts


class Stop(Protocol):
    """What asks for an end: a `threading.Event`, or anything like it."""

    def is_set(self) -> bool:
        """Whether it was asked for."""


class Source(Protocol):
    """Where scores come from: this process, or the workers of a cluster."""

    def header(self) -> dict[str, Any]:
        """Say what the scores are of."""

    def evidence(self) -> Evidence:
        """Return what is known of the model whatever the text."""

    def scored(self, done: KeptScores) -> Iterator[Scored | SkippedText]:
        """Go through the texts; the scores of those that are done are not measured again."""

    def __len__(self) -> int:
        """Count the texts; 0 where that is not known before."""


class Here:
    """Texts measured in this process."""

    def __init__(self, texts: Any, column: str, ask: Ask) -> None:
        if not isinstance(ask.model, str):
            check(taken(ask.model)[0])
        self._count = len(texts) if hasattr(texts, "__len__") else 0
        self._windows = peeked(windows(given_texts(texts, column)))  # what is wrong with them is told first
        self._scorer = Scorer(ask)

    def __len__(self) -> int:
        return self._count

    def header(self) -> dict[str, Any]:
        """Say what the scores are of."""
        return self._scorer.header()

    def evidence(self) -> Evidence:
        """Probe the model."""
        return self._scorer.evidence()

    def scored(self, done: KeptScores) -> Iterator[Scored | SkippedText]:
        """Measure the texts, some hundred at a time, the shortest of them first."""
        for window in self._windows:
            yield from self._scorer.score(window, done)


def head_report(
    model: Any,
    texts: Iterable[Any],
    *,
    tokenizer: Any = None,
    categories: Sequence[Category] = (),
    progress: bool = True,
    resume: str | os.PathLike[str] | None = None,
    queries: int | Literal["all"] | None = None,
    column: str = "text",
    rows: str | os.PathLike[str] | None = None,
    stop: Stop | None = None,
    ray_options: Mapping[str, Any] | None = None,
) -> HeadReport:
    """Score every head over many texts.

    No more than some hundred texts are held at a time, and of their scores only the running mean and spread: a corpus
    may be of any size. A text that is empty, longer than the model's positions or larger than the memory that is free
    is skipped, and told in the report.

    Parameters
    ----------
    model : transformers.PreTrainedModel or str
        Of an encoder–decoder the encoder is scored. A name is loaded as by `load_model`.
    texts : iterable of str, or of rows; or ray.data.Dataset
        A list, a generator (gone through once), a `datasets.Dataset` or anything else of rows with a column of text.
        Ten or more tell something; a text counts once, however long. A `ray.data.Dataset` is measured by Ray's
        workers, one model in each (`pip install "attnwidget[ray]"`).
    tokenizer : optional
        The model's tokenizer. Without it, the one beside the model's weights on this machine.
    categories : sequence of Category
        Your own, beside the built-in ones.
    progress : bool
        Whether to show a progress bar.
    resume : path, optional
        A file where each text's scores are appended as soon as they are there (JSON lines). A report that was
        interrupted goes on from it, and one over more texts measures only the new ones.
    queries : int or "all", optional
        How many queries of each text are measured, as in `categorize`: by default 512 of a text of more than 2,048
        tokens.
    column : str
        Of rows, the column with the text.
    rows : path, optional
        A Parquet file for every text's scores: a row for each text, category, layer and head
        (`pip install "attnwidget[parquet]"`). It is replaced; with `resume` it has those measured before, too.
    stop : threading.Event, optional
        Ends the work after the text that is being measured, once it is set: the report is then of those that are done.
    ray_options : mapping, optional
        For a `ray.data.Dataset`, what `map_batches` takes: `concurrency` (workers; by default as many as the cluster
        has CPUs, or GPUs with `num_gpus`), `num_gpus` (of a worker), `num_cpus`, `batch_size`.

    Returns
    -------
    HeadReport

    Raises
    ------
    ValueError
        If there is no text, or none that can be measured, or `resume` is of another model or other categories.
    TypeError
        If `texts` is one string, or something in it is neither a string nor a row.
    KeyError
        If rows have no such `column`.
    KeyboardInterrupt
        On Ctrl-C, as ever; its message says how many texts are done, and whether they are kept.
    """
    source = _source(texts, column, Ask(model, tokenizer, categories, queries), ray_options)
    those = all_categories(categories)
    header = source.header()
    with (
        KeptScores(resume, header) as kept,
        ScoreRows(rows, [one.name for one in those]) as table,
        tqdm(total=len(source) or None, disable=not progress, unit="text", desc="probing heads") as bar,
    ):
        evidence = source.evidence()
        tally = _Tally((len(those), *evidence.shape))
        bar.set_description("scoring heads")
        try:
            for one in source.scored(kept):
                if isinstance(one, SkippedText):
                    tally.skip(one)
                    bar.set_postfix(skipped=tally.skipped_count, refresh=False)
                else:
                    tokens, scores = _settled(one, kept)
                    tally.count(scores, one.notice)
                    table.add(one.index, one.key, tokens, scores)
                bar.update()
                if stop is not None and stop.is_set():
                    tally.stopped = True
                    break
        except KeyboardInterrupt:
            raise KeyboardInterrupt(tally.told(resume)) from None
        except Exception as error:
            error.add_note(tally.told(resume))
            raise
    tally.check()
    mean, spread = tally.running.mean, tally.running.spread  # (categories, layers, heads)
    for at, scores in evidence.scores.items():
        mean[at], spread[at] = scores, torch.nan
    return HeadReport(
        str(header["model"]),
        those,
        tally.texts,
        mean,
        spread,
        tally.skipped_count,
        tuple(tally.skipped),
        tally.stopped,
    )


def _source(texts: Any, column: str, ask: Ask, ray_options: Mapping[str, Any] | None) -> Source:
    if type(texts).__module__.startswith("ray.data"):
        from attnwidget.heads.corpus.on_ray import OnRay

        return OnRay(texts, column, ask, dict(ray_options or {}))
    if ray_options is not None:
        raise TypeError(f"ray_options are for a ray.data.Dataset; the texts are {type(texts).__name__}")
    return Here(texts, column, ask)


def _settled(one: Scored, kept: KeptScores) -> tuple[int | None, Tensor]:
    """Return a text's tokens and scores: the new ones, which are kept from now on, or those that are kept."""
    if one.scores is None:
        return kept[one.key]
    if one.key not in kept:
        kept.add(one.key, one.tokens, one.scores)
    return one.tokens, one.scores


class _Tally:
    """What is known so far."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.running = Running(shape)
        self.texts = 0
        self.skipped_count = 0
        self.skipped: list[SkippedText] = []
        self.stopped = False
        self._noticed = 0
        self._first_notice = ""

    def count(self, scores: Tensor, notice: str) -> None:
        """Take in a text's scores, (categories, layers, heads), and what a reader should know of it."""
        self.running.add(scores)
        self.texts += 1
        self._noticed += bool(notice)
        self._first_notice = self._first_notice or notice

    def skip(self, one: SkippedText) -> None:
        """Take in that a text could not be measured."""
        self.skipped_count += 1
        if len(self.skipped) < LISTED:
            self.skipped.append(one)

    def told(self, resume: object) -> str:
        """Say how many are done, and where they are."""
        done = "1 text is done" if self.texts == 1 else f"{self.texts:,} texts are done"
        if resume is None:
            return f"{done}; with resume= a file keeps them"
        return f"{done} and kept in {resume}: the same call goes on from there"

    def check(self) -> None:
        """Refuse a report of nothing, and say what a reader should know of the texts."""
        if not self.texts and not self.stopped:
            first = self.skipped[0]
            raise ValueError(
                f"of {self.skipped_count:,} texts none could be measured; the first, {first.start!r}: {first.reason}"
            )
        if self._noticed:
            many = f"Of {self._noticed:,} of {self.texts:,} texts something should be known; of the first: "
            warnings.warn(f"{many if self._noticed > 1 else ''}{self._first_notice}", stacklevel=3)
