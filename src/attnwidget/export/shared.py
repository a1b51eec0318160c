"""Masks and position biases of a page: many layers have the same ones, and each is carried once."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attnwidget.maths import RelativeBias
from attnwidget.wire.tokens import stretches

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.maths import Mask


class Shared:
    """What layers share.

    Attributes
    ----------
    masks, biases : list of dict
        As `page/data.ts` describes them.
    """

    def __init__(self) -> None:
        self.masks: list[dict[str, Any]] = []
        self.biases: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}

    def mask(self, mask: Mask, shape: tuple[int, int, int]) -> int:
        """Return the number of a mask."""
        dense = None
        if mask.dense is not None:
            table = mask.dense if mask.dense.ndim == 3 else mask.dense[None]  # (1 or heads, n, m)
            packed = np.packbits(table.cpu().numpy().ravel(), bitorder="little")
            dense = {"heads": len(table), "bits": base64.b64encode(packed.tobytes()).decode()}
        keep = None if mask.keep is None else stretches(mask.keep.tolist())
        _, queries, keys = shape
        about = {"before": mask.before, "after": mask.after, "keep": keep, "dense": dense}
        return self._number(self.masks, about | {"queries": queries, "keys": keys})

    def bias(self, bias: Tensor | RelativeBias | None) -> int | None:
        """Return the number of a position bias; None where there is none."""
        if bias is None:
            return None
        is_relative = isinstance(bias, RelativeBias)
        numbers = bias.diagonals if isinstance(bias, RelativeBias) else bias
        data = numbers.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()
        about = {"relative": is_relative, "shape": list(numbers.shape), "numbers": base64.b64encode(data).decode()}
        return self._number(self.biases, about)

    def _number(self, known: list[dict[str, Any]], about: dict[str, Any]) -> int:
        name = json.dumps(about)
        if name not in self._known:
            self._known[name] = len(known)
            known.append(about)
        return self._known[name]
