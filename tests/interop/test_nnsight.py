"""nnsight: what is captured of a `LanguageModel` is what its own trace saves."""

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import AttentionWidget, capture
from attnwidget.capture.wrappers import is_watched

nnsight = pytest.importorskip("nnsight", reason="nnsight is not installed (make test-interop)")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("make", [tiny.gpt2, tiny.llama])
def test_a_language_model(make):
    kind = hf.GPT2LMHeadModel if make is tiny.gpt2 else hf.LlamaForCausalLM
    plain = make(kind)
    plain.set_attn_implementation("eager")
    model = nnsight.LanguageModel(plain, tokenizer=tiny.tokenizer())
    saved = []
    with model.trace(tiny.TEXT):
        layers = model.transformer.h if make is tiny.gpt2 else model.model.layers
        for layer in layers:
            attention = layer.attn if make is tiny.gpt2 else layer.self_attn
            saved.append(attention.output.save())
    trace = capture(model, tiny.TEXT)
    assert trace.max_error <= 1e-5
    for number, (returned, weights, *_) in enumerate(saved):
        torch.testing.assert_close(trace.weights(number), weights[0], atol=1e-5, rtol=0)
        # the passes behind the picture, on a twin, go through nnsight's modules too
        steps = trace.breakdown(number, 1, query=5)
        torch.testing.assert_close(steps.attention_output, returned[0, 5], atol=1e-5, rtol=0)
        assert steps.max_difference <= 1e-5
    assert any(is_watched(part) for part in plain.modules())
    widget = AttentionWidget(tiny.TEXT, model=model, view="breakdown")
    assert widget.trace.model_name == type(plain).__name__
    with model.trace(tiny.TEXT):  # and afterwards it traces as before
        again = (model.transformer.h if make is tiny.gpt2 else model.model.layers)[0].output.save()
    assert torch.is_tensor(again[0] if isinstance(again, tuple) else again)


def test_a_model_that_is_not_loaded_yet_is_loaded(tmp_path):
    tiny.gpt2(hf.GPT2LMHeadModel).save_pretrained(tmp_path)
    tokenizer = tiny.tokenizer()
    model = nnsight.LanguageModel(str(tmp_path), tokenizer=tokenizer)
    assert not model.dispatched
    expected = capture(tiny.gpt2(hf.GPT2LMHeadModel), tiny.TEXT, tokenizer=tokenizer)
    torch.testing.assert_close(capture(model, tiny.TEXT, tokenizer=tokenizer).weights(2), expected.weights(2))
