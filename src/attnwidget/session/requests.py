"""What the browser may ask of a session, and how it is answered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attnwidget.examples import EXAMPLES
from attnwidget.wire import schema, tiles
from attnwidget.wire.cells import cells
from attnwidget.wire.envelope import pack
from attnwidget.wire.profile import profile
from attnwidget.wire.ranking import ranking
from attnwidget.wire.server import StaleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attnwidget.session.session import Session
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.server import Handler

SLOW = (schema.Tile, schema.Rank, schema.Profile, schema.Cells, schema.AskNext)


def handlers(session: Session) -> Mapping[type[schema.Request], Handler]:
    """Return the handler of each request that is about a session."""

    def tile(ask: schema.Tile, _: object) -> Any:
        trace, attention, run = _about(session, ask)
        numbers = tiles.tile(
            trace,
            [(ask.layer, ask.head)],
            measure=ask.measure,
            queries=ask.queries,
            keys=ask.keys,
            words=ask.words,
            attention=attention,
        )
        array = pack(numbers[0])
        return schema.TileReply(run=run, dtype=array["dtype"], shape=array["shape"]), array["data"]

    def rank(ask: schema.Rank, _: object) -> Any:
        trace, attention, run = _about(session, ask)
        return ranking(trace, attention, ask, run)

    def profiled(ask: schema.Profile, alive: Any) -> Any:
        trace, attention, run = _about(session, ask)
        return profile(trace, attention, ask, run, alive)

    def pooled(ask: schema.Cells, alive: Any) -> Any:
        trace, attention, run = _about(session, ask)
        return cells(trace, attention, ask, run, alive)

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
        schema.Tile: tile,
        schema.Rank: rank,
        schema.Profile: profiled,
        schema.Cells: pooled,
        schema.AskNext: lambda ask, _: _expected(session, ask),
        schema.AskPictures: lambda *_: session.begin("pictures"),
        schema.AskCategories: lambda *_: session.begin("categories"),
        schema.AskAhead: lambda *_: session.begin("ahead"),
        schema.Run: texts,
        schema.ShowExample: lambda ask, _: session.start_example(EXAMPLES[ask.name]),
        schema.Stop: lambda *_: session.stop(),
    }


def _about(
    session: Session, ask: schema.Tile | schema.Rank | schema.Profile | schema.Cells | schema.AskNext
) -> tuple[AttentionTrace, str, int]:
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
