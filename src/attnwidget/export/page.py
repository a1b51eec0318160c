"""A page: one file with the widget in it, and the numbers that it computes its answers from. It needs no network."""

from __future__ import annotations

import gzip
import html
import json
import math
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from attnwidget.export.carried import Carried, Errors, carry, carry_weights, errors, weights_bytes
from attnwidget.export.dense import dense
from attnwidget.export.norms import write_norms
from attnwidget.export.shared import Shared
from attnwidget.head_id import HeadId
from attnwidget.heads import categorize
from attnwidget.maths import LeftOut
from attnwidget.replacing import replacing
from attnwidget.tokens.labels import encodable
from attnwidget.wire.categories import categories, no_categories
from attnwidget.wire.pictures import no_pictures, pictures
from attnwidget.wire.schema import Categories, Outline, Pictures, Probe, Status

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from attnwidget.session import Session
    from attnwidget.trace import AttentionTrace

    Alive = Callable[[int, int], None]

STATIC = Path(__file__).parents[1] / "static"
BUILT_IN = ("weights", "scores", "norms")  # what `page/rows.ts` computes
ROWS_TOLD = 128  # tokens of a text for each of which the model is asked what it expects
WEIGHTS_LIMIT = 32 << 20  # bytes of weights that are carried as they are
_TITLE = 60  # characters
_KERNEL = "this is a saved page, which carries numbers and no model"


class Chosen(NamedTuple):
    """The heads of one attention that a page carries, by layer."""

    attention: str
    heads: dict[int, list[int]]


def page(
    session: Session,
    *,
    heads: Any = None,
    layers: int | Sequence[int] | None = None,
    values: bool = True,
    alive: Alive = lambda *_: None,
) -> bytes:
    """Write what a session shows, and all that can be looked at without a model, as one HTML file.

    Parameters
    ----------
    session : Session
        With a trace.
    heads : list of (layer, head), optional
        Which heads the page carries, beside those of `layers`: ``"L4-H11"`` is understood too. All by default.
    layers : int or sequence of int, optional
        Of which layers it carries all heads.
    values : bool
        Whether it carries values, for the breakdown. Without them it is smaller.
    alive : function
        Called between pieces of work with how many are done of how many; what it raises stops the work.

    Returns
    -------
    bytes
        UTF-16, with the mark that says so.

    Raises
    ------
    ValueError, IndexError, TypeError
        If there is no such head or layer.
    """
    trace = session.settled()
    with session.lock:
        selection, texts, run = session.selection, session.texts, session.run_number
        known = {name: session.states.get(name) for name in ("pictures", "categories")}
    chosen = [_chosen(trace, name, heads, layers) for name in trace.attentions if trace.kept(name)]
    chosen = [one for one in chosen if one.heads]
    if not chosen:
        raise ValueError("heads, layers: none of these is in this trace, so there is nothing to see on the page")
    total = 2 * sum(len(one.heads) for one in chosen)
    shared, blocks, worst, described = Shared(), [], Errors(), {}
    done = 0
    for number, one in enumerate(chosen, 1):
        name = one.attention
        written, found, why = {}, Errors(), ""
        budget = WEIGHTS_LIMIT
        for layer, some in _shown_first(one.heads, selection.layer):
            alive(done, total)
            done += 2
            carried = carry(trace.layer(layer, attention=name), some, shared, values=values)  # type: ignore[arg-type]
            if carried is None:
                budget -= weights_bytes(trace.layer(layer, attention=name), some)  # type: ignore[arg-type]
                if budget < 0:
                    why = "this page leaves it out: its weights take too much room; save it with heads= or layers="
                    continue
                carried = carry_weights(trace, name, layer, some, shared)
            found = found.worse(errors(trace, name, layer, some, carried))
            about, packed = _with_norms(trace, name, layer, carried, values=values)
            written[layer] = about | {"number": layer, "block": len(blocks)}
            blocks.append(packed)
        worst = worst.worse(found)
        outline = session.outline(name)
        state = known["pictures"]
        is_here = name == selection.attention and isinstance(state, Pictures) and state.run == run
        shown = state if is_here and state is not None else _pictures(trace, name)
        described[name] = {
            "outline": outline,
            "run": number,
            "pictures": shown,
            "categories": _categories(session, trace, name, known["categories"]),
            "layers": [written[layer] for layer in sorted(written)],
            "missing": why,
        }
    bound = _bound(worst)
    predicted, silence = _predicted(trace, alive)
    for name, one in described.items():
        one["outline"] = _outline(one, bound, predicted is not None, silence)
        one["pictures"] = replace(one["pictures"], run=one["run"])
        one["categories"] = replace(one["categories"], run=one["run"])
        for state in ("outline", "pictures", "categories"):
            one[state] = one[state].to_state()
    there = {name: {layer["number"]: layer["heads"] for layer in one["layers"]} for name, one in described.items()}
    start = asdict(selection) | _opening(selection, there)
    size = sum(map(len, blocks))
    for one in described.values():
        one["outline"] = one["outline"] | {"nbytes": size}
    data = {
        "texts": asdict(texts),
        "selection": start,
        "status": Status(state="ready").to_state(),
        "attentions": described,
        "masks": shared.masks,
        "biases": shared.biases,
        "next": predicted,
        "errors": {"weights": worst.weights, "scores": worst.scores, "values": worst.values},
        "values": values,
    }
    alive(total, total)
    return _html(session, trace, data, blocks, bound)


def _chosen(trace: AttentionTrace, attention: str, heads: Any, layers: Any) -> Chosen:
    """Choose what of an attention is carried; raise if it is in none of them."""
    kept, count = trace.kept(attention), trace.n_heads(attention)
    if heads is None and layers is None:
        return Chosen(attention, {layer: list(range(count)) for layer in kept})
    found: dict[int, list[int]] = {}
    whole = [layers] if isinstance(layers, int) else list(layers or ())
    wanted = [] if heads is None else HeadId.read_all(heads)
    for layer in (*whole, *(one.layer for one in wanted)):
        if layer not in {at for name in trace.attentions for at in range(trace.n_layers(name))}:
            raise IndexError(f"layer {layer} does not exist: 0 to {trace.n_layers(attention) - 1}")
    for head in wanted:
        if head.head not in range(max(trace.n_heads(name) for name in trace.attentions)):
            raise IndexError(f"head {head} does not exist: a layer has {count}")
    for layer in kept:
        some = {head.head for head in wanted if head.layer == layer and head.head < count}
        some |= set(range(count)) if layer in whole else set()
        if some:
            found[layer] = sorted(some)
    return Chosen(attention, found)


def _shown_first(heads: dict[int, list[int]], layer: int) -> list[tuple[int, list[int]]]:
    """Order layers so that the one on screen is carried if any is."""
    return sorted(heads.items(), key=lambda one: (one[0] != layer, one[0]))


def _with_norms(
    trace: AttentionTrace, attention: str, layer: int, carried: Carried, *, values: bool
) -> tuple[dict[str, Any], bytes]:
    """Add what the measure "norms" needs, if it can be had; the model may run once more for it."""
    about = carried.about | {"norms": False}
    if not values or about["kind"] == "weights" or trace.lacks("norms", attention, layer=layer):
        return about, carried.packed
    try:
        norms = trace.value_norms(layer, attention=attention).float().cpu()[about["heads"]]  # (heads, keys)
    except ValueError:  # the model could not be run again
        return about, carried.packed
    return about | {"norms": True}, gzip.compress(gzip.decompress(carried.packed) + write_norms(norms), 9, mtime=0)


def _pictures(trace: AttentionTrace, attention: str) -> Pictures:
    try:
        return pictures(trace, attention)
    except Exception as error:  # noqa: BLE001  (said beside the heads, which can be chosen without)
        return no_pictures("weights", 0, error)


def _categories(session: Session, trace: AttentionTrace, attention: str, known: Any) -> Categories:
    if isinstance(known, Categories) and known.attention == attention and known.run == session.run_number:
        running = known.probe.state == "running"
        return replace(known, probe=Probe()) if running else known
    try:
        table = categorize(trace, attention=attention, categories=session.own_categories)
        return categories(table, attention, 0, Probe())
    except Exception as error:  # noqa: BLE001  (said in the panel)
        return no_categories(trace, attention, 0, error)


def _predicted(trace: AttentionTrace, alive: Alive) -> tuple[list[list[dict[str, Any]]] | None, str]:
    """Ask the model what it expects at every place of a short text; else say why the page cannot tell."""
    if not trace.predictions.predicts:
        return None, trace.predictions.missing
    count = len(trace.tokens)
    if count > ROWS_TOLD:
        return None, f"what comes next takes the model, and {_KERNEL}"
    told = []
    for row in range(count):
        alive(row, count)
        try:
            found = trace.next_tokens(row)
        except Exception as error:  # noqa: BLE001  (said in the panel)
            return None, str(error) or type(error).__name__
        if any(math.isnan(probability) for _, probability in found):
            return None, "the model computed something that is not a number: it expects nothing"
        told.append([{"token": encodable(token), "probability": probability} for token, probability in found])
    return told, ""


def _bound(worst: Errors) -> str:
    """Say how far numbers may be from the model's, rounded up."""
    kinds = {"weights": worst.weights, "scores": worst.scores}
    parts = [f"{name} differ from the model's by at most {_above(value)}" for name, value in kinds.items() if value > 0]
    if not parts:
        return "Numbers here are the model's own."
    return f"Numbers here were rounded to make the page small: {', '.join(parts)}."


def _above(value: float) -> str:
    """Write a number with one digit that counts, rounded up."""
    digit = 10 ** math.floor(math.log10(value))
    return (
        f"{math.ceil(value / digit - 1e-9) * digit:.0e}" if value < 1e-4 else f"{math.ceil(value / digit) * digit:.5g}"
    )


def _outline(one: dict[str, Any], bound: str, predicts: bool, silence: str) -> Outline:  # noqa: FBT001
    """Return the outline as it is true of a page."""
    outline: Outline = one["outline"]
    layers = one["layers"]
    can = {"weights": True, "scores": any(at["kind"] != "weights" for at in layers)}
    can["norms"] = any(at["norms"] for at in layers)
    measures = [
        replace(
            measure, missing=measure.missing or ("" if can.get(measure.name) else f"it is not on this page: {_KERNEL}")
        )
        for measure in outline.measures
    ]
    told = outline.predicts if predicts else None
    return replace(
        outline,
        run=one["run"],
        editable=False,
        demo=None,
        kept=[at["number"] for at in layers],
        measures=measures,
        max_error=None,
        predicts=told,
        predicts_nothing="" if told else outline.predicts_nothing or silence,
        changed_from=None,
        notices=[*outline.notices, *([one["missing"]] if one["missing"] else [])],
        page=bound,
    )


def _opening(selection: Any, there: dict[str, dict[int, list[int]]]) -> dict[str, Any]:
    """Return what of a selection must be another one, as the page does not carry all."""
    attention = selection.attention if there.get(selection.attention) else next(name for name in there if there[name])
    layers = there[attention]
    same = attention == selection.attention
    heads = [head for head in selection.heads if same and head[1] in layers.get(head[0], ())]
    if not heads:
        layer = selection.layer if selection.layer in layers else min(layers)
        heads = [HeadId(layer, layers[layer][0])]
    layer = selection.layer if selection.layer in {one[0] for one in heads} else heads[-1][0]
    let_go = {} if same else {"queries": [], "keys": [], "what_if": {}}
    built_in = selection.measure in BUILT_IN
    measure = {} if built_in else {"measure": "weights"}
    return {"attention": attention, "layer": layer, "heads": [list(one) for one in heads], **let_go, **measure}


def _html(session: Session, trace: AttentionTrace, data: dict[str, Any], blocks: list[bytes], bound: str) -> bytes:
    code = gzip.decompress((STATIC / "page.js.gz").read_bytes()).decode()
    boot = (STATIC / "boot.js").read_text(encoding="utf-8")
    states = gzip.compress(json.dumps(data, default=_plain, ensure_ascii=True).encode(), 9, mtime=0)
    packed = {"code": gzip.compress(code.encode(), 9, mtime=0), "states": states}
    packed |= {str(number): block for number, block in enumerate(blocks)}
    outlines = data["attentions"].values()
    model = next(iter(outlines))["outline"]["model"]
    words = encodable(" ".join(session.texts.text.split()) or " ".join(trace.tokens))
    short = words if len(words) <= _TITLE else f"{words[:_TITLE].rstrip()}…"
    hashes = " ".join(f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" for one in (boot, code))
    text = Template((Path(__file__).with_name("page.html")).read_text(encoding="utf-8")).substitute(
        hashes=hashes,
        title=html.escape(f"{short} · attention{f' in {encodable(model)}' if model else ''}"),
        bound=html.escape(bound),
        blocks="\n".join(
            f'<script type="text/plain" id="attnwidget-{name}">{dense(one)}</script>' for name, one in packed.items()
        ),
        boot=boot,
    )
    return b"\xff\xfe" + text.encode("utf-16-le")


def _plain(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, bytes) else msgspec.to_builtins(value)


def save_html(session: Session, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a page into a file; a file that stands there stays as it is until the new one is whole."""
    made = page(session, **options)
    with replacing(path) as part:
        part.write_bytes(made)
