"""What may be chosen: each value checked for what it is, and then against the numbers at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from msgspec.structs import replace

from attnwidget.lab.costs import LONGEST
from attnwidget.lab.knobs import knobs
from attnwidget.maths.masks import preset
from attnwidget.variants import get
from attnwidget.wire.schema import Depth, LabChoice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from attnwidget.lab.given import Given

SIDE_BY_SIDE = 3
FIRST = ("scaled_dot_product", "sliding_window", "additive")
_NAMES = {"depth": get_args(Depth), "numbers": get_args(get_type_hints(LabChoice)["numbers"])}


def opening() -> LabChoice:
    """Return what is looked at first."""
    return LabChoice(variants=list(FIRST), chosen=FIRST[0])


def checked(name: str, value: Any, choice: LabChoice) -> Any:
    """Return a value as it is kept, checked as far as that takes no numbers.

    Parameters
    ----------
    name : str
        A field of `LabChoice`.
    value : Any
        What it is to be.
    choice : LabChoice
        All that is chosen beside.

    Raises
    ------
    ValueError, TypeError
        If it does not fit; the message names what does.
    """
    match name:
        case "variants":
            return _variants(value)
        case "chosen":
            if value not in choice.variants:
                side_by_side = _listed(choice.variants)
                raise ValueError(f"chosen is one of the variants side by side, {side_by_side}; got {value!r}")
        case "layer" | "head" | "length":
            _check_whole(name, value)
        case "numbers" | "depth":
            if value not in _NAMES[name]:
                raise ValueError(f"{name} is one of {_listed(_NAMES[name])}, got {value!r}")
        case "options":
            _check_options(value)
        case "mask":
            return _mask(value)
    return value


def _variants(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else list(value)
    if not 1 <= len(names) <= SIDE_BY_SIDE or len(set(names)) < len(names):
        raise ValueError(f"variants is a list of one to {SIDE_BY_SIDE} different names, got {names!r}")
    return [get(one).name for one in names]


def _check_whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, got {value!r}")
    if name == "length" and not 1 <= value <= LONGEST:
        raise ValueError(f"length is a number of tokens from 1 to {LONGEST}, got {value}")


def _check_options(value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(of, dict) for of in value.values()):
        raise TypeError('options is a dict of dicts, such as {"sliding_window": {"window": 3}}')
    for one in value:
        get(one)


def _mask(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"mask is a mask's name, such as 'window:4', or '' for the model's own, got {value!r}")
    return value or ""


def check_fits(names: Iterable[str], choice: LabChoice, given: Given) -> LabChoice:
    """Check what was just set against the numbers at hand, and return it as it is kept.

    Raises
    ------
    ValueError, TypeError
        If something does not fit; the message names what does.
    """
    for name in names:
        value = getattr(choice, name)
        if name == "layer" and given.layers and value not in given.layers:
            raise ValueError(f"layer is one of {_listed(given.layers)}, got {value}")
        if name == "head" and not 0 <= value < given.heads:
            raise ValueError(f"head is a number from 0 to {given.heads - 1}, got {value}")
        if name == "mask" and value:
            preset(value, given.n)
        if name == "options":
            kept = {one: _checked_options(one, given, of) for one, of in value.items()}
            choice = replace(choice, options=kept)
    return choice


def fitting(choice: LabChoice, given: Given) -> LabChoice:
    """Return a choice of which everything fits; what does not gives way to the nearest that does."""
    chosen = choice.chosen if choice.chosen in choice.variants else choice.variants[0]
    layer = nearest(choice.layer, given.layers)
    return replace(choice, chosen=chosen, layer=layer, head=max(0, min(choice.head, given.heads - 1)))


def nearest(layer: int, layers: Collection[int]) -> int:
    """Return the layer that is there and nearest; the same where none is needed."""
    return min(layers, key=lambda one: abs(one - layer), default=layer)


def _checked_options(name: str, given: Given, values: Mapping[str, Any]) -> dict[str, Any]:
    known = {one.name: one for one in knobs(get(name), given)}
    unknown = next((one for one in values if one not in known), None)
    if unknown is not None:
        what = f"has {_listed(known)}" if known else "has none"
        raise ValueError(f"{name} has no option {unknown!r}; it {what}")
    return {one: known[one].checked(value) for one, value in values.items()}


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names))
