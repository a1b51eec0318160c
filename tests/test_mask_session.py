"""A widget's mask, without a browser: what may be set, what is on screen then, and the ways back."""

import asyncio
import json
import threading

import numpy as np
import pytest
import torch
from traitlets import TraitError

import tiny
from attnwidget import AttentionTrace, AttentionWidget, masks
from attnwidget.session.jobs import Stopped

TEXT = "The animal didn't cross the road because it was too tired"
N = 12


@pytest.fixture(scope="module")
def shared():
    return AttentionWidget(TEXT, model="demo/causal", probe=False)


@pytest.fixture
def widget(shared):
    shared.mask, shared.mask_mode, shared.off, shared.measure, shared.text = None, "head", [], "weights", TEXT
    return shared


def ask(widget, **about):
    sent = []
    widget.send = lambda content, buffers=(): sent.append((content, buffers))
    try:
        widget._handle_custom_msg({"id": "me-1", "ask": "mask", **about}, [])
    finally:
        del widget.send
    ((content, buffers),) = sent
    return content, buffers


def test_each_head_alone_is_on_screen(widget):
    whole = widget.trace
    widget.mask = "window:4"
    assert widget.mask == widget._outline["mask"]["mask"] == "window:4"
    assert widget._outline["mask"] == {
        "mask": "window:4",
        "mode": "head",
        "brief": "window of 4",
        "sentence": "Each token sees itself and the 3 tokens before it.",
        "blind": 0,
    }
    expected = whole.with_mask("window:4").weights(2)
    widget.heads = [(2, head) for head in range(8)]
    torch.testing.assert_close(widget.weights(), expected, rtol=0, atol=0)
    assert "other mask: window of 4, each head alone" in repr(widget)
    widget.mask = None
    assert widget.trace is whole
    assert widget._outline["mask"] is None


def test_the_model_is_run_with_it(widget):
    whole = widget.trace
    widget.mask, widget.mask_mode = "window:4", "model"
    assert widget._outline["mask"]["mode"] == "model"
    expected = whole.run_with_mask("window:4")
    assert torch.equal(widget.trace.weights(3), expected.weights(3))
    assert widget.trace.next_tokens(5) == expected.next_tokens(5)
    again, target = expected.rerun.get(), widget._outcome
    asked = again.resolve(whole, None)
    assert target["target"]["after"] == pytest.approx(again.outcomes([], asked)[0])
    assert target["target"]["before"] == pytest.approx(whole.rerun.get().outcomes([], asked)[0])
    assert target["loss"]["after"] > target["loss"]["before"]
    assert target["likely"][0]["after"] is not None


@pytest.mark.parametrize("make", [torch.Tensor.tolist, np.asarray, lambda one: one, torch.Tensor.int])
def test_a_matrix_may_be_set_however_it_is_held(widget, make):
    wanted = masks.preset("causal", N).clone()
    wanted[5, 2] = False
    widget.mask = make(wanted)
    assert widget.mask == wanted.int().tolist()
    assert torch.equal(widget.trace.allowed(1, 1), wanted)
    assert widget._outline["mask"]["brief"] == "painted"
    json.dumps(widget.get_state(["mask", "_outline"]))


@pytest.mark.parametrize(
    ("nonsense", "words"),
    [
        ("windows:3", "expected one of none, causal, padding-left:tokens"),
        ("window:0", "whole numbers from 1 on"),
        ([[1]], r"\(queries, keys\) \(12, 12\), as there are tokens; got \(1, 1\)"),
        (7, "expected a name such as 'window:4', or a matrix"),
        (torch.zeros(N, N), "of True and False, got torch.float32"),
        (torch.ones(400, 400, dtype=torch.bool), "too large to be written out"),
    ],
)
def test_nonsense_is_refused_and_loses_nothing(widget, nonsense, words):
    widget.mask = "window:4"
    with pytest.raises(TraitError, match=words):
        widget.mask = nonsense
    assert widget.mask == widget._outline["mask"]["mask"] == "window:4"
    with pytest.raises(TraitError, match="mask_mode"):
        widget.mask_mode = "layer"


def test_first_values():
    one = AttentionWidget(TEXT, model="demo/causal", probe=False, mask="causal+padding-left:1", mask_mode="model")
    assert one._outline["mask"]["blind"] == 1
    assert masks.BLIND_IN_MODELS in one._outline["mask"]["sentence"]
    with pytest.raises(TraitError, match="as there are tokens"):
        AttentionWidget(TEXT, model="demo/causal", probe=False, mask=[[1]])


def test_what_has_no_scores_or_no_model_says_so(tmp_path):
    weights = AttentionTrace.from_attentions([torch.full((2, 3, 3), 1 / 3)], ["a", "b", "c"])
    with pytest.raises(TraitError, match="no other mask can be put on: this trace has no scores"):
        AttentionWidget(weights, mask="window:2")
    AttentionWidget(TEXT, model="demo/causal", probe=False).trace.save(tmp_path / "a.safetensors")
    loaded = AttentionWidget(AttentionTrace.load(tmp_path / "a.safetensors"), mask="window:2")
    with pytest.raises(TraitError, match="the model cannot be run again: this trace has none"):
        loaded.mask_mode = "model"
    assert loaded.mask_mode == loaded._outline["mask"]["mode"] == "head"


def test_a_name_outlives_a_text_and_a_matrix_of_another_size_does_not(widget):
    widget.mask = "window:3"
    widget.text = "The cat sat on the mat"
    assert widget._outline["mask"]["mask"] == widget.mask == "window:3"
    n = len(widget.trace.tokens)
    widget.mask = torch.ones(n, n).tril().bool()
    widget.text = "The dog sat on the mat"  # as many tokens
    assert widget._outline["mask"]["brief"] == "painted"
    widget.text = TEXT
    assert widget._outline["mask"] is None
    assert widget.mask is None


def test_of_an_encoder_decoder_it_is_the_attention_on_screen():
    one = AttentionWidget("Le chat noir dort", model="demo/fr-en", attention="cross", probe=False, mask="window:2")
    n, m = (len(side.text) for side in one.trace.sides("cross"))
    assert torch.equal(one.trace.allowed(0, 0, attention="cross"), masks.preset("window:2", n, m))
    with pytest.raises(TraitError, match="an encoder–decoder takes no mask of pairs"):
        one.mask_mode = "model"
    one.attention = "encoder"
    assert one._outline["mask"] is one.mask is None


def test_heads_off_and_a_mask_go_together(widget):
    whole = widget.trace
    widget.off, widget.mask, widget.mask_mode = ["L1-H3"], "window:4", "model"
    expected = whole.without("L1-H3").run_with_mask("window:4")
    torch.testing.assert_close(widget.trace.weights(3), expected.weights(3), rtol=0, atol=1e-6)
    widget.mask = None
    assert (widget._outline["off"], widget._outline["mask"]) == ([(1, 3)], None)
    widget.off = []
    assert widget.trace is whole


def test_a_measure_that_a_head_alone_does_not_have_gives_way(widget):
    widget.measure = "block_norms"
    widget.mask = "window:4"
    assert widget.measure == "weights"
    missing = {one["name"]: one["missing"] for one in widget._outline["measures"]}
    assert "each head is by itself under another mask" in missing["block_norms"]
    assert not missing["norms"]


def test_a_failure_leaves_what_is_on_screen(widget, monkeypatch):
    widget.mask = "window:4"

    def fail(*_):
        raise ValueError("the lights went out")

    monkeypatch.setattr(AttentionTrace, "run_with_mask", fail)
    widget.mask_mode = "model"
    assert (widget.mask, widget.mask_mode) == ("window:4", "head")
    assert widget._status["message"] == "the lights went out"
    assert widget._outline["mask"]["mode"] == "head"


def test_a_long_run_tells_how_far_it_is_and_can_be_stopped(monkeypatch):
    begun, stopped = threading.Event(), threading.Event()

    def slowly(_self, _mask, on_layer):
        done = 0
        try:
            while True:
                on_layer(min(done, 3), 4)
                done += 1
                begun.wait(0.01)
        except Stopped:
            stopped.set()
            raise

    monkeypatch.setattr(AttentionTrace, "run_with_mask", slowly)

    async def use():
        one = AttentionWidget(TEXT, model="demo/causal", probe=False, mask_mode="model")
        one.mask = "window:4"
        for _ in range(2000):
            if one._status["state"] == "loading":
                break
            await asyncio.sleep(0.005)
        assert one._status["message"] == "running the model with the other mask"
        one._session.stop()
        assert (one.mask, one._status["state"], one._outline["mask"]) == (None, "ready", None)
        assert await asyncio.to_thread(stopped.wait, 10)
        one.close()

    asyncio.run(use())


# -- beside the model's own -----------------------------------------------------------------------------------------


def test_the_difference_from_the_models_own_mask(widget):
    whole = widget.trace
    widget.mask = "window:4"
    masked = whole.with_mask("window:4")
    widget._session.compare_masks()
    assert (widget.side, widget.measure) == ("difference", "difference")
    assert widget._outline["comparison"]["names"] == ["window of 4, each head alone", "the model’s own mask"]
    shown = widget.trace.measure("difference", 2, 6)
    both = masked.allowed(2, 6)
    torch.testing.assert_close(shown[both], (masked.weights(2, 6) - whole.weights(2, 6))[both], rtol=0, atol=1e-6)
    assert (shown[~both] == -torch.inf).all()
    widget.side = "b"
    assert torch.equal(widget.trace.weights(2, 6), whole.weights(2, 6))
    widget.side = "a"
    assert torch.equal(widget.trace.weights(2, 6), masked.weights(2, 6))
    widget.side = "difference"
    widget.mask, widget.mask_mode = "window:2", "model"  # it stays beside
    assert widget._outline["comparison"]["names"][0] == "window of 2, in all layers"
    assert widget.measure == "difference"
    with pytest.raises(TraitError, match="heads cannot be off, nor another mask be on, while two things are compared"):
        widget.off = ["L0-H0"]
    widget.mask = None
    assert widget._outline["comparison"] is None
    assert (widget.trace, widget.side, widget.measure) == (whole, "a", "weights")


def test_the_difference_outlives_a_text_and_ends_alone(widget):
    widget.mask = "window:4"
    widget._session.compare_masks()
    widget.text = "The cat sat on the mat"
    assert widget._outline["comparison"]["names"][1] == "the model’s own mask"
    assert len(widget.trace.tokens) == len(widget._session.traces["beside"].tokens) < N
    widget._session.put_beside(None)
    assert widget._outline["comparison"] is None
    assert widget.mask == widget._outline["mask"]["mask"] == "window:4"
    widget.mask = "window:3"
    assert widget._outline["comparison"] is None


def test_of_an_encoder_decoder_the_difference_ends_with_the_attention():
    one = AttentionWidget("Le chat noir dort", model="demo/fr-en", attention="decoder", probe=False, mask="window:2")
    one._session.compare_masks()
    assert one.side == "difference"
    one.attention = "cross"
    assert one._outline["comparison"] is one._outline["mask"] is one.mask is None
    assert (one.side, one.measure) == ("a", "weights")


def test_what_is_compared_already_takes_no_other_mask(widget):
    widget._session.compare("The animal didn't cross the street because it was too wide")
    with pytest.raises(TraitError, match="nor another mask be on"):
        widget.mask = "window:4"
    widget._session.put_beside(None)
    with pytest.raises(ValueError, match="no other mask is on"):
        widget._session.compare_masks()


# -- what the editor asks -------------------------------------------------------------------------------------------


def cells_of(content, buffers):
    return np.frombuffer(buffers[0], np.uint8).reshape(content["ok"]["shape"])


def test_a_mask_is_drawn_beside_the_models_own(widget):
    content, buffers = ask(widget, mask="window:2+none", layer=1)
    own, put = cells_of(content, buffers)
    told = content["ok"]
    assert (own == 255 * masks.preset("causal", N).numpy()).all()
    assert (put == 255 * masks.preset("window:2", N).numpy()).all()
    assert told["exact"]
    assert told["causal"]
    assert told["missing"] == {"head": "", "model": ""}
    assert told["sentence"].startswith("Each token sees itself and the 1 token before it.")
    ahead = [one["name"] for one in told["presets"] if one["ahead"]]
    assert ahead == ["padding-left", "padding-right", "around", "blocks", "bigbird"]
    assert {one["name"]: one["example"] for one in told["presets"]}["bigbird"] == [2, 2, 1]


def test_the_models_own_is_shown_while_another_is_on(widget):
    widget.mask = "none"
    own, put = cells_of(*ask(widget))
    assert (own == 255 * masks.preset("causal", N).numpy()).all()
    assert (put == own).all()


def test_a_long_text_is_drawn_in_small():
    one = AttentionWidget(" ".join([TEXT] * 12), model="demo/causal", probe=False)
    n = len(one.trace.tokens)
    content, buffers = ask(one, mask="padding-right:1")
    own, put = cells_of(content, buffers)
    assert own.shape == put.shape == (64, 64)
    assert not content["ok"]["exact"]
    assert n > 128
    assert (put[:, :-1] == 255).all()
    assert ((put[:, -1] > 0) & (put[:, -1] < 255)).all()


def test_a_request_that_is_no_mask_is_answered_with_the_reason(widget):
    content, _ = ask(widget, mask="nonsense")
    assert "there is no mask 'nonsense'" in content["error"]["message"]


# -- what is carried along ------------------------------------------------------------------------------------------


def test_a_page_and_a_figure_carry_it(widget, tmp_path):
    widget.mask = "window:4"
    widget.save_html(tmp_path / "a.html")
    assert "other mask: window of 4, each head alone" in widget.figure().svg
    assert (tmp_path / "a.html").stat().st_size > 10_000


def test_a_tiny_model_of_any_kind():
    one = AttentionWidget(
        "Sat", model=tiny.bert(), tokenizer=tiny.tokenizer(marks=True), probe=False, mask="causal", mask_mode="model"
    )
    assert one.trace.causal
