"""Trait types: what a user may write for heads and token positions, and the one form that it takes."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from traitlets import TraitError, TraitType

from attnwidget.effects import Target
from attnwidget.head_id import HeadId
from attnwidget.maths import masks

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


class TargetDict(TraitType[dict[str, Any] | None, Any]):
    """What is asked of the model, as `Target.to_dict` writes it; whatever `Target.read` understands may be set."""

    allow_none = True
    default_value = None
    info_text = "a token, a pair of tokens, a slice of positions, 'loss', 'output' or an attnwidget.Target"

    def validate(self, obj: HasTraits, value: Any) -> dict[str, Any] | None:
        """Return it as a mapping, or raise `TraitError`."""
        try:
            found = Target.read(value)
        except (TypeError, ValueError):
            self.error(obj, value)
        return None if found is None else found.to_dict()


class Mask(TraitType[Any, Any]):
    """A mask's name, or a matrix as rows of 1 and 0; whatever `masks.plain` understands may be set."""

    allow_none = True
    default_value = None
    info_text = "the name of a mask or a matrix"

    def validate(self, obj: HasTraits, value: Any) -> Any:  # noqa: ARG002 - as every trait
        """Return the mask as JSON has it, or raise `TraitError` with what there is."""
        if value is None:
            return None
        try:
            return masks.plain(value)
        except (TypeError, ValueError) as error:
            raise TraitError(f"{self.name}: {error}") from error


class PositionList(TraitType[list[int], Any]):
    """A list of token positions; a string stands for all tokens, or words, that read so, once there is a text."""

    info_text = "a list of token positions (integers) or of what stands there (strings)"

    def make_dynamic_default(self) -> list[int]:
        """Give every widget a list of its own."""
        return []

    def validate(self, obj: HasTraits, value: Any) -> list[int | str]:
        """Return the positions and strings, or raise `TraitError`."""
        try:
            items = [value] if isinstance(value, str) else list(value)
            return [one if isinstance(one, str) else int(index(one)) for one in items]
        except (TypeError, ValueError):
            self.error(obj, value)
