"""Trait types: what a user may write for heads and token positions, and the one form that it takes."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from traitlets import TraitType

from attnwidget.head_id import HeadId

if TYPE_CHECKING:
    from traitlets import HasTraits


class HeadList(TraitType[list[HeadId], Any]):
    """A list of ``(layer, head)``; names such as ``"L4-H11"``, any integer type, and one head alone are understood."""

    info_text = 'a list of (layer, head) pairs or names such as "L4-H11", or one of them'

    def make_dynamic_default(self) -> list[HeadId]:
        """Give every widget a list of its own."""
        return []

    def validate(self, obj: HasTraits, value: Any) -> list[HeadId]:
        """Return the pairs, or raise `TraitError`."""
        try:
            return HeadId.read_all(value)
        except (TypeError, ValueError):
            self.error(obj, value)


class PositionList(TraitType[list[int], Any]):
    """A list of token positions."""

    info_text = "a list of token positions (integers)"

    def make_dynamic_default(self) -> list[int]:
        """Give every widget a list of its own."""
        return []

    def validate(self, obj: HasTraits, value: Any) -> list[int]:
        """Return the positions, or raise `TraitError`."""
        if isinstance(value, str):  # iterable, but never meant as a list of its letters
            self.error(obj, value)
        try:
            return [int(index(one)) for one in value]
        except (TypeError, ValueError):
            self.error(obj, value)
