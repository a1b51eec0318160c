"""The whole board: the variants side by side, each with its picture, its words and its costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.lab import attended
from attnwidget.lab.costs import cost_note, costs
from attnwidget.lab.flash_run import flash_run
from attnwidget.lab.given import MASKS, NONE
from attnwidget.lab.knobs import knobs, settings
from attnwidget.tokens.labels import encodable
from attnwidget.variants import ALL, get
from attnwidget.version import __version__
from attnwidget.wire.envelope import encode_array
from attnwidget.wire.schema import (
    LabBoard,
    LabChoice,
    LabIdentity,
    LabMask,
    LabName,
    LabOption,
    LabPicture,
    LabSymbol,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attnwidget.lab.given import Given
    from attnwidget.variants import Variant

_BY_HEAD = "This variant takes heads in pairs, and there are {} of them."


def board(run: int, text: str, given: Given, choice: LabChoice, checked: dict[str, list[LabIdentity]]) -> LabBoard:
    """Compute all that is shown for a choice.

    Parameters
    ----------
    run : int
        The number of the text.
    text : str
        What was written.
    given : Given
        The numbers, under their own mask.
    choice : LabChoice
        What is looked at.
    checked : dict
        Identities that were checked on these q, k and v, by variant; what is missing is added.
    """
    masked = given.under(choice.mask)
    plain = attended.plain_weights(masked)[choice.head]  # (n, n)
    pictures = [_picture(get(name), masked, choice, plain, checked) for name in choice.variants]
    wants_flash = any(one.name == "flash" and not one.problem for one in pictures)
    return LabBoard(
        run=run,
        choice=choice,
        text=text,
        model=given.model,
        tokens=[encodable(token) for token in given.inputs.queries],
        layers=list(given.layers),
        heads=given.heads,
        key_heads=len(given.inputs.k),
        menu=[LabName(name=one.name, label=one.label, group=one.group, sentence=one.sentence) for one in ALL],
        masks=_masks(given, choice.mask),
        mask=given.says(choice.mask),
        notices=list(given.notices),
        small=attended.small_tables(given, choice.head),
        pictures=pictures,
        flash=flash_run(masked, choice.head, settings(get("flash"), masked, choice.options)) if wants_flash else None,
        version=__version__,
    )


def _masks(given: Given, now: str) -> list[LabMask]:
    names = [*MASKS, *({now} - {*MASKS})]
    if given.small is not None:  # its own is none
        names = [name for name in names if name != NONE or name == now]
    return [LabMask(name=name, says=given.says(name)) for name in names]


def _picture(
    variant: Variant, given: Given, choice: LabChoice, plain: Any, checked: dict[str, list[LabIdentity]]
) -> LabPicture:
    values = settings(variant, given, choice.options)
    problem, drawn = _why_not(variant, given), None
    if not problem:
        try:
            drawn = attended.draw(variant, given, choice.head, values)
        except ValueError as error:
            problem = str(error)
    if variant.name not in checked:
        checked[variant.name] = identities(variant, given)
    return LabPicture(
        name=variant.name,
        label=variant.label,
        group=variant.group,
        weights=encode_array(drawn.weights) if drawn else None,
        problem=problem,
        signed=variant.name == "differential",
        whose=drawn.whose if drawn else "",
        notes=drawn.notes if drawn else [],
        blind=drawn.blind if drawn else [],
        blindness=attended.blindness(variant) if drawn and drawn.blind else "",
        apart=attended.apart(variant, drawn, plain) if drawn else None,
        strip=attended.strip(drawn, choice.head) if drawn else None,
        groups=list(getattr(drawn.result, "groups", ())) or None if drawn else None,
        tables=attended.tables(drawn, given, choice.head) if drawn else [],
        pieces=list(variant.formula.pieces),
        symbols=[LabSymbol(symbol=s.symbol, meaning=s.meaning, shape=s.shape) for s in variant.formula.symbols],
        sizes=_sizes(given, values),
        sentence=variant.sentence,
        paragraph=variant.paragraph,
        sees=variant.sees,
        cannot=variant.cannot,
        often_said=variant.often_said,
        sources=[str(source) for source in variant.sources],
        options=_options(variant, given, values),
        identities=checked[variant.name],
        costs=costs(variant, given, choice.length, values),
        cost_note=cost_note(variant, values),
    )


def _why_not(variant: Variant, given: Given) -> str:
    if variant.name == "differential" and given.heads % 2:
        return _BY_HEAD.format(given.heads)
    return variant.why_not(given.inputs)


def identities(variant: Variant, given: Given) -> list[LabIdentity]:
    """Check what ties a variant to the others, on q, k and v of all heads, without a mask."""
    inputs, found = given.inputs, []
    for one in variant.identities:
        difference, problem = None, ""
        try:
            apart = one.difference(inputs.q, inputs.k, inputs.v)
            difference = apart if apart == apart else None  # noqa: PLR0124 - NaN
        except ValueError as error:
            problem = str(error)
        found.append(LabIdentity(sentence=one.sentence, difference=difference, problem=problem))
    return found


def _options(variant: Variant, given: Given, values: Mapping[str, Any]) -> list[LabOption]:
    return [
        LabOption(
            name=one.name,
            label=one.label,
            meaning=one.meaning,
            kind=one.kind,
            value=values[one.name],
            default=one.default,
            least=one.least,
            most=one.most,
            step=one.step,
            allowed=None if one.allowed is None else list(one.allowed),
            unset=one.unset,
        )
        for one in knobs(variant, given)
    ]


def _sizes(given: Given, values: Mapping[str, Any]) -> dict[str, int]:
    """Return what letters of shapes stand for."""
    inputs = given.inputs
    (heads, n, d_k), d_v = inputs.q.shape, inputs.v.shape[2]
    found = {"heads": heads, "n": n, "m": n, "d_k": d_k, "d_v": d_v}
    width = given.small[0].shape[1] if given.small else getattr(given.config, "hidden_size", None)
    if isinstance(width, int):
        found["d_model"] = width
    found |= {name: int(values[name]) for name in ("groups", "rank", "hidden") if name in values}
    if "block_q" in values:
        found |= {"rows": int(values["block_q"]), "columns": int(values["block_k"])}
    return found
