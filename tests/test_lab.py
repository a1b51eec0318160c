"""The lab without a browser: it computes what the functions compute, and wrong input loses nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import asdict
from traitlets import TraitError

import attnwidget as aw
import tiny
from attnwidget import AttentionLab, variants
from attnwidget.lab import LabSession
from attnwidget.lab.given import MOST
from attnwidget.maths import masks
from attnwidget.wire.schema import Envelope, LabBoard, LabPicture

TEXT = "The animal didn't cross the road because it was too tired"
NAMES = [one.name for one in variants.ALL]
THREES = [NAMES[at : at + 3] for at in range(0, len(NAMES), 3)]


def opened(text: str = TEXT, model: Any = None, *, tokenizer: Any = None, **first: Any) -> LabSession:
    session = LabSession(tokenizer=tokenizer, **first)
    session.open(text, model)
    return session


def board_of(session: LabSession) -> LabBoard:
    board = session.states["board"]
    assert isinstance(board, LabBoard)
    return board


def numbers(envelope: Envelope) -> np.ndarray:
    return np.frombuffer(envelope.data, np.float32).reshape(envelope.shape)


def picture(session: LabSession, name: str) -> LabPicture:
    return next(one for one in board_of(session).pictures if one.name == name)


def layer_of(session: LabSession) -> variants.Inputs:
    assert session.trace is not None
    return variants.from_trace(session.trace, session.choice.layer)


# -- what is computed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["model", "small"])
@pytest.mark.parametrize("names", THREES, ids="-".join)
def test_every_variant_is_its_function_on_the_numbers_at_hand(names: list[str], source: str) -> None:
    session = opened(numbers=source, variants=names, head=3)
    inputs = session.settle().inputs
    for one in board_of(session).pictures:
        found = session.result(one.name)
        assert not one.problem
        weights = found.weights
        if weights is None:  # never there
            weights = variants.scaled_dot_product(inputs.q, inputs.k, inputs.v, mask=inputs.allowed).weights
            assert one.name == "flash"
        at = 1 if one.name == "differential" else 3
        expected = weights[at].masked_fill(~found.allowed[at if len(found.allowed) > 1 else 0], -torch.inf)
        np.testing.assert_array_equal(numbers(one.weights), expected.numpy())
        assert one.identities
        assert all(check.difference is not None and check.difference < 1e-6 for check in one.identities)
        assert all(cost.count > 0 and cost.beside > 0 for cost in one.costs)


def test_options_are_the_functions_keywords() -> None:
    session = opened(variants=["sliding_window", "grouped_query", "cosine"], layer=2, head=6)
    session.choose(
        options={"sliding_window": {"window": 2}, "grouped_query": {"groups": 2}, "cosine": {"temperature": 0.5}}
    )
    one = layer_of(session)
    given = {"mask": one.allowed, "scale": one.scale}
    wanted = {
        "sliding_window": variants.sliding_window(one.q, one.k, one.v, 2, **given),
        "grouped_query": variants.grouped_query(one.q, one.k, one.v, 2, **given),
        "cosine": variants.cosine(one.q, one.k, one.v, temperature=0.5, mask=one.allowed),
    }
    for name, expected in wanted.items():
        drawn = numbers(picture(session, name).weights)
        allowed = drawn > -np.inf
        np.testing.assert_array_equal(drawn[allowed], expected.weights[6].numpy()[allowed])
    assert picture(session, "sliding_window").apart == pytest.approx(0.92, abs=0.1)
    assert picture(session, "grouped_query").groups == [0] * 4 + [1] * 4
    assert "head 6, keys shared by 4–7" in picture(session, "grouped_query").whose


def test_a_gate_of_one_lets_everything_through() -> None:
    session = opened(variants=["gated"])
    gates = picture(session, "gated").strip
    assert gates is not None
    assert not np.allclose(numbers(gates.values), 1)
    session.choose(options={"gated": {"gate": 1.0}})
    found = session.result("gated")
    assert isinstance(found, variants.Gated)
    torch.testing.assert_close(found.output, found.ungated, rtol=0, atol=0)
    session.choose(options={"gated": {"gate": 0.0}})
    assert not session.result("gated").output.any()


def test_the_recurrent_form_has_no_weights_and_shows_what_it_implies() -> None:
    session = opened(variants=["linear"])
    before = numbers(picture(session, "linear").weights)
    session.choose(options={"linear": {"recurrent": True}})
    assert "never has these weights" in picture(session, "linear").notes[0]
    np.testing.assert_array_equal(numbers(picture(session, "linear").weights), before)
    session.choose(mask="none")
    assert "causal" in picture(session, "linear").problem
    assert picture(session, "linear").weights is None


def test_flash_attention_ends_equal_and_counts_what_the_function_counts() -> None:
    session = opened(variants=["flash", "scaled_dot_product"], layer=2, head=6)
    session.choose(options={"flash": {"block_q": 5, "block_k": 3}})
    run, one = board_of(session).flash, layer_of(session)
    assert run is not None
    done = variants.flash(one.q, one.k, one.v, 5, 3, mask=one.allowed, scale=one.scale)
    assert sum(step.read for step in run.steps) == done.read
    assert sum(step.written for step in run.steps) == done.written
    assert run.plain_bytes == done.plain_bytes
    assert [step.skipped for step in run.steps] == [skipped for _, _, skipped in done.tiles]
    assert run.difference is not None
    assert run.difference < 1e-5  # float32
    output, exact = numbers(run.arrays["output"]), numbers(run.arrays["exact"])
    at, ended = 0, []
    for step in run.steps:
        rows = step.queries[1] - step.queries[0]
        if step.last:
            ended.append(output[at : at + rows])
        at += rows
    np.testing.assert_allclose(np.concatenate(ended), exact, atol=1e-5)
    np.testing.assert_allclose(exact, done.output[6, :, :16].numpy(), atol=1e-5)


def test_too_many_tiles_are_refused_and_not_drawn() -> None:
    session = opened("a " * 40, variants=["flash"], numbers="small")
    session.choose(options={"flash": {"block_q": 1, "block_k": 1}})
    assert "take larger tiles" in picture(session, "flash").problem
    assert board_of(session).flash is None


def test_what_a_row_does_that_sees_nothing() -> None:
    session = opened(variants=["scaled_dot_product", "sink", "linear"], mask="causal+padding-left:2")
    for name, word in {
        "scaled_dot_product": masks.BLIND,
        "sink": "The sink takes all",
        "linear": "sum over no",
    }.items():
        one = picture(session, name)
        assert one.blind == [0, 1]
        assert word in one.blindness
        assert not session.result(name).output[:, :2].any()
    session.choose(mask="")
    assert not picture(session, "sink").blind
    assert "each token sees itself and those before it" in board_of(session).mask


def test_costs_are_those_of_this_model_at_the_chosen_length() -> None:
    session = opened(variants=["grouped_query", "latent", "flash"], length=8192)
    session.choose(options={"grouped_query": {"groups": 2}})
    model, _ = aw.load_model("demo/causal")
    cost = picture(session, "grouped_query").costs[-1]
    assert cost.count == variants.kv_bytes(model.config, 8192, None, variants.GROUPED_QUERY, groups=2)
    assert cost.beside == variants.kv_bytes(model.config, 8192)
    assert cost.what == "KV cache, demo/causal with this in all layers"
    masked = opened(TEXT, "demo/masked")
    assert picture(masked, "additive").costs[-1].what.endswith(", if it wrote")  # it keeps none
    many = picture(session, "latent").costs[0]
    sizes = variants.Sizes(8192, 8192, 32, 32, 8, 8, rank=4)
    assert many.count == variants.LATENT.cost.multiplications(sizes)
    assert many.beside == variants.SCALED_DOT_PRODUCT.cost.multiplications(sizes)
    here, usual = (one for one in picture(session, "flash").costs if one.what.startswith("bytes moved"))
    assert here.count > here.beside > usual.count


# -- on which numbers ------------------------------------------------------------------------------------------------


def test_small_numbers_need_no_model_and_are_all_there() -> None:
    session = opened(numbers="small", head=2)
    board = board_of(session)
    assert session.trace is None
    assert session._runner.loaded is None
    assert (board.model, board.heads, board.layers) == ("", 4, [])
    found = {one.name: numbers(one.values) for one in board.small}
    np.testing.assert_allclose(found["x"] @ found["W_Q"], found["Q = x W_Q"], atol=1e-6)
    assert np.array_equal(found["x"], found["x"].round(1))


def test_from_small_numbers_to_the_models_and_back() -> None:
    session = opened(numbers="small", head=3)
    session.run("The cat sat")
    session.choose(numbers="model")
    assert session.trace is not None
    assert session.trace.tokens == board_of(session).tokens == ["The", "cat", "sat"]
    session.choose(head=7)
    session.choose(numbers="small")
    assert session.choice.head == 3  # there are four


def test_a_layer_of_shared_keys_and_one_of_another_scale() -> None:
    session = opened("The cat", tiny.llama(), tokenizer=tiny.tokenizer(), variants=["grouped_query", "multi_query"])
    assert board_of(session).key_heads == 2
    assert picture(session, "grouped_query").groups == [0, 0, 1, 1]
    session = opened("The cat", tiny.t5_encoder(), tokenizer=tiny.tokenizer())
    told = " ".join(board_of(session).notices)
    assert "multiplies its products with 1" in told
    assert "bias of positions" in told


def test_heads_that_make_no_pairs() -> None:
    odd = tiny.gpt2(n_head=1, n_embd=8)
    session = opened("The cat", odd, tokenizer=tiny.tokenizer(), variants=["differential", "grouped_query"])
    assert "pairs" in picture(session, "differential").problem
    assert picture(session, "differential").identities[0].problem
    assert picture(session, "grouped_query").weights is not None


@pytest.mark.filterwarnings("ignore")
def test_a_number_that_is_none_stays_none_and_the_state_is_json() -> None:
    broken = tiny.gpt2()
    with torch.no_grad():
        broken.h[1].attn.c_attn.weight[:, :8] = torch.nan
    session = opened("abc", broken, tokenizer=tiny.tokenizer(), layer=1, variants=["scaled_dot_product", "latent"])
    drawn = numbers(picture(session, "scaled_dot_product").weights)
    assert np.isnan(drawn[2]).all()
    assert drawn[0, 1] == -np.inf
    json.dumps(board_of(session).to_state(), default=len, allow_nan=False)
    assert picture(session, "scaled_dot_product").identities[0].difference < 1e-15  # where both sides have one
    assert picture(session, "scaled_dot_product").apart is None


# -- wrong input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"variants": ["softmax"]}, "expected one of scaled_dot_product, unscaled"),
        ({"variants": NAMES[:4]}, "one to 3"),
        ({"chosen": "cosine"}, "scaled_dot_product, sliding_window, additive"),
        ({"layer": 4}, "0, 1, 2, 3"),
        ({"head": 8}, "0 to 7"),
        ({"mask": "windows"}, "expected one of none, causal"),
        ({"numbers": "none"}, "model, small"),
        ({"depth": "deep"}, "sentence, paragraph, formula"),
        ({"length": 0}, "1 to 131072"),
        ({"options": {"cosine": {"tau": 1}}}, "it has temperature"),
        ({"options": {"scaled_dot_product": {"x": 1}}}, "it has none"),
        ({"options": {"sliding_window": {"window": 99}}}, "1 to 12"),
        ({"options": {"grouped_query": {"groups": 3}}}, "1, 2, 4, 8"),
        ({"options": {"linear": {"recurrent": 1}}}, "True or False"),
    ],
    ids=str,
)
def test_a_wrong_value_names_what_is_allowed_and_changes_nothing(wrong: dict[str, Any], says: str) -> None:
    session = opened()
    before, board = session.choice, session.states["board"]
    with pytest.raises((ValueError, TypeError), match=says):
        session.choose(**wrong)
    assert (session.choice, session.states["board"]) == (before, board)


@pytest.mark.parametrize("numbers", ["model", "small"])
@pytest.mark.parametrize(
    ("text", "says"), [(" ", "empty"), ("word " * 70, f"up to {MOST} tokens"), ("a" * 6000, "6000")]
)
def test_a_wrong_text_keeps_the_last_picture(text: str, says: str, numbers: str) -> None:
    session = opened(numbers=numbers)
    board = session.states["board"]
    with pytest.raises(ValueError, match=says):
        session.run(text)
    assert (session.text, session.states["board"]) == (TEXT, board)
    assert says in session.states["status"].message
    session.run("The cat")
    assert board_of(session).text == "The cat"


def test_a_model_of_two_texts_is_refused_and_what_to_do_is_said() -> None:
    with pytest.raises(ValueError, match=r"reads one text and says another.*numbers='small'"):
        opened("le chat", "demo/fr-en")
    session = opened("le chat", "demo/fr-en", numbers="small")
    board = session.states["board"]
    with pytest.raises(ValueError, match="says another"):
        session.choose(numbers="model")
    assert (session.choice.numbers, session.states["board"]) == ("small", board)


def test_what_fits_another_text_no_more_is_brought_within() -> None:
    session = opened(variants=["sliding_window"])
    session.choose(options={"sliding_window": {"window": 10}})
    session.run("The cat sat")
    (window, _) = picture(session, "sliding_window").options
    assert (window.value, window.most) == (3, 3)


# -- the widget ------------------------------------------------------------------------------------------------------


def test_traits_show_the_session_and_set_it() -> None:
    lab = AttentionLab(TEXT, variants=["additive", "flash"], head=6)
    assert (lab.chosen, lab.layer, lab.tokens[0]) == ("additive", 2, "The")
    lab.variants = ["cosine"]
    assert lab.chosen == "cosine"
    lab.options = {"cosine": {"temperature": 0.2}}
    one = variants.from_trace(lab.trace, 2)
    expected = variants.cosine(one.q, one.k, one.v, temperature=0.2, mask=one.allowed).weights
    torch.testing.assert_close(lab.result().weights, expected)
    assert lab.weights()[0, 1] == -torch.inf
    lab.text = "The cat sat"
    assert lab.tokens == ["The", "cat", "sat"]
    assert lab._board["text"] == "The cat sat"
    assert lab._board["choice"] == asdict(lab._session.choice)


def test_a_trait_that_does_not_fit_raises_and_stays() -> None:
    lab = AttentionLab(TEXT)
    for name, wrong in {"layer": 9, "head": 9, "variants": ["x"], "mask": "x", "depth": "x", "text": ""}.items():
        before = getattr(lab, name)
        with pytest.raises(TraitError):
            setattr(lab, name, wrong)
        assert getattr(lab, name) == before
    with pytest.raises(TypeError, match="unknown keyword 'wndow'; known: text, model"):
        AttentionLab(TEXT, wndow=3)


def test_what_a_browser_sets_wrongly_is_told_and_taken_back() -> None:
    lab = AttentionLab(TEXT)
    lab.set_state({"head": 3, "variants": ["cosine", "flash"], "chosen": "flash", "_board": {}, "text": "x"})
    assert (lab.head, lab.chosen, lab.text) == (3, "flash", TEXT)
    assert lab._board["pictures"][1]["name"] == "flash"
    lab.set_state({"head": 99})
    assert lab.head == 3
    assert lab._status["state"] == "error"
    assert "0 to 7" in lab._status["message"]
    lab.set_state({"head": 4})
    assert lab._status["state"] == "ready"


def test_a_saved_lab_is_small_and_says_what_it_shows() -> None:
    lab = AttentionLab(TEXT, variants=["flash", "differential", "bigbird"], depth="formula")
    state = lab._get_embed_state()["state"]
    assert len(json.dumps(state, default=lambda x: "x" * (len(x) * 4 // 3))) < 60_000
    assert state["_code"] == ""
    assert "differential" in repr(lab)
    longest = AttentionLab(" ".join(["the"] * MOST), variants=["flash", "differential", "bigbird"])
    longest.options = {"flash": {"block_q": 4, "block_k": 4}}
    assert len(json.dumps(longest.get_state(), default=lambda x: "x" * (len(x) * 4 // 3))) < 400_000
