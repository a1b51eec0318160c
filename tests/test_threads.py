"""Many threads at one widget: requests beside a running cell, results that come back while the main thread is busy."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest
from ipywidgets.embed import embed_data
from traitlets import TraitError

from attnwidget import AttentionWidget
from attnwidget.session import Session, jobs
from attnwidget.session.requests import handlers
from attnwidget.wire import schema
from attnwidget.wire.schema import Texts
from attnwidget.wire.server import StaleError
from browser.fake_comm import FakeComm

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

TEXT = "The animal didn't cross the road because it was too tired"
LONG = 60  # seconds after which something hangs


def in_a_kernel(cell: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a cell on an event loop, which stands still while the cell is at work; a hang fails."""
    thread = threading.Thread(target=lambda: outcome.append(_outcome(cell)), daemon=True)
    outcome: list[BaseException | None] = []
    thread.start()
    thread.join(2 * LONG)
    assert outcome, "it hangs"
    if outcome[0] is not None:
        raise outcome[0]


def _outcome(cell: Callable[[], Coroutine[Any, Any, None]]) -> BaseException | None:
    try:
        asyncio.run(cell())
    except BaseException as error:  # noqa: BLE001 - handed on to the test's thread
        return error
    return None


def differences(widget: AttentionWidget) -> dict[str, Any]:
    """Return where traits and session differ."""
    session = widget._session
    parts = [*schema.Selection.__struct_fields__], [*Texts.__struct_fields__]
    found = {}
    for names, holder in zip(parts, (session.selection, session.texts), strict=True):
        found |= {name: getattr(widget, name) for name in names if getattr(widget, name) != getattr(holder, name)}
    for name, state in session.states.items():
        if state is not None and getattr(widget, f"_{name}") != state.to_state():
            found[name] = "the state"
    return found


def test_whatever_comes_from_several_threads_traits_and_session_agree() -> None:  # noqa: C901
    async def cell() -> None:  # noqa: C901
        first, second = (AttentionWidget(TEXT, probe=False) for _ in range(2))
        for one in (first, second):
            one.comm = FakeComm()
        # As traitlets' `link` does: each sets the other, under its own change.
        first.observe(lambda change: setattr(second, "heads", change.new), "heads")
        second.observe(lambda change: setattr(first, "heads", change.new), "heads")
        end = time.monotonic() + 3
        choices = itertools.count(1)
        loop, asked, texts = asyncio.get_running_loop(), [], (TEXT, "The cat sat", "Another text")

        def heads(rng: random.Random, widget: AttentionWidget) -> None:
            widget.heads = [(rng.randrange(4), rng.randrange(8))]

        def browser(rng: random.Random, widget: AttentionWidget) -> None:
            head = rng.randrange(4), rng.randrange(8)
            stamp = {"client": "b", "count": next(choices)}
            widget.set_state({"heads": [head], "queries": [rng.randrange(12)], "_stamp": stamp})

        def request(rng: random.Random, widget: AttentionWidget) -> None:
            about: dict[str, Any] = rng.choice(
                [
                    {"ask": "tile", "layer": 1, "head": 2, "queries": [0, 2], "keys": [0, 2]},
                    {"ask": "pictures"},
                    {"ask": "categories"},
                    {"ask": "ahead"},
                    {"ask": "run", "text": rng.choice(texts)},
                    {"ask": "stop"},
                    {"ask": "hello"},
                ]
            )
            asked.append((widget, f"b-{len(asked)}-{rng.random()}"))
            widget._handle_custom_msg({"id": asked[-1][1], **about}, [])

        def text(rng: random.Random, widget: AttentionWidget) -> None:
            widget.text = rng.choice(texts)

        def together(rng: random.Random, widget: AttentionWidget) -> None:
            with widget.hold_trait_notifications():
                widget.text = rng.choice(texts)
                widget.threshold = rng.random()

        def read(_rng: random.Random, widget: AttentionWidget) -> None:
            assert widget.weights().dim() == 3
            widget.measure = "scores" if widget.measure == "weights" else "weights"

        def at_work(number: int) -> None:
            rng = random.Random(number)
            jobs._chosen.set([loop])
            while time.monotonic() < end:
                act = (heads, browser, request, text, together, read)[number % 6]
                act(rng, rng.choice([first, second]))

        with ThreadPoolExecutor(6) as threads:
            works = [threads.submit(at_work, number) for number in range(6)]
            done, late = wait(works, LONG)  # the loop stands still all the while
        assert not late
        for work in done:
            work.result()
        await settled(first, second)
        replies = [
            (one, sent["content"]["id"])
            for one in (first, second)
            for sent in one.comm.outbox
            if sent["method"] == "custom" and "id" in sent["content"]
        ]
        assert sorted(map(str, replies)) == sorted(map(str, asked))  # one each
        for one in (first, second):
            assert differences(one) == {}
            assert one._status["state"] == "ready"
            assert one._outline["run"] == one._session.run_number
            assert one.text == one._session.texts.text

    in_a_kernel(cell)


async def settled(*widgets: AttentionWidget) -> None:
    """Wait until nothing runs any more."""
    for widget in widgets:
        widget._session._runner.settle()
        for feed in widget._session._feeds.values():
            feed.settle()
    ends = [pool.submit(int) for pool in (*[jobs._asked] * 8, *[jobs._threads] * 8)]
    await asyncio.gather(*map(asyncio.wrap_future, ends))
    await asyncio.gather(*(asyncio.to_thread(int) for _ in range(8)))


def test_who_waits_under_the_lock_for_a_run_in_the_background_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An observer reads `trace` while a typed text runs, whose end has waited for the main thread in vain."""

    async def cell() -> None:
        widget = AttentionWidget(TEXT, probe=False)
        over, seen = threading.Event(), []
        bring_back = jobs.bring_back

        def told(*args: Any) -> None:
            over.set()
            bring_back(*args)

        monkeypatch.setattr(jobs, "bring_back", told)
        monkeypatch.setattr(jobs, "BUSY", 0.01)

        def look(_change: object) -> None:
            widget._session.start(Texts(text="Another text"))
            over.wait(LONG)
            ended = threading.Event()
            threading.Thread(target=lambda: (widget._session._runner.settle(), ended.set())).start()
            ended.wait(0.2)  # it is in the middle of ending the run, as far as it gets
            seen.append(widget.trace.tokens[0])

        widget.observe(look, "heads")
        widget.heads = [(1, 1)]
        assert seen == ["An"]

    in_a_kernel(cell)


def test_work_whose_turn_has_not_come_is_done_by_who_waits_for_it() -> None:
    async def cell() -> None:
        free = threading.Event()
        blocking = [jobs.Job(lambda _: free.wait(LONG), finish=lambda _: None, queued=True) for _ in range(2)]
        for job in blocking:
            job.start()
        ended: list[int] = []
        job = jobs.Job(lambda _: 3, finish=lambda one: ended.append(one.result()), queued=True)
        job.start()
        job.settle()
        assert ended == [3]
        free.set()

    in_a_kernel(cell)


def test_what_is_asked_does_not_wait_for_slow_work() -> None:
    async def cell() -> None:
        free, answered = threading.Event(), threading.Event()
        for _ in range(8):
            jobs.Job(lambda _: free.wait(LONG), finish=lambda _: None).start()
        jobs.in_background(answered.set)
        assert answered.wait(LONG / 6)
        free.set()

    in_a_kernel(cell)


def test_a_background_run_does_not_end_on_top_of_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end and the start of the newer one exclude each other."""

    async def cell() -> None:
        session = Session(probe=False)
        session.open(TEXT, Texts(text=TEXT), None)
        entered, go_on, ended = threading.Event(), threading.Event(), threading.Event()
        adopt = session._adopt

        def slowly(ran: Any, *args: Any) -> None:
            if ran.texts.text == "Older":
                entered.set()
                go_on.wait(0.5)
                adopt(ran, *args)
                ended.set()
            else:
                adopt(ran, *args)

        monkeypatch.setattr(session, "_adopt", slowly)
        monkeypatch.setattr(jobs, "BUSY", 0.01)
        session.start(Texts(text="Older"))
        assert entered.wait(LONG)
        session.run(Texts(text="Newer"))
        go_on.set()
        assert ended.wait(LONG)
        assert session.texts.text == "Newer"

    in_a_kernel(cell)


def test_a_text_set_while_another_thread_tells_something_is_run() -> None:
    widget = AttentionWidget(TEXT, probe=False)
    entered, go_on = threading.Event(), threading.Event()

    def in_the_middle(_change: object) -> None:
        entered.set()
        go_on.wait(0.3)

    widget.observe(in_the_middle, "_status")
    with ThreadPoolExecutor(1) as thread:
        telling = thread.submit(widget._session.fail, ValueError("something"))
        assert entered.wait(LONG)
        widget.text = "Another text"
        go_on.set()
        telling.result()
    assert widget.tokens[:2] == ["An", "other"]
    assert differences(widget) == {}


def test_a_page_embedded_while_the_background_is_at_work_lacks_nothing() -> None:
    async def cell() -> None:
        free = threading.Event()
        others = [jobs.Job(lambda _: free.wait(LONG), finish=lambda _: None, queued=number == 0) for number in range(5)]
        for one in others:
            one.start()  # all threads are taken
        widget = AttentionWidget(TEXT, probe=False)
        widget.measure = "norms"
        widget._session.begin()
        state = embed_data([widget])["manager_state"]["state"][widget.model_id]
        free.set()
        assert {one["path"][0] for one in state["buffers"]} == {"_snapshot", "_pictures", "_categories", "_ahead"}

    in_a_kernel(cell)


def test_a_tile_is_of_the_run_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(probe=False)
    session.open(TEXT, Texts(text=TEXT), None)
    entered, go_on = threading.Event(), threading.Event()

    move = session._move

    def slowly(*args: Any, **changes: Any) -> None:
        """The new trace is there, and the browser has not been told."""
        entered.set()
        go_on.wait(0.3)
        move(*args, **changes)

    monkeypatch.setattr(session, "_move", slowly)
    ask = schema.Tile(id="1", layer=0, head=0, queries=(0, 2), keys=(0, 2), run=1)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(session.run, Texts(text="Another text"))
        assert entered.wait(LONG)
        with pytest.raises(StaleError):
            handlers(session)[schema.Tile](ask, lambda: None)
        go_on.set()
        running.result()


def test_what_is_held_together_fails_together() -> None:
    widget = AttentionWidget(TEXT, probe=False)
    with pytest.raises(TraitError, match="0 to 1"), widget.hold_trait_notifications():  # noqa: PT012
        widget.text = "Another text"
        widget.threshold = float("nan")
    assert differences(widget) == {}
    with widget.hold_trait_notifications():
        widget.text = "A B C D"
        widget.queries = [2]
        widget.heads = [(1, 3)]
    assert (widget.text, widget.queries, widget.heads, widget.layer) == ("A B C D", [2], [(1, 3)], 1)
