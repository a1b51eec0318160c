"""The breakdown on screen: what the widget tells the browser of it, and when."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from traitlets import TraitError

import tiny
from attnwidget import AttentionTrace, AttentionWidget
from attnwidget.session.jobs import running_loop
from zoo import ZOO

TEXT = "The animal didn't cross the road because it was too tired"
TOKENIZER = tiny.tokenizer(marks=True)


@pytest.fixture(autouse=True)
def no_loop(monkeypatch):
    """Work at once: a browser under test keeps an event loop running in this thread."""
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)


@pytest.fixture
def in_a_kernel(monkeypatch):
    """Run a coroutine as a kernel would, on an event loop of its own."""
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", running_loop)

    def run(coroutine):
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, coroutine()).result()

    return run


@pytest.fixture
def widget():
    return AttentionWidget(TEXT, view="breakdown", heads=[(1, 2)], queries=[7])


def array(told, name):
    envelope = told["arrays"][name]
    return torch.tensor(np.frombuffer(envelope["data"], dtype=envelope["dtype"]).reshape(envelope["shape"]))


def test_nothing_is_told_in_another_view():
    widget = AttentionWidget(TEXT)
    assert widget._breakdown == {}
    widget.view = "breakdown"
    assert widget._breakdown["missing"] == ""


def test_the_steps_are_pythons(widget):
    told, b = widget._breakdown, widget.trace.breakdown(1, 2, 7)
    m = len(widget.tokens)
    assert told["rows"] == list(range(m))
    assert (told["visible"], told["masked"]) == (8, m - 8)
    assert (told["head"], told["queries"], told["pinned"]) == ((1, 2), [7], [7])
    same = {
        "products": b.products,
        "dots": b.dots,
        "scaled": b.scaled,
        "allowed": b.allowed,
        "scores": b.scores,
        "exponentials": b.exponentials,
        "weights": b.weights,
        "values": b.values,
        "weighted": b.weighted_values,
        "weightedNorms": b.weighted_norms,
        "query": b.query,
        "keys": b.keys,
        "headOutput": b.head_output,
        "headOutputs": b.head_outputs,
        "headNorms": b.contributions.norm(dim=-1),
        "contribution": b.contribution,
        "output": b.output,
        "attentionOutput": b.attention_output,
    }
    for name, tensor in same.items():
        assert torch.equal(array(told, name), tensor.to(array(told, name).dtype)), name
    assert told["maximum"] == b.maximum
    assert told["total"] == b.total
    assert told["projected"]["state"] == "ready"
    assert told["projected"]["maxDifference"] == b.max_difference < 1e-5
    json.dumps({name: one for name, one in told.items() if name not in {"arrays", "changed"}}, allow_nan=False)


def test_it_follows_the_selection(widget):
    widget.heads = [(2, 1), (0, 0)]
    assert widget._breakdown["head"] == (2, 1)
    widget.queries = [4, 5]
    assert widget._breakdown["queries"] == [4, 5]
    assert array(widget._breakdown, "parts").shape == (2, len(widget.tokens))
    assert "exponentials" not in widget._breakdown["arrays"]
    assert widget._breakdown["maximum"] is None
    mean = array(widget._breakdown, "weights")
    widget.combine = "sum"
    torch.testing.assert_close(array(widget._breakdown, "weights"), 2 * mean)
    widget.text = "The cat sat on the mat"
    assert widget._breakdown["run"] == widget._outline["run"] == 2


def test_a_telling_query_is_chosen(widget):
    widget.queries = []
    first = widget._breakdown["queries"]
    assert widget._breakdown["pinned"] == []
    assert first != [0]
    widget.heads = [(3, 3)]
    assert widget._breakdown["queries"] == first  # it stays while heads are compared
    assert list(widget.breakdown().queries) == first


def test_python_reads_what_is_on_screen(widget):
    b = widget.breakdown()
    assert (b.layer, b.head, b.queries) == (1, 2, (7,))
    widget.queries = [3, 4]
    widget.combine = "sum"
    assert widget.breakdown().queries == (3, 4)
    assert widget.breakdown().combine == "sum"


def test_what_if(widget):
    b = widget.breakdown()
    widget.what_if = {"temperature": 2, "masked": [0]}
    changed = b.what_if(temperature=2, masked=[0])
    told = widget._breakdown
    assert torch.equal(array(told, "weights"), b.weights)
    assert torch.equal(array(told["changed"], "weights"), changed.weights)
    assert torch.equal(array(told["changed"], "output"), changed.output)
    assert told["changed"]["removed"] == pytest.approx(float(b.what_if(temperature=2).weights[0]))
    assert told["changed"]["distance"] == pytest.approx(float((changed.output - b.output).norm()))
    assert torch.equal(widget.breakdown().weights, b.weights)
    widget.what_if = {}
    assert widget._breakdown["changed"] is None


def test_scores_by_hand_go_with_their_head_and_query(widget):
    widget.what_if = {"scores": {3: 5}, "temperature": 2}
    assert widget.what_if == {"scores": {"3": 5}, "temperature": 2}
    assert array(widget._breakdown["changed"], "scores")[3] == 5
    widget.heads = [(2, 1)]
    assert widget.what_if == widget._breakdown["whatIf"] == {"temperature": 2}
    widget.text = "The cat sat"
    assert widget.what_if == {}


def test_scores_that_come_with_their_head_stay(widget):
    with widget.hold_trait_notifications():
        widget.heads = [(2, 1)]
        widget.what_if = {"scores": {"2": 4}}
    assert widget.what_if == {"scores": {"2": 4}}
    widget.heads = [(2, 1), (0, 0)]  # the first one is taken apart, and still the same
    assert widget.what_if == {"scores": {"2": 4}}
    widget.queries = [6]
    assert widget.what_if == {}


def test_what_if_takes_words(widget):
    widget.what_if = {"masked": "animal", "removed": [0, "road"]}
    assert widget.what_if == {"masked": [1], "removed": [0, 6]}
    with pytest.raises(TraitError, match=r"what_if: masked: .*nowhere"):
        widget.what_if = {"masked": "nowhere"}


def test_what_if_is_kept_as_json(widget):
    widget.what_if = {"masked": np.array([1]), "temperature": np.float32(2), "removed": {0}}
    assert json.loads(json.dumps(widget.what_if)) == {"masked": [1], "temperature": 2, "removed": [0]}
    assert list(widget._breakdown["whatIf"]) == ["masked", "temperature", "removed"]


def test_wrong_positions_from_a_browser_are_told(widget):
    for wrong in ([None], ["a"], [1.5], None, "3"):
        widget.set_state({"queries": wrong})
        assert widget._status["state"] == "error"
        assert widget.queries == [7]


WRONG = [
    *({"temperature": 0}, {"temperature": None}, {"masked": [99]}, {"masked": "12"}, {"masked": 3}, {"heat": 2}),
    *({"scores": {"a": 1}}, {"scores": [[1, 2]]}, {"scores": {"3": -np.inf}}, {"scores": {"3": 10**400}}),
    {"scaled": "no"},
    {"scores": {"9": 5}},  # which the mask hides
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_if_refuses(widget, wrong):
    with pytest.raises(TraitError):
        widget.what_if = wrong
    assert widget.what_if == {}
    assert widget._breakdown["changed"] is None


def test_options_of_the_constructor():
    widget = AttentionWidget(TEXT, view="breakdown", what_if={"scores": {"1": 2}}, queries=[4], combine="sum")
    assert array(widget._breakdown["changed"], "scores")[1] == 2
    with pytest.raises(TraitError, match="known: scaled, temperature"):
        AttentionWidget(TEXT, what_if={"cold": True})


def test_long_texts_send_the_largest_weights():
    widget = AttentionWidget("one two three " * 100, view="breakdown", heads=[(0, 1)], queries=[250])
    told, b = widget._breakdown, widget.breakdown()
    assert told["ranked"]
    assert told["rows"] == b.weights.argsort(descending=True, stable=True)[:40].tolist()
    assert told["rest"]["count"] == 251 - 40
    rest = array(told, "restWeighted") + array(told, "weighted").sum(0)
    torch.testing.assert_close(rest, b.head_output)
    assert told["rest"]["weight"] + float(array(told, "weights").sum()) == pytest.approx(1, abs=1e-5)
    rarest = int(b.weights[:251].argmin())
    widget.keys = [rarest]
    widget.what_if = {"masked": [299]}
    assert widget._breakdown["rows"][40:] == [rarest, 299]
    total = array(widget._breakdown["changed"], "weights").sum() + widget._breakdown["changed"]["rest"]["weight"]
    assert float(total) == pytest.approx(1, abs=1e-5)


def test_a_trace_of_weights_says_why():
    trace = AttentionTrace.from_attentions(torch.full((1, 2, 3, 3), 1 / 3), list("abc"))
    widget = AttentionWidget(trace, view="breakdown")
    assert "made from attention weights" in widget._breakdown["missing"]
    assert widget._breakdown["rows"] == []
    assert widget._breakdown["arrays"] == {}


def test_two_texts():
    model = ZOO["BART"][3]()
    widget = AttentionWidget(
        "The cat sat", text_target="le chat", model=model, tokenizer=TOKENIZER, view="breakdown", queries=[2]
    )
    assert widget._breakdown["attention"] == "cross"
    assert len(widget._breakdown["rows"]) == len(widget.trace.source_tokens)
    widget.what_if = {"temperature": 2}
    widget.attention = "decoder"
    assert widget._breakdown["attention"] == "decoder"
    assert widget._breakdown["pinned"] == []
    assert widget.what_if == {}


def test_not_a_number_is_no_json():
    q = torch.full((1, 1, 2, 4), torch.nan)
    widget = AttentionWidget(AttentionTrace.from_qkv(q, q, q, ["a", "b"]), view="breakdown")
    assert widget._breakdown["total"] is None
    assert array(widget._breakdown, "weights").isnan().all()


async def output_of(widget):
    """Wait until the model's own output is there."""
    there = asyncio.Event()
    widget.observe(lambda change: change.new["projected"]["state"] == "ready" and there.set(), "_breakdown")
    await asyncio.wait_for(there.wait(), 60)


def test_the_models_output_is_fetched_in_the_background(in_a_kernel):
    async def run():
        widget = AttentionWidget(TEXT, queries=[7])
        widget.view = "breakdown"
        first = widget._breakdown
        widget.heads = [(3, 1)]  # in the meantime
        await output_of(widget)
        return first, widget

    first, widget = in_a_kernel(run)
    assert first["projected"]["state"] == "running"
    assert "headNorms" not in first["arrays"]
    assert torch.equal(array(first, "headOutput"), widget.trace.breakdown(*first["head"], 7).head_output)
    assert widget._breakdown["head"] == (3, 1)
    assert widget._breakdown["projected"]["state"] == "ready"


def test_a_new_text_forgets_the_old_ones_output(in_a_kernel):
    async def run():
        widget = AttentionWidget(TEXT, view="breakdown")
        widget.text = "The cat sat"
        await output_of(widget)
        return widget

    widget = in_a_kernel(run)
    assert len(widget._breakdown["rows"]) == len(widget.tokens)
    assert widget._breakdown["run"] == 2


def test_a_failed_second_pass_is_said(widget, monkeypatch):
    def fail(*_):
        raise LookupError("it has changed")

    widget = AttentionWidget(TEXT)
    monkeypatch.setattr(widget.trace._projections, "_project", fail)
    widget.view = "breakdown"
    assert widget._breakdown["projected"]["state"] == "missing"
    assert "could not be run again (it has changed)" in widget._breakdown["projected"]["message"]


def test_a_saved_page_carries_one_view_of_a_long_text():
    widget = AttentionWidget("one two three four " * 90, heads=[(0, 1)])
    assert widget._snapshot["heads"] == [(0, 1)]
    widget.view = "breakdown"
    widget.heads = [(0, 2)]
    assert widget._snapshot["heads"] == []
    widget.view = "lines"
    assert widget._snapshot["heads"] == [(0, 2)]
