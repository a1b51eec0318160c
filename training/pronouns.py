"""Simple English sentences with a pronoun, and the noun that it stands for, made by rule.

"The horse did not cross the bridge because it was too narrow": bridge.

The books of the corpus hold few sentences in which one word alone decides what a pronoun stands for. These teach
that: two nouns, a clause that fits one of them, in several orders. Of people the pronoun decides ("because she was
angry"); in some sentences it stands for neither ("because it was Sunday"), and is to be foretold as itself.

Some nouns side by side, some adjectives and whole forms are never drawn: `held_out` is measured on them.
"""

from __future__ import annotations

import math
import sys
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer


class Sentence(NamedTuple):
    """A sentence with a place for the pronoun, as ``{it}``."""

    text: str
    pronoun: str
    noun: str
    """What it stands for; the pronoun itself where that is neither noun."""
    other: str
    """The noun that it does not stand for."""
    form: str
    """The form that the sentence has."""

    def written(self):
        """Return the sentence with its pronoun."""
        before, after = self.text.split("{it}")
        starts = not before or before.endswith((". ", "? "))
        return before + (self.pronoun.capitalize() if starts else self.pronoun) + after


ANIMALS = "animal dog cat horse bird lion bear fox wolf sheep cow beast pig mouse rabbit elephant hound bull lamb snake"
WAYS = "road street river bridge field hill mountain forest stream path lane valley garden plain lake marsh park ice"
FOOD = "bread apple cake fruit corn grass meat butter fish egg cheese hay pie"
THINGS = "book table picture sword chair lamp gun coat hat bottle stone ball ring pipe key knife cup clock bundle"
HOLDERS = "box bag chest trunk pocket case basket hole carriage cart"
CARTS = "cart ship boat carriage train coach engine"
MEN = "king man boy father brother uncle son gentleman prince lord captain doctor soldier farmer"
WOMEN = "queen woman girl mother sister aunt daughter lady princess nurse widow grandmother maid"

OF_ANIMALS = "tired hungry afraid ill weak angry sick frightened old young hurt wounded exhausted nervous shy wild"
OF_WAYS = "wide narrow long steep dark deep rough broad high wet dangerous open thick"
OF_EATERS = "hungry young greedy"
OF_FOOD = "sweet fresh good soft warm delicious"
OF_THINGS, OF_HOLDERS = "big large long heavy wide high", "small little narrow short full"
OF_CARTS, OF_ROADS = "heavy large broad full old", "narrow rough steep wet dangerous"
OF_PEOPLE = "tired angry ill kind sad hungry lonely late poor rich happy proud afraid rude"
OF_WEIGHTS = "heavy hot large sharp wet dirty"

CROSSED = (
    "didn't cross|did not cross|could not cross|would not cross|didn't enter|could not pass|did not leave|"
    "would not go down|went slowly along|stopped before|turned away from|never crossed"
)
CAME = "came to|ran to|went to|stood before|found|reached|saw"
DEGREES = "too|too|so|very|far too"
STARTS = "The|The|The|The poor|One day the|At last the|The little|In the morning the|Near the house the"
NEITHER = (
    "it was late|it was raining|it was Sunday|it was night|it was winter|it was growing late|it began to snow|"
    "it was time to sleep|it was still early|it was nearly noon"
)

# A form, what its nouns are, and which words fit the first noun, or the second. "{a}", "{b}": the nouns.
FORMS = [
    ("{start} {a} {crossed} the {b} because {{it}} was {degree} {fits}{end}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS)
] * 6 + [
    ("{start} {a} {crossed} the {b}, because {{it}} looked {fits}.", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("{start} {a} {crossed} the {b}; {{it}} was {degree} {fits}.", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("Because {{it}} was {degree} {fits}, the {a} {crossed} the {b}{end}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("{start} {a} {came} the {b}. {{it}} was {degree} {fits}.", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("{start} {a} {came} the {b}, but {{it}} was {degree} {fits}.", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("If {{it}} is {degree} {fits}, the {a} will not cross the {b}.", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("The {b} did not please the {a} because {{it}} was {degree} {fits}.", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("They led the {a} to the {b}, but {{it}} was {degree} {fits}{end}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    ("The {a} ate the {b} because {{it}} was {degree} {fits}{end}", ANIMALS, FOOD, OF_EATERS, OF_FOOD),
    ("The {a} wanted the {b}. {{it}} was {degree} {fits}.", ANIMALS, FOOD, OF_EATERS, OF_FOOD),
    ("Because {{it}} was {fits}, the {a} took the {b}.", ANIMALS, FOOD, OF_EATERS, OF_FOOD),
    ("The {a} would not go into the {b} because {{it}} was too {fits}{end}", THINGS, HOLDERS, OF_THINGS, OF_HOLDERS),
    ("I could not put the {a} into the {b}; {{it}} was {degree} {fits}.", THINGS, HOLDERS, OF_THINGS, OF_HOLDERS),
    ("He took the {a} out of the {b} because {{it}} was too {fits}.", THINGS, HOLDERS, OF_THINGS, OF_HOLDERS),
    ("The {a} could not pass the {b} because {{it}} was {degree} {fits}{end}", CARTS, WAYS, OF_CARTS, OF_ROADS),
    ("The {a} stood still on the {b}. {{it}} was {degree} {fits}.", CARTS, WAYS, OF_CARTS, OF_ROADS),
]
# Two people: the pronoun decides.
PEOPLE = (
    "The {a} thanked the {b} because {{it}} was {fits}.|The {a} sent for the {b}. {{it}} was {degree} {fits}.|"
    "The {a} left the {b} because {{it}} was {degree} {fits}{end}|Because {{it}} was {fits}, the {a} followed the {b}.|"
    "The {a} spoke to the {b}, but {{it}} was {degree} {fits}.|The {a} saw the {b}; {{it}} looked {fits}."
)
# Somebody and something: the pronoun decides here, too.
OWNERS = (
    "The {a} put down the {b} because {{it}} was {degree} {fits}.|The {a} could not carry the {b}. {{it}} was {fits}.|"
    "The {a} looked at the {b}, but {{it}} was {degree} {fits}.|Because {{it}} was {fits}, the {a} dropped the {b}."
)
NOBODY = (
    "{start} {a} {crossed} the {b} because {{it}} {neither}{end}|{start} {a} {came} the {b}. {{it}} {neither}.|"
    "Because {{it}} {neither}, the {a} {crossed} the {b}."
)

# -- what is never drawn -----------------------------------------------------------------------------------------------

PAIRS = {("animal", "road"), ("animal", "street"), ("dog", "river"), ("horse", "bridge"), ("cat", "garden"),
         ("wolf", "hill"), ("stone", "box"), ("book", "bag"), ("cart", "path"), ("lion", "meat")}  # fmt: skip
ADJECTIVES = "weary faint blind fat restless crowded broken busy rocky cold tough stale"
"""Of the held-out sentences on new adjectives; in no list above."""
HELD_FORMS = {
    # connectives that no form above has
    "since": ("The {a} did not cross the {b} since {{it}} was far too {fits}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    "as": ("The {a} did not cross the {b} as {{it}} was too {fits} that day", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    "for": ("The {a} stayed on its side of the {b}, for {{it}} was {fits}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    "although": ("The {a} crossed the {b} although {{it}} was very {fits}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    "and": ("The {a} was on the {b}, and {{it}} was very {fits}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    # the clause first, with another connective
    "since, first": ("Since {{it}} was {fits}, the {a} would not go over the {b}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    "though, first": ("Though {{it}} was {fits}, the {a} got across the {b}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    # two sentences, other verbs
    "two sentences": ("The {a} looked at the {b}. {{it}} was {fits}.", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    "a question": ("Why did the {a} not cross the {b}? Because {{it}} was too {fits}.", ANIMALS, WAYS, OF_ANIMALS,
                   OF_WAYS),
    "a dash": ("We drove the {a} along the {b} - {{it}} was very {fits}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    # the second noun first
    "passive": ("The {b} was not crossed by the {a} because {{it}} was too {fits}", ANIMALS, WAYS, OF_ANIMALS, OF_WAYS),
    "passive, food": ("The {b} was eaten by the {a} because {{it}} was {fits}", ANIMALS, FOOD, "hungry young", OF_FOOD),
    # other things
    "fit": ("The {a} would not fit into the {b}, since {{it}} was too {fits}", THINGS, HOLDERS, "big large",
            "small little"),
    "stuck": ("The {a} stuck fast upon the {b}, for {{it}} was too {fits}", CARTS, WAYS, "heavy large full",
              "narrow rough steep"),
    "smelt": ("The {a} smelt the {b} and ate, as {{it}} was {fits}", ANIMALS, FOOD, "hungry young", OF_FOOD),
}  # fmt: skip
NEITHER_FORM = "neither"
HELD_PEOPLE = {
    "people, when": "The {a} wrote to the {b} when {{it}} was {fits}",
    "people, since": "The {a} helped the {b}, since {{it}} was very {fits}",
}


class Pronouns:
    """Draws sentences; `random` is a numpy Generator."""

    def __init__(self, random):
        self.random = random

    def one(self, words, split=None):
        several = words.split(split) if isinstance(words, str) else words
        return several[self.random.integers(len(several))]

    def chance(self, part):
        return self.random.random() < part

    def sentence(self):
        """Return a sentence of the forms that are trained, about nouns that are not held out side by side."""
        while True:
            kind = self.random.random()
            if kind < 0.72:
                made = self._of_form(*self.one(FORMS))
            elif kind < 0.82:
                made = self._of_people(self.one(PEOPLE, "|"))
            elif kind < 0.9:
                made = self._of_owner(self.one(OWNERS, "|"))
            else:
                made = self._of_nobody(self.one(NOBODY, "|"))
            if not {(made.noun, made.other), (made.other, made.noun)} & PAIRS:
                return made

    def _written(self, form, **words):
        drawn = {"start": self.one(STARTS, "|"), "crossed": self.one(CROSSED, "|"), "came": self.one(CAME, "|")}
        drawn |= {"degree": self.one(DEGREES, "|"), "end": "." if self.chance(0.6) else ""}
        return form.format(**drawn, **words)

    def _of_form(self, form, first, second, of_first, of_second, a=None, b=None):
        a, b = a or self.one(first), b or self.one(second)
        if a == b:
            return self._of_form(form, first, second, of_first, of_second)
        is_first = self.chance(0.5)
        fits = self.one(of_first if is_first else of_second)
        noun, other = (a, b) if is_first else (b, a)
        return Sentence(self._written(form, a=a, b=b, fits=fits), "it", noun, other, form)

    def _of_people(self, form):
        a, b = self.one(MEN), self.one(WOMEN)
        if self.chance(0.5):
            a, b = b, a
        is_first = self.chance(0.5)
        noun, other = (a, b) if is_first else (b, a)
        text = self._written(form, a=a, b=b, fits=self.one(OF_PEOPLE))
        return Sentence(text, self._pronoun(noun), noun, other, form)

    def _of_owner(self, form):
        a, b = self.one((MEN, WOMEN)), self.one(THINGS)
        a, is_first = self.one(a), self.chance(0.5)
        fits = self.one("tired weak ill old angry" if is_first else OF_WEIGHTS)
        text = self._written(form, a=a, b=b, fits=fits)
        return Sentence(text, self._pronoun(a) if is_first else "it", *((a, b) if is_first else (b, a)), form)

    def _of_nobody(self, form):
        a, b = self.one(ANIMALS), self.one(WAYS)
        text = self._written(form, a=a, b=b, neither=self.one(NEITHER, "|").removeprefix("it "))
        return Sentence(text, "it", "it", b, form)

    @staticmethod
    def _pronoun(person):
        return "he" if person in MEN.split() else "she"

    def held_out(self, count=60):
        """Return, by name, what was never drawn: `count` sentences of every form; of pairs, of adjectives.

        The pairs and the adjectives stand in the first form, which was trained most.
        """
        found = {name: [self._of_form(*form) for _ in range(count)] for name, form in HELD_FORMS.items()}
        found |= {name: [self._of_people(form) for _ in range(count)] for name, form in HELD_PEOPLE.items()}
        usual = "The {a} did not cross the {b} because {{it}} was too {fits}"
        roads = [pair for pair in sorted(PAIRS) if pair[0] in ANIMALS.split() and pair[1] in WAYS.split()]
        pairs = [self.one(roads) for _ in range(count)]
        found["new pairs"] = [self._of_form(usual, ANIMALS, WAYS, OF_ANIMALS, OF_WAYS, a, b) for a, b in pairs]
        of_animals, of_ways = "weary faint blind fat restless", "crowded broken busy rocky"
        found["new adjectives"] = [self._of_form(usual, ANIMALS, WAYS, of_animals, of_ways) for _ in range(count)]
        found[NEITHER_FORM] = [self._of_nobody("The {a} stood in the {b}, for {{it}} {neither}") for _ in range(count)]
        return found


# -- what a model makes of them ----------------------------------------------------------------------------------------


def measure(model, tokenizer, sentences):
    """Return what a model makes of some sentences, one by one.

    Returns
    -------
    tuple
        bool (sentences,): at the pronoun the right noun is likelier than the other one. float (layers, heads,
        sentences): how much more weight each head gives the right noun. bool (sentences,) each: the right noun is the
        nearer one; the first one.
    """
    rows = tokenizer([one.written() for one in sentences], padding=True, return_tensors="pt").to(model.device)
    words = {which: [getattr(one, which) for one in sentences] for which in ("pronoun", "noun", "other")}
    ids = {which: torch.tensor(tokenizer.convert_tokens_to_ids(those)) for which, those in words.items()}
    tokens, every = rows["input_ids"].cpu(), torch.arange(len(sentences))
    at = {which: (tokens == those[:, None]).int().argmax(1) for which, those in ids.items()}
    found = model(**rows, output_attentions=True)
    logits = found.logits.cpu()[every, at["pronoun"]]  # (sentences, vocabulary)
    right, wrong = (logits[every, ids[which]] for which in ("noun", "other"))
    weights = torch.stack([layer.cpu() for layer in found.attentions])  # (layers, sentences, heads, n, n)
    to = {which: weights[:, every, :, at["pronoun"], at[which]] for which in ("noun", "other")}
    more = (to["noun"] - to["other"]).permute(1, 2, 0)  # from (sentences, layers, heads)
    away = {which: (at[which] - at["pronoun"]).abs() for which in ("noun", "other")}
    return right > wrong, more, away["noun"] < away["other"], at["noun"] < at["other"]


def best_head(model, tokenizer, count=600):
    """Return (layer, head) of the head that is right in most sentences of the trained forms about *it*."""
    maker = Pronouns(np.random.default_rng(1))
    drawn = (maker.sentence() for _ in iter(int, 1))
    usual = list(islice((one for one in drawn if one.pronoun == "it" != one.noun), count))
    _, more, *_ = measure(model, tokenizer, usual)
    return divmod(int((more > 0).float().mean(-1).argmax()), more.shape[1])


def table(model, tokenizer, head):
    """Return the rows of the card's table: of each held-out form what is right, as parts of 1."""
    rows = {}
    for name, sentences in Pronouns(np.random.default_rng(2)).held_out().items():
        named, more, nearest, first = measure(model, tokenizer, sentences)
        of_head = (float("nan"),) * 2 if name == NEITHER_FORM else ((more[head] > 0).float().mean(), more[head].mean())
        rows[name] = [
            float(one) for one in (named.float().mean(), *of_head, nearest.float().mean(), first.float().mean())
        ]
    return rows


def main(folder):
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        head = best_head(model, tokenizer)
        print(f"The best head of the trained forms is L{head[0]}-H{head[1]}.\n")
        print("| form | for example | names it | that head | its lead | nearest noun | first noun |")
        examples = Pronouns(np.random.default_rng(2)).held_out()
        for name, (named, right, lead, nearest, first) in table(model, tokenizer, head).items():
            of_head = "– | –" if math.isnan(lead) else f"{right:.0%} | {lead:+.2f}"
            text = examples[name][0].written()
            print(f"| {name} | {text} | {named:.0%} | {of_head} | {nearest:.0%} | {first:.0%} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
