"""The Python half of the widget: traits, both directions, errors. No browser; the comm is a recorder."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets import HBox, IntSlider, jslink
from ipywidgets.embed import embed_data
from ipywidgets.widgets.widget import _instances
from traitlets import TraitError

import attnwidget as aw
import tiny
from attnwidget import AttentionWidget
from attnwidget.session import Session
from attnwidget.session.feeds import CategoriesFeed, Shown
from browser.fake_comm import FakeComm

TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain script, also where Playwright keeps an event loop running in this thread: work is done at once."""
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)


@pytest.fixture
def widget() -> AttentionWidget:
    return AttentionWidget(TEXT)


@pytest.fixture
def comm(widget: AttentionWidget) -> FakeComm:
    widget.comm = FakeComm()
    return widget.comm


def updates(comm: FakeComm) -> list[str]:
    """Names of the traits that were sent, in order."""
    return [name for one in comm.outbox if one["method"] == "update" for name in one["state"]]


def ask(widget: AttentionWidget, comm: FakeComm, **message: Any) -> dict[str, Any]:
    """Send a request and return its reply."""
    comm.outbox.clear()
    widget._handle_custom_msg({"id": "1", **message}, [])
    return next(one["content"] for one in comm.outbox if one["method"] == "custom")


def test_it_opens_on_a_telling_head_of_the_bundled_model(widget: AttentionWidget) -> None:
    assert widget.text == TEXT
    assert widget.tokens[:4] == ["The", "animal", "didn", "'t"]
    assert widget.layer == widget.heads[0][0]
    (layer, head) = widget.heads[0]
    weights = widget.trace.weights(layer, head)
    it, animal = widget.tokens.index("it"), widget.tokens.index("animal")
    assert weights[it].argmax() == animal
    assert weights[it, animal] > 0.4


def test_weights_are_those_of_the_trace(widget: AttentionWidget) -> None:
    widget.heads = [(1, 2), "L3-H5"]
    assert widget.heads == [(1, 2), (3, 5)]
    expected = torch.stack([widget.trace.weights(1, 2), widget.trace.weights(3, 5)])
    torch.testing.assert_close(widget.weights(), expected)
    widget.queries = [8, 3]
    widget.keys = [1]
    torch.testing.assert_close(widget.weights(), expected[:, [8, 3]][:, :, [1]])


def test_words_merge_the_axes_of_weights_and_tokens(widget: AttentionWidget) -> None:
    widget.words = True
    assert widget.tokens[:3] == ["The", "animal", "didn't"]
    n = len(widget.tokens)
    assert widget.weights().shape == (1, n, n)
    torch.testing.assert_close(widget.weights().sum(-1), torch.ones(1, n))
    widget.queries = [3]  # "'t", a piece of "didn't"
    assert widget.weights().shape == (1, 1, n)


def test_layer_and_heads_follow_each_other(widget: AttentionWidget) -> None:
    widget.heads = [(1, 3), (1, 4)]
    assert widget.layer == 1
    widget.layer = 3
    assert widget.heads == [(3, 3), (3, 4)]
    widget.heads = [(0, 0), (2, 1)]
    assert widget.layer == 2
    widget.layer = 0
    assert widget.heads == [(0, 0), (2, 1)]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("layer", 9, "0 to 3"),
        ("heads", [(0, 8)], "0 to 7"),
        ("heads", [(4, 0)], "0 to 3"),
        ("heads", [], "at least one"),
        ("heads", ["H3"], "L4-H11"),
        ("heads", 3, "L4-H11"),
        ("queries", [12], "0 to 11"),
        ("keys", [-1], "0 to 11"),
        ("keys", "12", "no token or word reads '12'"),
        ("keys", 12, "positions"),
        ("threshold", 1.5, "1"),
        ("view", "pie", "lines"),
        ("attention", "cross", "self"),
    ],
)
def test_a_wrong_value_names_the_range_and_changes_nothing(
    widget: AttentionWidget, name: str, value: object, says: str
) -> None:
    before = getattr(widget, name)
    with pytest.raises((TraitError, ValueError), match=says):
        setattr(widget, name, value)
    assert getattr(widget, name) == before


def test_integers_of_any_kind_are_understood(widget: AttentionWidget) -> None:
    widget.heads = torch.tensor([[1, 2], [3, 4]]).numpy()
    assert widget.heads == [(1, 2), (3, 4)]
    widget.queries = range(2)
    assert widget.queries == [0, 1]


def test_tokens_are_pinned_by_what_stands_there(widget: AttentionWidget) -> None:
    widget.queries = ["it"]
    assert widget.queries == [8]
    widget.keys = ["animal", 0, "didn't"]  # a word of two tokens
    assert widget.keys == [1, 0, 2, 3]
    widget.queries = "tired"
    assert widget.queries == [11]
    with pytest.raises(TraitError, match="queries: no token or word reads 'Animal'; there are 'animal'"):
        widget.queries = ["Animal"]
    assert widget.queries == [11]
    assert AttentionWidget(TEXT, queries=["it"], keys=["animal"]).queries == [8]
    with pytest.raises(TraitError, match="no token or word reads 'cat'"):
        AttentionWidget(TEXT, queries=["cat"])


@pytest.mark.parametrize("option", [{"head": 3}, {"color": "red"}])
def test_an_unknown_keyword_is_named(option: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(option))):
        AttentionWidget(TEXT, **option)


def test_options_are_first_values() -> None:
    other = AttentionWidget(TEXT, heads=[(0, 1)], queries=[2], threshold=0.1, words=True)
    assert (other.heads, other.layer, other.queries) == ([(0, 1)], 0, [2])
    assert (other.threshold, other.words) == (0.1, True)
    assert AttentionWidget(TEXT, layer=1).layer == 1
    with pytest.raises(TraitError, match="0 to 3"):
        AttentionWidget(TEXT, layer=4)


def test_a_new_text_replaces_the_trace_and_keeps_what_makes_sense(widget: AttentionWidget) -> None:
    widget.heads = [(1, 3)]
    widget.queries = [1, 8]
    widget.text = "The animal slept"
    assert widget.tokens == widget.trace.tokens
    assert widget.heads == [(1, 3)]
    assert widget.queries == [1]


@pytest.mark.parametrize("text", ["", "word " * 200_000])
def test_a_text_that_fails_leaves_everything_and_raises(
    widget: AttentionWidget, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text:  # rotary positions have no end: give the model one
        monkeypatch.setattr("attnwidget.session.runner.capture", _too_long)
    trace = widget.trace
    with pytest.raises(TraitError):
        widget.text = text
    assert widget.text == TEXT
    assert widget.trace is trace
    assert widget._status["state"] == "error"
    assert widget._status["message"]
    widget.text = "Well again" if not text else TEXT
    assert widget.text in ("Well again", TEXT)


def _too_long(*_: object, **__: object) -> None:
    msg = "the text has 200000 tokens, the model takes 4096"
    raise ValueError(msg)


def test_an_empty_text_raises_at_once() -> None:
    with pytest.raises(ValueError, match="no tokens"):
        AttentionWidget("")


@pytest.mark.parametrize("wrong", [{"source": ""}, {"source": TEXT, "layer": 9}, {"source": TEXT, "threshold": 2}])
def test_a_constructor_that_fails_leaves_nothing_behind(wrong: dict[str, Any]) -> None:
    def alive() -> int:
        gc.collect()
        return sum(issubclass(type(one), AttentionWidget | Session) for one in gc.get_objects())

    before, opened = alive(), set(_instances)
    for _ in range(3):
        with pytest.raises((ValueError, TraitError)):
            AttentionWidget(**wrong)
    assert alive() == before
    assert set(_instances) == opened


@pytest.mark.parametrize("names", [("text", "text_pair"), ("text_pair", "text")])
def test_two_texts_in_one_message_are_one_run(names: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = AttentionWidget("one", text_pair="two", model=tiny.bert(), tokenizer=tiny.tokenizer(marks=True))
    runs: list[Any] = []
    capture = aw.capture
    monkeypatch.setattr(
        "attnwidget.session.runner.capture", lambda *args, **how: runs.append(args) or capture(*args, **how)
    )
    new = {"text": "three", "text_pair": "four"}
    shown.set_state({name: new[name] for name in names})
    assert (shown.text, shown.text_pair) == ("three", "four")
    assert len(runs) == 1
    shown.set_state({"text": "", "text_pair": "five"})
    assert (shown.text, shown.text_pair) == ("three", "four")
    assert shown._status["state"] == "error"


def test_wrong_first_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        AttentionWidget(3)  # type: ignore[arg-type]


def test_the_users_own_model_and_tokenizer() -> None:
    model, tokenizer = aw.load_model("demo/causal")
    implementation = model.config._attn_implementation
    shown = AttentionWidget("Two words", model=model, tokenizer=tokenizer)
    assert shown.trace.n_layers() == 4
    assert model.config._attn_implementation == implementation


def test_a_trace_is_shown_without_a_model() -> None:
    weights = torch.rand(2, 3, 4, 4).softmax(-1)
    trace = aw.AttentionTrace.from_attentions(list(weights), ["a", "<b>&", "c", "d"])
    shown = AttentionWidget(trace)
    assert shown.tokens == ["a", "<b>&", "c", "d"]
    assert not shown._outline["editable"]
    with pytest.raises(TraitError, match="no model"):
        shown.text = "new"
    assert shown.trace is trace


def test_nothing_that_the_browser_set_is_sent_back(widget: AttentionWidget, comm: FakeComm) -> None:
    widget.set_state({"heads": [[1, 3]], "layer": 1, "threshold": 0.2})
    assert widget.heads == [(1, 3)]
    assert set(updates(comm)) <= {"_snapshot"}


def test_a_wrong_value_from_the_browser_is_told_and_taken_back(widget: AttentionWidget, comm: FakeComm) -> None:
    heads = widget.heads
    widget.set_state({"heads": [[99, 0]]})
    assert widget.heads == heads
    assert widget._status["state"] == "error"
    sent = [one["state"] for one in comm.outbox if "heads" in one.get("state", {})]
    assert json.loads(json.dumps(sent[-1]["heads"])) == [list(head) for head in heads]


def test_python_changes_are_sent_once(widget: AttentionWidget, comm: FakeComm) -> None:
    widget.heads = [(1, 3)]
    names = updates(comm)
    assert names.count("heads") == 1
    assert names.count("layer") == 1


def test_a_tile_is_answered_with_its_run(widget: AttentionWidget, comm: FakeComm) -> None:
    reply = ask(widget, comm, ask="tile", layer=1, head=2, queries=[0, 4], keys=[0, 12], words=False)
    assert reply["ok"]["shape"] == [4, 12]
    assert reply["ok"]["run"] == widget._outline["run"]
    reply = ask(widget, comm, ask="tile", layer=9, head=2, queries=[0, 4], keys=[0, 4], words=False)
    assert "3" in reply["error"]["message"]


def test_a_run_from_the_browser_tells_failures_in_the_status(widget: AttentionWidget, comm: FakeComm) -> None:
    ask(widget, comm, ask="run", text="A new text")
    assert widget.text == "A new text"
    ask(widget, comm, ask="run", text="")
    assert widget.text == "A new text"
    assert widget._status["state"] == "error"
    ask(widget, comm, ask="run", text="Well again")
    assert widget._status["state"] == "ready"


def told_of(category, layer, head):
    """What the front end says of a head's score: a sentence, with its numbers in their places."""
    text, *numbers = category["notes"]["of"][layer][head].split()
    return category["notes"]["texts"][int(text)].replace("\x01", "{}").format(*numbers)


def test_categories_come_as_a_trait_so_that_they_are_saved(widget: AttentionWidget, comm: FakeComm) -> None:
    ask(widget, comm, ask="categories")
    told = widget._categories
    assert told["run"] == widget._outline["run"]
    assert told["probe"]["state"] == "done"  # the bundled model's report comes along
    names = [one["name"] for one in told["list"]]
    scores = np.frombuffer(told["data"], dtype="float32").reshape(told["shape"])
    table = aw.categorize(widget.trace, probe=aw.probe_heads(widget._session.model))
    assert scores[names.index("Previous-Token"), 1, 2] == pytest.approx(table["L1-H2"].scores["Previous-Token"])
    syntactic = told["list"][names.index("Syntactic")]
    assert syntactic["source"] == "192 annotated sentences"
    assert told_of(syntactic, 2, 1).startswith("From an object its strongest key is its verb in 93% of 165")
    induction = told["list"][names.index("Induction")]
    assert told_of(induction, 3, 5) == (
        "On 4 × 32 random tokens, written twice, it looks at what followed the same token earlier in the text. "
        "No token of this text comes again."
    )
    assert told_of(induction, 0, 0) == "No token of this text comes again."
    assert 1 < len(syntactic["notes"]["texts"]) < 10  # sentences that differ in their numbers travel once
    assert told["peak"][1][2] == pytest.approx(float(table.statistics.peak[1, 2]), abs=1e-4)
    json.dumps({**told, "data": None}, allow_nan=False)


def test_a_category_that_fails_is_told() -> None:
    def fail(_: object) -> None:
        raise RuntimeError("mine is broken")

    broken = AttentionWidget(TEXT, categories=[aw.heads.Category("Mine", "", fail)])
    broken.comm = FakeComm()
    ask(broken, broken.comm, ask="categories")
    assert broken._categories["warning"] == "the heads could not be scored: mine is broken"
    assert broken._status["state"] == "ready"


def test_categories_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = AttentionWidget(AttentionWidget(TEXT).trace)
    widget.comm = FakeComm()
    ask(widget, widget.comm, ask="categories")
    assert widget._categories["probe"]["state"] == "none"
    source = {one["name"]: one["source"] for one in widget._categories["list"]}
    assert source["Syntactic"].startswith("needs the model")

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr("attnwidget.session.feeds.categories.probe_heads", fail)
    monkeypatch.setattr("attnwidget.session.feeds.categories.known_probe", lambda _: None)
    widget = AttentionWidget(TEXT)
    widget.comm = FakeComm()
    ask(widget, widget.comm, ask="categories")
    assert widget._categories["probe"] == {"state": "failed", "message": "no memory", "done": 0, "total": 0}
    assert widget._categories["shape"] == [10, 4, 8]
    silent = AttentionWidget(TEXT, probe=False)
    silent.comm = FakeComm()
    ask(silent, silent.comm, ask="categories")
    assert silent._categories["probe"]["state"] == "none"


def test_a_probe_that_was_stopped_tells_no_failure(widget: AttentionWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    feed = CategoriesFeed(told.append, (), wants_probe=True)

    def probe(_model: Any, _tokenizer: Any, *, on_progress: Any) -> None:
        feed.close()  # as a widget does that is closed
        on_progress(0, 196)
        pytest.fail("it went on")

    monkeypatch.setattr("attnwidget.session.feeds.categories.probe_heads", probe)
    monkeypatch.setattr("attnwidget.session.feeds.categories.known_probe", lambda _: None)
    feed.begin(Shown(1, widget.trace, widget._session.selection, widget._session.model))
    assert [one.probe.state for one in told] == ["running"]


def test_category_is_read_and_set(widget: AttentionWidget) -> None:
    assert widget.category is None
    for name in ("Syntactic", "Other", None):
        widget.category = name
        assert widget.category == name
    with pytest.raises(TraitError, match=r"'Semantic' is not there: Previous-Token, .*, Other"):
        widget.category = "Semantic"
    mine = aw.heads.Category("Mine", "My own.", lambda found: found.entropy)
    assert AttentionWidget(TEXT, categories=[mine], category="Mine").category == "Mine"


def test_pictures_come_as_a_trait_so_that_they_are_saved(widget: AttentionWidget, comm: FakeComm) -> None:
    ask(widget, comm, ask="pictures")
    assert widget._pictures["shape"] == [4, 8, 12, 12]


def test_no_trait_is_lost_in_an_embedding(widget: AttentionWidget) -> None:
    """`keys` is also ipywidgets' list of synced traits; the embedding drops defaults unless told not to."""
    data = embed_data([widget], drop_defaults=True)
    state = data["manager_state"]["state"][widget.model_id]["state"]
    assert {"_view_name", "text", "keys", "threshold", "_snapshot"} <= set(state)


def test_a_page_made_without_a_browser_has_pictures_and_scores(widget: AttentionWidget) -> None:
    data = embed_data([widget], drop_defaults=True)
    state = data["manager_state"]["state"][widget.model_id]["state"]
    assert state["_pictures"]["shape"] == [4, 8, 12, 12]
    assert state["_categories"]["shape"] == [10, 4, 8]
    assert state["_categories"]["probe"]["state"] == "done"
    assert state["_ahead"]["shape"] == [4, 8, 12, 12]


def test_it_lives_among_other_widgets(widget: AttentionWidget) -> None:
    slider = IntSlider(max=3)
    jslink((slider, "value"), (widget, "layer"))
    assert HBox([widget, slider]).children[0] is widget


def test_readers_without_the_widget_get_text(widget: AttentionWidget) -> None:
    bundle, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "tired → animal 0.8" in bundle["text/plain"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", []), ("a b", []), ("a b c", ["c → a", "c → b"])],
)
def test_the_text_form_of_a_short_text_has_no_made_up_numbers(text: str, expected: list[str]) -> None:
    shown = AttentionWidget(text, heads=[(0, 0)])
    pairs = [line.split()[1:4] for line in repr(shown).splitlines()[1:]]
    assert sorted(" ".join(pair) for pair in pairs if pair[0] == "c") == expected
    for line in repr(shown).splitlines()[1:]:
        _, query, _, key, value = line.split()
        weight = shown.weights()[0, shown.tokens.index(query), shown.tokens.index(key)]
        assert value == f"{weight:.4f}"


def test_ctrl_c_leaves_the_picture_and_no_progress(widget: AttentionWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, on_layer: Any, **__: object) -> None:
        on_layer(1, 2)
        raise KeyboardInterrupt

    monkeypatch.setattr("attnwidget.session.runner.capture", interrupted)
    monkeypatch.setattr("attnwidget.session.runner.REPORT_EVERY", -1)
    with pytest.raises(KeyboardInterrupt):
        widget.text = "Something else"
    assert widget.text == TEXT
    assert widget._status["state"] == "ready"


def test_options_may_come_in_any_order() -> None:
    assert AttentionWidget(TEXT, layer=1, heads=[(1, 0)]).heads == [(1, 0)]
    assert AttentionWidget(TEXT, heads=[(1, 0)], layer=1).heads == [(1, 0)]


def test_a_closed_widget_is_freed_and_models_are_shared() -> None:
    first, second = AttentionWidget(TEXT), AttentionWidget(TEXT)
    assert first._session.model is second._session.model
    gone = weakref.ref(first)
    first.close()
    del first
    gc.collect()
    assert gone() is None


def test_a_model_that_computes_nan_is_shown_as_such(comm: FakeComm) -> None:  # noqa: ARG001
    model, tokenizer = aw.load_model("demo/causal")
    with torch.no_grad():
        model.model.layers[1].self_attn.q_proj.weight.fill_(float("nan"))
    shown = AttentionWidget(TEXT, model=model, tokenizer=tokenizer, heads=[(1, 0)])
    assert shown._outline["maxError"] is None
    assert shown._outline["broken"]
    assert shown.weights().isnan().any()
    json.dumps(shown._outline, allow_nan=False)
    assert "0.0000" not in repr(shown)


def test_a_trace_takes_no_model(widget: AttentionWidget) -> None:
    with pytest.raises(TypeError, match="captured earlier"):
        AttentionWidget(widget.trace, model="demo/causal")


@pytest.mark.parametrize("threshold", [float("nan"), -0.1, "much"])
def test_a_threshold_is_a_number_from_0_to_1(widget: AttentionWidget, threshold: object) -> None:
    with pytest.raises((TraitError, ValueError)):
        widget.threshold = threshold
    widget.threshold = np.float32(0.5)
    assert widget.threshold == 0.5


def test_a_click_that_crossed_a_shorter_text_is_no_error(widget: AttentionWidget) -> None:
    widget.text = "Now shorter"
    widget.set_state({"queries": [1, 11]})
    assert widget.queries == [1]
    assert widget._status["state"] == "ready"
