"""What the browser may ask of a session, and how it is answered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from attnwidget import measures
from attnwidget.examples import EXAMPLES
from attnwidget.wire import schema
from attnwidget.wire.cells import cells
from attnwidget.wire.lines import lines
from attnwidget.wire.pictures import head_pictures
from attnwidget.wire.profile import profile
from attnwidget.wire.ranking import ranking
from attnwidget.wire.server import StaleError
from attnwidget.wire.similar import similar
from attnwidget.wire.tiles import tile_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    schema.Lines: lines,
}
HEAVY: tuple[type[schema.Request], ...] = (schema.Cells, schema.HeadPictures, schema.Similar)
SLOW: tuple[type[schema.Request], ...] = (*NUMBERS, schema.AskNext)


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
        schema.AskNext: lambda ask, _: _expected(session, ask),
        schema.AskEffects: lambda ask, _: session.ask_effects(ask.kind, ask.value),
        schema.AskCuts: lambda *_: session.ask_cuts(),
        schema.StopEffects: lambda *_: session.stop_effects(),
        schema.AskPictures: lambda *_: session.begin("pictures"),
        schema.AskCategories: lambda *_: session.begin("categories"),
        schema.AskAhead: lambda *_: session.begin("ahead"),
        schema.Run: texts,
        schema.ShowExample: lambda ask, _: session.start_example(EXAMPLES[ask.name]),
        schema.Stop: lambda *_: session.stop(),
    }


def _about(session: Session, ask: Any) -> tuple[AttentionTrace, str, int]:
    """Return the trace that is asked about, its attention, and its run."""
    with session.lock:  # they belong together
        trace, run = session.traces.get(ask.trace), session.run_number
        attention = getattr(ask, "attention", None) or session.selection.attention
    if trace is None:
        raise ValueError("nothing has been captured yet" if not session.traces else f"no trace {ask.trace!r}")
    if ask.run not in {None, run} or attention not in trace.attentions:
        raise StaleError
    return trace, attention, run


def _expected(session: Session, ask: schema.AskNext) -> schema.NextReply:
    trace, _, run = _about(session, ask)
    found = trace.next_tokens(ask.query)
    if any(math.isnan(probability) for _, probability in found):  # JSON has none
        raise ValueError("the model computed something that is not a number: it expects nothing")
    tokens = [schema.Expected(token=token, probability=probability) for token, probability in found]
    return schema.NextReply(run=run, query=ask.query, tokens=tokens)


def _client(ask: schema.Request) -> str:
    return ask.id.rpartition("-")[0]
