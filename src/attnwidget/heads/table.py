"""Every head's scores and category, as a user reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from attnwidget.head_id import HeadId
from attnwidget.heads.categories import BUILT_IN, OTHER, SHORTEST, Category, Evidence, all_categories, main_categories
from attnwidget.heads.measure import Statistics, measure
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from attnwidget.heads.grammar import Links
    from attnwidget.heads.probe import HeadProbe
    from attnwidget.trace import AttentionTrace

HERE = "this text"
LONG = 2048  # tokens; of longer texts
SAMPLED = 512  # so many queries are measured
PROBED = {"self", "encoder"}  # the attentions that evidence about the model is of


@dataclass(frozen=True)
class HeadScores:
    """One head."""

    name: str
    """``"L4-H11"``."""
    category: str
    """The main one: the largest score above its threshold, else "Other"."""
    scores: dict[str, float]
    """Of every category, corrected for chance; NaN where not measured."""
    here: dict[str, float]
    """The same on this text alone, where `scores` come from a probe."""

    @property
    def active(self) -> bool:
        """Whether the main category's score reaches its threshold on this text too; True where it comes from it."""
        return self._active

    _active: bool = True


class CategoryTable(Tabular):
    """Scores and categories of all heads of one attention.

    `to_pandas` has a row a head: its layer, head, category, and a column of scores a category.

    Attributes
    ----------
    categories : tuple of Category
        In the order shown.
    scores : Tensor
        float32 (categories, layers, heads), corrected for chance: 0 for an even spread, 1 at most, NaN where not
        measured.
    here : Tensor
        The same, from the text alone.
    sources : dict of str to str
        What each category's scores come from: "this text", a probe, the user's parse, or why there are none.
    notes : dict of str to list of list of str
        Of some categories, what every head's score means, by layer and head.
    chance : dict of str to float
        Mean chance level on this text, where the score has one.
    statistics : Statistics
        What was measured on the text.
    warning : str
        Empty, or what to keep in mind.
    """

    def __init__(
        self,
        categories: Sequence[Category],
        here: Tensor,
        statistics: Statistics,
        *,
        given: dict[str, Evidence] | None = None,
        warning: str = "",
    ) -> None:
        self.categories = tuple(categories)
        self.here = here
        self.statistics = statistics
        self.warning = warning
        self.scores = here.clone()
        self.sources = {}
        self._given = given or {}
        self.notes = {}
        for at, category in enumerate(self.categories):
            self.sources[category.name] = category.absent if bool(here[at].isnan().all()) else HERE
            # a category of the user's own that has a built-in one's name is theirs
            if category.name in self._given and any(category is one for one in BUILT_IN):
                found = self._given[category.name]
                self.scores[at] = found.scores.to(self.scores)
                self.sources[category.name] = found.source
                self.notes[category.name] = found.notes or _notes(category, found, here[at])
        first = statistics.setting.keys.text[statistics.setting.first]
        if self.sources.get("First/Positional") == HERE:
            self.sources["First/Positional"] += f", where {first!r} is the first token"
        self.chance = {}
        for category in self.categories:
            level = statistics.chance.get(category.chance or "")
            if level is not None and not bool(level.isnan().all()):
                self.chance[category.name] = float(level.nanmean())
        self._thresholds = torch.tensor([one.threshold for one in self.categories])
        self._main = main_categories(self.scores, self._thresholds)  # (layers, heads)

    def with_probe(self, probe: HeadProbe) -> CategoryTable:
        """Take Syntactic, Induction and Duplicate-Token from evidence about the model."""
        if probe.shape != tuple(self.here.shape[1:]):
            raise ValueError(
                f"the probe is of {probe.shape} layers and heads, the table of {tuple(self.here.shape[1:])}"
            )
        return self.with_evidence(probe.evidence())

    def with_evidence(self, given: dict[str, Evidence]) -> CategoryTable:
        """Take some categories' scores (layers, heads) from elsewhere; beside each, where it comes from."""
        return CategoryTable(
            self.categories, self.here, self.statistics, given={**self._given, **given}, warning=self.warning
        )

    def __getitem__(self, head: str | tuple[int, int]) -> HeadScores:
        """Return one head, by ``"L4-H11"`` or (4, 11)."""
        name = _read_name(head) if isinstance(head, str) else HeadId.read(head)
        layer, number = name
        _, layers, heads = self.scores.shape
        if not (0 <= layer < layers and 0 <= number < heads):
            raise IndexError(f"head {name} does not exist: {layers} layers × {heads} heads")
        main = int(self._main[layer, number])
        here = self.here[:, layer, number]
        names = [one.name for one in self.categories]
        is_active = main < 0 or bool(here[main] >= self._thresholds[main])
        return HeadScores(
            str(name),
            OTHER if main < 0 else names[main],
            dict(zip(names, self.scores[:, layer, number].tolist(), strict=True)),
            dict(zip(names, here.tolist(), strict=True)),
            is_active,
        )

    def __iter__(self) -> Iterator[HeadScores]:
        """Go through all heads, layer by layer."""
        _, layers, heads = self.scores.shape
        return (self[layer, head] for layer in range(layers) for head in range(heads))

    def __len__(self) -> int:
        return self.scores.shape[1] * self.scores.shape[2]

    def heads(self, category: str, *, main: bool = True) -> list[str]:
        """Return a category's heads, best first.

        Parameters
        ----------
        category : str
            A category's name, or "Other".
        main : bool
            Only those whose main category it is; otherwise all whose score reaches its threshold.
        """
        names = [one.name for one in self.categories]
        if category == OTHER:
            return [str(HeadId(*at)) for at in (self._main < 0).nonzero().tolist()]
        if category not in names:
            raise KeyError(f"no category {category!r}; there are {', '.join([*names, OTHER])}")
        at = names.index(category)
        scores = self.scores[at]  # (layers, heads)
        belongs = self._main == at if main else scores.nan_to_num(-1) >= self._thresholds[at]
        found = sorted(belongs.nonzero().tolist(), key=lambda one: -float(scores[one[0], one[1]]))
        return [str(HeadId(*one)) for one in found]

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return ``{"L4-H11": {"category": …, "queries": …, "scores": {…}}}``.

        "queries" is how many of the text's were measured. NaN becomes None, so that JSON can hold it.
        """
        return {
            one.name: {
                "category": one.category,
                "queries": self.statistics.queries,
                "scores": {name: None if value != value else value for name, value in one.scores.items()},  # noqa: PLR0124
            }
            for one in self
        }

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        names = [one.name for one in self.categories]
        rows = [(*_read_name(one.name), one.category, *one.scores.values()) for one in self]
        caption = f"{len(self)} heads and their scores{self.warning and f': {self.warning}'}"
        return Table(["layer", "head", "category", *names], rows, [one.name for one in self], caption)

    def __repr__(self) -> str:
        counts = [(name, self.heads(name)) for name in [*(one.name for one in self.categories), OTHER]]
        shown = [f"  {name}: {len(heads)}  {', '.join(heads[:6])}{' …' * (len(heads) > 6)}" for name, heads in counts]
        return "\n".join([f"CategoryTable({len(self)} heads)", *shown, *([self.warning] if self.warning else [])])


def categorize(
    trace: AttentionTrace,
    *,
    probe: HeadProbe | None = None,
    deps: str | Links | Sequence[Any] | None = None,
    categories: Sequence[Category] = (),
    attention: str | None = None,
    queries: int | Literal["all"] | None = None,
    on_layer: Callable[[int, int], None] | None = None,
) -> CategoryTable:
    """Score every head on a text, and name its category.

    Parameters
    ----------
    trace : AttentionTrace
        The text's attention.
    probe : HeadProbe, optional
        Evidence about the model itself, from `probe_heads`: Syntactic, Induction and Duplicate-Token come from it.
        Without it Induction and Duplicate-Token come from this text, as far as it repeats tokens.
    deps : optional
        The text's own parse, for Syntactic: CoNLL-U text, a spaCy ``Doc``, triples (dependent, head, relation) of
        token positions, or "spacy" or "stanza" to have the text parsed.
    categories : sequence of Category
        Your own, beside the built-in ones; one of the same name replaces it.
    attention : str, optional
        Which attention, the first by default.
    queries : int or "all", optional
        How many queries are measured, evenly spread; where that is not all of them, the table's warning says so, and
        `statistics.queries`. By default all of a text of up to 2,048 tokens, and 512 of a longer one.
    on_layer : function, optional
        Called with (layers done, layers in all).

    Returns
    -------
    CategoryTable

    Raises
    ------
    ValueError
        If `queries` is neither "all" nor 1 or more.
    """
    from attnwidget.heads.grammar import read_links, syntactic

    name = trace.attentions[0] if attention is None else attention
    those = all_categories(categories)
    patterns = {what: pattern for one in those for what, pattern in (one.patterns or {}).items()}
    n = len(trace.sides(name)[0].text)
    if queries is None:
        queries = SAMPLED if n > LONG else "all"
    if queries != "all" and (isinstance(queries, bool) or not isinstance(queries, int) or queries < 1):
        raise ValueError(f'queries must be 1 or more, or "all", got {queries!r}')
    wanted = None if queries == "all" else queries
    found = measure(trace, patterns, attention=name, queries=wanted, on_layer=on_layer)
    layers, heads = trace.n_layers(name), trace.n_heads(name)
    broken = found.entropy.isnan()  # (layers, heads), NaN among the weights
    here = []
    for one in those:
        scores = torch.as_tensor(one.score(found), dtype=torch.float32).cpu()
        if scores.shape != (layers, heads):
            raise ValueError(f"the score of {one.name} must be ({layers}, {heads}), got {tuple(scores.shape)}")
        here.append(scores.masked_fill(broken, torch.nan))
    warning = f"{n} tokens are few: labels mean little below {SHORTEST}" if n < SHORTEST else ""
    if found.is_sampled:
        warning = f"measured on {found.queries:,} of {n:,} queries, evenly spread"
    table = CategoryTable(those, torch.stack(here), found, warning=warning)
    if probe is not None and name in PROBED:
        table = table.with_probe(probe)
    if deps is None:
        return table
    result = syntactic([(trace, read_links(deps, trace, name))], attention=name)
    return table.with_evidence(
        {"Syntactic": Evidence(result.scores, f"your parse: {result.count} links", result.notes())}
    )


def _notes(category: Category, evidence: Evidence, here: Tensor) -> list[list[str]]:
    """Say where scores come from that are not of this text, and what this text alone gives."""
    does = category.meaning[:1].lower() + category.meaning[1:]

    def note(score: float, own: float) -> str:
        told = f"On {evidence.source}, it {does} " if score >= category.threshold else ""
        return told + (f"{category.absent.capitalize()}." if math.isnan(own) else f"In this text it scores {own:.2f}.")

    rows = zip(evidence.scores.tolist(), here.tolist(), strict=True)
    return [[note(*head) for head in zip(*row, strict=True)] for row in rows]


def _read_name(name: str) -> HeadId:
    try:
        return HeadId.read(name)
    except ValueError as error:  # as of a mapping
        raise KeyError(str(error)) from None
