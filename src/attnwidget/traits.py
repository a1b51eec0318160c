"""Trait types: what a user may write for heads and token positions, and the one form that it takes."""

from __future__ import annotations

import re
from operator import index
from typing import TYPE_CHECKING, Any

from traitlets import TraitType

if TYPE_CHECKING:
    from traitlets import HasTraits

_HEAD_NAME = re.compile(r"L(\d+)-H(\d+)")


class Heads(TraitType[list[tuple[int, int]], Any]):
    """A list of ``(layer, head)``; names such as ``"L4-H11"`` and any integer type are understood."""

    info_text = 'a list of (layer, head) pairs or names such as "L4-H11"'

    def make_dynamic_default(self) -> list[tuple[int, int]]:
        """Give every widget a list of its own."""
        return []

    def validate(self, obj: HasTraits, value: Any) -> list[tuple[int, int]]:
        """Return the pairs, or raise `TraitError`."""
        try:
            return [_head(one) for one in _items(value)]
        except (TypeError, ValueError):
            self.error(obj, value)


class Positions(TraitType[list[int], Any]):
    """A list of token positions."""

    info_text = "a list of token positions (integers)"

    def make_dynamic_default(self) -> list[int]:
        """Give every widget a list of its own."""
        return []

    def validate(self, obj: HasTraits, value: Any) -> list[int]:
        """Return the positions, or raise `TraitError`."""
        try:
            return [index(one) for one in _items(value)]
        except (TypeError, ValueError):
            self.error(obj, value)


def _items(value: Any) -> list[Any]:
    if isinstance(value, str):  # iterable, but never meant as a list of its letters
        raise TypeError
    return list(value)


def _head(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        match = _HEAD_NAME.fullmatch(value)
        if match is None:
            raise ValueError
        return int(match[1]), int(match[2])
    layer, head = value
    return index(layer), index(head)
