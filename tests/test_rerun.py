"""Passes made again with edits: patching, attribution, batches, blocks that are reused, and what is left untouched."""

import copy
import threading

import pytest
import torch
import transformers as hf

import attnwidget as aw
import tiny
from attnwidget.capture import capture
from attnwidget.effects import Enough
from attnwidget.effects.edits import HeadOff
from writers import ASKED as TARGET
from writers import captured, inputs, with_head

LENGTH = 40


def state(model):
    """All of a model that a pass could change."""
    hooks = [(len(one._forward_hooks), len(one._forward_pre_hooks), "forward" in vars(one)) for one in model.modules()]
    return [one.training for one in model.modules()], hooks, model.config._attn_implementation, copy.copy(vars(model))


@pytest.fixture(scope="module")
def repeated():
    """Random tokens twice, and the same after another first half, in the bundled model."""
    model, tokenizer = aw.load_model("demo/causal")
    random = torch.Generator().manual_seed(1)
    first, other = (torch.randint(300, 6000, (LENGTH,), generator=random).tolist() for _ in range(2))
    traces = [capture(model, [*one, *first], tokenizer=tokenizer) for one in (first, other)]
    induction = [str(one) for one in aw.categorize(traces[0]).heads("Induction")]
    return *traces, aw.Target.loss(slice(LENGTH + 1, 2 * LENGTH)), induction


def test_two_heads_do_the_induction(repeated):
    trace, _, target, heads = repeated
    assert len(heads) == 2
    base = trace.effects(target).base
    without = trace.without(*heads).effects(target).base
    assert base < 0.5
    assert without > 10 * base
    control = [f"L3-H{head}" for head in range(8) if f"L3-H{head}" not in heads][:2]
    assert trace.without(*control).effects(target).base < 2 * base
    assert {str(one) for one in trace.effects(target).heads[:3]} >= set(heads)


def test_patching_finds_the_previous_token_head_before_them(repeated):
    trace, other, target, induction = repeated
    found = trace.patch(other, target)
    layer = min(int(one[1]) for one in induction)
    before = [head for head in found.heads if int(head[1]) < layer]
    at = torch.arange(1, 2 * LENGTH)
    previous = {
        f"L{one}-H{head}": float(trace.weights(one, head)[at, at - 1].mean())
        for one in range(layer)
        for head in range(8)
    }
    assert previous[before[0]] > 0.9
    assert found[before[0]] > 0.5


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("GPT-2", torch.float32),
        ("Llama", torch.bfloat16),
        ("gpt-oss", torch.float32),
        ("T5", torch.bfloat16),
        ("GPT-J", torch.float32),
    ],
)
def test_a_text_patched_with_itself_is_the_same(name, dtype):
    model = with_head(name).to(dtype)
    trace, same = captured(model), captured(model)
    assert not trace.patch(same, TARGET).effects.any()
    assert not trace.effects(TARGET, "attribution", same).effects.any()
    if name != "GPT-J":
        attention = trace.attentions[-1]
        assert not trace.patch(same, TARGET, what="values", attention=attention).effects.any()
        assert not trace.patch(same, TARGET, what="edges", pair=(3, 1), attention=attention).effects.any()
    assert trace.effects(TARGET).effects.abs().max() > 0


@pytest.mark.parametrize("name", ["GPT-2", "Llama", "Gemma-2", "T5", "GPT-J"])
def test_attribution_is_the_slope_of_the_effect(name):
    model = with_head(name).double()
    trace = captured(model)
    found = trace.effects(TARGET, "attribution")
    again = trace.rerun.get()
    asked, step = again.resolve(trace, TARGET), 1e-2
    heads = zip(found.attentions, found.heads, found.effects.tolist(), strict=True)
    for attention, head, effect in [*heads][::4]:  # large ones and small ones
        layer, number = map(int, head[1:].split("-H"))
        part = trace.weights(layer, number, attention=attention).double()
        part = part @ trace.qkv(layer, number, attention=attention)[2]  # (n, d_v)
        scaled = [[HeadOff(attention, layer, number, part * (1 + by))] for by in (-step, step)]
        _, (less, more) = again.outcomes(scaled, asked)
        assert effect == pytest.approx(float(less - more) / (2 * step), abs=5e-3)
    assert all(one.grad is None for one in model.parameters())
    assert found.rank_correlation(trace.effects(TARGET)) > 0.5


def test_the_rank_correlation_is_spearmans():
    trace = captured(with_head("GPT-2"))
    found, known = trace.effects(TARGET, "attribution"), trace.effects(TARGET)
    order = [known.heads.index(one) for one in found.heads]  # of known by found
    count = len(order)
    by_size = [sorted(one.effects.tolist()).index(number) for one in (found, known) for number in one.effects.tolist()]
    apart = sum((by_size[at] - by_size[count + order[at]]) ** 2 for at in range(count))
    assert found.rank_correlation(known) == pytest.approx(1 - 6 * apart / (count * (count**2 - 1)), abs=1e-9)
    assert found.rank_correlation(found) == pytest.approx(1)


def test_attribution_against_another_text_is_its_slope_on_this_one():
    model = with_head("Llama").double()
    trace, other = (capture(model, text, tokenizer=tiny.tokenizer()) for text in ("The cat.", "The dog."))
    target = aw.Target.logprob(7, at=-1)
    found, real = (trace.effects(target, kind, other) for kind in ("attribution", "patch"))
    assert found.rank_correlation(real) > 0.8
    assert found.effects.abs().max() > 1e-3


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_where_no_gradients_are_wanted(mode):
    model = with_head("GPT-2")
    trace = captured(model)
    expected = [trace.effects(TARGET, kind).effects for kind in ("ablate", "attribution")]
    with mode():
        again = captured(model)
        assert torch.equal(again.effects(TARGET).effects, expected[0])
        assert torch.equal(again.effects(TARGET, "attribution").effects, expected[1])


class Stateful(hf.GPT2LMHeadModel):
    """Its second block leaves something for its third, beside what it returns."""

    def __init__(self, config):
        super().__init__(config)
        self.left = {}
        blocks = self.transformer.h
        blocks[1].mlp.register_forward_hook(self.leave)
        blocks[2].mlp.register_forward_hook(self.take)

    def leave(self, _, given, __):
        self.left["it"] = given[0]

    def take(self, _, __, found):
        return found + self.left["it"]


def test_a_model_that_hands_on_more_is_run_whole():
    model = tiny.gpt2(Stateful, n_layer=4)
    trace = capture(model, tiny.TEXT, tokenizer=tiny.tokenizer())
    found = trace.effects(TARGET)
    assert trace.rerun.get().reuses is False
    for head in ("L0-H2", "L1-H1", "L2-H3", "L3-H0"):
        assert found[head] == pytest.approx(trace.without(head).effects(TARGET).base - found.base, abs=5e-6)


def test_early_blocks_run_once_and_copies_run_together():
    model = tiny.gpt2(hf.GPT2LMHeadModel)
    calls = {0: [], 2: []}
    for number, seen in calls.items():
        block = model.transformer.h[number]
        block.mlp.register_forward_hook(lambda _, given, __, seen=seen: seen.append(len(given[0])))
    trace = capture(model, tiny.TEXT * 2, tokenizer=tiny.tokenizer())
    trace.effects(TARGET)
    assert trace.rerun.get().reuses
    for seen in calls.values():
        seen.clear()
    trace.effects(TARGET)
    assert sum(calls[0]) < 12 < sum(calls[2])  # 12 heads, and each pass takes the last block
    assert max(calls[2]) > 1


def test_stopping_gives_what_there_is():
    trace = capture(with_head("Llama"), tiny.TEXT * 2, tokenizer=tiny.tokenizer())
    seen = []

    def enough(done, total):
        seen.append((done, total))
        if done >= 4:
            raise Enough

    found = trace.effects(TARGET, on_done=enough)
    assert found.stopped
    assert seen[-1][1] == 12
    assert 0 < int(found.effects.isnan().sum()) == 12 - seen[-1][0]
    assert "not run" in repr(found)
    assert not trace.effects(TARGET).stopped
    with pytest.raises(ZeroDivisionError):
        trace.effects(TARGET, on_done=lambda *_: 1 / 0)


def test_the_model_is_not_touched():
    model = with_head("T5").train()
    trace = captured(model)
    before, weights = state(model), copy.deepcopy(model.state_dict())
    trace.effects(TARGET)
    trace.effects(TARGET, "attribution")
    trace.without("L0-H0", attention="cross").effects(TARGET)
    assert str(state(model)) == str(before)
    assert all(torch.equal(one, weights[name]) for name, one in model.state_dict().items())
    assert all(one.grad is None for one in model.parameters())


def test_weights_that_changed_are_refused():
    model = with_head("Llama")
    trace = captured(model)
    with torch.no_grad():
        model.lm_head.weight.mul_(2)
    for ask in (trace.effects, lambda: trace.effects(TARGET), lambda: trace.without("L0-H0")):
        with pytest.raises(ValueError, match="weights have changed"):
            ask()


def test_while_the_model_trains_in_another_thread():
    model = with_head("GPT-2")
    trace = captured(model)
    expected = trace.effects(TARGET)
    model.config.resid_pdrop = 0.5
    stop = threading.Event()

    def train():
        given = inputs(model, trace)
        while not stop.is_set():
            model.train()(**given)
            model.eval()

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(5):
            assert torch.equal(trace.effects(TARGET).effects, expected.effects)
    finally:
        stop.set()
        thread.join()


def test_padding_on_the_left_stays_hidden():
    model, tokenizer = with_head("GPT-2"), tiny.tokenizer()
    ids = tokenizer("The cat.")["input_ids"]
    padded = capture(
        model,
        [tiny.PAD] * 3 + ids,
        tokenizer=tokenizer,
        attention_mask=[0] * 3 + [1] * len(ids),
        position_ids="generate",
    )
    plain = capture(model, ids, tokenizer=tokenizer)
    target = aw.Target.logprob(7, at=-1)
    for options in ({}, {"kind": "edge", "pair": (-1, -3)}):
        found, expected = padded.effects(target, **options), plain.effects(target, **options)
        for head in expected.heads:
            assert found[head] == pytest.approx(expected[head], abs=5e-6)
    with pytest.raises(ValueError, match="no head may attend there"):
        padded.effects(target, "edge", pair=(-1, 0))


def test_what_cannot_be_is_said():
    model = with_head("GPT-J")
    trace = captured(model)
    with pytest.raises(ValueError, match="outside transformers' attention interface: there its heads can be switched"):
        trace.effects(TARGET, "edge", pair=(3, 1))
    with pytest.raises(ValueError, match="cannot be switched off: where its output goes"):
        captured(with_head("MPNet")).effects(TARGET)
    trace = captured(with_head("GPT-2"))
    short = capture(with_head("GPT-2"), "The", tokenizer=tiny.tokenizer())
    for match, call in (
        ("as many tokens", lambda: trace.patch(short)),
        ("another model", lambda: trace.patch(captured(tiny.gpt2(n_layer=2)))),
        ("needs value=", lambda: trace.effects(kind="patch")),
        ("needs pair=", lambda: trace.effects(kind="edge")),
        ("kind must be one of", lambda: trace.effects(kind="ablation")),
        ("value must be 'zero', 'mean'", lambda: trace.effects(value="one")),
        ("value must be 'zero' or 'mean'", lambda: trace.without("L0-H0", value="one")),
        ("no head L9-H0", lambda: trace.without("L9-H0")),
        ("a head at least", trace.without),
        ("no gradient where nothing is changed", lambda: trace.effects("output", "attribution")),
        ("no head may attend there", lambda: trace.effects(kind="edge", pair=(1, 3))),
        ("what must be one of", lambda: trace.patch(trace, what="head")),
    ):
        with pytest.raises(ValueError, match=match):
            call()
    trace.release_model()
    with pytest.raises(ValueError, match="cannot be run again"):
        trace.effects()
