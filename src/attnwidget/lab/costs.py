"""What a variant takes at a length of the reader's choice, beside full attention."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from attnwidget.variants import SCALED_DOT_PRODUCT, Sizes, kv_cache
from attnwidget.wire.schema import LabCost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attnwidget.lab.given import Given
    from attnwidget.variants import Variant

LONGEST = 131_072  # tokens
USUAL = 64  # tokens a side of a tile, where it is fast
MOVED, WRITTEN_OUT = "bytes moved", "bytes moved where scores and weights are written out"  # of flash attention
_SETTINGS = {one.name for one in fields(Sizes)}
_NOTES = {  # what a count does not go by
    ("sliding_window", "both_sides", True): "Counted for a window on one side.",
    ("multiplicative", "general", False): "Counted with the matrix; without it, it takes what full attention takes.",
    ("linear", "recurrent", True): "Counted for the parallel form, which makes the sums first.",
}


def costs(variant: Variant, given: Given, length: int, values: Mapping[str, Any]) -> list[LabCost]:
    """Count what a variant takes of `length` tokens that attend to as many."""
    inputs = given.inputs
    chosen = {name: value for name, value in values.items() if name in _SETTINGS and value is not None}
    sizes = Sizes(
        length, length, inputs.q.shape[2], inputs.v.shape[2], given.heads, len(inputs.k), itemsize=4, **chosen
    )
    cost, full = variant.cost, SCALED_DOT_PRODUCT.cost
    found = [
        _row("multiplications, one layer", cost.multiplications, full.multiplications, sizes),
        _row("numbers at once, one layer", cost.activations, full.activations, sizes),
    ]
    if WRITTEN_OUT in dict(cost.also):
        found += [_moved(variant, sizes), _moved(variant, replace(sizes, block_q=USUAL, block_k=USUAL))]
    return [*found, _cache(variant, given, sizes, chosen)]


def cost_note(variant: Variant, values: Mapping[str, Any]) -> str:
    """Say where a setting is not in the counts."""
    notes = (
        note for (name, option, value), note in _NOTES.items() if (name, values.get(option)) == (variant.name, value)
    )
    return next(notes, "")


def _row(what: str, count: Any, full: Any, sizes: Sizes) -> LabCost:
    return LabCost(
        what=what,
        unit="",
        count=count(sizes),
        beside=full(sizes),
        compared="full attention",
        formula=[count.text],
    )


def _moved(variant: Variant, sizes: Sizes) -> LabCost:
    also = dict(variant.cost.also)
    here = "as set here" if sizes.block_q != USUAL or sizes.block_k != USUAL else "as on a graphics processor"
    return LabCost(
        what=f"{MOVED}, tiles of {sizes.block_q} × {sizes.block_k} {here}",
        unit="bytes",
        count=also[MOVED](sizes),
        beside=also[WRITTEN_OUT](sizes),
        compared="scores and weights written out",
        formula=[also[MOVED].text],
    )


def _cache(variant: Variant, given: Given, sizes: Sizes, chosen: Mapping[str, Any]) -> LabCost:
    """Count what is kept while writing: of this model in all layers, or of the layer where no config tells."""
    settings = {name: value for name, value in chosen.items() if name != "itemsize"}
    try:
        own = kv_cache(given.config, sizes.m)
        kept = kv_cache(given.config, sizes.m, None, variant, **settings)
    except (ValueError, TypeError, AttributeError):  # no config, or one that does not tell
        count = variant.cost.cache
        return LabCost(
            what="KV cache, one layer in float32",
            unit="bytes",
            count=count(sizes) * sizes.itemsize,
            beside=SCALED_DOT_PRODUCT.cost.cache(sizes) * sizes.itemsize,
            compared="full attention",
            formula=[f"{count.text} numbers × {sizes.itemsize} bytes"],
        )
    return LabCost(
        what=f"KV cache, {given.model} with this in all layers" + ("" if given.writes else ", if it wrote"),
        unit="bytes",
        count=kept.bytes,
        beside=own.bytes,
        compared="the model as it is" if given.writes else "the model as it is, if it wrote",
        formula=list(kept.lines),
    )
