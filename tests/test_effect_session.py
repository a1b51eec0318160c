"""What heads do, in a widget without a browser: the target, heads switched off, the states that tell of it."""

from __future__ import annotations

import asyncio
import math
import threading

import numpy as np
import pytest
import torch
from traitlets import TraitError
from transformers import GPT2LMHeadModel

import attnwidget
import tiny
from attnwidget import AttentionTrace, AttentionWidget, Target, capture
from attnwidget.session import feeds
from attnwidget.wire import schema

TEXT = "The animal didn't cross the road because it was too tired"
ANIMAL, TIRED = 1, 11


@pytest.fixture
def widget():
    one = AttentionWidget(TEXT, probe=False)
    yield one
    one.close()


def read(envelope: dict) -> np.ndarray:
    return np.frombuffer(envelope["data"], np.float32).reshape(envelope["shape"])


def own_logits(off=()) -> torch.Tensor:
    """The model's own logits, (n, vocabulary), its heads' outputs set to zero by hooks on their output projections."""
    model, tokenizer = attnwidget.load_model("demo/causal")
    handles = []
    for layer, head in off:

        def clear(_, given, head=head):
            x = given[0].clone()
            width = x.shape[-1] // 8
            x[..., head * width : (head + 1) * width] = 0
            return (x, *given[1:])

        handles.append(model.model.layers[layer].self_attn.o_proj.register_forward_pre_hook(clear))
    try:
        with torch.no_grad():
            return model(**tokenizer(TEXT, return_tensors="pt")).logits[0]
    finally:
        for one in handles:
            one.remove()


def loss_of(logits: torch.Tensor) -> float:
    _, tokenizer = attnwidget.load_model("demo/causal")
    ids = torch.tensor(tokenizer(TEXT)["input_ids"])
    return float(torch.nn.functional.cross_entropy(logits[:-1].float(), ids[1:]))


# -- the target -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" animal", {"kind": "logprob", "tokens": [" animal"], "at": None}),
        ((" animal", " road"), {"kind": "difference", "tokens": [" animal", " road"], "at": None}),
        (slice(2, 5), {"kind": "loss", "tokens": [], "at": [2, 3, 4]}),
        ("loss", {"kind": "loss", "tokens": [], "at": None}),
        ("output", {"kind": "output", "tokens": [], "at": None}),
        (Target.logprob(277, at=3), {"kind": "logprob", "tokens": [277], "at": [3]}),
        ({"kind": "logprob", "tokens": [], "at": [3]}, {"kind": "logprob", "tokens": [], "at": [3]}),
        (None, None),
    ],
)
def test_a_target_is_kept_as_json_has_it(widget, given, kept):
    widget.target = given
    assert widget.target == kept
    widget.target = widget.target  # and understood again
    assert widget.target == kept
    assert AttentionWidget(TEXT, probe=False, target=given).target == kept


@pytest.mark.parametrize(
    "nonsense",
    [
        3.5,
        [" a"],
        {"kind": "odd"},
        {"kind": "difference", "tokens": [1]},
        {"kind": "loss", "more": 1},
        "two words here",
    ],
)
def test_nonsense_is_refused_and_loses_nothing(widget, nonsense):
    widget.target = " animal"
    with pytest.raises(TraitError):
        widget.target = nonsense
    assert widget.target["tokens"] == [" animal"]
    with pytest.raises(TraitError, match="position 99"):
        widget.target = Target.logprob(at=99)


def test_what_is_asked_goes_by_the_pinned_query(widget):
    widget.view = "effect"
    assert widget._effects["asked"]["rows"] == [TIRED]
    widget.queries = [4]
    assert widget._effects["asked"]["rows"] == [4]
    assert widget._outcome["row"] == 4
    best = int(own_logits()[4].argmax())
    assert widget._effects["asked"]["ids"] == [best]
    widget.target = Target.logprob(" animal", at=2)  # it names its own
    assert widget._effects["asked"]["rows"] == [2]
    widget.target = "loss"
    assert widget._effects["asked"]["count"] == TIRED


def test_the_places_of_a_target_go_with_its_text(widget):
    widget.target = Target.logprob(" animal", at=8)
    widget.text = "The cat sat"
    assert widget.target == {"kind": "logprob", "tokens": [" animal"], "at": None}


# -- heads switched off ---------------------------------------------------------------------------------------------

OFF = [(3, 5), (3, 7)]


def test_every_number_is_that_of_the_model_without_the_heads(widget):
    plain, edited = own_logits(), own_logits([(0, 0), *OFF])
    before = widget.weights()
    widget.layer = 1
    widget.off = ["L0-H0", *OFF]
    assert widget.off == [(0, 0), *OFF]
    assert widget._outline["off"] == [(0, 0), *OFF]
    expected = capture(*attnwidget.load_model("demo/causal")[:1], TEXT).without("L0-H0", "L3-H5", "L3-H7")
    torch.testing.assert_close(widget.weights()[0], expected.weights(1, widget.heads[0].head))
    assert widget.weights().shape == before.shape
    outcome = widget._outcome
    row = TIRED
    best = int(plain[row].argmax())
    logprobs = [one[row].float().log_softmax(-1) for one in (plain, edited)]
    assert outcome["target"]["before"] == pytest.approx(float(logprobs[0][best]), abs=1e-4)
    assert outcome["target"]["after"] == pytest.approx(float(logprobs[1][best]), abs=1e-4)
    assert outcome["loss"]["before"] == pytest.approx(loss_of(plain), abs=1e-4)
    assert outcome["loss"]["after"] == pytest.approx(loss_of(edited), abs=1e-4)
    likely = {one["id"]: one for one in outcome["likely"]}
    assert {*likely} == {*plain[row].topk(5).indices.tolist(), *edited[row].topk(5).indices.tolist()}
    for number, one in likely.items():
        assert one["before"] == pytest.approx(float(logprobs[0][number].exp()), abs=1e-5)
        assert one["after"] == pytest.approx(float(logprobs[1][number].exp()), abs=1e-5)
    widget.off = []
    widget.layer = 3
    assert widget._outline["off"] == []
    assert "as it is" not in widget._session.traces
    torch.testing.assert_close(own_logits(), plain, atol=0, rtol=0)  # the model was never changed


def test_off_outlives_a_text_and_not_an_attention():
    one = AttentionWidget("Le chat noir dort", model="demo/fr-en", attention="decoder", probe=False, off="L0-H1")
    assert one._outline["off"] == [(0, 1)]
    whole = one._session.whole
    one.text = "Le chat blanc dort"
    assert one._outline["off"] == one.off == [(0, 1)]
    assert one._session.whole is not whole
    one.attention = "cross"
    assert one._outline["off"] == one.off == []
    one.close()


def test_what_cannot_be_switched_off_is_refused(widget):
    with pytest.raises(TraitError, match="out of range"):
        widget.off = ["L9-H0"]
    with pytest.raises(TraitError):
        widget.off = ["nonsense"]
    assert widget.off == []
    q = torch.randn(1, 2, 4, 8)
    without_model = AttentionWidget(AttentionTrace.from_qkv(q, q, q, [*"abcd"]), view="effect")
    with pytest.raises(TraitError, match="cannot be run again"):
        without_model.off = ["L0-H0"]
    assert without_model._effects["state"] == "missing"
    assert "cannot be run again" in without_model._effects["message"]


def test_a_failure_leaves_the_heads_that_are_on(widget, monkeypatch):
    widget.off = ["L3-H5"]
    monkeypatch.setattr(AttentionTrace, "without", lambda *_, **__: (_ for _ in ()).throw(ValueError("no memory")))
    widget.off = ["L3-H5", "L3-H6"]
    assert widget.off == [(3, 5)]
    assert widget._status["message"] == "no memory"


# -- effects --------------------------------------------------------------------------------------------------------


def test_the_states_hold_what_the_trace_computes(widget):
    widget.view = "effect"
    told, trace = widget._effects, widget.trace
    sums = trace.decompose()
    torch.testing.assert_close(torch.tensor(read(told["grid"])), sums.heads)
    assert sum(one["value"] for one in told["sum"]["pieces"]) == pytest.approx(sums.logit, abs=1e-3)
    assert [one["name"] for one in told["sum"]["pieces"][1:3]] == ["attention", "MLP"]
    widget._session.ask_effects("ablate", "mean")
    told = widget._effects
    expected = trace.effects(value="mean")
    torch.testing.assert_close(torch.tensor(read(told["grid"])), expected.grid(), atol=1e-5, rtol=0)
    assert told["protocol"] == expected.protocol
    assert widget.effects().heads[:3] == expected.heads[:3]
    assert widget.decomposition().logit == sums.logit
    widget.off = ["L3-H5"]  # the grid is of the model as it is
    assert widget._effects["run"] == widget._outline["run"]
    np.testing.assert_array_equal(read(widget._effects["grid"]), read(told["grid"]))


def test_a_pinned_pair_has_every_heads_link_and_what_cutting_it_does(widget):
    widget.queries, widget.keys, widget.view = [TIRED], [ANIMAL], "effect"
    links, trace = widget._links, widget.trace
    expected = torch.stack([trace.weights(layer)[:, TIRED, ANIMAL] for layer in range(4)])
    torch.testing.assert_close(torch.tensor(read(links["arrays"]["weight"])), expected)
    assert "cut" not in links["arrays"]
    widget._session.ask_cuts()
    cut = trace.effects(kind="edge", pair=(TIRED, ANIMAL)).grid()
    torch.testing.assert_close(torch.tensor(read(widget._links["arrays"]["cut"])), cut, atol=1e-5, rtol=0)
    widget.keys = [2]
    assert widget._links["keys"] == [2]
    assert "cut" not in widget._links["arrays"]


def test_progress_parts_and_a_stop():
    """In a live kernel: what is there is told as it comes, and stays when it is stopped."""
    model = tiny.gpt2(GPT2LMHeadModel, n_layer=8, n_head=8)

    async def use():
        one = AttentionWidget(
            "The cat sat on the mat. The cat", model=model, tokenizer=tiny.tokenizer(), probe=False, view="effect"
        )
        await until(lambda: one._effects.get("state") == "ready")
        feeds.long._REPORT_EVERY = 0
        told = []
        halted = threading.Event()

        def watch(change):
            told.append(change["new"])
            if change["new"]["done"] and not halted.is_set():
                halted.set()
                one._session.stop_effects()

        one.observe(watch, "_effects")
        one._session.ask_effects("ablate", "zero")
        await until(lambda: one._effects["state"] == "stopped")
        known = ~np.isnan(read(one._effects["grid"]))
        assert 0 < known.sum() < known.size
        assert any(state["state"] == "running" and state["grid"] for state in told)
        one._session.ask_effects("ablate", "zero")
        await until(lambda: one._effects["state"] == "ready")
        assert not np.isnan(read(one._effects["grid"])).any()
        one.close()

    before = feeds.long._REPORT_EVERY
    try:
        asyncio.run(use())
    finally:
        feeds.long._REPORT_EVERY = before


async def until(what, seconds=20):
    for _ in range(int(seconds * 100)):
        if what():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never comes")


def test_a_model_without_a_head_has_the_change_of_its_vector():
    model = tiny.gpt2()
    one = AttentionWidget("The cat", model=model, tokenizer=tiny.tokenizer(), probe=False, view="effect")
    assert one._effects["asked"]["kind"] == "output"
    one._session.ask_effects("ablate", "zero")
    assert (read(one._effects["grid"]) >= 0).all()
    assert one._effects["unit"] == "share of its length"
    with pytest.raises(TraitError, match="head"):
        one.target = "loss"
    one.close()


def test_of_a_loss_heads_are_off_until_another_kind_is_chosen(widget):
    widget.view = "effect"
    assert widget._effects["kind"] == "decompose"
    widget.target = "loss"
    assert (widget._effects["kind"], widget._effects["state"]) == ("ablate", "ready")
    alone = widget.trace.effects("loss", kind="ablate", value="zero").grid()
    np.testing.assert_allclose(read(widget._effects["grid"]), alone, rtol=0, atol=1e-5)
    widget.target = " to"
    assert widget._effects["kind"] == "decompose"
    widget._session.ask_effects("decompose", "zero")  # chosen: it stays, and says why there is nothing
    widget.target = "loss"
    assert (widget._effects["kind"], widget._effects["state"]) == ("decompose", "missing")


def test_effects_are_saved_as_numbers_and_on_a_page(widget, tmp_path):
    widget.view = "effect"
    widget.save_csv(tmp_path / "effects.csv")
    lines = (tmp_path / "effects.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("part,layer,head,writes:")
    assert len(lines) == 1 + 32 + len(widget._effects["sum"]["pieces"])
    value = float(lines[1 + 8 * 3 + 7].split(",")[3])
    assert math.isclose(value, widget.decomposition().heads[3, 7], rel_tol=1e-5)
    assert "writes for" in widget.figure().svg
    from attnwidget.export.page import contents

    data = contents(widget._session).data
    carried = data["attentions"]["self"]["effects"]
    assert carried["_effects"]["run"] == data["attentions"]["self"]["run"]
    assert carried["_outcome"]["likely"]
    assert carried["_links"] == {}


def test_heads_of_random_tokens_twice_that_do_induction_are_told_by_the_loss():
    """Switching the two induction heads of the bundled model off, by hand 0.25 → 11.15 on the second half."""
    model, tokenizer = attnwidget.load_model("demo/causal")
    half = torch.randint(300, len(tokenizer), (40,), generator=torch.Generator().manual_seed(0)).tolist()
    one = AttentionWidget([*half, *half], model=model, tokenizer=tokenizer, probe=False)
    found = attnwidget.categorize(one.trace)
    scores = found.scores[[kind.name for kind in found.categories].index("Induction")]
    best = scores.flatten().nan_to_num(-1).topk(2).indices.tolist()
    one.target = slice(41, 80)
    one.off = [divmod(at, 8) for at in best]
    change = one._outcome["target"]
    assert change["after"] > 10 * change["before"]
    one.off = [(0, 1), (1, 2)]
    assert one._outcome["target"]["after"] < 3 * change["before"] + 0.5
    one.close()


def test_requests_are_typed():
    assert schema.STATES["effects"] is schema.Effects
