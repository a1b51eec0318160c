"""Texts captured, short ones several in a pass, and every head's scores taken from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from attnwidget.capture.batch import capture_batch
from attnwidget.capture.errors import CaptureError, UnsupportedModelError
from attnwidget.capture.foreign import taken
from attnwidget.capture.inputs import find_tokenizer
from attnwidget.capture.support import check, input_device
from attnwidget.capture.wrappers import core_of
from attnwidget.heads.categories import BUILT_IN, Category, all_categories
from attnwidget.heads.corpus.texts import NO_TEXT, Given, SkippedText, batches
from attnwidget.heads.probe import checksum, probe_heads
from attnwidget.heads.table import categorize
from attnwidget.models import describe_model, load_model

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from torch import Tensor

    from attnwidget.trace import AttentionTrace

VERSION = 2  # of the file that scores are kept in
TOGETHER = 1_000  # letters of one pass; of longer texts each costs a CPU less by itself (benchmarks/corpus.py)
TOGETHER_ON_GPU = 16_000


@dataclass(frozen=True, slots=True)
class Scored:
    """A text that was measured."""

    index: int
    key: str
    tokens: int | None = None
    scores: Tensor | None = None  # float32 (categories, layers, heads); None where they are known already
    notice: str = ""  # what a reader should know of the text


class Evidence(NamedTuple):
    """What is known of a model whatever the text."""

    shape: tuple[int, int]  # (layers, heads)
    scores: dict[int, Tensor]  # by the category's number, (layers, heads)


class Ask(NamedTuple):
    """A model, or the name that it is loaded by, and what is asked of its heads."""

    model: Any
    tokenizer: Any = None
    categories: Sequence[Category] = ()
    queries: int | Literal["all"] | None = None


class Scorer:
    """A model at work."""

    def __init__(self, ask: Ask) -> None:
        self.model, self.tokenizer, self.categories, self.queries = ask
        if isinstance(self.model, str):
            self.model, self.tokenizer = load_model(self.model, tokenizer=self.tokenizer)
        self.model, self.tokenizer = taken(self.model, self.tokenizer)
        check(self.model)
        if self.tokenizer is None:
            self.tokenizer = find_tokenizer(self.model)
        self._has_decoder = bool(core_of(self.model).config.is_encoder_decoder)
        self._letters = TOGETHER if input_device(self.model).type == "cpu" else TOGETHER_ON_GPU

    def header(self) -> dict[str, Any]:
        """Say what the scores are of: scores under another header are other scores."""
        return {
            "version": VERSION,
            "model": describe_model(self.model),
            "weights": f"{checksum(self.model):.6g}",
            "categories": [one.name for one in all_categories(self.categories)],
            **({} if self.queries is None else {"queries": self.queries}),
        }

    def evidence(self) -> Evidence:
        """Probe the model, unless it has been before."""
        probe = probe_heads(self.model, self.tokenizer)
        those = all_categories(self.categories)
        at = {one.name: number for number, one in enumerate(those) if any(one is own for own in BUILT_IN)}
        found = probe.evidence().items()  # a category of the user's own of that name is scored by their rule
        return Evidence(probe.shape, {at[name]: one.scores for name, one in found if name in at})

    def score(self, texts: Iterable[Given], done: Container[str]) -> Iterator[Scored | SkippedText]:
        """Measure texts, but those that are done; one that cannot be measured is skipped.

        Parameters
        ----------
        texts : iterable of Given
            The shortest first: short ones run several in a pass.
        done : container of str
            Keys.

        Raises
        ------
        UnsupportedModelError
            If it is the model that cannot be captured.
        """
        new: dict[str, list[Given]] = {}  # a text that comes several times is measured once
        for one in texts:
            if one.key in done:
                yield Scored(one.index, one.key)
            elif one.text:
                new.setdefault(one.text, []).append(one)
            else:
                yield one.skipped(NO_TEXT)
        for some in batches([those[0] for those in new.values()], self._letters):
            for first, found in zip(some, self._run(some), strict=True):
                yield found
                yield from (replace(found, index=one.index) for one in new[first.text][1:])

    def _run(self, some: list[Given]) -> Iterator[Scored | SkippedText]:
        """Run texts in one pass; where that fails, each by itself."""
        texts = [one.text for one in some]
        targets = texts if self._has_decoder else None
        try:
            traces = capture_batch(self.model, texts, text_target=targets, tokenizer=self.tokenizer, values=False)
        except UnsupportedModelError:
            raise
        except (CaptureError, MemoryError, torch.OutOfMemoryError) as error:
            if len(some) == 1:
                yield some[0].skipped(str(error).removeprefix("row 0: "))
            else:
                for one in some:
                    yield from self._run([one])
            return
        for one, trace in zip(some, traces, strict=True):
            yield self._score(one, trace)

    def _score(self, one: Given, trace: AttentionTrace) -> Scored:
        attention = "encoder" if self._has_decoder else "self"
        table = categorize(trace, categories=self.categories, attention=attention, queries=self.queries)
        tokens = len(trace.sides(attention)[0].text)
        return Scored(one.index, one.key, tokens, table.here, next(iter(trace.notices), ""))
