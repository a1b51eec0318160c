"""The categories: what each means, where it looks, and from what score on a head belongs to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from attnwidget.heads.patterns import Keys, Offset, Pairs, Pattern, Setting, after_duplicates, duplicates, only
from attnwidget.tokens.labels import encodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    from attnwidget.heads.measure import Statistics

OTHER = "Other"
SHORTEST = 6  # tokens; on a shorter text the labels carry a warning
_FARTHEST = 8  # tokens back or ahead that a fixed offset is looked for
CORRECTED = "Corrected for chance: 0 for a head that spreads evenly, at any length; 1 for one that does nothing else."
MARGIN = "How much more often it is right than the best simple rule: .20 is 20 more in 100."
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Evidence(NamedTuple):
    """Scores of a category that do not come from the text alone."""

    scores: Tensor  # (layers, heads)
    source: str
    notes: list[list[str]] | None = None  # for every layer and head, what the score means


@dataclass(frozen=True)
class Category:
    """A kind of head.

    Parameters
    ----------
    name : str
        As it is shown.
    meaning : str
        One sentence.
    score : function
        From the `Statistics` of a text to every head's score, float (layers, heads): 0 for a head that spreads
        evenly, at most 1, NaN where it cannot be told.
    patterns : mapping of str to Pattern, optional
        What the score needs measured. Names are shared among categories.
    threshold : float
        From which score on a head belongs here.
    scale : str
        What the numbers mean: one sentence.
    chance : str, optional
        The pattern whose chance level is told with the score.
    colour : str, optional
        ``"#rrggbb"``; without it the front end chooses.
    absent : str
        What is said where it cannot be told.
    """

    name: str
    meaning: str
    score: Callable[[Statistics], Tensor]
    patterns: Mapping[str, Pattern] | None = None
    threshold: float = 0.4
    chance: str | None = None
    colour: str | None = None
    absent: str = "not measured on this text"
    scale: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", encodable(self.name))  # as the browser will call it
        if not self.name or self.name == OTHER:
            raise ValueError(f"a category needs a name other than {OTHER!r}, got {self.name!r}")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"the threshold of {self.name} must lie above 0 and up to 1, got {self.threshold}")
        if self.colour is not None and not _COLOUR.fullmatch(self.colour):
            raise ValueError(f'the colour of {self.name} must be written "#rrggbb", got {self.colour!r}')

    @classmethod
    def of_pattern(
        cls,
        name: str,
        meaning: str,
        pattern: Pattern,
        *,
        threshold: float = 0.4,
        colour: str | None = None,
        absent: str = "not measured on this text",
    ) -> Category:
        """Make a category whose score is the weight on one pattern, corrected for chance."""

        def score(found: Statistics) -> Tensor:
            return found.corrected(name)

        return cls(name, meaning, score, {name: pattern}, threshold, name, colour, absent, CORRECTED)


def _first(setting: Setting) -> Tensor:
    return only(setting, setting.first)


def _last(setting: Setting) -> Tensor:
    return only(setting, setting.last)


def _marks(setting: Setting) -> Tensor:
    return setting.marks


# From the third row on: in the second the previous token *is* the first.
_POSITIONS: dict[str, Pattern] = {
    "first": Keys(_first, from_row=2),
    "last": Keys(_last),
    # rows that look back at no first token
    **{f"{by} back": Offset(-by, from_row=by + 1) for by in range(2, _FARTHEST + 1)},
    **{f"{by} ahead": Offset(by) for by in range(2, _FARTHEST + 1)},
}
_ENOUGH = 3  # queries that a fixed offset is told from


def _positional(found: Statistics) -> Tensor:
    """Best of the first key, and, within a text, of the last key and of every fixed offset beyond the neighbours."""
    names = ["first"]
    if found.setting.is_self:
        n = int(found.setting.seen.sum())
        names += [name for name in _POSITIONS if name.endswith("back") and _rows(name, n) >= _ENOUGH]
        if not found.setting.is_causal:
            names += (
                ["last"] if not bool(found.setting.marks[found.setting.last]) else []
            )  # a last [SEP] is a separator
            names += [name for name in _POSITIONS if name.endswith("ahead") and _rows(name, n) >= _ENOUGH]
    scores = torch.stack([found.corrected(name).nan_to_num(-1.0) for name in names])  # (names, layers, heads)
    unknown = torch.stack([found.corrected(name).isnan() for name in names]).all(0)  # (layers, heads)
    return scores.amax(0).masked_fill(unknown, torch.nan)


def _rows(name: str, n: int) -> int:
    by = int(name.partition(" ")[0])
    return n - by - 1 if name.endswith("back") else n - by


def _bag(found: Statistics) -> Tensor:
    """Evenness times flatness: of a head that is half sharp the entropy alone is still high."""
    return found.entropy * (1 - found.peak)


def _from_elsewhere(found: Statistics) -> Tensor:
    """Not from the text: from annotated sentences."""
    return torch.full_like(found.entropy, torch.nan)


BUILT_IN: tuple[Category, ...] = (
    Category.of_pattern("Previous-Token", "Looks at the token just before.", Offset(-1, from_row=2)),
    Category(
        "First/Positional",
        "Looks at the first token, or at a fixed place or distance, whatever stands there.",
        _positional,
        _POSITIONS,
        0.25,
        "first",
        scale=CORRECTED,
    ),
    Category(
        "Bag-of-Words",
        "Spreads its attention evenly over all that it may see.",
        _bag,
        scale="1 for a head that spreads evenly, at any length; 0 for one whose queries each look at one token.",
    ),
    Category(
        "Syntactic",
        "Looks along grammar, as from an object to its verb, more often than any fixed distance explains.",
        _from_elsewhere,
        threshold=0.1,
        absent="needs the model, to run annotated sentences, or a parse of this text",
        scale=MARGIN,
    ),
    Category(
        "Coreference",
        "Looks from a pronoun to the noun that it stands for, more often than simple rules explain.",
        _from_elsewhere,
        threshold=0.15,  # what the best of 144 heads that choose by chance does not reach
        absent="needs the model, to run annotated sentences",
        scale=MARGIN,
    ),
    Category.of_pattern(
        "Induction",
        "Looks at what followed the same token earlier in the text.",
        Pairs(after_duplicates),
        absent="no token of this text comes again",
    ),
    Category.of_pattern(
        "Duplicate-Token",
        "Looks at other occurrences of the same token.",
        Pairs(duplicates),
        absent="no token of this text comes again",
    ),
    Category.of_pattern(
        "Next-Token", "Looks at the token just after.", Offset(1), absent="the mask hides what comes after"
    ),
    Category.of_pattern("Self", "Looks at the token itself.", Offset(0)),
    Category.of_pattern(
        "Separator/Punctuation",
        "Looks at punctuation and at special tokens other than the first.",
        Keys(_marks),
        absent="no punctuation in this text",
    ),
)


def all_categories(more: Iterable[Category] = ()) -> tuple[Category, ...]:
    """Return the built-in categories and the user's; one of the same name takes the built-in's place."""
    own = {category.name: category for category in more}
    return tuple(own.pop(one.name, one) for one in BUILT_IN) + tuple(own.values())


def main_categories(scores: Tensor, thresholds: Tensor) -> Tensor:
    """Choose for every head the category with the largest score above its threshold.

    Parameters
    ----------
    scores : Tensor
        (categories, layers, heads), NaN where not measured.
    thresholds : Tensor
        (categories,).

    Returns
    -------
    Tensor
        int64 (layers, heads), -1 for none.
    """
    counted = scores.nan_to_num(-torch.inf)  # (categories, layers, heads)
    counted = counted.masked_fill(counted < thresholds[:, None, None], -torch.inf)
    best, which = counted.max(0)  # (layers, heads)
    return which.masked_fill(best == -torch.inf, -1)
