"""What modules return: tensors, alone or in tuples, lists and outputs."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def tensors_in(value: Any) -> list[Tensor]:
    """List the tensors of what a module returned."""
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [x for part in parts for x in tensors_in(part)]
