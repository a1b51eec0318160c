"""What can be compared: texts, models, checkpoints, masks, adapters and heads, in a session and in a widget."""

import copy

import pytest
import torch
import transformers as hf
from traitlets import TraitError

import attnwidget as aw
import tiny
from attnwidget import AttentionWidget
from attnwidget.comparison.sides import Side
from attnwidget.head_id import HeadId
from attnwidget.maths import masks
from attnwidget.session.requests import handlers
from attnwidget.wire import schema

ONE, OTHER = "The cat sat on the mat.", "The old cat sat on a mat!"


@pytest.fixture(scope="module")
def model():
    return tiny.gpt2(hf.GPT2LMHeadModel)


def shown(model, text=ONE, **options):
    return AttentionWidget(text, model=model, tokenizer=tiny.tokenizer(), probe=False, **options)


def trained(model, steps):
    """A copy of a model after some steps on a text."""
    found = copy.deepcopy(model).train()
    optimizer = torch.optim.AdamW(found.parameters(), lr=1e-3)
    ids = torch.tensor([tiny.tokenizer()(ONE)["input_ids"]])
    for _ in range(steps):
        optimizer.zero_grad()
        found(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    return found.eval()


def test_strings_that_are_no_texts(tmp_path):
    assert Side.read("a plain sentence") == Side(text="a plain sentence")
    assert Side.read("demo/masked") == Side(model="demo/masked")
    assert Side.read(str(tmp_path)) == Side(model=str(tmp_path))
    assert Side.read("adapter off") == Side(adapter=False)
    assert Side.read("causal+padding-left:2") == Side(mask="causal+padding-left:2")
    assert Side.read("L2-H3") == Side(head=HeadId(2, 3))
    assert Side.read({"text": "causal"}) == Side(text="causal")
    assert Side.read([3, 4, 5]) == Side(text=[3, 4, 5])
    assert Side.read({"mask": [[True, False], [True, True]]}).mask.tolist() == [[True, False], [True, True]]
    assert Side.read([[True, False], [True, True]]).mask.dtype == torch.bool


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"txt": "a"}, "'txt'"),
        ({}, "nothing"),
        ({"adapter": "half"}, "adapter"),
        ({"mask": "windw:3"}, "no mask"),
        ({"head": "H3"}, "L4-H11"),
        (3.5, "a side of a comparison is"),
    ],
)
def test_sides_that_nobody_understands(given, said):
    with pytest.raises((TypeError, ValueError), match=said):
        Side.read(given)


def test_a_trace_goes_without_a_model(model):
    trace = aw.capture(model, ONE, tokenizer=tiny.tokenizer())
    with pytest.raises(ValueError, match="as it is"):
        Side.read({"trace": trace, "mask": "causal"})


def test_another_text(model):
    w = shown(model, against=OTHER, heads="L1-H2")
    assert (w.side, w.measure, w.heads) == ("difference", "difference", [(1, 2)])
    assert w.comparison.names == (f"“{ONE}”", f"“{OTHER}”")
    w.side = "b"
    assert (w.text, w.measure) == (OTHER, "weights")
    assert len(w.tokens) == len(OTHER)
    w.text = "A dog."  # replaces B, and B alone
    w.side = "a"
    assert w.text == ONE
    assert len(w.comparison.b.tokens) == 6
    w.compare(None)
    assert w.comparison is None
    assert (w.side, w.measure) == ("a", "weights")


def test_a_trace_against_itself_opens_blank(model):
    trace = aw.capture(model, ONE, tokenizer=tiny.tokenizer())
    w = aw.compare(trace, trace, probe=False)
    found = w.comparison.a.measure("difference", 1)
    assert (found[found != -torch.inf] == 0).all()
    assert set(w.comparison.rank().to_dict().values()) == {0.0}


def test_a_checkpoint_has_another_hash(model):
    later = trained(model, 20)
    w = shown(model, against=later)
    (first, second), rank = w.comparison.names, w.comparison.rank()
    assert first.partition("#")[0] == second.partition("#")[0]
    assert first != second
    assert rank.values[0] > 1e-4
    assert w.comparison.b.fingerprint == aw.capture(later, ONE, tokenizer=tiny.tokenizer()).fingerprint
    turned = shown(later, against=model).comparison
    for layer in range(3):
        one, other = (found.a.measure("difference", layer) for found in (w.comparison, turned))
        forbidden = one == -torch.inf
        torch.testing.assert_close(one[~forbidden], -other[~forbidden], rtol=0, atol=1e-6)
    w.text = "The dog sat."  # both follow
    assert len(w.comparison.a.tokens) == len(w.comparison.b.tokens) == 12
    assert w.comparison.b.fingerprint != w.comparison.a.fingerprint


def test_the_demo_model_after_twenty_steps_against_before():
    model, tokenizer = aw.load_model("demo/causal")
    text = "The secret word of the captain is Zanzibar ."
    before = aw.capture(model, text, tokenizer=tokenizer)
    weights = [before.weights(layer).clone() for layer in range(4)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ids = torch.tensor([before.ids])
    for _ in range(20):
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    after = aw.capture(model, text, tokenizer=tokenizer)
    w = aw.compare(before, {"trace": after, "name": "after"}, probe=False)
    a, b = w.comparison.names
    assert a == f"demo/causal #{before.fingerprint}"
    assert b == f"after · demo/causal #{after.fingerprint}"
    assert before.fingerprint != after.fingerprint
    for layer in range(4):
        allowed = before.allowed(layer)
        expected = (weights[layer] - after.weights(layer))[allowed]
        found = w.comparison.a.measure("difference", layer)[allowed]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert 0.01 < w.comparison.rank().values[0] < 0.69


def test_another_mask_is_that_of_capture(model):
    w = shown(model, against="window:3")
    allowed = masks.preset("window:3", len(ONE))
    mine = aw.capture(model, ONE, tokenizer=tiny.tokenizer(), attention_mask=allowed)
    torch.testing.assert_close(w.comparison.b.weights(2), mine.weights(2))
    found = w.comparison.a.measure("difference", 0)
    assert ((found != -torch.inf) == allowed).all()
    assert w.comparison.names == ("as it is", "mask window:3")
    w.text = OTHER
    assert len(w.comparison.b.tokens) == len(OTHER)
    assert not w.comparison.b.allowed(1, 0, queries=9, keys=2)
    with pytest.raises(ValueError, match="queries, keys"):
        w.compare(torch.ones(3, 3, dtype=torch.bool))
    assert w.comparison.names[1] == "mask window:3"  # nothing is lost


def test_a_side_that_is_masked_may_be_the_first(model):
    options = {"model": model, "tokenizer": tiny.tokenizer(), "text": ONE, "probe": False}
    w = aw.compare({"mask": "window:3"}, {"mask": "causal"}, **options)
    assert (w.comparison.b.allowed(0, 0) == torch.ones(23, 23).tril().bool()).all()
    assert (w.comparison.a.allowed(0, 0) == masks.preset("window:3", 23)).all()


def test_an_adapter_on_and_off(model):
    peft = pytest.importorskip("peft")
    adapted = peft.get_peft_model(copy.deepcopy(model), peft.LoraConfig(target_modules=["c_attn"]))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    w = shown(adapted, against="adapter off")
    plain = aw.capture(model, ONE, tokenizer=tiny.tokenizer())
    torch.testing.assert_close(w.comparison.b.weights(1), plain.weights(1))
    assert (w.comparison.a.weights(1) - plain.weights(1)).abs().max() > 1e-3
    assert w.comparison.names == ("as it is", "adapter off")
    torch.testing.assert_close(
        aw.capture(adapted, ONE, tokenizer=tiny.tokenizer()).weights(1), w.comparison.a.weights(1)
    )  # the model itself is as it was
    with pytest.raises(ValueError, match="no adapter"):
        shown(model, against="adapter off")


def choices(w):
    """What the widget's form offers, by its kinds."""
    found = handlers(w._session)[schema.AskSides](schema.AskSides(id="me-1"), lambda: None)
    return {kind: [one.name for one in found.others if one.of == kind] for kind in {one.of for one in found.others}}


def test_all_that_the_form_offers_can_be_put_beside(model):
    w = shown(model, heads="L1-H2")
    offered = choices(w)
    assert offered["head"] == ["L1-H2"]
    assert {"cosine", "multi_query", "linear"} <= set(offered["variant"])
    for kind, names in offered.items():
        for name in names:
            handlers(w._session)[schema.Compare](schema.Compare(id="me-2", **{kind: name}), lambda: None)
            same = torch.equal(w.comparison.a.weights(1), w.comparison.b.weights(1))
            assert same == (name in {"causal", "L1-H2"}), name


def test_the_form_offers_what_there_is(model):
    peft = pytest.importorskip("peft", reason="adapters are PEFT's")
    adapted = peft.get_peft_model(copy.deepcopy(model), peft.LoraConfig(target_modules=["c_attn"]))
    assert choices(shown(adapted))["adapter"] == ["off"]
    weights_alone = aw.AttentionTrace.from_attentions(torch.eye(4).expand(2, 3, 4, 4), list("abcd"))
    assert "variant" not in choices(AttentionWidget(weights_alone))


def test_head_against_head_follows_the_one_on_screen(model):
    w = shown(model, heads="L2-H3", against="L1-H0")
    assert w.comparison.names == ("L2-H3", "L1-H0")
    assert w.comparison.rank()["L1-H0"] == 0
    w.heads = ["L0-H1"]
    assert w.comparison.names == ("L0-H1", "L1-H0")
    w.side = "b"
    assert w.heads == [(1, 0)]
    w.text = OTHER
    assert len(w.comparison.a.tokens) == len(w.comparison.b.tokens) == len(OTHER)
    with pytest.raises(ValueError, match="L7-H0 does not exist"):
        w.compare("L7-H0")


def test_what_is_asked_of_a_side_that_cannot_be(model):
    with pytest.raises(TraitError, match="takes something to compare with"):
        shown(model, side="b")
    w = shown(model)
    with pytest.raises(TraitError, match="nothing stands beside"):
        w.side = "difference"
    with pytest.raises(TypeError, match="there is no text"):
        aw.compare("demo/causal", "demo/masked")
    weights = aw.AttentionTrace.from_attentions(torch.eye(3).expand(1, 2, 3, 3), ["a", "b", "c"])
    with pytest.raises(ValueError, match="no model to run"):
        AttentionWidget(weights, against="another text")
    fewer = tiny.gpt2(hf.GPT2LMHeadModel, n_layer=2)
    w.compare(fewer)
    assert w.side == "a"
    with pytest.raises(TraitError, match="3 × 4 and 2 × 4"):
        w.side = "difference"
    w.side = "b"
    assert w.trace.n_layers() == 2
    w.compare({"model": fewer, "head": "L1-H2"})
    assert w.side == "difference"


def test_both_say_what_comes_next(model):
    w = shown(model, against=OTHER)
    a, b = w.comparison.next_tokens(8)
    assert a == w.comparison.a.next_tokens(8)
    assert b == w.comparison.b.next_tokens(12)
    assert w.comparison.next_tokens(22)[1] is None
