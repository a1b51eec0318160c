"""Objects around a model that are taken for it: pipelines, and what must be refused in a sentence."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import AttentionWidget, capture, probe_heads
from attnwidget.capture import UnsupportedModelError
from attnwidget.capture.foreign import runner_of, taken

TOKENIZER = tiny.tokenizer()


def test_a_pipeline_is_its_model_and_its_tokenizer():
    model = tiny.gpt2(hf.GPT2LMHeadModel)
    pipeline = hf.pipeline("text-generation", model=model, tokenizer=TOKENIZER)
    assert taken(pipeline) == (model, TOKENIZER)
    other = tiny.tokenizer()
    assert taken(pipeline, other) == (model, other)
    model.set_attn_implementation("eager")
    ids = torch.tensor([TOKENIZER(tiny.TEXT)["input_ids"]])
    with torch.no_grad():
        theirs = model(ids, output_attentions=True).attentions
    trace = capture(pipeline, tiny.TEXT)
    for number, weights in enumerate(theirs):
        torch.testing.assert_close(trace.weights(number), weights[0], atol=1e-5, rtol=0)
    widget = AttentionWidget(tiny.TEXT, model=pipeline)
    torch.testing.assert_close(widget.trace.weights(2), theirs[2][0], atol=1e-5, rtol=0)
    widget.text = "Another"
    assert len(widget.tokens) == 7
    assert probe_heads(pipeline) is probe_heads(model, TOKENIZER)


@pytest.mark.parametrize("wrap", [torch.nn.DataParallel])
def test_a_wrapped_model_in_the_widget(wrap):
    model = tiny.gpt2(hf.GPT2LMHeadModel)
    widget = AttentionWidget(tiny.TEXT, model=wrap(model), tokenizer=TOKENIZER, view="breakdown")
    assert torch.equal(widget.trace.weights(1), capture(model, tiny.TEXT, tokenizer=TOKENIZER).weights(1))
    assert widget._breakdown["projected"]["state"] == "ready"


def test_vllm_is_refused_with_a_way_out():
    kind = type("LLM", (), {"__module__": "vllm.entrypoints.llm"})
    for ask in (lambda: capture(kind(), "a"), lambda: AttentionWidget("a", model=kind())):
        with pytest.raises(UnsupportedModelError, match=r"LLM keeps its keys .*AttentionTrace\.from_qkv"):
            ask()


def test_the_recipe_for_vllm_gives_what_its_layers_were_given(monkeypatch):
    """The recipe in the docs, with a stand-in: layers that are given (tokens, heads · d), rotated."""
    given = [(torch.randn(5, 32), torch.randn(5, 16), torch.randn(5, 16)) for _ in range(2)]

    class Attention(torch.nn.Module):
        num_heads, num_kv_heads = 4, 2

        def forward(self, query, key, value):  # noqa: ARG002 - as it is called
            return query

    class LLM:
        def __init__(self, *_, **options):
            assert options["enforce_eager"]
            self.model = torch.nn.ModuleList(Attention() for _ in given)

        def apply_model(self, function):
            return [function(self.model)]

        def generate(self, *_):
            for layer, qkv in zip(self.model, given, strict=True):
                layer(*qkv)

        def get_tokenizer(self):
            return TOKENIZER

    vllm = ModuleType("vllm")
    vllm.LLM, vllm.SamplingParams = LLM, lambda **_: None
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    page = (Path(__file__).parents[1] / "docs/other-libraries.md").read_text()
    recipe = page.split("## vLLM")[1].split("```python")[1].split("```")[0]
    found = {"name": "any", "text": "abcde"}
    exec(recipe, found)
    trace = found["trace"]
    assert (trace.tokens, trace.n_layers(), trace.n_heads()) == (list("abcde"), 2, 4)
    q, k, _ = given[1]
    scores = q.view(5, 4, 8)[:, 3] @ k.view(5, 2, 8)[:, 1].T * 8**-0.5
    expected = scores.masked_fill(torch.ones(5, 5).bool().triu(1), -torch.inf).softmax(-1)
    torch.testing.assert_close(trace.weights(1, 3), expected)


def test_others_stay_what_they_are():
    for one in (tiny.gpt2(), object(), "gpt2", None):
        assert taken(one, 1) == (one, 1)
        assert runner_of(one) is None


def test_no_library_is_imported_unasked():
    code = "import attnwidget, sys; import attnwidget.capture, attnwidget.widget; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert not {"transformer_lens", "nnsight", "vllm", "peft"} & set(names)
    assert not any(name.startswith("attnwidget.adapters") for name in names)
