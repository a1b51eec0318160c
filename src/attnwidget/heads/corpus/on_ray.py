"""A corpus on many machines: Ray Data brings the texts to workers that have a model each, and their scores back.

What is done with the scores is the same as in one process (`attnwidget.heads.corpus.run`), and done where the report is
asked for. A worker that is killed is started anew by Ray, and gets again what it had not handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import ray
import torch
from ray.data import ActorPoolStrategy

from attnwidget.capture.support import check
from attnwidget.heads.corpus.scorer import Ask, Evidence, Scored, Scorer
from attnwidget.heads.corpus.texts import SkippedText, by_length, given_texts
from attnwidget.models import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attnwidget.heads.corpus.kept import KeptScores

_BATCH = 64  # texts that a worker takes at once, and hands in together
_RESULTS = pa.schema(
    [
        ("key", pa.string()),  # empty for a text that was skipped
        ("tokens", pa.int32()),
        ("scores", pa.binary()),  # float32 (categories, layers, heads); null where they are known already
        ("notice", pa.string()),
        ("start", pa.string()),
        ("reason", pa.string()),
    ]
)


class OnRay:
    """Texts measured by the workers of a Ray cluster.

    Parameters
    ----------
    texts : ray.data.Dataset
        With a column of text.
    column : str
        Its name.
    ask : Ask
        The model, which goes into Ray's object store once, or its name, by which every worker loads it.
    options : dict
        What `map_batches` takes.
    """

    def __init__(self, texts: Any, column: str, ask: Ask, options: dict[str, Any]) -> None:
        if not isinstance(ask.model, str):
            check(ask.model)
        names = texts.columns() or []
        if not names:
            raise ValueError("a report needs at least one text")
        if column not in names:
            raise KeyError(f"the rows have no column {column!r}, but {', '.join(names)}; pass column=")
        self._texts, self._column = texts.select_columns([column]), column
        self._options = _pool({"batch_size": _BATCH, "num_cpus": 1, **options})
        self._ask = ray.put(ask)
        if isinstance(ask.model, str):  # it may not fit where the report is asked for
            needs = {name: self._options[name] for name in ("num_cpus", "num_gpus") if name in self._options}
            self._header, self._evidence = ray.get(ray.remote(**needs)(_about).remote(self._ask))
        else:
            self._header, self._evidence = _about(ask)

    def __len__(self) -> int:
        return 0  # to count them may be to compute them

    def header(self) -> dict[str, Any]:
        """Say what the scores are of."""
        header: dict[str, Any] = self._header
        return header

    def evidence(self) -> Evidence:
        """Return what is known of the model whatever the text."""
        evidence: Evidence = self._evidence
        return evidence

    def scored(self, done: KeptScores) -> Iterator[Scored | SkippedText]:
        """Let the workers measure the texts, and go through what they hand in, in the order of the texts."""
        results = self._texts.map_batches(
            _Worker,
            fn_constructor_args=(self._ask, ray.put(done.keys()), self._column),
            batch_format="pyarrow",
            **self._options,
        )
        context = results.context  # of this dataset alone
        context.execution_options.preserve_order = True
        context.enable_progress_bars = context.print_on_execution_start = False  # there is one bar already
        index = 0
        for batch in results.iter_batches(batch_size=None, batch_format="pyarrow"):
            for row in batch.to_pylist():
                yield self._read(row, index)
                index += 1

    def _read(self, row: dict[str, Any], index: int) -> Scored | SkippedText:
        if not row["key"]:
            return SkippedText(index, row["start"], row["reason"])
        scores = row["scores"]
        if scores is not None:
            flat = torch.from_numpy(np.frombuffer(scores, dtype=np.float32).copy())
            scores = flat.reshape(-1, *self._evidence.shape)  # (categories, layers, heads)
        return Scored(index, row["key"], row["tokens"], scores, row["notice"])


class _Worker:
    """One model in a process of its own."""

    def __init__(self, ask: Any, done: Any, column: str) -> None:
        self._scorer = _scorer(ray.get(ask))
        self._done = ray.get(done)
        self._column = column

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Measure a batch of texts, a row for each in their order."""
        texts = list(given_texts(batch[self._column].to_pylist(), self._column))
        rows: list[dict[str, Any]] = [{}] * len(texts)
        for one in self._scorer.score(by_length(texts), self._done):
            rows[one.index] = _row(one)
        return pa.Table.from_pylist(rows, schema=_RESULTS)


def _row(one: Scored | SkippedText) -> dict[str, Any]:
    if isinstance(one, SkippedText):
        return {"key": "", "start": one.start, "reason": one.reason}
    packed = None if one.scores is None else one.scores.numpy().tobytes()
    return {"key": one.key, "tokens": one.tokens, "scores": packed, "notice": one.notice}


def _scorer(ask: Ask) -> Scorer:
    model, tokenizer = ask.model, ask.tokenizer
    if isinstance(model, str):
        model, tokenizer = load_model(model, tokenizer=tokenizer)
    if ray.get_gpu_ids():
        model.to("cuda")
    return Scorer(ask._replace(model=model, tokenizer=tokenizer))


def _about(ask: Ask) -> tuple[dict[str, Any], Evidence]:
    """Find out what the report says of the model itself."""
    scorer = _scorer(ask)
    return scorer.header(), scorer.evidence()


def _pool(options: dict[str, Any]) -> dict[str, Any]:
    """Say how many workers there are: as many as asked for, or as many as the cluster has room for."""
    if "compute" in options:
        return options
    wanted = options.pop("concurrency", None)
    if wanted is None:
        name, each = ("GPU", options["num_gpus"]) if options.get("num_gpus") else ("CPU", options["num_cpus"])
        room = int(ray.cluster_resources().get(name, 0) // each) if each else 1
        wanted = (1, max(1, room))
    if isinstance(wanted, int):
        return {**options, "compute": ActorPoolStrategy(size=wanted)}
    least, most = wanted
    return {**options, "compute": ActorPoolStrategy(min_size=least, max_size=most)}
