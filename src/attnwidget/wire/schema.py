"""Everything that crosses between kernel and browser, typed once; `js/src/wire/schema.ts` is written from this file.

Three ways lead across. *Traits*, for what a user links or a notebook saves: the selection, which both sides set, and
the states, which only the kernel sets. *Requests* with one reply each, for arrays and actions: custom messages
``{"id", "ask", …}`` and ``{"id", "ok"}`` or ``{"id", "error"}``. *Events*, which nobody asked for: ``{"event", …}``.

`scripts/wire_types.py` writes the TypeScript types, with camel-case names and these descriptions; `make check` fails
where the two differ.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from attnwidget.head_id import HeadId  # noqa: TC001 - msgspec reads the annotations
from attnwidget.tokens.labels import encodable

MaskMode = Literal["head", "model"]
Combine = Literal["mean", "sum"]
Side = Literal["query", "key"]
Compared = Literal["a", "b", "difference"]
Domain = Literal["share", "positive", "real", "signed"]
DType = Literal["float32", "int32", "uint8", "uint16"]

VIEWS = {
    "lines": "tiles",
    "matrix": "tiles",
    "text": "tiles",
    "heads": "pictures",
    "breakdown": "steps",
    "effect": "effects",
}
"""The views by name, and what each is drawn from: tiles of a measure, small pictures, a breakdown's steps, effects."""


def said(text: str) -> Meta:
    """Describe a field, here and in TypeScript."""
    return Meta(description=text)


def ts(name: str) -> Meta:
    """Name a field's type in TypeScript, where it says more than Python's."""
    return Meta(extra_json_schema={"ts": name})


class Wired(Struct, rename="camel", kw_only=True, frozen=True):
    """What crosses: names in camel case over there."""

    def to_state(self) -> dict[str, Any]:
        """Return it as a trait or a message carries it: JSON, but for the bytes of arrays."""
        state: dict[str, Any] = _encodable(msgspec.to_builtins(self, builtin_types=(bytes,)))
        return state


def _encodable(value: Any) -> Any:
    """Return a value whose strings all have a UTF-8: names and messages may be anybody's."""
    match value:
        case str():
            return encodable(value)
        case list() | tuple():
            return type(value)(map(_encodable, value))
        case dict():
            return {_encodable(name): _encodable(one) for name, one in value.items()}
    return value


class Envelope(Wired, kw_only=True, frozen=True):
    """An array: its bytes in C order, little-endian."""

    dtype: DType
    shape: list[int]
    data: bytes


# -- the selection: traits that both sides set ------------------------------------------------------------------


class WhatIf(Wired, kw_only=True, frozen=True):
    """What the reader changes in a head's computation; each is there only where it is changed."""

    scaled: Annotated[bool | UnsetType, said("False: the products go into the softmax unscaled.")] = UNSET
    temperature: Annotated[float | UnsetType, said("Scores are divided by it.")] = UNSET
    scores: Annotated[dict[str, float] | UnsetType, said("Scores set by hand, by key position.")] = UNSET
    masked: Annotated[list[int] | UnsetType, said("Keys hidden before the softmax.")] = UNSET
    removed: Annotated[list[int] | UnsetType, said("Keys taken out after it; the others grow to the same sum.")] = UNSET


class Question(Wired, kw_only=True, frozen=True):
    """What is asked of the model: an `attnwidget.Target`, as JSON has it."""

    kind: Literal["logprob", "difference", "loss", "output"]
    tokens: Annotated[list[str | int], said("Of the vocabulary; none of a logprob is the likeliest.")] = []
    at: Annotated[list[int] | None, said("Positions; null: the pinned query, or where the model's answer is.")] = None


class Texts(Struct, kw_only=True, frozen=True):
    """What the model was run on; empty where there is none."""

    text: str = ""
    text_pair: str = ""
    text_target: str = ""


class Selection(Struct, kw_only=True, frozen=True):
    """What of a run is looked at, and how."""

    view: Annotated[str, said("One of VIEWS.")] = "lines"
    attention: str = "self"
    measure: Annotated[str, said("Which number of a pair is drawn.")] = "weights"
    side: Annotated[
        Compared, said("Of a comparison: A, B, or A's tokens with A − B, which is the measure difference.")
    ] = "a"
    layer: int = 0
    heads: list[HeadId] = []
    queries: Annotated[list[int], said("The pinned token positions that attend.")] = []
    keys: Annotated[list[int], said("The pinned token positions that are attended to.")] = []
    threshold: Annotated[float, said("Below it nothing is drawn: a share of the scale's largest number.")] = 0.02
    words: Annotated[bool, said("Whether sub-words are merged.")] = False
    category: Annotated[str | None, said("The category that is open in the panel.")] = None
    combine: Annotated[Combine, said("How several queries are taken together.")] = "mean"
    what_if: Annotated[dict[str, Any], ts("WhatIf")] = {}
    off: Annotated[list[HeadId], said("The heads that are switched off, of the attention on screen.")] = []
    target: Annotated[dict[str, Any] | None, ts("Question | null"), said("What effects are on; null: by default.")] = (
        None
    )
    mask: Annotated[
        Any,
        ts("string | number[][] | null"),
        said("The mask in the place of the model's own, of the attention on screen: a name, or rows of 1 and 0."),
    ] = None
    mask_mode: Annotated[MaskMode, said("head: each head by itself; model: the model is run with it.")] = "head"


class Stamp(Wired, kw_only=True, frozen=True):
    """Which browser set the selection, and its how manieth change that was: the kernel confirms it by an event."""

    client: str = ""
    count: int = 0
    followed: Annotated[
        list[str], said("What this browser took over and did not set: hosts send it along, perhaps when it is old.")
    ] = []


# -- states: traits that the kernel sets ------------------------------------------------------------------------


class Status(Wired, kw_only=True, frozen=True):
    """What the kernel is doing."""

    state: Literal["loading", "ready", "error"]
    message: str = ""
    done: int = 0
    total: int | None = None
    editable: Annotated[bool, said("There is a model, though nothing was drawn yet: another text may be tried.")] = (
        False
    )


class TokenList(Wired, kw_only=True, frozen=True):
    """The tokens of one side, written small; `layout/units.ts` reads it.

    Flags are stretches of positions: the first, one after the last, the next first …
    """

    tokens: Annotated[str, said("All labels in one text: its first character stands before each, and in none.")]
    special: list[int]
    words: Annotated[str, said("How many tokens each word has, with a space between.")]
    word_texts: Annotated[str, said("As tokens; empty for a word that reads as its tokens do, or where all words do.")]
    segments: Annotated[
        list[int] | None,
        said("Where another text of a pair, or turn of a chat, begins, and its number: 5, 1, 9, 2; null for one text."),
    ]
    generated: Annotated[list[int] | None, said("What the model wrote itself.")]
    writes: Annotated[bool, said("A decoder's: what the row of a token works out is the token after it.")] = False
    gaps: Annotated[
        str,
        said(
            "The text as it was written, a letter a token: the token as it is here behind nothing (.), a space ( ) or "
            "a line break (/); nothing (0), as of a mark that was added; or the next of `odd` (*)."
        ),
    ]
    odd: Annotated[list[str], said("What stands in the text where a token is written otherwise here.")]


class ExampleName(Wired, kw_only=True, frozen=True):
    """An example in the menu."""

    name: str
    group: Annotated[str, said("What its model does.")]


class ShownExample(Wired, kw_only=True, frozen=True):
    """The example on screen, and what to look for in it."""

    name: str
    look: str


class Demo(Wired, kw_only=True, frozen=True):
    """Of a bundled model: what it is, and the examples that the bundled models are for."""

    about: str
    examples: list[ExampleName]
    shown: ShownExample | None


class MeasureInfo(Wired, kw_only=True, frozen=True):
    """A measure, as the menu offers it."""

    name: str
    of: Annotated[
        Literal["head", "layer", "way"],
        said("Whose number it is: a head's, all heads' of a layer together, or the whole way's down from a layer."),
    ]
    label: Annotated[str, said("What one number of it is called.")]
    sentence: str
    domain: Annotated[Domain, said("share: 0 to 1; positive: 0 and more; real, signed: of either sign.")]
    below: Annotated[str, said("What numbers below 0 do, and what those above it.")]
    above: str
    missing: Annotated[str, said("Why it cannot be had here; empty where it can.")]


class Matrices(Wired, kw_only=True, frozen=True):
    """How much one attention of a trace would be, written out."""

    attention: str
    queries: int
    keys: int
    layers: int
    heads: int


class MaskShown(Wired, kw_only=True, frozen=True):
    """The mask that was put in the place of the model's own."""

    mask: Annotated[Any, ts("string | number[][]"), said("As in the selection.")]
    mode: MaskMode
    brief: Annotated[str, said('In a few words: "window of 4".')]
    sentence: Annotated[str, said("What it does, and what becomes of tokens that see nothing.")]
    blind: Annotated[int, said("How many tokens see nothing.")]


class Comparison(Wired, kw_only=True, frozen=True):
    """What the trace on screen is compared with, as far as its attention goes.

    Partners are written as stretches: a position here, its partner's there, and how many follow each other so.
    """

    names: Annotated[list[str], said("What A and B are called.")]
    why: Annotated[str, said("What sets them apart, as a sentence; empty where the names say it.")] = ""
    shown: Annotated[Literal["a", "b"], said("Which of them is on screen.")]
    head: Annotated[
        HeadId | None, said("The one of the other side that all heads are compared with; null: each with its own.")
    ] = None
    missing: Annotated[str, said("Why there is no difference; empty where there is.")] = ""
    queries: list[list[int]] = []
    keys: Annotated[list[list[int]] | None, said("Null where the keys are the queries' own tokens.")] = None
    other_queries: Annotated[TokenList, said("The other side's tokens.")]
    other_keys: TokenList | None = None
    predicts: Annotated[Literal["next", "place"] | None, said("As of the outline, by the other's model.")] = None
    trace: Annotated[str, said("Which of the session's traces is the other.")] = "beside"


class Outline(Wired, kw_only=True, frozen=True):
    """Everything small about the current run."""

    run: int
    trace: Annotated[str, said("Which of the session's traces this is.")]
    model: str
    revision: Annotated[str, said("The commit of the model's files on the Hub; empty where it is not known.")] = ""
    formula: Annotated[str, said("How a weight comes about here.")]
    version: Annotated[str, said("Of attnwidget, that made this.")]
    editable: bool
    seconds: Annotated[float, said("How long the model took.")]
    translates: Annotated[bool, said("The model reads one text and says another.")]
    attention: str
    attentions: Annotated[list[str], said("Those of which there is a layer to see.")]
    queries: TokenList
    keys: Annotated[TokenList | None, said("Null where the keys are the queries' own tokens.")]
    layers: Annotated[int, said("Of the model.")]
    kept: Annotated[list[int], said("The numbers of the layers that there is something to see of.")]
    heads: int
    matrices: Annotated[list[Matrices], said("All attentions of the trace.")]
    nbytes: Annotated[int, said("What the trace held when the run was done.")]
    measures: list[MeasureInfo]
    scored: Annotated[int | None, said("On how many queries the heads are scored, where that is not all.")]
    max_error: Annotated[float | None, said("Null where there is nothing to compare with.")]
    broken: Annotated[bool, said("The model computed something that is not a number.")]
    off: Annotated[list[HeadId], said("The heads without which the model ran; of this attention.")] = []
    mask: Annotated[MaskShown | None, said("Null: the model's own.")] = None
    notices: Annotated[list[str], said("What the reader should know before trusting what is shown.")]
    predicts: Annotated[
        Literal["next", "place"] | None,
        said("Which token a query's row tells by the model's head: the one after it, or the one at its place."),
    ]
    predicts_nothing: Annotated[str, said("Why it tells none; empty where it does.")]
    changed_from: Annotated[
        int | None,
        said(
            "The first query that differs from the text before: those before it cannot see that, and have the same "
            "weights as before. Null where nothing can be said."
        ),
    ]
    demo: Demo | None
    comparison: Annotated[Comparison | None, said("Null where nothing stands beside.")] = None
    page: Annotated[
        str | None,
        said("Of a page without a kernel: how far its numbers may be from the model's, as a sentence. Else null."),
    ] = None


class Snapshot(Wired, kw_only=True, frozen=True):
    """What must be drawn without a kernel: the heads on screen, and the current layer of a short text.

    float32, or uint16 as in `Ahead`.
    """

    run: int
    measure: str
    words: bool
    heads: list[HeadId]
    dtype: DType = "float32"
    shape: Annotated[list[int], said("(heads, queries, keys); −∞ where the mask forbids the pair.")] = []
    data: Annotated[bytes | None, said("Null for a text too long to come along.")] = None


class Ahead(Envelope, kw_only=True, frozen=True):
    """All heads' weights of a short text, sent before anybody asks, so that another head needs no kernel.

    uint16, (those layers, heads, queries, keys): weight × 65533 rounded, so off by at most 7.7e-6; 65535 where the mask
    forbids the pair, 65534 where the model has NaN.
    """

    run: int
    attention: str
    layers: Annotated[list[int], said("The number of each: some may have been left out.")]


class Pictures(Envelope, kw_only=True, frozen=True):
    """Every head's pattern as a small picture: uint8, (layers, heads, rows, columns).

    0 is forbidden; 1 to 255 stand for 0 to `limit`, or, of a measure with either sign, for −limit to limit.
    """

    run: int
    measure: str
    domain: Domain
    limit: Annotated[float, said("The size of number that is drawn with full strength.")]
    sampled: Annotated[int | None, said("Of how many queries, where they are not drawn from all.")] = None
    problem: Annotated[str, said("Why there are none, and the shape is all 0; empty where there are.")] = ""


class Notes(Wired, kw_only=True, frozen=True):
    """What every head's score means: many heads share a sentence, but for its numbers."""

    texts: Annotated[list[str], said("With U+0001 in the place of each whole number.")]
    of: Annotated[list[list[str]], said("By layer and head: which of them, and its numbers; parted by spaces.")]


class Category(Wired, kw_only=True, frozen=True):
    """What a kind of head is, as the panel explains it."""

    name: str
    meaning: Annotated[str, said("One sentence.")]
    threshold: Annotated[float, said("The score that a head needs, where the reader has set none.")]
    scale: Annotated[str, said("What its numbers mean: one sentence; empty where nobody says.")]
    chance: Annotated[float | None, said("What an even spread of attention would reach, before the correction.")]
    source: Annotated[str, said("On what it was measured.")]
    colour: Annotated[str | None, said("Of a user's own category, #rrggbb.")]
    notes: Notes | None


class Probe(Wired, kw_only=True, frozen=True):
    """The measuring that needs texts of its own."""

    state: Literal["none", "running", "done", "failed"] = "none"
    message: str = ""
    done: int = 0
    total: int = 0


class Categories(Envelope, kw_only=True, frozen=True):
    """Scores of all heads: float32, (categories, layers, heads), NaN where not measured."""

    run: int
    attention: str
    categories: list[Category] = msgspec.field(name="list")
    peak: Annotated[
        list[list[float | None]],
        said("How sharp each head's rows are, by layer: mean largest weight, 0 for an even spread, 1 for one key."),
    ]
    warning: str
    probe: Probe


class Projected(Wired, kw_only=True, frozen=True):
    """The heads' way into the layer's output: W_O."""

    state: Annotated[
        Literal["ready", "running", "missing"],
        said("running: the model is asked once more for what its modules return; missing: see the message."),
    ] = "missing"
    message: str = ""
    done: int = 0
    total: int = 0
    name: Annotated[str, said('The model\'s own module, such as "encoder.layer.5.attention.output.dense".')] = ""
    max_difference: Annotated[
        float | None,
        said("Largest |difference| between what the heads write together (+ bias) and what the module returned."),
    ] = None
    has_bias: bool = False


class Rest(Wired, kw_only=True, frozen=True):
    """The visible keys that are no rows, together."""

    count: int = 0
    weight: float | None = None


class SoftmaxParts(Wired, kw_only=True, frozen=True):
    """What a softmax was made of; null for several queries, each of which has its own."""

    maximum: float | None = None
    total: Annotated[float | None, said("Sum of the exponentials, the sink's among them.")] = None
    sink: Annotated[float | None, said("Share of the weight that goes to no key, in a model with attention sinks.")] = (
        None
    )


class Station(Wired, kw_only=True, frozen=True):
    """A stop of the way through the model."""

    name: Annotated[str, said("What stands there; … where it is not known.")]
    in_layer: Annotated[bool, said("Whether every layer has it.")] = False
    adds: Annotated[bool, said("Whether it reads the residual stream and adds to it.")] = False
    beside: Annotated[bool, said("Whether it reads the same as the stop before.")] = False
    before: Annotated[bool, said("Whether what it reads is normed.")] = False
    inside: Annotated[bool, said("Whether what it adds is normed.")] = False
    here: Annotated[bool, said("Whether it is the attention on screen.")] = False


class Pipeline(Wired, kw_only=True, frozen=True):
    """Where the layer's attention stands in the model, as far as it is known; and the same in words."""

    layers: int
    stops: list[Station]
    sentence: str
    paragraph: str
    formula: str


class Changed(SoftmaxParts, kw_only=True, frozen=True):
    """A computation with something changed.

    Arrays: scaled, capped, scores, exponentials, weights, weighted, weightedNorms, restWeighted, headOutput,
    headOutputs; contribution and output when ready.
    """

    arrays: dict[str, Envelope]
    rest: Rest
    removed: Annotated[float | None, said("The weight that the hidden and removed keys would have without that.")]
    grown: Annotated[
        float | None,
        said("By what the others then grew: weight = grown × exponential / total; null for several queries."),
    ]
    head_norm: Annotated[float | None, said("Norm of what the head then writes.")]
    distance: Annotated[float | None, said("Norm of the difference that this makes to the layer's output.")]


class StepsBeside(Wired, kw_only=True, frozen=True):
    """What the other side of a comparison has for the same query and keys.

    Arrays for r rows and the k keys that only the other has, float32 but for allowed (uint8), by name
    allowed, weights (r): of each row's partner, 0 without one; weightsDifference (r): A − B, −∞ without a partner or
    where either side hides the key; onlyAllowed, onlyWeights (k); and likewise of dots and scores, where both sides
    have these.
    """

    missing: Annotated[str, said("Why nothing is compared; empty where something is.")] = ""
    only_weights: Annotated[str, said("Why nothing but weights is; empty where more is.")] = ""
    head: Annotated[HeadId | None, said("The other's.")] = None
    queries: Annotated[list[int], said("The other's.")] = []
    partners: Annotated[list[int], said("By row: the position of its key's partner; −1 where it has none.")] = []
    only: Annotated[list[int], said("The other's keys without a partner; of a long text the strongest of them.")] = []
    rest: Annotated[Rest, said("Those that are left out of these.")] = Rest()
    norms: Annotated[list[float | None], said("Of the head's output, here and there; empty where not known.")] = []
    width: Annotated[int, said("How many numbers the other's has.")] = 0
    distance: Annotated[float | None, said("Norm of the difference of both; null where they are not as wide.")] = None
    arrays: dict[str, Envelope] = {}


class Breakdown(SoftmaxParts, kw_only=True, frozen=True):
    """One head's computation for a query, or for several together: all that the breakdown shows.

    Arrays for r rows: float32 but for allowed (uint8), by name
    query (dK), keys (r, dK), products (r, dK), dots (r), scaled (r), allowed (r), scores (r), weights (r),
    values (r, dV), weighted (r, dV), weightedNorms (r), restWeighted (dV), headOutput (dV), headOutputs (heads, dV);
    capped (r) with a soft cap, bias (r) with a position bias, exponentials (r) for one query,
    parts (queries, r) for several: each one's weights;
    once the output is ready: headNorms (heads) that each head writes, contribution (dModel) of this head,
    output (dModel) = all heads' contributions + bias, attentionOutput (dModel) by the model itself,
    where that is known.
    """

    run: int
    attention: str
    head: HeadId
    pinned: Annotated[
        list[int],
        said("The synced queries when this was made; without any, `queries` holds the one that was chosen instead."),
    ]
    queries: list[int]
    combine: Annotated[Combine, said("How several queries are taken together.")]
    what_if: Annotated[dict[str, Any], ts("WhatIf")]
    missing: Annotated[
        str,
        said(
            "Why there are no steps; empty where there are. What follows tells nothing then; but where weights are "
            "compared, rows, ranked, and the arrays weights and allowed."
        ),
    ]
    rows: Annotated[
        list[int],
        said("Key positions: all of a short text in order; else the visible ones of largest weight, strongest first."),
    ] = []
    ranked: bool = False
    visible: Annotated[int, said("How many keys the query may attend to.")] = 0
    masked: Annotated[int, said("How many it may not.")] = 0
    rest: Rest = Rest()
    scale: float = 1
    softcap: float | None = None
    shared_by: Annotated[list[int], said("Heads that share this head's keys and values, itself among them.")] = []
    key_head: Annotated[int, said("Which of the key heads they share.")] = 0
    key_heads: int = 1
    arrays: dict[str, Envelope] = {}
    projected: Projected = Projected()
    pipeline: Annotated[Pipeline | None, said("Null on a page that was saved without it.")] = None
    changed: Annotated[Changed | None, said("The same with whatIf; null where nothing is changed.")] = None
    beside: Annotated[StepsBeside | None, said("Null where A − B is not on screen.")] = None


# -- effects ----------------------------------------------------------------------------------------------------

EffectKind = Literal["decompose", "ablate", "attribution"]
Progress = Literal["ready", "running", "stopped", "missing"]


class Asked(Wired, kw_only=True, frozen=True):
    """A target that was looked up in the text."""

    kind: Literal["logprob", "difference", "loss", "output"]
    rows: Annotated[list[int], said("The tokens whose rows tell; of a long span the first ones.")]
    count: Annotated[int, said("How many rows tell.")]
    ids: Annotated[list[int], said("Of the vocabulary: one, or of a difference two.")]
    tokens: Annotated[list[str], said("How these read.")]
    label: str


class Piece(Wired, kw_only=True, frozen=True):
    """What a part of the model that is no head writes into the answer, or all heads of a layer together."""

    name: str
    layer: int | None
    value: Annotated[float | None, said("Null where it is not a number.")]


class Sum(Wired, kw_only=True, frozen=True):
    """A logit as the sum of what every part writes into it, with the final norm's scale held."""

    pieces: Annotated[list[Piece], said("In the order of the model.")]
    total: float | None
    logit: Annotated[float | None, said("The model's own.")]
    missing: Annotated[list[str], said("What could not be proven, so that the sum lacks it.")]


class Effects(Wired, kw_only=True, frozen=True):
    """What every head does to the answer, of the model as it is: no head off."""

    run: int
    attention: str
    kind: EffectKind
    value: Literal["zero", "mean"] = "zero"
    asked: Asked | None = None
    protocol: Annotated[str, said("How this was found, as one sentence.")] = ""
    unit: str = ""
    base: Annotated[float | None, said("The target as the model is.")] = None
    grid: Annotated[Envelope | None, said("float32 (layers, heads); NaN where there is none, or none yet.")] = None
    state: Progress = "ready"
    message: Annotated[str, said("Why there is no grid; empty where there is one, or will be.")] = ""
    done: int = 0
    total: int = 0
    sum: Annotated[Sum | None, said("Null where it cannot be had.")] = None
    no_sum: Annotated[str, said("Why not.")] = ""


class Likely(Wired, kw_only=True, frozen=True):
    """A token that the model expects, before and after heads were switched off."""

    id: Annotated[int, said("In the vocabulary.")]
    token: str
    before: float
    after: Annotated[float | None, said("Null while no head is off.")]


class Change(Wired, kw_only=True, frozen=True):
    """A number as the model is, and without the heads that are off; null where there is none."""

    before: float | None = None
    after: float | None = None


class Outcome(Wired, kw_only=True, frozen=True):
    """What the model says at the place that is asked about, as it is and without the heads that are off."""

    run: int
    off: list[HeadId]
    asked: Asked | None = None
    unit: str = ""
    target: Change = Change()
    loss: Annotated[Change, said("Mean over the text, in nats.")] = Change()
    likely: Annotated[list[Likely], said("The likeliest tokens of either, most expected before first.")] = []
    row: Annotated[int | None, said("The token by whose row they are told.")] = None
    message: Annotated[str, said("Why there is none of it; empty where there is.")] = ""


class Links(Wired, kw_only=True, frozen=True):
    """Every head's link of the pinned pair, of the model as it is. Arrays: float32 (layers, heads), NaN for none.

    weight, norm, share (what the link writes into the target's logit) and cut (the effect of cutting it).
    """

    run: int
    attention: str
    queries: list[int]
    keys: list[int]
    arrays: dict[str, Envelope]
    lacks: Annotated[dict[str, str], said("Why an array is not there, by its name.")]
    state: Annotated[Progress, said("Of the cutting; missing: not asked for, or not to be had.")] = "missing"
    done: int = 0
    total: int = 0


# -- questions --------------------------------------------------------------------------------------------------


class PosedQuestion(Wired, kw_only=True, frozen=True):
    """A question that is answered by what the reader selects; texts with *emphasis*."""

    name: str
    text: str
    hint: str = ""
    because: Annotated[str, said("What is said once it is answered.")] = ""
    rules: Annotated[
        list[dict[str, Any]],
        ts("Record<string, unknown>[]"),
        said("One of them is to be fulfilled: conditions by field, as asking/judge.py has them."),
    ]
    show: Annotated[dict[str, Any] | None, ts("Partial<Selection> | null"), said("Of the selection, an answer.")] = None
    elsewhere: Annotated[bool, said("Whether it is about another text, or model, than is on screen.")] = False
    about: Annotated[str, said("The text that it is about.")] = ""
    right: Annotated[bool, said("Whether it was answered.")] = False
    tries: int = 0
    hinted: bool = False
    shown: bool = False


class Posed(Wired, kw_only=True, frozen=True):
    """What the reader is asked, in order."""

    questions: list[PosedQuestion]


STATES: dict[str, type[Wired]] = {
    "outline": Outline,
    "snapshot": Snapshot,
    "ahead": Ahead,
    "pictures": Pictures,
    "categories": Categories,
    "breakdown": Breakdown,
    "effects": Effects,
    "outcome": Outcome,
    "links": Links,
    "posed": Posed,
    "status": Status,
}
"""The states by name; the trait of each is the name with an underscore before it."""


# -- the lab: variants of attention side by side ----------------------------------------------------------------

Depth = Literal["sentence", "paragraph", "formula"]


class LabChoice(Struct, kw_only=True, frozen=True):
    """What of the lab is looked at: traits that both sides set."""

    variants: Annotated[list[str], said("Side by side, by their names.")] = []
    chosen: Annotated[str, said("The one of them that is explained.")] = ""
    numbers: Annotated[
        Literal["model", "small"], said("Where q, k and v come from: a layer of the model, or small weights.")
    ] = "model"
    layer: int = 0
    head: int = 0
    mask: Annotated[str, said("The name of a mask; empty: the model's own.")] = ""
    options: Annotated[dict[str, dict[str, Any]], said("What is set, by variant and option; the rest is default.")] = {}
    length: Annotated[int, said("How many tokens costs are told of.")] = 1000
    depth: Annotated[Depth, said("How much is explained.")] = "sentence"


class LabName(Wired, kw_only=True, frozen=True):
    """A variant, as the list has it."""

    name: str
    label: str
    group: str
    sentence: str


class LabMask(Wired, kw_only=True, frozen=True):
    """A mask that is offered."""

    name: str
    says: str


class LabSymbol(Wired, kw_only=True, frozen=True):
    """A symbol of a formula, its meaning, and its shape in letters ("" for a number)."""

    symbol: str
    meaning: str
    shape: str


class LabOption(Wired, kw_only=True, frozen=True):
    """What can be set: a switch, a whole number, or any number between two ends."""

    name: str
    label: str
    meaning: str
    kind: Literal["switch", "whole", "number"]
    value: Annotated[bool | float | None, said("Null: left open, as `unset` says.")]
    default: bool | float | None
    least: float
    most: float
    step: float
    allowed: Annotated[list[int] | None, said("The only ones that fit, in order; null: any between the ends.")]
    unset: Annotated[str, said("What is so where no number is given; empty where there always is one.")]


class LabIdentity(Wired, kw_only=True, frozen=True):
    """What equals what, checked on the numbers on screen in float64."""

    sentence: str
    difference: Annotated[float | None, said("The largest |difference|; null: it is not a number.")]
    problem: Annotated[str, said("Why it cannot be checked here; empty where it is.")]


class LabCost(Wired, kw_only=True, frozen=True):
    """A count, and the same of what it is compared with."""

    what: str
    unit: Literal["", "bytes"]
    count: float
    beside: float
    compared: Annotated[str, said("What the other count is of.")]
    formula: Annotated[list[str], said("How the count comes about.")]


class LabStrip(Wired, kw_only=True, frozen=True):
    """A number of each row, beside the matrix: float32, (n)."""

    label: str
    values: Envelope


class LabTable(Wired, kw_only=True, frozen=True):
    """Numbers to be read: float32, (rows, columns)."""

    name: str
    meaning: str
    rows: Annotated[list[str], said("Names of the rows; empty where they have none.")]
    values: Envelope


class LabPicture(Wired, kw_only=True, frozen=True):
    """A variant on the reader's sentence, and all that is to be said of it."""

    name: str
    label: str
    group: str
    weights: Annotated[
        Envelope | None, said("float32, (n, n), −∞ where the mask forbids the pair; null where there is a problem.")
    ]
    problem: Annotated[str, said("Why it cannot be computed here; empty where it can.")]
    signed: Annotated[bool, said("Whether weights may be below 0.")]
    whose: Annotated[str, said("Which head, pair or group the weights are of.")]
    notes: Annotated[list[str], said("What is so on these numbers.")]
    blind: Annotated[list[int], said("Rows that may attend to nothing.")]
    blindness: Annotated[str, said("What such a row does here.")]
    apart: Annotated[
        float | None,
        said("Largest |difference| from the scaled dot product's weights, same head and mask; null: none is told."),
    ]
    strip: LabStrip | None
    groups: Annotated[list[int] | None, said("Of every head, the group whose keys and values it uses.")]
    tables: Annotated[list[LabTable], said("Its own small numbers.")]
    pieces: Annotated[list[tuple[str, bool]], said("The formula, cut where symbols begin and end.")]
    symbols: list[LabSymbol]
    sizes: Annotated[dict[str, int], said("What letters of shapes stand for here.")]
    sentence: str
    paragraph: str
    sees: str
    cannot: str
    often_said: str
    sources: list[str]
    options: list[LabOption]
    identities: list[LabIdentity]
    costs: list[LabCost]
    cost_note: str


class LabTile(Wired, kw_only=True, frozen=True):
    """A step of flash attention: which queries and keys, and the bytes it moves, of all heads."""

    queries: tuple[int, int]
    keys: tuple[int, int]
    skipped: Annotated[bool, said("The mask forbids all of it: nothing is read.")]
    last: Annotated[bool, said("Its rows are done, and written.")]
    read: int
    written: int


class LabFlash(Wired, kw_only=True, frozen=True):
    """Flash attention as it ran, one head of it.

    Arrays, float32: scores (n, n), −∞ where forbidden; of all steps one below the other maximum, total and rescaled
    (rows) and output (rows, shown), the first numbers of each row's output so far; exact (n, shown).
    """

    steps: list[LabTile]
    arrays: dict[str, Envelope]
    width: Annotated[int, said("How many numbers an output has, of which some are shown.")]
    difference: Annotated[
        float | None, said("Largest |difference| of all heads' outputs from the exact ones; null: not a number.")
    ]
    plain_bytes: Annotated[int, said("What attention that writes scores and weights out would move.")]
    heads: int


class LabBoard(Wired, kw_only=True, frozen=True):
    """All that the lab shows, as of one choice."""

    run: int
    choice: LabChoice
    text: str
    model: Annotated[str, said("Empty where there is none yet.")]
    tokens: list[str]
    layers: Annotated[list[int], said("Those that have queries, keys and values.")]
    heads: int
    key_heads: int
    menu: list[LabName]
    masks: list[LabMask]
    mask: Annotated[str, said("What the mask at hand does, in words.")]
    notices: list[str]
    small: Annotated[list[LabTable], said("Tokens and weights in numbers, where these are small.")]
    pictures: list[LabPicture]
    flash: LabFlash | None
    version: str


LAB_STATES: dict[str, type[Wired]] = {"board": LabBoard, "status": Status}
"""The lab's states by name; the trait of each is the name with an underscore before it."""


# -- requests of the browser, and their replies -----------------------------------------------------------------


class Request(Wired, kw_only=True, frozen=True, tag_field="ask", forbid_unknown_fields=True):
    """What every request has."""

    id: Annotated[str, said("The browser's own, a stroke, and a number.")]


class Hello(Request, kw_only=True, frozen=True, tag="hello"):
    """Ask whether the kernel is there, and of one mind with this browser."""


class Select(Request, kw_only=True, frozen=True, tag="select"):
    """Take this browser's selection: what it set was lost on the way."""

    count: Annotated[int, said("As in the stamp.")]
    selection: Selection


class Resend(Request, kw_only=True, frozen=True, tag="resend"):
    """Send all traits again: some were lost on the way."""


class Tile(Request, kw_only=True, frozen=True, tag="tile"):
    """Numbers of one head over a rectangle of queries and keys."""

    layer: int
    head: int
    queries: Annotated[tuple[int, int], said("First, and one after the last: tokens, or words where they are merged.")]
    keys: tuple[int, int]
    words: bool = False
    measure: str = "weights"
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Rank(Request, kw_only=True, frozen=True, tag="rank"):
    """One pair's number in every head; several positions on a side are taken together."""

    queries: Annotated[list[int], said("Token positions; none leaves this side open, but not both.")]
    keys: list[int]
    words: Annotated[bool, said("Whether the open side is one of whole words.")] = False
    measure: str = "weights"
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Profile(Request, kw_only=True, frozen=True, tag="profile"):
    """Numbers of some heads between what is pinned and everything on the other side."""

    heads: list[HeadId]
    together: Annotated[
        Literal["mean", "maximum"] | None, said("How the heads become one, where they are many; null: each by itself.")
    ] = None
    queries: Annotated[list[int], said("Token positions, taken together; none, or no keys: this side is open.")]
    keys: list[int]
    combine: Annotated[Combine, said("How several queries are taken together.")] = "mean"
    words: Annotated[bool, said("Whether the open side is one of whole words.")] = False
    measure: str = "weights"
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class HeadPictures(Request, kw_only=True, frozen=True, tag="headPictures"):
    """Draw the heads of some layers as larger pictures."""

    layers: list[int]
    cells: Annotated[int, said("A side.")]
    limit: Annotated[float, said("As of the small pictures.")]
    measure: str = "weights"
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Similar(Request, kw_only=True, frozen=True, tag="similar"):
    """How far every head's rows of weights are from one head's."""

    layer: int
    head: int
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Apart(Request, kw_only=True, frozen=True, tag="apart"):
    """How far every head's rows are from those of its counterpart beside."""

    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Distances(Request, kw_only=True, frozen=True, tag="distances"):
    """How far each two heads are apart."""

    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Cells(Request, kw_only=True, frozen=True, tag="cells"):
    """A tile of a picture's pyramid: 256 × 256 cells, each of 2^level × 2^level pairs."""

    heads: list[HeadId]
    together: Annotated[Literal["mean", "maximum"] | None, said("How several heads are one; null for one alone.")] = (
        None
    )
    level: int
    row: Annotated[int, said("Which tile, from above: the first query is row × 256 × 2^level.")]
    column: Annotated[int, said("Which tile, from the left.")]
    sampled: Annotated[bool, said("Few queries of each cell will do, where all would take long.")] = False
    words: Annotated[bool, said("Whether rows and columns are whole words.")] = False
    measure: str = "weights"
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Lines(Request, kw_only=True, frozen=True, tag="strongest"):
    """The strongest keys of each of some queries, or the strongest queries of each of some keys."""

    heads: list[HeadId]
    together: Annotated[
        Literal["mean", "maximum"] | None, said("How the heads become one, where they are many; null: each by itself.")
    ] = None
    side: Annotated[Literal["query", "key"], said("Whose rows these are.")] = "query"
    spans: Annotated[list[tuple[int, int]], said("Tokens of that side, or words where they are merged.")]
    count: Annotated[int, said("So many of each row and head, at most: the largest numbers, of equals the first.")]
    least: Annotated[float, said("And none below this; of weights and norms none that is 0.")] = 0
    without_self: Annotated[bool, said("Each query's number with itself left out, the others scaled up.")] = False
    without_first: Annotated[bool, said("The first key's left out, likewise.")] = False
    words: bool = False
    measure: str = "weights"
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    trace: str = "main"
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class AskMask(Request, kw_only=True, frozen=True, tag="mask"):
    """Draw a mask beside the model's own, in small."""

    mask: Annotated[Any, ts("string | number[][] | null"), said("As in the selection.")] = None
    mode: MaskMode = "head"
    layer: Annotated[int, said("Whose own mask: heads of a model may differ in it.")] = 0
    head: int = 0
    attention: Annotated[str | None, said("Null: the one on screen.")] = None
    run: Annotated[int | None, said("Of which the browser knows the tokens; null: the newest.")] = None


class Save(Request, kw_only=True, frozen=True, tag="save"):
    """Make a file of what is on screen."""

    format: Literal["svg", "png", "pdf", "csv", "html"]
    width: Annotated[float | None, said("Of a figure, in inches; null: as wide as it needs to be.")] = None
    theme: Literal["light", "dark"] = "light"
    background: Annotated[bool, said("Of a figure: false leaves it transparent.")] = True


class AskPictures(Request, kw_only=True, frozen=True, tag="pictures"):
    """Draw the heads' small pictures; they come as a state."""


class AskCategories(Request, kw_only=True, frozen=True, tag="categories"):
    """Score the heads; the scores come as a state."""


class AskAhead(Request, kw_only=True, frozen=True, tag="ahead"):
    """Send all heads' weights of a short text, as a state."""


class AskEffects(Request, kw_only=True, frozen=True, tag="effects"):
    """Compute every head's effect on the target; it comes as a state."""

    kind: EffectKind
    value: Annotated[Literal["zero", "mean"], said("What stands in the place of a head that is off.")] = "zero"


class AskCuts(Request, kw_only=True, frozen=True, tag="cuts"):
    """Cut the pinned pair's link in one head at a time; what that does comes as a state."""


class StopEffects(Request, kw_only=True, frozen=True, tag="stopEffects"):
    """Stop computing effects, or cuts; what is there stays."""


class AskNext(Request, kw_only=True, frozen=True, tag="next"):
    """Say which tokens the model expects by a query's row."""

    query: int
    trace: str = "main"
    run: Annotated[int | None, said("As of a tile.")] = None


class Run(Request, kw_only=True, frozen=True, tag="run"):
    """Run the model on new texts."""

    text: str
    text_pair: str = msgspec.field(default="", name="text_pair")
    text_target: str = msgspec.field(default="", name="text_target")


class AskSides(Request, kw_only=True, frozen=True, tag="sides"):
    """What there is to compare with."""


class Compare(Request, kw_only=True, frozen=True, tag="compare"):
    """Put something beside A; what is null is as in A. All of it null: stop comparing."""

    text: str | None = None
    model: Annotated[str | None, said("A bundled one.")] = None
    mask: Annotated[str | None, said("By its name.")] = None
    variant: Annotated[str | None, said("By its name.")] = None
    adapter: Annotated[Literal["on", "off"] | None, said("Of PEFT.")] = None
    head: Annotated[str | None, said("L2-H6: every head of A is compared with it.")] = None


class CompareMasks(Request, kw_only=True, frozen=True, tag="compareMasks"):
    """Put the model under its own mask beside the other one that is on."""


class ShowExample(Request, kw_only=True, frozen=True, tag="example"):
    """Show an example on its own model."""

    name: str


class Answered(Request, kw_only=True, frozen=True, tag="answered"):
    """Note that the reader checked an answer, took the hint, or had the answer shown."""

    name: Annotated[str, said("The question's.")]
    kind: Literal["check", "hint", "show"]
    selection: Annotated[Selection, said("What was judged.")]


class PutBack(Request, kw_only=True, frozen=True, tag="putBack"):
    """Put the text that a question is about on screen again."""

    name: Annotated[str, said("The question's.")]


class ChooseInLab(Request, kw_only=True, frozen=True, tag="chooseInLab"):
    """Look at something else in the lab."""

    choice: Annotated[dict[str, Any], ts("Partial<LabChoice>"), said("What changes, by its name.")]


class Stop(Request, kw_only=True, frozen=True, tag="stop"):
    """Stop the model's run, or its download."""


class AskCode(Request, kw_only=True, frozen=True, tag="code"):
    """Send the front end's code, packed, as the reply's one buffer: this host shares no models."""


class Cancel(Request, kw_only=True, frozen=True, tag="cancel"):
    """Forget requests: nobody waits for their replies any more."""

    requests: list[str]


AnyRequest = (
    Hello
    | Select
    | Resend
    | Tile
    | Rank
    | Profile
    | HeadPictures
    | Similar
    | Apart
    | Distances
    | Cells
    | Lines
    | AskMask
    | Save
    | AskPictures
    | AskCategories
    | AskAhead
    | AskEffects
    | AskCuts
    | StopEffects
    | AskNext
    | Run
    | AskSides
    | Compare
    | CompareMasks
    | ShowExample
    | Answered
    | PutBack
    | ChooseInLab
    | Stop
    | AskCode
    | Cancel
)


class Agreement(Wired, kw_only=True, frozen=True):
    """Where the kernel stands, in reply to hello."""

    run: int
    seen: Annotated[int, said("The newest change of the selection that came here from this browser.")]
    selection: Selection


class TileReply(Wired, kw_only=True, frozen=True):
    """A tile: float32, (queries, keys), −∞ where the mask forbids the pair; its bytes are the message's one buffer."""

    run: int
    dtype: DType
    shape: list[int]


class RankReply(Wired, kw_only=True, frozen=True):
    """Every head's number of a pair: float32, (2, layers, heads), the message's one buffer.

    First the numbers: −∞ where the mask forbids the pair, NaN where the layer has none. Then where on an open side each
    is found, a token or a word: −1 where there is none, or no side is open.
    """

    run: int
    dtype: DType
    shape: list[int]
    why: Annotated[str, said("Why the mask forbids the pair, if it does in every head; else empty.")]


class ProfileReply(Wired, kw_only=True, frozen=True):
    """A profile: float32, (heads, units of the open side), −∞ where the mask forbids all; the message's one buffer.

    Of heads taken together there is one row; of their maximum a second one says which of those asked for it is of.
    """

    run: int
    dtype: DType
    shape: list[int]


class HeadPicturesReply(Wired, kw_only=True, frozen=True):
    """Pictures as in the state: uint8, (those layers, heads, rows, columns); the message's one buffer."""

    run: int
    dtype: DType
    shape: list[int]
    sampled: Annotated[int | None, said("Of how many queries, where they are not drawn from all.")]


class SimilarReply(Wired, kw_only=True, frozen=True):
    """Jensen–Shannon divergences: float32, (layers, heads), 0 to 1 or NaN; the message's one buffer."""

    run: int
    dtype: DType
    shape: list[int]
    sampled: Annotated[int | None, said("Of how many queries, where not all were compared.")]


class DistancesReply(Wired, kw_only=True, frozen=True):
    """Jensen–Shannon divergences of two heads: float32, (heads, heads) of the layers kept, layer by layer.

    From 0 to 1, or NaN; the message's one buffer.
    """

    run: int
    dtype: DType
    shape: list[int]
    sampled: Annotated[int | None, said("Of how many queries, where not all were compared.")]
    order: Annotated[list[int], said("The heads so that alike ones stand together.")]
    places: Annotated[list[list[float]], said("Each head's in a plane: x and y, or nothing; empty without a map.")]
    stress: Annotated[float | None, said("How far the plane's distances are off; Kruskal's stress-1.")]
    no_map: Annotated[str, said("Why there is no map; empty where there is one.")]


class ApartReply(Wired, kw_only=True, frozen=True):
    """Jensen–Shannon divergences in nats: float32, (layers, heads), 0 to ln 2 or NaN; the message's one buffer."""

    run: int
    dtype: DType
    shape: list[int]
    rows: Annotated[int, said("How many rows were compared.")]
    of: Annotated[int, said("Of how many that are partners.")]


class SideChoice(Wired, kw_only=True, frozen=True):
    """What may be otherwise in B, in a menu."""

    of: Annotated[Literal["mask", "variant", "adapter", "head"], said("The field of `compare` that it fills.")]
    name: Annotated[str, said("What goes there; of a mask with numbers: window:4.")]
    label: str
    says: Annotated[str, said("What it does, as a sentence.")]


class SidesReply(Wired, kw_only=True, frozen=True):
    """What there is to compare with."""

    models: list[str]
    others: list[SideChoice]


class CellsReply(Wired, kw_only=True, frozen=True):
    """A tile of the pyramid: float32, (2, rows, columns), the message's one buffer; tiles at the end are cut short.

    First each cell's largest number (of either sign: the one farthest from 0), then its mass: the sum over its keys,
    the mean over its queries; of numbers of either sign the mean over the pairs that may attend. −∞ where the mask
    forbids all its pairs (of a sample: all that were looked at), NaN with NaN among them.
    """

    run: int
    dtype: DType
    shape: list[int]
    step: Annotated[int, said("One query of so many was looked at: 1 for all, and the numbers are exact.")]
    seconds: Annotated[float, said("How long that took.")]


class LinesReply(Wired, kw_only=True, frozen=True):
    """The strongest pairs: float32 (4, lines), and behind it float32 (4, rows); both in the message's one buffer.

    Of a line its row, its unit on the other side, the number of its head among those asked for (of many together the
    strongest one), and its value; in the order of heads, rows, units. Of a row, over the heads drawn: the sum of its
    lines, the sum of all that it has, how many units it may see, and how many lines were too many. Rows are in the
    order of the spans.
    """

    run: int
    dtype: DType
    shape: Annotated[list[int], said("(4, lines).")]
    rows: Annotated[list[int], said("(4, rows).")]


class MaskPreset(Wired, kw_only=True, frozen=True):
    """A kind of mask that has a name."""

    name: str
    numbers: Annotated[list[str], said("What its numbers count.")]
    lowest: int
    example: list[int]
    ahead: Annotated[bool, said("Whether tokens see later ones, so that it makes a difference to be causal besides.")]


class MaskReply(Wired, kw_only=True, frozen=True):
    """Two masks, the model's own and the one asked about: uint8 (2, rows, columns), the message's one buffer.

    Each cell is the share of its pairs that may attend, 0 to 255; of a short text a cell is a pair.
    """

    run: int
    dtype: DType
    shape: list[int]
    exact: Annotated[bool, said("Whether a cell is a pair.")]
    sentence: Annotated[str, said("What the mask does; empty for the model's own.")]
    causal: Annotated[bool, said("Whether the model's own lets no token see a later one.")]
    presets: list[MaskPreset]
    missing: Annotated[dict[str, str], said("Why there can be none, by mode; empty where there can.")]


class SaveReply(Wired, kw_only=True, frozen=True):
    """A file; its bytes are the message's one buffer."""

    mime: str


class Expected(Wired, kw_only=True, frozen=True):
    """A token that the model expects."""

    token: str
    probability: float


class NextReply(Wired, kw_only=True, frozen=True):
    """The likeliest tokens, likeliest first."""

    run: int
    query: int
    tokens: list[Expected]


class Failure(Wired, kw_only=True, frozen=True):
    """Why there is no answer."""

    message: str
    kind: Annotated[
        Literal["failed", "stale", "cancelled"],
        said("stale: another text is on screen by now; cancelled: as was asked for."),
    ] = "failed"


class Reply(Wired, kw_only=True, frozen=True, omit_defaults=True):
    """An answer to a request."""

    id: str | None
    ok: dict[str, Any] | None = None
    error: Failure | None = None


# -- events -----------------------------------------------------------------------------------------------------


class GotoEvent(Wired, kw_only=True, frozen=True, tag_field="event", tag="goto"):
    """Python asks all browsers to bring a token into sight."""

    run: int
    side: Side
    token: int


class SelectionEvent(Wired, kw_only=True, frozen=True, tag_field="event", tag="selection"):
    """A browser has set the selection; the one that did takes it as the confirmation, the others follow."""

    run: int
    by: Stamp
    selection: Selection


class ProgressEvent(Wired, kw_only=True, frozen=True, tag_field="event", tag="progress"):
    """How far a request is that takes long."""

    id: Annotated[str, said("The request's.")]
    done: int
    total: int
