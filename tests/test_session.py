"""A session: what a widget is, without Jupyter and without a browser."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace, similar_heads
from attnwidget.head_id import HeadId
from attnwidget.session import OptionError, Session, jobs, selection
from attnwidget.session.requests import handlers
from attnwidget.wire import schema
from attnwidget.wire.schema import Selection, Texts
from attnwidget.wire.server import RequestServer, StaleError

TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work at once: a browser under test keeps an event loop running in this thread."""
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)


def opened(text: str = TEXT, **options: Any) -> Session:
    session = Session(options=options)
    session.open(text, Texts(text=text), None)
    return session


@pytest.fixture
def session() -> Session:
    return opened()


def listening(session: Session) -> list[set[str]]:
    """Note the names of what changes, message by message."""
    told: list[set[str]] = []
    session.listener = lambda changes: told.append(set(changes))
    return told


def trace_of(n: int, layers: int = 2, heads: int = 3) -> AttentionTrace:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, layers, heads, n, 4)
    return AttentionTrace.from_qkv(q, k, v, [f"t{at}" for at in range(n)], mask="causal")


# -- a text ---------------------------------------------------------------------------------------------------------


def test_a_text_is_shown_with_all_that_must_be_there_at_once(session: Session) -> None:
    assert session.texts.text == TEXT
    outline = session.states["outline"]
    snapshot = session.states["snapshot"]
    assert isinstance(outline, schema.Outline)
    assert isinstance(snapshot, schema.Snapshot)
    assert outline.queries.tokens.startswith("|The|animal|")
    assert snapshot.heads[0] == session.selection.heads[0]
    assert "pictures" not in session.states


def test_another_text_is_one_message(session: Session) -> None:
    told = listening(session)
    session.run(Texts(text="Another one"))
    assert {"texts", "selection", "outline", "snapshot", "status", "breakdown"} in told
    assert session.run_number == 2


def test_what_can_wait_is_made_when_it_is_begun_and_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.begin()
    assert {"pictures", "categories", "ahead"} <= set(session.states)
    told = listening(session)
    session.begin()
    assert told == []
    monkeypatch.setattr("attnwidget.wire.tiles.AHEAD_BYTES", 100)
    session.run(Texts(text="Another one"))
    session.begin()
    assert session.states["pictures"].run == 2
    assert session.states["ahead"].run == 1  # the new one is too large for that


def test_a_failure_leaves_all_but_the_status(session: Session) -> None:
    before = session.trace, session.texts, session.selection, session.states["outline"]
    with pytest.raises(ValueError, match="no tokens"):
        session.run(Texts(text=""))
    assert (session.trace, session.texts, session.selection, session.states["outline"]) == before
    assert session.states["status"] == schema.Status(
        state="error",
        message=session.states["status"].message,
        editable=True,
    )


def test_a_first_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OptionError, match="0 to 3"):
        opened(layer=9)


def test_other_traces_stand_beside_and_are_named_in_requests(session: Session) -> None:
    other = trace_of(5)
    session.add_trace("other", other)
    answer = handlers(session)[schema.Tile]
    ask = schema.Tile(id="1", layer=1, head=2, queries=(0, 5), keys=(0, 5), trace="other", attention="self")
    _, data = answer(ask, lambda: None)
    found = torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(5, 5)
    torch.testing.assert_close(found, other.measure("weights", 1, 2))
    with pytest.raises(ValueError, match="no trace 'third'"):
        answer(schema.Tile(id="1", layer=1, head=2, queries=(0, 5), keys=(0, 5), trace="third"), lambda: None)
    with pytest.raises(ValueError, match="on screen"):
        session.add_trace("main", other)


def test_a_tile_of_the_text_before_is_stale(session: Session) -> None:
    ask = schema.Tile(id="1", layer=0, head=0, queries=(0, 5), keys=(0, 5), run=session.run_number)
    session.run(Texts(text="Short"))
    with pytest.raises(StaleError):
        handlers(session)[schema.Tile](ask, lambda: None)


# -- the selection --------------------------------------------------------------------------------------------------


def test_layer_and_heads_follow_each_other(session: Session) -> None:
    session.select(heads=[HeadId(1, 3), HeadId(1, 4)])
    assert session.selection.layer == 1
    session.select(layer=3)
    assert session.selection.heads == [(3, 3), (3, 4)]
    session.select(heads=[HeadId(0, 0)], layer=0)
    assert (session.selection.layer, session.selection.heads) == (0, [(0, 0)])


def test_scores_set_by_hand_go_with_their_head_and_query(session: Session) -> None:
    session.select(queries=[8])
    session.select(what_if={"scores": {"1": 2.0}, "temperature": 2.0})
    session.select(keys=[1])
    assert session.selection.what_if == {"scores": {"1": 2.0}, "temperature": 2.0}
    session.select(queries=[9])
    assert session.selection.what_if == {"temperature": 2.0}


def test_what_still_fits_outlives_a_new_text(session: Session) -> None:
    session.select(heads=[HeadId(1, 3)], queries=[1, 8], threshold=0.3, measure="scores")
    session.run(Texts(text="The animal slept"))
    now = session.selection
    assert (now.heads, now.queries, now.threshold, now.measure) == ([(1, 3)], [1], 0.3, "scores")


def test_the_rules_are_pure() -> None:
    """They make a new selection and leave the old one."""
    before = Selection(heads=[HeadId(0, 1)], layer=0)
    after = selection.chosen(before, trace_of(4), layer=1)
    assert (before.heads, after.heads) == ([(0, 1)], [(1, 1)])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("heads", [(0, 9)], "head 9 is out of range: 0 to 2"),
        ("keys", [4], "keys: token 4 is out of range: 0 to 3"),
        ("view", "pie", "lines, .*, breakdown"),
        ("measure", "magic", "weights, scores, norms"),
        ("attention", "cross", "self"),
        ("category", "Semantic", "Other"),
        ("what_if", {"temprature": 2}, "temprature"),
    ],
)
def test_a_value_that_does_not_exist_names_those_that_do(name: str, value: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        selection.checked(name, value, trace_of(4), "self", ["Self", "Other"])


def test_a_measure_that_a_trace_lacks_is_refused_with_the_reason() -> None:
    session = Session()
    given = AttentionTrace.from_attentions(torch.full((1, 2, 3, 3), 1 / 3), list("abc"))
    session.open(given, Texts(), None)
    with pytest.raises(ValueError, match="made from attention weights"):
        session.checked("measure", "scores", session.selection)
    infos = {one.name: one.missing for one in session.states["outline"].measures}
    assert infos["weights"] == ""
    assert "made from attention weights" in infos["norms"]


# -- measures -------------------------------------------------------------------------------------------------------


def test_pictures_and_the_snapshot_follow_the_measure(session: Session) -> None:
    session.begin()
    session.select(measure="scores")
    pictures, snapshot = session.states["pictures"], session.states["snapshot"]
    assert (pictures.measure, pictures.domain) == ("scores", "real")
    assert snapshot.measure == "scores"
    numbers = torch.frombuffer(bytearray(snapshot.data), dtype=torch.float32).reshape(snapshot.shape)
    layer, head = snapshot.heads[0]
    torch.testing.assert_close(numbers[0], session.settled().scores(layer, head))


def test_norms_do_not_run_the_model_before_anybody_waits_for_them(session: Session) -> None:
    session.select(measure="norms")
    assert session.states["snapshot"].data is None
    assert not session.settled().knows_projections
    ask = schema.Tile(id="1", layer=0, head=0, queries=(0, 5), keys=(0, 5), measure="norms")
    _, data = handlers(session)[schema.Tile](ask, lambda: None)
    found = torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(5, 5)
    expected = session.settled().measure("norms", 0, 0, queries=slice(0, 5), keys=slice(0, 5))
    torch.testing.assert_close(found, expected.float())


# -- threads --------------------------------------------------------------------------------------------------------


def test_on_another_thread_the_users_own_model_is_never_touched() -> None:
    """A text typed into the widget runs beside the user's cell, which may be training the model."""
    model, tokenizer = tiny.gpt2(), tiny.tokenizer()
    session = Session(tokenizer=tokenizer)
    session.open("ab", Texts(text="ab"), model)
    model.train()
    touched: list[bool] = []
    own = {id(module) for module in model.modules()}
    for module in model.modules():
        module.register_forward_hook(lambda one, *_: touched.append(id(one) in own or one.training))
    with ThreadPoolExecutor(1) as thread:
        thread.submit(session.run, Texts(text="abc")).result()
    assert session.texts.text == "abc"
    assert all(module.training for module in model.modules())
    assert touched
    assert not any(touched)  # the twin's modules fired, in eval mode, and not the model itself


def test_a_result_comes_back_though_the_main_thread_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    finished, told = threading.Event(), []

    async def cell() -> None:
        job = jobs.Job(lambda _: 3, finish=lambda one: (told.append(one.result()), finished.set()))
        job.start()
        assert finished.wait(30)  # the loop stands still all the while, as in a long cell

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, cell()).result()
    assert told == [3]


def test_what_can_wait_is_begun_behind_a_busy_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    done = threading.Event()

    async def cell() -> None:
        session = opened()
        session.listener = lambda changes: done.set() if "ahead" in changes else None
        jobs.later(0, asyncio.get_running_loop(), session.begin)
        assert done.wait(30)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, cell()).result()


def test_closing_ends_what_runs(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr("attnwidget.session.jobs.Job.start", lambda job: kept.append(job))  # noqa: PLW0108
    session.begin()
    session.close()
    assert kept
    assert all(job.stopped for job in kept)


def test_a_session_needs_no_widget() -> None:
    assert aw.measures.get("weights").domain == "share"
    session = Session()
    session.open(trace_of(4), Texts(), None)
    session.complete()
    assert isinstance(session.states["categories"], schema.Categories)


def test_a_page_is_not_kept_waiting_for_evidence_about_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take minutes on a large model; the page says what is missing instead."""
    monkeypatch.setattr("attnwidget.session.feeds.categories.probe_heads", lambda *_, **__: pytest.fail("it began"))
    session = Session(tokenizer=tiny.tokenizer())
    session.open("ab", Texts(text="abc"), tiny.gpt2())
    session.complete()
    categories = session.states["categories"]
    assert categories.probe.state == "none"
    assert {one.name: one.source for one in categories.categories}["Syntactic"].startswith("needs the model")
    long = Session()
    long.open(trace_of(2100), Texts(), None)
    long.complete()
    assert "pictures" not in long.states


# -- a long text ----------------------------------------------------------------------------------------------------


def test_pictures_of_a_long_text_come_from_a_few_queries_first() -> None:
    long = Session()
    long.open(trace_of(1500), Texts(), None)
    told = listening(long)
    long.begin("pictures")
    assert told == [{"pictures"}, {"pictures"}]
    assert long.states["pictures"].sampled == 512


def test_whoever_waits_for_pictures_gets_the_first_alone() -> None:
    long = Session()
    long.open(trace_of(1500), Texts(), None)
    told = listening(long)
    long.complete()
    assert told.count({"pictures"}) == 1
    assert long.states["pictures"].sampled == 64


def test_larger_pictures_and_similar_heads_are_answered_about_the_text_on_screen(session: Session) -> None:
    sent: list[dict[str, Any]] = []
    server = RequestServer(handlers(session), lambda content, buffers: sent.append({**content, "buffers": buffers}))
    server.receive({"id": "a-1", "ask": "headPictures", "layers": [1], "cells": 8, "limit": 1.0})
    server.receive({"id": "a-2", "ask": "similar", "layer": 0, "head": 1})
    server.receive({"id": "a-3", "ask": "similar", "layer": 0, "head": 1, "run": 99})
    server.receive({"id": "a-4", "ask": "similar", "layer": 0, "head": 99})
    pictures, similar, stale, wrong = sent
    heads = session.trace.n_heads()
    assert pictures["ok"] == {"run": 1, "dtype": "uint8", "shape": [1, heads, 8, 8], "sampled": None}
    assert len(pictures["buffers"][0]) == heads * 64
    assert similar["ok"]["shape"] == [session.trace.n_layers(), heads]
    found = torch.frombuffer(bytearray(similar["buffers"][0]), dtype=torch.float32).reshape(-1, heads)
    assert torch.equal(found, similar_heads(session.trace, "L0-H1").grid)
    assert stale["error"]["kind"] == "stale"
    assert "L0-H99 does not exist" in wrong["error"]["message"]
