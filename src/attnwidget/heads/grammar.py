"""Does a head look along grammar? Its strongest key against dependency links, word by word.

Accuracy of the strongest key for each relation and direction, less that of the best fixed distance
on the same links: Clark et al. 2019, "What does BERT look at?", section 5; Voita et al. 2019,
"Analyzing multi-head self-attention", section 5. Links that the mask hides are left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from attnwidget.head_id import HeadId
from attnwidget.heads import conllu
from attnwidget.heads.by_word import ENOUGH, Words, align, margin, placed, weights_by_word
from attnwidget.heads.relations import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace

ANY = "any relation"
DIRECTIONS = ("to its head", "to its dependent")
_FEW = 5  # links that all relations together are told from
_LEFT_OUT = {"punct", "root"}


class NoLinksError(ValueError):
    """None of the links joins two words of a text."""


class Links(NamedTuple):
    """Words of a text as token positions, and each one's head."""

    words: list[list[int]]
    heads: list[int]  # -1 for none
    relations: list[str]


@dataclass(frozen=True)
class Syntax:
    """What the links say of every head.

    Attributes
    ----------
    groups : list of (relation, direction)
        Both directions of every relation, `ANY` among them.
    counts : Tensor
        Number of links, (groups,).
    baseline : Tensor
        Accuracy of the best fixed distance in words, (groups,).
    accuracy : Tensor
        float32 (groups, layers, heads).
    """

    groups: list[tuple[str, str]]
    counts: Tensor
    baseline: Tensor
    accuracy: Tensor

    @property
    def count(self) -> int:
        """Number of links that were used."""
        return sum(int(n) for (relation, _), n in zip(self.groups, self.counts, strict=True) if relation == ANY)

    @property
    def margins(self) -> Tensor:
        """Accuracy less the best fixed distance's, (groups, layers, heads); NaN where links are too few."""
        needed = torch.tensor([_FEW if relation == ANY else ENOUGH for relation, _ in self.groups])
        return margin(self.accuracy, *(one[:, None, None] for one in (self.baseline, self.counts, needed)))

    @property
    def scores(self) -> Tensor:
        """Best margin over relations and directions, (layers, heads); NaN without links."""
        margins = self.margins
        if not self.groups:
            return self.accuracy.new_full(self.accuracy.shape[1:], torch.nan)
        best = margins.nan_to_num(-torch.inf).amax(0)  # (layers, heads)
        return best.masked_fill(margins.isnan().all(0), torch.nan)

    def best(self, layer: int, head: int) -> tuple[str, str, float, float, int]:
        """Return a head's best relation: relation, direction, accuracy, baseline, links."""
        at = int(self.margins[:, layer, head].nan_to_num(-torch.inf).argmax())
        accuracy = float(self.accuracy[at, layer, head])
        return (*self.groups[at], accuracy, float(self.baseline[at]), int(self.counts[at]))

    def notes(self) -> list[list[str]]:
        """Say for every layer and head what its score means."""
        _, layers, heads = self.accuracy.shape
        unknown = self.scores.isnan()

        def note(layer: int, head: int) -> str:
            if unknown[layer, head]:
                return ""
            relation, direction, accuracy, baseline, count = self.best(layer, head)
            here, there = in_words(relation, direction)
            return (
                f"From {here} its strongest key is {there} in {accuracy:.0%} of {count} cases; a fixed distance would "
                f"be right in {baseline:.0%}."
            )

        return [[note(layer, head) for head in range(heads)] for layer in range(layers)]

    def by_relation(self) -> list[tuple[str, str, str, float, float, int]]:
        """Return for every relation its direction, best head, accuracy, baseline and links; best margin first."""
        rows = []
        for at, (relation, direction) in enumerate(self.groups):
            margins = self.margins[at]  # (layers, heads)
            if margins.isnan().all():
                continue
            head = HeadId(*divmod(int(margins.nan_to_num(-torch.inf).argmax()), margins.shape[1]))
            accuracy = float(self.accuracy[at, *head])
            rows.append((relation, direction, str(head), accuracy, float(self.baseline[at]), int(self.counts[at])))
        return sorted(rows, key=lambda row: row[4] - row[3])


def syntactic(examples: Iterable[tuple[AttentionTrace, Links]], *, attention: str | None = None) -> Syntax:
    """Compare every head's strongest keys with the links of some texts.

    Parameters
    ----------
    examples : iterable of (AttentionTrace, Links)
        Texts of one model. Each is dropped before the next is asked for.
    attention : str, optional
        Which attention, the first by default.
    """
    numbers: dict[tuple[str, str], int] = {}
    distances: list[Counter[int]] = []
    right: Tensor | None = None  # (layers, heads, groups)
    for trace, links in examples:
        words = placed(links.words)
        kept = _kept(links, words)
        pairs = [  # (query, key, group)
            (query, key, numbers.setdefault((name, direction), len(numbers)))
            for dependent, head, relation in kept
            for direction, query, key in zip(DIRECTIONS, (dependent, head), (head, dependent), strict=True)
            for name in (relation, ANY)
        ]
        distances += [Counter() for _ in range(len(numbers) - len(distances))]
        hits, seen = [], []
        for merged, visible in weights_by_word(trace, words, attention) if pairs else ():  # (heads, words, words)
            query, key, group = torch.tensor(pairs).unbind(1)  # (pairs,)
            seen.append(visible[:, query, key].all(0))  # (pairs,)
            right_key = (merged.argmax(-1)[:, query] == key).float()  # (heads, pairs)
            hits.append(right_key.masked_fill(merged[:, query].isnan().any(-1), torch.nan))
        if hits:
            sees = torch.stack(seen).all(0)  # (pairs,), in every layer: some have windows
            counted = torch.stack(hits)[..., sees]  # (layers, heads, seen pairs)
            new = torch.zeros(*counted.shape[:2], len(numbers)).index_add_(2, group[sees], counted)
            for (one, other, at), is_seen in zip(pairs, sees.tolist(), strict=True):
                if is_seen:
                    distances[at][other - one] += 1
            if right is not None:
                new[..., : right.shape[-1]] += right
            right = new
    if right is None:
        raise NoLinksError("none of the links joins two words of the text")
    counts = torch.tensor([float(sum(one.values())) for one in distances])
    best = torch.tensor([float(max(one.values(), default=0)) for one in distances])
    accuracy = right.permute(2, 0, 1) / counts.clamp(min=1)[:, None, None]  # (groups, layers, heads)
    return Syntax(list(numbers), counts, best / counts.clamp(min=1), accuracy)


def _kept(links: Links, words: Words) -> list[tuple[int, int, str]]:
    """List the links that count: rows of the two words, and the relation without its subtype."""
    return [
        (words.number[dependent], words.number[head], relation.partition(":")[0])
        for dependent, (head, relation) in enumerate(zip(links.heads, links.relations, strict=True))
        if dependent in words.number and head in words.number and relation.partition(":")[0] not in _LEFT_OUT
    ]


def links_of(sentence: conllu.Sentence, tokens: Tokens) -> Links:
    """Find an annotated sentence's links in a text's tokens."""
    return Links(align(sentence.words, tokens), sentence.heads, sentence.relations)


def read_links(deps: Any, trace: AttentionTrace, attention: str | None = None) -> Links:
    """Read what `categorize` takes as `deps`."""
    tokens, others = trace.sides(attention)
    if tokens is not others:
        raise ValueError("deps is for attention within one text, not between two")
    if isinstance(deps, Links):
        return deps
    if deps in ("spacy", "stanza"):
        deps = _parse(deps, tokens)
    words: list[tuple[str, int, str]] = []  # text, head counted over all sentences, relation
    if isinstance(deps, str):
        for one in conllu.read(deps):
            start = len(words)
            heads = (-1 if head < 0 else start + head for head in one.heads)
            words += zip(one.words, heads, one.relations, strict=True)
        return _joined(words, tokens)
    if hasattr(deps, "sentences"):  # stanza counts heads from 1 in every sentence
        for sentence in deps.sentences:
            start = len(words) - 1
            words += [(one.text, start + one.head if one.head else -1, one.deprel) for one in sentence.words]
        return _joined(words, tokens)
    listed = list(deps)
    if listed and hasattr(listed[0], "dep_"):  # spaCy's root is its own head
        heads = (-1 if one.head.i == one.i else one.head.i - listed[0].i for one in listed)
        return _joined([(one.text, head, one.dep_) for one, head in zip(listed, heads, strict=True)], tokens)
    return _triples(listed, len(tokens.text))


def _joined(words: list[tuple[str, int, str]], tokens: Tokens) -> Links:
    texts, heads, relations = (list(column) for column in zip(*words, strict=True)) if words else ([], [], [])
    links = Links(align(texts, tokens), heads, relations)
    if not any(links.words):
        raise ValueError("none of the parse's words is in the text; parse the very text of the trace")
    return links


def _triples(given: list[Any], n: int) -> Links:
    heads, relations = [-1] * n, ["root"] * n
    for triple in given:
        try:
            dependent, head, relation = triple
            heads[dependent], relations[dependent] = int(head), str(relation)
        except (TypeError, ValueError, IndexError):
            raise ValueError(
                f"deps takes triples (dependent, head, relation) of token positions below {n}, got {triple!r}"
            ) from None
    if not all(-1 <= head < n for head in heads):
        raise ValueError(f"the heads in deps must be token positions below {n}, or -1 for none")
    return Links([[at] for at in range(n)], heads, relations)


def _parse(name: str, tokens: Tokens) -> Any:
    """Parse the text with a parser that is installed."""
    text = " ".join(word for word, is_text in zip(tokens.word_texts, _is_text(tokens), strict=True) if is_text)
    try:
        if name == "spacy":
            import spacy

            return spacy.load("en_core_web_sm")(text)
        import stanza

        return stanza.Pipeline("en", processors="tokenize,pos,lemma,depparse", verbose=False)(text)
    except (ImportError, OSError) as error:
        how = {
            "spacy": "pip install spacy && python -m spacy download en_core_web_sm",
            "stanza": "pip install stanza, then stanza.download('en')",
        }
        raise ImportError(f'deps="{name}" needs {name} and its English model: {how[name]} ({error})') from error


def _is_text(tokens: Tokens) -> list[bool]:
    """Which words are of the text, not special tokens."""
    found = [False] * len(tokens.word_texts)
    for word, special in zip(tokens.words, tokens.special, strict=True):
        found[word] = found[word] or not special
    return found
