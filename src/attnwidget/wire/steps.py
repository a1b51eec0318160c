"""A breakdown as the browser draws it: the keys that make rows, the others together, every step's numbers."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.wire.envelope import encode_array
from attnwidget.wire.schema import Changed, Pipeline, Projected, Rest, Station, StepsBeside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from attnwidget.breakdown import Breakdown
    from attnwidget.comparison import StepsBeside as Beside
    from attnwidget.comparison.steps import Row
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Envelope

ROWS = 40  # keys that get a row each; of more, those of largest weight
_APART = 10  # of a long text so many keys that differ most get one, too; and of those that only the other side has
_PER_KEY = ("keys", "products", "dots", "scaled", "capped", "bias", "allowed", "scores", "exponentials", "weights")
_CHANGING = ("scaled", "capped", "scores", "exponentials", "weights")


def steps(whole: Breakdown, changed: Breakdown | None = None, *, keep: Sequence[int] = ()) -> dict[str, Any]:
    """Write out a breakdown, and beside it the same with something changed.

    Parameters
    ----------
    whole : Breakdown
        As the model computes it.
    changed : Breakdown, optional
        What `whole.what_if` gave.
    keep : sequence of int
        Keys that get a row in any case.

    Returns
    -------
    dict
        The fields of `wire.schema.Breakdown` that are about the computation.
    """
    rows, ranked = _rows(whole, keep)
    others = whole.allowed.clone()  # (m,)
    others[rows] = False
    arrays = {name: getattr(whole, name)[rows] for name in _PER_KEY if getattr(whole, name) is not None}
    arrays |= {"query": whole.query, "values": whole.values[rows]}
    arrays |= _of_values(whole, rows, others)
    if whole.parts:
        arrays["parts"] = torch.stack([part.weights[rows] for part in whole.parts])  # (queries, rows)
    if whole.contributions is not None:
        arrays |= {"headNorms": whole.contributions.norm(dim=-1)}
    if whole.attention_output is not None:
        arrays |= {"attentionOutput": whole.attention_output}
    return {
        "rows": rows.tolist(),
        "ranked": ranked,
        "visible": int(whole.allowed.sum()),
        "masked": int((~whole.allowed).sum()),
        "rest": _rest(whole, others),
        "scale": whole.parts[0].scale if whole.parts else whole.scale,
        "softcap": whole.softcap,
        "shared_by": list(whole.shared_by),
        "key_head": whole.key_head,
        "key_heads": whole.head_outputs.shape[0] // len(whole.shared_by),
        **_softmax(whole),
        "arrays": _encode(arrays),
        "changed": None if changed is None else _changed(whole, changed, rows, others),
    }


def projected(whole: Breakdown, *, waiting: bool, done: int = 0, total: int = 0) -> Projected:
    """Say how far the way from the heads to the layer's output is known."""
    return Projected(
        state="running" if waiting else "missing" if whole.missing else "ready",
        message=whole.missing,
        done=done,
        total=total,
        name=whole.output_name,
        max_difference=_number(whole.max_difference),
        has_bias=whole.output_bias is not None,
    )


def pipeline(trace: AttentionTrace, attention: str, layer: int, *, run: bool = False) -> Pipeline:
    """Say where a layer's attention stands in the model, as far as that is known; `run` finds what is not, yet."""
    found = trace.pipeline(layer, attention=attention, run=run)
    return Pipeline(
        layers=found.layers,
        stops=[Station(**asdict(stop)) for stop in found.stops],
        sentence=found.sentence,
        paragraph=found.paragraph,
        formula=found.formula,
    )


def weights_alone(row: Row, *, keep: Sequence[int] = ()) -> dict[str, Any]:
    """Write out what there is of a trace of weights alone: fields of `wire.schema.Breakdown`."""
    rows, ranked = _rows(row, keep)
    arrays = _encode({"weights": row.weights[rows], "allowed": row.allowed[rows]})
    return {"rows": rows.tolist(), "ranked": ranked, "arrays": arrays}


def most_apart(found: Beside) -> list[int]:
    """Return the keys whose weights differ most: they get a row in any case."""
    size = found.difference("weights").nan_to_num().abs().masked_fill(~found.allowed, -1)  # (m,)
    return size.topk(min(_APART, int(found.allowed.sum()))).indices.tolist()


def beside(found: Beside, rows: Sequence[int]) -> StepsBeside:
    """Write out what stands beside some keys, each a row."""
    at = torch.tensor(rows, dtype=torch.long)
    there = found.there
    only, others = found.only.cpu(), found.only.cpu()[:0]
    if len(there.weights) > ROWS:
        only = only[there.allowed.cpu()[only]]
        order = there.weights.cpu()[only].nan_to_num().argsort(descending=True, stable=True)
        only, others = only[order[:_APART]], only[order[_APART:]]
    arrays = {"allowed": found.across("allowed")[at], "onlyAllowed": there.allowed[only]}
    for name in found.names:
        arrays |= {name: found.across(name)[at], f"{name}Difference": found.difference(name)[at]}
        arrays[f"only{name.capitalize()}"] = getattr(there, name)[only]
    outputs = [one.head_output for one in (found.here, there) if one.head_output is not None]
    return StepsBeside(
        only_weights=found.only_weights,
        head=there.head,
        queries=list(there.queries),
        partners=found.partners.cpu()[at].tolist(),
        only=only.tolist(),
        rest=Rest(count=len(others), weight=_number(there.weights[others].sum())),
        norms=[_number(one.norm()) for one in outputs] if len(outputs) > 1 else [],
        width=len(outputs[-1]) if len(outputs) > 1 else 0,
        distance=_number(found.distance),
        arrays=_encode(arrays),
    )


def _rows(whole: Breakdown | Row, keep: Sequence[int]) -> tuple[Tensor, bool]:
    """Return the keys that get a row each, and whether they stand in order of weight."""
    m = len(whole.weights)
    if m <= ROWS:
        return torch.arange(m), False
    ranked = whole.weights.nan_to_num().masked_fill(~whole.allowed, -1).argsort(descending=True, stable=True).cpu()
    count = min(ROWS, int(whole.allowed.sum()))
    first = ranked[:count].tolist()
    return torch.tensor([*first, *(key for key in dict.fromkeys(keep) if key not in first)], dtype=torch.long), True


def _of_values(one: Breakdown, rows: Tensor, others: Tensor) -> dict[str, Tensor]:
    arrays = {
        "weighted": one.weighted_values[rows],
        "restWeighted": one.weighted_values[others].sum(0),
        "weightedNorms": one.weighted_norms[rows],
        "headOutput": one.head_output,
        "headOutputs": one.head_outputs,
    }
    if one.contribution is not None and one.output is not None:
        arrays |= {"contribution": one.contribution, "output": one.output}
    return arrays


def _changed(whole: Breakdown, changed: Breakdown, rows: Tensor, others: Tensor) -> Changed:
    arrays = {name: getattr(changed, name)[rows] for name in _CHANGING if getattr(changed, name) is not None}
    moved = None if whole.output is None or changed.output is None else (changed.output - whole.output).norm()
    norm = None if changed.contribution is None else changed.contribution.norm()
    return Changed(
        rest=_rest(changed, others),
        removed=_number(changed.removed),
        grown=None if changed.parts else _number(changed.grown),
        head_norm=_number(norm),
        distance=_number(moved),
        **_softmax(changed),
        arrays=_encode(arrays | _of_values(changed, rows, others)),
    )


def _rest(one: Breakdown, others: Tensor) -> Rest:
    return Rest(count=int(others.sum()), weight=_number(one.weights[others].sum()))


def _softmax(one: Breakdown) -> dict[str, Any]:
    return {name: _number(getattr(one, name)) for name in ("maximum", "total", "sink")}


def _encode(arrays: Mapping[str, Tensor]) -> dict[str, Envelope]:
    return {name: encode_array(array) for name, array in arrays.items()}


def _number(value: float | Tensor | None) -> float | None:
    """JSON has neither NaN nor infinity."""
    found = None if value is None else float(value)
    return found if found is not None and math.isfinite(found) else None
