"""What a reader may give as one side of a comparison, and what is meant by it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attnwidget import variants
from attnwidget.head_id import HeadId
from attnwidget.maths import masks
from attnwidget.models import BUNDLED
from attnwidget.trace import AttentionTrace

ADAPTER = {"adapter on": True, "adapter off": False}


@dataclass(frozen=True)
class Side:
    """One side; what is None is as on the other side.

    Attributes
    ----------
    text : str, token ids or chat messages
        As the second argument of `attnwidget.capture`.
    text_pair, text_target : str
        What goes with it.
    model : str, path or model
        A bundled name, a folder, a name on the Hub, or an object.
    tokenizer : optional
        The model's.
    mask : str or bool Tensor
        A mask's name (see `attnwidget.masks`), or (n, n), True where attention is permitted.
    variant : str
        A variant's name (see `attnwidget.variants`): every head attends so, from its own queries and keys.
    adapter : bool
        Whether the adapter of a PEFT model is on.
    head : HeadId
        The one head that is compared, with all heads of the other side.
    trace : AttentionTrace
        Captured earlier: then nothing is run.
    name : str
        What it is to be called.
    """

    text: Any = None
    text_pair: str | None = None
    text_target: Any = None
    model: Any = None
    tokenizer: Any = None
    mask: str | Tensor | None = None
    variant: str | None = None
    adapter: bool | None = None
    head: HeadId | None = None
    trace: AttentionTrace | None = None
    name: str = ""

    @classmethod
    def read(cls, given: Any) -> Side:  # noqa: PLR0911 - one for each kind
        """Understand what was given.

        Of strings these are no texts: the name of a bundled model, a folder's path that is there, "adapter off" and
        "adapter on", a mask's name, a head's name. A mapping says which is meant: ``{"text": "causal"}``.

        Raises
        ------
        TypeError, ValueError
            If it is nothing of this; the message says what there is.
        """
        if isinstance(given, Side):
            return given
        if isinstance(given, Mapping) and not {"input_ids", "inputs_embeds", "role"} & set(given):
            return cls._from_mapping(given)
        if isinstance(given, str):
            return cls(**_of_string(given))
        if isinstance(given, AttentionTrace):
            return cls(trace=given)
        if isinstance(given, os.PathLike):
            return cls(model=given)
        if isinstance(given, HeadId):
            return cls(head=given)
        if _is_matrix(given):
            return cls(mask=_matrix(given))
        if isinstance(given, list | tuple | Tensor | np.ndarray | Mapping):
            return cls(text=given)
        if isinstance(given, nn.Module) or callable(given):
            return cls(model=given)
        raise TypeError(
            "a side of a comparison is a text, a trace, a model (an object, a bundled name or a folder), a mask (a "
            'name or a bool matrix), a head ("L2-H6"), "adapter off", or a mapping of these; got '
            f"{type(given).__name__}"
        )

    @classmethod
    def _from_mapping(cls, given: Mapping[str, Any]) -> Side:
        known = [one.name for one in fields(cls)]
        strange = [str(name) for name in given if name not in known]
        if strange or not given:
            what = ", ".join(map(repr, strange)) or "nothing"
            raise ValueError(f"a side has {', '.join(known)}; got {what}")
        values = {name: value for name, value in given.items() if value is not None}
        if "head" in values:
            values["head"] = HeadId.read(values["head"])
        if "mask" in values:
            values["mask"] = _mask(values["mask"])
        if "variant" in values:
            variants.get(values["variant"])  # raises what there is to raise
        if "adapter" in values and not isinstance(values["adapter"], bool):
            values["adapter"] = ADAPTER.get(f"adapter {values['adapter']}", values["adapter"])
            if not isinstance(values["adapter"], bool):
                raise ValueError(f'adapter must be True, False, "on" or "off", got {given["adapter"]!r}')
        side = cls(**values)
        runs = [
            name
            for name in ("text", "text_pair", "text_target", "model", "mask", "variant", "adapter")
            if name in values
        ]
        if side.trace is not None and runs:
            raise ValueError(f"a trace was captured earlier and is shown as it is: it goes without {', '.join(runs)}")
        return side

    @property
    def runs(self) -> bool:
        """Whether a model is to be run for it."""
        asked = self.text, self.text_pair, self.text_target, self.model, self.mask, self.variant, self.adapter
        return self.trace is None and any(one is not None for one in asked)

    @property
    def label(self) -> str:
        """What it is called, as far as neither a model nor a text says it."""
        parts = [self.name]
        if self.mask is not None:
            parts.append(f"mask {self.mask}" if isinstance(self.mask, str) else "a mask of one's own")
        if self.variant is not None:
            parts.append(variants.get(self.variant).label)
        if self.adapter is not None:
            parts.append("adapter on" if self.adapter else "adapter off")
        if self.head is not None:
            parts.append(str(self.head))
        return " · ".join(filter(None, parts))

    def with_text(self, text: Any) -> Side:
        """Return the same with a text, where it has none."""
        return self if self.trace is not None or self.text is not None else replace(self, text=text)


def _of_string(given: str) -> dict[str, Any]:
    if given in ADAPTER:
        return {"adapter": ADAPTER[given]}
    if given in BUNDLED or (("/" in given or os.sep in given) and Path(given).expanduser().is_dir()):
        return {"model": given}
    try:
        return {"head": HeadId.read(given)}
    except ValueError:
        pass
    return {"mask": given} if _names_mask(given) else {"text": given}


def _names_mask(given: str) -> bool:
    """Whether every part is the name of a kind of mask; what is wrong with its numbers is told later."""
    names = {one.name for one in masks.PRESETS}
    return all(part.partition(":")[0].strip() in names for part in given.split("+"))


def _is_matrix(given: Any) -> bool:
    if isinstance(given, Tensor | np.ndarray):
        return bool(given.ndim == 2 and str(given.dtype).removeprefix("torch.") == "bool")
    rows = given if isinstance(given, list | tuple) else ()
    return bool(rows) and all(isinstance(row, list | tuple) and row and isinstance(row[0], bool) for row in rows)


def _mask(given: Any) -> str | Tensor:
    if isinstance(given, str):
        masks.preset(given, 1)  # raises what there is to raise
        return given
    if not _is_matrix(given):
        raise TypeError(f"a mask is a name such as 'window:4', or a bool matrix (n, n); got {type(given).__name__}")
    return _matrix(given)


def _matrix(given: Any) -> Tensor:
    return torch.as_tensor(given).bool()
