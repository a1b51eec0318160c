"""The sentences that articles on attention explain it with, each on the bundled model that can show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attnwidget.head_id import HeadId
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attnwidget.trace import AttentionTrace


@dataclass(frozen=True)
class Example:
    """A sentence, and what to look for in a bundled model's attention to it.

    `AttentionWidget(example)` shows it: its head, with its query pinned.
    """

    name: str
    """What it is about, in a few words."""
    text: str
    """What the model reads."""
    model: str
    """A bundled model's name."""
    head: tuple[int, int]
    """(layer, head) to look at."""
    query: str
    """The word or words that attend; their first place in the text."""
    key: str
    """What they attend to."""
    weight: float
    """How strongly: the sum over the key's tokens, the mean over the query's."""
    tells: str
    """A sentence with places for `head`, `query`, `key`, `weight` and `says`."""
    says: tuple[str, ...] = ()
    """What the model foretells next or in the place of ``[MASK]``, the likeliest first; or its translation."""
    attention: str = "self"
    """Which attention is looked at."""
    against: str | None = None
    """A second text, that stands beside it: what differs is drawn."""

    @property
    def look(self) -> str:
        """What to look for in this model: a sentence whose numbers are the model's."""
        return self.tells.format(
            head=HeadId(*self.head),
            query=f"“{self.query}”",
            key=f"“{self.key}”",
            weight=f"{self.weight:.2f}",
            says=", ".join(f"“{one}”" for one in self.says),
        )

    def places(self, trace: AttentionTrace) -> tuple[list[int], list[int]]:
        """Return the token positions of `query` and of `key`."""
        queries, keys = trace.sides(self.attention)
        return find(queries.text, self.query), find(keys.text, self.key)

    def options(self, trace: AttentionTrace) -> dict[str, Any]:
        """Return the widget's traits that show it: a key of several tokens is pinned whole, so that its sum is read."""
        queries, keys = self.places(trace)
        pinned = {"keys": keys, "words": True} if len(keys) > 1 else {}
        return {"attention": self.attention, "heads": [self.head], "queries": queries, **pinned}


def find(tokens: Sequence[str], words: str) -> list[int]:
    """Return the positions of the first tokens that spell `words`, whatever their case.

    Raises
    ------
    ValueError
        If none do.
    """
    wanted = "".join(words.split()).casefold()
    for start in range(len(tokens)):
        spelt = ""
        for at in range(start, len(tokens)):
            spelt += tokens[at].strip().casefold()
            if spelt == wanted:
                return list(range(start, at + 1))
            if not wanted.startswith(spelt):
                break
    raise ValueError(f"{words!r} is not among the tokens {list(tokens)}")


class Examples(Tabular, tuple[Example, ...]):
    """The examples in their order; ``examples["Harry Potter"]`` finds one by its name. A table in a notebook."""

    __slots__ = ()

    def __getitem__(self, which: Any) -> Any:
        """Return the example of a name, or as a tuple does."""
        if not isinstance(which, str):
            return super().__getitem__(which)
        for example in self:
            if example.name == which:
                return example
        raise KeyError(f"{which!r}; there are: {', '.join(repr(one.name) for one in self)}")

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        return Table(["example", "text", "model", "look for"], [tuple(_row(example)) for example in self])

    def __repr__(self) -> str:
        return "\n".join(" · ".join(_row(example)) for example in self)


def _row(example: Example) -> Iterator[str]:
    yield from (example.name, example.text, example.model, example.look)


CAUSAL, MASKED, FR_EN = "demo/causal", "demo/masked", "demo/fr-en"

KINDS = {
    CAUSAL: "reads from left to right, like GPT",
    MASKED: "sees both sides and fills gaps, like BERT",
    FR_EN: "translates: encoder and decoder",
}
"""What the examples' models do."""

EXAMPLES = Examples(
    [
        Example(
            name="it: the animal was tired",
            text="The animal didn't cross the road because it was too tired",
            model=CAUSAL,
            head=(3, 0),
            query="it",
            key="animal",
            weight=0.50,
            tells="{head} sends {query} to {key} with {weight}, past the nearer “road”. It cannot know who is tired: "
            "the model reads from left to right.",
        ),
        Example(
            name="tired: who?",
            text="The animal didn't cross the road because it was too tired",
            model=CAUSAL,
            head=(2, 6),
            query="tired",
            key="animal",
            weight=0.86,
            tells="The word that decides comes last: {head} sends {query} to {key} with {weight}.",
        ),
        Example(
            name="wide: what?",
            text="The animal didn't cross the road because it was too wide",
            model=CAUSAL,
            head=(2, 2),
            query="wide",
            key="road",
            weight=0.58,
            tells="{head} sends {query} to {key} with {weight}. “it” stands before “wide”, and looks as it did with "
            "“tired”: the mask hides what follows.",
        ),
        Example(
            name="it: the cat or the ball",
            text="The cat chased the ball until it was tired",
            model=CAUSAL,
            head=(3, 0),
            query="it",
            key="cat",
            weight=0.28,
            tells="{head} gives {key} {weight}, more than any other token, and far from certain. With “rolled away” in "
            "place of “was tired” the number is the same.",
        ),
        Example(
            name="woke up: who?",
            text="The cat that was sleeping on the mat suddenly woke up.",
            model=CAUSAL,
            head=(2, 2),
            query="woke",
            key="The cat",
            weight=0.47,
            tells="{head} sends {query} to {key} with {weight}, past the nearer “mat”. No head of this small model "
            "picks out “cat” alone.",
        ),
        Example(
            name="was sleeping: who?",
            text="The cat that I saw yesterday was sleeping",
            model=CAUSAL,
            head=(2, 6),
            query="was",
            key="The cat",
            weight=0.63,
            tells="{head} sends the verb {query} to its subject {key} with {weight}, over the clause between them.",
        ),
        Example(
            name="his lunch: whose?",
            text="John ate his lunch",
            model=CAUSAL,
            head=(2, 6),
            query="his",
            key="John",
            weight=0.94,
            tells="{head} gives {key} {weight}. It also stands first, where many heads rest anyway.",
        ),
        Example(
            name="query, key, value",
            text="The cat sat",
            model=CAUSAL,
            head=(1, 2),
            query="sat",
            key="cat",
            weight=0.94,
            tells="{head} looks at the token before: {query} gives {key} {weight}. The tab Breakdown shows how that "
            "number comes about.",
        ),
        Example(
            name="a token and itself",
            text="The cat sat on the mat",
            model=CAUSAL,
            head=(0, 7),
            query="cat",
            key="cat",
            weight=1.00,
            tells="{head} leaves {query} with itself ({weight}): in a table of weights the largest number often stands "
            "where a token meets itself.",
        ),
        Example(
            name="what comes next?",
            text="The cat",
            model=CAUSAL,
            head=(1, 2),
            query="cat",
            key="The",
            weight=0.98,
            tells="What follows is hidden: {query} sees {key} ({weight} in {head}) and itself. Likeliest next token: "
            "{says}.",
            says=("was",),
        ),
        Example(
            name="several tokens as one key",
            text="Harry Potter is my favorite book",
            model=CAUSAL,
            head=(3, 2),
            query="book",
            key="Harry Potter",
            weight=0.96,
            tells="{head} gives {key}, several tokens taken together, {weight}. This model's books are older than the "
            "wizard: it has the name in pieces.",
        ),
        Example(
            name="river → bank, back",
            text="The bank will not lend money to the farmer near the river.",
            model=CAUSAL,
            head=(2, 6),
            query="river",
            key="bank",
            weight=0.17,
            tells="In a causal model only the later word can look at the earlier one: {head} sends {query} to {key}, "
            "with no more than {weight}.",
        ),
        Example(
            name="it, and tired: the animal",
            text="The animal didn't cross the road because it was too tired",
            model=MASKED,
            head=(1, 7),
            query="it",
            key="animal",
            weight=0.98,
            against="The animal didn't cross the road because it was too wide",
            tells="{head} sends {query} to {key} with {weight}. In B one word is another, “wide”, and {query} goes to "
            "“road”. This model sees what follows, and was taught on made sentences what pronouns stand for.",
        ),
        Example(
            name="it, and wide: the road",
            text="The animal didn't cross the road because it was too wide",
            model=MASKED,
            head=(1, 7),
            query="it",
            key="road",
            weight=0.98,
            against="The animal didn't cross the road because it was too tired",
            tells="{head} sends {query} to {key} with {weight}; in B, with “tired”, to “animal”. A model that reads "
            "from left to right cannot do that: “it” stands before the word that decides.",
        ),
        Example(
            name="looking both ways",
            text="The cat sat on the mat",
            model=MASKED,
            head=(0, 2),
            query="cat",
            key="sat",
            weight=0.99,
            tells="{head} sends {query} ahead to {key} with {weight}, as it does every token to the next. In a causal "
            "model that is impossible: its mask hides what follows.",
        ),
        Example(
            name="fill the gap",
            text="The cat [MASK] on the mat",
            model=MASKED,
            head=(1, 5),
            query="[MASK]",
            key="cat",
            weight=0.98,
            tells="{head} looks back, {query} to {key} with {weight}; L0-H2 and L1-H6 look ahead. Likeliest words for "
            "the gap: {says}.",
            says=("was", "sat", "stood", "went"),
        ),
        Example(
            name="bank → farmer and river, ahead",
            text="The bank will not lend money to the farmer near the river.",
            model=MASKED,
            head=(1, 3),
            query="bank",
            key="farmer",
            weight=0.51,
            tells="{head} gives {key} {weight}, seven words ahead, and after it most to “river”. Only a model without "
            "a causal mask can have these links.",
        ),
        Example(
            name="bank → lend money, ahead",
            text="The bank will not lend money to the farmer near the river.",
            model=MASKED,
            head=(0, 1),
            query="bank",
            key="lend money",
            weight=0.58,
            tells="{head} gives {key} {weight}, more than half of all that it has to give.",
        ),
        Example(
            name="French into English",
            text="Le chat dort",
            model=FR_EN,
            head=(1, 0),
            query="the",
            key="chat",
            weight=1.00,
            tells="To write the next word, “cat”, {head} looks from {query} at {key} with {weight}. The model's "
            "translation: {says}.",
            says=("the cat sleeps",),
            attention="cross",
        ),
    ]
)
"""As articles tell them; `tests/test_examples.py` holds every number against the model."""
