"""Does a head look from a pronoun to what it stands for? Annotated sentences, several nouns before each pronoun.

After Clark et al. 2019, "What does BERT look at?", section 6: which of the nouns gets most of the pronoun's attention,
against rules that know nothing of the pronoun. To their rule, the nearest noun, two are added: the first noun, and the
noun that the head favours whatever it looks from. A head that always looks at the subject resolves no pronoun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from attnwidget.heads.by_word import align, margin, placed, weights_by_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from attnwidget.heads.conllu import Sentence
    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace

_NOUNS = {"NOUN", "PROPN"}


class Pronoun(NamedTuple):
    """A pronoun and the nouns before it; numbers are places of words in the sentence."""

    words: list[list[int]]
    """The tokens of every word."""
    pronoun: int
    nouns: list[int]
    antecedent: int

    @classmethod
    def of(cls, sentence: Sentence, tokens: Tokens) -> Pronoun:
        """Find an annotated sentence's words in a text's tokens."""
        antecedent, pronoun = (word for word, entity in enumerate(sentence.entities) if entity)
        nouns = [word for word in range(pronoun) if sentence.tags[word] in _NOUNS]
        return cls(align(sentence.words, tokens), pronoun, nouns, antecedent)


@dataclass(frozen=True)
class Coreference:
    """How often each head finds what a pronoun stands for.

    Attributes
    ----------
    count : int
        Number of pronouns.
    nearest, first : float
        How often the nearest noun before the pronoun is right, and how often the first.
    favourite : Tensor
        How often the noun is right that the head favours without the pronoun: the one that the other words of the
        sentence attend to most, as far as they see all nouns and are none of them. float32 (layers, heads).
    accuracy : Tensor
        How often the noun is right that the pronoun attends to most, float32 (layers, heads).
    """

    count: int
    nearest: float
    first: float
    favourite: Tensor
    accuracy: Tensor

    @property
    def baseline(self) -> Tensor:
        """The best of the three rules, (layers, heads)."""
        return self.favourite.clamp(min=max(self.nearest, self.first))

    @property
    def scores(self) -> Tensor:
        """Accuracy above the best rule, (layers, heads); NaN where pronouns are too few."""
        return margin(self.accuracy, self.baseline, torch.tensor(self.count))

    def notes(self) -> list[list[str]]:
        """Say for every layer and head what its score means."""
        rules = f"the nearest noun is right in {self.nearest:.0%}, the first in {self.first:.0%}"

        def note(score: float, right: float, favourite: float) -> str:
            if score != score:  # noqa: PLR0124  (NaN)
                return ""
            return (
                f"From a pronoun its strongest noun is what is meant in {right:.0%} of {self.count} sentences; "
                f"{rules}, and the one that it favours anyway in {favourite:.0%}."
            )

        numbers = zip(self.scores.tolist(), self.accuracy.tolist(), self.favourite.tolist(), strict=True)
        return [[note(*head) for head in zip(*layer, strict=True)] for layer in numbers]

    @classmethod
    def unknown(cls, layers: int, heads: int) -> Coreference:
        """Say nothing, of a model that no sentence fits."""
        return cls(0, torch.nan, torch.nan, *torch.full((2, layers, heads), torch.nan))


def coreferent(
    examples: Iterable[tuple[AttentionTrace, Pronoun]], *, attention: str | None = None
) -> Coreference | None:
    """Look which noun every head's pronouns attend to most.

    Parameters
    ----------
    examples : iterable of (AttentionTrace, Pronoun)
        Texts of one model. Each is dropped before the next is asked for.
    attention : str, optional
        Which attention, the first by default.

    Returns
    -------
    Coreference or None
        None where no pronoun sees its nouns.
    """
    rules: list[tuple[bool, bool]] = []
    hits: list[Tensor] = []  # (2, layers, heads) each: of the pronoun, of the other words
    for trace, example in examples:
        words = placed(example.words)
        if not {example.pronoun, *example.nouns} <= words.number.keys():
            continue
        pronoun, antecedent = words.number[example.pronoun], example.nouns.index(example.antecedent)
        nouns = [words.number[noun] for noun in example.nouns]
        is_other = torch.ones(len(words.number), dtype=torch.bool)
        is_other[[pronoun, *nouns]] = False
        layers = []
        for merged, visible in weights_by_word(trace, words, attention):  # (heads, words, words)
            sees_all = visible[..., nouns].all(-1)  # (heads, words)
            if not sees_all[:, pronoun].all():
                break
            to_nouns = merged[..., nouns]  # (heads, words, nouns)
            others = to_nouns.masked_fill(~(sees_all & is_other)[..., None], 0).sum(1)  # (heads, nouns)
            found = torch.stack([to_nouns[:, pronoun], others])  # (2, heads, nouns)
            hit = (found.argmax(-1) == antecedent).float()  # (2, heads)
            layers.append(hit.masked_fill(found.isnan().any(-1), torch.nan))
        else:
            hits.append(torch.stack(layers, 1))
            rules.append((antecedent == len(nouns) - 1, antecedent == 0))
    if not hits:
        return None
    accuracy, favourite = torch.stack(hits).mean(0)  # (layers, heads) each
    nearest, first = torch.tensor(rules).float().mean(0).tolist()
    return Coreference(len(hits), nearest, first, favourite, accuracy)
