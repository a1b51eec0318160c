"""The states of a page: what the widget on it is told by nobody but the file, and is true there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from attnwidget.head_id import HeadId
from attnwidget.heads import categorize
from attnwidget.tokens.labels import encodable
from attnwidget.wire import pictures as drawing
from attnwidget.wire import schema
from attnwidget.wire.categories import categories, no_categories

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attnwidget.export.carried import Errors
    from attnwidget.heads import Category
    from attnwidget.session import Session
    from attnwidget.trace import AttentionTrace

BUILT_IN = ("weights", "scores", "norms", "contribution")  # what the page's own code computes
ROWS_TOLD = 128  # tokens of a text for each of which the model is asked what it expects
_NO_MODEL = "this is a saved page, which carries numbers and no model"


class Known(NamedTuple):
    """What a session has drawn and scored already."""

    run: int
    attention: str
    drawn: schema.Wired | None
    scored: schema.Wired | None
    own: Sequence[Category]
    computed: Sequence[schema.Wired | None]

    @classmethod
    def of(cls, session: Session) -> Known:
        """Look at what it has."""
        drawn, scored = (session.states.get(name) for name in ("pictures", "categories"))
        computed = [session.states.get(name) for name in ("effects", "outcome", "links")]
        return cls(session.run_number, session.selection.attention, drawn, scored, session.own_categories, computed)

    def pictures(self, trace: AttentionTrace, attention: str, run: int) -> schema.Pictures:
        """Return every head's small picture, as the page's `run`."""
        there = self.drawn
        if isinstance(there, schema.Pictures) and self._is_of(there.run, attention) and there.measure in BUILT_IN:
            return replace(there, run=run)
        try:
            return drawing.pictures(trace, attention, run=run)
        except Exception as error:  # noqa: BLE001  (said beside the heads, which can be chosen without)
            return drawing.no_pictures("weights", run, error)

    def categories(self, trace: AttentionTrace, attention: str, run: int) -> schema.Categories:
        """Return every head's scores, as the page's `run`."""
        there = self.scored
        if isinstance(there, schema.Categories) and self._is_of(there.run, attention):
            probe = schema.Probe() if there.probe.state == "running" else there.probe
            return replace(there, run=run, probe=probe)
        try:
            table = categorize(trace, attention=attention, categories=self.own)
        except Exception as error:  # noqa: BLE001  (said in the panel)
            return no_categories(trace, attention, run, error)
        return categories(table, attention, run, schema.Probe())

    def effects(self, attention: str, run: int) -> dict[str, Any]:
        """Return what was computed of effects, by the states' traits, as the page's `run`; empty where nothing was."""
        found: dict[str, Any] = {name: {} for name in ("_effects", "_outcome", "_links")}
        for one in self.computed:
            if isinstance(one, schema.Effects | schema.Outcome | schema.Links) and self._is_of(one.run, attention):
                going = getattr(one, "state", "") == "running"
                name = f"_{type(one).__name__.lower()}"
                found[name] = replace(one, run=run, **({"state": "stopped"} if going else {})).to_state()
        return found

    def _is_of(self, run: int, attention: str) -> bool:
        return run == self.run and attention == self.attention


class Predicted(NamedTuple):
    """What the model expects at each place, likeliest first; or why the page cannot tell."""

    tokens: list[list[dict[str, Any]]] | None
    missing: str = ""


def predicted(trace: AttentionTrace, alive: Callable[[int, int], None]) -> Predicted:
    """Ask the model, for a short text."""
    if not trace.predictions.predicts:
        return Predicted(None, trace.predictions.missing)
    count = len(trace.tokens)
    if count > ROWS_TOLD:
        return Predicted(None, f"what the model expects takes the model, and {_NO_MODEL}")
    told = []
    for row in range(count):
        alive(row, count)
        try:
            found = trace.next_tokens(row)
        except Exception as error:  # noqa: BLE001  (said in the panel)
            return Predicted(None, str(error) or type(error).__name__)
        if any(math.isnan(probability) for _, probability in found):
            return Predicted(None, "the model computed something that is not a number: it expects nothing")
        told.append([{"token": encodable(token), "probability": probability} for token, probability in found])
    return Predicted(told)


def outline(
    model: schema.Outline, layers: Sequence[Mapping[str, Any]], told: Predicted, *, notices: Sequence[str], **about: Any
) -> schema.Outline:
    """Return an outline as it is true of a page with these layers; `about` is the page's own."""
    can = {
        "weights": True,
        "scores": any(one["kind"] != "weights" for one in layers),
        "norms": any(one["norms"] for one in layers),
        "contribution": any(one["ways"] for one in layers),
    }
    predicts = None if told.tokens is None else model.predicts
    return replace(
        model,
        editable=False,
        demo=None,
        kept=[one["number"] for one in layers],
        measures=[
            replace(one, missing=one.missing or _lacking(one.name, can))
            for one in model.measures
            if one.name != "difference"
        ],
        max_error=None,
        predicts=predicts,
        predicts_nothing="" if predicts else model.predicts_nothing or told.missing,
        changed_from=None,
        comparison=None,
        notices=[*model.notices, *notices, *_one_side(model.comparison)],
        **about,
    )


def _one_side(comparison: schema.Comparison | None) -> list[str]:
    """Say that a page carries one side only."""
    if comparison is None:
        return []
    shown = comparison.shown == "b"
    here, there = (f"{'AB'[nth]} ({comparison.names[nth]})" for nth in (shown, not shown))
    return [f"Two were compared: this page carries {here}; {there} and the difference are not on it."]


def _lacking(measure: str, can: Mapping[str, bool]) -> str:
    return "" if can.get(measure) else f"its numbers are not on this page, and {_NO_MODEL}"


def bound(worst: Errors) -> str:
    """Say how far numbers may be from the model's."""
    off = {"weights": worst.weights, "scores": worst.scores, "logit contributions": worst.contributions}
    parts = [f"{name} differ from the model's by at most {_above(value)}" for name, value in off.items() if value > 0]
    if not parts:
        return "Numbers here are the model's own."
    return f"Numbers here were rounded to make the page small: {', '.join(parts)}."


def _above(value: float) -> str:
    """Write a number with two digits that count, rounded up."""
    place = math.floor(math.log10(value)) - 1
    rounded = math.ceil(value / 10.0**place - 1e-9) * 10.0**place
    return f"{rounded:.{-place}f}" if -9 <= place < 0 else f"{rounded:.2g}"  # 0.000066 is read more easily


def opening(selection: schema.Selection, there: Mapping[str, Mapping[int, Sequence[int]]]) -> dict[str, Any]:
    """Return what of a selection is another on a page that carries some heads of some attentions' layers."""
    attention = selection.attention if selection.attention in there else next(iter(there))
    layers, same = there[attention], attention == selection.attention
    heads = [head for head in selection.heads if same and head.head in layers.get(head.layer, ())]
    if not heads:
        layer = selection.layer if selection.layer in layers else min(layers)
        heads = [HeadId(layer, layers[layer][0])]
    layer = selection.layer if selection.layer in {head.layer for head in heads} else heads[-1].layer
    let_go: dict[str, Any] = {} if same else {"queries": [], "keys": [], "what_if": {}, "off": [], "mask": None}
    measure = selection.measure if selection.measure in BUILT_IN else "weights"
    return {"attention": attention, "layer": layer, "heads": heads, "measure": measure, "side": "a", **let_go}
