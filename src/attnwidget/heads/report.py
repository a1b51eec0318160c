"""Every head's scores over many texts: mean and spread."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from tqdm.auto import tqdm

from attnwidget.capture import capture
from attnwidget.capture.inputs import find_tokenizer
from attnwidget.capture.support import check
from attnwidget.capture.wrappers import core_of
from attnwidget.head_id import HeadId
from attnwidget.heads.categories import BUILT_IN, OTHER, Category, all_categories, main_categories
from attnwidget.heads.probe import checksum, probe_heads
from attnwidget.heads.table import categorize
from attnwidget.models import describe_model
from attnwidget.replacing import replacing
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from torch import Tensor

VERSION = 1


@dataclass(frozen=True)
class HeadReport(Tabular):
    """Scores over texts; NaN where not measured on any.

    `to_pandas` has a row a head: its category, and mean and spread of every score.

    Attributes
    ----------
    model : str
        Of what.
    categories : tuple of Category
        In order.
    texts : int
        How many.
    mean, spread : Tensor
        float32 (categories, layers, heads): mean over texts and standard deviation between them. Syntactic, Induction
        and Duplicate-Token are of the model itself (`probe_heads`), and have no spread.
    """

    model: str
    categories: tuple[Category, ...]
    texts: int
    mean: Tensor
    spread: Tensor

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return ``{"L4-H11": {"category": …, "mean": {…}, "spread": {…}}}``; what is not measured is None."""
        thresholds = torch.tensor([one.threshold for one in self.categories])
        names = [one.name for one in self.categories]
        main = main_categories(self.mean, thresholds)  # (layers, heads)
        out = {}
        for layer, head in torch.cartesian_prod(*map(torch.arange, main.shape)).tolist():
            at = int(main[layer, head])
            out[str(HeadId(layer, head))] = {
                "category": OTHER if at < 0 else names[at],
                **{
                    what: {
                        name: None if value != value else round(value, 4)  # noqa: PLR0124  (NaN)
                        for name, value in zip(names, tensor[:, layer, head].tolist(), strict=True)
                    }
                    for what, tensor in (("mean", self.mean), ("spread", self.spread))
                },
            }
        return out

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        by_head = self.to_dict()
        names = [(what, one.name) for what in ("mean", "spread") for one in self.categories]
        rows = [(one["category"], *(one[what][name] for what, name in names)) for one in by_head.values()]
        caption = f"{self.model}: mean and spread of the heads' scores over {self.texts:,} texts"
        return Table(["category", *names], rows, [*by_head], caption)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` as a JSON file."""
        about = {"version": VERSION, "model": self.model, "texts": self.texts, "heads": self.to_dict()}
        with replacing(path) as part:
            part.write_text(json.dumps(about, indent=1), encoding="utf-8")


def head_report(
    model: Any,
    texts: Iterable[str],
    *,
    tokenizer: Any = None,
    categories: Sequence[Category] = (),
    progress: bool = True,
    resume: str | os.PathLike[str] | None = None,
    queries: int | Literal["all"] | None = None,
) -> HeadReport:
    """Score every head over many texts.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Of an encoder–decoder the encoder is scored.
    texts : iterable of str
        Ten or more tell something; a text counts once, however long.
    tokenizer : optional
        The model's tokenizer. Without it, the one beside the model's weights on this machine.
    categories : sequence of Category
        Your own, beside the built-in ones.
    progress : bool
        Whether to show a progress bar.
    resume : path, optional
        A JSON file where each text's scores are kept as soon as they are there. A report that was interrupted goes on
        from it, and one over more texts measures only the new ones.
    queries : int or "all", optional
        How many queries of each text are measured, as in `categorize`: by default 512 of a text of more than 2,048
        tokens.

    Returns
    -------
    HeadReport

    Raises
    ------
    ValueError
        If there is no text, or `resume` is of another model or other categories.
    TypeError
        If `texts` is one string, or something in it is none.
    """
    check(model)
    if isinstance(texts, str):
        raise TypeError(f"texts must be a list of texts, got one string, {texts[:40]!r}; pass [text]")
    listed = list(texts)
    strange = next((one for one in listed if not isinstance(one, str)), "")
    if not isinstance(strange, str):
        raise TypeError(f"texts must be strings, got {type(strange).__name__}")
    if not listed:
        raise ValueError("a report needs at least one text")
    those = all_categories(categories)
    tokenizer = find_tokenizer(model) if tokenizer is None else tokenizer
    has_decoder = bool(core_of(model).config.is_encoder_decoder)
    attention = "encoder" if has_decoder else "self"
    done = _Done(
        resume,
        {
            "version": VERSION,
            "model": describe_model(model),
            "weights": f"{checksum(model):.6g}",
            "categories": [one.name for one in those],
            **({} if queries is None else {"queries": queries}),
        },
    )
    with tqdm(total=len(listed) + 1, disable=not progress, unit="text", desc="scoring heads") as bar:
        for text in listed:
            if text not in done:
                trace = capture(
                    model, text, text_target=text if has_decoder else None, tokenizer=tokenizer, values=False
                )
                table = categorize(trace, categories=categories, attention=attention, queries=queries)
                done.add(text, table.here)
            bar.update()
        found = torch.stack([done[text] for text in listed])  # (texts, categories, layers, heads)
        probe = probe_heads(model, tokenizer)
        bar.update()
    mean = found.nanmean(0)  # (categories, layers, heads)
    spread = (found - mean).square().nanmean(0).sqrt()  # (categories, layers, heads)
    for name, found_elsewhere in probe.evidence().items():
        at = [one.name for one in those].index(name)
        if not any(those[at] is one for one in BUILT_IN):
            continue  # the user's own of that name
        mean[at], spread[at] = found_elsewhere.scores, torch.nan
    return HeadReport(describe_model(model), those, len(listed), mean, spread)


class _Done:
    """The scores of the texts that are done, kept in a file where one is wanted."""

    def __init__(self, path: str | os.PathLike[str] | None, about: dict[str, Any]) -> None:
        self._path = None if path is None else Path(path)
        self._about = about
        self._scores: dict[str, Any] = {}
        if self._path is not None and self._path.exists():
            try:
                saved = json.loads(self._path.read_text(encoding="utf-8"))
                self._scores = saved.pop("scores")
            except (KeyError, AttributeError, json.JSONDecodeError) as error:
                raise ValueError(f"{path} is no report that could be resumed ({error})") from error
            if saved != about:
                raise ValueError(f"{path} is of {saved}, not of {about}; give another file")

    def __contains__(self, text: str) -> bool:
        return _key(text) in self._scores

    def __getitem__(self, text: str) -> Tensor:
        listed = self._scores[_key(text)]
        return torch.tensor([[[torch.nan if x is None else x for x in row] for row in one] for one in listed])

    def add(self, text: str, scores: Tensor) -> None:
        listed = [[[None if x != x else x for x in row] for row in one] for one in scores.tolist()]  # noqa: PLR0124
        self._scores[_key(text)] = listed
        if self._path is not None:
            with replacing(self._path) as part:  # a whole file always stands there
                part.write_text(json.dumps(self._about | {"scores": self._scores}), encoding="utf-8")


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
