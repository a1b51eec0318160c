"""What a reader can set of a variant, and within which bounds on the numbers at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attnwidget.lab.given import Given
    from attnwidget.variants import Variant

Kind = Literal["switch", "whole", "number"]
Value = bool | float | None

GATE = "gate"  # the lab's own: one gate for all, where the function takes what goes into the sigmoid
TILE = 4  # tokens a side of flash attention's tiles, where nothing is set
STEPS = 400  # of flash attention: each is kept to be looked at

_LABELS = {
    "lam": "λ",
    "temperature": "temperature τ",
    "sinks": "sink's score",
    "both_sides": "both sides",
    "tokens_global": "global tokens",
    "each_side": "on each side",
    "random": "random keys",
    "block_q": "queries in a tile",
    "block_k": "keys in a tile",
    "hidden": "hidden units",
    "general": "with a matrix",
    GATE: "one gate for all",
}
_STEPS = {"lam": 0.05, "temperature": 0.01, "sinks": 0.5, GATE: 0.05}
_LEFT_OUT = {"init"}  # it changes an output's length and no weight, so nothing that is drawn


@dataclass(frozen=True)
class Knob:
    """An option with its bounds; see `wire.schema.LabOption`."""

    name: str
    label: str
    meaning: str
    kind: Kind
    default: Value
    least: float = 0
    most: float = 1
    step: float = 1
    allowed: tuple[int, ...] | None = None
    unset: str = ""

    def checked(self, value: Any) -> Value:
        """Return a value in the knob's own type.

        Raises
        ------
        TypeError, ValueError
            If it does not fit; the message says what does.
        """
        if value is None and self.unset:
            return None
        if self.kind == "switch":
            if not isinstance(value, bool):
                raise TypeError(f"{self.name} is True or False, got {value!r}")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{self.name} is {self._bounds}, got {value!r}")
        fits = value in self.allowed if self.allowed else self.least <= value <= self.most
        if not fits or (self.kind == "whole" and value != int(value)):
            raise ValueError(f"{self.name} is {self._bounds}, got {value}")
        return int(value) if self.kind == "whole" else float(value)

    def within(self, value: Value) -> Value:
        """Return the nearest value that fits these numbers, of one that fitted others."""
        if value is None or self.kind == "switch":
            return value
        if self.allowed:
            return max((one for one in self.allowed if one <= value), default=self.allowed[0])
        return type(value)(min(self.most, max(self.least, value)))

    @property
    def _bounds(self) -> str:
        none = ", or None" if self.unset else ""
        if self.allowed:
            return f"one of {', '.join(map(str, self.allowed))}{none}"
        kind = "a whole number" if self.kind == "whole" else "a number"
        return f"{kind} from {self.least:g} to {self.most:g}{none}"


def knobs(variant: Variant, given: Given) -> tuple[Knob, ...]:
    """Return what can be set of a variant on these numbers."""
    found = [_knob(one.name, one.meaning, one.default, given) for one in variant.options if one.name not in _LEFT_OUT]
    if variant.name == "gated":
        meaning = "the same gate for every number; 1 lets all through, 0 nothing"
        unset = "each from small weights"
        found.insert(0, Knob(GATE, _LABELS[GATE], meaning, "number", None, step=_STEPS[GATE], unset=unset))
    return tuple(found)


def _knob(name: str, meaning: str, default: Any, given: Given) -> Knob:
    label = _LABELS.get(name, name.replace("_", " "))
    if isinstance(default, bool):
        return Knob(name, label, meaning, "switch", default)
    if name == "groups":
        fitting = tuple(count for count in range(1, given.heads + 1) if given.heads % count == 0)
        usual = 1 if given.heads % 2 else given.heads // 2
        return Knob(name, label, meaning, "whole", usual, 1, given.heads, allowed=fitting)
    if name in {"lam", "temperature", "sinks"}:
        least, most = {"lam": (0, 1), "temperature": (0.02, 2), "sinks": (-10, 10)}[name]
        return Knob(name, label, meaning, "number", default, least, most, _STEPS[name])
    n, (key_heads, _, d_k), d_v = given.n, given.inputs.k.shape, given.inputs.v.shape[2]
    least, most = {
        "seed": (0, 99),
        "hidden": (1, 32),
        "rank": (1, min(n, key_heads * (d_k + d_v))),
        "tokens_global": (0, n),
        "each_side": (0, n),
        "random": (0, n),
    }.get(name, (1, n))
    usual = TILE if name in {"block_q", "block_k"} else default
    return Knob(name, label, meaning, "whole", max(least, min(most, usual)), least, most)


def settings(variant: Variant, given: Given, options: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    """Return every option's value on these numbers: what was set, brought within bounds, else its default."""
    own = options.get(variant.name, {})
    return {one.name: one.within(own.get(one.name, one.default)) for one in knobs(variant, given)}


def arguments(variant: Variant, given: Given, values: Mapping[str, Value]) -> dict[str, Any]:
    """Return the keywords that a variant's function is called with, for these values."""
    found: dict[str, Any] = dict(values)
    gate = found.pop(GATE, None)
    if gate is not None:
        inside = torch.logit(torch.tensor(float(gate), dtype=given.inputs.q.dtype))  # ±∞ at 0 and 1
        found["gate"] = inside.expand(given.heads, given.n, 1)  # (heads, n, 1)
    if variant.name == "flash":
        steps = -(-given.n // found["block_q"]) * -(-given.n // found["block_k"])
        if steps > STEPS:
            raise ValueError(
                f"tiles of {found['block_q']} × {found['block_k']} make {steps} steps of {given.n} tokens; "
                f"the lab keeps up to {STEPS}: take larger tiles"
            )
    return found
