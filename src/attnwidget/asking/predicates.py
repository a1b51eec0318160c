"""What is named and not counted out: it is looked up in the trace on screen when a question is asked."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Any

_FORMS = {
    "strongest": ("strongest(head, query, k=1)", 2, 3),
    "looking_most": ("looking_most(head, key, k=1)", 2, 3),
    "heads_of": ("heads_of(category)", 1, 1),
    "top_heads": ("top_heads(query, key, k=1)", 2, 3),
}
_WRITTEN = re.compile(rf"({'|'.join(_FORMS)})\((.*)\)", re.DOTALL)
OF_HEADS = {"heads_of", "top_heads"}
"""Those that name heads; the others name tokens."""


@dataclass(frozen=True)
class Predicate:
    """Something to be looked up, such as ``strongest(L3-H0, it)``; its text is the form that a lesson writes it in."""

    name: str
    given: tuple[str, ...]

    def __str__(self) -> str:
        quoted = (f'"{one}"' if re.search(r'[,"\s]', one) else one for one in self.given)
        return f"{self.name}({', '.join(quoted)})"

    @classmethod
    def read(cls, text: Any) -> Predicate | None:
        """Read the written form; None for what is none.

        Raises
        ------
        ValueError
            For a known name with too few or too many arguments.
        """
        if isinstance(text, Predicate):
            return text
        match = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            return None
        name = match[1]
        given = tuple(one.strip() for one in next(csv.reader([match[2]], skipinitialspace=True), []))
        form, fewest, most = _FORMS[name]
        if not fewest <= len(given) <= most or not all(given):
            raise ValueError(f"expected {form}, got {text!r}")
        if len(given) == 3 and not given[2].removeprefix("k=").isdecimal():
            raise ValueError(f"expected {form} with a whole number at the end, got {text!r}")
        return cls(name, given)

    @property
    def k(self) -> int:
        """How many are meant."""
        return int(self.given[2].removeprefix("k=")) if len(self.given) == 3 else 1


def strongest(head: Any, query: int | str, k: int = 1) -> Predicate:
    """Name the `k` keys that a query looks at most in a head; of equal weights all."""
    return Predicate("strongest", (_head(head), str(query), str(k)))


def looking_most(head: Any, key: int | str, k: int = 1) -> Predicate:
    """Name the `k` queries that look most at a key in a head; of equal weights all."""
    return Predicate("looking_most", (_head(head), str(key), str(k)))


def heads_of(category: str) -> Predicate:
    """Name all heads whose main category it is, such as ``"Previous-Token"``."""
    return Predicate("heads_of", (category,))


def top_heads(query: int | str, key: int | str, k: int = 1) -> Predicate:
    """Name the `k` heads in which a query gives a key most weight; of equal weights all."""
    return Predicate("top_heads", (str(query), str(key), str(k)))


def _head(head: Any) -> str:
    return head if isinstance(head, str) else "L{}-H{}".format(*head)
