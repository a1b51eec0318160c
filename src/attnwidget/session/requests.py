"""What the browser may ask of a session, and how it is answered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from attnwidget import measures, models
from attnwidget.capture.wrappers import adapter_switches
from attnwidget.comparison.captures import OTHER_WEIGHTS
from attnwidget.comparison.sides import Side
from attnwidget.examples import EXAMPLES
from attnwidget.head_id import HeadId
from attnwidget.maths import masks
from attnwidget.wire import schema
from attnwidget.wire.apart import apart
from attnwidget.wire.cells import cells
from attnwidget.wire.distances import distances
from attnwidget.wire.lines import lines
from attnwidget.wire.masks import mask_reply
from attnwidget.wire.pictures import head_pictures
from attnwidget.wire.profile import profile
from attnwidget.wire.ranking import ranking
from attnwidget.wire.server import StaleError
from attnwidget.wire.similar import similar
from attnwidget.wire.tiles import tile_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from attnwidget.session.session import Session
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.replies import Answer
    from attnwidget.wire.server import Handler

# What is answered with numbers of a trace, from (trace, attention, request, run, alive).
NUMBERS: dict[type[schema.Request], Callable[..., Answer]] = {
    schema.Tile: tile_reply,
    schema.Rank: ranking,
    schema.Profile: profile,
    schema.Cells: cells,
    schema.HeadPictures: head_pictures,
    schema.Similar: similar,
    schema.Apart: apart,
    schema.Distances: distances,
    schema.Lines: lines,
}
HEAVY: tuple[type[schema.Request], ...] = (
    schema.Cells,
    schema.HeadPictures,
    schema.Similar,
    schema.Apart,
    schema.Distances,
)
_ROWS = 16  # of a mask that is explained in a menu
SLOW: tuple[type[schema.Request], ...] = (*NUMBERS, schema.AskMask, schema.AskNext)


def handlers(session: Session) -> Mapping[type[schema.Request], Handler]:
    """Return the handler of each request that is about a session."""

    def numbers(answer: Callable[..., Answer]) -> Handler:
        def handle(ask: Any, alive: Callable[..., None]) -> Answer:
            trace, attention, run = _about(session, ask)
            asked = msgspec.json.encode(msgspec.structs.replace(ask, id="", run=run, attention=attention))
            measure = measures.get(getattr(ask, "measure", "weights"))  # another may be registered under its name
            return session.replies.answer((measure, asked), lambda: answer(trace, attention, ask, run, alive))

        return handle

    def hello(ask: schema.Hello, _: object) -> schema.Agreement:
        seen = session.seen.get(_client(ask), 0)
        return schema.Agreement(run=session.run_number, seen=seen, selection=session.selection)

    def select(ask: schema.Select, _: object) -> None:
        session.take(ask.selection, schema.Stamp(client=_client(ask), count=ask.count))

    def texts(ask: schema.Run, _: object) -> None:
        session.start(schema.Texts(text=ask.text, text_pair=ask.text_pair, text_target=ask.text_target))

    return {
        schema.Hello: hello,
        schema.Select: select,
        **{kind: numbers(answer) for kind, answer in NUMBERS.items()},
        schema.AskMask: lambda ask, _: _mask(session, ask),
        schema.AskNext: lambda ask, _: _expected(session, ask),
        schema.AskEffects: lambda ask, _: session.ask_effects(ask.kind, ask.value),
        schema.AskCuts: lambda *_: session.ask_cuts(),
        schema.StopEffects: lambda *_: session.stop_effects(),
        schema.AskPictures: lambda *_: session.begin("pictures"),
        schema.AskCategories: lambda *_: session.begin("categories"),
        schema.AskAhead: lambda *_: session.begin("ahead"),
        schema.Run: texts,
        schema.AskSides: lambda *_: _sides(session),
        schema.Compare: lambda ask, _: _compare(session, ask),
        schema.CompareMasks: lambda *_: session.compare_masks(),
        schema.ShowExample: lambda ask, _: session.start_example(EXAMPLES[ask.name]),
        schema.Answered: lambda ask, _: session.questions.note(ask.name, ask.kind, ask.selection),
        schema.PutBack: lambda ask, _: session.questions.put_back(ask.name),
        schema.Stop: lambda *_: session.stop(),
    }


def _about(session: Session, ask: Any) -> tuple[AttentionTrace, str, int]:
    """Return the trace that is asked about, its attention, and its run."""
    with session.lock:  # they belong together
        trace, run = session.traces.get(getattr(ask, "trace", "main")), session.run_number
        attention = getattr(ask, "attention", None) or session.selection.attention
    if trace is None:
        raise ValueError("nothing has been captured yet" if not session.traces else f"no trace {ask.trace!r}")
    if ask.run not in {None, run} or attention not in trace.attentions:
        raise StaleError
    return trace, attention, run


def _mask(session: Session, ask: schema.AskMask) -> Answer:
    _, attention, run = _about(session, ask)
    whole = session.whole
    assert whole is not None  # noqa: S101 - there is a trace
    return mask_reply(whole, attention, ask, run)


def _expected(session: Session, ask: schema.AskNext) -> schema.NextReply:
    trace, _, run = _about(session, ask)
    found = trace.next_tokens(ask.query)
    if any(math.isnan(probability) for _, probability in found):  # JSON has none
        raise ValueError("the model computed something that is not a number: it expects nothing")
    tokens = [schema.Expected(token=token, probability=probability) for token, probability in found]
    return schema.NextReply(run=run, query=ask.query, tokens=tokens)


def _sides(session: Session) -> schema.SidesReply:
    reads_two = session.trace is not None and "self" not in session.trace.attentions
    chosen = [name for name in models.BUNDLED if reads_two == (name in models.TRANSLATES)]
    return schema.SidesReply(models=chosen, others=[] if reads_two else [*_otherwise(session)])


def _otherwise(session: Session) -> Iterator[schema.SideChoice]:
    """Yield what may be otherwise in B than its text and its model."""
    for preset in masks.PRESETS:
        name = preset.example
        yield schema.SideChoice(of="mask", name=name, label=name, says=f"{name}: {masks.explain(name, _ROWS)}")
    if session.trace is not None and not session.trace.lacks("scores"):
        for one in OTHER_WEIGHTS:
            yield schema.SideChoice(of="variant", name=one.name, label=one.label, says=f"{one.label}: {one.sentence}")
    if session.model is not None and adapter_switches(session.model):
        says = "The same model, without what its adapter adds."
        yield schema.SideChoice(of="adapter", name="off", label="adapter off", says=says)
    if session.selection.heads:
        head = str(HeadId(*session.selection.heads[0]))
        says = f"B stays {head}, whatever head you choose for A."
        yield schema.SideChoice(of="head", name=head, label=f"{head}, kept in B", says=says)


def _compare(session: Session, ask: schema.Compare) -> None:
    asked = {name: getattr(ask, name) for name in ("text", "model", "mask", "variant", "adapter", "head")}
    given = {name: one for name, one in asked.items() if one is not None}
    if given:
        session.start_comparing(Side.read(given))
    else:
        session.put_beside(None)


def _client(ask: schema.Request) -> str:
    return ask.id.rpartition("-")[0]
