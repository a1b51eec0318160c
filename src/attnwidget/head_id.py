"""How a head is named: `L4-H11`, both counted from 0."""

from __future__ import annotations

import re
from operator import index
from typing import Any, NamedTuple

_NAME = re.compile(r"L(\d+)-H(\d+)")


class HeadId(NamedTuple):
    """A head of a model: the pair ``(layer, head)``, and shown as it; as a string ``L4-H11``."""

    layer: int
    head: int

    def __repr__(self) -> str:
        return f"({self.layer}, {self.head})"

    def __str__(self) -> str:
        return f"L{self.layer}-H{self.head}"

    @classmethod
    def read(cls, value: Any) -> HeadId:
        """Understand a name such as ``"L4-H11"``, or a pair of integers of any type.

        Raises
        ------
        ValueError, TypeError
            If it is neither.
        """
        if isinstance(value, str):
            match = _NAME.fullmatch(value)
            if match is None:
                raise ValueError(f'a head is named like "L4-H11", not {value!r}')
            return cls(int(match[1]), int(match[2]))
        layer, head = value
        return cls(index(layer), index(head))

    @classmethod
    def read_all(cls, value: Any) -> list[HeadId]:
        """Understand a list of heads, or one head alone.

        Raises
        ------
        ValueError, TypeError
            If it is neither.
        """
        if isinstance(value, str):
            return [cls.read(value)]
        listed = list(value)
        # rows of an array have an index as well, but a shape besides
        is_pair = len(listed) == 2 and all(
            hasattr(one, "__index__") and not getattr(one, "shape", ()) for one in listed
        )
        return [cls.read(listed)] if is_pair else [cls.read(one) for one in listed]
