"""Every head's scores over many texts: mean and spread."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from attnwidget.head_id import HeadId
from attnwidget.heads.categories import BUILT_IN, OTHER, Category, main_categories
from attnwidget.heads.corpus.texts import SkippedText
from attnwidget.replacing import replacing
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from torch import Tensor

VERSION = 2  # of the saved form; version 1 had four digits, and no more of a category than its name


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
        How many were measured.
    mean, spread : Tensor
        float32 (categories, layers, heads): mean over texts and standard deviation between them. Syntactic,
        Coreference, Induction and Duplicate-Token are of the model itself (`probe_heads`), and have no spread.
    skipped_count : int
        How many texts could not be measured.
    skipped : tuple of SkippedText
        The first 100 of them, each with its `index`, its `start` and the `reason`.
    stopped : bool
        Whether it was stopped before all texts were done.
    """

    model: str
    categories: tuple[Category, ...]
    texts: int
    mean: Tensor
    spread: Tensor
    skipped_count: int = 0
    skipped: tuple[SkippedText, ...] = ()
    stopped: bool = False

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return ``{"L4-H11": {"category": …, "mean": {…}, "spread": {…}}}``; what is not measured is None."""
        return self._by_head(lambda value: round(value, 4))

    def _by_head(self, written: Callable[[float], float]) -> dict[str, dict[str, Any]]:
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
                        name: None if math.isnan(value) else written(value)
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
        caption = f"{self.model}: mean and spread of the heads' scores over {_count(self.texts)}"
        if self.skipped_count:
            caption += f"; {self.skipped_count:,} could not be measured"
        if self.stopped:
            caption += "; stopped before the end"
        return Table(["category", *names], rows, [*by_head], caption)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a JSON file, which `load` reads."""
        about = {
            "version": VERSION,
            "model": self.model,
            "texts": self.texts,
            "skipped_count": self.skipped_count,
            "skipped": [asdict(one) for one in self.skipped],
            "stopped": self.stopped,
            "categories": [
                {name: value for name, value in asdict(one).items() if name not in {"score", "patterns"}}
                for one in self.categories
            ],
            "heads": self._by_head(lambda value: float(f"{value:.9g}")),  # nine digits tell every float32
        }
        with replacing(path) as part:
            part.write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, categories: Sequence[Category] = ()) -> HeadReport:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
            The file.
        categories : sequence of Category
            Your own ones that the report was made with. Without them they are there by name, meaning and threshold,
            but nothing can be scored by them.

        Returns
        -------
        HeadReport
            With the same numbers; of a file of the first version to four digits.

        Raises
        ------
        ValueError
            If it is something else, or of another version.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            _check_version(saved["version"])
            heads = saved["heads"]
            told = saved.get("categories", [{"name": name} for name in next(iter(heads.values()))["mean"]])
            those = tuple(_category(one, categories) for one in told)
            mean, spread = (_stacked(heads, what, [one.name for one in those]) for what in ("mean", "spread"))
            skipped = tuple(SkippedText(**one) for one in saved.get("skipped", ()))
            counts = int(saved["texts"]), int(saved.get("skipped_count", 0))
            return cls(
                str(saved["model"]), those, counts[0], mean, spread, counts[1], skipped, bool(saved.get("stopped"))
            )
        except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no report that attnwidget wrote ({error})") from error


def _count(texts: int) -> str:
    return "1 text" if texts == 1 else f"{texts:,} texts"


def _check_version(version: object) -> None:
    if version not in {1, VERSION}:
        raise ValueError(f"it is of version {version}, and this attnwidget reads 1 and {VERSION}")


def _stacked(heads: dict[str, Any], what: str, names: list[str]) -> Tensor:
    """Read a score of every head and category, (categories, layers, heads)."""
    ids = [HeadId.read(name) for name in heads]
    shape = [1 + max(column) for column in zip(*ids, strict=True)]  # [layers, heads]
    out = torch.full((len(names), *shape), torch.nan)
    for (layer, head), one in zip(ids, heads.values(), strict=True):
        numbers = [one[what][name] for name in names]
        out[:, layer, head] = torch.tensor([torch.nan if number is None else number for number in numbers])
    return out


def _category(told: dict[str, Any], own: Sequence[Category]) -> Category:
    """Find a category by its name; one of the user's own that is not at hand is made anew, without its rule."""
    name = told["name"]
    found = next((one for one in own if one.name == name), None)
    if found is None and (len(told) == 1 or _is_built_in(told)):
        found = next((one for one in BUILT_IN if one.name == name), None)
    if found is None and len(told) == 1:
        raise ValueError(f"the category {name} is none of the built-in ones: pass it, as in categories=[…]")

    def no_rule(_: object) -> NoReturn:
        raise ValueError(f"{name} was read from a report, which keeps its scores but not its rule: pass categories=")

    return found or Category(score=no_rule, **told)


def _is_built_in(told: dict[str, Any]) -> bool:
    return any(all(getattr(one, name) == value for name, value in told.items()) for one in BUILT_IN)
