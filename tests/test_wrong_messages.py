"""What no browser should send, and what nobody should set: a clear error, the picture stays, nothing is raised."""

from __future__ import annotations

import json
import logging
import math
from itertools import count
from typing import Any

import pytest
import torch
from ipywidgets.embed import embed_data
from msgspec.structs import asdict
from traitlets import TraitError

from attnwidget import AttentionTrace, AttentionWidget, measures
from attnwidget.heads import Category, Offset
from attnwidget.measures import Measure, Region
from attnwidget.wire.schema import STATES
from browser.fake_comm import FakeComm

TEXT = "The animal didn't cross the road because it was too tired"
NAN, HUGE = math.nan, 10**40
COUNT = count(1)  # of a browser's choices


class Broken(Measure):
    """A user's own that fails."""

    name, label, sentence, domain = "broken", "broken", "Fails.", "real"

    def tile(self, region: Region) -> torch.Tensor:  # noqa: ARG002
        raise RuntimeError("mine is broken")


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)
    monkeypatch.setattr(measures._REGISTRY, "_own", {})


@pytest.fixture
def widget() -> AttentionWidget:
    shown = AttentionWidget(TEXT, probe=False)
    shown.comm = FakeComm()
    return shown


def replies(widget: AttentionWidget, message: Any) -> list[dict[str, Any]]:
    widget.comm.outbox.clear()
    widget._handle_custom_msg(message, [])
    return [one["content"] for one in widget.comm.outbox if one["method"] == "custom" and "id" in one["content"]]


def select(widget: AttentionWidget, **changes: Any) -> dict[str, Any]:
    selection = asdict(widget._session.selection) | changes
    (reply,) = replies(widget, {"id": "b-1", "ask": "select", "count": next(COUNT), "selection": selection})
    return reply


def agrees(widget: AttentionWidget) -> bool:
    session = widget._session
    parts = asdict(session.selection) | asdict(session.texts)
    return all(getattr(widget, name) == value for name, value in parts.items())


@pytest.mark.parametrize(
    "state",
    [
        *({"heads": one} for one in (None, {"a": 1}, [["a"]], [[HUGE, 0]], [[0]], "L9-H9", 3)),
        *({"queries": one} for one in (None, [None], [[1]], 5, [-1], "12")),
        *({"threshold": one} for one in (NAN, None, "much", 2, -HUGE)),
        *({"what_if": {"temperature": one}} for one in (NAN, None, "hot", HUGE, 0, [])),
        *({"what_if": {"scores": one}} for one in ([1], {"x": 1}, {"99": 1}, {"1": NAN}, {"1": None}, 5)),
        *({"what_if": {"masked": one}} for one in (5, [1.5], {"a": 1}, "1", [99])),
        *({"what_if": one} for one in ([1], None, {"colour": 1})),
        *({name: one} for name in ("layer", "view", "attention", "measure", "combine") for one in (None, [], "x")),
        *({"_stamp": one} for one in ("s", None, {"client": 5}, {"client": "b", "count": "x"})),
        {"text": 5},
        {"category": 5},
        {"words": None},
        {"heads": [[1, 1]], "layer": HUGE},
    ],
)
def test_a_wrong_value_is_told_and_changes_nothing(widget: AttentionWidget, state: dict[str, Any]) -> None:
    before = widget._session.selection, widget._session.texts, widget._outline, widget._snapshot
    widget.set_state(state)
    assert (widget._session.selection, widget._session.texts, widget._outline, widget._snapshot) == before
    assert agrees(widget)
    assert widget._status["state"] == "error"
    assert widget._status["message"]


def test_browsers_do_not_set_what_only_the_session_sets(widget: AttentionWidget) -> None:
    outline = widget._outline
    widget.set_state({"_outline": {"run": 7}, "_status": {"state": "x"}, "layer": 2})
    assert (widget._outline, widget.layer) == (outline, 2)
    assert widget._status["state"] == "ready"
    assert repr(widget)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((f"_{state}", {"run": 7}) for state in STATES),
        *((name, "export default 1") for name in ("_esm", "_code", "_anywidget_id", "_model_module", "_view_name")),
        ("_front_end", None),
        ("_dom_classes", ["x"]),
        ("_stamp", {"client": "\ud800", "count": 1}),
        ("nothing", 5),
    ],
)
def test_what_is_private_is_left_alone_and_the_rest_taken(widget: AttentionWidget, name: str, value: Any) -> None:
    before = widget.get_state()
    for layer in (2, 99):  # a good message and a refused one
        state = {name: value, "layer": layer}
        widget._handle_msg({"content": {"data": {"method": "update", "state": state}}, "buffers": []})
        assert widget.layer == 2
        changed = {one for one, now in widget.get_state().items() if now != before[one]}
        assert changed <= {"layer", "heads", "_snapshot", "_status", *([name] if name == "_stamp" else [])}
    json.dumps(widget.comm.outbox, ensure_ascii=False, default=str).encode()


def test_no_browser_writes_the_code_that_all_run(widget: AttentionWidget) -> None:
    shared = widget._front_end
    before = shared._code
    shared._handle_msg({"content": {"data": {"method": "update", "state": {"_code": "x"}}}, "buffers": []})
    assert shared._code == before


def halves(half: str) -> dict[str, Any]:
    """Make widgets that bring strings of all kinds with half a character in them."""
    weights = torch.full((1, 2, 3, 3), 1 / 3)
    own = Category.of_pattern(f"mine {half}", f"meaning {half}", Offset(-1), absent=half)
    return {
        "model": lambda: AttentionWidget(AttentionTrace.from_attentions(weights, ["a", "b", "c"], model_name=half)),
        "token": lambda: AttentionWidget(AttentionTrace.from_attentions(weights, ["a", half, f"c{half}"])),
        "category": lambda: AttentionWidget(TEXT, probe=False, categories=[own]),
    }


@pytest.mark.parametrize(("half", "seen"), [("\ud800", "\N{REPLACEMENT CHARACTER}"), ("\ud83d\ude00", "\U0001f600")])
@pytest.mark.parametrize("kind", ["model", "token", "category"])
def test_half_a_character_is_shown_as_one_that_is_none(kind: str, half: str, seen: str) -> None:
    made = halves(half)[kind]()
    made.comm = FakeComm()
    made._session.begin()
    if kind == "category":
        made.category = f"mine {half}"
        assert made.category == f"mine {seen}"
        made.set_state({"category": made.category})
        assert made._status["state"] == "ready"
    with pytest.raises(TraitError):
        made.text = half  # refused, and that is told
    everything = [made.get_state(), made.comm.outbox, repr(made), repr(made.trace)]
    json.dumps(everything, ensure_ascii=False, default=str).encode()


def test_a_refused_change_is_confirmed_all_the_same(widget: AttentionWidget) -> None:
    widget.set_state({"heads": [[99, 0]], "_stamp": {"client": "b", "count": 4}})
    (event,) = [one["content"] for one in widget.comm.outbox if one["method"] == "custom"]
    assert event["by"] == {"client": "b", "count": 4, "followed": []}
    assert event["selection"]["heads"] == widget.heads


def test_what_a_browser_sends_twice_changes_nothing_the_second_time(widget: AttentionWidget) -> None:
    """It sends again what it believes lost; what only came late has been followed by others' choices since."""
    mine = {"heads": [[1, 1]], "_stamp": {"client": "b", "count": 1}}
    again = asdict(widget._session.selection) | {"heads": [[1, 1]]}
    widget.set_state(mine)
    assert widget.heads == [(1, 1)]
    widget.heads = [(0, 3)]
    widget._handle_custom_msg({"id": "b-2", "ask": "select", "count": 1, "selection": again}, [])
    widget.set_state(mine)
    assert widget.heads == [(0, 3)]
    event = [one["content"] for one in widget.comm.outbox if one["method"] == "custom"][-1]
    assert (event["by"]["count"], event["selection"]["heads"]) == (1, [(0, 3)])
    widget.set_state({"heads": [[2, 2]], "_stamp": {"client": "b", "count": 2}})
    assert widget.heads == [(2, 2)]


@pytest.mark.parametrize("message", [[1], "x", None, 5, {}, {"id": 5, "ask": "hello"}, {"id": "b-1"}])
def test_every_message_gets_one_reply(widget: AttentionWidget, message: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (reply,) = replies(widget, message)
    assert reply["error"]["message"].startswith("this request cannot be read")
    assert not caplog.records


@pytest.mark.parametrize("queries", [[-5, 2], [3, 2], [2, 2], [0, 99]])
@pytest.mark.parametrize("words", [False, True])
def test_a_range_that_is_not_there_is_named(widget: AttentionWidget, queries: list[int], *, words: bool) -> None:
    about = {"layer": 0, "head": 0, "queries": queries, "keys": [0, 2], "words": words}
    (reply,) = replies(widget, {"id": "b-1", "ask": "tile", **about})
    assert "is no range of 1" in reply["error"]["message"]


@pytest.mark.parametrize("changes", [{"threshold": 5.0}, {"threshold": NAN}, {"heads": [[0, 99]]}, {"measure": "x"}])
def test_a_whole_selection_that_does_not_fit_changes_nothing(widget: AttentionWidget, changes: dict[str, Any]) -> None:
    before = widget._session.selection
    assert "error" in select(widget, **changes)
    assert widget._session.selection == before
    assert agrees(widget)


def test_scores_are_checked_for_the_query_that_comes_with_them(widget: AttentionWidget) -> None:
    """Key 7 is hidden from query 2 and seen by query 8."""
    both = {"queries": [8], "what_if": {"scores": {"7": 1.0}}}
    widget.queries = [2]
    widget.set_state(both)
    assert (widget.queries, widget.what_if) == ([8], both["what_if"])
    widget.what_if, widget.queries = {}, [2]
    assert "ok" in select(widget, **both)
    assert (widget.queries, widget.what_if) == ([8], both["what_if"])
    assert "hidden by the mask" in select(widget, queries=[2])["error"]["message"]
    with pytest.raises(TraitError, match="hidden by the mask"):
        AttentionWidget(TEXT, queries=[2], what_if={"scores": {"7": 1.0}})
    assert AttentionWidget(TEXT, what_if=both["what_if"], queries=[8]).what_if == both["what_if"]


def test_positions_are_those_of_the_attention_that_comes_with_them() -> None:
    widget = AttentionWidget("Le chat dort", text_target="The cat sleeps on the mat", model="demo/fr-en", probe=False)
    widget.comm = FakeComm()
    widget.attention = "encoder"
    last = len(widget.trace.target_tokens) - 1
    assert last >= len(widget.trace.source_tokens)
    assert "ok" in select(widget, attention="cross", queries=[last])
    assert (widget.attention, widget.queries) == ("cross", [last])


@pytest.mark.parametrize("name", ["heads", "layer", "threshold", "queries", "view", "what_if", "measure", "words"])
def test_none_is_refused_in_the_traits_own_words(name: str) -> None:
    with pytest.raises(TraitError, match=f"'{name}' trait"):
        AttentionWidget(TEXT, **{name: None})
    assert AttentionWidget(TEXT, category=None).category is None


def test_a_measure_that_fails_leaves_a_widget_that_goes_on(widget: AttentionWidget) -> None:
    measures.register(Broken)
    widget.set_state({"measure": "broken"})
    assert widget._snapshot["data"] is None
    about = {"layer": 0, "head": 0, "queries": [0, 2], "keys": [0, 2], "measure": "broken"}
    (reply,) = replies(widget, {"id": "b-1", "ask": "tile", **about})
    assert reply["error"]["message"] == "mine is broken"
    widget.text = "Another text"
    assert agrees(widget)
    widget.measure = "weights"
    assert widget._snapshot["data"]


def test_a_measure_registered_later_is_in_the_menu_once_it_is_drawn(widget: AttentionWidget) -> None:
    measures.register(Broken)
    widget.measure = "broken"
    assert "broken" in [one["name"] for one in widget._outline["measures"]]
    widget.measure = "weights"


def test_what_an_observer_sets_is_checked(widget: AttentionWidget) -> None:
    widget.observe(lambda _: setattr(widget, "heads", [(99, 0)]), "text")
    with pytest.raises(TraitError, match="0 to 3"):
        widget.text = "Another text"
    assert agrees(widget)


def test_a_page_of_norms_carries_them(widget: AttentionWidget) -> None:
    widget.measure = "norms"
    state = embed_data([widget])["manager_state"]["state"][widget.model_id]
    assert state["state"]["_snapshot"]["measure"] == "norms"
    assert ["_snapshot", "data"] in [one["path"] for one in state["buffers"]]
